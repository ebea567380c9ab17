// Package daemon is what patoggled does between its start and its end: it
// binds hotkeys, serves one press at a time through internal/toggle, follows
// the configuration, the keyboard's layout and the sound server, and tells the
// desktop and the service manager.
//
// The hotkey library is not imported here: it is in patoggle-x11keys, a process
// of its own, which package x11keys starts.
package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/internal/match"
	"github.com/patoggle/patoggle/internal/notify"
	"github.com/patoggle/patoggle/internal/proc"
	"github.com/patoggle/patoggle/internal/state"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/internal/toggle"
	"github.com/patoggle/patoggle/pulse"
	"github.com/patoggle/patoggle/x11"
)

const (
	// openTime bounds what is asked of the display at the start.
	openTime = 5 * time.Second
	// releaseTime bounds the giving back of keys at the end: an X server that
	// does not answer takes them back itself when we are gone.
	releaseTime = time.Second
)

// selection is what the one patoggled of a display owns.
const selection = "_PATOGGLED"

// Options are what the daemon is made of.
type Options struct {
	// Config is the file to read, "" for the user's own. One that is named
	// has to be there at the start.
	Config string
	// Server is the sound server as in PULSE_SERVER; "" means to find one.
	Server  string
	Verbose bool
	Getenv  func(string) string
	Stdout  io.Writer // of Check
	Stderr  io.Writer
	// Display is an X display that was asked for, whatever this desktop is; ""
	// for none. Getenv says the same of DISPLAY then.
	Display string
	// Helper is the absolute path of patoggle-x11keys, "" for the one beside
	// the running program.
	Helper string
	// Grab holds a key without patoggle-x11keys; nil for with it.
	Grab Grab
	// Reload asks for the configuration to be read again.
	Reload <-chan os.Signal
	// Systemd sends a state to the service manager; nil where there is none.
	Systemd func(state string)
	// Settled is called when what came in a burst is done with, to give
	// memory back; nil for nothing.
	Settled func()
}

// service is one run of the daemon.
type service struct {
	Options
	path    string // of the configuration, "" for none
	raw     []byte // what the file held when it was read last
	reached func() // told that the sound server is there; nil for nobody
	reread  func() // told that the configuration was read again; nil for nobody
	speak   *speaker
	config  atomic.Pointer[config.Config]
	systemd systemd
	notes   *notes
	keys    keySource
	sound   *link
	store   *state.Store // what is remembered, once it is open

	mu    sync.Mutex
	ready bool // READY was sent; before, there is no status to tell
	tally tally
	away  bool // the sound server
}

// Run runs the daemon until the context ends, which is no error, or the
// display goes. The error is a *toggle.Problem or a config.Errors.
func Run(ctx context.Context, o Options) error {
	d := &service{Options: o, speak: &speaker{w: o.Stderr}, systemd: systemd{o.Systemd}}
	if err := d.configure(); err != nil {
		return err
	}
	k, err := d.sit(ctx)
	if err != nil {
		return err
	}
	defer k.close()
	return d.run(ctx, k)
}

// Check reads the configuration and looks every key up where this desktop gives
// keys. It reports to Stdout, and what is wrong to Stderr.
func Check(ctx context.Context, o Options) error {
	d := &service{Options: o, speak: &speaker{w: o.Stderr}}
	if err := d.configure(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	hotkeys, _ := d.config.Load().Bindings()
	bad, err := d.checkKeys(ctx, hotkeys)
	if err != nil {
		return err
	}
	if bad == 0 {
		return nil
	}
	return &toggle.Problem{
		Kind:    toggle.Usage,
		Message: fmt.Sprintf("%d of %d hotkeys cannot work here", bad, len(hotkeys)),
	}
}

// words are a hotkey as it is said to a user.
func words(h config.Hotkey) string { return h.In(toggle.Quote) }

// configure reads the configuration at the start, where a bad one is the end.
func (d *service) configure() error {
	d.path = d.Options.Config
	if d.path == "" {
		path, err := config.Path(d.Getenv)
		if err != nil {
			d.config.Store(config.Default()) // no place for a file: no file
			return nil
		}
		d.path = path
	}
	if _, err := os.Stat(d.path); d.Options.Config != "" && errors.Is(err, fs.ErrNotExist) {
		return &toggle.Problem{Kind: toggle.Usage, Message: "there is no configuration file " + toggle.Quote(d.path), Err: err}
	}
	d.raw = d.contents()
	cfg, warnings, err := config.Load(d.path)
	d.speak.warn(warnings)
	if err != nil {
		return err
	}
	d.config.Store(cfg)
	return nil
}

// contents are what the configuration file holds; nil when it cannot be read.
// It tells a file that was saved from one that was only touched.
func (d *service) contents() []byte {
	info, err := os.Stat(d.path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > config.MaxSize {
		return nil
	}
	b, err := os.ReadFile(d.path)
	if err != nil {
		return nil
	}
	return b
}

// open opens the display and makes us the one patoggled there.
func (d *service) open(ctx context.Context) (*x11.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	x, err := x11.Open(ctx, x11.Options{Getenv: d.Getenv})
	if err != nil {
		return nil, displayError(err, d.Getenv("WAYLAND_DISPLAY"))
	}
	if err := x.Claim(ctx, selection); err != nil {
		x.Close()
		var held *x11.HeldError
		if !errors.As(err, &held) {
			return nil, displayError(err, d.Getenv("WAYLAND_DISPLAY"))
		}
		return nil, runsAlready("on this display", held.PID, err)
	}
	screen, _ := x.Screen(ctx, 0) // that no window has the focus is all right
	if screen != nil && screen.XWayland {
		d.speak.advise("warning", "this display is Xwayland: hotkeys fire only while an X11 window has the focus",
			`bind "patoggle" to a key in the Wayland compositor's own settings instead`)
	}
	return x, nil
}

// displayError puts an error of the X display into words. Wayland is
// WAYLAND_DISPLAY.
func displayError(err error, wayland string) error {
	if errors.As(err, new(*toggle.Problem)) {
		return err
	}
	p := toggle.DisplayError(desktop.X11Error(err), nil, "")
	var open *x11.OpenError
	switch {
	case errors.Is(err, x11.ErrNoDisplay):
		p.Hint = "start patoggled inside the desktop session, or name a display with --display"
		if wayland != "" {
			p.Message = "no X display: this is a Wayland session without Xwayland"
			p.Hint = `Wayland gives global hotkeys to its compositor alone: bind "patoggle" to a key in the compositor's own settings`
		}
	case !errors.As(err, &open):
	case errors.Is(err, x11.ErrDisplayForm):
		p.Message = toggle.Quote(open.Display) + " is not the name of an X display"
		p.Hint = `displays have names such as ":0" and "host:0.0"`
	case errors.Is(err, x11.ErrTimeout):
		p.Message = fmt.Sprintf("the X display %s does not answer", toggle.Quote(open.Display))
		p.Hint = "is the X server stopped, or is it something else that listens there?"
	default:
		if errors.As(err, new(*net.OpError)) {
			p.Message = "cannot open the X display " + toggle.Quote(open.Display)
		}
		p.Hint = `is there an X server, and does it let this user in? "xdpyinfo" asks the same one`
	}
	return p
}

var errGone = &toggle.Problem{Kind: toggle.Failed, Message: "the X server has closed the connection"}

// run starts everything, waits for the end, and ends everything.
func (d *service) run(ctx context.Context, k *seat) error {
	// Whatever ends the daemon ends this context, with the reason as its
	// cause, so that every wait needs to know of one thing only.
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var tasks sync.WaitGroup
	if k.x != nil {
		tasks.Go(func() {
			select {
			case <-k.x.Done():
				stop(errGone)
			case <-ctx.Done():
			}
		})
	}

	notifier := notify.New(d.Getenv)
	defer notifier.Close()
	d.notes = newNotes(notifier.Send, d.speak, d.Verbose)
	tasks.Go(func() { d.notes.run(ctx) })

	server := d.newServer()
	d.sound = server.sound
	defer server.view.Close()
	if server.store != nil {
		routers := newRouters(server, d.dialSound)
		server.route, server.intend = routers.pressed, routers.playing.intend
		d.reached, d.reread = routers.reached, routers.reread
		tasks.Go(func() { routers.run(ctx) })
	}
	tasks.Go(func() { server.sound.keep(ctx) })
	tasks.Go(func() { server.run(ctx) })

	source, late := d.keySource(k, server.press)
	d.keys = source
	released := serveKeys(ctx, source, late, stop)

	saved := make(chan struct{}, 1)
	if d.path != "" {
		tasks.Go(func() { d.watch(ctx, saved) })
	}

	d.loop(ctx, saved)
	d.systemd.stopping()
	released()
	tasks.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// newServer joins the rooms to what serves presses.
func (d *service) newServer() *server {
	sound := newLink(func(ctx context.Context) (sound, error) {
		c, err := pulse.Dial(ctx, pulse.Options{Server: d.Server, Getenv: d.Getenv, Properties: toggle.Properties()})
		if err != nil {
			return nil, err
		}
		if d.Verbose {
			for _, w := range c.Warnings() {
				d.speak.say("warning", term.Escape(w))
			}
		}
		return connected{c}, nil
	}, d.soundChanged)
	screen := &desktop.Held{Open: func(ctx context.Context) (desktop.Conn, error) {
		return desktop.Open(ctx, desktop.Options{Display: d.Display, Getenv: d.Getenv})
	}}
	host, _ := os.Hostname() // "" only makes every WM_CLIENT_MACHINE a question of namespaces
	server := newServer(d.speak, d.Verbose, &d.config, sound, screen, d.notes, toggle.Pipeline{
		Discreet: true, // what is said goes to a journal
		Procs:    func() match.Processes { return proc.New(os.DirFS("/proc")) },
		PID:      os.Getpid(),
		UID:      os.Getuid(),
		Hostname: host,
	})
	if d.store == nil {
		d.store = d.openStore()
	}
	server.store = d.store
	if d.store != nil {
		server.base.Levels = d.store.Levels
	}
	return server
}

// dialSound opens a connection for the router.
func (d *service) dialSound(ctx context.Context) (*pulse.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	return pulse.Dial(ctx, pulse.Options{Server: d.Server, Getenv: d.Getenv, Properties: append(toggle.Properties(), "media.role")})
}

// openStore is what is remembered; nil where there is no place for it.
func (d *service) openStore() *state.Store {
	dir, err := state.Path(d.Getenv)
	if err != nil {
		d.speak.say("warning", term.Escape(err.Error()))
		return nil
	}
	return state.Open(dir, func(text string) { d.speak.say("warning", term.Escape(text)) })
}

// watch tells saved of each change of the configuration file.
func (d *service) watch(ctx context.Context, saved chan<- struct{}) {
	err := watch(ctx, d.path, func() {
		select {
		case saved <- struct{}{}:
		default:
		}
	})
	if err != nil {
		d.speak.advise("warning", "changes of the configuration are not followed: "+term.Escape(err.Error()), "send SIGHUP after a change")
	}
}

// loop is the daemon's life once everything runs.
func (d *service) loop(ctx context.Context, saved <-chan struct{}) {
	hotkeys, defaulted := d.config.Load().Bindings()
	if _, none := d.keys.(noKeys); defaulted && !none {
		d.speak.info("no [[hotkey]] is configured: %s", words(hotkeys[0]))
	}
	if t, ok := d.bind(ctx); ok {
		d.settle(t)
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.Reload:
		case <-saved:
			if d.raw != nil && bytes.Equal(d.raw, d.contents()) {
				continue
			}
		}
		d.reload(ctx)
	}
}

// bind gives the configured hotkeys to what binds them; false when the end comes
// first.
func (d *service) bind(ctx context.Context) (tally, bool) {
	hotkeys, _ := d.config.Load().Bindings()
	t, err := d.keys.Bind(ctx, hotkeys)
	return tally{t.Bound, t.Wanted}, err == nil
}

// reload reads the configuration again. A bad one changes nothing.
func (d *service) reload(ctx context.Context) {
	d.systemd.reloading()
	err := d.reconfigure()
	if err != nil {
		d.speak.explain(err)
		d.speak.say("warning", "the last good configuration stays in force")
		if d.config.Load().Notify.Daemon() {
			d.notes.send(notify.Note{
				Summary: "the new configuration is bad, the last good one stays in force",
				Body:    term.Escape(firstLine(err.Error())),
				Icon:    "dialog-error",
				Replace: noteTag,
			})
		}
		d.settle(d.now())
		return
	}
	if t, ok := d.bind(ctx); ok {
		d.speak.info("the configuration was read again: %s", t)
		d.settle(t)
		if d.reread != nil {
			d.reread()
		}
		d.lookUpSinks(ctx)
	}
}

// lookUpSinks names entries of a new configuration that fit no sink, when the
// sound server can be asked.
func (d *service) lookUpSinks(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	conn, err := d.sound.get(ctx)
	if err != nil {
		return // the log says already that it is away
	}
	snap, err := conn.Snapshot(ctx)
	if err == nil {
		err = toggle.AddCards(ctx, conn, snap, d.config.Load())
	}
	if err != nil {
		return
	}
	recording, err := conn.Record().Snapshot(ctx)
	if err != nil {
		recording = nil // then nothing is said of that side
	}
	for _, p := range toggle.StrangeSinks(snap, recording, d.config.Load()) {
		d.speak.advise("warning", p.Message, p.Hint)
	}
}

// reconfigure is configure for a daemon that runs.
func (d *service) reconfigure() error {
	if d.path == "" {
		return nil
	}
	d.raw = d.contents()
	load := config.Load
	if d.Options.Config != "" {
		load = config.Read // a file that was named does not stand for nothing
	}
	cfg, warnings, err := load(d.path)
	d.speak.warn(warnings)
	if err != nil {
		return err
	}
	d.config.Store(cfg)
	return nil
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// settle is the end of starting and of a reload.
func (d *service) settle(t tally) {
	d.mu.Lock()
	d.ready, d.tally = true, t
	text := status(d.tally, d.away)
	d.mu.Unlock()
	if d.Settled != nil {
		d.Settled()
	}
	d.systemd.ready(text)
}

// now is the tally as it was told last.
func (d *service) now() tally {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.tally
}

// bound takes a change of what is in force, after the layout changed.
func (d *service) bound(t tally) {
	d.mu.Lock()
	d.tally = t
	d.mu.Unlock()
	d.tell()
	if d.Settled != nil {
		d.Settled()
	}
}

// soundChanged takes a change of the sound server's state: nil when it is
// there, else why it is not.
func (d *service) soundChanged(why error) {
	d.mu.Lock()
	was := d.away
	d.away = why != nil
	d.mu.Unlock()
	if why == nil && d.reached != nil {
		d.reached()
	}
	switch {
	case why != nil:
		d.speak.say("warning", "the sound server is away: "+term.Escape(why.Error()))
	case was:
		d.speak.info("the sound server is back")
	}
	d.tell()
}

// tell tells the service manager how things are.
func (d *service) tell() {
	d.mu.Lock()
	ready, text := d.ready, status(d.tally, d.away)
	d.mu.Unlock()
	if ready {
		d.systemd.status(text)
	}
}

package soak

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/daemon"
	"github.com/patoggle/patoggle/internal/keys"
	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/lab/puppet"
	"github.com/patoggle/patoggle/x11"
)

// base are the sinks that never go.
var base = []string{"a", "b", "c"}

// app is an application with streams, and with a window unless it is a
// bystander.
type app struct {
	name    string
	puppet  *lab.Puppet
	window  uint32 // 0 for a bystander
	streams []int
}

// event is one thing that was done to the desk, from its begin to its end.
type event struct {
	what       string
	begin, end time.Time
	// focus is true when the focus may have changed, harm when presses may
	// fail for it.
	focus, harm bool
	sink        string // the sink that went
	app         *app   // the application that went
	restart     bool
}

// desk is a desktop that does not keep still.
type desk struct {
	*lab.Lab
	t       *testing.T
	rnd     *rand.Rand
	sound   *lab.Sound
	display *lab.Display
	daemon  hotkeys

	// still is held while something is done to the desk, and while a press is
	// judged; a press itself goes on beside.
	still   sync.Mutex
	apps    []*app
	extra   map[string]int // modules of the sinks that come and go
	count   int            // of names given
	events  []event
	focused *app           // nil when the silent window has the focus
	silent  uint32         // a window whose application plays nothing
	on      map[int]string // where each stream was seen last
}

// hotkeys is the daemon, built or within this process.
type hotkeys interface {
	press()
	log() string
	// figures are numbers that must not grow.
	figures() map[string]int
	// stop ends it and returns what is wrong with that.
	stop() error
}

func newDesk(t *testing.T, pipewire, within bool, seed uint64) *desk {
	l, err := lab.New(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the ends of the logs:\n%s", l.Logs())
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	d := &desk{Lab: l, t: t, rnd: rand.New(rand.NewPCG(seed, 1)), extra: map[string]int{}, on: map[int]string{}}
	d.try(func() {
		d.display = d.Display()
		// Each is described by its name, as the daemon's reports say it.
		sinks := []string{"a=a", "b=b", "c=c"}
		if pipewire {
			d.sound = d.PipeWire(sinks...)
		} else {
			d.sound = d.PulseAudio(sinks...)
		}
		d.silent = d.Puppet(lab.Act{Program: "silent", Windows: []puppet.Window{{Title: []byte("silent"), Class: "Silent", PID: puppet.OwnPID}}}).Windows[0]
		d.add(true)
		d.add(true)
		d.add(false)
		if within {
			d.daemon = newInner(d)
		} else {
			d.daemon = newOuter(d)
		}
	})
	return d
}

// try calls f, and ends the test when the lab fails in it.
func (d *desk) try(f func()) {
	d.t.Helper()
	if err := d.Try(f); err != nil {
		d.t.Fatal(err)
	}
}

// add starts an application; one with a window gets the focus.
func (d *desk) add(windowed bool) {
	d.count++
	a := &app{name: fmt.Sprintf("app%d", d.count)}
	act := lab.Act{
		Program: "player",
		Client:  map[string]string{"application.name": a.name},
	}
	for range 1 + d.rnd.IntN(2) {
		// A sink of its own choice: neither server moves it by itself then.
		act.Streams = append(act.Streams, puppet.Stream{Media: []byte("tone"), Sink: base[d.rnd.IntN(len(base))]})
	}
	if windowed {
		act.Windows = []puppet.Window{{Title: []byte(a.name), Instance: a.name, Class: a.name, PID: puppet.OwnPID}}
	} else {
		act.Program = "bystander"
	}
	a.puppet = d.Puppet(act)
	a.streams = a.puppet.Streams
	if windowed {
		a.window = a.puppet.Windows[0]
		d.display.Focus(a.window)
		d.focused = a
	}
	d.apps = append(d.apps, a)
}

// remove ends an application.
func (d *desk) remove(a *app) {
	a.puppet.Kill()
	d.apps = slices.DeleteFunc(d.apps, func(b *app) bool { return a == b })
	if a.window != 0 {
		d.Until("the window to go", func() bool {
			return !slices.ContainsFunc(d.display.Windows(), func(w lab.Window) bool { return w.ID == a.window })
		})
		d.look()
	}
}

// look finds out which application has the focus.
func (d *desk) look() {
	id := d.display.Focused()
	d.focused = nil
	for _, a := range d.apps {
		if a.window != 0 && a.window == id {
			d.focused = a
		}
	}
}

func (d *desk) windowed() []*app {
	return slices.DeleteFunc(slices.Clone(d.apps), func(a *app) bool { return a.window == 0 })
}

// disturb does one thing to the desk, at random.
func (d *desk) disturb() event {
	d.still.Lock()
	defer d.still.Unlock()
	e := event{begin: time.Now(), harm: true}
	d.do(&e)
	e.end = time.Now()
	d.events = append(d.events, e)
	if n := len(d.events); n > 400 {
		d.events = slices.Clone(d.events[n-200:])
	}
	return e
}

func (d *desk) do(e *event) {
	windowed := d.windowed()
	bystanders := len(d.apps) - len(windowed)
	pick := func(all []*app) *app { return all[d.rnd.IntN(len(all))] }
	switch n := d.rnd.IntN(100); {
	case n < 15 && len(windowed) < 5 || len(windowed) == 0:
		e.what, e.focus = "an application comes", true
		d.add(true)
	case n < 28 && len(windowed) > 1:
		e.app = pick(windowed)
		e.what, e.focus = e.app.name+" goes", true
		d.remove(e.app)
	case n < 55:
		a := pick(windowed)
		e.what, e.focus = "the focus goes to "+a.name, true
		d.display.Focus(a.window)
		d.focused = a
	case n < 58:
		// Not the desktop: openbox then goes on naming a window that has gone.
		e.what, e.focus = "the focus goes to a silent window", true
		d.display.Focus(d.silent)
		d.focused = nil
	case n < 68 && len(d.extra) < 3:
		d.count++
		name := fmt.Sprintf("x%d", d.count)
		e.what = "sink " + name + " comes"
		d.extra[name] = d.sound.AddSink(name + "=" + name)
	case n < 78 && len(d.extra) > 0:
		var names []string
		for name := range d.extra {
			names = append(names, name)
		}
		slices.Sort(names)
		e.sink = names[d.rnd.IntN(len(names))]
		e.what = "sink " + e.sink + " goes"
		d.sound.Unload(d.extra[e.sink])
		delete(d.extra, e.sink)
		d.Until("the streams to leave "+e.sink, func() bool {
			return !slices.ContainsFunc(d.sound.Streams(), func(s lab.Stream) bool { return s.On == e.sink || s.On == "" })
		})
	case n < 84 && bystanders < 3:
		e.what, e.harm = "a bystander comes", false
		d.add(false)
	case n < 90 && bystanders > 0:
		e.app = pick(slices.DeleteFunc(slices.Clone(d.apps), func(a *app) bool { return a.window != 0 }))
		e.what, e.harm = e.app.name+" goes", false
		d.remove(e.app)
	case n < 96:
		e.what = "the server stands still"
		d.sound.Stop()
		time.Sleep(time.Duration(50+d.rnd.IntN(250)) * time.Millisecond)
		d.sound.Continue()
	case n < 97:
		e.what, e.focus, e.restart = "the server is killed and comes back", true, true
		d.restart()
	default:
		e.what, e.harm = "nothing", false
	}
}

// restart kills the server and starts it anew. All that played has gone then.
func (d *desk) restart() {
	d.sound.Restart()
	for _, a := range d.apps {
		a.puppet.Kill()
	}
	d.apps, d.focused = nil, nil
	clear(d.extra)
	clear(d.on)
	d.add(true)
	d.add(true)
	d.add(false)
}

// since lists what happened in the time from t to now.
func (d *desk) since(t time.Time) []event {
	var all []event
	for _, e := range d.events {
		if e.end.After(t) {
			all = append(all, e)
		}
	}
	return all
}

// inner is a daemon within this process: the race detector sees it, and its
// goroutines can be counted.
type inner struct {
	cancel context.CancelFunc
	done   chan struct{}
	err    error

	mu    sync.Mutex
	text  strings.Builder
	event func(up bool)
}

func (n *inner) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(p)
}

func newInner(d *desk) hotkeys {
	n := &inner{done: make(chan struct{})}
	var ctx context.Context
	ctx, n.cancel = context.WithCancel(context.Background())
	options := daemon.Options{
		Verbose: true,
		Getenv:  d.Getenv,
		Stdout:  io.Discard,
		Stderr:  n,
		Grab: func(ctx context.Context, c keys.Chord, _ uint16, _ bool, event func(up bool, at time.Time)) (byte, func(), error) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.event = func(up bool) { event(up, time.Now()) }
			code, err := keycode(ctx, d, c)
			return code, func() {}, err
		},
	}
	go func() {
		defer close(n.done)
		n.err = daemon.Run(ctx, options)
	}()
	// In the first second a press is only believed of a key that is down.
	d.Until("the daemon to take a press", func() bool {
		before := len(n.log())
		n.press()
		return lab.Poll(300*time.Millisecond, func() bool { return strings.Contains(n.log()[before:], "Super+F9: ") })
	})
	return n
}

// keycode is the key of a chord on the desk's keyboard.
func keycode(ctx context.Context, d *desk, c keys.Chord) (byte, error) {
	x, err := x11.Open(ctx, x11.Options{Getenv: d.Getenv})
	if err != nil {
		return 0, err
	}
	defer x.Close()
	layout, err := x.Keyboard(ctx)
	if err != nil {
		return 0, err
	}
	return layout.Keycodes(c.Keysym)[0], nil
}

func (n *inner) press() {
	n.mu.Lock()
	event := n.event
	n.mu.Unlock()
	if event != nil {
		event(false)
		time.AfterFunc(30*time.Millisecond, func() { event(true) })
	}
}

func (n *inner) log() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.String()
}

func (n *inner) figures() map[string]int {
	return map[string]int{"goroutines": len(goroutines())}
}

func (n *inner) stop() error {
	n.cancel()
	<-n.done
	if n.err != nil {
		return n.err
	}
	var left []string
	if !lab.Poll(time.Minute, func() bool {
		left = goroutines()
		return len(left) == 0
	}) {
		return fmt.Errorf("%d goroutines are left:\n%s", len(left), strings.Join(left, "\n\n"))
	}
	return nil
}

// outer is the built daemon, pressed through XTEST.
type outer struct {
	d *desk
	p *lab.Process
}

func newOuter(d *desk) hotkeys {
	file, err := lab.Daemon()
	if err != nil {
		d.t.Fatal(err)
	}
	o := &outer{d: d, p: d.SpawnCmd(lab.Cmd{Name: file, Args: []string{"--verbose"}})}
	d.Until("the daemon to take a press", func() bool {
		if !o.p.Alive() {
			d.t.Fatalf("patoggled ended with code %d:\n%s", o.p.Wait(), o.p.Log())
		}
		before := len(o.log())
		o.press()
		return lab.Poll(300*time.Millisecond, func() bool { return strings.Contains(o.log()[before:], "Super+F9: ") })
	})
	return o
}

func (o *outer) press()      { o.d.display.Key("--delay", "30", "super+F9") }
func (o *outer) log() string { return o.p.Log() }

func (o *outer) figures() map[string]int {
	f := map[string]int{}
	if all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", o.p.PID)); err == nil {
		f["descriptors"] = len(all)
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", o.p.PID))
	if err != nil {
		return f
	}
	for line := range strings.Lines(string(b)) {
		var n int
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &n); err == nil {
			f["resident kB"] = n
		}
		if _, err := fmt.Sscanf(line, "Threads: %d", &n); err == nil {
			f["threads"] = n
		}
	}
	return f
}

func (o *outer) stop() error {
	if code := o.p.Terminate(); code != 0 {
		return fmt.Errorf("patoggled ended with code %d:\n%s", code, o.p.Log())
	}
	return nil
}

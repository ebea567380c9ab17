// Package top is the live view: the sinks with the streams on them, how loud
// each is, and keys that move streams.
//
// The terminal library is github.com/gdamore/tcell/v2. Linking it costs a
// program a fifth of a millisecond at its start, so the view is a program of its
// own and not part of the one that a key press waits for.
package top

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/gdamore/tcell/v2"

	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/internal/lasting"
	"github.com/patoggle/patoggle/internal/state"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/internal/toggle"
	"github.com/patoggle/patoggle/pulse"
)

const (
	// frame is the time between two pictures while something is measured.
	frame = 100 * time.Millisecond
	// lookTime bounds one look at both servers, and one move.
	lookTime = 2 * time.Second
	// lookPause is the least time between two looks, and lookShare how many
	// times as long as the last look took: a server of many streams that
	// change all the time must not cost a processor.
	lookPause = 200 * time.Millisecond
	lookShare = 25
	// focusEvery is how often the desktop is asked which window has the focus.
	focusEvery = time.Second
	// firstBackoff and lastBackoff are the pauses before an absent sound server
	// is tried again.
	firstBackoff = 100 * time.Millisecond
	lastBackoff  = 5 * time.Second
	// messageTime is how long a message stands at the foot.
	messageTime = 6 * time.Second
)

// Options are what the view is made of.
type Options struct {
	// Pipeline looks and moves. Its Display and Sound are replaced by
	// connections that last, which Desktop and Dial open.
	Pipeline toggle.Pipeline
	Dial     func(context.Context) (*pulse.Conn, error)
	Desktop  func(context.Context) (desktop.Conn, error)
	// Store is where moves are written down and taken back from; nil for nowhere.
	Store *state.Store
	// Screen is the terminal, not yet initialised.
	Screen tcell.Screen
	// Colour allows colours.
	Colour bool
	// Signals are those that end the view, and SIGTSTP, which stops it until
	// SIGCONT. Stop stops the process then, with the terminal given back.
	Signals <-chan os.Signal
	Stop    func()
}

// Notify makes the channel for Options.Signals.
func Notify() <-chan os.Signal {
	c := make(chan os.Signal, 4)
	signal.Notify(c, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGTSTP)
	return c
}

// Stop stops the process's group, as the terminal's own Ctrl-Z does, and returns
// when it goes on. It sends SIGSTOP, as a signal that was once notified stays
// caught (os/signal), and waits for SIGCONT, as another thread than this one may
// be the first that the kernel stops.
func Stop() {
	goesOn := make(chan os.Signal, 1)
	signal.Notify(goesOn, syscall.SIGCONT)
	defer signal.Stop(goesOn)
	_ = syscall.Kill(0, syscall.SIGSTOP)
	<-goesOn
}

// looked is one look at both servers.
type looked struct {
	scene scene
	// window is the focused one, "" when it is not known.
	window desktop.WindowID
	err    error
	took   time.Duration
}

// moved is what came of a move.
type moved struct {
	report *toggle.Report
	err    error
}

// view is one run.
type view struct {
	Options
	painter *painter
	pic     picture
	seen    []pulse.StreamIndex

	conn    *pulse.Conn // nil while the server is away
	events  <-chan pulse.Event
	meters  *meters
	desk    *desktop.Held
	backoff time.Duration

	looks   chan looked
	looking bool // a look is under way
	dirty   bool // another one is due
	since   time.Time
	took    time.Duration // of the last look
	window  desktop.WindowID

	moves   chan moved
	moving  bool
	said    time.Time
	focuses chan desktop.WindowID
	asking  bool
	broke   chan string
}

// beside does something beside the loop. A panic there is one of the loop, which
// gives the terminal back.
func (v *view) beside(do func()) {
	go func() {
		defer func() {
			if p := recover(); p != nil {
				select {
				case v.broke <- fmt.Sprintf("%v\n%s", p, debug.Stack()):
				default:
				}
			}
		}()
		do()
	}()
}

// Run shows the view until the user leaves it or a signal ends it, which is no
// error. The terminal is as it was before, however it ends.
func Run(ctx context.Context, o Options) error {
	if err := o.Screen.Init(); err != nil {
		return &toggle.Problem{Kind: toggle.Failed, Message: "cannot use this terminal: " + term.Escape(err.Error()), Err: err}
	}
	defer o.Screen.Fini() // also when we panic
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	v := &view{
		Options: o,
		painter: newPainter(o.Screen, o.Colour),
		pic:     picture{chosen: pulse.NoStream, sinkLevel: map[string]float64{}, streamLevel: map[pulse.StreamIndex]float64{}},
		desk:    &desktop.Held{Open: o.Desktop},
		looks:   make(chan looked, 1),
		moves:   make(chan moved, 1),
		focuses: make(chan desktop.WindowID, 1),
		broke:   make(chan string, 1),
	}
	defer v.desk.Close()
	defer v.hangup()
	v.loop(ctx)
	return nil
}

// loop serves one thing at a time until the end.
func (v *view) loop(ctx context.Context) {
	input := make(chan tcell.Event, 16)
	quit := make(chan struct{})
	defer close(quit)
	go v.Screen.ChannelEvents(input, quit)

	dial := time.NewTimer(0)
	defer dial.Stop()
	ticks := newTicker(frame)
	defer ticks.stop()
	focus := time.NewTicker(focusEvery)
	defer focus.Stop()
	look := time.NewTimer(time.Hour)
	defer look.Stop()

	for {
		if v.dirty && !v.looking && v.conn != nil {
			pause := max(lookPause, lookShare*v.took)
			if wait := time.Until(v.since.Add(pause)); wait > 0 {
				look.Reset(wait)
			} else {
				v.look(ctx)
			}
		}
		ticks.set(v.measuring())
		var ended <-chan struct{}
		if v.conn != nil {
			ended = v.conn.Done()
		}
		select {
		case <-ctx.Done():
			return
		case s := <-v.Signals:
			if s != syscall.SIGTSTP {
				return
			}
			if !v.stop(ctx) {
				return
			}
		case e := <-input:
			if !v.take(ctx, e) {
				return
			}
		case <-dial.C:
			if wait := v.dial(ctx); wait > 0 {
				dial.Reset(wait)
			}
		case <-ended:
			v.say("the sound server is away")
			v.hangup()
			v.pic.scene = scene{}
			v.paint()
			dial.Reset(v.backoff)
		case _, ok := <-v.events:
			if ok {
				v.dirty = true
			} else {
				v.events = nil
			}
		case <-look.C:
		case why := <-v.broke:
			panic(why)
		case l := <-v.looks:
			v.looked(ctx, l)
		case m := <-v.moves:
			v.moved(m)
		case w := <-v.focuses:
			v.asking = false
			if w != v.window {
				v.dirty = true
			}
		case <-focus.C:
			v.askFocus(ctx)
			if !v.said.IsZero() && time.Since(v.said) > messageTime {
				v.pic.message, v.said = "", time.Time{}
				v.paint()
			}
		case <-ticks.c():
			v.meters.read(v.pic.sinkLevel, v.pic.streamLevel)
			v.paint()
		}
	}
}

// measuring tells whether pictures have to follow each other.
func (v *view) measuring() bool { return v.meters != nil && len(v.meters.open) > 0 && !v.pic.help }

func (v *view) paint() { v.pic.first, v.seen = v.painter.draw(&v.pic) }

func (v *view) say(text string) {
	v.pic.message, v.said = text, time.Now()
	v.paint()
}

// dial connects; when that fails it returns how long to wait before the next
// attempt.
func (v *view) dial(ctx context.Context) time.Duration {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	c, err := v.Dial(ctx)
	if err == nil {
		var events <-chan pulse.Event
		events, err = c.Subscribe(ctx, pulse.FacilitySink|pulse.FacilityStream|pulse.FacilityServer)
		if err == nil {
			v.conn, v.events, v.meters, v.backoff, v.dirty = c, events, newMeters(c), firstBackoff, true
			if v.pic.message != "" {
				v.say("the sound server is there")
			}
			return 0
		}
		c.Close()
	}
	v.say(toggle.SoundError(err).Message)
	v.backoff = min(max(2*v.backoff, firstBackoff), lastBackoff)
	return v.backoff
}

// hangup gives up the connection to the sound server.
func (v *view) hangup() {
	if v.conn == nil {
		return
	}
	v.conn.Close()
	v.conn, v.events, v.meters = nil, nil, nil
	clear(v.pic.sinkLevel)
	clear(v.pic.streamLevel)
	v.backoff = firstBackoff
}

// pipeline is the one for now's connections.
func (v *view) pipeline() *toggle.Pipeline {
	p, conn := v.Pipeline, v.conn
	p.Display = func(ctx context.Context) (toggle.Display, error) { return v.desk.Get(ctx) }
	p.Sound = func(context.Context) (toggle.Sound, error) { return conn, nil }
	return &p
}

// look begins a look at both servers.
func (v *view) look(ctx context.Context) {
	v.dirty, v.looking, v.since = false, true, time.Now()
	p, began := v.pipeline(), v.since
	v.beside(func() {
		ctx, cancel := context.WithTimeout(ctx, lookTime)
		defer cancel()
		var focused desktop.WindowID
		l := looked{}
		view, err := p.Look(ctx, &focused)
		if err == nil {
			err = p.Resolve(ctx, view, 0)
		}
		if l.err = err; err == nil {
			l.scene = newScene(view)
			if view.Screen != nil {
				l.window = view.Screen.Focused.ID
			}
		}
		l.took = time.Since(began)
		v.looks <- l
	})
}

func (v *view) looked(ctx context.Context, l looked) {
	v.looking, v.took = false, l.took
	if l.err != nil {
		v.say(l.err.Error())
		return
	}
	v.pic.scene, v.window = l.scene, l.window
	v.pic.chosen = l.scene.choose(v.pic.chosen)
	v.paint()
	if v.meters != nil {
		v.meters.set(ctx, wanted(v.pic.scene, v.seen))
		v.meters.read(v.pic.sinkLevel, v.pic.streamLevel)
		v.paint()
	}
}

// askFocus asks the desktop alone, which is little work, whether another window
// has the focus now.
func (v *view) askFocus(ctx context.Context) {
	if v.asking || v.conn == nil {
		return
	}
	v.asking = true
	v.beside(func() {
		ctx, cancel := context.WithTimeout(ctx, lookTime)
		defer cancel()
		var window desktop.WindowID
		if d, err := v.desk.Get(ctx); err == nil {
			if s, err := d.Focus(ctx, ""); err == nil && s != nil {
				window = s.Focused.ID
			}
		}
		v.focuses <- window
	})
}

// take takes a key or a new size; false ends the view.
func (v *view) take(ctx context.Context, e tcell.Event) bool {
	switch e := e.(type) {
	case nil:
		return false // the terminal has gone
	case *tcell.EventError:
		return false
	case *tcell.EventResize:
		v.Screen.Sync()
		v.paint()
	case *tcell.EventKey:
		return v.key(ctx, e)
	}
	return true
}

func (v *view) key(ctx context.Context, e *tcell.EventKey) bool {
	if v.pic.help {
		v.pic.help = false
		v.paint()
		return e.Key() != tcell.KeyCtrlC && e.Rune() != 'q'
	}
	switch k := e.Key(); {
	case k == tcell.KeyEscape, k == tcell.KeyCtrlC, e.Rune() == 'q':
		return false
	case k == tcell.KeyCtrlZ:
		return v.stop(ctx)
	case k == tcell.KeyCtrlL:
		v.Screen.Sync()
	case k == tcell.KeyUp, e.Rune() == 'k':
		v.choose(v.pic.scene.step(v.pic.chosen, -1))
	case k == tcell.KeyDown, e.Rune() == 'j':
		v.choose(v.pic.scene.step(v.pic.chosen, 1))
	case k == tcell.KeyHome:
		v.choose(v.pic.scene.step(v.pic.chosen, -1<<20))
	case k == tcell.KeyEnd:
		v.choose(v.pic.scene.step(v.pic.chosen, 1<<20))
	case k == tcell.KeyRight, k == tcell.KeyEnter, e.Rune() == 'l':
		v.move(ctx, toggle.Request{Way: toggle.Next})
	case k == tcell.KeyLeft, e.Rune() == 'h':
		v.move(ctx, toggle.Request{Way: toggle.Prev})
	case e.Rune() >= '1' && e.Rune() <= '9':
		if to := v.pic.scene.byKey(e.Rune()); to != nil {
			v.move(ctx, toggle.Request{Way: toggle.To, Sink: to.name})
		} else {
			v.say(fmt.Sprintf("there is no sink %c", e.Rune()))
		}
	case e.Rune() == 'f':
		v.choose(v.pic.scene.choose(pulse.NoStream))
	case e.Rune() == 'u':
		v.undo(ctx)
	case e.Rune() == '?':
		v.pic.help = true
		v.paint()
	}
	return true
}

func (v *view) choose(s pulse.StreamIndex) {
	v.pic.chosen = s
	v.paint()
	v.dirty = true // other streams may be in sight now, and want meters
}

// move begins the move of the chosen stream.
func (v *view) move(ctx context.Context, r toggle.Request) {
	if v.pic.chosen == pulse.NoStream {
		v.say("no stream is chosen")
		return
	}
	r.Target = toggle.Target{Whom: toggle.ByStream, Stream: v.pic.chosen}
	v.run(ctx, r)
}

// undo takes the last move back, whoever made it: what "patoggle undo" does.
func (v *view) undo(ctx context.Context) {
	if v.Store == nil {
		v.say("there is no place where moves are kept")
		return
	}
	v.act(ctx, func(ctx context.Context, p *toggle.Pipeline) (*toggle.Report, error) {
		return (&lasting.Desk{Pipeline: p, Store: v.Store}).Undo(ctx)
	})
}

// run moves, and writes down what has moved.
func (v *view) run(ctx context.Context, r toggle.Request) {
	v.act(ctx, func(ctx context.Context, p *toggle.Pipeline) (*toggle.Report, error) {
		rep, err := p.Run(ctx, r)
		if v.Store != nil {
			_ = lasting.Record(v.Store, state.Press, rep) // a move is one all the same
		}
		return rep, err
	})
}

// act does what moves streams, one at a time: who presses again has not seen the
// first yet.
func (v *view) act(ctx context.Context, do func(context.Context, *toggle.Pipeline) (*toggle.Report, error)) {
	switch {
	case v.conn == nil:
		v.say("the sound server is away")
		return
	case v.moving:
		return
	}
	v.moving = true
	p := v.pipeline()
	v.beside(func() {
		ctx, cancel := context.WithTimeout(ctx, lookTime)
		defer cancel()
		var m moved
		m.report, m.err = do(ctx, p)
		v.moves <- m
	})
}

func (v *view) moved(m moved) {
	v.moving, v.dirty = false, true
	v.say(m.report.Headline(m.err))
}

// stop gives the terminal back and stops until the shell lets us go on. Nothing
// is measured meanwhile. It is false when the terminal has gone by then.
func (v *view) stop(ctx context.Context) bool {
	if err := v.Screen.Suspend(); err != nil {
		return true
	}
	if v.meters != nil {
		v.meters.set(ctx, nil)
	}
	v.Stop()
	if err := v.Screen.Resume(); err != nil {
		return false
	}
	v.Screen.Sync()
	v.dirty = true
	v.paint()
	return true
}

// ticker ticks only while it is on.
type ticker struct {
	every time.Duration
	t     *time.Ticker
}

func newTicker(every time.Duration) *ticker { return &ticker{every: every} }

func (t *ticker) set(on bool) {
	switch {
	case on && t.t == nil:
		t.t = time.NewTicker(t.every)
	case !on:
		t.stop()
	}
}

func (t *ticker) stop() {
	if t.t != nil {
		t.t.Stop()
		t.t = nil
	}
}

func (t *ticker) c() <-chan time.Time {
	if t.t == nil {
		return nil
	}
	return t.t.C
}

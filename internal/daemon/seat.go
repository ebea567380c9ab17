package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/keysource"
	"github.com/patoggle/patoggle/internal/toggle"
	"github.com/patoggle/patoggle/internal/x11keys"
	"github.com/patoggle/patoggle/x11"
)

// seat is the desktop that the daemon serves, and what gives it keys: one of
// them alone, since some give an X11 grab's keys over Wayland windows too.
type seat struct {
	x          *x11.Conn // nil on Wayland, and without a display
	compositor string    // "" on X11, and without a display
	claim      io.Closer // what makes us the one patoggled of a session bus; nil for none
}

// keySource is where hotkeys come from: the board on X11, else a
// *keysource.Source.
type keySource interface {
	// Bind makes these hotkeys be in force and no others, while Run runs. The
	// error is the context's.
	Bind(context.Context, []config.Hotkey) (keysource.Tally, error)
	// Run serves until the context ends, and gives all keys back.
	Run(context.Context) error
}

// noKeys is the key source of a desktop that gives none.
type noKeys struct{}

func (noKeys) Bind(_ context.Context, hotkeys []config.Hotkey) (keysource.Tally, error) {
	return keysource.Tally{}, nil
}

func (noKeys) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// sit finds out what this desktop is, and makes us the one patoggled there.
func (d *service) sit(ctx context.Context) (*seat, error) {
	compositor := d.compositor(ctx)
	if compositor == "" && !d.bare() {
		x, err := d.open(ctx)
		if err != nil {
			return nil, err
		}
		return &seat{x: x}, nil
	}
	claim, err := keysource.Claim(ctx, d.Getenv)
	var held *keysource.HeldError
	if errors.As(err, &held) {
		return nil, runsAlready("in this session", held.PID, err)
	}
	// Without a bus nobody can be asked whether another one runs.
	return &seat{compositor: compositor, claim: claim}, nil
}

// errBare says what a daemon without a display does, and what not.
var errBare = &keysource.Unusable{
	Message: "there is no display, so no hotkey works here; streams are brought to the sinks of their rules, and home, all the same",
}

// bare tells whether there is no display at all, and something to do without one:
// a rule, or what is remembered.
func (d *service) bare() bool {
	if d.Getenv("DISPLAY") != "" || d.Getenv("WAYLAND_DISPLAY") != "" {
		return false
	}
	if len(d.config.Load().Rules) > 0 {
		return true
	}
	d.store = d.openStore()
	if d.store == nil {
		return false
	}
	remembered, err := d.store.Remembered()
	return err == nil && len(remembered) > 0
}

func (d *service) compositor(ctx context.Context) string {
	if d.Display != "" {
		return "" // X11 was asked for
	}
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	return keysource.Compositor(ctx, d.Getenv)
}

func (k *seat) close() {
	if k.x != nil {
		k.x.Close()
	}
	if k.claim != nil {
		k.claim.Close()
	}
}

func runsAlready(where string, pid int, err error) error {
	p := &toggle.Problem{Kind: toggle.Failed, Message: "patoggled runs " + where + " already", Err: err}
	if pid != 0 {
		p.Message += fmt.Sprintf(", as process %d", pid)
	}
	return p
}

// keySource starts what gives keys at this seat. Late is called when giving
// them back takes too long.
func (d *service) keySource(k *seat, fire func(config.Hotkey) bool) (source keySource, late func()) {
	if k.x != nil {
		holder := newHolder(x11keys.Options{Program: d.Helper, Display: d.Getenv("DISPLAY")})
		board := newBoard(k.x, holder.grab, d.speak, fire, d.bound)
		board.ended, board.done = holder.ended, holder.end
		if d.Grab != nil {
			board.grab = d.Grab
		}
		return board, holder.kill
	}
	if k.compositor == "" {
		d.withoutKeys(errBare)
		return noKeys{}, func() {}
	}
	from, err := keysource.Open(k.compositor, d.Getenv, keysource.Host{
		Say:     d.speak.say,
		Fire:    func(h config.Hotkey) { fire(h) },
		Changed: func(t keysource.Tally) { d.bound(tally{t.Bound, t.Wanted}) },
	})
	if err != nil {
		d.withoutKeys(err)
		return noKeys{}, func() {}
	}
	return from, func() {}
}

// withoutKeys says why there are no hotkeys. Who has configured none may not
// want any.
func (d *service) withoutKeys(err error) {
	kind := "warning"
	if _, defaulted := d.config.Load().Bindings(); defaulted {
		kind = "info"
	}
	hint := ""
	var why *keysource.Unusable
	if errors.As(err, &why) {
		hint = why.Hint
	}
	d.speak.advise(kind, err.Error(), hint)
}

// Bind is keySource's.
func (b *board) Bind(ctx context.Context, hotkeys []config.Hotkey) (keysource.Tally, error) {
	answer := make(chan tally, 1)
	select {
	case b.orders <- order{hotkeys, answer}:
	case <-ctx.Done():
		return keysource.Tally{}, ctx.Err()
	}
	select {
	case t := <-answer:
		return keysource.Tally{Bound: t.bound, Wanted: t.wanted}, nil
	case <-ctx.Done():
		return keysource.Tally{}, ctx.Err()
	}
}

// Run is keySource's.
func (b *board) Run(ctx context.Context) error { return b.run(ctx) }

// serveKeys runs a key source until the context ends; stop is told its failure.
// The function it returns waits until all keys are given back.
func serveKeys(ctx context.Context, source keySource, late func(), stop context.CancelCauseFunc) (wait func()) {
	var runner sync.WaitGroup
	runner.Go(func() {
		if err := source.Run(ctx); err != nil {
			if errors.Is(err, x11.ErrClosed) {
				err = errGone
			}
			stop(displayError(err, ""))
		}
	})
	return func() {
		// A call of Xlib cannot be interrupted, so it is not waited for as
		// long as it takes: the X server takes the keys back from who is gone.
		timer := time.AfterFunc(releaseTime, late)
		defer timer.Stop()
		runner.Wait()
	}
}

// checkKeys looks hotkeys up where this desktop gives them.
func (d *service) checkKeys(ctx context.Context, hotkeys []config.Hotkey) (bad int, err error) {
	compositor := d.compositor(ctx)
	if compositor == "" && !d.bare() {
		return d.checkX11(ctx, hotkeys)
	}
	var source *keysource.Source
	if err = errBare; compositor != "" {
		source, err = keysource.Open(compositor, d.Getenv, keysource.Host{})
	}
	if err != nil {
		d.withoutKeys(err)
		if _, defaulted := d.config.Load().Bindings(); defaulted {
			return 0, nil
		}
		return len(hotkeys), nil
	}
	results, err := source.Check(ctx, hotkeys)
	if err != nil {
		why := &keysource.Unusable{Message: source.Name + " does not answer"}
		errors.As(err, &why)
		return 0, &toggle.Problem{Kind: toggle.Failed, Message: why.Message, Hint: why.Hint, Err: err}
	}
	for _, r := range results {
		if !r.Bound {
			d.speak.advise("error", r.Trouble, r.Hint)
			bad++
			continue
		}
		fmt.Fprintf(d.Stdout, "%s (%s%s)\n", words(r.Hotkey), source.Name, r.Note)
	}
	return bad, nil
}

func (d *service) checkX11(ctx context.Context, hotkeys []config.Hotkey) (bad int, err error) {
	x, err := x11.Open(ctx, x11.Options{Getenv: d.Getenv})
	if err != nil {
		return 0, displayError(err, d.Getenv("WAYLAND_DISPLAY"))
	}
	defer x.Close()
	layout, err := x.Keyboard(ctx)
	if err != nil {
		return 0, displayError(err, "")
	}
	for _, f := range lookUp(layout, hotkeys) {
		if f.trouble != "" {
			d.speak.trouble(f)
			bad++
			continue
		}
		fmt.Fprintf(d.Stdout, "%s (X11, keycode %d%s)\n", words(f.Hotkey), f.code, f.with())
	}
	return bad, nil
}

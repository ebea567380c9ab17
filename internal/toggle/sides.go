package toggle

import (
	"context"
	"sync"
	"time"

	"github.com/patoggle/patoggle/internal/desktop"
)

// Recording is the pipeline of what records: its sinks are sources.
func (p *Pipeline) Recording() *Pipeline {
	q := *p
	q.Sound, q.Record = p.Record, nil
	return &q
}

// Sides is Look at both sides of the sound server, at the same time, with one
// look at the display. The two errors are of the two sides, Problems.
func (p *Pipeline) Sides(ctx context.Context, window *desktop.WindowID) (playing, recording *View, err, recErr error) {
	if deadline, ok := ctx.Deadline(); ok && window != nil {
		half, cancel := context.WithTimeout(ctx, time.Until(deadline)/displayShare)
		defer cancel()
		return p.sides(ctx, half, window, wants{titles: true})
	}
	return p.sides(ctx, ctx, window, wants{titles: true})
}

func (p *Pipeline) sides(ctx, displayCtx context.Context, window *desktop.WindowID, w wants) (playing, recording *View, err, recErr error) {
	both := *p
	both.Display = askedOnce(p.Display)
	var wg sync.WaitGroup
	wg.Go(func() { recording, recErr = both.Recording().look(ctx, displayCtx, window, wants{titles: w.titles}) })
	playing, err = both.look(ctx, displayCtx, window, w)
	wg.Wait()
	return playing, recording, err, recErr
}

// askedOnce opens a display once and asks it once, for who looks twice at the
// same moment. All of them ask the same.
func askedOnce(open func(context.Context) (Display, error)) func(context.Context) (Display, error) {
	var mu sync.Mutex
	var d Display
	var err error
	asked := false
	return func(ctx context.Context) (Display, error) {
		mu.Lock()
		defer mu.Unlock()
		if !asked {
			asked = true
			if d, err = open(ctx); err == nil {
				d = &once{Display: d}
			}
		}
		return d, err
	}
}

// once is a display that answers what it answered first.
type once struct {
	Display
	mu     sync.Mutex
	asked  bool
	screen *desktop.Screen
	err    error
}

// Screen is that of Display.
func (o *once) Screen(ctx context.Context, w desktop.WindowID) (*desktop.Screen, error) {
	return o.ask(func() (*desktop.Screen, error) { return o.Display.Screen(ctx, w) })
}

// Focus is that of Display.
func (o *once) Focus(ctx context.Context, w desktop.WindowID) (*desktop.Screen, error) {
	return o.ask(func() (*desktop.Screen, error) { return o.Display.Focus(ctx, w) })
}

func (o *once) ask(f func() (*desktop.Screen, error)) (*desktop.Screen, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.asked {
		o.asked = true
		o.screen, o.err = f()
	}
	return o.screen, o.err
}

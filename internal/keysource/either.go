package keysource

import (
	"context"
	"errors"

	"github.com/patoggle/patoggle/config"
)

// either is one hand, and another one while the first cannot be used: never
// both at once.
type either struct {
	first, second hand
	unless        error // of the first, which lets the second try
	now           hand  // the one that has the keys, nil for none
}

func (e *either) use(ctx context.Context, h hand) {
	if e.now != nil && e.now != h {
		e.now.end(ctx)
	}
	e.now = h
}

func (e *either) bind(ctx context.Context, hotkeys []config.Hotkey) ([]Result, error) {
	results, err := e.first.bind(ctx, hotkeys)
	if !errors.Is(err, e.unless) {
		e.use(ctx, e.first)
		return results, err
	}
	results, other := e.second.bind(ctx, hotkeys)
	if other != nil {
		return nil, err // what the first one says is the better cure
	}
	e.use(ctx, e.second)
	return results, nil
}

func (e *either) check(ctx context.Context, hotkeys []config.Hotkey) ([]Result, error) {
	results, err := e.first.check(ctx, hotkeys)
	if !errors.Is(err, e.unless) {
		return results, err
	}
	results, other := e.second.check(ctx, hotkeys)
	if other != nil {
		return nil, err
	}
	return results, nil
}

func (e *either) close() {
	e.first.close()
	e.second.close()
}

func (e *either) end(ctx context.Context) {
	e.first.end(ctx)
	e.second.end(ctx)
}

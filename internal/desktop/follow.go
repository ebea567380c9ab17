package desktop

import (
	"context"
	"errors"
	"fmt"

	"github.com/patoggle/patoggle/internal/wayland"
	"github.com/patoggle/patoggle/x11"
)

// UnfollowedError says that this desktop tells nobody when another window gets
// the focus.
type UnfollowedError struct {
	Desktop string
	session *wayland.Session
}

func (e *UnfollowedError) Error() string {
	return fmt.Sprintf("%s does not tell when another window gets the focus", e.Desktop)
}

// Await waits until a further attempt to follow is of use: GNOME's extension may
// be there later. It may return earlier, and is false when the context has ended.
func (e *UnfollowedError) Await(ctx context.Context) bool {
	_ = e.session.Await(ctx)
	return ctx.Err() == nil
}

// Follow calls changed once when it follows the focus, and then after each change
// until the context or the desktop ends; it may call it more often than needed.
// The error is never nil. An *UnfollowedError means that a further attempt is no
// use before its Await returns.
func Follow(ctx context.Context, o Options, changed func()) error {
	if o.Display == "" {
		s, named, err := wayland.Find(ctx, o.Getenv)
		if err != nil {
			if gone := compositorGone(named, o.Getenv, err); gone != nil {
				return gone
			}
		} else {
			if err = s.Follow(ctx, changed); errors.Is(err, wayland.ErrUnfollowed) {
				return &UnfollowedError{s.Name, s}
			}
			return err
		}
	}
	c, err := x11.Open(ctx, x11.Options{Display: o.Display, Getenv: o.Getenv})
	if err != nil {
		return X11Error(err)
	}
	defer c.Close()
	changes, err := c.FocusChanges(ctx)
	if err != nil {
		return X11Error(err)
	}
	changed()
	for {
		select {
		case <-changes:
			changed()
		case <-c.Done():
			return &Error{Who: xServer, Err: ErrClosed}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

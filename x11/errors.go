package x11

import (
	"errors"
	"fmt"
)

var (
	// ErrNoDisplay means that no display is named: DISPLAY is empty.
	ErrNoDisplay = errors.New("no display: DISPLAY is not set")
	// ErrDisplayForm is inside the *OpenError of what is no display's name.
	ErrDisplayForm = errors.New(`not a display name like ":0" or "host:0.0"`)
	// ErrNoWindowManager means that nobody on this screen keeps EWMH's
	// properties (there is no living _NET_SUPPORTING_WM_CHECK window) or marks
	// windows as managed, and that none has the input focus.
	ErrNoWindowManager = errors.New("no window manager that says which window has the focus")
	// ErrNoFocus means that no application's window has the focus:
	// _NET_ACTIVE_WINDOW is empty, or names the desktop or a panel. Under
	// XWayland it is also what a focused Wayland window looks like.
	ErrNoFocus = errors.New("no window has the focus")
	// ErrWayland is an ErrNoFocus where a Wayland window is known to have the
	// focus: KWin from 6.7 and mutter from 48 put a window of their own into
	// _NET_ACTIVE_WINDOW of their Xwayland then.
	ErrWayland = fmt.Errorf("%w: a Wayland window is in front", ErrNoFocus)
	// ErrWindowGone means that the window does not exist (any more).
	ErrWindowGone = errors.New("the window is gone")
	// ErrTimeout means that the X server did not answer before the context's
	// deadline. The connection is closed then.
	ErrTimeout = errors.New("the X server did not answer in time")
	// ErrClosed means that the connection has ended: by Close, by an earlier
	// timeout, or by the server.
	ErrClosed = errors.New("the connection to the X server is closed")
)

// OpenError says which display could not be opened, and why. A deadline that
// passed meanwhile is ErrTimeout inside.
type OpenError struct {
	Display string
	Err     error
}

func (e *OpenError) Error() string {
	return fmt.Sprintf("cannot open display %q: %v", e.Display, e.Err)
}

// Unwrap gives the cause to errors.Is and errors.As.
func (e *OpenError) Unwrap() error { return e.Err }

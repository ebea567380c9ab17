package desktop

import (
	"errors"
	"fmt"
	"syscall"
)

var (
	// ErrNoDisplay means that there is no desktop to ask: neither a Wayland
	// display nor DISPLAY is set.
	ErrNoDisplay = errors.New("no display")
	// ErrNoWindowManager means that nobody says which window has the focus.
	ErrNoWindowManager = errors.New("no window manager that says which window has the focus")
	// ErrNoFocus means that no application's window has the focus. It is
	// always inside a *NoFocusError.
	ErrNoFocus = errors.New("no window has the focus")
	// ErrWindowGone means that the window does not exist (any more).
	ErrWindowGone = errors.New("the window is gone")
	// ErrTimeout means that the desktop did not answer before the context's
	// deadline.
	ErrTimeout = errors.New("no answer in time")
	// ErrClosed means that the connection to the desktop has ended.
	ErrClosed = errors.New("the connection is closed")
)

// Holder is what has the keyboard where no application's window has it.
type Holder int

// The zero value is Nobody: nothing more is known than that no window has it.
const (
	Nobody Holder = iota
	// Workspace: one without windows.
	Workspace
	// Background: the desktop with its icons.
	Background
	// Panel: a panel, a dock, a notification.
	Panel
	// Launcher: a menu to start programs from, or a prompt.
	Launcher
	// Lock: the lock screen.
	Lock
	// Layer: a launcher, a panel or the lock screen; which, is not known.
	Layer
	// Overview: the desktop's picture of all its windows.
	Overview
	// Wayland: a window that X11, which was asked, cannot see.
	Wayland
)

// NoFocusError says that no application's window has the focus, and what has
// the keyboard instead.
type NoFocusError struct{ Holder Holder }

func (e *NoFocusError) Error() string { return ErrNoFocus.Error() }

// Is makes it an ErrNoFocus.
func (e *NoFocusError) Is(target error) bool { return target == ErrNoFocus }

// UnaskableError says that this desktop answers no question about the focus as
// it is set up now, why, and what would change that.
type UnaskableError struct {
	Desktop string
	// Why continues "GNOME cannot be asked which window has the focus: ".
	Why string
	// Cure is a sentence for a hint, "" where there is none.
	Cure string
	Err  error // nil when nothing failed
}

func (e *UnaskableError) Error() string {
	return fmt.Sprintf("%s cannot be asked which window has the focus: %s", e.Desktop, e.Why)
}

// Unwrap gives the cause to errors.Is and errors.As.
func (e *UnaskableError) Unwrap() error { return e.Err }

// Error says whom it was that did not answer well.
type Error struct {
	// Who is the one that was asked, for a sentence: "the X server", "sway".
	Who string
	Err error
}

func (e *Error) Error() string { return e.Who + ": " + e.Err.Error() }

// Unwrap gives the cause to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Err }

// OpenError says which display could not be opened, and why.
type OpenError struct {
	// Display is what was to be opened, for a sentence: "the X display".
	Display string
	Name    string // ":0"
	Err     error
}

func (e *OpenError) Error() string {
	return fmt.Sprintf("cannot open %s %q: %v", e.Display, e.Name, e.Err)
}

// Unwrap gives the cause to errors.Is and errors.As.
func (e *OpenError) Unwrap() error { return e.Err }

// GoneError says that nobody listens at the Wayland socket of this session: its
// compositor has ended, or the name is another session's, or cannot be followed.
type GoneError struct {
	// Socket is WAYLAND_DISPLAY, "" where it is not set.
	Socket string
	Err    error
}

func (e *GoneError) Error() string {
	if errors.Is(e.Err, syscall.ENOENT) || errors.Is(e.Err, syscall.ECONNREFUSED) {
		return "the Wayland compositor of this session has ended"
	}
	return "cannot reach the Wayland compositor of this session"
}

// Unwrap gives the cause to errors.Is and errors.As.
func (e *GoneError) Unwrap() error { return e.Err }

// Is makes it an ErrClosed.
func (e *GoneError) Is(target error) bool { return target == ErrClosed }

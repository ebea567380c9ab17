package desktop

import "context"

// Conn is a desktop that can be asked. Its calls may be made at the same time.
type Conn interface {
	// Screen looks at the focused window, or at the given one, and at the
	// others. A *NoFocusError, ErrNoWindowManager and ErrWindowGone come with
	// a screen without Focused; other errors may come alone.
	Screen(context.Context, WindowID) (*Screen, error)
	// Focus is Screen for who waits: titles of windows other than Focused may
	// be missing.
	Focus(context.Context, WindowID) (*Screen, error)
	// Inside are the pids of other clients that draw inside a window (XEMBED,
	// "mpv --wid"), of several that with the keyboard; none is no error.
	Inside(context.Context, WindowID) ([]int, error)
	// Done is closed when the connection has ended by itself or by Close.
	Done() <-chan struct{}
	Close() error
}

// Options say which desktop to ask.
type Options struct {
	// Display is an X display as in DISPLAY, which is asked in any case; ""
	// means to find out what this desktop is.
	Display string
	Getenv  func(string) string
}

// provider is one kind of desktop.
type provider struct {
	// open opens a connection; ok is false when this desktop is of another
	// kind, and then the error is nil.
	open func(context.Context, Options) (c Conn, ok bool, err error)
}

// providers are tried in this order. X11 is the last: under Wayland its display
// is there too, and does not know who has the focus.
var providers = []provider{
	{openWayland},
	{openX11},
}

// Open opens a connection to the desktop. Errors are ErrNoDisplay, *OpenError,
// *GoneError, *UnaskableError and *Error.
func Open(ctx context.Context, o Options) (Conn, error) {
	for _, p := range providers {
		c, ok, err := p.open(ctx, o)
		if ok || err != nil {
			return c, err
		}
	}
	return nil, ErrNoDisplay
}

package desktop

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/patoggle/patoggle/x11"
)

// xDesktop is a desktop that is an X display.
type xDesktop struct{ *x11.Conn }

func openX11(ctx context.Context, o Options) (Conn, bool, error) {
	c, err := x11.Open(ctx, x11.Options{Display: o.Display, Getenv: o.Getenv})
	if err != nil {
		return nil, true, X11Error(err)
	}
	return xDesktop{c}, true, nil
}

func (d xDesktop) Screen(ctx context.Context, w WindowID) (*Screen, error) {
	return askX11(ctx, d.Conn.Screen, w)
}

func (d xDesktop) Focus(ctx context.Context, w WindowID) (*Screen, error) {
	return askX11(ctx, d.Conn.Focus, w)
}

func (d xDesktop) Inside(ctx context.Context, w WindowID) ([]int, error) {
	id, ok := xid(w)
	if !ok || id == 0 {
		return nil, nil
	}
	pids, err := d.Conn.Inside(ctx, id)
	return pids, X11Error(err)
}

func askX11(ctx context.Context, ask func(context.Context, x11.WindowID) (*x11.Screen, error), w WindowID) (*Screen, error) {
	id, ok := xid(w)
	if !ok {
		return nil, ErrWindowGone // of another desktop's windows
	}
	s, err := ask(ctx, id)
	return fromX11(s), X11Error(err)
}

// xid reads a WindowID of X11; "" is 0.
func xid(w WindowID) (x11.WindowID, bool) {
	if w == "" {
		return 0, true
	}
	digits, ok := strings.CutPrefix(string(w), "0x")
	n, err := strconv.ParseUint(digits, 16, 32)
	return x11.WindowID(n), ok && err == nil
}

func fromX11(s *x11.Screen) *Screen {
	if s == nil {
		return nil
	}
	out := &Screen{
		Desktop:       "X11",
		Focused:       fromX11Window(&s.Focused),
		Active:        XWindow(uint32(s.Active)),
		Windows:       make([]Window, len(s.Windows)),
		Complete:      true,
		WindowManager: s.WindowManager,
		Resource:      s.Resource,
		XWayland:      s.XWayland,
	}
	for i := range s.Windows {
		out.Windows[i] = fromX11Window(&s.Windows[i])
	}
	return out
}

func fromX11Window(w *x11.Window) Window {
	return Window{
		ID:       XWindow(uint32(w.ID)),
		XID:      uint32(w.ID),
		Type:     fromX11Type(w.Type),
		Title:    w.Title,
		Class:    w.Class,
		Instance: w.Instance,
		PID:      w.PID,
		Owner:    w.Owner,
		Machine:  w.Machine,
	}
}

func fromX11Type(t x11.WindowType) WindowType {
	switch t {
	case x11.Normal:
		return Normal
	case x11.Dialog:
		return Dialog
	case x11.Utility:
		return Utility
	case x11.Desktop:
		return Desktop
	case x11.Dock:
		return Dock
	}
	return Other
}

// xServer is what an X server is called in a sentence.
const xServer = "the X server"

// X11Error turns an error of x11 into one of this package; nil stays nil.
func X11Error(err error) error {
	var open *x11.OpenError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &open) && !errors.Is(err, x11.ErrTimeout) && !errors.Is(err, context.DeadlineExceeded):
		return &OpenError{Display: "the X display", Name: open.Display, Err: open.Err}
	case errors.Is(err, x11.ErrWayland):
		return &NoFocusError{Holder: Wayland}
	case errors.Is(err, x11.ErrNoFocus):
		return &NoFocusError{}
	case errors.Is(err, x11.ErrNoWindowManager):
		return ErrNoWindowManager
	case errors.Is(err, x11.ErrWindowGone):
		return ErrWindowGone
	case errors.Is(err, x11.ErrNoDisplay):
		return ErrNoDisplay
	case errors.Is(err, x11.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return &Error{Who: xServer, Err: ErrTimeout}
	case errors.Is(err, x11.ErrClosed):
		return &Error{Who: xServer, Err: ErrClosed}
	}
	return &Error{Who: xServer, Err: err}
}

package desktop

import (
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/patoggle/patoggle/internal/wayland"
)

// compositor is a desktop that is a Wayland session. Its compositor is found and
// asked anew at each call, so that one that was restarted is no other.
type compositor struct {
	getenv func(string) string
	close  sync.Once
	done   chan struct{}
}

// openWayland finds this session's compositor. Where no variable names its
// socket, it is this session's only when the X display, if any, is its
// Xwayland: another session of the same user may own "wayland-0".
func openWayland(ctx context.Context, o Options) (Conn, bool, error) {
	if o.Display != "" {
		return nil, false, nil // an X display is to be asked
	}
	getenv := o.Getenv
	if getenv == nil {
		getenv = os.Getenv
	}
	s, named, err := wayland.Find(ctx, getenv)
	if err != nil {
		if gone := compositorGone(named, getenv, err); gone != nil {
			return nil, true, gone
		}
		return nil, false, nil
	}
	if display := getenv("DISPLAY"); !named && display != "" && !serves(ctx, s, display) {
		return nil, false, nil
	}
	return &compositor{getenv: getenv, done: make(chan struct{})}, true, nil
}

// compositorGone is the error of a session that names a Wayland socket where
// nobody listens, nil for any other. Its DISPLAY is not asked: the Xwayland ended
// with the compositor, and who answers there now is another session's. But a
// session that says itself that it is X11's has the name from one before it, by
// way of the user's service manager.
func compositorGone(named bool, getenv func(string) string, err error) error {
	if !named || getenv("XDG_SESSION_TYPE") == "x11" && getenv("DISPLAY") != "" {
		return nil
	}
	return &GoneError{Socket: getenv("WAYLAND_DISPLAY"), Err: err}
}

func (d *compositor) Done() <-chan struct{} { return d.done }

func (d *compositor) Close() error {
	d.close.Do(func() { close(d.done) })
	return nil
}

func (d *compositor) Screen(ctx context.Context, w WindowID) (*Screen, error) {
	return d.ask(ctx, w, Conn.Screen)
}

func (d *compositor) Focus(ctx context.Context, w WindowID) (*Screen, error) {
	return d.ask(ctx, w, Conn.Focus)
}

// Inside asks Xwayland: there is no drawing in another client's window elsewhere.
func (d *compositor) Inside(ctx context.Context, w WindowID) ([]int, error) {
	if id, ok := xid(w); !ok || id == 0 {
		return nil, nil
	}
	s, _, err := wayland.Find(ctx, d.getenv)
	if err != nil {
		return nil, nil
	}
	x := &xwayland{session: s, getenv: d.getenv}
	defer x.end()
	if err := x.open(ctx); err != nil {
		return nil, nil
	}
	return x.conn.Inside(ctx, w)
}

// look is one of Conn's two ways to look at a screen.
type look func(Conn, context.Context, WindowID) (*Screen, error)

func (d *compositor) ask(ctx context.Context, w WindowID, how look) (*Screen, error) {
	s, _, err := wayland.Find(ctx, d.getenv)
	if err != nil {
		return nil, &GoneError{Socket: d.getenv("WAYLAND_DISPLAY"), Err: err}
	}
	// An X server is asked at most once, and only when it has to be.
	x := &xwayland{session: s, getenv: d.getenv, how: how}
	defer x.end()
	a, err := s.Ask(ctx)
	if err != nil {
		return unasked(ctx, s, x, w, err)
	}
	return join(ctx, s, x, w, a)
}

// join makes one screen of what the compositor and, for windows of X11 that it
// knows too little of, its Xwayland say.
func join(ctx context.Context, s *wayland.Session, x *xwayland, w WindowID, a *wayland.Answer) (*Screen, error) {
	out := &Screen{Desktop: s.Name, Complete: a.Complete, WindowManager: s.PID, Resource: true}
	strangers := false // windows of X11 whose process the compositor does not know
	for i := range a.Windows {
		out.Windows = append(out.Windows, fromWayland(&a.Windows[i]))
		strangers = strangers || a.Windows[i].X11 && a.Windows[i].PID == 0
	}
	f := a.Focused
	if w != "" {
		i := slices.IndexFunc(a.Windows, func(win wayland.Window) bool { return named(&win, w) })
		switch id, ok := xid(w); {
		case i >= 0:
			f = &a.Windows[i]
		case ok && id != 0:
			return x.join(ctx, out, w, nil)
		default:
			return out, ErrWindowGone
		}
	}
	switch {
	case f == nil:
		return out, &NoFocusError{Holder: holders[a.Holder]}
	case f.X11:
		return x.join(ctx, out, XWindow(f.XID), f)
	case a.XRunning && x.isX11(ctx, f):
		return x.take(out), nil
	}
	out.Focused = fromWayland(f)
	if a.Derived {
		out.derive(a, f)
	}
	out.Active = out.Focused.ID
	if strangers {
		x.owners(ctx, out)
	}
	return out, nil
}

// named tells whether a window is the one that a user means: by the id that was
// shown, or by its X resource id.
func named(win *wayland.Window, w WindowID) bool {
	number, ok := xid(w) // numbers that were typed in are written as those of X11
	return fromWayland(win).ID == w || win.ID == string(w) || ok && number != 0 && win.ID == strconv.FormatUint(uint64(number), 10)
}

// holders are the holders of package wayland.
var holders = map[wayland.Holder]Holder{
	wayland.Nobody:    Nobody,
	wayland.Workspace: Workspace,
	wayland.Panel:     Panel,
	wayland.Prompt:    Launcher,
	wayland.Layer:     Layer,
	wayland.Lock:      Lock,
	wayland.Overview:  Overview,
}

// fromWayland is a window as the compositor knows it. The process of a native
// one is vouched for by its socket. That of an X11 window may be what the window
// says of itself: enough to know that it has one.
func fromWayland(w *wayland.Window) Window {
	out := Window{ID: WindowID(w.ID), Title: w.Title, Owner: w.PID, AppID: w.AppID}
	if w.X11 {
		out.AppID, out.Class, out.Instance, out.PID = "", w.AppID, w.Instance, w.PID
		if w.XID != 0 {
			out.ID, out.XID = XWindow(w.XID), w.XID
		}
	}
	if w.Aside {
		out.Type = Dock
	}
	return out
}

// unasked is for a compositor that gave no answer. One that is not made to be
// asked still has X11 windows: a window that Xwayland says has the focus has it
// there, since these say "none" while a native window is in front.
func unasked(ctx context.Context, s *wayland.Session, x *xwayland, w WindowID, err error) (*Screen, error) {
	var mute *wayland.MuteError
	if !errors.As(err, &mute) {
		if errors.Is(err, wayland.ErrTimeout) {
			return nil, &Error{Who: s.Name, Err: ErrTimeout}
		}
		var e *wayland.Error
		if errors.As(err, &e) {
			err = e.Err
		}
		return nil, &Error{Who: s.Name, Err: err}
	}
	refused := &UnaskableError{Desktop: s.Name, Why: mute.Why, Cure: mute.Cure, Err: mute}
	screen, xerr := x.screen(ctx, w)
	switch {
	case screen == nil:
		return nil, refused
	case xerr == nil && !s.IsCompositor(screen.Focused.Owner) && screen.Focused.Owner != 0:
		screen.Desktop, screen.Complete = s.Name, false
		return screen, nil
	case w != "" && errors.Is(xerr, ErrWindowGone):
		return screen, xerr
	}
	return nil, refused
}

// xwayland is the X display of a Wayland session, asked when that is needed.
type xwayland struct {
	session *wayland.Session
	getenv  func(string) string
	how     look
	conn    Conn
	last    *Screen // what it said, when that counts
}

func (x *xwayland) end() {
	if x.conn != nil {
		x.conn.Close()
	}
}

// open connects to Xwayland. The error is ErrNoDisplay when DISPLAY is not this
// session's.
func (x *xwayland) open(ctx context.Context) error {
	display := x.getenv("DISPLAY")
	if display == "" || !serves(ctx, x.session, display) {
		return ErrNoDisplay
	}
	c, _, err := openX11(ctx, Options{Display: display, Getenv: x.getenv})
	if err == nil {
		x.conn = c
	}
	return err
}

// screen asks Xwayland; nil when it cannot be asked.
func (x *xwayland) screen(ctx context.Context, w WindowID) (*Screen, error) {
	if err := x.open(ctx); err != nil {
		return nil, err
	}
	return x.how(x.conn, ctx, w)
}

// join fills in the focused window from Xwayland. Known is what the compositor
// says of it, nil for nothing; where it does not tell the X resource id, the
// window that X11 has in front must be the one it means. What the window says of
// its process stands alone where Xwayland cannot be asked.
func (x *xwayland) join(ctx context.Context, out *Screen, w WindowID, known *wayland.Window) (*Screen, error) {
	xs, err := x.screen(ctx, w)
	if err == nil && (known == nil || w != "" || sameWindow(&xs.Focused, known, xs)) {
		x.last = xs
		return x.take(out), nil
	}
	if known == nil {
		if errors.Is(err, ErrNoDisplay) {
			err = ErrWindowGone
		}
		return out, err
	}
	out.Focused = fromWayland(known)
	out.Focused.Owner = 0
	out.Active, out.Resource = out.Focused.ID, false
	return out, nil
}

// take puts the focused window that Xwayland told of into the screen.
func (x *xwayland) take(out *Screen) *Screen {
	xs := x.last
	out.Focused, out.Active, out.Resource, out.XWayland = xs.Focused, xs.Active, xs.Resource, xs.XWayland
	out.replaceX11(xs)
	return out
}

// isX11 tells whether the window in front is the one that X11 has in front, for
// compositors that do not say: when both class and title are its own. Not all of
// them take the focus from an X11 window when a native one gets it.
func (x *xwayland) isX11(ctx context.Context, f *wayland.Window) bool {
	xs, err := x.screen(ctx, "")
	if err != nil || f.AppID == "" || xs.Focused.Title != f.Title ||
		!strings.EqualFold(xs.Focused.Class, f.AppID) && !strings.EqualFold(xs.Focused.Instance, f.AppID) {
		return false
	}
	x.last = xs
	return true
}

// derive is for a compositor that knows no processes.
func (s *Screen) derive(a *wayland.Answer, f *wayland.Window) {
	s.Resource = false
	s.Focused.Derived, s.Focused.Candidates = true, f.Clients
	for i := range a.Windows {
		s.Windows[i].Derived, s.Windows[i].Candidates = true, a.Windows[i].Clients
	}
}

// owners fills in who owns the windows of X11 while a native one has the focus.
func (x *xwayland) owners(ctx context.Context, out *Screen) {
	xs, err := x.screen(ctx, "")
	var nobody *NoFocusError
	if xs != nil && (err == nil || errors.As(err, &nobody)) {
		out.replaceX11(xs)
	}
}

// replaceX11 puts what Xwayland says of its windows in the place of what the
// compositor says of them.
func (s *Screen) replaceX11(xs *Screen) {
	s.Windows = slices.DeleteFunc(s.Windows, func(w Window) bool { return w.XID != 0 || w.AppID == "" && w.Class != "" })
	s.Windows = append(s.Windows, xs.Windows...)
}

// sameWindow tells whether Xwayland's focused window is the one that the
// compositor means: one that says the same of itself, or the main window of such
// a dialog.
func sameWindow(x *Window, known *wayland.Window, xs *Screen) bool {
	if known.PID != 0 && (known.PID == x.Owner || known.PID == x.PID) {
		return true
	}
	if known.AppID != "" && !strings.EqualFold(known.AppID, x.Class) && !strings.EqualFold(known.AppID, x.Instance) {
		return false
	}
	return known.PID == 0 && (known.AppID != "" || known.Title == x.Title) || xs.Active != x.ID
}

// serves tells whether an X display is the Xwayland of a session, as its socket
// tells. Connecting to it starts Xwayland where it is started on demand.
func serves(ctx context.Context, s *wayland.Session, display string) bool {
	number, ok := localDisplay(display)
	if !ok {
		return false
	}
	file := "/tmp/.X11-unix/X" + strconv.Itoa(number)
	for _, path := range []string{"@" + file, file} {
		if pid := wayland.Peer(ctx, path); pid != 0 {
			return s.Serves(pid)
		}
	}
	return false
}

// localDisplay reads the number of ":N" and ":N.S", the displays of this machine.
func localDisplay(display string) (int, bool) {
	text, ok := strings.CutPrefix(strings.TrimPrefix(display, "unix"), ":")
	text, _, _ = strings.Cut(text, ".")
	n, err := strconv.ParseUint(text, 10, 16)
	return int(n), ok && err == nil
}

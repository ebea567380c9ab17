// Package x11 is what the display says: which window has the focus, which
// process owns each window, which keys this keyboard has and which are down.
//
// The wire library is github.com/jezek/xgb. No type of it leaves this package.
package x11

// WindowID is an X resource id. Zero is "no window".
type WindowID uint32

// WindowType is the first type we know in _NET_WM_WINDOW_TYPE (EWMH 1.5).
type WindowType int

// The zero value is Normal: EWMH says that a managed window without a type is
// a normal one, or a dialog when it is transient.
const (
	Normal WindowType = iota
	Dialog
	Utility
	Desktop
	Dock
	// Other is any other type: menus, tool tips, splash screens.
	Other
)

// String returns the lower-case EWMH word: "normal", "dialog", "utility",
// "desktop", "dock"; "other" for anything else.
func (t WindowType) String() string {
	switch t {
	case Normal:
		return "normal"
	case Dialog:
		return "dialog"
	case Utility:
		return "utility"
	case Desktop:
		return "desktop"
	case Dock:
		return "dock"
	}
	return "other"
}

// Window is one managed top-level window.
type Window struct {
	ID   WindowID
	Type WindowType
	// Title is _NET_WM_NAME, else WM_NAME; "" when not set. It is whatever
	// the client wrote: escape it before a terminal sees it.
	Title string
	// Instance and Class are the two strings of WM_CLASS (ICCCM 4.1.2.5).
	Instance string
	Class    string
	// PID is _NET_WM_PID as the client claims it; 0 when not set.
	PID int
	// Owner is the pid of the client's process in the X server's pid
	// namespace, from the socket's credentials (X-Resource 1.2,
	// LocalClientPID); 0 when not known. Never ours, never the server's.
	Owner int
	// Machine is WM_CLIENT_MACHINE; "" when not set, which means local.
	Machine string
	// TransientFor is WM_TRANSIENT_FOR; 0 when not set.
	TransientFor WindowID
}

// Screen is the display at one moment.
type Screen struct {
	// Focused is the window the window manager says has the focus
	// (_NET_ACTIVE_WINDOW), WM_TRANSIENT_FOR followed to the main window, at
	// most 8 steps.
	Focused Window
	// Active is the window the chain began at; Focused.ID when it was not
	// transient.
	Active WindowID
	// Windows are all windows of _NET_CLIENT_LIST of type Normal, Dialog or
	// Utility, in its order, with all their fields.
	Windows []Window
	// WindowManager is the window manager's pid, 0 when not known.
	WindowManager int
	// Resource is false when the server has no X-Resource 1.2, or does not
	// know this process by our own pid: it runs on another machine or in
	// another pid namespace, and its pids are not ours. Every Owner is 0 then.
	Resource bool
	// XWayland is true when the X server is Xwayland.
	XWayland bool
}

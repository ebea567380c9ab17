// Package desktop is what this desktop says of its windows: which one has the
// focus, which processes are behind it and behind the others. It gives one set
// of plain values for X11 and for each Wayland compositor, so that nothing above
// it knows which of them was asked.
//
// Each kind of desktop is one provider in a file of its own, and one line in the
// table of open.go.
package desktop

import (
	"cmp"
	"strconv"
)

// WindowID names a window. Windows of X11 are "0x800008", as X programs write
// them; others have the string that their compositor gives them. "" is no
// window.
type WindowID string

// XWindow is the WindowID of an X resource id; "" for 0.
func XWindow(xid uint32) WindowID {
	if xid == 0 {
		return ""
	}
	return WindowID("0x" + strconv.FormatUint(uint64(xid), 16))
}

// Compare orders window ids: X resource ids by their number, others by length
// and then by their letters.
func (id WindowID) Compare(other WindowID) int {
	return cmp.Or(cmp.Compare(len(id), len(other)), cmp.Compare(id, other))
}

// WindowType is what a window is there for.
type WindowType int

// The zero value is Normal, an application's ordinary window.
const (
	Normal WindowType = iota
	Dialog
	Utility
	// Desktop is the background with its icons, Dock a panel.
	Desktop
	Dock
	// Other is any other type: menus, tool tips, splash screens.
	Other
)

// String returns the word of EWMH 1.5 in lower case: "normal", "dialog",
// "utility", "desktop", "dock"; "other" for anything else.
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

// Window is one top-level window.
type Window struct {
	ID WindowID
	// XID is the X resource id; 0 for a window that is not of X11.
	XID  uint32
	Type WindowType
	// Title, Class, Instance and AppID are whatever the client wrote: escape
	// them before a terminal sees them. Class and Instance are WM_CLASS; AppID
	// is the Wayland application id, "" for a window of X11.
	Title    string
	Class    string
	Instance string
	AppID    string
	// PID is the process that the client claims to be (_NET_WM_PID); 0 when it
	// claims none.
	PID int
	// Owner is the client's process in our pid namespace, as the display
	// server knows it from the client's socket (X-Resource; the compositor);
	// 0 when it is not known. It is never ours.
	Owner int
	// Machine is the host that the client says it runs on (WM_CLIENT_MACHINE);
	// "" when it says nothing, which means this one.
	Machine string
	// Derived is true where the desktop knows no process of any window, and
	// Candidates were found by the application id: those of its clients that
	// run a program of that name. With several of them nobody knows which.
	Derived    bool
	Candidates []int
}

// Name is what to call the window's application while no stream of it is known;
// "" when the window says nothing of itself.
func (w *Window) Name() string { return cmp.Or(w.Class, w.AppID, w.Instance) }

// Screen is the desktop at one moment.
type Screen struct {
	// Desktop is who was asked: "X11", "sway", "KWin", "GNOME".
	Desktop string
	// Focused is the window that has the focus: for a dialog its main window.
	Focused Window
	// Active is the window that has the focus by itself; Focused.ID when that
	// is not a dialog.
	Active WindowID
	// Windows are all windows of type Normal, Dialog or Utility that the
	// desktop told of, Focused mostly among them.
	Windows []Window
	// Complete is true when Windows are all there are: then it is known how
	// many a process owns. Else OwnerWindows, when not 0, is how many the owner
	// of Focused has.
	Complete     bool
	OwnerWindows int
	// WindowManager is the pid of the window manager or compositor; 0 when it
	// is not known.
	WindowManager int
	// Resource is false when the display server does not know its clients'
	// processes in our pid namespace. Every Owner is 0 then.
	Resource bool
	// XWayland is true when an X server was asked that is Xwayland.
	XWayland bool
}

// Package wayland is what the Wayland compositor of this session says of its
// windows: which one has the focus, and which processes are behind it and the
// others. No protocol tells that to an ordinary client, so each compositor is
// asked in its own way: one provider a file, and one line in the table below.
//
// A compositor is asked anew each time and nothing is kept: it may have been
// restarted, and events that would keep a picture up to date are not sent for
// everything.
package wayland

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/patoggle/patoggle/internal/bus"
)

var (
	// ErrNone means that this session has no Wayland compositor.
	ErrNone = errors.New("no Wayland compositor")
	// ErrTimeout means that the compositor did not answer in time. It is
	// always inside an *Error.
	ErrTimeout = errors.New("no answer in time")
)

// Error says that a compositor did not answer as it should.
type Error struct {
	Compositor string
	Err        error
}

func (e *Error) Error() string { return e.Compositor + ": " + e.Err.Error() }

// Unwrap gives the cause to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Err }

// MuteError says that a compositor cannot be asked as it is set up now. X11
// windows may be seen all the same.
type MuteError struct {
	Compositor string
	Why        string // continues "GNOME cannot be asked …: "
	Cure       string // a hint, "" for none
}

func (e *MuteError) Error() string { return e.Compositor + " cannot be asked: " + e.Why }

// Holder is what has the keyboard where no application's window has it.
type Holder int

const (
	// Nobody is the zero value: nothing more is known.
	Nobody Holder = iota
	// Workspace is one without windows.
	Workspace
	// Panel is a panel, or a notification.
	Panel
	// Prompt is a launcher or a prompt.
	Prompt
	// Layer is one of these or the lock screen; which, the compositor does not
	// tell.
	Layer
	Lock
	Overview
)

// Window is one window. Texts are whatever the client wrote.
type Window struct {
	// ID is the compositor's own name for it.
	ID string
	// PID is the process that connected to the compositor; 0 when it is not
	// known. For a window of X11 it is a claim.
	PID int
	// X11 is true for a window of Xwayland; XID is its resource id, 0 where the
	// compositor does not tell.
	X11   bool
	XID   uint32
	Title string
	// AppID is the Wayland application id, or the class of a window of X11;
	// Instance is the latter's other half.
	AppID, Instance string
	// Clients are the processes connected to the compositor whose program has
	// the name of the application id, in an Answer that is Derived.
	Clients []int
	// Aside marks windows that no application's sound belongs to: panels, the
	// desktop.
	Aside bool
}

// Answer is what a compositor said.
type Answer struct {
	// Focused is nil when no application's window has the focus; Holder says
	// more then.
	Focused *Window
	Holder  Holder
	// Windows are all there are, Focused among them, when Complete.
	Windows  []Window
	Complete bool
	// Derived is true where the compositor knows no processes; windows have
	// Clients then.
	Derived bool
	// XRunning is true where the compositor does not tell whether a window is of
	// X11, and Xwayland runs.
	XRunning bool
}

// limit is how long a compositor may take, within the time of the caller.
const limit = time.Second

// The most that is read of one answer, and the most windows that are looked at.
const (
	maxAnswer  = 8 << 20
	maxWindows = 4096
)

// asker asks one compositor.
type asker func(ctx context.Context, s *Session) (*Answer, error)

// compositors are those that have a way of their own, by their programs' names.
var compositors = map[string]struct {
	name string
	ask  asker
}{
	"sway":            {"sway", askSway},
	"kwin_wayland":    {"KWin", askKWin},
	"kwin_wayland_wr": {"KWin", askKWin}, // the wrapper, cut off after 15 bytes
	"gnome-shell":     {"GNOME", askGNOME},
	"Hyprland":        {"Hyprland", askHyprland},
	"niri":            {"niri", askNiri},
	"wayfire":         {"wayfire", askWayfire},
}

// names are what others are called in a sentence.
var names = map[string]string{
	"weston": "Weston", "phoc": "Phosh", "cosmic-comp": "COSMIC", "cage": "Cage", "labwc": "labwc", "river": "river",
}

// Ask asks the compositor for its windows. Errors are *Error and *MuteError.
func (s *Session) Ask(ctx context.Context) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ask := askToplevels
	if c, ok := compositors[s.Program]; ok {
		ask = c.ask
	}
	a, err := ask(ctx, s)
	var mute *MuteError
	switch {
	case err == nil:
		s.settle(a)
		return a, nil
	case errors.As(err, &mute):
		return nil, mute
	case ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded):
		err = ErrTimeout
	}
	return nil, &Error{s.Name, err}
}

// settle brings order to what a compositor said.
func (s *Session) settle(a *Answer) {
	if len(a.Windows) > maxWindows {
		a.Windows, a.Complete = a.Windows[:maxWindows], false
	}
	bridge := make(map[int]bool)
	for i := range a.Windows {
		s.settleWindow(&a.Windows[i], bridge)
	}
	f := a.Focused
	if f == nil {
		return
	}
	s.settleWindow(f, bridge)
	if s.isCompositor(f.PID) && !f.X11 {
		// A dialog or a prompt of the compositor's own.
		a.Focused, a.Holder = nil, Prompt
	}
}

// settleWindow clears a process that cannot be one, and finds the windows whose
// client is what brings X11 windows in.
func (s *Session) settleWindow(w *Window, bridge map[int]bool) {
	if w.PID <= 1 {
		w.PID = 0
		return
	}
	is, known := bridge[w.PID]
	if !known {
		is = bringsX11(comm(w.PID))
		bridge[w.PID] = is
	}
	if is {
		w.X11, w.PID = true, 0
	}
}

// bringsX11 knows Xwayland, and niri's xwayland-satellite.
func bringsX11(comm string) bool { return comm == "Xwayland" || comm == "xwayland-satell" }

// comm is the name of a process, "" when it is gone.
func comm(pid int) string {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
	if err != nil {
		return ""
	}
	return program(string(b))
}

// openBus connects to the session bus and finds the compositor there, in one
// message with further questions, which may be for who has the name. It is an
// error when another process than this session's compositor has the name; then
// the answers to the questions are another session's.
func (s *Session) openBus(ctx context.Context, name string, questions ...*bus.Question) (c *bus.Conn, owner string, err error) {
	var pid uint32
	owned, run := bus.AskOwner(name, &owner), bus.AskPID(name, &pid)
	c, err = bus.Open(ctx, s.getenv, append([]*bus.Question{owned, run}, questions...)...)
	if err != nil {
		return nil, "", err
	}
	switch {
	case owned.Err != nil:
		err = owned.Err
	case run.Err != nil:
		err = run.Err
	case !s.isCompositor(int(pid)):
		err = fmt.Errorf("%q on the session bus is another session's, process %d", name, pid)
	}
	if err != nil {
		c.Close()
		return nil, "", err
	}
	return c, owner, nil
}

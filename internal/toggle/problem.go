package toggle

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/pulse"
)

// Kind says what became of a request that did not simply succeed. Both
// programs turn it into the exit code of the same number.
type Kind int

// The kinds, by exit code.
const (
	// Failed: no server, no display, a move refused, an ambiguous match.
	Failed Kind = 1
	// Usage: what the user asked for cannot be understood, or names a
	// thing that is not there.
	Usage Kind = 2
	// Nothing: there was nothing to do.
	Nothing Kind = 3
)

// Problem is an error in words for the user. Names from outside are already
// escaped in Message and Hint.
type Problem struct {
	Kind    Kind
	Message string
	// Hint is the cure, "" where none is known.
	Hint string
	// Err is the cause, nil when the problem is the user's own.
	Err error
}

func (p *Problem) Error() string { return p.Message }

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.Err }

// Quote puts a name from outside into quotation marks, with its control
// characters escaped.
func Quote(name string) string { return `"` + term.Escape(name) + `"` }

var (
	errPulledBack = errors.New("pulled back")
	errUnverified = errors.New("no time left to verify")
)

// SoundError puts an error of the sound server into words.
func SoundError(err error) *Problem {
	p := &Problem{Kind: Failed, Err: err}
	var unreachable *pulse.UnreachableError
	switch {
	case errors.As(err, &unreachable):
		p.Message = "cannot reach the sound server: " + term.Escape(strings.TrimPrefix(unreachable.Error(), "no sound server: "))
		p.Hint = term.Escape(unreachable.Hint())
	case errors.Is(err, pulse.ErrTimeout):
		p.Message = "the sound server does not answer"
	case errors.Is(err, pulse.ErrDenied):
		p.Message = "the sound server denied access"
	case errors.Is(err, pulse.ErrClosed):
		p.Message = "the sound server closed the connection"
	default:
		p.Message = "sound server: " + term.Escape(err.Error())
	}
	return p
}

// DisplayError puts an error of the desktop into words. The screen may be
// nil.
func DisplayError(err error, screen *desktop.Screen, window desktop.WindowID) *Problem {
	p := &Problem{Kind: Failed, Err: err}
	var nobody *desktop.NoFocusError
	var mute *desktop.UnaskableError
	var open *desktop.OpenError
	var asked *desktop.Error
	var gone *desktop.GoneError
	switch {
	case errors.As(err, &gone):
		p.Message = gone.Error()
		p.Hint = "WAYLAND_DISPLAY is " + Quote(gone.Socket) + ", where nobody listens"
		if !errors.As(gone.Err, new(syscall.Errno)) { // there was no place to look in
			p.Hint = "WAYLAND_DISPLAY is set, and XDG_RUNTIME_DIR is not"
		}
		p.Hint += "; --display asks an X display"
	case errors.As(err, &nobody):
		p.Kind = Nothing // to do
		p.Message = "no window has the focus"
		if why := holders[nobody.Holder]; why != "" {
			p.Message += ": " + why
		}
		if nobody.Holder == desktop.Wayland {
			p.Message = "a Wayland window is in front, which X11 cannot see"
		}
		if nobody.Holder == desktop.Wayland || nobody.Holder == desktop.Nobody && screen != nil && screen.XWayland {
			p.Hint = "under Wayland only windows that run through Xwayland can be seen; --app and --pid work with every window"
		}
	case errors.As(err, &mute):
		p.Message = term.Escape(mute.Error())
		p.Hint = term.Escape(mute.Cure)
	case errors.Is(err, desktop.ErrNoWindowManager):
		p.Message = "no window manager says which window has the focus"
		p.Hint = "the window manager must support EWMH (_NET_ACTIVE_WINDOW); --window, --app and --pid work without"
	case errors.Is(err, desktop.ErrWindowGone) && window != "":
		p.Message = "there is no window " + term.Escape(string(window))
	case errors.Is(err, desktop.ErrWindowGone):
		p.Kind = Nothing // as if no window had the focus
		p.Message = "the focused window has just gone"
	case errors.Is(err, desktop.ErrNoDisplay):
		p.Message = "no X display: DISPLAY is not set"
		p.Hint = "--app, --pid, --stream, --all and list work without a display"
	case errors.Is(err, desktop.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		who := "the desktop"
		if errors.As(err, &asked) {
			who = asked.Who
		}
		p.Message = who + " does not answer"
	case errors.As(err, &open):
		p.Message = fmt.Sprintf("cannot open %s %s: %s", open.Display, Quote(open.Name), unopened(open.Err))
		p.Hint = "--app, --pid, --stream, --all and list work without a display"
	case errors.As(err, &asked):
		p.Message = strings.TrimPrefix(asked.Who, "the ") + ": " + term.Escape(asked.Err.Error())
	default:
		p.Message = "desktop: " + term.Escape(err.Error())
	}
	return p
}

// unopened says why a display could not be opened.
func unopened(err error) string {
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ECONNREFUSED):
		return "there is no such display"
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return "this user may not connect to it"
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return term.Escape(err.Error())
}

// holders continue "no window has the focus: ".
var holders = map[desktop.Holder]string{
	desktop.Workspace:  "this workspace is empty",
	desktop.Background: "the desktop has it",
	desktop.Panel:      "a panel or a notification has it",
	desktop.Launcher:   "a launcher or a prompt has it",
	desktop.Lock:       "the screen is locked",
	desktop.Layer:      "a launcher, a panel or the lock screen has it",
	desktop.Overview:   "the overview is open",
}

// moveProblem puts the error of one stream's move into words.
func moveProblem(err error, m *Move) *Problem {
	p := &Problem{Kind: Failed, Err: err}
	who := fmt.Sprintf("%s (stream %d)", Quote(m.Application), m.Stream)
	switch {
	case errors.Is(err, errVolume):
		p.Message = "the volume of " + who + " could not be lowered, so it stays where it is"
		p.Hint = `volume = "keep" in the configuration moves it as loud as it is`
	case errors.Is(err, pulse.ErrRefused):
		p.Message = who + " refuses to be moved"
		p.Hint = `its program forbids it (DONT_MOVE); for programs that use OpenAL, put "allow-moves = true" under [pulse] in ~/.alsoftrc`
	case errors.Is(err, pulse.ErrDenied):
		p.Message = "the sound server does not let us move " + who
		p.Hint = "inside a sandbox (Flatpak) a program may list streams but not move them: run patoggle outside"
	case errors.Is(err, pulse.ErrSinkGone):
		p.Message = "the sink went away before " + who + " could move there"
	case errors.Is(err, pulse.ErrUnconfirmed):
		p.Message = "the sound server took the move of " + who + ", but the stream did not get there"
		p.Hint = "the stream may be marked node.dont-move, or the session manager (WirePlumber) is not running"
	case errors.Is(err, errPulledBack):
		p.Message = who + " was pulled back by the session manager"
	case errors.Is(err, errUnverified):
		p.Message = who + " was moved, but there was no time left to verify it"
		p.Hint = "give a longer --timeout"
	case errors.Is(err, pulse.ErrTimeout):
		p.Message = "the sound server did not answer while moving " + who
	case errors.Is(err, pulse.ErrClosed):
		p.Message = "the sound server went away while moving " + who
	default:
		p.Message = "moving " + who + ": " + term.Escape(err.Error())
	}
	return p
}

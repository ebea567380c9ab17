package desktop

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
)

// under opens the desktop of the lab.
func under(t *testing.T, l *lab.Lab) Conn {
	t.Helper()
	c, err := Open(within(t), Options{Getenv: l.Getenv})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// focused waits until a process has the focus.
func focused(t *testing.T, c Conn, pid int) *Screen {
	t.Helper()
	var s *Screen
	var err error
	if !lab.Poll(time.Minute, func() bool {
		s, err = c.Focus(within(t), "")
		return err == nil && s.Focused.Owner == pid
	}) {
		t.Fatalf("process %d does not get the focus: %+v, %v", pid, s, err)
	}
	return s
}

func TestSwayIsAskedAtEachPress(t *testing.T) {
	l := lab.Start(t)
	lab.Need(t, "foot")
	compositor := l.Sway()
	c := under(t, l)
	var nobody *NoFocusError
	var empty *Screen
	var err error
	if !lab.Poll(time.Minute, func() bool { // it may be slow at first
		empty, err = c.Focus(within(t), "")
		return errors.As(err, &nobody)
	}) || nobody.Holder != Workspace || empty == nil || empty.Desktop != "sway" {
		t.Errorf("an empty workspace: %+v, %v", empty, err)
	}
	one := l.Spawn("foot", "--title=one", "sleep", "600")
	s := focused(t, c, one.PID)
	if s.Focused.AppID != "foot" || s.Focused.XID != 0 || s.Focused.Class != "" || s.Active != s.Focused.ID || !s.Complete || !s.Resource || s.WindowManager != compositor.PID {
		t.Errorf("got %+v", s)
	}
	first := s.Focused.ID
	two := l.Spawn("foot", "--title=two", "sleep", "600")
	s = focused(t, c, two.PID)
	owners := map[int]bool{}
	for _, w := range s.Windows {
		owners[w.Owner] = true
	}
	if len(s.Windows) != 2 || !owners[one.PID] || !owners[two.PID] {
		t.Errorf("the windows are %+v", s.Windows)
	}
	if s, err := c.Screen(within(t), first); err != nil || s.Focused.Owner != one.PID {
		t.Errorf("the first window: %+v, %v", s, err)
	}
	if _, err := c.Screen(within(t), "0x800008"); !errors.Is(err, ErrWindowGone) {
		t.Errorf("a window of X11 that is none: %v", err)
	}

	two.Kill()
	focused(t, c, one.PID)

	compositor.Signal(syscall.SIGSTOP)
	start := time.Now()
	_, err = c.Focus(within(t), "")
	var asked *Error
	if !errors.As(err, &asked) || asked.Who != "sway" || !errors.Is(err, ErrTimeout) {
		t.Errorf("stopped: %v", err)
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("it took %v", took)
	}
	compositor.Signal(syscall.SIGCONT)
	focused(t, c, one.PID)

	compositor.Kill()
	if _, err := c.Focus(within(t), ""); err == nil || errors.Is(err, ErrNoFocus) {
		t.Errorf("killed: %v", err)
	}
	l.Sway()
	again := l.Spawn("foot", "sleep", "600")
	focused(t, c, again.PID) // the connection of before
}

// A terminal multiplexer and the service manager hand on what another session
// left in the environment.
func TestAnotherSessionsVariablesDoNotMislead(t *testing.T) {
	l := lab.Start(t)
	other := l.Display()
	l.Sway()
	one := l.Spawn("foot", "sleep", "600")
	l.Setenv("DISPLAY", other.Name)
	l.Setenv("SWAYSOCK", filepath.Join(l.Dir, "none"))
	s := focused(t, under(t, l), one.PID)
	if s.Desktop != "sway" {
		t.Errorf("asked %s", s.Desktop)
	}
	if _, err := under(t, l).Screen(within(t), "0x800008"); !errors.Is(err, ErrWindowGone) {
		t.Errorf("a window of the other session: %v", err)
	}
	// Without a name for the socket, the display of another session decides.
	name := l.Getenv("WAYLAND_DISPLAY")
	if name != "wayland-0" {
		if err := os.Symlink(filepath.Join(l.Runtime, name), filepath.Join(l.Runtime, "wayland-0")); err != nil {
			t.Fatal(err)
		}
	}
	l.Setenv("WAYLAND_DISPLAY", "")
	if _, ok := under(t, l).(xDesktop); !ok {
		t.Error("the X display of this session was not asked")
	}
	l.Setenv("DISPLAY", "")
	focused(t, under(t, l), one.PID)
	// A socket that is dead.
	l.Setenv("WAYLAND_DISPLAY", "gone")
	if _, err := Open(within(t), Options{Getenv: l.Getenv}); !errors.Is(err, ErrClosed) {
		t.Errorf("a dead socket: %v", err)
	}
}

func TestDisplaysOfThisMachineAreNumbered(t *testing.T) {
	for display, want := range map[string]int{":0": 0, ":12.1": 12, "unix:3": 3, "host:0": -1, "": -1, ":": -1, ":x": -1, "/tmp/s": -1} {
		got, ok := localDisplay(display)
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%q is %d, %v", display, got, ok)
		}
	}
}

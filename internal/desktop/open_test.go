package desktop

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"testing"

	"github.com/patoggle/patoggle/internal/lab"
)

func TestACompositorThatHasEndedIsNamed(t *testing.T) {
	dir := t.TempDir()
	env := map[string]string{
		"XDG_RUNTIME_DIR": dir,
		"WAYLAND_DISPLAY": "wayland-1",
		"DISPLAY":         filepath.Join(dir, "nobody") + ":0", // as dead as the other
	}
	open := func() error {
		c, err := Open(context.Background(), Options{Getenv: func(k string) string { return env[k] }})
		if err == nil {
			c.Close()
		}
		return err
	}
	if err := open(); !errors.Is(err, ErrClosed) || err.Error() != "the Wayland compositor of this session has ended" {
		t.Errorf("got %v, want that the compositor has gone", err)
	}
	// Half an environment, as a unit of the service manager may have.
	env["XDG_RUNTIME_DIR"] = ""
	if err := open(); !errors.Is(err, ErrClosed) || err.Error() != "cannot reach the Wayland compositor of this session" {
		t.Errorf("got %v, want that the compositor is not to be reached", err)
	}
	env["XDG_RUNTIME_DIR"] = dir
	// Where the session names none, the X display is what cannot be opened.
	delete(env, "WAYLAND_DISPLAY")
	var failed *OpenError
	if err := open(); !errors.As(err, &failed) {
		t.Errorf("got %v, want that the X display cannot be opened", err)
	}
}

// What answers at DISPLAY when the compositor has ended is another session: its
// window in front is none of ours.
func TestTheDisplayOfAnotherSessionIsNotAskedForADeadCompositor(t *testing.T) {
	l := lab.Start(t)
	d := l.Display()
	d.Focus(l.XTerm("other", "sleep", "600").WaitWindow())
	l.Setenv("WAYLAND_DISPLAY", "wayland-1")
	socket := filepath.Join(l.Runtime, "wayland-1")
	dead := func(what string) {
		t.Helper()
		c, err := Open(within(t), Options{Getenv: l.Getenv})
		if err == nil {
			c.Close()
		}
		if !errors.Is(err, ErrClosed) || err.Error() != "the Wayland compositor of this session has ended" {
			t.Errorf("%s: %v", what, err)
		}
		changed := func() { t.Errorf("%s: the focus of another session is followed", what) }
		if err := Follow(within(t), Options{Getenv: l.Getenv}, changed); !errors.Is(err, ErrClosed) {
			t.Errorf("%s, to follow: %v", what, err)
		}
	}
	dead("no socket")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	// One that was there when we opened, and is killed.
	c, err := Open(within(t), Options{Getenv: l.Getenv})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	listener.(*net.UnixListener).SetUnlinkOnClose(false)
	listener.Close()
	dead("a socket that was left behind")
	if s, err := c.Focus(within(t), ""); !errors.Is(err, ErrClosed) {
		t.Errorf("ended under an open connection: %+v, %v", s, err)
	}
	// A session of X11's, with a name left over from one before it.
	l.Setenv("XDG_SESSION_TYPE", "x11")
	if _, ok := under(t, l).(xDesktop); !ok {
		t.Error("a session of X11's does not ask its display")
	}
	// What the user asks for is asked.
	l.Setenv("XDG_SESSION_TYPE", "wayland")
	x, err := Open(within(t), Options{Display: d.Name, Getenv: l.Getenv})
	if err != nil {
		t.Fatal(err)
	}
	x.Close()
}

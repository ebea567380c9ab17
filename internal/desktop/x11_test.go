package desktop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/x11"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

func TestWindowsOfX11KeepTheirIds(t *testing.T) {
	for id, want := range map[WindowID]struct {
		xid x11.WindowID
		ok  bool
	}{
		"":            {0, true},
		"0x800008":    {0x800008, true},
		"0xffffffff":  {0xffffffff, true},
		"0x100000000": {0, false},
		"800008":      {0, false},
		"{4f3b-11}":   {0, false},
		"0x":          {0, false},
	} {
		got, ok := xid(id)
		if ok != want.ok || ok && got != want.xid {
			t.Errorf("%q is %#x, %v", id, got, ok)
		}
		if ok && id != "" && XWindow(uint32(got)) != id {
			t.Errorf("%#x is written as %q", got, XWindow(uint32(got)))
		}
	}
	if XWindow(0) != "" {
		t.Errorf("no window is %q", XWindow(0))
	}
}

func TestIdsAreOrderedByNumber(t *testing.T) {
	if c := WindowID("0x900").Compare("0x1000"); c >= 0 {
		t.Errorf("0x900 to 0x1000 is %d", c)
	}
	if c := WindowID("0xa").Compare("0x9"); c <= 0 {
		t.Errorf("0xa to 0x9 is %d", c)
	}
	if c := WindowID("con 7").Compare("con 7"); c != 0 {
		t.Errorf("a window to itself is %d", c)
	}
}

func TestErrorsOfX11AreOnesOfTheDesktop(t *testing.T) {
	refused := errors.New("connection refused")
	for _, tt := range []struct {
		from error
		is   error
		says string
	}{
		{x11.ErrNoFocus, ErrNoFocus, "no window has the focus"},
		{x11.ErrWayland, ErrNoFocus, "no window has the focus"},
		{x11.ErrNoWindowManager, ErrNoWindowManager, ""},
		{fmt.Errorf("again: %w", x11.ErrWindowGone), ErrWindowGone, ""},
		{x11.ErrNoDisplay, ErrNoDisplay, ""},
		{x11.ErrTimeout, ErrTimeout, "the X server: no answer in time"},
		{context.DeadlineExceeded, ErrTimeout, "the X server: no answer in time"},
		{&x11.OpenError{Display: ":7", Err: x11.ErrTimeout}, ErrTimeout, "the X server: no answer in time"},
		{x11.ErrClosed, ErrClosed, "the X server: the connection is closed"},
		{&x11.OpenError{Display: ":7", Err: refused}, refused, `cannot open the X display ":7": connection refused`},
		{refused, refused, "the X server: connection refused"},
	} {
		got := X11Error(tt.from)
		if !errors.Is(got, tt.is) || tt.says != "" && got.Error() != tt.says {
			t.Errorf("%v became %v", tt.from, got)
		}
	}
	if got := X11Error(nil); got != nil {
		t.Errorf("nil became %v", got)
	}
}

func TestAScreenOfX11(t *testing.T) {
	dialog := x11.Window{ID: 0x900001, Type: x11.Dialog, Title: "Open", PID: 7, Owner: 7, TransientFor: 0x800008}
	player := x11.Window{ID: 0x800008, Title: "song", Class: "mpv", Instance: "gl", PID: 2, Owner: 4711, Machine: "desk"}
	got := fromX11(&x11.Screen{Focused: player, Active: dialog.ID, Windows: []x11.Window{player, dialog}, WindowManager: 5, Resource: true, XWayland: true})
	of := Window{ID: "0x800008", XID: 0x800008, Title: "song", Class: "mpv", Instance: "gl", PID: 2, Owner: 4711, Machine: "desk"}
	want := &Screen{
		Desktop: "X11", Focused: of, Active: "0x900001",
		Windows:  []Window{of, {ID: "0x900001", XID: 0x900001, Type: Dialog, Title: "Open", PID: 7, Owner: 7}},
		Complete: true, WindowManager: 5, Resource: true, XWayland: true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if fromX11(nil) != nil {
		t.Error("no screen became one")
	}
	for _, typ := range []x11.WindowType{x11.Normal, x11.Dialog, x11.Utility, x11.Desktop, x11.Dock, x11.Other} {
		if fromX11Type(typ).String() != typ.String() {
			t.Errorf("%s became %s", typ, fromX11Type(typ))
		}
	}
}

// A display that is named, or that DISPLAY names, is asked.
func TestAnXDisplayIsOpened(t *testing.T) {
	lab.Need(t, "xterm")
	l := lab.Start(t)
	d := l.Display()
	c, err := Open(t.Context(), Options{Display: d.Name, Getenv: os.Getenv})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	x := l.XTerm("one", "sleep", "60")
	w := x.WaitWindow()
	d.Focus(w)
	s, err := c.Focus(t.Context(), "")
	if err != nil || s.Focused.XID != w || s.Focused.ID != XWindow(w) || s.Focused.Owner != x.PID {
		t.Errorf("got %+v, %v", s, err)
	}
	if _, err := c.Screen(t.Context(), "a window of another desktop"); !errors.Is(err, ErrWindowGone) {
		t.Errorf("another desktop's window is %v", err)
	}
	if _, err := Open(t.Context(), Options{Getenv: func(string) string { return "" }}); !errors.Is(err, ErrNoDisplay) {
		t.Errorf("without a display: %v", err)
	}
}

// Who decides and who moves knows no kind of desktop.
func TestMatchAndToggleKnowNoKindOfDesktop(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}} {{.Imports}}", "../match", "../toggle").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		for _, p := range []string{"patoggle/x11", "internal/wayland", "godbus", "jezek/xgb"} {
			if strings.Contains(line, p) {
				t.Errorf("%s", line)
			}
		}
	}
	if strings.Count(string(out), "\n") != 2 {
		t.Errorf("listed %q", out)
	}
}

package x11

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
)

func TestTheFocusedWindowOfARealDesktop(t *testing.T) {
	lab.Need(t, "Xvfb", "openbox", "xterm")
	l := lab.Start(t)
	d := l.Display()
	c := connect(t, l)

	s, err := c.Screen(within(t, 20*time.Second), 0)
	wantOnly(t, s, err, ErrNoFocus)
	if len(s.Windows) != 0 || s.WindowManager != d.WM.PID || !s.Resource || s.XWayland {
		t.Errorf("an empty desktop is %+v; the window manager is %d", s, d.WM.PID)
	}

	one := l.XTerm("one", "sleep", "60")
	two := l.XTerm("two", "sleep", "60")
	one.WaitWindow()
	two.WaitWindow()
	for _, p := range []*lab.Player{one, two, one} {
		w := WindowID(p.WaitWindow())
		d.Focus(uint32(w))
		s, err := c.Screen(within(t, 20*time.Second), 0)
		if err != nil {
			t.Fatal(err)
		}
		f := s.Focused
		if f.ID != w || s.Active != w || f.Type != Normal || f.Class != "XTerm" || f.TransientFor != 0 {
			t.Errorf("the focused window is %+v, want %#x", f, w)
		}
		if f.Owner == 0 || f.Owner != f.PID || f.Owner != p.PID && !slices.Contains(p.Descendants(), f.Owner) {
			t.Errorf("the owner is %d and the claimed pid %d, want %d or a child of it", f.Owner, f.PID, p.PID)
		}
		if host, _ := os.Hostname(); f.Machine != host {
			t.Errorf("the machine is %q, want %q", f.Machine, host)
		}
		if s.WindowManager != d.WM.PID {
			t.Errorf("the window manager is %d, want %d", s.WindowManager, d.WM.PID)
		}
		if len(s.Windows) != 2 || !slices.Contains(s.Windows, f) {
			t.Errorf("the windows are %+v", s.Windows)
		}
		byID, err := c.Screen(within(t, 20*time.Second), w)
		if err != nil || byID.Focused != f || byID.Active != w {
			t.Errorf("asked for by its id the window is %+v (%v)", byID, err)
		}
	}

	d.Blur()
	s, err = c.Screen(within(t, 20*time.Second), 0)
	wantOnly(t, s, err, ErrNoFocus)
	if len(s.Windows) != 2 {
		t.Errorf("the windows of an empty desktop are %+v", s.Windows)
	}
}

func TestWithoutAWindowManager(t *testing.T) {
	d := newDesk(t)
	s, err := d.look(0)
	wantOnly(t, s, err, ErrNoWindowManager)

	t.Run("a window can be asked for by its id", func(t *testing.T) {
		w := d.window()
		d.set(w, "WM_NAME", "STRING", "mine")
		s, err := d.look(w)
		if err != nil || s.Focused.Title != "mine" || s.WindowManager != 0 {
			t.Errorf("got %+v, %v", s, err)
		}
	})
	t.Run("properties a dead window manager left behind do not count", func(t *testing.T) {
		d.manage()
		w := d.window()
		d.focus(w)
		if s := d.focused(); s.Focused.ID != w {
			t.Fatalf("managed: %+v", s)
		}
		d.destroy(d.check)
		s, err := d.look(0)
		wantOnly(t, s, err, ErrNoWindowManager)
		if len(s.Windows) != 0 {
			t.Errorf("windows that are not there, but in a list that nobody keeps, are %+v", s.Windows)
		}
	})
	t.Run("a check window that does not name itself does not count", func(t *testing.T) {
		other := d.window()
		d.set(other, "_NET_SUPPORTING_WM_CHECK", "WINDOW", d.root)
		d.set(d.root, "_NET_SUPPORTING_WM_CHECK", "WINDOW", other)
		s, err := d.look(0)
		wantOnly(t, s, err, ErrNoWindowManager)
	})
}

func TestActiveWindowsThatAreNone(t *testing.T) {
	d := newDesk(t)
	d.manage()
	w := d.window()
	d.focus(w)
	const name = "_NET_ACTIVE_WINDOW"
	for _, test := range []struct {
		name string
		set  func()
	}{
		{"not set", func() { d.remove(d.root, name) }},
		{"none", func() { d.set(d.root, name, "WINDOW", 0) }},
		{"the root window", func() { d.set(d.root, name, "WINDOW", d.root) }},
		{"empty", func() { d.set(d.root, name, "WINDOW", []uint32{}) }},
		{"another type", func() { d.set(d.root, name, "CARDINAL", w) }},
		{"text", func() { d.set(d.root, name, "WINDOW", "wxyz") }},
		{"words of 16 bits", func() { d.set(d.root, name, "WINDOW", []uint16{uint16(w), uint16(w >> 16)}) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.set()
			s, err := d.look(0)
			wantOnly(t, s, err, ErrNoFocus)
			if len(s.Windows) != 1 {
				t.Errorf("the windows are %+v", s.Windows)
			}
		})
	}
	t.Run("the first of several counts", func(t *testing.T) {
		d.set(d.root, name, "WINDOW", []uint32{uint32(w), 77, 78})
		if s := d.focused(); s.Focused.ID != w {
			t.Errorf("got %+v", s.Focused)
		}
	})
}

func TestDesktopsAndPanelsAreNoApplications(t *testing.T) {
	d := newDesk(t)
	d.manage()
	w, app := d.window(), d.window()
	d.focus(w, app)
	for _, kind := range []string{"DESKTOP", "DOCK"} {
		d.set(w, "_NET_WM_WINDOW_TYPE", "ATOM", int(d.atom("_NET_WM_WINDOW_TYPE_"+kind)))
		s, err := d.look(0)
		wantOnly(t, s, err, ErrNoFocus)
		if len(s.Windows) != 1 || s.Windows[0].ID != app {
			t.Errorf("%s: the windows are %+v", kind, s.Windows)
		}
	}
	popup := d.window()
	d.set(popup, "WM_TRANSIENT_FOR", "WINDOW", w)
	d.focus(popup, w, app)
	s, err := d.look(0)
	wantOnly(t, s, err, ErrNoFocus)

	for kind, want := range map[string]WindowType{"NORMAL": Normal, "DIALOG": Dialog, "UTILITY": Utility, "TOOLTIP": Other} {
		d.set(w, "_NET_WM_WINDOW_TYPE", "ATOM", int(d.atom("_NET_WM_WINDOW_TYPE_"+kind)))
		d.focus(w)
		if s := d.focused(); s.Focused.Type != want || (len(s.Windows) == 1) != (want != Other) {
			t.Errorf("%s: %+v", kind, s)
		}
	}
}

func TestTransientWindows(t *testing.T) {
	d := newDesk(t)
	d.manage()
	chain := make([]WindowID, 12)
	for i := range chain {
		chain[i] = d.window()
	}
	point := func(from, to int) { d.set(chain[from], "WM_TRANSIENT_FOR", "WINDOW", chain[to]) }
	follow := func(t *testing.T, want int) {
		t.Helper()
		s := d.focused()
		if s.Focused.ID != chain[want] || s.Active != chain[0] {
			t.Errorf("window %#x leads to %#x, want %#x", s.Active, s.Focused.ID, chain[want])
		}
	}

	t.Run("a dialog leads to its window", func(t *testing.T) {
		point(0, 1)
		d.set(chain[1], "_NET_WM_NAME", "UTF8_STRING", "main")
		d.focus(chain[0], chain[1])
		follow(t, 1)
		if s := d.focused(); s.Focused.Title != "main" || s.Windows[0].Type != Dialog {
			t.Errorf("got %+v", s)
		}
	})
	t.Run("to a window that is not managed", func(t *testing.T) {
		d.focus(chain[0])
		follow(t, 1)
		if s := d.focused(); s.Focused.Title != "main" {
			t.Errorf("got %+v", s.Focused)
		}
	})
	t.Run("eight steps, not nine", func(t *testing.T) {
		for i := range len(chain) - 1 {
			point(i, i+1)
		}
		d.focus(chain[0])
		follow(t, 8)
		d.focus(chain...)
		follow(t, 8)
	})
	t.Run("a circle leads nowhere", func(t *testing.T) {
		point(0, 1)
		point(1, 2)
		point(2, 1)
		follow(t, 0)
		point(2, 0)
		follow(t, 0)
	})
	t.Run("its own dialog", func(t *testing.T) {
		point(0, 0)
		follow(t, 0)
	})
	t.Run("a dialog of the whole group", func(t *testing.T) {
		d.set(chain[0], "WM_TRANSIENT_FOR", "WINDOW", d.root)
		follow(t, 0)
		d.set(chain[0], "WM_TRANSIENT_FOR", "WINDOW", 0)
		follow(t, 0)
	})
	t.Run("a window that is gone", func(t *testing.T) {
		point(0, 11)
		d.destroy(chain[11])
		follow(t, 0)
		d.set(chain[0], "WM_TRANSIENT_FOR", "WINDOW", []uint32{0xffffffff})
		follow(t, 0)
	})
}

func TestWhoOwnsAWindow(t *testing.T) {
	d := newDesk(t)
	d.manage()
	a, b := d.stranger(), d.stranger()
	mine := d.window()
	d.focus(a.window, b.window, mine)

	t.Run("without a claim", func(t *testing.T) {
		s := d.focused()
		if !s.Resource || s.Focused.Owner != a.pid || s.Focused.PID != 0 || s.Focused.Machine != "" {
			t.Errorf("got %+v, want the owner %d", s.Focused, a.pid)
		}
		if len(s.Windows) != 3 || s.Windows[1].Owner != b.pid {
			t.Errorf("got %+v, want the owner %d", s.Windows, b.pid)
		}
	})
	t.Run("never ourselves", func(t *testing.T) {
		if s := d.focused(); s.Windows[2].Owner != 0 || s.WindowManager != 0 {
			t.Errorf("got %+v", s)
		}
	})
	t.Run("never the server", func(t *testing.T) {
		s, err := d.look(d.root + 1)
		if err == nil && s.Focused.Owner != 0 {
			t.Errorf("got %+v", s.Focused)
		}
	})
	t.Run("with a forged claim", func(t *testing.T) {
		d.set(a.window, "_NET_WM_PID", "CARDINAL", b.pid)
		if s := d.focused(); s.Focused.Owner != a.pid || s.Focused.PID != b.pid {
			t.Errorf("got %+v, want the owner %d", s.Focused, a.pid)
		}
		for _, bad := range []any{[]uint32{0xffffffff}, "1234", []uint16{1, 0}, 0} {
			d.set(a.window, "_NET_WM_PID", "CARDINAL", bad)
			if s := d.focused(); s.Focused.Owner != a.pid || s.Focused.PID != 0 {
				t.Errorf("the claim %v: got %+v", bad, s.Focused)
			}
		}
	})
	t.Run("on another machine", func(t *testing.T) {
		d.set(a.window, "WM_CLIENT_MACHINE", "STRING", "far.example")
		if s := d.focused(); s.Focused.Machine != "far.example" || s.Focused.Owner != a.pid {
			t.Errorf("got %+v", s.Focused)
		}
	})
	t.Run("a dead one", func(t *testing.T) {
		a.quit()
		d.lab.Until("the window to be gone", func() bool {
			s, err := d.look(a.window)
			if err == ErrWindowGone {
				wantOnly(t, s, err, ErrWindowGone)
				return true
			}
			return false
		})
		// Our connection may have the place of the one that left.
		s, err := d.look(0)
		wantOnly(t, s, err, ErrWindowGone)
		if len(s.Windows) != 2 || s.Windows[0].Owner != b.pid {
			t.Errorf("got %+v", s.Windows)
		}
	})
}

func TestWithoutXResource(t *testing.T) {
	d := newDesk(t, lab.XvfbArgs("-extension", "X-Resource"))
	d.manage()
	a := d.stranger()
	d.set(a.window, "_NET_WM_PID", "CARDINAL", a.pid)
	d.set(d.check, "_NET_WM_PID", "CARDINAL", 4711)
	d.focus(a.window)
	if s := d.focused(); s.Resource || s.Focused.Owner != 0 || s.Focused.PID != a.pid || s.WindowManager != 4711 {
		t.Errorf("got %+v", s)
	}
}

// A client in another pid namespace gets the server's numbers, which mean
// other processes there, or none.
func TestPidsOfAnotherNamespaceDoNotCount(t *testing.T) {
	lab.Need(t, "bwrap")
	d := newDesk(t)
	d.manage()
	a := d.stranger()
	d.focus(a.window)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	look := func(argv ...string) (s Screen) {
		t.Helper()
		r := d.lab.Run(d.lab.With(roleVar+"=screen"), argv[0], argv[1:]...)
		if r.Code != 0 {
			t.Fatalf("%q: %s", argv, r.Stderr)
		}
		if err := json.Unmarshal([]byte(r.Stdout), &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := look(exe); !s.Resource || s.Focused.Owner != a.pid {
		t.Errorf("here: %+v", s)
	}
	s := look("bwrap", "--dev-bind", "/", "/", "--unshare-pid", "--proc", "/proc", exe)
	if s.Resource || s.Focused.Owner != 0 || s.Focused.ID != a.window {
		t.Errorf("in another pid namespace: %+v", s)
	}
}

// Over TCP, as with ssh -X, the server does not know our pid.
func TestPidsOverTCPDoNotCount(t *testing.T) {
	d := newDesk(t, lab.XvfbArgs("-listen", "tcp", "-ac"))
	d.manage()
	a := d.stranger()
	d.focus(a.window)
	c, err := Open(within(t, 20*time.Second), Options{Display: "127.0.0.1" + d.lab.Getenv("DISPLAY"), Getenv: d.lab.Getenv})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s, err := c.Screen(within(t, 20*time.Second), 0)
	if err != nil || s.Resource || s.Focused.Owner != 0 || s.Focused.ID != a.window {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestNamesOfWindows(t *testing.T) {
	d := newDesk(t)
	d.manage()
	w := d.window()
	d.focus(w)
	get := func() Window { return d.focused().Focused }

	d.set(w, "WM_NAME", "STRING", "Tr\xe4ume")
	d.set(w, "WM_CLASS", "STRING", "mpv\x00mpv-gui\x00")
	if f := get(); f.Title != "Träume" || f.Instance != "mpv" || f.Class != "mpv-gui" {
		t.Errorf("got %+v", f)
	}
	d.set(w, "_NET_WM_NAME", "UTF8_STRING", "夢")
	if f := get(); f.Title != "夢" {
		t.Errorf("got %+v", f)
	}
	t.Run("a title of a megabyte", func(t *testing.T) {
		d.set(w, "_NET_WM_NAME", "UTF8_STRING", strings.Repeat("夢", 350000))
		d.set(w, "WM_CLASS", "STRING", strings.Repeat("c", 300000))
		start := time.Now()
		f := get()
		if want := strings.Repeat("夢", 341); f.Title != want {
			t.Errorf("the title has %d bytes", len(f.Title))
		}
		if len(f.Instance) != 1024 || f.Class != "" {
			t.Errorf("the class has %d and %d bytes", len(f.Instance), len(f.Class))
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("it took %v", took)
		}
	})
	t.Run("names of the wrong kind", func(t *testing.T) {
		d.set(w, "_NET_WM_NAME", "UTF8_STRING", []uint32{1, 2, 3})
		d.set(w, "WM_NAME", "CARDINAL", []uint16{0x4141})
		d.set(w, "WM_CLASS", "STRING", []uint32{1})
		d.set(w, "WM_CLIENT_MACHINE", "CARDINAL", 7)
		d.set(w, "WM_TRANSIENT_FOR", "CARDINAL", d.check)
		d.set(w, "_NET_WM_WINDOW_TYPE", "WINDOW", int(d.atom("_NET_WM_WINDOW_TYPE_DOCK")))
		if f := get(); f != (Window{ID: w}) {
			t.Errorf("got %+v", f)
		}
	})
}

func TestManyWindows(t *testing.T) {
	d := newDesk(t)
	d.manage()
	a := d.stranger()
	const many = 3000
	windows := []WindowID{a.window}
	for range many - 1 {
		w := d.window()
		windows = append(windows, w)
	}
	for i, w := range windows {
		if i%100 == 0 {
			d.set(w, "_NET_WM_PID", "CARDINAL", 1000+i)
		}
	}
	list := append(append([]WindowID{}, windows...), windows[:50]...) // some twice
	d.focus(append(list, 0, d.root)...)
	c := connect(t, d.lab)
	var took time.Duration
	for range 3 {
		start := time.Now()
		s, err := c.Screen(within(t, 20*time.Second), 0)
		took = time.Since(start)
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Windows) != many || s.Focused.ID != a.window || s.Focused.Owner != a.pid {
			t.Fatalf("%d windows, focused %+v", len(s.Windows), s.Focused)
		}
		for i, w := range s.Windows {
			if want := 1000 + i; w.ID != windows[i] || i%100 == 0 && w.PID != want || i%100 != 0 && w.PID != 0 {
				t.Fatalf("window %d is %+v", i, w)
			}
		}
	}
	t.Logf("%d windows take %v", many, took)
	if took > 20*time.Second {
		t.Errorf("%d windows take %v", many, took)
	}
}

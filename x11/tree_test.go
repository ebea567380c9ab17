package x11

import (
	"slices"
	"testing"
	"time"

	"github.com/jezek/xgb/xproto"
)

// below makes a window that can be seen inside another one.
func (d *desk) below(parent WindowID) WindowID {
	d.t.Helper()
	id, err := xproto.NewWindowId(d.x)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := xproto.CreateWindowChecked(d.x, 0, id, xproto.Window(parent), 0, 0, 20, 20, 0, xproto.WindowClassInputOutput, 0, 0, nil).Check(); err != nil {
		d.t.Fatal(err)
	}
	return WindowID(id)
}

func (d *desk) show(windows ...WindowID) {
	d.t.Helper()
	for _, w := range windows {
		if err := xproto.MapWindowChecked(d.x, xproto.Window(w)).Check(); err != nil {
			d.t.Fatal(err)
		}
	}
}

func (d *desk) inputFocus(w WindowID) {
	d.t.Helper()
	if err := xproto.SetInputFocusChecked(d.x, xproto.InputFocusNone, xproto.Window(w), 0).Check(); err != nil {
		d.t.Fatal(err)
	}
}

func TestTheInputFocusCountsWithoutAWindowManager(t *testing.T) {
	d := newDesk(t)
	one, two := d.below(d.root), d.below(d.root)
	inner := d.below(two)
	d.show(one, two, inner)
	hidden := d.below(d.root)
	for _, w := range []WindowID{one, two} {
		d.inputFocus(w)
		if s := d.focused(); s.Focused.ID != w || s.Active != w || len(s.Windows) != 2 || s.WindowManager != 0 {
			t.Errorf("with the input focus on %#x: %+v", w, s)
		}
	}
	d.inputFocus(inner) // toolkits put it on a window inside
	if s := d.focused(); s.Focused.ID != two {
		t.Errorf("with the input focus inside %#x: %+v", two, s)
	}
	d.inputFocus(focusPointerRoot)
	if err := xproto.WarpPointerChecked(d.x, 0, xproto.Window(one), 0, 0, 0, 0, 0, 0).Check(); err != nil {
		t.Fatal(err)
	}
	s := d.focused()
	if s.Focused.ID != one && s.Focused.ID != two { // they lie on each other
		t.Errorf("with the pointer on %#x: %+v", one, s)
	}
	for _, none := range []WindowID{focusNone, d.root} {
		d.inputFocus(none)
		s, err := d.look(0)
		wantOnly(t, s, err, ErrNoWindowManager)
	}
	if slices.ContainsFunc(s.Windows, func(w Window) bool { return w.ID == hidden }) {
		t.Error("a window that nobody can see is listed")
	}
}

// A window manager without EWMH marks the clients' windows, and may put frames
// around them.
func TestFramesAreNotClients(t *testing.T) {
	d := newDesk(t)
	frame, bare := d.below(d.root), d.below(d.root)
	box := d.below(frame)
	client := d.below(box)
	d.show(frame, box, client, bare)
	for w, state := range map[WindowID]int{client: 1, bare: 1} {
		d.set(w, "WM_STATE", "WM_STATE", []uint32{uint32(state), 0})
	}
	iconic := d.below(d.root)
	d.set(iconic, "WM_STATE", "WM_STATE", []uint32{3, 0})
	gone := d.below(d.root)
	d.set(gone, "WM_STATE", "WM_STATE", []uint32{0, 0}) // withdrawn
	for focus, want := range map[WindowID]WindowID{frame: client, box: client, client: client, bare: bare} {
		d.inputFocus(focus)
		s := d.focused()
		if s.Focused.ID != want {
			t.Errorf("with the input focus on %#x: %#x, not %#x", focus, s.Focused.ID, want)
		}
		var ids []WindowID
		for _, w := range s.Windows {
			ids = append(ids, w.ID)
		}
		slices.Sort(ids)
		if want := slices.Sorted(slices.Values([]WindowID{client, bare, iconic})); !slices.Equal(ids, want) {
			t.Errorf("the windows are %#x, not %#x", ids, want)
		}
	}
	d.inputFocus(focusNone)
	s, err := d.look(0)
	wantOnly(t, s, err, ErrNoFocus)
}

// KWin 6.7 and mutter 48 under Wayland: the active window is one of the window
// manager's own.
func TestTheWindowManagersOwnWindowStandsForAWaylandWindow(t *testing.T) {
	d := newDesk(t)
	d.manage()
	dummy := d.window()
	other := d.stranger()
	d.focus(dummy)
	c := connect(t, d.lab)
	for _, test := range []struct {
		xwayland int32
		active   WindowID
		want     error
	}{
		{xwaylandYes, dummy, ErrWayland},
		{xwaylandYes, other.window, nil},
		{xwaylandNo, dummy, nil}, // on X11 a window manager has windows, too
	} {
		c.xwayland.Store(test.xwayland)
		d.focus(test.active)
		s, err := c.Screen(within(t, 20*time.Second), 0)
		if err != test.want || err == nil && s.Focused.ID != test.active {
			t.Errorf("xwayland %d, %#x: %+v, %v", test.xwayland, test.active, s, err)
		}
	}
	// Who asks for it by its id gets it.
	c.xwayland.Store(xwaylandYes)
	if s, err := c.Screen(within(t, 20*time.Second), dummy); err != nil || s.Focused.ID != dummy {
		t.Errorf("by its id: %+v, %v", s, err)
	}
}

func TestClientsInsideAWindow(t *testing.T) {
	d := newDesk(t)
	d.manage()
	host := d.below(d.root)
	box := d.below(host)
	d.show(host, box)
	one, two, outside := d.stranger(), d.stranger(), d.stranger()
	c := connect(t, d.lab)
	inside := func(w WindowID) []int {
		t.Helper()
		pids, err := c.Inside(within(t, 20*time.Second), w)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(pids)
		return pids
	}
	if got := inside(host); got != nil {
		t.Errorf("inside an empty one: %v", got)
	}
	put := func(s stranger, parent WindowID) {
		t.Helper()
		if err := xproto.ReparentWindowChecked(d.x, xproto.Window(s.window), xproto.Window(parent), 0, 0).Check(); err != nil {
			t.Fatal(err)
		}
		d.show(s.window)
	}
	put(one, host)
	put(two, box)
	if got, want := inside(host), slices.Sorted(slices.Values([]int{one.pid, two.pid})); !slices.Equal(got, want) {
		t.Errorf("inside are %v, not %v", got, want)
	}
	d.inputFocus(two.window)
	if got := inside(host); !slices.Equal(got, []int{two.pid}) {
		t.Errorf("with the keyboard: %v, not %d", got, two.pid)
	}
	if got := inside(outside.window); got != nil {
		t.Errorf("inside another: %v", got)
	}
	d.destroy(host)
	if got := inside(host); got != nil {
		t.Errorf("inside one that is gone: %v", got)
	}
	if got := inside(0x1fffffff); got != nil {
		t.Errorf("inside one that never was: %v", got)
	}
}

func FuzzTreeReplies(f *testing.F) {
	f.Add([]byte{1})
	f.Add(append(make([]byte, 16), append([]byte{2, 0}, make([]byte, 22)...)...))
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, children := parseTree(raw)
		if 4*len(children) > len(raw) {
			t.Fatalf("%d children in %d bytes", len(children), len(raw))
		}
		parseShown(raw)
		parseFocus(raw)
		parsePointer(raw)
	})
}

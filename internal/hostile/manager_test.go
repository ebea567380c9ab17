package hostile

import (
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"

	"github.com/patoggle/patoggle/internal/lab"
)

// manager is an X client that takes the place of a window manager on a display
// without one, and owns all windows. It says what a test wants.
type manager struct {
	t     *testing.T
	x     *xgb.Conn
	root  xproto.Window
	check xproto.Window
	atoms map[string]xproto.Atom
}

func manage(t *testing.T, d *lab.Display) *manager {
	t.Helper()
	xgb.Logger.SetOutput(io.Discard)
	x, err := xgb.NewConnDisplay(d.Name)
	if err != nil {
		t.Fatal(err)
	}
	m := &manager{t: t, x: x, atoms: map[string]xproto.Atom{}}
	m.root = xproto.Setup(x).DefaultScreen(x).Root
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if e, err := x.WaitForEvent(); e == nil && err == nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		x.Close()
		<-done
		// The library's goroutine for ids ends a moment after.
		for {
			if _, err := x.NewId(); err == io.EOF {
				return
			}
		}
	})
	m.check = m.window()
	m.sane()
	return m
}

// sane makes the manager an honest one without windows.
func (m *manager) sane() {
	m.t.Helper()
	m.numbers(m.root, "_NET_SUPPORTING_WM_CHECK", "WINDOW", uint32(m.check))
	m.numbers(m.check, "_NET_SUPPORTING_WM_CHECK", "WINDOW", uint32(m.check))
	m.active(0)
	m.clients()
}

func (m *manager) atom(name string) xproto.Atom {
	m.t.Helper()
	if a, ok := m.atoms[name]; ok {
		return a
	}
	r, err := xproto.InternAtom(m.x, false, uint16(len(name)), name).Reply()
	if err != nil {
		m.t.Fatalf("atom %q: %v", name, err)
	}
	m.atoms[name] = r.Atom
	return r.Atom
}

// set sets a property; its length counts units of the format. A long one goes
// in pieces.
func (m *manager) set(w xproto.Window, name, kind string, format byte, data []byte) {
	m.t.Helper()
	mode := byte(xproto.PropModeReplace)
	for {
		n := min(len(data), 200_000)
		if err := xproto.ChangePropertyChecked(m.x, mode, w, m.atom(name), m.atom(kind), format,
			uint32(n/int(format/8)), data[:n]).Check(); err != nil {
			m.t.Fatalf("set %s: %v", name, err)
		}
		if data = data[n:]; len(data) == 0 {
			return
		}
		mode = xproto.PropModeAppend
	}
}

func (m *manager) numbers(w xproto.Window, name, kind string, values ...uint32) {
	m.t.Helper()
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	m.set(w, name, kind, 32, b)
}

func (m *manager) text(w xproto.Window, name, value string) {
	m.t.Helper()
	m.set(w, name, "STRING", 8, []byte(value))
}

func (m *manager) remove(w xproto.Window, name string) {
	m.t.Helper()
	if err := xproto.DeletePropertyChecked(m.x, w, m.atom(name)).Check(); err != nil {
		m.t.Fatalf("remove %s: %v", name, err)
	}
}

// window creates a window without properties.
func (m *manager) window() xproto.Window {
	m.t.Helper()
	id, err := xproto.NewWindowId(m.x)
	if err == nil {
		err = xproto.CreateWindowChecked(m.x, 0, id, m.root, -10, -10, 1, 1, 0, xproto.WindowClassInputOnly, 0, 0, nil).Check()
	}
	if err != nil {
		m.t.Fatalf("create a window: %v", err)
	}
	return id
}

// application creates a window with the properties of an honest one, of this
// process.
func (m *manager) application() xproto.Window {
	m.t.Helper()
	w := m.window()
	m.numbers(w, "_NET_WM_PID", "CARDINAL", uint32(os.Getpid()))
	m.text(w, "_NET_WM_NAME", secretTitle)
	m.text(w, "WM_CLASS", "player\x00Player\x00")
	return w
}

func (m *manager) destroy(w xproto.Window) {
	m.t.Helper()
	if err := xproto.DestroyWindowChecked(m.x, w).Check(); err != nil {
		m.t.Fatalf("destroy a window: %v", err)
	}
}

// active says which window has the focus.
func (m *manager) active(w xproto.Window) {
	m.t.Helper()
	m.numbers(m.root, "_NET_ACTIVE_WINDOW", "WINDOW", uint32(w))
}

// clients lists the managed windows.
func (m *manager) clients(ws ...xproto.Window) {
	m.t.Helper()
	ids := make([]uint32, len(ws))
	for i, w := range ws {
		ids[i] = uint32(w)
	}
	m.numbers(m.root, "_NET_CLIENT_LIST", "WINDOW", ids...)
}

// program is the name of this test's executable, as a sound server is told.
func program() string { return filepath.Base(os.Args[0]) }

package hostile

import (
	"bytes"
	"encoding/binary"
	"os"
	"strings"

	"github.com/jezek/xgb/xproto"
)

// scene is one thing that windows or window managers can do. There is the
// window w of this process, managed and focused, and its stream plays on
// Speakers.
type scene struct {
	name string
	set  func(m *manager, w xproto.Window)
	code int
	says string
}

const (
	noFocus   = "no window has the focus"
	noManager = "no window manager says"
	notPlayed = "is not playing anything"
)

// repeat is n times the number.
func repeat(v uint32, n int) []byte {
	return bytes.Repeat(binary.LittleEndian.AppendUint32(nil, v), n)
}

const evilText = "\x1b]0;owned\x07\x1b[2J\u202e\u009b31m\xff\r\n"

// scenes is the table.
func scenes() []scene {
	return []scene{
		{name: "all is well", set: func(*manager, xproto.Window) {}, says: moved},

		// What the window manager says.
		{name: "nobody has the focus", set: func(m *manager, w xproto.Window) { m.active(0) }, code: 3, says: noFocus},
		{name: "_NET_ACTIVE_WINDOW is not set", set: func(m *manager, w xproto.Window) { m.remove(m.root, "_NET_ACTIVE_WINDOW") }, code: 3, says: noFocus},
		{name: "_NET_ACTIVE_WINDOW is an atom", set: func(m *manager, w xproto.Window) { m.numbers(m.root, "_NET_ACTIVE_WINDOW", "ATOM", uint32(w)) }, code: 3, says: noFocus},
		{name: "_NET_ACTIVE_WINDOW is a cardinal", set: func(m *manager, w xproto.Window) {
			m.numbers(m.root, "_NET_ACTIVE_WINDOW", "CARDINAL", uint32(w))
		}, code: 3, says: noFocus},
		{name: "_NET_ACTIVE_WINDOW has 8 bits", set: func(m *manager, w xproto.Window) { m.set(m.root, "_NET_ACTIVE_WINDOW", "WINDOW", 8, []byte{1}) }, code: 3, says: noFocus},
		{name: "_NET_ACTIVE_WINDOW has 16 bits", set: func(m *manager, w xproto.Window) {
			m.set(m.root, "_NET_ACTIVE_WINDOW", "WINDOW", 16, []byte{1, 2, 3, 4})
		}, code: 3, says: noFocus},
		{name: "_NET_ACTIVE_WINDOW is empty", set: func(m *manager, w xproto.Window) { m.set(m.root, "_NET_ACTIVE_WINDOW", "WINDOW", 32, nil) }, code: 3, says: noFocus},
		{name: "_NET_ACTIVE_WINDOW is 1 MB long", set: func(m *manager, w xproto.Window) {
			m.set(m.root, "_NET_ACTIVE_WINDOW", "WINDOW", 32, repeat(uint32(w), 250_000))
		}, says: moved},
		{name: "_NET_ACTIVE_WINDOW is the root window", set: func(m *manager, w xproto.Window) { m.active(m.root) }, code: 3, says: noFocus},
		{name: "_NET_ACTIVE_WINDOW is 4294967295", set: func(m *manager, w xproto.Window) { m.active(0xFFFFFFFF) }, code: 3, says: "the focused window has just gone"},
		{name: "_NET_ACTIVE_WINDOW has gone", set: func(m *manager, w xproto.Window) {
			dead := m.window()
			m.destroy(dead)
			m.active(dead)
		}, code: 3, says: "the focused window has just gone"},
		{name: "_NET_ACTIVE_WINDOW is not managed", set: func(m *manager, w xproto.Window) { m.clients() }, says: moved},
		{name: "_NET_CLIENT_LIST is of atoms", set: func(m *manager, w xproto.Window) {
			m.set(m.root, "_NET_CLIENT_LIST", "ATOM", 32, repeat(uint32(w), 3))
		}, says: moved},
		{name: "_NET_CLIENT_LIST has 8 bits", set: func(m *manager, w xproto.Window) {
			m.set(m.root, "_NET_CLIENT_LIST", "WINDOW", 8, []byte("abc"))
		}, says: moved},
		{name: "_NET_CLIENT_LIST has one window 250,000 times", set: func(m *manager, w xproto.Window) {
			m.set(m.root, "_NET_CLIENT_LIST", "WINDOW", 32, repeat(uint32(w), 250_000))
		}, says: moved},
		{name: "_NET_CLIENT_LIST has 3,000 windows that are not there", set: func(m *manager, w xproto.Window) {
			var b []byte
			for i := range uint32(3000) {
				b = binary.LittleEndian.AppendUint32(b, 0x1F000000-i*7)
			}
			m.set(m.root, "_NET_CLIENT_LIST", "WINDOW", 32, b)
		}, says: moved},
		{name: "_NET_SUPPORTING_WM_CHECK is not set", set: func(m *manager, w xproto.Window) { m.remove(m.root, "_NET_SUPPORTING_WM_CHECK") }, code: 1, says: noManager},
		{name: "_NET_SUPPORTING_WM_CHECK has gone", set: func(m *manager, w xproto.Window) {
			dead := m.window()
			m.destroy(dead)
			m.numbers(m.root, "_NET_SUPPORTING_WM_CHECK", "WINDOW", uint32(dead))
		}, code: 1, says: noManager},
		{name: "_NET_SUPPORTING_WM_CHECK does not say so itself", set: func(m *manager, w xproto.Window) {
			m.numbers(m.root, "_NET_SUPPORTING_WM_CHECK", "WINDOW", uint32(w))
		}, code: 1, says: noManager},
		{name: "_NET_SUPPORTING_WM_CHECK is text", set: func(m *manager, w xproto.Window) { m.text(m.root, "_NET_SUPPORTING_WM_CHECK", "openbox") }, code: 1, says: noManager},

		// What windows say of their process.
		{name: "_NET_WM_PID of another process", set: func(m *manager, w xproto.Window) { m.numbers(w, "_NET_WM_PID", "CARDINAL", 1) }, says: moved},
		{name: "_NET_WM_PID 0", set: func(m *manager, w xproto.Window) { m.numbers(w, "_NET_WM_PID", "CARDINAL", 0) }, says: moved},
		{name: "_NET_WM_PID 4294967295", set: func(m *manager, w xproto.Window) { m.numbers(w, "_NET_WM_PID", "CARDINAL", 0xFFFFFFFF) }, says: moved},
		{name: "_NET_WM_PID is text", set: func(m *manager, w xproto.Window) { m.text(w, "_NET_WM_PID", "12345") }, says: moved},
		{name: "_NET_WM_PID is 1 MB long", set: func(m *manager, w xproto.Window) {
			m.set(w, "_NET_WM_PID", "CARDINAL", 32, repeat(1, 250_000))
		}, says: moved},

		// WM_TRANSIENT_FOR.
		{name: "transient for itself", set: func(m *manager, w xproto.Window) { m.numbers(w, "WM_TRANSIENT_FOR", "WINDOW", uint32(w)) }, says: moved},
		{name: "two windows transient for each other", set: func(m *manager, w xproto.Window) {
			o := m.application()
			m.numbers(w, "WM_TRANSIENT_FOR", "WINDOW", uint32(o))
			m.numbers(o, "WM_TRANSIENT_FOR", "WINDOW", uint32(w))
			m.clients(w, o)
		}, says: moved},
		{name: "a chain of 20 windows that ends in a circle", set: func(m *manager, w xproto.Window) {
			last := w
			for range 20 {
				o := m.application()
				m.numbers(last, "WM_TRANSIENT_FOR", "WINDOW", uint32(o))
				last = o
			}
			m.numbers(last, "WM_TRANSIENT_FOR", "WINDOW", uint32(w))
		}, says: moved},
		{name: "transient for the root window", set: func(m *manager, w xproto.Window) { m.numbers(w, "WM_TRANSIENT_FOR", "WINDOW", uint32(m.root)) }, says: moved},
		{name: "transient for a window that has gone", set: func(m *manager, w xproto.Window) {
			dead := m.window()
			m.destroy(dead)
			m.numbers(w, "WM_TRANSIENT_FOR", "WINDOW", uint32(dead))
		}, says: moved},
		{name: "transient for 4294967295", set: func(m *manager, w xproto.Window) { m.numbers(w, "WM_TRANSIENT_FOR", "WINDOW", 0xFFFFFFFF) }, says: moved},
		{name: "transient for text", set: func(m *manager, w xproto.Window) { m.text(w, "WM_TRANSIENT_FOR", evilText) }, says: moved},

		// What windows say of themselves.
		{name: "a title of 1 MB", set: func(m *manager, w xproto.Window) {
			m.text(w, "_NET_WM_NAME", strings.Repeat("t", 1<<20))
			m.text(w, "WM_NAME", strings.Repeat("t", 1<<20))
		}, says: moved},
		{name: "a title that is no text", set: func(m *manager, w xproto.Window) { m.numbers(w, "_NET_WM_NAME", "CARDINAL", 1, 2, 3) }, says: moved},
		{name: "a class of 1 MB", set: func(m *manager, w xproto.Window) { m.text(w, "WM_CLASS", strings.Repeat("c", 1<<20)) }, says: moved},
		{name: "a class of 100,000 NULs", set: func(m *manager, w xproto.Window) { m.text(w, "WM_CLASS", strings.Repeat("\x00", 100_000)) }, says: moved},
		{name: "control characters everywhere, and silent", set: func(m *manager, w xproto.Window) {
			o := m.window()
			m.text(o, "_NET_WM_NAME", evilText)
			m.text(o, "WM_CLASS", "\x00"+evilText+"\x00")
			m.text(o, "WM_CLIENT_MACHINE", evilText)
			m.clients(w, o)
			m.active(o)
		}, code: 1, says: `remote window: "\x1b]0;owned`},
		{name: "a machine's name of 1 MB", set: func(m *manager, w xproto.Window) { m.text(w, "WM_CLIENT_MACHINE", strings.Repeat("m", 1<<20)) }, code: 1, says: "remote window"},
		{name: "100,000 types", set: func(m *manager, w xproto.Window) {
			m.set(w, "_NET_WM_WINDOW_TYPE", "ATOM", 32, repeat(uint32(m.atom("NOBODY_KNOWS")), 100_000))
		}, says: moved},
		{name: "a type that is text", set: func(m *manager, w xproto.Window) { m.text(w, "_NET_WM_WINDOW_TYPE", "dock") }, says: moved},
		{name: "a dock", set: func(m *manager, w xproto.Window) {
			m.numbers(w, "_NET_WM_WINDOW_TYPE", "ATOM", uint32(m.atom("_NET_WM_WINDOW_TYPE_DOCK")))
		}, code: 3, says: noFocus},
		{name: "a window without any property", set: func(m *manager, w xproto.Window) { m.active(m.window()) }, says: moved},
		{name: "3,000 windows", set: func(m *manager, w xproto.Window) {
			all := []xproto.Window{w}
			for range 2999 {
				id, err := xproto.NewWindowId(m.x)
				if err != nil {
					m.t.Fatal(err)
				}
				xproto.CreateWindow(m.x, 0, id, m.root, -10, -10, 1, 1, 0, xproto.WindowClassInputOnly, 0, 0, nil)
				xproto.ChangeProperty(m.x, xproto.PropModeReplace, id, m.atom("_NET_WM_PID"), m.atom("CARDINAL"), 32, 1,
					binary.LittleEndian.AppendUint32(nil, uint32(os.Getpid())))
				all = append(all, id)
			}
			m.clients(all...)
		}, says: moved},
	}
}

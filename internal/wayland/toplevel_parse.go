package wayland

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

var errWire = errors.New("its answer is not of Wayland's form")

// Objects of ours. Ids of a client's are given in turn; those of the server's
// begin with serverObjects.
const (
	theDisplay    = 1
	theRegistry   = 2
	firstSync     = 3
	theManager    = 4
	secondSync    = 5
	serverObjects = 0xff000000
)

// manager is the interface, of which version 3 is understood.
const (
	manager        = "zwlr_foreign_toplevel_manager_v1"
	managerVersion = 3
)

// handleDestroy is the request by which a client gives the object of a window up
// (zwlr_foreign_toplevel_handle_v1.destroy).
const handleDestroy = 7

// maxMessages is how many messages are read before a compositor is given up.
const maxMessages = 1 << 17

// toplevel is one window.
type toplevel struct {
	title, appID string
	activated    bool
}

// toplevels is a conversation: what was said, and what is waited for.
type toplevels struct {
	global  uint32 // the manager's name in the registry; version is 0 while it has none
	version uint32
	sync    uint32 // the callback that was asked for last
	done    bool   // it came
	count   int
	windows map[uint32]*toplevel
	order   []uint32
	closed  []uint32 // windows that are gone, whose objects are still there
	news    bool     // a window has changed, or is gone
}

func newToplevels() *toplevels { return &toplevels{windows: make(map[uint32]*toplevel)} }

func (t *toplevels) synced() bool { return t.done }

// registry asks for the list of globals, and for a sign at its end.
func (t *toplevels) registry() []byte {
	t.sync, t.done = firstSync, false
	b := request(nil, theDisplay, 1, number(theRegistry))
	return request(b, theDisplay, 0, number(firstSync))
}

// bind asks for the windows; nil when there is no manager.
func (t *toplevels) bind() []byte {
	if t.version == 0 {
		return nil
	}
	t.sync, t.done = secondSync, false
	b := request(nil, theRegistry, 0,
		number(t.global), text(manager), number(min(t.version, managerVersion)), number(theManager))
	return request(b, theDisplay, 0, number(secondSync))
}

func request(b []byte, object uint32, opcode int, args ...[]byte) []byte {
	body := bytes.Join(args, nil)
	b = append(b, number(object)...)
	b = append(b, number(uint32(8+len(body))<<16|uint32(opcode))...)
	return append(b, body...)
}

func number(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }

// text is the length with a zero byte, the bytes, and zeros up to four.
func text(s string) []byte {
	b := append(number(uint32(len(s)+1)), s...)
	return append(b, make([]byte, 4-len(s)%4)...)
}

// argument cuts the next four bytes off.
func argument(b *[]byte) (uint32, error) {
	if len(*b) < 4 {
		return 0, errWire
	}
	n := binary.NativeEndian.Uint32(*b)
	*b = (*b)[4:]
	return n, nil
}

// array cuts the next array or text off; a text has a zero byte at its end.
func array(b *[]byte) ([]byte, error) {
	n, err := argument(b)
	if err != nil || int(n) > len(*b) {
		return nil, errWire
	}
	out := (*b)[:n]
	*b = (*b)[min(len(*b), int(n+3)&^3):]
	return out, nil
}

func words(b *[]byte) (string, error) {
	raw, err := array(b)
	return strings.TrimRight(string(raw), "\x00"), err
}

// take hears one event.
func (t *toplevels) take(object, event uint32, body []byte) error {
	if t.count++; t.count > maxMessages {
		return errors.New("it says more than anybody reads")
	}
	switch {
	case object == theDisplay && event == 0:
		return displayError(body)
	case object == theRegistry && event == 0:
		return t.takeGlobal(body)
	case object == t.sync && event == 0:
		t.done = true
	case object == theManager && event == 0:
		return t.takeWindow(body)
	case object == theManager: // finished
		return errors.New("it tells of no window any more")
	case object >= serverObjects:
		if w := t.windows[object]; w != nil {
			return t.takeState(object, w, event, body)
		}
	}
	return nil // of no interest
}

// displayError is wl_display.error: an object, a code, a text.
func displayError(body []byte) error {
	if len(body) < 8 {
		return errWire
	}
	rest := body[8:]
	why, err := words(&rest)
	if err != nil {
		return err
	}
	return fmt.Errorf("it refuses: %q", why)
}

// takeGlobal is wl_registry.global: a name, an interface, its version.
func (t *toplevels) takeGlobal(body []byte) error {
	name, err := argument(&body)
	if err != nil {
		return err
	}
	iface, err := words(&body)
	if err != nil {
		return err
	}
	version, err := argument(&body)
	if err == nil && iface == manager && t.version == 0 {
		t.global, t.version = name, version
	}
	return err
}

func (t *toplevels) takeWindow(body []byte) error {
	id, err := argument(&body)
	if err != nil || id < serverObjects {
		return errWire
	}
	if len(t.windows) >= maxWindows {
		return errors.New("it has more windows than anybody looks at")
	}
	if t.windows[id] == nil {
		t.order = append(t.order, id)
	}
	t.windows[id] = &toplevel{}
	return nil
}

// takeState hears an event of a window. The states are an array of numbers, of
// which 2 is "activated".
func (t *toplevels) takeState(id uint32, w *toplevel, event uint32, body []byte) (err error) {
	switch event {
	case 0:
		w.title, err = words(&body)
	case 1:
		w.appID, err = words(&body)
	case 4:
		var states []byte
		states, err = array(&body)
		w.activated = false
		for len(states) >= 4 {
			n, _ := argument(&states)
			w.activated = w.activated || n == 2
		}
	case 5: // done: all that belongs together was said
		t.news = true
	case 6: // closed
		t.news, t.closed = true, append(t.closed, id)
		delete(t.windows, id)
		t.order = slices.DeleteFunc(t.order, func(other uint32) bool { return other == id })
	}
	return err
}

// answer is what was said. Windows have no ids that would be the same the next
// time but the one the server gave the object, which is in the order of their
// age.
func (t *toplevels) answer() *Answer {
	a := &Answer{Complete: true, Derived: true}
	if len(t.order) > 0 {
		a.Holder = Layer
	}
	for _, id := range t.order {
		w := t.windows[id]
		out := Window{ID: "toplevel-" + strconv.FormatUint(uint64(id-serverObjects), 10), Title: w.title, AppID: w.appID}
		a.Windows = append(a.Windows, out)
		if w.activated && a.Focused == nil {
			a.Focused = &out
		}
	}
	return a
}

// lastPart is the end of an application id, which mostly is the name of the
// program: "firefox" of "org.mozilla.firefox".
func lastPart(appID string) string {
	return appID[strings.LastIndexByte(appID, '.')+1:]
}

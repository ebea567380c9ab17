package x11

import (
	"context"
	"encoding/binary"
	"os"
	"slices"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

// Without a window manager that keeps EWMH's properties the windows are found
// in the tree below the root, and the focus is what the server itself says.

const (
	// maxDepth is how far below a child of the root a client's window is looked
	// for: window managers put one or two windows around it (ICCCM 4.1.3.1
	// marks it with WM_STATE).
	maxDepth = 3
	// maxTree bounds how many windows are looked at.
	maxTree = 4096
	// maxAncestors bounds the way from the window with the input focus up.
	maxAncestors = 32
)

// The two focuses that are no window (X11 protocol, SetInputFocus).
const (
	focusNone        = 0
	focusPointerRoot = 1 // what the pointer is on
)

// node is a window in the tree as read.
type node struct {
	id, top WindowID // top is the child of the root it is below, or itself
	state   bool     // it has a WM_STATE that is not "withdrawn"
	shown   bool     // viewable, and not for a moment only (override-redirect)
}

// branch are the requests for one window of the tree.
type branch struct {
	id, top                 WindowID
	state, attributes, tree *xgb.Cookie
}

// tree is what the root's tree says.
type tree struct {
	clients []WindowID
	// clientOf is the client below each child of the root, itself included.
	clientOf map[WindowID]WindowID
	// managed is whether a window manager has marked any of them.
	managed bool
}

// readTree finds the clients' windows below the root: those that a window
// manager has marked, and where it has marked none below a child of the root,
// that child if it is shown.
func (c *Conn) readTree() (tree, error) {
	t := tree{clientOf: map[WindowID]WindowID{}}
	children, err := c.children(c.root)
	if err != nil {
		return t, err
	}
	level := make([]branch, 0, len(children))
	for _, id := range children {
		level = append(level, c.branch(id, id))
	}
	shown := map[WindowID]bool{}
	left := maxTree
	for depth := 0; depth <= maxDepth && len(level) > 0; depth++ {
		var next []branch
		for _, b := range level {
			n, below, err := c.receiveBranch(b)
			if err != nil {
				return t, err
			}
			if n.id == n.top {
				shown[n.id] = n.shown
			}
			if n.state {
				t.managed = true
				t.clients = append(t.clients, n.id)
				if t.clientOf[n.top] == 0 {
					t.clientOf[n.top] = n.id
				}
				continue
			}
			for _, id := range below {
				if left--; left > 0 && depth < maxDepth {
					next = append(next, c.branch(id, b.top))
				}
			}
		}
		level = next
	}
	for _, id := range children {
		if t.clientOf[id] == 0 && shown[id] {
			t.clients = append(t.clients, id)
			t.clientOf[id] = id
		}
	}
	return t, nil
}

func (c *Conn) branch(id, top WindowID) branch {
	return branch{
		id: id, top: top,
		state:      c.property(id, c.atoms.state, anyType, 1),
		attributes: xproto.GetWindowAttributes(c.x, xproto.Window(id)).Cookie,
		tree:       xproto.QueryTree(c.x, xproto.Window(id)).Cookie,
	}
}

func (c *Conn) receiveBranch(b branch) (n node, below []WindowID, err error) {
	n = node{id: b.id, top: b.top}
	state, _, err := c.receiveProperty(b.state)
	if err != nil {
		return n, nil, err
	}
	n.state = state.number(c.atoms.state) != 0
	raw, _, err := c.receive(b.attributes)
	if err != nil {
		return n, nil, err
	}
	n.shown = parseShown(raw)
	raw, _, err = c.receive(b.tree)
	if err != nil {
		return n, nil, err
	}
	_, below = parseTree(raw)
	return n, below, nil
}

// children are the windows below another, the lowest in stacking first; none
// when it is gone.
func (c *Conn) children(id WindowID) ([]WindowID, error) {
	raw, _, err := c.receive(xproto.QueryTree(c.x, xproto.Window(id)).Cookie)
	if err != nil {
		return nil, err
	}
	_, list := parseTree(raw)
	return list[:min(len(list), maxTree)], nil
}

// inputFocus is the client's window that has the X input focus; 0 for none.
func (c *Conn) inputFocus(t tree) (WindowID, error) {
	focus := xproto.GetInputFocus(c.x).Cookie
	pointer := xproto.QueryPointer(c.x, xproto.Window(c.root)).Cookie
	raw, _, err := c.receive(focus)
	if err != nil {
		return 0, err
	}
	id := parseFocus(raw)
	if raw, _, err = c.receive(pointer); err != nil {
		return 0, err
	}
	switch id {
	case focusNone, c.root:
		return 0, nil
	case focusPointerRoot:
		return t.clientOf[parsePointer(raw)], nil
	}
	return c.clientAbove(id, t)
}

// clientAbove is the client's window that a window is, or is inside of.
func (c *Conn) clientAbove(id WindowID, t tree) (WindowID, error) {
	for range maxAncestors {
		if slices.Contains(t.clients, id) {
			return id, nil
		}
		raw, ok, err := c.receive(xproto.QueryTree(c.x, xproto.Window(id)).Cookie)
		if err != nil || !ok {
			return 0, err
		}
		parent, _ := parseTree(raw)
		if parent == 0 || parent == c.root {
			return t.clientOf[id], nil // a frame
		}
		id = parent
	}
	return 0, nil
}

// Inside are the pids of the other clients that draw inside a window: below it
// in the tree, at most three levels. Of several the one with the input focus is
// the only one. None is no error; neither is a window that is gone.
func (c *Conn) Inside(ctx context.Context, window WindowID) ([]int, error) {
	var pids []int
	err := c.do(ctx, func() (err error) {
		pids, err = c.inside(window)
		return err
	})
	return pids, err
}

func (c *Conn) inside(window WindowID) ([]int, error) {
	focus := xproto.GetInputFocus(c.x).Cookie
	level, err := c.children(window)
	if err != nil {
		return nil, err
	}
	raw, _, err := c.receive(focus)
	if err != nil {
		return nil, err
	}
	focused := parseFocus(raw)
	var guests []WindowID
	left := maxTree
	for depth := 0; depth < maxDepth && len(level) > 0; depth++ {
		level = level[:min(len(level), left)]
		left -= len(level)
		cookies := make([]*xgb.Cookie, len(level))
		for i, id := range level {
			cookies[i] = xproto.QueryTree(c.x, xproto.Window(id)).Cookie
		}
		var next []WindowID
		for i, cookie := range cookies {
			raw, ok, err := c.receive(cookie)
			if err != nil {
				return nil, err
			}
			if base := c.base(level[i]); ok && base != 0 && base != c.base(window) {
				guests = append(guests, level[i])
				continue
			}
			_, below := parseTree(raw)
			next = append(next, below...)
		}
		level = next
	}
	if len(guests) == 0 {
		return nil, nil
	}
	l := &looking{c: c, me: os.Getpid()}
	if err := l.receiveOwners(l.askOwners(guests)); err != nil {
		return nil, err
	}
	var pids []int
	for _, id := range guests {
		pid := l.owner(id)
		if pid == 0 || slices.Contains(pids, pid) {
			continue
		}
		if c.base(id) == c.base(focused) {
			return []int{pid}, nil
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

// focusWithoutManager finds the clients and which of them has the focus. what is
// ErrNoFocus, or ErrNoWindowManager where none has been marked by one either.
func (c *Conn) focusWithoutManager() (active WindowID, clients []WindowID, what, err error) {
	t, err := c.readTree()
	if err != nil {
		return 0, nil, nil, err
	}
	active, err = c.inputFocus(t)
	switch {
	case err != nil:
		return 0, nil, nil, err
	case active == 0 && !t.managed:
		what = ErrNoWindowManager
	case active == 0:
		what = ErrNoFocus
	}
	return active, t.clients, what, nil
}

// parseTree reads the reply of QueryTree (X11 protocol): the parent, and the
// children from the lowest in stacking up.
func parseTree(raw []byte) (parent WindowID, children []WindowID) {
	if len(raw) < 32 {
		return 0, nil
	}
	le := binary.LittleEndian
	n := min(int(le.Uint16(raw[16:])), (len(raw)-32)/4)
	children = make([]WindowID, n)
	for i := range children {
		children[i] = WindowID(le.Uint32(raw[32+4*i:]))
	}
	return WindowID(le.Uint32(raw[12:])), children
}

// parseShown reads the reply of GetWindowAttributes: whether the window can be
// seen, takes input and output, and is not override-redirect.
func parseShown(raw []byte) bool {
	const inputOutput, viewable = 1, 2
	return len(raw) >= 44 && binary.LittleEndian.Uint16(raw[12:]) == inputOutput && raw[26] == viewable && raw[27] == 0
}

// parseFocus reads the reply of GetInputFocus.
func parseFocus(raw []byte) WindowID {
	if len(raw) < 12 {
		return focusNone
	}
	return WindowID(binary.LittleEndian.Uint32(raw[8:]))
}

// parsePointer reads the reply of QueryPointer: the child of the root that the
// pointer is in; 0 for none.
func parsePointer(raw []byte) WindowID {
	if len(raw) < 16 {
		return 0
	}
	return WindowID(binary.LittleEndian.Uint32(raw[12:]))
}

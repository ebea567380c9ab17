package x11

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

// Limits of what is read of a property, in units of four bytes.
const (
	maxTitle   = 256
	maxClass   = 256
	maxMachine = 64
	maxTypes   = 32
)

// maxOutputs bounds how many outputs are looked at for XWayland.
const maxOutputs = 8

// Screen reads the focused window, or the given one, who owns it, and the same
// for every managed window: two round trips, one more for each step of
// WM_TRANSIENT_FOR that leads to a window that is not managed. At most 16384
// managed windows are read.
//
// Without a window manager that keeps EWMH's properties (xmonad as Debian starts
// it, twm, none at all) the windows are those of the root's tree, and the X input
// focus counts; that takes some round trips more.
//
// With window 0 the errors are ErrNoWindowManager, ErrNoFocus, ErrWayland and
// ErrWindowGone (twice in a row the focused window vanished before it was
// read); with another one it is ErrWindowGone. Beside these the screen
// is returned all the same, with Focused and Active zero. ErrTimeout and
// ErrClosed come alone.
func (c *Conn) Screen(ctx context.Context, window WindowID) (*Screen, error) {
	return c.screen(ctx, window, true)
}

// Focus is Screen for who waits: Title is read for Focused, and "" in all of
// Windows. On a desktop of many windows titles are two of seven requests. A
// transient window in front takes one round trip more.
func (c *Conn) Focus(ctx context.Context, window WindowID) (*Screen, error) {
	return c.screen(ctx, window, false)
}

func (c *Conn) screen(ctx context.Context, window WindowID, titles bool) (*Screen, error) {
	var s *Screen
	var what error
	err := c.do(ctx, func() (err error) {
		s, what, err = c.look(window, titles)
		if err == nil && window == 0 && errors.Is(what, ErrWindowGone) {
			s, what, err = c.look(window, titles)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return s, what
}

// look reads the screen once. what is one of the errors of Screen that
// come with a screen; err is that of a connection that has ended.
func (c *Conn) look(window WindowID, titles bool) (s *Screen, what, err error) {
	root, err := c.readRoot()
	if err != nil {
		return nil, nil, err
	}
	active := window
	if window == 0 {
		active = root.active
	}

	l := &looking{c: c, me: os.Getpid(), known: map[WindowID]entry{}, titles: titles, active: active}
	ids := make([]WindowID, 0, len(root.clients)+2)
	ids = append(ids, root.clients...)
	if active != 0 {
		ids = append(ids, active)
	}
	// The pids are asked for before the properties: a window that answers
	// for its properties was alive when its client was named.
	owners := l.askOwners(append(ids, root.check))
	outputs := c.askOutputs(root.outputs)
	check := c.property(root.check, c.atoms.check, atomWindow, 1)
	checkPID := c.property(root.check, c.atoms.pid, atomCardinal, 1)
	l.ask(ids)

	if err := l.receiveOwners(owners); err != nil {
		return nil, nil, err
	}
	if err := c.receiveOutputs(outputs); err != nil {
		return nil, nil, err
	}
	hasWM := false
	if p, ok, err := c.receiveProperty(check); err != nil {
		return nil, nil, err
	} else if ok {
		hasWM = root.check != 0 && WindowID(p.number(atomWindow)) == root.check
	}
	p, _, err := c.receiveProperty(checkPID)
	if err != nil {
		return nil, nil, err
	}
	if err := l.receive(); err != nil {
		return nil, nil, err
	}
	nobody := ErrNoFocus
	if !hasWM {
		found, clients, what, err := c.focusWithoutManager()
		if err != nil {
			return nil, nil, err
		}
		if root.clients = clients; window == 0 {
			active, nobody = found, what
			l.active = found
		}
		if err := l.more(append(clients, active)); err != nil {
			return nil, nil, err
		}
	}

	s = &Screen{Resource: l.resource, XWayland: c.xwayland.Load() == xwaylandYes}
	if hasWM {
		s.WindowManager = l.owner(root.check)
		if !l.resource {
			s.WindowManager = p.pid()
		}
	}
	for _, id := range root.clients {
		e := l.known[id]
		if !e.gone && (e.Type == Normal || e.Type == Dialog || e.Type == Utility) {
			if !titles {
				e.Title = ""
			}
			s.Windows = append(s.Windows, e.Window)
		}
	}

	switch {
	case active == 0 || active == c.root:
		return s, nobody, nil
	case window == 0 && s.XWayland && c.base(active) == c.base(root.check):
		return s, ErrWayland, nil
	case l.known[active].gone:
		return s, ErrWindowGone, nil
	}
	main, err := l.mainWindow(active)
	if err != nil {
		return nil, nil, err
	}
	if err := l.title(main); err != nil {
		return nil, nil, err
	}
	focused := l.known[main].Window
	if window == 0 && (noApplication(focused.Type) || noApplication(l.known[active].Type)) {
		return s, ErrNoFocus, nil
	}
	s.Active, s.Focused = active, focused
	return s, nil, nil
}

func noApplication(t WindowType) bool { return t == Desktop || t == Dock }

// rootInfo is what the root window's properties say.
type rootInfo struct {
	check, active WindowID
	clients       []WindowID
	outputs       []uint32
}

func (c *Conn) readRoot() (rootInfo, error) {
	check := c.property(c.root, c.atoms.check, atomWindow, 1)
	active := c.property(c.root, c.atoms.active, atomWindow, 1)
	clients := c.property(c.root, c.atoms.clients, atomWindow, maxWindowsRead)
	var resources *xgb.Cookie
	if c.xwayland.Load() == xwaylandUnknown {
		switch {
		case c.ext.xwayland != 0:
			c.xwayland.Store(xwaylandYes)
		case c.ext.randr == 0:
			c.xwayland.Store(xwaylandNo)
		default:
			resources = c.send(getScreenResourcesCurrent(c.ext.randr, c.root))
		}
	}

	var r rootInfo
	p, _, err := c.receiveProperty(check)
	if err != nil {
		return r, err
	}
	r.check = WindowID(p.number(atomWindow))
	if p, _, err = c.receiveProperty(active); err != nil {
		return r, err
	}
	r.active = WindowID(p.number(atomWindow))
	if p, _, err = c.receiveProperty(clients); err != nil {
		return r, err
	}
	seen := map[WindowID]bool{0: true, c.root: true}
	for _, id := range p.numbers(atomWindow) {
		if id := WindowID(id); !seen[id] {
			seen[id] = true
			r.clients = append(r.clients, id)
		}
	}
	if resources != nil {
		raw, _, err := c.receive(resources)
		if err != nil {
			return r, err
		}
		r.outputs = parseOutputs(raw)
		if len(r.outputs) == 0 {
			c.xwayland.Store(xwaylandNo)
		}
	}
	return r, nil
}

// askOutputs asks for the outputs' names: an Xwayland before 23.1 has no
// XWAYLAND extension, but calls its outputs XWAYLAND0, XWAYLAND1, ….
func (c *Conn) askOutputs(outputs []uint32) []*xgb.Cookie {
	var cookies []*xgb.Cookie
	for _, o := range outputs[:min(len(outputs), maxOutputs)] {
		cookies = append(cookies, c.send(getOutputInfo(c.ext.randr, o)))
	}
	return cookies
}

func (c *Conn) receiveOutputs(cookies []*xgb.Cookie) error {
	for _, cookie := range cookies {
		raw, _, err := c.receive(cookie)
		if err != nil {
			return err
		}
		if strings.HasPrefix(parseOutputName(raw), "XWAYLAND") {
			c.xwayland.Store(xwaylandYes)
		}
	}
	if len(cookies) > 0 {
		c.xwayland.CompareAndSwap(xwaylandUnknown, xwaylandNo)
	}
	return nil
}

// property asks for a property of a window, at most units of four bytes.
func (c *Conn) property(w WindowID, atom, typ uint32, units uint32) *xgb.Cookie {
	return xproto.GetProperty(c.x, false, xproto.Window(w), xproto.Atom(atom), xproto.Atom(typ), 0, units).Cookie
}

// receiveProperty waits for a property. ok is false when the window is gone;
// a property that is not set, or whose reply makes no sense, is zero.
func (c *Conn) receiveProperty(cookie *xgb.Cookie) (p property, ok bool, err error) {
	raw, ok, err := c.receive(cookie)
	if err != nil || !ok {
		return property{}, false, err
	}
	p, _ = parseProperty(raw)
	return p, true, nil
}

// looking is one reading of windows.
type looking struct {
	c       *Conn
	me      int // our pid
	known   map[WindowID]entry
	pending []asked
	// pids are the clients' pids by the base of their resource ids. resource
	// is true when the server knows our own: then its pids are ours too.
	pids     map[uint32]int
	resource bool
	// titles is whether the titles of all windows are wanted, else only that
	// of active and of its main window.
	titles bool
	active WindowID
}

// entry is a window as read; gone when it does not exist, titled when Title was
// read.
type entry struct {
	Window
	gone, titled bool
}

// asked are the requests for one window. name and name0, the two properties
// that a title can be in, are nil where it is not wanted.
type asked struct {
	id                                                WindowID
	kind, transient, class, pid, machine, name, name0 *xgb.Cookie
}

// base gives the part of a resource id that names the client. The server's
// own resources have 0 there.
func (c *Conn) base(id WindowID) uint32 { return uint32(id) &^ c.setup.mask }

// askOwners asks who owns the windows, once for each client, and who we are.
func (l *looking) askOwners(ids []WindowID) []*xgb.Cookie {
	if l.c.ext.resource == 0 {
		return nil
	}
	bases := []uint32{l.c.setup.base}
	seen := map[uint32]bool{0: true, l.c.setup.base: true}
	for _, id := range ids {
		// An id with bits no client can have would be an error for all.
		if b := l.c.base(id); !seen[b] && id < 1<<29 {
			seen[b] = true
			bases = append(bases, b)
		}
	}
	var cookies []*xgb.Cookie
	for len(bases) > 0 {
		n := min(len(bases), clientIDSpecs)
		cookies = append(cookies, l.c.send(queryClientIDs(l.c.ext.resource, bases[:n])))
		bases = bases[n:]
	}
	return cookies
}

func (l *looking) receiveOwners(cookies []*xgb.Cookie) error {
	if l.pids == nil {
		l.pids = map[uint32]int{}
	}
	for _, cookie := range cookies {
		raw, _, err := l.c.receive(cookie)
		if err != nil {
			return err
		}
		for base, pid := range parseClientIDs(raw) {
			l.pids[base] = pid
		}
	}
	// A server on another machine, or in another pid namespace, has other
	// numbers for processes, or none: it does not know ours by our number.
	l.resource = l.pids[l.c.setup.base] == l.me
	return nil
}

// owner gives the pid of the window's client; 0 when not known. A client that
// has left may have left its place to us: then the window is dead, and our
// pid is nobody's.
func (l *looking) owner(id WindowID) int {
	base := l.c.base(id)
	if !l.resource || base == 0 || base == l.c.setup.base {
		return 0
	}
	if pid := l.pids[base]; pid != l.me {
		return pid
	}
	return 0
}

// ask asks for the properties of windows.
func (l *looking) ask(ids []WindowID) {
	c := l.c
	for _, id := range ids {
		if _, ok := l.known[id]; ok {
			continue
		}
		l.known[id] = entry{}
		a := asked{
			id:        id,
			kind:      c.property(id, c.atoms.kind, atomAtom, maxTypes),
			transient: c.property(id, atomTransient, atomWindow, 1),
			class:     c.property(id, atomWMClass, anyType, maxClass),
			pid:       c.property(id, c.atoms.pid, atomCardinal, 1),
			machine:   c.property(id, atomWMMachine, anyType, maxMachine),
		}
		if l.titles || id == l.active {
			a.name, a.name0 = l.askTitle(id)
		}
		l.pending = append(l.pending, a)
	}
}

func (l *looking) askTitle(id WindowID) (name, name0 *xgb.Cookie) {
	return l.c.property(id, l.c.atoms.name, anyType, maxTitle), l.c.property(id, atomWMName, anyType, maxTitle)
}

// receiveTitle waits for what askTitle asked for. ok is false when the window
// is gone.
func (l *looking) receiveTitle(name, name0 *xgb.Cookie) (title string, ok bool, err error) {
	p, ok, err := l.c.receiveProperty(name)
	if err != nil {
		return "", false, err
	}
	p0, ok0, err := l.c.receiveProperty(name0)
	if err != nil {
		return "", false, err
	}
	if title = p.text(); title == "" {
		title = p0.text()
	}
	return title, ok && ok0, nil
}

// title reads a known window's title if that was not done. A window that has
// gone meanwhile is left as it was read.
func (l *looking) title(id WindowID) error {
	e := l.known[id]
	if e.titled || e.gone {
		return nil
	}
	name, name0 := l.askTitle(id)
	title, _, err := l.receiveTitle(name, name0)
	if err != nil {
		return err
	}
	e.Title, e.titled = title, true
	l.known[id] = e
	return nil
}

// receive waits for all that was asked for.
func (l *looking) receive() error {
	for _, a := range l.pending {
		var p [5]property
		e := entry{Window: Window{ID: a.id}}
		for i, cookie := range [...]*xgb.Cookie{a.kind, a.transient, a.class, a.pid, a.machine} {
			var ok bool
			var err error
			if p[i], ok, err = l.c.receiveProperty(cookie); err != nil {
				return err
			}
			e.gone = e.gone || !ok
		}
		title := ""
		if e.titled = a.name != nil; e.titled {
			var ok bool
			var err error
			if title, ok, err = l.receiveTitle(a.name, a.name0); err != nil {
				return err
			}
			e.gone = e.gone || !ok
		}
		if !e.gone {
			e.TransientFor = WindowID(p[1].number(atomWindow))
			e.Type = l.c.atoms.windowType(p[0].numbers(atomAtom), e.TransientFor != 0)
			if s := p[2].strings(); len(s) > 0 {
				e.Instance = s[0]
				if len(s) > 1 {
					e.Class = s[1]
				}
			}
			e.PID = p[3].pid()
			e.Machine = p[4].text()
			e.Title = title
			e.Owner = l.owner(a.id)
		}
		l.known[a.id] = e
	}
	l.pending = nil
	return nil
}

// more reads windows that were not known beforehand.
func (l *looking) more(ids []WindowID) error {
	ids = slices.DeleteFunc(slices.Clone(ids), func(id WindowID) bool { return id == 0 })
	owners := l.askOwners(ids)
	l.ask(ids)
	if err := l.receiveOwners(owners); err != nil {
		return err
	}
	return l.receive()
}

// windowType gives the first type we know. A managed window that says nothing
// is a dialog when it is transient, else normal (EWMH 1.5).
func (a atoms) windowType(types []uint32, transient bool) WindowType {
	for _, t := range types {
		switch t {
		case 0:
		case a.normal:
			return Normal
		case a.dialog:
			return Dialog
		case a.utility:
			return Utility
		case a.desktop:
			return Desktop
		case a.dock:
			return Dock
		}
	}
	switch {
	case len(types) > 0:
		return Other
	case transient:
		return Dialog
	}
	return Normal
}

// maxTransient is how many steps of WM_TRANSIENT_FOR are followed.
const maxTransient = 8

// mainWindow follows WM_TRANSIENT_FOR. The root window there means "a dialog
// of the whole group" (ICCCM 4.1.2.6) and ends the chain, as does a window
// that is gone. A chain that runs in a circle leads nowhere: the window itself
// is the answer then.
func (l *looking) mainWindow(active WindowID) (WindowID, error) {
	main, seen := active, map[WindowID]bool{active: true}
	for range maxTransient {
		next := l.known[main].TransientFor
		if next == 0 || next == l.c.root {
			break
		}
		if seen[next] {
			return active, nil
		}
		seen[next] = true
		if _, ok := l.known[next]; !ok {
			if err := l.more([]WindowID{next}); err != nil {
				return 0, err
			}
		}
		if l.known[next].gone {
			break
		}
		main = next
	}
	return main, nil
}

package keysource

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/godbus/dbus/v5"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/keys"
)

// The portal for global shortcuts (XDG Desktop Portal documentation,
// org.freedesktop.portal.GlobalShortcuts).
const (
	portalService  = "org.freedesktop.portal.Desktop"
	portalObject   = "/org/freedesktop/portal/desktop"
	portalKeys     = "org.freedesktop.portal.GlobalShortcuts"
	portalRequest  = "org.freedesktop.portal.Request"
	portalSession  = "org.freedesktop.portal.Session"
	portalRegistry = "org.freedesktop.host.portal.Registry"
)

// application is our id there, and the name of the desktop file that has to be
// installed for it.
const application = "io.github.patoggle.patoggled"

// portal is the hand at the portal. A dialog may open, and the user may take any
// time, so that what is asked is answered later.
type portal struct {
	session session
	events  events
	desktop string

	mu      sync.Mutex
	path    dbus.ObjectPath          // of the session with the portal, "" for none
	waits   dbus.ObjectPath          // the request whose answer is to come, "" for none
	bound   map[string]string        // its trigger as the portal shows it, by hotkey; nil: not known
	denied  bool                     // the user, or the desktop, said no
	hotkeys map[string]config.Hotkey // by id
	asked   string                   // the hotkeys that bound is about
	count   int                      // of tokens
}

func openPortal(desktop string, getenv func(string) string) func(events) hand {
	return func(e events) hand {
		p := &portal{events: e, desktop: desktop}
		p.session = session{
			getenv: getenv, took: p.take, lost: e.stale,
			matches: [][]dbus.MatchOption{
				ownerOf(portalService),
				{dbus.WithMatchSender(portalService), dbus.WithMatchInterface(portalKeys)},
				{dbus.WithMatchSender(portalService), dbus.WithMatchInterface(portalRequest)},
				{dbus.WithMatchSender(portalService), dbus.WithMatchInterface(portalSession)},
			},
		}
		return p
	}
}

func (p *portal) take(s *dbus.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch s.Name {
	case portalKeys + ".Activated":
		var path dbus.ObjectPath
		var id string
		if len(s.Body) < 2 || dbus.Store(s.Body[:2], &path, &id) != nil || path != p.path {
			return
		}
		if h, ok := p.hotkeys[id]; ok {
			p.events.press(h)
		}
	case portalKeys + ".ShortcutsChanged":
		var path dbus.ObjectPath
		var list []portalShortcut
		if len(s.Body) >= 2 && dbus.Store(s.Body[:2], &path, &list) == nil && path == p.path {
			p.learn(list)
			p.events.stale()
		}
	case portalSession + ".Closed":
		if s.Path == p.path {
			p.path, p.bound, p.asked = "", nil, ""
			p.events.stale()
		}
	case portalRequest + ".Response":
		if s.Path != p.waits || p.waits == "" {
			return
		}
		p.waits = ""
		var code uint32
		var results map[string]dbus.Variant
		if len(s.Body) < 2 || dbus.Store(s.Body[:2], &code, &results) != nil {
			code = 2
		}
		var list []portalShortcut
		if v, ok := results["shortcuts"]; ok {
			_ = v.Store(&list) // then there are none
		}
		p.denied = code != 0
		p.learn(list)
		p.events.stale()
	case ownerChanged:
		p.path, p.waits, p.bound, p.asked = "", "", nil, ""
		p.events.stale()
	}
}

// portalShortcut is one as the portal tells of it.
type portalShortcut struct {
	ID    string
	About map[string]dbus.Variant
}

func (p *portal) learn(list []portalShortcut) {
	p.bound = map[string]string{}
	for _, s := range list {
		var trigger string
		if v, ok := s.About["trigger_description"]; ok && v.Store(&trigger) == nil {
			p.bound[s.ID] = trigger
		}
	}
}

// token is a new word for a request or a session.
func (p *portal) token() string {
	p.count++
	return "patoggled_" + strconv.Itoa(p.count)
}

func (p *portal) bind(ctx context.Context, hotkeys []config.Hotkey) ([]Result, error) {
	conn, err := p.session.get(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	known := map[string]config.Hotkey{}
	for _, h := range hotkeys {
		names = append(names, h.String())
		known[h.String()] = h
	}
	asked := strings.Join(names, "\n")

	p.mu.Lock()
	again := p.asked != asked
	p.hotkeys = known
	p.mu.Unlock()
	if again {
		if err := p.ask(ctx, conn, hotkeys); err != nil {
			return nil, p.away(err)
		}
		p.mu.Lock()
		p.asked = asked
		p.mu.Unlock()
	}

	p.mu.Lock()
	defer p.mu.Unlock()
	results := make([]Result, len(hotkeys))
	for i, h := range hotkeys {
		results[i].Hotkey = h
		trigger := p.bound[h.String()]
		switch {
		case p.bound == nil: // the answer is to come
		case trigger != "":
			// Only a press proves it, but an empty one proves the contrary.
			results[i].Bound = true
		default:
			results[i].Trouble = fmt.Sprintf("%s has not given us %q", p.desktop, h.Chord)
			results[i].Hint = `"patoggle bind" shows how to have the desktop start patoggle instead`
		}
	}
	return results, nil
}

// ask opens a session with the portal and asks for these hotkeys. A session can
// be asked once.
func (p *portal) ask(ctx context.Context, conn *dbus.Conn, hotkeys []config.Hotkey) error {
	o := conn.Object(portalService, portalObject)
	p.closeSession(ctx)
	// Where it is not known, or we are not installed, the portal may still
	// give keys.
	_ = wake(ctx, o, portalRegistry+".Register", nil, application, map[string]dbus.Variant{})

	p.mu.Lock()
	name := p.token()
	path := dbus.ObjectPath("/org/freedesktop/portal/desktop/session/" + sender(conn) + "/" + name)
	p.mu.Unlock()
	var request dbus.ObjectPath
	if err := wake(ctx, o, portalKeys+".CreateSession", []any{&request}, map[string]dbus.Variant{
		"handle_token":         dbus.MakeVariant(name),
		"session_handle_token": dbus.MakeVariant(name),
	}); err != nil {
		return err
	}
	type shortcut struct {
		ID    string
		About map[string]dbus.Variant
	}
	list := make([]shortcut, 0, len(hotkeys))
	for _, h := range hotkeys {
		_, friendly := actionOf(h)
		list = append(list, shortcut{h.String(), map[string]dbus.Variant{
			"description":       dbus.MakeVariant(friendly),
			"preferred_trigger": dbus.MakeVariant(trigger(h.Chord)),
		}})
	}
	p.mu.Lock()
	name = p.token()
	p.path, p.bound, p.denied = path, nil, false
	p.waits = dbus.ObjectPath("/org/freedesktop/portal/desktop/request/" + sender(conn) + "/" + name)
	p.mu.Unlock()
	return call(ctx, o, portalKeys+".BindShortcuts", []any{&request}, path, list, "", map[string]dbus.Variant{
		"handle_token": dbus.MakeVariant(name),
	})
}

// sender is our name on the bus as it stands in the portal's paths.
func sender(conn *dbus.Conn) string {
	return strings.ReplaceAll(strings.TrimPrefix(conn.Names()[0], ":"), ".", "_")
}

func (p *portal) closeSession(ctx context.Context) {
	p.mu.Lock()
	path := p.path
	p.path, p.waits, p.asked = "", "", ""
	p.mu.Unlock()
	if path != "" {
		_ = call(ctx, p.session.conn.Object(portalService, path), portalSession+".Close", nil)
	}
}

func (p *portal) check(ctx context.Context, hotkeys []config.Hotkey) ([]Result, error) {
	conn, err := p.session.get(ctx)
	if err != nil {
		return nil, err
	}
	var version dbus.Variant
	err = wake(ctx, conn.Object(portalService, portalObject), "org.freedesktop.DBus.Properties.Get", []any{&version}, portalKeys, "version")
	if err != nil {
		return nil, p.away(err)
	}
	results := make([]Result, len(hotkeys))
	for i, h := range hotkeys {
		results[i] = Result{Hotkey: h, Bound: true, Note: ", which asks the user"}
	}
	return results, nil
}

func (p *portal) close() { p.session.close() }

func (p *portal) end(ctx context.Context) {
	if p.session.conn != nil && p.session.conn.Connected() {
		p.closeSession(ctx)
	}
	p.session.close()
}

func (p *portal) away(err error) error {
	if isError(err, errNoOwner, errServiceUnknown, errUnknownMethod, errUnknownObject, errUnknownInterface) {
		return &Unusable{
			Message: p.desktop + " gives programs no hotkeys: there is no portal for global shortcuts",
			Hint:    `"patoggle bind" shows how to have the desktop start patoggle instead`,
		}
	}
	return err
}

// trigger is a chord as the portal wants it (XDG shortcuts specification):
// "LOGO+F9".
func trigger(c keys.Chord) string {
	var parts []string
	for _, m := range []struct {
		mod  keys.Mod
		name string
	}{{keys.Ctrl, "CTRL"}, {keys.Alt, "ALT"}, {keys.Shift, "SHIFT"}, {keys.Super, "LOGO"}} {
		if c.Mods&m.mod != 0 {
			parts = append(parts, m.name)
		}
	}
	name := c.Name
	if len(name) == 1 {
		name = strings.ToLower(name)
	}
	return strings.Join(append(parts, name), "+")
}

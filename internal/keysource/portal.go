package keysource

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/bus"
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

// portalAt is one of the portal's interfaces, which the bus starts.
func portalAt(iface string) bus.Object {
	return bus.Object{Destination: portalService, Path: portalObject, Interface: iface, Start: true}
}

// portal is the hand at the portal. A dialog may open, and the user may take any
// time, so that what is asked is answered later.
type portal struct {
	session session
	events  events
	desktop string

	mu      sync.Mutex
	path    bus.Path                 // of the session with the portal, "" for none
	waits   bus.Path                 // the request whose answer is to come, "" for none
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
			matches: []bus.Match{
				ownerOf(portalService),
				{Sender: portalService, Interface: portalKeys},
				{Sender: portalService, Interface: portalRequest},
				{Sender: portalService, Interface: portalSession},
			},
		}
		return p
	}
}

func (p *portal) take(s *bus.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch s.Member {
	case "Activated":
		var path bus.Path
		var id string
		if !begins(s, &path, &id) || path != p.path {
			return
		}
		if h, ok := p.hotkeys[id]; ok {
			p.events.press(h)
		}
	case "ShortcutsChanged":
		var path bus.Path
		var list []portalShortcut
		if begins(s, &path, &list) && path == p.path {
			p.learn(list)
			p.events.stale()
		}
	case "Closed":
		if s.Path == string(p.path) {
			p.path, p.bound, p.asked = "", nil, ""
			p.events.stale()
		}
	case "Response":
		if s.Path != string(p.waits) || p.waits == "" {
			return
		}
		p.waits = ""
		var code uint32
		var results bus.Dict
		if !begins(s, &code, &results) {
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
	About bus.Dict
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
func (p *portal) ask(ctx context.Context, conn *bus.Conn, hotkeys []config.Hotkey) error {
	p.closeSession(ctx)
	// Where it is not known, or we are not installed, the portal may still
	// give keys.
	_ = conn.Call(ctx, portalAt(portalRegistry), "Register", []any{application, bus.Dict{}})

	p.mu.Lock()
	name := p.token()
	path := bus.Path("/org/freedesktop/portal/desktop/session/" + sender(conn) + "/" + name)
	p.mu.Unlock()
	var request bus.Path
	if err := conn.Call(ctx, portalAt(portalKeys), "CreateSession", []any{bus.Dict{
		"handle_token":         bus.Variant(name),
		"session_handle_token": bus.Variant(name),
	}}, &request); err != nil {
		return err
	}
	type shortcut struct {
		ID    string
		About bus.Dict
	}
	list := make([]shortcut, 0, len(hotkeys))
	for _, h := range hotkeys {
		_, friendly := actionOf(h)
		list = append(list, shortcut{h.String(), bus.Dict{
			"description":       bus.Variant(friendly),
			"preferred_trigger": bus.Variant(trigger(h.Chord)),
		}})
	}
	p.mu.Lock()
	name = p.token()
	p.path, p.bound, p.denied = path, nil, false
	p.waits = bus.Path("/org/freedesktop/portal/desktop/request/" + sender(conn) + "/" + name)
	p.mu.Unlock()
	return conn.Call(ctx, portalAt(portalKeys), "BindShortcuts", []any{path, list, "", bus.Dict{
		"handle_token": bus.Variant(name),
	}}, &request)
}

// sender is our name on the bus as it stands in the portal's paths.
func sender(conn *bus.Conn) string {
	return strings.ReplaceAll(strings.TrimPrefix(conn.Name(), ":"), ".", "_")
}

func (p *portal) closeSession(ctx context.Context) {
	p.mu.Lock()
	path := p.path
	p.path, p.waits, p.asked = "", "", ""
	p.mu.Unlock()
	if path != "" {
		_ = p.session.conn.Call(ctx, bus.Object{Destination: portalService, Path: string(path), Interface: portalSession}, "Close", nil)
	}
}

func (p *portal) check(ctx context.Context, hotkeys []config.Hotkey) ([]Result, error) {
	conn, err := p.session.get(ctx)
	if err != nil {
		return nil, err
	}
	// Whoever has it has this property.
	err = conn.Call(ctx, portalAt("org.freedesktop.DBus.Properties"), "Get", []any{portalKeys, "version"})
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
	if p.session.alive() {
		p.closeSession(ctx)
	}
	p.session.close()
}

func (p *portal) away(err error) error {
	if errors.Is(err, bus.ErrAbsent) || errors.Is(err, bus.ErrUnknown) {
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

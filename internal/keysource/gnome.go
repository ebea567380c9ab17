package keysource

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/bus"
	"github.com/patoggle/patoggle/internal/keys"
)

// What patoggle's extension of GNOME Shell answers to (packaging/gnome).
const (
	gnomeService   = "org.gnome.Shell"
	gnomeObject    = "/io/github/patoggle/Keys"
	gnomeInterface = "io.github.patoggle.Keys1"
	gnomePressed   = "Pressed"
	gnomeEnabled   = "Enabled"
)

var gnomeKeys = bus.Object{Destination: gnomeService, Path: gnomeObject, Interface: gnomeInterface}

// gnome is the hand at GNOME Shell's extension. Keys are held for this
// connection: when it ends, the extension gives them back.
type gnome struct {
	session session
	events  events
	held    []string // accelerators that we hold

	mu      sync.Mutex
	hotkeys map[string]config.Hotkey // by accelerator
}

func openGNOME(getenv func(string) string) func(events) hand {
	return func(e events) hand {
		g := &gnome{events: e, hotkeys: map[string]config.Hotkey{}}
		g.session = session{
			getenv: getenv, took: g.take, lost: e.stale,
			matches: []bus.Match{
				ownerOf(gnomeService),
				{Sender: gnomeService, Interface: gnomeInterface},
			},
		}
		return g
	}
}

func (g *gnome) take(s *bus.Signal) {
	switch s.Member {
	case gnomePressed:
		var accelerator string
		if !begins(s, &accelerator) {
			return
		}
		g.mu.Lock()
		h, ok := g.hotkeys[accelerator]
		g.mu.Unlock()
		if ok {
			g.events.press(h)
		}
	case ownerChanged, gnomeEnabled:
		g.events.stale()
	}
}

func (g *gnome) bind(ctx context.Context, hotkeys []config.Hotkey) ([]Result, error) {
	fresh := !g.session.alive()
	conn, err := g.session.get(ctx)
	if err != nil {
		return nil, err
	}
	if fresh {
		g.held = nil
	}
	known := make(map[string]config.Hotkey, len(hotkeys))
	for _, h := range hotkeys {
		known[accelerator(h.Chord)] = h
	}
	g.mu.Lock()
	g.hotkeys = known
	g.mu.Unlock()
	g.held = slices.DeleteFunc(g.held, func(a string) bool {
		if _, ok := known[a]; ok {
			return false
		}
		_ = conn.Call(ctx, gnomeKeys, "Release", []any{a}) // it is gone, or its holder is
		return true
	})
	results := make([]Result, len(hotkeys))
	for i, h := range hotkeys {
		r := Result{Hotkey: h}
		a := accelerator(h.Chord)
		// Of a key that we hold it says the same once more.
		if err := conn.Call(ctx, gnomeKeys, "Grab", []any{a}, &r.Bound); err != nil {
			return nil, gnomeAway(err)
		}
		r.judge()
		if r.Bound && !slices.Contains(g.held, a) {
			g.held = append(g.held, a)
		}
		results[i] = r
	}
	return results, nil
}

func (g *gnome) check(ctx context.Context, hotkeys []config.Hotkey) ([]Result, error) {
	conn, err := g.session.get(ctx)
	if err != nil {
		return nil, err
	}
	results := make([]Result, len(hotkeys))
	for i, h := range hotkeys {
		results[i].Hotkey = h
		a := accelerator(h.Chord)
		if err := conn.Call(ctx, gnomeKeys, "Free", []any{a}, &results[i].Bound); err != nil {
			return nil, gnomeAway(err)
		}
		results[i].judge()
	}
	return results, nil
}

func (g *gnome) close() { g.session.close() }

// judge says why a key is not ours.
func (r *Result) judge() {
	if !r.Bound {
		r.Trouble = fmt.Sprintf("%q is taken: GNOME, or another program, has it", r.Chord)
		r.Hint = "choose other keys, or free these in Settings, under Keyboard, View and Customize Shortcuts"
	}
}

func (g *gnome) end(ctx context.Context) {
	if g.session.alive() {
		for _, a := range g.held {
			_ = g.session.conn.Call(ctx, gnomeKeys, "Release", []any{a})
		}
	}
	g.held = nil
	g.session.close()
}

// errNoExtension is that the shell is there, and our extension is not.
var errNoExtension = &Unusable{
	Message: "GNOME gives hotkeys through an extension, and that of patoggle is not active",
	Hint:    `"patoggle gnome-extension install" puts it there; or let GNOME start patoggle: "patoggle bind" shows how`,
}

// gnomeAway puts an error of the shell into words.
func gnomeAway(err error) error {
	switch {
	case errors.Is(err, bus.ErrUnknown):
		return errNoExtension
	case errors.Is(err, bus.ErrAbsent):
		return &Unusable{Message: "GNOME Shell is not on the session bus"}
	}
	return err
}

// accelerator is a chord as GTK and GNOME write it: "<Super><Shift>F9".
func accelerator(c keys.Chord) string {
	var b strings.Builder
	for _, m := range []struct {
		mod  keys.Mod
		name string
	}{{keys.Super, "<Super>"}, {keys.Ctrl, "<Control>"}, {keys.Alt, "<Alt>"}, {keys.Shift, "<Shift>"}} {
		if c.Mods&m.mod != 0 {
			b.WriteString(m.name)
		}
	}
	name := c.Name
	if len(name) == 1 {
		name = strings.ToLower(name)
	}
	return b.String() + name
}

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
	"github.com/patoggle/patoggle/internal/term"
)

// KGlobalAccel gives hotkeys on Plasma: no dialog, and nothing to install. Read
// from its source (kglobalacceld) and tried with KWin 6.7.
const (
	kdeService   = "org.kde.kglobalaccel"
	kdeObject    = "/kglobalaccel"
	kdeInterface = "org.kde.KGlobalAccel"
	kdeComponent = "org.kde.kglobalaccel.Component"
	kdePressed   = "globalShortcutPressed"
	kdeChanged   = "yourShortcutsChanged"
)

// Flags of setShortcutKeys.
const (
	kdePresent       = 2 // the action is in use from now on
	kdeNoAutoloading = 4 // else what the user has set wins
	kdeDefault       = 8 // these are the keys to begin with
)

// us is the component that our actions belong to, as System Settings shows it.
const us = "patoggle"

// kdeKeys is a sequence of keys, of which one is set (QKeySequence).
type kdeKeys struct{ Keys []int32 }

// one is the sequence of one key.
func one(key int32) kdeKeys { return kdeKeys{[]int32{key, 0, 0, 0}} }

func (k kdeKeys) first() int32 {
	if len(k.Keys) == 0 {
		return 0
	}
	return k.Keys[0]
}

// kdeShortcut is one that is known there (KGlobalShortcutInfo).
type kdeShortcut struct {
	Name, Friendly               string
	Component, ComponentFriendly string
	Context, ContextFriendly     string
	Keys, Default                []int32
}

// kde is the hand at KGlobalAccel.
type kde struct {
	session session
	events  events
	conn    *bus.Conn
	ours    map[string]bool // actions that we have registered, by name

	mu      sync.Mutex
	actions map[string]config.Hotkey // what each does, by its name
}

func openKDE(getenv func(string) string) func(events) hand {
	return func(e events) hand {
		k := &kde{events: e, ours: map[string]bool{}, actions: map[string]config.Hotkey{}}
		k.session = session{
			getenv: getenv, took: k.take, lost: e.stale,
			matches: []bus.Match{
				ownerOf(kdeService),
				{Sender: kdeService, Interface: kdeComponent},
				{Sender: kdeService, Interface: kdeInterface},
			},
		}
		return k
	}
}

// take takes a signal.
func (k *kde) take(s *bus.Signal) {
	switch s.Member {
	case kdePressed:
		var component, action string
		if !begins(s, &component, &action) || component != us {
			return
		}
		k.mu.Lock()
		h, ok := k.actions[action]
		k.mu.Unlock()
		if ok {
			k.events.press(h)
		}
	case kdeChanged:
		var id []string
		if begins(s, &id) && len(id) > 0 && id[0] == us {
			k.events.stale()
		}
	case ownerChanged:
		k.events.stale()
	}
}

// kdeAction is one action with the hotkeys that do it.
type kdeAction struct {
	name, friendly string
	hotkeys        []int // of the results
	keys           []kdeKeys
}

// id is how KGlobalAccel knows an action: component, action, and how both are
// shown.
func (a *kdeAction) id() []string { return []string{us, a.name, us, a.friendly} }

// actionOf names what a hotkey does, for ever the same, and says it in words.
func actionOf(h config.Hotkey) (name, friendly string) {
	name = h.Action.String()
	what, where, to := "Move the application in front", "sink", h.Sink
	if h.Side != config.Output {
		name += ", " + h.Side.String()
	}
	switch h.Side {
	case config.Input:
		what, where = "Move what the application in front records", "source"
	case config.Both:
		where, to = "device, with what it records", h.Sink+", with what it records"
	}
	switch h.Action {
	case config.Next:
		return name, what + " to the next " + where
	case config.Prev:
		return name, what + " to the previous " + where
	case config.To:
		return strings.Replace(name, "to", "to "+h.Sink, 1), what + " to " + to
	}
	if h.Side == config.Input {
		switch h.Action {
		case config.Undo:
			return name, "Take the last move of a recording back"
		case config.Follow:
			return name, "Let what the application in front records follow the default source"
		case config.Remember:
			return name, "Remember from where the application in front records"
		case config.Forget:
			return name, "No longer remember from where the application in front records"
		}
	}
	switch h.Action {
	case config.Undo:
		return name, "Take the last move back"
	case config.Follow:
		return name, "Let the application in front follow the default sink"
	case config.Remember:
		return name, "Remember where the application in front plays"
	case config.Forget:
		return name, "No longer remember where the application in front plays"
	}
	return name, name
}

func (k *kde) bind(ctx context.Context, hotkeys []config.Hotkey) ([]Result, error) {
	conn, err := k.session.get(ctx)
	if err != nil {
		return nil, err
	}
	k.conn = conn
	results, actions, err := k.sort(ctx, hotkeys)
	if err != nil {
		return nil, err
	}
	k.know(hotkeys, actions)
	for _, a := range actions {
		got, err := k.register(ctx, a)
		if err != nil {
			return nil, kdeAway(err)
		}
		for n, i := range a.hotkeys {
			judge(&results[i], a.keys[n], got)
		}
	}
	return results, k.forget(ctx, actions)
}

func (k *kde) check(ctx context.Context, hotkeys []config.Hotkey) ([]Result, error) {
	conn, err := k.session.get(ctx)
	if err != nil {
		return nil, err
	}
	k.conn = conn
	results, actions, err := k.sort(ctx, hotkeys)
	for _, a := range actions {
		for _, i := range a.hotkeys {
			results[i].Bound = true
		}
	}
	return results, err
}

// call calls a method of KGlobalAccel's.
func (k *kde) call(ctx context.Context, method string, args []any, results ...any) error {
	return k.conn.Call(ctx, bus.Object{Destination: kdeService, Path: kdeObject, Interface: kdeInterface}, method, args, results...)
}

func (k *kde) close() { k.session.close() }

// sort sorts hotkeys that can be bound into actions, and says of the others why
// they cannot.
func (k *kde) sort(ctx context.Context, hotkeys []config.Hotkey) ([]Result, []*kdeAction, error) {
	results := make([]Result, len(hotkeys))
	var actions []*kdeAction
	for i, h := range hotkeys {
		results[i].Hotkey = h
		key, ok := qtKey(h.Chord)
		if !ok {
			results[i].Trouble = fmt.Sprintf("Plasma has no key %q, so %q does nothing", h.Chord.Name, h.Chord)
			continue
		}
		if owner, err := k.owner(ctx, key); err != nil {
			return nil, nil, kdeAway(err)
		} else if owner != "" {
			results[i].Trouble = fmt.Sprintf("%q is taken: %s has it", h.Chord, owner)
			results[i].Hint = "choose other keys, or free these in System Settings, under Shortcuts"
			continue
		}
		name, friendly := actionOf(h)
		at := slices.IndexFunc(actions, func(a *kdeAction) bool { return a.name == name })
		if at < 0 {
			at = len(actions)
			actions = append(actions, &kdeAction{name: name, friendly: friendly})
		}
		actions[at].hotkeys = append(actions[at].hotkeys, i)
		actions[at].keys = append(actions[at].keys, one(key))
	}
	return results, actions, nil
}

// know makes the presses of these actions count.
func (k *kde) know(hotkeys []config.Hotkey, actions []*kdeAction) {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.actions)
	for _, a := range actions {
		k.actions[a.name] = hotkeys[a.hotkeys[0]]
	}
}

// owner says whose a key is, "" for nobody's or ours.
func (k *kde) owner(ctx context.Context, key int32) (string, error) {
	var have []kdeShortcut
	// The last argument is how keys are compared; 0 is as they are.
	err := k.call(ctx, "globalShortcutsByKey", []any{one(key), struct{ Type int32 }{0}}, &have)
	if err != nil {
		return "", err
	}
	for _, s := range have {
		if s.Component == us {
			continue
		}
		who := s.ComponentFriendly
		if who == "" {
			who = s.Component
		}
		if s.Friendly == "" {
			return quote(who), nil
		}
		return fmt.Sprintf("%s (%s)", quote(who), quote(s.Friendly)), nil
	}
	return "", nil
}

// register makes an action known with its keys, and returns those it has now:
// what the user has set in System Settings wins, and a configuration that has
// changed since wins over that.
func (k *kde) register(ctx context.Context, a *kdeAction) ([]kdeKeys, error) {
	if err := k.call(ctx, "doRegister", []any{a.id()}); err != nil {
		return nil, err
	}
	k.ours[a.name] = true
	var before, got []kdeKeys
	if err := k.call(ctx, "defaultShortcutKeys", []any{a.id()}, &before); err != nil {
		return nil, err
	}
	if err := k.call(ctx, "setShortcutKeys", []any{a.id(), a.keys, uint32(kdeDefault)}, &got); err != nil {
		return nil, err
	}
	flags := uint32(kdePresent)
	if !slices.EqualFunc(before, a.keys, func(x, y kdeKeys) bool { return x.first() == y.first() }) {
		flags |= kdeNoAutoloading
	}
	if err := k.call(ctx, "setShortcutKeys", []any{a.id(), a.keys, flags}, &got); err != nil {
		return nil, err
	}
	got = slices.DeleteFunc(got, func(s kdeKeys) bool { return s.first() == 0 })
	// It sends signals of components that were asked for.
	var path bus.Path
	return got, k.call(ctx, "getComponent", []any{us}, &path)
}

// judge says what became of a hotkey, from the keys that its action has.
func judge(r *Result, wanted kdeKeys, got []kdeKeys) {
	name, _ := actionOf(r.Hotkey)
	switch {
	case len(got) == 0:
		r.Trouble = fmt.Sprintf("System Settings has no key for %s: %q was taken away there", quote(name), r.Chord)
		r.Hint = "give it one there, under Shortcuts, or configure another one here"
	case slices.ContainsFunc(got, func(k kdeKeys) bool { return k.first() == wanted.first() }):
		r.Bound = true
	default:
		r.Bound = true
		r.Note = fmt.Sprintf("System Settings has other keys for %s than %q, and those count", quote(name), r.Chord)
	}
}

// forget takes back what is not wanted any more: what this process registered,
// and what an earlier one did.
func (k *kde) forget(ctx context.Context, wanted []*kdeAction) error {
	known := map[string]bool{}
	for name := range k.ours {
		known[name] = true
	}
	var path bus.Path
	if err := k.call(ctx, "getComponent", []any{us}, &path); err == nil {
		var names []string
		component := bus.Object{Destination: kdeService, Path: string(path), Interface: kdeComponent}
		if k.conn.Call(ctx, component, "shortcutNames", nil, &names) == nil {
			for _, name := range names {
				known[name] = true
			}
		}
	}
	for name := range known {
		if slices.ContainsFunc(wanted, func(a *kdeAction) bool { return a.name == name }) {
			continue
		}
		var done bool
		if err := k.call(ctx, "unregister", []any{us, name}, &done); err != nil {
			return kdeAway(err)
		}
		delete(k.ours, name)
	}
	return nil
}

// end gives the keys back. They stay known, with what the user has set.
func (k *kde) end(ctx context.Context) {
	if k.session.alive() {
		for name := range k.ours {
			// It goes away, or we do: nothing to be done about it.
			_ = k.call(ctx, "setInactive", []any{[]string{us, name, us, ""}})
		}
	}
	k.session.close()
}

// kdeAway puts an error of KGlobalAccel into words.
func kdeAway(err error) error {
	if errors.Is(err, bus.ErrAbsent) {
		return &Unusable{Message: "KGlobalAccel, through which Plasma gives hotkeys, is not there"}
	}
	if errors.Is(err, bus.ErrUnknown) {
		return &Unusable{Message: "KGlobalAccel, through which Plasma gives hotkeys, is not one that we know"}
	}
	return err
}

// quote puts a name from outside between quotation marks.
func quote(s string) string { return `"` + term.Escape(s) + `"` }

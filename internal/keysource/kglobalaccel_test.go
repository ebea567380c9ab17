package keysource

import (
	"slices"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/patoggle/patoggle/config"
)

// plasma is KGlobalAccel as its source has it: what is stored outlives it.
type plasma struct {
	*stage
	mu      sync.Mutex
	actions map[string]*plasmaAction // by component and action
}

type plasmaAction struct {
	component, name string
	keys, def       []int32
	active          bool
}

const kdePath = "/component/patoggle"

func newPlasma(t *testing.T) *plasma {
	t.Helper()
	p := &plasma{stage: newStage(t), actions: map[string]*plasmaAction{}}
	p.export(kdeObject, kdeInterface, map[string]any{
		"globalShortcutsByKey": func(k kdeKeys, _ struct{ T int32 }) ([]kdeShortcut, *dbus.Error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			var all []kdeShortcut
			for _, a := range p.actions {
				if slices.Contains(a.keys, k.first()) {
					all = append(all, kdeShortcut{
						Name: a.name, Friendly: a.name + " of it", Component: a.component, ComponentFriendly: a.component + "!",
						Keys: a.keys, Default: a.def,
					})
				}
			}
			return all, nil
		},
		"doRegister": func(id []string) *dbus.Error {
			p.mu.Lock()
			defer p.mu.Unlock()
			key := id[0] + "/" + id[1]
			if p.actions[key] == nil {
				p.actions[key] = &plasmaAction{component: id[0], name: id[1]}
			}
			return nil
		},
		"defaultShortcutKeys": func(id []string) ([]kdeKeys, *dbus.Error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			return sequences(p.actions[id[0]+"/"+id[1]].def), nil
		},
		"setShortcutKeys": func(id []string, list []kdeKeys, flags uint32) ([]kdeKeys, *dbus.Error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			a := p.actions[id[0]+"/"+id[1]]
			var keys []int32
			for _, k := range list {
				keys = append(keys, k.first())
			}
			if flags&kdeDefault != 0 {
				fresh := a.def == nil
				a.def = keys
				if fresh {
					a.keys = keys
				}
				return sequences(keys), nil
			}
			a.active = a.active || flags&kdePresent != 0
			if flags&kdeNoAutoloading != 0 {
				a.keys = keys
			}
			return sequences(a.keys), nil
		},
		"getComponent": func(string) (dbus.ObjectPath, *dbus.Error) { return kdePath, nil },
		"setInactive": func(id []string) *dbus.Error {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.actions[id[0]+"/"+id[1]].active = false
			return nil
		},
		"unregister": func(component, action string) (bool, *dbus.Error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			delete(p.actions, component+"/"+action)
			return true, nil
		},
	})
	p.export(kdePath, kdeComponent, map[string]any{
		"shortcutNames": func() ([]string, *dbus.Error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			var names []string
			for _, a := range p.actions {
				if a.component == us {
					names = append(names, a.name)
				}
			}
			return names, nil
		},
	})
	p.own(kdeService)
	p.run("KGlobalAccel", openKDE(p.Getenv))
	return p
}

func sequences(keys []int32) []kdeKeys {
	list := []kdeKeys{}
	for _, k := range keys {
		list = append(list, one(k))
	}
	return list
}

// press presses a key, which KGlobalAccel tells whose active action it is.
func (p *plasma) press(key int32) {
	p.t.Helper()
	p.mu.Lock()
	var hit []string
	for _, a := range p.actions {
		if a.active && a.component == us && slices.Contains(a.keys, key) {
			hit = append(hit, a.name)
		}
	}
	p.mu.Unlock()
	for _, name := range hit {
		p.emit(kdePath, kdeComponent+"."+kdePressed, us, name, int64(1))
		p.emit(kdePath, kdeComponent+".globalShortcutRepeated", us, name, int64(2))
		p.emit(kdePath, kdeComponent+".globalShortcutReleased", us, name, int64(3))
	}
}

// settings are what the user does in System Settings.
func (p *plasma) settings(action string, keys ...int32) {
	p.t.Helper()
	p.mu.Lock()
	p.actions[us+"/"+action].keys = keys
	p.mu.Unlock()
	p.emit(kdeObject, kdeInterface+"."+kdeChanged, []string{us, action, us, ""}, sequences(keys))
}

func (p *plasma) action(name string) *plasmaAction {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.actions[us+"/"+name]
	if a == nil {
		return nil
	}
	copied := *a
	copied.keys = slices.Clone(a.keys)
	return &copied
}

const metaF9, metaF8, metaF7 = 0x11000038, 0x11000037, 0x11000036

func TestKeysOfPlasma(t *testing.T) {
	t.Parallel()
	p := newPlasma(t)
	if got := p.bind(next(t, "Super+F9"), hotkey(t, "Super+F8", config.To, "Headset")); got != (Tally{2, 2}) {
		t.Errorf("in force: %v", got)
	}
	p.press(metaF9)
	p.press(metaF8)
	p.press(metaF7)
	p.press(metaF9)
	p.fires("Super+F9 = next", `Super+F8 = to "Headset"`, "Super+F9 = next")
	p.says()

	// What is not configured any more is not known to System Settings either.
	if got := p.bind(next(t, "Super+F9")); got != (Tally{1, 1}) {
		t.Errorf("in force: %v", got)
	}
	if p.action("to Headset") != nil || p.action("next") == nil {
		t.Error("the removed hotkey is still known, or the other one is not")
	}
	p.stop()
	if a := p.action("next"); a == nil || a.active {
		t.Error("at the end the key was not given back, or what the user set is lost")
	}
}

func TestATakenKeyOfPlasmaIsNamedWithItsOwner(t *testing.T) {
	t.Parallel()
	p := newPlasma(t)
	p.mu.Lock()
	p.actions["kwin/Overview"] = &plasmaAction{component: "kwin", name: "Overview", keys: []int32{metaF9}, active: true}
	p.mu.Unlock()
	if got := p.bind(next(t, "Super+F9"), next(t, "Super+F8")); got != (Tally{1, 2}) {
		t.Errorf("in force: %v", got)
	}
	p.says(`error: "Super+F9" is taken: "kwin!" ("Overview of it") has it`,
		"hint: choose other keys, or free these in System Settings, under Shortcuts")
	results, err := newSource("KGlobalAccel", p.host(), openKDE(p.Getenv)).Check(t.Context(), []config.Hotkey{next(t, "Super+F9"), next(t, "Super+F7")})
	if err != nil || results[0].Bound || !results[1].Bound {
		t.Errorf("--check: %+v, %v", results, err)
	}
	if a := p.action("next"); !slices.Equal(a.keys, []int32{metaF8}) || !a.active {
		t.Errorf("a look has changed %+v", a)
	}
}

func TestWhatTheUserSetsInSystemSettingsWins(t *testing.T) {
	t.Parallel()
	p := newPlasma(t)
	p.bind(next(t, "Super+F9"))
	p.settings("next", metaF7)
	p.says(`info: System Settings has other keys for "next" than "Super+F9", and those count`)
	p.press(metaF9)
	p.press(metaF7)
	p.fires("Super+F9 = next")

	p.settings("next")
	p.tells(Tally{0, 1})
	p.says(`info: System Settings has other keys for "next" than "Super+F9", and those count`,
		`error: System Settings has no key for "next": "Super+F9" was taken away there`,
		"hint: give it one there, under Shortcuts, or configure another one here")

	// The next start respects it, and a changed configuration wins.
	p.settings("next", metaF7)
	p.stop()
	p.run("KGlobalAccel", openKDE(p.Getenv))
	p.bind(next(t, "Super+F9"))
	if a := p.action("next"); !slices.Equal(a.keys, []int32{metaF7}) {
		t.Errorf("after a start it has the keys %#x", a.keys)
	}
	p.bind(next(t, "Super+F8"))
	if a := p.action("next"); !slices.Equal(a.keys, []int32{metaF8}) {
		t.Errorf("after a change of the configuration it has the keys %#x", a.keys)
	}
}

func TestKGlobalAccelStartsAgain(t *testing.T) {
	t.Parallel()
	p := newPlasma(t)
	p.bind(next(t, "Super+F9"))
	p.disown(kdeService)
	p.tells(Tally{0, 1})
	p.mu.Lock()
	clear(p.actions)
	p.mu.Unlock()
	p.own(kdeService)
	p.tells(Tally{1, 1})
	p.press(metaF9)
	p.fires("Super+F9 = next")
	p.says("error: KGlobalAccel, through which Plasma gives hotkeys, is not there")
}

func TestQtKeys(t *testing.T) {
	for chord, want := range map[string]int32{
		"Super+F9":        metaF9,
		"Ctrl+Alt+Z":      qtCtrl | qtAlt | 'Z',
		"Super+Shift+1":   qtMeta | qtShift | '1',
		"Ctrl+adiaeresis": qtCtrl | 0xc4,
		"F1":              0x01000030,
		"F35":             0x01000052,
		"XF86AudioNext":   0x01000083,
		"Super+KP_7":      qtMeta | qtKeypad | '7',
		"Super+Page_Up":   qtMeta | 0x01000016,
		"Ctrl+division":   qtCtrl | 0xf7,
		"Super+space":     qtMeta | 0x20,
	} {
		if got, ok := qtKey(next(t, chord).Chord); !ok || got != want {
			t.Errorf("%s is %#x, %v, want %#x", chord, got, ok, want)
		}
	}
	if _, ok := qtKey(next(t, "Super+Cyrillic_shorti").Chord); ok {
		t.Error("a key was made up")
	}
}

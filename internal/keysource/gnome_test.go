package keysource

import (
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/patoggle/patoggle/config"
)

// shell is the extension's object on the shell's name.
type shell struct {
	*stage
	mu    sync.Mutex
	held  map[string]dbus.Sender
	taken map[string]bool
}

func newShell(t *testing.T) *shell {
	t.Helper()
	s := &shell{stage: newStage(t), held: map[string]dbus.Sender{}, taken: map[string]bool{}}
	s.own(gnomeService)
	return s
}

// enable is the extension's.
func (s *shell) enable() {
	s.export(gnomeObject, gnomeInterface, map[string]any{
		"Grab": func(key string, who dbus.Sender) (bool, *dbus.Error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if owner, ok := s.held[key]; ok {
				return owner == who, nil
			}
			if s.taken[key] {
				return false, nil
			}
			s.held[key] = who
			return true, nil
		},
		"Free": func(key string) (bool, *dbus.Error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			return !s.taken[key], nil
		},
		"Release": func(key string, who dbus.Sender) *dbus.Error {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.held[key] == who {
				delete(s.held, key)
			}
			return nil
		},
	})
	s.emit(gnomeObject, gnomeInterface+".Enabled")
}

func (s *shell) holds() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.held)
}

func (s *shell) open(e events) hand {
	return &either{first: openGNOME(s.Getenv)(e), second: openPortal("GNOME", s.Getenv)(e), unless: errNoExtension}
}

func TestKeysOfGNOME(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.taken["<Super>F8"] = true
	s.enable()
	s.run("GNOME Shell", s.open)
	if got := s.bind(next(t, "Super+F9"), next(t, "Super+F8"), hotkey(t, "Ctrl+Shift+Z", config.Prev, "")); got != (Tally{2, 3}) {
		t.Errorf("in force: %v", got)
	}
	s.says(`error: "Super+F8" is taken: GNOME, or another program, has it`,
		"hint: choose other keys, or free these in Settings, under Keyboard, View and Customize Shortcuts")
	s.emit(gnomeObject, gnomeInterface+"."+gnomePressed, "<Super>F9")
	s.emit(gnomeObject, gnomeInterface+"."+gnomePressed, "<Super>F7")
	s.emit(gnomeObject, gnomeInterface+"."+gnomePressed, "<Control><Shift>z")
	s.fires("Super+F9 = next", "Ctrl+Shift+Z = prev")
	if got := s.bind(next(t, "Super+F9")); got != (Tally{1, 1}) || s.holds() != 1 {
		t.Errorf("in force: %v, and %d are held", got, s.holds())
	}
	results, err := newSource("GNOME Shell", s.host(), s.open).Check(t.Context(), []config.Hotkey{next(t, "Super+F9"), next(t, "Super+F8")})
	if err != nil || !results[0].Bound || results[1].Bound {
		t.Errorf("--check: %+v, %v", results, err)
	}
	s.stop()
	if n := s.holds(); n != 0 {
		t.Errorf("%d keys are held after the end", n)
	}
}

func TestGNOMEWithoutTheExtensionSaysTheCure(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.run("GNOME Shell", s.open)
	if got := s.bind(next(t, "Super+F9")); got != (Tally{0, 1}) {
		t.Errorf("in force: %v", got)
	}
	s.says("error: "+errNoExtension.Message, "hint: "+errNoExtension.Hint)
	s.enable()
	s.tells(Tally{1, 1})
	s.emit(gnomeObject, gnomeInterface+"."+gnomePressed, "<Super>F9")
	s.fires("Super+F9 = next")
}

func TestAccelerators(t *testing.T) {
	for chord, want := range map[string]string{
		"Super+F9": "<Super>F9", "Ctrl+Alt+Shift+Z": "<Control><Alt><Shift>z",
		"XF86AudioNext": "XF86AudioNext", "Super+Page_Up": "<Super>Page_Up", "Super+1": "<Super>1",
	} {
		if got := accelerator(next(t, chord).Chord); got != want {
			t.Errorf("%s is %q, want %q", chord, got, want)
		}
	}
}

package keysource

import (
	"testing"

	"github.com/patoggle/patoggle/config"
)

// KGlobalAccel takes hotkeys with one name for one action: what one of them
// does, the others do too.
func TestEveryActionHasANameOfItsOwn(t *testing.T) {
	names, words := map[string]config.Hotkey{}, map[string]config.Hotkey{}
	for action := config.Next; action <= config.Forget; action++ {
		for _, side := range []config.Side{config.Output, config.Input, config.Both} {
			for _, sink := range []string{"a", "b"} {
				h := config.Hotkey{Action: action, Side: side}
				if action == config.To {
					h.Sink = sink
				}
				name, friendly := actionOf(h)
				if other, ok := names[name]; ok && other != h {
					t.Errorf("%v and %v are both %q", h, other, name)
				}
				if other, ok := words[friendly]; ok && other != h && (side != config.Both || action <= config.To) {
					t.Errorf("%v and %v are both shown as %q", h, other, friendly)
				}
				if friendly == name {
					t.Errorf("%v is shown as %q", h, friendly)
				}
				names[name], words[friendly] = h, h
			}
		}
	}
	// Plasma keeps what a user has set under these names.
	for want, h := range map[string]config.Hotkey{"next": {}, "prev": {Action: config.Prev}, "to TV": {Action: config.To, Sink: "TV"}} {
		if name, _ := actionOf(h); name != want {
			t.Errorf("%v is %q", h, name)
		}
	}
}

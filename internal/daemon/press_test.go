package daemon

import (
	"testing"
	"time"
)

func TestPressesAreToldFromAllElse(t *testing.T) {
	// Each step is at a time in milliseconds: "down", which is a Keydown of a
	// key that is down, "bare", one of a key that is down without its modifier,
	// "tapped", one of a key that is up again, "up", and
	// what the X server says of the key, "is down" or "is up". The presses
	// are those a person would count.
	type step struct {
		at   int
		what string
	}
	tests := []struct {
		name    string
		steps   []step
		presses int
	}{
		{"a press", []step{{0, "down"}, {5, "is down"}, {80, "is up"}}, 1},
		{"two presses", []step{{0, "down"}, {5, "is down"}, {80, "is up"}, {140, "down"}, {145, "is up"}}, 2},
		{"taps", []step{{0, "tapped"}, {5, "is up"}, {60, "tapped"}, {65, "is up"}}, 2},
		{"taps whose releases were grabbed too", []step{{0, "tapped"}, {1, "up"}, {5, "is up"}, {61, "up"}, {60, "tapped"}, {65, "is up"}}, 2},
		{"a held key", []step{{0, "down"}, {5, "is down"}, {660, "up"}, {660, "down"}, {700, "down"}, {700, "up"}, {740, "up"}, {741, "down"}, {760, "is up"}}, 1},
		{"a held key, then a press", []step{{0, "down"}, {5, "is down"}, {660, "up"}, {660, "down"}, {680, "is up"}, {740, "down"}}, 2},
		{"a repeat whose halves are read apart", []step{{0, "down"}, {660, "down"}, {668, "up"}, {670, "is down"}}, 1},
		{"another key in the moment before the grab is given up", []step{{0, "down"}, {1, "down"}, {2, "down"}, {5, "is down"}, {90, "is up"}}, 1},
		{"the same, told when the key is up", []step{{0, "down"}, {5, "is down"}, {90, "is up"}, {95, "tapped"}, {100, "is up"}}, 1},
		{"a repeat of another hotkey's press", []step{{0, "up"}, {0, "down"}, {5, "is down"}, {40, "down"}, {40, "up"}, {50, "is up"}, {120, "down"}}, 1},
		{"a modifier that is let go before the grab is given up", []step{{1, "up"}, {0, "bare"}, {5, "is down"}, {30, "is up"}}, 1},
		{"the same, read in the other order", []step{{0, "up"}, {0, "bare"}, {5, "is down"}, {30, "is up"}, {90, "down"}}, 2},
		{"a release alone", []step{{0, "up"}, {5, "is up"}}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var p presser
			start := time.Unix(1000, 0)
			presses := 0
			for _, s := range tt.steps {
				now := start.Add(time.Duration(s.at) * time.Millisecond)
				switch s.what {
				case "down", "bare", "tapped":
					if p.keydown(now, s.what != "tapped", s.what == "down") {
						presses++
					}
				case "up":
					p.keyup(now)
				case "is down", "is up":
					p.seen(now, s.what == "is down")
				default:
					t.Fatalf("what is %q?", s.what)
				}
			}
			if presses != tt.presses {
				t.Errorf("%d presses, not %d", presses, tt.presses)
			}
		})
	}
}

func TestAKeyIsLookedAtUntilItIsUp(t *testing.T) {
	var p presser
	now := time.Unix(1000, 0)
	if _, ok := p.sampleIn(now); ok {
		t.Error("a key that was never pressed is looked at")
	}
	p.keydown(now, true, true)
	if d, ok := p.sampleIn(now.Add(time.Millisecond)); !ok || d != sampleEvery {
		t.Errorf("at first: %v, %v", d, ok)
	}
	if d, ok := p.sampleIn(now.Add(2 * time.Second)); !ok || d != sampleSlowly {
		t.Errorf("later: %v, %v", d, ok)
	}
	p.seen(now, false)
	if _, ok := p.sampleIn(now); ok {
		t.Error("a key that is up is looked at")
	}
}

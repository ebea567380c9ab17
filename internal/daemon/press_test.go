package daemon

import (
	"testing"
	"time"
)

func TestPressesAreToldFromRepeats(t *testing.T) {
	// Each step is at a time in milliseconds: "down", which is a Keydown of a
	// key that is down, "tapped", one of a key that is up again, "up",
	// "decide", and what the X server says of the key, "is down" or "is up".
	// The presses are those a person would count.
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
		{"a tap that is over before it is looked at", []step{{0, "down"}, {5, "is up"}, {60, "down"}, {65, "is up"}}, 2},
		{"a tap whose release was grabbed too", []step{{0, "down"}, {1, "up"}, {5, "is up"}, {60, "down"}, {65, "is up"}}, 2},
		{"the same, read in one go", []step{{1, "up"}, {0, "tapped"}, {5, "is up"}, {61, "up"}, {60, "tapped"}, {65, "is up"}}, 2},
		{"a repeat of a press that was another hotkey's", []step{{0, "up"}, {0, "down"}, {5, "is down"}, {40, "down"}, {40, "up"}, {45, "decide"}, {50, "is up"}, {120, "down"}}, 1},
		{"a held key", []step{{0, "down"}, {5, "is down"}, {660, "up"}, {660, "down"}, {700, "down"}, {700, "up"}, {705, "decide"},
			{740, "up"}, {741, "down"}, {746, "decide"}, {760, "is up"}}, 1},
		{"a held key, then a press", []step{{0, "down"}, {5, "is down"}, {660, "up"}, {660, "down"}, {680, "is up"}, {740, "down"}}, 2},
		{"a repeat whose halves are read apart", []step{{0, "down"}, {660, "down"}, {663, "up"}, {665, "decide"}}, 1},
		{"another key in the moment before the grab is given up", []step{{0, "down"}, {1, "down"}, {2, "down"}, {5, "is down"}, {6, "decide"}}, 1},
		{"a press after a release nobody looked at", []step{{0, "down"}, {5, "is down"}, {300, "down"}, {305, "decide"}, {310, "is down"}}, 2},
		{"and only one", []step{{0, "down"}, {5, "is down"}, {300, "down"}, {302, "down"}, {305, "decide"}, {310, "is down"}, {320, "decide"}}, 2},
		{"a look between the Keydown and the decision changes nothing", []step{{0, "down"}, {300, "down"}, {301, "is up"}, {305, "decide"}, {310, "is down"}, {900, "up"}, {900, "down"}}, 2},
		{"a release alone", []step{{0, "up"}, {5, "decide"}}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var p presser
			start := time.Unix(1000, 0)
			presses := 0
			for _, s := range tt.steps {
				now := start.Add(time.Duration(s.at) * time.Millisecond)
				pressed := false
				switch s.what {
				case "down":
					var undecided bool
					if pressed, undecided = p.keydown(now, true); pressed && undecided {
						t.Errorf("at %d: a press and undecided", s.at)
					}
				case "tapped":
					pressed, _ = p.keydown(now, false)
				case "up":
					p.keyup(now)
				case "decide":
					pressed = p.decide(now)
				case "is down":
					p.seen(true)
				case "is up":
					p.seen(false)
				default:
					t.Fatalf("what is %q?", s.what)
				}
				if pressed {
					presses++
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
	p.keydown(now, true)
	if d, ok := p.sampleIn(now.Add(time.Millisecond)); !ok || d != sampleEvery {
		t.Errorf("at first: %v, %v", d, ok)
	}
	if d, ok := p.sampleIn(now.Add(2 * time.Second)); !ok || d != sampleSlowly {
		t.Errorf("later: %v, %v", d, ok)
	}
	p.seen(false)
	if _, ok := p.sampleIn(now); ok {
		t.Error("a key that is up is looked at")
	}
}

package daemon

import (
	"testing"
	"time"
)

func TestPressesAreToldFromAllElse(t *testing.T) {
	// Each step is at a time in milliseconds: "down", which is a Keydown of a
	// key that is down, "bare", one of a key that is down without its modifier,
	// "tapped", one of a key that is up again, "up", and
	// what the X server says of the key, "is down" or "is up". The steps are in the
	// order in which they are read. The presses are those a person would count.
	type step struct {
		at   int
		what string
	}
	tests := []struct {
		name    string
		steps   []step
		presses int
	}{
		{"a press", []step{{at: 0, what: "down"}, {at: 5, what: "is down"}, {at: 80, what: "is up"}}, 1},
		{"two presses", []step{{at: 0, what: "down"}, {at: 5, what: "is down"}, {at: 80, what: "is up"}, {at: 140, what: "down"}, {at: 145, what: "is up"}}, 2},
		{"taps", []step{{at: 0, what: "tapped"}, {at: 5, what: "is up"}, {at: 60, what: "tapped"}, {at: 65, what: "is up"}}, 2},
		{"taps whose releases were grabbed too", []step{{at: 0, what: "tapped"}, {at: 1, what: "up"}, {at: 5, what: "is up"}, {at: 60, what: "tapped"}, {at: 61, what: "up"}, {at: 65, what: "is up"}}, 2},
		{"a held key", []step{{at: 0, what: "down"}, {at: 5, what: "is down"}, {at: 660, what: "up"}, {at: 660, what: "down"}, {at: 700, what: "up"}, {at: 701, what: "down"}, {at: 740, what: "up"}, {at: 780, what: "down"}, {at: 800, what: "is up"}}, 1},
		{"a held key, then a press", []step{{at: 0, what: "down"}, {at: 5, what: "is down"}, {at: 660, what: "up"}, {at: 660, what: "down"}, {at: 680, what: "is up"}, {at: 740, what: "down"}}, 2},
		{"another key in the moment before the grab is given up", []step{{at: 0, what: "down"}, {at: 1, what: "down"}, {at: 2, what: "down"}, {at: 5, what: "is down"}, {at: 90, what: "is up"}}, 1},
		{"the same, told when the key is up", []step{{at: 0, what: "down"}, {at: 5, what: "is down"}, {at: 90, what: "is up"}, {at: 95, what: "tapped"}, {at: 100, what: "is up"}}, 1},
		{"a repeat of another hotkey's press", []step{{at: 0, what: "up"}, {at: 0, what: "down"}, {at: 5, what: "is down"}, {at: 40, what: "up"}, {at: 40, what: "down"}, {at: 50, what: "is up"}, {at: 120, what: "down"}}, 1},
		{"a repeat of another press whose halves are read apart", []step{{at: 0, what: "up"}, {at: 90, what: "down"}, {at: 95, what: "is up"}}, 0},
		{"a press long after a foreign key was let go", []step{{at: 0, what: "up"}, {at: 110, what: "down"}, {at: 190, what: "is up"}}, 1},
		{"a modifier that is let go before the grab is given up", []step{{at: 0, what: "bare"}, {at: 1, what: "up"}, {at: 5, what: "is down"}, {at: 30, what: "is up"}, {at: 90, what: "down"}}, 2},
		{"the same after the release of another", []step{{at: 0, what: "up"}, {at: 0, what: "bare"}, {at: 5, what: "is down"}, {at: 30, what: "is up"}, {at: 90, what: "down"}}, 2},
		{"presses whose releases are grabbed and read late", []step{{at: 0, what: "down"}, {at: 40, what: "up"}, {at: 45, what: "is up"}, {at: 90, what: "down"}, {at: 95, what: "is down"}, {at: 140, what: "is up"}, {at: 130, what: "up"}, {at: 190, what: "down"}}, 3},
		{"presses whose releases are told just after they were seen", []step{{at: 0, what: "down"}, {at: 45, what: "is up"}, {at: 60, what: "up"}, {at: 100, what: "down"}}, 2},
		{"taps whose releases are told long after they were seen", []step{{at: 0, what: "tapped"}, {at: 5, what: "is up"}, {at: 50, what: "up"}, {at: 100, what: "down"}, {at: 105, what: "is down"}, {at: 130, what: "is up"}, {at: 270, what: "up"}, {at: 290, what: "down"}}, 3},
		{"a repeat of another press after a press", []step{{at: 0, what: "down"}, {at: 50, what: "is up"}, {at: 250, what: "up"}, {at: 250, what: "down"}}, 1},
		{"a release alone", []step{{at: 0, what: "up"}, {at: 5, what: "is up"}}, 0},
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

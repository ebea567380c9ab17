package match

import (
	"reflect"
	"testing"

	"github.com/patoggle/patoggle/pulse"
	"github.com/patoggle/patoggle/x11"
)

func equal(a, b Result) bool { return reflect.DeepEqual(a, b) }

// want is what must come out for one stream.
type want struct {
	index      pulse.StreamIndex
	rule       Rule
	confidence Confidence
	ambiguous  bool
	pid        int
	trust      Trust
}

func (f *fixture) expect(t *testing.T, focus x11.WindowID, wants ...want) Result {
	t.Helper()
	r := f.focus(focus).match(t)
	for _, w := range wants {
		found := false
		for _, s := range r.Streams {
			if s.Index != w.index {
				continue
			}
			found = true
			got := want{s.Index, s.Rule, s.Confidence, s.Ambiguous, s.PID, s.Trust}
			if got != w || s.Matched != (w.rule != "") {
				t.Errorf("with window 0x%x in front, stream %d is\n%+v, want\n%+v\nwindow %+v\ntried %q", focus, w.index, got, w, r.Window, s.Tried)
			}
		}
		if !found {
			t.Errorf("no stream %d", w.index)
		}
	}
	return r
}

func TestMPVAndFirefoxPlayFromTheirOwnProcess(t *testing.T) {
	f := newFixture()
	f.run(4711, userPID, "/usr/bin/mpv")
	f.run(4800, userPID, "/usr/lib/firefox-esr/firefox-esr")
	f.window(0x1c00007, 4711, "mpv")
	f.window(0x1e00007, 4800, "firefox-esr")
	f.plays(3, 4711, "mpv")
	f.plays(4, 4800, "firefox-esr")
	f.expect(t, 0x1c00007, want{3, RulePID, Certain, false, 4711, Verified}, want{4, "", None, false, 4800, Verified})
	f.expect(t, 0x1e00007, want{3, "", None, false, 4711, Verified}, want{4, RulePID, Certain, false, 4800, Verified})
}

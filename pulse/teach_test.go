package pulse_test

import (
	"strings"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/lab/native"
	"github.com/patoggle/patoggle/pulse"
)

// TestAProgramStartsWhereItWasTaughtTo starts a program that the server was
// taught, and one that it was not.
func TestAProgramStartsWhereItWasTaughtTo(t *testing.T) {
	onBoth(t, func(t *testing.T, _ *lab.Lab, s *lab.Sound) {
		c := dial(t, s.Server)
		index := func(sink string) pulse.SinkIndex {
			k, ok := s.Sink(sink)
			if !ok {
				t.Fatalf("there is no sink %q", sink)
			}
			return pulse.SinkIndex(k.Index)
		}
		// WirePlumber 0.4 may have a stream on the default sink at first sight.
		starts := func(group pulse.Group, want string) string {
			t.Helper()
			props := map[string]string{"application.name": group.Name}
			if group.ID != "" {
				props["application.id"] = group.ID
			}
			player, err := native.Dial(s.Socket, limit, props)
			if err != nil {
				t.Fatal(err)
			}
			defer player.Close()
			i, err := player.Play(limit, native.Playback{Media: "tone"})
			if err != nil {
				t.Fatal(err)
			}
			s.WaitStream("the program", func(st lab.Stream) bool { return st.Index == int(i) })
			lab.Poll(time.Minute, func() bool { return s.On(int(i)) == want })
			return s.On(int(i))
		}
		one, two := pulse.Group{Name: "One"}, pulse.Group{Name: "Two", ID: "org.example.two"}
		other := pulse.Group{Name: "Other"}
		for _, sink := range []string{"b", "c"} {
			for i, err := range c.Teach(within(t, limit), index(sink), one, two) {
				if err != nil {
					t.Fatalf("group %d: %v", i, err)
				}
			}
			for _, g := range []pulse.Group{one, two} {
				if on := starts(g, sink); on != sink {
					t.Errorf("%s was taught %s and starts on %s", g.Name, sink, on)
				}
			}
		}
		if on := starts(other, "a"); on != "a" {
			t.Errorf("a program that nobody taught starts on %s", on)
		}
		// Also what is remembered to be on the default sink is forgotten.
		if err := c.Teach(within(t, limit), index("a"), two)[0]; err != nil {
			t.Fatal(err)
		}
		for i, err := range c.Unteach(within(t, limit), one, two) {
			if err != nil {
				t.Fatalf("group %d: %v", i, err)
			}
		}
		s.Pactl("set-default-sink", "b")
		for _, g := range []pulse.Group{one, two} {
			if on := starts(g, "b"); on != "b" {
				t.Errorf("%s starts on %s, and the default sink is b", g.Name, on)
			}
		}
		for _, st := range s.Streams() {
			if st.Props[pulse.PropTeacher] != "" {
				t.Errorf("stream %d is left", st.Index)
			}
		}
		errs := c.Teach(within(t, limit), index("b"), pulse.Group{}, pulse.Group{Name: strings.Repeat("x", 300)}, one)
		if errs[0] == nil || errs[1] == nil || errs[2] != nil {
			t.Errorf("nobody, somebody with a long name, and one: %v", errs)
		}
	})
}

package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
)

// onEach runs a test on both servers, with a tone of puppet on the sink a.
func onEach(t *testing.T, f func(t *testing.T, l *lab.Lab, s *lab.Sound)) {
	t.Run("pulseaudio", func(t *testing.T) {
		l := lab.Start(t)
		f(t, l, l.PulseAudio("a", "b", "c"))
	})
	t.Run("pipewire", func(t *testing.T) {
		l := lab.Start(t)
		f(t, l, l.PipeWire("a", "b", "c"))
	})
}

func TestUndoTakesMovesBackOneByOne(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab.Lab, s *lab.Sound) {
		program := lab.Binary(t, "patoggle")
		l.Spawn("paplay", l.ToneFile())
		var stream int
		l.Until("paplay plays", func() bool {
			for _, st := range s.Streams() {
				stream = st.Index
			}
			return len(s.Streams()) == 1 && s.On(stream) != ""
		})
		on := func() string { return s.On(stream) }
		was := []string{on()}
		do := func(want int, args ...string) lab.Result {
			t.Helper()
			r := l.Run(nil, program, lab.Unhurried(args...)...)
			if r.Code != want {
				t.Fatalf("%q: code %d, %s%s", args, r.Code, r.Stdout, r.Stderr)
			}
			return r
		}
		for n := range 22 {
			do(0, "--stream", fmt.Sprint(stream))
			if now := on(); now == was[n] {
				t.Fatalf("it did not move from %q", now)
			} else {
				was = append(was, now)
			}
		}
		for n := 21; n >= 0; n-- {
			r := do(0, "undo")
			if now := on(); now != was[n] {
				t.Fatalf("undo brought it to %q, want %q: %s", now, was[n], r.Stdout)
			}
		}
		if r := do(3, "undo"); !strings.Contains(r.Stderr, "there is no move to take back") {
			t.Errorf("it said %q", r.Stderr)
		}
	})
}

func TestFollowResetAndWhatIsRemembered(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab.Lab, s *lab.Sound) {
		program := lab.Binary(t, "patoggle")
		l.Spawn("paplay", l.ToneFile())
		l.Until("paplay plays", func() bool { return len(s.Streams()) == 1 })
		stream := s.Streams()[0].Index
		do := func(want int, args ...string) lab.Result {
			t.Helper()
			r := l.Run(nil, program, lab.Unhurried(args...)...)
			if r.Code != want {
				t.Fatalf("%q: code %d, %s%s", args, r.Code, r.Stdout, r.Stderr)
			}
			return r
		}
		l.Run(nil, "pactl", "set-default-sink", "a")
		do(0, "--app", "paplay", "--to", "b")
		if r := do(0, "remember", "--app", "paplay"); !strings.Contains(r.Stdout, "paplay stays on") {
			t.Errorf("it said %q", r.Stdout)
		}
		var rules struct {
			Rules []struct {
				App, Source, Sink, Idle string
				Streams                 []int
			}
		}
		r := do(0, "rules", "--json")
		if err := json.Unmarshal([]byte(r.Stdout), &rules); err != nil {
			t.Fatal(err)
		}
		if len(rules.Rules) != 1 || rules.Rules[0].Sink != "b" || len(rules.Rules[0].Streams) != 1 || rules.Rules[0].Idle != "patoggled is not running" {
			t.Errorf("the rules are %s", r.Stdout)
		}
		if r := do(0, "list", "streams", "--json"); !strings.Contains(r.Stdout, `"held_by":"press"`) {
			t.Errorf("what holds the stream is not said: %s", r.Stdout)
		}
		do(0, "follow", "--app", "paplay")
		if r := do(0, "list", "streams"); !strings.Contains(r.Stdout, "follows the default") {
			t.Errorf("that it follows is not said: %s", r.Stdout)
		}
		if on := s.On(stream); on != "a" {
			t.Errorf("following it is on %q", on)
		}
		l.Run(nil, "pactl", "set-default-sink", "c")
		l.Until("the stream follows the default sink", func() bool { return s.On(stream) == "c" })
		do(0, "forget", "--app", "paplay")
		do(3, "forget", "--app", "paplay")
		do(0, "--app", "paplay", "--to", "b")
		do(0, "remember", "--app", "paplay")
		do(2, "reset") // nobody is asked without a terminal
		do(0, "reset", "--yes")
		if on := s.On(stream); on != "c" {
			t.Errorf("after the reset it is on %q", on)
		}
		if r := do(0, "rules"); r.Stdout != "there is no rule\n" {
			t.Errorf("after the reset the rules are %q", r.Stdout)
		}
		do(3, "undo")
	})
}

func TestWhatTheServerRemembersOfUsIsForgottenWithIt(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab.Lab, s *lab.Sound) {
		program := lab.Binary(t, "patoggle")
		s.Pactl("set-default-sink", "a")
		do := func(args ...string) {
			t.Helper()
			if r := l.Run(nil, program, lab.Unhurried(args...)...); r.Code != 0 {
				t.Fatalf("%q: code %d, %s%s", args, r.Code, r.Stdout, r.Stderr)
			}
		}
		// plays starts a program of that name, says where it is after f, and ends it.
		plays := func(name string, f func(stream int)) (on string) {
			t.Helper()
			argv := []string{"paplay", "--client-name=" + name}
			if name == "pressed" { // another application
				argv = []string{"mpv", "--no-config", "--no-video", "--no-terminal", "--ao=pulse", "--audio-client-name=" + name}
			}
			p := l.Spawn(argv[0], append(argv[1:], l.ToneFile())...)
			st := s.WaitStream(name, func(st lab.Stream) bool { return st.Props["application.name"] == name })
			f(st.Index)
			on = s.On(st.Index)
			p.Kill()
			l.Until("the end of "+name, func() bool { _, there := s.Stream(st.Index); return !there })
			return on
		}
		// lasting is a move that a session manager remembers: of what it has taken in,
		// and a moment later.
		lasting := func(move func(int)) func(int) {
			return func(stream int) {
				time.Sleep(500 * time.Millisecond)
				move(stream)
				time.Sleep(500 * time.Millisecond)
			}
		}
		to := func(sink string) func(int) {
			return func(stream int) { do("--stream", fmt.Sprint(stream), "--to", sink) }
		}
		plays("kept", lasting(func(stream int) {
			to("b")(stream)
			do("remember", "--stream", fmt.Sprint(stream))
		}))
		plays("pressed", lasting(to("c")))
		plays("users", lasting(func(stream int) { s.Move(stream, "b") }))
		starts := func(want map[string]string) {
			t.Helper()
			for name, sink := range want {
				// WirePlumber may have it on the default sink for a moment first.
				settles := func(stream int) {
					lab.Poll(time.Minute, func() bool { return s.On(stream) == sink })
					time.Sleep(200 * time.Millisecond)
				}
				if on := plays(name, settles); on != sink {
					t.Errorf("%q starts on %q, want %q", name, on, sink)
				}
			}
		}
		starts(map[string]string{"kept": "b", "pressed": "c", "users": "b", "never": "a"})
		do("forget", "--app", "kept")
		starts(map[string]string{"kept": "a", "pressed": "c", "users": "b"})
		do("reset", "--yes")
		starts(map[string]string{"kept": "a", "pressed": "a", "users": "b", "never": "a"})
	})
}

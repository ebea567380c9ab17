package daemon

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/lab/long"
	"github.com/patoggle/patoggle/internal/lab/puppet"
	"github.com/patoggle/patoggle/internal/state"
)

// remembers is how long a session manager has to remember where a stream was moved
// to, before that ends; nothing tells that it has.
const remembers = 500 * time.Millisecond

// once plays a stream of the program "player", says where it is after f, and
// ends it.
func (r *rig) once(f func(stream int)) (on string) {
	r.t.Helper()
	p := r.Puppet(lab.Act{Program: "player", Client: map[string]string{"application.name": "Player"}, Streams: []puppet.Stream{{Media: []byte("tone")}}})
	f(p.Streams[0])
	on = r.sound.On(p.Streams[0])
	time.Sleep(remembers)
	p.Kill()
	r.Until("the end of the stream", func() bool { _, there := r.sound.Stream(p.Streams[0]); return !there })
	return on
}

func TestAPressOnASilentApplicationWaitsForItsNextStream(t *testing.T) {
	onBothServers(t, func(t *testing.T, r *rig) {
		r.configure(`notify = false
[[hotkey]]
keys = "Super+F9"
do = "next"
[[hotkey]]
keys = "Super+F10"
do = "to"
sink = "nowhere"
[[hotkey]]
keys = "Super+F11"
do = "to"
sink = "late"
`)
		r.sound.Pactl("set-default-sink", "a")
		module := r.sound.AddSink("late=late")
		w := r.Puppet(lab.Act{Program: "player", Windows: []puppet.Window{{Title: []byte("Player"), Class: "Player", PID: puppet.OwnPID}}})
		r.display.Focus(w.Windows[0])
		r.start("-v")
		press := func(key, says string) {
			t.Helper()
			line := regexp.MustCompile(says)
			count := func() int { return len(line.FindAllString(r.daemon.Log(), -1)) }
			before := count()
			r.keys.tap(30*time.Millisecond, "Super", key)
			r.Until("patoggled to say "+says, func() bool { return count() > before })
			r.fingerOff()
		}
		// Each server describes a sink in its own way.
		plays := func(sink string) string { return `Player → (Null Output \()?` + sink + `\b.*, when it plays` }
		waits := func(sink string) func(int) { return func(i int) { r.sound.WaitOn(i, sink) } }
		const silent = "is not playing anything"
		press("F9", silent) // nobody knows it yet
		r.once(waits("a"))
		press("F9", plays("b"))
		press("F9", plays("c")) // one further
		r.once(func(i int) {
			r.sound.WaitOn(i, "c")
			// WirePlumber does not remember a move that comes before it has
			// taken the stream in, as ours may on a quick machine.
			time.Sleep(remembers)
			for _, sink := range []string{"b", "c"} {
				r.sound.Move(i, sink)
				r.sound.WaitOn(i, sink)
			}
		})
		// It was for one stream; now it is where its last one was.
		r.once(waits("c"))
		// One that PipeWire was still linking is moved twice.
		moved := map[string]bool{}
		for _, m := range regexp.MustCompile(`stream (\d+) → c \(press\)`).FindAllStringSubmatch(r.daemon.Log(), -1) {
			moved[m[1]] = true
		}
		if len(moved) != 1 {
			t.Errorf("these streams were moved to c: %v", moved)
		}
		r.once(func(i int) { r.sound.Move(i, "a") })
		press("F10", "nowhere") // there is no such sink
		r.once(waits("a"))
		press("F11", plays("late"))
		r.sound.Unload(module)
		r.Until("the sink to go", func() bool { _, there := r.sound.Sink("late"); return !there })
		r.once(waits("a"))
		press("F9", plays("b"))
		r.end()
		r.start("-v")
		r.once(waits("a")) // the session is over
		if n := r.said("→ b (press)"); n != 0 {
			t.Error("what was pressed in the session before was done")
		}
	})
}

// kills is how often patoggled is killed. 200 is what was promised.
func kills() int { return long.Count(6, 200) }

// Killed at any moment while keys are pressed and streams begin, patoggled loses
// nothing that stood in its state before, breaks no file, and goes on.
func TestTheDaemonMayBeKilledAtAnyMoment(t *testing.T) {
	onBothServers(t, func(t *testing.T, r *rig) {
		r.configure(`notify = false
[[hotkey]]
keys = "Super+F9"
do = "next"
[[hotkey]]
keys = "Super+F10"
do = "remember"
[[hotkey]]
keys = "Super+F11"
do = "undo"
[[rule]]
app = "paplay"
sink = "b"
`)
		r.sound.Pactl("set-default-sink", "a")
		r.play()
		dir, err := state.Path(r.Getenv)
		if err != nil {
			t.Fatal(err)
		}
		store := state.Open(dir, func(text string) { t.Error(text) })
		read := func() []state.Entry {
			t.Helper()
			entries, err := store.Moves()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := store.Remembered(); err != nil {
				t.Fatal(err)
			}
			return entries
		}
		most := 0
		for n := range kills() {
			before := read()
			r.begin("-v")
			r.Until("READY of patoggled", func() bool { return r.systemd.Has("READY=1") })
			if n%3 == 0 { // a key counts as pressed from now on
				time.Sleep(fresh)
			}
			p := r.Spawn("paplay", r.ToneFile())
			killed := make(chan struct{})
			time.AfterFunc(time.Duration(rand.IntN(400))*time.Millisecond, func() {
				r.daemon.Signal(syscall.SIGKILL)
				close(killed)
			})
		pressing:
			for {
				for _, key := range []string{"F9", "F10", "F9", "F11"} {
					r.keys.tap(10*time.Millisecond, "Super", key)
					select {
					case <-killed:
						break pressing
					case <-time.After(20 * time.Millisecond):
					}
				}
			}
			r.daemon.Wait()
			p.Kill()
			after := read()
			kept := map[string]bool{}
			for _, e := range after {
				kept[e.ID] = true
			}
			// Beyond 200 the oldest go.
			for _, e := range before[max(0, len(before)-100):] {
				if !kept[e.ID] {
					t.Fatalf("round %d: the entry %s of %v is lost", n, e.ID, e.Time)
				}
			}
			most = max(most, len(after))
		}
		t.Logf("%d kills, up to %d entries", kills(), most)
		if most == 0 {
			t.Error("nothing was ever written: that shows nothing")
		}
		left, err := os.ReadDir(dir)
		for _, f := range left {
			if strings.Contains(f.Name(), "aside") {
				t.Errorf("%s was put aside", f.Name())
			}
		}
		if err != nil || len(left) > 6 { // the two files, the two locks, and what was being written
			t.Errorf("%d files, %v", len(left), err)
		}
		r.start("-v")
		_, stream := r.paplay()
		r.sound.WaitOn(stream, "b")
		r.end()
	})
}

// list says what holds a stream, whoever put it there.
func TestWhatHoldsAStreamIsSaid(t *testing.T) {
	onBothServers(t, func(t *testing.T, r *rig) {
		r.configure("[[rule]]\napp = \"ruled\"\nsink = \"b\"\n")
		r.sound.Pactl("set-default-sink", "a")
		r.start("-v")
		do := func(args ...string) string {
			t.Helper()
			res := r.Run(nil, lab.Binary(t, "patoggle"), args...)
			if res.Code != 0 {
				t.Fatalf("%q: code %d, %s", args, res.Code, res.Stderr)
			}
			return res.Stdout
		}
		held := func(stream int, want string) {
			t.Helper()
			var by string
			said := func() bool {
				var list struct {
					Streams []struct {
						Index  int
						HeldBy string `json:"held_by"`
					}
				}
				if err := json.Unmarshal([]byte(do("list", "--json")), &list); err != nil {
					t.Fatal(err)
				}
				by = "not listed"
				for _, s := range list.Streams {
					if s.Index == stream {
						by = s.HeldBy
					}
				}
				return by == want
			}
			if !lab.Poll(time.Minute, said) {
				t.Errorf("stream %d is held by %q, want %q; patoggled said\n%s", stream, by, want, r.daemon.Log())
			}
		}
		ruled := r.Puppet(lab.Act{Program: "ruled", Client: map[string]string{"application.name": "Ruled"}, Streams: []puppet.Stream{{Media: []byte("tone")}}}).Streams[0]
		r.sound.WaitOn(ruled, "b")
		held(ruled, "rule")
		_, kept := r.paplay()
		r.sound.WaitOn(kept, "a")
		held(kept, "")
		do("--stream", strconv.Itoa(kept), "--to", "c")
		held(kept, "press")
		do("remember", "--stream", strconv.Itoa(kept))
		_, next := r.paplay()
		r.sound.WaitOn(next, "c")
		held(next, "remembered")
		// A press on what a rule holds.
		do("--stream", strconv.Itoa(ruled), "--to", "c")
		held(ruled, "press")
		do("follow", "--stream", strconv.Itoa(ruled))
		r.sound.WaitOn(ruled, "a")
		held(ruled, "default")
		// A mixer's move is no hold of ours.
		r.sound.Move(ruled, "c")
		held(ruled, "")
	})
}

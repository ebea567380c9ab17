package daemon

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/lab/puppet"
	"github.com/patoggle/patoggle/pulse"
)

// starter is a program that plays, once.
type starter struct {
	name  string
	start func(r *rig) *lab.Process
	// fits tells its streams from others.
	fits func(lab.Stream) bool
	// new: each start is the first of its name.
	new bool
}

// spawned is a starter whose streams bear its own name.
func spawned(name, program string, argv func(r *rig) []string) starter {
	return starter{
		name:  name,
		start: func(r *rig) *lab.Process { return r.Spawn(program, argv(r)...) },
		fits: func(s lab.Stream) bool {
			return strings.Contains(strings.ToLower(s.Props["application.name"]+s.Props["application.process.binary"]+s.Props["node.name"]), name)
		},
	}
}

var starters = []starter{
	spawned("paplay", "paplay", func(r *rig) []string { return []string{r.ToneFile()} }),
	{
		name: "newcomer",
		start: func(r *rig) *lab.Process {
			return r.Spawn("paplay", fmt.Sprintf("--client-name=newcomer %d", newcomers.Add(1)), r.ToneFile())
		},
		fits: func(s lab.Stream) bool { return strings.HasPrefix(s.Props["application.name"], "newcomer") },
		new:  true,
	},
	spawned("mpv", "mpv", func(r *rig) []string {
		return []string{"--no-config", "--no-video", "--no-terminal", "--ao=pulse", r.ToneFile()}
	}),
	spawned("gst-launch", "gst-launch-1.0", func(r *rig) []string {
		return []string{"-q", "filesrc", "location=" + r.ToneFile(), "!", "wavparse", "!", "pulsesink"}
	}),
	spawned("pw-play", "pw-play", func(r *rig) []string { return []string{r.ToneFile()} }),
	{
		name:  "chromium",
		start: func(r *rig) *lab.Process { return r.Chromium("rules").Process },
		fits: func(s lab.Stream) bool {
			return strings.Contains(strings.ToLower(s.Props["application.name"]), "chromium")
		},
	},
	{
		name:  "firefox",
		start: func(r *rig) *lab.Process { return r.Firefox("rules").Process },
		fits: func(s lab.Stream) bool {
			return strings.Contains(strings.ToLower(s.Props["application.name"]), "firefox")
		},
	},
}

var newcomers atomic.Int64

// starts is how often each is started. PATOGGLE_STARTS=100 measures.
func starts() int {
	if n, err := strconv.Atoi(os.Getenv("PATOGGLE_STARTS")); err == nil && n > 0 {
		return n
	}
	return 3
}

// players are those that are started. PATOGGLE_PLAYERS="paplay mpv firefox"
// names others.
func players() []string {
	if all := strings.Fields(os.Getenv("PATOGGLE_PLAYERS")); len(all) > 0 {
		return all
	}
	return []string{"paplay", "mpv"}
}

// recording is what a sink's monitor hears.
type recording struct{ *lab.Monitored }

// heard is how many milliseconds since the last call were not silent.
func (rec recording) heard() (n int) {
	for ms := range slices.Chunk(rec.Next(), lab.MonitorRate/1000) {
		if slices.ContainsFunc(ms, func(v int16) bool { return v > 100 || v < -100 }) {
			n++
		}
	}
	return n
}

// silent tells whether 100 ms have been recorded since the last call, without a
// sound: what was heard before the end of a player may arrive late.
func (rec recording) silent() bool {
	return rec.Waiting() >= lab.MonitorRate/10 && rec.heard() == 0
}

// TestNoStartEndsOnTheWrongSink starts players whose rule wants them on b. Each
// time the server itself remembers that they belong to a: what it does by itself
// is against the rule. Where patoggled could tell the server better before the
// start, a stays silent; what is heard on it else is measured and not held, since
// it depends on how busy the machine is.
func TestNoStartEndsOnTheWrongSink(t *testing.T) {
	on := onBothServers
	if os.Getenv("PATOGGLE_STARTS") != "" { // it is measured, not only held
		on = oneAfterTheOther
	}
	on(t, func(t *testing.T, r *rig) {
		rules := ""
		for _, s := range starters {
			// As a user spells them, but for those that nobody has seen yet.
			app := map[string]string{"gst-launch": "gst-launch-1.0", "firefox": "Firefox", "newcomer": "newcomer*", "pw-play": "pw-*"}[s.name]
			rules += fmt.Sprintf("[[rule]]\napp = %q\nsink = [\"nowhere\", \"b\"]\n", cmp.Or(app, s.name))
		}
		r.configure(rules)
		r.sound.Pactl("set-default-sink", "a")
		r.start("-v")
		for _, name := range players() {
			i := slices.IndexFunc(starters, func(s starter) bool { return s.name == name })
			if i < 0 {
				t.Fatalf("there is no player %q", name)
			}
			if name == "pw-play" && !r.sound.PipeWire {
				continue
			}
			t.Run(name, func(t *testing.T) { r.startOften(t, starters[i]) })
		}
	})
}

func (r *rig) startOften(t *testing.T, player starter) {
	wrong, right := recording{r.sound.Monitor("a")}, recording{r.sound.Monitor("b")}
	var late []int
	silent, lessons := 0, 0
	taught := func() (n int) {
		for line := range strings.Lines(strings.ToLower(r.daemon.Log())) {
			if strings.Contains(line, " "+player.name) && strings.Contains(line, " will start on b") {
				n++
			}
		}
		return n
	}
	was := 0
	lab.Poll(time.Second, func() bool { return player.new || taught() > was })
	for range starts() {
		told := taught() > was && !player.new
		was = taught()
		wrong.heard()
		right.heard()
		var p *lab.Process
		mine := func() []lab.Stream {
			return slices.DeleteFunc(r.sound.Streams(), func(s lab.Stream) bool { return s.Props[pulse.PropTeacher] != "" || !player.fits(s) })
		}
		p = player.start(r)
		r.Until(player.name+" on b", func() bool {
			return slices.ContainsFunc(mine(), func(s lab.Stream) bool { return s.On == "b" })
		})
		begun := time.Now()
		heard := 0
		r.Until(player.name+" to be heard", func() bool { heard += right.heard(); return heard > 100 })
		ms := wrong.heard()
		late = append(late, ms)
		if told {
			lessons++
		}
		if ms == 0 {
			silent++
		} else if told {
			t.Errorf("the server was told where it starts, and %d ms were heard elsewhere", ms)
		}
		// On PipeWire a stream that is linked anew is on none for a moment, and
		// GStreamer ends its first stream for a second one.
		var all []lab.Stream
		r.Until(player.name+" on a sink", func() bool {
			all = mine()
			return len(all) > 0 && !slices.ContainsFunc(all, func(s lab.Stream) bool { return s.On == "" })
		})
		for _, s := range all {
			if s.On != "b" {
				t.Errorf("stream %d ended up on %q", s.Index, s.On)
			}
		}
		// A user moves it to a, which the server remembers. Before that second is
		// over it might be the session manager.
		time.Sleep(time.Until(begun.Add(1200 * time.Millisecond)))
		for _, s := range mine() {
			r.sound.Move(s.Index, "a")
		}
		moved := 0
		r.Until(player.name+" to be heard on a", func() bool { moved += wrong.heard(); return moved > 0 })
		p.Kill()
		r.Until("the end of "+player.name, func() bool { return len(mine()) == 0 })
		// Who starts a program again has a second for it.
		lab.Poll(time.Second, func() bool { return player.new || taught() > was })
		r.Until("silence", wrong.silent)
	}
	wrong.Stop()
	right.Stop()
	slices.Sort(late)
	sum := 0
	for _, ms := range late {
		sum += ms
	}
	t.Logf("%s: %d starts, %d of them taught, %d of them with 0 ms on the wrong sink; together %d ms, the longest %v", player.name, len(late), lessons, silent, sum, late[max(0, len(late)-5):])
}

// The very first start is silent elsewhere too: the server is told before of what
// a rule spells out, and of what played in earlier sessions.
func TestTheServerIsToldBeforeTheFirstStart(t *testing.T) {
	oneAfterTheOther(t, func(t *testing.T, r *rig) {
		r.sound.Pactl("set-default-sink", "a")
		plays := func(sink string) {
			t.Helper()
			wrong := recording{r.sound.Monitor("a")}
			p := r.Spawn("paplay", r.ToneFile())
			right := recording{r.sound.Monitor(sink)}
			heard := 0
			r.Until("paplay to be heard on "+sink, func() bool { heard += right.heard(); return heard > 100 })
			p.Kill()
			r.Until("silence", right.silent)
			if ms := wrong.heard(); ms != 0 {
				t.Errorf("%d ms were heard on a", ms)
			}
			wrong.Stop()
			right.Stop()
			r.Until("the end of paplay", func() bool {
				return !slices.ContainsFunc(r.sound.Streams(), func(s lab.Stream) bool { return s.Props["application.name"] == "paplay" })
			})
		}
		told := func(sink string) {
			t.Helper()
			r.Until("patoggled to tell the server", func() bool { return r.said("paplay will start on "+sink) > 0 })
		}
		r.configure("[[rule]]\napp = \"paplay\"\nsink = \"b\"\n")
		r.start("-v")
		told("b")
		plays("b")
		r.configure("[[rule]]\napp = \"paplay\"\nsink = \"c\"\n")
		told("c")
		plays("c")
		r.end()
		// A user moves it while patoggled does not run. The session manager has to
		// have taken it in before, and has to have heard of it before the end.
		p, stream := r.paplay()
		r.sound.WaitOn(stream, "c")
		r.aWhile()
		r.sound.Move(stream, "a")
		r.sound.WaitOn(stream, "a")
		time.Sleep(300 * time.Millisecond)
		p.Kill()
		// No rule spells it out now.
		r.configure("[[rule]]\napp = \"pap*\"\nsink = \"b\"\n")
		r.start("-v")
		told("b")
		plays("b")
		if res := r.Run(nil, lab.Binary(t, "patoggle"), "reset", "--yes"); res.Code != 0 {
			t.Fatal(res.Stderr)
		}
	})
}

// Programs that the server takes for one are not told of for the sake of one.
func TestTheServerIsNotToldOfANameThatOthersBear(t *testing.T) {
	onBothServers(t, func(t *testing.T, r *rig) {
		r.configure("[[rule]]\napp = \"one\"\nsink = \"b\"\n[[rule]]\napp = \"alone\"\nsink = \"b\"\n")
		r.sound.Pactl("set-default-sink", "a")
		r.start("-v")
		play := func(program, name, from, to string) {
			t.Helper()
			p := r.Puppet(lab.Act{Program: program, Client: map[string]string{"application.name": name}, Streams: []puppet.Stream{{Media: []byte("tone")}}})
			r.sound.WaitOn(p.Streams[0], from)
			if to != from {
				r.aWhile() // else it might be the session manager
				r.sound.Move(p.Streams[0], to)
				r.sound.WaitOn(p.Streams[0], to)
			}
			p.Kill()
			r.Until("the end of the stream", func() bool { _, there := r.sound.Stream(p.Streams[0]); return !there })
		}
		play("other", "Engine", "a", "a")
		play("one", "Engine", "b", "a")
		play("alone", "Alone", "b", "a")
		r.Until("patoggled to tell of the one", func() bool { return r.said("Alone will start on b") > 0 })
		play("other", "Engine", "a", "a")
		if r.said("Engine will start") > 0 {
			t.Errorf("it told the server of a name that another program bears:\n%s", r.daemon.Log())
		}
	})
}

package soak

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/lab/puppet"
	"github.com/patoggle/patoggle/internal/routing"
)

// word is the last word on where a stream plays.
type word int

const (
	nobodys word = iota // no rule, no press: patoggled leaves it alone
	rules
	presses
	users
)

// routed is a stream of the desk.
type routed struct {
	index  int
	puppet *lab.Puppet
	ruled  bool
	word   word
	to     string
	begun  time.Time
	moves  int // that patoggled had made when the user had the last word
}

// route is one move that patoggled says it makes.
type route struct {
	stream        int
	after, before time.Time // when it said so: between these
}

// lastingDesk is a sound server whose sinks come and go, and a patoggled
// without a display.
type lastingDesk struct {
	*lab.Lab
	t       *testing.T
	rnd     *rand.Rand
	sound   *lab.Sound
	daemon  *outer
	program string
	streams []*routed
	module  int // of the sink "home"; 0 while it is away

	mu     sync.Mutex
	routes []route
}

var routeLine = regexp.MustCompile(`patoggled: info: stream (\d+) → `)

// TestLastingSoak lets sinks come and go beside rules, presses, a user with a
// mixer, and streams that begin and end. Nothing that patoggled has no business
// with is moved by it, nothing against the user's last word, no stream again
// and again, and what a press or a rule put on a sink that left comes
// home with it.
func TestLastingSoak(t *testing.T) {
	lab.Need(t, "pulseaudio", "pipewire", "wireplumber", "pipewire-pulse", "pactl")
	start := *seed
	if start == 0 {
		start = uint64(time.Now().UnixNano())
	}
	t.Logf("-seed=%d", start)
	for name, pipewire := range map[string]bool{"PulseAudio": false, "PipeWire": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			soakLasting(t, start, pipewire)
		})
	}
}

func soakLasting(t *testing.T, start uint64, pipewire bool) {
	l, err := lab.New(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the ends of the logs:\n%s", l.Logs())
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	d := &lastingDesk{Lab: l, t: t, rnd: rand.New(rand.NewPCG(start, 2)), program: lab.Binary(t, "patoggle")}
	if err := d.Try(func() { d.set(pipewire) }); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() { d.watch(stop) })
	halt := sync.OnceFunc(func() {
		close(stop)
		watch.Wait()
	})
	defer halt()
	did := map[string]int{}
	var samples []map[string]int
	begun, limit := time.Now(), *length
	err = d.Try(func() {
		for time.Since(begun) < limit {
			did[d.step()]++
			if time.Since(begun) > time.Duration(len(samples))*limit/40 {
				samples = append(samples, d.daemon.figures())
			}
		}
		d.away(true)
		d.back()
		for _, s := range d.streams {
			d.lastWord(s)
		}
	})
	halt()
	if err != nil {
		t.Fatal(err)
	}
	d.often()
	flat(t, samples)
	if err := d.daemon.stop(); err != nil {
		t.Error(err)
	}
	t.Logf("%v; patoggled moved %d times", did, len(d.routes))
	if len(d.routes) == 0 {
		t.Error("nothing was shown")
	}
}

func (d *lastingDesk) set(pipewire bool) {
	sinks := []string{"a=a", "b=b", "c=c"}
	if pipewire {
		d.sound = d.PipeWire(sinks...)
	} else {
		d.sound = d.PulseAudio(sinks...)
	}
	d.sound.Pactl("set-default-sink", "a")
	d.module = d.sound.AddSink("home=home")
	file := d.Getenv("XDG_CONFIG_HOME") + "/patoggle/config.toml"
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("[[rule]]\napp = \"ruled\"\nsink = [\"home\", \"b\"]\n"), 0o600); err != nil {
		d.t.Fatal(err)
	}
	binary, err := lab.Daemon()
	if err != nil {
		d.t.Fatal(err)
	}
	d.daemon = &outer{p: d.SpawnCmd(lab.Cmd{Name: binary, Args: []string{"--verbose"}})}
	// It routes once a new stream goes where its rule wants it.
	d.Until("patoggled to route", func() bool {
		p := d.Puppet(lab.Act{Program: "ruled", Streams: []puppet.Stream{{Media: []byte("tone"), Sink: "c"}}})
		defer p.Kill()
		return lab.Poll(time.Second, func() bool { return d.sound.On(p.Streams[0]) == "home" })
	})
	d.begin(true)
	d.begin(true)
	d.begin(false)
	d.begin(false)
}

// begin begins a stream.
func (d *lastingDesk) begin(ruled bool) {
	act := lab.Act{Program: "free", Streams: []puppet.Stream{{Media: []byte("tone")}}}
	s := &routed{ruled: ruled}
	if ruled {
		act.Program, s.word = "ruled", rules
	}
	s.puppet = d.Puppet(act)
	s.index, s.begun = s.puppet.Streams[0], time.Now()
	d.streams = append(d.streams, s)
	if ruled {
		s.to = "home"
		if d.module == 0 {
			s.to = "b"
		}
		d.sound.WaitOn(s.index, s.to)
	}
}

func (d *lastingDesk) pick() *routed { return d.streams[d.rnd.IntN(len(d.streams))] }

// sinks are those that are there.
func (d *lastingDesk) sinks() []string {
	if d.module == 0 {
		return base
	}
	return append([]string{"home"}, base...)
}

// settle waits until patoggled knows whose a move was.
func (d *lastingDesk) settle() { time.Sleep(routing.Verdict + 200*time.Millisecond) }

// step does one thing, and returns its name.
func (d *lastingDesk) step() string {
	switch n := d.rnd.IntN(100); {
	case n < 12 && len(d.streams) < 8:
		d.begin(d.rnd.IntN(2) == 0)
		return "begins"
	case n < 20 && len(d.streams) > 4:
		i := d.rnd.IntN(len(d.streams))
		s := d.streams[i]
		d.lastWord(s)
		s.puppet.Kill()
		d.streams = slices.Delete(d.streams, i, i+1)
		return "ends"
	case n < 40:
		s, all := d.pick(), d.sinks()
		to := all[d.rnd.IntN(len(all))]
		if d.sound.On(s.index) == to {
			return "nothing" // patoggle puts nothing there
		}
		d.lastWord(s)
		if r := d.Run(nil, d.program, lab.Unhurried("--stream", strconv.Itoa(s.index), "--to", to)...); r.Code != 0 {
			d.t.Errorf("a press to %s: code %d, %s", to, r.Code, r.Stderr)
		}
		d.settle()
		s.word, s.to = presses, to
		return "presses"
	case n < 60:
		s, all := d.pick(), d.sinks()
		to := all[d.rnd.IntN(len(all))]
		if d.sound.On(s.index) == to {
			return "nothing"
		}
		d.lastWord(s)
		// What leaves in its first second may be the session manager's doing.
		time.Sleep(time.Until(s.begun.Add(routing.Young + 300*time.Millisecond)))
		d.sound.Move(s.index, to)
		d.settle()
		s.word, s.to, s.moves = users, to, d.count(s.index)
		if on := d.sound.On(s.index); on != to {
			d.t.Errorf("the user moved stream %d to %s, and it is on %q", s.index, to, on)
		}
		return "user moves"
	case n < 66:
		d.sound.Pactl("set-default-sink", base[d.rnd.IntN(len(base))])
		d.settle()
		return "default changes"
	case d.module != 0:
		d.away(d.rnd.IntN(2) == 0)
		return "home goes"
	default:
		d.back()
		return "home comes"
	}
}

// away removes the sink home; calm lets all come to rest before.
func (d *lastingDesk) away(calm bool) {
	if d.module == 0 {
		return
	}
	if calm {
		d.settle()
	}
	d.sound.Unload(d.module)
	d.module = 0
	d.Until("the streams to leave home", func() bool {
		return !slices.ContainsFunc(d.sound.Streams(), func(s lab.Stream) bool { return s.On == "home" || s.On == "" })
	})
	d.settle()
}

// back brings the sink home back, and holds who comes home.
func (d *lastingDesk) back() {
	if d.module != 0 {
		return
	}
	d.module = d.sound.AddSink("home=home")
	for _, s := range d.streams {
		if s.word == rules || s.word == presses && s.to == "home" {
			if !lab.Poll(time.Minute, func() bool { return d.sound.On(s.index) == "home" }) {
				d.t.Errorf("stream %d (%+v) did not come home: it is on %q", s.index, *s, d.sound.On(s.index))
			}
			s.to = "home"
		}
	}
	d.settle()
}

// count is how often patoggled has moved a stream.
func (d *lastingDesk) count(index int) int {
	return len(regexp.MustCompile(fmt.Sprintf(`patoggled: info: stream %d → `, index)).FindAllString(d.daemon.log(), -1))
}

// lastWord holds that patoggled has not moved what is not its business, and
// nothing since the user did.
func (d *lastingDesk) lastWord(s *routed) {
	switch n := d.count(s.index); {
	case s.word == nobodys && n > 0:
		d.t.Errorf("stream %d has no rule and was not pressed, and patoggled moved it %d times", s.index, n)
	case s.word == users && n > s.moves:
		d.t.Errorf("the user moved stream %d to %s, and patoggled moved it %d times since", s.index, s.to, n-s.moves)
	}
}

// watch notes when patoggled moves what.
func (d *lastingDesk) watch(stop chan struct{}) {
	seen, last := 0, time.Now()
	for {
		now := time.Now()
		all := routeLine.FindAllStringSubmatch(d.daemon.log(), -1)
		after := time.Now()
		d.mu.Lock()
		for _, m := range all[seen:] {
			index, _ := strconv.Atoi(m[1])
			d.routes = append(d.routes, route{index, last, after})
		}
		d.mu.Unlock()
		seen, last = len(all), now
		select {
		case <-stop:
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// often holds that patoggled fights with nobody over a stream: at two moves a
// second, which the tests of package routing hold by a clock of their own, eleven
// take five seconds. What it says is read a moment later than it is said, so that
// one of the five is for the machine.
func (d *lastingDesk) often() {
	const many, least = 11, 4 * time.Second
	of := map[int][]route{}
	for _, r := range d.routes {
		of[r.stream] = append(of[r.stream], r)
	}
	for index, all := range of {
		for i := many - 1; i < len(all); i++ {
			if took := all[i].before.Sub(all[i-many+1].after); took < least {
				d.t.Errorf("stream %d was moved %d times within %v", index, many, took)
			}
		}
	}
}

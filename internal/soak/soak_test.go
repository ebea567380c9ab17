package soak

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/toggle"
)

var (
	length = flag.Duration("soak", 8*time.Second, "how long to soak")
	seed   = flag.Uint64("seed", 0, "of what comes and goes; 0 takes the time")
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(lab.Main(m))
}

const (
	// answerTime is what a press may take, on a busy machine.
	answerTime = 4 * time.Second
	// calm is how long nothing may have happened for a press to be strictly
	// judged.
	calm = 300 * time.Millisecond
	// pace is the shortest time from the report of one press of a key to the
	// next press.
	pace = 60 * time.Millisecond
	// turn is how many presses or calls come before the other kind's turn.
	turn = 10
	// settled is when the daemon no longer looks after a move on PipeWire: it
	// does so twice, each time after toggle.VerifyAfter, with a move in between
	// that may take half a second. A call that moves the stream elsewhere before
	// that looks to it like a stream pulled back.
	settled = 2*toggle.VerifyAfter + 1500*time.Millisecond
)

// Both servers at the same time: one has a daemon within this process, the
// other the built one. A long soak changes that at half time.
func TestSoak(t *testing.T) {
	lab.Need(t, "Xvfb", "openbox", "xdotool", "pulseaudio", "pipewire", "wireplumber", "pipewire-pulse")
	start := *seed
	if start == 0 {
		start = uint64(time.Now().UnixNano())
	}
	t.Logf("-seed=%d", start)
	halves := []bool{true}
	if *length >= time.Minute {
		halves = append(halves, false)
	}
	for i, first := range halves {
		t.Run(fmt.Sprint("part ", i+1), func(t *testing.T) {
			for name, pipewire := range map[string]bool{"PulseAudio": false, "PipeWire": true} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					soak(t, newDesk(t, pipewire, pipewire != first, start+uint64(i)), *length/time.Duration(len(halves)))
				})
			}
		})
	}
}

// soak lets things come and go, and presses meanwhile.
func soak(t *testing.T, d *desk, limit time.Duration) {
	program := lab.Binary(t, "patoggle")
	end := time.Now().Add(limit)
	stop := make(chan struct{})
	var chaos sync.WaitGroup
	var broken error
	disturbances := map[string]int{}
	chaos.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(d.pause()) * time.Millisecond):
			}
			var e event
			if broken = d.Try(func() { e = d.disturb() }); broken != nil {
				return
			}
			disturbances[kind(e.what)]++
		}
	})
	halt := sync.OnceFunc(func() {
		close(stop)
		chaos.Wait()
	})
	defer halt()
	defer func() {
		if t.Failed() {
			log := d.daemon.log()
			t.Logf("the daemon said at last:\n%s", log[max(0, len(log)-4000):])
		}
	}()

	j := &judge{desk: d, last: time.Now()} // the desk has pressed until it worked
	var samples []map[string]int
	begun := time.Now()
	// On a slow machine it lasts until there is something to judge.
	goesOn := func(n int) bool {
		return !t.Failed() && (time.Now().Before(end) || n < 4*turn && (j.moved == 0 || j.strict == 0))
	}
	for n := 0; goesOn(n); n++ {
		d.try(func() {
			if n/turn%2 == 0 {
				j.hotkey()
				return
			}
			if n%turn == 0 && d.sound.PipeWire {
				time.Sleep(time.Until(j.last.Add(settled)))
			}
			j.call(program)
		})
		if every := limit / 40; time.Since(begun) > time.Duration(len(samples))*every {
			samples = append(samples, d.daemon.figures())
		}
	}
	halt()
	if broken != nil {
		t.Fatalf("the desk broke: %v", broken)
	}
	flat(t, samples)
	if err := d.daemon.stop(); err != nil {
		t.Error(err)
	}
	t.Logf("%d presses of keys, %d calls: %d moved, %d said that there was nothing to do, %d that something went wrong; %d judged strictly; %d dropped",
		j.presses, j.calls, j.moved, j.nothing, j.failed, j.strict, j.dropped)
	t.Logf("meanwhile %v", disturbances)
	if j.moved == 0 || j.strict == 0 {
		t.Error("nothing was shown")
	}
	if j.dropped > 1+j.presses/50 {
		t.Errorf("%d of %d presses had no report", j.dropped, j.presses)
	}
}

func (d *desk) pause() int {
	d.still.Lock()
	defer d.still.Unlock()
	if d.rnd.IntN(4) == 0 {
		return 400 + d.rnd.IntN(600)
	}
	return d.rnd.IntN(200)
}

// kind makes one word of what was done, for the count.
func kind(what string) string {
	words := strings.Fields(what)
	if len(words) == 0 {
		return ""
	}
	if strings.HasPrefix(words[0], "app") {
		return "an application goes"
	}
	if words[0] == "sink" {
		return "a sink " + words[len(words)-1]
	}
	if len(words) > 1 && words[1] == "focus" {
		return "the focus goes"
	}
	return what
}

// goroutines are the stacks of goroutines of the daemon and what it stands on.
func goroutines() []string {
	b := make([]byte, 4<<20)
	b = b[:runtime.Stack(b, true)]
	return slices.DeleteFunc(strings.Split(string(b), "\n\n"), func(s string) bool {
		return !strings.Contains(s, "patoggle/internal/daemon.") && !strings.Contains(s, "patoggle/pulse.") &&
			!strings.Contains(s, "patoggle/x11.") && !strings.Contains(s, "jfreymuth/pulse") && !strings.Contains(s, "jezek/xgb")
	})
}

// flat holds that no figure is higher in the last quarter than in the first.
// What is compared is the lowest value of each, since what is under way in a
// moment (a verification, a connection) comes on top of what stays.
func flat(t *testing.T, samples []map[string]int) {
	t.Helper()
	if len(samples) < 8 {
		t.Logf("%d samples are too few to see growth", len(samples))
		return
	}
	quarter := len(samples) / 4
	for key := range samples[0] {
		lowest := func(part []map[string]int) int {
			m := part[0][key]
			for _, s := range part {
				m = min(m, s[key])
			}
			return m
		}
		// The first tenth is left out: caches fill.
		first := lowest(samples[len(samples)/10 : len(samples)/10+quarter])
		last := lowest(samples[len(samples)-quarter:])
		room := map[string]int{"resident kB": 3072, "threads": 3, "descriptors": 2, "goroutines": 2}[key]
		t.Logf("%s: %d in the first quarter, %d in the last", key, first, last)
		if last > first+room {
			t.Errorf("%s grew from %d to %d", key, first, last)
		}
	}
}

// judge holds reports against the server.
type judge struct {
	*desk
	last                                                    time.Time // when a press of the key was reported
	presses, calls, moved, nothing, failed, strict, dropped int
}

// verdict is what a report says.
type verdict struct {
	text  string
	code  int
	moves []claim
}

// claim says that one stream, or so many streams of an application, are on a
// sink.
type claim struct {
	app    string
	stream int // 0 when it is said of the application
	count  int
	sink   string
}

// call presses by calling the built patoggle.
func (j *judge) call(program string) {
	j.calls++
	begin := time.Now()
	r := j.Run(nil, program, "--json")
	v := verdict{text: r.Stdout + r.Stderr, code: r.Code}
	var rep toggle.Report
	if err := json.Unmarshal([]byte(r.Stdout), &rep); err != nil {
		j.t.Errorf("no report: exit code %d, %q, %q", r.Code, r.Stdout, r.Stderr)
		return
	}
	for _, m := range rep.Moves {
		if m.Result == toggle.Moved || m.Result == toggle.AlreadyThere {
			v.moves = append(v.moves, claim{m.Application, int(m.Stream), 1, m.To})
		}
	}
	if (rep.Result == toggle.ResultFailed) != (r.Code == 1) || rep.Result == toggle.ResultMoved && r.Code != 0 {
		j.t.Errorf("exit code %d beside %q", r.Code, rep.Result)
	}
	j.judge(begin, v)
}

// arrow matches what the daemon says of a press that moved something.
var arrow = regexp.MustCompile(`Super\+F9: (\S+) (?:→|already plays on) (\S+)(?: \((\d+) streams\))? \(`)

// hotkey presses the key, and waits for what the daemon says.
func (j *judge) hotkey() {
	j.presses++
	time.Sleep(time.Until(j.last.Add(pace)))
	defer func() { j.last = time.Now() }()
	mark := len(j.daemon.log())
	begin := time.Now()
	j.daemon.press()
	var text string
	if !lab.Poll(answerTime+lab.Slack(), func() bool {
		text = j.daemon.log()[mark:]
		return strings.Contains(text, "Super+F9: ") || strings.Contains(text, "patoggled: error: ")
	}) {
		j.dropped++
		j.still.Lock()
		defer j.still.Unlock()
		j.t.Logf("a press without a report; near it: %s; the log before: %q", j.near(begin), j.daemon.log()[max(0, mark-300):])
		return
	}
	v := verdict{text: text}
	for _, m := range arrow.FindAllStringSubmatch(text, -1) {
		count := 1
		if m[3] != "" {
			count, _ = strconv.Atoi(m[3])
		}
		v.moves = append(v.moves, claim{app: m[1], count: count, sink: m[2]})
	}
	if strings.Contains(text, "patoggled: error: ") {
		v.code = 1
		if strings.Contains(text, "no window has the focus") || strings.Contains(text, "is not playing anything") ||
			strings.Contains(text, "has just stopped") || strings.Contains(text, "has just gone") {
			v.code = 3
		}
	}
	j.judge(begin, v)
}

// near says what happened from two seconds before that time on.
func (j *judge) near(begin time.Time) string {
	var did []string
	for _, e := range j.since(begin.Add(-2 * time.Second)) {
		did = append(did, fmt.Sprintf("%v to %v: %s", e.begin.Sub(begin).Round(time.Millisecond), e.end.Sub(begin).Round(time.Millisecond), e.what))
	}
	return strings.Join(did, "; ")
}

// judge holds one report, of a press that began then, against the server.
func (j *judge) judge(begin time.Time, v verdict) {
	took := time.Since(begin)
	j.still.Lock()
	defer j.still.Unlock()
	switch v.code {
	case 0:
		j.moved++
	case 3:
		j.nothing++
	default:
		j.failed++
	}
	meanwhile := j.since(begin)
	recent := j.since(begin.Add(-calm))
	complain := func(format string, args ...any) {
		j.t.Helper()
		j.t.Errorf("%s\nthe report, after %v: %s\nnear it: %s", fmt.Sprintf(format, args...), took, v.text, j.near(begin))
	}
	if !lab.InTime(took, answerTime) {
		complain("the report takes %v", took)
	}
	harmed := slices.ContainsFunc(recent, func(e event) bool { return e.harm })
	gone := func(a *app) bool {
		return slices.ContainsFunc(meanwhile, func(e event) bool { return e.restart || e.app != nil && e.app == a })
	}
	sinkGone := func(name string) bool {
		return slices.ContainsFunc(meanwhile, func(e event) bool { return e.restart || e.sink == name })
	}
	restarted := slices.ContainsFunc(meanwhile, func(e event) bool { return e.restart })

	now := map[int]lab.Stream{}
	for _, s := range j.sound.Streams() {
		now[s.Index] = s
	}
	// An application that has just gone may still be listed. But a server that has
	// come back counts from the beginning: a stream is first that of who is there.
	owner := map[int]*app{}
	all := slices.Clone(j.apps)
	for _, e := range recent {
		if e.app != nil {
			all = append(all, e.app)
		}
	}
	for _, a := range all {
		for _, s := range a.streams {
			if owner[s] == nil {
				owner[s] = a
			}
		}
	}

	// What is claimed is so.
	for _, c := range v.moves {
		if restarted || sinkGone(c.sink) {
			continue
		}
		streams := []int{c.stream}
		if c.stream == 0 {
			// Streams may have come while it was served.
			streams = nil
			for _, a := range j.apps {
				if a.name == c.app {
					streams = a.streams
				}
			}
		}
		there, elsewhere := 0, []string{}
		for _, i := range streams {
			s, alive := now[i]
			switch {
			case alive && s.On == c.sink, !alive && (owner[i] == nil || gone(owner[i])):
				there++
			default:
				elsewhere = append(elsewhere, fmt.Sprintf("%d on %q", i, s.On))
			}
		}
		if there < min(c.count, len(streams)) {
			complain("%d streams of %s are said to be on %q: %v", c.count, c.app, c.sink, elsewhere)
		}
	}

	// No other application's stream has moved.
	targets := map[*app]bool{j.focused: true}
	j.look()
	targets[j.focused] = true
	if slices.ContainsFunc(recent, func(e event) bool { return e.focus }) {
		for _, a := range all {
			if a.window != 0 {
				targets[a] = true
			}
		}
	}
	for i, s := range now {
		before, known := j.on[i]
		if !known || before == s.On || targets[owner[i]] && owner[i] != nil {
			continue
		}
		if slices.ContainsFunc(j.events, func(e event) bool { return e.sink == before }) || restarted {
			continue // its sink went, and the server moved it
		}
		name := "somebody"
		if owner[i] != nil {
			name = owner[i].name
		}
		complain("stream %d of %s moved from %q to %q", i, name, before, s.On)
	}
	defer func() {
		clear(j.on)
		for _, s := range j.sound.Streams() {
			j.on[s.Index] = s.On
		}
	}()

	// When nothing happened, a press does what it is for.
	if harmed {
		return
	}
	j.strict++
	switch {
	case j.focused == nil && v.code != 3:
		complain("no window has the focus")
	case j.focused != nil && v.code != 0:
		complain("nothing happened, and it failed")
	case j.focused != nil:
		if len(v.moves) == 0 || v.moves[0].app != j.focused.name {
			complain("the report is not about %s", j.focused.name)
			return
		}
		for _, i := range j.focused.streams {
			if now[i].On != v.moves[0].sink {
				complain("stream %d of %s stayed on %q", i, j.focused.name, now[i].On)
			}
		}
	}
}

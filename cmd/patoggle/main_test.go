package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/toggle"
)

func TestMain(m *testing.M) {
	lab.Together(6)
	os.Exit(lab.Main(m))
}

// desk is a private desktop with the built program on it.
type desk struct {
	*lab.Lab
	t       *testing.T
	sound   *lab.Sound
	display *lab.Display
	program string
}

// sinks are the sinks of every desk, in the order of the ring.
var sinks = []string{"a=Speakers", "b=Headset", "c=TV"}

const (
	pulseAudio = "PulseAudio"
	pipeWire   = "PipeWire"
)

// newDesk starts a display (unless options is nil) and the named server.
func newDesk(t *testing.T, server string, options ...lab.DisplayOption) *desk {
	t.Helper()
	d := &desk{t: t, Lab: lab.Start(t), program: lab.Binary(t, "patoggle")}
	if server == pipeWire {
		d.sound = d.PipeWire(sinks...)
	} else {
		d.sound = d.PulseAudio(sinks...)
	}
	d.display = d.Display(options...)
	return d
}

// onBoth runs the test on PulseAudio and on pipewire-pulse.
func onBoth(t *testing.T, test func(t *testing.T, d *desk)) {
	t.Helper()
	for _, server := range []string{pulseAudio, pipeWire} {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			test(t, newDesk(t, server))
		})
	}
}

// run calls patoggle and holds what is true of every call: no control byte
// reaches the terminal, and every complaint is in the program's own voice.
func (d *desk) run(args ...string) lab.Result {
	d.t.Helper()
	return d.runIn(nil, args...)
}

// runIn is run with changes to the environment.
func (d *desk) runIn(env []string, args ...string) lab.Result {
	d.t.Helper()
	r := d.Run(env, d.program, lab.Unhurried(args...)...)
	for _, out := range []string{r.Stdout, r.Stderr} {
		if i := strings.IndexFunc(out, func(c rune) bool { return unicode.IsControl(c) && c != '\n' }); i >= 0 {
			d.t.Errorf("patoggle %q: a raw control byte at %d of %q", args, i, out)
		}
	}
	for line := range strings.Lines(r.Stderr) {
		if !strings.HasPrefix(line, "patoggle: ") {
			d.t.Errorf("patoggle %q: a line in another voice: %q", args, line)
		}
	}
	return r
}

// expect runs patoggle and checks the exit code and that a sentence is on
// stderr, or on stdout when the code is 0; "" is not looked for.
func (d *desk) expect(code int, sentence string, args ...string) lab.Result {
	d.t.Helper()
	return d.expectIn(nil, code, sentence, args...)
}

func (d *desk) expectIn(env []string, code int, sentence string, args ...string) lab.Result {
	d.t.Helper()
	r := d.runIn(env, args...)
	out := r.Stderr
	if code == 0 {
		out = r.Stdout
	}
	if r.Code != code || !strings.Contains(out, sentence) {
		d.t.Errorf("patoggle %q: exit code %d, want %d with %q\nstdout: %sstderr: %s", args, r.Code, code, sentence, r.Stdout, r.Stderr)
	}
	return r
}

// report runs patoggle --json and returns what it reports.
func (d *desk) report(code int, args ...string) toggle.Report {
	d.t.Helper()
	r := d.expect(code, "", append(args, "--json")...)
	var rep toggle.Report
	d.decode(r.Stdout, &rep)
	return rep
}

// decode reads one JSON object in which no key is unknown.
func (d *desk) decode(text string, v any) {
	d.t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		d.t.Fatalf("no JSON: %v in %q", err, text)
	}
}

// list runs patoggle list --json.
func (d *desk) list() listingOfBoth {
	d.t.Helper()
	var l listingOfBoth
	d.decode(d.expect(0, "", "list", "--json").Stdout, &l)
	return l
}

// why runs patoggle why --json and returns the row of one stream.
func (d *desk) why(stream int, args ...string) explainStream {
	d.t.Helper()
	var e explanation
	d.decode(d.run(append([]string{"why", "--json"}, args...)...).Stdout, &e)
	for _, s := range e.Streams {
		if int(s.Index) == stream {
			return s
		}
	}
	d.t.Fatalf("patoggle why says nothing of stream %d", stream)
	return explainStream{}
}

// moves checks that a call moves exactly the streams to the sink by the rule,
// as another client sees it 150 ms of patience later at most, and that the
// others stay.
func (d *desk) moves(sink, rule string, streams []int, args ...string) toggle.Report {
	d.t.Helper()
	before := d.where()
	rep := d.report(0, args...)
	var got, want []string
	for _, m := range rep.Moves {
		got = append(got, fmt.Sprintf("%d %s by %s: %s", m.Stream, m.To, m.Rule, m.Result))
	}
	for _, s := range streams {
		want = append(want, fmt.Sprintf("%d %s by %s: moved", s, sink, rule))
		before[s] = sink
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		d.t.Errorf("patoggle %q reports %v, want %v", args, got, want)
	}
	// It must be so at once: patoggle has said so.
	if after := d.where(); fmt.Sprint(after) != fmt.Sprint(before) {
		d.t.Errorf("patoggle %q: streams are on %v, want %v", args, after, before)
	}
	return rep
}

// stays checks that a call moves nothing, and says why in a sentence.
func (d *desk) stays(code int, sentence string, args ...string) {
	d.t.Helper()
	before := fmt.Sprint(d.where())
	d.expect(code, sentence, args...)
	if after := fmt.Sprint(d.where()); after != before {
		d.t.Errorf("patoggle %q: streams were on %v and are on %v", args, before, after)
	}
}

// where says which sink each stream is on, seen by another client.
func (d *desk) where() map[int]string {
	on := map[int]string{}
	for _, s := range d.sound.Streams() {
		on[s.Index] = s.On
	}
	return on
}

// front gives the player's window the focus, once it is there and plays.
func (d *desk) front(p *lab.Player) (stream int) {
	d.t.Helper()
	stream = p.WaitStream()
	d.display.Focus(p.WaitWindow())
	return stream
}

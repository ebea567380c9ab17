package toggle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/patoggle/patoggle/pulse"
)

// studio is a world with a card that is on its analogue profile: its sink has two
// ports, and the sinks of its HDMI come with other profiles. No server without
// hardware has any of that, so it is played here: a new profile takes its sinks
// away at once, puts what played on them on the first sink that is left, and
// brings its own after some looks.
type studio struct {
	*mixing
	cards   []pulse.Card
	refuses map[string]error // by port or profile
	late    int              // how many snapshots the sink of a profile takes
	looks   int
	never   string // the profile whose sink does not come
	next    pulse.SinkIndex
	sources *pulse.Snapshot // what records
	// switched is called after a profile was set.
	switched func()
}

func (w *studio) Cards(context.Context) ([]pulse.Card, error) { return w.cards, nil }

func (w *studio) SetPort(_ context.Context, sink pulse.SinkIndex, port string) error {
	w.asked = append(w.asked, fmt.Sprintf("port %s of %d", port, sink))
	if err := w.refuses[port]; err != nil {
		return err
	}
	s := w.snapshot.Sink(sink)
	for _, p := range s.Ports {
		if p.Name == port {
			s.Port, s.PortDescription, s.Available = p.Name, p.Description, p.Available
			return nil
		}
	}
	return pulse.ErrNoPort
}

func (w *studio) SetProfile(_ context.Context, card pulse.CardIndex, profile string) error {
	w.asked = append(w.asked, fmt.Sprintf("profile %s of %d", profile, card))
	if err := w.refuses[profile]; err != nil {
		return err
	}
	w.cards[0].Profile, w.looks = profile, 0
	w.snapshot.Sinks = slices.DeleteFunc(w.snapshot.Sinks, func(s pulse.Sink) bool { return s.Card == card })
	for i := range w.snapshot.Streams {
		if s := &w.snapshot.Streams[i]; w.snapshot.Sink(s.Sink) == nil {
			s.Sink = w.snapshot.Sinks[0].Index
		}
	}
	if w.switched != nil {
		w.switched()
	}
	return nil
}

func (w *studio) Snapshot(ctx context.Context) (*pulse.Snapshot, error) {
	c := &w.cards[0]
	there := slices.ContainsFunc(w.snapshot.Sinks, func(s pulse.Sink) bool { return s.Card == c.Index })
	if w.looks++; !there && w.looks > w.late && c.Profile != w.never {
		s := pulse.Sink{Index: w.next, Card: c.Index, Name: "card." + c.Profile, Description: "Card " + c.Profile, Levels: at(100)}
		for _, p := range c.Ports {
			if slices.Contains(p.Profiles, c.Profile) {
				s.Ports = append(s.Ports, p.Port)
				s.Port, s.PortDescription = s.Ports[0].Name, s.Ports[0].Description
			}
		}
		w.next += 10
		w.snapshot.Sinks = append(w.snapshot.Sinks, s)
	}
	snap, err := w.mixing.Snapshot(ctx)
	if err == nil {
		snap.Sinks = slices.Clone(snap.Sinks)
	}
	return snap, err
}

// newStudio is newWorld with the Speakers as the card's analogue sink; firefox and
// one stream of mpv play there.
func newStudio() *studio {
	w := &studio{mixing: loudWorld(), refuses: map[string]error{}, next: 100, sources: &pulse.Snapshot{Input: true}}
	for i := range w.snapshot.Sinks {
		w.snapshot.Sinks[i].Card = pulse.NoCard
	}
	s := &w.snapshot.Sinks[0]
	s.Card = 5
	s.Ports = []pulse.Port{{Name: "line", Description: "Line Out", Available: pulse.AvailableYes}, {Name: "phones", Description: "Headphones"}, {Name: "digital", Description: "S/PDIF", Available: pulse.AvailableNo}}
	s.Port, s.PortDescription = "line", "Line Out"
	port := func(name, description string, profiles ...string) pulse.CardPort {
		return pulse.CardPort{Port: pulse.Port{Name: name, Description: description}, Profiles: profiles}
	}
	w.cards = []pulse.Card{{
		Index: 5, Name: "alsa_card.pci", Profile: "output:analog+input:analog", Properties: map[string]string{"device.description": "Built-in"},
		Profiles: []pulse.Profile{
			{Name: "output:analog+input:analog", Sinks: 1, Priority: 60},
			{Name: "output:hdmi", Sinks: 1, Priority: 59},
			{Name: "output:hdmi+input:analog", Sinks: 1, Priority: 10},
			{Name: "output:hdmi-surround", Sinks: 1, Priority: 90, Unavailable: true},
			{Name: "off"},
		},
		Ports: []pulse.CardPort{
			port("line", "Line Out", "output:analog+input:analog"), port("phones", "Headphones", "output:analog+input:analog"),
			port("hdmi", "HDMI / DisplayPort", "output:hdmi", "output:hdmi+input:analog", "output:hdmi-surround", "output:analog+unknown"),
		},
	}}
	return w
}

func (w *studio) press(t *testing.T, doc string, r Request) (*Report, error) {
	t.Helper()
	p := w.pipeline(parseConfig(t, doc))
	p.Sound = func(context.Context) (Sound, error) { return w, nil }
	p.Record = func(context.Context) (Sound, error) { return &recording{w.world, w.sources}, nil }
	// The pause between two looks, and the two seconds that they may take.
	p.After = func(time.Duration) <-chan time.Time { c := make(chan time.Time, 1); c <- time.Time{}; return c }
	return p.Run(t.Context(), r)
}

// recording is the other side of a world.
type recording struct {
	*world
	snap *pulse.Snapshot
}

func (r *recording) Snapshot(context.Context) (*pulse.Snapshot, error) { return r.snap, nil }

func TestWhatTheRingReaches(t *testing.T) {
	for doc, want := range map[string]string{
		`sinks = ["analog", "usb"]`:                                                  "Speakers, Headset",
		`sinks = ["*", "Speakers:*:x"]`:                                              "Speakers, Earbuds, Headset",
		`sinks = ["Speakers:phones", "usb"]`:                                         "Speakers: Headphones, Headset",
		`sinks = ["speakers : HEADPHONES", "Speakers:Line*"]`:                        "Speakers: Headphones, Speakers: Line Out",
		`sinks = ["Speakers:*"]`:                                                     "Speakers: Line Out, Speakers: Headphones", // nothing is in S/PDIF
		`sinks = ["Built-in:HDMI*", "usb"]`:                                          "Built-in: HDMI / DisplayPort, Headset",
		`sinks = ["alsa_card.*:hdmi"]`:                                               "Built-in: HDMI / DisplayPort",
		`sinks = ["Speakers:hdmi"]`:                                                  "Built-in: HDMI / DisplayPort", // by a sink the card has now
		`sinks = ["usb:hdmi"]`:                                                       "",
		`sinks = ["Speakers:phones", "Speakers:Headphones"]`:                         "Speakers: Headphones",
		"sinks = [\"Speakers:*\", \"usb\"]\nskip = [\"analog\"]":                     "Headset",
		"sinks = [\"Speakers:*\", \"usb\"]\nskip = [\"*:line\"]":                     "Speakers: Headphones, Headset",
		"sinks = [\"S:phones\"]\n[names]\nanalog = \"S\"":                            "S: Headphones",
		"sinks = [\"S:phones\"]\n[names]\n\"analog:phones\" = \"P\"\nanalog = \"S\"": "P",
		"sinks = [\"C:hdmi\"]\n[names]\n\"alsa_card.*\" = \"C\"":                     "C: HDMI / DisplayPort",
	} {
		w := newStudio()
		snap, _ := w.Snapshot(t.Context())
		cfg := parseConfig(t, doc)
		if err := AddCards(t.Context(), w, snap, cfg); err != nil {
			t.Fatal(err)
		}
		b := newBook(snap, cfg)
		var ring []string
		for _, i := range b.Ring() {
			ring = append(ring, b.Output(i).Label)
		}
		if got := strings.Join(ring, ", "); got != want {
			t.Errorf("%s: the ring is %q, want %q", doc, got, want)
		}
		if len(b.Sinks()) != len(snap.Sinks) || len(b.Sinks())+len(b.Reachable()) != len(b.Outputs) {
			t.Errorf("%s: %d sinks", doc, len(b.Sinks()))
		}
		if s := b.Strangers(cfg); len(s) > 0 && want != "" && !strings.Contains(doc, "*:") {
			t.Errorf("%s: strangers %v", doc, s)
		}
	}
}

// The card that is meant may be any of several.
func TestAPortOfAnotherCard(t *testing.T) {
	first, second := newStudio().cards[0], newStudio().cards[0]
	first.Index, first.Name, first.Properties = 6, "alsa_card.other", map[string]string{"device.description": "Other"}
	// Of several ports that fit those count that a profile has.
	dead := pulse.CardPort{Port: pulse.Port{Name: "hdmi-0"}, Profiles: []string{"output:hdmi-surround"}}
	second.Ports = append([]pulse.CardPort{dead}, second.Ports...)
	for _, cards := range [][]pulse.Card{{first, second}, {second, first}} {
		w := newStudio()
		w.cards = cards
		snap, _ := w.world.Snapshot(t.Context())
		for entry, card := range map[string]pulse.CardIndex{"Built-in:hdmi*": 5, "Other:hdmi": 6} {
			cfg := parseConfig(t, `sinks = ["`+entry+`"]`)
			if err := AddCards(t.Context(), w, snap, cfg); err != nil {
				t.Fatal(err)
			}
			b := newBook(snap, cfg)
			if ring := b.Ring(); len(ring) != 1 || b.Output(ring[0]).Reach.Card != card {
				t.Errorf("%s: the ring is %v", entry, ring)
			}
		}
	}
}

// A sink may have a colon in its name, and is meant then.
func TestASinkWithAColonIsASink(t *testing.T) {
	cfg := parseConfig(t, `sinks = ["usb:line", "a:b"]`)
	sinks := []pulse.Sink{{Index: 1, Name: "usb", Ports: []pulse.Port{{Name: "line"}}}, {Index: 2, Name: "usb:line"}, {Index: 3, Name: "a", Ports: []pulse.Port{{Name: "b"}}}}
	b := NewBook(sinks, cfg)
	if ring := b.Ring(); len(ring) != 2 || ring[0] != 2 || b.Output(ring[1]).Reach == nil {
		t.Errorf("the ring is %v of %+v", ring, b.Outputs)
	}
	if o, err := b.Find("usb:line"); err != nil || o.Index != 2 {
		t.Errorf("%v, %v", o, err)
	}
}

func TestPressesThatSwitch(t *testing.T) {
	firefox := Target{Whom: ByName, App: "firefox"}
	for _, tt := range []struct {
		name    string
		doc     string
		change  func(w *studio)
		request Request
		asked   []string
		sw      string // of the report
		lines   string
		failure string
		// where and port are firefox's sink, and the port of that, in the end.
		where, port string
	}{
		{
			name: "a port of the sink it is on", doc: `sinks = ["Speakers:line", "Speakers:phones"]`, request: Request{Target: firefox},
			asked: []string{"port phones of 3"}, sw: "Speakers to its port Headphones; mpv goes along",
			lines: "Firefox → Speakers: Headphones", where: "analog", port: "phones",
		},
		{
			name: "and back", doc: `sinks = ["Speakers:line", "Speakers:phones"]`, request: Request{Target: firefox},
			change: func(w *studio) { w.snapshot.Sinks[0].Port = "phones" },
			asked:  []string{"port line of 3"}, sw: "Speakers to its port Line Out; mpv goes along",
			lines: "Firefox → Speakers: Line Out", where: "analog", port: "line",
		},
		{
			name: "a dry run switches nothing", doc: `sinks = ["Speakers:line", "Speakers:phones"]`, request: Request{Target: firefox, DryRun: true},
			sw: "Speakers to its port Headphones; mpv goes along", lines: "would move Firefox → Speakers: Headphones", where: "analog", port: "line",
		},
		{
			name: "a port of another sink", doc: `sinks = ["usb", "Speakers:phones"]`, request: Request{Target: firefox},
			change: func(w *studio) { w.snapshot.Streams[2].Sink = 21 },
			asked:  []string{"port phones of 3", "60 to 3"}, sw: "Speakers to its port Headphones; mpv goes along",
			lines: "Firefox → Speakers: Headphones", where: "analog", port: "phones",
		},
		{
			name: "a port that is the active one", doc: `sinks = ["usb", "Speakers:line"]`, request: Request{Target: firefox},
			change: func(w *studio) { w.snapshot.Streams[2].Sink = 21 },
			asked:  []string{"60 to 3"}, lines: "Firefox → Speakers: Line Out", where: "analog", port: "line",
		},
		{
			name: "nothing is plugged in", doc: `sinks = ["Speakers:digital"]`, request: Request{Target: firefox, Way: To, Sink: "Speakers: S/PDIF"},
			failure: "nothing is plugged into", where: "analog", port: "line",
		},
		{
			name: "by name", doc: `sinks = ["Speakers:phones"]`, request: Request{Target: firefox, Way: To, Sink: "analog:phones"},
			asked: []string{"port phones of 3"}, sw: "Speakers to its port Headphones; mpv goes along", lines: "Firefox → Speakers: Headphones", where: "analog", port: "phones",
		},
		{
			name: "a refused port", doc: `sinks = ["Speakers:phones"]`, request: Request{Target: firefox},
			change: func(w *studio) { w.refuses["phones"] = pulse.ErrDenied },
			asked:  []string{"port phones of 3"}, failure: "does not let us switch Speakers", where: "analog", port: "line",
		},
		{
			name: "another profile, and what else plays there follows", doc: `sinks = ["Speakers", "Built-in:hdmi"]`, request: Request{Target: firefox},
			change: func(w *studio) { w.late = 3 },
			asked:  []string{"profile output:hdmi+input:analog of 5", "50 to 100", "60 to 100"},
			sw:     "Built-in from the profile output:analog+input:analog to output:hdmi+input:analog, for its port HDMI / DisplayPort; mpv goes along",
			lines:  "Firefox → Built-in: HDMI / DisplayPort", where: "card.output:hdmi+input:analog", port: "hdmi",
		},
		{
			name: "what plays elsewhere stays", doc: `sinks = ["Speakers", "Built-in:hdmi"]`, request: Request{Target: Target{Whom: ByStream, Stream: 60}},
			change: func(w *studio) { w.snapshot.Streams[0].Sink = 21 },
			asked:  []string{"profile output:hdmi+input:analog of 5", "60 to 100"},
			sw:     "Built-in from the profile output:analog+input:analog to output:hdmi+input:analog, for its port HDMI / DisplayPort",
			lines:  "Firefox → Built-in: HDMI / DisplayPort", where: "card.output:hdmi+input:analog", port: "hdmi",
		},
		{
			name: "a dry run tells who goes along", doc: `sinks = ["Speakers", "Built-in:hdmi"]`, request: Request{Target: firefox, DryRun: true},
			sw:    "Built-in from the profile output:analog+input:analog to output:hdmi+input:analog, for its port HDMI / DisplayPort; mpv goes along",
			lines: "would move Firefox → Built-in: HDMI / DisplayPort", where: "analog", port: "line",
		},
		{
			name: "a refused profile", doc: `sinks = ["Speakers", "Built-in:hdmi"]`, request: Request{Target: firefox},
			change: func(w *studio) { w.refuses["output:hdmi+input:analog"] = pulse.ErrNoProfile },
			asked:  []string{"profile output:hdmi+input:analog of 5"}, failure: "Built-in has no longer the profile", where: "analog", port: "line",
		},
		{
			name: "a module of the server on the card", doc: `sinks = ["Speakers", "Built-in:hdmi"]`, request: Request{Target: firefox},
			change:  func(w *studio) { w.snapshot.Streams[0].Client = nil },
			failure: "would be left silent", where: "analog", port: "line",
		},
		{
			name: "a recording that would lose its source", doc: `sinks = ["Speakers", "Built-in:hdmi"]`, request: Request{Target: firefox},
			change: func(w *studio) {
				w.cards[0].Profiles[2].Unavailable = true
				w.sources.Sinks = []pulse.Sink{{Index: 1, Card: 5}}
				w.sources.Streams = []pulse.Stream{{Index: 9, Sink: 1, Properties: map[string]string{"application.name": "Recorder"}}}
			},
			failure: `"Recorder" records from it`, where: "analog", port: "line",
		},
		{
			name: "a port takes no source away", doc: `sinks = ["Speakers:line", "Speakers:phones"]`, request: Request{Target: firefox},
			change: func(w *studio) {
				w.sources.Sinks = []pulse.Sink{{Index: 1, Card: 5}}
				w.sources.Streams = []pulse.Stream{{Index: 9, Sink: 1}}
			},
			asked: []string{"port phones of 3"}, sw: "Speakers to its port Headphones; mpv goes along",
			lines: "Firefox → Speakers: Headphones", where: "analog", port: "phones",
		},
		{
			name: "a recording of another card", doc: `sinks = ["Speakers", "Built-in:hdmi"]`, request: Request{Target: firefox},
			change: func(w *studio) {
				w.cards[0].Profiles[2].Unavailable = true
				w.sources.Sinks = []pulse.Sink{{Index: 1, Card: 6}}
				w.sources.Streams = []pulse.Stream{{Index: 9, Sink: 1}}
			},
			asked: []string{"profile output:hdmi of 5", "50 to 100", "60 to 100"},
			sw:    "Built-in from the profile output:analog+input:analog to output:hdmi, for its port HDMI / DisplayPort; mpv goes along",
			lines: "Firefox → Built-in: HDMI / DisplayPort", where: "card.output:hdmi", port: "hdmi",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newStudio()
			if tt.change != nil {
				tt.change(w)
			}
			rep, err := w.press(t, tt.doc, tt.request)
			if fmt.Sprint(w.asked) != fmt.Sprint(tt.asked) {
				t.Errorf("asked %q, want %q", w.asked, tt.asked)
			}
			if tt.failure != "" {
				if p := (*Problem)(nil); !errors.As(err, &p) || !strings.Contains(p.Message, tt.failure) || rep.Result != ResultFailed {
					t.Errorf("it said %v, result %q", err, rep.Result)
				}
			} else if err != nil || strings.Join(rep.Lines(), "; ") != tt.lines || rep.Switch != tt.sw {
				t.Errorf("%q, switch %q, %v", rep.Lines(), rep.Switch, err)
			}
			on := w.snapshot.Sink(w.snapshot.Stream(60).Sink)
			if tt.where != "" && (on.Name != tt.where || tt.port != "" && on.Port != tt.port) {
				t.Errorf("firefox is on %s, port %q, want %s, %q", on.Name, on.Port, tt.where, tt.port)
			}
		})
	}
}

// A profile may bring its sink with another port: then the port is switched as well.
// When that fails the profile goes back, and it is said what failed.
func TestAProfileAndItsOtherPort(t *testing.T) {
	const doc = `sinks = ["Speakers", "Built-in:second"]`
	second := func() *studio {
		w := newStudio()
		c := &w.cards[0]
		c.Ports = append(c.Ports, c.Ports[2])
		c.Ports[3].Name, c.Ports[3].Description = "hdmi-2", "Second"
		return w
	}
	w := second()
	rep, err := w.press(t, doc, Request{Target: Target{Whom: ByName, App: "firefox"}})
	if on := w.snapshot.Sink(w.snapshot.Stream(60).Sink); err != nil || on.Card != 5 || on.Port != "hdmi-2" || rep.Result != ResultMoved {
		t.Errorf("%+v, %v, on %+v", rep, err, on)
	}
	w = second()
	w.refuses["hdmi-2"] = pulse.ErrDenied
	rep, err = w.press(t, doc, Request{Target: Target{Whom: ByName, App: "firefox"}})
	if p := (*Problem)(nil); !errors.As(err, &p) || p.Message != "the sound server does not let us switch Built-in" || rep.Result != ResultFailed {
		t.Errorf("%+v, %v", rep, err)
	}
	if w.cards[0].Profile != "output:analog+input:analog" {
		t.Errorf("the card is on %s", w.cards[0].Profile)
	}
}

// The sink of a profile is looked for with pauses, which leave the server its time.
func TestASinkIsAwaitedWithPauses(t *testing.T) {
	w := newStudio()
	w.late = 4
	p := w.pipeline(parseConfig(t, `sinks = ["Speakers", "Built-in:hdmi"]`))
	p.Sound = func(context.Context) (Sound, error) { return w, nil }
	var pauses []time.Duration
	p.After = func(d time.Duration) <-chan time.Time {
		pauses = append(pauses, d)
		c := make(chan time.Time, 1)
		c <- time.Time{}
		return c
	}
	if _, err := p.Run(t.Context(), Request{Target: Target{Whom: ByName, App: "firefox"}}); err != nil {
		t.Fatal(err)
	}
	if want := slices.Repeat([]time.Duration{20 * time.Millisecond}, 4); !slices.Equal(pauses, want) {
		t.Errorf("the pauses are %v, want %v", pauses, want)
	}
	w = newStudio()
	w.late = 2
	p = w.pipeline(parseConfig(t, `sinks = ["Speakers", "Built-in:hdmi"]`))
	p.Sound = func(context.Context) (Sound, error) { return w, nil }
	p.After = nil // by the clock
	if _, err := p.Run(t.Context(), Request{Target: Target{Whom: ByName, App: "firefox"}}); err != nil {
		t.Error(err)
	}
}

// What ends while a profile is switched has neither moved nor failed.
func TestWhatEndsDuringASwitchIsLeftOut(t *testing.T) {
	const doc = `sinks = ["Speakers", "Built-in:hdmi"]`
	ends := func(w *world, i pulse.StreamIndex) {
		w.snapshot.Streams = slices.DeleteFunc(w.snapshot.Streams, func(s pulse.Stream) bool { return s.Index == i })
	}
	w := newStudio()
	w.switched = func() { ends(w.world, 60) }
	rep, err := w.press(t, doc, Request{Target: Target{Whom: ByName, App: "firefox"}})
	if p := (*Problem)(nil); !errors.As(err, &p) || p.Kind != Nothing || p.Message != "Firefox has just stopped playing" || len(rep.Moves) != 0 {
		t.Errorf("the only one: %+v, %v", rep, err)
	}
	w = newStudio()
	w.switched = func() { ends(w.world, 60) }
	rep, err = w.press(t, doc, Request{Target: Target{Whom: Everything}, Way: To, Sink: "Built-in: HDMI / DisplayPort"})
	if err != nil || rep.Result != ResultMoved || len(rep.Moves) != 2 || rep.Moves[0].Stream != 50 || rep.Moves[1].Stream != 52 {
		t.Errorf("one of three: %+v, %v", rep, err)
	}

	// Of a pair the half that records may end as well.
	w = newStudio()
	in := recordings()
	w.switched = func() { ends(in, 50) }
	p := w.pipeline(parseConfig(t, doc))
	p.Sound = func(context.Context) (Sound, error) { return w, nil }
	p.Record = func(context.Context) (Sound, error) { return in, nil }
	rep, err = p.Run(t.Context(), Request{Pair: true, Way: To, Sink: "Built-in: HDMI / DisplayPort"})
	if err != nil || len(rep.Moves) != 2 || rep.Moves[0].Side != Playback || rep.Moves[1].Side != Playback {
		t.Errorf("of a pair: %+v, %v", rep, err)
	}
}

// The list of what plays says before a press what it would switch.
func TestWhatTheNextPressWouldSwitch(t *testing.T) {
	ahead := func(doc string, streams ...pulse.StreamIndex) *Switch {
		t.Helper()
		w := newStudio()
		p := w.pipeline(parseConfig(t, doc))
		p.Sound = func(context.Context) (Sound, error) { return w, nil }
		v, err := p.Look(t.Context(), nil)
		if err == nil {
			err = p.Resolve(t.Context(), v, 0)
		}
		if err != nil {
			t.Fatal(err)
		}
		s, err := p.Ahead(t.Context(), v, streams)
		if err != nil || len(w.asked) > 0 {
			t.Fatalf("%v, asked %q", err, w.asked)
		}
		return s
	}
	const ports = `sinks = ["Speakers:line", "Speakers:phones"]`
	if s := ahead(ports, 60); s == nil || s.String() != "Speakers to its port Headphones; mpv goes along" {
		t.Errorf("%v", s)
	}
	for _, nothing := range []*Switch{ahead(ports), ahead(`sinks = ["analog", "usb"]`, 60), ahead(`sinks = ["analog"]`, 60)} {
		if nothing != nil {
			t.Errorf("%v is to be switched", nothing)
		}
	}
}

// Only a ring that names something to be switched makes a press take longer.
func TestOnlyWhatIsSwitchedTakesLonger(t *testing.T) {
	for doc, want := range map[string]time.Duration{
		``: 0, `sinks = ["analog", "usb"]`: 0, `sinks = ["analog", "Speakers:phones"]`: ReachTime, `skip = ["a:b"]`: 0,
	} {
		if got := SwitchTime(parseConfig(t, doc)); got != want {
			t.Errorf("%s: %v, want %v", doc, got, want)
		}
	}
}

// Of a card's profiles with a port the one that goes on recording is taken, then
// the one the server prefers; wherever it stands in the card's list.
func TestWhichProfileAPortIsReachedBy(t *testing.T) {
	profile := func(name string, priority uint32) pulse.Profile {
		return pulse.Profile{Name: name, Sinks: 1, Priority: priority}
	}
	for _, tt := range []struct {
		active   string
		profiles []pulse.Profile
		want     string
	}{
		{"output:a", []pulse.Profile{profile("output:b", 5)}, "output:b"},
		{"output:a", []pulse.Profile{profile("output:b", 5), profile("output:c", 9)}, "output:c"},
		{"output:a", []pulse.Profile{profile("output:b", 9), profile("output:c", 5)}, "output:b"},
		{"output:a", []pulse.Profile{profile("output:b", 5), profile("output:c", 5)}, "output:b"},
		{"output:a+input:m", []pulse.Profile{profile("output:b", 9), profile("output:c+input:m", 5)}, "output:c+input:m"},
		{"output:a+input:m", []pulse.Profile{profile("output:c+input:m", 5), profile("output:b", 9)}, "output:c+input:m"},
		{"output:a", []pulse.Profile{profile("output:c+input:m", 9), profile("output:b", 5)}, "output:b"},
		{"output:a", []pulse.Profile{{Name: "output:b", Sinks: 1, Unavailable: true}, {Name: "input:m"}}, ""},
		{"output:a", nil, ""},
	} {
		c := &pulse.Card{Profile: tt.active, Profiles: tt.profiles}
		var names []string
		for _, p := range tt.profiles {
			names = append(names, p.Name)
		}
		if got := better(c, names); got != tt.want {
			t.Errorf("from %s among %q: %q, want %q", tt.active, names, got, tt.want)
		}
		if got := better(c, nil); got != "" {
			t.Errorf("without the port: %q", got)
		}
	}
}

// Each way in which a switch fails has its sentence, which names what was switched.
func TestEachFailedSwitchHasItsSentence(t *testing.T) {
	port := &Reach{Device: "Card\x1b", Port: "p", PortLabel: "Phones"}
	profile := &Reach{Device: "Card", Profile: "hdmi", PortLabel: "HDMI"}
	for _, tt := range []struct {
		err  error
		r    *Reach
		want string
	}{
		{pulse.ErrNoPort, port, `Card\x1b has no longer the port Phones`},
		{pulse.ErrNoPort, profile, "Card has no longer the port HDMI"},
		{pulse.ErrNoProfile, profile, "Card has no longer the profile hdmi"},
		{pulse.ErrTimeout, profile, "the sound server did not answer while switching Card"},
		{pulse.ErrClosed, port, `the sound server went away while switching Card\x1b`},
		{pulse.ErrDenied, profile, "the sound server does not let us switch Card"},
		{errors.New("odd\n"), port, `switching Card\x1b to the port Phones: odd\n`},
		{errors.New("odd"), profile, "switching Card to the profile hdmi: odd"},
	} {
		p := (*Problem)(nil)
		if err := switchProblem(tt.err, tt.r); !errors.As(err, &p) || p.Kind != Failed || p.Message != tt.want || !errors.Is(p, tt.err) {
			t.Errorf("%v: %v, want %q", tt.err, err, tt.want)
		}
	}
}

// Where the sink of a profile does not come, the old one does again, and what was
// on it goes back.
func TestPuttingAProfileBackBringsTheStreamsBack(t *testing.T) {
	t.Run("one stream", func(t *testing.T) { puttingBack(t, false) })
	t.Run("two streams", func(t *testing.T) { puttingBack(t, true) })
}

func puttingBack(t *testing.T, two bool) {
	w := newStudio()
	if !two {
		w.snapshot.Streams = w.snapshot.Streams[1:]
	}
	w.snapshot.Sinks[0].Name = "card.output:analog+input:analog" // as a profile's sink is called here
	w.never = "output:hdmi+input:analog"
	p := w.pipeline(parseConfig(t, `sinks = ["Speakers", "Built-in:hdmi"]`))
	p.Sound = func(context.Context) (Sound, error) { return w, nil }
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	rep, err := p.Run(ctx, Request{Target: Target{Whom: ByName, App: "firefox"}})
	if err == nil || !strings.Contains(err.Error(), "no sink with the port HDMI / DisplayPort came in time") || rep.Result != ResultFailed {
		t.Errorf("%v, %q", err, rep.Result)
	}
	on := w.snapshot.Sink(w.snapshot.Stream(60).Sink)
	if on.Name != "card.output:analog+input:analog" || w.cards[0].Profile != "output:analog+input:analog" {
		t.Errorf("it is on %q, the card on %s", on.Name, w.cards[0].Profile)
	}
	if other := w.snapshot.Stream(50); two && other.Sink != on.Index {
		t.Errorf("the other is on %d", other.Sink)
	}
}

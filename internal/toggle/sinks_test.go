package toggle

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/pulse"
)

func parseConfig(t *testing.T, doc string) *config.Config {
	t.Helper()
	c, err := config.Parse("config.toml", strings.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// desk is a set of sinks with sparse indices, out of the order of their
// names.
var desk = []pulse.Sink{
	{Index: 58, Name: "usb", Description: "Headset"},
	{Index: 44, Name: "analog", Description: "Speakers"},
	{Index: 51, Name: "hdmi", Description: "TV", Available: pulse.AvailableNo},
	{Index: 4711, Name: "bluez", Description: "Earbuds", Available: pulse.AvailableYes},
}

func TestTheRing(t *testing.T) {
	for _, tt := range []struct {
		name string
		doc  string
		want []pulse.SinkIndex
	}{
		{"every usable sink by name without a list", ``, []pulse.SinkIndex{44, 4711, 58}},
		{"a list is followed in its order", `sinks = ["usb", "analog"]`, []pulse.SinkIndex{58, 44}},
		{"a list takes descriptions in any case", `sinks = ["SPEAKERS", "headset"]`, []pulse.SinkIndex{44, 58}},
		{"a list takes nicknames", "sinks = [\"ears\", \"usb\"]\n[names]\nbluez = \"ears\"", []pulse.SinkIndex{4711, 58}},
		{"a glob brings its sinks by name, each once", `sinks = ["usb", "*"]`, []pulse.SinkIndex{58, 44, 4711}},
		{"a listed sink with nothing plugged in is left out", `sinks = ["hdmi", "usb"]`, []pulse.SinkIndex{58}},
		{"skip wins over the list", "sinks = [\"usb\", \"bluez\"]\nskip = [\"Ear*\"]", []pulse.SinkIndex{58}},
		{"a list that fits nothing is an empty ring", `sinks = ["nowhere"]`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := NewBook(desk, parseConfig(t, tt.doc)).Ring()
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestEntriesThatFitNoSinkAreNamed(t *testing.T) {
	for _, tt := range []struct {
		doc  string
		want []Stranger
	}{
		{``, nil},
		{`sinks = ["USB", "tv", "Ear*"]`, nil},
		{`sinks = ["headst", "usb"]` + "\n" + `skip = ["*hdmy*"]`, []Stranger{{"sinks", "headst"}, {"skip", "*hdmy*"}}},
	} {
		cfg := parseConfig(t, tt.doc)
		if d := cmp.Diff(tt.want, NewBook(desk, cfg).Strangers(cfg)); d != "" {
			t.Errorf("%s: %s", tt.doc, d)
		}
	}
	cfg := parseConfig(t, "skip = [\"a\\u202eb\"]\n[[hotkey]]\nkeys = \"F9\"\ndo = \"to\"\nsink = \"kitchen\"\n")
	got := StrangeSinks(&pulse.Snapshot{Sinks: desk}, &pulse.Snapshot{Input: true, Sinks: []pulse.Sink{{Name: "mic"}}}, cfg)
	if len(got) != 2 || strings.Contains(got[0].Message, "\u202e") || got[1].Message != `the hotkey F9: no sink is called "kitchen"` || !strings.Contains(got[1].Hint, `"Headset" [usb]`) {
		t.Errorf("%+v", got)
	}
}

func TestEntriesThatFitNoSourceAreNamed(t *testing.T) {
	playing := &pulse.Snapshot{Sinks: desk}
	recording := &pulse.Snapshot{Input: true, Sinks: []pulse.Sink{{Name: "mic", Description: "Built-in"}, {Name: "analog.monitor", Monitor: true}}}
	for doc, want := range map[string][]string{
		`sources = ["mic", "analog.monitor"]`: nil,
		`skip = ["mic", "usb"]`:               nil,
		`skip = ["mci"]`:                      {`"mci" in "skip" fits no sink that is there now`},
		`sources = ["mci"]`:                   {`"mci" in "sources" fits no source that is there now`},
		`sinks = ["mic"]`:                     {`"mic" in "sinks" fits no sink that is there now`},
		"[[hotkey]]\nkeys='F9'\ndo='to'\nside='input'\nsource='built'":               nil,
		"[[hotkey]]\nkeys='F9'\ndo='to'\nside='input'\nsource='usb'":                 {`the hotkey F9: no source is called "usb"`},
		"sources = ['x']\nsinks = ['y']\n[[hotkey]]\nkeys='F9'\ndo='to'\nsink='mic'": {`"y" in "sinks" fits no sink that is there now`, `the hotkey F9: no sink is called "mic"`, `"x" in "sources" fits no source that is there now`},
	} {
		var got []string
		all := StrangeSinks(playing, recording, parseConfig(t, doc))
		for _, p := range all {
			got = append(got, p.Message)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", doc, d)
		}
	}
	// Of a side that cannot be seen nothing is said.
	cfg := parseConfig(t, "sources = ['x']\nskip = ['y']\nsinks = ['z']")
	if got := StrangeSinks(playing, nil, cfg); len(got) != 1 || !strings.Contains(got[0].Message, `"z"`) {
		t.Errorf("%+v", got)
	}
}

func TestTheRingOfSources(t *testing.T) {
	for doc, want := range map[string][]pulse.SinkIndex{
		``:                                      {3, 5},
		`sinks = ["usb"]`:                       {3, 5},
		`sources = ["headset", "mic"]`:          {5, 3},
		`sources = ["*"]`:                       {3, 5},
		`sources = ["*monitor*", "mic"]`:        {3},
		`sources = ["analog.monitor", "mic"]`:   {9, 3},
		`sources = ["monitor of speakers"]`:     {9},
		"sources = [\"m\"]\n[names]\nmic = 'm'": {3},
		`skip = ["mic"]`:                        {5},
		"sources = [\"*\"]\nskip = [\"mic\"]":   {5},
	} {
		s := &pulse.Snapshot{Input: true, Sinks: []pulse.Sink{
			{Index: 3, Name: "mic"}, {Index: 5, Name: "usb", Description: "Headset"}, {Index: 7, Name: "zz", Available: pulse.AvailableNo},
			{Index: 9, Name: "analog.monitor", Description: "Monitor of Speakers", Monitor: true},
		}}
		if d := cmp.Diff(want, newBook(s, parseConfig(t, doc)).Ring()); d != "" {
			t.Errorf("%s: %s", doc, d)
		}
	}
}

// What records from a monitor may move where its owner has named that monitor:
// else a press that brought it there could not be taken further.
func TestWhatRecordsFromANamedMonitorMoves(t *testing.T) {
	for doc, code := range map[string]Kind{``: Nothing, `sources = ["mic", "analog.monitor"]`: 0} {
		w := recordings()
		w.screen.Focused = w.screen.Windows[1]
		rep, err := w.pipeline(parseConfig(t, doc)).Run(t.Context(), Request{})
		var p *Problem
		errors.As(err, &p)
		if code == 0 && (err != nil || rep.To == nil || rep.To.Name != "mic") || code != 0 && (p == nil || p.Kind != code) {
			t.Errorf("%q: %v, %+v", doc, err, rep)
		}
	}
}

func TestStep(t *testing.T) {
	three := NewBook(desk, &config.Config{}) // ring: 44, 4711, 58
	one := NewBook(desk[:1], &config.Config{})
	none := NewBook(nil, &config.Config{})
	for _, tt := range []struct {
		name string
		book *Book
		from pulse.SinkIndex
		back bool
		want pulse.SinkIndex
		ok   bool
	}{
		{"next", three, 44, false, 4711, true},
		{"next from the last is the first", three, 58, false, 44, true},
		{"prev", three, 58, true, 4711, true},
		{"prev from the first is the last", three, 44, true, 58, true},
		{"next from outside the ring is the first", three, 51, false, 44, true},
		{"prev from outside the ring is the last", three, 51, true, 58, true},
		{"next from no sink at all is the first", three, pulse.NoSink, false, 44, true},
		{"the only sink has no next", one, 58, false, pulse.NoSink, false},
		{"the only sink is next from elsewhere", one, 7, false, 58, true},
		{"no sink", none, 7, false, pulse.NoSink, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := tt.book.Step(tt.from, tt.back)
			if got != tt.want || ok != tt.ok {
				t.Errorf("got %d, %v; want %d, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestStepsRoundTheRingComeBack(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		sinks := make([]pulse.Sink, 2+r.IntN(8))
		for i := range sinks {
			sinks[i] = pulse.Sink{Index: pulse.SinkIndex(r.Uint32N(50000))*16 + pulse.SinkIndex(i), Name: strings.Repeat("x", r.IntN(5)+1) + string(rune('a'+i))}
		}
		b := NewBook(sinks, &config.Config{})
		at := b.Ring()[0]
		seen := map[pulse.SinkIndex]bool{}
		for range sinks {
			next, _ := b.Step(at, false)
			back, _ := b.Step(next, true)
			if back != at {
				t.Fatalf("seed %d: prev of next of %d is %d", seed, at, back)
			}
			at = next
			seen[at] = true
		}
		if len(seen) != len(sinks) || at != b.Ring()[0] {
			t.Fatalf("seed %d: %d steps visited %d sinks and ended on %d", seed, len(sinks), len(seen), at)
		}
	}
}

func TestEqualLabelsAreToldApart(t *testing.T) {
	card := func(name string) map[string]string { return map[string]string{"alsa.card_name": name} }
	product := func(name string) map[string]string { return map[string]string{"device.product.name": name} }
	device := func(name string) map[string]string { return map[string]string{"device.string": name} }
	for _, tt := range []struct {
		name  string
		sinks []pulse.Sink
		want  []string
	}{
		{
			"by port",
			[]pulse.Sink{
				{Index: 1, Name: "a", Description: "Built-in", PortDescription: "Speakers"},
				{Index: 2, Name: "b", Description: "Built-in", PortDescription: "Headphones"},
			},
			[]string{"Built-in (Speakers)", "Built-in (Headphones)"},
		},
		{
			"by card",
			[]pulse.Sink{
				{Index: 1, Name: "a", Description: "USB Audio", PortDescription: "Out", Properties: card("Dock")},
				{Index: 2, Name: "b", Description: "USB Audio", PortDescription: "Out", Properties: card("Desk")},
			},
			[]string{"USB Audio (Dock)", "USB Audio (Desk)"},
		},
		{
			"by product and by device where there is no card",
			[]pulse.Sink{
				{Index: 1, Name: "a", Description: "USB Audio", Properties: product("Dock")},
				{Index: 2, Name: "b", Description: "USB Audio", Properties: device("hw:2")},
			},
			[]string{"USB Audio (Dock)", "USB Audio (hw:2)"},
		},
		{
			"by name at last",
			[]pulse.Sink{{Index: 1, Name: "a", Description: "Null"}, {Index: 2, Name: "b", Description: "Null"}},
			[]string{"Null (a)", "Null (b)"},
		},
		{
			"by port first, and the rest by name",
			[]pulse.Sink{
				{Index: 1, Name: "a", Description: "X", PortDescription: "P"},
				{Index: 2, Name: "b", Description: "X", PortDescription: "P"},
				{Index: 3, Name: "c", Description: "X", PortDescription: "Q"},
			},
			[]string{"X (P) (a)", "X (P) (b)", "X (Q)"},
		},
		{
			"a sink without description is called by its name",
			[]pulse.Sink{{Index: 1, Name: "a"}},
			[]string{"a"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, s := range tt.sinks {
				onlyProperties(s.Properties)
			}
			for _, o := range NewBook(tt.sinks, &config.Config{}).Outputs {
				got = append(got, o.Label)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestFind(t *testing.T) {
	sinks := append(slices.Clone(desk), pulse.Sink{Index: 60, Name: "usb-2", Description: "Headset Two"})
	b := NewBook(sinks, parseConfig(t, "[names]\nanalog = \"Desk\"\n"))
	for _, tt := range []struct {
		name, query string
		want        pulse.SinkIndex
		problem     string
	}{
		{"a name", "usb", 58, ""},
		{"a name in another case", "ANALOG", 44, ""},
		{"a nickname", "desk", 44, ""},
		{"a description", "tv", 51, ""},
		{"a whole name wins over parts", "Headset", 58, ""},
		{"a part that is unique", "bud", 4711, ""},
		{"a part that is not", "head", 0, `"head" fits 2 sinks`},
		{"nothing", "kitchen", 0, `no sink is called "kitchen"`},
		{"an empty name", " ", 0, "the sink's name is empty"},
		{"an index is no name", "4711", 0, `no sink is called "4711"`},
		{"control characters are shown, not sent", "\x1b[2J", 0, `no sink is called "\x1b[2J"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o, err := b.Find(tt.query)
			if tt.problem == "" {
				if err != nil || o.Index != tt.want {
					t.Fatalf("got %v, %v; want sink %d", o, err, tt.want)
				}
				return
			}
			var p *Problem
			if !errors.As(err, &p) || p.Kind != Usage || p.Message != tt.problem {
				t.Fatalf("got %v; want the usage problem %s", err, tt.problem)
			}
			if p.Hint == "" {
				t.Error("no candidates are listed")
			}
		})
	}
	t.Run("a sink is not named twice", func(t *testing.T) {
		_, err := NewBook([]pulse.Sink{{Index: 1, Name: "a"}, {Index: 2, Name: "b", Description: "TV"}}, &config.Config{}).Find("kitchen")
		var p *Problem
		if !errors.As(err, &p) || p.Hint != `the sinks are "a", "TV" [b]` {
			t.Errorf("the hint is %v", p)
		}
	})
	t.Run("two sinks that fit are both named", func(t *testing.T) {
		_, err := b.Find("head")
		var p *Problem
		if !errors.As(err, &p) || !strings.Contains(p.Hint, `"Headset" [usb]`) || !strings.Contains(p.Hint, `"Headset Two" [usb-2]`) {
			t.Errorf("the hint is %v", p)
		}
	})
}

package top

import (
	"slices"
	"strings"
	"testing"

	"github.com/gdamore/tcell/v2"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/match"
	"github.com/patoggle/patoggle/internal/toggle"
	"github.com/patoggle/patoggle/pulse"
)

// aView is three sinks, of which one is skipped, and streams on two of them.
func aView(t *testing.T) *toggle.View {
	t.Helper()
	cfg, err := config.Parse("test.toml", strings.NewReader("sinks = [\"c\", \"a\"]\n[names]\n\"c\" = \"Cinema\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	v := &toggle.View{Snapshot: &pulse.Snapshot{
		Server: pulse.Server{DefaultSink: "a"},
		Sinks: []pulse.Sink{
			{Index: 10, Name: "a", Description: "Speakers", Volume: 100},
			{Index: 20, Name: "b", Description: "Monitor\x1b[31m", Volume: 50},
			{Index: 30, Name: "c", Description: "HDMI", Volume: 70, Muted: true},
		},
		Streams: []pulse.Stream{
			{Index: 1, Sink: 10, Media: "a song", Volume: 100, Properties: map[string]string{"application.name": "player"}},
			{Index: 2, Sink: 30, Media: "a film", Volume: 80, Corked: true, Properties: map[string]string{"application.name": "film"}},
			{Index: 3, Sink: pulse.NoSink, Media: "nowhere", Properties: map[string]string{"application.name": "lost"}},
		},
	}}
	v.Book = toggle.NewBook(v.Snapshot.Sinks, cfg)
	v.Match.Streams = []match.Stream{
		{Index: 1, Own: true},
		{Index: 2, Matched: true, Confidence: match.High, Rule: match.RulePID},
		{Index: 3},
	}
	return v
}

func TestTheSinksStandInTheOrderOfAPress(t *testing.T) {
	s := newScene(aView(t))
	var names []string
	for _, k := range s.sinks {
		names = append(names, k.name)
	}
	if want := []string{"c", "a", "b", ""}; !slices.Equal(names, want) {
		t.Errorf("the sinks are %q, want %q", names, want)
	}
	if got, want := s.streams(), []pulse.StreamIndex{2, 1, 3}; !slices.Equal(got, want) {
		t.Errorf("the streams are %v, want %v", got, want)
	}
	if k := s.byKey('2'); k == nil || k.name != "a" {
		t.Errorf("2 is %+v, want a", k)
	}
	if k := s.byKey('4'); k != nil {
		t.Errorf("4 is %+v, and there are three sinks", k)
	}
	if strings.Contains(s.sinks[2].label, "\x1b") {
		t.Errorf("%q reaches the terminal", s.sinks[2].label)
	}
}

func TestTheChosenStreamStaysChosenWhileItIsThere(t *testing.T) {
	s := newScene(aView(t))
	for chosen, want := range map[pulse.StreamIndex]pulse.StreamIndex{1: 1, 3: 3, pulse.NoStream: 2, 99: 2} {
		if got := s.choose(chosen); got != want {
			t.Errorf("after %d comes %d, want %d", chosen, got, want)
		}
	}
	if got := (scene{}).choose(1); got != pulse.NoStream {
		t.Errorf("%d is chosen of none", got)
	}
}

func TestUpAndDownStopAtTheEnds(t *testing.T) {
	s := newScene(aView(t))
	for _, c := range []struct {
		from pulse.StreamIndex
		by   int
		want pulse.StreamIndex
	}{{2, 1, 1}, {1, 1, 3}, {3, 1, 3}, {2, -1, 2}, {3, -1, 1}, {1, 1 << 20, 3}, {1, -1 << 20, 2}, {99, 1, 1}} {
		if got := s.step(c.from, c.by); got != c.want {
			t.Errorf("from %d by %d comes %d, want %d", c.from, c.by, got, c.want)
		}
	}
}

func TestTheWindowHoldsTheChosenLine(t *testing.T) {
	for n := range 40 {
		for room := range 12 {
			for at := range n {
				for first := range n {
					from, to := window(n, room, at, first)
					if from < 0 || to > n || at < from || at >= to || to-from > max(room, 1) {
						t.Fatalf("%d lines, room for %d, line %d, from %d: %d to %d", n, room, at, first, from, to)
					}
				}
			}
		}
	}
}

func TestOnlyWhatPlaysIsMeasured(t *testing.T) {
	s := newScene(aView(t))
	want := map[place]bool{{"a", pulse.NoStream}: true, {"a", 1}: true}
	got := wanted(s, []pulse.StreamIndex{1, 2, 3})
	if len(got) != len(want) || !got[place{"a", pulse.NoStream}] || !got[place{"a", 1}] {
		t.Errorf("measured are %v, want %v: the film is paused, and the lost stream is on no sink", got, want)
	}
	if got := wanted(s, nil); len(got) != 1 {
		t.Errorf("out of sight are measured %v, want the sink alone", got)
	}
}

func TestLevelsAreDecibels(t *testing.T) {
	for peak, want := range map[float64]float64{0: 0, -1: 0, 1: 1, 4: 1, 0.0001: 0, 0.0316227766: 0.5} {
		if got := level(peak); got < want-0.001 || got > want+0.001 {
			t.Errorf("a peak of %v is %v of the bar, want %v", peak, got, want)
		}
	}
}

// screenful draws a picture on a screen of w by h and returns its lines.
func screenful(t *testing.T, w, h int, pic *picture) []string {
	t.Helper()
	s := tcell.NewSimulationScreen("UTF-8")
	if err := s.Init(); err != nil {
		t.Fatal(err)
	}
	defer s.Fini()
	s.SetSize(w, h)
	newPainter(s, true).draw(pic)
	cells, width, height := s.GetContents()
	var lines []string
	for y := range height {
		var b strings.Builder
		for x := range width {
			for _, r := range cells[y*width+x].Runes {
				if r != 0 {
					b.WriteRune(r)
				}
			}
		}
		lines = append(lines, strings.TrimRight(b.String(), " "))
	}
	return lines
}

func TestThePictureNamesEverything(t *testing.T) {
	pic := &picture{scene: newScene(aView(t)), chosen: 2, sinkLevel: map[string]float64{"a": 0.5}}
	text := strings.Join(screenful(t, 100, 12, pic), "\n")
	for _, want := range []string{"1 Cinema (muted)", "2 Speakers (default)", "3 Monitor", "(not in cycle)", "  > film", "(paused)", "a song",
		"not an application", "on no sink", "lost", "100% ██████████··········", "q: quit"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the picture:\n%s", want, text)
		}
	}
}

func TestThePictureFitsAnyTerminal(t *testing.T) {
	pic := &picture{scene: newScene(aView(t)), chosen: 3}
	for w := 1; w < 70; w++ {
		for h := 1; h < 8; h++ {
			for i, l := range screenful(t, w, h, pic) {
				if n := len([]rune(l)); n > w {
					t.Fatalf("line %d of a terminal %d by %d has %d cells: %q", i, w, h, n, l)
				}
			}
		}
	}
	pic.help = true
	screenful(t, 3, 2, pic)
}

func TestTheChosenLineIsShownWhereThereIsLittleRoom(t *testing.T) {
	pic := &picture{scene: newScene(aView(t)), chosen: 3}
	if text := strings.Join(screenful(t, 60, 3, pic), "\n"); !strings.Contains(text, "lost") {
		t.Errorf("the chosen stream is out of sight:\n%s", text)
	}
}

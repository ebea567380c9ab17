package toggle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/level"
	"github.com/patoggle/patoggle/internal/state"
	"github.com/patoggle/patoggle/pulse"
)

// mixing is a world that sets volumes, and says in asked what it is asked for.
type mixing struct {
	*world
	unset map[pulse.StreamIndex]error
	// meanwhile is called after a move, looks before one stream is looked at.
	meanwhile, looks func()
}

func (w *mixing) SetLevels(_ context.Context, all ...pulse.StreamLevels) []error {
	errs := make([]error, len(all))
	for i, s := range all {
		percent := (s.Levels.Max()*100 + pulse.Norm/2) / pulse.Norm
		w.asked = append(w.asked, fmt.Sprintf("%d at %d", s.Stream, percent))
		if errs[i] = w.unset[s.Stream]; errs[i] == nil {
			w.snapshot.Stream(s.Stream).Levels = s.Levels
		}
	}
	return errs
}

func (w *mixing) Stream(_ context.Context, i pulse.StreamIndex) (*pulse.Stream, error) {
	if w.looks != nil {
		w.looks()
	}
	s := w.snapshot.Stream(i)
	if s == nil {
		return nil, pulse.ErrGone
	}
	is := *s
	return &is, nil
}

func (w *mixing) Move(ctx context.Context, to pulse.SinkIndex, streams ...pulse.StreamIndex) []error {
	errs := w.world.Move(ctx, to, streams...)
	if w.meanwhile != nil {
		w.meanwhile()
	}
	return errs
}

// Snapshot is a copy, as a server's answer is.
func (w *mixing) Snapshot(ctx context.Context) (*pulse.Snapshot, error) {
	s, err := w.world.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	is := *s
	is.Streams = slices.Clone(s.Streams)
	return &is, nil
}

func at(percent uint32) pulse.Levels {
	return pulse.Levels{Volumes: []uint32{percent * pulse.Norm / 100}, Positions: []byte{0}}
}

// loudWorld has one stream of firefox at 80 % on a sink at 50 %, and a sink at
// 100 % after it.
func loudWorld() *mixing {
	w := &mixing{world: newWorld(), unset: map[pulse.StreamIndex]error{}}
	for i, v := range []uint32{50, 100, 20} {
		w.snapshot.Sinks[i].Levels = at(v)
	}
	for i := range w.snapshot.Streams {
		w.snapshot.Streams[i].Levels = at(80)
	}
	return w
}

func TestVolumesAroundAMove(t *testing.T) {
	firefox := Request{Target: Target{Whom: ByName, App: "firefox"}, Way: To, Sink: "bluez"}
	for _, tt := range []struct {
		name    string
		change  func(w *mixing)
		request Request
		known   []state.Level
		asked   []string
		line    string // of the report
		failure string
		left    string
	}{
		{name: "a first visit is lowered before", request: firefox, asked: []string{"60 at 40", "60 to 8"}, line: "Firefox → Earbuds (at 40%)", left: "analog 80 - bluez"},
		{name: "a dry run says so", request: Request{Target: firefox.Target, Way: To, Sink: "bluez", DryRun: true}, line: "would move Firefox → Earbuds (at 40%)"},
		{name: "what comes back is raised after", request: firefox, known: []state.Level{{Application: "program:firefox", Sink: "bluez", Volume: state.Volume{Percent: 95}}}, asked: []string{"60 to 8", "60 at 95"}, line: "Firefox → Earbuds (at 95%)", left: "analog 80 - bluez"},
		{name: "another application's is not taken", request: firefox, known: []state.Level{{Application: "program:mpv", Sink: "bluez", Volume: state.Volume{Percent: 95}}}, asked: []string{"60 at 40", "60 to 8"}, line: "Firefox → Earbuds (at 40%)", left: "analog 80 - bluez"},
		{name: "what nobody can be named for is lowered, and not written down", request: Request{Target: Target{Whom: Everything}, Way: To, Sink: "bluez"}, change: func(w *mixing) {
			w.snapshot.Streams[0].Client = &pulse.Client{Index: 72, Driver: "protocol-native.c"}
		}, asked: []string{"50 at 40", "60 at 40", "50 to 8", "60 to 8"}, line: "intro → Earbuds (at 40%) mpv already plays on Earbuds Firefox → Earbuds (at 40%)", left: "analog 80 - bluez"},
		{name: "a fixed volume stays", request: firefox, change: func(w *mixing) { w.snapshot.Streams[2].Fixed = true }, asked: []string{"60 to 8"}, line: "Firefox → Earbuds"},
		{name: "a move that fails is set back", request: firefox, change: func(w *mixing) { w.refuse[60] = pulse.ErrRefused }, asked: []string{"60 at 40", "60 to 8", "60 at 80"}, failure: "refuses to be moved"},
		{name: "a move that fails is left where somebody else has set it", request: firefox, change: func(w *mixing) {
			w.refuse[60] = pulse.ErrRefused
			w.meanwhile = func() { w.snapshot.Stream(60).Levels = at(10) }
		}, asked: []string{"60 at 40", "60 to 8"}, failure: "refuses to be moved"},
		{name: "an unconfirmed move that came true is not set back", request: firefox, change: func(w *mixing) {
			w.refuse[60] = pulse.ErrUnconfirmed
			w.meanwhile = func() { w.snapshot.Stream(60).Sink = 8 }
		}, asked: []string{"60 at 40", "60 to 8"}, failure: "did not get there"},
		{name: "what somebody has set meanwhile is not raised", request: firefox, known: []state.Level{{Application: "program:firefox", Sink: "bluez", Volume: state.Volume{Percent: 95}}}, change: func(w *mixing) {
			w.meanwhile = func() { w.snapshot.Stream(60).Levels = at(10) }
		}, asked: []string{"60 to 8"}, line: "Firefox → Earbuds (at 95%)", left: "analog 80 - bluez"},
		{name: "what cannot be lowered stays", request: firefox, change: func(w *mixing) { w.unset[60] = pulse.ErrDenied }, asked: []string{"60 at 40"}, failure: "could not be lowered"},
		{name: "a stream that ends is left out", request: firefox, change: func(w *mixing) { w.unset[60] = pulse.ErrGone }, asked: []string{"60 at 40"}, failure: "has just stopped"},
		{name: "a quieter sink needs nothing", request: Request{Target: firefox.Target, Way: To, Sink: "usb"}, asked: []string{"60 to 21"}, line: "Firefox → Headset", left: "analog 80 - usb"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := loudWorld()
			if tt.change != nil {
				tt.change(w)
			}
			p := w.pipeline(&config.Config{Volume: config.VolumeRemember})
			p.Sound = func(context.Context) (Sound, error) { return w, nil }
			p.Levels = func() ([]state.Level, error) { return tt.known, nil }
			rep, err := p.Run(t.Context(), tt.request)
			if got := fmt.Sprint(w.asked); got != fmt.Sprint(tt.asked) {
				t.Errorf("asked %v, want %v", got, tt.asked)
			}
			if tt.failure != "" {
				if err == nil || !strings.Contains(err.Error(), tt.failure) {
					t.Errorf("it said %v", err)
				}
			} else if err != nil || fmt.Sprint(rep.Lines()) != "["+tt.line+"]" {
				t.Errorf("%q, %v", rep.Lines(), err)
			}
			left := ""
			for _, l := range rep.Left {
				if l.Application == "program:firefox" {
					left += fmt.Sprintf("%s %.0f - ", l.Sink, l.Percent)
				}
			}
			for _, l := range rep.Came {
				left += l.Sink
			}
			if left != tt.left {
				t.Errorf("left %q, want %q", left, tt.left)
			}
		})
	}
}

// What has played nowhere yet gets its program's volume when it begins, or a moment
// later, whatever was set before: it is set again then, and once.
func TestAVolumeIsSetOnceItPlays(t *testing.T) {
	for _, tt := range []struct {
		name  string
		looks func(s *pulse.Stream, n int) // before the nth time that it is looked at
		asked string
	}{
		{"its program overrides it", func(s *pulse.Stream, n int) {
			if n == 3 {
				s.Sink, s.Levels = 8, at(100)
			}
		}, "[60 at 30 60 to 8 60 at 30]"},
		{"its program overrides it late", func(s *pulse.Stream, n int) {
			switch n {
			case 0:
				s.Sink = 8
			case 2:
				s.Levels = at(100)
			}
		}, "[60 at 30 60 to 8 60 at 30]"},
		{"somebody overrides it each time", func(s *pulse.Stream, n int) { s.Sink, s.Levels = 8, at(100) }, "[60 at 30 60 to 8 60 at 30]"},
		{"it stays what was set", func(s *pulse.Stream, n int) { s.Sink = 8 }, "[60 at 30 60 to 8]"},
		{"it is taken elsewhere", func(s *pulse.Stream, n int) { s.Sink, s.Levels = 7, at(100) }, "[60 at 30 60 to 8]"},
		{"it ends", func(s *pulse.Stream, n int) { s.Index = 61 }, "[60 at 30 60 to 8]"},
		{"it never begins", func(s *pulse.Stream, n int) { s.Sink = pulse.NoSink }, "[60 at 30 60 to 8]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := loudWorld()
			s := w.snapshot.Stream(60)
			s.Sink, s.Levels = pulse.NoSink, at(0)
			snap, _ := w.Snapshot(t.Context())
			w.meanwhile = func() { s.Sink = pulse.NoSink } // it is not there yet
			n := 0
			w.looks = func() { tt.looks(s, n); n++ }
			key := func(*pulse.Stream) string { return "firefox" }
			known := func(string, string) *level.Known { return Known(state.Volume{Percent: 30}) }
			all := []pulse.StreamIndex{60}
			loud := NewLoudness(w, snap, snap.Sink(8), all, key, known)
			errs := loud.Around(t.Context(), all, func(ctx context.Context, all []pulse.StreamIndex) []error { return w.Move(ctx, 8, all...) })
			loud.Settle(t.Context())
			if got := fmt.Sprint(w.asked); got != tt.asked || errs[0] != nil {
				t.Errorf("asked %s, want %s; %v", got, tt.asked, errs[0])
			}
		})
	}
}

// The report says of each stream what its own volume was; what is written down is
// the application's, which is that of its loudest.
func TestEachStreamsVolumeIsItsOwn(t *testing.T) {
	w := loudWorld()
	w.snapshot.Streams[1].Sink, w.snapshot.Streams[1].Levels = 3, at(40) // of mpv, beside one at 80 %
	p := w.pipeline(&config.Config{Volume: config.VolumeRemember})
	p.Sound = func(context.Context) (Sound, error) { return w, nil }
	rep, err := p.Run(t.Context(), Request{Way: To, Sink: "bluez"})
	if err != nil || len(rep.Moves) != 2 || len(rep.Left) != 1 {
		t.Fatalf("%+v, %v", rep, err)
	}
	for i, want := range []string{"80 to 40", "40 to 20"} {
		if v := rep.Moves[i].Volume; v == nil || fmt.Sprintf("%.0f to %.0f", v.From.Percent, v.To.Percent) != want {
			t.Errorf("stream %d: %+v, want %s", rep.Moves[i].Stream, v, want)
		}
	}
	if got := fmt.Sprintf("%.0f", rep.Left[0].Percent); got != "80" {
		t.Errorf("%s is written down", got)
	}
}

// What an application plays is lowered together; what nobody can be named for, each
// by itself: of two that play on one side only, the one that would not get louder
// stays.
func TestStreamsOfNobodyAreNotTakenForOne(t *testing.T) {
	sides := func(left, right uint32) pulse.Levels {
		return pulse.Levels{Volumes: []uint32{left * pulse.Norm / 100, right * pulse.Norm / 100}, Positions: []byte{1, 2}}
	}
	snap := &pulse.Snapshot{
		Sinks:   []pulse.Sink{{Index: 1, Name: "one", Levels: sides(100, 50)}, {Index: 2, Name: "two", Levels: sides(50, 100)}},
		Streams: []pulse.Stream{{Index: 7, Sink: 1, Levels: sides(80, 0)}, {Index: 8, Sink: 1, Levels: sides(0, 80)}},
	}
	known := func(string, string) *level.Known { return nil }
	for name, want := range map[string][]string{"": {"-", "80 to 40"}, "program:mpv": {"80 to 40", "80 to 40"}} {
		l := NewLoudness(&mixing{}, snap, &snap.Sinks[1], []pulse.StreamIndex{7, 8}, func(*pulse.Stream) string { return name }, known)
		for i, stream := range []pulse.StreamIndex{7, 8} {
			got := "-"
			if c := l.Change(stream); c != nil {
				got = fmt.Sprintf("%.0f to %.0f", c.From.Percent, c.To.Percent)
			}
			if got != want[i] {
				t.Errorf("of %q stream %d goes %s, want %s", name, stream, got, want[i])
			}
		}
	}
}

// What is written down comes back; more than there is becomes the most there is.
func TestAVolumeThatIsWrittenDownComesBack(t *testing.T) {
	for _, v := range []uint32{0, pulse.Norm / 2, pulse.Norm, 3 * pulse.Norm / 2} {
		was := level.Known{Volume: v, Flat: v == pulse.Norm}
		if is := *Known(Written(was)); is.Flat != was.Flat || max(is.Volume, v)-min(is.Volume, v) > 1 {
			t.Errorf("%v becomes %v", was, is)
		}
	}
	if is := Known(state.Volume{Percent: 1e12}); is.Volume != 0x7fffffff { // PA_VOLUME_MAX
		t.Errorf("%v", is)
	}
}

func TestVolumesAreLeftAloneByDefault(t *testing.T) {
	w := loudWorld()
	p := w.pipeline(nil)
	p.Sound = func(context.Context) (Sound, error) { return w, nil }
	p.Levels = func() ([]state.Level, error) { return nil, errors.New("it is read") }
	rep, err := p.Run(t.Context(), Request{Target: Target{Whom: Everything}, Way: To, Sink: "bluez"})
	if err != nil || len(rep.Left)+len(rep.Came) > 0 || rep.Moves[0].Volume != nil || strings.Contains(fmt.Sprint(w.asked), " at ") {
		t.Errorf("%v, %+v, %v", w.asked, rep, err)
	}
}

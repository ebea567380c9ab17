package toggle

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/desktop"
)

// What Choose is asked about decides whether a display that is away matters.
func TestChoosingByWindowNeedsTheDisplay(t *testing.T) {
	w := newWorld()
	p := w.pipeline(nil)
	v, rep, err := p.Choose(t.Context(), Request{})
	if err != nil || len(rep.Moves) == 0 {
		t.Fatalf("with a display: %+v, %v", rep, err)
	}
	// The first of mpv's two streams is paused.
	if on := v.Playing(rep); on == nil || on.Name != "bluez" || rep.Moves[0].From != "analog" {
		t.Errorf("it plays on %+v, and the report begins with %+v", on, rep.Moves[0])
	}
	p.Display = func(context.Context) (Display, error) { return nil, desktop.ErrNoDisplay }
	var problem *Problem
	if v, _, err := p.Choose(t.Context(), Request{}); !errors.As(err, &problem) || problem.Kind != Failed || !strings.Contains(problem.Message, "display") || v == nil || v.Snapshot == nil {
		t.Errorf("without a display: %v (%v)", err, v)
	}
	if _, rep, err := p.Choose(t.Context(), Request{Target: Target{Whom: Everything}}); err != nil || len(rep.Moves) == 0 {
		t.Errorf("everything, without a display: %+v, %v", rep, err)
	}
}

// One that failed hides none that did not.
func TestAReportSaysEachOutcomeOnce(t *testing.T) {
	to := &Output{Label: "TV"}
	r := &Report{To: to, Result: ResultWouldMove, Moves: []Move{
		{Application: "a", Result: MoveFailed},
		{Application: "b", Result: WouldMove},
		{Application: "b", Result: WouldMove},
		{Application: "c", Result: AlreadyThere},
	}}
	want := []string{"would move b → TV (2 streams)", "c already plays on TV"}
	if got := r.Lines(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	// A notification has one line: the first, where nothing sums them up.
	if got := r.Headline(nil); got != want[0] {
		t.Errorf("the headline is %q, want %q", got, want[0])
	}
	r.Result = ResultMoved
	if got := r.Headline(nil); got != "4 streams → TV" {
		t.Errorf("the headline is %q", got)
	}
	if got := (&Report{}).Headline(nil); got != "nothing to move" {
		t.Errorf("of nothing the headline is %q", got)
	}
}

// Who plays nothing and was matched by nothing is pointed to what tells more.
func TestASilentApplicationIsPointedToWhy(t *testing.T) {
	w := newWorld()
	w.snapshot.Streams = w.snapshot.Streams[2:] // Firefox plays, mpv is in front
	var problem *Problem
	if _, err := w.pipeline(nil).Run(t.Context(), Request{}); !errors.As(err, &problem) || problem.Kind != Nothing || problem.Hint != `"patoggle why" says whose each stream is` {
		t.Errorf("it says %+v", err)
	}
	w.snapshot.Streams = nil
	if _, err := w.pipeline(nil).Run(t.Context(), Request{}); !errors.As(err, &problem) || problem.Hint != "" {
		t.Errorf("where nothing plays it says %+v", err)
	}
}

// A pair goes to the sink of that name, of that line of a menu, or nowhere.
func TestAPairGoesWhereItIsSaid(t *testing.T) {
	run := func(request Request) (*Report, error) {
		playing, recording := headset()
		request.Pair, request.Way = true, To
		return pairOf(playing, recording, "", t).Run(t.Context(), request)
	}
	var problem *Problem
	if rep, err := run(Request{Sink: "kitchen"}); !errors.As(err, &problem) || problem.Kind == Nothing || len(rep.Moves) > 0 {
		t.Errorf("to a sink that is not there: %+v, %v", rep, err)
	}
	playing, _ := headset()
	// The mark of the line is no part of the name.
	line := NewBook(playing.snapshot.Sinks, &config.Config{}).Menu("bluez", nil)[1]
	if !strings.Contains(line, "default") {
		t.Fatalf("the line is %q", line)
	}
	for _, request := range []Request{{Sink: "earbuds"}, {Sink: line, Chosen: true}} {
		rep, err := run(request)
		if err != nil || rep.To == nil || !strings.Contains(line, rep.To.Label) || rep.Source == nil {
			t.Errorf("%+v: %+v, %v", request, rep, err)
		}
	}
	if _, err := run(Request{Sink: "earbuds", Chosen: true}); err != nil {
		t.Errorf("a name in place of a line: %v", err)
	}
}

package toggle

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

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

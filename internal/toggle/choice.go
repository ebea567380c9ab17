package toggle

import (
	"context"

	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/pulse"
)

// Choose is the first half of Run: it looks, and returns the target's streams as
// a report without outcomes. Nothing moves. View.Snapshot is there also beside
// an error that says that there are none.
func (p *Pipeline) Choose(ctx context.Context, r Request) (*View, *Report, error) {
	rep := &Report{Result: ResultNothing, Moves: []Move{}}
	var window *desktop.WindowID
	if r.Target.AboutWindow() {
		window = &r.Target.Window
	}
	v, err := p.look(ctx, ctx, window, wants{})
	if err != nil {
		return nil, rep, err
	}
	if window != nil && v.ScreenErr != nil {
		return v, rep, DisplayError(v.ScreenErr, v.Screen, r.Target.Window)
	}
	return v, rep, p.choose(ctx, v, r, rep)
}

// Playing is the sink of the first of the report's streams that is not paused;
// when all are, of the first. It may be nil.
func (v *View) Playing(rep *Report) *Output {
	from := v.Snapshot.Stream(rep.Moves[0].Stream).Sink
	for _, m := range rep.Moves {
		if s := v.Snapshot.Stream(m.Stream); !s.Corked {
			from = s.Sink
			break
		}
	}
	return v.Book.Output(from)
}

// Sound is the connection that the view came from.
func (v *View) Sound() Sound { return v.sound }

// MoveError puts an error of one stream's move into words.
func MoveError(err error, application string, stream pulse.StreamIndex) *Problem {
	return moveProblem(err, &Move{Application: application, Stream: stream})
}

package daemon

import (
	"context"
	"time"

	"github.com/patoggle/patoggle/internal/notify"
	"github.com/patoggle/patoggle/internal/term"
)

// noteTag makes each notification take the place of the last one.
const noteTag = "patoggle"

// noteTime bounds the showing of one notification: none runs, or it hangs.
const noteTime = 2 * time.Second

// notes shows notifications from a goroutine of its own, so that a press never
// waits for the desktop. A newer one takes the place of one that still waits.
type notes struct {
	deliver func(context.Context, notify.Note) error
	speak   *speaker
	verbose bool
	box     chan notify.Note // of one
}

func newNotes(deliver func(context.Context, notify.Note) error, speak *speaker, verbose bool) *notes {
	return &notes{deliver: deliver, speak: speak, verbose: verbose, box: make(chan notify.Note, 1)}
}

// send leaves a note to be shown. It never waits.
func (n *notes) send(note notify.Note) {
	for {
		select {
		case n.box <- note:
			return
		default:
		}
		select {
		case <-n.box:
		default:
		}
	}
}

// run shows notes until the context ends.
func (n *notes) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case note := <-n.box:
			show, cancel := context.WithTimeout(ctx, noteTime)
			err := n.deliver(show, note)
			cancel()
			if err != nil && n.verbose && ctx.Err() == nil {
				n.speak.info("no notification: %s", term.Escape(err.Error()))
			}
		}
	}
}

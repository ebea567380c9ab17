package lasting

import (
	"context"
	"fmt"
	"slices"

	"github.com/patoggle/patoggle/internal/state"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/internal/toggle"
	"github.com/patoggle/patoggle/pulse"
)

// Unteacher is what forgetting needs of a sound server; *pulse.Conn has it.
type Unteacher interface {
	Unteach(context.Context, ...pulse.Group) []error
}

// unteach takes from the server what it remembers of patoggle's doing: the
// applications that fit, are silent, and were last put on a sink by patoggle,
// start on the default sink again. What a mixer did since, a running patoggled
// has written down, and it stays.
func (d *Desk) unteach(ctx context.Context, fits func(state.Moved) bool) error {
	entries, err := d.Store.Moves()
	if err != nil {
		return failed(err)
	}
	placed := slices.DeleteFunc(state.Placed(entries), func(m state.Moved) bool { return !fits(m) })
	if len(placed) == 0 {
		return nil
	}
	v, err := d.Look(ctx, nil)
	if err != nil {
		return err
	}
	playing := map[string]bool{}
	for i := range v.Snapshot.Streams {
		playing[pulse.GroupOf(&v.Snapshot.Streams[i]).Key()] = true
	}
	var groups []pulse.Group
	var silent []state.Moved
	for _, m := range placed {
		if g := (pulse.Group{ID: m.ID, Name: m.Name}); !playing[g.Key()] {
			groups, silent = append(groups, g), append(silent, m)
		}
	}
	u, ok := v.Sound().(Unteacher)
	if !ok || len(groups) == 0 {
		return nil
	}
	entry := state.Entry{By: state.Untaught}
	var first error
	for i, err := range u.Unteach(ctx, groups...) {
		m := silent[i]
		if err == nil {
			m.Stream, m.PID, m.From, m.To = uint32(pulse.NoStream), "", m.To, v.Snapshot.Server.DefaultSink
			entry.Moves = append(entry.Moves, m)
			continue
		}
		if first == nil {
			first = &toggle.Problem{
				Kind:    toggle.Failed,
				Message: fmt.Sprintf("the sound server still starts %s on %s: %s", toggle.Quote(m.Name), toggle.Quote(m.To), term.Escape(err.Error())),
				Err:     err,
			}
		}
	}
	if len(entry.Moves) > 0 {
		if _, err := d.Store.Record(entry); err != nil {
			return failed(err)
		}
	}
	return first
}

package lasting

import (
	"maps"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/state"
	"github.com/patoggle/patoggle/internal/toggle"
	"github.com/patoggle/patoggle/pulse"
)

// The words for what holds a stream where it is.
const (
	HeldByPress      = "press"      // patoggle or a key of patoggled moved it there
	HeldByRule       = "rule"       // a rule of the configuration
	HeldByRemembered = "remembered" // patoggle remember
	HeldByDefault    = "default"    // it follows the default sink
)

// Holds says what holds each stream where it is, as far as patoggle knows: the
// protocol of neither server tells whether a stream is pinned. What is not in
// the result is not known.
func (d *Desk) Holds(v *toggle.View, cfg *config.Config) (map[pulse.StreamIndex]string, error) {
	held := map[pulse.StreamIndex]string{}
	rows, err := d.Rules(v, cfg)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		for _, i := range r.Streams {
			on := v.Book.Output(v.Snapshot.Stream(i).Sink)
			switch {
			case on == nil || on.Name != r.Sink || !d.Store.Routed():
			case r.Source == "remembered":
				held[i] = HeldByRemembered
			default:
				held[i] = HeldByRule
			}
		}
	}
	ruled := maps.Clone(held) // it is where a rule wants it now
	entries, err := d.Store.Moves()
	if err != nil {
		return nil, failed(err)
	}
	for _, e := range entries {
		for _, m := range e.Moves {
			s := v.Snapshot.Stream(pulse.StreamIndex(m.Stream))
			if s == nil || recorded(m) != v.Snapshot.Input || !plays(s, m) {
				continue
			}
			on := v.Book.Output(s.Sink)
			switch {
			case on == nil || e.By == state.Taught || e.By == state.Untaught:
			case e.By == state.User:
				delete(held, s.Index)
			case e.By == state.Rule && on.Name == m.To:
				if held[s.Index] != HeldByRemembered {
					held[s.Index] = HeldByRule
				}
			case e.By == state.Follow && on.Name == v.Snapshot.Server.DefaultSink:
				held[s.Index] = HeldByDefault
			case on.Name != m.To:
				if held[s.Index] == HeldByPress || held[s.Index] == HeldByDefault {
					delete(held, s.Index) // somebody has moved it since
				}
			case on.Name == v.Snapshot.Server.DefaultSink && held[s.Index] == "":
				held[s.Index] = HeldByDefault // to both servers that is what the move means
			case held[s.Index] == "" || held[s.Index] == HeldByDefault || ruled[s.Index] == "":
				held[s.Index] = HeldByPress
			}
		}
	}
	return held, nil
}

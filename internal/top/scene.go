package top

import (
	"slices"

	"github.com/patoggle/patoggle/internal/match"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/internal/toggle"
	"github.com/patoggle/patoggle/pulse"
)

// scene is what is shown: the sinks, and below each the streams on it. All text
// in it is escaped. It is a value: nothing in it changes later.
type scene struct {
	sinks []sinkRow
}

// sinkRow is one sink, or the place of the streams that have none.
type sinkRow struct {
	// key is the digit that moves a stream here; 0 when there is none.
	key rune
	// name is the server's name of the sink, "" for no sink.
	name, label string
	isDefault   bool
	muted       bool
	inRing      bool
	volume      int
	streams     []streamRow
}

// streamRow is one stream.
type streamRow struct {
	index       pulse.StreamIndex
	application string
	media       string
	volume      int
	paused      bool
	muted       bool
	focused     bool
	// own is true for a stream that is no application's.
	own bool
}

// newScene lays a view out: first the sinks that a press steps through, in its
// order, then the others.
func newScene(v *toggle.View) scene {
	ring := v.Book.Ring()
	order := func(o toggle.Output) int {
		if at := slices.Index(ring, o.Index); at >= 0 {
			return at
		}
		return len(ring)
	}
	outputs := slices.Clone(v.Book.Sinks())
	slices.SortStableFunc(outputs, func(a, b toggle.Output) int { return order(a) - order(b) })

	var s scene
	at := map[pulse.SinkIndex]int{}
	for i, o := range outputs {
		row := sinkRow{
			name: o.Name, label: term.Escape(o.Label),
			isDefault: o.Name == v.Snapshot.Server.DefaultSink,
			muted:     o.Muted, inRing: o.InCycle, volume: o.Volume,
		}
		if i < 9 {
			row.key = rune('1' + i)
		}
		at[o.Index] = len(s.sinks)
		s.sinks = append(s.sinks, row)
	}
	for i := range v.Snapshot.Streams {
		st, m := &v.Snapshot.Streams[i], &v.Match.Streams[i]
		n, ok := at[st.Sink]
		if !ok {
			n = len(s.sinks)
			at[st.Sink] = n
			s.sinks = append(s.sinks, sinkRow{label: "on no sink"})
		}
		s.sinks[n].streams = append(s.sinks[n].streams, streamRow{
			index:       st.Index,
			application: term.Escape(match.Application(st)),
			media:       term.Escape(st.Media),
			volume:      st.Volume,
			paused:      st.Corked,
			muted:       st.Muted,
			focused:     m.Matched && m.Confidence.Acts(false),
			own:         m.Own,
		})
	}
	return s
}

// streams are all streams in the order in which they are shown.
func (s scene) streams() []pulse.StreamIndex {
	var all []pulse.StreamIndex
	for _, k := range s.sinks {
		for _, r := range k.streams {
			all = append(all, r.index)
		}
	}
	return all
}

// byKey returns the sink that a digit stands for; nil for none.
func (s scene) byKey(key rune) *sinkRow {
	for n := range s.sinks {
		if key != 0 && s.sinks[n].key == key {
			return &s.sinks[n]
		}
	}
	return nil
}

// choose keeps the chosen stream while it is there. Else it is the focused
// application's first, else the first of an application, else the first.
func (s scene) choose(chosen pulse.StreamIndex) pulse.StreamIndex {
	best, rank := pulse.NoStream, 0
	for _, k := range s.sinks {
		for _, r := range k.streams {
			n := 1
			switch {
			case r.index == chosen:
				return chosen
			case r.focused:
				n = 3
			case !r.own:
				n = 2
			}
			if n > rank {
				best, rank = r.index, n
			}
		}
	}
	return best
}

// step returns the stream so many rows further down, the first or the last
// where there are no more; NoStream when there is none at all.
func (s scene) step(from pulse.StreamIndex, by int) pulse.StreamIndex {
	all := s.streams()
	if len(all) == 0 {
		return pulse.NoStream
	}
	at := max(slices.Index(all, from), 0) + by
	return all[max(0, min(at, len(all)-1))]
}

// line is one line of the picture: a sink or a stream of it.
type line struct {
	sink   *sinkRow
	stream *streamRow // nil for the sink's own line
}

func (s scene) lines() []line {
	var all []line
	for n := range s.sinks {
		k := &s.sinks[n]
		all = append(all, line{sink: k})
		for i := range k.streams {
			all = append(all, line{k, &k.streams[i]})
		}
	}
	return all
}

// window returns which of n lines are shown where there is room for some, so
// that the line at is among them, beginning as near to first as can be.
func window(n, room, at, first int) (from, to int) {
	room = max(room, 1)
	from = min(max(first, at-room+1), at)
	from = max(0, min(from, n-room))
	return from, min(from+room, n)
}

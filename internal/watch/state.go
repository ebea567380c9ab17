// Package watch is what a bar shows of a desktop and its sound: whose window is
// in front, where that application plays, which sinks there are. It is pure: a
// State is made of a look at both servers, and written in one of a few forms.
package watch

import (
	"cmp"
	"reflect"
	"slices"

	"github.com/patoggle/patoggle/internal/match"
	"github.com/patoggle/patoggle/internal/toggle"
	"github.com/patoggle/patoggle/pulse"
)

// The values of State.State.
const (
	Playing = "playing"
	Paused  = "paused"
	Silent  = "silent" // the application has no stream
	None    = "none"   // no window has the focus, or it cannot be told
	Away    = "away"   // the sound server
)

// State is one moment. Its JSON form is stable and documented in patoggle(1).
// Names in it are as the outside gave them, not escaped.
type State struct {
	// Application is whose window has the focus, "" where that is not known.
	Application string `json:"application"`
	State       string `json:"state"`
	// Sink is the name of the sink it plays on, Label what to call that; "" when
	// it has no stream.
	Sink  string `json:"sink"`
	Label string `json:"label"`
	// Sinks are all there are, those of the ring first and in its order.
	Sinks []Sink `json:"sinks"`
	// Moves are the streams that went to another sink since the last State.
	Moves []Move `json:"moves"`
	// Reason is a sentence where State is None or Away, else "".
	Reason string `json:"reason"`

	streams map[pulse.StreamIndex]stream
}

// Sink is one sink of a State.
type Sink struct {
	Name    string `json:"name"`
	Label   string `json:"label"`
	Default bool   `json:"default"`
	InCycle bool   `json:"in_cycle"`
	Muted   bool   `json:"muted"`
	Streams int    `json:"streams"`
}

// Move is one stream that went to another sink; From and To are labels.
type Move struct {
	Stream      pulse.StreamIndex `json:"stream"`
	Application string            `json:"application"`
	From        string            `json:"from"`
	To          string            `json:"to"`
}

type stream struct {
	sink  pulse.SinkIndex
	label string
}

// Of makes a State of a look at both servers. last is the State before, the zero
// State for none.
func Of(v *toggle.View, last State) State {
	s := State{State: None, Sinks: []Sink{}, Moves: []Move{}, streams: map[pulse.StreamIndex]stream{}}
	s.addSinks(v)
	for i := range v.Snapshot.Streams {
		st := &v.Snapshot.Streams[i]
		if v.Match.Streams[i].Own {
			continue
		}
		now := stream{sink: st.Sink}
		if o := v.Book.Output(st.Sink); o != nil {
			now.label = o.Label
		}
		s.streams[st.Index] = now
		if before, known := last.streams[st.Index]; known && before.sink != now.sink && before.label != "" && now.label != "" {
			s.Moves = append(s.Moves, Move{st.Index, match.Application(st), before.label, now.label})
		}
	}
	if v.ScreenErr != nil {
		s.Reason = toggle.DisplayError(v.ScreenErr, v.Screen, "").Message
		return s
	}
	s.addFront(v)
	return s
}

func (s *State) addSinks(v *toggle.View) {
	ring := v.Book.Ring()
	place := func(o *toggle.Output) int {
		if i := slices.Index(ring, o.Index); i >= 0 {
			return i
		}
		return len(ring)
	}
	outputs := slices.Clone(v.Book.Sinks())
	slices.SortStableFunc(outputs, func(a, b toggle.Output) int {
		return cmp.Or(place(&a)-place(&b), cmp.Compare(a.Name, b.Name))
	})
	for _, o := range outputs {
		sink := Sink{Name: o.Name, Label: o.Label, Default: o.Name == v.Snapshot.Server.DefaultSink, InCycle: o.InCycle, Muted: o.Muted}
		for i := range v.Snapshot.Streams {
			if v.Snapshot.Streams[i].Sink == o.Index && !v.Match.Streams[i].Own {
				sink.Streams++
			}
		}
		s.Sinks = append(s.Sinks, sink)
	}
}

// addFront says what the application in front does: by its first stream that is
// not paused, else by its first.
func (s *State) addFront(v *toggle.View) {
	s.State = Silent
	s.Application = cmp.Or(v.Screen.Focused.Name(), v.Screen.Focused.Title)
	for i := range v.Snapshot.Streams {
		st := &v.Snapshot.Streams[i]
		if m := &v.Match.Streams[i]; !m.Matched || !m.Confidence.Acts(false) {
			continue
		}
		if s.State == Playing || s.State == Paused && st.Corked {
			continue
		}
		s.State = Playing
		if st.Corked {
			s.State = Paused
		}
		s.Application = match.Application(st)
		if o := v.Book.Output(st.Sink); o != nil {
			s.Sink, s.Label = o.Name, o.Label
		}
	}
}

// OfError is the State without a sound server.
func OfError(reason string) State {
	return State{State: Away, Sinks: []Sink{}, Moves: []Move{}, Reason: reason}
}

// Same tells whether a bar would show the same.
func (s State) Same(other State) bool {
	s.streams, other.streams = nil, nil
	return len(s.Moves) == 0 && reflect.DeepEqual(s.shown(), other.shown())
}

func (s State) shown() State {
	s.Moves = nil
	return s
}

package toggle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/identity"
	"github.com/patoggle/patoggle/internal/level"
	"github.com/patoggle/patoggle/internal/proc"
	"github.com/patoggle/patoggle/internal/state"
	"github.com/patoggle/patoggle/pulse"
)

// Mixer is what volume = "remember" needs of a sound server; *pulse.Conn has it.
// To set no levels asks nothing.
type Mixer interface {
	SetLevels(context.Context, ...pulse.StreamLevels) []error
	Stream(context.Context, pulse.StreamIndex) (*pulse.Stream, error)
	Look(context.Context, ...pulse.StreamIndex) (map[pulse.StreamIndex]pulse.SinkIndex, error)
}

// putBack is how much of a request's time is kept for setting the volume back
// when the move fails; a quarter of what there is, where that is less.
const putBack = 300 * time.Millisecond

// errVolume is for a stream that stays since its volume could not be lowered.
var errVolume = errors.New("its volume could not be set")

// Identify says who plays a stream of the view.
func (p *Pipeline) Identify(v *View, i pulse.StreamIndex) identity.Identity {
	s, pid := v.Snapshot.Stream(i), 0
	for _, m := range v.Match.Streams {
		if m.Index == i {
			pid = m.PID
		}
	}
	procs, _ := p.Procs().(*proc.Reader)
	if procs == nil {
		return identity.Of(s, 0, nil)
	}
	return identity.Of(s, pid, procs)
}

// VolumeKey is by whom the volume of a stream is remembered: its application, or
// where that cannot be known again, its process while it lives; "" for nobody.
func VolumeKey(id identity.Identity, s *pulse.Stream) string {
	name, pid := s.Property("application.name"), s.Property("application.process.id")
	switch {
	case id.Known():
		return id.Key
	case pid != "":
		return "process:" + pid + ":" + name
	}
	return ""
}

// Loudness is how loud streams are to be on the sink they move to. Nil leaves
// volumes alone.
type Loudness struct {
	mixer Mixer
	to    pulse.SinkIndex
	plans []loudPlan
	begin []pulse.StreamLevels // have moved, and had played nowhere before
}

// loudPlan is the plan for streams of one application on one sink.
type loudPlan struct {
	level.Plan
	key, from, to string
	streams       []pulse.StreamIndex
}

// NewLoudness plans for streams of the snapshot. key says whose each is, and known
// how loud who was on the sink, nil for not known.
func NewLoudness(m Mixer, snap *pulse.Snapshot, to *pulse.Sink, streams []pulse.StreamIndex, key func(*pulse.Stream) string, known func(key, sink string) *level.Known) *Loudness {
	l := &Loudness{mixer: m, to: to.Index}
	type group struct {
		key  string
		from pulse.SinkIndex
		one  pulse.StreamIndex // of a stream that is nobody's
	}
	var order []group
	members := map[group][]*pulse.Stream{}
	for _, i := range streams {
		s := snap.Stream(i)
		if s == nil || s.Fixed || len(s.Levels.Volumes) == 0 || s.Sink == to.Index {
			continue
		}
		g := group{key: key(s), from: s.Sink}
		if g.key == "" {
			g.one = i
		}
		if members[g] == nil {
			order = append(order, g)
		}
		members[g] = append(members[g], s)
	}
	for _, g := range order {
		from := snap.Sink(g.from)
		p := loudPlan{Plan: level.Of(members[g], from, to, known(g.key, to.Name)), key: g.key, to: to.Name}
		if from != nil {
			p.from = from.Name
		}
		for _, s := range members[g] {
			p.streams = append(p.streams, s.Index)
		}
		l.plans = append(l.plans, p)
	}
	return l
}

// Begun is for a stream that begins on its sink, and did not have to be moved
// there: Settle sets it as loud as its application last was there. Nil, which
// leaves it alone, where nobody may set it, and with flat volumes.
func Begun(m Mixer, s *pulse.Stream, on *pulse.Sink, known *level.Known) *Loudness {
	if known == nil || known.Flat || on.Flat || s.Fixed || len(s.Levels.Volumes) == 0 {
		return nil
	}
	return &Loudness{mixer: m, to: on.Index, begin: []pulse.StreamLevels{{Stream: s.Index, Levels: s.Levels.Scaled(known.Volume)}}}
}

// Remembers tells whether volumes are remembered.
func (p *Pipeline) Remembers() bool {
	return p.Config != nil && p.Config.Volume == config.VolumeRemember
}

// Loudness plans a request's moves; nil with volume = "keep", and for what
// records.
func (p *Pipeline) Loudness(v *View, to *Output, streams []pulse.StreamIndex) *Loudness {
	m, ok := v.sound.(Mixer)
	if !ok || !p.Remembers() || v.Snapshot.Input {
		return nil
	}
	return NewLoudness(m, v.Snapshot, &to.Sink, streams, func(s *pulse.Stream) string { return VolumeKey(p.Identify(v, s.Index), s) }, p.KnownLevels())
}

// KnownLevels looks levels up among those that are remembered. That they cannot be
// read is as if there were none: then nothing gets louder.
func (p *Pipeline) KnownLevels() func(key, sink string) *level.Known {
	if p.Levels == nil {
		return func(string, string) *level.Known { return nil }
	}
	all, _ := p.Levels()
	return func(key, sink string) *level.Known {
		for _, l := range slices.Backward(all) {
			if l.Application == key && l.Sink == sink && key != "" {
				return Known(l.Volume)
			}
		}
		return nil
	}
}

// Known is a volume that was written down.
func Known(v state.Volume) *level.Known {
	return &level.Known{Volume: uint32(min(v.Percent*float64(pulse.Norm)/100, 1<<31-1)), Flat: v.Flat}
}

// Written is a volume to write down, in percent.
func Written(k level.Known) state.Volume {
	return state.Volume{Percent: float64(int64(k.Volume)*100_000/int64(pulse.Norm)) / 1000, Flat: k.Flat}
}

// plan is that of a stream, nil when it has none, and its place there.
func (l *Loudness) plan(i pulse.StreamIndex) (*loudPlan, int) {
	if l == nil {
		return nil, -1
	}
	for n := range l.plans {
		if at := slices.Index(l.plans[n].streams, i); at >= 0 {
			return &l.plans[n], at
		}
	}
	return nil, -1
}

// Change is what becomes of a stream's volume, as mixers show it; nil when
// nothing is to be set.
func (l *Loudness) Change(i pulse.StreamIndex) *state.Loud {
	p, at := l.plan(i)
	if p == nil || !p.Changes() {
		return nil
	}
	was := p.Left
	if len(p.Back) > 0 {
		was.Volume = p.Back[at].Levels.Max()
	}
	return &state.Loud{From: Written(was), To: Written(level.Known{Volume: p.Ends[at].Levels.Max(), Flat: p.Then.Flat})}
}

// Left are the levels that the streams have left with their sinks, to be written
// down once they have moved. Where they came to nothing is known any more: who
// closes the application there may have set another level before.
func (l *Loudness) Left(moved func(pulse.StreamIndex) bool) (left, came []state.Level) {
	if l == nil {
		return nil, nil
	}
	for _, p := range l.plans {
		if p.key == "" || !slices.ContainsFunc(p.streams, moved) {
			continue
		}
		if p.from != "" {
			left = append(left, state.Level{Application: p.key, Sink: p.from, Volume: Written(p.Plan.Left)})
		}
		came = append(came, state.Level{Application: p.key, Sink: p.to})
	}
	return left, came
}

// Around moves streams with move, which returns an error for each, in such an
// order that none is at any moment louder than it is to be: what gets quieter is
// set before, what gets louder after it has moved. When a move fails the volume is
// set back, unless somebody else has set it meanwhile.
func (l *Loudness) Around(ctx context.Context, streams []pulse.StreamIndex, move func(context.Context, []pulse.StreamIndex) []error) []error {
	if l == nil || !slices.ContainsFunc(l.plans, func(p loudPlan) bool { return p.Changes() }) {
		return move(ctx, streams)
	}
	failed := map[pulse.StreamIndex]error{}
	var before []pulse.StreamLevels
	for _, p := range l.plans {
		before = append(before, p.Before...)
	}
	rest := ctx
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		rest, cancel = context.WithDeadline(ctx, deadline.Add(-min(putBack, time.Until(deadline)/4)))
		defer cancel()
	}
	for i, err := range l.mixer.SetLevels(rest, before...) {
		switch {
		case errors.Is(err, pulse.ErrGone), errors.Is(err, pulse.ErrClosed), errors.Is(err, pulse.ErrTimeout):
			failed[before[i].Stream] = err
		case err != nil:
			failed[before[i].Stream] = fmt.Errorf("%w: %w", errVolume, err)
		}
	}
	var first []pulse.StreamLevels
	for _, p := range l.plans {
		first = append(first, p.First...)
	}
	l.mixer.SetLevels(rest, first...) // that it fails shows when they play
	going := slices.DeleteFunc(slices.Clone(streams), func(i pulse.StreamIndex) bool { return failed[i] != nil })
	if len(going) > 0 {
		for i, err := range move(rest, going) {
			if err != nil {
				failed[going[i]] = err
			}
		}
	}
	var back, after []pulse.StreamLevels
	for _, p := range l.plans {
		for i, s := range p.Before {
			if err := failed[s.Stream]; err != nil && !errors.Is(err, pulse.ErrGone) && l.leftAlone(ctx, s, true) {
				back = append(back, p.Back[i])
			}
		}
		for i, s := range p.After {
			if failed[s.Stream] == nil && slices.Contains(going, s.Stream) && l.leftAlone(ctx, p.Expect[i], false) {
				after = append(after, s)
			}
		}
	}
	// The time may be over, and the connection with it.
	again, cancel := context.WithTimeout(context.WithoutCancel(ctx), putBack)
	defer cancel()
	l.mixer.SetLevels(again, back...)
	l.mixer.SetLevels(ctx, after...) // where that fails it is too quiet, and has moved
	l.begin = slices.DeleteFunc(first, func(s pulse.StreamLevels) bool { return failed[s.Stream] != nil })
	errs := make([]error, len(streams))
	for i, s := range streams {
		errs[i] = failed[s]
	}
	return errs
}

// A stream that had played nowhere yet gets what its program asked for when it
// begins, 5 to 30 ms after the move, and up to 5 ms after it is told to be on its
// sink (PipeWire 1.4 and 1.6, with go test ./internal/daemon -run
// TestTheVolumeOfAClosed).
const (
	begins  = time.Second            // how long it may take to begin
	settles = 200 * time.Millisecond // from then on until its volume is left to itself
	// insistEvery is how often its volume is looked at until then.
	insistEvery = 5 * time.Millisecond
)

// Settle comes after Around, and returns at once unless streams were moved that had
// played nowhere yet. It waits until they play and sets their volume, unless it is
// that already. Whoever sets it then has the last word.
func (l *Loudness) Settle(ctx context.Context) {
	if l == nil {
		return
	}
	type watched struct {
		pulse.StreamLevels
		plays time.Time // since when, zero before
	}
	var left []watched
	for _, s := range l.begin {
		left = append(left, watched{StreamLevels: s})
	}
	for end := time.Now().Add(begins); len(left) > 0; {
		now := time.Now()
		kept := left[:0]
		for _, w := range left {
			is, err := l.mixer.Stream(ctx, w.Stream)
			switch {
			case err != nil:
				continue // it has ended, or nothing can be said of it
			case is.Sink != l.to:
				if now.Before(end) {
					kept = append(kept, w)
				}
				continue
			case w.plays.IsZero():
				w.plays = now
			}
			if !level.Same(is.Levels, w.Levels) {
				l.mixer.SetLevels(ctx, w.StreamLevels) // it has moved, whatever comes of this
				continue
			}
			if now.Sub(w.plays) < settles {
				kept = append(kept, w)
			}
		}
		if left = kept; len(left) == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(insistEvery):
		}
	}
}

// leftAlone tells whether a stream is at the levels that we set or expect: else
// somebody else has set them, and has the last word. Of one that did not move it
// is asked as well whether it has moved all the same. What cannot be known is
// taken for yes where it stayed, and for no where it would get louder.
func (l *Loudness) leftAlone(ctx context.Context, s pulse.StreamLevels, stayed bool) bool {
	if stayed {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), putBack)
		defer cancel()
		if where, err := l.mixer.Look(ctx, s.Stream); err == nil && where[s.Stream] == l.to {
			return false
		}
	}
	is, err := l.mixer.Stream(ctx, s.Stream)
	if err != nil {
		return stayed && !errors.Is(err, pulse.ErrGone)
	}
	return level.Same(is.Levels, s.Levels)
}

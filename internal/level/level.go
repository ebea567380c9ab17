// Package level decides how loud streams play on the sink they move to, with
// volume = "remember": as loud as their application last played there, and where
// it has not played yet never louder, relative to full scale, than where it comes
// from. It is pure: volumes come in, and what to set before and after a move
// comes out, in such an order that no moment of it is too loud.
//
// Volumes are those of the wire (pulse.Norm is 100 %). A stream at v on a sink at
// w plays at v*w/Norm. On PulseAudio with flat volumes the volume of a stream has
// the sink's in it already, and the server keeps the ratio of the two when the
// stream moves (pulsecore/sink-input.c, update_volume_due_to_moving). Whether a
// sink is muted says nothing of how loud it is to be.
package level

import "github.com/patoggle/patoggle/pulse"

// Known is the volume of an application on a sink, as a mixer shows it there:
// that of its loudest stream.
type Known struct {
	Volume uint32
	// Flat: the sink's volume is in it.
	Flat bool
}

// Plan is what to do about streams of one application that move together.
type Plan struct {
	// Left is how loud it played on the sink it leaves, Then how loud it is on
	// the other in the end.
	Left, Then Known
	// Ends is what each stream is at in the end.
	Ends []pulse.StreamLevels
	// Before is to be set before the move and Back is what it was; empty when
	// they do not get quieter.
	Before, Back []pulse.StreamLevels
	// After is to be set after the move, of streams that are then at Expect: else
	// somebody else has set them, and has the last word. Empty when they do not
	// get louder.
	After, Expect []pulse.StreamLevels
	// First is to be set before the move, and again once they play: it is of
	// streams that have played nowhere yet, whose volume nobody knows. PipeWire
	// (1.4, 1.6) says silence of them, and sets what their program asked for when
	// they begin.
	First []pulse.StreamLevels
}

// Changes tells whether anything is to be set.
func (p *Plan) Changes() bool { return len(p.Before)+len(p.After)+len(p.First) > 0 }

// stream is a stream with the levels it has or is to have.
type stream struct {
	index pulse.StreamIndex
	has   pulse.Levels // as the server says
	ratio pulse.Levels // relative to its sink
}

// slight is a change that nobody hears, and the servers round away.
const slight = pulse.Norm / 500

// Of makes the plan for streams of one application that move from one sink to
// another. known is what is remembered of it there, nil for nothing. Streams whose
// volume nobody can set must not be among them. from may be nil, for streams that
// play nowhere yet: those play as they are, unless something is known.
func Of(streams []*pulse.Stream, from, to *pulse.Sink, known *Known) Plan {
	var all []stream
	var p Plan
	var ratio, there uint32 // of the loudest: relative to its sink, and to full scale on the other one
	for _, s := range streams {
		m := stream{index: s.Index, has: s.Levels, ratio: s.Levels}
		if from != nil && from.Flat {
			m.ratio = over(s.Levels, from.Levels)
		}
		all = append(all, m)
		p.Left.Volume = max(p.Left.Volume, s.Levels.Max())
		ratio = max(ratio, m.ratio.Max())
		there = max(there, loudest(m.ratio, to.Levels))
	}
	p.Left.Flat = from != nil && from.Flat
	then := ratio // what ratio is to become
	switch {
	case known != nil && known.Flat == to.Flat && to.Flat:
		if there > 0 {
			then = scale(known.Volume, ratio, there)
		}
	case known != nil && known.Flat == to.Flat:
		then = known.Volume
	case from != nil:
		for _, m := range all {
			if is, gets := loudest(m.ratio, from.Levels), loudest(m.ratio, to.Levels); gets > is {
				then = min(then, scale(ratio, is, gets))
			}
		}
	}
	p.Then.Flat = to.Flat
	for _, m := range all {
		arrives := m.ratio
		if to.Flat {
			arrives = times(m.ratio, to.Levels)
		}
		ends := arrives
		switch {
		case from == nil && known != nil && !known.Flat && !to.Flat:
			ends = by(arrives, then, ratio)
			p.First = append(p.First, pulse.StreamLevels{Stream: m.index, Levels: ends})
		case then < ratio && (ratio-then > slight || then == 0 || known == nil):
			p.Back = append(p.Back, pulse.StreamLevels{Stream: m.index, Levels: m.has})
			p.Before = append(p.Before, pulse.StreamLevels{Stream: m.index, Levels: by(m.has, then, ratio)})
			ends = by(arrives, then, ratio)
		case then > ratio && then-ratio > slight:
			ends = by(arrives, then, ratio)
			p.Expect = append(p.Expect, pulse.StreamLevels{Stream: m.index, Levels: arrives})
			p.After = append(p.After, pulse.StreamLevels{Stream: m.index, Levels: ends})
		}
		p.Ends = append(p.Ends, pulse.StreamLevels{Stream: m.index, Levels: ends})
		p.Then.Volume = max(p.Then.Volume, ends.Max())
	}
	return p
}

// scale is v*a/b; b is not 0.
func scale(v, a, b uint32) uint32 { return uint32(min(uint64(v)*uint64(a)/uint64(b), 1<<31-1)) }

// loudest is how loud the loudest channel of a stream is on a sink, relative to
// full scale; ratio is relative to the sink.
func loudest(ratio, sink pulse.Levels) uint32 { return times(ratio, sink).Max() }

// times are levels that are relative to a sink's, relative to full scale.
func times(ratio, sink pulse.Levels) pulse.Levels {
	return each(ratio, func(v, w uint64) uint64 { return v * w / uint64(pulse.Norm) }, sink)
}

// over undoes times. Where the sink is at 0 nothing is known, and 100 % is taken.
func over(has, sink pulse.Levels) pulse.Levels {
	return each(has, func(v, w uint64) uint64 {
		if w == 0 {
			return uint64(pulse.Norm)
		}
		return v * uint64(pulse.Norm) / w
	}, sink)
}

// each applies f to every channel and the sink's volume where that channel is.
func each(l pulse.Levels, f func(v, w uint64) uint64, sink pulse.Levels) pulse.Levels {
	out := pulse.Levels{Volumes: make([]uint32, len(l.Volumes)), Positions: l.Positions}
	for i, v := range l.Volumes {
		w := sink.Max()
		if i < len(l.Positions) {
			w = sink.At(l.Positions[i])
		}
		out.Volumes[i] = uint32(min(f(uint64(v), uint64(w)), 1<<31-1))
	}
	return out
}

// by are the levels, each by the factor then/ratio. From silence all channels
// become then.
func by(l pulse.Levels, then, ratio uint32) pulse.Levels {
	if ratio == 0 {
		return l.Scaled(then)
	}
	return l.Scaled(scale(l.Max(), then, ratio))
}

// Same tells whether two levels differ by less than one percent of full scale:
// then nobody has set one of them meanwhile.
func Same(a, b pulse.Levels) bool {
	if len(a.Volumes) != len(b.Volumes) {
		return false
	}
	for i, v := range a.Volumes {
		if w := b.Volumes[i]; max(v, w)-min(v, w) > pulse.Norm/100 {
			return false
		}
	}
	return true
}

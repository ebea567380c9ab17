package level

import (
	"fmt"
	"testing"

	"github.com/patoggle/patoggle/pulse"
)

const full = pulse.Norm

// percent are levels of two channels.
func percent(left, right uint32) pulse.Levels {
	return pulse.Levels{Volumes: []uint32{left * full / 100, right * full / 100}, Positions: []byte{1, 2}}
}

func sink(left, right uint32, flat bool) *pulse.Sink {
	return &pulse.Sink{Levels: percent(left, right), Flat: flat}
}

// in says levels in percent, rounded.
func in(all []pulse.StreamLevels) string {
	out := ""
	for _, s := range all {
		out += fmt.Sprintf("%d:", s.Stream)
		for _, v := range s.Levels.Volumes {
			out += fmt.Sprintf("%d ", (v*100+full/2)/full)
		}
	}
	return out
}

func TestOf(t *testing.T) {
	for _, test := range []struct {
		name          string
		streams       []pulse.Levels
		from, to      *pulse.Sink
		known         *Known
		before, after string
		then          uint32 // percent
	}{
		{"a first visit to a sink as loud", []pulse.Levels{percent(80, 80)}, sink(50, 50, false), sink(50, 50, false), nil, "", "", 80},
		{"to a quieter one", []pulse.Levels{percent(80, 80)}, sink(50, 50, false), sink(20, 20, false), nil, "", "", 80},
		{"to a louder one", []pulse.Levels{percent(100, 100)}, sink(20, 20, false), sink(100, 100, false), nil, "0:20 20 ", "", 20},
		{"the balance of the stream stays", []pulse.Levels{percent(100, 50)}, sink(20, 20, false), sink(100, 100, false), nil, "0:20 10 ", "", 20},
		{"the balance of the sink counts where the stream is loud", []pulse.Levels{percent(20, 100)}, sink(100, 20, false), sink(100, 100, false), nil, "0:4 20 ", "", 20},
		{"two streams stay as they are to each other", []pulse.Levels{percent(100, 100), percent(40, 40)}, sink(50, 50, false), sink(100, 100, false), nil, "0:50 50 1:20 20 ", "", 50},
		{"what was silent stays so", []pulse.Levels{percent(100, 100)}, sink(0, 0, false), sink(100, 100, false), nil, "0:0 0 ", "", 0},
		{"a stream without a sink", []pulse.Levels{percent(100, 100)}, nil, sink(100, 100, false), nil, "", "", 100},
		{"it comes back louder", []pulse.Levels{percent(20, 20)}, sink(100, 100, false), sink(20, 20, false), &Known{full, false}, "", "0:100 100 ", 100},
		{"it comes back quieter", []pulse.Levels{percent(90, 90)}, sink(10, 10, false), sink(20, 20, false), &Known{full * 3 / 10, false}, "0:30 30 ", "", 30},
		{"it comes back as it is", []pulse.Levels{percent(30, 30)}, sink(10, 10, false), sink(20, 20, false), &Known{full * 3 / 10, false}, "", "", 30},
		{"it comes back to silence", []pulse.Levels{percent(30, 30)}, sink(10, 10, false), sink(20, 20, false), &Known{0, false}, "0:0 0 ", "", 0},
		{"it comes back from silence", []pulse.Levels{percent(0, 0)}, sink(10, 10, false), sink(20, 20, false), &Known{full / 2, false}, "", "0:50 50 ", 50},
		{"two come back in proportion", []pulse.Levels{percent(20, 20), percent(10, 10)}, sink(100, 100, false), sink(20, 20, false), &Known{full, false}, "", "0:100 100 1:50 50 ", 100},

		// Flat: the stream's volume has the sink's in it.
		{"flat, to a louder one", []pulse.Levels{percent(20, 20)}, sink(20, 20, true), sink(100, 100, true), nil, "0:4 4 ", "", 20},
		{"flat, to a quieter one", []pulse.Levels{percent(100, 100)}, sink(100, 100, true), sink(30, 30, true), nil, "", "", 30},
		{"flat, a quiet one of a loud sink", []pulse.Levels{percent(50, 50)}, sink(100, 100, true), sink(100, 100, true), nil, "", "", 50},
		{"flat, it comes back louder", []pulse.Levels{percent(20, 20)}, sink(20, 20, true), sink(30, 30, true), &Known{full * 8 / 10, true}, "", "0:80 80 ", 80},
		{"flat, it comes back quieter", []pulse.Levels{percent(100, 100)}, sink(100, 100, true), sink(60, 60, true), &Known{full * 3 / 10, true}, "0:50 50 ", "", 30},
		{"what was known flat says nothing without", []pulse.Levels{percent(20, 20)}, sink(20, 20, false), sink(100, 100, false), &Known{full, true}, "0:4 4 ", "", 4},
		{"from flat to one that is not", []pulse.Levels{percent(20, 20)}, sink(40, 40, true), sink(100, 100, false), nil, "0:8 8 ", "", 20},
		{"to flat from one that is not", []pulse.Levels{percent(50, 50)}, sink(40, 40, false), sink(100, 100, true), nil, "0:20 20 ", "", 20},
	} {
		t.Run(test.name, func(t *testing.T) {
			var streams []*pulse.Stream
			for i, l := range test.streams {
				streams = append(streams, &pulse.Stream{Index: pulse.StreamIndex(i), Levels: l})
			}
			p := Of(streams, test.from, test.to, test.known)
			if got := in(p.Before); got != test.before {
				t.Errorf("before %q, want %q", got, test.before)
			}
			if got := in(p.After); got != test.after {
				t.Errorf("after %q, want %q", got, test.after)
			}
			if got := (p.Then.Volume*100 + full/2) / full; got != test.then || p.Then.Flat != test.to.Flat {
				t.Errorf("then %d, %v, want %d", got, p.Then.Flat, test.then)
			}
			if p.Changes() != (test.before+test.after != "") {
				t.Error("Changes says otherwise")
			}
		})
	}
}

// PipeWire says silence of a stream that has played nowhere yet.
func TestWhatHasPlayedNowhereYetIsSetOnceItPlays(t *testing.T) {
	streams := []*pulse.Stream{{Index: 7, Levels: percent(0, 0)}}
	p := Of(streams, nil, sink(50, 50, false), &Known{full * 3 / 10, false})
	if got := in(p.First) + in(p.Before) + in(p.After); got != "7:30 30 " || !p.Changes() || p.Then.Volume != full*3/10 {
		t.Errorf("%q, %+v", got, p)
	}
	if p = Of(streams, nil, sink(50, 50, false), nil); p.Changes() {
		t.Errorf("where nothing is known it is set: %+v", p)
	}
}

// plays is how loud a stream with that ratio is, relative to full scale.
func plays(ratio pulse.Levels, on *pulse.Sink) uint32 { return loudest(ratio, on.Levels) }

// FuzzNoBlast holds that a first visit is at no moment louder than it was, and
// a return at no moment louder than the larger of what it is to be on the other
// sink and what it was before.
func FuzzNoBlast(f *testing.F) {
	f.Add(uint32(full), uint32(full/2), uint32(full/5), uint32(full/5), uint32(full), uint32(full), uint32(full), false, false, false)
	f.Add(uint32(full), uint32(1), uint32(full/5), uint32(0), uint32(full), uint32(3), uint32(full/3), true, true, true)
	f.Fuzz(func(t *testing.T, a, b, fromLeft, fromRight, toLeft, toRight, known uint32, fromFlat, toFlat, back bool) {
		const most = 4 * full
		levels := func(l, r uint32) pulse.Levels {
			return pulse.Levels{Volumes: []uint32{l % most, r % most}, Positions: []byte{1, 2}}
		}
		from, to := &pulse.Sink{Levels: levels(fromLeft, fromRight), Flat: fromFlat}, &pulse.Sink{Levels: levels(toLeft, toRight), Flat: toFlat}
		s := &pulse.Stream{Levels: levels(a, b)}
		var k *Known
		if back {
			k = &Known{known % most, toFlat}
		}
		p := Of([]*pulse.Stream{s}, from, to, k)
		ratio := s.Levels
		if fromFlat {
			ratio = over(s.Levels, from.Levels)
		}
		was := plays(ratio, from)
		if len(p.Before) > 0 {
			set := p.Before[0].Levels
			if set.Max() > s.Levels.Max() {
				t.Fatalf("before the move it gets louder: %d, was %d", set.Max(), s.Levels.Max())
			}
			if ratio = set; fromFlat {
				ratio = over(set, from.Levels)
			}
		}
		arrives := plays(ratio, to)
		// Integers are rounded down twice, which a small volume of a flat sink
		// makes larger again.
		slack := uint32(3)
		if fromFlat {
			for _, v := range from.Levels.Volumes {
				if v < full {
					slack = max(slack, 3+2*to.Levels.Max()/max(v, 1))
				}
			}
		}
		if k == nil {
			if arrives > was+slack {
				t.Errorf("a first visit arrives at %d, was %d (slack %d)", arrives, was, slack)
			}
			if len(p.After) > 0 {
				t.Error("a first visit is raised")
			}
			return
		}
		want := k.Volume
		if !toFlat {
			want = 0 // by its own volume, not by full scale
			if arrives := ratio.Max(); arrives > k.Volume+slack+slight && len(p.After) == 0 {
				t.Errorf("it is at %d on the sink, was at %d there", arrives, k.Volume)
			}
		} else if arrives > want+slack+slight && len(p.Before) > 0 {
			t.Errorf("it arrives at %d, was at %d there", arrives, want)
		}
		if len(p.Before) > 0 && len(p.After) > 0 {
			t.Error("set twice")
		}
	})
}

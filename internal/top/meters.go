package top

import (
	"context"
	"time"

	"github.com/patoggle/patoggle/pulse"
)

const (
	// maxStreamMeters bounds how many streams are measured at once. Each is a
	// recording, which costs the server a little.
	maxStreamMeters = 24
	// meterTime bounds the opening of one meter.
	meterTime = 2 * time.Second
	// decay is what is left of a level after a frame without sound.
	decay = 0.8
)

// place is what a meter listens to: a sink, or a stream on it. A stream that
// has moved is another place, as its meter ends with the move.
type place struct {
	sink   string
	stream pulse.StreamIndex // NoStream: all of the sink
}

// recorder opens meters; *pulse.Conn is one.
type recorder interface {
	MeterSink(ctx context.Context, sink string) (*pulse.Meter, error)
	MeterStream(ctx context.Context, sink string, s pulse.StreamIndex) (*pulse.Meter, error)
}

// wanted lists what to measure: the sinks on which something plays, and the
// streams in sight that do. A silent sink gets no meter, so that it falls asleep
// when nobody plays.
func wanted(s scene, seen []pulse.StreamIndex) map[place]bool {
	inSight := map[pulse.StreamIndex]bool{}
	for _, i := range seen {
		inSight[i] = true
	}
	want := map[place]bool{}
	streams := 0
	for _, k := range s.sinks {
		if k.name == "" {
			continue
		}
		for _, r := range k.streams {
			if r.paused {
				continue
			}
			want[place{k.name, pulse.NoStream}] = true
			if inSight[r.index] && streams < maxStreamMeters {
				want[place{k.name, r.index}] = true
				streams++
			}
		}
	}
	return want
}

// meters are the open meters. One goroutine uses them at a time.
type meters struct {
	rec  recorder
	open map[place]*pulse.Meter // nil: it could not be opened
}

func newMeters(rec recorder) *meters { return &meters{rec: rec, open: map[place]*pulse.Meter{}} }

// set opens and closes meters until those are open that are wanted. What cannot
// be opened (a stream that has just gone) is not tried again while it is wanted.
func (m *meters) set(ctx context.Context, want map[place]bool) {
	for p, meter := range m.open {
		if want[p] {
			continue
		}
		delete(m.open, p)
		if meter != nil {
			_ = meter.Close(ctx) // it ends with the connection at the latest
		}
	}
	for p := range want {
		if _, ok := m.open[p]; ok {
			continue
		}
		one, cancel := context.WithTimeout(ctx, meterTime)
		var meter *pulse.Meter
		var err error
		if p.stream == pulse.NoStream {
			meter, err = m.rec.MeterSink(one, p.sink)
		} else {
			meter, err = m.rec.MeterStream(one, p.sink, p.stream)
		}
		cancel()
		if err != nil {
			meter = nil
		}
		m.open[p] = meter
	}
}

// read turns what the meters have heard since the last time into levels; those
// of the last time fall.
func (m *meters) read(sinks map[string]float64, streams map[pulse.StreamIndex]float64) {
	heardSinks, heardStreams := map[string]bool{}, map[pulse.StreamIndex]bool{}
	for p, meter := range m.open {
		if meter == nil {
			continue
		}
		l := level(meter.Peak())
		if p.stream == pulse.NoStream {
			sinks[p.sink] = fall(sinks[p.sink], l)
			heardSinks[p.sink] = true
		} else {
			streams[p.stream] = fall(streams[p.stream], l)
			heardStreams[p.stream] = true
		}
	}
	for k := range sinks {
		if !heardSinks[k] {
			delete(sinks, k)
		}
	}
	for k := range streams {
		if !heardStreams[k] {
			delete(streams, k)
		}
	}
}

func fall(old, now float64) float64 {
	if old *= decay; old < 0.01 {
		old = 0
	}
	return max(old, now)
}

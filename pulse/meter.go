package pulse

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync/atomic"

	"github.com/jfreymuth/pulse/proto"
)

const (
	// meterRate is how many peaks a second the server sends for a meter: one
	// sample each, the loudest of its time (PA_STREAM_PEAK_DETECT).
	meterRate = 10
	// meterFragment is one sample of 32-bit floating point, in bytes.
	meterFragment = 4
	// maxData is the largest frame of sound that is looked at; the rest of a
	// longer one is skipped.
	maxData = 64 << 10
	// monitorSuffix makes a sink's name that of its monitor, on PulseAudio
	// (pulsecore/sink.c, pa_sink_new) and on pipewire-pulse.
	monitorSuffix = ".monitor"
	// meterID is the application.id that mixers know meters by, whosever they
	// are: pavucontrol, GNOME's and KDE's leave such recordings out of their
	// lists (pavucontrol, MainWindow::updateSourceOutput).
	meterID = "org.PulseAudio.pavucontrol"
)

// Meter hears how loud a sink or one stream plays. It is a recording of the
// sink's monitor that keeps no sink awake, cannot be moved, and of which only
// peaks are sent, 10 a second.
type Meter struct {
	link    *link
	channel uint32
	peak    atomic.Uint32 // the bits of a float32 that is not negative
}

// Peak returns the loudest sample since the last call, 1 is full scale; 0 when
// there was none. It may be over 1.
func (m *Meter) Peak() float64 { return float64(math.Float32frombits(m.peak.Swap(0))) }

// hear takes a piece of sound: samples in 32-bit floating point, little-endian.
func (m *Meter) hear(data []byte) {
	loudest := float32(0)
	for ; len(data) >= meterFragment; data = data[meterFragment:] {
		v := math.Float32frombits(binary.LittleEndian.Uint32(data))
		if v < 0 {
			v = -v
		}
		// Comparisons with NaN are false.
		if v > loudest && v <= math.MaxFloat32 {
			loudest = v
		}
	}
	// Positive floating point numbers are in the order of their bits.
	for bits := math.Float32bits(loudest); ; {
		old := m.peak.Load()
		if bits <= old || m.peak.CompareAndSwap(old, bits) {
			return
		}
	}
}

// Close ends the recording. That the server has ended it before, with the sink
// or the stream, is no error.
func (m *Meter) Close(ctx context.Context) error {
	m.link.guard.deaf(m.channel)
	ctx, cancel := bounded(ctx)
	defer cancel()
	err := m.link.all(ctx, call{request: &proto.DeleteRecordStream{StreamIndex: m.channel}})
	if errors.Is(err, ErrGone) {
		return nil
	}
	return err
}

// MeterSink opens a meter of all that plays on the sink of this name. Whoever
// wants a sink to fall asleep opens none on a suspended one: a recording that
// begins there wakes it for a moment.
func (c *Conn) MeterSink(ctx context.Context, sink string) (*Meter, error) {
	return c.meter(ctx, sink, NoStream)
}

// MeterStream opens a meter of one stream, which plays on the sink of this
// name. It ends when the stream moves.
func (c *Conn) MeterStream(ctx context.Context, sink string, s StreamIndex) (*Meter, error) {
	return c.meter(ctx, sink, s)
}

func (c *Conn) meter(ctx context.Context, sink string, s StreamIndex) (*Meter, error) {
	if len(sink) > maxName {
		return nil, fmt.Errorf("a sink name is at most %d bytes", maxName)
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	var reply proto.CreateRecordStreamReply
	request := &proto.CreateRecordStream{
		SampleSpec:             proto.SampleSpec{Format: proto.FormatFloat32LE, Channels: 1, Rate: meterRate},
		ChannelMap:             proto.ChannelMap{proto.ChannelMono},
		SourceIndex:            proto.Undefined,
		SourceName:             sink + monitorSuffix,
		BufferMaxLength:        proto.Undefined,
		BufferFragSize:         meterFragment,
		NoMove:                 true,
		PeakDetect:             true,
		AdjustLatency:          true,
		DirectOnInputIndex:     uint32(s),
		ChannelVolumes:         proto.ChannelVolumes{uint32(proto.VolumeNorm)},
		DontInhibitAutoSuspend: true,
		Properties: proto.PropList{
			"media.name":     proto.PropListString("peak"),
			"application.id": proto.PropListString(meterID),
		},
	}
	m := &Meter{link: c.main}
	// The library hands the answer over from the goroutine that reads, and
	// sound that comes before the channel is known is nobody's.
	err := c.main.all(ctx, call{request: request, reply: &reply})
	if err != nil {
		return nil, err
	}
	m.channel = reply.StreamIndex
	c.main.guard.listen(m.channel, m.hear)
	return m, nil
}

package pulse

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jfreymuth/pulse/proto"
)

// Norm is the normal volume, 100 % (PA_VOLUME_NORM). Volumes multiply: a stream
// at v on a sink at w plays at v*w/Norm relative to full scale, since both are
// the same power of an amplitude (pa_sw_volume_multiply).
const Norm = uint32(proto.VolumeNorm)

// maxVolume is the largest volume there is (PA_VOLUME_MAX).
const maxVolume = 0x7FFFFFFF

// flatVolume is the flag of a sink with flat volumes (PA_SINK_FLAT_VOLUME).
const flatVolume = 0x0040

// Levels are the volumes of a sink's or a stream's channels.
type Levels struct {
	Volumes []uint32
	// Positions are where the channels are (pa_channel_position_t), one for each
	// volume.
	Positions []byte
}

// Max is the loudest channel; 0 without channels.
func (l Levels) Max() uint32 {
	if len(l.Volumes) == 0 {
		return 0
	}
	return slices.Max(l.Volumes)
}

// At is the volume that a channel of that position meets: that of the channel
// at the same position, else the loudest one.
func (l Levels) At(position byte) uint32 {
	for i, p := range l.Positions {
		if p == position && i < len(l.Volumes) {
			return l.Volumes[i]
		}
	}
	return l.Max()
}

// Scaled are the levels so much louder that Max is to; the balance stays, where
// there is one.
func (l Levels) Scaled(to uint32) Levels {
	of := uint64(l.Max())
	to = min(to, maxVolume)
	out := Levels{Volumes: make([]uint32, len(l.Volumes)), Positions: l.Positions}
	for i, v := range l.Volumes {
		out.Volumes[i] = to
		if of > 0 {
			out.Volumes[i] = uint32(uint64(v) * uint64(to) / of)
		}
	}
	return out
}

// near is how far apart volumes of a server may be that mean the same: PipeWire
// keeps them as floating-point amplitudes.
const near = Norm / 1000

// Near tells whether two levels are the same to the ear.
func (l Levels) Near(other Levels) bool {
	if len(l.Volumes) != len(other.Volumes) {
		return false
	}
	for i, v := range l.Volumes {
		if w := other.Volumes[i]; max(v, w)-min(v, w) > near {
			return false
		}
	}
	return true
}

// StreamLevels is a stream with the volumes it is to have.
type StreamLevels struct {
	Stream StreamIndex
	Levels Levels
}

// SetLevels sets the volumes of streams. The result has one error for each, nil
// when the stream plays at them; on PipeWire, where the server answers before,
// that is when another connection sees it.
//
// It works as well where an earlier request has ended the connection: it may be
// what puts something right.
func (c *Conn) SetLevels(ctx context.Context, all ...StreamLevels) []error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	errs := make([]error, len(all))
	if len(all) == 0 {
		return errs
	}
	fail := func(err error) []error {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	if c.main.err() != nil {
		if err := c.withSecond(ctx, func(ctx context.Context, l *link) error { return setLevels(ctx, l, all, errs) }); err != nil {
			return fail(err)
		}
		return errs
	}
	is, err := c.isPipeWire(ctx)
	if err == nil {
		err = setLevels(ctx, c.main, all, errs)
	}
	if err != nil {
		return fail(err)
	}
	if !is {
		return errs
	}
	err = c.withSecond(ctx, func(ctx context.Context, l *link) error { return c.seeLevels(ctx, l, all, errs) })
	if err != nil {
		for i := range errs {
			if errs[i] == nil {
				errs[i] = unconfirmed(err)
			}
		}
	}
	return errs
}

// setLevels sends the requests; errs has what the server answers to each.
func setLevels(ctx context.Context, l *link, all []StreamLevels, errs []error) error {
	calls := make([]call, len(all))
	for i, s := range all {
		calls[i].request = &proto.SetSinkInputVolume{SinkInputIndex: uint32(s.Stream), ChannelVolumes: s.Levels.Volumes}
	}
	if err := l.do(ctx, calls...); err != nil {
		return err
	}
	for i := range calls {
		errs[i] = calls[i].err
	}
	return nil
}

// seeLevels waits until the link sees the levels of each stream that has no
// error yet.
func (c *Conn) seeLevels(ctx context.Context, l *link, all []StreamLevels, errs []error) error {
	for pause := firstPause; ; pause = min(pause*3/2, lastPause) {
		waiting := false
		for i, s := range all {
			if errs[i] != nil {
				continue
			}
			var seen proto.GetSinkInputInfoReply
			calls := []call{{request: &proto.GetSinkInputInfo{SinkInputIndex: uint32(s.Stream)}, reply: &seen}}
			if err := l.do(ctx, calls...); err != nil {
				return err
			}
			switch err := calls[0].err; {
			case errors.Is(err, ErrGone): // or not yet there for this connection
				if there, err := look(ctx, c.main, s.Stream); err != nil {
					return err
				} else if _, ok := there[s.Stream]; !ok {
					errs[i] = ErrGone
					continue
				}
			case err != nil:
				return err
			case (Levels{Volumes: seen.ChannelVolumes}).Near(s.Levels):
				continue
			}
			waiting = true
		}
		if !waiting {
			return nil
		}
		select {
		case <-time.After(pause):
		case <-l.done:
			return l.err()
		case <-ctx.Done():
			return ctxError(ctx)
		}
	}
}

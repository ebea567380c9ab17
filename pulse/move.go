package pulse

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jfreymuth/pulse/proto"
)

// The waits between two looks at a move that is not seen yet: the first, and
// the longest it grows to. Measured from the request to the sight of it on
// pipewire-pulse 0.3.65: a median of 3 ms, looking without pause, every
// millisecond and on change events alike; so no events are asked for.
const (
	firstPause = 500 * time.Microsecond
	lastPause  = 10 * time.Millisecond
)

// withSecond calls f with the second connection, opened when it is not there.
// Nobody else uses it meanwhile.
func (c *Conn) withSecond(ctx context.Context, f func(context.Context, *link) error) error {
	select {
	case c.secondLock <- struct{}{}:
		defer func() { <-c.secondLock }()
	case <-ctx.Done():
		return ctxError(ctx)
	}
	if err := c.closing.Err(); err != nil {
		return ErrClosed
	}
	if c.second != nil && c.second.err() != nil {
		c.second.close()
		c.second = nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(c.closing, func() { cancel(ErrClosed) })
	defer stop()
	if c.second == nil {
		l, err := openLink(ctx, c.peer)
		if err != nil {
			return err
		}
		c.second = l
	}
	return f(ctx, c.second)
}

// Warm opens ahead of time what Move needs on PipeWire: a second connection.
// It may run while Snapshot does. On PulseAudio it does nothing. Errors are
// left to Move.
func (c *Conn) Warm(ctx context.Context) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if is, err := c.isPipeWire(ctx); err != nil || !is {
		return
	}
	_ = c.withSecond(ctx, func(context.Context, *link) error { return nil })
}

// Move moves the streams to a sink. The result has one error for each of
// them, nil when the stream is there.
//
// PulseAudio answers when it has moved. pipewire-pulse answers before, and
// forgets the move when the connection that asked closes too early; there,
// nil means that a second connection saw the stream on its sink, and then
// closing is safe. A stream that was acknowledged but not seen there before
// the deadline has ErrUnconfirmed.
func (c *Conn) Move(ctx context.Context, to SinkIndex, streams ...StreamIndex) []error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	errs := make([]error, len(streams))
	all := func(err error) []error {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	if len(streams) == 0 {
		return errs
	}
	if to == NoSink {
		return all(ErrSinkGone)
	}
	is, err := c.isPipeWire(ctx)
	if err != nil {
		return all(err)
	}
	calls := make([]call, len(streams))
	for i, s := range streams {
		calls[i].request = &proto.MoveSinkInput{SinkInputIndex: uint32(s), DeviceIndex: uint32(to)}
	}
	if err := c.main.do(ctx, calls...); err != nil {
		return all(err)
	}
	waiting := make(map[StreamIndex][]int)
	for i, s := range streams {
		switch errs[i] = calls[i].err; {
		case errs[i] == nil:
			waiting[s] = append(waiting[s], i)
		case errors.Is(errs[i], ErrGone):
			errs[i] = c.whatIsGone(ctx, s)
		}
	}
	if !is || len(waiting) == 0 {
		return errs
	}
	err = c.withSecond(ctx, func(ctx context.Context, l *link) error {
		return confirm(ctx, l, to, waiting, errs)
	})
	for _, places := range waiting {
		for _, i := range places {
			errs[i] = unconfirmed(err)
		}
	}
	return errs
}

func unconfirmed(err error) error {
	if err == nil || errors.Is(err, ErrTimeout) {
		return ErrUnconfirmed
	}
	return fmt.Errorf("%w: %w", ErrUnconfirmed, err)
}

// whatIsGone tells, after "no such entity", whether stream or sink is meant.
func (c *Conn) whatIsGone(ctx context.Context, s StreamIndex) error {
	seen, err := look(ctx, c.main, s)
	if err != nil {
		return err
	}
	if _, ok := seen[s]; ok {
		return ErrSinkGone
	}
	return ErrGone
}

// confirm waits until l sees each of the streams in waiting on the sink or
// gone, and takes those out. The values of waiting are places in errs.
func confirm(ctx context.Context, l *link, to SinkIndex, waiting map[StreamIndex][]int, errs []error) error {
	for pause := firstPause; ; pause = min(pause*3/2, lastPause) {
		streams := slices.Collect(maps.Keys(waiting))
		seen, err := look(ctx, l, streams...)
		if err != nil {
			return err
		}
		for _, s := range streams {
			sink, ok := seen[s]
			if ok && sink != to {
				continue
			}
			if !ok {
				for _, i := range waiting[s] {
					errs[i] = ErrGone
				}
			}
			delete(waiting, s)
		}
		if len(waiting) == 0 {
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

// Look returns on which sinks the streams are, without those that are gone,
// as a connection sees it that never moved anything. On PipeWire that is the
// second one: to the one that moved, pipewire-pulse pretends for a second that
// the move happened.
func (c *Conn) Look(ctx context.Context, streams ...StreamIndex) (map[StreamIndex]SinkIndex, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	is, err := c.isPipeWire(ctx)
	if err != nil {
		return nil, err
	}
	if !is {
		return look(ctx, c.main, streams...)
	}
	var seen map[StreamIndex]SinkIndex
	err = c.withSecond(ctx, func(ctx context.Context, l *link) error {
		var err error
		seen, err = look(ctx, l, streams...)
		return err
	})
	return seen, err
}

// maxSingle is up to how many streams are asked for one by one; for more the
// whole list is asked for.
const maxSingle = 8

func look(ctx context.Context, l *link, streams ...StreamIndex) (map[StreamIndex]SinkIndex, error) {
	seen := make(map[StreamIndex]SinkIndex, len(streams))
	if len(streams) == 0 {
		return seen, nil
	}
	if len(streams) > maxSingle {
		var list proto.GetSinkInputInfoListReply
		err := l.all(ctx, call{request: &proto.GetSinkInputInfoList{}, reply: &list})
		if err != nil {
			return nil, err
		}
		for _, s := range streams {
			for _, r := range list {
				if r.SinkInputIndex == uint32(s) {
					seen[s] = SinkIndex(r.SinkIndex)
				}
			}
		}
		return seen, nil
	}
	replies := make([]proto.GetSinkInputInfoReply, len(streams))
	calls := make([]call, len(streams))
	for i, s := range streams {
		calls[i] = call{request: &proto.GetSinkInputInfo{SinkInputIndex: uint32(s)}, reply: &replies[i]}
	}
	if err := l.do(ctx, calls...); err != nil {
		return nil, err
	}
	for i, s := range streams {
		switch err := calls[i].err; {
		case err == nil:
			seen[s] = SinkIndex(replies[i].SinkIndex)
		case !errors.Is(err, ErrGone):
			return nil, err
		}
	}
	return seen, nil
}

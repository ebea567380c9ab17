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

// A move that is not seen after repeatAfter is asked for again, repeatMost
// times, each after twice the wait. PipeWire 0.3.65 acknowledges one move of a
// new stream in three to forty and never makes it, where it comes while the
// session manager still links the stream; asked again it does.
const (
	repeatAfter = 60 * time.Millisecond
	repeatMost  = 4
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
	request := func(s StreamIndex) proto.RequestArgs {
		return &proto.MoveSinkInput{SinkInputIndex: uint32(s), DeviceIndex: uint32(to)}
	}
	return c.move(ctx, is, to, request, look, errs, streams)
}

// move sends the request for each of the streams and waits until it is true,
// which on PipeWire is when another connection sees them, with look, on the
// sink to. errs is as long as streams and is what it returns.
func (c *Conn) move(ctx context.Context, pipewire bool, to SinkIndex, request func(StreamIndex) proto.RequestArgs, look looker, errs []error, streams []StreamIndex) []error {
	calls := make([]call, len(streams))
	for i, s := range streams {
		calls[i].request = request(s)
	}
	if err := c.main.do(ctx, calls...); err != nil {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	again := func(waiting []StreamIndex) {
		calls := make([]call, len(waiting))
		for i, s := range waiting {
			calls[i].request = request(s)
		}
		_ = c.main.do(ctx, calls...) // what comes of it is seen or is not
	}
	waiting := make(map[StreamIndex][]int)
	for i, s := range streams {
		switch errs[i] = calls[i].err; {
		case errs[i] == nil:
			waiting[s] = append(waiting[s], i)
		case errors.Is(errs[i], ErrGone):
			errs[i] = c.whatIsGone(ctx, look, s)
		}
	}
	if !pipewire || len(waiting) == 0 {
		return errs
	}
	err := c.withSecond(ctx, func(ctx context.Context, l *link) error {
		w := &wait{mover: c.main, looker: l, look: look, to: to, again: again}
		return w.confirm(ctx, waiting, errs)
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
func (c *Conn) whatIsGone(ctx context.Context, look looker, s StreamIndex) error {
	seen, err := look(ctx, c.main, s)
	if err != nil {
		return err
	}
	if _, ok := seen[s]; ok {
		return ErrSinkGone
	}
	return ErrGone
}

// wait is a move that is waited for.
type wait struct {
	mover, looker *link
	look          looker
	to            SinkIndex
	again         func([]StreamIndex) // asks once more
}

// confirm waits until the looker sees each of the streams in waiting on the
// sink or gone, and takes those out. The values of waiting are places in errs.
func (w *wait) confirm(ctx context.Context, waiting map[StreamIndex][]int, errs []error) error {
	repeats, repeatIn := 0, repeatAfter
	due := time.Now().Add(repeatIn)
	for pause := firstPause; ; pause = min(pause*3/2, lastPause) {
		streams := slices.Collect(maps.Keys(waiting))
		seen, err := w.look(ctx, w.looker, streams...)
		if err != nil {
			return err
		}
		var missing []StreamIndex
		for _, s := range streams {
			switch sink, ok := seen[s]; {
			case !ok:
				missing = append(missing, s)
			case sink == w.to:
				delete(waiting, s)
			}
		}
		gone, err := w.gone(ctx, missing)
		if err != nil {
			return err
		}
		for _, s := range gone {
			for _, i := range waiting[s] {
				errs[i] = ErrGone
			}
			delete(waiting, s)
		}
		if len(waiting) == 0 {
			return nil
		}
		if repeats < repeatMost && time.Now().After(due) {
			w.again(slices.Collect(maps.Keys(waiting)))
			repeats, repeatIn = repeats+1, 2*repeatIn
			due = time.Now().Add(repeatIn)
		}
		select {
		case <-time.After(pause):
		case <-w.looker.done:
			return w.looker.err()
		case <-ctx.Done():
			return ctxError(ctx)
		}
	}
}

// gone returns those of the streams that have ended. That the looker does not
// see one is not enough: for some milliseconds after a stream has begun
// PipeWire 1.6.9 answers "no such entity" to connections other than those that
// were told of it.
func (w *wait) gone(ctx context.Context, missing []StreamIndex) ([]StreamIndex, error) {
	if len(missing) == 0 {
		return nil, nil
	}
	seen, err := w.look(ctx, w.mover, missing...)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(missing, func(s StreamIndex) bool { _, there := seen[s]; return there }), nil
}

// Look returns on which sinks the streams are, without those that are gone,
// as a connection sees it that never moved anything. On PipeWire that is the
// second one: to the one that moved, pipewire-pulse pretends for a second that
// the move happened.
func (c *Conn) Look(ctx context.Context, streams ...StreamIndex) (map[StreamIndex]SinkIndex, error) {
	return c.lookApart(ctx, look, streams)
}

// lookApart is Look with the looker.
func (c *Conn) lookApart(ctx context.Context, look looker, streams []StreamIndex) (map[StreamIndex]SinkIndex, error) {
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

// looker finds out on which sinks the streams are, without those that are gone.
type looker func(context.Context, *link, ...StreamIndex) (map[StreamIndex]SinkIndex, error)

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

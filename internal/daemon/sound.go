package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/internal/toggle"
	"github.com/patoggle/patoggle/pulse"
)

// The pauses between two attempts to reach a sound server that is away.
const (
	firstBackoff = 100 * time.Millisecond
	lastBackoff  = 5 * time.Second
)

// steady is how long a connection has to last to count as one.
const steady = time.Second

// dialTime bounds one attempt to reach the sound server.
const dialTime = 2 * time.Second

// sound is what is needed of a connection; a connected has it.
type sound interface {
	toggle.Sound
	// Record is the side that records.
	Record() toggle.Sound
	Done() <-chan struct{}
	Err() error
	Close() error
}

// connected is a connection as a sound.
type connected struct{ *pulse.Conn }

// Record is sound's.
func (c connected) Record() toggle.Sound { return c.Inputs() }

// link keeps one connection to the sound server: it is there before a press
// needs it, and comes back after the server restarts.
type link struct {
	dial func(context.Context) (sound, error)
	// changed is told each change between there (nil) and away (why), and at
	// first. It is called with the lock held.
	changed func(why error)

	lock  chan struct{} // held while conn is looked at or dialled
	conn  sound         // nil when away
	known bool          // changed was told something
	away  bool          // what it was told
	again chan struct{} // a press has dialled: the keeper need not wait
}

func newLink(dial func(context.Context) (sound, error), changed func(error)) *link {
	return &link{dial: dial, changed: changed, lock: make(chan struct{}, 1), again: make(chan struct{}, 1)}
}

// get hands out the living connection, or dials at once: a press does not wait
// for the keeper's next attempt.
func (l *link) get(ctx context.Context) (sound, error) {
	select {
	case l.lock <- struct{}{}:
		defer func() { <-l.lock }()
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", errNotYet, ctx.Err())
	}
	if l.conn != nil {
		select {
		case <-l.conn.Done():
			l.tell(l.conn.Err())
			l.drop()
		default:
			return l.conn, nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	c, err := l.dial(ctx)
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			l.tell(err)
		}
		return nil, err
	}
	l.conn = c
	l.tell(nil)
	select {
	case l.again <- struct{}{}:
	default:
	}
	return c, nil
}

// tell says a change of state, once.
func (l *link) tell(why error) {
	if away := why != nil; !l.known || away != l.away {
		l.known, l.away = true, away
		l.changed(why)
	}
}

// drop closes what is left of the connection. The lock is held.
func (l *link) drop() {
	if l.conn != nil {
		l.conn.Close()
		l.conn = nil
	}
}

// ended says that a connection has ended, and closes what is left of it.
func (l *link) ended(c sound) {
	l.lock <- struct{}{}
	defer func() { <-l.lock }()
	if l.conn == c {
		l.tell(c.Err())
		l.drop()
	}
}

// keep keeps the connection until the context ends, and closes it then.
func (l *link) keep(ctx context.Context) {
	defer func() {
		l.lock <- struct{}{}
		l.drop()
		<-l.lock
	}()
	pause := firstBackoff
	for ctx.Err() == nil {
		c, err := l.get(ctx)
		if err == nil {
			select {
			case <-l.again: // it is about this connection
			default:
			}
			began := time.Now()
			// What a move on PipeWire needs, opened before the first press.
			warm, cancel := context.WithTimeout(ctx, dialTime)
			c.Warm(warm)
			cancel()
			select {
			case <-c.Done():
			case <-ctx.Done():
				return
			}
			l.ended(c)
			// A server that hangs up on everybody is not asked all the time.
			if time.Since(began) > steady {
				pause = firstBackoff
				continue
			}
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-l.again:
		case <-ctx.Done():
		}
		timer.Stop()
		pause = min(2*pause, lastBackoff)
	}
}

// errNotYet is for a press whose time was over while the keeper was still
// dialling.
var errNotYet = errors.New("the sound server has not answered yet")

// soundAway is an error of the sound server for a press: that it is away was
// said at length when it went.
func soundAway(err error) error {
	var unreachable *pulse.UnreachableError
	if errors.As(err, &unreachable) {
		return &toggle.Problem{
			Kind:    toggle.Failed,
			Message: "the sound server is away",
			Hint:    term.Escape(unreachable.Hint()),
			Err:     err,
		}
	}
	if errors.Is(err, errNotYet) {
		return &toggle.Problem{Kind: toggle.Failed, Message: "the sound server is away", Err: err}
	}
	return err
}

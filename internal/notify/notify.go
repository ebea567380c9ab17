// Package notify shows desktop notifications: it speaks to whatever owns
// org.freedesktop.Notifications on the session bus (Desktop Notifications
// Specification 1.2). Nothing is opened before the first one, nothing waits
// longer than its context says, and nothing is executed; the bus may start
// the notification daemon, as it does for every program.
package notify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/patoggle/patoggle/internal/bus"
)

// Errors that Send wraps.
var (
	// ErrNoBus: no session bus can be reached.
	ErrNoBus = bus.ErrNoBus
	// ErrNoServer: nobody shows notifications, and the bus cannot start
	// anybody who does.
	ErrNoServer = errors.New("no notification daemon runs")
	// ErrTimeout: no answer within the deadline. The note may still appear.
	ErrTimeout = errors.New("no answer from the notification daemon")
	// ErrRefused: the daemon answered with an error.
	ErrRefused = errors.New("the notification daemon refused")
	// ErrClosed: Close was called.
	ErrClosed = errors.New("notifications are closed")
)

// Limit is the deadline of a Send whose context has none.
const Limit = 2 * time.Second

// maxTags is how many tags are remembered.
const maxTags = 64

// Notifier sends notifications. It may be used by several goroutines; notes
// go out one after the other. It connects when the first note is sent and
// again whenever the bus has gone.
type Notifier struct {
	getenv func(string) string
	life   context.Context // ends with Close
	end    context.CancelFunc
	turn   chan struct{} // has one entry while a Send or Close is at work

	// The rest belongs to who has the turn.
	closed bool
	bus    *bus.Conn
	server server
}

// server is what is known of one notification daemon.
type server struct {
	owner        string // its unique name on the bus, "" for none
	capabilities []string
	ids          map[string]uint32 // of the last note, by tag
}

// New returns a Notifier that looks up the session bus with getenv, nil for
// os.Getenv. It opens nothing.
func New(getenv func(string) string) *Notifier {
	if getenv == nil {
		getenv = os.Getenv
	}
	life, end := context.WithCancel(context.Background())
	return &Notifier{getenv: getenv, life: life, end: end, turn: make(chan struct{}, 1)}
}

// Close ends the connection and a Send in progress, and returns when both have
// ended. It may be called again.
func (n *Notifier) Close() error {
	n.end()
	n.turn <- struct{}{} // a Send in progress ends at once
	defer func() { <-n.turn }()
	n.closed = true
	n.drop()
	return nil
}

// Send shows a note and returns when the daemon has it, or cannot have it.
// A note with a tag takes the place of the last one with that tag, also when
// another process sent it, as far as the daemon can do that.
func (n *Notifier) Send(ctx context.Context, note Note) error {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(Limit)
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	defer context.AfterFunc(n.life, cancel)()
	select {
	case n.turn <- struct{}{}:
	case <-ctx.Done():
		return n.cause(ctx, ctx.Err())
	}
	defer func() { <-n.turn }()
	if n.closed {
		return ErrClosed
	}
	err := n.send(ctx, note)
	if (errors.Is(err, bus.ErrLost) || errors.Is(err, bus.ErrAbsent)) && ctx.Err() == nil {
		// The bus or the daemon went away, which shows only when it is used:
		// both may be back already.
		err = n.send(ctx, note)
	}
	if err != nil {
		return n.cause(ctx, err)
	}
	return nil
}

// cause turns the end of the context into the reason it ended for.
func (n *Notifier) cause(ctx context.Context, err error) error {
	switch {
	case n.life.Err() != nil:
		return ErrClosed
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return ErrTimeout
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, ErrNoBus):
		return err
	case errors.Is(err, bus.ErrAbsent):
		return ErrNoServer
	case errors.Is(err, bus.ErrLost):
		return fmt.Errorf("%w: %w", ErrNoBus, err)
	case errors.Is(err, bus.ErrShape):
		return fmt.Errorf("%w to speak as the specification says: %w", ErrRefused, err)
	}
	var answer *bus.Error
	if errors.As(err, &answer) {
		return fmt.Errorf("%w: %w", ErrRefused, answer)
	}
	return err
}

// drop closes the connection. What is known of the daemon goes with it: on
// a new bus the same unique name may be another program.
func (n *Notifier) drop() {
	if n.bus != nil {
		n.bus.Close()
	}
	n.bus = nil
	n.server = server{}
}

func (n *Notifier) send(ctx context.Context, note Note) error {
	if n.bus == nil {
		c, err := bus.Open(ctx, n.getenv)
		if err != nil {
			return err
		}
		n.bus = c
	}
	err := n.deliver(ctx, note)
	if errors.Is(err, bus.ErrLost) {
		n.drop()
	}
	return err
}

// deliver finds the daemon and hands the note over.
func (n *Notifier) deliver(ctx context.Context, note Note) error {
	owner, err := n.owner(ctx)
	if err != nil {
		return err
	}
	if owner != n.server.owner {
		// Another daemon: ids of the last one would name strangers' notes.
		n.server = server{owner: owner, ids: make(map[string]uint32)}
	}
	daemon := bus.Object{Destination: owner, Path: object, Interface: service}
	if n.server.capabilities == nil {
		var capabilities []string
		if err := n.bus.Call(ctx, daemon, "GetCapabilities", nil, &capabilities); err != nil {
			return err
		}
		n.server.capabilities = append([]string{}, capabilities...) // never nil
	}
	m := newMessage(note, n.server.capabilities)
	var id uint32
	err = n.bus.Call(ctx, daemon, "Notify",
		[]any{"patoggle", n.server.ids[m.tag], m.icon, m.summary, m.body, []string{}, m.hints(), m.expire}, &id)
	if err != nil {
		return err
	}
	if m.tag != "" {
		if len(n.server.ids) >= maxTags {
			clear(n.server.ids)
		}
		n.server.ids[m.tag] = id
	}
	return nil
}

// owner returns the unique name of the notification daemon, after asking the
// bus to start one when there is none.
func (n *Notifier) owner(ctx context.Context) (string, error) {
	owner, err := n.bus.Owner(ctx, service)
	if !errors.Is(err, bus.ErrAbsent) {
		return owner, err
	}
	if err := n.bus.Start(ctx, service); err != nil {
		var answer *bus.Error
		if errors.As(err, &answer) {
			return "", ErrNoServer // nobody to start, or it does not start
		}
		return "", err
	}
	return n.bus.Owner(ctx, service)
}

// hints are the extra data of a note (Desktop Notifications 1.2, Hints).
//
// The daemon's own answer to a tag is asked for too, since the id of a note
// that another process sent is not known here: dunst and mako, notify-osd's
// heirs, know "x-canonical-private-synchronous", dunst also its own.
// "transient" keeps a note out of the history, where they would pile up, and
// "suppress-sound" because a sound would be one more stream to move.
func (m message) hints() bus.Dict {
	hints := bus.Dict{
		"urgency":        bus.Variant(m.urgency),
		"transient":      bus.Variant(true),
		"suppress-sound": bus.Variant(true),
	}
	if m.tag != "" {
		hints["x-canonical-private-synchronous"] = bus.Variant(m.tag)
		hints["x-dunst-stack-tag"] = bus.Variant(m.tag)
	}
	return hints
}

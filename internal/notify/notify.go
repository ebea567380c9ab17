// Package notify shows desktop notifications: it speaks to whatever owns
// org.freedesktop.Notifications on the session bus (Desktop Notifications
// Specification 1.2). Nothing is opened before the first one, nothing waits
// longer than its context says, and nothing is executed; the bus may start
// the notification daemon, as it does for every program.
//
// The library is github.com/godbus/dbus/v5, of which the messages are used
// and not the connections: its search for the bus reads the environment and
// may run dbus-launch. No type of it leaves this package.
package notify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/godbus/dbus/v5"
)

// Errors that Send wraps.
var (
	// ErrNoBus: no session bus can be reached.
	ErrNoBus = errors.New("no session bus")
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
	link   *link
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
	if (errors.Is(err, errLost) || errors.Is(err, errAbsent)) && ctx.Err() == nil {
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
	case errors.Is(err, errAbsent):
		return ErrNoServer
	case errors.Is(err, errLost) && !errors.Is(err, ErrNoBus):
		return fmt.Errorf("%w: %w", ErrNoBus, err)
	}
	return err
}

// drop closes the connection. What is known of the daemon goes with it: on
// a new bus the same unique name may be another program.
func (n *Notifier) drop() {
	if n.link != nil {
		n.link.conn.Close()
	}
	n.link = nil
	n.server = server{}
}

func (n *Notifier) send(ctx context.Context, note Note) error {
	if n.link == nil {
		l, err := dial(ctx, n.getenv)
		if err != nil {
			return err
		}
		n.link = l
	}
	undo := n.link.endWith(ctx)
	err := n.deliver(note)
	undo()
	if n.link.torn {
		n.drop()
	}
	return err
}

// deliver finds the daemon and hands the note over.
func (n *Notifier) deliver(note Note) error {
	owner, err := n.link.owner()
	if err != nil {
		return err
	}
	if owner != n.server.owner {
		// Another daemon: ids of the last one would name strangers' notes.
		n.server = server{owner: owner, ids: make(map[string]uint32)}
	}
	if n.server.capabilities == nil {
		var capabilities []string
		err := n.link.call(call{
			destination: owner, object: object, iface: service, method: "GetCapabilities", flags: dbus.FlagNoAutoStart,
		}, &capabilities)
		if err != nil {
			return err
		}
		n.server.capabilities = append([]string{}, capabilities...) // never nil
	}
	m := newMessage(note, n.server.capabilities)
	var id uint32
	err = n.link.call(call{
		destination: owner, object: object, iface: service, method: "Notify", flags: dbus.FlagNoAutoStart,
		args: []any{"patoggle", n.server.ids[m.tag], m.icon, m.summary, m.body, []string{}, m.hints(), m.expire},
	}, &id)
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

// hints are the extra data of a note (Desktop Notifications 1.2, Hints).
//
// The daemon's own answer to a tag is asked for too, since the id of a note
// that another process sent is not known here: dunst and mako, notify-osd's
// heirs, know "x-canonical-private-synchronous", dunst also its own.
// "transient" keeps a note out of the history, where they would pile up, and
// "suppress-sound" because a sound would be one more stream to move.
func (m message) hints() map[string]dbus.Variant {
	hints := map[string]dbus.Variant{
		"urgency":        dbus.MakeVariant(m.urgency),
		"transient":      dbus.MakeVariant(true),
		"suppress-sound": dbus.MakeVariant(true),
	}
	if m.tag != "" {
		hints["x-canonical-private-synchronous"] = dbus.MakeVariant(m.tag)
		hints["x-dunst-stack-tag"] = dbus.MakeVariant(m.tag)
	}
	return hints
}

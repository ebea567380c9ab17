package bus

import (
	"context"
	"strings"
	"sync"

	"github.com/godbus/dbus/v5"
)

// maxWaiting is how many signals wait for a reader; more are dropped.
const maxWaiting = 64

// Match says which signals are meant. "" is any.
type Match struct {
	// Sender is a name on the bus. The bus compares it with who has that name
	// when the signal is sent.
	Sender    string
	Path      string
	Interface string
	Member    string
	// Arg0 is the first argument, where that is a text.
	Arg0 string
}

// rule is the match in the words of the bus (D-Bus specification 0.43, Match
// Rules). None of the values has a quote in it.
func (m Match) rule() string {
	parts := []string{"type='signal'"}
	for _, p := range [][2]string{
		{"sender", m.Sender}, {"path", m.Path}, {"interface", m.Interface}, {"member", m.Member}, {"arg0", m.Arg0},
	} {
		if p[1] != "" {
			parts = append(parts, p[0]+"='"+p[1]+"'")
		}
	}
	return strings.Join(parts, ",")
}

// fits reports whether a signal is meant. The sender is compared where both are
// unique names, or the bus itself: for another name the bus has looked.
func (m Match) fits(s *Signal) bool {
	unique := strings.HasPrefix(m.Sender, ":") || m.Sender == theBus.Destination
	if unique && m.Sender != s.Sender {
		return false
	}
	if m.Arg0 != "" {
		if len(s.Body) == 0 || s.Body[0] != any(m.Arg0) {
			return false
		}
	}
	return (m.Path == "" || m.Path == s.Path) &&
		(m.Interface == "" || m.Interface == s.Interface) &&
		(m.Member == "" || m.Member == s.Member)
}

// Signal is a signal that arrived. Sender is a unique name.
type Signal struct {
	Sender, Path, Interface, Member string
	Body                            []any
}

// Store puts the arguments of a signal into the values, as Call does.
func (s *Signal) Store(into ...any) (err error) {
	defer func() {
		if recover() != nil {
			err = ErrShape
		}
	}()
	if dbus.Store(s.Body, into...) != nil {
		return ErrShape
	}
	return nil
}

// Watch subscribes to signals. The channel is closed when stop is called or the
// connection ends; who reads too slowly loses signals. Stop may be called
// again.
func (c *Conn) Watch(ctx context.Context, m Match) (arrived <-chan *Signal, stop func(), err error) {
	w := &watcher{match: m, out: make(chan *Signal, maxWaiting)}
	c.signals.add(w)
	if err := c.call(ctx, theBus.method("AddMatch"), []any{m.rule()}); err != nil {
		c.signals.remove(w)
		return nil, nil, err
	}
	return w.out, func() {
		if c.signals.remove(w) {
			ctx, cancel := context.WithTimeout(context.Background(), writeLimit)
			defer cancel()
			c.call(ctx, theBus.method("RemoveMatch"), []any{m.rule()})
		}
	}, nil
}

// WatchOwner subscribes to changes of who has a name: the third argument is the
// new owner, "" for nobody (NameOwnerChanged).
func (c *Conn) WatchOwner(ctx context.Context, name string) (arrived <-chan *Signal, stop func(), err error) {
	return c.Watch(ctx, Match{
		Sender: theBus.Destination, Path: theBus.Path, Interface: theBus.Interface, Member: "NameOwnerChanged", Arg0: name,
	})
}

type watcher struct {
	match Match
	out   chan *Signal
}

// signals hands signals to whom they are meant for. The zero value is ready.
type signals struct {
	mu     sync.Mutex
	list   []*watcher
	closed bool
}

func (s *signals) add(w *watcher) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		close(w.out)
		return
	}
	s.list = append(s.list, w)
}

// remove ends a watcher; false when it had ended.
func (s *signals) remove(w *watcher) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.list {
		if s.list[i] == w {
			s.list = append(s.list[:i:i], s.list[i+1:]...)
			close(w.out)
			return true
		}
	}
	return false
}

func (s *signals) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.list {
		close(w.out)
	}
	s.list, s.closed = nil, true
}

// Terminate is called by the library when the connection has ended.
func (s *signals) Terminate() { s.close() }

// DeliverSignal is called by the library, from its one reader.
func (s *signals) DeliverSignal(iface, member string, from *dbus.Signal) {
	signal := &Signal{Sender: from.Sender, Path: string(from.Path), Interface: iface, Member: member, Body: from.Body}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.list {
		if !w.match.fits(signal) {
			continue
		}
		select {
		case w.out <- signal:
		default:
		}
	}
}

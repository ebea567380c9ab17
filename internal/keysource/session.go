package keysource

import (
	"context"
	"sync"

	"github.com/patoggle/patoggle/internal/bus"
)

// session is a connection to the session bus, made when it is needed and again
// after it ended.
type session struct {
	getenv func(string) string
	// took takes each signal that matches, in the order of each match.
	took func(*bus.Signal)
	// lost is called when the connection has ended.
	lost    func()
	matches []bus.Match

	conn    *bus.Conn
	readers sync.WaitGroup
}

var errNoBus = &Unusable{
	Message: "there is no session bus, through which this desktop gives hotkeys",
	Hint:    "start patoggled inside the desktop session",
}

// alive tells whether there is a connection.
func (s *session) alive() bool {
	if s.conn == nil {
		return false
	}
	select {
	case <-s.conn.Done():
		return false
	default:
		return true
	}
}

// get gives the living connection, or makes one.
func (s *session) get(ctx context.Context) (*bus.Conn, error) {
	if s.alive() {
		return s.conn, nil
	}
	s.close()
	conn, err := bus.Open(ctx, s.getenv)
	if err != nil {
		return nil, errNoBus
	}
	s.conn = conn
	for _, m := range s.matches {
		signals, _, err := conn.Watch(ctx, m)
		if err != nil {
			s.close()
			return nil, errNoBus
		}
		s.readers.Go(func() {
			for signal := range signals { // closed with the connection
				s.took(signal)
			}
		})
	}
	s.readers.Go(func() {
		<-conn.Done()
		s.lost()
	})
	return conn, nil
}

func (s *session) close() {
	if s.conn != nil {
		s.conn.Close()
		s.readers.Wait()
		s.conn = nil
	}
}

// begins stores the first arguments of a signal, which may have more.
func begins(s *bus.Signal, into ...any) bool {
	if len(s.Body) < len(into) {
		return false
	}
	head := bus.Signal{Body: s.Body[:len(into)]}
	return head.Store(into...) == nil
}

// ownerOf is the match of what says that a name has another owner.
func ownerOf(name string) bus.Match {
	return bus.Match{Sender: theBus, Interface: theBus, Member: ownerChanged, Arg0: name}
}

// Of the D-Bus specification 0.43, Message Bus Messages.
const (
	theBus       = "org.freedesktop.DBus"
	ownerChanged = "NameOwnerChanged"
)

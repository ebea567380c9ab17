package keysource

import (
	"context"
	"errors"
	"slices"

	"github.com/godbus/dbus/v5"
)

// session is a connection to the session bus, made when it is needed and again
// after it ended.
type session struct {
	getenv func(string) string
	// took takes each signal, from a goroutine of the connection's.
	took func(*dbus.Signal)
	// lost is called when the connection has ended by itself.
	lost    func()
	matches [][]dbus.MatchOption

	conn *dbus.Conn
	done chan struct{} // closed when the goroutine of conn has ended
}

var errNoBus = &Unusable{
	Message: "there is no session bus, through which this desktop gives hotkeys",
	Hint:    "start patoggled inside the desktop session",
}

// get gives the living connection, or makes one.
func (s *session) get(ctx context.Context) (*dbus.Conn, error) {
	if s.conn != nil && s.conn.Connected() {
		return s.conn, nil
	}
	s.close()
	// The library would start a bus of its own where it finds none.
	address := s.getenv("DBUS_SESSION_BUS_ADDRESS")
	if dir := s.getenv("XDG_RUNTIME_DIR"); address == "" && dir != "" {
		address = "unix:path=" + dbus.EscapeBusAddressValue(dir+"/bus")
	}
	if address == "" {
		return nil, errNoBus
	}
	conn, err := dbus.Dial(address)
	if err != nil {
		return nil, errNoBus
	}
	// What waits for an answer ends with the context.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if err = conn.Auth(nil); err == nil {
		err = conn.Hello()
	}
	for _, m := range s.matches {
		if err == nil {
			err = conn.AddMatchSignal(m...)
		}
	}
	if err != nil {
		conn.Close()
		return nil, errNoBus
	}
	signals := make(chan *dbus.Signal, 64)
	conn.Signal(signals)
	done := make(chan struct{})
	s.conn, s.done = conn, done
	go func() {
		defer close(done)
		for signal := range signals { // closed with the connection
			s.took(signal)
		}
		s.lost()
	}()
	return conn, nil
}

func (s *session) close() {
	if s.conn != nil {
		s.conn.Close()
		<-s.done
		s.conn = nil
	}
}

// call calls a method of who is there already, and stores what it answers.
func call(ctx context.Context, o dbus.BusObject, method string, results []any, args ...any) error {
	return o.CallWithContext(ctx, method, dbus.FlagNoAutoStart, args...).Store(results...)
}

// wake is call, and has the bus start who is not there.
func wake(ctx context.Context, o dbus.BusObject, method string, results []any, args ...any) error {
	return o.CallWithContext(ctx, method, 0, args...).Store(results...)
}

// isError tells whether the bus answered with one of these errors.
func isError(err error, names ...string) bool {
	var e dbus.Error
	return errors.As(err, &e) && slices.Contains(names, e.Name)
}

// Errors of the D-Bus specification 0.43.
const (
	errNoOwner          = "org.freedesktop.DBus.Error.NameHasNoOwner"
	errServiceUnknown   = "org.freedesktop.DBus.Error.ServiceUnknown"
	errUnknownMethod    = "org.freedesktop.DBus.Error.UnknownMethod"
	errUnknownObject    = "org.freedesktop.DBus.Error.UnknownObject"
	errUnknownInterface = "org.freedesktop.DBus.Error.UnknownInterface"
)

// ownerOf is the match of what says that a name has another owner.
func ownerOf(name string) []dbus.MatchOption {
	return []dbus.MatchOption{
		dbus.WithMatchSender("org.freedesktop.DBus"),
		dbus.WithMatchInterface("org.freedesktop.DBus"),
		dbus.WithMatchMember("NameOwnerChanged"),
		dbus.WithMatchArg(0, name),
	}
}

const ownerChanged = "org.freedesktop.DBus.NameOwnerChanged"

package notify

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

// link is one connection to the session bus.
type link struct {
	conn   *dbus.Conn
	socket *socket
}

// socket is what the library reads from and writes to. It knows when the
// library's reading goroutine has come to its end, and when half a message
// may have been written.
type socket struct {
	net.Conn
	buffered *bufio.Reader
	once     sync.Once
	ended    chan struct{} // closed after the first error of Read
	torn     atomic.Bool   // a Write failed
}

func (s *socket) Write(b []byte) (int, error) {
	n, err := s.Conn.Write(b)
	if err != nil {
		s.torn.Store(true)
	}
	return n, err
}

func (s *socket) Read(b []byte) (int, error) {
	n, err := s.buffered.Read(b)
	if err != nil {
		s.once.Do(func() { close(s.ended) })
	}
	return n, err
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// dial connects to the first bus that can be reached, and is on it when it
// returns.
func dial(ctx context.Context, getenv func(string) string) (*link, error) {
	addresses, err := findBus(getenv)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoBus, err)
	}
	var failed error
	for _, a := range addresses {
		l, err := a.dial(ctx)
		if err == nil {
			return l, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, fmt.Errorf("%w: %w", ErrNoBus, failed)
}

func (a address) dial(ctx context.Context) (*link, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", string(a))
	if err != nil {
		return nil, err
	}
	if err := trusted(conn.(*net.UnixConn)); err != nil {
		conn.Close()
		return nil, fmt.Errorf("%q %w", string(a), err)
	}
	s := &socket{Conn: conn, buffered: bufio.NewReader(conn), ended: make(chan struct{})}
	// The library waits without end for the bus: a deadline of the socket
	// ends that.
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(longAgo) })
	l, err := greet(s)
	if !stop() && err == nil {
		l.close()
		err = ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("%q: %w", string(a), err)
	}
	return l, nil
}

// greet authenticates and says hello. It closes the socket when it fails.
func greet(s *socket) (*link, error) {
	uid := strconv.Itoa(os.Geteuid())
	conn, err := dbus.NewConn(s, dbus.WithAuth(dbus.AuthExternal(uid)))
	if err != nil {
		s.Close()
		return nil, err
	}
	if err := conn.Auth([]dbus.Auth{dbus.AuthExternal(uid)}); err != nil {
		conn.Close() // nothing reads yet
		return nil, err
	}
	l := &link{conn: conn, socket: s}
	if err := conn.Hello(); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// trusted refuses a bus that runs as anybody but us and root, who could put
// any words on the screen.
func trusted(conn *net.UnixConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var peer *unix.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		peer, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	if peer.Uid != 0 && int(peer.Uid) != os.Geteuid() {
		return fmt.Errorf("belongs to another user, with the id %d", peer.Uid)
	}
	return nil
}

// close ends the connection and waits for the library's reader.
func (l *link) close() {
	l.conn.Close()
	<-l.socket.ended
}

// broken reports whether the connection is of no more use.
func (l *link) broken() bool {
	select {
	case <-l.socket.ended:
		return true
	default:
		return l.socket.torn.Load() || !l.conn.Connected()
	}
}

// writesEndWith makes writes fail once the context ends, since the library
// writes before it looks at the context. The function it returns undoes that.
func (l *link) writesEndWith(ctx context.Context) (undo func()) {
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		l.socket.SetWriteDeadline(longAgo)
		close(ended)
	})
	return func() {
		if !stop() {
			<-ended
		}
		l.socket.SetWriteDeadline(time.Time{})
	}
}

// owner returns the unique name of the notification daemon, after asking the
// bus to start one when there is none.
func (l *link) owner(ctx context.Context) (string, error) {
	bus := l.conn.BusObject()
	var owner string
	ask := func() error {
		return translate(bus.CallWithContext(ctx, "org.freedesktop.DBus.GetNameOwner", 0, service), &owner)
	}
	err := ask()
	if !errors.Is(err, errGone) || l.broken() || ctx.Err() != nil {
		return owner, err
	}
	var result uint32
	err = translate(bus.CallWithContext(ctx, "org.freedesktop.DBus.StartServiceByName", 0, service, uint32(0)), &result)
	switch {
	case l.broken() || ctx.Err() != nil:
		return "", err
	case err != nil:
		return "", ErrNoServer
	}
	return owner, ask()
}

package notify

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// The bus itself (D-Bus specification 0.43, Message Bus Messages).
const (
	busName   = "org.freedesktop.DBus"
	busObject = "/org/freedesktop/DBus"
)

// link is one connection to the session bus. It has no goroutine: a call
// writes, and reads until its reply is there. What came unasked meanwhile is
// skipped.
//
// The library's own connection is not used. It waits without end while it
// connects, a goroutine of its own decodes what arrives, where a panic could
// not be caught, and nothing tells when that has ended.
type link struct {
	conn   *net.UnixConn
	reader *bufio.Reader
	serial uint32
	// torn is set when half a message was written or read.
	torn bool
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
	l := &link{conn: conn.(*net.UnixConn), reader: bufio.NewReader(conn)}
	defer l.endWith(ctx)()
	if err = l.trusted(); err == nil {
		err = l.greet()
	}
	if err != nil {
		l.conn.Close()
		return nil, fmt.Errorf("%q: %w", string(a), err)
	}
	return l, nil
}

// endWith makes reads and writes fail once the context ends. The function it
// returns undoes that.
func (l *link) endWith(ctx context.Context) (undo func()) {
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		l.conn.SetDeadline(longAgo)
		close(ended)
	})
	return func() {
		if !stop() {
			<-ended
		}
		l.conn.SetDeadline(time.Time{})
	}
}

// trusted refuses a bus that runs as anybody but us and root, who could put
// any words on the screen.
func (l *link) trusted() error {
	raw, err := l.conn.SyscallConn()
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
		return fmt.Errorf("it belongs to another user, with the id %d", peer.Uid)
	}
	return nil
}

// greet authenticates with the mechanism EXTERNAL (D-Bus specification 0.43,
// Authentication Protocol), in which the bus takes our user id from the
// socket, and says hello.
func (l *link) greet() error {
	uid := hex.EncodeToString([]byte(strconv.Itoa(os.Geteuid())))
	if _, err := io.WriteString(l.conn, "\x00AUTH EXTERNAL "+uid+"\r\n"); err != nil {
		return err
	}
	line, err := l.reader.ReadSlice('\n') // at most a buffer full
	if err != nil {
		return fmt.Errorf("the bus does not answer: %w", err)
	}
	if text := strings.TrimSpace(string(line)); !strings.HasPrefix(text, "OK ") {
		return fmt.Errorf("the bus refuses us: %q", text)
	}
	if _, err := io.WriteString(l.conn, "BEGIN\r\n"); err != nil {
		return err
	}
	var unique string
	return l.call(call{destination: busName, object: busObject, iface: busName, method: "Hello"}, &unique)
}

// call sends a message and stores the reply. An error is errLost when there
// was none.
func (l *link) call(c call, into any) error {
	l.serial++
	serial := l.serial // not 0 within the life of any bus
	frame, err := c.encode(serial)
	if err != nil {
		return err
	}
	if _, err := l.conn.Write(frame); err != nil {
		l.torn = true
		return fmt.Errorf("%w: %w", errLost, err)
	}
	for {
		frame, err := l.read()
		if err != nil {
			return fmt.Errorf("%w: %w", errLost, err)
		}
		if !isReply(frame) {
			continue
		}
		m, err := decode(frame)
		if err != nil {
			l.torn = true
			return fmt.Errorf("%w: %w", errLost, err)
		}
		if answers(m, serial) {
			return store(m, into)
		}
	}
}

// read returns the next message, undecoded. When the deadline passes before one is
// there at all, the connection stays as good as it was.
func (l *link) read() ([]byte, error) {
	head, err := l.reader.Peek(headLength)
	if err != nil {
		l.torn = !errors.Is(err, os.ErrDeadlineExceeded)
		return nil, err
	}
	length, err := frameLength(head)
	if err != nil {
		l.torn = true
		return nil, err
	}
	frame := make([]byte, length)
	if _, err := io.ReadFull(l.reader, frame); err != nil {
		l.torn = true
		return nil, err
	}
	return frame, nil
}

// owner returns the unique name of the notification daemon, after asking the
// bus to start one when there is none.
func (l *link) owner() (string, error) {
	var owner string
	ask := call{destination: busName, object: busObject, iface: busName, method: "GetNameOwner", args: []any{service}}
	err := l.call(ask, &owner)
	if !errors.Is(err, errAbsent) {
		return owner, err
	}
	var result uint32
	start := call{destination: busName, object: busObject, iface: busName, method: "StartServiceByName", args: []any{service, uint32(0)}}
	if err := l.call(start, &result); err != nil {
		if errors.Is(err, errLost) {
			return "", err
		}
		return "", ErrNoServer // nobody to start, or it does not start
	}
	return owner, l.call(ask, &owner)
}

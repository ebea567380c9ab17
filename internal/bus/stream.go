package bus

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
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// writeLimit is how long one message may take to be written. It is longer than
// any caller waits: a bus that takes nothing for so long is given up.
const writeLimit = 3 * time.Second

// stream is a connection to the bus on which only whole messages that are worth
// reading arrive. The bus has accepted us before the library sees it: to the
// library's side of the handshake, which reads lines without end, it answers by
// itself.
type stream struct {
	conn   *net.UnixConn
	reader *bufio.Reader
	// answers are what is still to be read of the handshake, rest what is of a
	// message.
	answers, rest []byte
	// begun is set by the end of the handshake; then a reader runs until ended.
	begun   atomic.Bool
	serving atomic.Bool // calls are let through
	ended   chan struct{}
	end     sync.Once
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// dial connects and authenticates.
func dial(ctx context.Context, a address) (*stream, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", string(a))
	if err != nil {
		return nil, err
	}
	s := &stream{conn: conn.(*net.UnixConn), reader: bufio.NewReader(conn), ended: make(chan struct{})}
	stop := context.AfterFunc(ctx, func() { s.conn.SetDeadline(longAgo) })
	if err = s.trusted(); err == nil {
		err = s.greet()
	}
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, err
	}
	return s, nil
}

// trusted refuses a bus that runs as anybody but us and root, who could put
// any words on the screen.
func (s *stream) trusted() error {
	raw, err := s.conn.SyscallConn()
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
// socket.
func (s *stream) greet() error {
	uid := hex.EncodeToString([]byte(strconv.Itoa(os.Geteuid())))
	if _, err := io.WriteString(s.conn, "\x00AUTH EXTERNAL "+uid+"\r\n"); err != nil {
		return err
	}
	line, err := s.reader.ReadSlice('\n') // at most a buffer full
	if err != nil {
		return fmt.Errorf("the bus does not answer: %w", err)
	}
	if text := strings.TrimSpace(string(line)); !strings.HasPrefix(text, "OK ") {
		return fmt.Errorf("the bus refuses us: %q", text)
	}
	_, err = io.WriteString(s.conn, "BEGIN\r\n")
	return err
}

// Write sends a message, or hears one line of the library's handshake.
func (s *stream) Write(b []byte) (int, error) {
	if !s.begun.Load() {
		switch line := strings.Trim(string(b), "\x00\r\n"); line {
		case "":
		case "AUTH":
			s.answers = append(s.answers, "REJECTED EXTERNAL\r\n"...)
		case "AUTH EXTERNAL":
			s.answers = append(s.answers, "OK 0\r\n"...)
		case "BEGIN":
			s.begun.Store(true)
		default:
			return 0, fmt.Errorf("the library says %q in the handshake", line)
		}
		return len(b), nil
	}
	s.conn.SetWriteDeadline(time.Now().Add(writeLimit))
	n, err := s.conn.Write(b)
	if err != nil {
		s.conn.Close() // half a message may be on its way
	}
	return n, err
}

// Read gives the library what it waits for.
func (s *stream) Read(b []byte) (int, error) {
	if !s.begun.Load() {
		n := copy(b, s.answers)
		s.answers = s.answers[n:]
		if n == 0 {
			return 0, io.ErrUnexpectedEOF
		}
		return n, nil
	}
	for len(s.rest) == 0 {
		frame, err := s.message()
		if err != nil {
			s.conn.Close()
			s.end.Do(func() { close(s.ended) })
			return 0, err
		}
		s.rest = frame
	}
	n := copy(b, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// message returns the next message when it is one to read, nil when it is one to
// skip.
func (s *stream) message() ([]byte, error) {
	head, err := s.reader.Peek(headLength)
	if err != nil {
		return nil, err
	}
	length, err := frameLength(head)
	if err != nil {
		return nil, err
	}
	frame := make([]byte, length)
	if _, err := io.ReadFull(s.reader, frame); err != nil {
		return nil, err
	}
	wanted, err := inspect(frame)
	if err != nil {
		return nil, err
	}
	if wanted == aCall && !s.serving.Load() || wanted == nothing {
		return nil, nil
	}
	return frame, nil
}

// serve lets calls through from now on.
func (s *stream) serve() { s.serving.Store(true) }

// Close ends the connection; what is being read or written ends at once.
func (s *stream) Close() error { return s.conn.Close() }

// join waits until the reader has had its error, after which it reads no more.
func (s *stream) join() {
	if s.begun.Load() {
		<-s.ended
	}
}

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
// reading arrive. To the library's side of the handshake, which reads lines
// without end, it answers by itself; its own goes out with the first messages,
// and the bus's answer to it is the first thing that is read.
type stream struct {
	conn   *net.UnixConn
	reader *bufio.Reader
	// answers are what is still to be read of the library's handshake, rest what
	// is of a message, first what is written when say is called.
	answers, rest, first []byte
	said                 bool // say was called
	accepted             bool // the bus has answered the handshake
	refused              atomic.Pointer[error]
	// begun is set by the end of the library's handshake; then a reader runs
	// until ended.
	begun   atomic.Bool
	serving atomic.Bool // calls are let through
	ended   chan struct{}
	end     sync.Once
}

// dial connects, and prepares to authenticate with the mechanism EXTERNAL (D-Bus
// specification 0.43, Authentication Protocol), in which the bus takes our user
// id from the socket.
func dial(ctx context.Context, a address) (*stream, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", string(a))
	if err != nil {
		return nil, err
	}
	s := &stream{conn: conn.(*net.UnixConn), reader: bufio.NewReader(conn), ended: make(chan struct{})}
	if err = s.trusted(); err != nil {
		conn.Close()
		return nil, err
	}
	uid := hex.EncodeToString([]byte(strconv.Itoa(os.Geteuid())))
	s.first = []byte("\x00AUTH EXTERNAL " + uid + "\r\nBEGIN\r\n")
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

// say sends the handshake and the messages that were written until now.
func (s *stream) say() error {
	s.said = true
	_, err := s.write(s.first)
	s.first = nil
	return err
}

// hear reads the bus's answer to the handshake.
func (s *stream) hear() error {
	line, err := s.reader.ReadSlice('\n') // at most a buffer full
	switch {
	case err != nil:
		err = fmt.Errorf("the bus does not answer: %w", err)
	case !strings.HasPrefix(string(line), "OK "):
		err = fmt.Errorf("the bus refuses us: %q", strings.TrimSpace(string(line)))
	}
	if err != nil {
		s.refused.Store(&err)
		return err
	}
	s.accepted = true
	return nil
}

// refusal is why the handshake failed, if it did.
func (s *stream) refusal() error {
	if err := s.refused.Load(); err != nil {
		return *err
	}
	return nil
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
	if !s.said {
		s.first = append(s.first, b...)
		return len(b), nil
	}
	return s.write(b)
}

func (s *stream) write(b []byte) (int, error) {
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
	if !s.accepted {
		if err := s.hear(); err != nil {
			return nil, err
		}
	}
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

package x11

import (
	"bufio"
	"io"
	"net"
	"sync"
)

// guard stands between the library and the socket. It answers the library's
// own connection setup from the one that was already made (the library cannot
// use an ordinary .Xauthority on a connection it is given), passes on only
// frames that cannot hurt it, and collects requests so that a whole group
// leaves in one write.
type guard struct {
	net.Conn // the socket: Close and the addresses

	// read side, used by one goroutine at a time
	in     *bufio.Reader
	ready  []byte // bytes for the library, before anything else is read
	body   int    // bytes of the current frame's body not yet passed on
	buf    [32]byte
	frames frames

	mu      sync.Mutex
	greeted bool // the library's setup request was swallowed
	early   int  // requests of the library that are still to come, and left already
	out     []byte
	sent    uint16 // sequence number of the last request
	broken  error
}

// outLimit is how many bytes of requests are kept at most before they leave.
const outLimit = 32 << 10

// newGuard makes a guard for a connection whose setup was answered. early is
// how many requests have been sent behind it: the first the library will write.
func newGuard(conn net.Conn, in *bufio.Reader, setup []byte, early int) *guard {
	return &guard{Conn: conn, in: in, ready: setup, early: early, sent: uint16(early)}
}

// Read gives the library whole frames: 32 bytes, then the body.
func (g *guard) Read(p []byte) (int, error) {
	for len(g.ready) == 0 && g.body == 0 {
		if _, err := io.ReadFull(g.in, g.buf[:]); err != nil {
			return 0, g.fail(err)
		}
		g.mu.Lock()
		f, err := g.frames.next(g.buf[:], g.sent)
		g.mu.Unlock()
		if err != nil {
			return 0, g.fail(err)
		}
		if f.pass {
			g.ready, g.body = g.buf[:], f.body
		} else if _, err := g.in.Discard(f.body); err != nil {
			return 0, g.fail(err)
		}
	}
	if len(g.ready) > 0 {
		n := copy(p, g.ready)
		g.ready = g.ready[n:]
		return n, nil
	}
	n, err := g.in.Read(p[:min(len(p), g.body)])
	g.body -= n
	if err != nil {
		err = g.fail(err)
	}
	return n, err
}

// Write takes one request of the library, which gives each in one call. It
// leaves with the next flush; the library's own round trips leave at once,
// for it waits for the answer itself.
func (g *guard) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.greeted {
		g.greeted = true
		return len(p), nil
	}
	if g.broken != nil {
		return 0, g.broken
	}
	if g.early > 0 {
		g.early--
		return len(p), nil
	}
	g.sent++
	g.out = append(g.out, p...)
	if len(g.out) >= outLimit || len(p) > 0 && p[0] == opGetInputFocus {
		return len(p), g.flushLocked()
	}
	return len(p), nil
}

// flush sends what was collected.
func (g *guard) flush() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.out) > 0 {
		g.flushLocked()
	}
}

func (g *guard) flushLocked() error {
	_, err := g.Conn.Write(g.out)
	g.out = g.out[:0]
	if err != nil {
		if g.broken == nil {
			g.broken = err
		}
		g.Conn.Close() // the library hears of it from its next Read
	}
	return err
}

// fail keeps the first cause and ends the connection.
func (g *guard) fail(err error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.broken == nil {
		g.broken = err
	}
	g.Conn.Close()
	return err
}

// cause is why the connection ended; nil while it has not.
func (g *guard) cause() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.broken
}

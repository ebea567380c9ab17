package pulse

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"sync"

	"github.com/jfreymuth/pulse/proto"
)

// guard stands between the wire library and the socket. Version 0.1.1 of the
// library panics, loops or hands out wrong values on input it does not expect,
// an ordinary long stream name included, and in a goroutine of its own where
// nothing can recover; so it only ever sees input it expects.
//
// Towards the library, Read gives whole control frames: replies and errors to
// requests that went out and are still open, in the shape of that request, and
// subscription events. A reply in another shape becomes an error for its
// request. Everything else is dropped. The only error is io.EOF, and only
// between frames.
//
// Towards the socket, Write collects a frame, notes its tag and sends it in
// one piece. It never fails: the library would latch the error and later
// panic. A failure ends the connection instead, and Read tells of that.
type guard struct {
	in *bufio.Reader
	// send sends one or more whole frames.
	send func([]byte) error
	// fail ends the connection; the first cause counts. It must make the
	// reader behind in return.
	fail func(cause error)
	// wanted are the keys of the properties that the library sees; nil for all.
	wanted map[string]bool

	frame []byte // of Read: a buffer for one frame
	out   []byte // of Read: what is left to hand out
	ended bool   // of Read

	unsent []byte // of Write, which the library serialises
	whole  int    // of Write: the length of the whole frames in unsent

	mu   sync.Mutex
	open map[uint32]uint32 // by tag: the command of each open request
	held int               // frames still to collect before sending
	// ears take the sound of a channel; the sound of others is dropped.
	ears map[uint32]func([]byte)

	// went gets a value for a frame that was collected, when there is room:
	// whoever wants two frames in order waits for it between them.
	went chan struct{}
}

// keepFrame is the largest buffer kept from one frame to the next.
const keepFrame = 64 << 10

func newGuard(r io.Reader, send func([]byte) error, fail func(error)) *guard {
	return &guard{
		in:   bufio.NewReaderSize(r, 8<<10),
		send: send,
		fail: fail,
		open: make(map[uint32]uint32),
		went: make(chan struct{}, 1),
	}
}

// Read is called by the library's reading goroutine.
func (g *guard) Read(p []byte) (int, error) {
	for len(g.out) == 0 {
		if g.ended {
			return 0, io.EOF
		}
		if err := g.next(); err != nil {
			g.ended = true
			g.out = nil
			g.frame = nil
			g.fail(err)
		}
	}
	n := copy(p, g.out)
	g.out = g.out[n:]
	return n, nil
}

// next reads one frame; g.out is empty afterwards when it was dropped.
func (g *guard) next() error {
	if cap(g.frame) > keepFrame {
		g.frame = nil
	}
	var head [headerSize]byte
	if _, err := io.ReadFull(g.in, head[:]); err != nil {
		return readCause(err)
	}
	h := parseHeader(head[:])
	if h.length > maxFrame {
		return errTooBig
	}
	if h.channel != controlChannel {
		return g.sound(h)
	}
	if h.flags != 0 || h.length < minBody {
		return g.discard(int(h.length))
	}
	if err := g.body(int(h.length)); err != nil {
		return err
	}
	if n := g.filter(g.frame[headerSize:]); n > 0 {
		putHeader(g.frame, n)
		g.out = g.frame[:headerSize+n]
		if n < cap(g.frame)/2 && cap(g.frame) > keepFrame {
			// What was shortened need not be kept until the library has
			// read the rest.
			g.out, g.frame = bytes.Clone(g.out), nil
		}
	}
	return nil
}

// discard skips n bytes.
func (g *guard) discard(n int) error {
	_, err := g.in.Discard(n)
	return readCause(err)
}

// sound takes a frame of another channel than that of control: what is
// recorded. It never reaches the library.
func (g *guard) sound(h frameHeader) error {
	g.mu.Lock()
	hear := g.ears[h.channel]
	g.mu.Unlock()
	if hear == nil {
		return g.discard(int(h.length))
	}
	var piece [256]byte // a whole number of samples
	rest := int(h.length)
	for heard := 0; rest > 0 && heard < maxData; {
		n, err := io.ReadFull(g.in, piece[:min(rest, len(piece))])
		if err != nil {
			return readCause(err)
		}
		hear(piece[:n])
		rest -= n
		heard += n
	}
	return g.discard(rest)
}

// listen hands the sound of a channel to hear, from the reading goroutine,
// until deaf is called.
func (g *guard) listen(channel uint32, hear func([]byte)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ears == nil {
		g.ears = make(map[uint32]func([]byte))
	}
	g.ears[channel] = hear
}

func (g *guard) deaf(channel uint32) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.ears, channel)
}

// body reads n bytes behind room for a header into g.frame. The buffer grows
// with what really arrives, not with what was announced, until enough has come
// for the announcement to be believed; it always has room for an error reply.
func (g *guard) body(n int) error {
	const (
		step    = 256 << 10
		believe = 1 << 20
	)
	g.frame = append(g.frame[:0], make([]byte, headerSize)...)
	for have := 0; have < n; {
		more := min(n-have, max(step, have))
		if have >= believe {
			more = n - have
		}
		g.frame = grow(g.frame, more, errorBody)
		if _, err := io.ReadFull(g.in, g.frame[headerSize+have:]); err != nil {
			return readCause(err)
		}
		have += more
	}
	return nil
}

// grow returns b longer by more bytes, with a capacity of at least spare
// behind the header.
func grow(b []byte, more, spare int) []byte {
	need := len(b) + more
	if room := max(need, headerSize+spare); cap(b) < room {
		b = append(make([]byte, 0, room), b...)
	}
	return b[:need]
}

// readCause translates the end of reading. A connection that breaks within a
// frame ended like any other.
func readCause(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errHangup
	}
	return &plainError{text: errHangup.Error(), err: errors.Join(errHangup, err)}
}

// filter rewrites the body of a frame in place, as long as it may pass, and
// returns its new length; 0 drops it.
func (g *guard) filter(body []byte) int {
	command, tag, ok := parseCommand(body)
	if !ok {
		return 0
	}
	switch command {
	case proto.OpSubscribeEvent:
		w := walker{b: body[minBody:]}
		if w.values(shapeEvent) && w.r == len(w.b) {
			return len(body)
		}
		return 0
	case proto.OpReply, proto.OpError:
	default:
		return 0
	}
	request, ok := g.take(tag)
	if !ok {
		return 0
	}
	if command == proto.OpReply {
		if n, ok := sanitize(request, body[minBody:], g.wanted); ok {
			return minBody + n
		}
	} else if len(body) == errorBody && body[minBody] == 'L' && binary.BigEndian.Uint32(body[minBody+1:]) != 0 {
		return len(body)
	}
	return putError(body, tag, malformed)
}

// take returns the command of the open request with the tag and closes it.
func (g *guard) take(tag uint32) (command uint32, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	command, ok = g.open[tag]
	delete(g.open, tag)
	return command, ok
}

// hold makes the guard send n more frames as one piece, whoever writes them.
func (g *guard) hold(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held += n
}

// Write is called by the library, never twice at a time, with pieces of
// frames. It always takes everything.
func (g *guard) Write(p []byte) (int, error) {
	g.unsent = append(g.unsent, p...)
	for {
		rest := g.unsent[g.whole:]
		if len(rest) < headerSize {
			return len(p), nil
		}
		size := headerSize + int(parseHeader(rest).length)
		if len(rest) < size {
			return len(p), nil
		}
		g.whole += size
		if !g.collected(rest[headerSize:size]) {
			continue
		}
		if err := g.send(g.unsent[:g.whole]); err != nil {
			g.fail(err)
		}
		g.unsent = append(g.unsent[:0], g.unsent[g.whole:]...)
		g.whole = 0
	}
}

// collected notes a request that is complete and returns whether to send now.
func (g *guard) collected(body []byte) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if command, tag, ok := parseCommand(body); ok {
		g.open[tag] = command
	}
	select {
	case g.went <- struct{}{}:
	default:
	}
	if g.held > 0 {
		g.held--
	}
	return g.held == 0
}

func indexNUL(b []byte) int { return bytes.IndexByte(b, 0) }

package native

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// None is PA_INVALID_INDEX: no such thing.
const None = 0xFFFFFFFF

// Commands of native-common.h.
const (
	cmdError          = 0
	cmdReply          = 2
	cmdCreatePlayback = 3
	cmdAuth           = 8
	cmdSetClientName  = 9
	cmdServerInfo     = 20
	cmdSinkList       = 22
	cmdClientList     = 28
	cmdSinkInputList  = 30
	cmdSubscribe      = 35
	cmdSetDefaultSink = 44
	cmdUnloadModule   = 52
	cmdLoadModule     = 51
	cmdRequest        = 61
	cmdSubscribeEvent = 66
	cmdMoveSinkInput  = 67
)

// version is what is announced; replies have its shape.
const version = 32

// Error is an error code of the server (enum pa_error_code of def.h).
type Error uint32

// The codes a test may look for.
const (
	AccessDenied Error = 1
	Invalid      Error = 3
	NoEntity     Error = 5
)

func (e Error) Error() string {
	switch e {
	case AccessDenied:
		return "access denied"
	case Invalid:
		return "invalid argument"
	case NoEntity:
		return "no such entity"
	}
	return "server error " + strconv.Itoa(int(e))
}

// Server is GET_SERVER_INFO.
type Server struct {
	Name, Version, DefaultSink string
}

// Sink is one sink.
type Sink struct {
	Index       uint32
	Name        string
	Description string
	Module      uint32
	State       uint32
	Muted       bool
	Volume      uint32
	Props       map[string]string
}

// Client is one client.
type Client struct {
	Index uint32
	Name  string
	Props map[string]string
}

// Stream is one sink input.
type Stream struct {
	Index  uint32
	Sink   uint32
	Client uint32
	Module uint32
	Media  string
	Corked bool
	Muted  bool
	Volume uint32
	Props  map[string]string
}

// Playback says what a stream to be created is like.
type Playback struct {
	Media  string // the stream's name
	Props  map[string]string
	Sink   string // "" for the default one
	NoMove bool   // PA_STREAM_DONT_MOVE
	Corked bool
}

// reply is what came for one tag.
type reply struct {
	body []byte
	err  error
}

// Client connection. Conn's methods may be called concurrently.
type Conn struct {
	conn net.Conn
	done chan struct{} // closed when the reader has ended

	wlock sync.Mutex
	known bool // the first packet is out

	mu      sync.Mutex
	next    uint32
	waiting map[uint32]chan reply
	err     error
	// requests are called from the reader's goroutine with the channel of a
	// playback stream and the number of bytes the server wants.
	requests func(channel, bytes uint32)
	events   chan struct{}
}

// Dial connects to a unix socket, or to "tcp:host:port", and introduces itself.
// props are the client's properties; an empty one leaves out what would be
// said otherwise.
func Dial(server string, limit time.Duration, props map[string]string) (*Conn, error) {
	network := "unix"
	if address, ok := strings.CutPrefix(server, "tcp:"); ok {
		network, server = "tcp", address
	}
	c, err := net.DialTimeout(network, server, limit)
	if err != nil {
		return nil, err
	}
	n := &Conn{
		conn:    c,
		done:    make(chan struct{}),
		waiting: map[uint32]chan reply{},
		events:  make(chan struct{}, 1),
	}
	go n.read()
	// The cookie of zeros: the server knows us by the socket's credentials.
	var w writer
	w.u32(version)
	w.arbitrary(make([]byte, 256))
	if _, err := n.call(limit, cmdAuth, w.b); err != nil {
		n.Close()
		return nil, fmt.Errorf("authenticate: %w", err)
	}
	all := map[string]string{
		"application.name":           "patoggle lab",
		"application.process.id":     strconv.Itoa(os.Getpid()),
		"application.process.binary": filepath.Base(os.Args[0]),
	}
	for k, v := range props {
		if all[k] = v; v == "" {
			delete(all, k)
		}
	}
	w = writer{}
	w.props(all)
	if _, err := n.call(limit, cmdSetClientName, w.b); err != nil {
		n.Close()
		return nil, fmt.Errorf("introduce: %w", err)
	}
	return n, nil
}

// Close ends the connection and joins its reader.
func (n *Conn) Close() error {
	err := n.conn.Close()
	<-n.done
	return err
}

// Done is closed when the connection has ended.
func (n *Conn) Done() <-chan struct{} { return n.done }

const (
	headerSize = 20
	maxFrame   = 64 << 20
	control    = 0xFFFFFFFF
)

func (n *Conn) read() {
	defer close(n.done)
	err := n.frames()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.err = fmt.Errorf("the connection ended: %w", err)
	for _, c := range n.waiting {
		c <- reply{err: n.err}
	}
	n.waiting = nil
}

func (n *Conn) frames() error {
	var header [headerSize]byte
	for {
		if _, err := io.ReadFull(n.conn, header[:]); err != nil {
			return err
		}
		size := binary.BigEndian.Uint32(header[0:])
		if size > maxFrame {
			return errors.New("a frame is too long")
		}
		body := make([]byte, size)
		if _, err := io.ReadFull(n.conn, body); err != nil {
			return err
		}
		if binary.BigEndian.Uint32(header[4:]) != control {
			continue
		}
		r := reader{b: body}
		command, tag := r.u32(), r.u32()
		if r.err != nil {
			return r.err
		}
		switch command {
		case cmdReply, cmdError:
			a := reply{body: r.b}
			if command == cmdError {
				a = reply{err: Error(r.u32())}
			}
			n.mu.Lock()
			if c := n.waiting[tag]; c != nil {
				delete(n.waiting, tag)
				c <- a
			}
			n.mu.Unlock()
		case cmdRequest:
			channel, bytes := r.u32(), r.u32()
			n.mu.Lock()
			f := n.requests
			n.mu.Unlock()
			if f != nil && r.err == nil {
				f(channel, bytes)
			}
		case cmdSubscribeEvent:
			select {
			case n.events <- struct{}{}:
			default:
			}
		}
	}
}

// frame sends one packet; channel is control, or that of a playback stream.
func (n *Conn) frame(limit time.Duration, channel uint32, body []byte) error {
	b := make([]byte, headerSize, headerSize+len(body))
	binary.BigEndian.PutUint32(b[0:], uint32(len(body)))
	binary.BigEndian.PutUint32(b[4:], channel)
	n.wlock.Lock()
	defer n.wlock.Unlock()
	if err := n.conn.SetWriteDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	b = append(b, body...)
	if u, ok := n.conn.(*net.UnixConn); ok && !n.known {
		// PulseAudio lets our uid in when the first packet carries it
		// (unix(7), SCM_CREDENTIALS); unasked the kernel adds it only to what
		// is sent after accept.
		n.known = true
		me := unix.UnixCredentials(&unix.Ucred{Pid: int32(os.Getpid()), Uid: uint32(os.Getuid()), Gid: uint32(os.Getgid())})
		_, _, err := u.WriteMsgUnix(b, me, nil)
		return err
	}
	_, err := n.conn.Write(b)
	return err
}

func (n *Conn) call(limit time.Duration, command uint32, args []byte) (*reader, error) {
	c := make(chan reply, 1)
	n.mu.Lock()
	if n.waiting == nil {
		n.mu.Unlock()
		return nil, n.err
	}
	n.next++
	tag := n.next
	n.waiting[tag] = c
	n.mu.Unlock()

	var w writer
	w.u32(command)
	w.u32(tag)
	timer := time.NewTimer(limit)
	defer timer.Stop()
	err := n.frame(limit, control, append(w.b, args...))
	if err == nil {
		select {
		case a := <-c:
			return &reader{b: a.body}, a.err
		case <-timer.C:
			err = os.ErrDeadlineExceeded
		}
	}
	n.mu.Lock()
	delete(n.waiting, tag)
	n.mu.Unlock()
	return nil, err
}

// Server asks GET_SERVER_INFO.
func (n *Conn) Server(limit time.Duration) (Server, error) {
	r, err := n.call(limit, cmdServerInfo, nil)
	if err != nil {
		return Server{}, err
	}
	var s Server
	s.Name = r.str()
	s.Version = r.str()
	r.str() // user
	r.str() // host
	r.spec()
	s.DefaultSink = r.str()
	return s, r.err
}

// Lists asks for server, sinks, streams and clients at the same time, and drops
// the answers unread.
func (n *Conn) Lists(limit time.Duration) error {
	commands := []uint32{cmdServerInfo, cmdSinkList, cmdSinkInputList, cmdClientList}
	errs := make([]error, len(commands))
	var wg sync.WaitGroup
	for i, command := range commands {
		wg.Go(func() { _, errs[i] = n.call(limit, command, nil) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Sinks lists the sinks in the server's order.
func (n *Conn) Sinks(limit time.Duration) ([]Sink, error) {
	r, err := n.call(limit, cmdSinkList, nil)
	if err != nil {
		return nil, err
	}
	var all []Sink
	for r.more() {
		var s Sink
		s.Index = r.u32()
		s.Name = r.str()
		s.Description = r.str()
		r.spec()
		r.channels()
		s.Module = r.u32()
		s.Volume = r.volume()
		s.Muted = r.bool()
		r.u32() // monitor
		r.str() // its name
		r.usec()
		r.str() // driver
		r.u32() // flags
		s.Props = r.props()
		r.usec()
		r.baseVolume()
		s.State = r.u32()
		r.u32() // volume steps
		r.u32() // card
		for ports := r.u32(); ports > 0 && r.err == nil; ports-- {
			r.str()
			r.str()
			r.u32()
			r.u32()
		}
		r.str() // active port
		for formats := r.u8(); formats > 0 && r.err == nil; formats-- {
			r.format()
		}
		all = append(all, s)
	}
	return all, r.err
}

// Clients lists the clients in the server's order.
func (n *Conn) Clients(limit time.Duration) ([]Client, error) {
	r, err := n.call(limit, cmdClientList, nil)
	if err != nil {
		return nil, err
	}
	var all []Client
	for r.more() {
		var c Client
		c.Index = r.u32()
		c.Name = r.str()
		r.u32() // module
		r.str() // driver
		c.Props = r.props()
		all = append(all, c)
	}
	return all, r.err
}

// Streams lists the sink inputs in the server's order.
func (n *Conn) Streams(limit time.Duration) ([]Stream, error) {
	r, err := n.call(limit, cmdSinkInputList, nil)
	if err != nil {
		return nil, err
	}
	var all []Stream
	for r.more() {
		var s Stream
		s.Index = r.u32()
		s.Media = r.str()
		s.Module = r.u32()
		s.Client = r.u32()
		s.Sink = r.u32()
		r.spec()
		r.channels()
		s.Volume = r.volume()
		r.usec()
		r.usec()
		r.str() // resample method
		r.str() // driver
		s.Muted = r.bool()
		s.Props = r.props()
		s.Corked = r.bool()
		r.bool() // has a volume
		r.bool() // it can be written
		r.format()
		all = append(all, s)
	}
	return all, r.err
}

// Move moves a stream by the sink's index. On PipeWire the answer does not
// say that it is there: look with another connection before closing this one.
func (n *Conn) Move(limit time.Duration, stream, sink uint32) error {
	var w writer
	w.u32(stream)
	w.u32(sink)
	w.null()
	_, err := n.call(limit, cmdMoveSinkInput, w.b)
	return err
}

// SetDefaultSink asks for another default sink. On PipeWire the session manager
// decides, after the answer.
func (n *Conn) SetDefaultSink(limit time.Duration, sink string) error {
	var w writer
	w.str(sink)
	_, err := n.call(limit, cmdSetDefaultSink, w.b)
	return err
}

// Load loads a module and returns its index.
func (n *Conn) Load(limit time.Duration, name string, args ...string) (uint32, error) {
	var w writer
	w.str(name)
	w.str(strings.Join(args, " "))
	r, err := n.call(limit, cmdLoadModule, w.b)
	if err != nil {
		return 0, err
	}
	index := r.u32()
	return index, r.err
}

// Unload unloads a module.
func (n *Conn) Unload(limit time.Duration, index uint32) error {
	var w writer
	w.u32(index)
	_, err := n.call(limit, cmdUnloadModule, w.b)
	return err
}

// Subscribe asks for events of the facilities in the mask
// (pa_subscription_mask_t); Events then gets a value after each, or after
// several that came close together.
func (n *Conn) Subscribe(limit time.Duration, mask uint32) error {
	var w writer
	w.u32(mask)
	_, err := n.call(limit, cmdSubscribe, w.b)
	return err
}

// Events has a value when something happened since the last one was taken.
func (n *Conn) Events() <-chan struct{} { return n.events }

// Play creates a stream of silence that goes on until the connection ends,
// and returns its sink input index. At most one caller at a time; several
// streams on one connection are fine.
func (n *Conn) Play(limit time.Duration, p Playback) (uint32, error) {
	const rate = 44100
	var w writer
	w.spec(rate)
	w.stereo()
	w.u32(None)
	if p.Sink == "" {
		w.null()
	} else {
		w.str(p.Sink)
	}
	const second = rate * 4
	w.u32(2 * second) // maximal length
	w.bool(p.Corked)
	w.u32(second / 5) // target length
	w.u32(None)       // pre-buffering: the server's default
	w.u32(None)       // smallest request: the server's default
	w.u32(n.unique()) // synchronised with no other stream
	w.volume(0x10000)
	for _, flag := range []bool{
		false,    // no remap
		false,    // no remix
		false,    // fix format
		false,    // fix rate
		false,    // fix channels
		p.NoMove, // do not move
		false,    // variable rate
		false,    // muted
		false,    // adjust latency
	} {
		w.bool(flag)
	}
	props := map[string]string{"media.name": p.Media}
	for k, v := range p.Props {
		props[k] = v
	}
	w.props(props)
	for range 7 {
		// volume set, early requests, muted set, do not inhibit suspend,
		// fail on suspend, relative volume, passthrough
		w.bool(false)
	}
	w.u8(0) // formats

	n.mu.Lock()
	n.requests = n.feed
	n.mu.Unlock()
	r, err := n.call(limit, cmdCreatePlayback, w.b)
	if err != nil {
		return 0, err
	}
	channel, index, missing := r.u32(), r.u32(), r.u32()
	if r.err != nil {
		return 0, r.err
	}
	n.feed(channel, missing)
	return index, nil
}

// unique is a number not used before on this connection.
func (n *Conn) unique() uint32 {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.next++
	return n.next
}

// feed sends silence. A connection that does not take it is about to end.
func (n *Conn) feed(channel, bytes uint32) {
	const most = 1 << 20
	_ = n.frame(time.Minute, channel, make([]byte, min(bytes, most)))
}

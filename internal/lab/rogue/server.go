// Package rogue has servers that misbehave on command: a sound server that
// speaks the PulseAudio native protocol (Server), and a go-between for an X
// server that cuts, changes or delays what is said (Display). They are for
// tests of the built programs only.
//
// Source of the native protocol's numbers: PulseAudio 16.1,
// src/pulsecore/native-common.h, pstream.c and protocol-native.c, in protocol
// version 32.
package rogue

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// Request is one request of a client.
type Request struct {
	Command, Tag uint32
	// Args is what follows command and tag.
	Args []byte
}

// Number is the n-th argument, when all arguments up to it are 32-bit
// numbers; else 0.
func (r Request) Number(n int) uint32 {
	if at := 5 * n; len(r.Args) >= at+5 && r.Args[at] == 'L' {
		return binary.BigEndian.Uint32(r.Args[at+1:])
	}
	return 0
}

// Behaviour says how a server misbehaves. The zero value behaves.
type Behaviour struct {
	// Greet is called for each new connection, before anything is read; nil
	// does nothing. The connection ends when it returns false.
	Greet func(*Conn) bool
	// Answer is called for each request with the frame that a server which
	// behaves would send; nil sends it. It is called from the connection's own
	// goroutine: no further request is read before it returns.
	Answer func(c *Conn, r Request, honest []byte)
	// Still makes no move and switches nothing, and yet acknowledges it.
	Still bool
}

// Server is a sound server for as many clients as come.
type Server struct {
	// Address is as PULSE_SERVER wants it.
	Address string

	listener net.Listener
	handlers sync.WaitGroup
	stop     chan struct{}

	mu        sync.Mutex
	closed    bool
	behaviour Behaviour
	world     World
	conns     map[*Conn]bool
	accepted  int
	nth       int // of the connections since the last Behave
}

// Listen starts a server on a socket, "unix:/path", or on a port of the
// loopback interface, "tcp:".
func Listen(address string, w World) (*Server, error) {
	network, where := "unix", address
	if address == "tcp:" {
		network, where = "tcp", "127.0.0.1:0"
	} else {
		where = address[len("unix:"):]
	}
	l, err := net.Listen(network, where)
	if err != nil {
		return nil, err
	}
	s := &Server{Address: address, listener: l, stop: make(chan struct{}), conns: map[*Conn]bool{}, world: w.clone()}
	s.world.prepare()
	if network == "tcp" {
		s.Address = "tcp:" + l.Addr().String()
	}
	s.handlers.Go(s.accept)
	return s, nil
}

// Close ends the server and all its connections, and waits for its
// goroutines.
func (s *Server) Close() {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.stop)
		s.listener.Close()
	}
	s.mu.Unlock()
	s.Hangup()
	s.handlers.Wait()
}

// Behave changes the server's manners for every request and connection that
// comes from now on, and begins a new world.
func (s *Server) Behave(b Behaviour, w World) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.behaviour, s.world, s.nth = b, w.clone(), 0
	s.world.prepare()
}

// Hangup ends all connections.
func (s *Server) Hangup() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
}

// On is the sink a stream is on, None when there is no such stream.
func (s *Server) On(stream uint32) uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.world.stream(stream); t != nil {
		return t.Sink
	}
	return None
}

// Port is the active port of a sink, and Profile the profile of a card, "" when
// there is no such thing.
func (s *Server) Port(sink uint32) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.world.Sinks {
		if k.Index == sink {
			return k.Active
		}
	}
	return ""
}

// Profile is Port's companion.
func (s *Server) Profile(card uint32) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.world.Cards {
		if c.Index == card {
			return c.Active
		}
	}
	return ""
}

// Volume is a stream's volume, 0x10000 for 100 %; None when there is no such
// stream.
func (s *Server) Volume(stream uint32) uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.world.stream(stream); t != nil {
		return normal - t.Quiet
	}
	return None
}

// Accepted counts the connections so far.
func (s *Server) Accepted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.accepted++
		s.nth++
		c := &Conn{Conn: conn, Number: s.accepted, Nth: s.nth, server: s}
		if s.closed {
			conn.Close()
		} else {
			s.conns[c] = true
			s.handlers.Go(func() { s.serve(c) })
		}
		s.mu.Unlock()
	}
}

// firstIndex is the client index of the first connection.
const firstIndex = 1000

func (s *Server) serve(c *Conn) {
	defer func() {
		c.Close()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
	s.mu.Lock()
	greet := s.behaviour.Greet
	s.mu.Unlock()
	if greet != nil && !greet(c) {
		return
	}
	for {
		r, err := c.request()
		if err != nil {
			return
		}
		s.mu.Lock()
		honest := Reply(r, nil)
		if !s.behaviour.Still || r.Command != OpMove && r.Command != OpMoveRecord && r.Command != OpPort && r.Command != OpProfile {
			honest = s.world.answer(r, firstIndex+uint32(c.Number))
		}
		answer := s.behaviour.Answer
		s.mu.Unlock()
		if answer == nil {
			c.Send(honest)
		} else {
			answer(c, r, honest)
		}
	}
}

// Conn is one client of the server.
type Conn struct {
	net.Conn
	// Number counts the server's connections from 1.
	Number int
	// Nth counts those since the last Behave from 1.
	Nth int
	// Held is for a Behaviour to keep frames in.
	Held [][]byte

	server *Server
}

var errFrame = errors.New("the client sends no frame")

func (c *Conn) request() (Request, error) {
	var head [headerSize]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return Request{}, err
	}
	length := binary.BigEndian.Uint32(head[:])
	if length < commandSize || length > 1<<20 {
		return Request{}, errFrame
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(c, body); err != nil {
		return Request{}, err
	}
	return Request{
		Command: binary.BigEndian.Uint32(body[1:]),
		Tag:     binary.BigEndian.Uint32(body[6:]),
		Args:    body[commandSize:],
	}, nil
}

// Send writes bytes. That the client does not take them is no error here: it
// ends with the connection.
func (c *Conn) Send(pieces ...[]byte) {
	buffers := net.Buffers(pieces)
	_, _ = buffers.WriteTo(c.Conn)
}

// Drip sends a few bytes at a time, until all are sent, the client is gone or
// the server is closed.
func (c *Conn) Drip(b []byte, n int, every time.Duration) {
	for len(b) > 0 {
		n := min(n, len(b))
		if _, err := c.Write(b[:n]); err != nil || !c.Wait(every) {
			return
		}
		b = b[n:]
	}
}

// Flood sends the same bytes again until the client is gone or the server is
// closed.
func (c *Conn) Flood(b []byte) {
	for {
		if _, err := c.Write(b); err != nil {
			return
		}
	}
}

// Wait waits; false when the server was closed meanwhile.
func (c *Conn) Wait(d time.Duration) bool {
	if d == 0 {
		select {
		case <-c.server.stop:
			return false
		default:
			return true
		}
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.server.stop:
		return false
	}
}

// Reset ends the connection so that the client is told of an error, not of an
// end: with RST over TCP, and on a Unix socket by leaving something unread,
// which the caller has to see to (unix(7), ECONNRESET).
func (c *Conn) Reset() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	c.Close()
}

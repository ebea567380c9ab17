package rogue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
)

// Manners say what a go-between does to the talk of a client and its X server.
// The zero value does nothing.
type Manners struct {
	// Limit is how many bytes of the server get through, when it is more than
	// 0; then the connection ends, or falls silent when Mute is true.
	Limit int
	Mute  bool
	// Answered is called when the server has answered the n-th request (0 is
	// the connection setup), and before the next one goes out. Every request
	// must be one that is answered.
	Answered func(n int)
	// Change may change what the server sends: the setup's answer (n is 0)
	// and then each reply, error and event, whole. It returns what the client
	// gets.
	Change func(n int, packet []byte) []byte
}

// Display is a go-between: a display of its own, behind which is another one.
type Display struct {
	// Name is the display's name, ":N".
	Name string

	server   string
	listener net.Listener
	links    sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	manners  Manners
	conns    map[net.Conn]bool
	requests int
	bytes    int
}

// Between starts a go-between in front of the display number server.
func Between(server int) (*Display, error) {
	var err error
	for range 50 {
		// Above the numbers of the lab's displays. The socket has no name in
		// the file system, so nothing is left behind.
		number := 21000 + rand.IntN(30000)
		var l net.Listener
		if l, err = net.Listen("unix", fmt.Sprintf("@/tmp/.X11-unix/X%d", number)); err != nil {
			continue
		}
		d := &Display{
			Name:     fmt.Sprintf(":%d", number),
			server:   fmt.Sprintf("/tmp/.X11-unix/X%d", server),
			listener: l,
			conns:    map[net.Conn]bool{},
		}
		d.links.Go(d.accept)
		return d, nil
	}
	return nil, err
}

// Behave changes the manners for connections that come from now on, and begins
// to count anew.
func (d *Display) Behave(m Manners) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.manners, d.requests, d.bytes = m, 0, 0
}

// Counts says how many requests went out since the last Behave, the
// connections' setups not counted, and how many bytes came back.
func (d *Display) Counts() (requests, bytes int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.requests, d.bytes
}

// Close ends the go-between and all its connections, and waits for its
// goroutines.
func (d *Display) Close() {
	d.mu.Lock()
	d.closed = true
	d.listener.Close()
	for c := range d.conns {
		c.Close()
	}
	d.mu.Unlock()
	d.links.Wait()
}

func (d *Display) accept() {
	for {
		client, err := d.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("unix", d.server)
		if err != nil {
			client.Close()
			continue
		}
		d.mu.Lock()
		l := &link{display: d, manners: d.manners, client: client, server: server, answers: make(chan uint16, 1<<16), ended: make(chan struct{})}
		d.conns[client], d.conns[server] = true, true
		if d.closed {
			client.Close()
			server.Close()
		}
		d.links.Go(l.up)
		d.links.Go(l.down)
		d.mu.Unlock()
	}
}

// link is one client of the go-between.
type link struct {
	display        *Display
	manners        Manners
	client, server net.Conn
	answers        chan uint16 // sequence numbers of answers
	ended          chan struct{}
}

func (l *link) close() {
	l.client.Close()
	l.server.Close()
	d := l.display
	d.mu.Lock()
	delete(d.conns, l.client)
	delete(d.conns, l.server)
	d.mu.Unlock()
}

// up carries what the client says.
func (l *link) up() {
	defer l.close()
	if l.manners.Answered == nil {
		// Requests may be of any form.
		_, _ = io.Copy(l.server, l.client)
		return
	}
	head := make([]byte, 12)
	if _, err := io.ReadFull(l.client, head); err != nil {
		return
	}
	pad := func(n uint16) int { return (int(n) + 3) &^ 3 }
	rest := pad(binary.LittleEndian.Uint16(head[6:])) + pad(binary.LittleEndian.Uint16(head[8:]))
	if l.pass(head, rest) != nil || !l.wait(0) {
		return
	}
	for n := 1; ; n++ {
		head := make([]byte, 4)
		if _, err := io.ReadFull(l.client, head); err != nil {
			return
		}
		length := 4 * int(binary.LittleEndian.Uint16(head[2:]))
		if length < 4 {
			return // a big request, which nobody here sends
		}
		if l.pass(head, length-4) != nil {
			return
		}
		l.display.mu.Lock()
		l.display.requests++
		l.display.mu.Unlock()
		if !l.wait(uint16(n)) {
			return
		}
	}
}

func (l *link) pass(head []byte, rest int) error {
	b := append(head, make([]byte, rest)...)
	if _, err := io.ReadFull(l.client, b[len(head):]); err != nil {
		return err
	}
	_, err := l.server.Write(b)
	return err
}

// wait waits for the answer to request n.
func (l *link) wait(n uint16) bool {
	for {
		select {
		case got := <-l.answers:
			if got != n {
				continue
			}
			l.manners.Answered(int(n))
			return true
		case <-l.ended:
			return false
		}
	}
}

var errLimit = errors.New("no more gets through")

// down carries what the server says.
func (l *link) down() {
	defer close(l.ended)
	m, sent := l.manners, 0
	for n := 0; ; n++ {
		packet, answer, err := l.packet(n == 0)
		if err == nil {
			if answer {
				sequence := uint16(0)
				if n > 0 {
					sequence = binary.LittleEndian.Uint16(packet[2:])
				}
				select {
				case l.answers <- sequence:
				default:
				}
			}
			if m.Change != nil {
				packet = m.Change(n, packet)
			}
			if m.Limit > 0 && sent+len(packet) >= m.Limit {
				packet, err = packet[:m.Limit-sent], errLimit
			}
			sent += len(packet)
			l.display.mu.Lock()
			l.display.bytes += len(packet)
			l.display.mu.Unlock()
			if _, e := l.client.Write(packet); err == nil {
				err = e
			}
		}
		if errors.Is(err, errLimit) && m.Mute {
			_, _ = io.Copy(io.Discard, l.server) // until the client goes
		}
		if err != nil {
			l.close()
			return
		}
	}
}

// packet reads the setup's answer, or a reply, error or event. answer is false
// for an event.
func (l *link) packet(first bool) (packet []byte, answer bool, err error) {
	size := 32
	if first {
		size = 8
	}
	packet = make([]byte, size)
	if _, err := io.ReadFull(l.server, packet); err != nil {
		return nil, false, err
	}
	rest := 0
	switch {
	case first:
		rest = 4 * int(binary.LittleEndian.Uint16(packet[6:]))
	case packet[0] == 1 || packet[0]&0x7f == 35:
		rest = 4 * int(binary.LittleEndian.Uint32(packet[4:]))
	}
	packet = append(packet, make([]byte, rest)...)
	if _, err := io.ReadFull(l.server, packet[size:]); err != nil {
		return nil, false, err
	}
	return packet, first || packet[0] <= 1, nil
}

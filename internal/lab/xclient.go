package lab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// xclient is a connection to an X server that asks one question at a time:
// enough to see windows and to move the focus, and nothing in common with
// package x11, which is under test. Source: X Window System Protocol, X
// Version 11, appendix B.
type xclient struct {
	mu    sync.Mutex
	conn  net.Conn
	seq   uint16
	root  uint32
	atoms map[string]uint32
}

var errWindow = errors.New("no such window")

// xdial connects to display number n. cookie is MIT-MAGIC-COOKIE-1 data, nil
// for none.
func xdial(n int, cookie []byte) (*xclient, error) {
	conn, err := net.DialTimeout("unix", fmt.Sprintf("/tmp/.X11-unix/X%d", n), observeTime)
	if err != nil {
		return nil, err
	}
	x := &xclient{conn: conn, atoms: map[string]uint32{}}
	if err := x.setup(cookie); err != nil {
		conn.Close()
		return nil, err
	}
	return x, nil
}

func pad4(n int) int { return (n + 3) &^ 3 }

func (x *xclient) setup(cookie []byte) error {
	name := ""
	if cookie != nil {
		name = "MIT-MAGIC-COOKIE-1"
	}
	b := make([]byte, 12+pad4(len(name))+pad4(len(cookie)))
	b[0] = 'l'
	binary.LittleEndian.PutUint16(b[2:], 11)
	binary.LittleEndian.PutUint16(b[6:], uint16(len(name)))
	binary.LittleEndian.PutUint16(b[8:], uint16(len(cookie)))
	copy(b[12:], name)
	copy(b[12+pad4(len(name)):], cookie)
	_ = x.conn.SetDeadline(time.Now().Add(observeTime))
	if _, err := x.conn.Write(b); err != nil {
		return err
	}
	var head [8]byte
	if _, err := io.ReadFull(x.conn, head[:]); err != nil {
		return err
	}
	rest := make([]byte, 4*int(binary.LittleEndian.Uint16(head[6:])))
	if _, err := io.ReadFull(x.conn, rest); err != nil {
		return err
	}
	if head[0] != 1 {
		return fmt.Errorf("the X server refuses: %.*q", head[1], rest)
	}
	// Fixed part of 32 bytes, vendor, formats of 8 bytes, first screen.
	at := 32 + pad4(int(binary.LittleEndian.Uint16(rest[16:]))) + 8*int(rest[21])
	if len(rest) < at+4 {
		return errors.New("a short X setup")
	}
	x.root = binary.LittleEndian.Uint32(rest[at:])
	return nil
}

func (x *xclient) close() { x.conn.Close() }

// request sends a request, its length field filled in here, and reads its
// reply when it has one. Events and errors of requests without a reply are
// skipped.
func (x *xclient) request(b []byte, replies bool) ([]byte, error) {
	binary.LittleEndian.PutUint16(b[2:], uint16(len(b)/4))
	x.seq++
	_ = x.conn.SetDeadline(time.Now().Add(observeTime))
	if _, err := x.conn.Write(b); err != nil {
		return nil, err
	}
	for replies {
		var head [32]byte
		if _, err := io.ReadFull(x.conn, head[:]); err != nil {
			return nil, err
		}
		reply := head[:]
		if head[0] == 1 {
			rest := make([]byte, 4*int(binary.LittleEndian.Uint32(head[4:])))
			if _, err := io.ReadFull(x.conn, rest); err != nil {
				return nil, err
			}
			reply = append(reply, rest...)
		}
		if head[0] > 1 || binary.LittleEndian.Uint16(head[2:]) != x.seq {
			continue
		}
		if head[0] == 0 {
			return nil, fmt.Errorf("%w (X error %d)", errWindow, head[1])
		}
		return reply, nil
	}
	return nil, nil
}

func (x *xclient) atom(name string) (uint32, error) {
	if a, ok := x.atoms[name]; ok {
		return a, nil
	}
	b := make([]byte, 8+pad4(len(name)))
	b[0] = 16
	binary.LittleEndian.PutUint16(b[4:], uint16(len(name)))
	copy(b[8:], name)
	r, err := x.request(b, true)
	if err != nil {
		return 0, err
	}
	a := binary.LittleEndian.Uint32(r[8:])
	x.atoms[name] = a
	return a, nil
}

// property reads a property of any type, "" when it is not set.
func (x *xclient) property(window uint32, name string) ([]byte, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	a, err := x.atom(name)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 24)
	b[0] = 20
	binary.LittleEndian.PutUint32(b[4:], window)
	binary.LittleEndian.PutUint32(b[8:], a)
	binary.LittleEndian.PutUint32(b[20:], 1<<20)
	r, err := x.request(b, true)
	if err != nil {
		return nil, err
	}
	n := int(binary.LittleEndian.Uint32(r[16:])) * int(r[1]) / 8
	if len(r) < 32+n {
		return nil, errors.New("a short X reply")
	}
	return r[32 : 32+n], nil
}

// numbers reads a property of 32 bit units.
func (x *xclient) numbers(window uint32, name string) ([]uint32, error) {
	b, err := x.property(window, name)
	if err != nil {
		return nil, err
	}
	var ns []uint32
	for ; len(b) >= 4; b = b[4:] {
		ns = append(ns, binary.LittleEndian.Uint32(b))
	}
	return ns, nil
}

// number reads the first unit of a property, 0 when it is not set.
func (x *xclient) number(window uint32, name string) uint32 {
	ns, err := x.numbers(window, name)
	if err != nil || len(ns) == 0 {
		return 0
	}
	return ns[0]
}

// children lists the children of a window, lowest first (QueryTree).
func (x *xclient) children(window uint32) ([]uint32, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	b := make([]byte, 8)
	b[0] = 15
	binary.LittleEndian.PutUint32(b[4:], window)
	r, err := x.request(b, true)
	if err != nil {
		return nil, err
	}
	n := int(binary.LittleEndian.Uint16(r[16:]))
	var ws []uint32
	for i := 0; i < n && len(r) >= 36+4*i; i++ {
		ws = append(ws, binary.LittleEndian.Uint32(r[32+4*i:]))
	}
	return ws, nil
}

// message sends a client message about a window to the root window's owner
// of the redirection, the window manager (EWMH 1.5, "Root Window Properties").
func (x *xclient) message(window uint32, kind string, data ...uint32) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	a, err := x.atom(kind)
	if err != nil {
		return err
	}
	b := make([]byte, 44)
	b[0] = 25
	binary.LittleEndian.PutUint32(b[4:], x.root)
	binary.LittleEndian.PutUint32(b[8:], 1<<19|1<<20) // SubstructureNotify, SubstructureRedirect
	event := b[12:]
	event[0], event[1] = 33, 32 // ClientMessage, 32 bit units
	binary.LittleEndian.PutUint32(event[4:], window)
	binary.LittleEndian.PutUint32(event[8:], a)
	for i, d := range data {
		binary.LittleEndian.PutUint32(event[12+4*i:], d)
	}
	if _, err := x.request(b, false); err != nil {
		return err
	}
	return x.sync()
}

// focus sets the input focus itself, as is done without a window manager.
func (x *xclient) focus(window uint32) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	b := make([]byte, 12)
	b[0], b[1] = 42, 1 // revert to PointerRoot
	binary.LittleEndian.PutUint32(b[4:], window)
	if _, err := x.request(b, false); err != nil {
		return err
	}
	return x.sync()
}

// focused is the window with the input focus, 0 or 1 for none or PointerRoot.
func (x *xclient) focused() (uint32, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	r, err := x.request([]byte{43, 0, 0, 0}, true)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(r[8:]), nil
}

// picture asks for all of a window (X11 protocol, GetGeometry and GetImage, in
// the form ZPixmap).
func (x *xclient) picture(window uint32) ([]byte, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	b := make([]byte, 8)
	b[0] = 14
	binary.LittleEndian.PutUint32(b[4:], window)
	r, err := x.request(b, true)
	if err != nil {
		return nil, err
	}
	b = make([]byte, 20)
	b[0], b[1] = 73, 2
	binary.LittleEndian.PutUint32(b[4:], window)
	copy(b[12:16], r[16:20]) // width and height
	binary.LittleEndian.PutUint32(b[16:], ^uint32(0))
	if r, err = x.request(b, true); err != nil {
		return nil, err
	}
	return r[32:], nil
}

// kill closes a window's client (KillClient).
func (x *xclient) kill(window uint32) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	b := make([]byte, 8)
	b[0] = 113
	binary.LittleEndian.PutUint32(b[4:], window)
	if _, err := x.request(b, false); err != nil {
		return err
	}
	return x.sync()
}

// sync waits until the server has done all that was asked (GetInputFocus).
func (x *xclient) sync() error {
	_, err := x.request([]byte{43, 0, 0, 0}, true)
	return err
}

// xauthority is one entry of an .Xauthority file (Xau(3)): family Local, this
// host's name, the display's number, MIT-MAGIC-COOKIE-1.
func xauthority(display string, cookie []byte) ([]byte, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	b := binary.BigEndian.AppendUint16(nil, 256)
	for _, s := range []string{host, display, "MIT-MAGIC-COOKIE-1", string(cookie)} {
		b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
		b = append(b, s...)
	}
	return b, nil
}

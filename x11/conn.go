package x11

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

// Options say which display to open.
type Options struct {
	// Display is a display name as in DISPLAY; "" means the environment's.
	Display string
	// Getenv reads DISPLAY, XAUTHORITY and HOME; nil means os.Getenv.
	Getenv func(string) string
}

// Conn is a connection to an X server. Its methods may be used by several
// goroutines at once. A context that ends while a method waits ends the
// connection too: there is no other way to stop waiting for a server that
// does not answer. Close it in any case.
type Conn struct {
	x     *xgb.Conn
	guard *guard
	setup setup
	root  WindowID
	atoms atoms
	ext   extensions
	// xwayland is what RandR says, once it was asked: see xwayland*.
	xwayland atomic.Int32
	mapping  chan struct{}
	focus    chan struct{} // see FocusChanges
	done     chan struct{}
}

const (
	xwaylandUnknown = iota
	xwaylandNo
	xwaylandYes
)

// atoms are the atoms that are not predefined. One is 0 when nobody on this
// server has ever used its name, and so no window has the property.
type atoms struct {
	check, active, clients, kind, pid, name uint32
	state                                   uint32
	normal, dialog, utility, desktop, dock  uint32
}

// extensions are major opcodes; 0 when the server lacks the extension.
type extensions struct {
	resource, randr byte
	xwayland        byte
}

// Open connects to the display and reads what the other calls need, in one
// round trip. Errors: ErrNoDisplay, *OpenError.
func Open(ctx context.Context, o Options) (*Conn, error) {
	getenv := o.Getenv
	if getenv == nil {
		getenv = os.Getenv
	}
	name := o.Display
	if name == "" {
		name = getenv("DISPLAY")
	}
	d, err := parseDisplay(name)
	if errors.Is(err, ErrNoDisplay) {
		return nil, ErrNoDisplay
	}
	var c *Conn
	if err == nil {
		c, err = open(ctx, d, getenv)
	}
	if err != nil {
		// The dialer may see the deadline pass before the context does.
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(ctx.Err(), context.DeadlineExceeded) {
			err = ErrTimeout
		} else if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, &OpenError{Display: name, Err: err}
	}
	return c, nil
}

func open(ctx context.Context, d display, getenv func(string) string) (*Conn, error) {
	socket, screen, err := dial(ctx, d)
	if err != nil {
		return nil, err
	}
	cookie, err := readCookie(d, socket, getenv)
	if err != nil {
		socket.Close()
		return nil, err
	}
	var c *Conn
	err = closing(ctx, socket, func() error {
		in := bufio.NewReaderSize(socket, 32<<10)
		names := introduction()
		block, err := greet(socket, in, cookie, names)
		if err != nil {
			return err
		}
		s, err := parseSetup(block)
		if err != nil {
			return err
		}
		if screen >= len(s.roots) {
			return fmt.Errorf("it has no screen %d", screen)
		}
		c, err = newConn(newGuard(socket, in, block, len(names)), s, s.roots[screen])
		if err != nil {
			return err
		}
		return c.introduce(names)
	})
	if err != nil {
		socket.Close()
		if c != nil {
			<-c.done
		}
		return nil, err
	}
	return c, nil
}

// dial tries the display's sockets in order. The error is the last one's: for
// a display of this machine that of the socket with a name in the file system.
func dial(ctx context.Context, d display) (net.Conn, int, error) {
	var err error
	for _, a := range d.addresses() {
		for {
			var socket net.Conn
			if socket, err = dialOne(ctx, a); err == nil {
				if err = known(socket); err == nil {
					return socket, a.screen, nil
				}
				socket.Close()
			}
			// A server with a full queue of connections: connect(2) of a
			// Unix socket that may not block says EAGAIN instead of waiting.
			if !errors.Is(err, syscall.EAGAIN) || !pause(ctx, 5*time.Millisecond) {
				break
			}
		}
	}
	return nil, 0, err
}

// dialOne connects to one address. A Unix socket connects or fails at once, and
// is not worth the goroutine with which a Dialer watches its context.
func dialOne(ctx context.Context, a address) (net.Conn, error) {
	if a.network != "unix" {
		var dialer net.Dialer
		return dialer.DialContext(ctx, a.network, a.addr)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	socket, err := net.DialUnix(a.network, nil, &net.UnixAddr{Name: a.addr, Net: a.network})
	if err != nil {
		return nil, err
	}
	return socket, nil
}

// pause waits, and is false when the context ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// readCookie finds the cookie for the server at the other end of the socket;
// "" when there is none. No .Xauthority, or one that cannot be read, is no
// failure: many servers let the user in without.
func readCookie(d display, socket net.Conn, getenv func(string) string) (string, error) {
	path := getenv("XAUTHORITY")
	if path == "" {
		home := getenv("HOME")
		if home == "" {
			return "", nil
		}
		path = home + "/.Xauthority"
	}
	b, err := readXauthority(path)
	if err != nil {
		return "", err
	}
	entries, _ := parseXauthority(b)
	p := peer{number: strconv.Itoa(d.number)}
	if p.hostname, err = os.Hostname(); err != nil {
		p.hostname = ""
	}
	if tcp, ok := socket.RemoteAddr().(*net.TCPAddr); ok {
		p.ip, _ = netip.AddrFromSlice(tcp.IP)
	}
	return p.cookie(entries), nil
}

// readXauthority reads the file. Only an ordinary file or /dev/null will do:
// a pipe would block here, and once more in the library, with no way out.
func readXauthority(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil
	}
	if path != os.DevNull && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%q is not an ordinary file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxXauthority))
	if err != nil {
		return nil, nil
	}
	return b, nil
}

// greet sends the setup request, and right behind it the first requests, and
// reads the whole answer to the setup. The answers to the others stay in the
// reader. None of those requests needs anything the setup brings, and a server
// that refuses us says so before it looks at them.
func greet(socket io.Writer, in io.Reader, cookie string, first []introduced) ([]byte, error) {
	out := setupRequest(cookie)
	for _, i := range first {
		out = append(out, i.request...)
	}
	if _, err := socket.Write(out); err != nil {
		return nil, hungUp(err)
	}
	head := make([]byte, 8)
	if _, err := io.ReadFull(in, head); err != nil {
		return nil, hungUp(err)
	}
	block := make([]byte, setupLength(head))
	copy(block, head)
	if _, err := io.ReadFull(in, block[8:]); err != nil {
		return nil, hungUp(err)
	}
	return block, nil
}

// hungUp gives the ways a connection ends words. It is reset, rather than at
// its end, when the server left without having read all of what was sent.
func hungUp(err error) error {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, end) {
			return errors.New("the X server hung up")
		}
	}
	return err
}

// newConn hands the socket to the library, which starts its goroutines.
func newConn(g *guard, s setup, root WindowID) (c *Conn, err error) {
	// The library writes to stderr on ordinary connects.
	xgb.Logger.SetOutput(io.Discard)
	defer func() {
		if r := recover(); r != nil {
			c, err = nil, fmt.Errorf("the X11 library failed: %v", r)
		}
	}()
	// The library reads .Xauthority here, for nothing: the guard swallows
	// what it makes of it.
	x, err := xgb.NewConnNet(g)
	if err != nil {
		return nil, err
	}
	c = &Conn{
		x: x, guard: g, setup: s, root: root,
		mapping: make(chan struct{}, 1),
		focus:   make(chan struct{}, 1),
		done:    make(chan struct{}),
	}
	go c.drain()
	return c, nil
}

// drain takes the library's events until the connection has ended, and waits
// for the library's goroutines. The library stops reading when nobody does.
func (c *Conn) drain() {
	defer close(c.done)
	for {
		event, err := c.x.WaitForEvent()
		if event == nil && err == nil {
			break
		}
		if p, ok := event.(xproto.PropertyNotifyEvent); ok {
			c.noteFocus(p)
		}
		if m, ok := event.(xproto.MappingNotifyEvent); ok && m.Request != xproto.MappingPointer {
			select {
			case c.mapping <- struct{}{}:
			default:
			}
		}
	}
	// The library's last goroutines have no end one could wait for, but the
	// one that makes ids closes its channel, and does so after the others
	// were told to stop.
	for {
		if _, err := c.x.NewId(); err == io.EOF {
			return
		}
	}
}

// Close ends the connection and returns when its goroutines have ended.
func (c *Conn) Close() error {
	c.guard.fail(net.ErrClosed)
	<-c.done
	return nil
}

// Done is closed when the connection has ended, for whatever reason.
func (c *Conn) Done() <-chan struct{} { return c.done }

// MappingChanges receives a value after the server changed the keyboard or
// modifier mapping (MappingNotify): at least one after the last change, and
// one may stand for many. There is one channel for the connection, so one
// receiver; it is never closed, see Done.
func (c *Conn) MappingChanges() <-chan struct{} { return c.mapping }

// closing runs f and closes the socket when the context ends before f does.
func closing(ctx context.Context, socket io.Closer, f func() error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		socket.Close()
	})
	err := f()
	if !stop() {
		<-closed
		if err == nil {
			// The answers were all there, but the socket is not any more.
			err = ctx.Err()
		}
	}
	return err
}

// do runs a group of requests under the context's deadline and translates its
// error.
func (c *Conn) do(ctx context.Context, f func() error) error {
	err := closing(ctx, c.guard, f)
	switch {
	case err == nil:
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return ErrTimeout
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, io.EOF) && errors.Is(c.guard.cause(), errFrame):
		return fmt.Errorf("%w: %w", ErrClosed, errFrame)
	case errors.Is(err, io.EOF):
		return ErrClosed
	}
	return err
}

// send queues a request with a reply; receive sends what is queued, so that
// the requests before the first receive leave together.
func (c *Conn) send(request []byte) *xgb.Cookie {
	cookie := c.x.NewCookie(true, true)
	c.x.NewRequest(request, cookie)
	return cookie
}

// receive waits for the reply. ok is false when the server answered with an
// error. err is io.EOF when the connection has ended, else nil.
func (c *Conn) receive(cookie *xgb.Cookie) (raw []byte, ok bool, err error) {
	c.guard.flush()
	raw, err = cookie.Reply()
	if err == nil {
		return raw, true, nil
	}
	if _, isX := err.(xgb.Error); isX {
		return nil, false, nil
	}
	return nil, false, io.EOF
}

// introduced is an atom or an extension that Open asks for.
type introduced struct {
	request []byte
	take    func(c *Conn, reply []byte)
}

// introduction lists what Open asks for.
func introduction() []introduced {
	atom := func(name string, at func(*atoms) *uint32) introduced {
		// Created when missing: a long-lived connection may be older than
		// the window manager.
		return introduced{internAtom(name), func(c *Conn, reply []byte) { *at(&c.atoms) = parseAtom(reply) }}
	}
	extension := func(name string, at func(*extensions) *byte) introduced {
		return introduced{queryExtension(name), func(c *Conn, reply []byte) { *at(&c.ext) = parseExtension(reply) }}
	}
	return []introduced{
		atom("_NET_SUPPORTING_WM_CHECK", func(a *atoms) *uint32 { return &a.check }),
		atom("_NET_ACTIVE_WINDOW", func(a *atoms) *uint32 { return &a.active }),
		atom("_NET_CLIENT_LIST", func(a *atoms) *uint32 { return &a.clients }),
		atom("_NET_WM_WINDOW_TYPE", func(a *atoms) *uint32 { return &a.kind }),
		atom("_NET_WM_PID", func(a *atoms) *uint32 { return &a.pid }),
		atom("_NET_WM_NAME", func(a *atoms) *uint32 { return &a.name }),
		atom("_NET_WM_WINDOW_TYPE_NORMAL", func(a *atoms) *uint32 { return &a.normal }),
		atom("_NET_WM_WINDOW_TYPE_DIALOG", func(a *atoms) *uint32 { return &a.dialog }),
		atom("_NET_WM_WINDOW_TYPE_UTILITY", func(a *atoms) *uint32 { return &a.utility }),
		atom("_NET_WM_WINDOW_TYPE_DESKTOP", func(a *atoms) *uint32 { return &a.desktop }),
		atom("_NET_WM_WINDOW_TYPE_DOCK", func(a *atoms) *uint32 { return &a.dock }),
		atom("WM_STATE", func(a *atoms) *uint32 { return &a.state }),
		extension("X-Resource", func(e *extensions) *byte { return &e.resource }),
		extension("RANDR", func(e *extensions) *byte { return &e.randr }),
		extension("XWAYLAND", func(e *extensions) *byte { return &e.xwayland }),
	}
}

// introduce gives the library the requests that greet has sent, and takes
// their answers.
func (c *Conn) introduce(list []introduced) error {
	cookies := make([]*xgb.Cookie, len(list))
	for i, n := range list {
		cookies[i] = c.send(n.request)
	}
	for i, cookie := range cookies {
		raw, _, err := c.receive(cookie)
		if err != nil {
			return hungUp(err)
		}
		list[i].take(c, raw)
	}
	return nil
}

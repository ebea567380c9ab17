package pulse

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jfreymuth/pulse/proto"
)

const (
	// patience bounds every wait whose context has no deadline.
	patience = 10 * time.Second
	// libraryTime is the library's own timeout, which must be set: longer
	// than any wait, for contexts are what ends them.
	libraryTime = 24 * time.Hour
	// sendTime bounds one write to the socket.
	sendTime = 2 * time.Second
	// busyPause is the wait after a connect that found the server's queue
	// of connections full.
	busyPause = 2 * time.Millisecond
)

var (
	errForeign   = errors.New("the socket belongs to another user")
	errNotSocket = errors.New("it is not a socket")
	errOld       = errors.New("the sound server is older than PulseAudio 9 (protocol 32)")
)

// link is one authenticated connection to a server. It ends for good with the
// first failure that is not an answer of the server.
type link struct {
	conn   net.Conn
	guard  *guard
	client *proto.Client
	// self is the client index the server gave this connection.
	self ClientIndex
	done chan struct{} // closed when the library's goroutine has ended

	mu     sync.Mutex
	cause  error        // why it ended; nil while it lives
	events []chan Event // of subscribe
}

// peer is whom a link talks to, with what a second link needs.
type peer struct {
	address address
	name    string
	// cookie is asked for the cookie to send; not before it is needed.
	cookie func() []byte
	// wanted are the keys of the properties to read; nil for all.
	wanted map[string]bool
	// known is the cookie that was accepted, nil before the first link.
	known []byte
}

// openLink connects and authenticates. Over a local socket whose server runs
// as the same user the credentials in the first message are enough (PulseAudio
// and pipewire-pulse), and the cookie is only read when they are not.
func openLink(ctx context.Context, p *peer) (*link, error) {
	if p.known != nil {
		return p.open(ctx, p.known)
	}
	conn, credentials, err := connect(ctx, p.address)
	if err != nil {
		return nil, err
	}
	cookie := make([]byte, cookieLength)
	if !credentials {
		cookie = p.cookie()
	}
	l, err := newLink(ctx, conn, p, cookie)
	if credentials && errors.Is(err, ErrDenied) {
		cookie = p.cookie()
		l, err = p.open(ctx, cookie)
	}
	if err == nil {
		p.known = cookie
	}
	return l, err
}

func (p *peer) open(ctx context.Context, cookie []byte) (*link, error) {
	conn, _, err := connect(ctx, p.address)
	if err != nil {
		return nil, err
	}
	return newLink(ctx, conn, p, cookie)
}

// connect opens the connection. credentials is true when the server at the
// other end is a process of our own user.
func connect(ctx context.Context, a address) (conn net.Conn, credentials bool, err error) {
	if a.Network == "unix" {
		return connectUnix(ctx, a.Addr)
	}
	var d net.Dialer
	conn, err = d.DialContext(ctx, a.Network, a.Addr)
	if err != nil {
		return nil, false, dialError(ctx, err)
	}
	return conn, false, nil
}

func connectUnix(ctx context.Context, path string) (net.Conn, bool, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, false, dialError(ctx, err)
	}
	if info.Mode()&fs.ModeSocket == 0 {
		return nil, false, errNotSocket
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || !trusted(path, st.Uid) {
		return nil, false, errForeign
	}
	conn, err := dialUnix(ctx, path)
	if err != nil {
		return nil, false, dialError(ctx, err)
	}
	uid, err := peerUID(conn)
	if err == nil && !trusted(path, uid) {
		err = errForeign
	}
	if err != nil {
		conn.Close()
		return nil, false, err
	}
	return conn, int(uid) == os.Getuid(), nil
}

// trusted tells whether a server of user uid at path may speak to us: only
// our own and root's, and whoever runs the system-wide server, whose directory
// only root can make.
func trusted(path string, uid uint32) bool {
	return int(uid) == os.Getuid() || uid == 0 || filepath.Clean(path) == systemSocket
}

// dialUnix connects to the socket. A server that has its queue of connections
// full (it is busy, or stopped) makes connect(2) fail at once with EAGAIN;
// then it waits, as a blocking connect would.
func dialUnix(ctx context.Context, path string) (*net.UnixConn, error) {
	to := &net.UnixAddr{Name: path, Net: "unix"}
	for {
		conn, err := net.DialUnix("unix", nil, to)
		if !errors.Is(err, syscall.EAGAIN) {
			return conn, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(busyPause):
		}
	}
}

// peerUID returns the user that listens at the other end (SO_PEERCRED,
// unix(7)).
func peerUID(conn *net.UnixConn) (uint32, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *syscall.Ucred
	var credErr error
	err = raw.Control(func(fd uintptr) {
		cred, credErr = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	if err = errors.Join(err, credErr); err != nil {
		return 0, err
	}
	return cred.Uid, nil
}

// dialError gives the ordinary failures of connecting words of their own.
func dialError(ctx context.Context, err error) error {
	say := func(text string) error { return &plainError{text: text, err: err} }
	var dns *net.DNSError
	var timeout interface{ Timeout() bool }
	switch {
	case ctx.Err() != nil:
		return ctxError(ctx)
	case errors.Is(err, fs.ErrNotExist):
		return say("there is no such socket")
	case errors.Is(err, syscall.ECONNREFUSED):
		return say("nothing listens there")
	case errors.Is(err, fs.ErrPermission):
		return say("permission denied")
	case errors.Is(err, syscall.ENOTDIR):
		return say("there is no such directory")
	case errors.As(err, &dns):
		return say("the host " + strconv.Quote(dns.Name) + " is not known")
	case errors.As(err, &timeout) && timeout.Timeout():
		return &plainError{text: ErrTimeout.Error(), err: errors.Join(ErrTimeout, err)}
	}
	return say(plain(err))
}

// plain drops operation and address from a net error.
func plain(err error) string {
	if e := new(net.OpError); errors.As(err, &e) {
		err = e.Err
	}
	if e := new(os.SyscallError); errors.As(err, &e) {
		err = e.Err
	}
	return err.Error()
}

// ctxError translates the end of a context.
func ctxError(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ErrTimeout
	}
	return context.Cause(ctx)
}

// newLink starts the library on conn and authenticates. AUTH and
// SET_CLIENT_NAME go out together; nothing else may before both are answered:
// pipewire-pulse answers a list asked earlier with an empty one.
func newLink(ctx context.Context, conn net.Conn, p *peer, cookie []byte) (*link, error) {
	l := &link{conn: conn, done: make(chan struct{})}
	l.guard = newGuard(conn, l.sender(), l.fail)
	l.guard.wanted = p.wanted
	l.client = &proto.Client{Callback: l.callback}
	l.client.SetTimeout(libraryTime)
	l.client.Open(l.guard)

	var auth proto.AuthReply
	var named proto.SetClientNameReply
	calls := []call{
		{request: &proto.Auth{Version: protocolVersion, Cookie: cookie}, reply: &auth},
		{request: &proto.SetClientName{Props: proto.PropList{
			"application.name":           proto.PropListString(p.name),
			"application.process.id":     proto.PropListString(strconv.Itoa(os.Getpid())),
			"application.process.binary": proto.PropListString("patoggle"),
		}}, reply: &named},
	}
	err := l.exchange(ctx, calls, true)
	if err == nil {
		err = firstError(calls)
	}
	if err == nil && auth.Version.Version() < protocolVersion {
		err = errOld
	}
	if err != nil {
		l.close()
		return nil, err
	}
	l.client.SetVersion(auth.Version)
	l.self = ClientIndex(named.ClientIndex)
	return l, nil
}

// sender returns the guard's way to the socket. On a local socket the first
// message carries our credentials (SCM_CREDENTIALS), which PulseAudio takes in
// place of the cookie; without them it reads them only now and then.
func (l *link) sender() func([]byte) error {
	var credentials []byte
	if _, ok := l.conn.(*net.UnixConn); ok {
		credentials = syscall.UnixCredentials(&syscall.Ucred{
			Pid: int32(os.Getpid()), Uid: uint32(os.Getuid()), Gid: uint32(os.Getgid()),
		})
	}
	return func(b []byte) error {
		err := l.conn.SetWriteDeadline(time.Now().Add(sendTime))
		if err == nil && credentials != nil {
			var n int
			n, _, err = l.conn.(*net.UnixConn).WriteMsgUnix(b, credentials, nil)
			credentials, b = nil, b[n:]
		}
		if err == nil && len(b) > 0 {
			_, err = l.conn.Write(b)
		}
		switch {
		case err == nil:
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return ErrTimeout
		case errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNRESET):
			return errHangup
		}
		return &plainError{text: errHangup.Error(), err: errors.Join(errHangup, err)}
	}
}

// fail ends the connection for the given reason, unless it ended before.
func (l *link) fail(cause error) {
	l.mu.Lock()
	if l.cause == nil {
		l.cause = cause
	}
	l.mu.Unlock()
	l.conn.Close()
}

// err returns why the connection ended, nil while it lives.
func (l *link) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cause
}

// close ends the connection and waits for the library's goroutine.
func (l *link) close() {
	l.fail(ErrClosed)
	<-l.done
}

// callback is called by the library's goroutine and never blocks.
func (l *link) callback(message any) {
	switch m := message.(type) {
	case *proto.SubscribeEvent:
		l.publish(event(m))
	case *proto.ConnectionClosed:
		l.mu.Lock()
		for _, c := range l.events {
			close(c)
		}
		l.events = nil
		l.mu.Unlock()
		close(l.done)
	}
}

// call is one request; reply is nil when it is answered without values. err
// is set by do. then is called, if it is not nil, as soon as this one is
// answered without an error.
type call struct {
	request proto.RequestArgs
	reply   proto.Reply
	then    func()
	err     error
}

// do sends all requests, as one piece, and waits for every answer. What the
// server answers to a request stands in its err. The error returned is
// another: the connection has failed, all of the calls with it, and their
// replies must not be looked at.
func (l *link) do(ctx context.Context, calls ...call) error {
	return l.exchange(ctx, calls, false)
}

// all is do for calls that are worth something only together: it returns the
// first error of any of them.
func (l *link) all(ctx context.Context, calls ...call) error {
	if err := l.exchange(ctx, calls, false); err != nil {
		return err
	}
	return firstError(calls)
}

func firstError(calls []call) error {
	for i := range calls {
		if calls[i].err != nil {
			return calls[i].err
		}
	}
	return nil
}

// exchange does the work of do. With ordered the requests leave in the order
// of calls; then nothing else may be sent meanwhile.
func (l *link) exchange(ctx context.Context, calls []call, ordered bool) error {
	if err := l.err(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctxError(ctx)
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		l.fail(ctxError(ctx))
	})
	if len(calls) > 1 {
		l.guard.hold(len(calls))
	}
	var group sync.WaitGroup
	last := len(calls) - 1
	for i := range calls {
		c := &calls[i]
		send := func() {
			c.err = l.client.Request(c.request, c.reply)
			if c.err == nil && c.then != nil {
				c.then()
			}
		}
		if i == last {
			send()
			break
		}
		group.Go(send)
		if ordered {
			select {
			case <-l.guard.went:
			case <-l.done:
			}
		}
	}
	group.Wait()
	if !stop() {
		<-ended
	}
	for i := range calls {
		c := &calls[i]
		if c.err == nil {
			continue
		}
		answer := proto.Error(0)
		if !errors.As(c.err, &answer) {
			// The connection has ended, or has to: a reply that arrives
			// after the library's own timeout would be decoded behind
			// our back.
			l.fail(ErrTimeout)
			return l.err()
		}
		c.err = serverCode(c.request, answer)
	}
	return nil
}

// serverCode translates an error code of the server (pulse/def.h,
// pa_error_code_t). Two codes have a meaning of their own for a request about
// a stream.
func serverCode(request proto.RequestArgs, code proto.Error) error {
	switch request.(type) {
	case *proto.CreateRecordStream, *proto.DeleteRecordStream:
		if code == proto.ErrNoSuchEntity {
			return ErrGone
		}
	case *proto.SetSinkPort:
		if code == proto.ErrNoSuchEntity {
			return ErrNoPort
		}
	case *proto.SetCardProfile:
		if code == proto.ErrNoSuchEntity {
			return ErrNoProfile
		}
	case *proto.SetSinkInputVolume:
		if code == proto.ErrNoSuchEntity {
			return ErrGone
		}
	case *proto.MoveSinkInput, *proto.MoveSourceOutput, *proto.GetSinkInputInfo, *proto.GetClientInfo:
		switch code {
		case proto.ErrNoSuchEntity:
			return ErrGone
		case proto.ErrInvalidArgument:
			return ErrRefused
		}
	}
	switch code {
	case proto.ErrAccessDenied, proto.ErrNoAuthenticationKey:
		return ErrDenied
	case proto.ErrTimeout:
		return ErrTimeout
	case proto.ErrProtocolError, malformed:
		return ErrProtocol
	}
	return &serverError{text: strings.TrimPrefix(code.Error(), "pulseaudio: ")}
}

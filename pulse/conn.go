package pulse

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jfreymuth/pulse/proto"
)

// Options say which server to talk to. The zero value is the user's own.
type Options struct {
	// Server is a server list as in PULSE_SERVER; "" means to find one.
	Server string
	// Getenv is os.Getenv when nil.
	Getenv func(string) string
	// Name is application.name, at most 256 bytes; "" means "patoggle".
	Name string
	// Properties are the keys to read of sinks, streams and clients; nil reads
	// all of them, of which there are some 20 to 60 each.
	Properties []string
}

// maxName is the longest client name. A request over 1024 bytes makes the
// library panic.
const maxName = 256

// Conn is a connection to a sound server. Its methods may be called from
// several goroutines. A method whose context ends before the server answered
// ends the connection, and returns ErrTimeout when it was the deadline. A
// context without a deadline is given ten seconds.
type Conn struct {
	main     *link
	peer     *peer
	target   target
	warnings []string

	// The second connection, on PipeWire: it moves nothing, so that what it
	// sees is true. secondLock is held while it is looked at or opened.
	secondLock chan struct{}
	second     *link

	closing context.Context // ends with Close
	cancel  context.CancelFunc

	mu       sync.Mutex
	pipewire *bool         // nil: not known yet
	asking   chan struct{} // closed when a request that will tell is answered
}

// Dial finds a server, connects and passes its authentication. When there is
// none the error is an *UnreachableError. A deadline of ctx is shared out
// among the places that are left to try.
func Dial(ctx context.Context, o Options) (*Conn, error) {
	name := o.Name
	if name == "" {
		name = "patoggle"
	}
	if len(name) > maxName {
		return nil, fmt.Errorf("a client name is at most %d bytes", maxName)
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	f := newFinder(o.Getenv)
	var wanted map[string]bool
	if o.Properties != nil {
		wanted = make(map[string]bool, len(o.Properties))
		for _, key := range o.Properties {
			wanted[key] = true
		}
	}
	targets := f.find(o.Server)
	failed := &UnreachableError{}
	for i, t := range targets {
		err := t.Err
		if err == nil {
			p := &peer{address: t.Address, name: name, cookie: f.cookie, wanted: wanted}
			var l *link
			if l, err = openShare(ctx, p, len(targets)-i); err == nil {
				return newConn(l, p, t, f.warnings), nil
			}
		}
		failed.Attempts = append(failed.Attempts, Attempt{Address: t.Text, Source: t.Source, Err: err})
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil, context.Cause(ctx)
		}
	}
	return nil, failed
}

// openShare opens a link within its share of the time that is left, so that a
// server that does not answer leaves some for those after it. left counts it
// and those after it.
func openShare(ctx context.Context, p *peer, left int) (*link, error) {
	end, _ := ctx.Deadline()
	now := time.Now()
	ctx, cancel := context.WithDeadline(ctx, now.Add(end.Sub(now)/time.Duration(left)))
	defer cancel()
	return openLink(ctx, p)
}

// bounded gives ctx a deadline when it has none.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, patience)
}

func newConn(l *link, p *peer, t target, warnings []string) *Conn {
	c := &Conn{main: l, peer: p, target: t, warnings: warnings, secondLock: make(chan struct{}, 1)}
	c.closing, c.cancel = context.WithCancel(context.Background())
	return c
}

// Address returns where the server was found, in the form of a PULSE_SERVER
// entry, and who named it, as in Attempt.
func (c *Conn) Address() (address, source string) { return c.target.Text, c.target.Source }

// socket is Snapshot.Socket.
func (c *Conn) socket() string {
	if c.peer.address.Network != "unix" {
		return ""
	}
	return c.peer.address.Addr
}

// Warnings returns what was odd on the way to the server, a sentence each: a
// cookie that others can read, say.
func (c *Conn) Warnings() []string { return c.warnings }

// Done returns a channel that is closed when the connection has ended.
func (c *Conn) Done() <-chan struct{} { return c.main.done }

// Err returns why the connection ended; nil while it lives.
func (c *Conn) Err() error { return c.main.err() }

// Close ends the connection and waits for its goroutines. It always returns
// nil.
func (c *Conn) Close() error {
	c.cancel()
	c.main.close()
	c.secondLock <- struct{}{}
	if c.second != nil {
		c.second.close()
	}
	<-c.secondLock
	return nil
}

// Snapshot asks for server, sinks, streams and clients, all at once, and
// joins the streams with their clients.
func (c *Conn) Snapshot(ctx context.Context) (*Snapshot, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	var (
		server  proto.GetServerInfoReply
		sinks   proto.GetSinkInfoListReply
		streams proto.GetSinkInputInfoListReply
		clients proto.GetClientInfoListReply

		unjoined []unjoined
		byIndex  map[ClientIndex]*Client
	)
	s := &Snapshot{Self: c.main.self, Socket: c.socket()}
	asking := c.ask()
	err := c.main.all(ctx,
		call{request: &proto.GetServerInfo{}, reply: &server, then: func() {
			s.Server = toServer(&server)
			c.answered(asking, &server)
		}},
		call{request: &proto.GetSinkInfoList{}, reply: &sinks, then: func() {
			s.Sinks = toSinks(sinks)
			sinks = nil
		}},
		call{request: &proto.GetSinkInputInfoList{}, reply: &streams, then: func() {
			unjoined = toStreams(streams)
			streams = nil
		}},
		call{request: &proto.GetClientInfoList{}, reply: &clients, then: func() {
			byIndex = toClients(clients)
			clients = nil
		}},
	)
	if err != nil {
		c.answered(asking, nil)
		return nil, err
	}
	s.Streams = join(unjoined, byIndex)
	s.Clients = inOrder(byIndex)
	return s, nil
}

// ask notes that a GetServerInfo is on its way, for others to wait for. It
// returns nil when there is no need: another one is, or its answer is known.
func (c *Conn) ask() chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pipewire != nil || c.asking != nil {
		return nil
	}
	c.asking = make(chan struct{})
	return c.asking
}

// answered ends what ask began, unless that was done before; server is nil
// when there is no answer.
func (c *Conn) answered(asking chan struct{}, server *proto.GetServerInfoReply) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if asking == nil || asking != c.asking {
		return
	}
	if server != nil {
		is := toServer(server).PipeWire
		c.pipewire = &is
	}
	c.asking = nil
	close(asking)
}

// isPipeWire tells whether pipewire-pulse answers. It asks when nobody else
// did or does.
func (c *Conn) isPipeWire(ctx context.Context) (bool, error) {
	for {
		c.mu.Lock()
		known, other := c.pipewire, c.asking
		c.mu.Unlock()
		if known != nil {
			return *known, nil
		}
		if other != nil {
			select {
			case <-other:
				continue
			case <-ctx.Done():
				return false, ctxError(ctx)
			}
		}
		asking := c.ask()
		if asking == nil {
			continue
		}
		var server proto.GetServerInfoReply
		err := c.main.all(ctx, call{request: &proto.GetServerInfo{}, reply: &server})
		if err != nil {
			c.answered(asking, nil)
			return false, err
		}
		c.answered(asking, &server)
	}
}

// Subscribe asks for changes of the facilities in mask. Events are hints to
// take another snapshot: when the receiver is slow, the oldest of more than
// 256 waiting events are dropped. The channel is closed when the connection
// ends. The server keeps one mask for each connection, so that a further call
// replaces the mask of the earlier ones. ctx is for the request only.
func (c *Conn) Subscribe(ctx context.Context, mask Facility) (<-chan Event, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	return c.main.subscribe(ctx, mask)
}

package daemon

import (
	"context"
	"sync"
	"time"

	"github.com/patoggle/patoggle/internal/lasting"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/internal/toggle"
	"github.com/patoggle/patoggle/pulse"
)

// routers are the router of what plays and that of what records. They have one
// connection, which is not that of the presses: a move that is waited for holds
// no press up.
type routers struct {
	server             *server
	dial               func(context.Context) (*pulse.Conn, error)
	back               chan struct{} // of one: the sound server has been reached
	playing, recording *router
}

func newRouters(s *server, dial func(context.Context) (*pulse.Conn, error)) *routers {
	return &routers{server: s, dial: dial, back: make(chan struct{}, 1), playing: newRouter(s, false), recording: newRouter(s, true)}
}

// reached is told that the sound server is there.
func (rs *routers) reached() {
	select {
	case rs.back <- struct{}{}:
	default:
	}
}

// reread is told that the configuration was read again.
func (rs *routers) reread() {
	select {
	case rs.playing.again <- struct{}{}:
	default:
	}
}

// pressed takes a press before it moves anything.
func (rs *routers) pressed(input bool, to pulse.SinkIndex, streams ...pulse.StreamIndex) {
	r := rs.playing
	if input {
		r = rs.recording
	}
	r.pressed(to, streams...)
}

// run routes until the context ends, across restarts of the sound server, unless
// another patoggled does that for this user.
func (rs *routers) run(ctx context.Context) {
	release, ok := rs.server.store.Route()
	if !ok {
		rs.server.speak.info("another patoggled brings streams to the sinks of their rules")
		return
	}
	defer release()
	pause := firstBackoff
	for ctx.Err() == nil {
		c, err := rs.dial(ctx)
		if err == nil {
			began := time.Now()
			rs.watch(ctx, c)
			if err := c.Err(); err != nil && rs.server.verbose && ctx.Err() == nil {
				rs.server.speak.info("the connection for rules has ended: %s", term.Escape(err.Error()))
			}
			c.Close()
			if time.Since(began) > steady {
				pause = firstBackoff
			}
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-rs.back:
		case <-ctx.Done():
		}
		timer.Stop()
		pause = min(2*pause, lastBackoff)
	}
}

// watch lets both routers work on one connection until that ends, or the router
// of what plays has to end. Each is told of what concerns it.
func (rs *routers) watch(ctx context.Context, c *pulse.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mask pulse.Facility
	type feed struct {
		mask   pulse.Facility
		events chan pulse.Event
		ended  chan struct{}
	}
	var feeds []feed
	for _, r := range []*router{rs.playing, rs.recording} {
		sink, stream := r.facilities()
		feeds = append(feeds, feed{sink | stream | pulse.FacilityServer, make(chan pulse.Event, 64), make(chan struct{})})
		mask |= feeds[len(feeds)-1].mask
	}
	events, err := c.Subscribe(ctx, mask)
	if err != nil {
		return
	}
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel() // before Wait
	for i, r := range []*router{rs.playing, rs.recording} {
		all.Go(func() {
			defer close(feeds[i].ended)
			r.watch(ctx, c, feeds[i].events)
		})
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-feeds[0].ended:
			return
		case e, ok := <-events:
			if !ok {
				return
			}
			for _, f := range feeds {
				if e.Facility&f.mask == 0 {
					continue
				}
				select {
				case f.events <- e:
				case <-f.ended:
				case <-ctx.Done():
				}
			}
		}
	}
}

// routed is what is needed of a side of a connection; *pulse.Conn and
// *pulse.Inputs have it.
type routed interface {
	Warm(context.Context)
	Snapshot(context.Context) (*pulse.Snapshot, error)
	Stream(context.Context, pulse.StreamIndex) (*pulse.Stream, error)
	Move(context.Context, pulse.SinkIndex, ...pulse.StreamIndex) []error
}

// side is the router's side of a connection.
func (r *router) side(c *pulse.Conn) routed {
	if r.input {
		return c.Inputs()
	}
	return c
}

// facilities are what the server calls sinks and streams of the router's side.
func (r *router) facilities() (sink, stream pulse.Facility) {
	if r.input {
		return pulse.FacilitySource, pulse.FacilityRecording
	}
	return pulse.FacilitySink, pulse.FacilityStream
}

// sideName is the side as it is written down.
func (r *router) sideName() string {
	if r.input {
		return lasting.Recording
	}
	return lasting.Playback
}

// word is what a stream is called in the log.
func (r *router) word() string {
	if r.input {
		return "recording"
	}
	return "stream"
}

// book names the sinks of a snapshot.
func (r *router) book(s *pulse.Snapshot) *toggle.Book {
	return toggle.BookOf(s, r.server.config.Load())
}

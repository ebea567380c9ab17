package daemon

import (
	"context"
	"sync"
	"time"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/identity"
	"github.com/patoggle/patoggle/internal/level"
	"github.com/patoggle/patoggle/internal/routing"
	"github.com/patoggle/patoggle/internal/state"
	"github.com/patoggle/patoggle/internal/toggle"
	"github.com/patoggle/patoggle/pulse"
)

// stands is how long a volume has to last to be remembered. What a press sets on
// its way lasts milliseconds, what a finger passes on a slider not much longer.
const stands = time.Second

// standing is how loud a stream is on its sink, with volume = "remember".
type standing struct {
	key, on string
	now     level.Known
	since   time.Time
	stood   *level.Known // the last volume before that lasted
}

// lasting is the last volume that lasted, nil when none did.
func (h *standing) lasting(at time.Time) *level.Known {
	if at.Sub(h.since) >= stands {
		return &h.now
	}
	return h.stood
}

// volumeKey is by whom the volume of a stream is remembered. The lock is held.
func (r *router) volumeKey(n routing.Stream, s *pulse.Stream) string {
	return toggle.VolumeKey(identity.Identity{Key: r.plays[n].key}, s)
}

// hear takes how loud a stream is. The lock is held.
func (r *router) hear(at time.Time, n routing.Stream, s *pulse.Stream) {
	sink := r.snap.Sink(s.Sink)
	if r.input || sink == nil || r.server.config.Load().Volume != config.VolumeRemember {
		return
	}
	h := r.loud[n]
	if h != nil && h.on != sink.Name {
		r.unhear(at, n)
		h = nil
	}
	now := level.Known{Volume: s.Levels.Max(), Flat: sink.Flat}
	switch {
	case h == nil:
		r.loud[n] = &standing{key: r.volumeKey(n, s), on: sink.Name, now: now, since: at}
	case h.now != now:
		h.stood = h.lasting(at)
		h.now, h.since = now, at
	}
}

// unhear takes that a stream has ended or left its sink: how loud it was there is
// remembered, unless another of its application still plays there. The lock is
// held.
func (r *router) unhear(at time.Time, n routing.Stream) {
	h := r.loud[n]
	delete(r.loud, n)
	if h == nil || h.key == "" {
		return
	}
	for _, other := range r.loud {
		if other.key == h.key && other.on == h.on {
			return
		}
	}
	if last := h.lasting(at); last != nil {
		left := []state.Level{{Application: h.key, Sink: h.on, Volume: toggle.Written(*last)}}
		r.moving.Go(func() { r.keep(left, nil) })
	}
}

func (r *router) keep(left, came []state.Level) {
	if err := r.server.store.KeepLevels(left, came); err != nil && r.server.verbose {
		r.server.speak.info("a volume is not remembered: %v", err)
	}
}

// levels says how loud the application of a stream is on a sink: as another stream
// of it that is there, else as was written down; nil for not known.
func (r *router) levels(p *toggle.Pipeline, n routing.Stream) func(key, on string) *level.Known {
	written := sync.OnceValue(p.KnownLevels)
	return func(key, on string) *level.Known {
		if key == "" {
			return nil
		}
		if is := r.playing(n, key, on); is != nil {
			return is
		}
		return written()(key, on)
	}
}

// playing is how loud another stream of an application is on a sink now, nil when
// there is none.
func (r *router) playing(n routing.Stream, key, on string) *level.Known {
	r.mu.Lock()
	defer r.mu.Unlock()
	for other, h := range r.loud {
		if other != n && h.key == key && h.on == on {
			is := h.now
			return &is
		}
	}
	return nil
}

// begun makes a stream that begins where it belongs as loud as its application last
// was there: the server, which was told where it starts, sets what it last was
// anywhere. The lock is held.
func (r *router) begun(ctx context.Context, c *pulse.Conn, n routing.Stream, s *pulse.Stream) {
	p := r.server.base
	p.Config = r.server.config.Load()
	sink, key := r.snap.Sink(s.Sink), r.volumeKey(n, s)
	if r.input || sink == nil || !p.Remembers() {
		return
	}
	r.moving.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, pressTime)
		defer cancel()
		toggle.Begun(c, s, sink, r.levels(&p, n)(key, sink.Name)).Settle(ctx)
	})
}

// move moves one stream, at the volume it is to have there. What it returns is to be
// settled once that was told: a session manager may restore the volume of a new
// stream after us.
func (r *router) move(ctx context.Context, c *pulse.Conn, to pulse.SinkIndex, i pulse.StreamIndex) (*toggle.Loudness, error) {
	if r.input {
		return nil, c.Inputs().Move(ctx, to, i)[0]
	}
	p := r.server.base
	p.Config = r.server.config.Load()
	if !p.Remembers() || to == pulse.NoSink {
		return nil, c.Move(ctx, to, i)[0]
	}
	snap, err := c.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	sink := snap.Sink(to)
	if sink == nil {
		return nil, pulse.ErrSinkGone
	}
	key := func(s *pulse.Stream) string {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.volumeKey(routing.Stream(s.Index), s)
	}
	all, known := []pulse.StreamIndex{i}, r.levels(&p, routing.Stream(i))
	loud := toggle.NewLoudness(c, snap, sink, all, key, known)
	var begun *toggle.Loudness
	if s := snap.Stream(i); s != nil {
		begun = toggle.Begun(c, s, sink, known(key(s), sink.Name))
	}
	if err := loud.Around(ctx, all, func(ctx context.Context, all []pulse.StreamIndex) []error { return c.Move(ctx, to, all...) })[0]; err != nil {
		return nil, err
	}
	r.keep(loud.Left(func(pulse.StreamIndex) bool { return true }))
	return begun, nil
}

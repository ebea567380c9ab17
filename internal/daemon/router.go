package daemon

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/identity"
	"github.com/patoggle/patoggle/internal/lasting"
	"github.com/patoggle/patoggle/internal/match"
	"github.com/patoggle/patoggle/internal/proc"
	"github.com/patoggle/patoggle/internal/routing"
	"github.com/patoggle/patoggle/internal/state"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/internal/toggle"
	"github.com/patoggle/patoggle/pulse"
)

// router brings new streams to the sinks of their rules, and streams home. It
// has a connection of its own: a move that is waited for holds no press up.
type router struct {
	server *server
	dial   func(context.Context) (*pulse.Conn, error)
	back   chan struct{} // of one: the sound server has been reached

	mu     sync.Mutex // for what presses look at
	engine *routing.Engine
	snap   *pulse.Snapshot   // sinks and default, of the last look
	known  map[string]string // where each application played last, by its key
	wanted map[string]string // sinks asked for while it was silent
	whose  map[routing.Stream]string

	rules  *config.RuleBook
	of     *config.Config // whose rules they are
	kept   map[string]string
	stamp  state.Stamp
	result chan outcome
	moving sync.WaitGroup
}

// outcome is a move that is over.
type outcome struct {
	routing.Action
	err error
}

func newRouter(s *server, dial func(context.Context) (*pulse.Conn, error)) *router {
	return &router{server: s, dial: dial, back: make(chan struct{}, 1), known: map[string]string{}, wanted: map[string]string{}}
}

// run routes until the context ends, across restarts of the sound server.
func (r *router) run(ctx context.Context) {
	release, ok := r.server.store.Route()
	if !ok {
		r.server.speak.info("another patoggled brings streams to the sinks of their rules")
		return
	}
	defer release()
	pause, first := firstBackoff, true
	for ctx.Err() == nil {
		c, err := r.dial(ctx)
		if err == nil {
			began := time.Now()
			r.watch(ctx, c, first)
			c.Close()
			first = false
			if time.Since(began) > steady {
				pause = firstBackoff
			}
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-r.back:
		case <-ctx.Done():
		}
		timer.Stop()
		pause = min(2*pause, lastBackoff)
	}
}

// reached is told that the sound server is there.
func (r *router) reached() {
	select {
	case r.back <- struct{}{}:
	default:
	}
}

// watch routes on one connection until it ends. What plays already is left
// alone at first; after a restart of the server every stream is a new one.
func (r *router) watch(ctx context.Context, c *pulse.Conn, first bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		r.moving.Wait()
		r.mu.Lock()
		r.engine = nil
		r.mu.Unlock()
	}()
	events, err := c.Subscribe(ctx, pulse.FacilitySink|pulse.FacilityStream|pulse.FacilityServer)
	if err != nil {
		return
	}
	c.Warm(ctx)
	snap, err := c.Snapshot(ctx)
	if err != nil {
		return
	}
	r.result = make(chan outcome, 64)
	r.begin(snap, first, func(a []routing.Action) { r.do(ctx, c, a) })
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Stop()
		r.mu.Lock()
		at, waits := r.engine.Next()
		r.mu.Unlock()
		var due <-chan time.Time
		if waits {
			timer.Reset(time.Until(at))
			due = timer.C
		}
		var todo []routing.Action
		select {
		case <-ctx.Done():
			return
		case e, ok := <-events:
			if !ok {
				return
			}
			todo, err = r.event(ctx, c, e)
		case <-due:
			r.mu.Lock()
			todo = r.engine.Tick(time.Now())
			r.mu.Unlock()
		case o := <-r.result:
			r.done(o)
		}
		if err != nil && c.Err() != nil {
			return
		}
		r.do(ctx, c, todo)
	}
}

// begin makes an engine for a server as it is found.
func (r *router) begin(snap *pulse.Snapshot, first bool, do func([]routing.Action)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.snap = snap
	r.whose = map[routing.Stream]string{}
	r.engine = routing.New(routing.Options{
		ComeHome:   !r.server.config.Load().StayAway,
		PulseAudio: !snap.Server.PipeWire,
		Resolve:    r.resolve,
		Asked:      r.asked,
	})
	names, standard := r.sinks()
	r.engine.Sinks(time.Now(), names, standard)
	for i := range snap.Streams {
		s := &snap.Streams[i]
		id, wish, own := r.wishOf(snap, s)
		if own {
			continue
		}
		n := routing.Stream(s.Index)
		r.whose[n] = id.Key
		if first {
			on := r.name(s.Sink)
			r.engine.Found(time.Now(), n, on, wish, r.written(s, on))
			r.known[id.Key] = on
			continue
		}
		do(r.engine.Begins(time.Now(), n, r.name(s.Sink), wish, ""))
	}
}

// written says who put a stream on its sink, as far as was written down.
func (r *router) written(s *pulse.Stream, on string) state.By {
	entries, err := r.server.store.Moves()
	if err != nil {
		return ""
	}
	var by state.By
	for _, e := range entries {
		for _, m := range e.Moves {
			if lasting.Same(s, m) && m.To == on {
				by = e.By
			}
		}
	}
	return by
}

// asked says which patoggle moved a stream, by its number alone: it has just
// happened.
func (r *router) asked(i routing.Stream, to string) state.By {
	entries, err := r.server.store.Moves()
	if err != nil {
		return ""
	}
	for n := len(entries) - 1; n >= 0 && time.Since(entries[n].Time) < 10*time.Second; n-- {
		for _, m := range entries[n].Moves {
			if m.Stream == uint32(i) && m.To == to && m.Side != lasting.Recording {
				return entries[n].By
			}
		}
	}
	return ""
}

func (r *router) sinks() (names []string, standard string) {
	for _, s := range r.snap.Sinks {
		names = append(names, s.Name)
	}
	return names, r.snap.Server.DefaultSink
}

func (r *router) name(i pulse.SinkIndex) string {
	if s := r.snap.Sink(i); s != nil {
		return s.Name
	}
	return ""
}

// resolve finds the sink a wish means.
func (r *router) resolve(w routing.Wish) string {
	var book *toggle.Book
	for _, name := range w.Sinks {
		for _, s := range r.snap.Sinks {
			if s.Name == name {
				return name
			}
		}
		if w.Exact {
			continue
		}
		if book == nil {
			book = toggle.NewBook(r.snap.Sinks, r.server.config.Load())
		}
		if o, err := book.Find(name); err == nil {
			return o.Name
		}
	}
	return ""
}

// wishOf says who plays a stream, and what its rule wants. own: it is no
// application's.
func (r *router) wishOf(snap *pulse.Snapshot, s *pulse.Stream) (id identity.Identity, w routing.Wish, own bool) {
	procs := proc.New(proc.FS("/proc"))
	one := &pulse.Snapshot{Server: snap.Server, Sinks: snap.Sinks, Streams: []pulse.Stream{*s}, Self: snap.Self}
	m := match.Match(match.Input{Snapshot: one, Procs: procs, PID: os.Getpid(), UID: os.Getuid(), Hostname: r.server.base.Hostname})
	if len(m.Streams) != 1 || m.Streams[0].Own {
		return id, w, true
	}
	id = identity.Of(s, m.Streams[0].PID, procs)
	cfg := r.server.config.Load()
	if cfg != r.of {
		r.of, r.rules = cfg, config.NewRuleBook(cfg.Rules)
	}
	if n := r.rules.Find(id.Names, id.Role); n >= 0 {
		return id, routing.Wish{Sinks: r.rules.Rule(n).Sinks}, false
	}
	if stamp := r.server.store.Stamp(); r.kept == nil || stamp != r.stamp {
		r.kept, r.stamp = map[string]string{}, stamp
		kept, err := r.server.store.Remembered()
		if err != nil {
			r.server.speak.say("warning", "what is remembered cannot be read: "+term.Escape(err.Error()))
		}
		for _, k := range kept {
			if k.Side == "" || k.Side == lasting.Playback {
				r.kept[k.Application] = k.Sink
			}
		}
	}
	if sink := r.kept[id.Key]; id.Known() && sink != "" {
		w = routing.Wish{Sinks: []string{sink}, Exact: true}
	}
	return id, w, false
}

// event takes one event of the server.
func (r *router) event(ctx context.Context, c *pulse.Conn, e pulse.Event) ([]routing.Action, error) {
	switch {
	case e.Facility == pulse.FacilitySink && e.Kind == pulse.Changed:
		return nil, nil // it runs or sleeps, or its volume changed
	case e.Facility == pulse.FacilitySink, e.Facility == pulse.FacilityServer:
		return r.look(ctx, c)
	case e.Facility != pulse.FacilityStream:
		return nil, nil
	}
	n := routing.Stream(e.Index)
	if e.Kind == pulse.Removed {
		r.mu.Lock()
		r.engine.Ends(n)
		delete(r.whose, n)
		r.mu.Unlock()
		return nil, nil
	}
	s, err := c.Stream(ctx, pulse.StreamIndex(e.Index))
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.engine.Knows(n) {
		on := r.name(s.Sink)
		out := r.engine.On(time.Now(), n, on)
		if on != "" {
			r.known[r.whose[n]] = on
		}
		return out, nil
	}
	if e.Kind != pulse.New && r.whose[n] != "" {
		return nil, nil
	}
	id, wish, own := r.wishOf(r.snap, s)
	if own {
		return nil, nil
	}
	r.whose[n] = id.Key
	r.known[id.Key] = r.name(s.Sink)
	wanted := r.wanted[id.Key]
	delete(r.wanted, id.Key)
	return r.engine.Begins(time.Now(), n, r.name(s.Sink), wish, wanted), nil
}

// look takes the sinks anew, and then where the streams are.
func (r *router) look(ctx context.Context, c *pulse.Conn) ([]routing.Action, error) {
	snap, err := c.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.snap = snap
	r.engine.ComeHome = !r.server.config.Load().StayAway
	now := time.Now()
	names, standard := r.sinks()
	out := r.engine.Sinks(now, names, standard)
	for i := range snap.Streams {
		s := &snap.Streams[i]
		out = append(out, r.engine.On(now, routing.Stream(s.Index), r.name(s.Sink))...)
	}
	return out, nil
}

// do makes the moves, each beside the others.
func (r *router) do(ctx context.Context, c *pulse.Conn, todo []routing.Action) {
	for _, a := range todo {
		to := pulse.NoSink
		for _, s := range r.snap.Sinks {
			if s.Name == a.To {
				to = s.Index
			}
		}
		if r.server.verbose {
			r.server.speak.info("stream %d → %s (%s)", a.Stream, term.Escape(a.To), a.By)
		}
		r.moving.Go(func() {
			move, cancel := context.WithTimeout(ctx, pressTime)
			defer cancel()
			err := c.Move(move, to, pulse.StreamIndex(a.Stream))[0]
			select {
			case r.result <- outcome{a, err}:
			case <-ctx.Done():
			}
		})
	}
}

// done takes a move that is over.
func (r *router) done(o outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if o.err != nil {
		r.engine.Failed(o.Stream, o.To)
		if r.server.verbose {
			r.server.speak.info("stream %d did not go to %s: %s", o.Stream, term.Escape(o.To), term.Escape(o.err.Error()))
		}
		return
	}
	r.engine.On(time.Now(), o.Stream, o.To)
	r.known[r.whose[o.Stream]] = o.To
}

// pressed takes a press before it moves anything.
func (r *router) pressed(to pulse.SinkIndex, streams ...pulse.StreamIndex) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.engine == nil {
		return
	}
	all := make([]routing.Stream, len(streams))
	for i, s := range streams {
		all[i] = routing.Stream(s)
	}
	r.engine.Pressed(time.Now(), r.name(to), all...)
}

// intend notes where the next stream of a silent application goes, and returns
// that sink; nil when the application is not known. pids are its window's.
func (r *router) intend(pids []int, way toggle.Way, sink string) *toggle.Output {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.engine == nil {
		return nil
	}
	procs := proc.New(proc.FS("/proc"))
	for _, pid := range pids {
		key := identity.OfProcess(pid, procs).Key
		from, ok := r.known[key]
		if key == "" || !ok {
			continue
		}
		if w := r.wanted[key]; w != "" {
			from = w
		}
		book := toggle.NewBook(r.snap.Sinks, r.server.config.Load())
		var to *toggle.Output
		if way == toggle.To {
			to, _ = book.Find(sink)
		} else {
			at := pulse.NoSink
			for _, o := range book.Outputs {
				if o.Name == from || at == pulse.NoSink && o.Name == r.snap.Server.DefaultSink {
					at = o.Index
				}
			}
			if i, ok := book.Step(at, way == toggle.Prev); ok {
				to = book.Output(i)
			}
		}
		if to != nil {
			r.wanted[key] = to.Name
		}
		return to
	}
	return nil
}

package daemon

import (
	"cmp"
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

// router brings new streams to the sinks of their rules, and streams home; or
// what records to the sources.
type router struct {
	server *server
	input  bool // it is about what records; sinks here are sources then

	mu     sync.Mutex // for what presses look at
	engine *routing.Engine
	left   *routing.Engine         // of the connection that has ended
	snap   *pulse.Snapshot         // sinks and default, of the last look
	known  map[string]*application // that have played, by their keys
	absent map[string]*application // that have not yet in this session, by the same
	wanted map[string]string       // sinks asked for while they were silent, by the same
	plays  map[routing.Stream]player
	loud   map[routing.Stream]*standing

	again  chan struct{} // of one: the configuration was read again
	rules  *config.RuleBook
	of     *config.Config // whose rules they are
	kept   map[string]string
	stamp  state.Stamp
	result chan outcome
	moving sync.WaitGroup
}

// application is one that has played.
type application struct {
	identity.Identity
	group pulse.Group
	// on is where it played last. There the server itself starts it next.
	on       string
	teaching bool
	guessed  bool // a rule names it, and it has never been seen
}

// player is who plays a stream.
type player struct {
	key string // "" when it is nobody who can be known again
	who state.Moved
}

// outcome is a move that is over.
type outcome struct {
	routing.Action
	err error
}

func newRouter(s *server, input bool) *router {
	return &router{server: s, input: input, known: map[string]*application{}, wanted: map[string]string{}, again: make(chan struct{}, 1)}
}

// watch routes on one connection until it ends. What plays already is left
// alone at first; after a restart of the server every stream is a new one, but
// where the connection alone has ended it goes on with what it knew.
func (r *router) watch(ctx context.Context, c *pulse.Conn, events <-chan pulse.Event) {
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		r.moving.Wait()
		r.mu.Lock()
		if r.engine != nil {
			r.left, r.engine = r.engine, nil
		}
		r.mu.Unlock()
	}()
	side := r.side(c)
	side.Warm(ctx)
	snap, err := side.Snapshot(ctx)
	if err != nil {
		return
	}
	r.result = make(chan outcome, 64)
	r.do(ctx, c, r.begin(snap))
	r.recall(ctx, c)
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
		case <-r.again:
			r.recall(ctx, c)
		}
		if err != nil && c.Err() != nil {
			return
		}
		r.do(ctx, c, todo)
	}
}

// begin takes a server as it is found.
func (r *router) begin(snap *pulse.Snapshot) (todo []routing.Action) {
	r.mu.Lock()
	defer r.mu.Unlock()
	first, same := r.snap == nil, r.left != nil && r.snap.Server.Cookie == snap.Server.Cookie
	r.snap = snap
	r.book(snap) // which says what a monitor is
	if same {
		return r.resume()
	}
	r.plays = map[routing.Stream]player{}
	r.loud = map[routing.Stream]*standing{}
	r.engine = routing.New(routing.Options{
		ComeHome:   !r.server.config.Load().StayAway,
		PulseAudio: !snap.Server.PipeWire,
		Resolve:    r.resolve,
		Asked:      r.asked,
		Users:      r.users,
	})
	names, standard := r.sinks()
	r.engine.Sinks(time.Now(), names, standard)
	for i := range snap.Streams {
		s := &snap.Streams[i]
		if !first {
			todo = append(todo, r.starts(s, false)...)
			continue
		}
		if id, own := r.who(snap, s); !own {
			n, on := routing.Stream(s.Index), r.name(s.Sink)
			r.meet(n, s, id)
			r.hear(time.Now(), n, s)
			r.engine.Found(time.Now(), n, on, r.wish(id), r.written(s, on))
		}
	}
	return todo
}

// resume goes on where the last connection ended: what was said meanwhile is seen
// from what there is now.
func (r *router) resume() (todo []routing.Action) {
	r.engine, r.left = r.left, nil
	r.engine.ComeHome = !r.server.config.Load().StayAway
	r.engine.Unanswered()
	names, standard := r.sinks()
	todo = r.engine.Sinks(time.Now(), names, standard)
	there := map[routing.Stream]bool{}
	for i := range r.snap.Streams {
		s := &r.snap.Streams[i]
		n, on := routing.Stream(s.Index), r.name(s.Sink)
		there[n] = true
		if !r.engine.Knows(n) {
			todo = append(todo, r.starts(s, false)...)
			continue
		}
		r.hear(time.Now(), n, s)
		todo = append(todo, r.engine.On(time.Now(), n, on)...)
		r.at(n, on)
	}
	for n := range r.plays {
		if !there[n] {
			r.ends(n)
		}
	}
	return todo
}

// starts takes a stream that has begun. What was pressed while its application was
// silent counts when it is seen to begin, and not for what is found.
func (r *router) starts(s *pulse.Stream, seen bool) []routing.Action {
	id, own := r.who(r.snap, s)
	if own {
		return nil
	}
	n, wanted := routing.Stream(s.Index), ""
	r.meet(n, s, id)
	r.hear(time.Now(), n, s)
	if seen {
		wanted = r.wanted[id.Key]
		delete(r.wanted, id.Key)
	}
	return r.engine.Begins(time.Now(), n, r.name(s.Sink), r.wish(id), wanted)
}

// ends takes a stream that has ended.
func (r *router) ends(n routing.Stream) {
	r.engine.Ends(n)
	r.unhear(time.Now(), n)
	delete(r.plays, n)
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
			if lasting.SameOf(r.sideName(), s, m) && m.To == on {
				by = e.By
			}
		}
	}
	return by
}

// meet notes who plays a stream, and where.
func (r *router) meet(n routing.Stream, s *pulse.Stream, id identity.Identity) {
	g := pulse.GroupOf(s)
	side := ""
	if r.input {
		side = lasting.Recording
	}
	r.plays[n] = player{key: id.Key, who: state.Moved{
		Side: side, Stream: uint32(n), Application: s.Property("application.name"), Program: s.Property("application.process.binary"),
		PID: s.Property("application.process.id"), Key: id.Key, Names: id.Names, ID: g.ID, Name: g.Name,
	}}
	if id.Known() {
		app := &application{Identity: id, group: g}
		if old := r.known[id.Key]; old != nil {
			app.on = old.on
		}
		r.known[id.Key] = app
		r.present(app)
		r.at(n, r.name(s.Sink))
	}
}

// at notes where a stream is.
func (r *router) at(n routing.Stream, on string) {
	if a := r.known[r.plays[n].key]; a != nil && on != "" {
		a.on = on
	}
}

// write writes down who put a stream where.
func (r *router) write(by state.By, moves ...state.Moved) {
	if _, err := r.server.store.Record(state.Entry{By: by, Moves: moves}); err != nil && r.server.verbose {
		r.server.speak.say("warning", "where a stream went cannot be written down: "+term.Escape(err.Error()))
	}
}

// users takes a move by another program.
func (r *router) users(n routing.Stream, from, to string) {
	m := r.plays[n].who
	m.From, m.To = from, to
	r.write(state.User, m)
}

// asked says which patoggle moved a stream after a time, by its number alone: it has
// just happened.
func (r *router) asked(i routing.Stream, to string, after time.Time) state.By {
	entries, err := r.server.store.Moves()
	if err != nil {
		return ""
	}
	for n := len(entries) - 1; n >= 0 && time.Since(entries[n].Time) < 10*time.Second && entries[n].Time.After(after); n-- {
		switch entries[n].By {
		case state.Rule, state.Home, state.User, state.Taught, state.Untaught:
			continue // we wrote that ourselves
		}
		for _, m := range entries[n].Moves {
			if m.Stream == uint32(i) && m.To == to && (m.Side == lasting.Recording) == r.input {
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
			book = r.book(r.snap)
		}
		if o, err := book.Find(name); err == nil && o.Reach == nil {
			return o.Name
		}
	}
	return ""
}

// who says who plays a stream. own: it is no application's.
func (r *router) who(snap *pulse.Snapshot, s *pulse.Stream) (id identity.Identity, own bool) {
	procs := proc.New(proc.FS("/proc"))
	one := &pulse.Snapshot{Server: snap.Server, Sinks: snap.Sinks, Streams: []pulse.Stream{*s}, Self: snap.Self, Input: snap.Input}
	m := match.Match(match.Input{Snapshot: one, Procs: procs, PID: os.Getpid(), UID: os.Getuid(), Hostname: r.server.base.Hostname})
	if len(m.Streams) != 1 || m.Streams[0].Own {
		return id, true
	}
	return identity.Of(s, m.Streams[0].PID, procs), false
}

// wish is what the rule of an application wants.
func (r *router) wish(id identity.Identity) (w routing.Wish) {
	cfg := r.server.config.Load()
	if cfg != r.of {
		r.of, r.rules = cfg, config.NewRuleBook(cfg.Rules, r.input)
	}
	if n := r.rules.Find(id.Names, id.Role); n >= 0 {
		return routing.Wish{Sinks: r.rules.Rule(n).To(r.input)}
	}
	if stamp := r.server.store.Stamp(); r.kept == nil || stamp != r.stamp {
		r.kept, r.stamp = map[string]string{}, stamp
		kept, err := r.server.store.Remembered()
		if err != nil {
			r.server.speak.say("warning", "what is remembered cannot be read: "+term.Escape(err.Error()))
		}
		for _, k := range kept {
			if cmp.Or(k.Side, lasting.Playback) == r.sideName() {
				r.kept[k.Application] = k.Sink
			}
		}
	}
	if sink := r.kept[id.Key]; id.Known() && sink != "" {
		w = routing.Wish{Sinks: []string{sink}, Exact: true}
	}
	return w
}

// event takes one event of the server.
func (r *router) event(ctx context.Context, c *pulse.Conn, e pulse.Event) ([]routing.Action, error) {
	sink, stream := r.facilities()
	switch {
	case e.Facility == sink && e.Kind == pulse.Changed:
		return nil, nil // it runs or sleeps, or its volume changed
	case e.Facility == sink, e.Facility == pulse.FacilityServer:
		return r.look(ctx, c)
	case e.Facility != stream:
		return nil, nil
	}
	n := routing.Stream(e.Index)
	if e.Kind == pulse.Removed {
		r.mu.Lock()
		defer r.mu.Unlock()
		key := r.plays[n].key
		r.ends(n)
		if app := r.known[key]; app != nil {
			r.teach(ctx, c, []*application{app})
		}
		return nil, nil
	}
	s, err := r.side(c).Stream(ctx, pulse.StreamIndex(e.Index))
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.engine.Knows(n) {
		r.hear(time.Now(), n, s)
		on := r.name(s.Sink)
		out := r.engine.On(time.Now(), n, on)
		r.at(n, on)
		return out, nil
	}
	out := r.starts(s, true)
	if _, want := r.engine.Holds(n); want != "" && want == r.name(s.Sink) {
		r.begun(ctx, c, n, s)
	}
	return out, nil
}

// look takes the sinks anew, and then where the streams are.
func (r *router) look(ctx context.Context, c *pulse.Conn) ([]routing.Action, error) {
	snap, err := r.side(c).Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.book(snap) // which says what a monitor is
	before := r.snap.Server.DefaultSink
	r.snap = snap
	r.engine.ComeHome = !r.server.config.Load().StayAway
	now := time.Now()
	names, standard := r.sinks()
	out := r.engine.Sinks(now, names, standard)
	for i := range snap.Streams {
		s := &snap.Streams[i]
		if n := routing.Stream(s.Index); r.engine.Knows(n) {
			r.hear(now, n, s)
		}
		out = append(out, r.engine.On(now, routing.Stream(s.Index), r.name(s.Sink))...)
		r.at(routing.Stream(s.Index), r.name(s.Sink))
	}
	apps := r.applications()
	for _, app := range apps {
		if app.on == before {
			app.on = standard // to the servers, on the default sink is following it
		}
	}
	r.teach(ctx, c, apps)
	return out, nil
}

// do makes the moves, each beside the others.
func (r *router) do(ctx context.Context, c *pulse.Conn, todo []routing.Action) {
	for _, a := range todo {
		to := r.sink(a.To)
		if r.server.verbose {
			r.server.speak.info("%s %d → %s (%s)", r.word(), a.Stream, term.Escape(a.To), a.By)
		}
		r.mu.Lock()
		who := r.plays[a.Stream].who
		r.mu.Unlock()
		who.From, who.To = a.From, a.To
		r.moving.Go(func() {
			move, cancel := context.WithTimeout(ctx, pressTime)
			defer cancel()
			loud, err := r.move(move, c, to, pulse.StreamIndex(a.Stream))
			if err == nil {
				r.write(a.By, who)
			}
			select {
			case r.result <- outcome{a, err}:
			case <-ctx.Done():
			}
			loud.Settle(move)
		})
	}
}

// sink is the index of a sink of that name.
func (r *router) sink(name string) pulse.SinkIndex {
	for _, s := range r.snap.Sinks {
		if s.Name == name {
			return s.Index
		}
	}
	return pulse.NoSink
}

// done takes a move that is over.
func (r *router) done(o outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if o.err != nil {
		r.engine.Failed(o.Stream, o.To)
		if r.server.verbose {
			r.server.speak.info("%s %d did not go to %s: %s", r.word(), o.Stream, term.Escape(o.To), term.Escape(o.err.Error()))
		}
		return
	}
	r.engine.On(time.Now(), o.Stream, o.To)
	r.at(o.Stream, o.To)
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
		app := r.known[key]
		if app == nil {
			continue
		}
		from := app.on
		if w := r.wanted[key]; w != "" {
			from = w
		}
		book := r.book(r.snap)
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
		if to != nil && to.Reach != nil {
			return nil // nothing is switched for what is silent
		}
		if to != nil {
			r.wanted[key] = to.Name
		}
		return to
	}
	return nil
}

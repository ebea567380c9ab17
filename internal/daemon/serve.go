package daemon

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/internal/notify"
	"github.com/patoggle/patoggle/internal/state"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/internal/toggle"
	"github.com/patoggle/patoggle/pulse"
)

// pressTime bounds everything one press does.
const pressTime = 2 * time.Second

// retryTime bounds the one more move of a stream that was pulled back.
const retryTime = 500 * time.Millisecond

// server serves presses, one at a time.
type server struct {
	speak   *speaker
	verbose bool
	config  *atomic.Pointer[config.Config]
	sound   *link
	view    *desktop.Held // of presses
	notes   *notes
	// base has what the pipeline needs beside configuration and connections.
	base toggle.Pipeline
	// store is what is remembered; nil where there is no place for it.
	store *state.Store
	// route is told of presses before they move anything; nil for nobody.
	route func(input bool, to pulse.SinkIndex, streams ...pulse.StreamIndex)
	// intend notes a press on a silent application; nil for nobody.
	intend func(pids []int, way toggle.Way, sink string) *toggle.Output

	presses chan config.Hotkey // unbuffered: see press
	checks  sync.WaitGroup     // the verifications under way

	// turn is held while a stream is moved once more, so that a press that
	// comes meanwhile moves it after that, and has the last word.
	turn chan struct{}
	mu   sync.Mutex
	want map[claim]*target // what is moved or being verified
}

// claim is a stream of one of the two sides, which number theirs apart.
type claim struct {
	input  bool
	stream pulse.StreamIndex
}

// target is where a press moves a stream; the last one counts.
type target struct {
	sink pulse.SinkIndex
	move toggle.Move // as reported
	to   string      // the sink's label, escaped
}

func newServer(speak *speaker, verbose bool, cfg *atomic.Pointer[config.Config], l *link, v *desktop.Held, n *notes, base toggle.Pipeline) *server {
	return &server{
		speak: speak, verbose: verbose, config: cfg, sound: l, view: v, notes: n, base: base,
		presses: make(chan config.Hotkey),
		turn:    make(chan struct{}, 1),
		want:    map[claim]*target{},
	}
}

// press hands a hotkey over when nothing is being served. Else it is dropped:
// who pressed again meanwhile saw nothing of the first press yet.
func (s *server) press(h config.Hotkey) bool {
	select {
	case s.presses <- h:
		return true
	default:
		return false
	}
}

// run serves until the context ends.
func (s *server) run(ctx context.Context) {
	defer s.checks.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case h := <-s.presses:
			s.serve(ctx, h)
		}
	}
}

// request is what a hotkey asks of the pipeline.
func request(h config.Hotkey) toggle.Request {
	r := toggle.Request{Way: toggle.Next, Pair: h.Side == config.Both}
	switch h.Action {
	case config.Prev:
		r.Way = toggle.Prev
	case config.To:
		r.Way, r.Sink = toggle.To, h.Sink
	}
	return r
}

func (s *server) serve(ctx context.Context, h config.Hotkey) {
	began := time.Now()
	cfg := s.config.Load()
	press, cancel := context.WithTimeout(ctx, pressTime+toggle.SwitchTime(cfg))
	defer cancel()

	// Run's goroutines have ended when it returns.
	var claimers []*claimer
	var mu sync.Mutex // both sides may be asked for at the same time
	open := func(input bool) func(context.Context) (toggle.Sound, error) {
		return func(ctx context.Context) (toggle.Sound, error) {
			conn, err := s.sound.get(ctx)
			if err != nil {
				return nil, err
			}
			c := &claimer{Sound: conn, conn: conn, server: s, input: input}
			if input {
				c.Sound = conn.Record()
			}
			mu.Lock()
			defer mu.Unlock()
			claimers = append(claimers, c)
			return c, nil
		}
	}
	p := s.base
	p.Config = cfg
	p.Display = func(ctx context.Context) (toggle.Display, error) { return s.view.Get(ctx) }
	p.Sound, p.Record = open(false), open(true)
	if h.Side == config.Input && h.Action != config.Undo { // which looks at both sides
		p = *p.Recording()
	}
	rep, err := s.answer(press, &p, h)
	if ctx.Err() == nil { // else we are asked to stop
		err = soundAway(err)
		s.report(cfg, h, rep, err, time.Since(began))
	}
	s.record(h, rep)
	for _, c := range claimers {
		s.settle(ctx, cfg, c, rep)
	}
}

// claimer is one side of the sound server for one press. It notes where streams are going
// before they go, on PipeWire, where moves are verified afterwards.
type claimer struct {
	toggle.Sound // of that side
	conn         sound
	server       *server
	input        bool
	pipewire     bool
	claimed      map[pulse.StreamIndex]*target
}

func (c *claimer) Snapshot(ctx context.Context) (*pulse.Snapshot, error) {
	snap, err := c.Sound.Snapshot(ctx)
	if err == nil {
		c.pipewire = snap.Server.PipeWire
	}
	return snap, err
}

func (c *claimer) Move(ctx context.Context, to pulse.SinkIndex, streams ...pulse.StreamIndex) []error {
	if c.pipewire {
		s := c.server
		select {
		case s.turn <- struct{}{}:
		case <-ctx.Done():
			// Move says what that means.
			return c.Sound.Move(ctx, to, streams...)
		}
		if c.claimed == nil { // what else played on a card moves with it, apart
			c.claimed = map[pulse.StreamIndex]*target{}
		}
		s.mu.Lock()
		for _, i := range streams {
			c.claimed[i] = &target{sink: to}
			s.want[claim{c.input, i}] = c.claimed[i]
		}
		s.mu.Unlock()
		<-s.turn
	}
	if route := c.server.route; route != nil {
		route(c.input, to, streams...)
	}
	return c.Sound.Move(ctx, to, streams...)
}

// report says what a press did: every failure to the log, everything to the
// desktop, and with -v everything to the log too.
func (s *server) report(cfg *config.Config, h config.Hotkey, rep *toggle.Report, err error, took time.Duration) {
	if s.verbose {
		lines := rep.Lines()
		if rep.Switch != "" {
			lines = append([]string{"switched " + rep.Switch}, lines...)
		}
		if len(lines) == 0 && err == nil && rep.Reason != "" {
			lines = []string{rep.Reason} // what comes later, or is kept
		}
		for _, line := range lines {
			s.speak.info("%s: %s (%.1f ms)", h.Chord, line, float64(took.Microseconds())/1000)
		}
	}
	if err != nil {
		s.speak.explain(err)
		first := true
		for _, m := range rep.Moves {
			if m.Result != toggle.MoveFailed {
				continue
			}
			if !first { // the first is err itself
				s.speak.say("error", m.Error)
			}
			first = false
		}
	}
	if cfg.Notify.Daemon() {
		s.notes.send(notify.Note{
			Summary: rep.Headline(err),
			Body:    rep.Details(err),
			Icon:    rep.Icon(),
			Replace: noteTag,
		})
	}
}

// settle begins the verification of what was moved: once pipewire-pulse no
// longer says what it was asked for, its session manager may have put a stream
// back.
func (s *server) settle(ctx context.Context, cfg *config.Config, c *claimer, rep *toggle.Report) {
	moved := map[pulse.StreamIndex]*target{}
	s.mu.Lock()
	for _, m := range rep.Moves {
		t := c.claimed[m.Stream]
		switch {
		case (m.Side == toggle.Recording) != c.input:
			continue
		case m.Result == toggle.AlreadyThere:
			delete(s.want, claim{c.input, m.Stream}) // an earlier press no longer counts
		case t != nil && m.Result == toggle.Moved:
			t.move, t.to = m, term.Escape(rep.To.Label)
			if c.input && rep.Source != nil {
				t.to = term.Escape(rep.Source.Label)
			}
			moved[m.Stream] = t
		}
	}
	for i, t := range c.claimed {
		if k := (claim{c.input, i}); moved[i] == nil && s.want[k] == t {
			delete(s.want, k)
		}
	}
	s.mu.Unlock()
	if len(moved) > 0 {
		s.checks.Go(func() { s.verify(ctx, cfg, c, moved) })
	}
}

// verify looks where the streams are, moves once more those that were pulled
// back, looks again, and names those that did not stay. A stream that a later
// press has moved elsewhere is that one's business.
func (s *server) verify(ctx context.Context, cfg *config.Config, c *claimer, mine map[pulse.StreamIndex]*target) {
	defer s.forget(c, mine)
	for _, last := range []bool{false, true} {
		timer := time.NewTimer(toggle.VerifyAfter)
		select {
		case <-timer.C:
		case <-c.conn.Done():
			timer.Stop()
			return // nobody knows what the next server makes of it
		case <-ctx.Done():
			timer.Stop()
			return
		}
		back, err := s.pulledBack(ctx, c, mine)
		if err != nil || len(back) == 0 {
			return
		}
		for _, i := range back {
			if last {
				s.complain(cfg, c, mine[i])
			} else {
				s.again(ctx, c, i, mine[i])
			}
		}
	}
}

// pulledBack lists the streams that are alive, still wanted where they were
// moved to, and elsewhere.
func (s *server) pulledBack(ctx context.Context, c *claimer, mine map[pulse.StreamIndex]*target) ([]pulse.StreamIndex, error) {
	var streams []pulse.StreamIndex
	for i, t := range mine {
		if s.wanted(c, i, t) {
			streams = append(streams, i)
		}
	}
	if len(streams) == 0 {
		return nil, nil
	}
	look, cancel := context.WithTimeout(ctx, pressTime)
	defer cancel()
	where, err := c.Look(look, streams...)
	if err != nil {
		return nil, err
	}
	var back []pulse.StreamIndex
	for _, i := range streams {
		if sink, alive := where[i]; alive && sink != mine[i].sink && s.wanted(c, i, mine[i]) {
			back = append(back, i)
		}
	}
	return back, nil
}

// again moves one stream once more, unless a press has just asked otherwise.
func (s *server) again(ctx context.Context, c *claimer, i pulse.StreamIndex, t *target) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return
	}
	if !s.wanted(c, i, t) {
		return
	}
	retry, cancel := context.WithTimeout(ctx, retryTime)
	defer cancel()
	// What comes of it is looked at after the next wait.
	_ = c.Sound.Move(retry, t.sink, i)
}

func (s *server) wanted(c *claimer, i pulse.StreamIndex, t *target) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.want[claim{c.input, i}] == t
}

func (s *server) forget(c *claimer, mine map[pulse.StreamIndex]*target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, t := range mine {
		if k := (claim{c.input, i}); s.want[k] == t {
			delete(s.want, k)
		}
	}
}

func (s *server) complain(cfg *config.Config, c *claimer, t *target) {
	text := fmt.Sprintf("%s (stream %d) was pulled back by the session manager", toggle.Quote(t.move.Application), t.move.Stream)
	s.speak.say("error", text)
	if cfg.Notify.Daemon() {
		body := "it was to play on " + t.to
		if c.input {
			body = "it was to record from " + t.to
		}
		s.notes.send(notify.Note{Summary: text, Body: body, Icon: "dialog-warning", Replace: noteTag})
	}
}

// Package routing decides where streams belong while a daemon watches: rules
// for new streams, sinks that go and come back, and whether a stream that left
// its sink fell, followed the default sink, or was moved by the user. It is
// pure: what happened comes in with the time, and moves to make come out.
//
// Sinks are named, never numbered. For each stream it knows the wanted sink,
// who wanted it and since when.
package routing

import (
	"slices"
	"time"

	"github.com/patoggle/patoggle/internal/state"
)

const (
	// Verdict is how long it is waited to tell a fall from the user's move: the
	// stream's change and the sink's removal come in either order, on
	// PulseAudio in the same millisecond, on PipeWire up to 22 ms apart.
	Verdict = 500 * time.Millisecond
	// Young is how long after its beginning a stream that is put elsewhere is
	// moved once more: the session manager was still linking it. Whether a press
	// did it is known after YoungVerdict, when the press has been written down.
	Young        = time.Second
	YoungVerdict = 80 * time.Millisecond
	// PulledBack is how long after a move of ours a stream that is put back to where
	// it came from, or to the default sink, is moved once more: a session manager
	// that was still busy with the sinks did it. WirePlumber 0.5 on a busy machine
	// was seen to do so 0.3 seconds later.
	PulledBack = 600 * time.Millisecond
	// HomePause is how long PulseAudio is given to bring a stream home by
	// itself, which takes it at most 8 ms.
	HomePause = 50 * time.Millisecond
	// maxMoves is how often a stream is moved in a second at most.
	maxMoves = 2
)

// Stream is a number of the sound server's.
type Stream uint32

// Wish is what a rule wants: the first of the sinks that is there. The zero Wish
// wants nothing.
type Wish struct {
	Sinks []string
	// Exact: the sinks are names of the server's, not a user's words.
	Exact bool
}

// Action is a move to make.
type Action struct {
	Stream Stream
	// From is where it is, "" for no sink.
	From, To string
	By       state.By
}

// Options are what the engine works with.
type Options struct {
	ComeHome bool
	// PulseAudio brings streams home by itself, mostly.
	PulseAudio bool
	// Resolve finds the sink that a wish means among those that are there; "".
	Resolve func(Wish) string
	// Asked says who moved a stream to a sink after a time, from what other
	// patoggles wrote down; "" when none did.
	Asked func(s Stream, to string, after time.Time) state.By
	// Users is told of a move by somebody else; nil for nobody.
	Users func(s Stream, from, to string)
}

// Engine is the state. It is not safe for concurrent use.
type Engine struct {
	Options
	sinks     map[string]bool
	removed   map[string]time.Time
	standard  string // the default sink
	was       string // the one before
	changedAt time.Time
	streams   map[Stream]*held
}

// held is what is known of a stream.
type held struct {
	on     string
	wish   Wish
	want   string
	by     state.By
	since  time.Time
	begun  time.Time // zero: it was there before us
	home   string    // where it goes when that sink returns
	goAt   time.Time // when to look whether it is home; zero: not
	from   string    // the sink it left for a reason not known yet
	leftAt time.Time
	was    string    // where it was before we moved it
	judged time.Time // when it was last found out who moved it; zero: never
	expect string    // where we have just moved it
	moves  []time.Time
	later  time.Time // when what was one move too many is made after all; zero: never
}

// New returns an engine that knows nothing yet.
func New(o Options) *Engine {
	return &Engine{Options: o, sinks: map[string]bool{}, removed: map[string]time.Time{}, streams: map[Stream]*held{}}
}

// Sinks takes the sinks that are there, and the default one.
func (e *Engine) Sinks(now time.Time, names []string, standard string) []Action {
	before := e.sinks
	e.sinks = make(map[string]bool, len(names))
	for _, n := range names {
		e.sinks[n] = true
		delete(e.removed, n)
	}
	for n, at := range e.removed {
		if now.Sub(at) > 2*Verdict {
			delete(e.removed, n)
		}
	}
	for n := range before {
		if !e.sinks[n] {
			e.removed[n] = now
		}
	}
	if standard != e.standard {
		e.was, e.standard, e.changedAt = e.standard, standard, now
	}
	var out []Action
	for _, i := range e.order() {
		s := e.streams[i]
		if s.from != "" && !e.sinks[s.from] {
			out = append(out, e.fall(now, i, s)...)
		}
		if s.from != "" && e.followed(now, s) {
			out = append(out, e.back(now, i, s)...)
		}
		for _, n := range names {
			if !before[n] {
				out = append(out, e.came(now, i, s, n)...)
			}
		}
	}
	return out
}

// order are the streams by number, so that the same input gives the same output.
func (e *Engine) order() []Stream {
	all := make([]Stream, 0, len(e.streams))
	for i := range e.streams {
		all = append(all, i)
	}
	slices.Sort(all)
	return all
}

// came takes a sink that was not there before.
func (e *Engine) came(now time.Time, i Stream, s *held, sink string) []Action {
	switch {
	case s.home == sink && e.ComeHome:
		if e.PulseAudio {
			s.goAt = now.Add(HomePause)
			return nil
		}
		return e.goHome(now, i, s)
	case s.home == "" && s.by == state.Rule && e.Resolve(s.wish) == sink:
		return e.move(now, i, s, sink, state.Rule)
	}
	return nil
}

// goHome brings a stream home, once.
func (e *Engine) goHome(now time.Time, i Stream, s *held) []Action {
	home := s.home
	s.home, s.goAt = "", time.Time{}
	if !e.sinks[home] {
		s.home = home // it has gone again
		return nil
	}
	s.from, s.leftAt = "", time.Time{}
	by := s.by
	if by != state.Rule {
		by = state.Home
	}
	if s.on == home {
		s.want, s.by, s.since = home, by, now
		return nil
	}
	return e.move(now, i, s, home, by)
}

// move asks for a move, unless the stream is there or was moved too often.
func (e *Engine) move(now time.Time, i Stream, s *held, to string, by state.By) []Action {
	s.want, s.by, s.since, s.later = to, by, now, time.Time{}
	if s.on == to {
		return nil
	}
	s.moves = slices.DeleteFunc(s.moves, func(at time.Time) bool { return now.Sub(at) >= time.Second })
	if len(s.moves) >= maxMoves {
		s.later = s.moves[0].Add(time.Second)
		return nil
	}
	s.moves = append(s.moves, now)
	s.expect, s.was = to, s.on
	return []Action{{Stream: i, From: s.on, To: to, By: by}}
}

// Begins takes a stream that has just begun, on the sink it is on ("" for none)
// with the wish of its rule. wanted is a sink that was asked for while its
// application was silent, "" mostly.
func (e *Engine) Begins(now time.Time, i Stream, on string, wish Wish, wanted string) []Action {
	s := &held{on: on, wish: wish, since: now, begun: now}
	e.streams[i] = s
	if wanted != "" && e.sinks[wanted] {
		return e.move(now, i, s, wanted, state.Press)
	}
	if len(wish.Sinks) == 0 {
		return nil
	}
	s.by = state.Rule
	if to := e.Resolve(wish); to != "" {
		return e.move(now, i, s, to, state.Rule)
	}
	return nil // it waits
}

// Found takes a stream that was there before the daemon was: nothing moves. by
// is who put it there, as far as was written down.
func (e *Engine) Found(now time.Time, i Stream, on string, wish Wish, by state.By) {
	s := &held{on: on, wish: wish, want: on, by: by, since: now}
	if by == "" && len(wish.Sinks) > 0 && e.Resolve(wish) == on {
		s.by = state.Rule
	}
	e.streams[i] = s
}

// Knows tells whether the stream has begun.
func (e *Engine) Knows(i Stream) bool { return e.streams[i] != nil }

// Ends takes the end of a stream.
func (e *Engine) Ends(i Stream) { delete(e.streams, i) }

// Pressed takes a press of ours before the streams move.
func (e *Engine) Pressed(now time.Time, to string, streams ...Stream) {
	for _, i := range streams {
		if s := e.streams[i]; s != nil {
			s.want, s.by, s.since, s.expect = to, state.Press, now, to
			s.home, s.goAt, s.from, s.leftAt, s.later = "", time.Time{}, "", time.Time{}, time.Time{}
		}
	}
}

// On takes the sink a stream is on now. "" while the session manager links it
// anew says nothing.
func (e *Engine) On(now time.Time, i Stream, on string) []Action {
	s := e.streams[i]
	if s == nil || on == "" || on == s.on {
		return nil
	}
	old := s.on
	s.on = on
	if s.goAt.IsZero() && s.home == on {
		s.home = "" // it came home by itself
		s.want, s.since = on, now
	}
	if on == s.expect {
		s.expect, s.from, s.leftAt = "", "", time.Time{}
		return nil
	}
	if on == s.want && s.by != "" && s.by != state.User { // however it came there
		s.from, s.leftAt, s.later = "", time.Time{}, time.Time{}
		return nil
	}
	if old == "" {
		if s.want != "" && s.want != on && e.sinks[s.want] && s.by != state.User {
			return e.move(now, i, s, s.want, s.by)
		}
		return nil
	}
	if s.from == "" {
		s.from, s.leftAt = old, now
	}
	if on == s.from { // back again
		s.from, s.leftAt = "", time.Time{}
		return nil
	}
	switch {
	case !e.sinks[s.from] || e.recently(now, s.from):
		return e.fall(now, i, s)
	case e.followed(now, s):
		return e.back(now, i, s)
	}
	return nil // until Tick
}

func (e *Engine) recently(now time.Time, sink string) bool {
	at, ok := e.removed[sink]
	return ok && now.Sub(at) < Verdict
}

// followed tells whether the stream left its sink because the default sink did.
func (e *Engine) followed(now time.Time, s *held) bool {
	return s.from == e.was && s.on == e.standard && s.on != s.from && now.Sub(e.changedAt) < Verdict
}

// back takes a stream that followed the default sink. One that a rule or a press
// wanted on what was the default sink goes back there: over the protocol of
// PulseAudio "always here" cannot be said of the default sink.
func (e *Engine) back(now time.Time, i Stream, s *held) []Action {
	from := s.from
	s.from, s.leftAt = "", time.Time{}
	if s.want == from && s.by == state.Rule && e.sinks[from] {
		return e.move(now, i, s, from, s.by)
	}
	return nil
}

// fall takes a stream whose sink has gone.
func (e *Engine) fall(now time.Time, i Stream, s *held) []Action {
	old := s.from
	s.from, s.leftAt = "", time.Time{}
	if s.want != old || s.by == "" || s.by == state.User || s.by == state.Follow {
		return nil
	}
	s.home = old
	if s.by == state.Rule {
		if to := e.Resolve(s.wish); to != "" && to != s.on { // the next one of its list
			out := e.move(now, i, s, to, state.Rule)
			s.home = ""
			return out
		}
	}
	return nil
}

// young tells whether a stream left the sink of its rule, or its home, so soon
// that it may have been the session manager.
func (e *Engine) young(s *held) bool {
	if s.want != s.from || s.by != state.Rule && s.by != state.Home {
		return false
	}
	return s.by == state.Rule && s.leftAt.Sub(s.begun) < Young || (s.on == s.was || s.on == e.standard) && s.leftAt.Sub(s.since) < PulledBack
}

// due is when the verdict on a stream that left its sink is spoken.
func (e *Engine) due(s *held) time.Time {
	if e.young(s) {
		return s.leftAt.Add(YoungVerdict)
	}
	return s.leftAt.Add(Verdict)
}

// Next is when Tick has something to decide; false: nothing waits.
func (e *Engine) Next() (time.Time, bool) {
	var next time.Time
	for _, s := range e.streams {
		if s.from != "" {
			next = earlier(next, e.due(s))
		}
		if !s.goAt.IsZero() {
			next = earlier(next, s.goAt)
		}
		if !s.later.IsZero() && s.from == "" {
			next = earlier(next, s.later)
		}
	}
	return next, !next.IsZero()
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// Tick decides what has waited long enough.
func (e *Engine) Tick(now time.Time) []Action {
	var out []Action
	for _, i := range e.order() {
		s := e.streams[i]
		if !s.goAt.IsZero() && !now.Before(s.goAt) {
			out = append(out, e.goHome(now, i, s)...)
		}
		if !s.later.IsZero() && s.from == "" && !now.Before(s.later) {
			s.later = time.Time{}
			if e.sinks[s.want] {
				out = append(out, e.move(now, i, s, s.want, s.by)...)
			}
		}
		if s.from != "" && !now.Before(e.due(s)) {
			out = append(out, e.judge(now, i, s)...)
		}
	}
	return out
}

// judge takes a stream that left its sink while that stayed: it was the user, or
// a press of another patoggle.
func (e *Engine) judge(now time.Time, i Stream, s *held) []Action {
	young, from := e.young(s), s.from
	s.from, s.leftAt = "", time.Time{}
	s.home, s.expect, s.later = "", "", time.Time{}
	var by state.By
	if e.Asked != nil {
		// What was written down before was about a move before.
		by = e.Asked(i, s.on, s.judged)
	}
	s.judged = now
	if young && by == "" {
		return e.move(now, i, s, s.want, s.by)
	}
	if by == "" {
		by = state.User
		if e.Users != nil {
			e.Users(i, from, s.on)
		}
	}
	s.want, s.by, s.since = s.on, by, now
	return nil
}

// Failed takes a move that did not come true.
func (e *Engine) Failed(i Stream, to string) {
	if s := e.streams[i]; s != nil && s.expect == to {
		s.expect = ""
	}
}

// Unanswered takes it that nobody will say any more what became of the moves
// before.
func (e *Engine) Unanswered() {
	for _, s := range e.streams {
		s.expect = ""
	}
}

// Holds says who wanted a stream where it is; "" when nobody we know did.
func (e *Engine) Holds(i Stream) (by state.By, want string) {
	if s := e.streams[i]; s != nil {
		return s.by, s.want
	}
	return "", ""
}

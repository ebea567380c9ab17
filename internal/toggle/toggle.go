// Package toggle is the pipeline that both programs run:
//
//	desktop.Focus -> proc -> match -> toggle -> pulse.Move
//
// It asks the desktop and the sound server at the same time, lets
// internal/match say which streams belong to the window, chooses the sink and
// moves. It holds no state between two requests.
package toggle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/internal/match"
	"github.com/patoggle/patoggle/internal/proc"
	"github.com/patoggle/patoggle/internal/state"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/pulse"
)

// Display is what the pipeline needs of a desktop; every desktop.Conn has it.
type Display interface {
	Screen(context.Context, desktop.WindowID) (*desktop.Screen, error)
	Focus(context.Context, desktop.WindowID) (*desktop.Screen, error)
	Inside(context.Context, desktop.WindowID) ([]int, error)
}

// Sound is what the pipeline needs of a sound server; *pulse.Conn has it, and
// *pulse.Inputs for the side that records.
type Sound interface {
	Snapshot(context.Context) (*pulse.Snapshot, error)
	Move(context.Context, pulse.SinkIndex, ...pulse.StreamIndex) []error
	Look(context.Context, ...pulse.StreamIndex) (map[pulse.StreamIndex]pulse.SinkIndex, error)
	Warm(context.Context)
}

// Properties are the keys of all properties that the pipeline reads, for
// pulse.Options.
func Properties() []string {
	return append(match.Properties(), propIcon, propCard, propDescription, propProduct, propDevice,
		propDeviceID, propBluetooth, propAPI, propBus, propBusPath, propSerial, propClass, propALSACard)
}

// Whom says what a request is about.
type Whom int

// The zero value is the focused window's application.
const (
	Focused Whom = iota
	// ByWindow: the application of Target.Window.
	ByWindow
	// ByPID: the process Target.PID and its descendants.
	ByPID
	// ByName: every stream whose application, binary or id is Target.App.
	ByName
	// ByStream: the stream Target.Stream.
	ByStream
	// Everything: every stream of every application.
	Everything
)

// Target is whom to move. The zero value is the focused window's application.
type Target struct {
	Whom   Whom
	Window desktop.WindowID
	PID    int
	App    string
	Stream pulse.StreamIndex
}

// AboutWindow tells whether a display has to be asked.
func (t Target) AboutWindow() bool { return t.Whom == Focused || t.Whom == ByWindow }

// Way is which sink to move to, seen from where the application plays.
type Way int

// The zero value is the next sink.
const (
	Next Way = iota
	Prev
	// To is the sink named in Request.Sink.
	To
)

// Request is one press of the key. The zero value moves the focused
// application to the next sink.
type Request struct {
	Target Target
	Way    Way
	// Sink is the sink's name, nickname, description or a part of it, for
	// Way To.
	Sink string
	// Chosen says that Sink is a line of Book.Menu.
	Chosen bool
	// DryRun moves nothing and reports what would move.
	DryRun bool
	// Guess lets matches of low confidence act.
	Guess bool
	// Pair moves what records as well, to the source of the device that the
	// sink is of. It needs Pipeline.Record.
	Pair bool
	// Verify looks again after VerifyAfter, and moves once more what was
	// pulled back.
	Verify bool
}

// VerifyAfter is how long --verify waits before it looks again: longer than
// the one second in which pipewire-pulse repeats to the mover what the mover
// asked for (module-protocol-pulse, "moved" claims).
const VerifyAfter = 1200 * time.Millisecond

// Pipeline is where the world comes in. Every field but Config is needed for
// the requests that use it.
type Pipeline struct {
	// Display and Sound open a connection or hand out a warm one. They are
	// called at the same time. Closing is the caller's.
	Display func(context.Context) (Display, error)
	Sound   func(context.Context) (Sound, error)
	// Record is Sound for the side that records, on the same connection. It may
	// be nil where nothing asks for both sides.
	Record func(context.Context) (Sound, error)
	// Procs gives a fresh view of /proc for each request.
	Procs func() match.Processes
	// Config may be nil: the defaults.
	Config *config.Config
	// PID and UID are ours.
	PID, UID int
	Hostname string
	// User names a user, as match.Input.User; nil for none.
	User func(uid int) string
	// Discreet keeps the titles of windows and the names of streams (of web
	// pages, songs, films) out of errors and out of the names of applications,
	// for who writes them to a log. Report.Window and Move.Media have them all
	// the same.
	Discreet bool
	// Levels returns how loud applications played on sinks, for volume =
	// "remember"; nil for nothing known.
	Levels func() ([]state.Level, error)
	// After is time.After when nil.
	After func(time.Duration) <-chan time.Time
}

// name is what a stream's application is called, never "".
func (p *Pipeline) name(s *pulse.Stream, m *match.Stream) string {
	media := s.Media
	if p.Discreet {
		media = ""
	}
	return firstOf(m.Called, media, fmt.Sprintf("stream %d", s.Index))
}

// Application is what the application of the stream at that place in the
// snapshot is called; "" when nothing names it.
func (v *View) Application(i int) string {
	return firstOf(v.Match.Streams[i].Called, v.Snapshot.Streams[i].Media)
}

// nameless is the application of a window that says nothing of itself.
const nameless = "the focused window"

// windowName is what a window's application is called while no stream of it
// is known, never "".
func (p *Pipeline) windowName(w *desktop.Window) string {
	if p.Discreet {
		return firstOf(w.Name(), nameless)
	}
	return firstOf(w.Name(), w.Title, nameless)
}

// View is the display and the sound server at one moment, joined.
type View struct {
	// Screen is nil when the display was not asked or did not answer.
	Screen *desktop.Screen
	// ScreenErr is why Screen has no focused window; nil when it has.
	ScreenErr error
	Snapshot  *pulse.Snapshot
	Book      *Book
	Match     match.Result

	config  *config.Config
	sound   Sound
	display Display // not to be asked when it did not open, which ScreenErr says
	procs   match.Processes
	// warming is Warm at work, beside the match: Move waits for what it opens
	// when it needs it.
	warming sync.WaitGroup
}

// displayShare is the part of the time that a display may take where it is
// welcome but not needed.
const displayShare = 2

// Look asks the display (unless window is nil) and the sound server at the
// same time and joins the answers. The zero window is the focused one. An
// error of the display is in View.ScreenErr and leaves the rest usable; the
// returned error is a Problem of the sound server.
func (p *Pipeline) Look(ctx context.Context, window *desktop.WindowID) (*View, error) {
	if window != nil {
		if deadline, ok := ctx.Deadline(); ok {
			half, cancel := context.WithTimeout(ctx, time.Until(deadline)/displayShare)
			defer cancel()
			return p.look(ctx, half, window, wants{titles: true})
		}
	}
	return p.look(ctx, ctx, window, wants{titles: true})
}

// wants is what look has to do beside the least.
type wants struct {
	titles bool // of windows that have not the focus
	warm   bool // Sound.Warm
}

func (p *Pipeline) look(ctx, displayCtx context.Context, window *desktop.WindowID, w wants) (*View, error) {
	cfg := p.Config
	if cfg == nil {
		cfg = &config.Config{}
	}
	v := &View{procs: p.Procs()}
	var wg sync.WaitGroup
	heard := make(chan struct{}) // of the sound server
	waiting := func() bool {
		select {
		case <-heard:
			return false
		default:
			return true
		}
	}
	if window != nil {
		wg.Go(func() {
			d, err := p.Display(displayCtx)
			v.display = d
			switch {
			case err != nil:
			case w.titles:
				v.Screen, err = d.Screen(displayCtx, *window)
			default:
				v.Screen, err = d.Focus(displayCtx, *window)
			}
			if err == nil {
				match.ReadAhead(v.procs, v.Screen, waiting)
			}
			v.ScreenErr = err
		})
	}
	var soundErr error
	wg.Go(func() {
		defer close(heard)
		if v.sound, soundErr = p.Sound(ctx); soundErr != nil {
			return
		}
		if w.warm {
			v.warming.Go(func() { v.sound.Warm(ctx) })
		}
		if v.Snapshot, soundErr = v.sound.Snapshot(ctx); soundErr == nil {
			soundErr = AddCards(ctx, v.sound, v.Snapshot, cfg)
		}
	})
	wg.Wait()
	if soundErr != nil {
		v.warming.Wait()
		return nil, SoundError(soundErr)
	}
	v.config = cfg
	v.Book = newBook(v.Snapshot, cfg)
	return v, nil
}

func (p *Pipeline) input(v *View) match.Input {
	in := match.Input{Snapshot: v.Snapshot, Procs: v.procs, PID: p.PID, UID: p.UID, Hostname: p.Hostname, User: p.User}
	if v.ScreenErr == nil {
		in.Screen = v.Screen
	}
	return in
}

// Resolve fills View.Match: whose each stream is, seen from the window, or
// from the process when pid is not 0.
func (p *Pipeline) Resolve(ctx context.Context, v *View, pid int) error {
	in := p.input(v)
	if pid == 0 {
		v.Match = match.Match(in)
		if in.Screen != nil && v.Match.Empty() {
			// Then it is worth a look at who draws inside the window.
			in.Inside, _ = v.display.Inside(ctx, in.Screen.Focused.ID)
			if len(in.Inside) > 0 {
				v.Match = match.Match(in)
			}
		}
		return nil
	}
	if _, ok := in.Procs.Process(pid); !ok {
		return &Problem{Kind: Failed, Message: fmt.Sprintf("there is no process %d", pid)}
	}
	v.Match = match.Descendants(in, pid)
	return nil
}

// Run serves one request. The report is never nil, also beside an error: it
// says what did move. The error is a *Problem.
func (p *Pipeline) Run(ctx context.Context, r Request) (*Report, error) {
	rep := &Report{Result: ResultNothing, Moves: []Move{}}
	run := p.run
	if r.Pair {
		run = p.runPair
	}
	err := run(ctx, r, rep)
	if err != nil {
		rep.Reason = err.Error()
		if pr := (*Problem)(nil); !errors.As(err, &pr) || pr.Kind != Nothing {
			rep.Result = ResultFailed
		}
	}
	return rep, err
}

func (p *Pipeline) run(ctx context.Context, r Request, rep *Report) error {
	var window *desktop.WindowID
	if r.Target.AboutWindow() {
		window = &r.Target.Window
	}
	v, err := p.look(ctx, ctx, window, wants{warm: !r.DryRun})
	if err != nil {
		return err
	}
	defer v.warming.Wait()
	rep.Input = v.Snapshot.Input
	if window != nil && v.ScreenErr != nil {
		return DisplayError(v.ScreenErr, v.Screen, r.Target.Window)
	}
	var to *Output
	if r.Way == To {
		find := v.Book.Find
		if r.Chosen {
			find = v.Book.Chosen
		}
		if to, err = find(r.Sink); err != nil {
			return err
		}
	}
	if err := p.choose(ctx, v, r, rep); err != nil {
		return err
	}
	if to == nil {
		if to, err = v.step(rep, r.Way); err != nil {
			return err
		}
	}
	if v, err = p.arrive(ctx, r, v, rep, to); err != nil {
		return err
	}
	return p.move(ctx, r, v, rep)
}

// arrive makes an output what can be moved to, when it is to be reached first,
// and puts it into the report. It returns the view after that.
func (p *Pipeline) arrive(ctx context.Context, r Request, v *View, rep *Report, to *Output) (*View, error) {
	rep.To = to
	if to.Reach == nil {
		return v, nil
	}
	s, err := p.Switching(ctx, v, to, func(i pulse.StreamIndex) bool {
		return slices.ContainsFunc(rep.Moves, func(m Move) bool { return m.Stream == i })
	})
	switch {
	case err != nil:
		return v, err
	case s == nil: // it is so already
		rep.To = (&Switch{To: to}).as(v.Snapshot.Sink(to.Reach.Sink))
		return v, nil
	}
	rep.Switch = s.String()
	if r.DryRun {
		return v, nil
	}
	after, is, err := p.switchTo(ctx, v, s)
	if is != nil {
		rep.To, rep.switched = is, true
	}
	if err != nil {
		return v, err
	}
	rep.Moves = slices.DeleteFunc(rep.Moves, func(m Move) bool { return after.Snapshot.Stream(m.Stream) == nil })
	return after, nil
}

// choose puts the request's streams into the report.
func (p *Pipeline) choose(ctx context.Context, v *View, r Request, rep *Report) error {
	switch r.Target.Whom {
	case Focused, ByWindow, ByPID:
		return p.chooseMatched(ctx, v, r, rep)
	}
	// The streams are named by the request itself; the match only says which
	// of them nobody may move.
	if err := p.Resolve(ctx, v, 0); err != nil {
		return err
	}
	for i := range v.Snapshot.Streams {
		s := &v.Snapshot.Streams[i]
		m := &v.Match.Streams[i]
		if rule, taken := r.Target.Takes(s, m.Own); taken {
			p.add(rep, v, s, rule, match.Certain.String())
		}
	}
	switch {
	case len(rep.Moves) > 0:
		rep.Application = rep.Moves[0].Application
		if r.Target.Whom == Everything {
			rep.Application = ""
		}
		return nil
	case r.Target.Whom == ByStream:
		return p.noStream(v, r.Target.Stream)
	case r.Target.Whom == ByName:
		rep.Application = r.Target.App
		return &Problem{Kind: Nothing, Message: term.Escape(r.Target.App) + " is not " + v.side().doing + " anything", Hint: p.playing(v)}
	}
	return &Problem{Kind: Nothing, Message: "nothing is " + v.side().doing}
}

// NoStream is the Problem of a Target that names a stream which is not there;
// nil when it is, or when none is named.
func (p *Pipeline) NoStream(v *View, t Target) error {
	if t.Whom != ByStream || v.Snapshot.Stream(t.Stream) != nil {
		return nil
	}
	return p.noStream(v, t.Stream)
}

func (p *Pipeline) noStream(v *View, i pulse.StreamIndex) error {
	return &Problem{Kind: Failed, Message: fmt.Sprintf("there is no stream %d", i), Hint: p.playing(v)}
}

// Names tells whether the target names its streams itself, so that nothing is
// matched.
func (t Target) Names() bool { return t.Whom == ByName || t.Whom == ByStream || t.Whom == Everything }

// Takes tells for a Target that Names its streams whether it takes this one,
// and the rule; own says that nobody may move it (match.Stream.Own).
func (t Target) Takes(s *pulse.Stream, own bool) (rule string, taken bool) {
	switch t.Whom {
	case ByStream:
		return "stream", s.Index == t.Stream
	case ByName:
		return "app", isCalled(s, t.App) && !own
	case Everything:
		return "all", !own
	}
	return "", false
}

func (p *Pipeline) chooseMatched(ctx context.Context, v *View, r Request, rep *Report) error {
	pid := 0
	if r.Target.Whom == ByPID {
		pid = r.Target.PID
	}
	if err := p.Resolve(ctx, v, pid); err != nil {
		return err
	}
	if pid == 0 {
		rep.Window = NewWindow(v.Screen, v.Match.Window)
		rep.Application = p.windowName(&v.Screen.Focused)
	} else {
		rep.Application = "process " + strconv.Itoa(pid)
		if named, ok := p.Procs().Process(pid); ok && named.Comm != "" {
			rep.Application = named.Comm
		}
	}
	var guesses []string
	doubt := -1 // the index of the first stream with one
	for i := range v.Match.Streams {
		m := &v.Match.Streams[i]
		s := &v.Snapshot.Streams[i]
		switch {
		case m.Ambiguous:
			return p.ambiguous(v, s, m)
		case !m.Matched:
		case m.Confidence.Acts(r.Guess):
			p.add(rep, v, s, string(m.Rule), m.Confidence.String())
		default:
			guesses = append(guesses, Quote(p.name(s, m)))
			if doubt < 0 && m.Doubt != "" {
				doubt = i
			}
		}
	}
	if len(rep.Moves) > 0 {
		rep.Application = rep.Moves[0].Application
		return nil
	}
	if v.Match.Window.Remote {
		return &Problem{
			Kind:    Failed,
			Message: fmt.Sprintf("remote window: %s runs on another machine", Quote(rep.Application)),
			Hint:    "its sound is not on this machine's server; run patoggle over there",
		}
	}
	silent := &Problem{Kind: Nothing, Message: term.Escape(rep.Application) + " is not " + v.side().doing + " anything"}
	switch {
	case v.Match.Window.User != "":
		silent.Message += " that is yours"
		silent.Hint = "it runs as " + term.Escape(v.Match.Window.User) + ", and what other users play is left alone"
	case len(guesses) > 0:
		silent.Message = "no stream surely belongs to " + term.Escape(rep.Application)
		if doubt >= 0 {
			silent.Message += ": " + p.doubt(ctx, v, doubt)
		}
		silent.Hint = "--guess would move " + strings.Join(guesses, ", ")
	case v.Match.Window.Reason != "":
		silent.Hint = term.Escape(v.Match.Window.Reason)
	case slices.ContainsFunc(v.Match.Streams, func(m match.Stream) bool { return !m.Own }):
		silent.Hint = `"patoggle why` + v.side().flag + `" says whose each stream is`
	}
	return silent
}

// doubt is the doubt about a stream in words. What waited for Focus has no
// titles of the other windows, which tell a user which ones are meant: they are
// looked for now, as nothing moves that could be late.
func (p *Pipeline) doubt(ctx context.Context, v *View, stream int) string {
	if p.Discreet {
		return "it may play in another window of it"
	}
	doubt := v.Match.Streams[stream].Doubt
	if s, err := v.display.Screen(ctx, v.Screen.Active); err == nil {
		in := p.input(v)
		in.Screen = s
		doubt = firstOf(match.Match(in).Streams[stream].Doubt, doubt)
	}
	return term.Escape(doubt)
}

// isCalled is true when the user's name is one of the names an application
// has: compared whole, in any case.
func isCalled(s *pulse.Stream, name string) bool {
	for _, n := range []string{
		match.Application(s),
		s.Property("application.name"),
		s.Property("application.process.binary"),
		s.Property("application.id"),
		s.Property("pipewire.access.portal.app_id"),
	} {
		if n != "" && strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// playing lists the applications that have a stream, for a hint.
func (p *Pipeline) playing(v *View) string {
	bearers := map[string]int{}
	for i := range v.Snapshot.Streams {
		if !v.Match.Streams[i].Own {
			bearers[p.name(&v.Snapshot.Streams[i], &v.Match.Streams[i])]++
		}
	}
	var names []string
	for i := range v.Snapshot.Streams {
		if v.Match.Streams[i].Own {
			continue
		}
		s := &v.Snapshot.Streams[i]
		name := p.name(s, &v.Match.Streams[i])
		what := Quote(name)
		if bearers[name] > 1 && s.Media != "" && !p.Discreet {
			what += " with " + Quote(s.Media)
		}
		names = append(names, fmt.Sprintf("%s (stream %d)", what, s.Index))
	}
	if len(names) == 0 {
		return "nothing is " + v.side().doing + " at all"
	}
	return v.side().doing + " are " + strings.Join(names, ", ")
}

func (p *Pipeline) ambiguous(v *View, s *pulse.Stream, m *match.Stream) error {
	names := make([]string, len(m.Candidates))
	byPID := slices.SortedFunc(slices.Values(m.Candidates), func(a, b proc.Process) int { return a.PID - b.PID })
	for i, c := range byPID {
		names[i] = fmt.Sprintf("%d (%s)", c.PID, term.Escape(c.Comm))
	}
	return &Problem{
		Kind: Failed,
		Message: fmt.Sprintf("ambiguous: stream %d (%s) says it is process %s, which in sandboxes is each of %s",
			s.Index, Quote(p.name(s, m)), term.Escape(s.Property("application.process.id")), strings.Join(names, ", ")),
		Hint: fmt.Sprintf("nothing was moved; \"patoggle%s --stream %d\" moves this one", v.side().flag, s.Index),
	}
}

func (p *Pipeline) add(rep *Report, v *View, s *pulse.Stream, rule, confidence string) {
	at := slices.IndexFunc(v.Match.Streams, func(m match.Stream) bool { return m.Index == s.Index })
	m := Move{
		Stream:      s.Index,
		Application: p.name(s, &v.Match.Streams[at]),
		Media:       s.Media,
		Rule:        rule,
		Confidence:  confidence,
		Name:        s.Property("application.name"),
		Program:     s.Property("application.process.binary"),
		PID:         s.Property("application.process.id"),
		Side:        SideOf(v.Snapshot),
		Group:       pulse.GroupOf(s),
	}
	if o := v.Book.Output(s.Sink); o != nil {
		m.From = o.Name
	}
	rep.Moves = append(rep.Moves, m)
}

// Next is the sink that the next press would go to, as Run chooses it; nil
// when there is none, or nothing that would move.
func (v *View) Next() *Output {
	rep := &Report{}
	for i := range v.Match.Streams {
		switch m := &v.Match.Streams[i]; {
		case m.Ambiguous:
			return nil
		case m.Matched && m.Confidence.Acts(false):
			rep.Moves = append(rep.Moves, Move{Stream: m.Index})
		}
	}
	if len(rep.Moves) == 0 {
		return nil
	}
	to, err := v.step(rep, Next)
	if err != nil {
		return nil
	}
	return to
}

// step chooses the sink after (or before) that of the first playing stream;
// when all are paused, of the first.
func (v *View) step(rep *Report, way Way) (*Output, error) {
	from := v.Snapshot.Stream(rep.Moves[0].Stream).Sink
	for _, m := range rep.Moves {
		if s := v.Snapshot.Stream(m.Stream); !s.Corked {
			from = s.Sink
			break
		}
	}
	to, ok := v.Book.Step(from, way == Prev)
	if ok {
		return v.Book.Output(to), nil
	}
	words := v.side()
	if len(v.Book.ring) == 0 {
		p := &Problem{Kind: Nothing, Message: "no " + words.device + " " + words.use}
		if s := strange(v.Book.Strangers(v.config)); s != "" {
			p.Message += ": " + s
			p.Hint = "the " + words.device + "s are " + v.Book.list(v.Book.all())
		} else if len(v.Book.Outputs) > 0 {
			p.Hint = "every " + words.device + " is skipped by the configuration, not in its list, or has nothing plugged in: " + v.Book.list(v.Book.all())
		}
		return nil, p
	}
	return nil, &Problem{
		Kind:    Nothing,
		Message: "only one " + words.device + " " + words.use + ": " + term.Escape(v.Book.Output(from).Label),
		Hint:    strange(v.Book.Strangers(v.config)),
	}
}

// move brings the report's streams to the sink and fills in what became of
// each.
func (p *Pipeline) move(ctx context.Context, r Request, v *View, rep *Report) error {
	var streams []pulse.StreamIndex
	for i := range rep.Moves {
		m := &rep.Moves[i]
		m.To = rep.To.Name
		if v.Snapshot.Stream(m.Stream).Sink == rep.To.Index {
			if m.Result = AlreadyThere; rep.switched {
				m.Result, rep.Result = Moved, ResultMoved // with the port, or by the server
			}
			continue
		}
		m.Result = WouldMove
		streams = append(streams, m.Stream)
	}
	if len(streams) == 0 && rep.switched {
		if len(rep.Moves) == 0 {
			return rep.settle(nil, nil)
		}
		return nil
	}
	if len(streams) == 0 {
		rep.Reason = fmt.Sprintf("%s already %s %s", term.Escape(rep.Application), v.side().uses, term.Escape(rep.To.Label))
		if rep.Application == "" {
			rep.Reason = "everything already " + v.side().uses + " " + term.Escape(rep.To.Label)
		}
		return nil
	}
	loud := p.Loudness(v, rep.To, streams)
	for i := range rep.Moves {
		rep.Moves[i].Volume = loud.Change(rep.Moves[i].Stream)
	}
	if r.DryRun {
		rep.Result = ResultWouldMove
		return nil
	}
	failed := map[pulse.StreamIndex]error{}
	errs := loud.Around(ctx, streams, func(ctx context.Context, streams []pulse.StreamIndex) []error {
		errs := v.sound.Move(ctx, rep.To.Index, streams...)
		if r.Verify {
			for i, s := range streams {
				failed[s] = errs[i]
			}
			p.verify(ctx, v, rep.To.Index, streams, failed)
			for i, s := range streams {
				errs[i] = failed[s]
			}
		}
		return errs
	})
	loud.Settle(ctx)
	for i, s := range streams {
		failed[s] = errs[i]
	}
	rep.Left, rep.Came = loud.Left(func(s pulse.StreamIndex) bool { return slices.Contains(streams, s) && failed[s] == nil })
	return rep.settle(failed, streams)
}

// verify waits until the server no longer merely repeats what it was asked,
// looks where the streams really are, and moves once more what was pulled
// back. What does not stay is added to failed.
func (p *Pipeline) verify(ctx context.Context, v *View, to pulse.SinkIndex, streams []pulse.StreamIndex, failed map[pulse.StreamIndex]error) {
	check := slices.DeleteFunc(slices.Clone(streams), func(s pulse.StreamIndex) bool { return failed[s] != nil })
	for try := 0; len(check) > 0; try++ {
		where, err := p.lookLater(ctx, v, check)
		if err != nil {
			for _, s := range check {
				failed[s] = err
			}
			return
		}
		var back []pulse.StreamIndex
		for _, s := range check {
			sink, alive := where[s]
			switch {
			case !alive:
				failed[s] = pulse.ErrGone
			case sink != to:
				back = append(back, s)
			}
		}
		if try > 0 {
			for _, s := range back {
				failed[s] = errPulledBack
			}
			return
		}
		for i, err := range v.sound.Move(ctx, to, back...) {
			if err != nil {
				failed[back[i]] = err
			}
		}
		check = slices.DeleteFunc(back, func(s pulse.StreamIndex) bool { return failed[s] != nil })
	}
}

func (p *Pipeline) lookLater(ctx context.Context, v *View, streams []pulse.StreamIndex) (map[pulse.StreamIndex]pulse.SinkIndex, error) {
	after := p.After
	if after == nil {
		after = time.After
	}
	select {
	case <-ctx.Done():
		return nil, errUnverified
	case <-after(VerifyAfter):
	}
	return v.sound.Look(ctx, streams...)
}

// settle writes the outcomes of tried streams into the report. Streams that
// ended in between are left out of it.
func (rep *Report) settle(failed map[pulse.StreamIndex]error, tried []pulse.StreamIndex) error {
	var first *Problem
	moved := 0
	rep.Moves = slices.DeleteFunc(rep.Moves, func(m Move) bool { return errors.Is(failed[m.Stream], pulse.ErrGone) })
	for i := range rep.Moves {
		m := &rep.Moves[i]
		if !slices.Contains(tried, m.Stream) {
			continue
		}
		err := failed[m.Stream]
		if err == nil {
			m.Result = Moved
			moved++
			continue
		}
		m.Result = MoveFailed
		problem := moveProblem(err, m)
		m.Error, m.Hint = problem.Message, problem.Hint
		if first == nil {
			first = problem
		}
	}
	switch {
	case first != nil:
		return first
	case moved > 0:
		rep.Result = ResultMoved
		return nil
	case len(rep.Moves) == 0:
		return &Problem{Kind: Nothing, Message: term.Escape(rep.Application) + " has just stopped " + sideOf(rep.Input).doing}
	}
	return nil
}

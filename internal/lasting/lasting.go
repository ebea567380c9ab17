// Package lasting is what outlives a press: taking moves back, following the
// default sink again, and remembering where an application plays. Both programs
// use it, on one state (internal/state).
package lasting

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/identity"
	"github.com/patoggle/patoggle/internal/level"
	"github.com/patoggle/patoggle/internal/proc"
	"github.com/patoggle/patoggle/internal/state"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/internal/toggle"
	"github.com/patoggle/patoggle/pulse"
)

// Playback is the side of streams that play, Recording that of those that
// record.
const (
	Playback  = toggle.Playback
	Recording = toggle.Recording
)

// device is what the side of a view calls a sink.
func device(v *toggle.View) string {
	if v.Snapshot.Input {
		return "source"
	}
	return "sink"
}

// Follower is what following needs of a sound server; *pulse.Conn has it, and
// *pulse.Inputs.
type Follower interface {
	Follow(context.Context, ...pulse.StreamIndex) []error
}

// Desk is what the requests work with.
type Desk struct {
	*toggle.Pipeline
	Store *state.Store
}

func failed(err error) *toggle.Problem {
	return &toggle.Problem{Kind: toggle.Failed, Message: "cannot remember anything: " + term.Escape(err.Error()), Err: err}
}

// Record writes down what a request moved, so that undo knows it. A report that
// moved nothing is nothing to write.
func Record(s *state.Store, by state.By, rep *toggle.Report) error {
	if err := s.KeepLevels(rep.Left, rep.Came); err != nil {
		return err
	}
	e := state.Entry{By: by}
	for _, m := range rep.Moves {
		if m.Result == toggle.Moved && m.From != m.To { // else its port was switched
			e.Moves = append(e.Moves, moved(m))
		}
	}
	if len(e.Moves) == 0 {
		return nil
	}
	_, err := s.Record(e)
	return err
}

func moved(m toggle.Move) state.Moved {
	side := m.Side
	if side == Playback {
		side = "" // as it was always written
	}
	return state.Moved{Side: side, Stream: uint32(m.Stream), Application: m.Name, Program: m.Program, PID: m.PID, From: m.From, To: m.To, Loud: m.Volume, ID: m.Group.ID, Name: m.Group.Name}
}

// recorded tells whether a move was one of what records.
func recorded(m state.Moved) bool { return m.Side == Recording }

// Same tells whether a stream that plays is the one that was written down. Index alone
// would be another one's after the server was started anew.
func Same(s *pulse.Stream, m state.Moved) bool {
	return SameOf(Playback, s, m)
}

// SameOf is Same for a stream of either side.
func SameOf(side string, s *pulse.Stream, m state.Moved) bool {
	return uint32(s.Index) == m.Stream && recorded(m) == (side == Recording) && plays(s, m)
}

// plays tells whether a stream is of the process that was written down.
func plays(s *pulse.Stream, m state.Moved) bool {
	return s.Property("application.name") == m.Application &&
		s.Property("application.process.binary") == m.Program && s.Property("application.process.id") == m.PID
}

// Undo takes the last move back: each of its streams goes to the sink it came
// from. Moves of streams that have ended are passed over. The report's To is
// nil: streams may have come from several sinks.
func (d *Desk) Undo(ctx context.Context) (*toggle.Report, error) { return d.undone(ctx, false) }

// UndoRecording is Undo of the last move that had a recording in it.
func (d *Desk) UndoRecording(ctx context.Context) (*toggle.Report, error) {
	return d.undone(ctx, true)
}

func (d *Desk) undone(ctx context.Context, recordings bool) (*toggle.Report, error) {
	rep := &toggle.Report{Result: toggle.ResultNothing, Moves: []toggle.Move{}}
	err := d.undo(ctx, rep, recordings)
	if err != nil {
		rep.Reason = err.Error()
		if p := (*toggle.Problem)(nil); !errors.As(err, &p) || p.Kind != toggle.Nothing {
			rep.Result = toggle.ResultFailed
		}
	}
	return rep, err
}

func (d *Desk) undo(ctx context.Context, rep *toggle.Report, recordings bool) error {
	entries, err := d.Store.Moves()
	if err != nil {
		return failed(err)
	}
	open := state.Undoable(entries)
	playing, what := "playing", "move"
	if recordings {
		open = slices.DeleteFunc(open, func(e state.Entry) bool { return !slices.ContainsFunc(e.Moves, recorded) })
		playing, what = "recording", "move of a recording"
	}
	if len(open) == 0 {
		return &toggle.Problem{Kind: toggle.Nothing, Message: "there is no " + what + " to take back"}
	}
	views, err := d.views(ctx, open)
	if err != nil {
		return err
	}
	for _, e := range slices.Backward(open) {
		var all []back
		for _, v := range views {
			all = append(all, streamsOf(v, e)...)
		}
		if len(all) == 0 {
			continue // they have ended: nothing of it is left
		}
		return d.takeBack(ctx, rep, e, all)
	}
	return &toggle.Problem{Kind: toggle.Nothing, Message: "there is no " + what + " to take back: what was moved has stopped " + playing}
}

// views are what plays, and what records where that was ever moved.
func (d *Desk) views(ctx context.Context, of []state.Entry) ([]*toggle.View, error) {
	if d.Record == nil || !slices.ContainsFunc(of, func(e state.Entry) bool { return slices.ContainsFunc(e.Moves, recorded) }) {
		v, err := d.Look(ctx, nil)
		return []*toggle.View{v}, err
	}
	v, in, err, recErr := d.Sides(ctx, nil)
	return []*toggle.View{v, in}, errors.Join(err, recErr)
}

// back is a stream of a view with the sink it came from.
type back struct {
	view   *toggle.View
	stream *pulse.Stream
	from   string
	loud   *state.Loud
}

// streamsOf finds the streams of an entry in a view of their side. Where a server
// was started anew, those of the same process that are where they were moved to
// stand for them.
func streamsOf(v *toggle.View, e state.Entry) []back {
	var found []back
	s := v.Snapshot
	taken := map[pulse.StreamIndex]bool{}
	for _, m := range e.Moves {
		if recorded(m) != s.Input || m.From == "" {
			continue
		}
		if st := s.Stream(pulse.StreamIndex(m.Stream)); st != nil && plays(st, m) && !taken[st.Index] {
			taken[st.Index] = true
			found = append(found, back{v, st, m.From, m.Loud})
			continue
		}
		for i := range s.Streams {
			st := &s.Streams[i]
			on := s.Sink(st.Sink)
			if m.PID != "" && plays(st, m) && !taken[st.Index] && on != nil && on.Name == m.To {
				taken[st.Index] = true
				found = append(found, back{v, st, m.From, m.Loud})
			}
		}
	}
	return found
}

func (d *Desk) takeBack(ctx context.Context, rep *toggle.Report, e state.Entry, all []back) error {
	entry := state.Entry{By: state.Undo, Undoes: e.ID}
	var first *toggle.Problem
	already := ""
	note := func(p *toggle.Problem, m *toggle.Move) {
		m.Result, m.Error, m.Hint = toggle.MoveFailed, p.Message, p.Hint
		if first == nil {
			first = p
		}
	}
	rep.Input = all[0].view.Snapshot.Input // what plays comes first
	rep.Pair = all[len(all)-1].view.Snapshot.Input != rep.Input
	for _, b := range all {
		v := b.view
		device, uses := "sink", "plays on"
		if v.Snapshot.Input {
			device, uses = "source", "records from"
		}
		m := toggle.Move{
			Side: toggle.SideOf(v.Snapshot), Stream: b.stream.Index, Application: nameOf(b.stream), Media: b.stream.Media, To: b.from, Rule: "undo", Confidence: "certain",
			Name: b.stream.Property("application.name"), Program: b.stream.Property("application.process.binary"), PID: b.stream.Property("application.process.id"), Group: pulse.GroupOf(b.stream),
		}
		if on := v.Book.Output(b.stream.Sink); on != nil {
			m.From = on.Name
		}
		to := named(v.Book, b.from)
		switch {
		case to == nil:
			note(&toggle.Problem{
				Kind:    toggle.Failed,
				Message: fmt.Sprintf("%s came from the %s %s, which is not there now", toggle.Quote(m.Application), device, toggle.Quote(b.from)),
				Hint:    "it can be taken back when the " + device + " is there again",
			}, &m)
		case b.stream.Sink == to.Index:
			m.Result = toggle.AlreadyThere
		default:
			loud, err := d.backTo(ctx, b, to)
			if err != nil {
				return err
			}
			m.Volume = loud.Change(b.stream.Index)
			err = loud.Around(ctx, []pulse.StreamIndex{b.stream.Index}, func(ctx context.Context, streams []pulse.StreamIndex) []error {
				return v.Sound().Move(ctx, to.Index, streams...)
			})[0]
			if err == nil {
				left, came := loud.Left(func(pulse.StreamIndex) bool { return true })
				rep.Left, rep.Came = append(rep.Left, left...), append(rep.Came, came...)
			}
			switch {
			case errors.Is(err, pulse.ErrGone):
				continue
			case err != nil:
				note(toggle.MoveError(err, m.Application, m.Stream), &m)
			default:
				m.Result = toggle.Moved
				entry.Moves = append(entry.Moves, moved(m))
			}
		}
		switch {
		case to == nil:
		case v.Snapshot.Input && rep.Pair:
			rep.Source = to
		default:
			rep.To = to
			already = uses
		}
		rep.Moves = append(rep.Moves, m)
		rep.Application = m.Application
	}
	if first == nil || len(entry.Moves) > 0 {
		if err := d.Store.KeepLevels(rep.Left, rep.Came); err != nil {
			return failed(err)
		}
		if _, err := d.Store.Record(entry); err != nil {
			return failed(err)
		}
	}
	if len(entry.Moves) > 0 {
		rep.Result = toggle.ResultMoved
	}
	if first != nil {
		return first
	}
	if len(entry.Moves) == 0 && rep.To != nil {
		rep.Reason = fmt.Sprintf("%s already %s %s", term.Escape(rep.Application), already, term.Escape(rep.To.Label))
	}
	return nil
}

// backTo plans the volume of a stream that goes back: what it had there, unless
// somebody has set another one since. Then that counts, and is at least not louder
// there than it is now.
func (d *Desk) backTo(ctx context.Context, b back, to *toggle.Output) (*toggle.Loudness, error) {
	v := b.view
	m, ok := v.Sound().(toggle.Mixer)
	if !ok || v.Snapshot.Input || b.loud == nil && !d.Remembers() {
		return nil, nil
	}
	if len(v.Match.Streams) == 0 { // whose volume it is
		if err := d.Resolve(ctx, v, 0); err != nil {
			return nil, err
		}
	}
	known := func(string, string) *level.Known { return nil }
	if b.loud == nil {
		known = d.KnownLevels()
	} else if k := toggle.Known(b.loud.To); level.Same(pulse.Levels{Volumes: []uint32{k.Volume}}, pulse.Levels{Volumes: []uint32{b.stream.Levels.Max()}}) {
		known = func(string, string) *level.Known { return toggle.Known(b.loud.From) }
	}
	key := func(s *pulse.Stream) string { return toggle.VolumeKey(d.Identify(v, s.Index), s) }
	return toggle.NewLoudness(m, v.Snapshot, &to.Sink, []pulse.StreamIndex{b.stream.Index}, key, known), nil
}

// nameOf is an application's name for a person that is no name of a song.
func nameOf(s *pulse.Stream) string {
	name := s.Property("application.name")
	if name == "" {
		name = path.Base(s.Property("application.process.binary"))
	}
	if name == "" || name == "." {
		name = fmt.Sprintf("stream %d", s.Index)
	}
	return name
}

func named(b *toggle.Book, sink string) *toggle.Output {
	for i := range b.Outputs {
		if b.Outputs[i].Name == sink {
			return &b.Outputs[i]
		}
	}
	return nil
}

// Follow lets the target's streams follow the default sink again.
func (d *Desk) Follow(ctx context.Context, r toggle.Request) (*toggle.Report, error) {
	v, rep, err := d.Choose(ctx, r)
	if err == nil {
		err = d.follow(ctx, v, rep)
	}
	if err != nil {
		rep.Reason = err.Error()
		if p := (*toggle.Problem)(nil); !errors.As(err, &p) || p.Kind != toggle.Nothing {
			rep.Result = toggle.ResultFailed
		}
	}
	return rep, err
}

func (d *Desk) follow(ctx context.Context, v *toggle.View, rep *toggle.Report) error {
	follower, ok := v.Sound().(Follower)
	to := named(v.Book, v.Snapshot.Server.DefaultSink)
	if !ok || to == nil {
		return &toggle.Problem{Kind: toggle.Failed, Message: "there is no default " + device(v) + " to follow"}
	}
	rep.To = to
	streams := make([]pulse.StreamIndex, len(rep.Moves))
	for i, m := range rep.Moves {
		streams[i] = m.Stream
	}
	entry := state.Entry{By: state.Follow}
	var first *toggle.Problem
	loud := d.Loudness(v, to, streams)
	errs := loud.Around(ctx, streams, func(ctx context.Context, streams []pulse.StreamIndex) []error {
		return follower.Follow(ctx, streams...)
	})
	rep.Left, rep.Came = loud.Left(func(i pulse.StreamIndex) bool { return errs[slices.Index(streams, i)] == nil })
	for i := range rep.Moves {
		rep.Moves[i].Volume = loud.Change(rep.Moves[i].Stream)
	}
	for i := range rep.Moves {
		m := &rep.Moves[i]
		m.To = to.Name
		switch err := errs[i]; {
		case errors.Is(err, pulse.ErrGone):
		case err != nil:
			p := toggle.MoveError(err, m.Application, m.Stream)
			m.Result, m.Error, m.Hint = toggle.MoveFailed, p.Message, p.Hint
			if first == nil {
				first = p
			}
		case m.From == m.To:
			m.Result = toggle.AlreadyThere
			entry.Moves = append(entry.Moves, moved(*m))
		default:
			m.Result = toggle.Moved
			rep.Result = toggle.ResultMoved
			entry.Moves = append(entry.Moves, moved(*m))
		}
	}
	rep.Moves = slices.DeleteFunc(rep.Moves, func(m toggle.Move) bool { return m.Result == "" })
	if len(entry.Moves) > 0 {
		if err := d.Store.KeepLevels(rep.Left, rep.Came); err != nil {
			return failed(err)
		}
		if _, err := d.Store.Record(entry); err != nil {
			return failed(err)
		}
	}
	if first != nil {
		return first
	}
	return nil
}

// Remember keeps the target's application where it plays now, and returns what
// is remembered.
func (d *Desk) Remember(ctx context.Context, r toggle.Request) ([]state.Remembered, error) {
	v, rep, err := d.Choose(ctx, r)
	if err != nil {
		return nil, err
	}
	on := v.Playing(rep)
	if on == nil {
		return nil, &toggle.Problem{Kind: toggle.Failed, Message: term.Escape(rep.Application) + " is on no " + device(v)}
	}
	var all []state.Remembered
	for _, m := range rep.Moves {
		id := d.Identify(v, m.Stream)
		if !id.Known() {
			return nil, &toggle.Problem{
				Kind:    toggle.Failed,
				Message: toggle.Quote(m.Application) + " cannot be known again: many applications bear this name",
				Hint:    `a [[rule]] in the configuration can name it by its role or its program`,
			}
		}
		if slices.ContainsFunc(all, func(r state.Remembered) bool { return r.Application == id.Key }) {
			continue
		}
		all = append(all, state.Remembered{
			Side: toggle.SideOf(v.Snapshot), Application: id.Key, Name: id.Label(), GroupID: m.Group.ID, GroupName: m.Group.Name,
			Sink: on.Name, Label: on.Label, Since: time.Now().Round(time.Second),
		})
	}
	err = d.Store.Change(func(old []state.Remembered) []state.Remembered {
		old = slices.DeleteFunc(old, func(o state.Remembered) bool {
			return slices.ContainsFunc(all, func(n state.Remembered) bool { return n.Application == o.Application && sideOf(o) == n.Side })
		})
		return append(old, all...)
	})
	if err != nil {
		return nil, failed(err)
	}
	return all, nil
}

// sideOf is the side of what is remembered.
func sideOf(r state.Remembered) string { return cmp.Or(r.Side, Playback) }

// Forget ends what Remember began on the pipeline's side, and returns what was
// forgotten. With ByName the application need not play.
func (d *Desk) Forget(ctx context.Context, r toggle.Request) ([]state.Remembered, error) {
	side := ""
	keys := map[string]bool{}
	fits := func(o state.Remembered) bool { return keys[o.Application] }
	who := r.Target.App
	if r.Target.Whom == toggle.ByName {
		v, rep, err := d.Choose(ctx, r)
		if v == nil {
			return nil, err
		}
		side = toggle.SideOf(v.Snapshot)
		if err == nil {
			for _, m := range rep.Moves {
				keys[d.Identify(v, m.Stream).Key] = true
			}
		}
		fits = func(o state.Remembered) bool {
			_, bare, _ := strings.Cut(o.Application, ":")
			return keys[o.Application] || strings.EqualFold(o.Name, who) || strings.EqualFold(o.Application, who) || strings.EqualFold(bare, who)
		}
	} else {
		v, rep, err := d.Choose(ctx, r)
		if v == nil || err != nil && rep.Window == nil {
			return nil, err
		}
		who, side = rep.Application, toggle.SideOf(v.Snapshot)
		for _, m := range rep.Moves {
			keys[d.Identify(v, m.Stream).Key] = true
		}
		if procs, ok := d.Procs().(*proc.Reader); ok && rep.Window != nil { // it may be silent
			for _, pid := range rep.Window.PIDs {
				keys[identity.OfProcess(pid, procs).Key] = true
			}
		}
		delete(keys, "")
	}
	var gone []state.Remembered
	err := d.Store.Change(func(old []state.Remembered) []state.Remembered {
		gone = nil
		return slices.DeleteFunc(old, func(o state.Remembered) bool {
			if sideOf(o) != side || !fits(o) {
				return false
			}
			gone = append(gone, o)
			return true
		})
	})
	if err != nil {
		return nil, failed(err)
	}
	if len(gone) == 0 {
		return nil, &toggle.Problem{Kind: toggle.Nothing, Message: "nothing is remembered of " + toggle.Quote(who), Hint: `"patoggle rules" shows what is`}
	}
	return gone, d.unteach(ctx, func(m state.Moved) bool {
		return slices.ContainsFunc(gone, func(o state.Remembered) bool {
			return m.Key == o.Application || m.Key == "" && (strings.EqualFold(m.Name, o.Name) || strings.EqualFold("program:"+m.Program, o.Application))
		})
	})
}

// Reset lets every stream follow the default sink, every recording the default
// source, and forgets everything.
func (d *Desk) Reset(ctx context.Context) (*toggle.Report, error) {
	rep, err := d.followAll(ctx)
	if d.Record != nil {
		in := Desk{Pipeline: d.Recording(), Store: d.Store}
		heard, herr := in.followAll(ctx)
		rep.Pair = true
		rep.Moves, rep.Source = append(rep.Moves, heard.Moves...), heard.To
		if heard.Result == toggle.ResultMoved {
			rep.Result = heard.Result
		}
		err = cmp.Or(err, herr)
	}
	if err == nil {
		err = d.unteach(ctx, func(state.Moved) bool { return true })
	}
	if cerr := d.Store.Clear(); cerr != nil {
		return rep, failed(cerr)
	}
	return rep, err
}

// ResetRecording is Reset of what records alone, for a desk of that side.
func (d *Desk) ResetRecording(ctx context.Context) (*toggle.Report, error) {
	rep, err := d.followAll(ctx)
	cerr := d.Store.Change(func(old []state.Remembered) []state.Remembered {
		return slices.DeleteFunc(old, func(o state.Remembered) bool { return sideOf(o) == Recording })
	})
	if cerr != nil {
		return rep, failed(cerr)
	}
	return rep, err
}

// followAll is Follow for everything; that there is nothing is no error.
func (d *Desk) followAll(ctx context.Context) (*toggle.Report, error) {
	rep, err := d.Follow(ctx, toggle.Request{Target: toggle.Target{Whom: toggle.Everything}})
	if p := (*toggle.Problem)(nil); errors.As(err, &p) && p.Kind == toggle.Nothing {
		err, rep.Reason = nil, "" // what is remembered is forgotten all the same
	}
	return rep, err
}

// Row is one rule as "patoggle rules" shows it.
type Row struct {
	// App and Role are what it is about, Sinks where to: sources where Side is
	// "recording".
	App   string   `json:"app"`
	Role  string   `json:"role"`
	Sinks []string `json:"sinks"`
	// Source is "configuration" or "remembered"; Line is in the file, 0 for what
	// is remembered; Since is when that was, else "".
	Source string `json:"source"`
	Line   int    `json:"line"`
	Since  string `json:"since"`
	Side   string `json:"side"`
	// Streams are those it fits now, never nil; Sink is where they belong, ""
	// while none of its sinks is there.
	Streams []pulse.StreamIndex `json:"streams"`
	Sink    string              `json:"sink"`
	// Idle says why it does not act, "" when it does.
	Idle string `json:"idle"`
}

// Rules are all rules about the side of the view in the order in which they
// count, seen from what is there.
func (d *Desk) Rules(v *toggle.View, cfg *config.Config) ([]Row, error) {
	kept, err := d.Store.Remembered()
	if err != nil {
		return nil, failed(err)
	}
	rows := make([]Row, 0, len(cfg.Rules)+len(kept))
	sinkOf := func(names []string) string {
		for _, n := range names {
			if o, err := v.Book.Find(n); err == nil && o.Reach == nil {
				return o.Name
			}
		}
		return ""
	}
	input, side := v.Snapshot.Input, toggle.SideOf(v.Snapshot)
	at := make([]int, len(cfg.Rules)) // the row of each
	for i, r := range cfg.Rules {
		to := r.To(input)
		if at[i] = len(rows); len(to) > 0 {
			rows = append(rows, Row{App: r.App.String(), Role: r.Role.String(), Sinks: to, Source: "configuration", Line: r.Line, Side: side, Sink: sinkOf(to), Streams: []pulse.StreamIndex{}})
		}
	}
	configured := len(rows)
	kept = slices.DeleteFunc(kept, func(k state.Remembered) bool { return sideOf(k) != side })
	for _, k := range kept {
		row := Row{App: k.Name, Sinks: []string{k.Sink}, Source: "remembered", Since: k.Since.Format(time.RFC3339), Side: side, Streams: []pulse.StreamIndex{}}
		if o := named(v.Book, k.Sink); o != nil {
			row.Sink = o.Name
		}
		rows = append(rows, row)
	}
	book := config.NewRuleBook(cfg.Rules, input)
	lost := make([]int, len(rows)) // to which row a remembered one lost a stream, from 1
	for i := range v.Snapshot.Streams {
		s := &v.Snapshot.Streams[i]
		if v.Match.Streams[i].Own {
			continue
		}
		id := d.Identify(v, s.Index)
		first := book.Find(id.Names, id.Role)
		if first >= 0 {
			first = at[first]
			rows[first].Streams = append(rows[first].Streams, s.Index)
		}
		for j, k := range kept {
			if k.Application != id.Key {
				continue
			}
			if at := configured + j; first < 0 {
				rows[at].Streams = append(rows[at].Streams, s.Index)
			} else {
				lost[at] = first + 1
			}
		}
	}
	routed, doing := d.Store.Routed(), "playing"
	if input {
		doing = "recording"
	}
	for i := range rows {
		switch r := &rows[i]; {
		case lost[i] > 0:
			r.Idle = fmt.Sprintf("the rule on line %d of the configuration comes first", rows[lost[i]-1].Line)
		case r.Sink == "":
			r.Idle = "waits: no such " + device(v) + " is there"
		case !routed:
			r.Idle = "patoggled is not running"
		case len(r.Streams) == 0:
			r.Idle = "it is not " + doing
		}
	}
	return rows, nil
}

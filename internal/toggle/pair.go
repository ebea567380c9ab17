package toggle

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/pulse"
)

// runPair is run for both halves of a device: what plays goes to the sink as
// ever, and what records to the source of that sink's device. What records stays
// where the device has no source, and the report says so; that is no error.
func (p *Pipeline) runPair(ctx context.Context, r Request, rep *Report) error {
	rep.Pair = true
	var window *desktop.WindowID
	if r.Target.AboutWindow() {
		window = &r.Target.Window
	}
	v, in, err, recErr := p.sides(ctx, ctx, window, wants{warm: !r.DryRun})
	if err != nil {
		return err
	}
	defer v.warming.Wait()
	if in != nil {
		defer in.warming.Wait()
	}
	if window != nil && v.ScreenErr != nil {
		return DisplayError(v.ScreenErr, v.Screen, r.Target.Window)
	}
	if recErr != nil {
		return recErr // before anything moves
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
	silent := p.choose(ctx, v, r, rep)
	if silent != nil && !isNothing(silent) {
		return silent
	}
	heard := &Report{Result: ResultNothing, Input: true, Pair: true}
	deaf := p.Recording().choose(ctx, in, r, heard)
	if deaf != nil && (!isNothing(deaf) || silent != nil) {
		return neither(silent, deaf)
	}
	if silent != nil {
		rep.Application = heard.Application
	}
	switch {
	case to != nil:
	case silent == nil:
		to, err = v.step(rep, r.Way)
	default:
		to, err = v.stepPair(in, heard, r.Way)
	}
	if err != nil {
		return err
	}
	switched := to.Reach != nil && to.Reach.Profile != "" && !r.DryRun
	if v, err = p.arrive(ctx, r, v, rep, to); err != nil {
		return err
	}
	if switched { // the sources of the card are others
		if in.Snapshot, err = in.sound.Snapshot(ctx); err != nil {
			return SoundError(err)
		}
		in.Book = newBook(in.Snapshot, in.config)
		heard.Moves = slices.DeleteFunc(heard.Moves, func(m Move) bool { return in.Snapshot.Stream(m.Stream) == nil })
	}
	var first error
	if silent == nil {
		first = p.move(ctx, r, v, rep)
	}
	if deaf == nil {
		err := p.moveKin(ctx, r, in, heard, rep.To)
		rep.add(heard)
		if first == nil || isNothing(first) {
			first = err
		}
	}
	return first
}

// neither joins the sentences of two sides on which there is nothing to do; one
// that is more than that is told alone.
func neither(silent, deaf error) error {
	if !isNothing(deaf) {
		return deaf
	}
	var p *Problem
	if errors.As(silent, &p) {
		both := *p
		both.Message = strings.Replace(p.Message, "is not playing anything", "is neither playing nor recording anything", 1)
		both.Message = strings.Replace(both.Message, "nothing is playing", "nothing is playing or recording", 1)
		return &both
	}
	return silent
}

func isNothing(err error) bool {
	var p *Problem
	return errors.As(err, &p) && p.Kind == Nothing
}

// stepPair chooses the sink where nothing plays: the next one in the ring whose
// device has another source than what records comes from.
func (v *View) stepPair(in *View, heard *Report, way Way) (*Output, error) {
	source := in.Playing(heard)
	from := pulse.NoSink
	for i := range v.Book.Outputs {
		o := &v.Book.Outputs[i]
		kin := v.Kin(in, o).Source
		if kin != nil && source != nil && kin.Index == source.Index {
			from = o.Index
			break
		}
		if o.Name == v.Snapshot.Server.DefaultSink {
			from = o.Index
		}
	}
	at := from
	for range v.Book.ring {
		next, ok := v.Book.Step(at, way == Prev)
		if !ok {
			break
		}
		if kin := v.Kin(in, v.Book.Output(next)).Source; kin != nil && (source == nil || kin.Index != source.Index) {
			return v.Book.Output(next), nil
		}
		at = next
	}
	return nil, &Problem{
		Kind:    Nothing,
		Message: term.Escape(heard.Application) + " is only recording, and no other sink's device has a microphone",
		Hint:    `"patoggle --input" goes through the microphones of all devices`,
	}
}

// Kin is KinOf for a sink of this view, with in of the side that records.
func (v *View) Kin(in *View, sink *Output) Kin {
	return KinOf(sink, in.Book, in.Snapshot.Server.DefaultSink, v.config)
}

// moveKin brings the recordings of a report to the source of the sink's device,
// or says why they stay.
func (p *Pipeline) moveKin(ctx context.Context, r Request, in *View, heard *Report, sink *Output) error {
	kin := KinOf(sink, in.Book, in.Snapshot.Server.DefaultSink, in.config)
	if kin.Source != nil {
		heard.To = kin.Source
		return p.Recording().move(ctx, r, in, heard)
	}
	for i := range heard.Moves {
		m := &heard.Moves[i]
		m.To = m.From
		m.Result = Stays
		m.Error = term.Escape(m.Application) + " keeps recording"
		if o := in.Book.Output(in.Snapshot.Stream(m.Stream).Sink); o != nil {
			m.Error += " from " + term.Escape(o.Label)
		}
		m.Error += ": " + kin.Why
	}
	return nil
}

// add puts the report of the side that records behind that of the one that
// plays.
func (rep *Report) add(heard *Report) {
	rep.Moves = append(rep.Moves, heard.Moves...)
	rep.Source = heard.To
	switch {
	case rep.Result == ResultNothing:
		rep.Result = heard.Result
	case heard.Result == ResultMoved:
		rep.Result = ResultMoved
	}
	if rep.Result == ResultMoved || rep.Result == ResultWouldMove {
		rep.Reason = ""
	} else if rep.Reason == "" {
		rep.Reason = heard.Reason
	}
}

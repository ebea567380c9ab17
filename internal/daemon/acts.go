package daemon

import (
	"context"
	"errors"
	"fmt"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/lasting"
	"github.com/patoggle/patoggle/internal/state"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/internal/toggle"
	"github.com/patoggle/patoggle/pulse"
)

// answer does what a hotkey asks for.
func (s *server) answer(ctx context.Context, p *toggle.Pipeline, h config.Hotkey) (*toggle.Report, error) {
	d := &lasting.Desk{Pipeline: p, Store: s.store}
	switch h.Action {
	case config.Next, config.Prev, config.To:
		rep, err := p.Run(ctx, request(h))
		if h.Side == config.Input {
			return rep, err
		}
		return s.later(h, rep, err)
	}
	if s.store == nil {
		err := &toggle.Problem{Kind: toggle.Failed, Message: "there is no place to remember anything"}
		return &toggle.Report{Result: toggle.ResultFailed, Reason: err.Message}, err
	}
	switch h.Action {
	case config.Undo:
		if h.Side == config.Input {
			return d.UndoRecording(ctx)
		}
		return d.Undo(ctx)
	case config.Follow:
		return d.Follow(ctx, toggle.Request{})
	}
	var kept []state.Remembered
	var err error
	word, negated := " stays on ", " no longer stays on "
	if h.Side == config.Input {
		word, negated = " keeps recording from ", " no longer keeps recording from "
	}
	if h.Action == config.Remember {
		kept, err = d.Remember(ctx, toggle.Request{})
	} else {
		kept, err = d.Forget(ctx, toggle.Request{})
		word = negated
	}
	rep := &toggle.Report{Result: toggle.ResultNothing}
	if err != nil {
		rep.Result, rep.Reason = toggle.ResultFailed, err.Error()
	}
	for _, k := range kept {
		rep.Reason = term.Escape(k.Name) + word + term.Escape(k.Label)
	}
	return rep, err
}

// later takes a press on a silent window: where its application is known, its
// next stream starts on the sink that was asked for. One that has just stopped
// playing (a sink was chosen for it) is told so, and nothing more.
func (s *server) later(h config.Hotkey, rep *toggle.Report, err error) (*toggle.Report, error) {
	var p *toggle.Problem
	if !errors.As(err, &p) || p.Kind != toggle.Nothing || len(rep.Moves) > 0 || rep.To != nil || rep.Window == nil || s.intend == nil {
		return rep, err
	}
	r := request(h)
	to := s.intend(rep.Window.PIDs, r.Way, r.Sink)
	if to == nil {
		return rep, err
	}
	rep.Result, rep.Reason = toggle.ResultNothing, fmt.Sprintf("%s → %s, when it plays", term.Escape(rep.Application), term.Escape(to.Label))
	return rep, nil
}

// record writes a press down, once it was answered.
func (s *server) record(h config.Hotkey, rep *toggle.Report) {
	if s.store == nil || h.Action > config.To {
		return
	}
	if err := lasting.Record(s.store, state.Press, rep); err != nil {
		s.speak.say("warning", "a press cannot be taken back later: "+term.Escape(err.Error()))
	}
}

// SetLevels and Stream make a claimer a toggle.Mixer.
func (c *claimer) SetLevels(ctx context.Context, all ...pulse.StreamLevels) []error {
	if m, ok := c.Sound.(toggle.Mixer); ok {
		return m.SetLevels(ctx, all...)
	}
	return closed(len(all))
}

// Stream is SetLevels' companion.
func (c *claimer) Stream(ctx context.Context, i pulse.StreamIndex) (*pulse.Stream, error) {
	if m, ok := c.Sound.(toggle.Mixer); ok {
		return m.Stream(ctx, i)
	}
	return nil, pulse.ErrClosed
}

// Cards, SetPort and SetProfile make a claimer a toggle.Switcher.
func (c *claimer) Cards(ctx context.Context) ([]pulse.Card, error) {
	if w, ok := c.Sound.(toggle.Switcher); ok {
		return w.Cards(ctx)
	}
	return nil, nil
}

// SetPort is Cards' companion.
func (c *claimer) SetPort(ctx context.Context, sink pulse.SinkIndex, port string) error {
	if w, ok := c.Sound.(toggle.Switcher); ok {
		return w.SetPort(ctx, sink, port)
	}
	return pulse.ErrClosed
}

// SetProfile is Cards' companion.
func (c *claimer) SetProfile(ctx context.Context, card pulse.CardIndex, profile string) error {
	if w, ok := c.Sound.(toggle.Switcher); ok {
		return w.SetProfile(ctx, card, profile)
	}
	return pulse.ErrClosed
}

// closed are n errors for what a connection without that request is asked.
func closed(n int) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = pulse.ErrClosed
	}
	return errs
}

// Unteach makes a claimer a lasting.Unteacher.
func (c *claimer) Unteach(ctx context.Context, groups ...pulse.Group) []error {
	if u, ok := c.Sound.(lasting.Unteacher); ok {
		return u.Unteach(ctx, groups...)
	}
	return closed(len(groups))
}

// Follow makes a claimer a lasting.Follower.
func (c *claimer) Follow(ctx context.Context, streams ...pulse.StreamIndex) []error {
	if f, ok := c.Sound.(lasting.Follower); ok {
		return f.Follow(ctx, streams...)
	}
	return closed(len(streams))
}

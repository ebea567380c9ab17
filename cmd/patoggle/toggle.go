package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/toggle"
)

// toggle serves one request and reports it in the form that was asked for.
func (a *app) toggle(r toggle.Request, withNote bool) error {
	cfg, err := a.loadWith(a.stderr, config.LoadForPress, config.ReadForPress)
	if err != nil {
		if a.json {
			return errors.Join(err, a.printJSON(&toggle.Report{Result: toggle.ResultFailed, Reason: reason(err), Moves: []toggle.Move{}}))
		}
		return err
	}
	if a.timeout == defaultTimeout {
		a.timeout += toggle.SwitchTime(cfg)
	}
	ctx, cancel := a.context()
	defer cancel()
	p := a.pipeline(cfg)
	rep, err := p.Run(ctx, r)
	if problem := (*toggle.Problem)(nil); errors.As(err, &problem) && problem.Kind == toggle.Nothing && r.Target.Whom == toggle.Focused && typedIn(p, rep.Window) {
		problem.Hint = `that is the window you typed in: bind patoggle to a key, or type "sleep 3; patoggle" and bring the player to the front`
	}
	switch {
	case a.json:
		if err := a.printJSON(rep); err != nil {
			return err
		}
	case !a.quiet:
		a.printReport(rep)
	}
	if a.verbose {
		a.printMoves(rep)
	}
	a.record(rep)
	if withNote || cfg.Notify.OneShot() {
		a.notify(rep, err)
	}
	// Every stream that failed has its own sentence; explain prints the first.
	var shown bool
	for _, m := range rep.Moves {
		if m.Result != toggle.MoveFailed {
			continue
		}
		if shown {
			say(a.stderr, "error", m.Error)
		}
		shown = true
	}
	return err
}

// reason is an error in one sentence, "" for none.
func reason(err error) string {
	if err == nil {
		return ""
	}
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}

// typedIn tells whether patoggle was started from this window: a terminal, in
// which someone tries what is meant for a key.
func typedIn(p *toggle.Pipeline, w *toggle.Window) bool {
	if w == nil {
		return false
	}
	procs := p.Procs()
	const deepest = 64
	for pid, i := p.PID, 0; pid > 1 && i < deepest; i++ {
		if slices.Contains(w.PIDs, pid) {
			return true
		}
		self, ok := procs.Process(pid)
		if !ok {
			return false
		}
		pid = self.PPID
	}
	return false
}

// printReport says what became of each application, one line each.
func (a *app) printReport(rep *toggle.Report) {
	switch {
	case rep.Switch == "":
	case rep.Result == toggle.ResultWouldMove:
		fmt.Fprintln(a.stdout, "would switch "+rep.Switch)
	case rep.Result == toggle.ResultMoved:
		fmt.Fprintln(a.stdout, "switched "+rep.Switch)
	}
	for _, line := range rep.Lines() {
		fmt.Fprintln(a.stdout, line)
	}
}

// printMoves says what became of each stream and why, for -v.
func (a *app) printMoves(rep *toggle.Report) {
	for _, m := range rep.Moves {
		from := "no " + a.device()
		if m.From != "" {
			from = toggle.Quote(m.From)
		}
		say(a.stderr, "stream", fmt.Sprintf("%d %s: %s, from %s to %s (rule %s, %s)",
			m.Stream, toggle.Quote(m.Application), m.Result, from, toggle.Quote(m.To), m.Rule, m.Confidence))
	}
}

// printJSON prints one object on a line.
func (a *app) printJSON(v any) error {
	_, err := fmt.Fprintln(a.stdout, jsonLine(v))
	return err
}

// jsonLine is an object on a line. What a terminal would obey (C1, DEL,
// bidirectional controls) is escaped as JSON allows, so it stays the same
// string for who parses it.
func jsonLine(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("patoggle: " + err.Error()) // plain values of ours
	}
	text := strings.TrimSuffix(b.String(), "\n")
	b.Reset()
	for _, r := range text {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

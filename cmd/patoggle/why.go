package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/patoggle/patoggle/internal/match"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/internal/toggle"
	"github.com/patoggle/patoggle/pulse"
)

func (a *app) whyCommand() *cobra.Command {
	var window string
	var pid int
	var guess bool
	cmd := &cobra.Command{
		Use:   "why",
		Short: "say which streams would move, and why the others not",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := (&targetFlags{window: window, pid: pid}).target(cmd)
			if err != nil {
				return err
			}
			return a.why(t, guess)
		},
	}
	cmd.Flags().StringVar(&window, "window", "", windowUsage)
	cmd.Flags().IntVar(&pid, "pid", 0, pidUsage)
	cmd.Flags().BoolVar(&guess, "guess", false, guessUsage)
	cmd.MarkFlagsMutuallyExclusive("window", "pid")
	return cmd
}

func (a *app) why(t toggle.Target, guess bool) error {
	cfg, err := a.loadConfig(a.stderr)
	if err != nil {
		return err
	}
	ctx, cancel := a.context()
	defer cancel()
	p := a.pipeline(cfg)
	v, err := a.look(ctx, p, t.Window, t.PID)
	if err != nil {
		return err
	}
	if t.Whom != toggle.ByPID && v.ScreenErr != nil {
		err = toggle.DisplayError(v.ScreenErr, v.Screen, t.Window)
	}
	e := newExplanation(v)
	switch {
	case a.json:
		if err := a.printJSON(e); err != nil {
			return err
		}
	case !a.quiet:
		a.printWhy(e, v, t, guess)
	}
	return err
}

// explanation is "patoggle why --json". Its form is stable and documented in
// patoggle(1).
type explanation struct {
	Window  *toggle.Window  `json:"window"`
	Streams []explainStream `json:"streams"`
}

type explainStream struct {
	Index       pulse.StreamIndex `json:"index"`
	Application string            `json:"application"`
	PID         int               `json:"pid"`
	Matched     bool              `json:"matched"`
	Rule        string            `json:"rule"`
	Confidence  string            `json:"confidence"`
	Doubt       string            `json:"doubt"`
	Tried       []explainTried    `json:"tried"`
}

type explainTried struct {
	Rule   string `json:"rule"`
	WhyNot string `json:"why_not"`
}

func newExplanation(v *toggle.View) *explanation {
	e := &explanation{Streams: make([]explainStream, len(v.Snapshot.Streams))}
	if v.ScreenErr == nil {
		e.Window = toggle.NewWindow(v.Screen, v.Match.Window)
	}
	for i := range v.Snapshot.Streams {
		s := &v.Snapshot.Streams[i]
		m := &v.Match.Streams[i]
		row := explainStream{
			Index:       s.Index,
			Application: match.Application(s),
			PID:         m.PID,
			Matched:     m.Matched,
			Tried:       make([]explainTried, len(m.Tried)),
		}
		if m.Matched {
			row.Rule, row.Confidence, row.Doubt = string(m.Rule), m.Confidence.String(), m.Doubt
		}
		for j, t := range m.Tried {
			row.Tried[j] = explainTried{Rule: string(t.Rule), WhyNot: t.WhyNot}
		}
		e.Streams[i] = row
	}
	return e
}

// because says in a user's words what each rule saw.
var because = map[string]string{
	"pid":              "its process is the window's own",
	"flatpak-instance": "it plays from the same Flatpak instance as the window",
	"descendant":       "its process was started by the window's, and no other window is nearer",
	"sandbox-app":      "it is the same Flatpak or Snap application, and no other instance has a window",
	"steam-app":        "it is the same Steam application",
	"app-unit":         "the desktop started both as one application",
	"parent":           "its process started the window's and has no window itself",
	"name":             "only this window and this stream carry the name",
}

// printWhy shows the explanation to a person.
func (a *app) printWhy(e *explanation, v *toggle.View, t toggle.Target, guess bool) {
	out := a.stdout
	switch {
	case t.Whom == toggle.ByPID:
		fmt.Fprintf(out, "process %d and its descendants\n", t.PID)
	case e.Window != nil:
		fmt.Fprintf(out, "window %s %s (%s), %s\n", e.Window.ID, toggle.Quote(e.Window.Title), term.Escape(e.Window.Class), processes(e.Window.PIDs))
	}
	if r := v.Match.Window.Reason; r != "" {
		fmt.Fprintf(out, "    %s\n", term.Escape(r))
	}
	if len(e.Streams) == 0 {
		fmt.Fprintln(out, "nothing is playing")
	}
	for i, s := range e.Streams {
		m := &v.Match.Streams[i]
		fmt.Fprintf(out, "stream %d  %s %s", s.Index, term.Escape(s.Application), toggle.Quote(v.Snapshot.Streams[i].Media))
		if s.PID != 0 {
			fmt.Fprintf(out, ", process %d (%s)", s.PID, m.Trust)
		}
		fmt.Fprintln(out)
		switch {
		case s.Doubt != "" && m.Confidence.Acts(guess):
			fmt.Fprintf(out, "    moves, as --guess lets it: %s (rule %s, confidence %s)\n", term.Escape(s.Doubt), s.Rule, s.Confidence)
		case s.Doubt != "":
			fmt.Fprintf(out, "    stays: %s (rule %s, confidence %s): --guess lets it move\n", term.Escape(s.Doubt), s.Rule, s.Confidence)
		case s.Matched && m.Confidence.Acts(guess):
			fmt.Fprintf(out, "    moves: %s (rule %s, confidence %s)\n", because[s.Rule], s.Rule, s.Confidence)
		case s.Matched:
			fmt.Fprintf(out, "    stays: %s, but that is only a guess (rule %s, confidence %s): --guess lets it move\n", because[s.Rule], s.Rule, s.Confidence)
		case m.Ambiguous:
			fmt.Fprintln(out, "    stays: ambiguous, so nothing moves")
		default:
			fmt.Fprintln(out, "    stays:")
		}
		for _, line := range ladder(s.Tried) {
			fmt.Fprintf(out, "        %s\n", line)
		}
	}
}

// ladder is the rules that did not take a stream, those with one reason in one
// line.
func ladder(tried []explainTried) []string {
	var reasons []string
	rules := map[string][]string{}
	for _, t := range tried {
		if rules[t.WhyNot] == nil {
			reasons = append(reasons, t.WhyNot)
		}
		rules[t.WhyNot] = append(rules[t.WhyNot], t.Rule)
	}
	lines := make([]string, len(reasons))
	for i, why := range reasons {
		lines[i] = strings.Join(rules[why], ", ") + ": " + term.Escape(why)
	}
	return lines
}

func processes(pids []int) string {
	switch len(pids) {
	case 0:
		return "no process known"
	case 1:
		return fmt.Sprintf("process %d", pids[0])
	}
	return "processes " + strings.Trim(fmt.Sprint(pids), "[]")
}

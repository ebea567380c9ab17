package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/patoggle/patoggle/internal/match"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/internal/toggle"
	"github.com/patoggle/patoggle/pulse"
)

func (a *app) whyCommand() *cobra.Command {
	var t targetFlags
	var pair bool
	cmd := &cobra.Command{
		Use:   "why",
		Short: "say which streams would move, and why the others not",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			target, err := t.target(cmd)
			if err != nil {
				return err
			}
			return a.why(target, t.guess, pair)
		},
	}
	t.add(cmd)
	cmd.Flags().BoolVar(&a.input, "input", false, inputUsage)
	cmd.Flags().BoolVar(&pair, "pair", false, pairUsage)
	return cmd
}

func (a *app) why(t toggle.Target, guess, pair bool) error {
	v, in, err := a.lookAt(t, pair)
	if err != nil {
		if a.json {
			if pair {
				return errors.Join(err, a.printJSON(&explanationOfPair{explanation: explanation{Reason: reason(err), Streams: []explainStream{}}, Recordings: []explainStream{}, Pairs: []explainPair{}}))
			}
			return errors.Join(err, a.printJSON(&explanation{Reason: reason(err), Streams: []explainStream{}}))
		}
		return err
	}
	if t.AboutWindow() && v.ScreenErr != nil {
		err = toggle.DisplayError(v.ScreenErr, v.Screen, t.Window)
	}
	e := newExplanation(v, t)
	e.Switch = a.ahead(v, e, t, guess)
	switch {
	case a.json && pair:
		e.Reason = reason(err)
		if err := a.printJSON(&explanationOfPair{*e, newExplanation(in, t).Streams, pairs(v, in)}); err != nil {
			return err
		}
	case a.json:
		e.Reason = reason(err)
		if err := a.printJSON(e); err != nil {
			return err
		}
	case !a.quiet:
		a.printWhy(e, v, t, guess)
		if e.Switch != "" {
			fmt.Fprintln(a.stdout, e.Switch)
		}
		if pair {
			recording := *a
			recording.input = true
			fmt.Fprintln(a.stdout)
			recording.printStreamsWhy(newExplanation(in, t), in, t, guess)
			fmt.Fprintln(a.stdout)
			a.printPairs(v, in)
		}
	}
	return err
}

// lookAt looks at the sound server, and at the window that a target is about;
// with both at what records too.
func (a *app) lookAt(t toggle.Target, both bool) (v, recording *toggle.View, err error) {
	cfg, err := a.lookConfig()
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := a.context()
	defer cancel()
	p := a.pipeline(cfg)
	if !both {
		if v, err = a.look(ctx, p, t.Window, t.PID); err != nil {
			return nil, nil, err
		}
		return v, nil, p.NoStream(v, t)
	}
	v, recording, err, recErr := p.Sides(ctx, &t.Window)
	if err = cmp.Or(err, recErr); err != nil {
		return nil, nil, err
	}
	for _, v := range []*toggle.View{v, recording} {
		if err := p.Resolve(ctx, v, t.PID); err != nil {
			return nil, nil, err
		}
	}
	return v, recording, nil
}

// explanationOfPair is "patoggle why --pair --json".
type explanationOfPair struct {
	explanation
	Recordings []explainStream `json:"recordings"`
	Pairs      []explainPair   `json:"pairs"`
}

// explainPair is a sink of the ring with the source of its device.
type explainPair struct {
	Sink string `json:"sink"`
	// Source is "" where there is none; By is what both share, else WhyNot says
	// why not.
	Source string `json:"source"`
	By     string `json:"by"`
	WhyNot string `json:"why_not"`
}

func pairs(v, in *toggle.View) []explainPair {
	all := []explainPair{}
	for _, i := range v.Book.Ring() {
		o := v.Book.Output(i)
		kin := v.Kin(in, o)
		row := explainPair{Sink: o.Name, By: kin.By, WhyNot: kin.Why}
		if kin.Source != nil {
			row.Source = kin.Source.Name
		}
		all = append(all, row)
	}
	return all
}

// printPairs says which source goes with each sink of the ring.
func (a *app) printPairs(v, in *toggle.View) {
	for _, i := range v.Book.Ring() {
		o := v.Book.Output(i)
		kin := v.Kin(in, o)
		if kin.Source == nil {
			fmt.Fprintf(a.stdout, "with %s nothing records: %s\n", term.Escape(o.Label), kin.Why)
			continue
		}
		fmt.Fprintf(a.stdout, "with %s records %s (the same %s)\n", term.Escape(o.Label), term.Escape(kin.Source.Label), kin.By)
	}
}

// explanation is "patoggle why --json". Its form is stable and documented in
// patoggle(1).
type explanation struct {
	Window *toggle.Window `json:"window"`
	// Reason is one sentence when no window was found, or it failed.
	Reason string `json:"reason"`
	// Switch says which port or profile the next press switches and who goes along,
	// or why it must not; "" when there is nothing to switch.
	Switch  string          `json:"switch"`
	Streams []explainStream `json:"streams"`
}

// ahead is explanation.Switch.
func (a *app) ahead(v *toggle.View, e *explanation, t toggle.Target, guess bool) string {
	var streams []pulse.StreamIndex
	for i, s := range e.Streams {
		if s.Matched && (t.Names() || v.Match.Streams[i].Confidence.Acts(guess)) {
			streams = append(streams, s.Index)
		}
	}
	ctx, cancel := a.context()
	defer cancel()
	s, err := a.pipeline(nil).Ahead(ctx, v, streams)
	switch {
	case err != nil:
		return "the next press is refused: " + err.Error()
	case s != nil:
		return "the next press switches " + s.String()
	}
	return ""
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

func newExplanation(v *toggle.View, t toggle.Target) *explanation {
	e := &explanation{Streams: make([]explainStream, len(v.Snapshot.Streams))}
	if v.ScreenErr == nil && t.AboutWindow() {
		e.Window = toggle.NewWindow(v.Screen, v.Match.Window)
	}
	for i := range v.Snapshot.Streams {
		s := &v.Snapshot.Streams[i]
		m := &v.Match.Streams[i]
		if t.Names() {
			e.Streams[i] = named(t, s, m)
			continue
		}
		row := explainStream{
			Index:       s.Index,
			Application: v.Application(i),
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

// named is the row of a stream for a target that names its streams.
func named(t toggle.Target, s *pulse.Stream, m *match.Stream) explainStream {
	row := explainStream{Index: s.Index, Application: match.Application(s), PID: m.PID, Tried: []explainTried{}}
	rule, taken := t.Takes(s, m.Own)
	switch {
	case taken:
		row.Matched, row.Rule, row.Confidence = true, rule, match.Certain.String()
	case m.Own && len(m.Tried) > 0:
		row.Tried = append(row.Tried, explainTried{rule, m.Tried[0].WhyNot})
	case t.Whom == toggle.ByName:
		row.Tried = append(row.Tried, explainTried{rule, fmt.Sprintf("neither its name nor its program nor its id is %q", t.App)})
	default:
		row.Tried = append(row.Tried, explainTried{rule, fmt.Sprintf("it is not stream %d", t.Stream)})
	}
	return row
}

// because says in a user's words what each rule saw.
var because = map[string]string{
	"pid":              "its process is the window's own",
	"flatpak-instance": "it plays from the same Flatpak instance as the window",
	"descendant":       "its process was started by the window's, and no other window is nearer",
	"multiplexer":      "it runs in tmux or screen, and only this window shows that",
	"wine-prefix":      "it is of the same Wine prefix, in which nothing else has a window",
	"sandbox-app":      "it is the same Flatpak or Snap application, and no other instance has a window",
	"steam-app":        "it is the same Steam application",
	"app-id":           "it has the application id of the window, and no other window has it",
	"app-unit":         "the desktop started both as one application",
	"parent":           "its process started the window's and has no window itself",
	"name":             "only this window and this stream carry the name",
	"app":              "it is called so",
	"stream":           "it is the stream that was named",
	"all":              "everything that plays was asked for",
}

// printWhy shows the explanation to a person: what decided about each stream,
// and with -v every rule that was tried.
func (a *app) printWhy(e *explanation, v *toggle.View, t toggle.Target, guess bool) {
	out := a.stdout
	fmt.Fprintln(out, heading(e, v, t))
	if r := v.Match.Window.Reason; r != "" && e.Window != nil {
		fmt.Fprintf(out, "    %s\n", term.Escape(r))
	}
	a.printStreamsWhy(e, v, t, guess)
}

// printStreamsWhy is what printWhy says of the streams.
func (a *app) printStreamsWhy(e *explanation, v *toggle.View, t toggle.Target, guess bool) {
	out := a.stdout
	if len(e.Streams) == 0 {
		fmt.Fprintln(out, a.idle())
	}
	unseen := e.Window == nil && t.AboutWindow()
	for i, s := range e.Streams {
		m := &v.Match.Streams[i]
		fmt.Fprintf(out, "%s %d  %s", strings.ToLower(a.one()), s.Index, term.Escape(cmp.Or(s.Application, "without a name")))
		if media := v.Snapshot.Streams[i].Media; media != "" {
			fmt.Fprintf(out, " %s", toggle.Quote(media))
		}
		if s.PID != 0 {
			fmt.Fprintf(out, ", process %d", s.PID)
			if a.verbose {
				fmt.Fprintf(out, " (%s: %s)", m.Trust, trusts[m.Trust])
			}
		}
		fmt.Fprintln(out)
		if unseen && !m.Own {
			continue // there is nothing that it could be compared with
		}
		fmt.Fprintf(out, "    %s\n", verdict(&s, m, t.Names() || m.Confidence.Acts(guess)))
		if !a.verbose {
			continue
		}
		for _, line := range ladder(s.Tried) {
			fmt.Fprintf(out, "        %s\n", line)
		}
	}
	if !a.verbose && slices.ContainsFunc(e.Streams, func(s explainStream) bool { return len(s.Tried) > 1 }) {
		fmt.Fprintln(out, `"patoggle why -v" shows every rule`)
	}
}

// heading says whom it is about.
func heading(e *explanation, v *toggle.View, t toggle.Target) string {
	switch {
	case t.Whom == toggle.ByPID:
		return fmt.Sprintf("process %d and its descendants", t.PID)
	case t.Whom == toggle.ByName:
		return "the application " + toggle.Quote(t.App)
	case t.Whom == toggle.ByStream:
		return fmt.Sprintf("stream %d", t.Stream)
	case t.Whom == toggle.Everything:
		return "everything that plays"
	case e.Window == nil:
		return "no window to compare the streams with"
	}
	called := ""
	if name := cmp.Or(e.Window.Class, e.Window.AppID); name != "" {
		called = " (" + term.Escape(name) + ")"
	}
	title := ""
	if e.Window.Title != "" {
		title = " " + toggle.Quote(e.Window.Title)
	}
	return fmt.Sprintf("window %s%s%s, %s", term.Escape(string(e.Window.ID)), title, called, processes(e.Window.PIDs))
}

// verdict says what would become of a stream, and the one thing that decided.
func verdict(s *explainStream, m *match.Stream, acts bool) string {
	switch {
	case s.Doubt != "" && acts:
		return fmt.Sprintf("moves, as --guess lets it: %s (rule %s, confidence %s)", term.Escape(s.Doubt), s.Rule, s.Confidence)
	case s.Doubt != "":
		return fmt.Sprintf("stays: %s (rule %s, confidence %s): --guess lets it move", term.Escape(s.Doubt), s.Rule, s.Confidence)
	case s.Matched && acts:
		return fmt.Sprintf("moves: %s (rule %s, confidence %s)", because[s.Rule], s.Rule, s.Confidence)
	case s.Matched:
		return fmt.Sprintf("stays: %s, but that is only a guess (rule %s, confidence %s): --guess lets it move", because[s.Rule], s.Rule, s.Confidence)
	case m.Ambiguous && !acts:
		return "stays: ambiguous, so nothing moves"
	case len(s.Tried) == 0:
		return "stays"
	}
	return "stays: " + term.Escape(deciding(s.Tried))
}

// deciding is the reason that says most. The rules go from the strong to the
// weak, and the first says whose the process is instead.
func deciding(tried []explainTried) string {
	for _, t := range tried {
		if t.WhyNot != "" {
			return t.WhyNot
		}
	}
	return "no rule takes it"
}

// trusts explain how a stream's process is known.
var trusts = map[match.Trust]string{
	match.Unknown:    "no process is known",
	match.Remote:     "it runs on another machine",
	match.Ambiguous:  "several processes fit what it says of itself",
	match.Translated: "its number in a sandbox, which one process outside has",
	match.Verified:   "it says so, and that process is yours and runs its program",
	match.Trusted:    "the sound server knows it from the socket",
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

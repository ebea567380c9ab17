package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/patoggle/patoggle/internal/lasting"
	"github.com/patoggle/patoggle/internal/state"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/internal/toggle"
)

// store is what is remembered.
func (a *app) store() (*state.Store, error) {
	dir, err := state.Path(a.getenv)
	if err != nil {
		return nil, &toggle.Problem{Kind: toggle.Failed, Message: term.Escape(err.Error()), Err: err}
	}
	return state.Open(dir, func(text string) { say(a.stderr, "warning", term.Escape(text)) }), nil
}

// record writes down what a press moved, once it was answered. A press that
// cannot be written down is a press all the same.
func (a *app) record(rep *toggle.Report) {
	s, err := a.store()
	if err == nil {
		err = lasting.Record(s, state.Press, rep)
	}
	if err != nil && a.verbose {
		say(a.stderr, "warning", `"patoggle undo" will not know of this: `+term.Escape(err.Error()))
	}
}

// desk joins configuration, state and pipeline for a command.
func (a *app) desk() (*lasting.Desk, error) {
	cfg, err := a.loadConfig(a.stderr)
	if err != nil {
		return nil, err
	}
	s, err := a.store()
	if err != nil {
		return nil, err
	}
	return &lasting.Desk{Pipeline: a.pipeline(cfg), Store: s}, nil
}

// atDesk does something with what a command needs, in the time that it has.
func (a *app) atDesk(do func(context.Context, *lasting.Desk) error) error {
	d, err := a.desk()
	if err != nil {
		return err
	}
	ctx, cancel := a.context()
	defer cancel()
	return do(ctx, d)
}

// aimed builds a command about an application.
func (a *app) aimed(use, short string, do func(context.Context, *lasting.Desk, toggle.Request) error) *cobra.Command {
	var t targetFlags
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			target, err := t.target(cmd)
			if err != nil {
				return err
			}
			return a.atDesk(func(ctx context.Context, d *lasting.Desk) error {
				return do(ctx, d, toggle.Request{Target: target, Guess: t.guess})
			})
		},
	}
	t.add(cmd)
	cmd.Flags().BoolVar(&a.input, "input", false, inputUsage)
	return cmd
}

func (a *app) undoCommand() *cobra.Command {
	var recordings bool
	cmd := &cobra.Command{
		Use:   "undo",
		Short: "take the last move back",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			return a.atDesk(func(ctx context.Context, d *lasting.Desk) error {
				undo := d.Undo
				if recordings {
					undo = d.UndoRecording
				}
				rep, err := undo(ctx)
				return a.answer(rep, err)
			})
		},
	}
	cmd.Flags().BoolVar(&recordings, "input", false, inputUsage)
	return cmd
}

func (a *app) followCommand() *cobra.Command {
	return a.aimed("follow", "let the application follow the default sink again", func(ctx context.Context, d *lasting.Desk, r toggle.Request) error {
		rep, err := d.Follow(ctx, r)
		return a.answer(rep, err)
	})
}

// answer reports moves.
func (a *app) answer(rep *toggle.Report, err error) error {
	switch {
	case a.json:
		if jerr := a.printJSON(rep); jerr != nil {
			return jerr
		}
	case !a.quiet:
		a.printReport(rep)
	}
	return err
}

func (a *app) rememberCommand() *cobra.Command {
	return a.aimed("remember", "let the application's next streams start where it plays now", func(ctx context.Context, d *lasting.Desk, r toggle.Request) error {
		kept, err := d.Remember(ctx, r)
		return a.kept(kept, err, func(k state.Remembered) string {
			if k.Side == lasting.Recording {
				return fmt.Sprintf("%s keeps recording from %s", term.Escape(k.Name), term.Escape(k.Label))
			}
			return fmt.Sprintf("%s stays on %s", term.Escape(k.Name), term.Escape(k.Label))
		}, d)
	})
}

func (a *app) forgetCommand() *cobra.Command {
	return a.aimed("forget", "end what remember began", func(ctx context.Context, d *lasting.Desk, r toggle.Request) error {
		gone, err := d.Forget(ctx, r)
		return a.kept(gone, err, func(k state.Remembered) string {
			if k.Side == lasting.Recording {
				return fmt.Sprintf("%s no longer keeps recording from %s", term.Escape(k.Name), term.Escape(k.Label))
			}
			return fmt.Sprintf("%s no longer stays on %s", term.Escape(k.Name), term.Escape(k.Label))
		}, nil)
	})
}

// kept reports what is remembered, or no longer. d is nil where no daemon is
// needed.
func (a *app) kept(all []state.Remembered, err error, words func(state.Remembered) string, d *lasting.Desk) error {
	if a.json {
		if all == nil {
			all = []state.Remembered{}
		}
		out := struct {
			Reason     string             `json:"reason"`
			Remembered []state.Remembered `json:"remembered"`
		}{reason(err), all}
		if jerr := a.printJSON(out); jerr != nil {
			return jerr
		}
		return err
	}
	if err != nil {
		return err
	}
	if !a.quiet {
		for _, k := range all {
			fmt.Fprintln(a.stdout, words(k))
		}
		if d != nil && !d.Store.Routed() {
			say(a.stderr, "warning", "patoggled is not running, which is what brings new streams there")
		}
	}
	return nil
}

func (a *app) resetCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "reset",
		Short: "let everything follow the default sink, and forget what is remembered",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			if !yes && !a.confirmed() {
				what := "everything that is remembered"
				if a.input {
					what = "what is remembered of recordings"
				}
				return wrong("--yes does it without asking", "reset wants to be confirmed: it forgets %s", what)
			}
			err := a.atDesk(func(ctx context.Context, d *lasting.Desk) error {
				reset := d.Reset
				if a.input {
					reset = d.ResetRecording
				}
				rep, err := reset(ctx)
				return a.answer(rep, err)
			})
			if err != nil {
				return err
			}
			if !a.quiet && !a.json {
				what := "nothing is remembered any more"
				if a.input {
					what = "nothing is remembered of what records any more"
				}
				fmt.Fprintln(a.stdout, what)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "without asking")
	cmd.Flags().BoolVar(&a.input, "input", false, inputUsage)
	return cmd
}

// confirmed asks the person at the terminal.
func (a *app) confirmed() bool {
	out, ok := a.stderr.(*os.File)
	if !ok || !term.IsTerminal(out) || !term.IsTerminal(os.Stdin) {
		return false
	}
	question := "let everything follow the default sink, and forget what is remembered? [y/N] "
	if a.input {
		question = "let every recording follow the default source, and forget what is remembered of recordings? [y/N] "
	}
	fmt.Fprint(out, question)
	line, _ := bufio.NewReader(io.LimitReader(os.Stdin, 100)).ReadString('\n')
	line = strings.ToLower(strings.TrimSpace(line))
	return line == "y" || line == "yes"
}

// rulesOfBothSides are the rules about what plays, and then those about what
// records; with --input only these.
func (a *app) rulesOfBothSides(ctx context.Context, d *lasting.Desk) ([]lasting.Row, error) {
	var views []*toggle.View
	if a.input {
		v, err := d.Look(ctx, nil)
		if err != nil {
			return nil, err
		}
		views = append(views, v)
	} else {
		v, in, err, recErr := d.Sides(ctx, nil)
		if err := cmp.Or(err, recErr); err != nil {
			return nil, err
		}
		views = append(views, v, in)
	}
	rows := []lasting.Row{}
	for _, v := range views {
		if err := d.Resolve(ctx, v, 0); err != nil {
			return nil, err
		}
		more, err := d.Rules(v, d.Config)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

func (a *app) rulesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "show every rule, and which streams it fits",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			var rows []lasting.Row
			err := a.atDesk(func(ctx context.Context, d *lasting.Desk) (err error) {
				rows, err = a.rulesOfBothSides(ctx, d)
				return err
			})
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(struct {
					Rules []lasting.Row `json:"rules"`
				}{rows})
			}
			return a.printRules(rows)
		},
	}
	cmd.Flags().BoolVar(&a.input, "input", false, inputUsage)
	return cmd
}

func (a *app) printRules(rows []lasting.Row) error {
	if len(rows) == 0 {
		fmt.Fprintln(a.stdout, "there is no rule")
		return nil
	}
	device := "SINK"
	if slices.ContainsFunc(rows, func(r lasting.Row) bool { return r.Side == lasting.Recording }) {
		device = "SINK OR SOURCE"
	}
	t := a.table(
		term.Column{Title: "RULE"},
		term.Column{Title: device},
		term.Column{Title: "FROM"},
		term.Column{Title: "STREAMS"},
		term.Column{Title: "NOTE", Flexible: true},
	)
	for _, r := range rows {
		about := r.App
		if r.Role != "" {
			about = strings.TrimSpace(about + " role " + r.Role)
		}
		prefix := ""
		if r.Side == lasting.Recording {
			prefix = "source "
		}
		from := "remembered"
		if r.Line > 0 {
			from = fmt.Sprintf("config:%d", r.Line)
		}
		streams := make([]string, len(r.Streams))
		for i, s := range r.Streams {
			streams[i] = fmt.Sprint(s)
		}
		t.Add(
			term.Cell{Text: about},
			term.Cell{Text: prefix + strings.Join(r.Sinks, ", ")},
			term.Cell{Text: from},
			term.Cell{Text: strings.Join(streams, " ")},
			term.Cell{Text: r.Idle, Style: term.Dim},
		)
	}
	return t.Write(a.stdout)
}

// held are the notes of "patoggle list" on what holds a stream.
var held = map[string]string{
	lasting.HeldByPress:      "pinned here",
	lasting.HeldByRule:       "by a rule",
	lasting.HeldByRemembered: "remembered",
	lasting.HeldByDefault:    "follows the default",
}

// holder says in listings what holds each stream. Where that cannot be read
// nothing is said.
func (a *app) holder() func(*listing, *toggle.View) {
	s, err := a.store()
	cfg, cerr := a.loadConfig(io.Discard)
	if err != nil || cerr != nil {
		return func(*listing, *toggle.View) {}
	}
	d := &lasting.Desk{Pipeline: a.pipeline(cfg), Store: s}
	return func(l *listing, v *toggle.View) {
		holds, err := d.Holds(v, cfg)
		if err != nil {
			return
		}
		for i := range l.Streams {
			l.Streams[i].HeldBy = holds[l.Streams[i].Index]
		}
	}
}

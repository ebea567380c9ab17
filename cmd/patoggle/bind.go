package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/bindings"
	"github.com/patoggle/patoggle/internal/keys"
	"github.com/patoggle/patoggle/internal/keysource"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/internal/toggle"
)

func (a *app) bindCommand() *cobra.Command {
	var on string
	var check, pair bool
	cmd := &cobra.Command{
		Use:   "bind [KEYS] [next|prev|to SINK]",
		Short: "say how to bind patoggle to a key of this desktop",
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return []string{"next", "prev", "to"}, cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			h, err := parseBinding(args)
			if err != nil {
				return err
			}
			switch {
			case pair:
				h.Side = config.Both
			case a.input:
				h.Side = config.Input
			}
			ctx, cancel := a.context()
			defer cancel()
			name, err := a.desktopFor(ctx, on)
			if err != nil {
				return err
			}
			if check {
				return a.checkBinding(ctx, name, h)
			}
			return a.bind(name, h)
		},
	}
	f := cmd.Flags()
	f.StringVar(&on, "for", "", "for this desktop, whichever runs")
	f.BoolVar(&check, "check", false, "say whether another program has the key")
	f.BoolVar(&a.input, "input", false, inputUsage)
	f.BoolVar(&pair, "pair", false, pairUsage)
	return cmd
}

const bindHint = `"patoggle bind --help" shows the usage`

// parseBinding reads "KEYS ACTION", of which either may be missing.
func parseBinding(args []string) (config.Hotkey, error) {
	chord := config.DefaultChord
	if len(args) > 0 && args[0] != "next" && args[0] != "prev" && args[0] != "to" {
		chord, args = args[0], args[1:]
	}
	h := config.Hotkey{}
	var err error
	if h.Chord, err = keys.Parse(chord); err != nil {
		return h, wrong(bindHint, "%s: %s", toggle.Quote(chord), term.Escape(err.Error()))
	}
	switch {
	case len(args) == 0, len(args) == 1 && args[0] == "next":
		return h, nil
	case len(args) == 1 && args[0] == "prev":
		h.Action = config.Prev
		return h, nil
	case len(args) == 2 && args[0] == "to":
		h.Action, h.Sink = config.To, args[1]
		if !bindings.Plain(h.Sink) {
			return h, wrong("use a part of the name, or a nickname", "%s has characters that files of desktops read in their own way", toggle.Quote(h.Sink))
		}
		return h, nil
	case len(args) == 1 && args[0] == "to":
		return h, wrong(bindHint, `"to" wants a sink after it`)
	}
	return h, wrong(bindHint, "%s is not what a key can do: next, prev, or to and a sink", toggle.Quote(strings.Join(args, " ")))
}

// desktopFor is the desktop of that name, "" for the one that runs.
func (a *app) desktopFor(ctx context.Context, name string) (string, error) {
	if name != "" {
		known, ok := bindings.Named(name)
		if !ok {
			return "", wrong("it knows "+strings.Join(bindings.Names(), ", "), "--for knows no desktop %s", toggle.Quote(name))
		}
		return known, nil
	}
	if a.display == "" {
		name = keysource.Compositor(ctx, a.getenv)
	}
	if name == "" {
		var err error
		if name, err = a.windowManager(ctx); err != nil {
			return "", err
		}
	}
	known, ok := bindings.Named(name)
	if !ok {
		return "", &toggle.Problem{
			Kind:    toggle.Failed,
			Message: "we do not know how " + toggle.Quote(name) + " is told to start a command with a key",
			Hint:    "--for names another desktop (" + strings.Join(bindings.Names(), ", ") + "); patoggled binds keys on every X11 desktop",
		}
	}
	return known, nil
}

// windowManager names the program that manages the windows of the X display.
func (a *app) windowManager(ctx context.Context) (string, error) {
	name, err := keysource.WindowManager(ctx, a.display, a.getenv)
	switch {
	case errors.Is(err, keysource.ErrNoWindowManager):
		return "", &toggle.Problem{
			Kind:    toggle.Failed,
			Message: err.Error(),
			Hint:    "--for names the desktop (" + strings.Join(bindings.Names(), ", ") + ")",
			Err:     err,
		}
	case err != nil:
		return "", toggle.DisplayError(err, nil, "")
	}
	return name, nil
}

// bind prints what to paste, and says where.
func (a *app) bind(name string, h config.Hotkey) error {
	command := []string{"patoggle", "--notify"}
	switch h.Side {
	case config.Input:
		command = append(command, "--input")
	case config.Both:
		command = append(command, "--pair")
	}
	switch h.Action {
	case config.Prev:
		command = append(command, "--prev")
	case config.To:
		command = append(command, "--to", h.Sink)
	}
	if name == "GNOME" {
		// Its settings daemon may look in other folders than a shell does.
		if self, err := os.Executable(); err == nil && bindings.Plain(self) {
			command[0] = self
		}
	}
	advice, err := bindings.For(name, h.Chord, command)
	if err != nil {
		return &toggle.Problem{Kind: toggle.Failed, Message: term.Escape(err.Error()), Err: err}
	}
	for _, line := range advice.Lines {
		fmt.Fprintln(a.stdout, term.Escape(line))
	}
	if a.quiet {
		return nil
	}
	switch {
	case advice.Steps != "":
		fmt.Fprintln(a.stdout, term.Escape(advice.Steps))
	case advice.File == "":
		say(a.stderr, "hint", "type this into a terminal, for "+name)
	default:
		text := "this belongs into " + advice.File
		if advice.Inside != "" {
			text += ", inside " + advice.Inside
		}
		if advice.Then != "" {
			text += "; then: " + advice.Then
		}
		say(a.stderr, "hint", text)
	}
	if name == "Plasma" {
		say(a.stderr, "hint", "patoggled binds its keys there by itself")
	}
	return nil
}

// checkBinding says whether another program has the key.
func (a *app) checkBinding(ctx context.Context, name string, h config.Hotkey) error {
	compositor := ""
	if a.display == "" {
		compositor = keysource.Compositor(ctx, a.getenv)
	}
	if compositor == "" {
		return a.checkOnX11(ctx, h)
	}
	unknown := &toggle.Problem{
		Kind:    toggle.Failed,
		Message: name + " does not say who has a key",
		Hint:    "look for it in its configuration",
	}
	if _, kind := keysource.Desktop(compositor); kind != keysource.KDE && kind != keysource.GNOME {
		return unknown
	}
	source, err := keysource.Open(compositor, a.getenv, keysource.Host{})
	if err != nil {
		return unknown
	}
	results, err := source.Check(ctx, []config.Hotkey{h})
	if err != nil {
		var why *keysource.Unusable
		if errors.As(err, &why) {
			return &toggle.Problem{Kind: toggle.Failed, Message: why.Message, Hint: why.Hint, Err: err}
		}
		return unknown
	}
	return a.verdict(results[0])
}

func (a *app) checkOnX11(ctx context.Context, h config.Hotkey) error {
	r, err := keysource.CheckX11(ctx, a.display, a.getenv, h)
	if err != nil {
		return toggle.DisplayError(err, nil, "")
	}
	return a.verdict(r)
}

// verdict says what a look at one key has found.
func (a *app) verdict(r keysource.Result) error {
	if !r.Bound {
		return &toggle.Problem{Kind: toggle.Failed, Message: r.Trouble, Hint: r.Hint}
	}
	if !a.quiet {
		fmt.Fprintf(a.stdout, "%s is free\n", r.Chord)
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/bindings"
	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/internal/keys"
	"github.com/patoggle/patoggle/internal/keysource"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/internal/toggle"
	"github.com/patoggle/patoggle/x11"
)

func (a *app) bindCommand() *cobra.Command {
	var on string
	var check bool
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
	return cmd
}

// parseBinding reads "KEYS ACTION", of which either may be missing.
func parseBinding(args []string) (config.Hotkey, error) {
	chord := config.DefaultChord
	if len(args) > 0 && args[0] != "next" && args[0] != "prev" && args[0] != "to" {
		chord, args = args[0], args[1:]
	}
	h := config.Hotkey{}
	var err error
	if h.Chord, err = keys.Parse(chord); err != nil {
		return h, fmt.Errorf("%q: %w", chord, err)
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
			return h, fmt.Errorf("%q has characters that files of desktops read in their own way: use a part of it, or a nickname", h.Sink)
		}
		return h, nil
	case len(args) == 1 && args[0] == "to":
		return h, errors.New(`"to" wants a sink after it`)
	}
	return h, fmt.Errorf("%q is not what a key can do: next, prev, or to and a sink", strings.Join(args, " "))
}

// desktopFor is the desktop of that name, "" for the one that runs.
func (a *app) desktopFor(ctx context.Context, name string) (string, error) {
	if name != "" {
		known, ok := bindings.Named(name)
		if !ok {
			return "", fmt.Errorf("--for knows no desktop %q: it knows %s", name, strings.Join(bindings.Names(), ", "))
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
	c, err := x11.Open(ctx, x11.Options{Display: a.display, Getenv: a.getenv})
	if err != nil {
		return "", toggle.DisplayError(desktop.X11Error(err), nil, "")
	}
	defer c.Close()
	screen, _ := c.Screen(ctx, 0) // that no window has the focus is all right
	if screen == nil || screen.WindowManager == 0 {
		return "", &toggle.Problem{
			Kind:    toggle.Failed,
			Message: "no window manager says which program it is",
			Hint:    "--for names the desktop (" + strings.Join(bindings.Names(), ", ") + ")",
		}
	}
	comm, err := os.ReadFile("/proc/" + strconv.Itoa(screen.WindowManager) + "/comm")
	if err != nil {
		return "", &toggle.Problem{Kind: toggle.Failed, Message: "the window manager has just gone", Err: err}
	}
	return strings.TrimSpace(string(comm)), nil
}

// bind prints what to paste, and says where.
func (a *app) bind(name string, h config.Hotkey) error {
	command := []string{"patoggle", "--notify"}
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
	switch {
	case err != nil:
		var why *keysource.Unusable
		if errors.As(err, &why) {
			return &toggle.Problem{Kind: toggle.Failed, Message: why.Message, Hint: why.Hint, Err: err}
		}
		return unknown
	case !results[0].Bound:
		return &toggle.Problem{Kind: toggle.Failed, Message: results[0].Trouble, Hint: results[0].Hint}
	}
	return a.free(h)
}

func (a *app) checkOnX11(ctx context.Context, h config.Hotkey) error {
	c, err := x11.Open(ctx, x11.Options{Display: a.display, Getenv: a.getenv})
	if err != nil {
		return toggle.DisplayError(desktop.X11Error(err), nil, "")
	}
	defer c.Close()
	layout, err := c.Keyboard(ctx)
	if err != nil {
		return toggle.DisplayError(desktop.X11Error(err), nil, "")
	}
	codes := layout.Keycodes(h.Chord.Keysym)
	level, ok := layout.Level(h.Chord.Keysym)
	if len(codes) == 0 || !ok {
		return &toggle.Problem{
			Kind:    toggle.Failed,
			Message: fmt.Sprintf("this keyboard has no key %q", h.Chord.Name),
			Hint:    `"xev" shows the names of the keys this keyboard has`,
		}
	}
	free, err := c.KeyFree(ctx, uint16(h.Chord.Mods)|level, codes[0])
	if err != nil {
		return toggle.DisplayError(desktop.X11Error(err), nil, "")
	}
	if !free {
		return &toggle.Problem{
			Kind:    toggle.Failed,
			Message: fmt.Sprintf("%q is taken: another program holds it, the window manager or patoggled perhaps", h.Chord),
			Hint:    "choose other keys, or free these in that program",
		}
	}
	return a.free(h)
}

func (a *app) free(h config.Hotkey) error {
	if !a.quiet {
		fmt.Fprintf(a.stdout, "%s is free\n", h.Chord)
	}
	return nil
}

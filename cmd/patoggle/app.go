package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"os/user"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/internal/match"
	"github.com/patoggle/patoggle/internal/proc"
	"github.com/patoggle/patoggle/internal/state"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/internal/toggle"
	"github.com/patoggle/patoggle/pulse"
)

// defaultTimeout bounds everything one call does.
const defaultTimeout = 2 * time.Second

// verifyTimeout is the default with --verify, which waits twice when a stream
// was pulled back.
const verifyTimeout = defaultTimeout + 2*toggle.VerifyAfter

// app is one call of the program: its streams and its flags.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string

	server, display, configFile string
	timeout                     time.Duration
	json, quiet, verbose        bool
	input                       bool // it is about what records

	front toggle.Display // a look that was taken already, nil for none
}

// run is the program. It returns the exit code.
func run(args []string, stdout, stderr io.Writer, getenv func(string) string) int {
	a := &app{stdin: os.Stdin, stdout: stdout, stderr: stderr, getenv: getenv}
	return a.explain(a.execute(args))
}

// execute does what the arguments say. A key is mostly bound to none, and then
// the commands need not be built to find that out.
func (a *app) execute(args []string) error {
	if len(args) == 0 {
		a.timeout = defaultTimeout
		return a.toggle(toggle.Request{}, false)
	}
	root := a.root()
	root.SetArgs(args)
	return root.Execute()
}

// root builds the command with everything below it.
func (a *app) root() *cobra.Command {
	var t targetFlags
	var r toggle.Request
	var prev, notify, showVersion bool
	var to string
	root := &cobra.Command{
		Use:               "patoggle",
		Short:             "move the focused application's sound to the next sink",
		Args:              noArguments,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if showVersion {
				_, err := fmt.Fprintln(a.stdout, "patoggle "+version)
				return err
			}
			var err error
			if r.Target, err = t.target(cmd); err != nil {
				return err
			}
			r.Guess = t.guess
			switch {
			case prev:
				r.Way = toggle.Prev
			case cmd.Flags().Changed("to"):
				r.Way, r.Sink = toggle.To, to
			}
			if r.Verify && !cmd.Flags().Changed("timeout") {
				a.timeout = verifyTimeout
			}
			if r.Way == toggle.To && r.Sink == "-" {
				return a.toggleChosen(r, notify)
			}
			return a.toggle(r, notify)
		},
	}
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { fmt.Fprint(a.stdout, help(cmd)) })

	all := root.PersistentFlags()
	all.StringVar(&a.server, "server", "", "the sound server, as in PULSE_SERVER")
	all.StringVar(&a.display, "display", "", "the X display, as in DISPLAY")
	all.StringVar(&a.configFile, "config", "", "the configuration file")
	all.DurationVar(&a.timeout, "timeout", defaultTimeout, "for everything together")
	all.BoolVar(&a.json, "json", false, "one JSON object on standard output")
	all.BoolVarP(&a.quiet, "quiet", "q", false, "print nothing but errors")
	all.BoolVarP(&a.verbose, "verbose", "v", false, "say more on standard error")
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if a.timeout <= 0 {
			return wrong("", "--timeout wants %s, longer than 0", wanted("timeout"))
		}
		return together(cmd)
	}
	root.SetFlagErrorFunc(flagMistake)

	f := root.Flags()
	f.BoolVar(&prev, "prev", false, "to the previous sink")
	f.StringVar(&to, "to", "", "to this sink")
	f.BoolVarP(&r.DryRun, "dry-run", "n", false, "move nothing, say what would move")
	f.BoolVar(&r.Verify, "verify", false, "look again after a second, retry once")
	f.BoolVar(&notify, "notify", false, "show a desktop notification")
	f.BoolVar(&a.input, "input", false, inputUsage)
	f.BoolVar(&r.Pair, "pair", false, pairUsage)
	// The library's own version flag would link text/template, with which the
	// linker keeps every exported method: a quarter of the program.
	f.BoolVar(&showVersion, "version", false, "show the version")
	root.MarkFlagsMutuallyExclusive("prev", "to")
	t.add(root)

	root.SetHelpCommand(&cobra.Command{
		Use:       "help [command]",
		Short:     "show the usage of a command",
		ValidArgs: []string{"list", "why", "watch", "undo", "follow", "remember", "forget", "rules", "reset", "config", "bind", "completion"},
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 && cmd == root { // "help list sinks" is about "list"
				return noArguments(root, args)
			}
			return cmd.Help()
		},
	})
	root.AddCommand(a.listCommand(), a.whyCommand(), a.watchCommand(),
		a.undoCommand(), a.followCommand(), a.rememberCommand(), a.forgetCommand(), a.rulesCommand(), a.resetCommand(),
		a.configCommand(), a.bindCommand(), a.gnomeCommand(), a.topCommand(), a.completionCommand(root))
	return root
}

// What the completions of the shells say of flags that two commands have; the
// help is kept by hand.
const (
	windowUsage = "the application of this window"
	pidUsage    = "this process and its descendants"
	guessUsage  = "let matches of low confidence act"
	inputUsage  = "what records and the microphones, not what plays"
	pairUsage   = "what it records follows to the same device's microphone"
)

// targetFlags say whom to move.
type targetFlags struct {
	window, app string
	pid         int
	stream      uint32
	all, guess  bool
}

func (t *targetFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&t.window, "window", "", windowUsage)
	f.IntVar(&t.pid, "pid", 0, pidUsage)
	f.StringVar(&t.app, "app", "", "application name, binary or id")
	f.Uint32Var(&t.stream, "stream", 0, "this stream")
	f.BoolVar(&t.all, "all", false, "everything that plays")
	f.BoolVar(&t.guess, "guess", false, guessUsage)
	cmd.MarkFlagsMutuallyExclusive("window", "pid", "app", "stream", "all")
}

func (t *targetFlags) target(cmd *cobra.Command) (toggle.Target, error) {
	given := cmd.Flags().Changed
	switch {
	case given("window"):
		id, err := parseWindow(t.window)
		return toggle.Target{Whom: toggle.ByWindow, Window: id}, err
	case given("pid"):
		if t.pid <= 0 {
			return toggle.Target{}, wrong("", "--pid wants a process id, not %d", t.pid)
		}
		return toggle.Target{Whom: toggle.ByPID, PID: t.pid}, nil
	case given("app"):
		if strings.TrimSpace(t.app) == "" {
			return toggle.Target{}, wrong("", "--app wants the name of an application")
		}
		return toggle.Target{Whom: toggle.ByName, App: t.app}, nil
	case given("stream"):
		return toggle.Target{Whom: toggle.ByStream, Stream: pulse.StreamIndex(t.stream)}, nil
	case t.all:
		return toggle.Target{Whom: toggle.Everything}, nil
	}
	return toggle.Target{}, nil
}

// parseWindow reads a window id: of X11 as xprop, xdotool and wmctrl print it, or
// as Wayland's compositors name theirs, by a larger number or in braces.
func parseWindow(s string) (desktop.WindowID, error) {
	digits, base := s, 10
	if hex, ok := strings.CutPrefix(strings.ToLower(s), "0x"); ok {
		digits, base = hex, 16
	}
	id, err := strconv.ParseUint(digits, base, 64)
	switch {
	case err == nil && id > maxXID && (base == 10 || id > math.MaxUint32):
		return desktop.WindowID(strings.ToLower(s)), nil
	case err == nil && id >= 2:
		return desktop.XWindow(uint32(id)), nil
	case len(s) > 2 && len(s) <= 64 && s[0] == '{' && s[len(s)-1] == '}':
		return desktop.WindowID(s), nil
	}
	return "", wrong("", "--window wants %s, not %s", wanted("window"), toggle.Quote(s))
}

// maxXID is the largest X resource id. The three top bits are zero (X protocol,
// "Resource IDs"), and 0 and 1 mean "none" and "pointer root".
const maxXID = 1<<29 - 1

// loadConfig reads the configuration.
func (a *app) loadConfig(warnings io.Writer) (*config.Config, error) {
	return a.loadWith(warnings, config.Load, config.Read)
}

// loadWith reads the configuration: with load where it need not be there.
func (a *app) loadWith(warnings io.Writer, load, named func(string) (*config.Config, []config.Warning, error)) (*config.Config, error) {
	path, err := a.configPath()
	if err != nil {
		// Without a home there is no file, and no file means the defaults.
		return config.Default(), nil
	}
	if a.configFile != "" {
		load = named // a file that was named has to be there
	}
	cfg, warn, err := load(path)
	for _, w := range warn {
		say(warnings, "warning", term.Escape(w.Message))
		if w.Hint != "" {
			say(warnings, "hint", term.Escape(w.Hint))
		}
	}
	if err != nil {
		return nil, err
	}
	return cfg, nil
}

// lookConfig is loadConfig for what only looks: a mistake in the file is a
// warning there, and the defaults are used. One needs the names of the sinks in
// order to write the file.
func (a *app) lookConfig() (*config.Config, error) {
	cfg, err := a.loadConfig(a.stderr)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return cfg, err
	}
	var bad config.Errors
	if !errors.As(err, &bad) {
		return nil, err
	}
	for _, e := range bad {
		say(a.stderr, "warning", term.Escape(e.Error()))
	}
	say(a.stderr, "hint", "this is shown with the defaults; nothing moves before the file is right")
	return config.Default(), nil
}

func (a *app) configPath() (string, error) {
	if a.configFile != "" {
		return a.configFile, nil
	}
	return config.Path(a.getenv)
}

// pipeline joins the rooms to one pipeline for this call. The end of the process
// closes the connections.
func (a *app) pipeline(cfg *config.Config) *toggle.Pipeline {
	host, _ := os.Hostname() // "" only makes every WM_CLIENT_MACHINE a question of namespaces
	dial := a.dial()
	playing := func(ctx context.Context) (toggle.Sound, error) {
		c, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		return c, nil
	}
	recording := func(ctx context.Context) (toggle.Sound, error) {
		c, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		return c.Inputs(), nil
	}
	sound := playing
	if a.input {
		sound = recording
	}
	return &toggle.Pipeline{
		Display:  a.openDesktop,
		Sound:    sound,
		Record:   recording,
		Procs:    func() match.Processes { return proc.New(proc.FS("/proc")) },
		Config:   cfg,
		PID:      os.Getpid(),
		UID:      os.Getuid(),
		Hostname: host,
		User:     userName,
		Levels: func() ([]state.Level, error) {
			s, err := a.store()
			if err != nil {
				return nil, err
			}
			return s.Levels()
		},
	}
}

// dial gives one connection to the sound server to who asks for it first, and to
// who asks after that.
func (a *app) dial() func(context.Context) (*pulse.Conn, error) {
	var mu sync.Mutex
	var conn *pulse.Conn
	var err error
	return func(ctx context.Context) (*pulse.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		if conn != nil || err != nil {
			return conn, err
		}
		conn, err = pulse.Dial(ctx, pulse.Options{Server: a.server, Getenv: a.getenv, Properties: toggle.Properties()})
		if err == nil && a.verbose {
			for _, w := range conn.Warnings() {
				say(a.stderr, "warning", term.Escape(w))
			}
		}
		return conn, err
	}
}

// openDesktop is Pipeline.Display.
func (a *app) openDesktop(ctx context.Context) (toggle.Display, error) {
	if a.front != nil {
		return a.front, nil
	}
	return desktop.Open(ctx, desktop.Options{Display: a.display, Getenv: a.getenv})
}

func (a *app) context() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), a.timeout)
}

// userName is what a user of this machine is called, "" when nobody knows.
func userName(uid int) string {
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return ""
	}
	return u.Username
}

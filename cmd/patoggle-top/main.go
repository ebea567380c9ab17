// Command patoggle-top is "patoggle top", the live view, which patoggle hands
// over to: a program of its own, so that the terminal library costs a key press
// nothing.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/gdamore/tcell/v2"
	"github.com/spf13/pflag"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/internal/match"
	"github.com/patoggle/patoggle/internal/proc"
	"github.com/patoggle/patoggle/internal/state"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/internal/toggle"
	"github.com/patoggle/patoggle/internal/top"
	"github.com/patoggle/patoggle/pulse"
)

// version is set by the linker: see packaging/compile.
var version = "0.0.0+unknown"

// memoryLimit makes the collector work harder where a sound server sends more
// than any desktop has.
const memoryLimit = 32 << 20

const usage = `usage: patoggle top [flags]

A live view of the sinks and what plays on them. Press ? in it for the keys.

  --server ADDRESS   the sound server, as in PULSE_SERVER
  --display NAME     the X display, as in DISPLAY
  --config FILE      the configuration file
  -h, --help         show this help

Example:
  patoggle top
`

func main() {
	debug.SetMemoryLimit(memoryLimit)
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr, os.Getenv))
}

// run is the program. It returns the exit code.
func run(args []string, stdout, stderr io.Writer, getenv func(string) string) int {
	var server, display, configFile string
	var showVersion bool
	f := pflag.NewFlagSet("patoggle-top", pflag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&server, "server", "", "")
	f.StringVar(&display, "display", "", "")
	f.StringVar(&configFile, "config", "", "")
	f.BoolVar(&showVersion, "version", false, "")
	switch err := f.Parse(args); {
	case errors.Is(err, pflag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return 0
	case err != nil:
		return fail(stderr, &toggle.Problem{Kind: toggle.Usage, Message: term.Escape(err.Error()), Hint: `"patoggle top --help" shows the usage`})
	case f.NArg() > 0:
		return fail(stderr, &toggle.Problem{Kind: toggle.Usage, Message: toggle.Quote(f.Arg(0)) + " is no argument of patoggle top", Hint: `"patoggle top --help" shows the usage`})
	case showVersion:
		fmt.Fprintln(stdout, "patoggle-top "+version)
		return 0
	}
	if !term.IsTerminal(os.Stdin) || !term.IsTerminal(os.Stdout) {
		return fail(stderr, &toggle.Problem{Kind: toggle.Failed, Message: "the live view needs a terminal", Hint: `"patoggle list" prints what it would show`})
	}
	cfg, err := load(configFile, stderr, getenv)
	if err != nil {
		return fail(stderr, err)
	}
	screen, err := tcell.NewScreen()
	if err != nil {
		return fail(stderr, &toggle.Problem{Kind: toggle.Failed, Message: "cannot use this terminal: " + term.Escape(err.Error()), Hint: "TERM must name a terminal that this machine knows"})
	}
	var levels func() ([]state.Level, error)
	var store *state.Store
	if dir, err := state.Path(getenv); err == nil {
		store = state.Open(dir, nil)
		levels = store.Levels
	}
	host, _ := os.Hostname() // "" only makes every WM_CLIENT_MACHINE a question of namespaces
	return fail(stderr, top.Run(context.Background(), top.Options{
		Pipeline: toggle.Pipeline{
			Procs:    func() match.Processes { return proc.New(proc.FS("/proc")) },
			Config:   cfg,
			PID:      os.Getpid(),
			UID:      os.Getuid(),
			Hostname: host,
			Levels:   levels,
		},
		Store: store,
		Dial: func(ctx context.Context) (*pulse.Conn, error) {
			return pulse.Dial(ctx, pulse.Options{Server: server, Getenv: getenv, Properties: toggle.Properties()})
		},
		Desktop: func(ctx context.Context) (desktop.Conn, error) {
			return desktop.Open(ctx, desktop.Options{Display: display, Getenv: getenv})
		},
		Screen:  screen,
		Colour:  term.Colour(os.Stdout, getenv),
		Signals: top.Notify(),
		Stop:    top.Stop,
	}))
}

// load reads the configuration. One with errors does not keep the view away:
// the defaults serve, and what is wrong is said.
func load(file string, stderr io.Writer, getenv func(string) string) (*config.Config, error) {
	read := config.Read // a file that was named has to be there
	if file == "" {
		path, err := config.Path(getenv)
		if err != nil {
			return config.Default(), nil // no place for a file: no file
		}
		file, read = path, config.Load
	}
	cfg, _, err := read(file)
	if bad := (config.Errors)(nil); errors.As(err, &bad) {
		for _, e := range bad {
			fmt.Fprintf(stderr, "patoggle: warning: %s\n", term.Escape(e.Error()))
		}
		return config.Default(), nil
	}
	return cfg, err
}

// fail says what went wrong, if anything did, and returns the exit code.
func fail(stderr io.Writer, err error) int {
	if err == nil {
		return 0
	}
	code := int(toggle.Failed)
	if p := (*toggle.Problem)(nil); errors.As(err, &p) {
		fmt.Fprintf(stderr, "patoggle: error: %s\n", p.Message)
		if p.Hint != "" {
			fmt.Fprintf(stderr, "patoggle: hint: %s\n", p.Hint)
		}
		return int(p.Kind)
	}
	fmt.Fprintf(stderr, "patoggle: error: %s\n", term.Escape(err.Error()))
	return code
}

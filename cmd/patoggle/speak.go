package main

// How patoggle speaks:
//
//   - What was asked for goes to stdout, everything else to stderr.
//   - A failure is "patoggle: error: …". Where a cure is known, the next line
//     is "patoggle: hint: …". A thing to know is "patoggle: warning: …".
//   - That there is nothing to do is no error: "patoggle: mpv is not playing
//     anything". With -q it is not said.
//   - Lower case, no full stop, names in quotation marks.
//   - Names that come from outside (titles, sinks, arguments) are escaped
//     before they are printed: a web page's title cannot drive the terminal.
//   - The exit code is decided here and nowhere else.

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/internal/toggle"
)

// The exit codes, as in patoggle(1).
const (
	exitOK      = 0
	exitFailed  = int(toggle.Failed)
	exitUsage   = int(toggle.Usage)
	exitNothing = int(toggle.Nothing)
)

func say(w io.Writer, kind, text string) { fmt.Fprintf(w, "patoggle: %s: %s\n", kind, text) }

// explain prints an error with its hint and returns the exit code for it.
func (a *app) explain(err error) int {
	w := a.stderr
	var problem *toggle.Problem
	var bad config.Errors
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &problem) && problem.Kind == toggle.Nothing:
		if !a.quiet {
			fmt.Fprintf(w, "patoggle: %s\n", problem.Message)
			a.hint(problem)
		}
		return exitNothing
	case errors.As(err, &problem):
		say(w, "error", problem.Message)
		a.hint(problem)
		return int(problem.Kind)
	case errors.As(err, &bad):
		for _, e := range bad {
			say(w, "error", term.Escape(e.Error()))
		}
		return exitUsage
	}
	if errors.As(err, new(*fs.PathError)) { // of standard output
		say(w, "error", "the answer cannot be written: "+term.Escape(cause(err)))
		return exitFailed
	}
	say(w, "error", term.Escape(err.Error()))
	say(w, "hint", `"patoggle --help" shows the usage`)
	return exitUsage
}

func (a *app) hint(p *toggle.Problem) {
	if p.Hint != "" {
		say(a.stderr, "hint", p.Hint)
	}
}

// cause is the innermost words of an error of the system.
func cause(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return err.Error()
}

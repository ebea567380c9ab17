package daemon

// How patoggled speaks, which is how patoggle does:
//
//   - To stderr, without time stamps: the journal has them.
//   - "patoggled: error: …", and where a cure is known "patoggled: hint: …".
//     "patoggled: warning: …" and "patoggled: info: …" are things to know.
//   - Lower case, no full stop, names in quotation marks.
//   - Names that come from outside are escaped.
//   - A state is said when it changes, once. At rest nothing is said.

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/internal/toggle"
)

// speaker writes whole lines from several goroutines.
type speaker struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *speaker) say(kind, text string) { s.advise(kind, text, "") }

// advise says something with a hint, "" for none, which stands right below it
// whatever else is said.
func (s *speaker) advise(kind, text, hint string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.w, "patoggled: %s: %s\n", kind, text)
	if hint != "" {
		fmt.Fprintf(s.w, "patoggled: hint: %s\n", hint)
	}
}

func (s *speaker) info(format string, args ...any) { s.say("info", fmt.Sprintf(format, args...)) }

// warn says what a configuration that works should not be.
func (s *speaker) warn(warnings []config.Warning) {
	for _, w := range warnings {
		s.advise("warning", term.Escape(w.Message), term.Escape(w.Hint))
	}
}

// Explain says an error with its hint, and returns the exit code it means.
func Explain(w io.Writer, err error) int {
	if err == nil {
		return 0
	}
	return (&speaker{w: w}).explain(err)
}

func (s *speaker) explain(err error) int {
	var problem *toggle.Problem
	var bad config.Errors
	switch {
	case errors.As(err, &problem):
		s.advise("error", problem.Message, problem.Hint)
		return int(problem.Kind)
	case errors.As(err, &bad):
		for _, e := range bad {
			s.say("error", term.Escape(e.Error()))
		}
		return int(toggle.Usage)
	}
	s.say("error", term.Escape(err.Error()))
	return int(toggle.Failed)
}

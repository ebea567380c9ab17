package pulse

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// The errors of this package. They are matched with errors.Is: what is
// returned usually wraps one of them.
var (
	// ErrGone: there is no such stream (any more). PulseAudio's "no such
	// entity".
	ErrGone = errors.New("there is no such stream")
	// ErrSinkGone: the stream is there, the sink it should move to is not.
	ErrSinkGone = errors.New("there is no such sink")
	// ErrNoPort: the sink has no such port, or is not there; ErrNoProfile is the
	// same of a card.
	ErrNoPort    = errors.New("there is no such port")
	ErrNoProfile = errors.New("there is no such profile")
	// ErrRefused: the stream may not be moved: it was created with the flag
	// DONT_MOVE, or carries node.dont-reconnect. PulseAudio's "invalid
	// argument".
	ErrRefused = errors.New("the stream does not let itself be moved")
	// ErrDenied: the server does not let us do that. PulseAudio's "access
	// denied": a wrong cookie, or a client inside a sandbox.
	ErrDenied = errors.New("the sound server denies access")
	// ErrUnconfirmed: pipewire-pulse acknowledged the move, and no other
	// connection saw the stream on its new sink before the deadline.
	ErrUnconfirmed = errors.New("the move was acknowledged but did not happen in time")
	// ErrTimeout: no answer before the deadline. It ends the connection.
	ErrTimeout = errors.New("the sound server does not answer in time")
	// ErrClosed: the connection is closed, by us or by the server.
	ErrClosed = errors.New("the connection to the sound server is closed")
	// ErrProtocol: what the server sent is not the PulseAudio native
	// protocol.
	ErrProtocol = errors.New("the sound server does not speak the PulseAudio protocol properly")
)

// The causes below are what a connection ended with. They are not made with
// fmt, which would be work for every start of the program.
var (
	errHangup error = &plainError{text: "the connection to the sound server is closed by the server", err: ErrClosed}
	errTooBig error = &plainError{text: "the sound server does not speak the PulseAudio protocol properly: a message of more than 16 MiB", err: ErrProtocol}
)

// Attempt is one place where a server was looked for.
type Attempt struct {
	// Address in the form of a PULSE_SERVER entry.
	Address string
	// Source says who named the address: "PULSE_SERVER", "XDG_RUNTIME_DIR",
	// a client.conf.
	Source string
	// Err is why it was not that one. Never nil.
	Err error
}

// UnreachableError says that no sound server could be reached, and where it
// was looked for. Its chain holds the error of every attempt.
type UnreachableError struct {
	Attempts []Attempt
}

// Error names every place and what was wrong with it.
func (e *UnreachableError) Error() string {
	if len(e.Attempts) == 0 {
		return "no sound server is named anywhere"
	}
	var b strings.Builder
	b.WriteString("no sound server: ")
	for i, a := range e.Attempts {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%q (%s): %v", a.Address, a.Source, a.Err)
	}
	return b.String()
}

// Unwrap returns the errors of the attempts.
func (e *UnreachableError) Unwrap() []error {
	all := make([]error, len(e.Attempts))
	for i, a := range e.Attempts {
		all[i] = a.Err
	}
	return all
}

// Hint returns one sentence about what a user can do, "" when nothing is
// known.
func (e *UnreachableError) Hint() string {
	switch {
	case errors.Is(e, ErrDenied):
		return "the server wants another cookie: copy its ~/.config/pulse/cookie, or name the file in PULSE_COOKIE"
	case errors.Is(e, errForeign):
		return "run patoggle as the user whose sound server it is, not through sudo"
	case errors.Is(e, ErrTimeout):
		return "something listens but does not answer: is the sound server, or its session manager (WirePlumber), stopped?"
	case errors.Is(e, errOtherMachine):
		return "PULSE_SERVER names another machine in braces: unset it, or use that machine's sound server with tcp:"
	case errors.Is(e, errBadAddress):
		return "write a server as unix:/absolute/path or tcp:host:port"
	}
	if e.noRuntimeDir() {
		return fmt.Sprintf("XDG_RUNTIME_DIR is not set, as in cron and after su, and the sound server's socket is in it: set it to /run/user/%d", os.Getuid())
	}
	return "start PulseAudio or pipewire-pulse, or name a running server in PULSE_SERVER"
}

// noRuntimeDir is true when the place of the user's own server was not known.
func (e *UnreachableError) noRuntimeDir() bool {
	system := false
	for _, a := range e.Attempts {
		switch a.Source {
		case sourceRuntimePath, sourceRuntimeDir:
			return false
		case sourceSystem:
			system = true
		}
	}
	return system
}

// plainError has a sentence of ours in front of a foreign error, which stays
// in the chain but not in the text.
type plainError struct {
	text string
	err  error
}

func (e *plainError) Error() string { return e.text }
func (e *plainError) Unwrap() error { return e.err }

// serverError is an error code of the server that has no error of its own
// here.
type serverError struct {
	text string
}

func (e *serverError) Error() string { return "the sound server answers: " + e.text }

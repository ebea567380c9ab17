// Package startup is the command line of patoggled: what may be asked, and
// what is said about it.
//
// It is used twice, by the check that runs before the hotkey library and by
// the program itself. For the sake of the first, it may import nothing but
// errors, fmt and os: see package displaygate.
package startup

import (
	"errors"
	"fmt"
	"os"
)

// version is set by the linker: see the Makefile.
var version = "0.0.0+unknown"

// Version returns the version of this build.
func Version() string { return version }

// The exit codes, as in patoggled(1).
const (
	ExitOK     = 0
	ExitFailed = 1
	ExitUsage  = 2
)

// Command is a command line. The zero value runs the daemon.
type Command struct {
	Help    bool
	Version bool
	Check   bool
	Verbose bool
	// Config, Server and Display are "" when not given.
	Config  string
	Server  string
	Display string
}

// Usage is what --help prints.
const Usage = `patoggled moves the focused application's sound to the next sink, by hotkeys

Usage:
  patoggled [flags]     run in the foreground; a user service, usually

It reads ~/.config/patoggle/config.toml and follows its changes:

  [[hotkey]]
  keys = "Super+F9"     # Ctrl, Shift, Alt, Super, and a key as xev names it
  do   = "next"         # next, prev, or to
  sink = "Headset"      # only with do = "to"

Without a [[hotkey]], Super+F9 is next.

Flags:
      --check           read the configuration and look every key up on this
                        keyboard, then exit: 0 when all is well, else 2
      --config FILE     read another configuration
      --display NAME    use another X display than $DISPLAY
      --server SERVER   use another sound server, as in $PULSE_SERVER
  -v, --verbose         say what each press did
  -h, --help            show this and exit
      --version         show the version and exit

Signals:
  HUP                   read the configuration again
  TERM, INT             release the keys and exit

Exit codes: 0 done, 1 failed, 2 wrong usage or a bad configuration file.

Example:
  patoggled --check && systemctl --user enable --now patoggled
`

// Parse reads a command line without the program's name. When Help or Version
// is asked for, nothing behind it is looked at.
func Parse(args []string) (Command, error) {
	var c Command
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		name, value, inline := cut(arg)
		var text *string
		var flag *bool
		switch name {
		case "--help", "-h":
			flag = &c.Help
		case "--version":
			flag = &c.Version
		case "--check":
			flag = &c.Check
		case "--verbose", "-v":
			flag = &c.Verbose
		case "--config":
			text = &c.Config
		case "--display":
			text = &c.Display
		case "--server":
			text = &c.Server
		default:
			if arg == "" || arg[0] != '-' || arg == "-" || arg == "--" {
				return c, fmt.Errorf("patoggled takes no arguments, and %q is one", arg)
			}
			return c, fmt.Errorf("unknown flag %q", name)
		}
		if flag != nil {
			if inline {
				return c, fmt.Errorf("%s takes no value", name)
			}
			*flag = true
			if c.Help || c.Version {
				return c, nil
			}
			continue
		}
		if !inline {
			if len(args) == 0 {
				return c, fmt.Errorf("%s wants a value", name)
			}
			value, args = args[0], args[1:]
		}
		if value == "" {
			return c, fmt.Errorf("%s wants a value that is not empty", name)
		}
		*text = value
	}
	return c, nil
}

// cut takes "--name=value" apart.
func cut(arg string) (name, value string, ok bool) {
	if len(arg) > 2 && arg[:2] == "--" {
		for i := range len(arg) {
			if arg[i] == '=' {
				return arg[:i], arg[i+1:], true
			}
		}
	}
	return arg, "", false
}

// Problem is an error with its cure and the exit code it means.
type Problem struct {
	Message string
	Hint    string // "" where no cure is known
	Code    int
}

func (p *Problem) Error() string { return p.Message }

// UsageProblem is an error of Parse as a user is told.
func UsageProblem(err error) *Problem {
	return &Problem{Message: err.Error(), Hint: `"patoggled --help" shows the usage`, Code: ExitUsage}
}

// NoDisplay says that no display is named. wayland is WAYLAND_DISPLAY.
func NoDisplay(wayland string) *Problem {
	p := &Problem{
		Message: "no X display: DISPLAY is not set",
		Hint:    "start patoggled inside the desktop session, or name a display with --display",
		Code:    ExitFailed,
	}
	if wayland != "" {
		p.Message = "no X display: this is a Wayland session without Xwayland"
		p.Hint = `Wayland gives global hotkeys to its compositor alone: bind "patoggle --app NAME" to a key in the compositor's own settings`
	}
	return p
}

// CannotOpen says that Xlib did not open a display.
func CannotOpen(display string) *Problem {
	p := &Problem{
		Message: fmt.Sprintf("cannot open the X display %q", display),
		Hint:    `is there an X server, and does it let this user in? "xdpyinfo" asks the same one`,
		Code:    ExitFailed,
	}
	if !displayName(display) {
		p.Message = fmt.Sprintf("%q is not the name of an X display", display)
		p.Hint = `displays have names such as ":0" and "host:0.0"`
	}
	return p
}

// NoAnswer says that something listens at a display and says nothing.
func NoAnswer(display string) *Problem {
	return &Problem{
		Message: fmt.Sprintf("the X display %q does not answer", display),
		Hint:    "is the X server stopped, or is it something else that listens there?",
		Code:    ExitFailed,
	}
}

// displayName tells whether s has the form of a display name: a socket's
// path, or [HOST]:NUMBER[.SCREEN].
func displayName(s string) bool {
	colon := -1
	for i := range len(s) {
		switch {
		case s[i] <= ' ' || s[i] == 0x7f:
			return false
		case s[i] == ':':
			colon = i
		}
	}
	if s != "" && s[0] == '/' {
		return true
	}
	if colon < 0 {
		return false
	}
	rest := s[colon+1:]
	if len(rest) > 0 && rest[0] == '/' {
		return s[:colon] == "unix"
	}
	digits, dots := 0, 0
	for i := range len(rest) {
		switch {
		case '0' <= rest[i] && rest[i] <= '9':
			digits++
		case rest[i] == '.' && dots == 0 && digits > 0:
			dots, digits = 1, 0
		default:
			return false
		}
	}
	return digits > 0
}

// Say writes one line to stderr in the voice both programs have: "patoggled:
// error: …", lower case, no full stop. The text is escaped already.
func Say(kind, text string) { fmt.Fprintf(os.Stderr, "patoggled: %s: %s\n", kind, text) }

// Exit says what is wrong and ends the process.
func Exit(err error) {
	var p *Problem
	if !errors.As(err, &p) {
		p = &Problem{Message: err.Error(), Code: ExitFailed}
	}
	Say("error", p.Message)
	if p.Hint != "" {
		Say("hint", p.Hint)
	}
	os.Exit(p.Code)
}

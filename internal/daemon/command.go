package daemon

import (
	"fmt"
	"strings"

	"github.com/patoggle/patoggle/internal/toggle"
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
  patoggled --check && systemctl --user start patoggled
`

// ParseCommand reads a command line without the program's name. When Help or Version
// is asked for, nothing behind it is looked at.
func ParseCommand(args []string) (Command, error) {
	var c Command
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		name, value, inline := arg, "", false
		if strings.HasPrefix(arg, "--") && len(arg) > 2 {
			name, value, inline = strings.Cut(arg, "=")
		}
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

// Getenv is an environment in which DISPLAY is what --display says.
func (c Command) Getenv(getenv func(string) string) func(string) string {
	if c.Display == "" {
		return getenv
	}
	return func(name string) string {
		if name == "DISPLAY" {
			return c.Display
		}
		return getenv(name)
	}
}

// UsageProblem is an error of ParseCommand as a user is told.
func UsageProblem(err error) error {
	return &toggle.Problem{Kind: toggle.Usage, Message: err.Error(), Hint: `"patoggled --help" shows the usage`, Err: err}
}

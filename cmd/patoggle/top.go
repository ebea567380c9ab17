package main

import (
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/internal/toggle"
)

// topProgram is the live view. It lies beside this program, and is one of its
// own so that a key press does not pay for the terminal library.
const topProgram = "patoggle-top"

func (a *app) topCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "top",
		Short: "show live what plays where, and how loud",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return noArguments(cmd, args)
			}
			self, err := os.Executable()
			if err != nil {
				return &toggle.Problem{Kind: toggle.Failed, Message: "cannot find out where patoggle lies: " + term.Escape(err.Error()), Err: err}
			}
			program := filepath.Join(filepath.Dir(self), topProgram)
			argv := []string{topProgram}
			for flag, value := range map[string]string{"server": a.server, "display": a.display, "config": a.configFile} {
				if value != "" {
					argv = append(argv, "--"+flag+"="+value)
				}
			}
			err = syscall.Exec(program, argv, os.Environ())
			return &toggle.Problem{
				Kind:    toggle.Failed,
				Message: "cannot start " + toggle.Quote(program) + ": " + cause(err),
				Hint:    `it belongs beside patoggle; "patoggle list" shows the same once`,
				Err:     err,
			}
		},
	}
}

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/internal/toggle"
	"github.com/patoggle/patoggle/pulse"
)

func (a *app) configCommand() *cobra.Command {
	return &cobra.Command{
		Use:       "config path|check|init",
		Short:     "show, check or write the configuration file",
		ValidArgs: []string{"path", "check", "init"},
		Args:      oneWord("path", "check", "init"),
		RunE: func(_ *cobra.Command, args []string) error {
			path, err := a.configPath()
			if err != nil {
				return &toggle.Problem{
					Kind:    toggle.Failed,
					Message: term.Escape(err.Error()),
					Hint:    "name a file with --config",
					Err:     err,
				}
			}
			switch args[0] {
			case "check":
				return a.checkConfig(path)
			case "init":
				return a.initConfig(path)
			}
			fmt.Fprintln(a.stdout, term.Escape(path))
			return nil
		},
	}
}

func (a *app) checkConfig(path string) error {
	cfg, err := a.loadConfig(a.stderr)
	if err != nil {
		return err
	}
	a.checkSinks(cfg)
	if a.quiet {
		return nil
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(a.stdout, "%s does not exist: the defaults are in force\n", term.Escape(path))
		return nil
	}
	fmt.Fprintf(a.stdout, "%s is good\n", term.Escape(path))
	return nil
}

// checkSinks warns of names that fit no sink, when there is a sound server to
// ask; without one the file is only read.
func (a *app) checkSinks(cfg *config.Config) {
	ctx, cancel := a.context()
	defer cancel()
	v, in, err, recErr := a.pipeline(cfg).Sides(ctx, nil)
	if err != nil {
		if a.verbose {
			say(a.stderr, "warning", "the names of sinks were not looked up: "+err.Error())
		}
		return
	}
	var recording *pulse.Snapshot
	if recErr == nil {
		recording = in.Snapshot
	}
	for _, p := range toggle.StrangeSinks(v.Snapshot, recording, cfg) {
		say(a.stderr, "warning", p.Message)
		a.hint(p)
	}
}

func (a *app) initConfig(path string) error {
	if err := config.Init(path); err != nil {
		p := &toggle.Problem{Kind: toggle.Failed, Message: term.Escape(err.Error()), Err: err}
		if errors.Is(err, config.ErrExists) {
			p.Hint = "it was left as it is; move it away for a new one"
		}
		return p
	}
	if !a.quiet {
		fmt.Fprintf(a.stdout, "wrote %s\n", term.Escape(path))
	}
	return nil
}

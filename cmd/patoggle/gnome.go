package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/internal/toggle"
	"github.com/patoggle/patoggle/internal/wayland"
	"github.com/patoggle/patoggle/packaging/gnome"
)

// firstModules is the first release of GNOME Shell whose extensions are ES
// modules; oldestGNOME the first that the older form was tried on.
const (
	firstModules = 45
	oldestGNOME  = 43
)

func (a *app) gnomeCommand() *cobra.Command {
	words := []string{"install", "remove", "status"}
	return &cobra.Command{
		Use:       "gnome-extension install|remove|status",
		Short:     "the extension that lets GNOME say which window has the focus",
		ValidArgs: words,
		Args:      oneWord(words...),
		RunE: func(_ *cobra.Command, args []string) error {
			ctx, cancel := a.context()
			defer cancel()
			g, err := a.findGNOME(ctx)
			if err != nil {
				return gnomeProblem(err)
			}
			switch args[0] {
			case "install":
				err = g.install(ctx)
			case "remove":
				err = g.remove(ctx)
			}
			if err != nil {
				return gnomeProblem(err)
			}
			if !a.quiet {
				fmt.Fprintln(a.stdout, g.told(ctx, args[0]))
			}
			return nil
		},
	}
}

func gnomeProblem(err error) error {
	return &toggle.Problem{Kind: toggle.Failed, Message: term.Escape(err.Error()), Err: err}
}

// gnomeShell is where an extension of this user belongs.
type gnomeShell struct {
	getenv func(string) string
	folder string // of the extension, in the user's own data
	// settings reads and writes the shell's settings.
	settings func(ctx context.Context, args ...string) (string, error)
	// version asks the shell's program, where none runs.
	version func(context.Context) string
	// before is what the shell said of the extension; nil when no shell runs.
	before *wayland.Extension
}

func (a *app) findGNOME(ctx context.Context) (*gnomeShell, error) {
	data := a.getenv("XDG_DATA_HOME")
	if !filepath.IsAbs(data) {
		home := a.getenv("HOME")
		if !filepath.IsAbs(home) {
			return nil, errors.New("neither XDG_DATA_HOME nor HOME is set")
		}
		data = filepath.Join(home, ".local", "share")
	}
	g := &gnomeShell{
		getenv:   a.getenv,
		folder:   filepath.Join(data, "gnome-shell", "extensions", wayland.GNOMEExtension),
		settings: gsettings,
		version:  gnomeVersion,
	}
	if e, err := wayland.AskExtension(ctx, a.getenv); err == nil {
		g.before = e
	}
	return g, nil
}

// gsettings runs the program of that name on a key of the shell's.
func gsettings(ctx context.Context, args ...string) (string, error) {
	args = append([]string{args[0], "org.gnome.shell"}, args[1:]...)
	out, err := exec.CommandContext(ctx, "gsettings", args...).Output()
	if err != nil {
		return "", fmt.Errorf("the settings of GNOME Shell cannot be changed: gsettings: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// gnomeVersion is what the program prints, "GNOME Shell 43.9"; "" when it is not
// there.
func gnomeVersion(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "gnome-shell", "--version").Output()
	if err != nil {
		return ""
	}
	return string(out)
}

// release is the shell's; of one that runs what it says itself. 0 when nobody
// knows.
func (g *gnomeShell) release(ctx context.Context) int {
	if g.before != nil && g.before.Release > 0 {
		return g.before.Release
	}
	for word := range strings.FieldsSeq(g.version(ctx)) {
		if n := wayland.GNOMERelease(word); n > 0 {
			return n
		}
	}
	return 0
}

// install puts the files where the shell looks for them, unless a package has,
// and has it start the extension at the next login.
func (g *gnomeShell) install(ctx context.Context) error {
	from, err := g.files(g.release(ctx))
	if err != nil {
		return err
	}
	if from != nil {
		if err := write(g.folder, from); err != nil {
			return err
		}
	}
	return g.enable(ctx, true)
}

// files are those for a release, 0 for an unknown one; nil when a package brought
// them.
func (g *gnomeShell) files(release int) (fs.FS, error) {
	if release == 0 {
		release = firstModules
	}
	switch {
	case release < oldestGNOME:
		return nil, fmt.Errorf("GNOME %d is too old: the extension is for %d and later", release, oldestGNOME)
	case release < firstModules:
		return fs.Sub(gnome.Legacy, "legacy")
	case g.packaged():
		return nil, os.RemoveAll(g.folder) // an older one would hide it
	}
	return gnome.Modules, nil
}

// packaged tells whether the system has the extension's files.
func (g *gnomeShell) packaged() bool {
	dirs := g.getenv("XDG_DATA_DIRS")
	if dirs == "" {
		dirs = "/usr/local/share:/usr/share" // XDG Base Directory 0.8
	}
	return slices.ContainsFunc(filepath.SplitList(dirs), func(dir string) bool {
		_, err := os.Stat(filepath.Join(dir, "gnome-shell", "extensions", wayland.GNOMEExtension, "metadata.json"))
		return err == nil && filepath.IsAbs(dir)
	})
}

// write copies files into a folder, which it makes anew.
func write(folder string, from fs.FS) error {
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	names, err := fs.Glob(from, "*.js*")
	if err != nil {
		return err
	}
	for _, name := range names {
		b, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, name), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (g *gnomeShell) remove(ctx context.Context) error {
	if err := g.enable(ctx, false); err != nil {
		return err
	}
	return os.RemoveAll(g.folder)
}

// enable puts the extension into one of the shell's two lists and takes it out
// of the other.
func (g *gnomeShell) enable(ctx context.Context, on bool) error {
	for key, in := range map[string]bool{"enabled-extensions": on, "disabled-extensions": false} {
		text, err := g.settings(ctx, "get", key)
		if err != nil {
			return err
		}
		list := slices.DeleteFunc(textList(text), func(s string) bool { return s == wayland.GNOMEExtension })
		if in {
			list = append(list, wayland.GNOMEExtension)
		}
		if now := writeTextList(list); now != text {
			if _, err := g.settings(ctx, "set", key, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// textList reads a list of texts as gsettings prints it: "['a', 'b']", "@as []".
// Extensions' names have no quotation marks in them.
func textList(s string) []string {
	var list []string
	for {
		i := strings.IndexAny(s, `'"`)
		if i < 0 {
			return list
		}
		mark := s[i : i+1]
		text, rest, ok := strings.Cut(s[i+1:], mark)
		if !ok {
			return list
		}
		list, s = append(list, text), rest
	}
}

func writeTextList(list []string) string {
	if len(list) == 0 {
		return "@as []"
	}
	return "['" + strings.Join(list, "', '") + "']"
}

// told says what has become of it and what is left to do.
func (g *gnomeShell) told(ctx context.Context, did string) string {
	if did == "remove" {
		return "the extension is switched off and its files are removed"
	}
	now, err := wayland.AskExtension(ctx, g.getenv)
	if err != nil {
		if did == "install" {
			return "the extension is installed; GNOME loads it at the next login"
		}
		return "GNOME Shell is not running"
	}
	if now.Running() {
		return "GNOME runs the extension"
	}
	if did == "install" && (g.before == nil || !g.before.Known || now.Why() == g.before.Why()) {
		return "the extension is installed; GNOME loads it at the next login: log out and in once"
	}
	return now.Why()
}

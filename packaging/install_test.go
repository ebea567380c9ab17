package packaging

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/patoggle/patoggle/internal/lab"
)

// tree describes everything below a folder: path to mode and contents.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		contents := ""
		if info.Mode().IsRegular() {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			contents = string(b)
		}
		name, err := filepath.Rel(root, path)
		all[name] = info.Mode().String() + " " + contents
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// built is a copy of what `make install` needs of the checkout, with built
// programs, so that the test leaves those of the developer alone.
func built(t *testing.T, l *lab.Lab) string {
	t.Helper()
	dir := programs(t)
	for _, name := range []string{"Makefile", "LICENSE", "config", "packaging"} {
		if r := l.Run(nil, "cp", "-R", checkout(t, name), dir); r.Code != 0 {
			t.Fatal(r.Stderr)
		}
	}
	return dir
}

func TestInstallAndUninstallUndoEachOther(t *testing.T) {
	lab.Need(t, "make")
	l := lab.Start(t)
	dir := built(t, l)
	run := func(t *testing.T, args ...string) {
		t.Helper()
		r := l.Exec(lab.Cmd{Name: "make", Args: append([]string{"--no-print-directory"}, args...), Dir: dir})
		if r.Code != 0 {
			t.Fatalf("make %q: code %d\n%s%s", args, r.Code, r.Stdout, r.Stderr)
		}
	}
	for _, c := range []struct {
		name, prefix string
		args         []string
		autostart    string
		unit         string
	}{
		{"the default prefix", "/usr/local", nil, "/etc/xdg/autostart", "/usr/local/lib/systemd/user"},
		{"an empty prefix", "", []string{"PREFIX="}, "/etc/xdg/autostart", "/lib/systemd/user"},
		{"a distribution's prefix", "/usr", []string{"PREFIX=/usr"}, "/etc/xdg/autostart", "/usr/lib/systemd/user"},
		{"a prefix in the home", "/home/u/.local",
			[]string{"PREFIX=/home/u/.local", "UNITDIR=/home/u/.local/share/systemd/user", "AUTOSTARTDIR=/home/u/.config/autostart"},
			"/home/u/.config/autostart", "/home/u/.local/share/systemd/user"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			// Something is there already, an empty folder too.
			for _, dir := range []string{"/usr/local/share/man", "/etc/xdg/autostart"} {
				if err := os.MkdirAll(root+dir, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(root+"/etc/xdg/autostart/other.desktop", nil, 0o644); err != nil {
				t.Fatal(err)
			}
			before := tree(t, root)
			args := append([]string{"DESTDIR=" + root}, c.args...)
			run(t, append([]string{"install"}, args...)...)
			installed := tree(t, root)

			for _, path := range []string{
				"/bin/patoggle", "/bin/patoggle-top", "/bin/patoggled", "/bin/patoggle-x11keys",
				"/share/man/man1/patoggle.1", "/share/man/man1/patoggle-top.1", "/share/man/man1/patoggled.1", "/share/man/man1/patoggle-x11keys.1", "/share/man/man5/patoggle-config.5",
				"/share/bash-completion/completions/patoggle", "/share/zsh/site-functions/_patoggle",
				"/share/fish/vendor_completions.d/patoggle.fish",
				"/share/gnome-shell/extensions/patoggle@patoggle.github.io/metadata.json", "/share/gnome-shell/extensions/patoggle@patoggle.github.io/keys.js",
			} {
				if _, ok := installed[strings.TrimPrefix(c.prefix+path, "/")]; !ok {
					t.Errorf("%s is not there", c.prefix+path)
				}
			}
			unit := installed[strings.TrimPrefix(c.unit+"/patoggled.service", "/")]
			if !strings.Contains(unit, "\nExecStart="+c.prefix+"/bin/patoggled\n") {
				t.Errorf("the unit does not start the installed program:\n%s", unit)
			}
			entry := installed[strings.TrimPrefix(c.autostart+"/patoggled.desktop", "/")]
			if !strings.Contains(entry, "exec "+c.prefix+"/bin/patoggled;") || !strings.Contains(entry, "\nTryExec="+c.prefix+"/bin/patoggled\n") {
				t.Errorf("the autostart entry does not start the installed program:\n%s", entry)
			}
			portal := installed[strings.TrimPrefix(c.prefix+"/share/applications/io.github.patoggle.patoggled.desktop", "/")]
			if !strings.Contains(portal, "\nExec="+c.prefix+"/bin/patoggled\n") || !strings.Contains(portal, "\nTryExec="+c.prefix+"/bin/patoggled\n") {
				t.Errorf("the portal's desktop file does not name the installed program:\n%s", portal)
			}
			for path, f := range installed {
				if strings.Contains(f, root) {
					t.Errorf("%s names DESTDIR", path)
				}
			}
			if r := l.Run(nil, root+c.prefix+"/bin/patoggle", "--version"); r.Code != 0 {
				t.Errorf("patoggle --version: code %d, %s", r.Code, r.Stderr)
			}

			// Over itself, as an upgrade does.
			run(t, append([]string{"install"}, args...)...)
			if again := tree(t, root); !maps.Equal(again, installed) {
				t.Errorf("a second installation changes %q", differing(installed, again))
			}
			run(t, append([]string{"uninstall"}, args...)...)
			if after := tree(t, root); !maps.Equal(after, before) {
				t.Errorf("after uninstall these differ: %q", differing(before, after))
			}
			r := l.Exec(lab.Cmd{Name: "make", Args: append([]string{"uninstall"}, args...), Dir: dir})
			if r.Code == 0 || !strings.Contains(r.Stderr, "nothing is installed") {
				t.Errorf("a second uninstall: code %d, %s", r.Code, r.Stderr)
			}
		})
	}

	t.Run("what others put there meanwhile stays", func(t *testing.T) {
		root := t.TempDir()
		run(t, "install", "DESTDIR="+root)
		mine := root + "/usr/local/share/man/man1/mine.1"
		if err := os.WriteFile(mine, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		run(t, "uninstall", "DESTDIR="+root)
		want := []string{".", "usr", "usr/local", "usr/local/share", "usr/local/share/man", "usr/local/share/man/man1", "usr/local/share/man/man1/mine.1"}
		if got := slices.Sorted(maps.Keys(tree(t, root))); !slices.Equal(got, want) {
			t.Errorf("left are %q, want %q", got, want)
		}
	})
}

// differing are the paths that are not the same in both.
func differing(a, b map[string]string) []string {
	var all []string
	for path := range a {
		if a[path] != b[path] {
			all = append(all, path)
		}
	}
	for path := range b {
		if _, ok := a[path]; !ok {
			all = append(all, path)
		}
	}
	return set(all)
}

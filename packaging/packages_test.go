package packaging

import (
	"bytes"
	"debug/elf"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/lab/long"
	"github.com/patoggle/patoggle/internal/x11keys"
)

// The version the packages are built with here, and their time.
const (
	version = "0.0.0+0123456789"
	epoch   = "1700000000"
)

func TestVersionsSortInEveryFormat(t *testing.T) {
	lab.Need(t, "dpkg", "rpm")
	l := lab.Start(t)
	in := func(format, version string) string {
		t.Helper()
		r := l.Run([]string{"VERSION=" + version, "SOURCE_DATE_EPOCH=" + epoch}, checkout(t, "packaging/version"), format)
		if r.Code != 0 {
			t.Fatal(r.Stderr)
		}
		return strings.TrimSpace(r.Stdout)
	}
	order := []string{"0.0.0+0123456789.dirty", "0.9.0", "1.0.0-rc1", "1.0.0-rc.2", "1.0.0", "1.0.1", "1.0.10"}
	for i := range order[1:] {
		older, newer := order[i], order[i+1]
		if a, b := in("deb", older), in("deb", newer); l.Run(nil, "dpkg", "--compare-versions", a, "lt", b).Code != 0 {
			t.Errorf("deb: %s is not older than %s", a, b)
		}
		a, b := in("rpm", older), in("rpm", newer)
		if r := l.Run(nil, "rpm", "--eval", `%{lua:print(rpm.vercmp("`+a+`", "`+b+`"))}`); r.Stdout != "-1\n" {
			t.Errorf("rpm: %s is not older than %s: %q", a, b, r.Stdout)
		}
	}
	// The other two have no program here that compares. vercmp(8) of pacman: a
	// version sorts behind itself with letters at its end. apk-package(5):
	// digits, a letter, suffixes.
	for format, valid := range map[string]*regexp.Regexp{
		"arch": regexp.MustCompile(`^[0-9]+(\.[0-9]+)*([a-z]+[0-9]+)?(\+[0-9a-z.]+)?$`),
		"apk":  regexp.MustCompile(`^[0-9]+(\.[0-9]+)*[a-z]?(_(alpha|beta|pre|rc|cvs|svn|git|hg|p)[0-9]*)*$`),
	} {
		for _, v := range order {
			if got := in(format, v); !valid.MatchString(got) {
				t.Errorf("%s: %q is no version", format, got)
			}
		}
	}
}

// source copies what belongs to the checkout, changed and new files included.
func source(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	root := checkout(t, ".")
	out, err := exec.Command("git", "-C", root, "ls-files", "-co", "--exclude-standard", "-z").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		info, err := os.Lstat(filepath.Join(root, name))
		if err != nil || !info.Mode().IsRegular() {
			continue // deleted, and not committed yet
		}
		b, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, b, info.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
	// nfpm, compiled before the tests.
	if tools := filepath.Join(root, "build", "tools"); os.Mkdir(filepath.Join(dir, "build"), 0o755) == nil {
		if _, err := os.Stat(tools); err == nil {
			if err := os.Symlink(tools, filepath.Join(dir, "build", "tools")); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// build runs packaging/packages in a copy of the checkout and returns the
// folders of the packages and of what went into them.
func build(t *testing.T, dir, shell, args string, env ...string) (out, stage string) {
	t.Helper()
	out = t.TempDir()
	cmd := exec.Command("sh", "-c", shell+` exec packaging/packages -o "$0" `+args, out)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "VERSION="+version, "SOURCE_DATE_EPOCH="+epoch)
	cmd.Env = append(cmd.Env, env...)
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("packaging/packages: %v\n%s", err, b)
	}
	return out, filepath.Join(dir, "build", "packages")
}

// one is the one file that fits a pattern.
func one(t *testing.T, dir, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%q fits %q, want one file (%v)", pattern, found, err)
	}
	return found[0]
}

func TestThePackages(t *testing.T) {
	lab.Need(t, "git", "musl-gcc", "gcc", "lintian", "dpkg", "dpkg-deb", "rpm", "pacman", "man", "tar")
	dir, other := source(t), filepath.Join(t.TempDir(), "elsewhere")
	if err := os.CopyFS(other, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	out, stage := build(t, dir, "", "")

	t.Run("the same input gives the same bytes", func(t *testing.T) {
		// Another folder, another time, and everything around that may differ. All
		// of them take as long as all else here: make long and make release-check
		// build them again.
		args, packages := "-f deb", 2
		if long.Asked() {
			args, packages = "", 8
		}
		again, _ := build(t, other, "umask 077;", args, "TZ=Asia/Kolkata", "LC_ALL=C.UTF-8", "LANG=C.UTF-8")
		first, second := tree(t, out), tree(t, again)
		if len(first) != 1+8 { // with the folder itself
			t.Errorf("%d packages: %q", len(first)-1, slices.Sorted(maps.Keys(first)))
		}
		names := slices.Sorted(maps.Keys(second))
		if len(names) != 1+packages {
			t.Errorf("%d packages again: %q", len(names)-1, names)
		}
		for _, name := range names[1:] {
			a, _ := os.ReadFile(filepath.Join(out, name))
			b, _ := os.ReadFile(filepath.Join(again, name))
			if len(a) == 0 || !bytes.Equal(a, b) {
				t.Errorf("%s differs", name)
			}
		}
	})

	l := lab.Start(t)
	t.Run("lintian", func(t *testing.T) {
		r := l.Run(nil, "lintian", "--allow-root", "--no-cfg", "--fail-on", "error", one(t, out, "patoggle_*.deb"), one(t, out, "patoggled_*.deb"))
		// What stays: Go makes position-dependent programs unless asked, and
		// asking builds the standard library once more for a program whose
		// memory is safe but for a few lines around libX11.
		want := []string{"W: patoggled: hardening-no-pie [usr/bin/patoggle-x11keys]"}
		if got := set(lines(r.Stdout)); r.Code != 0 || !slices.Equal(got, want) {
			t.Errorf("code %d, %q, want %q; %s", r.Code, got, want, r.Stderr)
		}
	})

	t.Run("each has its files and its dependencies", func(t *testing.T) {
		in := func(format string) string {
			r := l.Run([]string{"VERSION=" + version, "SOURCE_DATE_EPOCH=" + epoch}, checkout(t, "packaging/version"), format)
			return strings.TrimSpace(r.Stdout)
		}
		run := func(name string, args ...string) []string {
			t.Helper()
			r := l.Run(nil, name, args...)
			if r.Code != 0 {
				t.Fatalf("%s %q: code %d, %s", name, args, r.Code, r.Stderr)
			}
			return lines(r.Stdout)
		}
		// An unpacked pacman has neither a configuration nor a database.
		pacman := []string{"--config", os.DevNull, "--dbpath", t.TempDir()}
		for _, format := range []struct {
			name, oneShot, daemon string
			files                 func(string) []string
			zsh, licence          string
			depends               func(string) []string
			want                  []string
		}{
			{"deb", "patoggle_*.deb", "patoggled_*.deb", func(file string) []string {
				var all []string
				for _, line := range run("dpkg-deb", "-c", file) {
					f := strings.Fields(line)
					if f[1] != "root/root" || f[0] != "-rw-r--r--" && f[0] != "-rwxr-xr-x" && f[0] != "drwxr-xr-x" {
						t.Errorf("deb: owner or mode: %s", line)
					}
					all = append(all, strings.TrimPrefix(f[5], "."))
				}
				return all
			}, "/usr/share/zsh/vendor-completions/_patoggle", "/usr/share/doc/NAME/copyright", func(file string) []string {
				return strings.Split(strings.Join(run("dpkg-deb", "-f", file, "Depends"), ""), ", ")
			}, []string{"libc6 (>= 2.34)", "patoggle (= " + in("deb") + ")"}},
			{"rpm", "patoggle-*.rpm", "patoggled-*.rpm", func(file string) []string {
				return run("rpm", "-qpl", file)
			}, "/usr/share/zsh/site-functions/_patoggle", "/usr/share/licenses/NAME/LICENSE", func(file string) []string {
				return run("rpm", "-qp", "--requires", file)
			}, []string{"libc.so.6(GLIBC_2.34)(64bit)", "patoggle = " + in("rpm") + "-1"}},
			{"arch", "patoggle-*.zst", "patoggled-*.zst", func(file string) []string {
				return run("pacman", append(pacman, "-Qlpq", file)...)
			}, "/usr/share/zsh/site-functions/_patoggle", "/usr/share/licenses/NAME/LICENSE", func(file string) []string {
				depends, _, _ := strings.Cut(strings.Join(run("pacman", append(pacman, "-Qip", file)...), "\n"), "\nOptional Deps")
				_, depends, _ = strings.Cut(depends, "Depends On")
				return slices.DeleteFunc(strings.Fields(strings.TrimLeft(depends, " :")), func(s string) bool { return s == "None" })
			}, []string{"glibc>=2.34", "libx11", "patoggle=" + in("arch") + "-1"}},
			{"apk", "patoggle_*.apk", "patoggled_*.apk", func(file string) []string {
				var all []string
				for _, name := range run("tar", "--warning=no-unknown-keyword", "-tzf", file) {
					if name != ".PKGINFO" {
						all = append(all, "/"+name)
					}
				}
				return all
			}, "/usr/share/zsh/site-functions/_patoggle", "/usr/share/licenses/NAME/LICENSE", func(file string) []string {
				var all []string
				for _, line := range run("tar", "--warning=no-unknown-keyword", "-xOzf", file, ".PKGINFO") {
					if d, ok := strings.CutPrefix(line, "depend = "); ok {
						all = append(all, d)
					}
				}
				return all
			}, []string{"libx11", "musl", "patoggle=" + in("apk") + "-r0"}},
		} {
			oneShot, daemon := one(t, out, format.oneShot), one(t, out, format.daemon)
			const extension = "/usr/share/gnome-shell/extensions/patoggle@patoggle.github.io/"
			want := []string{
				"/usr/bin/patoggle", "/usr/bin/patoggle-top", "/usr/share/man/man1/patoggle.1.gz", "/usr/share/man/man1/patoggle-top.1.gz", "/usr/share/man/man5/patoggle-config.5.gz",
				"/usr/share/bash-completion/completions/patoggle", "/usr/share/fish/vendor_completions.d/patoggle.fish", format.zsh,
				"/usr/share/doc/patoggle/examples/config.toml", "/usr/share/doc/patoggle/changelog.gz",
				extension + "metadata.json", extension + "extension.js", extension + "focusedWindow.js", extension + "keys.js",
				strings.Replace(format.licence, "NAME", "patoggle", 1), strings.Replace(filepath.Dir(format.licence), "NAME", "patoggle", 1) + "/third-party.gz",
			}
			if format.name == "deb" {
				want = append(want, "/usr/share/lintian/overrides/patoggle")
			}
			hold := func(file string, want []string) {
				t.Helper()
				var got []string
				for _, name := range format.files(file) {
					if !strings.HasSuffix(name, "/") {
						got = append(got, name)
					}
				}
				if !slices.Equal(set(got), set(want)) {
					t.Errorf("%s: %q, want %q", filepath.Base(file), set(got), set(want))
				}
			}
			hold(oneShot, want)
			wantDaemon := []string{
				"/usr/bin/patoggled", "/usr/share/man/man1/patoggled.1.gz",
				"/usr/bin/patoggle-x11keys", "/usr/share/man/man1/patoggle-x11keys.1.gz", "/usr/lib/systemd/user/patoggled.service",
				"/etc/xdg/autostart/patoggled.desktop", "/usr/share/applications/io.github.patoggle.patoggled.desktop", "/usr/share/doc/patoggled/changelog.gz",
				strings.Replace(format.licence, "NAME", "patoggled", 1), strings.Replace(filepath.Dir(format.licence), "NAME", "patoggled", 1) + "/third-party.gz",
			}
			if format.name == "deb" {
				wantDaemon = append(wantDaemon, "/usr/share/lintian/overrides/patoggled")
			}
			hold(daemon, wantDaemon)
			if got := slices.DeleteFunc(format.depends(oneShot), func(s string) bool { return s == "" || strings.HasPrefix(s, "rpmlib(") }); len(got) > 0 {
				t.Errorf("%s: patoggle depends on %q", format.name, got)
			}
			if ask, ok := map[string][]string{"deb": {"dpkg-deb", "-f", daemon, "Recommends"}, "rpm": {"rpm", "-qp", "--recommends", daemon}}[format.name]; ok {
				got, want := strings.TrimSpace(strings.Join(run(ask[0], ask[1:]...), " ")), map[string]string{"deb": "libx11-6", "rpm": "libX11.so.6()(64bit)"}[format.name]
				if got != want {
					t.Errorf("%s: patoggled recommends %q, want %q", format.name, got, want)
				}
			}
			if got := set(slices.DeleteFunc(format.depends(daemon), func(s string) bool { return strings.HasPrefix(s, "rpmlib(") })); !slices.Equal(got, set(format.want)) {
				t.Errorf("%s: patoggled depends on %q, want %q", format.name, got, format.want)
			}
		}
	})

	t.Run("the programs need what the packages depend on", func(t *testing.T) {
		glibc, musl := filepath.Dir(one(t, stage, "*/glibc/bin/patoggled")), filepath.Dir(one(t, stage, "*/musl/bin/patoggled"))
		needs := func(file string, want ...string) *elf.File {
			t.Helper()
			f, err := elf.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { f.Close() })
			got, err := f.ImportedLibraries()
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(set(got), set(want)) {
				t.Errorf("%s is linked with %q, want %q", file, got, want)
			}
			return f
		}
		for _, dir := range []string{glibc, musl} {
			for _, name := range []string{"patoggle", "patoggle-top", "patoggled"} {
				for _, p := range needs(filepath.Join(dir, name)).Progs {
					if p.Type == elf.PT_INTERP {
						t.Errorf("%s is not static", name)
					}
				}
			}
		}
		f := needs(filepath.Join(glibc, x11keys.Name), "libX11.so.6", "libc.so.6")
		symbols, err := f.ImportedSymbols()
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range symbols {
			v, ok := strings.CutPrefix(s.Version, "GLIBC_2.")
			minor, _, _ := strings.Cut(v, ".")
			if n, err := strconv.Atoi(minor); ok && (err != nil || n > 34) {
				t.Errorf("%s needs glibc 2.%s", s.Name, v)
			}
		}

		// Alpine's is not at hand here: the program is loaded and run with musl
		// and a libX11 in which nothing works.
		f = needs(filepath.Join(musl, x11keys.Name), "libX11.so.6", "libc.so")
		if symbols, err = f.ImportedSymbols(); err != nil {
			t.Fatal(err)
		}
		var stub strings.Builder
		for _, s := range symbols {
			if strings.HasPrefix(s.Name, "X") {
				stub.WriteString("void *" + s.Name + "(void) { return 0; }\n")
			}
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "stub.c"), []byte(stub.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		if r := l.Run(nil, "musl-gcc", "-shared", "-fPIC", "-Wl,-soname,libX11.so.6", "-o", filepath.Join(dir, "libX11.so.6"), filepath.Join(dir, "stub.c")); r.Code != 0 {
			t.Fatal(r.Stderr)
		}
		env := []string{"LD_LIBRARY_PATH=" + dir, "DISPLAY=:0"}
		if r := l.Run(env, filepath.Join(musl, x11keys.Name), "--version"); r.Code != 0 || r.Stdout != x11keys.Name+" "+version+"\n" {
			t.Errorf("with musl: code %d, %q, %q", r.Code, r.Stdout, r.Stderr)
		}
		if r := l.Run(env, filepath.Join(musl, x11keys.Name)); r.Code != 2 || !strings.Contains(r.Stderr, "Failed to initialize the X11 display") {
			t.Errorf("with musl and no display: code %d, %q", r.Code, r.Stderr)
		}
	})

	t.Run("installed into a root of its own, used, removed and purged", func(t *testing.T) { cleanRoot(t, out) })
}

// stanza is the entry of an installed package in dpkg's list.
func stanza(t *testing.T, status, name string) string {
	t.Helper()
	for _, s := range strings.Split(status, "\n\n") {
		if strings.HasPrefix(s, "Package: "+name+"\n") {
			return s + "\n\n"
		}
	}
	lab.Missing(t, name)
	return ""
}

func cleanRoot(t *testing.T, out string) {
	if os.Getuid() != 0 {
		lab.Missing(t, "root, which installs packages")
	}
	d := newDesk(t, t.TempDir())
	root := t.TempDir()
	// dpkg's list says that the libraries are there, as this machine's does:
	// what is not satisfied fails to install.
	status, err := os.ReadFile("/var/lib/dpkg/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"info", "updates", "triggers"} {
		if err := os.MkdirAll(filepath.Join(root, "var/lib/dpkg", dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	list := stanza(t, string(status), "libc6") // and no libX11
	if err := os.WriteFile(filepath.Join(root, "var/lib/dpkg/status"), []byte(list), 0o644); err != nil {
		t.Fatal(err)
	}
	dpkg := func(args ...string) lab.Result {
		t.Helper()
		return d.Run(nil, "dpkg", append([]string{"--root=" + root, "--path-include=/*", "--log=/dev/null"}, args...)...)
	}
	// inside is what is in the root but for dpkg's own notes.
	inside := func() map[string]string {
		all := tree(t, root)
		maps.DeleteFunc(all, func(path, _ string) bool { return strings.HasPrefix(path, "var/lib/dpkg/") })
		return all
	}
	before := inside()

	daemonAlone := dpkg("-i", one(t, out, "patoggled_*.deb"))
	if daemonAlone.Code == 0 || !strings.Contains(daemonAlone.Stderr, "depends on patoggle (=") {
		t.Errorf("patoggled without patoggle: code %d, %s", daemonAlone.Code, daemonAlone.Stderr)
	}
	if r := dpkg("-i", one(t, out, "patoggle_*.deb"), one(t, out, "patoggled_*.deb")); r.Code != 0 {
		t.Fatalf("dpkg -i: code %d, %s%s", r.Code, r.Stdout, r.Stderr)
	}

	bin := filepath.Join(root, "usr/bin")
	for _, name := range []string{"patoggle", "patoggle-top", "patoggled", x11keys.Name} {
		if r := d.Run(nil, filepath.Join(bin, name), "--version"); r.Code != 0 || r.Stdout != name+" "+version+"\n" {
			t.Errorf("%s --version: code %d, %q, %q", name, r.Code, r.Stdout, r.Stderr)
		}
	}
	for _, p := range []string{"man1/patoggle.1.gz", "man1/patoggle-top.1.gz", "man1/patoggled.1.gz", "man1/patoggle-x11keys.1.gz", "man5/patoggle-config.5.gz"} {
		if r := d.Run(nil, "man", "-l", filepath.Join(root, "usr/share/man", p)); r.Code != 0 || !strings.Contains(r.Stdout, "The patoggle authors") {
			t.Errorf("man -l %s: code %d, %s", p, r.Code, r.Stderr)
		}
	}

	// Each shell finds the script where its own package looks for it.
	d.Setenv("PATH", bin+":"+d.Getenv("PATH"))
	for shell, setup := range map[string]string{
		"bash": `. "$BASH_COMPLETION"` + "\n",
		"zsh":  "unsetopt beep; fpath=(" + root + "/usr/share/zsh/vendor-completions $fpath); autoload -U compinit; compinit -u -D\n",
		"fish": "",
	} {
		p := startPrompt(t, d, shell, "XDG_DATA_DIRS="+root+"/usr/share:/usr/share", setup)
		if shell == "fish" {
			// Without its configuration fish looks at no vendor's folder.
			p.keys("set -p fish_complete_path " + root + "/usr/share/fish/vendor_completions.d\n")
			p.ready()
		}
		p.enter("patoggle --to spea", "<--to><speakers>")
	}

	// The daemon, as the unit starts it.
	if _, err := os.Stat(root + keyOf(t, string(mustRead(t, filepath.Join(root, "usr/lib/systemd/user/patoggled.service"))), "ExecStart")); err != nil {
		t.Error(err)
	}
	stream := d.front.WaitStream()
	from := d.sound.On(stream)
	daemon := d.Spawn(filepath.Join(bin, "patoggled"))
	d.Until("the daemon to have its key", func() bool { return strings.Contains(daemon.Log(), "Super+F9") })
	d.Until("a press to move the player", func() bool {
		d.display.Key("super+F9")
		return lab.Poll(500e6, func() bool { return d.sound.On(stream) != from })
	})
	if code := daemon.Terminate(); code != 0 {
		t.Errorf("the daemon ended with code %d: %s", code, daemon.Log())
	}

	if r := dpkg("-r", "patoggled", "patoggle"); r.Code != 0 {
		t.Fatalf("dpkg -r: code %d, %s%s", r.Code, r.Stdout, r.Stderr)
	}
	left := inside()
	maps.DeleteFunc(left, func(path, _ string) bool { return before[path] != "" })
	if got, want := slices.Sorted(maps.Keys(left)), []string{"etc", "etc/xdg", "etc/xdg/autostart", "etc/xdg/autostart/patoggled.desktop"}; !slices.Equal(got, want) {
		t.Errorf("after removal these are left: %q, want only what is Debian's rule for /etc: %q", got, want)
	}
	if r := dpkg("-P", "patoggled", "patoggle"); r.Code != 0 {
		t.Fatalf("dpkg -P: code %d, %s%s", r.Code, r.Stdout, r.Stderr)
	}
	if after := inside(); !maps.Equal(after, before) {
		t.Errorf("after purging these differ: %q", differing(before, after))
	}
	left = map[string]string{}
	_ = filepath.WalkDir(filepath.Join(root, "var/lib/dpkg/info"), func(path string, e fs.DirEntry, err error) error {
		if err == nil && strings.Contains(e.Name(), "patoggle") {
			left[path] = ""
		}
		return err
	})
	if len(left) > 0 {
		t.Errorf("dpkg still knows %q", slices.Collect(maps.Keys(left)))
	}
}

func mustRead(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

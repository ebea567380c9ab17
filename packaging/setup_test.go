package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// stage is a machine that debian-setup believes in: a search path that holds
// nothing but a few tools and stand-ins that write down how they are called.
type stage struct {
	t   *testing.T
	dir string
	env []string
}

// newStage copies the script, and the stand-ins below, into a checkout that has
// nothing else.
func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{t: t, dir: t.TempDir()}
	for _, name := range []string{"packaging/debian-setup", "packaging/need-go"} {
		b, err := os.ReadFile(checkout(t, name))
		if err != nil {
			t.Fatal(err)
		}
		s.write(name, string(b))
	}
	for _, tool := range []string{"sh", "dirname", "mktemp", "rm", "sed", "tr", "tail", "env", "awk"} {
		file, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(file, s.path("bin/"+tool)); err != nil {
			t.Fatal(err)
		}
	}
	const call = `printf '%s' "${0##*/}" >>"$CALLS"; printf ' %s' "$@" >>"$CALLS"; echo >>"$CALLS"` + "\n"
	for name, does := range map[string]string{
		// A simulation prints the plan of the test.
		"bin/apt-get":      `case " $* " in *' -s '*) printf '%s' "$PLAN" ;; esac`,
		"bin/dpkg":         "",
		"bin/systemctl":    "",
		"bin/sudo":         `[ "$1" = -v ] || exec "$@"`,
		"bin/id":           `echo "${ID:-0}"`,
		"packaging/unpack": "",
	} {
		s.write(name, "#!/bin/sh\n"+call+does+"\n")
	}
	s.env = []string{"PATH=" + s.path("bin"), "CALLS=" + s.path("calls")}
	return s
}

func (s *stage) path(name string) string {
	file := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		s.t.Fatal(err)
	}
	return file
}

func (s *stage) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), 0o755); err != nil {
		s.t.Fatal(err)
	}
}

// run runs a script of the checkout and returns what it says, its exit code,
// and the calls of the stand-ins.
func (s *stage) run(env []string, script string, args ...string) (said string, code int, calls string) {
	s.t.Helper()
	_ = os.Remove(s.path("calls"))
	cmd := exec.Command(s.path(script), args...)
	cmd.Env = append(append([]string{}, s.env...), env...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		s.t.Fatal(err)
	}
	b, _ := os.ReadFile(s.path("calls"))
	return string(out), cmd.ProcessState.ExitCode(), string(b)
}

// installs are the lines in which packages are really installed.
var installs = regexp.MustCompile(`(?m)^apt-get .*\binstall\b.*$`)

func TestSettingUpRemovesAndMasksNothing(t *testing.T) {
	needDebian(t)
	s := newStage(t)
	for _, group := range [][]string{{"build"}, {"demo-pulseaudio"}, {"demo-pipewire"}, {"build", "test"}, {"build", "bench"}, {"build", "packages", "release"}, {"build", "pictures"}} {
		said, code, calls := s.run(nil, "packaging/debian-setup", group...)
		if code != 0 {
			t.Fatalf("%q: code %d\n%s", group, code, said)
		}
		for _, line := range installs.FindAllString(calls, -1) {
			if !strings.Contains(line, " -s ") && !strings.Contains(line, " --no-remove ") {
				t.Errorf("%q installs without --no-remove: %s", group, line)
			}
			// What has units, sessions or alternatives, or starts by itself.
			for _, name := range []string{"pulseaudio", "pipewire", "pipewire-pulse", "wireplumber", "openbox", "i3-wm", "xterm", "gnome-terminal", "chromium", "dunst", "systemd", "man-db", "mpv", "qemu-user-static", "bubblewrap"} {
				if strings.Contains(line+" ", " "+name+" ") {
					t.Errorf("%q installs %s: %s", group, name, line)
				}
			}
		}
		if regexp.MustCompile(`(?m)^systemctl|\b(mask|remove|purge|autoremove|upgrade)\b`).MatchString(strings.ReplaceAll(calls, "--no-remove", "")) {
			t.Errorf("%q does more than install:\n%s", group, calls)
		}
	}
	_, _, calls := s.run(nil, "packaging/debian-setup", "demo-pulseaudio")
	if !regexp.MustCompile(`(?m)^unpack .*\bpulseaudio\b`).MatchString(calls) {
		t.Errorf("the demo's sound server is not unpacked:\n%s", calls)
	}
}

func TestSettingUpStopsWhereItWouldHarm(t *testing.T) {
	needDebian(t)
	s := newStage(t)
	for _, c := range []struct {
		name, plan, says string
		env              []string
		stops            bool
	}{
		{"something goes", "Remv pipewire-alsa [1.4.2-1]\nInst libx11-dev (2:1.8 Debian:13 [amd64])\n", "would remove: pipewire-alsa", nil, true},
		{"something goes from a machine that is thrown away", "Remv pipewire-alsa [1.4.2-1]\n", "would remove: pipewire-alsa", []string{"CI=true"}, true},
		{"something is replaced", "Inst libx11-6 [2:1.8.1] (2:1.8.4 Debian:12 [amd64])\n", "other versions of: libx11-6", nil, true},
		{"something is replaced on a machine that is thrown away", "Inst libx11-6 [2:1.8.1] (2:1.8.4 Debian:12 [amd64])\n", "installed", []string{"CI=true"}, false},
		{"nothing", "Inst libx11-dev (2:1.8 Debian:13 [amd64])\n", "installed", nil, false},
	} {
		said, code, calls := s.run(append(c.env, "PLAN="+c.plan), "packaging/debian-setup", "build")
		installed := false
		for _, line := range installs.FindAllString(calls, -1) {
			installed = installed || !strings.Contains(line, " -s ")
		}
		if (code != 0) != c.stops || installed == c.stops || !strings.Contains(said, c.says) {
			t.Errorf("%s: code %d, installed: %v, %s", c.name, code, installed, said)
		}
	}
}

func TestAnOrdinaryUserIsToldBeforeSudoAsks(t *testing.T) {
	needDebian(t)
	s := newStage(t)
	said, code, calls := s.run([]string{"ID=1000"}, "packaging/debian-setup", "build")
	if code != 0 || !strings.Contains(said, "installing with sudo, and removing nothing: make gcc") || !strings.Contains(calls, "sudo -v") {
		t.Errorf("code %d, %s\n%s", code, said, calls)
	}
	if err := os.Remove(s.path("bin/sudo")); err != nil {
		t.Fatal(err)
	}
	said, code, calls = s.run([]string{"ID=1000"}, "packaging/debian-setup", "build")
	if code != 1 || strings.Count(said, "\n") != 1 || !strings.Contains(said, "have an administrator run: apt-get install --no-remove --no-install-recommends make gcc") || installs.MatchString(calls) {
		t.Errorf("without sudo: code %d, %s\n%s", code, said, calls)
	}
}

func TestTheGoThatIsNeededIsNamed(t *testing.T) {
	s := newStage(t)
	s.write("go.mod", "module m\n\ngo 1.25.0\n")
	for _, c := range []struct{ name, version, toolchain, says string }{
		{"none", "", "", `patoggle is built with Go 1.25.0 or newer, and there is no "go" here`},
		{"Debian 12's", "1.19.8", "", "this is Go 1.19.8, which cannot fetch a newer one"},
		{"one that may fetch nothing", "1.24.4", "local", "this is Go 1.24.4, which GOTOOLCHAIN forbids"},
		{"Debian 13's", "1.24.4", "auto", "this is Go 1.24.4; it fetches Go 1.25.0 by itself"},
		{"the one named", "1.25.0", "local", ""},
		{"a newer one", "1.26.8", "local", ""},
		{"a much newer one", "2.0", "local", ""},
	} {
		_ = os.Remove(s.path("bin/go"))
		if c.version != "" {
			s.write("bin/go", "#!/bin/sh\ncase $1 in\nversion) echo 'go version go"+c.version+" linux/amd64' ;;\nenv) case $2 in GOTOOLCHAIN) echo "+c.toolchain+" ;; *) echo /nowhere ;; esac ;;\nesac\n")
		}
		said, code, _ := s.run(nil, "packaging/need-go")
		stops := strings.Contains(c.says, "or newer") || strings.Contains(c.says, "forbids") || strings.Contains(c.says, "cannot")
		if (code != 0) != stops || !strings.Contains(said, c.says) || strings.Count(said, "\n") > 1 || c.says == "" && said != "" {
			t.Errorf("%s: code %d, %q", c.name, code, said)
		}
	}
}

// needDebian skips on a system on which debian-setup installs nothing.
func needDebian(t *testing.T) {
	t.Helper()
	b, _ := os.ReadFile("/etc/os-release")
	if !regexp.MustCompile(`(?m)^(ID|ID_LIKE)=.*debian`).Match(b) {
		t.Skip("this is no Debian: nothing is installed")
	}
}

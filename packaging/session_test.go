package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/patoggle/patoggle/internal/lab"
)

// keyOf is the value of a key in a unit or desktop file, "" without one.
func keyOf(t *testing.T, text, key string) string {
	t.Helper()
	all := groups(`(?m)^`+regexp.QuoteMeta(key)+`=(.*)$`, text)
	if len(all) > 1 {
		t.Errorf("%s stands %d times", key, len(all))
	}
	if len(all) == 0 {
		return ""
	}
	return all[0]
}

func TestTheUnitIsGoodAndHardened(t *testing.T) {
	lab.Need(t, "systemd-analyze", "mandoc")
	l := lab.Start(t)
	unit := read(t, "packaging/patoggled.service")
	dir := t.TempDir()
	program := filepath.Join(dir, "patoggled")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	// verify wants the programs to be there; a machine may be without procps, which
	// every systemd has beside it.
	here := strings.Replace(unit, "/usr/bin/patoggled", program, 1)
	if _, err := exec.LookPath("kill"); err != nil {
		here = strings.Replace(here, "ExecReload=kill ", "ExecReload="+program+" ", 1)
	}
	file := filepath.Join(dir, "patoggled.service")
	if err := os.WriteFile(file, []byte(here), 0o644); err != nil {
		t.Fatal(err)
	}
	if r := l.Run(nil, "systemd-analyze", "--user", "--man=no", "verify", file); r.Code != 0 || r.Stdout+r.Stderr != "" {
		t.Errorf("systemd-analyze verify: code %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	// The scale is that of system services, which can give up more than a user's
	// can (the unit says what was tried). It is 6.2 with systemd 252, and 9.8
	// without any hardening.
	r := l.Run(nil, "systemd-analyze", "--user", "security", "--offline=true", "--threshold=62", "--no-pager", file)
	if r.Code != 0 {
		t.Errorf("systemd-analyze security: code %d, %s%s", r.Code, lastLine(r.Stdout), r.Stderr)
	}
	// The pages it names are ours.
	for _, uri := range strings.Fields(keyOf(t, unit, "Documentation")) {
		name, kind, _ := strings.Cut(strings.TrimPrefix(uri, "man:"), "(")
		read(t, "packaging/man/"+name+"."+strings.TrimSuffix(kind, ")"))
	}
	for key, want := range map[string]string{
		"ExecStart":                "/usr/bin/patoggled",
		"Type":                     "notify",
		"KillMode":                 "mixed",
		"Restart":                  "on-failure",
		"PartOf":                   "graphical-session.target",
		"WantedBy":                 "graphical-session.target",
		"RestartPreventExitStatus": "2",
	} {
		if got := keyOf(t, unit, key); got != want {
			t.Errorf("%s=%s, want %s", key, got, want)
		}
	}
}

func TestTheUnitStartsOnEitherKindOfDesktop(t *testing.T) {
	want := []string{"|DISPLAY", "|WAYLAND_DISPLAY"}
	if got := groups(`(?m)^ConditionEnvironment=(.*)$`, read(t, "packaging/patoggled.service")); !slices.Equal(got, want) {
		t.Errorf("the conditions are %q, want one of %q to be enough", got, want)
	}
}

func lastLine(text string) string {
	all := lines(text)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1]
}

// The portal looks for a desktop file of the id that patoggled gives itself there.
func TestThePortalsDesktopFileIsOfPatoggledsId(t *testing.T) {
	lab.Need(t, "desktop-file-validate")
	id := groups(`(?m)^const application = "(.*)"$`, read(t, "internal/keysource/portal.go"))
	if len(id) != 1 {
		t.Fatalf("the ids are %q", id)
	}
	file := "packaging/" + id[0] + ".desktop"
	l := lab.Start(t)
	if r := l.Run(nil, "desktop-file-validate", checkout(t, file)); r.Code != 0 || r.Stdout+r.Stderr != "" {
		t.Errorf("desktop-file-validate: code %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	for key, want := range map[string]string{"Exec": "patoggled", "NoDisplay": "true", "Name": keyOf(t, read(t, "packaging/patoggled.desktop"), "Name")} {
		if got := keyOf(t, read(t, file), key); got != want {
			t.Errorf("%s=%s, want %s", key, got, want)
		}
	}
}

func TestTheAutostartEntryAndTheUnitNeverStartTwo(t *testing.T) {
	lab.Need(t, "desktop-file-validate")
	l := lab.Start(t)
	entry := read(t, "packaging/patoggled.desktop")
	if r := l.Run(nil, "desktop-file-validate", checkout(t, "packaging/patoggled.desktop")); r.Code != 0 || r.Stdout+r.Stderr != "" {
		t.Errorf("desktop-file-validate: code %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	if !strings.Contains(entry, "patoggled.service") || !strings.Contains(read(t, "packaging/patoggled.service"), "patoggled.desktop") {
		t.Error("the two do not name each other")
	}

	// The entry's command line, taken apart as the Desktop Entry
	// Specification 1.5 says: a quoted argument, with nothing escaped in it.
	exec := keyOf(t, entry, "Exec")
	quoted, ok := strings.CutPrefix(exec, `sh -c "`)
	script := strings.TrimSuffix(quoted, `"`)
	if !ok || script == quoted || strings.ContainsAny(script, "\"`$\\%") {
		t.Fatalf("Exec=%s is not one quoted argument of sh -c without special characters", exec)
	}

	for _, c := range []struct {
		name string
		// systemctl is a shell script, "" for a system without systemd.
		systemctl string
		want      []string
	}{
		{"with a user's systemd it starts the unit and nothing else", "exit 0", []string{
			"systemctl --user import-environment DISPLAY XAUTHORITY WAYLAND_DISPLAY XDG_SESSION_TYPE",
			"systemctl --user reset-failed patoggled.service",
			"systemctl --user --no-block start patoggled.service",
		}},
		{"a masked unit stays off", `case "$*" in *start*) exit 1;; esac`, []string{
			"systemctl --user import-environment DISPLAY XAUTHORITY WAYLAND_DISPLAY XDG_SESSION_TYPE",
			"systemctl --user reset-failed patoggled.service",
			"systemctl --user --no-block start patoggled.service",
		}},
		{"where systemd is not running it starts the program", "exit 1", []string{
			"systemctl --user import-environment DISPLAY XAUTHORITY WAYLAND_DISPLAY XDG_SESSION_TYPE",
			"patoggled",
		}},
		{"without systemd it starts the program", "", []string{"patoggled"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			log := filepath.Join(dir, "log")
			fake := func(name, script string) {
				text := "#!/bin/sh\necho " + name + `${1:+ "$*"} >>"$LOG"` + "\n" + script + "\n"
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			fake("patoggled", "")
			if c.systemctl != "" {
				fake("systemctl", c.systemctl)
			}
			r := l.Run([]string{"PATH=" + dir, "LOG=" + log}, "/bin/sh", "-c", script)
			b, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(lines(string(b)), "\n"); got != strings.Join(c.want, "\n") {
				t.Errorf("ran:\n%s\nwant:\n%s", got, strings.Join(c.want, "\n"))
			}
			if !strings.Contains(r.Stderr, "systemctl") && r.Stderr != "" {
				t.Errorf("says %q", r.Stderr)
			}
		})
	}
}

func TestASecondDaemonEnds(t *testing.T) {
	dir := programs(t)
	d := newDesk(t, dir)
	first := d.Spawn(filepath.Join(dir, "patoggled"))
	d.Until("the daemon to say its key", func() bool { return strings.Contains(first.Log(), "Super+F9") })
	r := d.Run(nil, filepath.Join(dir, "patoggled"))
	if r.Code != 1 || !strings.Contains(r.Stderr, "patoggled: error: ") || !strings.Contains(r.Stderr, itoa(first.PID)) {
		t.Errorf("the second: code %d, %q", r.Code, r.Stderr)
	}
	if !first.Alive() {
		t.Error("the first has ended")
	}
	if code := first.Terminate(); code != 0 {
		t.Errorf("the first ended with code %d", code)
	}
}

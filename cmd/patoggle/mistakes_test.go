package main

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
)

var update = flag.Bool("update", false, "write what mistakes come to into testdata/mistakes.txt")

// foreign are the words of libraries and of the system that no user should have
// to understand.
var foreign = regexp.MustCompile(`(?i)unknown (short|flag|command)|invalid argument|flag needs|accepts |requires at|any flags in|strconv|parsing "|goroutine|panic|dial (unix|tcp)|%!|<nil>|_NET_|BadWindow|usage:`)

// commandIn finds the commands that a hint tells to type.
var commandIn = regexp.MustCompile(`"(patoggle[^"]*)"|: (patoggle [^;]*)`)

// mistake runs a line, and says what comes of it, without what is another each time.
func (d *desk) mistake(line string) (lab.Result, string) {
	// With another umask, as Debian 13 gives to users, the file would be one
	// to warn of.
	r := d.sh("umask 022; " + line)
	got := strings.ReplaceAll(r.Stdout+r.Stderr, d.Home, "/home/me")
	got = regexp.MustCompile(`/tmp/[^ "]*`).ReplaceAllString(got, "/tmp/…")
	got = regexp.MustCompile(`process [0-9]{2,6}\b`).ReplaceAllString(got, "process N")
	got = regexp.MustCompile(`[0-9a-f]{32}-runtime`).ReplaceAllString(got, "ID-runtime")
	got = regexp.MustCompile(`/run/user/[0-9]+`).ReplaceAllString(got, "/run/user/N")
	got += "= " + strconv.Itoa(r.Code) + "\n"
	return r, got
}

// TestMistakes goes through testdata/mistakes.txt: after each "$ line", typed in
// a desktop with two players, comes what has to be said, and the exit code.
func TestMistakes(t *testing.T) {
	t.Parallel()
	lab.Need(t, "timeout")
	d := newDesk(t, pulseAudio)
	d.Setenv("PATH", filepath.Dir(d.program)+":"+d.Getenv("PATH"))
	d.Player("The Film").WaitStream()
	d.Player("The Game").WaitStream()
	d.display.Blur()
	const file = "testdata/mistakes.txt"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	mistakes := 0
	for _, block := range regexp.MustCompile(`(?m)^\$ `).Split(string(text), -1)[1:] {
		line, want, _ := strings.Cut(block, "\n")
		mistakes++
		r, got := d.mistake(line)
		// On a slow machine a player may be too late, and its sink idle for a moment.
		for tries := 0; strings.HasPrefix(line, "patoggle list") && strings.TrimSpace(got) != strings.TrimSpace(want) && tries < 5; tries++ {
			time.Sleep(200 * time.Millisecond)
			r, got = d.mistake(line)
		}
		out.WriteString("$ " + line + "\n" + got + "\n")
		if !*update && strings.TrimSpace(got) != strings.TrimSpace(want) {
			t.Errorf("$ %s\ngives\n%s\nnot\n%s", line, got, want)
		}
		if bad := foreign.FindString(got); bad != "" {
			t.Errorf("$ %s: %q is not our sentence:\n%s", line, bad, got)
		}
		if strings.Contains(r.Stderr, `""`) || regexp.MustCompile(`(?m): $|: : |^patoggle: +(is|are) `).MatchString(r.Stderr) {
			t.Errorf("$ %s: an empty name:\n%s", line, got)
		}
		if r.Code != 0 && r.Stderr == "" {
			t.Errorf("$ %s: exit code %d without a word", line, r.Code)
		}
		d.follow(line, r.Stderr)
	}
	if *update {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if mistakes < 30 {
		t.Errorf("only %d mistakes", mistakes)
	}
}

// follow runs what the hints tell to type: it has to be something patoggle
// understands.
func (d *desk) follow(line, stderr string) {
	d.t.Helper()
	for hint := range strings.Lines(stderr) {
		if !strings.HasPrefix(hint, "patoggle: hint: ") {
			continue
		}
		for _, m := range commandIn.FindAllStringSubmatch(strings.TrimPrefix(strings.TrimSpace(hint), "patoggle: hint: "), -1) {
			command := m[1] + m[2]
			command = strings.NewReplacer("SINK", "b", "NAME", "mpv").Replace(command)
			if command == "patoggled" {
				continue
			}
			r := d.sh(command)
			if r.Code == exitUsage && !strings.Contains(r.Stderr, "no sink is called") {
				d.t.Errorf("$ %s: the hint cannot be followed: %s\n%s", line, command, r.Stderr)
			}
		}
	}
}

func TestATerminalThatPatoggleIsTypedInIsCalledSo(t *testing.T) {
	t.Parallel()
	d := newDesk(t, pulseAudio)
	d.Player("one").WaitStream()
	begin, said := filepath.Join(d.Home, "begin"), filepath.Join(d.Home, "said")
	term := d.XTerm("terminal", "sh", "-c", "until [ -e "+begin+" ]; do sleep 0.05; done; "+d.program+" >"+said+".new 2>&1; mv "+said+".new "+said+"; cat")
	d.display.Focus(term.WaitWindow())
	if err := os.WriteFile(begin, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var text []byte
	d.Until("an answer", func() bool {
		var err error
		text, err = os.ReadFile(said)
		return err == nil
	})
	want := "patoggle: XTerm is not playing anything\npatoggle: hint: that is the window you typed in: "
	if !strings.HasPrefix(string(text), want) {
		t.Errorf("it says %q", text)
	}
	if r := d.expect(3, "XTerm is not playing anything"); strings.Contains(r.Stderr, "you typed in") {
		t.Errorf("started from elsewhere it says %q", r.Stderr)
	}
}

// sh runs a line as a user's shell does.
func (d *desk) sh(line string) lab.Result {
	return d.Exec(lab.Cmd{Name: "sh", Args: []string{"-c", line}})
}

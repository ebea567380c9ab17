package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/lab/keeper"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

// programs are what a showing needs.
var programs = map[string][]string{
	"pulseaudio": {"pulseaudio", "pactl", "Xvfb", "openbox", "mpv"},
	"pipewire":   {"pipewire", "wireplumber", "pipewire-pulse", "dbus-daemon", "pactl", "Xvfb", "openbox", "mpv"},
}

func TestTheDemoGoesRoundTheRing(t *testing.T) {
	for server, need := range programs {
		t.Run("on "+server, func(t *testing.T) {
			t.Parallel()
			lab.Need(t, need...)
			var out, errs strings.Builder
			if code := run([]string{"-server", server}, &out, &errs); code != 0 || errs.Len() > 0 {
				t.Fatalf("code %d\n%s%s", code, out.String(), errs.String())
			}
			var on []string
			for _, m := range regexp.MustCompile(`"(Music|Game)", is on sink "(.*)"`).FindAllStringSubmatch(out.String(), -1) {
				on = append(on, m[1]+" "+m[2])
			}
			want := "Music tv, Game speakers, Music headset, Game speakers, Music speakers, Game speakers, Music speakers, Game tv"
			if got := strings.Join(on, ", "); got != want {
				t.Errorf("the streams went %s", got)
			}
		})
	}
}

func TestCtrlCLeavesNothing(t *testing.T) {
	file, err := lab.Build("internal/lab/demo")
	if err != nil {
		t.Fatal(err)
	}
	for server, need := range programs {
		// Lines after which the key is pressed: at once, with the servers up,
		// with the players up.
		for _, lines := range []int{1, 4, 8} {
			t.Run(fmt.Sprintf("on %s after %d lines", server, lines), func(t *testing.T) {
				t.Parallel()
				lab.Need(t, need...)
				if !lab.Poll(2*time.Minute, func() bool { return interrupted(t, file, server, lines) }) {
					t.Error("it always came to its end before Ctrl-C did")
				}
			})
		}
	}
}

// interrupted starts the demo, presses Ctrl-C after so many lines, and holds
// that nothing is left of it. It tells whether the demo was still running: on a
// busy machine it may come to its end before the key does.
func interrupted(t *testing.T, file, server string, lines int) bool {
	t.Helper()
	cmd := exec.Command(file, "-server", server)
	// A process group, as a shell makes one: Ctrl-C is for all of it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(out)
	text := ""
	for range lines {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("after %q: %v", text, err)
		}
		text += line
	}
	dir := regexp.MustCompile(`/\S*` + keeper.DirPrefix + `\d+`).FindString(text)
	if dir == "" {
		t.Fatalf("no directory in %q", text)
	}
	pids := keeper.Descendants(cmd.Process.Pid)
	began := time.Now()
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	for {
		line, err := r.ReadString('\n')
		text += line
		if err != nil {
			break
		}
	}
	_ = cmd.Wait()
	code := cmd.ProcessState.ExitCode()
	over := code == 0
	if !over && (code != 130 || !strings.Contains(text, "\nInterrupted.\n")) {
		t.Errorf("code %d\n%s", code, text)
	}
	if took := time.Since(began); took > time.Minute {
		t.Errorf("it took %v to end", took)
	}
	if left := lab.Left(dir); len(left) > 0 {
		t.Errorf("left running:\n%s", strings.Join(left, "\n"))
	}
	for _, pid := range pids {
		if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid)); err == nil && strings.Contains(string(b), dir) {
			t.Errorf("process %d is left", pid)
		}
	}
	if _, err := os.Lstat(dir); err == nil {
		t.Errorf("%q is left", dir)
	}
	return !over
}

func TestWrongUsage(t *testing.T) {
	var out, errs strings.Builder
	if code := run([]string{"-server", "jack"}, &out, &errs); code != 2 || !strings.HasPrefix(errs.String(), "demo: error: ") {
		t.Errorf("code %d, %q", code, errs.String())
	}
}

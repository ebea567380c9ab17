package lab

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab/keeper"
	"github.com/patoggle/patoggle/internal/lab/puppet"
)

// victim is what the test binary does instead of testing when told so: it
// fills a lab with the most stubborn things there are, says where, and ends
// as asked.
func victim(how string) {
	l, err := New(nil)
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fill(l, how == "SIGKILL")
	fmt.Println(l.Dir)
	switch how {
	case "panic":
		panic("as asked")
	case "exit":
		os.Exit(0)
	case "close":
		if err := l.Close(); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// Killed from outside.
	time.Sleep(time.Hour)
}

// fill starts servers, players, and processes that leave their group, their
// session and their parent; with a browser, which costs as much as all else, where
// it is asked for.
func fill(l *Lab, browser bool) *Process {
	l.PulseAudio("a")
	s := l.PipeWire("a")
	d := l.Display()
	l.Play(App{Name: "one"}).WaitStream()
	l.Play(App{Name: "boxed", Sandbox: &Sandbox{}}).WaitStream()
	l.XTerm("terminal", l.Mpv(App{Name: "song", NoWindow: true})...).WaitStream()
	if _, err := lookPath("chromium"); err == nil && browser {
		l.Chromium("page").WaitStream()
	}
	l.Puppet(Act{Streams: []puppet.Stream{{Media: []byte("x")}}, Windows: []puppet.Window{{Title: []byte("y")}}})
	stubborn := l.Spawn("sh", "-c", `trap "" TERM HUP INT
		setsid sh -c 'trap "" TERM HUP INT; sleep 1000 & echo up; wait' &
		(setsid -f sleep 1000); echo up; wait`)
	l.Until("the stubborn ones", func() bool { return strings.Count(stubborn.Log(), "up") == 2 })
	s.Daemon("wireplumber").Stop()
	d.Stop()
	return stubborn
}

func TestCloseLeavesNothing(t *testing.T) {
	t.Parallel()
	l := Start(t)
	p := fill(l, true)
	pids := append(keeper.Descendants(l.keeper.PID()), l.keeper.PID())
	if len(pids) < 15 || !slices.Contains(pids, p.PID) {
		t.Errorf("the lab has %d processes", len(pids))
	}
	// The quick look sees as much, once nothing comes and goes.
	l.Until("the same from both looks", func() bool {
		all, below := keeper.Descendants(l.keeper.PID()), keeper.Below(l.keeper.PID())
		return !slices.ContainsFunc(all, func(pid int) bool { return !slices.Contains(below, pid) })
	})
	began := time.Now()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d processes ended within %v", len(pids), time.Since(began))
	gone(t, l.Dir, pids)
}

// gone checks that nothing of a lab is left.
func gone(t *testing.T, dir string, pids []int) {
	t.Helper()
	if left := Left(dir); len(left) > 0 {
		t.Errorf("left running:\n%s", strings.Join(left, "\n"))
	}
	for _, pid := range pids {
		if p, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat"); err == nil && !strings.Contains(string(p), ") Z ") {
			t.Errorf("left running: %s", describe(pid))
		}
	}
	if _, err := os.Lstat(dir); err == nil {
		t.Errorf("%q is left", dir)
	}
	for _, pid := range pids {
		locks, _ := filepath.Glob("/tmp/.X*-lock")
		for _, lock := range locks {
			if b, err := os.ReadFile(lock); err == nil && strings.TrimSpace(string(b)) == strconv.Itoa(pid) {
				t.Errorf("%q is left", lock)
			}
		}
	}
}

func TestNothingIsLeftHoweverTheParentEnds(t *testing.T) {
	t.Parallel()
	Need(t, "pulseaudio", "pipewire", "wireplumber", "pipewire-pulse", "dbus-daemon", "Xvfb", "openbox", "mpv", "xterm", "bwrap")
	// Who starts the tests in the background may have SIGINT ignored, and with it
	// all that they start; what is handled here is as usual there.
	handled := make(chan os.Signal, 1)
	signal.Notify(handled, syscall.SIGINT)
	defer signal.Stop(handled)
	for _, how := range []string{"close", "exit", "panic", "SIGINT", "SIGKILL"} {
		t.Run("it ends by "+how, func(t *testing.T) {
			cmd := exec.Command("/proc/self/exe")
			cmd.Env = append(os.Environ(), "PATOGGLE_LAB_VICTIM="+how)
			cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(out).ReadString('\n')
			dir := strings.TrimSpace(line)
			if err != nil || !strings.Contains(dir, keeper.DirPrefix) {
				_ = cmd.Process.Kill()
				t.Fatalf("the victim says %q, %v", line, err)
			}
			pids := keeper.Descendants(cmd.Process.Pid)
			if strings.HasPrefix(how, "SIG") && len(pids) < 15 {
				t.Errorf("the victim has only %d processes", len(pids))
			}
			switch how {
			case "SIGINT":
				_ = cmd.Process.Signal(syscall.SIGINT)
			case "SIGKILL":
				_ = cmd.Process.Kill()
			}
			_ = cmd.Wait()
			began := time.Now()
			Poll(time.Minute, func() bool {
				_, err := os.Lstat(dir)
				return err != nil && len(Left(dir)) == 0
			})
			t.Logf("all gone %v after the parent", time.Since(began))
			gone(t, dir, pids)
		})
	}
}

func TestAKilledKeeperIsNoticedAndSweptUp(t *testing.T) {
	t.Parallel()
	l, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := l.Spawn("sh", "-c", `setsid sleep 1000 & echo up; wait`)
	l.Until("the shell", func() bool { return strings.Contains(p.Log(), "up") })
	if err := syscall.Kill(l.keeper.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err == nil {
		t.Error("a killed keeper is not reported")
	}
	Poll(time.Minute, func() bool { return len(Left(l.Dir)) == 0 })
	gone(t, l.Dir, []int{p.PID})
}

func TestAKilledServerLeavesNoLock(t *testing.T) {
	t.Parallel()
	l := Start(t)
	d := l.Display()
	d.Kill()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	gone(t, l.Dir, []int{d.Server.PID})
}

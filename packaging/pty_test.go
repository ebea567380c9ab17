package packaging

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/patoggle/patoggle/internal/lab"
)

// terminal is an interactive shell on a terminal of its own.
type terminal struct {
	t    *testing.T
	file *os.File
	cmd  *exec.Cmd

	mu   sync.Mutex
	text strings.Builder
	done chan struct{}
}

// interactive starts a shell on a new pseudo-terminal (pts(4)). It is killed
// when the test ends.
func interactive(t *testing.T, env []string, dir, name string, args ...string) *terminal {
	t.Helper()
	file, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd := int(file.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: 200}); err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer slave.Close()
	// Only a file that can be polled can be closed under a reader.
	if err := unix.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	dup, err := unix.Dup(fd)
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
	term := &terminal{t: t, file: os.NewFile(uintptr(dup), "ptmx"), done: make(chan struct{})}
	term.cmd = exec.Command(name, args...)
	term.cmd.Env, term.cmd.Dir = env, dir
	term.cmd.Stdin, term.cmd.Stdout, term.cmd.Stderr = slave, slave, slave
	term.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := term.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(term.done)
		buf := make([]byte, 4096)
		for {
			n, err := term.file.Read(buf)
			term.mu.Lock()
			term.text.Write(buf[:n])
			term.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-term.cmd.Process.Pid, syscall.SIGKILL)
		_ = term.cmd.Wait() // killed, so that it is no success
		term.file.Close()
		<-term.done
		if t.Failed() {
			t.Logf("the terminal:\n%q", term.shown())
		}
	})
	return term
}

func (term *terminal) shown() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	return term.text.String()
}

// keys types a text, with Enter for each end of a line.
func (term *terminal) keys(text string) {
	term.t.Helper()
	if _, err := term.file.WriteString(strings.ReplaceAll(text, "\n", "\r")); err != nil {
		term.t.Fatal(err)
	}
}

// wait waits until the text is shown behind what was there at the mark, and
// returns all that came since.
func (term *terminal) wait(mark int, text string) string {
	term.t.Helper()
	if !lab.Poll(time.Minute, func() bool { return strings.Contains(term.shown()[mark:], text) }) {
		term.t.Fatalf("%q is not shown; since then came %q", text, term.shown()[mark:])
	}
	return term.shown()[mark:]
}

func (term *terminal) mark() int { return len(term.shown()) }

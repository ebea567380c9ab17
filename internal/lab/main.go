package lab

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab/keeper"
)

// Main runs the tests and then counts what they left behind: goroutines, and
// processes below this one. Anything left makes the run fail. Use it as
//
//	func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }
func Main(m *testing.M) int {
	before := len(goroutines())
	code := m.Run()
	if code != 0 {
		return code
	}
	Poll(20*time.Second, func() bool {
		return len(goroutines()) <= before && len(keeper.Descendants(os.Getpid())) == 0
	})
	if now := goroutines(); len(now) > before {
		fmt.Fprintf(os.Stderr, "lab: %d goroutines more than before the tests:\n\n%s\n",
			len(now)-before, strings.Join(now, "\n\n"))
		code = 1
	}
	for _, pid := range keeper.Descendants(os.Getpid()) {
		fmt.Fprintf(os.Stderr, "lab: left running: %s\n", describe(pid))
		code = 1
	}
	return code
}

// Together makes so many tests of a package that are parallel run beside each
// other, however many processors there are: those that wait for other programs
// need few. It is called in TestMain; a -parallel of the command line is
// overridden.
func Together(n int) {
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(n)); err != nil {
		panic(err)
	}
}

// goroutines are the stacks of all goroutines but the one that package
// os/signal keeps for ever once it was used.
func goroutines() []string {
	b := make([]byte, 1<<20)
	b = b[:runtime.Stack(b, true)]
	return slices.DeleteFunc(strings.Split(string(b), "\n\n"), func(stack string) bool {
		return strings.Contains(stack, "os/signal.loop")
	})
}

// Left describes every process whose environment or command line names the
// directory: what a lab there has left running.
func Left(dir string) []string {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return []string{err.Error()}
	}
	var left []string
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		for _, file := range []string{"environ", "cmdline"} {
			b, err := os.ReadFile("/proc/" + e.Name() + "/" + file)
			if err == nil && bytes.Contains(b, []byte(dir)) {
				left = append(left, describe(pid))
				break
			}
		}
	}
	return left
}

// killStray kills the processes with that HOME until several looks in a row
// find none: a process has no environment for a moment while it executes
// another program.
func killStray(home string) {
	for quiet := 0; quiet < 5; quiet++ {
		entries, err := os.ReadDir("/proc")
		if err != nil {
			return
		}
		for _, e := range entries {
			pid, err := strconv.Atoi(e.Name())
			if err != nil || pid == os.Getpid() {
				continue
			}
			b, err := os.ReadFile("/proc/" + e.Name() + "/environ")
			if err == nil && bytes.Contains(b, []byte("HOME="+home+"\x00")) {
				_ = syscall.Kill(pid, syscall.SIGKILL)
				quiet = 0
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// describe is a process's pid and command line.
func describe(pid int) string {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err != nil {
		return strconv.Itoa(pid)
	}
	return fmt.Sprintf("%d %.200s", pid, strings.TrimSpace(strings.ReplaceAll(string(b), "\x00", " ")))
}

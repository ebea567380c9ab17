package proc

import (
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
)

func TestTerminalsThatAProcessHoldsOpen(t *testing.T) {
	m := newTree()
	for fd, to := range map[string]string{"0": "/dev/null", "3": "/dev/pts/7", "4": "socket:[1]", "5": "/dev/ptmx", "7": "/dev/pts/300", "8": "/dev/pts/7", "9": "/dev/pts/x", "10": "/dev/tty1"} {
		m.link("40/fd/"+fd, to)
	}
	got, ok := m.reader().Terminals(40)
	if want := []int{136<<8 | 7, 136<<8 | 300&0xff | 256<<12}; !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v, want %v", got, ok, want)
	}
	if got, ok := m.reader().Terminals(41); ok || got != nil {
		t.Errorf("of none: %v, %v", got, ok)
	}
	found := m.reader().Where(func(p Process) bool { return p.PPID == 1 })
	if len(found) != 1 || found[0].PID != 40 {
		t.Errorf("below pid 1 are %+v", found)
	}
}

// The number made of a name is the one the kernel gives.
func TestDeviceNumbersOfTheKernel(t *testing.T) {
	if _, err := exec.LookPath("script"); err != nil {
		t.Skip("script is not installed")
	}
	out, err := exec.Command("script", "-qec", "tty; cat /proc/$$/stat", "/dev/null").Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(strings.ReplaceAll(string(out), "\r", ""))
	if len(lines) < 2 {
		t.Fatalf("script said %q", out)
	}
	s, ok := parseStat([]byte(strings.Join(lines[1:], " ")))
	if want := ptsDevice(lines[0]); !ok || want == 0 || s.tty != want {
		t.Errorf("the terminal %s is %d, not %d", lines[0], s.tty, want)
	}
	p, ok := New(FS("/proc")).Process(os.Getpid())
	if !ok || p.PID != os.Getpid() {
		t.Errorf("we are %+v", p)
	}
}

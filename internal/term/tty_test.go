package term

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal returns the program's side of a pseudo terminal of this size.
func terminal(t *testing.T, columns uint16) *os.File {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close() })
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Fatal(err)
	}
	return slave
}

func env(pairs ...string) func(string) string {
	m := make(map[string]string)
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(k string) string { return m[k] }
}

func plainFile(t *testing.T) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestColumnsBelievesTheTerminalFirst(t *testing.T) {
	closed := plainFile(t)
	closed.Close()
	tests := []struct {
		name string
		file *os.File
		env  func(string) string
		want int
	}{
		{"a terminal", terminal(t, 97), env("COLUMNS", "40"), 97},
		{"a terminal without a size", terminal(t, 0), env("COLUMNS", "40"), 40},
		{"a file", plainFile(t), env(), 0},
		{"a file and COLUMNS", plainFile(t), env("COLUMNS", "40"), 40},
		{"COLUMNS that is no number", plainFile(t), env("COLUMNS", "-4"), 0},
		{"COLUMNS that is too large", plainFile(t), env("COLUMNS", "999999"), 0},
		{"a closed file", closed, env(), 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Columns(tt.file, tt.env); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

func TestColourOnlyOnATerminalThatWantsIt(t *testing.T) {
	tty := terminal(t, 80)
	tests := []struct {
		name string
		file *os.File
		env  func(string) string
		want bool
	}{
		{"a terminal", tty, env("TERM", "xterm"), true},
		{"an empty NO_COLOR", tty, env("TERM", "xterm", "NO_COLOR", ""), true},
		{"NO_COLOR", tty, env("TERM", "xterm", "NO_COLOR", "0"), false},
		{"a dumb terminal", tty, env("TERM", "dumb"), false},
		{"no TERM", tty, env(), false},
		{"a file", plainFile(t), env("TERM", "xterm"), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Colour(tt.file, tt.env); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if IsTerminal(null) || !IsTerminal(tty) {
		t.Error("only the terminal is one")
	}
}

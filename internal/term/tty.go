package term

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// IsTerminal reports whether a file is a terminal.
func IsTerminal(f *os.File) bool {
	_, err := control(f, func(fd int) (*unix.Termios, error) { return unix.IoctlGetTermios(fd, unix.TCGETS) })
	return err == nil
}

// Columns returns how many cells a line of the file has. A terminal is asked
// itself. When it does not know, or the file is no terminal, the environment
// variable COLUMNS is believed; without that the result is 0, for lines of
// any length.
func Columns(f *os.File, getenv func(string) string) int {
	size, err := control(f, func(fd int) (*unix.Winsize, error) { return unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ) })
	if err == nil && size.Col > 0 {
		return int(size.Col)
	}
	if n, err := strconv.ParseUint(getenv("COLUMNS"), 10, 16); err == nil {
		return int(n)
	}
	return 0
}

// Colour reports whether text for a file may have colours: it is a terminal
// that knows them (TERM is set and not "dumb"), and NO_COLOR is unset or
// empty (no-color.org).
func Colour(f *os.File, getenv func(string) string) bool {
	term := getenv("TERM")
	return getenv("NO_COLOR") == "" && term != "" && term != "dumb" && IsTerminal(f)
}

// control asks the system about an open file. Unlike Fd it leaves the file in
// the mode it is in.
func control[T any](f *os.File, ask func(fd int) (T, error)) (T, error) {
	var answer T
	var asked error
	conn, err := f.SyscallConn()
	if err != nil {
		return answer, err
	}
	if err := conn.Control(func(fd uintptr) { answer, asked = ask(int(fd)) }); err != nil {
		return answer, err
	}
	return answer, asked
}

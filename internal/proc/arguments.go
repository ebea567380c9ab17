package proc

import (
	"strconv"
	"strings"
)

// Arguments returns the command line of a process (/proc/PID/cmdline), nil when
// it cannot be read. A process may have changed it. It is read anew each time.
func (r *Reader) Arguments(pid int) []string {
	if pid <= 0 || pid > maxPID {
		return nil
	}
	b := r.file(strconv.Itoa(pid)+"/cmdline", maxFile)
	if len(b) == 0 {
		return nil
	}
	return strings.Split(strings.TrimRight(string(b), "\x00"), "\x00")
}

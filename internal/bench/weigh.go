package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
)

// memoryRuns is how many one-shots the peak of memory is taken from.
const memoryRuns = 20

// weigh measures the memory of the one-shot and counts its system calls.
func (d *desktop) weigh(o options, f *figures) error {
	out := filepath.Join(d.Dir, "weight")
	// GNU time starts the program with fork, so that our own size is not
	// taken for the program's, as it would be after a vfork (getrusage(2)).
	for range memoryRuns {
		text, err := d.under(o, out, "time", "-f", "%M", "-o", out, o.programs.patoggle)
		if err != nil {
			return err
		}
		peak, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil {
			return err
		}
		f.peak = max(f.peak, peak)
	}
	counted, err := d.under(o, out, "strace", "-f", "-c", "-U", "calls,errors,name", "-S", "calls", "-o", out, o.programs.patoggle)
	if err != nil {
		return err
	}
	if f.calls, err = parseCalls(counted); err != nil {
		return err
	}
	f.counted = counted
	return nil
}

// under runs a program that writes its findings to a file, and returns them.
func (d *desktop) under(o options, out, name string, args ...string) (string, error) {
	var r lab.Result
	// A server that is still busy with the last move may be too late for the
	// program's own deadline.
	for range 3 {
		time.Sleep(o.pause)
		if r = d.Exec(lab.Cmd{Name: name, Args: args}); r.Code == 0 {
			b, err := os.ReadFile(out)
			return string(b), err
		}
	}
	return "", fmt.Errorf("%s: code %d: %s", name, r.Code, r.Stderr)
}

var errStrace = errors.New("strace counted nothing")

// parseCalls reads the total of strace -c with the columns calls, errors, name.
func parseCalls(text string) (int, error) {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 || f[len(f)-1] != "total" {
			continue
		}
		if n, err := strconv.Atoi(f[0]); err == nil {
			return n, nil
		}
	}
	return 0, errStrace
}

// parseTicks reads utime and stime, fields 14 and 15, of /proc/PID/stat. The
// name in parentheses may hold anything.
func parseTicks(stat string) (int, error) {
	f := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(f) < 13 {
		return 0, fmt.Errorf("a short stat: %q", stat)
	}
	user, err := strconv.Atoi(f[11])
	if err != nil {
		return 0, err
	}
	system, err := strconv.Atoi(f[12])
	return user + system, err
}

// parseSwitches adds up both kinds of context switches of a status file.
func parseSwitches(status string) int {
	return statusField(status, "voluntary_ctxt_switches:") + statusField(status, "nonvoluntary_ctxt_switches:")
}

// statusField reads the number of a line of /proc/PID/status; 0 without it.
func statusField(status, name string) int {
	for line := range strings.Lines(status) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			if f := strings.Fields(rest); len(f) > 0 {
				n, err := strconv.Atoi(f[0])
				if err == nil {
					return n
				}
			}
		}
	}
	return 0
}

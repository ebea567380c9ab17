package proc

import (
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// maxOpen bounds how many open files of one process are looked at.
const maxOpen = 1 << 12

// Terminals returns the pseudo-terminals that a process holds open, as Process.TTY
// has them, sorted. A tmux or screen server holds those of the clients that show
// it, and no others: of the terminals it made itself it has the other ends. False
// means that we may not look.
func (r *Reader) Terminals(pid int) ([]int, bool) {
	dir := strconv.Itoa(pid) + "/fd"
	files, err := fs.ReadDir(r.fsys, dir)
	if err != nil {
		return nil, false
	}
	var ttys []int
	for _, f := range files[:min(len(files), maxOpen)] {
		if tty := ptsDevice(r.link(dir + "/" + f.Name())); tty != 0 && !slices.Contains(ttys, tty) {
			ttys = append(ttys, tty)
		}
	}
	slices.Sort(ttys)
	return ttys, true
}

// ptsDevice is the device number of "/dev/pts/N" as /proc/PID/stat writes it:
// major 136, minor N (Linux, Documentation/admin-guide/devices.txt), in the form
// of makedev(3); 0 for any other path.
func ptsDevice(path string) int {
	s, ok := strings.CutPrefix(path, "/dev/pts/")
	if !ok {
		return 0
	}
	n, ok := number(s)
	if !ok || n >= 1<<20 {
		return 0
	}
	return n&0xff | 136<<8 | n&^0xff<<12
}

// Where returns the processes that fit, sorted by id. It reads the stat of every
// process, once in a Reader's life.
func (r *Reader) Where(fits func(Process) bool) []Process {
	if r.all == nil {
		r.all = r.pids()
	}
	var found []Process
	for _, pid := range r.all {
		if p, ok := r.Read(pid, Stat); ok && fits(p) {
			found = append(found, p)
		}
	}
	return found
}

package match

import (
	"iter"
	"path"
	"strconv"
	"strings"

	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/internal/proc"
)

// world is the input and what was found out about it.
type world struct {
	in      Input
	partial PartialProcesses // nil when Procs can only read everything

	window Window
	focus  *desktop.Window // nil when there is no window to match
	// weak is true when only the window itself says whose it is.
	weak bool
	// app is the first process of the window with everything read that the
	// rules compare; the zero value when there is none.
	app proc.Process
	// owners are the windows of each process that owns some.
	owners map[int][]desktop.WindowID
	// windows are the windows that can own streams, the focused one included.
	windows []desktop.Window

	subjects []subject
}

func newWorld(in Input) *world {
	w := &world{in: in, window: Window{Reason: "no window was asked about"}}
	w.partial, _ = in.Procs.(PartialProcesses)
	return w
}

// closed tells whether no rule can be asked at all.
func (w *world) closed() bool {
	return w.focus == nil && len(w.window.PIDs) == 0 || w.window.Remote
}

// read asks for a process with the fields.
func (w *world) read(pid int, want proc.Fields) (proc.Process, bool) {
	switch {
	case pid <= 0 || w.in.Procs == nil:
		return proc.Process{}, false
	case w.partial != nil:
		return w.partial.Read(pid, want)
	}
	return w.in.Procs.Process(pid)
}

// ours tells whether the process is alive, belongs to our user and lives in
// our pid namespace. It must have been read with proc.Status.
func (w *world) ours(p proc.Process) bool {
	return !p.Zombie && !p.Kernel && p.UID == w.in.UID && p.SamePID
}

// maxClimb bounds the way up from a process.
const maxClimb = 64

// ancestors yields the parent of the process, its parent and so on, at most
// maxClimb of them. A parent that started after its child is another process
// with a recycled pid: there the way ends.
func (w *world) ancestors(pid int) iter.Seq[proc.Process] {
	return func(yield func(proc.Process) bool) {
		child, ok := w.read(pid, proc.Stat)
		for range maxClimb {
			if !ok || child.PPID == child.PID {
				return
			}
			var parent proc.Process
			parent, ok = w.read(child.PPID, proc.Stat)
			if !ok || parent.Start > child.Start || !yield(parent) {
				return
			}
			child = parent
		}
	}
}

// climb is the way up from a stream's process to the nearest process that owns
// a window.
type climb struct {
	// owner is that process; 0 when there is none.
	owner int
	// way are the processes from the stream's own up to, and without, owner.
	way []int
	// barrier is the process nothing is matched through, where the way
	// ended; 0 when it did not end at one.
	barrier int
}

// climb looks for the nearest ancestor-or-self that owns a window and is
// wanted.
func (w *world) climb(pid int, wanted func(pid int) bool) climb {
	var c climb
	if pid == 0 {
		return c
	}
	if w.owns(pid) && wanted(pid) {
		c.owner = pid
		return c
	}
	c.way = append(c.way, pid)
	for p := range w.ancestors(pid) {
		switch {
		case w.isBarrier(p):
			c.barrier = p.PID
			return c
		case w.owns(p.PID) && wanted(p.PID):
			c.owner = p.PID
			return c
		}
		c.way = append(c.way, p.PID)
	}
	return c
}

// owns tells whether the process owns a window.
func (w *world) owns(pid int) bool { return len(w.owners[pid]) > 0 }

// name is how a user is told of a process: "4711 (mpv)".
func (w *world) name(pid int) string {
	if p, ok := w.read(pid, proc.Stat); ok && p.Comm != "" {
		return itoa(pid) + " (" + p.Comm + ")"
	}
	return itoa(pid)
}

// windowName is how a user is told of a window: its title or class, and its id.
func (w *world) windowName(id desktop.WindowID) string {
	s := string(id)
	for i := range w.windows {
		win := &w.windows[i]
		if win.ID != id {
			continue
		}
		for _, name := range []string{win.Title, win.Class, win.AppID, win.Instance} {
			if name != "" {
				return `"` + name + `" ` + s
			}
		}
	}
	return s
}

func itoa(n int) string { return strconv.Itoa(n) }

func join(s []string, sep string) string { return strings.Join(s, sep) }

// base is the last part of a path; "" when it has none.
func base(s string) string {
	switch s = path.Base(s); s {
	case ".", "/":
		return ""
	}
	return s
}

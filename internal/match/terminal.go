package match

import (
	"slices"

	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/internal/proc"
)

// otherTerminal returns the window the subject was started from when it is not
// the focused one, but another window of the same owner: one process can serve
// many terminal windows, and most set WINDOWID for what they run in each. The
// nearest process on the way up that names a window of the owner decides; sure
// is whether one did. Without any nothing is known: many terminals set none.
func (w *world) otherTerminal(owner int, way []int) (other desktop.WindowID, sure bool) {
	windows := w.owners[owner]
	if len(windows) < 2 && w.in.Screen.Complete {
		return "", false
	}
	for _, pid := range way {
		p, _ := w.read(pid, proc.Environ)
		id := desktop.XWindow(p.WindowID)
		if id == "" {
			continue
		}
		if id == w.focus.ID || id == w.in.Screen.Active {
			return "", true
		}
		if slices.Contains(windows, id) {
			return id, true
		}
	}
	return "", false
}

// unplaced says why nobody knows in which window of its owner a subject runs:
// it is in a terminal, of a process that has several windows. "" is for one
// whose window is known, or does not matter.
//
// What runs in a terminal has another controlling terminal than the process
// that draws it; a browser's helpers have their browser's, or none.
func (w *world) unplaced(a *asked) string {
	owner := a.owner
	if !w.isWindows(owner) {
		owner = w.app.PID
	}
	if owner == 0 || !w.inTerminal(owner, a.way) {
		return ""
	}
	siblings, counted := w.siblings(owner)
	if counted && len(siblings) == 0 {
		return ""
	}
	if _, sure := w.otherTerminal(owner, a.way); sure {
		return ""
	}
	whose := "it runs in a terminal of " + w.name(owner) + ", "
	switch {
	case len(siblings) == 0:
		return whose + "which may have other windows than " + w.windowName(w.focus.ID) + ", and nothing says in which"
	case len(siblings) > 1:
		return whose + "which has the windows " + w.windowName(w.focus.ID) + ", " + w.windowName(siblings[0]) + " and " + itoa(len(siblings)-1) + " more, and nothing says in which"
	}
	return whose + "which has the windows " + w.windowName(w.focus.ID) + " and " + w.windowName(siblings[0]) + ", and nothing says in which"
}

// inTerminal tells whether one of the processes has a controlling terminal that
// is not the owner's.
func (w *world) inTerminal(owner int, way []int) bool {
	o, _ := w.read(owner, proc.Stat)
	return slices.ContainsFunc(way, func(pid int) bool {
		p, _ := w.read(pid, proc.Stat)
		return p.TTY != 0 && p.TTY != o.TTY
	})
}

// siblings are the windows of a process beside the focused one that a terminal
// can be in, sorted. counted is false when there may be others.
func (w *world) siblings(owner int) (ids []desktop.WindowID, counted bool) {
	for i := range w.windows {
		win := &w.windows[i]
		if win.ID != w.focus.ID && win.Type != desktop.Dialog && slices.Contains(w.owners[owner], win.ID) {
			ids = append(ids, win.ID)
		}
	}
	slices.SortFunc(ids, desktop.WindowID.Compare)
	return ids, w.in.Screen.Complete || len(ids) == 0 && w.in.Screen.OwnerWindows == 1
}

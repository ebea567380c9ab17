package match

import (
	"slices"
	"strings"

	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/internal/proc"
)

// findWindow turns the focused window into its processes, and finds who owns
// the other windows.
func (w *world) findWindow() {
	sc := w.in.Screen
	if sc == nil {
		return
	}
	f := &sc.Focused
	switch {
	case f.ID == "":
		w.window.Reason = "no window has the focus"
		return
	case f.Type == desktop.Desktop:
		w.window.Reason = "the desktop has the focus"
		return
	case f.Type == desktop.Dock:
		w.window.Reason = "a panel has the focus"
		return
	}
	w.focus = f
	w.windows = append(w.windows, *f)
	for _, win := range sc.Windows {
		switch win.Type {
		case desktop.Normal, desktop.Dialog, desktop.Utility:
			if win.ID != f.ID && win.ID != "" {
				w.windows = append(w.windows, win)
			}
		}
	}
	// The order of stacking must not show in what is said.
	slices.SortFunc(w.windows[1:], func(a, b desktop.Window) int { return a.ID.Compare(b.ID) })

	w.window.PIDs, w.weak, w.window.Reason = w.processes(f)
	w.window.Remote = w.window.Reason == remote
	w.addInside()
	w.owners = make(map[int][]desktop.WindowID, len(w.windows))
	for _, pid := range w.window.PIDs {
		w.owners[pid] = append(w.owners[pid], f.ID)
	}
	for i := range w.windows[1:] {
		win := &w.windows[1+i]
		pids, _, _ := w.processes(win)
		if len(pids) == 0 && win.Owner > 0 {
			// Remote it may be, but its streams, if any, are not the
			// focused window's.
			pids = []int{win.Owner}
		}
		for _, pid := range pids {
			w.owners[pid] = append(w.owners[pid], win.ID)
		}
	}
	if len(w.window.PIDs) > 0 {
		w.app, _ = w.read(w.window.PIDs[0], proc.Stat)
		if p, ok := w.read(w.app.PID, proc.Status); ok && p.UID != w.in.UID {
			w.window.User = w.user(p.UID)
		}
	}
}

// addInside makes the processes that draw inside the focused window processes
// of it: they have no window of their own elsewhere.
func (w *world) addInside() {
	if w.window.Remote {
		return
	}
	for _, pid := range w.in.Inside {
		if p, ok := w.read(pid, proc.Stat); !ok || pid == w.in.PID || p.Comm == "ssh" || slices.Contains(w.window.PIDs, pid) {
			continue
		}
		w.window.PIDs, w.window.Reason = append(w.window.PIDs, pid), ""
	}
}

// remote is the reason for having no processes that callers know by name.
const remote = "remote window"

// processes returns the processes behind a window: the one the X server knows
// from the client's socket, then the one the window names (_NET_WM_PID) when
// that is a relative of the first. Where the X server knows none, what the
// window says stands alone, and is weak. With no processes the reason says why.
func (w *world) processes(win *desktop.Window) (pids []int, weak bool, reason string) {
	if win.Derived {
		switch pids = w.alive(win.Candidates); {
		case len(pids) > 0:
			return pids, true, ""
		case win.AppID == "":
			return nil, false, "the desktop does not say which process or application the window belongs to"
		}
		return nil, false, "the desktop knows only the window's application, " + win.AppID + ", and no process of it"
	}
	owner, known := win.Owner, false
	if owner == w.in.PID {
		owner = 0
	}
	var p proc.Process
	if owner > 0 {
		p, known = w.read(owner, proc.Stat)
	}
	// A host name that is not ours: another machine's, or a container's. Only
	// a process that has a host name of its own may bear one.
	foreign := win.Machine != "" && !sameHost(win.Machine, w.in.Hostname)
	if foreign {
		container := false
		if known {
			q, ok := w.read(owner, proc.UTS)
			container = ok && !q.SameUTS
		}
		if !container {
			return nil, false, remote
		}
	}
	// A window that came through ssh -X is its client's to the X server,
	// whatever it says of its machine, and nothing when it does not say.
	if known && p.Comm == "ssh" {
		return nil, false, remote
	}
	if known {
		pids = []int{owner}
		if win.PID != owner && w.acceptable(win.PID) && w.kin(win.PID, owner) && !w.ownsOther(win.PID, win) {
			pids = append(pids, win.PID)
		}
		return pids, false, ""
	}
	switch {
	case w.in.Screen.Resource && owner == 0 && (win.Machine == "" || foreign):
		// The X server could say, and does not: the client came over the
		// network, so an absent machine does not mean ours.
		return nil, false, "the display server does not know which process the window belongs to"
	case win.PID == 0:
		return nil, false, "the window does not say which process it belongs to"
	case !w.acceptable(win.PID):
		return nil, false, "the window says that it belongs to process " + itoa(win.PID) + ", which is not running as one of yours"
	}
	return []int{win.PID}, true, ""
}

// alive are those of the processes that are, and are not us.
func (w *world) alive(pids []int) []int {
	var out []int
	for _, pid := range pids {
		if p, ok := w.read(pid, proc.Stat); ok && !p.Zombie && pid != w.in.PID {
			out = append(out, pid)
		}
	}
	return out
}

// acceptable tells whether the pid that a window names may be a window's.
func (w *world) acceptable(pid int) bool {
	if pid == w.in.PID {
		return false
	}
	p, ok := w.read(pid, proc.Status)
	return ok && w.ours(p) && !w.isBarrier(p)
}

// kin tells whether one process is an ancestor of the other, with no barrier
// in between.
func (w *world) kin(a, b int) bool { return w.descends(a, b) || w.descends(b, a) }

// descends tells whether the first process is a descendant of the second.
func (w *world) descends(pid, of int) bool {
	for p := range w.ancestors(pid) {
		if w.isBarrier(p) {
			return false
		}
		if p.PID == of {
			return true
		}
	}
	return false
}

// ownsOther tells whether the X server says that the process owns another
// window: then a window that names it is that of a child or a parent which has
// its own.
func (w *world) ownsOther(pid int, not *desktop.Window) bool {
	for i := range w.windows {
		if w.windows[i].Owner == pid && w.windows[i].ID != not.ID {
			return true
		}
	}
	return false
}

// sameHost compares host names by their first label, in any case.
func sameHost(a, b string) bool {
	short := func(s string) string {
		s, _, _ = strings.Cut(s, ".")
		return s
	}
	return short(b) != "" && strings.EqualFold(short(a), short(b))
}

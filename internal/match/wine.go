package match

import (
	"slices"
	"strings"

	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/internal/proc"
)

// winePrefix is the prefix of a process of Wine, "" for any other process. The
// processes of a prefix are one machine to each other; they start one another,
// and their parents are no guide: Wine has init adopt them. Two sandboxes have
// two, whatever they call them.
func (w *world) winePrefix(pid int) string {
	p, ok := w.read(pid, proc.Link)
	if !ok || !strings.HasPrefix(base(p.Exe), "wine") {
		return ""
	}
	p, _ = w.read(pid, proc.Environ|proc.Sandbox|proc.Label)
	if in := p.FlatpakInstance + p.Snap; in != "" && p.WinePrefix != "" {
		return p.WinePrefix + " in the sandbox " + in
	}
	return p.WinePrefix
}

// ofPrefix returns the windows of a prefix, sorted, the focused one left out.
func (w *world) ofPrefix(prefix string) []desktop.WindowID {
	var ids []desktop.WindowID
	for i := range w.windows {
		id := w.windows[i].ID
		if id != w.focus.ID && slices.ContainsFunc(w.pidsOf(id), func(pid int) bool {
			return !w.isWindows(pid) && w.winePrefix(pid) == prefix
		}) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, desktop.WindowID.Compare)
	return ids
}

// settleWine looks past an owner outside the subject's Wine prefix, the terminal
// that started it, say, where the prefix has windows of its own.
func (w *world) settleWine(a *asked) {
	if a.owner == a.pid {
		return
	}
	prefix := w.winePrefix(a.pid)
	if prefix == "" || w.winePrefix(a.owner) == prefix {
		return
	}
	if w.winePrefix(w.app.PID) == prefix {
		a.owner = 0
		return
	}
	if others := w.ofPrefix(prefix); len(others) > 0 {
		a.owner = 0
		a.foreign = "its process " + w.name(a.pid) + " is of the Wine prefix of another window, " + w.windowName(others[0])
	}
}

// byWine takes a stream of a prefix in which the window's process is the only
// one with a window: the child of a launcher, a program on Wine's own desktop.
func (w *world) byWine(a *asked) (Confidence, string) {
	prefix := w.winePrefix(w.app.PID)
	switch {
	case prefix == "":
		return None, "the window is not of Wine"
	case a.pid == 0:
		return None, a.unknown
	case a.foreign != "":
		return None, a.foreign
	case a.owner != 0:
		return None, "the window's own process started it, and the rule for that refused it"
	}
	switch of := w.winePrefix(a.pid); {
	case of == "":
		return None, "its process " + w.name(a.pid) + " is not of Wine"
	case of != prefix:
		return None, "its process " + w.name(a.pid) + " is of another Wine prefix, " + of
	}
	if others := w.ofPrefix(prefix); len(others) > 0 {
		return None, "the Wine prefix " + prefix + " also shows another window, " + w.windowName(others[0])
	}
	if why := w.steamElsewhere(a); why != "" {
		return None, why
	}
	return Medium, ""
}

package match

import (
	"slices"

	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/internal/proc"
)

// TerminalProcesses is what a Processes may also be: one that knows which
// terminals a process holds open, and looks through all processes. Without it
// nothing is matched through tmux and screen.
type TerminalProcesses interface {
	Terminals(pid int) (ttys []int, ok bool)
	Where(fits func(proc.Process) bool) []proc.Process
}

// maxNested is how deep tmux in screen in tmux is followed.
const maxNested = 3

// shown says which windows show a terminal multiplexer's server.
type shown struct {
	server  int  // 0: the subject runs in none
	hidden  bool // we may not look which terminals it has open
	clients int
	// here is how many of the clients are in the focused window for certain,
	// doubt why one may be.
	here  int
	doubt string
	// other is a window that shows it and has not the focus; "" for none.
	other desktop.WindowID
	// sessions is whether it has several, of which a client shows one.
	sessions bool
}

// multiplexer returns the tmux or screen server that a process runs in: the one
// its ancestors lead to, else the one its environment names; 0 for none.
func (w *world) multiplexer(c climb, pid int) int {
	if w.isMultiplexer(c.barrier) {
		return c.barrier
	}
	// What was left behind by its shell still has its terminal, mostly.
	if p, ok := w.read(pid, proc.Stat); !ok || p.TTY == 0 || c.owner != 0 {
		return 0
	}
	if p, ok := w.read(pid, proc.Environ); ok && w.isMultiplexer(p.Multiplexer) {
		return p.Multiplexer
	}
	return 0
}

// isMultiplexer tells whether the process is a server that Terminals knows the
// clients of.
func (w *world) isMultiplexer(pid int) bool {
	p, ok := w.read(pid, proc.Stat)
	if !ok {
		return false
	}
	switch p.Comm {
	case "tmux: server", "screen", "SCREEN":
		return true
	}
	return false
}

// shows finds the clients of the server that a process runs in, and the windows
// they are in.
func (w *world) shows(c climb, pid, depth int) shown {
	procs, ok := w.in.Procs.(TerminalProcesses)
	s := shown{server: w.multiplexer(c, pid)}
	if !ok || s.server == 0 {
		return shown{}
	}
	ttys, ok := procs.Terminals(s.server)
	if !ok {
		s.hidden = true
		return s
	}
	if len(ttys) == 0 {
		return s
	}
	clients := procs.Where(func(p proc.Process) bool {
		return p.PID != s.server && p.TTY != 0 && slices.Contains(ttys, p.TTY) && !p.Zombie && (p.Comm == "tmux: client" || p.Comm == "screen")
	})
	for _, client := range clients {
		s.client(w, client.PID, depth)
	}
	s.sessions = w.severalSessions(procs, s.server)
	return s
}

// client adds one client.
func (s *shown) client(w *world, pid, depth int) {
	c := w.climb(pid, anyone)
	if c.owner == 0 && depth < maxNested {
		if outer := w.shows(c, pid, depth+1); outer.server != 0 && outer.clients > 0 {
			s.clients += outer.clients
			s.here += outer.here
			if s.doubt == "" {
				s.doubt = outer.doubt
			}
			if s.other == "" {
				s.other = outer.other
			}
			s.sessions = s.sessions || outer.sessions
			return
		}
	}
	s.clients++
	switch {
	case c.owner == 0: // a console, or another machine
	case !w.isWindows(c.owner):
		s.other = slices.MinFunc(w.owners[c.owner], desktop.WindowID.Compare)
	default:
		other, _ := w.otherTerminal(c.owner, c.way)
		if other != "" {
			s.other = other
			return
		}
		doubt := w.unplaced(&asked{subject: &subject{pid: pid}, climb: c})
		if doubt == "" {
			s.here++
		} else if s.doubt == "" {
			s.doubt = doubt
		}
	}
}

// severalSessions tells whether what runs directly below a tmux server was
// started in more than one of its sessions.
func (w *world) severalSessions(procs TerminalProcesses, server int) bool {
	first := ""
	for _, p := range procs.Where(func(p proc.Process) bool { return p.PPID == server }) {
		q, _ := w.read(p.PID, proc.Environ)
		switch {
		case q.Multiplexer != server || q.MultiplexerSession == "":
		case first == "":
			first = q.MultiplexerSession
		case q.MultiplexerSession != first:
			return true
		}
	}
	return false
}

// byMultiplexer takes what runs in tmux or screen, where the focused window
// shows that and nothing else does.
func (w *world) byMultiplexer(a *asked) (Confidence, string) {
	s := a.shown
	in := "it runs in " + w.name(s.server) + ", which "
	switch {
	case a.pid == 0:
		return None, a.unknown
	case s.server == 0:
		return None, "it does not run in tmux or screen"
	case s.hidden:
		return None, in + "does not let us see which terminals show it"
	case s.clients == 0:
		return None, in + "no terminal shows"
	case s.here == 0 && s.doubt == "" && s.other != "":
		return None, in + "is shown in another window, " + w.windowName(s.other)
	case s.here == 0 && s.doubt == "":
		return None, in + "no window shows"
	case s.clients > 1 && s.here < s.clients && s.other != "":
		return Low, in + itoa(s.clients) + " terminals show, also that of " + w.windowName(s.other)
	case s.clients > 1 && s.here < s.clients:
		return Low, in + itoa(s.clients) + " terminals show, not only this window's"
	case s.here == 0:
		return Low, s.doubt
	case s.sessions:
		return Low, in + "has several sessions, and nothing says which of them this window shows"
	}
	if why := w.steamElsewhere(a); why != "" {
		return None, why
	}
	return Medium, ""
}

// settleShown makes what another window shows that window's.
func (w *world) settleShown(a *asked) {
	if a.owner != 0 || a.pid == 0 {
		return
	}
	a.shown = w.shows(a.climb, a.pid, 1)
	if s := a.shown; s.here == 0 && s.doubt == "" && s.other != "" {
		a.foreign = "it runs in " + w.name(s.server) + ", which is shown in another window, " + w.windowName(s.other)
	}
}

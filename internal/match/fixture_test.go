package match

import (
	"maps"
	"slices"
	"strconv"
	"testing"

	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/internal/proc"
	"github.com/patoggle/patoggle/pulse"
)

// fixture is a world written down: processes, windows, streams.
type procT = proc.Process

// xid is the number of a window of X11.
type xid = uint32

type fixture struct {
	procs   procs
	screen  *desktop.Screen
	sound   pulse.Snapshot
	host    string
	whole   bool // hide Read: everything is read at once
	clients pulse.ClientIndex
}

const (
	uid     = 1000
	ourPID  = 9999
	wmPID   = 600
	userPID = 500 // systemd --user
)

// procs are processes by pid. As a PartialProcesses it gives out only the
// fields that were asked for, so that a rule that forgets to ask fails.
type procs map[int]proc.Process

func (m procs) Process(pid int) (proc.Process, bool) { p, ok := m[pid]; return p, ok }

func (m procs) Inner(pid int) []proc.Process {
	var out []proc.Process
	for _, n := range slices.Sorted(maps.Keys(m)) {
		p := m[n]
		if p.UID == uid && len(p.NSPid) > 1 && p.NSPid[len(p.NSPid)-1] == pid {
			out = append(out, p)
		}
	}
	return out
}

func (m procs) Read(pid int, want proc.Fields) (proc.Process, bool) {
	p, ok := m[pid]
	if !ok {
		return p, false
	}
	q := proc.Process{PID: p.PID, PPID: p.PPID, Start: p.Start, Comm: p.Comm, TTY: p.TTY, Zombie: p.Zombie, Kernel: p.Kernel, SameUTS: true, SamePID: true}
	if want&proc.Status != 0 {
		q.UID, q.NSPid, q.SamePID = p.UID, p.NSPid, p.SamePID
	}
	if want&proc.Cgroup != 0 {
		q.Unit = p.Unit
	}
	if want&proc.Link != 0 {
		q.Exe = p.Exe
	}
	if want&proc.Cmdline != 0 {
		q.Argv0 = p.Argv0
	}
	if want&proc.Environ != 0 {
		q.SteamAppID, q.WindowID, q.Multiplexer, q.MultiplexerSession, q.WinePrefix = p.SteamAppID, p.WindowID, p.Multiplexer, p.MultiplexerSession, p.WinePrefix
	}
	if want&proc.Sandbox != 0 {
		q.Flatpak, q.FlatpakInstance = p.Flatpak, p.FlatpakInstance
	}
	if want&proc.Label != 0 {
		q.Snap = p.Snap
	}
	if want&proc.UTS != 0 {
		q.SameUTS = p.SameUTS
	}
	return q, true
}

// open are the terminals that each process holds open, by its pid; nil when it
// does not let us look.
var open = map[int][]int{}

func (m procs) Terminals(pid int) ([]int, bool) { ttys, ok := open[pid]; return ttys, ok }

func (m procs) Where(fits func(proc.Process) bool) []proc.Process {
	var out []proc.Process
	for _, n := range slices.Sorted(maps.Keys(m)) {
		if p, _ := m.Read(n, proc.Stat); fits(p) {
			out = append(out, p)
		}
	}
	return out
}

// held are the connections of each process to the sound server, by its pid; a
// process that is not in it does not let us look.
var held = map[int]int{}

func (m procs) Connections(pid int, socket string) (int, bool) {
	n, ok := held[pid]
	return n, ok && socket == theSocket
}

const theSocket = "/run/user/1000/pulse/native"

// wholeProcs is procs without Read.
type wholeProcs struct{ m procs }

func (w wholeProcs) Process(pid int) (proc.Process, bool)              { return w.m.Process(pid) }
func (w wholeProcs) Terminals(pid int) ([]int, bool)                   { return w.m.Terminals(pid) }
func (w wholeProcs) Where(fits func(proc.Process) bool) []proc.Process { return w.m.Where(fits) }
func (w wholeProcs) Connections(pid int, s string) (int, bool)         { return w.m.Connections(pid, s) }
func (w wholeProcs) Inner(pid int) []proc.Process                      { return w.m.Inner(pid) }

// newFixture is a desktop on which nothing runs yet: pid 1, systemd --user and
// the window manager, on PulseAudio with X-Resource.
func newFixture() *fixture {
	f := &fixture{procs: procs{}, host: "desk", screen: &desktop.Screen{Desktop: "X11", Complete: true, WindowManager: wmPID, Resource: true}}
	f.sound.Server = pulse.Server{Name: "pulseaudio", Version: "16.1"}
	f.sound.Self, f.sound.Socket = 1000, theSocket
	f.run(1, 0, "/usr/lib/systemd/systemd", with(func(p *proc.Process) { p.UID = 0 }))
	f.run(userPID, 1, "/usr/lib/systemd/systemd")
	f.run(wmPID, userPID, "/usr/bin/openbox")
	return f
}

func with(change func(*proc.Process)) func(*proc.Process) { return change }

// run adds a process of ours. It started at the time of its pid.
func (f *fixture) run(pid, parent int, exe string, changes ...func(*proc.Process)) {
	name := base(exe)
	p := proc.Process{PID: pid, PPID: parent, Start: uint64(pid), Comm: name[:min(len(name), 15)], Exe: exe, Argv0: name,
		UID: uid, NSPid: []int{pid}, SameUTS: true, SamePID: true}
	for _, c := range changes {
		c(&p)
	}
	f.procs[pid] = p
}

// inside puts a process into a pid namespace of its own, where it is called n.
func inside(n int) func(*proc.Process) {
	return func(p *proc.Process) { p.NSPid, p.SamePID = []int{p.PID, n}, false }
}

// flatpak makes a process one of a Flatpak instance.
func flatpak(app, instance string) func(*proc.Process) {
	return func(p *proc.Process) { p.Flatpak, p.FlatpakInstance = app, instance }
}

func unit(u string) func(*proc.Process)      { return func(p *proc.Process) { p.Unit = u } }
func steam(n int) func(*proc.Process)        { return func(p *proc.Process) { p.SteamAppID = n } }
func snap(s string) func(*proc.Process)      { return func(p *proc.Process) { p.Snap = s } }
func terminal(id uint32) func(*proc.Process) { return func(p *proc.Process) { p.WindowID = id } }
func tty(n int) func(*proc.Process)          { return func(p *proc.Process) { p.TTY = n } }
func comm(s string) func(*proc.Process)      { return func(p *proc.Process) { p.Comm = s } }

// window adds a normal window of the process, which also names it.
func (f *fixture) window(id xid, pid int, class string, changes ...func(*desktop.Window)) {
	w := desktop.Window{ID: desktop.XWindow(id), XID: id, Class: class, Instance: class, PID: pid, Owner: pid}
	for _, c := range changes {
		c(&w)
	}
	f.screen.Windows = append(f.screen.Windows, w)
}

// focus gives the focus to a window.
func (f *fixture) focus(id xid) *fixture {
	f.screen.Focused, f.screen.Active = desktop.Window{}, desktop.XWindow(id)
	for _, w := range f.screen.Windows {
		if w.XID == id {
			f.screen.Focused = w
		}
	}
	return f
}

// stream adds a stream of a client of its own: key, value, key, value.
func (f *fixture) stream(index pulse.StreamIndex, props ...string) *pulse.Stream {
	f.clients++
	c := &pulse.Client{Index: f.clients + 2000, Properties: map[string]string{}}
	for i := 0; i+1 < len(props); i += 2 {
		c.Properties[props[i]] = props[i+1]
	}
	c.Name = c.Properties["application.name"]
	f.sound.Clients = append(f.sound.Clients, c)
	f.sound.Streams = append(f.sound.Streams, pulse.Stream{Index: index, Client: c, Properties: map[string]string{}})
	return &f.sound.Streams[len(f.sound.Streams)-1]
}

// plays adds a stream of a Pulse client that says pid and program.
func (f *fixture) plays(index pulse.StreamIndex, pid int, binary string, props ...string) *pulse.Stream {
	return f.stream(index, append([]string{"application.name", binary, "application.process.id", strconv.Itoa(pid),
		"application.process.binary", binary, "native-protocol.peer", "UNIX socket client"}, props...)...)
}

func (f *fixture) input() Input {
	onlyProperties(&f.sound)
	in := Input{Screen: f.screen, Snapshot: &f.sound, Procs: f.procs, PID: ourPID, UID: uid, Hostname: f.host}
	if f.whole {
		in.Procs = wholeProcs{f.procs}
	}
	return in
}

// onlyProperties leaves those that Properties names, so that no test depends on
// another.
func onlyProperties(s *pulse.Snapshot) {
	keep := Properties()
	drop := func(k, _ string) bool { return !slices.Contains(keep, k) }
	for i := range s.Streams {
		maps.DeleteFunc(s.Streams[i].Properties, drop)
		if c := s.Streams[i].Client; c != nil {
			maps.DeleteFunc(c.Properties, drop)
		}
	}
}

// match runs Match with processes that are read whole and with ones that are
// read in parts, which must come to the same, and returns the stream's result.
func (f *fixture) match(t *testing.T) Result {
	t.Helper()
	f.whole = true
	whole := Match(f.input())
	f.whole = false
	part := Match(f.input())
	if !equal(whole, part) {
		t.Errorf("read whole: %+v\nread in parts: %+v", whole, part)
	}
	return part
}

// said tells whether a rule's reason is among those tried.
func said(s Stream, r Rule) string {
	for _, t := range s.Tried {
		if t.Rule == r {
			return t.WhyNot
		}
	}
	return ""
}

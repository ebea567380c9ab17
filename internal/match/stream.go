package match

import (
	"strconv"
	"strings"

	"github.com/patoggle/patoggle/internal/proc"
	"github.com/patoggle/patoggle/pulse"
)

// The properties we read: PulseAudio's proplist.h and PipeWire's keys.h.
const (
	propApplication = "application.name"
	propID          = "application.id"
	propBinary      = "application.process.binary"
	propPID         = "application.process.id"
	propAPI         = "client.api"                         // PipeWire: "pipewire-pulse" for a Pulse client
	propSecPID      = "pipewire.sec.pid"                   // PipeWire: pid from the socket
	propPeer        = "native-protocol.peer"               // PulseAudio: "UNIX socket client", "TCP/IP client from …"
	propType        = "pulse.server.type"                  // pipewire-pulse: "unix", "tcp"
	propAppID       = "pipewire.access.portal.app_id"      // PipeWire: the Flatpak application's id
	propInstance    = "pipewire.access.portal.instance_id" // PipeWire from 1.5.81 on: its instance's
	propRole        = "media.role"                         // "event"; PipeWire's own word is "Notification"
	propMonitor     = "stream.monitor"                     // PipeWire: "true" for what listens to a sink
	propModule      = "pulse.module.id"                    // pipewire-pulse: of a module loaded through it
	propPeaks       = "resample.peaks"                     // pipewire-pulse: "true" for PA_STREAM_PEAK_DETECT
	propLinkGroup   = "node.link-group"                    // PipeWire: one side of a loopback, filter or combined sink
)

// Properties are the keys of all properties that Match and Application read of
// streams and clients, for who reads no more than that (pulse.Options).
func Properties() []string {
	return []string{
		propApplication, propID, propBinary, propPID, propAPI, propSecPID, propPeer, propType, propAppID, propInstance,
		propRole, propMonitor, propModule, propLinkGroup, propPeaks, pulse.PropTeacher,
	}
}

// subject is a stream and what is known of the process that plays it.
type subject struct {
	stream *pulse.Stream
	pid    int
	trust  Trust
	// candidates are the processes that fit when trust is Ambiguous.
	candidates []proc.Process
	// named are those of the candidates that are of the instance which the server
	// names; nothing proves that it is theirs. Nil when it names none.
	named []proc.Process
	// unknown says why pid is 0.
	unknown string
	// flatpak and instance are the ids of the Flatpak application and of its
	// instance from the server, "" when it has none: see sandboxed.
	flatpak, instance string
	// own and never: the stream is no application's, and why.
	own   bool
	never string
}

// sureness is the confidence of a match by the process itself.
func (s *subject) sureness() Confidence {
	if s.trust == Translated {
		return High
	}
	return Certain
}

// resolve finds the process that plays the stream.
func (w *world) resolve(st *pulse.Stream) subject {
	s := subject{stream: st}
	c := st.Client
	switch {
	case c == nil || st.Properties[propModule] != "" || st.Properties[propLinkGroup] != "":
		s.own, s.never = true, "it belongs to a module of the sound server, not to an application"
		return s
	case c.Index == w.in.Snapshot.Self || st.Properties[pulse.PropTeacher] == "true":
		s.own, s.never = true, "it is patoggle's own"
		return s
	case st.Meter || st.Properties[propPeaks] == "true":
		s.own, s.never = true, "it is a level meter"
		return s
	case w.listens(st):
		s.own, s.never = true, "it records what a sink plays, not what a microphone hears"
		return s
	case st.Properties[propMonitor] == "true":
		s.own, s.never = true, "it listens to a sink instead of playing"
		return s
	}
	// The server sets these on the client. On the stream they would be what
	// the client made up.
	if strings.HasPrefix(c.Properties[propPeer], "TCP") || c.Properties[propType] == "tcp" {
		s.trust = Remote
		s.never = "its application speaks to the sound server over the network, so it may run on another machine"
		return s
	}
	w.sandboxed(&s)
	if !w.trusted(&s) {
		w.claimed(&s)
	}
	if s.pid != 0 && s.pid == w.in.PID {
		s.own, s.never = true, "it is patoggle's own"
	}
	return s
}

// sandboxed takes the ids of the Flatpak sandbox that a client of PipeWire is in,
// which PipeWire reads from the /.flatpak-info of who connects: the application's
// in every release, the instance's from 1.5.81 on. Of a client of PipeWire's own
// protocol nobody else can write them. Those of a Pulse client can be overwritten
// by PULSE_PROP, and come with one that is in no sandbox (PipeWire 0.3.65 and
// 1.6.9, and the module-protocol-pulse of today: on_connect writes them, and
// SET_CLIENT_NAME puts the client's own over them). So they may turn a stream away
// that fits otherwise; where they are to tell in favour, vouched asks the kernel.
// On the stream they are made up even with PipeWire's own protocol, and on
// PulseAudio always.
func (w *world) sandboxed(s *subject) {
	if w.in.Snapshot.Server.PipeWire {
		s.flatpak, s.instance = s.stream.Client.Properties[propAppID], s.stream.Client.Properties[propInstance]
	}
}

// isOf says why the process is not of the sandbox that the server names, "" when
// it is, or when no sandbox is named.
func (w *world) isOf(pid int, s *subject) string {
	if s.flatpak == "" && s.instance == "" {
		return ""
	}
	p := w.flatpakOf(pid)
	switch {
	case s.flatpak != "" && p.Flatpak != s.flatpak:
		return "that is not the Flatpak application " + s.flatpak
	case s.instance != "" && p.FlatpakInstance != s.instance:
		return "that is not the Flatpak instance " + s.instance
	}
	return ""
}

// Connections is what a Processes may also be: one that knows who is connected.
type Connections interface {
	// Connections returns how many connections the process holds to the server
	// behind a unix socket, and false when that cannot be known.
	Connections(pid int, socket string) (int, bool)
}

// vouched tells whether the process speaks to the sound server, by the kernel's
// word, at least as often as clients say that they are it. Then each of them is.
// Who forges the instance of another process is one client too many: then nobody
// is believed.
func (w *world) vouched(pid int, s *subject) bool {
	procs, ok := w.in.Procs.(Connections)
	if !ok || w.in.Snapshot.Socket == "" {
		return false
	}
	said := 0
	for _, c := range w.in.Snapshot.Clients {
		if c.Properties[propPID] == s.stream.Property(propPID) && c.Properties[propInstance] == s.instance {
			said++
		}
	}
	held, ok := procs.Connections(pid, w.in.Snapshot.Socket)
	return ok && said > 0 && said <= held
}

// listens tells whether the stream records from the monitor of a sink.
func (w *world) listens(st *pulse.Stream) bool {
	if !w.in.Snapshot.Input {
		return false
	}
	from := w.in.Snapshot.Sink(st.Sink)
	return from != nil && from.Monitor
}

// trusted takes the pid that PipeWire knows from the socket of a client of its
// own protocol. For a client of the Pulse protocol it is pipewire-pulse's own
// pid, and PulseAudio hands on any such property as the client made it up. A
// Pulse client can overwrite client.api and pulse.server.type (PipeWire 0.3.65,
// PULSE_PROP), so the name of the process is looked at as well. A portal opens
// the connection on behalf of a sandbox.
func (w *world) trusted(s *subject) bool {
	c := s.stream.Client
	_, pulseClient := c.Properties[propType]
	if !w.in.Snapshot.Server.PipeWire || pulseClient || c.Properties[propAPI] == "pipewire-pulse" {
		return false
	}
	pid := parsePID(c.Properties[propSecPID])
	if pid == 0 {
		return false
	}
	if p, ok := w.read(pid, proc.Stat); ok {
		switch {
		case p.Comm == "pipewire-pulse", p.Comm == "pipewire", p.Comm == "wireplumber", strings.HasPrefix(p.Comm, "xdg-desktop-por"):
			return false
		}
	}
	s.pid, s.trust = pid, Trusted
	return true
}

// claimed takes the pid the client says of itself: ours when a process of ours
// runs that program, else translated from the pid namespaces inside ours.
func (w *world) claimed(s *subject) {
	text, binary := s.stream.Property(propPID), s.stream.Property(propBinary)
	claim := parsePID(text)
	if claim == 0 {
		s.unknown = "it does not say which process plays it"
		if text != "" {
			s.unknown = "it says that process " + strconv.Quote(text) + " plays it, which is no process id"
		}
		return
	}
	why, outside := "", false
	foreign := w.isOf(claim, s)
	switch p, ok := w.read(claim, proc.Status); {
	case !ok || p.Zombie:
		why = "which is not running"
	case !p.Kernel && p.UID != w.in.UID:
		why = "which belongs to " + w.user(p.UID)
	case !w.ours(p):
		why = "which is not one of yours"
	case binary == "":
		why = "but not which program, so this cannot be checked"
	case !w.runs(p, binary):
		why = "but that runs " + strconv.Quote(p.Comm) + " and not " + strconv.Quote(base(binary))
	case foreign != "":
		why = "but " + foreign
		outside = true
	default:
		s.pid, s.trust = claim, Verified
		return
	}
	said := "it says that process " + itoa(claim) + " plays it"
	s.unknown = said + ", " + why
	if binary == "" || w.in.Procs == nil {
		return
	}
	for _, p := range w.in.Procs.Inner(claim) {
		if !p.Zombie && p.UID == w.in.UID && w.runs(p, binary) && (s.flatpak == "" || w.flatpakOf(p.PID).Flatpak == s.flatpak) {
			s.candidates = append(s.candidates, p)
		}
	}
	doubt := w.byInstanceID(s)
	if doubt != "" && len(s.candidates) == 0 {
		s.unknown = said + doubt
	}
	switch len(s.candidates) {
	case 0:
		if outside {
			// It runs, and not in a sandbox: the id is made up.
			s.flatpak, s.instance = "", ""
		}
	case 1:
		s.pid, s.trust = s.candidates[0].PID, Translated
		s.candidates, s.unknown = nil, ""
	default:
		s.trust = Ambiguous
		names := make([]string, len(s.candidates))
		for i, p := range s.candidates {
			names[i] = w.name(p.PID)
		}
		s.unknown = said + " inside a sandbox, which could be " + join(names, " or ") + doubt
	}
}

// byInstanceID leaves of the candidates the one that is of the instance which
// the server names, when the kernel vouches for it, and none when all are of
// others. It says why it does not.
func (w *world) byInstanceID(s *subject) string {
	if s.instance == "" || len(s.candidates) == 0 {
		return ""
	}
	var of []proc.Process
	for _, p := range s.candidates {
		if w.flatpakOf(p.PID).FlatpakInstance == s.instance {
			of = append(of, p)
		}
	}
	switch {
	case len(of) == 0:
		s.candidates = nil
		return ", and it is of the Flatpak instance " + s.instance + ", in which no such process runs"
	case len(of) < len(s.candidates) && len(of) == 1 && w.vouched(of[0].PID, s):
		s.candidates = of
	case len(of) < len(s.candidates):
		s.named = of
		return "; it names the Flatpak instance " + s.instance + ", as any program can, and nothing shows that only that one does"
	}
	return ""
}

// parsePID reads a process id that somebody else wrote; 0 when it is none.
func parsePID(s string) int {
	n, err := strconv.ParseUint(s, 10, 23)
	if err != nil || n > 1<<22 {
		return 0
	}
	return int(n)
}

// runs tells whether the process runs the program a client named, by the last
// part of the path: of the running file, of the kernel's name for the process
// (cut at 15 bytes), or of the name it was started by.
func (w *world) runs(p proc.Process, binary string) bool {
	const cut = 15
	want := strings.TrimSuffix(base(binary), " (deleted)")
	if want == "" {
		return false
	}
	if p.Comm == want || len(p.Comm) == cut && strings.HasPrefix(want, p.Comm) {
		return true
	}
	p, ok := w.read(p.PID, proc.Link|proc.Cmdline)
	return ok && (base(p.Exe) == want || base(p.Argv0) == want)
}

// flatpakOf reads the Flatpak sandbox that the process is in.
func (w *world) flatpakOf(pid int) proc.Process {
	p, _ := w.read(pid, proc.Sandbox)
	return p
}

// isEvent tells whether the stream is an event sound.
func (w *world) isEvent(i pulse.StreamIndex) bool {
	st := w.in.Snapshot.Stream(i)
	if st == nil {
		return false
	}
	role := st.Properties[propRole]
	return strings.EqualFold(role, "event") || strings.EqualFold(role, "notification")
}

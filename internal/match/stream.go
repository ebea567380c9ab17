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
	propAPI         = "client.api"                    // PipeWire: "pipewire-pulse" for a Pulse client
	propSecPID      = "pipewire.sec.pid"              // PipeWire: pid from the socket
	propPeer        = "native-protocol.peer"          // PulseAudio: "UNIX socket client", "TCP/IP client from …"
	propType        = "pulse.server.type"             // pipewire-pulse: "unix", "tcp"
	propAppID       = "pipewire.access.portal.app_id" // PipeWire: the Flatpak application's id
	propRole        = "media.role"                    // "event"; PipeWire's own word is "Notification"
	propMonitor     = "stream.monitor"                // PipeWire: "true" for what listens to a sink
	propModule      = "pulse.module.id"               // pipewire-pulse: of a module loaded through it
	propPeaks       = "resample.peaks"                // pipewire-pulse: "true" for PA_STREAM_PEAK_DETECT
	propLinkGroup   = "node.link-group"               // PipeWire: one side of a loopback, filter or combined sink
)

// Properties are the keys of all properties that Match and Application read of
// streams and clients, for who reads no more than that (pulse.Options).
func Properties() []string {
	return []string{
		propApplication, propID, propBinary, propPID, propAPI, propSecPID, propPeer, propType, propAppID,
		propRole, propMonitor, propModule, propLinkGroup, propPeaks,
	}
}

// subject is a stream and what is known of the process that plays it.
type subject struct {
	stream *pulse.Stream
	pid    int
	trust  Trust
	// candidates are the processes that fit when trust is Ambiguous.
	candidates []proc.Process
	// unknown says why pid is 0.
	unknown string
	// flatpak is the application's id from the server, "" when it has none.
	flatpak string
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
	case c.Index == w.in.Snapshot.Self:
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
	s.flatpak = c.Properties[propAppID]
	if !w.trusted(&s) {
		w.claimed(&s)
	}
	if s.pid != 0 && s.pid == w.in.PID {
		s.own, s.never = true, "it is patoggle's own"
	}
	return s
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
	why := ""
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
	case s.flatpak != "" && !w.flatpakIs(claim, s.flatpak):
		why = "but that is not the Flatpak application " + s.flatpak
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
		if p.Zombie || p.UID != w.in.UID || !w.runs(p, binary) || s.flatpak != "" && !w.flatpakIs(p.PID, s.flatpak) {
			continue
		}
		s.candidates = append(s.candidates, p)
	}
	switch len(s.candidates) {
	case 0:
	case 1:
		s.pid, s.trust = s.candidates[0].PID, Translated
		s.candidates, s.unknown = nil, ""
	default:
		s.trust = Ambiguous
		names := make([]string, len(s.candidates))
		for i, p := range s.candidates {
			names[i] = w.name(p.PID)
		}
		s.unknown = said + " inside a sandbox, which could be " + join(names, " or ")
	}
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

// flatpakIs tells whether the process belongs to the Flatpak application.
func (w *world) flatpakIs(pid int, id string) bool {
	p, ok := w.read(pid, proc.Sandbox)
	return ok && p.Flatpak == id
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

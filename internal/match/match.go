// Package match decides which streams belong to the focused window, by which
// rule and how surely. It is pure: plain values come in and plain values go
// out, and what it asks of processes it asks through Processes.
//
// A window is turned into the processes behind it (window.go), a stream into
// the process that plays it (stream.go), and then the first rule of the ladder
// that hits decides (ladder.go). Nothing is guessed in silence: a stream that
// could be of two processes is ambiguous, and every stream carries the whole
// ladder with the reason why each rule did not take it.
//
// All strings that came from outside (names of windows, streams and
// processes) are raw here. Who prints them escapes them.
package match

import (
	"slices"

	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/internal/proc"
	"github.com/patoggle/patoggle/pulse"
)

// Processes answers questions about processes; a *proc.Reader does. Answers
// must not change during one call of Match.
type Processes interface {
	// Process returns the process; false when there is none of that id.
	Process(pid int) (proc.Process, bool)
	// Inner returns our processes that live in a pid namespace inside ours
	// and are called pid there.
	Inner(pid int) []proc.Process
}

// PartialProcesses is what a Processes may also be: one that reads only the
// fields asked for, and remembers them. It is used when it is there, because a
// key press waits.
type PartialProcesses interface {
	Read(pid int, want proc.Fields) (proc.Process, bool)
}

// Input is the world at one moment.
type Input struct {
	// Screen is nil when no window is asked about; then no stream matches,
	// but each still gets its process.
	Screen *desktop.Screen
	// Inside are the processes of other clients that draw inside the focused
	// window, for who has looked (desktop.Conn.Inside).
	Inside   []int
	Snapshot *pulse.Snapshot
	// Procs may be nil: then no process is known.
	Procs Processes
	// PID and UID are our own.
	PID, UID int
	// Hostname is our own; with "" every window that names its machine counts
	// as remote, as nothing says that it is not.
	Hostname string
	// User gives the name of a user, "" when that is not known; nil knows none.
	User func(uid int) string
}

// Rule names what took a stream, or what did not.
type Rule string

// The rules of the ladder in their order.
const (
	// RulePID: the stream's process is the window's.
	RulePID Rule = "pid"
	// RuleInstance: both are of one instance of a Flatpak application.
	RuleInstance Rule = "flatpak-instance"
	// RuleDescendant: the nearest ancestor of the stream's process that owns
	// a window is the window's process.
	RuleDescendant Rule = "descendant"
	// RuleMultiplexer: the stream's process runs in tmux or screen, and only
	// this window shows that.
	RuleMultiplexer Rule = "multiplexer"
	// RuleSandbox: both are of one Flatpak or Snap application, of which no
	// other instance owns a window.
	RuleSandbox Rule = "sandbox-app"
	// RuleSteam: both are of one Steam application.
	RuleSteam Rule = "steam-app"
	// RuleWine: both are of one Wine prefix, in which nothing else has a window.
	RuleWine Rule = "wine-prefix"
	// RuleAppID: both have one application id, no other window has it, and the
	// desktop knows no process of the window.
	RuleAppID Rule = "app-id"
	// RuleUnit: both are in one systemd unit that holds only this application.
	RuleUnit Rule = "app-unit"
	// RuleParent: the stream's process started the window's.
	RuleParent Rule = "parent"
	// RuleName: a name is equal on both sides, and on no other.
	RuleName Rule = "name"
)

// What is said in Tried where a stream never reached the ladder.
const (
	// RuleWindow: there is no window whose streams could be looked for.
	RuleWindow Rule = "window"
	// RuleStream: the stream cannot be any window's.
	RuleStream Rule = "stream"
)

// Confidence says how sure a rule is. The zero value is None, and more is
// greater.
type Confidence int

// The confidences in their order.
const (
	None Confidence = iota
	Low
	Medium
	High
	Certain
)

// String returns "none", "low", "medium", "high" or "certain".
func (c Confidence) String() string {
	switch c {
	case Low:
		return "low"
	case Medium:
		return "medium"
	case High:
		return "high"
	case Certain:
		return "certain"
	}
	return "none"
}

// Acts tells whether a stream matched this surely may be moved: medium and
// better always, low only when the user lets us guess.
func (c Confidence) Acts(guess bool) bool {
	return c >= Medium || guess && c == Low
}

// Trust says how well a stream's process is known. The zero value is Unknown.
type Trust int

const (
	// Unknown: no process could be found.
	Unknown Trust = iota
	// Remote: the client runs on another machine, or speaks to the server
	// over the network, which comes to the same.
	Remote
	// Ambiguous: several processes fit what the client says of itself.
	Ambiguous
	// Translated: the client named a pid of its own namespace, and exactly
	// one process of ours is called that in a namespace inside ours.
	Translated
	// Verified: the process the client named is ours and runs the program
	// that the client says it runs.
	Verified
	// Trusted: the server knows the pid from the client's socket.
	Trusted
)

// String returns the lower-case word: "unknown", "remote", "ambiguous",
// "translated", "verified" or "trusted".
func (t Trust) String() string {
	switch t {
	case Remote:
		return "remote"
	case Ambiguous:
		return "ambiguous"
	case Translated:
		return "translated"
	case Verified:
		return "verified"
	case Trusted:
		return "trusted"
	}
	return "unknown"
}

// Result is what came out.
type Result struct {
	Window Window
	// Streams has one entry for each stream of the snapshot, in its order.
	Streams []Stream
}

// Ambiguous tells whether a stream may or may not belong to the window. Then
// nothing may move: see Stream.Ambiguous.
func (r Result) Ambiguous() bool {
	return slices.ContainsFunc(r.Streams, func(s Stream) bool { return s.Ambiguous })
}

// Empty tells whether streams were looked at and none of them has anything to
// do with the window.
func (r Result) Empty() bool {
	return slices.ContainsFunc(r.Streams, func(s Stream) bool { return !s.Own }) &&
		!slices.ContainsFunc(r.Streams, func(s Stream) bool { return s.Matched || s.Ambiguous })
}

// Window is what is known of the processes behind the focused window.
type Window struct {
	// PIDs are the processes; empty when none is known.
	PIDs []int
	// User is who runs it, for a sentence, where that is not ourselves; else "".
	User string
	// Remote is true for a window of another machine.
	Remote bool
	// Reason says why PIDs is empty, "" when it is not: "remote window".
	Reason string
}

// Stream is what is known of one stream.
type Stream struct {
	Index pulse.StreamIndex
	// Called is what its application is called: as Application says, but never
	// by the name of the stream, and by the window that has it where it names
	// only an interpreter; "" when nothing names it.
	Called string
	// PID is the process that plays it; 0 when not known.
	PID   int
	Trust Trust
	// Candidates are the processes that fit, when Trust is Ambiguous.
	Candidates []proc.Process
	// Ambiguous is true when some, but not all, of the candidates belong to
	// the window. When all of them do, the stream is matched.
	Ambiguous bool
	// Own is true for a stream that may never move with an application: of a
	// module of the server, of a monitor, or our own.
	Own bool
	// Matched is true when the stream belongs to the window by Rule.
	Matched    bool
	Rule       Rule
	Confidence Confidence
	// Doubt says why a stream that was matched may be another window's all the
	// same; "" when there is no more doubt than Confidence says.
	Doubt string
	// Tried are the rules that did not take it, in order: for a matched
	// stream those before Rule.
	Tried []Tried
}

// Tried is one rule that did not take a stream, and why not, in words a user
// understands.
type Tried struct {
	Rule   Rule
	WhyNot string
}

// Match finds the streams of the focused window.
func Match(in Input) Result {
	w := newWorld(in)
	w.findWindow()
	return Result{Window: w.window, Streams: w.decide(w.ladder)}
}

// Descendants finds the streams of one process and of every process it
// started, for a caller who names a process instead of a window. Who owns a
// window does not count then, and neither do barriers: the caller chose.
func Descendants(in Input, pid int) Result {
	in.Screen = nil
	w := newWorld(in)
	if p, ok := w.read(pid, proc.Status); !ok || p.Zombie {
		w.window.Reason = "there is no process " + itoa(pid)
	} else {
		w.window.PIDs = []int{pid}
	}
	return Result{Window: w.window, Streams: w.decide(w.below)}
}

// verdict is what the rules say of one subject.
type verdict struct {
	rule       Rule
	confidence Confidence
	doubt      string
	inTerminal bool
	tried      []Tried
}

// decide finds each stream's process and asks the rules about it.
func (w *world) decide(rules func(*subject) verdict) []Stream {
	if w.in.Snapshot == nil {
		return nil
	}
	streams := w.in.Snapshot.Streams
	w.subjects = make([]subject, len(streams))
	for i := range streams {
		w.subjects[i] = w.resolve(&streams[i])
	}
	out := make([]Stream, len(streams))
	for i := range streams {
		s := &w.subjects[i]
		o := &out[i]
		o.Index, o.PID, o.Trust, o.Candidates, o.Own = streams[i].Index, s.pid, s.trust, s.candidates, s.own
		o.Called = w.called(&streams[i], verdict{})
		switch {
		case s.never != "":
			o.Tried = []Tried{{RuleStream, s.never}}
		case w.closed():
			o.Tried = []Tried{{RuleWindow, w.window.Reason}}
		case len(s.candidates) > 0:
			w.weigh(o, s, rules)
		default:
			w.take(o, s, rules(s))
		}
	}
	w.quietEvents(out)
	return out
}

// take writes a verdict down.
func (w *world) take(o *Stream, s *subject, v verdict) {
	if v.rule != "" && w.focus != nil {
		o.Called = w.called(s.stream, v)
	}
	o.Matched, o.Rule, o.Confidence, o.Doubt, o.Tried = v.rule != "", v.rule, v.confidence, v.doubt, v.tried
}

// weigh asks the rules about each process that an ambiguous stream could be
// of. All of them lead to the window: then it does not matter which it is, and
// the least sure rule is the answer. Some do: ambiguous. A guess settles
// nothing here. Where the server names some of them, and nothing proves it, it is
// none of the others, and ambiguous is the most.
func (w *world) weigh(o *Stream, s *subject, rules func(*subject) verdict) {
	var leads int
	var worst verdict
	whyNot := make(map[Rule][]string)
	var order []Rule
	asked := s.candidates
	if s.named != nil {
		asked = s.named
	}
	for _, c := range asked {
		one := *s
		one.pid, one.trust, one.candidates = c.PID, Translated, nil
		v := rules(&one)
		if v.confidence.Acts(false) {
			if leads++; leads == 1 || v.confidence < worst.confidence {
				worst = v
			}
			continue
		}
		for _, t := range v.tried {
			if whyNot[t.Rule] == nil {
				order = append(order, t.Rule)
			}
			if !slices.Contains(whyNot[t.Rule], t.WhyNot) {
				whyNot[t.Rule] = append(whyNot[t.Rule], t.WhyNot)
			}
		}
	}
	if leads == len(asked) && s.named == nil {
		w.take(o, s, worst)
		return
	}
	o.Ambiguous = leads > 0
	end := "none of them belongs to this window"
	if o.Ambiguous {
		end = "not all of them belong to this window"
	}
	o.Tried = []Tried{{RuleStream, s.unknown + ", and " + end}}
	for _, r := range order {
		o.Tried = append(o.Tried, Tried{r, join(whyNot[r], "; ")})
	}
}

// quiet says why an event sound stays.
const quiet = "it is an event sound, and the application plays something else"

// quietEvents drops the streams of event sounds (a bell, a message's chime)
// when another stream of the application was found: the user means that one.
func (w *world) quietEvents(out []Stream) {
	if !slices.ContainsFunc(out, func(s Stream) bool { return s.Confidence.Acts(false) && !w.isEvent(s.Index) }) {
		return
	}
	for i := range out {
		o := &out[i]
		if o.Matched && w.isEvent(o.Index) {
			o.Tried = append(o.Tried, Tried{o.Rule, quiet})
			o.Matched, o.Rule, o.Confidence, o.Doubt = false, "", None, ""
		}
	}
}

// below is the ladder of Descendants.
func (w *world) below(s *subject) verdict {
	if s.pid == 0 {
		return verdict{tried: []Tried{{RulePID, s.unknown}}}
	}
	of := w.window.PIDs[0]
	if s.pid == of {
		return verdict{rule: RulePID, confidence: s.sureness()}
	}
	v := verdict{tried: []Tried{{RulePID, "its process is " + w.name(s.pid) + ", not " + w.name(of)}}}
	for p := range w.ancestors(s.pid) {
		if p.PID == of {
			v.rule, v.confidence = RuleDescendant, High
			return v
		}
	}
	v.tried = append(v.tried, Tried{RuleDescendant, w.name(of) + " did not start " + w.name(s.pid)})
	return v
}

package match

import (
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/pulse"
)

func equal(a, b Result) bool { return reflect.DeepEqual(a, b) }

// want is what must come out for one stream.
type want struct {
	index      pulse.StreamIndex
	rule       Rule
	confidence Confidence
	pid        int
	trust      Trust
	ambiguous  bool
}

// expect gives the focus to a window and checks the streams named.
func (f *fixture) expect(t *testing.T, focus xid, wants ...want) Result {
	t.Helper()
	r := f.focus(focus).match(t)
	for _, w := range wants {
		found := false
		for _, s := range r.Streams {
			if s.Index != w.index {
				continue
			}
			found = true
			got := want{s.Index, s.Rule, s.Confidence, s.PID, s.Trust, s.Ambiguous}
			if got != w || s.Matched != (w.rule != "") {
				t.Errorf("with window 0x%x in front, stream %d is\n%+v, want\n%+v\nwindow %+v\ntried %q", focus, w.index, got, w, r.Window, s.Tried)
			}
		}
		if !found {
			t.Errorf("no stream %d", w.index)
		}
	}
	return r
}

// whyNot checks that a rule's reason holds some words.
func (r Result) whyNot(t *testing.T, index pulse.StreamIndex, rule Rule, words ...string) {
	t.Helper()
	for _, s := range r.Streams {
		if s.Index != index {
			continue
		}
		reason := said(s, rule)
		for _, w := range words {
			if !strings.Contains(reason, w) {
				t.Errorf("stream %d, rule %s: %q does not say %q", index, rule, reason, w)
			}
		}
		return
	}
	t.Errorf("no stream %d", index)
}

// The tests of this file are the rows of what must come out. The properties
// are what the servers gave for the real programs: PulseAudio 16.1, and
// PipeWire 0.3.65, where the client carries the identity.

func TestMPVAndFirefoxPlayFromTheirOwnProcess(t *testing.T) {
	f := newFixture()
	f.run(4711, userPID, "/usr/bin/mpv")
	f.run(4800, userPID, "/usr/lib/firefox-esr/firefox-esr")
	f.window(0x1c00007, 4711, "mpv")
	f.window(0x1e00007, 4800, "firefox-esr")
	f.plays(3, 4711, "mpv")
	f.plays(4, 4800, "firefox-esr")
	f.expect(t, 0x1c00007, want{3, RulePID, Certain, 4711, Verified, false}, want{4, "", None, 4800, Verified, false})
	f.expect(t, 0x1e00007, want{3, "", None, 4711, Verified, false}, want{4, RulePID, Certain, 4800, Verified, false})
}

// chromium adds a browser as it runs on Debian 12: the main process, its
// zygotes, and the audio service beside them.
func (f *fixture) chromium(main, audio int, window xid, stream pulse.StreamIndex) {
	const exe = "/usr/lib/chromium/chromium"
	f.run(main, userPID, exe)
	f.run(main+1, main, exe) // zygote
	f.run(main+2, main+1, exe)
	f.run(audio, main, exe)
	f.window(window, main, "Chromium", func(w *desktop.Window) { w.Machine, w.Instance = f.host, "chromium (/home/u/profile)" })
	f.plays(stream, audio, "chromium", "application.name", "Chromium", "application.icon_name", "chromium-browser").Media = "Playback"
}

func TestChromiumPlaysFromAChildProcess(t *testing.T) {
	f := newFixture()
	f.chromium(8569, 8709, 0x1400004, 7)
	f.run(4711, userPID, "/usr/bin/mpv")
	f.window(0x1c00007, 4711, "mpv")
	f.plays(8, 4711, "mpv")
	f.expect(t, 0x1400004, want{7, RuleDescendant, High, 8709, Verified, false}, want{8, "", None, 4711, Verified, false})
	r := f.expect(t, 0x1c00007, want{7, "", None, 8709, Verified, false}, want{8, RulePID, Certain, 4711, Verified, false})
	r.whyNot(t, 7, RuleDescendant, "8709 (chromium)", "another window", `"Chromium" 0x1400004`)
}

func TestTwoProfilesOfOneBrowserAreToldApart(t *testing.T) {
	f := newFixture()
	f.chromium(8569, 8709, 0x1400004, 7)
	f.chromium(9100, 9200, 0x1600004, 9)
	f.expect(t, 0x1400004, want{7, RuleDescendant, High, 8709, Verified, false}, want{9, "", None, 9200, Verified, false})
	f.expect(t, 0x1600004, want{7, "", None, 8709, Verified, false}, want{9, RuleDescendant, High, 9200, Verified, false})
}

func TestOlderElectronPlaysFromUnderTheZygote(t *testing.T) {
	f := newFixture()
	const exe = "/opt/Player/player"
	f.run(3000, userPID, exe)
	f.run(3001, 3000, exe)
	f.run(3050, 3001, exe)
	f.window(0x1200001, 3000, "Player")
	f.plays(5, 3050, "player", "application.name", "Electron")
	f.expect(t, 0x1200001, want{5, RuleDescendant, High, 3050, Verified, false})
}

// pipewire turns the world's server into pipewire-pulse.
func (f *fixture) pipewire() {
	f.sound.Server = pulse.Server{Name: "PulseAudio (on PipeWire 0.3.65)", Version: "15.0.0", PipeWire: true}
	f.run(550, userPID, "/usr/bin/pipewire")
	f.run(pulsePID, userPID, "/usr/bin/pipewire", comm("pipewire-pulse"))
}

const pulsePID = 560

// native adds a stream of a native PipeWire client: its stream bears no pid,
// and often no name.
func (f *fixture) native(index pulse.StreamIndex, pid int, binary string, claim int) *pulse.Stream {
	return f.stream(index, "application.name", binary, "application.process.binary", binary,
		"application.process.id", strconv.Itoa(claim), "pipewire.protocol", "protocol-native",
		"pipewire.sec.pid", strconv.Itoa(pid), "pipewire.access", "unrestricted")
}

// pulseClient adds a stream of a Pulse client on pipewire-pulse.
func (f *fixture) pulseClient(index pulse.StreamIndex, pid int, binary string, props ...string) *pulse.Stream {
	return f.stream(index, append([]string{"application.name", binary, "application.process.id", strconv.Itoa(pid),
		"application.process.binary", binary, "pipewire.protocol", "protocol-native", "pipewire.sec.pid", strconv.Itoa(pulsePID),
		"client.api", "pipewire-pulse", "pulse.server.type", "unix", "pipewire.access", "unrestricted"}, props...)...)
}

func TestNativePipeWireClientIsTrusted(t *testing.T) {
	f := newFixture()
	f.pipewire()
	f.run(30315, userPID, "/usr/bin/mpv")
	f.run(30400, userPID, "/usr/bin/spotify")
	f.window(0x400002, 30315, "mpv", func(w *desktop.Window) { w.Instance = "x11" })
	f.window(0x600002, 30400, "Spotify")
	f.native(91, 30315, "mpv", 30315)
	f.native(93, 30400, "spotify", 30400)
	f.expect(t, 0x400002, want{91, RulePID, Certain, 30315, Trusted, false}, want{93, "", None, 30400, Trusted, false})
	f.expect(t, 0x600002, want{91, "", None, 30315, Trusted, false}, want{93, RulePID, Certain, 30400, Trusted, false})
}

func TestPlayerInATerminalBelongsToThatTerminalAlone(t *testing.T) {
	f := newFixture()
	f.run(3018, userPID, "/usr/bin/xterm")
	f.run(3019, userPID, "/usr/bin/xterm")
	f.run(3060, 3018, "/bin/bash", terminal(0x40000c))
	f.run(3071, 3060, "/usr/bin/mpv", terminal(0x40000c))
	f.window(0x40000c, 3018, "XTerm")
	f.window(0x60000c, 3019, "XTerm")
	f.plays(2, 3071, "mpv")
	f.expect(t, 0x40000c, want{2, RuleDescendant, High, 3071, Verified, false})
	r := f.expect(t, 0x60000c, want{2, "", None, 3071, Verified, false})
	r.whyNot(t, 2, RuleDescendant, "3071 (mpv)", "started from another window", `"XTerm" 0x40000c`, "3018 (xterm)")
	if r.Ambiguous() {
		t.Error("the sibling is ambiguous")
	}
}

func TestPwCatInATerminalBelongsToIt(t *testing.T) {
	f := newFixture()
	f.pipewire()
	f.run(3018, userPID, "/usr/bin/xterm")
	f.run(30316, 3018, "/usr/bin/pw-cat")
	f.window(0x40000c, 3018, "XTerm")
	f.native(60, 30316, "pw-cat", 30316)
	f.expect(t, 0x40000c, want{60, RuleDescendant, High, 30316, Trusted, false})
}

func TestPlayerWithAWindowDoesNotBelongToItsTerminal(t *testing.T) {
	f := newFixture()
	f.run(3019, userPID, "/usr/bin/xterm")
	f.run(3060, 3019, "/bin/bash")
	f.run(3062, 3060, "/usr/bin/mpv")
	f.window(0x60000c, 3019, "XTerm")
	f.window(0xa00002, 3062, "mpv")
	f.plays(1, 3062, "mpv")
	r := f.expect(t, 0x60000c, want{1, "", None, 3062, Verified, false})
	r.whyNot(t, 1, RuleDescendant, "3062 (mpv)", "belongs to another window", `"mpv" 0xa00002`)
	f.expect(t, 0xa00002, want{1, RulePID, Certain, 3062, Verified, false})
}

// sandboxed adds a player in "bwrap --unshare-pid": to itself it is process 2,
// and its window says so.
func (f *fixture) sandboxed(pid int, window xid, stream pulse.StreamIndex, binary string, changes ...func(*procT)) {
	f.run(pid-4, userPID, "/usr/bin/bwrap")
	f.run(pid-2, pid-4, "/usr/bin/bwrap", append([]func(*procT){inside(1)}, changes...)...)
	f.run(pid, pid-2, "/usr/bin/"+binary, append([]func(*procT){inside(2)}, changes...)...)
	if window != 0 {
		f.window(window, pid, binary, func(w *desktop.Window) { w.PID = 2 })
	}
	f.plays(stream, 2, binary)
}

func TestSandboxedPlayerAlone(t *testing.T) {
	f := newFixture()
	f.sandboxed(3031, 0x1200002, 6, "mpv")
	f.run(3019, userPID, "/usr/bin/xterm")
	f.window(0x60000c, 3019, "XTerm")
	f.expect(t, 0x1200002, want{6, RulePID, High, 3031, Translated, false})
	f.expect(t, 0x60000c, want{6, "", None, 3031, Translated, false})
}

func TestTwoSandboxesOfOneProgramAreAmbiguousOnPulseAudio(t *testing.T) {
	f := newFixture()
	f.sandboxed(3031, 0x1200002, 6, "mpv")
	f.sandboxed(3041, 0x1600002, 7, "mpv")
	f.run(3019, userPID, "/usr/bin/xterm")
	f.window(0x60000c, 3019, "XTerm")
	for _, window := range []xid{0x1200002, 0x1600002} {
		r := f.expect(t, window, want{6, "", None, 0, Ambiguous, true}, want{7, "", None, 0, Ambiguous, true})
		if !r.Ambiguous() || len(r.Streams[0].Candidates) != 2 || r.Streams[0].Candidates[0].PID != 3031 || r.Streams[0].Candidates[1].PID != 3041 {
			t.Errorf("got %+v", r)
		}
		r.whyNot(t, 6, RuleStream, "process 2", "3031 (mpv) or 3041 (mpv)", "not all of them")
	}
	r := f.expect(t, 0x60000c, want{6, "", None, 0, Ambiguous, false}, want{7, "", None, 0, Ambiguous, false})
	if r.Ambiguous() {
		t.Error("about a window that neither can be of")
	}
	r.whyNot(t, 6, RuleStream, "none of them")
}

func TestTwoSandboxesStartedFromOneTerminalAreNotAmbiguousThere(t *testing.T) {
	f := newFixture()
	f.run(2000, userPID, "/usr/bin/xterm")
	f.window(0x40000c, 2000, "XTerm")
	f.sandboxed(3031, 0, 6, "mpv")
	f.sandboxed(3041, 0, 7, "mpv")
	for _, pid := range []int{3027, 3037} {
		p := f.procs[pid]
		p.PPID = 2000
		f.procs[pid] = p
	}
	f.expect(t, 0x40000c, want{6, RuleDescendant, High, 0, Ambiguous, false}, want{7, RuleDescendant, High, 0, Ambiguous, false})
}

func TestSandboxesOfDifferentProgramsWithOnePidAreToldApart(t *testing.T) {
	f := newFixture()
	f.sandboxed(3031, 0x1200002, 6, "mpv")
	f.sandboxed(3041, 0x1600002, 7, "vlc")
	f.expect(t, 0x1200002, want{6, RulePID, High, 3031, Translated, false}, want{7, "", None, 3041, Translated, false})
	f.expect(t, 0x1600002, want{6, "", None, 3031, Translated, false}, want{7, RulePID, High, 3041, Translated, false})
}

func TestForgedPidOfTheFocusedWindowIsNotMatched(t *testing.T) {
	f := newFixture()
	f.run(3018, userPID, "/usr/bin/xterm")
	f.run(3020, userPID, "/usr/bin/pacat")
	f.window(0x40000c, 3018, "XTerm")
	f.plays(0, 3018, "pacat", "application.name", "paplay")
	r := f.expect(t, 0x40000c, want{0, "", None, 0, Unknown, false})
	r.whyNot(t, 0, RulePID, "3018", `"xterm"`, `"pacat"`)
}

func TestWindowWithoutNetWMPid(t *testing.T) {
	f := newFixture()
	f.run(4711, userPID, "/usr/bin/mpv")
	f.window(0x1c00007, 4711, "mpv", func(w *desktop.Window) { w.PID = 0 })
	f.plays(3, 4711, "mpv")
	f.expect(t, 0x1c00007, want{3, RulePID, Certain, 4711, Verified, false})
}

func TestRemoteWindowIsRefused(t *testing.T) {
	f := newFixture()
	f.run(2000, userPID, "/usr/bin/xterm")
	f.run(2100, 2000, "/usr/bin/ssh")
	f.run(4711, userPID, "/usr/bin/mpv")
	f.plays(3, 4711, "mpv")
	// The far mpv has the pid of a near one, and names its machine or not.
	for _, machine := range []string{"elsewhere.example.org", "desk", ""} {
		f.screen.Windows = nil
		f.window(0x40000c, 2000, "XTerm")
		f.window(0x1c00007, 2100, "mpv", func(w *desktop.Window) { w.PID, w.Machine = 4711, machine })
		r := f.expect(t, 0x1c00007, want{3, "", None, 4711, Verified, false})
		if !r.Window.Remote || r.Window.Reason != "remote window" || len(r.Window.PIDs) != 0 {
			t.Errorf("machine %q: got %+v", machine, r.Window)
		}
		r.whyNot(t, 3, RuleWindow, "remote window")
	}
}

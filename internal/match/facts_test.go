package match

import (
	"testing"

	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/pulse"
)

// The tests of this file hold one fact about servers and clients each.

// PulseAudio hands on every property as the client made it up: what PipeWire
// would vouch for means nothing there. Measured with PULSE_PROP on 16.1.
func TestPulseAudioVouchesForNothing(t *testing.T) {
	f := newFixture()
	f.run(3018, userPID, "/usr/bin/xterm")
	f.window(0x40000c, 3018, "XTerm")
	f.plays(1, 77, "pacat", "pipewire.sec.pid", "3018", "client.api", "foo")
	f.expect(t, 0x40000c, want{1, "", None, 0, Unknown, false})
}

// For a Pulse client the pid PipeWire vouches for is pipewire-pulse's. The
// client can overwrite client.api and pulse.server.type (0.3.65), and put any
// key on its stream, but not remove the former nor change the client's pid.
func TestPipeWirePulseVouchesOnlyForItself(t *testing.T) {
	for _, forged := range [][]string{
		nil,
		{"client.api", "foo"},
		{"client.api", "foo", "pulse.server.type", ""},
		{"client.api", "foo", "pulse.server.type", "unix", "pipewire.access", "flatpak"},
	} {
		f := newFixture()
		f.pipewire()
		f.run(2000, userPID, "/usr/bin/xterm")
		f.window(0x40000c, 2000, "XTerm")
		// Started from a terminal: everything pipewire-pulse does would be
		// the terminal's.
		p := f.procs[pulsePID]
		p.PPID, p.Start = 2000, 2001
		f.procs[pulsePID] = p
		s := f.pulseClient(1, 77, "pacat", forged...)
		s.Properties["pipewire.sec.pid"] = "2000"
		f.expect(t, 0x40000c, want{1, "", None, 0, Unknown, false})
		delete(s.Client.Properties, "pulse.server.type")
		f.expect(t, 0x40000c, want{1, "", None, 0, Unknown, false})
		delete(s.Client.Properties, "pipewire.sec.pid")
		f.expect(t, 0x40000c, want{1, "", None, 0, Unknown, false})
	}
}

func TestPulseClientOfPipeWireIsVerifiedByItsClaim(t *testing.T) {
	f := newFixture()
	f.pipewire()
	f.run(30314, userPID, "/usr/bin/mpv")
	f.window(0x600002, 30314, "mpv")
	f.pulseClient(92, 30314, "mpv")
	f.expect(t, 0x600002, want{92, RulePID, Certain, 30314, Verified, false})
}

// A native client in a sandbox claims the pid it has there; the server knows
// the true one.
func TestNativeClientInASandboxIsTrusted(t *testing.T) {
	f := newFixture()
	f.pipewire()
	f.run(30340, userPID, "/usr/bin/bwrap", inside(1))
	f.run(30346, 30340, "/usr/bin/mpv", inside(2), flatpak("org.example.Player", "1234567"))
	f.window(0x800002, 30346, "mpv", func(w *desktop.Window) { w.PID = 2 })
	s := f.native(102, 30346, "mpv", 2)
	s.Client.Properties["pipewire.access"] = "flatpak"
	s.Client.Properties["pipewire.access.portal.app_id"] = "org.example.Player"
	f.expect(t, 0x800002, want{102, RulePID, Certain, 30346, Trusted, false})
}

// The client's identity wins over the stream's, which may be missing or made
// up.
func TestTheClientsIdentityWins(t *testing.T) {
	f := newFixture()
	f.run(3018, userPID, "/usr/bin/mpv")
	f.run(3019, userPID, "/usr/bin/mpv")
	f.window(0x40000c, 3018, "mpv")
	f.window(0x60000c, 3019, "mpv")
	s := f.plays(1, 3019, "mpv")
	s.Properties["application.process.id"] = "3018"
	f.expect(t, 0x40000c, want{1, "", None, 3019, Verified, false})
	f.expect(t, 0x60000c, want{1, RulePID, Certain, 3019, Verified, false})
}

func TestClaimsThatCannotBe(t *testing.T) {
	f := newFixture()
	f.run(3018, userPID, "/usr/bin/mpv")
	f.run(3030, userPID, "/usr/bin/mpv", func(p *procT) { p.Zombie = true })
	f.run(3031, userPID, "/usr/bin/mpv", func(p *procT) { p.UID = 1001 })
	f.run(3032, userPID, "/usr/bin/mpv", inside(7))
	f.run(3033, userPID, "/usr/bin/mpv", func(p *procT) { p.Kernel = true })
	f.window(0x40000c, 3018, "mpv")
	claims := []string{"", "0", "-1", "-3018", "+3018", " 3018", "3018 ", "3018x", "03018x", "0x0bca", "4194305", "99999999999999999999",
		"3030", "3031", "3032", "3033", "1", "9999", "4000", "3018\x00"}
	for i, c := range claims {
		f.stream(pulse.StreamIndex(i), "application.process.id", c, "application.process.binary", "mpv", "application.name", "mpv")
	}
	r := f.focus(0x40000c).match(t)
	for i, s := range r.Streams {
		if s.PID != 0 || s.Trust != Unknown || s.Confidence.Acts(false) {
			t.Errorf("claim %q: got %+v", claims[i], s)
		}
	}
}

// A claim is worth nothing without a program that can be checked.
func TestClaimWithoutAProgramIsNotVerified(t *testing.T) {
	f := newFixture()
	f.run(3018, userPID, "/usr/bin/mpv")
	f.window(0x40000c, 3018, "mpv")
	f.stream(1, "application.process.id", "3018")
	r := f.expect(t, 0x40000c, want{1, "", None, 0, Unknown, false})
	r.whyNot(t, 1, RulePID, "cannot be checked")
}

// What application.process.binary says against exe, comm and argv[0].
func TestProgramsAgree(t *testing.T) {
	for _, c := range []struct {
		name             string
		binary           string
		exe, comm, argv0 string
		agree            bool
	}{
		{"mpv", "mpv", "/usr/bin/mpv", "mpv", "mpv", true},
		{"chromium lies deeper", "chromium", "/usr/lib/chromium/chromium", "chromium", "/usr/lib/chromium/chromium", true},
		{"a script names its interpreter", "python3.11", "/usr/bin/python3.11", "play.py", "/usr/bin/python3", true},
		{"paplay is a link to pacat", "pacat", "/usr/bin/pacat", "paplay", "paplay", true},
		{"comm is cut at 15 bytes", "libreoffice-writer", "", "libreoffice-wri", "", true},
		{"comm of 15 bytes is not cut in the name", "libreoffice-wrx-y", "", "libreoffice-wri", "", false},
		{"a short comm is not a beginning", "mpv-x11", "", "mpv", "mpv", false},
		{"a whole path", "/opt/app/bin/player", "/opt/app/bin/player.real", "main", "/opt/app/bin/player", true},
		{"updated while running", "firefox (deleted)", "/usr/lib/firefox/firefox", "GeckoMain", "firefox", true},
		{"only argv[0] is readable", "player", "", "thread", "./player", true},
		{"another program", "mpv", "/usr/bin/xterm", "xterm", "xterm", false},
		{"a part of the name", "pv", "/usr/bin/mpv", "mpv", "mpv", false},
		{"nothing", "", "/usr/bin/mpv", "mpv", "mpv", false},
		{"a slash", "/", "/", "", "/", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture()
			f.run(3018, userPID, c.exe, func(p *procT) { p.Comm, p.Argv0 = c.comm, c.argv0 })
			f.window(0x40000c, 3018, "Whatever")
			f.plays(1, 3018, c.binary)
			if s := f.focus(0x40000c).match(t).Streams[0]; s.Matched != c.agree {
				t.Errorf("got %+v", s)
			}
		})
	}
}

// X-Resource gives the host's pid; the window's own claim joins it only as a
// relative.
func TestTheClaimOfAWindowJoinsOnlyARelative(t *testing.T) {
	build := func(claim int) *fixture {
		f := newFixture()
		f.run(2000, userPID, "/usr/bin/launcher")
		f.run(2010, 2000, "/usr/bin/player")
		f.run(2020, 2010, "/usr/bin/helper")
		f.run(2030, 2020, "/usr/bin/sound")
		f.run(2040, 2000, "/usr/bin/sibling")
		f.run(2050, 2000, "/usr/bin/owner")
		f.run(3000, userPID, "/usr/bin/stranger")
		f.window(1, 2010, "Player", func(w *desktop.Window) { w.PID = claim })
		f.window(2, 2050, "Owner")
		return f
	}
	for _, c := range []struct {
		name  string
		claim int
		pids  []int
	}{
		{"itself", 2010, []int{2010}},
		{"none", 0, []int{2010}},
		{"a child", 2020, []int{2010, 2020}},
		{"a grandchild", 2030, []int{2010, 2030}},
		{"the parent", 2000, []int{2010, 2000}},
		{"a sibling", 2040, []int{2010}},
		{"a stranger", 3000, []int{2010}},
		{"nobody", 4000, []int{2010}},
		{"pid 1", 1, []int{2010}},
		{"systemd --user", userPID, []int{2010}},
		{"the window manager", wmPID, []int{2010}},
		{"us", ourPID, []int{2010}},
		{"a negative one", -2010, []int{2010}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := build(c.claim)
			if c.claim == ourPID {
				f.run(ourPID, 2010, "/usr/bin/patoggle")
			}
			r := f.focus(1).match(t)
			if got := r.Window.PIDs; !equalInts(got, c.pids) {
				t.Errorf("got %v, want %v", got, c.pids)
			}
		})
	}
	t.Run("a relative that is another window's process", func(t *testing.T) {
		f := build(2000)
		f.window(3, 2000, "Launcher")
		if got := f.focus(1).match(t).Window.PIDs; !equalInts(got, []int{2010}) {
			t.Errorf("got %v", got)
		}
	})
	t.Run("a relative of another user", func(t *testing.T) {
		f := build(2020)
		p := f.procs[2020]
		p.UID = 0
		f.procs[2020] = p
		if got := f.focus(1).match(t).Window.PIDs; !equalInts(got, []int{2010}) {
			t.Errorf("got %v", got)
		}
	})
	t.Run("a relative in another pid namespace", func(t *testing.T) {
		f := build(2020)
		p := f.procs[2020]
		p.NSPid, p.SamePID = []int{2020, 5}, false
		f.procs[2020] = p
		if got := f.focus(1).match(t).Window.PIDs; !equalInts(got, []int{2010}) {
			t.Errorf("got %v", got)
		}
	})
	t.Run("a relative beyond the window manager", func(t *testing.T) {
		f := build(400)
		f.run(400, 1, "/usr/bin/session-of-ours")
		for _, pid := range []int{userPID, wmPID} {
			p := f.procs[pid]
			p.PPID = 400
			f.procs[pid] = p
		}
		if got := f.focus(1).match(t).Window.PIDs; !equalInts(got, []int{2010}) {
			t.Errorf("got %v", got)
		}
	})
}

func equalInts(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// Without X-Resource the window's word stands alone, and is worth medium.
func TestWithoutXResource(t *testing.T) {
	f := newFixture()
	f.screen.Resource = false
	unowned := func(w *desktop.Window) { w.Owner = 0 }
	f.run(4711, userPID, "/usr/bin/mpv")
	f.window(1, 4711, "mpv", unowned)
	f.plays(1, 4711, "mpv")
	f.run(3018, userPID, "/usr/bin/xterm")
	f.run(3071, 3018, "/usr/bin/mpv")
	f.window(2, 3018, "XTerm", unowned, func(w *desktop.Window) { w.Machine = "DESK.example.org" })
	f.plays(2, 3071, "mpv")
	f.expect(t, 1, want{1, RulePID, Medium, 4711, Verified, false}, want{2, "", None, 3071, Verified, false})
	f.expect(t, 2, want{1, "", None, 4711, Verified, false}, want{2, RuleDescendant, Medium, 3071, Verified, false})

	f.window(3, 4711, "mpv", unowned, func(w *desktop.Window) { w.Machine = "elsewhere" })
	if r := f.focus(3).match(t); !r.Window.Remote || len(r.Window.PIDs) != 0 {
		t.Errorf("got %+v", r.Window)
	}
	for _, pid := range []int{0, 1, 2, 4000, userPID, wmPID, ourPID} {
		f.screen.Windows = f.screen.Windows[:2]
		f.window(3, pid, "mpv", unowned)
		if r := f.focus(3).match(t); r.Window.Remote || len(r.Window.PIDs) != 0 || r.Window.Reason == "" {
			t.Errorf("claim %d: got %+v", pid, r.Window)
		}
	}
}

// A sandboxed window without X-Resource says a pid that is the kernel's here.
func TestWithoutXResourceTheClaimOfASandboxIsNoOnes(t *testing.T) {
	f := newFixture()
	f.screen.Resource = false
	f.run(2, 0, "kthreadd", func(p *procT) { p.Kernel, p.Exe, p.Argv0 = true, "", "" })
	f.sandboxed(3031, 0x1200002, 6, "mpv")
	f.screen.Windows[0].Owner = 0
	r := f.expect(t, 0x1200002, want{6, RuleName, Low, 3031, Translated, false})
	if len(r.Window.PIDs) != 0 || r.Window.Reason == "" {
		t.Errorf("got %+v", r.Window)
	}
}

// Where X-Resource knows no pid, the client came over the network, and a
// window that does not name its machine is not taken for ours.
func TestXResourceThatKnowsNoPid(t *testing.T) {
	for _, c := range []struct {
		machine string
		pids    int
		remote  bool
	}{{"", 0, false}, {"desk", 1, false}, {"Desk.local", 1, false}, {"other", 0, true}} {
		f := newFixture()
		f.run(4711, userPID, "/usr/bin/mpv")
		f.window(1, 4711, "mpv", func(w *desktop.Window) { w.Owner, w.Machine = 0, c.machine })
		f.plays(1, 4711, "mpv")
		r := f.focus(1).match(t)
		if len(r.Window.PIDs) != c.pids || r.Window.Remote != c.remote || r.Streams[0].Confidence > Medium || r.Streams[0].Confidence.Acts(false) != (c.pids == 1) {
			t.Errorf("machine %q: got %+v", c.machine, r)
		}
	}
}

// A client that forked after it had connected: the socket's process is gone.
func TestWindowWhoseProcessIsGone(t *testing.T) {
	f := newFixture()
	f.run(4711, userPID, "/usr/bin/mpv")
	f.window(1, 4711, "mpv", func(w *desktop.Window) { w.Owner = 4710 })
	f.plays(1, 4711, "mpv")
	f.expect(t, 1, want{1, RulePID, Medium, 4711, Verified, false})
}

func TestMachineOfAContainerIsNotRemote(t *testing.T) {
	f := newFixture()
	f.run(4711, userPID, "/usr/bin/mpv", func(p *procT) { p.SameUTS = false })
	f.window(1, 4711, "mpv", func(w *desktop.Window) { w.Machine = "0c3f5a" })
	f.plays(1, 4711, "mpv")
	f.expect(t, 1, want{1, RulePID, Certain, 4711, Verified, false})
}

func TestHostNames(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"desk", "desk", true}, {"DESK", "desk", true}, {"desk.example.org", "desk", true}, {"desk", "desk.local", true},
		{"desk2", "desk", false}, {"desk", "", false}, {"", "", false}, {".", ".", false},
	} {
		if got := sameHost(c.a, c.b); got != c.same {
			t.Errorf("%q, %q: got %v", c.a, c.b, got)
		}
	}
}

func TestOurOwnPidIsNoWindows(t *testing.T) {
	f := newFixture()
	f.run(ourPID, userPID, "/usr/bin/patoggle")
	f.window(1, ourPID, "x")
	if r := f.focus(1).match(t); len(r.Window.PIDs) != 0 {
		t.Errorf("got %+v", r.Window)
	}
}

func TestNoApplicationIsFocused(t *testing.T) {
	f := newFixture()
	f.run(4711, userPID, "/usr/bin/mpv")
	f.plays(1, 4711, "mpv")
	f.window(1, 4711, "mpv", func(w *desktop.Window) { w.Type = desktop.Desktop })
	f.window(2, 4711, "mpv", func(w *desktop.Window) { w.Type = desktop.Dock })
	f.window(3, 4711, "mpv", func(w *desktop.Window) { w.Type = desktop.Other })
	for focus, reason := range map[xid]string{0: "no window has the focus", 1: "the desktop has the focus", 2: "a panel has the focus"} {
		r := f.expect(t, focus, want{1, "", None, 4711, Verified, false})
		if r.Window.Reason != reason || len(r.Window.PIDs) != 0 {
			t.Errorf("window %d: got %+v", focus, r.Window)
		}
		r.whyNot(t, 1, RuleWindow, reason)
	}
	f.expect(t, 3, want{1, RulePID, Certain, 4711, Verified, false})

	// A desktop or a panel owns no streams either, even on the way up.
	f.run(3018, userPID, "/usr/bin/xterm")
	f.window(4, 3018, "XTerm")
	f.run(3019, 3018, "/usr/bin/desk-icons")
	f.window(5, 3019, "Desk", func(w *desktop.Window) { w.Type = desktop.Desktop })
	f.run(3071, 3019, "/usr/bin/mpv")
	f.plays(2, 3071, "mpv")
	f.expect(t, 4, want{2, RuleDescendant, High, 3071, Verified, false})
}

func TestWithoutAWindowEveryStreamStillGetsItsProcess(t *testing.T) {
	f := newFixture()
	f.sandboxed(3031, 0x1200002, 6, "mpv")
	f.run(4711, userPID, "/usr/bin/mpv")
	f.plays(7, 4711, "mpv")
	f.plays(8, 4000, "mpv")
	in := f.input()
	in.Screen = nil
	r := Match(in)
	for i, want := range []struct {
		pid   int
		trust Trust
	}{{3031, Translated}, {4711, Verified}, {0, Unknown}} {
		s := r.Streams[i]
		if s.PID != want.pid || s.Trust != want.trust || s.Matched || s.Tried[0].Rule != RuleWindow {
			t.Errorf("got %+v, want %+v", s, want)
		}
	}
	if r.Window.Reason == "" || len(r.Window.PIDs) != 0 {
		t.Errorf("got %+v", r.Window)
	}
}

func TestEmptyInputs(t *testing.T) {
	if r := Match(Input{}); r.Streams != nil || r.Window.Reason == "" {
		t.Errorf("got %+v", r)
	}
	f := newFixture()
	f.window(1, 4711, "mpv")
	f.plays(1, 4711, "mpv")
	in := f.focus(1).input()
	in.Procs = nil
	r := Match(in)
	if len(r.Streams) != 1 || r.Streams[0].Matched && r.Streams[0].Confidence > Low || r.Streams[0].PID != 0 {
		t.Errorf("got %+v", r)
	}
	if r := Descendants(in, 4711); r.Streams[0].Matched || r.Window.Reason == "" {
		t.Errorf("got %+v", r)
	}
}

func TestStreamsThatNeverMove(t *testing.T) {
	f := newFixture()
	f.pipewire()
	f.run(4711, userPID, "/usr/bin/mpv")
	f.run(ourPID, userPID, "/usr/bin/patoggle")
	f.window(1, 4711, "mpv")
	module := f.native(1, 4711, "mpv", 4711)
	module.Client = nil
	f.native(2, 4711, "mpv", 4711).Client.Index = f.sound.Self
	f.native(3, 4711, "mpv", 4711).Properties["stream.monitor"] = "true"
	f.native(4, 4711, "mpv", 4711).Properties["pulse.module.id"] = "536870915"
	f.native(5, 4711, "mpv", 4711).Properties["node.link-group"] = "loopback-30182-12"
	f.native(6, ourPID, "patoggle", ourPID)
	f.native(7, 4711, "mpv", 4711).Properties["patoggle.teacher"] = "true"
	f.native(8, 4711, "mpv", 4711)
	r := f.focus(1).match(t)
	for _, s := range r.Streams[:7] {
		if !s.Own || s.Matched || len(s.Tried) != 1 || s.Tried[0].Rule != RuleStream || s.Tried[0].WhyNot == "" {
			t.Errorf("got %+v", s)
		}
	}
	if s := r.Streams[7]; s.Own || !s.Matched {
		t.Errorf("got %+v", s)
	}
}

func TestClientsOverTheNetworkHaveNoPid(t *testing.T) {
	f := newFixture()
	f.run(4711, userPID, "/usr/bin/mpv")
	f.window(1, 4711, "mpv")
	f.plays(1, 4711, "mpv", "native-protocol.peer", "TCP/IP client from 127.0.0.1:56468")
	f.plays(2, 4711, "mpv", "pulse.server.type", "tcp")
	r := f.expect(t, 1, want{1, "", None, 0, Remote, false}, want{2, "", None, 0, Remote, false})
	r.whyNot(t, 1, RuleStream, "over the network")
}

func TestEventSoundsMoveOnlyAlone(t *testing.T) {
	for _, role := range []string{"event", "Notification"} {
		f := newFixture()
		f.run(4711, userPID, "/usr/bin/mpv")
		f.run(4712, userPID, "/usr/bin/mpv")
		f.window(1, 4711, "mpv")
		f.window(2, 4712, "mpv")
		f.plays(1, 4711, "mpv").Properties["media.role"] = role
		f.plays(2, 4712, "mpv")
		f.expect(t, 1, want{1, RulePID, Certain, 4711, Verified, false})
		f.plays(3, 4711, "mpv").Properties["media.role"] = "music"
		r := f.expect(t, 1, want{1, "", None, 4711, Verified, false}, want{3, RulePID, Certain, 4711, Verified, false})
		r.whyNot(t, 1, RulePID, "event sound")
	}
}

// A portal opens the connection for a sandbox: the pid is the portal's.
func TestPortalsPidIsNotThePlayers(t *testing.T) {
	f := newFixture()
	f.pipewire()
	f.run(700, userPID, "/usr/libexec/xdg-desktop-portal")
	f.run(3031, userPID, "/usr/bin/player", inside(2), flatpak("org.example.Player", "77"))
	f.window(1, 3031, "Player")
	s := f.native(1, 700, "player", 2)
	s.Client.Properties["pipewire.access.portal.app_id"] = "org.example.Player"
	f.expect(t, 1, want{1, RulePID, High, 3031, Translated, false})
}

// A window that counts as remote is still somebody's: what its process plays
// is not another window's.
func TestProcessOfARemoteWindowOwnsItsStreams(t *testing.T) {
	f := newFixture()
	f.run(2000, userPID, "/usr/bin/xterm")
	f.run(2001, 2000, "/usr/bin/viewer")
	f.window(1, 2000, "XTerm")
	f.plays(1, 2001, "viewer")
	f.expect(t, 1, want{1, RuleDescendant, High, 2001, Verified, false})
	f.window(2, 2001, "Viewer", func(w *desktop.Window) { w.Machine = "elsewhere" })
	f.expect(t, 1, want{1, "", None, 2001, Verified, false})
}

// The reasons a user reads when nothing is known of a stream.
func TestReasonsForAnUnknownProcess(t *testing.T) {
	f := newFixture()
	f.run(3018, userPID, "/usr/bin/mpv")
	f.run(3019, userPID, "/usr/bin/mpv", func(p *procT) { p.UID = 0 })
	f.window(1, 3018, "mpv")
	for i, c := range []struct{ claim, binary, words string }{
		{"", "x", "does not say which process"},
		{"-5", "x", `process "-5" plays it, which is no process id`},
		{"4000", "x", "process 4000 plays it, which is not running"},
		{"3019", "mpv", "process 3019 plays it, which belongs to the user 0"},
		{"3018", "", "but not which program"},
		{"3018", "/usr/bin/vlc", `but that runs "mpv" and not "vlc"`},
	} {
		f.stream(pulse.StreamIndex(i), "application.process.id", c.claim, "application.process.binary", c.binary)
		f.focus(1).match(t).whyNot(t, pulse.StreamIndex(i), RulePID, c.words)
	}
}

package match

import (
	"slices"
	"testing"

	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/pulse"
)

const (
	player = "org.example.Player"
	editor = "org.example.Editor"
)

func TestFlatpakInstance(t *testing.T) {
	f := newFixture()
	// The sound comes from a process that the window's did not start.
	f.run(3000, userPID, "/usr/bin/bwrap", inside(1), flatpak(player, "11"))
	f.run(3001, 3000, "/usr/bin/player", inside(2), flatpak(player, "11"))
	f.run(3002, 3000, "/usr/bin/sound", inside(3), flatpak(player, "11"))
	f.run(3100, userPID, "/usr/bin/bwrap", inside(1), flatpak(player, "22"))
	f.run(3101, 3100, "/usr/bin/player", inside(2), flatpak(player, "22"))
	f.run(3102, 3100, "/usr/bin/sound", inside(4), flatpak(player, "22"))
	f.window(1, 3001, "Player")
	f.window(2, 3101, "Player")
	f.plays(1, 3, "sound")
	f.plays(2, 4, "sound")
	f.expect(t, 1, want{1, RuleInstance, High, 3002, Translated, false}, want{2, "", None, 3102, Translated, false})
	r := f.expect(t, 2, want{1, "", None, 3002, Translated, false}, want{2, RuleInstance, High, 3102, Translated, false})
	r.whyNot(t, 1, RuleInstance, "another Flatpak instance", "11", player)
	r.whyNot(t, 1, RuleSandbox, "another window of "+player)
}

// Two applications, whose player is process 2 to each: PipeWire knows the
// application of a Pulse client, and so they are told apart.
func TestFlatpakApplicationsWithOnePidAreToldApartOnPipeWire(t *testing.T) {
	f := newFixture()
	f.pipewire()
	f.run(3031, userPID, "/usr/bin/mpv", inside(2), flatpak(player, "11"))
	f.run(3041, userPID, "/usr/bin/mpv", inside(2), flatpak(editor, "22"))
	f.window(1, 3031, "mpv", func(w *desktop.Window) { w.PID = 2 })
	f.window(2, 3041, "mpv", func(w *desktop.Window) { w.PID = 2 })
	f.pulseClient(1, 2, "mpv", "pipewire.access.portal.app_id", player)
	f.pulseClient(2, 2, "mpv", "pipewire.access.portal.app_id", editor)
	f.expect(t, 1, want{1, RulePID, High, 3031, Translated, false}, want{2, "", None, 3041, Translated, false})
	f.expect(t, 2, want{1, "", None, 3031, Translated, false}, want{2, RulePID, High, 3041, Translated, false})

	// Two instances of one application cannot be.
	p := f.procs[3041]
	p.Flatpak = player
	f.procs[3041] = p
	f.sound.Streams[1].Client.Properties["pipewire.access.portal.app_id"] = player
	f.expect(t, 1, want{1, "", None, 0, Ambiguous, true}, want{2, "", None, 0, Ambiguous, true})
}

// twoInstances are two instances of one application on a PipeWire that names
// them; each is process 2 to itself and has one connection to the server.
func twoInstances() *fixture {
	f := newFixture()
	f.pipewire()
	f.run(3031, userPID, "/usr/bin/mpv", inside(2), flatpak(player, "111"))
	f.run(3041, userPID, "/usr/bin/mpv", inside(2), flatpak(player, "222"))
	f.window(1, 3031, "mpv", func(w *desktop.Window) { w.PID = 2 })
	f.window(2, 3041, "mpv", func(w *desktop.Window) { w.PID = 2 })
	clear(held)
	held[3031], held[3041] = 1, 1
	return f
}

// stamped adds a Pulse client of which PipeWire says that it is of an instance.
func (f *fixture) stamped(index pulse.StreamIndex, pid int, instance string) {
	f.pulseClient(index, pid, "mpv", "pipewire.access", "flatpak",
		"pipewire.access.portal.app_id", player, "pipewire.access.portal.instance_id", instance)
}

func TestTwoInstancesOfOneFlatpakAreToldApartByPipeWire(t *testing.T) {
	f := twoInstances()
	f.stamped(1, 2, "111")
	f.stamped(2, 2, "222")
	f.expect(t, 1, want{1, RulePID, High, 3031, Translated, false}, want{2, "", None, 3041, Translated, false})
	f.expect(t, 2, want{1, "", None, 3031, Translated, false}, want{2, RulePID, High, 3041, Translated, false})

	// One of them is silent.
	f = twoInstances()
	f.stamped(2, 2, "222")
	f.expect(t, 1, want{2, "", None, 3041, Translated, false})
	f.expect(t, 2, want{2, RulePID, High, 3041, Translated, false})

	// An instance that none of the processes is of.
	f = twoInstances()
	f.stamped(1, 2, "333")
	r := f.expect(t, 1, want{1, "", None, 0, Unknown, false})
	r.whyNot(t, 1, RuleSandbox, "another Flatpak instance, 333 of "+player)
	f.screen.Windows = f.screen.Windows[:1]
	delete(f.procs, 3041)
	f.expect(t, 1, want{1, "", None, 0, Unknown, false})
}

// PULSE_PROP can write every property of a Pulse client, so that an instance id
// counts for a process only with the kernel's word for it.
func TestAForgedFlatpakInstanceIsNotBelieved(t *testing.T) {
	both := []want{{1, "", None, 0, Ambiguous, true}}
	for _, c := range []struct {
		name   string
		change func(f *fixture)
		want   []want
	}{
		{"the instance is not connected to the sound server", func(f *fixture) { held[3031] = 0 }, both},
		{"its connections cannot be seen", func(f *fixture) { delete(held, 3031) }, both},
		{"the server is on the network", func(f *fixture) { f.sound.Socket = "" }, both},
		{"who asks cannot see connections", func(f *fixture) { f.sound.Socket = "/run/other" }, both},
		{"another instance says that it is this one", func(f *fixture) { f.stamped(2, 2, "111") },
			append(slices.Clone(both), want{2, "", None, 0, Ambiguous, true})},
		{"another client does, that plays nothing", func(f *fixture) {
			f.stamped(2, 2, "111")
			f.sound.Streams = f.sound.Streams[:1]
		}, both},
		{"only the stream says so", func(f *fixture) {
			s := &f.sound.Streams[0]
			delete(s.Client.Properties, "pipewire.access.portal.instance_id")
			s.Properties["pipewire.access.portal.instance_id"] = "111"
		}, both},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := twoInstances()
			f.stamped(1, 2, "111")
			f.expect(t, 1, want{1, RulePID, High, 3031, Translated, false})
			c.change(f)
			r := f.expect(t, 1, c.want...)
			r.whyNot(t, 1, RuleStream, "which could be 3031 (mpv) or 3041 (mpv)")
			// It does not say that it is of the other.
			other := slices.Clone(c.want)
			for i := range other {
				other[i].ambiguous = f.sound.Streams[i].Client.Properties["pipewire.access.portal.instance_id"] == ""
			}
			f.expect(t, 2, other...)
		})
	}
	f := twoInstances()
	f.stamped(1, 2, "111")
	held[3031] = 0
	r := f.expect(t, 1, both...)
	r.whyNot(t, 1, RuleStream, "Flatpak instance 111, as any program can")

	// A program outside all sandboxes names one, with the process id it has or
	// with one that nobody has.
	for _, server := range []bool{true, false} {
		f := twoInstances()
		f.screen.Windows = f.screen.Windows[:1]
		delete(f.procs, 3041)
		f.sound.Server.PipeWire = server
		f.run(3050, userPID, "/usr/bin/mpv")
		f.stamped(1, 3050, "111")
		w := want{1, RuleName, Low, 0, Unknown, false}
		if !server { // PulseAudio: then it says nothing at all
			w = want{1, RuleName, Low, 3050, Verified, false}
		}
		f.expect(t, 1, w)
		f.sound.Streams[0].Client.Properties["pipewire.access.portal.instance_id"] = "222"
		f.sound.Streams[0].Client.Properties["application.process.id"] = "77"
		if w = (want{1, "", None, 0, Unknown, false}); !server {
			w = want{1, RuleName, Low, 0, Unknown, false}
		}
		f.expect(t, 1, w)
	}
}

// The only process that fits is of another instance than the server says.
func TestAProcessOfAnotherInstanceIsNotTheStreams(t *testing.T) {
	f := twoInstances()
	f.screen.Windows = f.screen.Windows[:1]
	delete(f.procs, 3041)
	f.stamped(1, 2, "222")
	r := f.expect(t, 1, want{1, "", None, 0, Unknown, false})
	r.whyNot(t, 1, RuleSandbox, "another Flatpak instance")
	r.whyNot(t, 1, RulePID, "process 2 plays it", "instance 222, in which no such process runs")
}

// A claim that fits one of our processes does not when the server says that
// the client is in a Flatpak sandbox and the process is not.
func TestFlatpakClientIsNotAProcessOutside(t *testing.T) {
	f := newFixture()
	f.pipewire()
	f.run(57, userPID, "/usr/bin/mpv")
	f.run(3031, userPID, "/usr/bin/mpv", inside(57), flatpak(player, "11"))
	f.window(1, 57, "mpv")
	f.window(2, 3031, "mpv", func(w *desktop.Window) { w.PID = 57 })
	f.pulseClient(1, 57, "mpv", "pipewire.access.portal.app_id", player)
	f.expect(t, 1, want{1, "", None, 3031, Translated, false})
	f.expect(t, 2, want{1, RulePID, High, 3031, Translated, false})
}

// The instance is closer kin than the terminal it was started from.
func TestFlatpakInstanceStartedFromATerminal(t *testing.T) {
	f := newFixture()
	f.run(2000, userPID, "/usr/bin/xterm")
	f.run(3000, 2000, "/usr/bin/bwrap", flatpak(player, "11"))
	f.run(3001, 3000, "/usr/bin/player", inside(2), flatpak(player, "11"))
	f.run(3002, 3000, "/usr/bin/sound", inside(3), flatpak(player, "11"))
	f.window(1, 2000, "XTerm")
	f.plays(1, 3, "sound")
	// Without a window of its own it is the terminal's.
	f.expect(t, 1, want{1, RuleDescendant, High, 3002, Translated, false})
	f.window(2, 3001, "Player")
	f.expect(t, 2, want{1, RuleInstance, High, 3002, Translated, false})
	r := f.expect(t, 1, want{1, "", None, 3002, Translated, false})
	r.whyNot(t, 1, RuleDescendant, "Flatpak instance of another window", `"Player" 0x2`)
}

func TestWindowOfAnotherProcessOfTheInstanceOwnsItsStreams(t *testing.T) {
	f := newFixture()
	f.run(3000, userPID, "/usr/bin/editor", inside(2), flatpak(editor, "11"))
	f.run(3001, 3000, "/usr/bin/mpv", inside(3), flatpak(editor, "11"))
	f.window(1, 3000, "Editor")
	f.window(2, 3001, "mpv")
	f.plays(1, 3, "mpv")
	f.expect(t, 1, want{1, "", None, 3001, Translated, false})
	f.expect(t, 2, want{1, RulePID, High, 3001, Translated, false})
}

func TestDescendantOfItsOwnUnitIsAnotherApplication(t *testing.T) {
	for _, c := range []struct {
		name               string
		owner, child       string
		ownerExe, childExe string
		matched            bool
	}{
		{"one unit", "app-a.scope", "app-a.scope", "/usr/bin/a", "/usr/bin/b", true},
		{"no units", "", "", "/usr/bin/a", "/usr/bin/b", true},
		{"a shell in vte-spawn-*.scope", "app-org.gnome.Console-1.scope", "", "/usr/bin/kgx", "/usr/bin/mpv", true},
		{"another unit and another program", "app-dolphin.scope", "app-mpv-7.scope", "/usr/bin/dolphin", "/usr/bin/mpv", false},
		{"another unit of the same program", "app-a.scope", "app-b.scope", "/usr/bin/a", "/usr/bin/a", true},
		{"a unit below a program without one", "", "app-flatpak-x-7.scope", "/usr/bin/xterm", "/usr/bin/mpv", false},
		{"another unit and an unreadable program", "app-a.scope", "app-b.scope", "", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture()
			f.run(2000, userPID, "/usr/bin/a", unit(c.owner), func(p *procT) { p.Exe = c.ownerExe })
			f.run(2001, 2000, "/usr/bin/b", unit(c.child), func(p *procT) { p.Exe, p.Comm = c.childExe, "b" })
			f.window(1, 2000, "A")
			f.plays(1, 2001, "b")
			s := f.focus(1).match(t).Streams[0]
			if s.Matched != c.matched || s.Matched && s.Rule != RuleDescendant {
				t.Errorf("got %+v", s)
			}
		})
	}
}

// One server process owns several terminal windows.
func TestTerminalServer(t *testing.T) {
	f := newFixture()
	f.run(2000, userPID, "/usr/libexec/gnome-terminal-server", terminal(0x999))
	f.run(2001, 2000, "/bin/bash", terminal(0xa1))
	f.run(2002, 2000, "/bin/bash", terminal(0xa2))
	f.run(2003, 2000, "/bin/bash")
	f.run(2011, 2001, "/usr/bin/mpv", terminal(0xa1))
	f.run(2012, 2002, "/usr/bin/mpv") // its environment was emptied
	f.run(2013, 2003, "/usr/bin/mpv")
	f.run(2014, 2002, "/usr/bin/mpv", terminal(0x77)) // a window of somebody else
	f.run(2015, 2002, "/bin/bash", terminal(0xa1))    // moved between windows
	f.run(2016, 2015, "/usr/bin/mpv")
	f.window(0xa1, 2000, "Gnome-terminal")
	f.window(0xa2, 2000, "Gnome-terminal")
	for i := range 4 {
		f.plays(pulse.StreamIndex(1+i), 2011+i, "mpv")
	}
	f.plays(6, 2016, "mpv")
	r := f.expect(t, 0xa1,
		want{1, RuleDescendant, High, 2011, Verified, false},
		want{2, "", None, 2012, Verified, false},
		want{3, RuleDescendant, High, 2013, Verified, false},
		want{4, "", None, 2014, Verified, false},
		want{6, RuleDescendant, High, 2016, Verified, false})
	r.whyNot(t, 2, RuleDescendant, "another window of 2000", "0xa2")
	f.expect(t, 0xa2,
		want{1, "", None, 2011, Verified, false},
		want{2, RuleDescendant, High, 2012, Verified, false},
		want{3, RuleDescendant, High, 2013, Verified, false},
		want{4, RuleDescendant, High, 2014, Verified, false},
		want{6, "", None, 2016, Verified, false})

	// A dialog of the window has the focus.
	f.window(0xa3, 2000, "Gnome-terminal")
	f.focus(0xa1)
	f.screen.Active = "0xa3"
	if s := f.match(t).Streams[0]; !s.Matched {
		t.Errorf("got %+v", s)
	}
}

func TestSeveralWindowsOfOneProcessShareItsStreams(t *testing.T) {
	f := newFixture()
	f.chromium(8569, 8709, 0x1400004, 7)
	f.window(0x1400005, 8569, "Chromium")
	f.expect(t, 0x1400004, want{7, RuleDescendant, High, 8709, Verified, false})
	f.expect(t, 0x1400005, want{7, RuleDescendant, High, 8709, Verified, false})
}

func TestBarriers(t *testing.T) {
	for _, name := range []string{
		"systemd", "openbox", "i3", "gnome-shell", "gnome-session-b", "sddm-helper", "lightdm", "plasmashell", "xfce4-panel", "tint2",
		"tmux: server", "screen", "ssh", "sshd", "dbus-daemon", "dbus-broker-lau", "xdg-desktop-por", "flatpak-portal", "sxhkd",
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture()
			f.run(2000, userPID, "/usr/bin/xterm")
			f.run(2001, 2000, "/usr/bin/x", comm(name))
			f.run(2002, 2001, "/bin/bash")
			f.run(2003, 2002, "/usr/bin/mpv")
			f.window(1, 2000, "XTerm")
			f.plays(1, 2003, "mpv")
			r := f.expect(t, 1, want{1, "", None, 2003, Verified, false})
			r.whyNot(t, 1, RuleDescendant, "2001 ("+name+")")
			// Nor are its windows theirs.
			f.window(2, 2001, "Thing")
			f.expect(t, 2, want{1, "", None, 2003, Verified, false})
		})
	}
	t.Run("the window manager, whatever its name", func(t *testing.T) {
		f := newFixture()
		f.run(2000, userPID, "/usr/bin/xterm")
		f.run(2001, 2000, "/usr/bin/mywm")
		f.run(2003, 2001, "/usr/bin/mpv")
		f.window(1, 2000, "XTerm")
		f.plays(1, 2003, "mpv")
		f.expect(t, 1, want{1, RuleDescendant, High, 2003, Verified, false})
		f.screen.WindowManager = 2001
		f.expect(t, 1, want{1, "", None, 2003, Verified, false})
	})
	t.Run("a process that plays itself is none to itself", func(t *testing.T) {
		f := newFixture()
		f.run(2001, userPID, "/usr/bin/gnome-shell")
		f.window(1, 2001, "Shell")
		f.plays(1, 2001, "gnome-shell")
		f.expect(t, 1, want{1, RulePID, Certain, 2001, Verified, false})
	})
	t.Run("pid 1", func(t *testing.T) {
		f := newFixture()
		f.run(2003, 1, "/usr/bin/mpv")
		p := f.procs[1]
		p.UID, p.Comm = uid, "thing"
		f.procs[1] = p
		f.window(1, 1, "Thing")
		f.plays(1, 2003, "mpv")
		f.expect(t, 1, want{1, "", None, 2003, Verified, false})
	})
}

func TestTheWayUp(t *testing.T) {
	build := func(depth int) *fixture {
		f := newFixture()
		f.run(2000, userPID, "/usr/bin/xterm")
		f.window(1, 2000, "XTerm")
		for i := 1; i <= depth; i++ {
			f.run(2000+i, 2000+i-1, "/bin/sh")
		}
		f.run(2000+depth, 2000+depth-1, "/usr/bin/mpv")
		f.plays(1, 2000+depth, "mpv")
		return f
	}
	t.Run("is climbed 64 steps", func(t *testing.T) {
		if s := build(64).focus(1).match(t).Streams[0]; !s.Matched {
			t.Errorf("got %+v", s)
		}
		if s := build(65).focus(1).match(t).Streams[0]; s.Matched {
			t.Errorf("got %+v", s)
		}
	})
	t.Run("ends at a parent younger than its child", func(t *testing.T) {
		f := build(3)
		p := f.procs[2001]
		p.Start = 5000
		f.procs[2001] = p
		if s := f.focus(1).match(t).Streams[0]; s.Matched {
			t.Errorf("got %+v", s)
		}
	})
	t.Run("goes through a parent of the same age", func(t *testing.T) {
		f := build(3)
		p := f.procs[2001]
		p.Start = f.procs[2002].Start
		f.procs[2001] = p
		if s := f.focus(1).match(t).Streams[0]; !s.Matched {
			t.Errorf("got %+v", s)
		}
	})
	t.Run("ends where a process is gone", func(t *testing.T) {
		f := build(3)
		delete(f.procs, 2001)
		if s := f.focus(1).match(t).Streams[0]; s.Matched {
			t.Errorf("got %+v", s)
		}
	})
	t.Run("ends in a circle", func(t *testing.T) {
		f := build(3)
		for _, pid := range []int{2001, 2002, 2003} {
			p := f.procs[pid]
			p.Start = 1
			p.PPID = pid - 1
			if pid == 2001 {
				p.PPID = 2003
			}
			f.procs[pid] = p
		}
		if s := f.focus(1).match(t).Streams[0]; s.Matched {
			t.Errorf("got %+v", s)
		}
	})
	t.Run("does not lead from an orphan to its terminal", func(t *testing.T) {
		f := build(3)
		p := f.procs[2003]
		p.PPID, p.WindowID = userPID, 1
		f.procs[2003] = p
		if s := f.focus(1).match(t).Streams[0]; s.Matched {
			t.Errorf("got %+v", s)
		}
	})
}

func TestSandboxedApplication(t *testing.T) {
	t.Run("a Flatpak stream whose process is not known", func(t *testing.T) {
		f := newFixture()
		f.pipewire()
		f.run(3001, userPID, "/usr/bin/player", inside(2), flatpak(player, "11"))
		f.window(1, 3001, "Player")
		f.pulseClient(1, 77, "sound", "pipewire.access.portal.app_id", player)
		f.expect(t, 1, want{1, RuleSandbox, Medium, 0, Unknown, false})
		// Another window of the instance changes nothing, one of another
		// instance does.
		f.run(3002, 3001, "/usr/bin/player", inside(3), flatpak(player, "11"))
		f.window(2, 3002, "Player")
		f.expect(t, 1, want{1, RuleSandbox, Medium, 0, Unknown, false})
		f.run(3101, userPID, "/usr/bin/player", inside(2), flatpak(player, "22"))
		f.window(3, 3101, "Player")
		r := f.expect(t, 1, want{1, "", None, 0, Unknown, false})
		r.whyNot(t, 1, RuleSandbox, player, "0x3")
	})
	t.Run("another Flatpak application", func(t *testing.T) {
		f := newFixture()
		f.pipewire()
		f.run(3001, userPID, "/usr/bin/player", inside(2), flatpak(player, "11"))
		f.window(1, 3001, "Player")
		f.pulseClient(1, 77, "sound", "pipewire.access.portal.app_id", editor)
		f.expect(t, 1, want{1, "", None, 0, Unknown, false})
	})
	t.Run("another instance without a window", func(t *testing.T) {
		f := newFixture()
		f.run(3001, userPID, "/usr/bin/player", inside(2), flatpak(player, "11"))
		f.run(3101, userPID, "/usr/bin/sound", inside(2), flatpak(player, "22"))
		f.window(1, 3001, "Player")
		f.plays(1, 2, "sound")
		f.expect(t, 1, want{1, RuleSandbox, Medium, 3101, Translated, false})
		// Started from a terminal it is the terminal's.
		f.run(2000, userPID, "/usr/bin/xterm")
		f.window(2, 2000, "XTerm")
		p := f.procs[3101]
		p.PPID = 2000
		f.procs[3101] = p
		f.expect(t, 1, want{1, "", None, 3101, Translated, false})
	})
	t.Run("Snap", func(t *testing.T) {
		f := newFixture()
		f.run(3001, userPID, "/snap/vlc/1/usr/bin/vlc", snap("vlc"))
		f.run(3002, userPID, "/snap/vlc/1/usr/bin/sound", snap("vlc"))
		f.run(3003, userPID, "/snap/mpv/1/usr/bin/sound", snap("mpv"))
		f.run(3004, userPID, "/usr/bin/sound")
		f.window(1, 3001, "vlc")
		f.plays(1, 3002, "sound")
		f.plays(2, 3003, "sound")
		f.plays(3, 3004, "sound")
		f.expect(t, 1, want{1, RuleSandbox, Medium, 3002, Verified, false}, want{2, "", None, 3003, Verified, false}, want{3, "", None, 3004, Verified, false})
		f.run(3010, userPID, "/snap/vlc/1/usr/bin/vlc", snap("vlc"))
		f.window(2, 3010, "vlc")
		f.expect(t, 1, want{1, "", None, 3002, Verified, false})
	})
	t.Run("a Snap is no Flatpak of the same name", func(t *testing.T) {
		f := newFixture()
		f.run(3001, userPID, "/usr/bin/vlc", snap("vlc"))
		f.run(3002, userPID, "/usr/bin/sound", flatpak("vlc", "1"))
		f.window(1, 3001, "VLC")
		f.plays(1, 3002, "sound")
		f.expect(t, 1, want{1, "", None, 3002, Verified, false})
	})
	t.Run("a window without X-Resource is worth medium in any rule", func(t *testing.T) {
		f := newFixture()
		f.screen.Resource = false
		f.run(3001, userPID, "/usr/bin/player", flatpak(player, "11"))
		f.run(3002, userPID, "/usr/bin/sound", flatpak(player, "11"))
		f.window(1, 3001, "Player", func(w *desktop.Window) { w.Owner = 0 })
		f.plays(1, 3002, "sound")
		f.expect(t, 1, want{1, RuleInstance, Medium, 3002, Verified, false})
	})
}

func TestSteam(t *testing.T) {
	f := newFixture()
	f.run(2000, userPID, "/home/u/.steam/steam")
	f.window(1, 2000, "steam")
	f.run(2100, 2000, "/usr/bin/reaper", steam(440))
	f.run(2101, 2100, "/opt/wine/wine64-preloader", steam(440), comm("game.exe"))
	f.run(2102, 2100, "/opt/wine/wine64-preloader", steam(440), comm("sound.exe"))
	f.window(2, 2101, "steam_app_440")
	f.plays(1, 2101, "wine64-preloader")
	f.plays(2, 2102, "wine64-preloader")
	f.plays(3, 2000, "steam")
	f.expect(t, 2, want{1, RulePID, Certain, 2101, Verified, false}, want{2, RuleSteam, Medium, 2102, Verified, false}, want{3, "", None, 2000, Verified, false})
	r := f.expect(t, 1, want{1, "", None, 2101, Verified, false}, want{2, "", None, 2102, Verified, false}, want{3, RulePID, Certain, 2000, Verified, false})
	r.whyNot(t, 2, RuleDescendant, "Steam game in another window", "steam_app_440")

	t.Run("without its window the game's sound is the client's", func(t *testing.T) {
		f.screen.Windows = f.screen.Windows[:1]
		f.expect(t, 1, want{2, RuleDescendant, High, 2102, Verified, false})
	})
	t.Run("another game", func(t *testing.T) {
		f.window(3, 2101, "steam_app_570")
		f.expect(t, 3, want{2, "", None, 2102, Verified, false})
	})
	t.Run("steam_app_0 is no game", func(t *testing.T) {
		f := newFixture()
		f.run(2101, userPID, "/opt/wine/wine64-preloader")
		f.run(2102, userPID, "/opt/wine/wine64-preloader")
		f.window(2, 2101, "steam_app_0")
		f.plays(2, 2102, "wine64-preloader")
		f.expect(t, 2, want{2, "", None, 2102, Verified, false})
	})
	t.Run("a window of the game on the way up owns it", func(t *testing.T) {
		f := newFixture()
		f.run(2100, userPID, "/opt/wine/wine64-preloader", steam(440))
		f.run(2101, 2100, "/opt/wine/wine64-preloader", steam(440))
		f.run(2102, 2100, "/opt/wine/wine64-preloader", steam(440))
		f.window(1, 2100, "steam_app_440")
		f.window(2, 2101, "steam_app_440")
		f.plays(2, 2102, "wine64-preloader")
		f.expect(t, 1, want{2, RuleDescendant, High, 2102, Verified, false})
		f.expect(t, 2, want{2, "", None, 2102, Verified, false})
	})
	t.Run("a window whose process is not known", func(t *testing.T) {
		f := newFixture()
		f.run(2102, userPID, "/opt/wine/wine64-preloader", steam(440))
		f.window(2, 0, "steam_app_440", func(w *desktop.Window) { w.Machine = f.host })
		f.plays(2, 2102, "wine64-preloader")
		f.expect(t, 2, want{2, RuleSteam, Medium, 2102, Verified, false})
	})
	for class, n := range map[string]int{"steam_app_440": 440, "steam_app_": 0, "steam_app_x": 0, "steam_app_-1": 0, "steam_app_4294967295": 4294967295, "steam_app_4294967296": 0, "steam": 0} {
		if got := steamApp(&desktop.Window{Class: class}); got != n {
			t.Errorf("%s: got %d", class, got)
		}
	}
}

func TestAppUnit(t *testing.T) {
	build := func(u string) *fixture {
		f := newFixture()
		f.run(2000, userPID, "/usr/bin/player", unit(u))
		f.run(2001, userPID, "/usr/bin/sound", unit(u))
		f.window(1, 2000, "Player")
		f.plays(1, 2001, "sound")
		return f
	}
	for _, u := range []string{"app-gnome-player-77.scope", "app-org.example.Player@7.service", `app-x\x2dplayer-1.scope`} {
		build(u).expect(t, 1, want{1, RuleUnit, Medium, 2001, Verified, false})
	}
	none := want{1, "", None, 2001, Verified, false}
	t.Run("no unit", func(t *testing.T) { build("").expect(t, 1, none) })
	t.Run("another unit", func(t *testing.T) {
		f := build("app-player-1.scope")
		f.run(2001, userPID, "/usr/bin/sound", unit("app-player-2.scope"))
		f.expect(t, 1, none)
	})
	t.Run("the unit of a launcher", func(t *testing.T) {
		build("app-sxhkd@autostart.service").expect(t, 1, none).whyNot(t, 1, RuleUnit, "not named after")
	})
	t.Run("another window in the unit", func(t *testing.T) {
		f := build("app-player-1.scope")
		f.run(2002, userPID, "/usr/bin/other", unit("app-player-1.scope"))
		f.window(2, 2002, "Other")
		f.expect(t, 1, none).whyNot(t, 1, RuleUnit, "also holds another window", `"Other" 0x2`)
	})
	t.Run("another window of the same process", func(t *testing.T) {
		f := build("app-player-1.scope")
		f.window(2, 2000, "Player")
		f.expect(t, 1, want{1, RuleUnit, Medium, 2001, Verified, false})
	})
	t.Run("owned by another window", func(t *testing.T) {
		f := build("app-player-1.scope")
		f.run(1950, userPID, "/usr/bin/xterm")
		f.window(2, 1950, "XTerm")
		f.run(2001, 1950, "/usr/bin/sound", unit("app-player-1.scope"))
		f.expect(t, 1, none)
	})
	t.Run("under a multiplexer", func(t *testing.T) {
		f := build("app-player-1.scope")
		f.run(1900, userPID, "/usr/bin/tmux", comm("tmux: server"))
		f.run(2001, 1900, "/usr/bin/sound", unit("app-player-1.scope"))
		f.expect(t, 1, none).whyNot(t, 1, RuleUnit, "tmux: server")
	})
	t.Run("another sandbox", func(t *testing.T) {
		f := build("app-player-1.scope")
		f.run(2001, userPID, "/usr/bin/sound", unit("app-player-1.scope"), flatpak(editor, "3"))
		f.expect(t, 1, none)
	})
	t.Run("another instance of the sandbox", func(t *testing.T) {
		f := build("app-player-1.scope")
		f.run(2000, userPID, "/usr/bin/player", unit("app-player-1.scope"), flatpak(player, "1"))
		f.run(2001, userPID, "/usr/bin/sound", unit("app-player-1.scope"), flatpak(player, "2"))
		f.run(2002, userPID, "/usr/bin/player", flatpak(player, "2"))
		f.window(2, 2002, "Player")
		f.expect(t, 1, none)
	})
	t.Run("an unknown process", func(t *testing.T) {
		f := build("app-player-1.scope")
		f.plays(2, 77, "sound")
		f.expect(t, 1, want{2, "", None, 0, Unknown, false})
	})
}

func TestParent(t *testing.T) {
	build := func(soundExe, windowExe, soundUnit, windowUnit string) *fixture {
		f := newFixture()
		f.run(2000, userPID, soundExe, unit(soundUnit))
		f.run(2001, 2000, "/bin/sh")
		f.run(2002, 2001, windowExe, unit(windowUnit))
		f.window(1, 2002, "Frontend")
		f.plays(1, 2000, base(soundExe))
		return f
	}
	low, none := want{1, RuleParent, Low, 2000, Verified, false}, want{1, "", None, 2000, Verified, false}
	build("/opt/app/main", "/opt/app/window", "", "").expect(t, 1, low)
	build("/usr/bin/main", "/usr/bin/window", "app-x.scope", "app-x.scope").expect(t, 1, low)
	build("/usr/bin/main", "/usr/bin/window", "", "").expect(t, 1, none)
	build("/opt/app/main", "/opt/other/window", "app-x.scope", "app-y.scope").expect(t, 1, none)
	t.Run("a parent with a window of its own", func(t *testing.T) {
		f := build("/opt/app/main", "/opt/app/window", "", "")
		f.window(2, 2000, "Main")
		f.expect(t, 1, none)
	})
	t.Run("a barrier", func(t *testing.T) {
		f := build("/opt/app/main", "/opt/app/window", "", "")
		f.procs[2000] = func(p procT) procT { p.Comm = "sxhkd"; return p }(f.procs[2000])
		f.expect(t, 1, none)
	})
	t.Run("a barrier in between", func(t *testing.T) {
		f := build("/opt/app/main", "/opt/app/window", "", "")
		f.procs[2001] = func(p procT) procT { p.Comm = "tmux: server"; return p }(f.procs[2001])
		f.expect(t, 1, none)
	})
	if Low.Acts(false) || !Low.Acts(true) {
		t.Error("low acts without being asked to")
	}
}

func TestName(t *testing.T) {
	build := func(class, binary, application string) *fixture {
		f := newFixture()
		f.run(2000, userPID, "/opt/x/frontend")
		f.run(2001, userPID, "/opt/y/"+binary)
		f.window(1, 2000, class)
		f.plays(1, 2001, binary, "application.name", application)
		return f
	}
	low, none := want{1, RuleName, Low, 2001, Verified, false}, want{1, "", None, 2001, Verified, false}
	build("Player", "player", "x").expect(t, 1, low)
	build("player", "engine", "Player").expect(t, 1, low)
	build("Player", "engine", "x").expect(t, 1, none)
	for _, generic := range []string{"chromium", "electron", "electron28", "java", "python3", "python3.11", "wine64-preloader", "wine-preloader", "pw-cat", "audio-src", "Playback", "ALSA plug-in [aplay]", "steam_app_440"} {
		build(generic, "engine", generic).expect(t, 1, none)
	}
	t.Run("two windows of the name", func(t *testing.T) {
		f := build("Player", "player", "x")
		f.run(2002, userPID, "/opt/z/other")
		f.window(2, 2002, "PLAYER")
		f.expect(t, 1, none).whyNot(t, 1, RuleName, "another window", `"player"`)
	})
	t.Run("two windows of one process", func(t *testing.T) {
		f := build("Player", "player", "x")
		f.window(2, 2000, "Player")
		f.expect(t, 1, low)
	})
	t.Run("two applications of the name", func(t *testing.T) {
		f := build("Player", "player", "x")
		f.run(2002, userPID, "/opt/z/player")
		f.plays(2, 2002, "player")
		f.expect(t, 1, none).whyNot(t, 1, RuleName, "another application")
	})
	t.Run("two streams of one process", func(t *testing.T) {
		f := build("Player", "player", "x")
		f.plays(2, 2001, "player")
		f.expect(t, 1, low, want{2, RuleName, Low, 2001, Verified, false})
	})
	t.Run("owned by another window", func(t *testing.T) {
		f := build("Player", "player", "x")
		f.window(2, 2001, "Other")
		f.expect(t, 1, none)
	})
	t.Run("a process that is not known", func(t *testing.T) {
		f := build("Player", "player", "x")
		delete(f.procs, 2001)
		f.expect(t, 1, want{1, RuleName, Low, 0, Unknown, false})
	})
}

func TestDescendantsOfAProcess(t *testing.T) {
	f := newFixture()
	f.run(2000, userPID, "/usr/bin/xterm")
	f.run(2001, 2000, "/usr/bin/tmux", comm("tmux: server"))
	f.run(2002, 2001, "/usr/bin/mpv")
	f.run(2003, userPID, "/usr/bin/mpv")
	f.window(1, 2002, "mpv")
	f.plays(1, 2002, "mpv")
	f.plays(2, 2003, "mpv")
	f.plays(3, 77, "mpv")
	f.plays(4, 2002, "mpv").Client = nil
	f.sandboxed(3031, 0, 6, "vlc")
	f.sandboxed(3041, 0, 7, "vlc")
	p := f.procs[3027]
	p.PPID = 2000
	f.procs[3027] = p
	r := Descendants(f.input(), 2000)
	if !equalInts(r.Window.PIDs, []int{2000}) || !r.Ambiguous() {
		t.Errorf("got %+v", r)
	}
	for i, want := range []struct {
		rule      Rule
		ambiguous bool
	}{{RuleDescendant, false}, {"", false}, {"", false}, {"", false}, {"", true}, {"", true}} {
		if s := r.Streams[i]; s.Rule != want.rule || s.Ambiguous != want.ambiguous || s.Matched != (want.rule != "") {
			t.Errorf("got %+v", s)
		}
	}
	if r := Descendants(f.input(), 2002); r.Streams[0].Rule != RulePID || r.Streams[0].Confidence != Certain {
		t.Errorf("got %+v", r.Streams[0])
	}
	if r := Descendants(f.input(), 77); r.Streams[0].Matched || r.Window.Reason != "there is no process 77" || r.Streams[0].Tried[0].Rule != RuleWindow {
		t.Errorf("got %+v", r)
	}
}

func TestApplicationNames(t *testing.T) {
	client := func(name string, props map[string]string) *pulse.Client {
		return &pulse.Client{Name: name, Properties: props}
	}
	for _, c := range []struct {
		s    pulse.Stream
		want string
	}{
		{pulse.Stream{}, ""},
		{pulse.Stream{Media: "Loopback"}, "Loopback"},
		{pulse.Stream{Media: "m", Client: client("c", nil)}, "c"},
		{pulse.Stream{Media: "m", Client: client("c", map[string]string{"application.process.binary": "/usr/bin/b"})}, "b"},
		{pulse.Stream{Media: "m", Client: client("c", map[string]string{"application.process.binary": "b", "application.name": "a"})}, "a"},
		{pulse.Stream{Client: client("c", map[string]string{"application.name": "ALSA plug-in [java]"})}, "java"},
		{pulse.Stream{Client: client("c", map[string]string{"application.name": "PipeWire ALSA [python3.11]"})}, "python3.11"},
		{pulse.Stream{Client: client("c", map[string]string{"application.name": "ALSA plug-in []"})}, "ALSA plug-in []"},
		{pulse.Stream{Client: client("c", map[string]string{"application.name": "VLC media player (LibVLC 3.0.24)"})}, "VLC"},
		{pulse.Stream{Client: client("c", map[string]string{"application.name": "Radio (LibVLC 3.0.24)"})}, "Radio"},
		{pulse.Stream{Client: client("c", map[string]string{"application.name": "KodiSink"})}, "Kodi"},
		{pulse.Stream{Client: client("c", map[string]string{"application.name": " "}), Media: "m"}, "c"},
		// mpv of SMPlayer, through PipeWire's own protocol.
		{pulse.Stream{Properties: map[string]string{"application.name": "SMPlayer"}, Client: client("mpv", map[string]string{"application.name": "mpv"})}, "SMPlayer"},
		{pulse.Stream{Properties: map[string]string{"application.name": "audio-src"}, Client: client("mpv", map[string]string{"application.name": "mpv"})}, "mpv"},
	} {
		if got := Application(&c.s); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestWords(t *testing.T) {
	for c, s := range map[Confidence]string{None: "none", Low: "low", Medium: "medium", High: "high", Certain: "certain", 99: "none"} {
		if c.String() != s {
			t.Errorf("got %q, want %q", c, s)
		}
	}
	for c, s := range map[Trust]string{Unknown: "unknown", Remote: "remote", Ambiguous: "ambiguous", Translated: "translated", Verified: "verified", Trusted: "trusted", 99: "unknown"} {
		if c.String() != s {
			t.Errorf("got %q, want %q", c, s)
		}
	}
	for c := None; c <= Certain; c++ {
		if c.Acts(false) != (c >= Medium) || c.Acts(true) != (c >= Low) {
			t.Errorf("%s acts wrongly", c)
		}
	}
}

// Every stream that is not matched has the whole ladder, each rule with words.
func TestEveryStreamHasTheWholeLadder(t *testing.T) {
	ladder := []Rule{RulePID, RuleInstance, RuleDescendant, RuleMultiplexer, RuleSandbox, RuleSteam, RuleWine, RuleAppID, RuleUnit, RuleParent, RuleName}
	f := newFixture()
	f.run(3018, userPID, "/usr/bin/xterm")
	f.run(3071, 3018, "/usr/bin/mpv")
	f.run(3080, userPID, "/usr/bin/vlc")
	f.window(1, 3018, "XTerm")
	f.plays(1, 3071, "mpv")
	f.plays(2, 3080, "vlc")
	f.plays(3, 77, "vlc")
	r := f.focus(1).match(t)
	for i, n := range []int{2, 11, 11} {
		tried := r.Streams[i].Tried
		if len(tried) != n {
			t.Errorf("stream %d: got %d rules", i, len(tried))
		}
		for j := range tried {
			if tried[j].Rule != ladder[j] || tried[j].WhyNot == "" {
				t.Errorf("stream %d: got %+v", i, tried[j])
			}
		}
	}
}

// What one rule refuses for good, a later one does not take.
func TestTheOtherWindowOfATerminalIsRefusedByEveryRule(t *testing.T) {
	for name, kind := range map[string]func(*procT){
		"unit":    unit("app-org.example.Terminal-1.scope"),
		"flatpak": flatpak("org.example.Terminal", "5"),
		"snap":    snap("terminal"),
		"name":    func(p *procT) { p.Exe = "/opt/terminal/terminal" },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture()
			f.run(2000, userPID, "/usr/bin/terminal", kind)
			f.run(2001, 2000, "/bin/bash", kind, terminal(1))
			f.run(2002, 2001, "/usr/bin/terminal", kind, terminal(1))
			f.window(1, 2000, "Terminal")
			f.window(2, 2000, "Terminal")
			f.plays(1, 2002, "terminal")
			f.expect(t, 1, want{1, RuleDescendant, High, 2002, Verified, false})
			f.expect(t, 2, want{1, "", None, 2002, Verified, false})
		})
	}
}

func TestUnitsAreNamedAfterApplications(t *testing.T) {
	for _, c := range []struct {
		unit, class, instance, exe string
		want                       bool
	}{
		{`app-gnome-google\x2dchrome-55.scope`, "Google-chrome", "google-chrome", "/opt/google/chrome/chrome", true},
		{"app-gnome-libreoffice-writer-7.scope", "LibreOffice Writer", "x", "/usr/lib/soffice.bin", true},
		{"app-org.gnome.Nautilus@3.service", "org.gnome.Nautilus", "org.gnome.Nautilus", "/usr/bin/nautilus", true},
		{"app-com.spotify.Client-9.scope", "Spotify", "spotify", "/app/extra/share/spotify/spotify", true},
		{"app-org.kde.konsole-4321.scope", "", "", "/usr/bin/konsole", true},
		{"app-sxhkd@autostart.service", "mpv", "gl", "/usr/bin/mpv", false},
		{"app-gnome-xterm-9.scope", "mpv", "x11", "/usr/bin/mpv", false},
		{"app-a-1.scope", "A", "a", "/usr/bin/a", false}, // too short to mean anything
		{"app-音楽-1.scope", "音楽", "", "", true},
		{"app-x-1.scope", "", "", "", false},
	} {
		f := newFixture()
		f.run(2000, userPID, c.exe, unit(c.unit), func(p *procT) { p.Exe = c.exe })
		f.run(2001, userPID, "/usr/bin/sound", unit(c.unit))
		f.window(1, 2000, c.class, func(w *desktop.Window) { w.Instance = c.instance })
		f.plays(1, 2001, "sound")
		if s := f.focus(1).match(t).Streams[0]; (s.Rule == RuleUnit) != c.want {
			t.Errorf("%s: got %+v", c.unit, s)
		}
	}
}

func TestNamesOfOthersDoNotDisturb(t *testing.T) {
	f := newFixture()
	f.run(2000, userPID, "/opt/x/frontend")
	f.run(2001, userPID, "/opt/y/engine")
	f.run(2002, userPID, "/opt/z/other")
	f.window(1, 2000, "Player")
	f.window(2, 2002, "Other")
	f.plays(1, 2001, "engine").Client.Name = "PLAYER "
	f.plays(2, 2002, "other")
	f.plays(3, 77, "third")
	f.expect(t, 1, want{1, RuleName, Low, 2001, Verified, false}, want{2, "", None, 2002, Verified, false}, want{3, "", None, 0, Unknown, false})
}

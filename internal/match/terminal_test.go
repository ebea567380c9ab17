package match

import (
	"strings"
	"testing"

	"github.com/patoggle/patoggle/internal/desktop"
)

// terminals is one process with two windows, 0xa1 and 0xa2, that sets no
// WINDOWID (gnome-terminal, lxterminal, terminator), with a player in one.
func terminals() *fixture {
	f := newFixture()
	f.run(2000, userPID, "/usr/libexec/gnome-terminal-server", terminal(0x999)) // inherited
	f.run(2001, 2000, "/bin/bash", tty(34816), terminal(0x999))
	f.run(2011, 2001, "/usr/bin/mpv", tty(34816), terminal(0x999))
	f.window(0xa1, 2000, "Gnome-terminal", func(w *desktop.Window) { w.Title = "music" })
	f.window(0xa2, 2000, "Gnome-terminal", func(w *desktop.Window) { w.Title = "mail" })
	f.plays(1, 2011, "mpv")
	return f
}

func TestATerminalOfOneProcessAndTwoWindows(t *testing.T) {
	f := terminals()
	for _, front := range []xid{0xa1, 0xa2} {
		r := f.expect(t, front, want{1, RuleDescendant, Low, 2011, Verified, false})
		s := r.Streams[0]
		for _, part := range []string{"2000 (gnome-terminal-)", `"music" 0xa1`, `"mail" 0xa2`, "nothing says in which"} {
			if !strings.Contains(s.Doubt, part) {
				t.Errorf("%q is not in %q", part, s.Doubt)
			}
		}
		if s.Confidence.Acts(false) || !s.Confidence.Acts(true) {
			t.Errorf("%s acts otherwise than a guess", s.Confidence)
		}
	}
	f.window(0xa3, 2000, "Gnome-terminal")
	if s := f.focus(0xa2).match(t).Streams[0]; !strings.Contains(s.Doubt, "and 1 more") {
		t.Errorf("of three windows: %q", s.Doubt)
	}
}

func TestATerminalOfOneWindow(t *testing.T) {
	f := terminals()
	f.screen.Windows = f.screen.Windows[:1]
	f.expect(t, 0xa1, want{1, RuleDescendant, High, 2011, Verified, false})
	// Its preferences are no terminal.
	f.window(0xa2, 2000, "Gnome-terminal", func(w *desktop.Window) { w.Type = desktop.Dialog })
	f.expect(t, 0xa1, want{1, RuleDescendant, High, 2011, Verified, false})
	f.expect(t, 0xa2, want{1, RuleDescendant, Low, 2011, Verified, false})
	// Another process's window is not its.
	f.run(2100, userPID, "/usr/bin/mpv")
	f.window(0xa3, 2100, "mpv")
	f.expect(t, 0xa1, want{1, RuleDescendant, High, 2011, Verified, false})
}

func TestWINDOWIDPlacesATerminal(t *testing.T) {
	f := terminals()
	f.run(2001, 2000, "/bin/bash", tty(34816), terminal(0xa1))
	r := f.expect(t, 0xa1, want{1, RuleDescendant, High, 2011, Verified, false})
	if r.Streams[0].Doubt != "" {
		t.Errorf("doubt about a sure match: %q", r.Streams[0].Doubt)
	}
	f.expect(t, 0xa2, want{1, "", None, 2011, Verified, false}).whyNot(t, 1, RuleDescendant, "another window", `"music" 0xa1`)
}

// Not every desktop tells of all windows: then their count decides, and without
// one nobody knows.
func TestADesktopThatDoesNotTellOfAllWindows(t *testing.T) {
	f := terminals()
	f.screen.Windows, f.screen.Complete = f.screen.Windows[:1], false
	for count, sure := range map[int]Confidence{0: Low, 1: High, 2: Low} {
		f.screen.OwnerWindows = count
		r := f.expect(t, 0xa1, want{1, RuleDescendant, sure, 2011, Verified, false})
		if (r.Streams[0].Doubt != "") != (sure == Low) || strings.Contains(r.Streams[0].Doubt, "mail") {
			t.Errorf("of %d windows: %q", count, r.Streams[0].Doubt)
		}
	}
}

// What a browser started in a terminal plays from has the browser's terminal,
// or none: its windows are one application.
func TestABrowserIsNoTerminal(t *testing.T) {
	for name, helper := range map[string]int{"in the same terminal": 34816, "in none": 0} {
		t.Run(name, func(t *testing.T) {
			f := newFixture()
			f.chromium(8569, 8709, 0x1400004, 7)
			f.window(0x1400005, 8569, "Chromium")
			for _, pid := range []int{8569, 8709} {
				p := f.procs[pid]
				p.TTY = 34816
				if pid == 8709 {
					p.TTY = helper
				}
				f.procs[pid] = p
			}
			f.expect(t, 0x1400004, want{7, RuleDescendant, High, 8709, Verified, false})
			f.expect(t, 0x1400005, want{7, RuleDescendant, High, 8709, Verified, false})
		})
	}
}

// Who left the terminal's session is still below its shell.
func TestAPlayerWithoutATerminalBelowAShellWithOne(t *testing.T) {
	f := terminals()
	f.run(2011, 2001, "/usr/bin/mpv")
	f.expect(t, 0xa1, want{1, RuleDescendant, Low, 2011, Verified, false})
}

// No rule below the one for descendants is surer of the window than that.
func TestADetachedPlayerOfATerminalIsNotPlacedByOtherRules(t *testing.T) {
	for rule, kind := range map[Rule]func(*procT){
		RuleUnit:     unit("app-gnome-org.gnome.Terminal-1.scope"),
		RuleInstance: flatpak("org.gnome.Terminal", "5"),
		RuleSandbox:  snap("gnome-terminal"),
	} {
		t.Run(string(rule), func(t *testing.T) {
			f := newFixture()
			f.run(2000, userPID, "/usr/bin/gnome-terminal", kind)
			f.run(2011, userPID, "/usr/bin/mpv", tty(34816), kind)
			f.window(0xa1, 2000, "Gnome-terminal")
			f.plays(1, 2011, "mpv")
			s := f.focus(0xa1).match(t).Streams[0]
			if s.Rule != rule || !s.Confidence.Acts(false) {
				t.Errorf("with one window: %+v", s)
			}
			f.window(0xa2, 2000, "Gnome-terminal")
			for _, front := range []xid{0xa1, 0xa2} {
				s := f.focus(front).match(t).Streams[0]
				if s.Rule != rule || s.Confidence != Low || s.Doubt == "" {
					t.Errorf("with two windows, %#x in front: %+v", front, s)
				}
			}
		})
	}
}

// Two windows of one terminal never both move the same player, unless the user
// lets us guess.
func TestOneTerminalsWindowsDoNotShareAPlayer(t *testing.T) {
	f := terminals()
	acts := 0
	for _, front := range []xid{0xa1, 0xa2} {
		for _, s := range f.focus(front).match(t).Streams {
			if s.Confidence.Acts(false) {
				acts++
			}
		}
	}
	if acts > 0 {
		t.Errorf("%d of 2 windows move the player", acts)
	}
}

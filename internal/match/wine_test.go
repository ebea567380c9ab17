package match

import "testing"

// prefix makes a process one of Wine's.
func prefix(p string) func(*procT) {
	return func(q *procT) { q.WinePrefix, q.Exe = p, "/usr/lib/wine/wine64-preloader" }
}

// launcher is a Wine program with a window whose child plays: Wine has init
// adopt the child.
func launcher() *fixture {
	f := newFixture()
	f.run(2000, userPID, "/opt/launcher.exe", prefix("/home/u/.wine"))
	f.run(2010, 1, "/opt/game.exe", prefix("/home/u/.wine"))
	f.window(1, 2000, "launcher.exe")
	f.plays(1, 2010, "wine64-preloader")
	return f
}

func TestTheChildOfAWineProgram(t *testing.T) {
	f := launcher()
	f.expect(t, 1, want{1, RuleWine, Medium, 2010, Verified, false})
	// Another program of the prefix with a window: nobody knows whose child it is.
	f.run(2020, userPID, "/opt/editor.exe", prefix("/home/u/.wine"))
	f.window(2, 2020, "editor.exe")
	f.expect(t, 1, want{1, "", None, 2010, Verified, false}).whyNot(t, 1, RuleWine, "also shows another window", `"editor.exe" 0x2`)
	f.expect(t, 2, want{1, "", None, 2010, Verified, false})
	// With a window of its own it is its own.
	f.window(3, 2010, "game.exe")
	f.expect(t, 3, want{1, RulePID, Certain, 2010, Verified, false})
	f.expect(t, 1, want{1, "", None, 2010, Verified, false})
}

func TestTwoWinePrefixes(t *testing.T) {
	f := launcher()
	f.run(2020, userPID, "/opt/editor.exe", prefix("/games/b"))
	f.window(2, 2020, "editor.exe")
	f.expect(t, 1, want{1, RuleWine, Medium, 2010, Verified, false})
	f.expect(t, 2, want{1, "", None, 2010, Verified, false}).whyNot(t, 1, RuleWine, "another Wine prefix, /home/u/.wine")
	// Only Wine's own processes are of a prefix: everything has a HOME.
	f.run(2030, 1, "/usr/bin/mpv", func(p *procT) { p.WinePrefix = "/home/u/.wine" })
	f.plays(2, 2030, "mpv")
	f.expect(t, 1, want{2, "", None, 2030, Verified, false}).whyNot(t, 2, RuleWine, "is not of Wine")
}

// Wine's virtual desktop is a window of explorer.exe.
func TestAWineProgramStartedFromATerminalOnWinesDesktop(t *testing.T) {
	f := newFixture()
	f.run(1900, userPID, "/usr/bin/xterm")
	f.run(1901, 1900, "/bin/bash", tty(34816))
	f.run(2010, 1901, "/opt/game.exe", tty(34816), prefix("/home/u/.wine"))
	f.window(1, 1900, "XTerm")
	f.plays(1, 2010, "wine64-preloader")
	f.expect(t, 1, want{1, RuleDescendant, High, 2010, Verified, false})
	f.run(2000, 1, "/opt/explorer.exe", prefix("/home/u/.wine"))
	f.window(2, 2000, "explorer.exe")
	f.expect(t, 2, want{1, RuleWine, Medium, 2010, Verified, false})
	f.expect(t, 1, want{1, "", None, 2010, Verified, false}).whyNot(t, 1, RuleDescendant, "Wine prefix of another window", `"explorer.exe" 0x2`)
}

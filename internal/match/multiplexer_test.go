package match

import (
	"strings"
	"testing"
)

// tmux is a server with a player in it, and terminals that show it: one xterm,
// with window 0xa1, and on request another, with window 0xa2.
func tmux(t *testing.T) *fixture {
	t.Helper()
	clear(open)
	t.Cleanup(func() { clear(open) })
	f := newFixture()
	f.run(2000, userPID, "/usr/bin/xterm")
	f.run(2001, 2000, "/bin/bash", tty(34816), terminal(0xa1))
	f.run(2002, 2001, "/usr/bin/tmux", tty(34816), terminal(0xa1), comm("tmux: client"))
	f.run(2100, userPID, "/usr/bin/tmux", comm("tmux: server"))
	f.run(2101, 2100, "/bin/bash", tty(34820), inTmux(2100, "0"))
	f.run(2102, 2101, "/usr/bin/mpv", tty(34820), inTmux(2100, "0"))
	open[2100] = []int{34816}
	f.window(0xa1, 2000, "XTerm")
	f.plays(1, 2102, "mpv")
	return f
}

func inTmux(server int, session string) func(*procT) {
	return func(p *procT) { p.Multiplexer, p.MultiplexerSession = server, session }
}

// second is another terminal.
func second(f *fixture) {
	f.run(2010, userPID, "/usr/bin/xterm")
	f.run(2011, 2010, "/bin/bash", tty(34817))
	f.window(0xa2, 2010, "XTerm")
}

// attached makes the second terminal show the server, too.
func attached(f *fixture) {
	f.run(2012, 2011, "/usr/bin/tmux", tty(34817), comm("tmux: client"))
	open[2100] = []int{34816, 34817}
}

func TestAPlayerInTmuxBelongsToTheTerminalThatShowsIt(t *testing.T) {
	f := tmux(t)
	second(f)
	f.expect(t, 0xa1, want{1, RuleMultiplexer, Medium, 2102, Verified, false})
	r := f.expect(t, 0xa2, want{1, "", None, 2102, Verified, false})
	r.whyNot(t, 1, RuleMultiplexer, "2100 (tmux: server)", "another window", `"XTerm" 0xa1`)

	// The shell has gone and left the player behind.
	f.run(2102, 1, "/usr/bin/mpv", tty(34820), inTmux(2100, "0"))
	f.expect(t, 0xa1, want{1, RuleMultiplexer, Medium, 2102, Verified, false})
}

func TestTmuxThatSeveralTerminalsShow(t *testing.T) {
	f := tmux(t)
	second(f)
	attached(f)
	for _, front := range []xid{0xa1, 0xa2} {
		r := f.expect(t, front, want{1, RuleMultiplexer, Low, 2102, Verified, false})
		if d := r.Streams[0].Doubt; !strings.Contains(d, "2 terminals show") {
			t.Errorf("the doubt is %q", d)
		}
	}
	// One of them is on another machine.
	f.run(2011, 1, "/usr/sbin/sshd", tty(34817))
	r := f.expect(t, 0xa1, want{1, RuleMultiplexer, Low, 2102, Verified, false})
	if d := r.Streams[0].Doubt; !strings.Contains(d, "not only this window's") {
		t.Errorf("the doubt is %q", d)
	}
	f.expect(t, 0xa2, want{1, "", None, 2102, Verified, false})
}

func TestTmuxThatNothingShows(t *testing.T) {
	f := tmux(t)
	open[2100] = nil
	f.expect(t, 0xa1, want{1, "", None, 2102, Verified, false}).whyNot(t, 1, RuleMultiplexer, "which no terminal shows")
	delete(open, 2100)
	f.expect(t, 0xa1, want{1, "", None, 2102, Verified, false}).whyNot(t, 1, RuleMultiplexer, "does not let us see")
	// What a server says that has gone counts for nothing.
	f.run(2102, 1, "/usr/bin/mpv", tty(34820), inTmux(4242, "0"))
	f.expect(t, 0xa1, want{1, "", None, 2102, Verified, false}).whyNot(t, 1, RuleMultiplexer, "does not run in tmux")
	f.run(4242, userPID, "/usr/bin/vlc") // its number is another program's now
	open[4242] = []int{34816}
	f.expect(t, 0xa1, want{1, "", None, 2102, Verified, false})
}

func TestSeveralSessionsOfOneTmux(t *testing.T) {
	f := tmux(t)
	f.run(2201, 2100, "/bin/bash", tty(34821), inTmux(2100, "1"))
	r := f.expect(t, 0xa1, want{1, RuleMultiplexer, Low, 2102, Verified, false})
	if d := r.Streams[0].Doubt; !strings.Contains(d, "several sessions") {
		t.Errorf("the doubt is %q", d)
	}
}

func TestScreenInTmux(t *testing.T) {
	f := tmux(t)
	f.run(2110, 2101, "/usr/bin/screen", tty(34820), inTmux(2100, "0"))
	f.run(2111, 2110, "/usr/bin/screen", inTmux(2100, "0"))
	f.run(2112, 2111, "/usr/bin/mpv", tty(34825), inTmux(2111, ""))
	open[2111] = []int{34820}
	f.plays(2, 2112, "mpv")
	second(f)
	f.expect(t, 0xa1, want{2, RuleMultiplexer, Medium, 2112, Verified, false})
	f.expect(t, 0xa2, want{2, "", None, 2112, Verified, false})
	attached(f)
	f.expect(t, 0xa1, want{2, RuleMultiplexer, Low, 2112, Verified, false})
}

func TestTmuxInATerminalOfTwoWindows(t *testing.T) {
	f := tmux(t)
	f.window(0xa3, 2000, "XTerm")
	f.expect(t, 0xa1, want{1, RuleMultiplexer, Medium, 2102, Verified, false}) // WINDOWID says so
	f.expect(t, 0xa3, want{1, "", None, 2102, Verified, false})
	f.run(2001, 2000, "/bin/bash", tty(34816))
	f.run(2002, 2001, "/usr/bin/tmux", tty(34816), comm("tmux: client"))
	for _, front := range []xid{0xa1, 0xa3} {
		r := f.expect(t, front, want{1, RuleMultiplexer, Low, 2102, Verified, false})
		if d := r.Streams[0].Doubt; !strings.Contains(d, "nothing says in which") {
			t.Errorf("the doubt is %q", d)
		}
	}
}

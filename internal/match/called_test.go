package match

import (
	"strings"
	"testing"

	"github.com/patoggle/patoggle/internal/desktop"
)

// What names only the program it runs in is called as the window is.
func TestInterpretersAreCalledAsTheirWindows(t *testing.T) {
	for _, c := range []struct {
		name, stream, class string
		inTerminal          bool
		want                string
	}{
		{"a game in Python", "ALSA plug-in [python3.11]", "solarwolf", false, "solarwolf"},
		{"one in Java", "ALSA plug-in [java]", "net-minecraft", false, "net-minecraft"},
		{"a window that is called Python itself", "python3.11", "python3", false, "python3.11"},
		{"a window without a name", "ALSA plug-in [java]", "", false, "java"},
		{"Electron", "WEBRTC VoiceEngine", "discord", false, "discord"},
		{"a player", "mpv", "smplayer", false, "mpv"},
		{"a script in a terminal", "python3.11", "XTerm", true, "python3.11"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture()
			f.run(2000, userPID, "/usr/bin/python3.11")
			f.window(1, 2000, c.class, func(w *desktop.Window) { w.Title = "a secret" })
			pid := 2000
			if c.inTerminal {
				pid = 2001
				f.run(pid, 2000, "/usr/bin/python3.11", tty(34816))
			}
			f.plays(1, pid, "python3.11", "application.name", c.stream).Media = "a song"
			s := f.focus(1).match(t).Streams[0]
			if !s.Matched || s.Called != c.want {
				t.Errorf("%q by %s, not %q", s.Called, s.Rule, c.want)
			}
			// No other window gives its name away.
			f.run(3000, userPID, "/usr/bin/vlc")
			f.window(2, 3000, "vlc")
			if s := f.focus(2).match(t).Streams[0]; s.Matched || s.Called == c.class && c.class != "" {
				t.Errorf("with another window in front: %q", s.Called)
			}
		})
	}
	f := newFixture()
	f.run(2000, userPID, "/usr/bin/x")
	f.window(1, 2000, "")
	f.stream(1).Media = "a song"
	if s := f.focus(1).match(t).Streams[0]; s.Called != "" {
		t.Errorf("without a name: %q", s.Called)
	}
}

func TestAnApplicationOfAnotherUser(t *testing.T) {
	f := newFixture()
	f.run(2000, userPID, "/usr/bin/mpv", func(p *procT) { p.UID = 1001 })
	f.window(1, 2000, "mpv")
	f.plays(1, 2000, "mpv")
	in := f.focus(1).input()
	for _, c := range []struct {
		user func(int) string
		want string
	}{
		{nil, "the user 1001"},
		{func(uid int) string { return map[int]string{1001: "bob"}[uid] }, `the user "bob"`},
	} {
		in.User = c.user
		r := Match(in)
		if r.Window.User != c.want || r.Streams[0].Confidence.Acts(false) {
			t.Errorf("the window is of %q: %+v", r.Window.User, r.Streams[0])
		}
		if why := said(r.Streams[0], RulePID); !strings.Contains(why, "belongs to "+c.want) {
			t.Errorf("%q does not name the user", why)
		}
	}
	f.run(2000, userPID, "/usr/bin/mpv")
	if r := f.match(t); r.Window.User != "" {
		t.Errorf("our own is of %q", r.Window.User)
	}
}

// wlroots is a desktop that knows the application ids of all windows and no
// process (wlr-foreign-toplevel).
func wlroots(f *fixture, ids ...string) {
	f.screen.Desktop, f.screen.Resource = "labwc", false
	for i, id := range ids {
		f.window(xid(i+1), 0, "", func(w *desktop.Window) { w.AppID, w.Derived = id, true })
	}
}

func TestWindowsThatOnlyTheirApplicationIdNames(t *testing.T) {
	f := newFixture()
	wlroots(f, "org.example.Player", "foot", "mpv")
	f.run(2000, userPID, "/usr/bin/foot")
	f.run(2001, userPID, "/usr/bin/foot")
	f.run(2010, 2000, "/usr/bin/mpv", tty(34816))
	f.run(2020, userPID, "/usr/bin/mpv")
	f.screen.Windows[1].Candidates = []int{2000, 2001}
	f.screen.Windows[2].Candidates = []int{2020, 4000} // the second is gone
	f.plays(1, 2010, "mpv")
	f.plays(2, 2020, "mpv")
	f.plays(3, 77, "player", "application.id", "org.example.Player")
	// One process: it is known, but only by what it runs.
	f.expect(t, 3, want{1, "", None, 2010, Verified, false}, want{2, RulePID, Medium, 2020, Verified, false})
	// Two: nobody knows which.
	r := f.expect(t, 2, want{1, RuleDescendant, Low, 2010, Verified, false}, want{2, "", None, 2020, Verified, false})
	if d := r.Streams[0].Doubt; !strings.Contains(d, "2000 (foot) or 2001 (foot)") || !strings.Contains(d, "foot, which") {
		t.Errorf("the doubt is %q", d)
	}
	// None: a stream that says the same id.
	r = f.expect(t, 1, want{1, "", None, 2010, Verified, false}, want{3, RuleAppID, Medium, 0, Unknown, false})
	if !strings.Contains(r.Window.Reason, "org.example.Player") {
		t.Errorf("the reason is %q", r.Window.Reason)
	}
	f.screen.Complete = false
	if s := f.focus(1).match(t).Streams[2]; s.Confidence.Acts(false) {
		t.Errorf("of a desktop that does not tell of all windows: %+v", s)
	}
	f.screen.Complete = true
	wlroots(f, "x", "y", "z", "org.example.Player")
	f.screen.Windows[6].ID, f.screen.Windows[6].XID = "0x99", 0x99
	if s := f.focus(1).match(t).Streams[2]; s.Confidence.Acts(false) {
		t.Errorf("of two windows with the id: %+v", s)
	}
}

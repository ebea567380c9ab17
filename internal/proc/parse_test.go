package proc

import (
	"reflect"
	"strings"
	"testing"
)

// Recorded on Linux 6.18.
const (
	statCat      = "18336 (cat) R 18334 18334 6736 0 -1 4194304 101 0 1 0 0 0 0 0 20 0 1 0 128967 3133440 340 18446744073709551615 94129538662400 94129538682281 140733457158896 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 94129538698288 94129538699904 94130033938432 140733457160704 140733457160724 140733457160724 140733457162219 0\n"
	statKthreadd = "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 25 0 0 18446744073709551615 0 0 0 0 0 0 0 2147483647 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
	statusMPV    = "Name:\tmpv\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t29563\nNgid:\t0\nPid:\t29563\nPPid:\t29562\nTracerPid:\t0\nUid:\t1000\t1000\t1000\t1000\nGid:\t1000\t1000\t1000\t1000\nFDSize:\t64\nGroups:\t24 25 29 \nNStgid:\t29563\t2\nNSpid:\t29563\t2\nNSpgid:\t29562\t1\nNSsid:\t29562\t1\nKthread:\t0\nVmPeak:\t  703240 kB\nSeccomp:\t0\n"
	flatpakInfo  = "[Application]\nname=org.example.Player\nruntime=runtime/org.freedesktop.Platform/x86_64/23.08\n\n[Instance]\ninstance-id=3262137452\ninstance-path=/home/u/.var/app/org.example.Player\napp-path=/var/lib/flatpak/app/org.example.Player/x86_64/stable/1/files\nflatpak-version=1.14.10\nsession-bus-proxy=true\n\n[Context]\nshared=network;ipc;\nsockets=x11;pulseaudio;\n\n[Session Bus Policy]\norg.freedesktop.Notifications=talk\n"
)

func TestStat(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     stat
		ok       bool
	}{
		{"a program", statCat, stat{18336, "cat", 'R', 18334, 0, 4194304, 1, 128967}, true},
		{"a thread of the kernel", statKthreadd, stat{2, "kthreadd", 'S', 0, 0, 2129984, 1, 25}, true},
		{"a name with spaces and parentheses", "7 (a) b (c) S 1 2 3) Z 5 7 7 0 -1 4 0 0 0 0 0 0 0 0 20 0 3 0 99 0", stat{7, "a) b (c) S 1 2 3", 'Z', 5, 0, 4, 3, 99}, true},
		{"a name with a line feed and a backslash", `7 (a\nb\\c) S 5 7 7 34818 -1 4 0 0 0 0 0 0 0 0 20 0 3 0 99 0`, stat{7, "a\nb\\c", 'S', 5, 34818, 4, 3, 99}, true},
		{"no name", "7 () S 5 7 7 -2147483648 -1 4 0 0 0 0 0 0 0 0 20 0 3 0 99 0", stat{7, "", 'S', 5, -2147483648, 4, 3, 99}, true},
		{"too few fields", "7 (a) S 5 7 7 0 -1 4 0 0 0 0 0 0 0 0 20 0 3 0", stat{}, false},
		{"no parenthesis", "7 a S 5 7 7 0 -1 4 0 0 0 0 0 0 0 0 20 0 3 0 99 0", stat{}, false},
		{"parentheses the wrong way round", "7 )a( S 5 7 7 0 -1 4 0 0 0 0 0 0 0 0 20 0 3 0 99 0", stat{}, false},
		{"a parent that is no number", "7 (a) S x 7 7 0 -1 4 0 0 0 0 0 0 0 0 20 0 3 0 99 0", stat{}, false},
		{"a negative parent", "7 (a) S -5 7 7 0 -1 4 0 0 0 0 0 0 0 0 20 0 3 0 99 0", stat{}, false},
		{"a terminal that is no number", "7 (a) S 5 7 7 x -1 4 0 0 0 0 0 0 0 0 20 0 3 0 99 0", stat{}, false},
		{"a huge pid", "99999999999999999999 (a) S 5 7 7 0 -1 4 0 0 0 0 0 0 0 0 20 0 3 0 99 0", stat{}, false},
		{"nothing", "", stat{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := parseStat([]byte(c.in))
			if ok != c.ok || got != c.want {
				t.Errorf("got %+v %v", got, ok)
			}
		})
	}
}

func TestZombies(t *testing.T) {
	for _, c := range []struct {
		state   byte
		threads int
		want    bool
	}{{'Z', 1, true}, {'Z', 0, true}, {'Z', 2, false}, {'X', 1, true}, {'S', 1, false}, {'R', 1, false}, {'T', 1, false}, {'D', 1, false}} {
		if got := (stat{state: c.state, threads: c.threads}).zombie(); got != c.want {
			t.Errorf("%c with %d threads: got %v", c.state, c.threads, got)
		}
	}
}

func TestStatus(t *testing.T) {
	short := func(s string) string { return "Tgid:\t7\nPid:\t7\nUid:\t1000\t0\t0\t0\n" + s }
	for _, c := range []struct {
		name, in string
		want     status
		ok       bool
	}{
		{"a sandboxed player", statusMPV, status{29563, 29563, 1000, []int{29563, 2}}, true},
		{"one namespace", short("NSpid:\t7\n"), status{7, 7, 1000, []int{7}}, true},
		{"no namespaces in the kernel", short(""), status{7, 7, 1000, []int{7}}, true},
		{"three namespaces", short("NSpid:\t7\t5\t1\n"), status{7, 7, 1000, []int{7, 5, 1}}, true},
		{"a thread", "Tgid:\t7\nPid:\t9\nUid:\t0\t0\t0\t0\nNSpid:\t9\n", status{9, 7, 0, []int{9}}, true},
		{"the largest user", "Tgid:\t7\nPid:\t7\nUid:\t4294967295\t0\t0\t0\n", status{7, 7, 4294967295, []int{7}}, true},
		{"no user", "Tgid:\t7\nPid:\t7\nNSpid:\t7\n", status{}, false},
		{"a user that is no number", "Tgid:\t7\nPid:\t7\nUid:\tx\n", status{}, false},
		{"no value", "Tgid:\t7\nPid:\t7\nUid:\n", status{}, false},
		{"two pids", short("Pid:\t8\n"), status{}, false},
		{"names that do not begin with the pid", short("NSpid:\t8\t2\n"), status{}, false},
		{"a name that is no number", short("NSpid:\t7\t-2\n"), status{}, false},
		{"a name that looks like a line", "Name:\ta\\nPid:\t8\n" + short("NSpid:\t7\n"), status{7, 7, 1000, []int{7}}, true},
		{"nothing", "", status{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := parseStatus([]byte(c.in))
			if ok != c.ok || ok && !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v %v", got, ok)
			}
		})
	}
}

func TestCgroup(t *testing.T) {
	const user = "0::/user.slice/user-1000.slice/user@1000.service/"
	for _, c := range []struct{ name, in, want string }{
		{"a scope", user + "app.slice/app-gnome-firefox-4711.scope\n", "app-gnome-firefox-4711.scope"},
		{"a service", user + "app.slice/app-org.kde.konsole@7c3.service\n", "app-org.kde.konsole@7c3.service"},
		{"an escaped name", user + `app.slice/app-gnome-google\x2dchrome-5.scope` + "\n", `app-gnome-google\x2dchrome-5.scope`},
		{"a shell of a terminal", user + "app.slice/app-org.gnome.Terminal.slice/vte-spawn-0b1f.scope\n", ""},
		{"a slice is no unit", user + "app.slice/app-x.slice/x.service\n", ""},
		{"the session", "0::/user.slice/user-1000.slice/session-2.scope\n", ""},
		{"the innermost of two", user + "app.slice/app-a-1.scope/app-b-2.scope/leaf\n", "app-b-2.scope"},
		{"inside the unit", user + "app.slice/app-a-1.scope/sub/leaf\n", "app-a-1.scope"},
		{"systemd's own hierarchy", "9:name=systemd:/user.slice/app-x-1.scope\n8:pids:/app-y-2.scope\n0::/\n", "app-x-1.scope"},
		{"another hierarchy", "8:pids:/app-y-2.scope\n0::/\n", ""},
		{"a path with a colon", "0::/a:b/app-x:y-1.scope\n", "app-x:y-1.scope"},
		{"no line feed", "0::/app-x-1.scope", "app-x-1.scope"},
		{"not at the beginning of a name", "0::/my-app-x-1.scope\n", ""},
		{"no path", "0::\n", ""},
		{"nothing", "", ""},
		{"rubbish", "app-x.scope\n:::::\n\x00", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := parseCgroup([]byte(c.in)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestFlatpakInfo(t *testing.T) {
	for _, c := range []struct{ name, in, app, instance string }{
		{"a real one", flatpakInfo, "org.example.Player", "3262137452"},
		{"blanks", " [Application] \r\n name = org.x.Y \r\n[Instance]\n\tinstance-id\t=\t7\n", "org.x.Y", "7"},
		{"no instance", "[Application]\nname=org.x.Y\n", "org.x.Y", ""},
		{"a runtime alone", "[Runtime]\nname=org.x.Platform\n[Instance]\ninstance-id=7\n", "", ""},
		{"a key in the wrong group", "[Context]\nname=org.x.Y\n[Instance]\nname=org.x.Z\n", "", ""},
		{"a comment", "# [Application]\n[Application]\n#name=org.x.A\nname=org.x.Y\n", "org.x.Y", ""},
		{"no group", "name=org.x.Y\n", "", ""},
		{"a broken group", "[Application\nname=org.x.Y\n", "", ""},
		{"an id that cannot be one", "[Application]\nname=org.x.\x1b[31m\n", "", ""},
		{"an id that is too long", "[Application]\nname=" + strings.Repeat("a", 256) + "\n", "", ""},
		{"nothing", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if app, instance := parseFlatpakInfo([]byte(c.in)); app != c.app || instance != c.instance {
				t.Errorf("got %q %q", app, instance)
			}
		})
	}
}

func TestLabel(t *testing.T) {
	for in, want := range map[string]string{
		"snap.firefox.firefox (enforce)\n":     "firefox",
		"snap.vlc.vlc":                         "vlc",
		"snap.code-insiders.code (complain)\n": "code-insiders",
		"unconfined\n":                         "",
		"/usr/bin/mpv (enforce)\n":             "",
		"snap.":                                "",
		"snap.firefox":                         "",
		"snap..x":                              "",
		"snap.a b.c":                           "",
		"":                                     "",
		"unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023": "",
	} {
		if got := parseLabel([]byte(in)); got != want {
			t.Errorf("%q: got %q", in, got)
		}
	}
}

func TestEnviron(t *testing.T) {
	for _, c := range []struct {
		in     string
		steam  int
		window uint32
	}{
		{"", 0, 0},
		{"HOME=/home/u\x00WINDOWID=4194316\x00SteamAppId=440\x00", 440, 4194316},
		{"WINDOWID=4194316", 0, 4194316},
		{"WINDOWID=0x40000c\x00", 0, 0x40000c},
		{"WINDOWID=\x00WINDOWID=5\x00", 0, 0},
		{"WINDOWID=7\x00WINDOWID=5\x00SteamAppId=1\x00SteamAppId=2", 1, 7},
		{"XWINDOWID=7\x00MYSteamAppId=2\x00", 0, 0},
		{"windowid=7\x00steamappid=2\x00", 0, 0},
		{"WINDOWID=-1\x00SteamAppId=-1\x00", 0, 0},
		{"WINDOWID=4294967296\x00SteamAppId=4294967296\x00", 0, 0},
		{"WINDOWID=4294967295\x00SteamAppId=4294967295\x00", 4294967295, 4294967295},
		{"WINDOWID=7 \x00SteamAppId=+2\x00", 0, 0},
		{"A=WINDOWID=7\nWINDOWID=8\x00", 0, 0},
		{"\x00\x00\x00WINDOWID=3\x00\x00", 0, 3},
	} {
		if e := parseEnviron([]byte(c.in)); e.steam != c.steam || e.window != c.window {
			t.Errorf("%q: got %+v", c.in, e)
		}
	}
}

func TestTheServerOfATerminalMultiplexer(t *testing.T) {
	for in, want := range map[string]int{
		"TMUX=/tmp/tmux-1000/default,4711,0\x00":              4711,
		"TMUX=/tmp/a,7,b/default,4711,$3\x00":                 4711,
		"TMUX=\x00STY=4712.pts-3.desk\x00":                    4712,
		"STY=4712.pts-3.desk\x00TMUX=/tmp/t,4711,0\x00":       4711, // the inner one cannot be told; tmux is common
		"STY=4712.my.name\x00":                                4712,
		"TMUX=4711\x00":                                       0,
		"TMUX=/tmp/t,x,0\x00STY=none\x00":                     0,
		"TMUX=/tmp/t,99999999,0\x00":                          0,
		"STY=.desk\x00":                                       0,
		"XTMUX=/tmp/t,4711,0\x00TMUX_PANE=%1\x00STYX=1.2\x00": 0,
	} {
		if got := parseEnviron([]byte(in)).multiplexer; got != want {
			t.Errorf("%q: got %d", in, got)
		}
	}
}

func TestTheWinePrefix(t *testing.T) {
	for in, want := range map[string]string{
		"HOME=/home/u\x00WINEPREFIX=/games/a\x00":   "/games/a",
		"HOME=/home/u\x00WINEPREFIX=/games/a//\x00": "/games/a",
		"HOME=/home/u\x00WINEPREFIX=\x00":           "/home/u/.wine",
		"HOME=/home/u\x00":                          "/home/u/.wine",
		"WINEPREFIX=/\x00":                          "/",
		"XHOME=/home/u\x00":                         "",
	} {
		if got := parseEnviron([]byte(in)).winePrefix; got != want {
			t.Errorf("%q: got %q", in, got)
		}
	}
}

func TestSmallParts(t *testing.T) {
	for in, want := range map[string]string{"mpv\x00--loop\x00": "mpv", "": "", "mpv": "mpv", "\x00x": "", "tmux: server": "tmux: server"} {
		if got := parseArgv0([]byte(in)); got != want {
			t.Errorf("%q: got %q", in, got)
		}
	}
	for in, want := range map[string]string{"/usr/bin/mpv": "/usr/bin/mpv", "/usr/bin/mpv (deleted)": "/usr/bin/mpv", "": "", "/x (deleted) (deleted)": "/x (deleted)"} {
		if got := parseExe(in); got != want {
			t.Errorf("%q: got %q", in, got)
		}
	}
	for in, want := range map[string]int{"0": 0, "1": 1, "4194304": 4194304, "4194305": -1, "99999999": -1, "": -1, "-1": -1, "+1": -1, "1x": -1, " 1": -1, "٣": -1} {
		got, ok := number(in)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%q: got %d", in, got)
		}
	}
}

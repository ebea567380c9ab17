package identity

import (
	"testing"

	"github.com/patoggle/patoggle/internal/proc"
	"github.com/patoggle/patoggle/pulse"
)

// table is /proc.
type table map[int]struct {
	proc.Process
	args []string
}

func (t table) Read(pid int, _ proc.Fields) (proc.Process, bool) {
	p, ok := t[pid]
	return p.Process, ok
}
func (t table) Arguments(pid int) []string { return t[pid].args }

func one(p proc.Process, args ...string) table {
	return table{7: {p, args}}
}

func stream(name, binary, media string) *pulse.Stream {
	return &pulse.Stream{Media: media, Client: &pulse.Client{Properties: map[string]string{"application.name": name, "application.process.binary": binary}}}
}

func TestWhoAnApplicationIs(t *testing.T) {
	for _, tt := range []struct {
		name   string
		stream *pulse.Stream
		procs  table // nil: the process is not known
		key    string
		fits   []string
		not    []string
	}{
		{"mpv", stream("mpv", "mpv", "a song"), one(proc.Process{Exe: "/usr/bin/mpv"}), "program:mpv", []string{"mpv"}, []string{"a song"}},
		{"chromium is Chromium", stream("Chromium", "chromium", "Playback"), one(proc.Process{Exe: "/usr/lib/chromium/chromium"}),
			"program:chromium", []string{"Chromium", "chromium"}, []string{"Playback"}},
		{"an application built on it is not", stream("Chromium", "Discord", "Playback"), one(proc.Process{Exe: "/usr/share/discord/Discord"}),
			"program:discord", []string{"discord"}, []string{"chromium", "playback"}},
		{"an application in the system's Electron", stream("Chromium", "electron", "Playback"),
			one(proc.Process{Exe: "/usr/lib/electron28/electron"}, "/usr/lib/electron28/electron", "--flag", "/usr/lib/element/app.asar"),
			"electron:/usr/lib/element/app.asar", []string{"app"}, []string{"chromium", "electron"}},
		{"Electron that says nothing", stream("Chromium", "electron", "Playback"), one(proc.Process{Exe: "/usr/lib/electron"}, "electron"),
			"", nil, []string{"chromium", "electron"}},
		{"Flatpak", stream("Firefox", "firefox", "a page"), one(proc.Process{Exe: "/app/lib/firefox/firefox", Flatpak: "org.mozilla.firefox"}),
			"flatpak:org.mozilla.firefox", []string{"firefox", "org.mozilla.firefox"}, []string{"a page"}},
		{"Snap", stream("Spotify", "spotify", ""), one(proc.Process{Exe: "/snap/spotify/1/usr/share/spotify", Snap: "spotify"}), "snap:spotify", []string{"spotify"}, nil},
		{"Steam", stream("Some Game", "game.x86_64", ""), one(proc.Process{Exe: "/steam/game.x86_64", SteamAppID: 4000}), "steam:4000", []string{"Some Game", "steam_app_4000"}, nil},
		{"Wine", stream("foobar2000.exe", "wine64-preloader", ""), one(proc.Process{Exe: "/usr/lib/wine/wine64-preloader"}, `C:\Program Files\foobar2000\foobar2000.exe`),
			"wine:foobar2000.exe", []string{"foobar2000.exe", "foobar2000"}, []string{"wine64-preloader"}},
		{"Wine's own desktop", stream("", "wine64-preloader", ""), one(proc.Process{Exe: "/usr/lib/wine/wine64-preloader"}, `C:\windows\explorer.exe`, "/desktop"),
			"", nil, []string{"explorer.exe"}},
		{"Java", stream("ALSA plug-in [java]", "java", ""), one(proc.Process{Exe: "/usr/lib/jvm/bin/java"}, "java", "-Xmx1g", "-cp", "/x/lib.jar", "-jar", "/opt/tunes/tunes.jar"),
			"java:/opt/tunes/tunes.jar", []string{"tunes"}, []string{"java", "ALSA plug-in [java]"}},
		{"another Java program is another", stream("ALSA plug-in [java]", "java", ""), one(proc.Process{Exe: "/usr/lib/jvm/bin/java"}, "java", "-cp", "/x.jar", "org.example.Main"),
			"java:org.example.Main", nil, []string{"java", "ALSA plug-in [java]"}},
		{"Python", stream("python3.11", "python3.11", ""), one(proc.Process{Exe: "/usr/bin/python3.11"}, "python3", "-u", "/usr/bin/exaile"),
			"python:/usr/bin/exaile", []string{"exaile"}, []string{"python3.11", "python"}},
		{"Python's module", stream("python3", "python3.11", ""), one(proc.Process{Exe: "/usr/bin/python3.11"}, "python3", "-m", "quodlibet"), "python:quodlibet", []string{"quodlibet"}, nil},
		{"Python's own words", stream("python3", "python3.11", ""), one(proc.Process{Exe: "/usr/bin/python3.11"}, "python3", "-c", "import x"), "", nil, []string{"python3"}},
		{"a sandbox that cannot be looked into", stream("mpv", "mpv", "x"), nil, "program:mpv", []string{"mpv"}, nil},
		{"a name alone", stream("Spotify", "", ""), nil, "name:spotify", []string{"Spotify"}, nil},
		{"a generic name alone is nobody", stream("ALSA plug-in [java]", "", "x"), nil, "", nil, []string{"ALSA plug-in [java]", "x"}},
		{"nothing at all", &pulse.Stream{Media: "a page"}, nil, "", nil, []string{"a page"}},
		{"paplay is what it is called", stream("paplay", "pacat", "x"), one(proc.Process{Exe: "/usr/bin/pacat"}), "program:pacat", []string{"paplay", "pacat"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pid := 0
			var procs Process
			if tt.procs != nil {
				pid, procs = 7, tt.procs
			}
			id := Of(tt.stream, pid, procs)
			if id.Key != tt.key {
				t.Errorf("it is %q, want %q", id.Key, tt.key)
			}
			called := func(name string) bool {
				for _, n := range id.Names {
					if fold(n) == fold(name) {
						return true
					}
				}
				return false
			}
			for _, n := range tt.fits {
				if !called(n) {
					t.Errorf("it is not called %q but %q", n, id.Names)
				}
			}
			for _, n := range tt.not {
				if called(n) {
					t.Errorf("it is called %q", n)
				}
			}
		})
	}
}

func FuzzScript(f *testing.F) {
	f.Add("java", "-jar\x00/a/b.jar")
	f.Add("python3.11", "-m\x00x")
	f.Fuzz(func(t *testing.T, program, args string) {
		list := append([]string{program}, args)
		if s := scriptOf(program, list); s != "" && len(s) > len(args) {
			t.Errorf("%q is longer than the argument", s)
		}
		windowsProgram(list)
	})
}

func TestTellsWhichNamesAreOneApplications(t *testing.T) {
	for name, want := range map[string]bool{
		"Spotify": true, "paplay": true, "org.videolan.VLC": true,
		"": false, "Chromium": false, "ALSA plug-in [mpv]": false, "Playback": false,
	} {
		if got := Tells(name); got != want {
			t.Errorf("Tells(%q) = %v", name, got)
		}
	}
}

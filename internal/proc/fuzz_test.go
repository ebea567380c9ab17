package proc

import (
	"bytes"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// escape does to a name what the kernel does.
func escape(s string) string {
	return strings.NewReplacer("\n", `\n`, `\`, `\\`).Replace(s)
}

// What parseStat understands, written the way the kernel does, reads the same
// again; and a name can never change the numbers behind it.
func FuzzStat(f *testing.F) {
	f.Add([]byte(statCat), "cat")
	f.Add([]byte(statKthreadd), "tmux: server")
	f.Add([]byte("7 (a) b (c) S 1 2 3) Z 5 7 7 0 -1 4 0 0 0 0 0 0 0 0 20 0 3 0 99 0"), ") S 1 (")
	f.Add([]byte(`7 (a\nb\\c\) S 5 7 7 0 -1 4 0 0 0 0 0 0 0 0 20 0 3 0 99 0`), "\n\\")
	f.Fuzz(func(t *testing.T, in []byte, name string) {
		write := func(s stat) string {
			return fmt.Sprintf("%d (%s) %c %d 0 0 %d -1 %d 0 0 0 0 0 0 0 0 20 0 %d 0 %d 0 0\n", s.pid, escape(s.comm), s.state, s.ppid, s.tty, s.flags, s.threads, s.start)
		}
		if s, ok := parseStat(in); ok {
			again, ok := parseStat([]byte(write(s)))
			if !ok || again != s {
				t.Fatalf("%+v became %+v %v", s, again, ok)
			}
			if s.pid <= 0 || s.pid > maxPID || s.ppid < 0 || s.ppid > maxPID {
				t.Fatalf("got %+v", s)
			}
		}
		want := stat{4711, name, 'S', 4710, 34818, 4194304, 3, 128967}
		if got, ok := parseStat([]byte(write(want))); !ok || got != want {
			t.Fatalf("got %+v %v, want %+v", got, ok, want)
		}
	})
}

func FuzzStatus(f *testing.F) {
	f.Add([]byte(statusMPV), "mpv")
	f.Add([]byte("Tgid:\t7\nPid:\t7\nUid:\t1000\t0\t0\t0\nNSpid:\t7\t5\t1\n"), "a\nPid:\t8")
	f.Add([]byte("Name:\t\\n\nTgid:\t7\nPid:\t9\nUid:\t0\t0\t0\t0\n"), "NSpid:\t1")
	f.Fuzz(func(t *testing.T, in []byte, name string) {
		write := func(s status) string {
			ns := ""
			for _, n := range s.nspid {
				ns += "\t" + strconv.Itoa(n)
			}
			return fmt.Sprintf("Name:\t%s\nState:\tS (sleeping)\nTgid:\t%d\nPid:\t%d\nUid:\t%d\t0\t0\t0\nNSpid:%s\n", escape(name), s.tgid, s.pid, s.uid, ns)
		}
		if s, ok := parseStatus(in); ok {
			again, ok := parseStatus([]byte(write(s)))
			if !ok || !reflect.DeepEqual(again, s) {
				t.Fatalf("%+v became %+v %v", s, again, ok)
			}
			if len(s.nspid) == 0 || s.nspid[0] != s.pid || s.pid <= 0 || s.uid < 0 {
				t.Fatalf("got %+v", s)
			}
		}
	})
}

func FuzzCgroup(f *testing.F) {
	f.Add([]byte("0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-firefox-4711.scope\n"))
	f.Add([]byte("9:name=systemd:/user.slice/app-x-1.scope\n8:pids:/app-y-2.scope\n0::/\n"))
	f.Add([]byte("0::/user.slice/app-org.gnome.Terminal.slice/vte-spawn-0b1f.scope\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		u := parseCgroup(in)
		if u == "" {
			return
		}
		if !strings.HasPrefix(u, "app-") || !strings.HasSuffix(u, ".scope") && !strings.HasSuffix(u, ".service") || strings.ContainsAny(u, "/\n") {
			t.Fatalf("got %q", u)
		}
		if !bytes.Contains(in, []byte(u)) {
			t.Fatalf("%q is not in the file", u)
		}
		for _, path := range []string{"/" + u, "/app-outer-1.scope/" + u + "/session-3.scope/leaf", "/x:y/" + u + "/vte-spawn-1.scope"} {
			if got := parseCgroup([]byte("0::" + path + "\n")); got != u {
				t.Fatalf("%s: got %q, want %q", path, got, u)
			}
		}
	})
}

func FuzzFlatpakInfo(f *testing.F) {
	f.Add([]byte(flatpakInfo))
	f.Add([]byte(" [Application] \r\n name = org.x.Y \r\n[Instance]\n\tinstance-id\t=\t7\n"))
	f.Add([]byte("[Runtime]\nname=org.x.Platform\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		app, instance := parseFlatpakInfo(in)
		if app == "" {
			if instance != "" {
				t.Fatalf("instance %q of no application", instance)
			}
			return
		}
		for _, id := range []string{app, instance} {
			if len(id) > 255 || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
				t.Fatalf("got %q", id)
			}
		}
		again := "[Application]\nname=" + app + "\n[Context]\nname=x\n[Instance]\ninstance-id=" + instance + "\n"
		if a, i := parseFlatpakInfo([]byte(again)); a != app || i != instance {
			t.Fatalf("%q %q became %q %q", app, instance, a, i)
		}
	})
}

func FuzzEnviron(f *testing.F) {
	f.Add([]byte("HOME=/home/u\x00WINDOWID=4194316\x00SteamAppId=440\x00"), uint32(4194316), uint32(440))
	f.Add([]byte("WINDOWID=0x40000c\x00\x00=\x00"), uint32(0), uint32(4294967295))
	f.Add([]byte("A=WINDOWID=7\nWINDOWID=8"), uint32(7), uint32(1))
	f.Fuzz(func(t *testing.T, in []byte, window, steam uint32) {
		e := parseEnviron(in)
		if (e.steam != 0) && !bytes.Contains(in, []byte("SteamAppId=")) || e.window != 0 && !bytes.Contains(in, []byte("WINDOWID=")) ||
			e.multiplexer != 0 && !bytes.Contains(in, []byte("TMUX=")) && !bytes.Contains(in, []byte("STY=")) ||
			e.multiplexer < 0 || e.multiplexer > maxPID {
			t.Fatalf("got %+v from nothing", e)
		}
		// In front of anything the variables are what they were set to.
		set := fmt.Sprintf("WINDOWID=%d\x00SteamAppId=%d\x00TMUX=/tmp/t,%d,0\x00WINEPREFIX=/p\x00", window, steam, steam%maxPID)
		want := environment{int(steam), window, int(steam % maxPID), "0", "/p"}
		if got := parseEnviron(append([]byte(set), in...)); got != want && steam%maxPID != 0 {
			t.Fatalf("got %+v, want %+v", got, want)
		}
		// Behind other variables, too.
		if got := parseEnviron(append([]byte("A=1\x00XWINDOWID=3\x00"), in...)); got != e {
			t.Fatalf("got %+v, want %+v", got, e)
		}
	})
}

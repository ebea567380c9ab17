package daemon

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jezek/xgb/xproto"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/lab/long"
)

func TestTheCommandLineAnswersWithoutADisplay(t *testing.T) {
	t.Parallel()
	l := lab.Start(t)
	patoggled := program(t)

	// Something that takes connections and never says a word.
	mute, number := muteDisplay(t)
	defer mute.Close()

	const (
		usageHint  = "patoggled: hint: \"patoggled --help\" shows the usage\n"
		openHint   = "patoggled: hint: is there an X server, and does it let this user in? \"xdpyinfo\" asks the same one\n"
		nameHint   = "patoggled: hint: displays have names such as \":0\" and \"host:0.0\"\n"
		noDisplay  = "patoggled: error: no X display: DISPLAY is not set\npatoggled: hint: start patoggled inside the desktop session, or name a display with --display\n"
		noXwayland = "patoggled: error: no X display: this is a Wayland session without Xwayland\npatoggled: hint: Wayland gives global hotkeys to its compositor alone: bind \"patoggle\" to a key in the compositor's own settings\n"
	)
	silent := fmt.Sprintf("patoggled: error: the X display \":%d\" does not answer\npatoggled: hint: is the X server stopped, or is it something else that listens there?\n", number)
	tests := []struct {
		name   string
		env    []string
		args   []string
		code   int
		stdout string
		stderr string
	}{
		{"no display", []string{"DISPLAY"}, nil, 1, "", noDisplay},
		{"an empty display", []string{"DISPLAY="}, nil, 1, "", noDisplay},
		{"no display, --check", []string{"DISPLAY"}, []string{"--check"}, 1, "", noDisplay},
		{"Wayland without Xwayland", []string{"DISPLAY", "WAYLAND_DISPLAY=wayland-0"}, nil, 1, "", noXwayland},
		{"a display that is not there", []string{"DISPLAY=:999"}, nil, 1, "", "patoggled: error: cannot open the X display \":999\"\n" + openHint},
		{"the same by --display", []string{"DISPLAY"}, []string{"--display", ":999"}, 1, "", "patoggled: error: cannot open the X display \":999\"\n" + openHint},
		{"the same, --check", []string{"DISPLAY=:999"}, []string{"--check"}, 1, "", "patoggled: error: cannot open the X display \":999\"\n" + openHint},
		{"a screen that is not there", []string{"DISPLAY=:999.5"}, nil, 1, "", "patoggled: error: cannot open the X display \":999.5\"\n" + openHint},
		{"not a display's name", []string{"DISPLAY=:91/x"}, nil, 1, "", "patoggled: error: \":91/x\" is not the name of an X display\n" + nameHint},
		{"a name that drives terminals", []string{"DISPLAY=\x1b[31m"}, nil, 1, "", "patoggled: error: \"\\x1b[31m\" is not the name of an X display\n" + nameHint},
		{"nobody answers", []string{"DISPLAY=:" + strconv.Itoa(number)}, nil, 1, "", silent},
		{"--help", []string{"DISPLAY"}, []string{"--help"}, 0, Usage, ""},
		{"-h", []string{"DISPLAY=:91/x"}, []string{"-v", "-h"}, 0, Usage, ""},
		{"--version", []string{"DISPLAY"}, []string{"--version"}, 0, "patoggled 0.0.0+unknown\n", ""},
		{"an unknown flag", []string{"DISPLAY"}, []string{"--next"}, 2, "", "patoggled: error: unknown flag \"--next\"\n" + usageHint},
		{"an argument", []string{"DISPLAY"}, []string{"next"}, 2, "", "patoggled: error: patoggled takes no arguments, and \"next\" is one\n" + usageHint},
		{"a flag without its value", []string{"DISPLAY"}, []string{"--config"}, 2, "", "patoggled: error: --config wants a value\n" + usageHint},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := l.Run(tt.env, patoggled, tt.args...)
			if r.Code != tt.code || r.Stdout != tt.stdout || r.Stderr != tt.stderr {
				t.Errorf("code %d, stdout %q, stderr %q, want code %d, stdout %q, stderr %q",
					r.Code, r.Stdout, r.Stderr, tt.code, tt.stdout, tt.stderr)
			}
		})
	}
}

// muteDisplay listens where an X server would and says nothing.
func muteDisplay(t *testing.T) (net.Listener, int) {
	t.Helper()
	for n := 7000; n < 7050; n++ {
		// The abstract socket, which Xlib tries first: there is no file to
		// leave behind.
		l, err := net.Listen("unix", fmt.Sprintf("@/tmp/.X11-unix/X%d", n))
		if err == nil {
			return l, n
		}
	}
	t.Fatal("no free display number")
	return nil, 0
}

func TestCheckLooksEveryKeyUp(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	check := func(text string, code int, stdout, stderr string) {
		t.Helper()
		if text != "" {
			r.configure(text)
		}
		res := r.Run(nil, program(t), "--check")
		stderr = strings.ReplaceAll(stderr, "FILE", r.config)
		if res.Code != code || res.Stdout != stdout || res.Stderr != stderr {
			t.Errorf("code %d, stdout %q, stderr %q, want code %d, stdout %q, stderr %q",
				res.Code, res.Stdout, res.Stderr, code, stdout, stderr)
		}
	}
	f9, z := r.keys.code("F9"), r.keys.code("Z")
	check("", 0, fmt.Sprintf("Super+F9 = next (X11, keycode %d)\n", f9), "")
	check("[[hotkey]]\nkeys = \"Super+F9\"\ndo = \"to\"\nside = \"input\"\nsource = \"Mic\"\n", 0, fmt.Sprintf("Super+F9 = to \"Mic\", input (X11, keycode %d)\n", f9), "")
	check(hotkeys("ctrl+alt+z")+"[[hotkey]]\nkeys = \"Super+F9\"\ndo = \"to\"\nsink = \"Headset\"\n", 0,
		fmt.Sprintf("Ctrl+Alt+Z = next (X11, keycode %d)\nSuper+F9 = to \"Headset\" (X11, keycode %d)\n", z, f9), "")
	check(hotkeys("Super+F9", "F20"), 2, fmt.Sprintf("Super+F9 = next (X11, keycode %d)\n", f9),
		"patoggled: error: this keyboard has no key \"F20\", so \"F20\" does nothing\n"+
			"patoggled: hint: \"xev\" shows the names of the keys this keyboard has\n"+
			"patoggled: error: 1 of 2 hotkeys cannot work here\n")
	one := r.keys.code("1")
	check(hotkeys("Super+1", "Super+exclam"), 0, fmt.Sprintf("Super+1 = next (X11, keycode %d)\nSuper+exclam = next (X11, keycode %d with Shift)\n", one, one), "")
	check(hotkeys("Super+Shift+1", "Super+exclam"), 2, fmt.Sprintf("Super+Shift+1 = next (X11, keycode %d)\n", one),
		"patoggled: error: on this keyboard \"Super+exclam\" is the same key as \"Super+Shift+1\", so it does nothing\n"+
			"patoggled: error: 1 of 2 hotkeys cannot work here\n")

	res := r.Run(nil, program(t), "--check", "--config", "/nowhere/at/all")
	if want := "patoggled: error: there is no configuration file \"/nowhere/at/all\"\n"; res.Code != 2 || res.Stderr != want {
		t.Errorf("code %d, %q, want 2, %q", res.Code, res.Stderr, want)
	}
	r.configure("sinks = [\n\n[[hotkey]]\nkeys = 3\n")
	for _, args := range [][]string{{"--check"}, nil} {
		res = r.Run(nil, program(t), args...)
		if want := "patoggled: error: " + r.config + ":"; res.Code != 2 || !strings.HasPrefix(res.Stderr, want) {
			t.Errorf("%q: code %d, %q, want 2, %q…", args, res.Code, res.Stderr, want)
		}
	}
}

func TestADisplayThatWantsACookie(t *testing.T) {
	t.Parallel()
	l := lab.Start(t)
	l.Display(lab.Auth)
	if res := l.Run(nil, program(t), "--check"); res.Code != 0 || res.Stderr != "" {
		t.Errorf("with the cookie: code %d, %q", res.Code, res.Stderr)
	}
	res := l.Run([]string{"XAUTHORITY=/dev/null"}, program(t), "--check")
	want := fmt.Sprintf("patoggled: error: cannot open the X display %q: the X server refused: ", l.Getenv("DISPLAY"))
	if res.Code != 1 || !strings.Contains(res.Stderr, want) {
		t.Errorf("without: code %d, %q, want 1, %q", res.Code, res.Stderr, want)
	}
}

func TestALogThatNobodyReadsDoesNotEndIt(t *testing.T) {
	t.Parallel()
	r := newRig(t, pulseaudio)
	r.play()
	systemd := lab.NewServiceManager(t, r.Dir)
	// The reader of the log ends before the first line is written.
	r.SpawnCmd(lab.Cmd{
		Name: "sh", Args: []string{"-c", `{ sleep 0.3; exec "$0" -v; } 2>&1 | true`, program(t)},
		Env: []string{systemd.Env()},
	})
	r.Until("READY of patoggled", func() bool { return systemd.Has("READY=1") })
	time.Sleep(fresh)
	for _, sink := range []string{"b", "c"} {
		r.keys.tap(30*time.Millisecond, "Super", "F9")
		r.on(sink)
	}
}

func TestThereIsOneInstanceOnEachDisplay(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	r.start()
	first := r.daemon
	res := r.Run(nil, program(t))
	want := fmt.Sprintf("patoggled: error: patoggled runs on this display already, as process %d\n", first.PID)
	if res.Code != 1 || res.Stderr != want {
		t.Errorf("the second: code %d, %q, want 1, %q", res.Code, res.Stderr, want)
	}
	if !first.Alive() {
		t.Error("the first has ended")
	}
	first.Kill()
	r.start()
	r.end()

	t.Run("also when many start at once", func(t *testing.T) {
		var all []*lab.Process
		for range 5 {
			all = append(all, r.SpawnCmd(lab.Cmd{Name: program(t)}))
		}
		alive := func() (n int) {
			for _, p := range all {
				if p.Alive() {
					n++
				}
			}
			return n
		}
		r.Until("all but one to end", func() bool { return alive() <= 1 })
		time.Sleep(100 * time.Millisecond)
		if n := alive(); n != 1 {
			t.Errorf("%d of them run", n)
		}
	})
}

func TestASignalReleasesEverything(t *testing.T) {
	t.Parallel()
	r := newRig(t, pulseaudio)
	r.play()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		r.start()
		f9 := r.keys.code("F9")
		if r.keys.free(xproto.ModMask4, f9) {
			t.Fatal("the key is not bound")
		}
		r.daemon.Signal(sig)
		if code := r.daemon.Wait(); code != 0 {
			t.Errorf("%v: code %d", sig, code)
		}
		if !r.keys.free(xproto.ModMask4, f9) {
			t.Errorf("%v: the key is still bound", sig)
		}
		if !r.systemd.Has("STOPPING=1") {
			t.Errorf("%v: the service manager was told %q", sig, r.systemd.All())
		}
		for _, line := range strings.Split(strings.TrimSpace(r.daemon.Log()), "\n") {
			if !strings.HasPrefix(line, "patoggled: info: no [[hotkey]] is configured") {
				t.Errorf("%v: it said %q", sig, line)
			}
		}
	}
}

func TestItEndsWhileTheXServerDoesNotAnswer(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	r.start()
	r.display.Stop()
	defer r.display.Continue()
	began := time.Now()
	if code := r.daemon.Terminate(); code != 0 {
		t.Errorf("code %d:\n%s", code, r.daemon.Log())
	}
	limit := 2*releaseTime + 3*time.Second
	if raceDetector {
		limit += time.Second // the detector's own, at the end of a process
	}
	if took := time.Since(began); !lab.InTime(took, limit) {
		t.Errorf("it took %v", took)
	}
}

func TestASecondSignalKills(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	r.start()
	r.display.Stop() // so that the first one takes a while
	defer r.display.Continue()
	r.daemon.Signal(syscall.SIGTERM)
	r.Until("the first signal to be taken", func() bool { return r.systemd.Has("STOPPING=1") })
	r.daemon.Signal(syscall.SIGTERM)
	if code := r.daemon.Wait(); code != 128+int(syscall.SIGTERM) {
		t.Errorf("code %d:\n%s", code, r.daemon.Log())
	}
}

func TestItEndsWithTheXServer(t *testing.T) {
	t.Parallel()
	bye := func(r *rig, f func()) {
		t.Helper()
		began := time.Now()
		f()
		code := r.daemon.Wait()
		limit := 4 * time.Second
		if raceDetector {
			limit += time.Second // the detector's own, at the end of a process
		}
		if took := time.Since(began); !lab.InTime(took, limit) {
			t.Errorf("it took %v", took)
		}
		if code != 1 {
			t.Errorf("code %d", code)
		}
		if log := r.daemon.Log(); !strings.HasSuffix(log, "patoggled: error: the X server has closed the connection\n") {
			t.Errorf("it said %q", log)
		}
		if left := r.daemon.Descendants(); len(left) > 0 {
			t.Errorf("it left %v", left)
		}
	}
	t.Run("when it is killed", func(t *testing.T) {
		r := newRig(t, pulseaudio)
		r.start()
		bye(r, r.display.Kill)
	})
}

func TestTheSoundServerMayBeKilledManyTimes(t *testing.T) {
	rounds := long.Count(20, 50)
	bothServers(t, func(t *testing.T, server string) {
		r := newRig(t, server)
		r.start("-v")
		var tenth usage
		for i := 1; i <= rounds; i++ {
			r.play()
			r.keys.tap(30*time.Millisecond, "Super", "F9")
			r.on("b")
			if i == 10 {
				tenth = r.tidyUse()
			}
			r.player.Kill()
			if i%10 == 0 {
				r.sound.Kill()
				r.Until("patoggled to see it go", r.away)
				const answer = "patoggled: error: the sound server is away\n"
				before := r.said(answer)
				r.keys.tap(30*time.Millisecond, "Super", "F9")
				r.Until("an answer", func() bool { return r.said(answer) > before })
			}
			r.sound.Restart()
		}
		r.Until("the server to be back", func() bool { return !r.away() })
		// The player has gone with the server, and the second connection that
		// PipeWire takes is open again.
		r.play()
		r.keys.tap(30*time.Millisecond, "Super", "F9")
		r.on("b")
		noGrowth(t, tenth, r.tidyUse())
		r.hasFewGoroutines()
	})
}

// tidyUse is what the daemon uses after it was made to collect its garbage.
func (r *rig) tidyUse() usage {
	r.t.Helper()
	r.hangup()
	return r.quietUse()
}

// quietUse is what the daemon uses when it does nothing: a moment ago it may
// have had the service manager's socket open still.
func (r *rig) quietUse() usage {
	r.t.Helper()
	least := r.use()
	for range 10 {
		time.Sleep(5 * time.Millisecond)
		now := r.use()
		now.fds = min(now.fds, least.fds)
		least = now
	}
	return least
}

// noGrowth compares a daemon with itself, later.
func noGrowth(t *testing.T, early, late usage) {
	t.Helper()
	t.Logf("early %+v, late %+v", early, late)
	// Threads are kept by the runtime for the next call of C that blocks. A
	// connection may be made anew at either moment, with what belongs to it;
	// what leaks does so once a round. The heap finds its size within some
	// hundred rounds: 3.4 MB more after 1,000 reloads, 3.7 MB after 3,000.
	if late.fds > early.fds+4 || late.threads > early.threads+2 || !raceDetector && late.rss > early.rss+6<<10 {
		t.Errorf("it has grown: early %+v, late %+v", early, late)
	}
}

// away tells whether the last word on the sound server is that it is away.
func (r *rig) away() bool {
	log := r.daemon.Log()
	return strings.LastIndex(log, "the sound server is away: ") > strings.LastIndex(log, "the sound server is back")
}

// hasFewGoroutines ends the daemon and counts its goroutines in what it says
// then. Each hotkey has four, the connections have three or four each.
func (r *rig) hasFewGoroutines() {
	r.t.Helper()
	r.daemon.Signal(syscall.SIGQUIT)
	r.daemon.Wait()
	n := r.said("\ngoroutine ")
	r.t.Logf("%d goroutines", n)
	if n == 0 || n > 45 {
		r.t.Errorf("%d goroutines", n)
	}
}

func TestAPressWhileTheSoundServerIsStopped(t *testing.T) {
	bothServers(t, func(t *testing.T, server string) {
		r := newRig(t, server)
		r.play()
		r.start("-v")
		r.keys.tap(30*time.Millisecond, "Super", "F9")
		r.on("b")

		r.sound.Stop()
		stopped := time.Now()
		for i := 1; time.Since(stopped) < 5*time.Second; i++ {
			began := time.Now()
			r.keys.tap(30*time.Millisecond, "Super", "F9")
			r.Until("an answer to the press", func() bool { return r.said("patoggled: error: ") >= i })
			if took := time.Since(began); !lab.InTime(took, pressTime) {
				t.Errorf("press %d was answered after %v", i, took)
			}
			if n := r.said("patoggled: error: "); n != i {
				t.Fatalf("%d presses had %d answers:\n%s", i, n, r.daemon.Log())
			}
			time.Sleep(100 * time.Millisecond)
		}
		if on := r.said(" → "); on != 1 {
			t.Errorf("%d moves were told", on)
		}
		r.sound.Continue()
		at := r.sound.On(r.stream())
		r.keys.tap(30*time.Millisecond, "Super", "F9")
		r.Until("the press to move", func() bool { return r.said(" → ") == 2 })
		r.on(after(at, 1))
		r.end()
	})
}

func TestManyReloads(t *testing.T) {
	t.Parallel()
	rounds := long.Count(200, 1000)
	r := newRig(t, pulseaudio)
	r.play()
	good := []string{hotkeys("Super+F9", "Super+F8", "Ctrl+Alt+Z"), hotkeys("Super+F9", "Super+F7")}
	r.configure(good[0])
	r.start()
	var hundredth usage
	// The watched file may be read before the signal is taken, so it is the
	// log that says when this very file was read.
	lastWord := func() string {
		lines := strings.Split(strings.TrimSpace(r.daemon.Log()), "\n")
		return lines[len(lines)-1]
	}
	for i := 1; i <= rounds; i++ {
		text := good[i%2]
		word := fmt.Sprintf("patoggled: info: the configuration was read again: %d hotkeys in force", 3-i%2)
		if i%10 == 0 {
			text = "[[hotkey]]\nkeys = \"Super+F9\"\ndo = \"sideways\"\n"
			word = "patoggled: warning: the last good configuration stays in force"
		}
		r.configure(text)
		r.hangup()
		r.Until(fmt.Sprintf("round %d: %q", i, word), func() bool { return lastWord() == word })
		if i == 100 {
			hundredth = r.quietUse()
		}
	}
	noGrowth(t, hundredth, r.quietUse())
	if n := r.said("patoggled: error: " + r.config + ":3:6: "); n < rounds/10 {
		t.Errorf("%d of %d bad files were complained about", n, rounds/10)
	}

	// The last file was bad, and the one before had Super+F7.
	time.Sleep(fresh)
	r.keys.tap(30*time.Millisecond, "Super", "F7")
	r.on("b")
	if !r.keys.free(xproto.ModMask4, r.keys.code("F8")) {
		t.Error("a key of an older configuration is still bound")
	}
	r.hasFewGoroutines()
}

func TestASavedConfigurationIsRead(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	r.start()
	f := func(name string) xproto.Keycode { return r.keys.code(name) }
	reloads := 0
	only := func(names ...string) {
		t.Helper()
		bound := func() string {
			var list []string
			for _, n := range []string{"F6", "F7", "F8", "F9"} {
				if !r.keys.free(xproto.ModMask4, f(n)) {
					list = append(list, n)
				}
			}
			return strings.Join(list, " ")
		}
		// The keys are tried once, after the reload: who tries a key holds it. On a
		// slow machine one change of the file can be two reloads.
		want, got := strings.Join(names, " "), ""
		reloads++
		if !lab.Poll(time.Minute, func() bool {
			ready := r.systemd.Count("READY=1")
			if ready < reloads || r.systemd.Count("RELOADING=1") >= ready {
				return false
			}
			reloads = ready + 1
			got = bound()
			return got == want
		}) {
			t.Fatalf("bound are %q, not %q:\n%s", got, want, r.daemon.Log())
		}
		reloads--
	}
	only("F9")
	t.Run("when the folder and the file appear", func(t *testing.T) {
		r.configure(hotkeys("Super+F8"))
		only("F8")
	})
	t.Run("when an editor puts a new file in its place", func(t *testing.T) {
		r.configure(hotkeys("Super+F7", "Super+F8"))
		only("F7", "F8")
	})
	t.Run("when an editor keeps the old one aside", func(t *testing.T) {
		if err := os.Rename(r.config, r.config+"~"); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(r.config, []byte(hotkeys("Super+F6")), 0o600); err != nil {
			t.Fatal(err)
		}
		only("F6")
	})
	t.Run("when it is written in place, in pieces", func(t *testing.T) {
		file, err := os.OpenFile(r.config, os.O_WRONLY|os.O_TRUNC, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		began, longest := time.Now(), time.Duration(0)
		for _, c := range hotkeys("Super+F9") {
			if _, err := file.WriteString(string(c)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
			longest = max(longest, time.Since(began))
			began = time.Now()
		}
		file.Close()
		only("F9")
		// A pause as long as that ends a save.
		if n := r.said("patoggled: error"); n != 0 && longest < settled/2 {
			t.Errorf("half a file was read:\n%s", r.daemon.Log())
		}
	})
	t.Run("when it is bad, nothing changes", func(t *testing.T) {
		r.configure("keys = 1")
		r.says("patoggled: warning: the last good configuration stays in force")
		only("F9")
	})
	t.Run("when it is a link to a file elsewhere", func(t *testing.T) {
		target := r.Home + "/dotfiles/patoggle.toml"
		if err := os.Mkdir(filepath.Dir(target), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(target, []byte(hotkeys("Super+F8")), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, r.config+".new"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(r.config+".new", r.config); err != nil {
			t.Fatal(err)
		}
		only("F8")
		if err := os.WriteFile(target, []byte(hotkeys("Super+F7")), 0o600); err != nil {
			t.Fatal(err)
		}
		only("F7")
	})
	t.Run("when the folder is removed, the default is in force", func(t *testing.T) {
		if err := os.RemoveAll(filepath.Dir(r.config)); err != nil {
			t.Fatal(err)
		}
		only("F9")
	})
	t.Run("and when it is there again", func(t *testing.T) {
		r.configure(hotkeys("Super+F6"))
		only("F6")
	})
	t.Run("touching it does nothing", func(t *testing.T) {
		before := r.systemd.Count("RELOADING=1")
		now := time.Now()
		if err := os.Chtimes(r.config, now, now); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * settled)
		if n := r.systemd.Count("RELOADING=1"); n != before {
			t.Errorf("%d reloads", n-before)
		}
	})
	reloading := 0
	for _, s := range r.systemd.All() {
		if strings.HasPrefix(s, "RELOADING=1\nMONOTONIC_USEC=") {
			reloading++
		}
	}
	if ready := r.systemd.Count("READY=1"); reloading < 8 || ready != reloading+1 {
		t.Errorf("%d times reloading, %d times ready", reloading, ready)
	}
	r.end()
}

func atRest(t *testing.T, server string) {
	r := newRig(t, server)
	r.play()
	r.configure(hotkeys("Super+F9", "Super+F8", "Ctrl+Alt+Z", "XF86AudioNext"))
	r.start()
	if !r.systemd.Has("STATUS=4 hotkeys in force") {
		t.Fatalf("the service manager was told %q", r.systemd.All())
	}
	r.keys.tap(30*time.Millisecond, "Super", "F9")
	r.on("b")
	time.Sleep(4 * time.Second) // until the move is verified, and the runtime has tidied up
	// A machine that is slow charges a tick for what is none, and tidies up for
	// longer; how often a program wakes that is at rest does not depend on how fast
	// it is. Less often than once in a second is nobody who looks again and again.
	// `make bench` counts the ticks.
	const rests = 20 * time.Second
	var rest usage
	awake, worked := true, true
	for tries := 3; tries > 0 && (awake || worked); tries-- {
		before := r.use()
		time.Sleep(rests)
		rest = r.use()
		t.Logf("at rest %+v, %v later %+v", before, rests, rest)
		awake = rest.wakes-before.wakes >= int(rests/time.Second)
		worked = rest.ticks-before.ticks > 2
	}
	if awake || worked {
		t.Errorf("it did not rest for %v: awake %v, used the processor %v", rests, awake, worked)
	}
	const limit = 20 << 10
	if rest.rss >= limit && !raceDetector {
		t.Errorf("%d kB resident", rest.rss)
	}
	r.end()
}

func TestAPulledBackStreamIsMovedOnceMoreAndThenReported(t *testing.T) {
	t.Parallel()
	r := newRig(t, pipewire)
	r.play()
	r.start("-v")
	r.keys.tap(30*time.Millisecond, "Super", "F9")
	r.on("b")
	r.Until("the move to be confirmed", func() bool { return r.moves() == 1 })
	r.sound.Move(r.stream(), "a") // as a session manager does
	r.on("b")                     // the second try
	r.sound.Move(r.stream(), "a")
	r.says(fmt.Sprintf(`patoggled: error: "Player" (stream %d) was pulled back by the session manager`, r.stream()))
	time.Sleep(1500 * time.Millisecond)
	r.on("a") // it is left alone after that

	t.Run("unless a later press has moved it", func(t *testing.T) {
		r.keys.tap(30*time.Millisecond, "Super", "F9")
		r.on("b")
		time.Sleep(500 * time.Millisecond)
		r.keys.tap(30*time.Millisecond, "Super", "F9")
		r.on("c")
		time.Sleep(3 * time.Second)
		r.on("c")
		if n := r.said("pulled back"); n != 1 {
			t.Errorf("%d complaints", n)
		}
	})
	r.end()
}

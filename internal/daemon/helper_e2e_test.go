package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jezek/xgb/xproto"

	"github.com/patoggle/patoggle/internal/keys"
	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/x11keys"
)

// helpers are the processes that hold keys for the daemon.
func (r *rig) helpers() []int {
	var pids []int
	for _, pid := range r.daemon.Descendants() {
		if comm, err := os.ReadFile("/proc/" + itoa(pid) + "/comm"); err == nil && strings.HasPrefix(x11keys.Name, strings.TrimSpace(string(comm))) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// helper is the one process that holds keys for the daemon.
func (r *rig) helper() int {
	r.t.Helper()
	var pids []int
	r.Until("one "+x11keys.Name, func() bool {
		pids = r.helpers()
		return len(pids) == 1
	})
	return pids[0]
}

// isGone tells whether a process has ended, or is only not yet waited for.
func isGone(pid int) bool {
	b, err := os.ReadFile("/proc/" + itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(b), ") Z ")
}

// windowOfLibX11 is the invisible window of the hotkey library: known are those
// that were there before.
func (r *rig) windowOfLibX11(known []xproto.Window) xproto.Window {
	r.t.Helper()
	var victim xproto.Window
	for _, w := range r.keys.windows() {
		g, err := xproto.GetGeometry(r.keys.x, xproto.Drawable(w)).Reply()
		if err == nil && !contains(known, w) && g.X == 0 && g.Y == 0 && g.Width == 1 {
			victim = w
		}
	}
	if victim == 0 {
		r.t.Fatal("the library has no window")
	}
	return victim
}

func (k *keyer) windows() []xproto.Window {
	k.t.Helper()
	tree, err := xproto.QueryTree(k.x, k.root).Reply()
	if err != nil {
		k.t.Fatal(err)
	}
	return tree.Children
}

func contains(all []xproto.Window, w xproto.Window) bool {
	for _, a := range all {
		if a == w {
			return true
		}
	}
	return false
}

// What holds the keys may end in any way while the display is there: it is
// started again, and nothing of what it or libX11 said is shown.
func TestWhatHoldsTheKeysIsStartedAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t, pulseaudio)
	r.play()
	before := r.keys.windows()
	r.start()
	at := "a"
	for _, end := range []struct {
		how string
		do  func(pid int)
	}{
		{"it is killed", func(pid int) { _ = syscall.Kill(pid, syscall.SIGKILL) }},
		{"it is asked to end", func(pid int) { _ = syscall.Kill(pid, syscall.SIGTERM) }},
		{"it fails in its own way", func(pid int) { _ = syscall.Kill(pid, syscall.SIGABRT) }},
		{"the X server ends its connection", func(int) { xproto.KillClient(r.keys.x, uint32(r.windowOfLibX11(before))) }},
	} {
		old := r.helper()
		end.do(old)
		r.Until(end.how+": another one", func() bool { return isGone(old) && len(r.helpers()) == 1 })
		f9 := r.keys.code("F9")
		r.Until(end.how+": the key to be held", func() bool { return !r.keys.free(xproto.ModMask4, f9) })
		time.Sleep(fresh)
		r.keys.tap(30*time.Millisecond, "Super", "F9")
		at = after(at, 1)
		r.on(at)
	}
	last := r.helper()
	r.end()
	if !isGone(last) {
		t.Error("it has outlived patoggled")
	}
	for line := range strings.Lines(r.daemon.Log()) {
		if !strings.HasPrefix(line, "patoggled: info: no [[hotkey]] is configured") {
			t.Errorf("it said %q", line)
		}
	}
}

func TestWhatHoldsTheKeysNeverOutlivesTheDaemon(t *testing.T) {
	t.Parallel()
	for _, stopped := range []bool{false, true} {
		r := newRig(t, "")
		r.start()
		pid := r.helper()
		if stopped { // so that it cannot read the end of its input
			_ = syscall.Kill(pid, syscall.SIGSTOP)
		}
		r.daemon.Kill()
		r.Until("the end of "+x11keys.Name, func() bool { return isGone(pid) })
	}
}

// A daemon that cannot hold keys says so once and lives on.
func TestWithoutWhatHoldsTheKeys(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	dir := t.TempDir()
	alone := filepath.Join(dir, "patoggled")
	b, err := os.ReadFile(program(t))
	if err == nil {
		err = os.WriteFile(alone, b, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	beside := filepath.Join(dir, x11keys.Name)
	for _, tt := range []struct {
		name, text string
		want       string
	}{
		{"it is not there", "", "patoggled: error: patoggle-x11keys is not beside patoggled: there is no \"" + beside + "\"\n" +
			"patoggled: hint: install it there, since it holds the keys on X11, and restart patoggled\n"},
		{"its library is missing", "#!/bin/sh\necho 'x: error while loading shared libraries: libX11.so.6' >&2\nexit 127\n",
			"patoggled: error: patoggle-x11keys cannot run: a library that it needs is missing\n" +
				"patoggled: hint: install libX11 (libx11-6 in Debian, libX11 in Fedora, libx11 elsewhere), and restart patoggled\n"},
		{"it is another one's", "#!/bin/sh\necho patoggle-x11keys 99\necho hello >&2\nexec sleep 60\n",
			"patoggled: error: patoggle-x11keys and patoggled are not of one version\n" +
				"patoggled: hint: install both anew, and restart patoggled\n"},
	} {
		if tt.text != "" {
			if err := os.WriteFile(beside, []byte(tt.text), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		systemd := lab.NewServiceManager(t, r.Dir)
		d := r.SpawnCmd(lab.Cmd{Name: alone, Env: []string{systemd.Env()}})
		r.Until(tt.name+": the daemon to be ready", func() bool { return systemd.Has("READY=1") || !d.Alive() })
		if !systemd.Has("STATUS=0 of 1 hotkeys in force") {
			t.Errorf("%s: the service manager was told %q", tt.name, systemd.All())
		}
		if code := d.Terminate(); code != 0 {
			t.Errorf("%s: code %d", tt.name, code)
		}
		log := d.Log()
		if !strings.Contains(log, tt.want) || strings.Count(log, "error:") != 1 {
			t.Errorf("%s: it said %q, not %q", tt.name, log, tt.want)
		}
	}
}

func TestAProgramThatSaysNothingHoldsNothingUp(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	dir := t.TempDir()
	silent := filepath.Join(dir, x11keys.Name)
	if err := os.WriteFile(silent, []byte("#!/bin/sh\nexec sleep 60\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	h, err := x11keys.Start(t.Context(), x11keys.Options{Program: silent, Display: r.display.Name})
	if err == nil {
		h.Close()
		t.Fatal("it was taken for one that speaks")
	}
	if !strings.Contains(err.Error(), "does not answer") || time.Since(began) > time.Minute {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

// What the daemon tells a repeat by: the X server writes its two halves at once, a
// release and then a press, and the second is never told before the first.
func TestARepeatIsToldAsAReleaseAndThenAPress(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	h, err := x11keys.Start(t.Context(), x11keys.Options{Program: filepath.Join(filepath.Dir(program(t)), x11keys.Name), Display: r.display.Name})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	chord, err := keys.Parse("Super+F9")
	if err != nil {
		t.Fatal(err)
	}
	const repeats = 25
	told := make(chan bool, 1000)
	_, release, err := h.Grab(x11keys.Key{Keysym: chord.Keysym, Modifiers: chord.Mods, Mod2: true}, func(up bool, _ time.Time) {
		select {
		case told <- up:
		default:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	r.keys.press("Super", "Ctrl", "F9")
	r.keys.release("Ctrl") // from now on its repeats are those of the hotkey
	r.Until("the key to repeat", func() bool { return len(told) >= 2*repeats })
	r.keys.release("F9", "Super")
	release()
	for n := range 2 * repeats {
		if up := <-told; up != (n%2 == 0) {
			t.Fatalf("report %d: it is up: %v", n, up)
		}
	}
}

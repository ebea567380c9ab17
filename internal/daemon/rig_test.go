package daemon

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
	"github.com/jezek/xgb/xtest"

	"github.com/patoggle/patoggle/internal/keys"
	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/lab/puppet"
)

func TestMain(m *testing.M) {
	xgb.Logger.SetOutput(io.Discard) // it complains of ordinary connects
	lab.Together(6)                  // most wait for fingers and clocks
	os.Exit(lab.Main(m))
}

// program is the built daemon; under the race detector when the test is.
func program(t testing.TB) string {
	t.Helper()
	var flags []string
	if raceDetector {
		flags = lab.RaceFlags
	}
	file, err := lab.Daemon(flags...)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// rig is a private display, sound server and player, for a real patoggled.
type rig struct {
	*lab.Lab
	t       testing.TB
	display *lab.Display
	sound   *lab.Sound
	player  *lab.Puppet
	keys    *keyer
	daemon  *lab.Process
	systemd *lab.ServiceManager
	config  string
	seen    int      // notifications that shown has listed
	env     []string // more changes to the daemon's environment
}

// kinds of sound servers.
const (
	pulseaudio = "PulseAudio"
	pipewire   = "PipeWire"
)

// sinks of a rig, in the order of the ring.
var sinks = []string{"a", "b", "c"}

// newRig starts everything but the daemon. server may be "" for none.
func newRig(t testing.TB, server string, options ...lab.DisplayOption) *rig {
	t.Helper()
	r := &rig{Lab: lab.Start(t), t: t}
	r.display = r.Display(options...)
	r.keys = newKeyer(t, r.display.Name)
	r.config = r.Home + "/.config/patoggle/config.toml"
	switch server {
	case pulseaudio:
		r.sound = r.PulseAudio(sinks...)
	case pipewire:
		r.sound = r.PipeWire(sinks...)
	}
	return r
}

// aWhile waits for longer than patoggled takes to call something settled: 1.2
// seconds, and ten times what a program takes to start here and now, since on a
// slow machine it hears of things late.
func (r *rig) aWhile() { r.pause(1200*time.Millisecond, 10) }

// pause waits that long, and so many times as long as a program takes to start
// here and now.
func (r *rig) pause(d time.Duration, starts int) {
	began := time.Now()
	r.Run(nil, lab.Binary(r.t, "patoggle"), "--version")
	time.Sleep(d + time.Duration(starts)*time.Since(began))
}

// play starts a player with a window and a stream on sink a, and focuses it.
func (r *rig) play() {
	r.t.Helper()
	r.player = r.Puppet(lab.Act{
		Program: "player",
		Client:  map[string]string{"application.name": "Player"},
		Streams: []puppet.Stream{{Media: []byte("tone"), Sink: "a"}},
		Windows: []puppet.Window{{Title: []byte("Player"), Instance: "player", Class: "Player", PID: puppet.OwnPID}},
	})
	r.display.Focus(r.window())
	r.on("a")
}

func (r *rig) window() uint32 { return r.player.Windows[0] }
func (r *rig) stream() int    { return r.player.Streams[0] }

// afterPress is how long a finger stays off the keys after it has seen what a
// press did. Another client sees the move before the daemon has done with the
// press, and until then the next one is dropped.
const afterPress = 80 * time.Millisecond

// fingerOff waits that long, and on a busy machine until patoggled has had the time
// to see that the key is up: twice what a program takes to start.
func (r *rig) fingerOff() { r.pause(afterPress, 2) }

// on waits until the player's stream is on the sink, and a finger's moment.
func (r *rig) on(sink string) {
	r.t.Helper()
	r.sound.WaitOn(r.stream(), sink)
	r.fingerOff()
}

// configure writes the configuration file in one step.
func (r *rig) configure(text string) {
	r.t.Helper()
	if err := os.MkdirAll(filepath.Dir(r.config), 0o700); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(r.config+".new", []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Rename(r.config+".new", r.config); err != nil {
		r.t.Fatal(err)
	}
}

// hotkeys is a configuration with each chord bound to next.
func hotkeys(chords ...string) string {
	var b strings.Builder
	for _, c := range chords {
		fmt.Fprintf(&b, "[[hotkey]]\nkeys = %q\ndo = \"next\"\n", c)
	}
	return b.String()
}

// start runs the daemon and waits until it is ready, and until it believes a
// short tap.
func (r *rig) start(args ...string) {
	r.t.Helper()
	r.begin(args...)
	r.Until("READY of patoggled", func() bool {
		if !r.daemon.Alive() {
			r.t.Fatalf("patoggled ended with code %d:\n%s", r.daemon.Wait(), r.daemon.Log())
		}
		return r.systemd.Has("READY=1")
	})
	time.Sleep(fresh)
}

// begin runs the daemon.
func (r *rig) begin(args ...string) {
	r.t.Helper()
	r.systemd = lab.NewServiceManager(r.t, r.Dir)
	r.daemon = r.SpawnCmd(lab.Cmd{Name: program(r.t), Args: args, Env: append([]string{r.systemd.Env()}, r.env...)})
	r.t.Cleanup(func() {
		if r.t.Failed() {
			r.t.Logf("patoggled said:\n%s", r.daemon.Log())
		}
	})
}

// end asks the daemon to end, and holds that it does so cleanly.
func (r *rig) end() {
	r.t.Helper()
	if code := r.daemon.Terminate(); code != 0 {
		r.t.Errorf("patoggled ended with code %d:\n%s", code, r.daemon.Log())
	}
}

// says waits until the daemon has said the line.
func (r *rig) says(line string) {
	r.t.Helper()
	r.Until(fmt.Sprintf("patoggled to say %q", line), func() bool {
		return strings.Contains(r.daemon.Log(), line+"\n") || !r.daemon.Alive()
	})
	if log := r.daemon.Log(); !strings.Contains(log, line+"\n") {
		r.t.Fatalf("patoggled ended with code %d and did not say %q:\n%s", r.daemon.Wait(), line, log)
	}
}

// said counts lines that hold the text.
func (r *rig) said(text string) int { return strings.Count(r.daemon.Log(), text) }

// keyer is an X client that presses keys through XTEST and hears what windows
// are sent.
type keyer struct {
	t     testing.TB
	x     *xgb.Conn
	root  xproto.Window
	first xproto.Keycode
	per   int
	syms  []xproto.Keysym

	mu    sync.Mutex
	heard []keyHeard
}

type keyHeard struct {
	window xproto.Window
	code   xproto.Keycode
	press  bool
}

func newKeyer(t testing.TB, display string) *keyer {
	t.Helper()
	x, err := xgb.NewConnDisplay(display)
	if err != nil {
		t.Fatalf("open %s: %v", display, err)
	}
	if err := xtest.Init(x); err != nil {
		t.Fatal(err)
	}
	k := &keyer{t: t, x: x, root: xproto.Setup(x).DefaultScreen(x).Root}
	var listener sync.WaitGroup
	listener.Go(func() {
		for {
			event, err := x.WaitForEvent()
			if event == nil && err == nil {
				return
			}
			switch e := event.(type) {
			case xproto.KeyPressEvent:
				k.hear(e.Event, e.Detail, true)
			case xproto.KeyReleaseEvent:
				k.hear(e.Event, e.Detail, false)
			}
		}
	})
	t.Cleanup(func() {
		x.Close()
		listener.Wait()
	})
	k.learn()
	return k
}

func (k *keyer) hear(w xproto.Window, code xproto.Keycode, press bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.heard = append(k.heard, keyHeard{w, code, press})
}

// learn reads the mapping.
func (k *keyer) learn() {
	k.t.Helper()
	setup := xproto.Setup(k.x)
	m, err := xproto.GetKeyboardMapping(k.x, setup.MinKeycode, byte(setup.MaxKeycode-setup.MinKeycode+1)).Reply()
	if err != nil {
		k.t.Fatal(err)
	}
	k.first, k.per, k.syms = setup.MinKeycode, int(m.KeysymsPerKeycode), m.Keysyms
}

// code is the key of a name as package keys spells it, in any column.
func (k *keyer) code(name string) xproto.Keycode {
	k.t.Helper()
	sym, ok := map[string]uint32{
		"Super": 0xffeb, "Ctrl": 0xffe3, "Shift": 0xffe1, "Alt": 0xffe9,
		"Num_Lock": 0xff7f, "Caps_Lock": 0xffe5, "AltGr": 0xfe03,
	}[name]
	if !ok {
		chord, err := keys.Parse("Super+" + name)
		if err != nil {
			k.t.Fatal(err)
		}
		sym = chord.Keysym
	}
	for column := range k.per {
		for i := column; i < len(k.syms); i += k.per {
			if uint32(k.syms[i]) == sym {
				return k.first + xproto.Keycode(i/k.per)
			}
		}
	}
	k.t.Fatalf("this keyboard has no key %q", name)
	return 0
}

// fake presses or releases keys, and returns when the server has done it.
func (k *keyer) fake(kind byte, codes ...xproto.Keycode) {
	k.t.Helper()
	for _, code := range codes {
		xtest.FakeInput(k.x, kind, byte(code), 0, k.root, 0, 0, 0)
	}
	k.sync()
}

func (k *keyer) sync() {
	k.t.Helper()
	if _, err := xproto.GetInputFocus(k.x).Reply(); err != nil {
		k.t.Fatal(err)
	}
}

func (k *keyer) press(names ...string) {
	k.t.Helper()
	for _, n := range names {
		k.fake(xproto.KeyPress, k.code(n))
	}
}

func (k *keyer) release(names ...string) {
	k.t.Helper()
	for i := len(names) - 1; i >= 0; i-- {
		k.fake(xproto.KeyRelease, k.code(names[i]))
	}
}

// tap holds the last key for a time, and the others around it.
func (k *keyer) tap(d time.Duration, names ...string) {
	k.t.Helper()
	mods, key := names[:len(names)-1], names[len(names)-1]
	k.press(mods...)
	k.press(key)
	time.Sleep(d)
	k.release(key)
	k.release(mods...)
}

// listen hears the keys a window is sent from now on.
func (k *keyer) listen(window uint32) {
	k.t.Helper()
	err := xproto.ChangeWindowAttributesChecked(k.x, xproto.Window(window), xproto.CwEventMask,
		[]uint32{xproto.EventMaskKeyPress | xproto.EventMaskKeyRelease}).Check()
	if err != nil {
		k.t.Fatal(err)
	}
}

// presses counts how often a window was sent a press of the key.
func (k *keyer) presses(window uint32, name string) int {
	k.t.Helper()
	code := k.code(name)
	k.mu.Lock()
	defer k.mu.Unlock()
	n := 0
	for _, h := range k.heard {
		if h.press && h.code == code && h.window == xproto.Window(window) {
			n++
		}
	}
	return n
}

// usage is what a process uses, from /proc.
type usage struct {
	rss     int // kB resident
	fds     int
	threads int
	ticks   int // of CPU time, user and system
	wakes   int // how often its threads have waited for something
}

func use(t testing.TB, pid int) usage {
	t.Helper()
	dir := "/proc/" + strconv.Itoa(pid)
	var u usage
	status, err := os.ReadFile(dir + "/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		f := strings.Fields(line)
		switch f[0] {
		case "VmRSS:":
			u.rss, _ = strconv.Atoi(f[1])
		case "Threads:":
			u.threads, _ = strconv.Atoi(f[1])
		}
	}
	fds, err := os.ReadDir(dir + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	u.fds = len(fds)
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	// proc(5): utime and stime are the fields 14 and 15; the name before
	// them may hold spaces.
	f := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	for _, i := range []int{11, 12} {
		n, err := strconv.Atoi(f[i])
		if err != nil {
			t.Fatal(err)
		}
		u.ticks += n
	}
	// proc(5), /proc/PID/task/TID/status.
	threads, err := filepath.Glob(dir + "/task/*/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range threads {
		b, _ := os.ReadFile(file) // one that has just ended waits no more
		for line := range strings.Lines(string(b)) {
			if f := strings.Fields(line); f[0] == "voluntary_ctxt_switches:" {
				n, _ := strconv.Atoi(f[1])
				u.wakes += n
			}
		}
	}
	return u
}

// use is what the daemon uses, patoggle-x11keys included.
func (r *rig) use() usage {
	all := use(r.t, r.daemon.PID)
	for _, pid := range r.helpers() {
		u := use(r.t, pid)
		all.rss += u.rss
		all.fds += u.fds
		all.threads += u.threads
		all.ticks += u.ticks
		all.wakes += u.wakes
	}
	return all
}

// hangup sends SIGHUP and waits for the reload it asks for.
func (r *rig) hangup() {
	r.t.Helper()
	before := r.systemd.Count("READY=1")
	r.daemon.Signal(syscall.SIGHUP)
	r.Until("the reload", func() bool { return r.systemd.Count("READY=1") > before || !r.daemon.Alive() })
}

func itoa(n int) string { return strconv.Itoa(n) }

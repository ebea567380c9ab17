package daemon

import (
	"io"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
)

// onBothServers runs a test on each kind of sound server, beside each other.
func onBothServers(t *testing.T, f func(t *testing.T, r *rig)) {
	for _, server := range []string{pulseaudio, pipewire} {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			f(t, newRig(t, server))
		})
	}
}

// oneAfterTheOther is onBothServers for a test that listens for milliseconds.
func oneAfterTheOther(t *testing.T, f func(t *testing.T, r *rig)) {
	for _, server := range []string{pulseaudio, pipewire} {
		t.Run(server, func(t *testing.T) { f(t, newRig(t, server)) })
	}
}

// paplay starts a player and returns it with its stream.
func (r *rig) paplay(more ...string) (*lab.Process, int) {
	r.t.Helper()
	before := map[int]bool{}
	for _, s := range r.sound.Streams() {
		before[s.Index] = true
	}
	p := r.Spawn("paplay", append(more, "--raw", "/dev/zero")...) // silence without end
	s := r.sound.WaitStream("paplay", func(s lab.Stream) bool { return !before[s.Index] && s.Props["application.name"] == "paplay" })
	return p, s.Index
}

func TestARuleWaitsForItsSinkAndAPressOverridesIt(t *testing.T) {
	onBothServers(t, func(t *testing.T, r *rig) {
		r.configure("[[rule]]\napp = \"paplay\"\nsink = \"late\"\n")
		r.sound.Pactl("set-default-sink", "a")
		r.start("-v")
		_, stream := r.paplay()
		r.sound.WaitOn(stream, "a")
		module := r.sound.AddSink("late")
		r.sound.WaitOn(stream, "late")
		_, second := r.paplay()
		r.sound.WaitOn(second, "late")
		if res := r.Run(nil, lab.Binary(t, "patoggle"), "--stream", strconv.Itoa(stream), "--to", "c"); res.Code != 0 {
			t.Fatal(res.Stderr)
		}
		time.Sleep(2 * time.Second) // nothing is to happen
		if on := r.sound.On(stream); on != "c" {
			t.Errorf("the press was overridden: it is on %q", on)
		}
		if on := r.sound.On(second); on != "late" {
			t.Errorf("the other stream is on %q", on)
		}
		r.sound.Unload(module)
		r.Until("the second stream falls", func() bool { on := r.sound.On(second); return on != "late" && on != "" })
		r.aWhile()
		r.sound.AddSink("late")
		r.sound.WaitOn(second, "late")
		if on := r.sound.On(stream); on != "c" {
			t.Errorf("it is on %q, and was pressed to c", on)
		}
	})
}

func TestStreamsComeHomeOnceUnlessTheUserMovedThem(t *testing.T) {
	onBothServers(t, func(t *testing.T, r *rig) {
		r.sound.Pactl("set-default-sink", "a")
		r.start("-v")
		module := r.sound.AddSink("headset")
		_, ours := r.paplay()
		_, theirs := r.paplay()
		_, never := r.paplay()
		for _, stream := range []int{ours, theirs} {
			if res := r.Run(nil, lab.Binary(t, "patoggle"), "--stream", strconv.Itoa(stream), "--to", "headset"); res.Code != 0 {
				t.Fatal(res.Stderr)
			}
		}
		r.sound.Move(never, "b")
		r.aWhile() // until the verdict on who moved them
		r.sound.Unload(module)
		for _, stream := range []int{ours, theirs} {
			r.Until("the stream falls", func() bool { on := r.sound.On(stream); return on != "headset" && on != "" })
		}
		to := "c"
		if r.sound.On(theirs) == "c" {
			to = "a"
		}
		r.aWhile()
		r.sound.Move(theirs, to)
		r.aWhile()
		r.sound.AddSink("headset")
		r.sound.WaitOn(ours, "headset")
		r.aWhile()
		if on := r.sound.On(theirs); on != to {
			t.Errorf("the user's last word was %s, it is on %q", to, on)
		}
		if on := r.sound.On(never); on != "b" {
			t.Errorf("what nobody of us moved is on %q", on)
		}
	})
}

func TestTheKeysUndoAndWhatIsPressedOnASilentWindowCounts(t *testing.T) {
	onBothServers(t, func(t *testing.T, r *rig) {
		r.configure("[[hotkey]]\nkeys = \"Super+F9\"\ndo = \"next\"\n[[hotkey]]\nkeys = \"Super+F10\"\ndo = \"undo\"\n")
		r.start("-v")
		r.play()
		r.keys.press("Super", "F9")
		r.keys.release("Super", "F9")
		r.on("b")
		r.keys.press("Super", "F10")
		r.keys.release("Super", "F10")
		r.on("a")
	})
}

func TestWhatIsRememberedActsOnTheNextStream(t *testing.T) {
	onBothServers(t, func(t *testing.T, r *rig) {
		r.sound.Pactl("set-default-sink", "a")
		r.start("-v")
		p, stream := r.paplay()
		program := lab.Binary(t, "patoggle")
		for _, args := range [][]string{{"--stream", strconv.Itoa(stream), "--to", "c"}, {"remember", "--stream", strconv.Itoa(stream)}} {
			if res := r.Run(nil, program, lab.Unhurried(args...)...); res.Code != 0 {
				t.Fatal(res.Stderr)
			}
		}
		p.Kill()
		// The server itself remembers the last move: one that says otherwise.
		_, other := r.paplay()
		r.sound.WaitOn(other, "c")
		r.aWhile()
		r.sound.Move(other, "b")
		r.aWhile()
		if on := r.sound.On(other); on != "b" {
			t.Errorf("the user's word was b, it is on %q", on)
		}
		_, third := r.paplay()
		r.sound.WaitOn(third, "c")
	})
}

// A machine without a display: what lasts is done all the same, and what is not
// is said.
func TestWithoutADisplayWhatLastsIsDone(t *testing.T) {
	const sentence = "there is no display, so no hotkey works here"
	onBothServers(t, func(t *testing.T, r *rig) {
		r.env = []string{"DISPLAY"}
		r.sound.Pactl("set-default-sink", "a")
		check := func(code int, say string) {
			t.Helper()
			if res := r.Run(r.env, program(t), "--check"); res.Code != code || !strings.Contains(res.Stderr, say) {
				t.Errorf("--check: code %d, %q, want %d, %q", res.Code, res.Stderr, code, say)
			}
		}
		check(1, "no X display")
		r.configure("[[rule]]\napp = \"paplay\"\nsink = \"late\"\n")
		check(0, "info: "+sentence)
		r.start()
		if log := r.daemon.Log(); strings.Count(log, sentence) != 1 || strings.Contains(log, "Super+F9") {
			t.Errorf("it said %q", log)
		}
		player, stream := r.paplay()
		r.sound.WaitOn(stream, "a")
		r.sound.AddSink("late")
		r.sound.WaitOn(stream, "late")

		// What is remembered counts as well as a rule.
		if res := r.Run(r.env, lab.Binary(t, "patoggle"), "remember", "--stream", strconv.Itoa(stream)); res.Code != 0 {
			t.Fatal(res.Stderr)
		}
		player.Kill()
		r.end()
		r.configure(hotkeys("Super+F8"))
		check(2, "warning: "+sentence)
		r.start()
		_, stream = r.paplay()
		r.sound.WaitOn(stream, "late")
		r.end()
		if log := r.daemon.Log(); !strings.Contains(log, "warning: "+sentence) {
			t.Errorf("it said %q", log)
		}
		if res := r.Run(r.env, lab.Binary(t, "patoggle"), "forget", "--app", "paplay"); res.Code != 0 {
			t.Fatal(res.Stderr)
		}
		check(1, "no X display")
	})
}

// relay passes a sound server's connections on, until it cuts them.
type relay struct {
	mu    sync.Mutex
	conns []net.Conn
}

// newRelay returns one with the address of its socket.
func newRelay(t *testing.T, dir, to string) (*relay, string) {
	t.Helper()
	path := filepath.Join(dir, "relay")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{}
	var all sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		r.cut()
		all.Wait()
	})
	all.Go(func() {
		for {
			here, err := l.Accept()
			if err != nil {
				return
			}
			there, err := net.Dial("unix", to)
			if err != nil {
				here.Close()
				continue
			}
			r.mu.Lock()
			r.conns = append(r.conns, here, there)
			r.mu.Unlock()
			for _, ends := range [][2]net.Conn{{here, there}, {there, here}} {
				all.Go(func() {
					_, _ = io.Copy(ends[0], ends[1]) // one of them was closed
					ends[0].Close()
					ends[1].Close()
				})
			}
		}
	})
	return r, "unix:" + path
}

func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		c.Close()
	}
	r.conns = nil
}

// A connection that ends is no restart of the server: what the user moved stays,
// and what begins meanwhile is not forgotten.
func TestALostConnectionIsNoRestart(t *testing.T) {
	onBothServers(t, func(t *testing.T, r *rig) {
		r.configure("[[rule]]\napp = \"paplay\"\nsink = \"b\"\n")
		r.sound.Pactl("set-default-sink", "a")
		relay, address := newRelay(t, r.Dir, r.sound.Socket)
		r.env = []string{"PULSE_SERVER=" + address}
		r.start("-v")
		_, stream := r.paplay("--device=a")
		r.sound.WaitOn(stream, "b")
		r.aWhile() // else it might be the session manager
		r.sound.Move(stream, "c")
		for range 3 {
			r.aWhile() // until the verdict
			ended := r.said("connection for rules has ended")
			relay.cut()
			r.Until("patoggled to see that it was cut off", func() bool { return r.said("connection for rules has ended") > ended })
			_, other := r.paplay("--device=a")
			r.sound.WaitOn(other, "b")
			if on := r.sound.On(stream); on != "c" {
				t.Fatalf("the user's last word was c, it is on %q", on)
			}
		}
	})
}

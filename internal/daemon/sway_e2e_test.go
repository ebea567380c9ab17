package daemon

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/patoggle/patoggle/internal/lab"
)

// The compositor is found anew at each press: one that was killed and started
// again under the daemon is asked like the first, and one that hangs costs a
// sentence. Keys belong to sway alone, so that the daemon has its keys from
// Plasma, whose compositor was behind the socket when it started. The X display
// is another session's, with a player in front.
func TestTheCompositorIsKilledAndStartedAgainUnderTheDaemon(t *testing.T) {
	t.Parallel()
	lab.Need(t, "mpv", "sway")
	r := newRig(t, pulseaudio)
	press, _ := r.plasma()
	r.compositor("kwin_wayland")
	name := r.Getenv("WAYLAND_DISPLAY")
	r.play()
	r.start()

	// sway takes the place of the one before it behind the socket.
	sway := func() *lab.Process {
		compositor := r.Sway()
		next := filepath.Join(r.Runtime, "next")
		if err := os.Symlink(r.Getenv("WAYLAND_DISPLAY"), next); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, filepath.Join(r.Runtime, name)); err != nil {
			t.Fatal(err)
		}
		return compositor
	}
	play := func(name string) int {
		return r.Play(lab.App{Name: name, Args: []string{"--vo=wlshm"}, Env: []string{"DISPLAY"}}).WaitStream()
	}
	// answered presses until the daemon has done what is waited for: a press is
	// dropped while another one is served, and a window comes when it comes.
	answered := func(what string, done func() bool) {
		t.Helper()
		r.Until(what, func() bool {
			press()
			return lab.Poll(10*afterPress, done)
		})
	}
	moves := func(what string, stream int) {
		t.Helper()
		from := r.sound.On(stream)
		answered(what, func() bool { return r.sound.On(stream) != from })
	}
	fails := func(sentence string) {
		t.Helper()
		before := r.said(sentence)
		answered("patoggled to say: "+sentence, func() bool { return r.said(sentence) > before })
	}

	compositor := sway()
	stream := play("one")
	moves("the first press", stream)

	compositor.Signal(syscall.SIGSTOP)
	fails("sway does not answer")
	compositor.Signal(syscall.SIGCONT)
	moves("a press after it hung", stream)

	compositor.Kill()
	fails("the Wayland compositor of this session has ended")
	sway()
	moves("a press with another compositor", play("two"))

	if on := r.sound.On(r.stream()); on != "a" {
		t.Errorf("the player of another session was moved to %s", on)
	}
	r.end()
}

package daemon

import (
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
)

// recorder puts a recorder into a terminal that has the focus, which records
// from mic1 of two microphones, and a player beside it.
func (r *rig) recorder() {
	r.t.Helper()
	lab.Need(r.t, "xterm", "parec")
	r.play()
	for _, mic := range []string{"mic1=Desk", "mic2=Headset", "mic3=Webcam"} {
		r.sound.AddSource(mic)
	}
	parec, err := lab.LookPath("parec")
	if err != nil {
		r.t.Fatal(err)
	}
	r.Spawn("xterm", "-T", "recorder", "-e", parec, "--device=mic1", "--client-name=talk", "/dev/null")
	w := r.display.WaitWindow("the terminal", func(w lab.Window) bool { return w.Title == "recorder" })
	r.display.Focus(w.ID)
	r.sound.WaitRecords("talk", "mic1")
}

func TestAKeyForTheMicrophone(t *testing.T) {
	bothServers(t, func(t *testing.T, server string) {
		r := newRig(t, server)
		r.configure(`sources = ["mic3", "mic1"]
[[hotkey]]
keys = "Super+F9"
do = "next"
side = "input"
[[hotkey]]
keys = "Super+F10"
do = "to"
side = "input"
source = "headset"
`)
		r.recorder()
		r.start("-v")
		press := func(key, source string) {
			t.Helper()
			moves := r.moves()
			r.keys.tap(50e6, "Super", key)
			r.sound.WaitRecords("talk", source)
			r.Until("the daemon to be done", func() bool { return r.moves() > moves })
			r.on("a") // the player is where it was, and a finger's moment
		}
		press("F9", "mic3")
		press("F9", "mic1")
		press("F10", "mic2")
		press("F9", "mic3")
		r.end()
	})
}

// A program that plays and records, on a key of side "both"; and the key that
// takes it back.
func TestAKeyForBothHalvesOfAHeadset(t *testing.T) {
	bothServers(t, func(t *testing.T, server string) {
		lab.Need(t, "xterm", "parec", "pacat")
		r := newRig(t, server)
		const address = "api.bluez5.address=AA:BB:CC:00:11:22"
		r.sound.AddSinkOf("headset", address)
		r.sound.AddSource("desk=Desk")
		r.sound.AddSource("mouth=Mouth", address)
		r.configure(`sinks = ["a", "headset"]
[[hotkey]]
keys = "Super+F9"
do = "next"
side = "both"
[[hotkey]]
keys = "Super+F10"
do = "undo"
`)
		r.Spawn("xterm", "-T", "call", "-e", "sh", "-c", "parec --device=desk --client-name=call /dev/null & exec pacat --device=a --client-name=call /dev/zero")
		w := r.display.WaitWindow("the terminal", func(w lab.Window) bool { return w.Title == "call" })
		r.display.Focus(w.ID)
		stream := r.sound.WaitStream("the call", func(s lab.Stream) bool { return s.On == "a" }).Index
		r.sound.WaitRecords("call", "desk")
		r.start("-v")
		press := func(key, sink, source string) {
			t.Helper()
			moves := r.moves()
			r.keys.tap(50e6, "Super", key)
			r.sound.WaitOn(stream, sink)
			r.sound.WaitRecords("call", source)
			r.Until("the daemon to be done", func() bool { return r.moves() > moves })
			time.Sleep(afterPress)
		}
		press("F9", "headset", "mouth")
		press("F9", "a", "mouth") // a has no microphone
		if r.said("keeps recording from Mouth") != 1 {
			t.Error("it does not say which half stays")
		}
		press("F10", "headset", "mouth")
		press("F10", "a", "desk")
		r.end()
	})
}

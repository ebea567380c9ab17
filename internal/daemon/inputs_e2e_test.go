package daemon

import (
	"slices"
	"strings"
	"testing"

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
			r.fingerOff()
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

// parec starts a recorder of that name, from the source ("" for the default one).
func (r *rig) parec(name, source string) *lab.Process {
	r.t.Helper()
	lab.Need(r.t, "parec", "pactl")
	args := []string{"--client-name=" + name, "/dev/null"}
	if source != "" {
		args = append([]string{"--device=" + source}, args...)
	}
	return r.Spawn("parec", args...)
}

func TestARuleForTheMicrophone(t *testing.T) {
	onBothServers(t, func(t *testing.T, r *rig) {
		r.configure("[[rule]]\napp = \"call\"\nsource = [\"late\", \"headset\"]\n[[rule]]\napp = \"*\"\nsink = \"b\"\n")
		r.sound.AddSource("desk")
		r.sound.AddSource("head=Headset")
		r.parec("other", "desk")
		r.parec("early", "desk")
		r.start("-v")
		r.sound.WaitRecords("early", "desk")
		r.parec("call", "desk")
		r.sound.WaitRecords("call", "head")
		r.aWhile() // nothing is moved more often than twice in a second
		// The list's first, when it comes; and home again after it was away.
		module := r.sound.AddSource("late")
		r.sound.WaitRecords("call", "late")
		r.aWhile()
		r.sound.Unload(module)
		r.sound.WaitRecords("call", "head") // the list's second
		r.aWhile()
		r.sound.AddSource("late")
		r.sound.WaitRecords("call", "late")
		// A press has the last word for this recording, and the rule for the next.
		program := lab.Binary(t, "patoggle")
		if res := r.Run(nil, program, lab.Unhurried("--input", "--app", "call", "--to", "head")...); res.Code != 0 {
			t.Fatal(res.Stderr)
		}
		r.sound.WaitRecords("call", "head")
		second := r.parec("call", "desk")
		r.Until("the next one on late", func() bool {
			from := r.sound.RecordsFrom("call")
			slices.Sort(from)
			return slices.Equal(from, []string{"head", "late"})
		})
		second.Kill()
		r.sound.WaitRecords("call", "head")
		for _, name := range []string{"other", "early"} {
			r.sound.WaitRecords(name, "desk")
		}

		// What the rules are, and what holds each.
		res := r.Run(nil, program, lab.Unhurried("rules")...)
		for _, want := range []string{"SINK OR SOURCE", "source late, headset", "it is not playing"} {
			if !strings.Contains(res.Stdout, want) {
				t.Errorf("rules do not say %q:\n%s%s", want, res.Stdout, res.Stderr)
			}
		}
		res = r.Run(nil, program, lab.Unhurried("list", "--json")...)
		if !strings.Contains(res.Stdout, `"source":"head","corked":false,"muted":false,"volume_percent":100,"focused":false,"rule":"","confidence":"","held_by":"press"`) {
			t.Errorf("the list says %s", res.Stdout)
		}
		r.end()
	})
}

func TestWhatIsRememberedOfAMicrophone(t *testing.T) {
	onBothServers(t, func(t *testing.T, r *rig) {
		for _, mic := range []string{"desk", "head", "cam"} {
			r.sound.AddSource(mic)
		}
		r.start("-v")
		program := lab.Binary(t, "patoggle")
		run := func(code int, says string, args ...string) {
			t.Helper()
			if res := r.Run(nil, program, lab.Unhurried(args...)...); res.Code != code || !strings.Contains(res.Stdout+res.Stderr, says) {
				t.Fatalf("%q: code %d, %s%s, want %q", args, res.Code, res.Stdout, res.Stderr, says)
			}
		}
		first := r.parec("call", "desk")
		r.sound.WaitRecords("call", "desk")
		run(0, "call → head", "--input", "--app", "call", "--to", "head")
		run(0, "call keeps recording from head", "remember", "--input", "--app", "call")
		run(3, "is not playing anything", "remember", "--app", "call")
		run(3, "nothing is remembered of", "forget", "--app", "call")
		first.Kill()
		second := r.parec("call", "cam")
		r.sound.WaitRecords("call", "head")
		run(0, "remembered", "rules", "--input")
		run(0, "call no longer keeps recording from head", "forget", "--input", "--app", "call")
		second.Kill()
		r.Until("it to end", func() bool { return len(r.sound.RecordsFrom("call")) == 0 })
		r.parec("call", "cam")
		r.sound.WaitRecords("call", "cam")
		run(0, "call → ", "--input", "--app", "call", "--to", "desk")
		r.sound.WaitRecords("call", "desk")
		run(0, "call → cam", "undo", "--input")
		r.sound.WaitRecords("call", "cam")
		run(3, "no move of a recording to take back", "undo", "--input")
		r.sound.Pactl("set-default-source", "head")
		run(0, "call → head", "follow", "--input", "--app", "call")
		r.sound.WaitRecords("call", "head")
		r.sound.Pactl("set-default-source", "desk")
		r.sound.WaitRecords("call", "desk")
		run(0, "", "--input", "--app", "call", "--to", "cam")
		run(0, "", "remember", "--input", "--app", "call")
		run(0, "nothing is remembered of what records any more", "reset", "--yes", "--input")
		r.sound.WaitRecords("call", "desk")
		run(0, "", "--input", "--app", "call", "--to", "cam")
		run(0, "call → desk", "reset", "--yes")
		r.sound.WaitRecords("call", "desk")
		r.end()
	})
}

package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/toggle"
)

// devices gives a server the speakers a, without a microphone, the Bluetooth
// headset b and the USB headset c, each with the microphone of its letter.
func devices(s *lab.Sound) {
	const address, path = "api.bluez5.address=AA:BB:CC:00:11:22", "device.bus_path=pci-0000:00:14.0-usb-0:2:1."
	s.AddSinkOf("b", "device.description=B", address)
	s.AddSinkOf("c", "device.description=C", path+"0")
	s.AddSource("mic_b=Mic_B", address)
	s.AddSource("mic_c=Mic_C", path+"1")
	s.AddSource("mic_d=Mic_D")
}

func TestAHeadsetIsAPair(t *testing.T) {
	lab.Need(t, "parec", "pacat", "pactl")
	for name, start := range map[string]func(*lab.Lab) *lab.Sound{
		"PulseAudio": func(l *lab.Lab) *lab.Sound { return l.PulseAudio("a=A") },
		"PipeWire":   func(l *lab.Lab) *lab.Sound { return l.PipeWire("a=A") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab.Start(t)
			s := start(l)
			devices(s)
			program := lab.Binary(t, "patoggle")
			l.Spawn("parec", "--device=mic_d", "--client-name=call", "/dev/null")
			l.Spawn("pacat", "--device=a", "--client-name=call", "/dev/zero")
			l.Spawn("parec", "--device=mic_d", "--client-name=other", "/dev/null")
			stream := s.WaitStream("the call", func(st lab.Stream) bool { return st.On == "a" }).Index
			s.WaitRecords("call", "mic_d")
			s.WaitRecords("other", "mic_d")

			for _, step := range []struct {
				args    string
				code    int
				says    string
				on, mic string
			}{
				{"--pair --app call --dry-run", 0, "would move call → B\nwould move call → Mic_B (recording)\n", "a", "mic_d"},
				{"--pair --app call", 0, "call → B\ncall → Mic_B (recording)\n", "b", "mic_b"},
				{"--pair --app call", 0, "call → C\ncall → Mic_C (recording)\n", "c", "mic_c"},
				{"--pair --app call", 0, "call → A\ncall keeps recording from Mic_C: A has no microphone\n", "a", "mic_c"},
				{"--pair --app call --prev", 0, "call → C\ncall already records from Mic_C (recording)\n", "c", "mic_c"},
				{"--pair --app call --to b", 0, "call → B\ncall → Mic_B (recording)\n", "b", "mic_b"},
				{"--pair --app other", 0, "other → Mic_B (recording)\n", "b", "mic_b"},
				{"--pair --app nobody", 3, "nobody is neither playing nor recording anything", "b", "mic_b"},
				{"undo", 0, "other → Mic_D\n", "b", "mic_b"},
				{"undo", 0, "call → C\ncall → Mic_C (recording)\n", "c", "mic_c"},
				{"undo", 0, "call → A\n", "a", "mic_c"},
				{"undo", 0, "call → C\n", "c", "mic_c"},
				{"undo", 0, "call → B\ncall → Mic_B (recording)\n", "b", "mic_b"},
				{"undo", 0, "call → A\ncall → Mic_D (recording)\n", "a", "mic_d"},
				{"undo", 3, "there is no move to take back", "a", "mic_d"},
			} {
				r := l.Run(nil, program, lab.Unhurried(strings.Fields(step.args)...)...)
				if r.Code != step.code || step.code == 0 && r.Stdout != step.says || !strings.Contains(r.Stdout+r.Stderr, step.says) {
					t.Errorf("%s: code %d, %q %q, want %q", step.args, r.Code, r.Stdout, r.Stderr, step.says)
				}
				s.WaitOn(stream, step.on)
				s.WaitRecords("call", step.mic)
			}
			s.WaitRecords("other", "mic_d")

			var rep toggle.Report
			r := l.Run(nil, program, lab.Unhurried("--pair", "--app", "call", "--json")...)
			if err := json.Unmarshal([]byte(r.Stdout), &rep); err != nil {
				t.Fatalf("%v: %s%s", err, r.Stdout, r.Stderr)
			}
			if len(rep.Moves) != 2 || rep.Moves[0].Side != "playback" || rep.Moves[1].Side != "recording" || rep.Moves[1].From != "mic_d" || rep.Moves[1].To != "mic_b" {
				t.Errorf("%s", r.Stdout)
			}
			r = l.Run([]string{"DISPLAY"}, program, lab.Unhurried("why", "--pair", "--app", "call")...)
			for _, want := range []string{"recording ", "with A nothing records: A has no microphone\n", "with B records Mic_B (the same Bluetooth address)\n", "with C records Mic_C (the same USB device)\n"} {
				if !strings.Contains(r.Stdout, want) {
					t.Errorf("why does not say %q: %s%s", want, r.Stdout, r.Stderr)
				}
			}
			var why explanationOfPair
			r = l.Run([]string{"DISPLAY"}, program, lab.Unhurried("why", "--pair", "--app", "call", "--json")...)
			if err := json.Unmarshal([]byte(r.Stdout), &why); err != nil || len(why.Recordings) != 2 || len(why.Pairs) != 3 {
				t.Fatalf("%v: %s%s", err, r.Stdout, r.Stderr)
			}
			if p := why.Pairs[1]; p.Sink != "b" || p.Source != "mic_b" || p.By != "Bluetooth address" || p.WhyNot != "" {
				t.Errorf("%+v", why.Pairs)
			}
			if p := why.Pairs[0]; p.Sink != "a" || p.Source != "" || p.By != "" || p.WhyNot == "" {
				t.Errorf("%+v", why.Pairs)
			}
		})
	}
}

// A browser with a page that calls somebody: its sound server's clients are a
// process of their own below the window's.
func TestACallInABrowserIsAPair(t *testing.T) {
	lab.Need(t, "chromium", "pactl")
	onBoth(t, func(t *testing.T, d *desk) {
		const address = "api.bluez5.address=AA:BB:CC:00:11:22"
		d.sound.AddSinkOf("aa", "device.description=Ears", address)
		d.sound.AddSource("desk=Desk")
		d.sound.AddSource("mouth=Mouth", address)
		d.sound.Pactl("set-default-sink", "a")
		d.sound.Pactl("set-default-source", "desk")
		other := d.Player("other").WaitStream()
		d.Spawn("parec", "--device=desk", "--client-name=other", "/dev/null")
		call := d.ChromiumCall("a call")
		d.front(call)
		recording := func() string {
			for _, r := range d.list().Recordings {
				if r.Focused {
					return r.Sink
				}
			}
			return ""
		}
		d.Until("it records", func() bool { return recording() == "desk" })
		for _, step := range []struct{ args, on, mic string }{{"--pair", "aa", "mouth"}, {"--pair --prev", "a", "mouth"}, {"undo", "aa", "mouth"}, {"undo", "a", "desk"}} {
			was := call.WaitStream()
			d.expect(0, " → ", strings.Fields(step.args)...)
			// The browser opens another stream when it could not play in time, and
			// that one goes where the server has it.
			d.Until("it plays on "+step.on, func() bool {
				if is := call.WaitStream(); is != was {
					was = is
					d.sound.Move(is, step.on)
				}
				return call.On() == step.on
			})
			d.Until("it records from "+step.mic, func() bool { return recording() == step.mic })
		}
		if on := d.sound.On(other); on != "a" {
			t.Errorf("the other player is on %q", on)
		}
		d.sound.WaitRecords("other", "desk")
	})
}

// A recorder that speaks PipeWire's own protocol.
func TestARecorderOfPipeWireIsMoved(t *testing.T) {
	lab.Need(t, "pw-record", "pactl")
	t.Parallel()
	d := newDesk(t, pipeWire)
	d.sound.AddSource("desk=Desk")
	d.sound.AddSource("head=Head")
	d.sound.Pactl("set-default-source", "desk")
	p := d.Spawn("pw-record", "--target=desk", "/dev/null")
	on := func(source string) {
		t.Helper()
		d.Until("it records from "+source, func() bool {
			all := d.list().Recordings
			return len(all) == 1 && all[0].Sink == source && all[0].PID == p.PID && all[0].PIDTrust == "trusted"
		})
	}
	on("desk")
	d.expect(0, "→ Head", "--input", "--pid", fmt.Sprint(p.PID))
	on("head")
	d.expect(0, "→ Desk", "--input", "--app", "pw-cat")
	on("desk")
	d.expect(0, "→ Head", "undo")
	on("head")
}

package toggle

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/pulse"
)

func TestWhichSourceIsOfTheSameDevice(t *testing.T) {
	const usbPath = "pci-0000:00:14.0-usb-0:2:1."
	p := func(pairs ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	none := pulse.NoCard
	for _, tt := range []struct {
		name    string
		sink    pulse.Sink
		sources []pulse.Sink
		doc     string
		want    string // the source, by what, or why not
	}{
		{"the same card", pulse.Sink{Card: 3}, []pulse.Sink{{Name: "a", Card: 2}, {Name: "b", Card: 3}}, "", "b card"},
		{"card 0 is a card", pulse.Sink{Card: 0}, []pulse.Sink{{Name: "a", Card: 0}}, "", "a card"},
		{"no card is not the same card", pulse.Sink{Card: none}, []pulse.Sink{{Name: "a", Card: none}}, "", "Headset has no microphone"},
		{"PipeWire's device", pulse.Sink{Card: none, Properties: p("device.id", "44")}, []pulse.Sink{{Name: "a", Card: none, Properties: p("device.id", "45")}, {Name: "b", Card: none, Properties: p("device.id", "44")}}, "", "b device of PipeWire"},
		{"a Bluetooth address, one in small letters", pulse.Sink{Card: none, Properties: p("api.bluez5.address", "AA:BB")}, []pulse.Sink{{Name: "a", Card: none, Properties: p("device.api", "bluez", "device.string", "aa:bb")}}, "", "a Bluetooth address"},
		{"the string of another bus is no address", pulse.Sink{Card: none, Properties: p("device.api", "alsa", "device.string", "hw:0")}, []pulse.Sink{{Name: "a", Card: none, Properties: p("device.api", "alsa", "device.string", "hw:0")}}, "", "Headset has no microphone"},
		{"two interfaces of one USB device", pulse.Sink{Card: 1, Properties: p("device.bus_path", usbPath+"0")}, []pulse.Sink{{Name: "a", Card: 2, Properties: p("device.bus_path", usbPath+"2")}}, "", "a USB device"},
		{"two USB devices of one kind", pulse.Sink{Card: 1, Properties: p("device.bus_path", usbPath+"0", "device.serial", "x")}, []pulse.Sink{{Name: "a", Card: 2, Properties: p("device.bus_path", "pci-0000:00:14.0-usb-0:3:1.0", "device.serial", "x")}}, "", "Headset has no microphone"},
		{"one PCI path is not one device", pulse.Sink{Card: 1, Properties: p("device.bus_path", "pci-0000:00:1f.3")}, []pulse.Sink{{Name: "a", Card: 2, Properties: p("device.bus_path", "pci-0000:00:1f.3")}}, "", "Headset has no microphone"},
		{"a hand-made sink of an ALSA card", pulse.Sink{Card: none, Properties: p("alsa.card", "1")}, []pulse.Sink{{Name: "a", Card: 7, Properties: p("alsa.card", "1")}}, "", "a ALSA card"},
		{"a serial number", pulse.Sink{Card: none, Properties: p("device.serial", "x")}, []pulse.Sink{{Name: "a", Card: none, Properties: p("device.serial", "x")}}, "", "a serial number"},
		{"a monitor is no microphone", pulse.Sink{Card: 3}, []pulse.Sink{{Name: "a", Card: 3, Monitor: true}}, "", "Headset has no microphone"},
		{"nor one that is named", pulse.Sink{Card: 3}, []pulse.Sink{{Name: "a", Card: 3, Monitor: true, Properties: p("device.class", "monitor")}}, `sources = ["a"]`, "Headset has no microphone"},
		{"nothing plugged in", pulse.Sink{Card: 3}, []pulse.Sink{{Name: "a", Card: 3, Available: pulse.AvailableNo}}, "", "nothing is plugged in at a"},
		{"skipped", pulse.Sink{Card: 3}, []pulse.Sink{{Name: "a", Card: 3}}, `skip = ["a"]`, "a is skipped by the configuration"},
		{"of two the first by name", pulse.Sink{Card: 3}, []pulse.Sink{{Index: 1, Name: "b", Card: 3}, {Index: 2, Name: "a", Card: 3}}, "", "a card"},
		{"of two the one in the ring", pulse.Sink{Card: 3}, []pulse.Sink{{Index: 1, Name: "b", Card: 3}, {Index: 2, Name: "a", Card: 3}}, `sources = ["b"]`, "b card"},
		{"of two the default one", pulse.Sink{Card: 3}, []pulse.Sink{{Index: 1, Name: "z", Card: 3}, {Index: 2, Name: "a", Card: 3}}, `sources = ["a"]`, "z card"},
		{"the card before the serial number", pulse.Sink{Card: 3, Properties: p("device.serial", "x")}, []pulse.Sink{{Index: 1, Name: "a", Card: 2, Properties: p("device.serial", "x")}, {Index: 2, Name: "b", Card: 3}}, "", "b card"},
		{"no source at all", pulse.Sink{Card: 3}, nil, "", "Headset has no microphone"},
	} {
		cfg := parseConfig(t, tt.doc)
		sources := newBook(&pulse.Snapshot{Input: true, Sinks: tt.sources}, cfg)
		kin := KinOf(&Output{Sink: tt.sink, Label: "Headset"}, sources, "z", cfg)
		got := kin.Why
		if kin.Source != nil {
			got = kin.Source.Name + " " + kin.By
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		for _, key := range []string{"device.id", "api.bluez5.address", "device.api", "device.string", "device.bus", "device.bus_path", "device.serial", "alsa.card", "device.class"} {
			if !slices.Contains(Properties(), key) {
				t.Errorf("%s is not asked for", key)
			}
		}
	}
}

// headset is newWorld and recordings, where the earbuds are one card with their
// microphone, and the speakers one with theirs; the USB headset has none.
func headset() (playing, recording *world) {
	playing, recording = newWorld(), recordings()
	for i, card := range []pulse.CardIndex{1, 2, 3} {
		playing.snapshot.Sinks[i].Card = card
	}
	for i, card := range []pulse.CardIndex{1, 2, pulse.NoCard} {
		recording.snapshot.Sinks[i].Card = card
	}
	return playing, recording
}

func pairOf(playing, recording *world, doc string, t *testing.T) *Pipeline {
	p := playing.pipeline(parseConfig(t, doc))
	p.Record = func(context.Context) (Sound, error) { return recording, nil }
	return p
}

func TestAPair(t *testing.T) {
	const ring = `sinks = ["analog", "bluez", "usb"]`
	for _, tt := range []struct {
		name    string
		worlds  func(playing, recording *world)
		request Request
		kind    Kind
		lines   []string // or the sentence of the error
		asked   []string // of the playing side, then of the recording one
	}{
		{
			name:    "both go to the device",
			request: Request{Way: To, Sink: "earbuds"},
			lines:   []string{"mpv → Earbuds", "mpv already plays on Earbuds", "mpv → Earbuds Microphone (recording)"},
			asked:   []string{"50 to 8", "50 to 8"},
		},
		{
			name:  "a device without a microphone: the recording stays, and it is said",
			lines: []string{"mpv → Headset (2 streams)", "mpv keeps recording from Built-in Microphone: Headset has no microphone"},
			asked: []string{"50 to 21", "52 to 21"},
		},
		{
			name:    "a dry run",
			request: Request{Way: Prev, DryRun: true},
			lines:   []string{"mpv already plays on Speakers", "would move mpv → Speakers", "mpv already records from Built-in Microphone (recording)"},
		},
		{
			name:    "the microphone is skipped",
			request: Request{Way: To, Sink: "earbuds"},
			worlds:  func(_, r *world) { r.snapshot.Sinks[1].Available = pulse.AvailableNo },
			lines:   []string{"mpv → Earbuds", "mpv already plays on Earbuds", "mpv keeps recording from Built-in Microphone: nothing is plugged in at Earbuds Microphone"},
			asked:   []string{"50 to 8"},
		},
		{
			name:   "nothing records",
			worlds: func(_, r *world) { r.snapshot.Streams = r.snapshot.Streams[1:] },
			lines:  []string{"mpv → Headset (2 streams)"},
			asked:  []string{"50 to 21", "52 to 21"},
		},
		{
			name:   "nothing plays: the next device with a microphone",
			worlds: func(p, _ *world) { p.snapshot.Streams = p.snapshot.Streams[2:] },
			lines:  []string{"mpv → Earbuds Microphone (recording)"},
			asked:  []string{"50 to 8"},
		},
		{
			name:    "nothing plays: the previous device with a microphone",
			worlds:  func(p, _ *world) { p.snapshot.Streams = p.snapshot.Streams[2:] },
			request: Request{Way: Prev},
			lines:   []string{"mpv → Earbuds Microphone (recording)"},
			asked:   []string{"50 to 8"},
		},
		{
			name: "nothing plays, and no other device has a microphone",
			worlds: func(p, r *world) {
				p.snapshot.Streams = p.snapshot.Streams[2:]
				r.snapshot.Sinks[1].Card = 9
			},
			kind:  Nothing,
			lines: []string{"mpv is only recording, and no other sink's device has a microphone"},
		},
		{
			name: "neither plays nor records",
			worlds: func(p, r *world) {
				p.snapshot.Streams = p.snapshot.Streams[2:]
				r.snapshot.Streams = nil
			},
			kind:  Nothing,
			lines: []string{"mpv is neither playing nor recording anything"},
		},
		{
			name:    "everything",
			request: Request{Target: Target{Whom: Everything}, Way: To, Sink: "earbuds"},
			lines:   []string{"mpv → Earbuds", "mpv already plays on Earbuds", "Firefox → Earbuds", "mpv → Earbuds Microphone (recording)"},
			asked:   []string{"50 to 8", "60 to 8", "50 to 8"},
		},
		{
			name:    "the recording refuses: that is an error, and what plays moved",
			worlds:  func(_, r *world) { r.refuse[50] = pulse.ErrRefused },
			request: Request{Way: To, Sink: "earbuds"},
			kind:    Failed,
			lines:   []string{`"mpv" (stream 50) refuses to be moved`},
			asked:   []string{"50 to 8", "50 to 8"},
		},
		{
			name:    "what plays has just stopped: the recording moves",
			worlds:  func(p, _ *world) { p.refuse[50], p.refuse[52] = pulse.ErrGone, pulse.ErrGone },
			request: Request{},
			lines:   []string{"mpv keeps recording from Built-in Microphone: Headset has no microphone"},
			asked:   []string{"50 to 21", "52 to 21"},
		},
		{
			name:   "the other side cannot be seen: nothing moves",
			worlds: func(_, r *world) { r.soundErr = pulse.ErrDenied },
			kind:   Failed,
			lines:  []string{"the sound server denied access"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			playing, recording := headset()
			if tt.worlds != nil {
				tt.worlds(playing, recording)
			}
			tt.request.Pair = true
			rep, err := pairOf(playing, recording, ring, t).Run(t.Context(), tt.request)
			lines := rep.Lines()
			if err != nil {
				lines = []string{err.Error()}
			}
			if d := cmp.Diff(tt.lines, lines); d != "" {
				t.Error(d)
			}
			var p *Problem
			if kind := Kind(0); errors.As(err, &p) {
				kind = p.Kind
				if kind != tt.kind {
					t.Errorf("%v", err)
				}
			} else if kind != tt.kind {
				t.Errorf("no error")
			}
			if d := cmp.Diff(tt.asked, append(slices.Clone(playing.asked), recording.asked...)); d != "" {
				t.Error(d)
			}
			for _, m := range rep.Moves {
				if (m.Side == Recording) != (m.From == "mic" || m.From == "bluez_input") {
					t.Errorf("%+v", m)
				}
				if (m.Error != "") != (m.Result == MoveFailed || m.Result == Stays) {
					t.Errorf("%+v", m)
				}
			}
		})
	}
}

// A pair that is where it is to be says so, as one side does.
func TestAPairThatIsThereAlready(t *testing.T) {
	playing, recording := headset()
	playing.snapshot.Streams[0].Sink = 8
	recording.snapshot.Streams[0].Sink = 8
	for _, dry := range []bool{false, true} {
		rep, err := pairOf(playing, recording, ``, t).Run(t.Context(), Request{Pair: true, Way: To, Sink: "earbuds", DryRun: dry})
		if err != nil || rep.Result != ResultNothing || rep.Reason != "mpv already plays on Earbuds" || len(rep.Moves) != 3 {
			t.Errorf("%+v, %v", rep, err)
		}
	}
	// With one half that moves there is nothing to explain.
	playing.snapshot.Streams[0].Sink = 3
	rep, err := pairOf(playing, recording, ``, t).Run(t.Context(), Request{Pair: true, Way: To, Sink: "earbuds"})
	if err != nil || rep.Result != ResultMoved || rep.Reason != "" {
		t.Errorf("%+v, %v", rep, err)
	}
}

// Where only the recording goes on, the steps lead from its device, and from the
// default sink's where it is of none; a device without a microphone is passed over.
func TestARecordingStepsFromItsOwnDevice(t *testing.T) {
	for _, tt := range []struct {
		name string
		from pulse.SinkIndex // the source
		card pulse.CardIndex // of that source
		way  Way
		want string // the source
	}{
		{"next", 8, 2, Next, "usb_input"},
		{"prev", 8, 2, Prev, "mic"},
		{"next, from the first", 3, 1, Next, "bluez_input"},
		{"prev, from the first", 3, 1, Prev, "usb_input"},
		{"next, from the last", 13, 4, Next, "mic"},
		{"next, from no device: after the default sink", 3, pulse.NoCard, Next, "usb_input"},
		{"prev, from no device: before the default sink", 3, pulse.NoCard, Prev, "usb_input"},
	} {
		playing, recording := headset()
		playing.snapshot.Streams = playing.snapshot.Streams[2:]
		playing.snapshot.Server.DefaultSink = "bluez"
		playing.snapshot.Sinks = append(playing.snapshot.Sinks, pulse.Sink{Index: 30, Name: "zz", Description: "Desk", Card: 4})
		recording.snapshot.Sinks = append(recording.snapshot.Sinks, pulse.Sink{Index: 13, Name: "usb_input", Description: "Desk Microphone", Card: 4})
		recording.snapshot.Streams[0].Sink = tt.from
		recording.snapshot.Sink(tt.from).Card = tt.card
		rep, err := pairOf(playing, recording, `sinks = ["analog", "bluez", "usb", "zz"]`, t).Run(t.Context(), Request{Pair: true, Way: tt.way})
		if err != nil || rep.Source == nil || rep.Source.Name != tt.want {
			t.Errorf("%s: %+v, %v, want %s", tt.name, rep.Source, err, tt.want)
		}
	}
}

func TestTheNotificationOfAPair(t *testing.T) {
	playing, recording := headset()
	rep, err := pairOf(playing, recording, `sinks = ["analog", "bluez"]`, t).Run(t.Context(), Request{Pair: true, Way: To, Sink: "earbuds", Target: Target{Whom: ByPID, PID: 100}})
	if head := rep.Headline(err); head != "2 streams → Earbuds" {
		t.Errorf("the headline is %q", head)
	}
	if body := rep.Details(err); body != "mpv → Earbuds Microphone (recording)" {
		t.Errorf("below it is %q", body)
	}
	playing, recording = headset()
	playing.snapshot.Streams = nil
	rep, err = pairOf(playing, recording, ``, t).Run(t.Context(), Request{Pair: true})
	if head := rep.Headline(err); !strings.HasSuffix(head, "(recording)") || rep.Details(err) != "talk" {
		t.Errorf("%q, %q", head, rep.Details(err))
	}
	// Several applications are counted, and go where the recordings do.
	playing, recording = headset()
	playing.snapshot.Streams = nil
	recording.snapshot.Streams[1].Sink = 3
	rep, err = pairOf(playing, recording, ``, t).Run(t.Context(), Request{Pair: true, Way: To, Sink: "earbuds", Target: Target{Whom: Everything}})
	if head := rep.Headline(err); head != "2 streams → Earbuds Microphone" {
		t.Errorf("%q", head)
	}
	// A request about what records alone says nothing of a pair.
	_, recording = headset()
	rep, err = recording.pipeline(&config.Config{}).Run(t.Context(), Request{})
	if head := rep.Headline(err); head != "mpv → Earbuds Microphone" {
		t.Errorf("%q", head)
	}
}

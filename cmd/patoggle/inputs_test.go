package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/patoggle/patoggle/internal/lab"
)

// sources is the recording side as "patoggle list inputs --json" shows it.
func sources(t *testing.T, l *lab.Lab, program string) listing {
	t.Helper()
	var all listing
	r := l.Run(nil, program, lab.Unhurried("list", "inputs", "--json")...)
	if err := json.Unmarshal([]byte(r.Stdout), &all); err != nil {
		t.Fatalf("%v: %s%s", err, r.Stdout, r.Stderr)
	}
	return all
}

func TestWhatRecordsGoesToTheNextMicrophone(t *testing.T) {
	for name, start := range map[string]func(*lab.Lab) *lab.Sound{
		"PulseAudio": func(l *lab.Lab) *lab.Sound { return l.PulseAudio("a", "b") },
		"PipeWire":   func(l *lab.Lab) *lab.Sound { return l.PipeWire("a", "b") },
	} {
		t.Run(name, func(t *testing.T) {
			lab.Need(t, "parec", "pactl")
			l := lab.Start(t)
			s := start(l)
			s.AddSource("mic1")
			s.AddSource("mic2")
			program := lab.Binary(t, "patoggle")
			l.Until("the microphones", func() bool {
				ring := 0
				for _, k := range sources(t, l, program).Sinks {
					if k.Ring > 0 {
						ring++
					}
				}
				return ring == 2
			})
			l.Spawn("parec", "--device=mic1", "--client-name=talk", "/dev/null")
			l.Spawn("parec", "--device=a.monitor", "--client-name=tape", "/dev/null")
			s.WaitRecords("talk", "mic1")
			s.WaitRecords("tape", "a.monitor")

			all := sources(t, l, program)
			for _, k := range all.Sinks {
				if want := k.Name == "mic1" || k.Name == "mic2"; k.InCycle != want {
					t.Errorf("%s is in the ring: %v", k.Name, k.InCycle)
				}
			}
			for _, test := range []struct {
				args []string
				code int
				says string
				on   string
			}{
				{[]string{"--input", "--app", "talk", "--dry-run"}, 0, "", "mic1"},
				{[]string{"--input", "--app", "talk"}, 0, "talk → ", "mic2"},
				{[]string{"--input", "--app", "talk"}, 0, "talk → ", "mic1"},
				{[]string{"--input", "--app", "talk", "--to", "mic2"}, 0, "talk → ", "mic2"},
				{[]string{"--input", "--app", "talk", "--to", "mic2"}, 0, "already records from", "mic2"},
				{[]string{"--input", "--app", "tape"}, 3, "tape is not recording anything", "mic2"},
				{[]string{"--input", "--app", "nobody"}, 3, "recording are", "mic2"},
				{[]string{"--input", "--app", "talk", "--to", "a"}, 2, "sources", "mic2"},
				{[]string{"--app", "talk"}, 3, "talk is not playing anything", "mic2"},
				{[]string{"--input", "--all", "--to", "mic1"}, 0, "talk → ", "mic1"},
			} {
				r := l.Run(nil, program, lab.Unhurried(test.args...)...)
				if r.Code != test.code || !strings.Contains(r.Stdout+r.Stderr, test.says) {
					t.Errorf("%q: code %d, %s%s", test.args, r.Code, r.Stdout, r.Stderr)
				}
				s.WaitRecords("talk", test.on)
				if from := s.RecordsFrom("tape"); !slices.Equal(from, []string{"a.monitor"}) {
					t.Errorf("%q: tape records from %q", test.args, from)
				}
			}
			bothSides(t, l, program)
			r := l.Run(nil, program, lab.Unhurried("why", "--input", "--app", "tape")...)
			if !strings.Contains(r.Stdout, "what a sink plays") {
				t.Errorf("why: %s%s", r.Stdout, r.Stderr)
			}
			r = l.Run(nil, program, lab.Unhurried("list", "inputs")...)
			for _, want := range []string{"SOURCE", "mic1", "a.monitor", "talk"} {
				if !strings.Contains(r.Stdout, want) {
					t.Errorf("the list does not show %q:\n%s", want, r.Stdout)
				}
			}
		})
	}
}

func TestALevelMeterStays(t *testing.T) {
	l := lab.Start(t)
	lab.Need(t, "parec", "pactl")
	s := l.PulseAudio("a")
	s.Load("module-null-source", "source_name=mic1")
	s.Load("module-null-source", "source_name=mic2")
	program := lab.Binary(t, "patoggle")
	l.Spawn("parec", "--device=mic1", "--client-name=meter", "--property=resample.peaks=true", "/dev/null")
	l.Until("the meter", func() bool { return len(sources(t, l, program).Streams) == 1 })
	r := l.Run(nil, program, lab.Unhurried("--input", "--all")...)
	if r.Code != 3 || !strings.Contains(r.Stderr, "nothing is recording") {
		t.Errorf("code %d, %s%s", r.Code, r.Stdout, r.Stderr)
	}
}

// bothSides holds what the list without a word shows of what records, while
// "talk" records from mic1 and "tape" from the monitor of a, and none from that
// of b.
func bothSides(t *testing.T, l *lab.Lab, program string) {
	t.Helper()
	r := l.Run(nil, program, lab.Unhurried("list")...)
	at := -1
	for _, want := range []string{"SINK", "nothing is playing", "SOURCE", "mic1", "a.monitor", "RECORDING", "talk"} {
		next := strings.Index(r.Stdout, want)
		if next <= at {
			t.Errorf("%q is not there or not in its place:\n%s%s", want, r.Stdout, r.Stderr)
		}
		at = next
	}
	if strings.Contains(r.Stdout, "b.monitor") {
		t.Errorf("a monitor that nothing records from:\n%s", r.Stdout)
	}
	var all listingOfBoth
	r = l.Run(nil, program, lab.Unhurried("list", "--json")...)
	if err := json.Unmarshal([]byte(r.Stdout), &all); err != nil {
		t.Fatalf("%v: %s%s", err, r.Stdout, r.Stderr)
	}
	if len(all.Sinks) != 2 || len(all.Streams) != 0 || all.DefaultSink == "" || all.DefaultSource == "" {
		t.Errorf("the playing side is %s", r.Stdout)
	}
	on := map[string]string{}
	for _, s := range all.Recordings {
		on[s.Application] = s.Sink
	}
	if len(on) != 2 || on["talk"] != "mic1" || on["tape"] != "a.monitor" {
		t.Errorf("the recordings are %v", on)
	}
	for _, s := range all.Sources {
		if want := s.Name == "mic1" || s.Name == "a.monitor"; (len(s.Streams) == 1) != want || s.Streams == nil {
			t.Errorf("on %s are %v", s.Name, s.Streams)
		}
	}
}

// Where there is no microphone, the list is that of what plays.
func TestWithoutAMicrophoneTheListSaysNothingOfOne(t *testing.T) {
	t.Parallel()
	d := newDesk(t, pulseAudio)
	d.front(d.Player("one"))
	if r := d.expect(0, "", "list"); strings.Contains(r.Stdout, "SOURCE") || strings.Contains(r.Stdout, "monitor") || r.Stderr != "" {
		t.Errorf("%s%s", r.Stdout, r.Stderr)
	}
}

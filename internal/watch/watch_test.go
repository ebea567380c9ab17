package watch

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
)

var moment = State{
	Application: "<b>Film\n%{A1:reboot:}", State: Playing, Sink: "usb", Label: "Head & Set",
	Sinks: []Sink{{Name: "usb", Label: "Head & Set"}, {Name: "pci", Label: "Speakers", Default: true}},
}

func TestFormats(t *testing.T) {
	paused, silent := moment, moment
	paused.State = Paused
	silent.State, silent.Sink, silent.Label = Silent, "", ""
	for _, tt := range []struct {
		form string
		of   State
		want string
	}{
		{"", moment, `<b>Film\n%{A1:reboot:}: Head & Set`},
		{"text", paused, `<b>Film\n%{A1:reboot:} (paused): Head & Set`},
		{"text", silent, "Speakers"},
		{"text", OfError("the sound server is away"), ""},
		{"polybar", moment, `<b>Film\n% {A1:reboot:}: Head & Set`},
		{"{state}|{sink}|{default}", moment, "playing|Head & Set|Speakers"},
		{"[{app}]", State{Application: "{sink}", Label: "x"}, "[{sink}]"},
	} {
		write, err := Format(tt.form)
		if err != nil {
			t.Fatal(err)
		}
		if got := write(tt.of); got != tt.want {
			t.Errorf("%q gives %q, want %q", tt.form, got, tt.want)
		}
	}
	for _, bad := range []string{"nonsense", "{apps}", "{app} {"} {
		if _, err := Format(bad); err == nil {
			t.Errorf("%q is a format", bad)
		}
	}
}

func TestWaybarGetsMarkupThatIsNone(t *testing.T) {
	write, err := Format(Waybar)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	line := write(moment)
	if err := json.Unmarshal([]byte(line), &got); err != nil || strings.ContainsFunc(line, unicode.IsControl) {
		t.Fatalf("%q: %v", line, err)
	}
	if got["text"] != `&lt;b&gt;Film\n%{A1:reboot:}: Head &amp; Set` || got["class"] != "playing" || got["alt"] != "playing" ||
		got["tooltip"] != "&gt; Head &amp; Set\nSpeakers (default)" {
		t.Errorf("%q", got)
	}
}

func TestAStateThatShowsTheSameIsTheSame(t *testing.T) {
	other := moment
	other.Sinks = append([]Sink{}, moment.Sinks...)
	if !moment.Same(other) {
		t.Error("equal states differ")
	}
	other.Sinks[1].Muted = true
	if other.Same(moment) {
		t.Error("a muted sink is not seen")
	}
	other = moment
	other.Moves = []Move{{Stream: 1}}
	if other.Same(moment) {
		t.Error("a move is not seen")
	}
}

func FuzzFormat(f *testing.F) {
	f.Add("{app}", "name", "label")
	f.Fuzz(func(t *testing.T, form, app, label string) {
		for _, form := range []string{form, Text, Waybar, Polybar} {
			write, err := Format(form)
			if err != nil {
				continue
			}
			line := write(State{Application: app, State: Playing, Label: label})
			if !strings.ContainsFunc(form, unicode.IsControl) && strings.ContainsFunc(line, unicode.IsControl) {
				t.Errorf("%q: a control character in %q", form, line)
			}
			if form == Polybar && strings.Contains(line, "%{") {
				t.Errorf("polybar would obey %q", line)
			}
		}
	})
}

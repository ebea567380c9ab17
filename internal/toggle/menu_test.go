package toggle

import (
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/pulse"
)

func TestEverySinkComesBackFromItsLineOfTheMenu(t *testing.T) {
	sinks := []pulse.Sink{
		{Index: 1, Name: "a", Description: "Speakers"},
		{Index: 2, Name: "b", Description: "Speakers"},
		{Index: 3, Name: "c", Description: "Speakers  (default)"},
		{Index: 4, Name: "d", Description: "tab\there"},
		{Index: 5, Name: "e", Description: `tab\there`},
		{Index: 6, Name: "f", Description: "客厅的音箱"},
		{Index: 7, Name: "g", Description: "  spaces around  "},
		{Index: 8, Name: "h", Description: "\x1b[2J\u202e"},
		{Index: 9, Name: "i", Description: "TV (HDMI)", Available: pulse.AvailableNo, Muted: true},
		{Index: 10, Name: "j", Description: "TV"},
		{Index: 11, Name: "k", Description: "TV  (default), next)"},
	}
	b := NewBook(sinks, &config.Config{})
	for _, def := range []string{"", "a", "c", "d", "i", "j"} {
		lines := b.Menu(def, b.Output(10))
		if len(lines) != len(sinks) {
			t.Fatalf("%d lines for %d sinks", len(lines), len(sinks))
		}
		seen := map[pulse.SinkIndex]string{}
		for _, line := range lines {
			if strings.ContainsFunc(line, unicode.IsControl) || strings.TrimSpace(line) != line {
				t.Errorf("%q has what a menu would change", line)
			}
			o, err := b.Chosen(line + "\n")
			if err != nil {
				t.Errorf("%q: %v", line, err)
				continue
			}
			if other, twice := seen[o.Index]; twice {
				t.Errorf("%q and %q both are sink %d", other, line, o.Index)
			}
			seen[o.Index] = line
		}
		for i, line := range seen {
			if o := b.Output(i); o.Name == def && !strings.Contains(line, "default") {
				t.Errorf("%q is not marked as the default", line)
			}
		}
	}
	if o, err := b.Chosen("hdmi"); err != nil || o.Index != 9 {
		t.Errorf("typed words are %v, %v", o, err)
	}
	if _, err := b.Chosen("kitchen"); err == nil {
		t.Error("any words are a sink")
	}
}

func TestTheMenuBeginsWithTheRing(t *testing.T) {
	cfg := parseConfig(t, `sinks = ["usb", "analog"]`)
	b := NewBook(desk, cfg)
	want := []string{"Headset  (next)", "Speakers  (default)", "TV  (unplugged)", "Earbuds"}
	if d := cmp.Diff(want, b.Menu("analog", b.Output(58))); d != "" {
		t.Error(d)
	}
}

func FuzzChosen(f *testing.F) {
	f.Add("Speakers", "TV\t", "Speakers  (default)")
	f.Fuzz(func(t *testing.T, one, two, line string) {
		b := NewBook([]pulse.Sink{{Index: 1, Name: "a", Description: one}, {Index: 2, Name: "b", Description: two}}, &config.Config{})
		for i, l := range b.Menu("a", nil) {
			if o, err := b.Chosen(l); err != nil || o != &b.Outputs[i] { // the ring is by name here
				t.Errorf("%q: %v, %v", l, o, err)
			}
		}
		if o, err := b.Chosen(line); (o == nil) == (err == nil) {
			t.Errorf("%q is %v, %v", line, o, err)
		}
	})
}

package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/toggle"
	"github.com/patoggle/patoggle/pulse"
)

func TestTabGoesOnFromAnyPartThatToTakes(t *testing.T) {
	cfg, err := config.Parse("c", strings.NewReader("[names]\n\"alsa.hdmi\" = \"tv\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	book := toggle.NewBook([]pulse.Sink{
		{Index: 1, Name: "alsa.usb-x", Description: "USB Headset"},
		{Index: 2, Name: "alsa.pci", Description: "Built-in Audio"},
		{Index: 3, Name: "alsa.hdmi", Description: "HDMI 1"},
		{Index: 4, Name: "alsa.usb-y", Description: "Musikanlage"},
	}, cfg)
	for typed, want := range map[string][]string{
		"":        {"tv", "alsa.usb-x", "alsa.pci", "alsa.usb-y"},
		"us":      {"usb-x", "usb-y"},
		"head":    {"headset"},
		"Head":    {"Headset"},
		"BUILT":   {"BUILT-in Audio"},
		"t":       {"tv"},
		"kitchen": nil,
		"usb-x":   {"usb-x"},
	} {
		var got []string
		for _, offer := range sinkChoices(book, typed) {
			word, _, _ := strings.Cut(offer, "\t")
			got = append(got, word)
			if _, err := book.Find(word); err != nil || !strings.HasPrefix(word, typed) {
				t.Errorf("%q: %q is offered and not taken: %v", typed, word, err)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%q offers %q, want %q", typed, got, want)
		}
	}
}

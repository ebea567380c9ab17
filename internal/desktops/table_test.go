package main

import (
	"testing"
	"time"
)

func TestTableHasALineForEachDesktopAndAColumnForEachSituation(t *testing.T) {
	got := markdown([]Outcome{
		{Desktop: "sway", Version: "1.7", Sound: "PulseAudio 16.1", Case: "native", Verdict: "ok"},
		{Desktop: "sway", Version: "1.7", Sound: "PulseAudio 16.1", Case: "none", Verdict: "ok", Code: 3},
		{Desktop: "KWin", Version: "6.7", Sound: "PipeWire 1.6", Case: "native", Verdict: "FAIL"},
		{Desktop: "KWin", Version: "6.7", Sound: "PipeWire 1.6", Case: "none", Verdict: "-"},
	})
	want := "| desktop | sound | native | none |\n|---|---|---|---|\n" +
		"| sway 1.7 | PulseAudio 16.1 | moved | code 3 |\n" +
		"| KWin 6.7 | PipeWire 1.6 | **wrong** | – |\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestWantedNamesARootADesktopOrBoth(t *testing.T) {
	r := run{root: "sid", desktop: "kwin"}
	for only, want := range map[string]bool{
		"": true, "sid": true, "kwin": true, "sid/kwin": true, "sway,kwin": true,
		"bookworm": false, "bookworm/kwin": false, "gnome": false,
	} {
		if got := wanted(only, r); got != want {
			t.Errorf("wanted(%q) = %v, want %v", only, got, want)
		}
	}
}

func TestTimesStandBesideThoseOfX11(t *testing.T) {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	got := timesTable([]Timing{
		{Desktop: "sway", Version: "1.7", Sound: "PulseAudio 16.1", Press: silentPress, X11: ms(10), Here: ms(11)},
		{Desktop: "sway", Version: "1.7", Sound: "PulseAudio 16.1", Press: movingPress, X11: ms(20), Here: ms(25)},
		{Desktop: "KWin", Version: "6.7", Why: "it does not start"},
		{Desktop: "labwc", Version: "0.20", Sound: "PipeWire 1.6", Press: silentPress, X11: ms(10), Here: ms(9)},
		{Desktop: "labwc", Version: "0.20", Sound: "PipeWire 1.6", Press: movingPress, X11: ms(10), Here: ms(10)},
	})
	want := "| desktop | sound | nothing to do, X11 | here | ratio | moves, X11 | here | ratio |\n|---|---|---|---|---|---|---|---|\n" +
		"| sway 1.7 | PulseAudio 16.1 | 10.0 ms | 11.0 ms | 1.10 | 20.0 ms | 25.0 ms | 1.25 |\n" +
		"| labwc 0.20 | PipeWire 1.6 | 10.0 ms | 9.0 ms | 0.90 | 10.0 ms | 10.0 ms | 1.00 |\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := median([]time.Duration{ms(5), ms(1), ms(3)}); got != ms(3) {
		t.Errorf("the median is %v", got)
	}
}

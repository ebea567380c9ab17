package main

import "testing"

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

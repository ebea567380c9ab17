package desktop

import (
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
)

// BenchmarkOneShot runs the built patoggle in turn under X11 and under sway, each
// with a terminal in front that plays nothing, and tells the medians from start
// to exit: go test -run '^$' -bench OneShot -benchtime 100x ./internal/desktop
//
// Another patoggle, of an older commit, is run under X11 as well when its path is
// in PATOGGLE_BEFORE.
func BenchmarkOneShot(b *testing.B) {
	l := lab.Start(b)
	program := lab.Binary(b, "patoggle")
	l.PulseAudio("a", "b")
	d := l.Display()
	x := l.XTerm("one", "sleep", "6000")
	d.Focus(x.WaitWindow())
	onX11 := []string{"DISPLAY=" + d.Name, "WAYLAND_DISPLAY", "SWAYSOCK"}
	l.Sway()
	l.Spawn("foot", "sleep", "6000")
	onSway := []string{"DISPLAY"}
	took := map[string][]time.Duration{}
	before := os.Getenv("PATOGGLE_BEFORE")
	run := func(name string, env []string, program string) {
		r := l.Run(env, program)
		if r.Code != 3 {
			b.Fatalf("under %s: %d, %s", name, r.Code, r.Stderr)
		}
		took[name] = append(took[name], r.Took)
	}
	l.Until("a terminal in front of sway", func() bool {
		r := l.Run(onSway, program)
		return r.Stderr == "patoggle: foot is not playing anything\n"
	})
	turns := []func(){
		func() { run("X11", onX11, program) },
		func() { run("sway", onSway, program) },
	}
	if before != "" {
		turns = append(turns, func() { run("before", onX11, before) })
	}
	for b.Loop() {
		for _, i := range rand.Perm(len(turns)) { // who comes after whom shows in the figures
			turns[i]()
		}
	}
	median := func(name string) float64 {
		slices.Sort(took[name])
		return took[name][len(took[name])/2].Seconds() * 1000
	}
	b.ReportMetric(median("X11"), "ms-X11")
	b.ReportMetric(median("sway"), "ms-sway")
	b.ReportMetric(median("sway")/median("X11"), "sway/X11")
	if before != "" {
		b.ReportMetric(median("before"), "ms-before")
		b.ReportMetric(median("X11")/median("before"), "X11/before")
	}
}

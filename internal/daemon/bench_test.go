package daemon

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jezek/xgb/xproto"

	"github.com/patoggle/patoggle/internal/lab"
)

// The numbers of the daemon come from
//
//	go test -run '^$' -bench . -benchtime 50x ./internal/daemon

// quantile gives the n-th percentile of times in milliseconds.
func quantile(times []float64, n int) float64 {
	slices.Sort(times)
	return times[min(len(times)-1, len(times)*n/100)]
}

// BenchmarkPress measures from the press of the key to the stream on its new
// sink as another client sees it, which asks without pause; and what the
// daemon itself says it took from the Keydown to the last answer.
func BenchmarkPress(b *testing.B) {
	for _, server := range []string{pulseaudio, pipewire} {
		b.Run(server, func(b *testing.B) {
			r := newRig(b, server)
			r.play()
			r.start("-v")
			var seen []float64
			at := "a"
			for b.Loop() {
				r.keys.press("Super")
				began := time.Now()
				r.keys.press("F9")
				at = after(at, 1)
				for r.sound.On(r.stream()) != at {
					if time.Since(began) > 5*time.Second {
						b.Fatalf("a press was lost:\n%s", r.daemon.Log())
					}
				}
				seen = append(seen, float64(time.Since(began).Microseconds())/1000)
				r.keys.release("Super", "F9")
				time.Sleep(60 * time.Millisecond)
			}
			var own []float64
			for line := range strings.Lines(r.daemon.Log()) {
				if !strings.Contains(line, " → ") {
					continue
				}
				took := line[strings.LastIndexByte(line, '(')+1:]
				if ms, err := strconv.ParseFloat(strings.TrimSuffix(took, " ms)\n"), 64); err == nil {
					own = append(own, ms)
				}
			}
			b.ReportMetric(quantile(seen, 50), "ms-seen-p50")
			b.ReportMetric(quantile(seen, 99), "ms-seen-p99")
			b.ReportMetric(quantile(own, 50), "ms-served-p50")
			b.ReportMetric(quantile(own, 99), "ms-served-p99")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkFastTap counts the presses that are lost when the key is down for a
// short time only.
func BenchmarkFastTap(b *testing.B) {
	for _, ms := range []int{1, 5, 10, 20} {
		b.Run(fmt.Sprintf("%dms", ms), func(b *testing.B) {
			r := newRig(b, pulseaudio)
			r.play()
			r.start("-v")
			n := 0
			for b.Loop() {
				r.keys.tap(time.Duration(ms)*time.Millisecond, "Super", "F9")
				time.Sleep(60 * time.Millisecond)
				n++
			}
			lab.Poll(time.Second, func() bool { return r.moves() >= n })
			b.ReportMetric(float64(n-r.moves()), "lost")
			b.ReportMetric(float64(n), "taps")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkTypeWhileHeld counts the letters that do not reach the focused
// window because they are typed in the very moment in which the held hotkey
// repeats, and its presses that count more than once.
func BenchmarkTypeWhileHeld(b *testing.B) {
	r := newRig(b, pulseaudio)
	r.play()
	r.start("-v")
	r.keys.listen(r.window())
	n := 0
	for b.Loop() {
		r.keys.press("Super", "F9")
		// X repeats after 660 ms every 40 ms.
		time.Sleep(700*time.Millisecond + time.Duration(rand.IntN(40_000))*time.Microsecond)
		r.keys.tap(10*time.Millisecond, "E")
		r.keys.release("Super", "F9")
		time.Sleep(60 * time.Millisecond)
		n++
	}
	r.keys.sync()
	b.ReportMetric(float64(n), "letters")
	b.ReportMetric(float64(n-r.keys.presses(r.window(), "E")), "lost")
	b.ReportMetric(float64(r.moves()-n), "moves-too-many")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkMemory measures the resident memory with four hotkeys: when ready,
// and after the presses.
func BenchmarkMemory(b *testing.B) {
	for _, server := range []string{pulseaudio, pipewire} {
		b.Run(server, func(b *testing.B) {
			r := newRig(b, server)
			r.play()
			r.configure(hotkeys("Super+F9", "Super+F8", "Ctrl+Alt+Z", "XF86AudioNext"))
			r.start()
			ready := r.use()
			for b.Loop() {
				r.keys.tap(20*time.Millisecond, "Super", "F9")
				time.Sleep(60 * time.Millisecond)
			}
			last := r.use()
			b.ReportMetric(float64(ready.rss), "kB-ready")
			b.ReportMetric(float64(last.rss), "kB-after")
			b.ReportMetric(float64(last.fds), "descriptors")
			b.ReportMetric(float64(last.threads), "threads")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkStray counts the events over the root window that reach the daemon,
// as presses, of that many letters.
func BenchmarkStray(b *testing.B) {
	r := newRig(b, "", lab.NoWM)
	r.start("-v")
	if err := xproto.SetInputFocusChecked(r.keys.x, xproto.InputFocusPointerRoot, r.keys.root, xproto.TimeCurrentTime).Check(); err != nil {
		b.Fatal(err)
	}
	n := 0
	for b.Loop() {
		r.keys.tap(time.Millisecond, "E")
		n++
	}
	b.ReportMetric(float64(n), "letters")
	b.ReportMetric(float64(r.said("patoggled: error:")), "fired")
	b.ReportMetric(0, "ns/op")
}

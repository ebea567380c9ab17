package match

import (
	"testing"

	"github.com/patoggle/patoggle/pulse"
)

// office is a desktop with many windows and streams: 50 players, 4 streams
// each, and a browser in front.
func office() *fixture {
	f := newFixture()
	f.chromium(8569, 8709, 0x1400004, 7)
	for i := range 50 {
		pid := 2000 + 10*i
		f.run(pid, userPID, "/usr/bin/xterm")
		f.run(pid+1, pid, "/bin/bash")
		f.run(pid+2, pid+1, "/usr/bin/mpv")
		f.window(xid(0x100+i), pid, "XTerm")
		for j := range 4 {
			f.plays(pulse.StreamIndex(1000+4*i+j), pid+2, "mpv")
		}
	}
	return f.focus(0x1400004)
}

func BenchmarkMatch(b *testing.B) {
	many, few := office(), newFixture()
	few.chromium(8569, 8709, 0x1400004, 7)
	few.chromium(8000, 8100, 0x1400005, 8)
	few.focus(0x1400004)
	for name, f := range map[string]*fixture{"2 streams": few, "201 streams": many} {
		b.Run(name, func(b *testing.B) {
			in := f.input()
			for b.Loop() {
				Match(in)
			}
		})
	}
}

package top_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/lab/puppet"
)

// BenchmarkTwoHundredStreams shows 200 streams in a terminal of 100 by 50 while a
// player sounds on their sink, and tells how much of one processor the view takes:
//
//	go test -run '^$' -bench TwoHundredStreams -benchtime 10x ./internal/top
//
// An operation is a second.
func BenchmarkTwoHundredStreams(b *testing.B) {
	l := lab.Start(b)
	s := l.PulseAudio("a=Speakers", "b=Headset")
	lab.Binary(b, "patoggle-top")
	program := lab.Binary(b, "patoggle")
	// First, as PulseAudio 16 and 17 mix 32 streams of a sink and no more
	// (pulsecore/sink.c, MAX_MIX_CHANNELS).
	l.Spawn("mpv", "--no-config", "--no-video", "--really-quiet", "--loop-file=inf", "--ao=pulse", "--audio-device=pulse/a", l.ToneFile())
	s.WaitStream("the player", func(lab.Stream) bool { return true })
	for range 10 {
		streams := make([]puppet.Stream, 20)
		for i := range streams {
			streams[i] = puppet.Stream{Media: []byte("stream " + strconv.Itoa(i)), Sink: "a"}
		}
		l.Puppet(lab.Act{Streams: streams})
	}
	l.Until("201 streams", func() bool { return len(s.Streams()) == 201 })
	x := inTmux(l, named(program))
	x.do("resize-window", "-x", "100", "-y", "50")
	x.wait("a level", "█")
	pid := x.pid()
	meters := strings.Count(s.Pactl("list", "short", "source-outputs"), "\n")
	time.Sleep(3 * time.Second) // what belongs to its start
	began, before := time.Now(), cpu(pid)
	for b.Loop() {
		time.Sleep(time.Second) // what is measured
	}
	took := time.Since(began).Seconds()
	b.ReportMetric(float64(cpu(pid)-before)/took, "%ofaCPU")
	b.ReportMetric(float64(meters), "meters")
}

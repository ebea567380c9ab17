package pulse_test

import (
	"strings"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/pulse"
)

// loudest reads a meter until it has heard something over the level, and
// returns the loudest.
func loudest(l *lab.Lab, what string, m *pulse.Meter, over float64) float64 {
	peak := 0.0
	l.Until(what, func() bool {
		peak = max(peak, m.Peak())
		return peak > over
	})
	return peak
}

// silentFor reads a meter for a while and returns the loudest.
func silentFor(d time.Duration, m *pulse.Meter) float64 {
	peak := 0.0
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		peak = max(peak, m.Peak())
	}
	return peak
}

func TestAMeterHearsItsSinkAndItsStreamAndNoOther(t *testing.T) {
	onBoth(t, func(t *testing.T, l *lab.Lab, s *lab.Sound) {
		const here, there = "b", "c"
		l.Spawn("mpv", "--no-config", "--no-video", "--really-quiet", "--loop-file=inf", "--ao=pulse", "--audio-device=pulse/"+here, l.ToneFile())
		p := s.WaitStream("the player", func(lab.Stream) bool { return true }).Index
		s.WaitOn(p, here)
		c := dial(t, s.Server)
		meter := func(m *pulse.Meter, err error) *pulse.Meter {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		sink := meter(c.MeterSink(within(t, limit), here))
		other := meter(c.MeterSink(within(t, limit), there))
		stream := meter(c.MeterStream(within(t, limit), here, pulse.StreamIndex(p)))
		if peak := loudest(l, "the sink to be heard", sink, 0.01); peak > 1.5 {
			t.Errorf("the sink plays at %v of full scale", peak)
		}
		loudest(l, "the stream to be heard", stream, 0.01)
		if peak := silentFor(300*time.Millisecond, other); peak > 0.001 {
			t.Errorf("the sink %s, on which nothing plays, is at %v", there, peak)
		}
		if err := sink.Close(within(t, limit)); err != nil {
			t.Error(err)
		}
		sink.Peak()
		if peak := silentFor(200*time.Millisecond, sink); peak != 0 {
			t.Errorf("a closed meter heard %v", peak)
		}
		// The others go on, and so does the conversation.
		loudest(l, "the stream to be heard again", stream, 0.01)
		snapshot(t, c)
	})
}

func TestAMeterIsNoApplicationOfOtherMixers(t *testing.T) {
	onBoth(t, func(t *testing.T, l *lab.Lab, s *lab.Sound) {
		c := dial(t, s.Server)
		if _, err := c.MeterSink(within(t, limit), "a"); err != nil {
			t.Fatal(err)
		}
		l.Until("the recording to be listed, marked as a mixer's own", func() bool {
			return strings.Contains(s.Pactl("list", "source-outputs"), `application.id = "org.PulseAudio.pavucontrol"`)
		})
	})
}

func TestAMeterOfWhatIsNotThereIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, l *lab.Lab, s *lab.Sound) {
		c := dial(t, s.Server)
		if m, err := c.MeterSink(within(t, limit), "no such sink"); err == nil {
			// pipewire-pulse takes the request and links it to nothing.
			if peak := silentFor(300*time.Millisecond, m); peak != 0 {
				t.Errorf("a sink that is not there plays at %v", peak)
			}
		}
		if _, err := c.MeterSink(within(t, limit), strings.Repeat("x", 300)); err == nil {
			t.Error("a name that fits no request was sent")
		}
		snapshot(t, c)
	})
}

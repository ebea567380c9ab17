package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/lab/puppet"
)

// mixer is a private server with one loud player.
type mixer struct {
	*lab.Lab
	t       *testing.T
	sound   *lab.Sound
	program string
	stream  int
}

// remembering writes the configuration that volume = "remember" is.
func remembering(t *testing.T, l *lab.Lab) {
	t.Helper()
	dir := l.Home + "/.config/patoggle"
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/config.toml", []byte("volume = \"remember\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// loudFile is raw sound at full scale: 48 kHz, two channels, 16 bits.
func loudFile(t *testing.T, seconds int) string {
	t.Helper()
	// A second holds 440 whole waves: it goes on where it ends.
	var second []byte
	for i := range 48000 {
		v := uint16(int16(32000 * math.Sin(2*math.Pi*440*float64(i)/48000)))
		second = binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(second, v), v)
	}
	file := filepath.Join(t.TempDir(), "loud.raw")
	if err := os.WriteFile(file, bytes.Repeat(second, seconds), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func newMixer(t *testing.T, l *lab.Lab, s *lab.Sound) *mixer {
	t.Helper()
	lab.Need(t, "paplay", "pactl")
	remembering(t, l)
	m := &mixer{Lab: l, t: t, sound: s, program: lab.Binary(t, "patoggle")}
	m.play()
	return m
}

// play starts the player on sink a, at full volume.
func (m *mixer) play() *lab.Process {
	m.t.Helper()
	before := map[int]bool{}
	for _, s := range m.sound.Streams() {
		before[s.Index] = true
	}
	p := m.Spawn("paplay", "--raw", "--rate=48000", "--channels=2", "--format=s16le", "--device=a", "--volume=65536", loudFile(m.t, 120))
	m.stream = m.sound.WaitStream("the player", func(s lab.Stream) bool { return !before[s.Index] && s.On == "a" }).Index
	return p
}

// do runs patoggle about the stream.
func (m *mixer) do(want int, args ...string) lab.Result {
	m.t.Helper()
	r := m.Run(nil, m.program, lab.Unhurried(args...)...)
	if r.Code != want {
		m.t.Fatalf("%q: code %d, %s%s", args, r.Code, r.Stdout, r.Stderr)
	}
	return r
}

func (m *mixer) to(sink string) lab.Result {
	m.t.Helper()
	return m.do(0, "--stream", strconv.Itoa(m.stream), "--to", sink)
}

// volume is the stream's in percent, as patoggle list says.
func (m *mixer) volume() int {
	m.t.Helper()
	var l listing
	if err := json.Unmarshal([]byte(m.do(0, "list", "--json").Stdout), &l); err != nil {
		m.t.Fatal(err)
	}
	for _, s := range l.Streams {
		if int(s.Index) == m.stream {
			return s.Volume
		}
	}
	m.t.Fatalf("there is no stream %d", m.stream)
	return 0
}

// is holds the stream's sink and volume.
func (m *mixer) is(sink string, volume int) {
	m.t.Helper()
	if on, v := m.sound.On(m.stream), m.volume(); on != sink || v < volume-1 || v > volume+1 {
		m.t.Errorf("it is on %q at %d %%, want %q at %d %%", on, v, sink, volume)
	}
}

// set sets the volume of a sink, or of the stream ("").
func (m *mixer) set(sink string, percent int) {
	m.t.Helper()
	if sink != "" {
		m.sound.SetVolume(sink, percent)
		return
	}
	m.sound.Pactl("set-sink-input-volume", strconv.Itoa(m.stream), fmt.Sprintf("%d%%", percent))
	m.Until("the stream's volume", func() bool { v := m.volume(); return v >= percent-1 && v <= percent+1 })
}

// peak is the largest of samples.
func peak(samples []int16) (p int) {
	for _, v := range samples {
		p = max(p, int(v), -int(v))
	}
	return p
}

// arrives moves the stream with f to a sink, and holds that it is heard there at
// that part of full scale, and at no moment louder. On a busy machine what is
// recorded lags behind: it listens until the stream is as loud as it is to be, and
// is so half a second later.
func (m *mixer) arrives(sink string, level float64, f func()) {
	m.t.Helper()
	want := 32000 * level * level * level // volumes are cubic
	heard := m.sound.Monitor(sink)
	defer heard.Stop()
	f()
	var all, last, size int
	var end []int16 // a quarter of a second
	defer func() { m.t.Logf("on %s: peak %d, in the end %d, target %.0f", sink, all, last, want) }()
	// A tenth is for what resampling makes of an edge.
	right := func() bool {
		more := heard.Next()
		end = append(end, more...)
		end = end[max(0, len(end)-lab.MonitorRate/4):]
		all, last, size = max(all, peak(more)), peak(end), size+len(more)
		return float64(last) > want*0.9 && float64(last) < want*1.1
	}
	m.Until("the stream to be as loud as it is to be on "+sink, right)
	later := size + lab.MonitorRate/2
	m.Until("the stream to stay so loud on "+sink, func() bool { return right() && size > later })
	if float64(all) > want*1.1 {
		m.t.Errorf("it was as loud as %d on %s, never to be louder than %.0f", all, sink, want)
	}
}

func TestNoBlast(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *lab.Lab, s *lab.Sound) {
		m := newMixer(t, l, s)
		m.set("a", 50)
		m.set("b", 100)
		// A first visit: as loud as it was, 50 % of 100 %.
		m.arrives("b", 0.5, func() {
			if r := m.do(0, "--stream", strconv.Itoa(m.stream), "--to", "b", "--dry-run"); !strings.Contains(r.Stdout, "at 50%") {
				t.Errorf("a dry run says %q", r.Stdout)
			}
			m.is("a", 100)
			if r := m.to("b"); !strings.Contains(r.Stdout, "at 50%") {
				t.Errorf("it says %q", r.Stdout)
			}
		})
		m.is("b", 50)
		// It comes back to what it had.
		m.arrives("a", 0.5, func() { m.to("a") })
		m.is("a", 100)
		// The user's last word on b is 30 %, and on the sink a 80 %.
		m.to("b")
		m.set("", 30)
		m.to("a")
		m.is("a", 100)
		m.set("a", 80)
		m.arrives("b", 0.3, func() { m.to("b") })
		m.is("b", 30)
		m.arrives("a", 0.8, func() { m.to("a") })
		m.is("a", 100)
		// A quieter sink: first visits get no louder by themselves.
		m.set("c", 20)
		m.arrives("c", 0.2, func() { m.to("c") })
		m.is("c", 100)
		m.arrives("a", 0.8, func() { m.to("a") })
	})
}

func TestUndoRestoresTheVolumeUnlessTheUserHasSetAnother(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *lab.Lab, s *lab.Sound) {
		m := newMixer(t, l, s)
		m.set("a", 50)
		m.to("b")
		m.is("b", 50)
		m.arrives("a", 0.5, func() { m.do(0, "undo") })
		m.is("a", 100)
		m.to("b")
		m.is("b", 50)
		m.set("", 20)
		m.arrives("a", 0.5*0.2, func() { m.do(0, "undo") })
		m.is("a", 20)
	})
}

func TestAMoveThatFailsLeavesTheVolumeAlone(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *lab.Lab, s *lab.Sound) {
		m := newMixer(t, l, s)
		m.set("a", 50)
		still := s.Tone(puppet.Stream{Media: []byte("stays"), Sink: "a", NoMove: true})
		m.stream = still.Streams[0]
		m.Until("the stubborn stream on a", func() bool { return s.On(m.stream) == "a" })
		m.do(1, "--stream", strconv.Itoa(m.stream), "--to", "b")
		m.is("a", 100)
	})
}

func TestFollowKeepsTheVolumeToo(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *lab.Lab, s *lab.Sound) {
		m := newMixer(t, l, s)
		m.to("c") // what is on the default sink goes with it
		m.set("c", 50)
		m.is("c", 100)
		s.Pactl("set-default-sink", "b")
		m.Until("the default sink", func() bool { return s.Default() == "b" })
		m.is("c", 100)
		m.arrives("b", 0.5, func() { m.do(0, "follow", "--stream", strconv.Itoa(m.stream)) })
		m.is("b", 50)
	})
}

// With flat volumes the volume of a stream has its sink's in it.
func TestNoBlastWithFlatVolumes(t *testing.T) {
	t.Parallel()
	l := lab.Start(t)
	dir := l.Home + "/.config/pulse"
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/daemon.conf", []byte("flat-volumes = yes\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	m := newMixer(t, l, l.PulseAudio("a", "b", "c"))
	m.set("b", 100)
	m.set("a", 50)
	m.is("a", 50)
	m.arrives("b", 0.5, func() { m.to("b") })
	m.is("b", 50)
	m.set("", 30)
	m.arrives("a", 0.5, func() { m.to("a") })
	m.is("a", 50)
	m.arrives("b", 0.3, func() { m.to("b") })
	m.is("b", 30)
	m.arrives("a", 0.5, func() { m.do(0, "undo") })
	m.is("a", 50)
}

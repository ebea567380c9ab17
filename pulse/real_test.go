package pulse_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/lab/native"
	"github.com/patoggle/patoggle/pulse"
)

var record = flag.Bool("record", false, "write the conversations of TestRealConversation to testdata")

// limit is the deadline of everything that is expected to work, on a machine
// that does other things as well.
const limit = 20 * time.Second

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func dial(t testing.TB, server string) *pulse.Conn {
	t.Helper()
	c, err := pulse.Dial(within(t, limit), pulse.Options{Server: server})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func snapshot(t testing.TB, c *pulse.Conn) *pulse.Snapshot {
	t.Helper()
	s, err := c.Snapshot(within(t, limit))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// onBoth runs a test on a private server of each kind with the sinks a, b
// and c.
func onBoth(t *testing.T, test func(t *testing.T, l *lab.Lab, s *lab.Sound)) {
	t.Run("PulseAudio", func(t *testing.T) {
		t.Parallel()
		l := lab.Start(t)
		test(t, l, l.PulseAudio("a=Speakers", "b=Headphones", "c=Television"))
	})
	t.Run("PipeWire", func(t *testing.T) {
		t.Parallel()
		l := lab.Start(t)
		test(t, l, l.PipeWire("a=Speakers", "b=Headphones", "c=Television"))
	})
}

// play starts a stream of a client of its own, and waits until it is on a
// sink.
func play(t testing.TB, s *lab.Sound, p native.Playback) pulse.StreamIndex {
	t.Helper()
	c, err := native.Dial(s.Socket, limit, map[string]string{"application.name": "a player"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	index, err := c.Play(limit, p)
	if err != nil {
		t.Fatal(err)
	}
	s.WaitStream("the player", func(st lab.Stream) bool { return st.Index == int(index) })
	return pulse.StreamIndex(index)
}

func TestPropertiesAreThoseAskedFor(t *testing.T) {
	onBoth(t, func(t *testing.T, _ *lab.Lab, s *lab.Sound) {
		play(t, s, native.Playback{Media: "a song"})
		all := dial(t, s.Server)
		keys := []string{"application.name", "media.name", "device.description", "no.such.key"}
		some, err := pulse.Dial(within(t, limit), pulse.Options{Server: s.Server, Properties: keys})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { some.Close() })
		want, got := snapshot(t, all), snapshot(t, some)
		left, dropped := 0, 0
		keep := func(m map[string]string) {
			dropped += len(m)
			maps.DeleteFunc(m, func(k, _ string) bool { return !slices.Contains(keys, k) })
			left, dropped = left+len(m), dropped-len(m)
		}
		for i := range want.Sinks {
			keep(want.Sinks[i].Properties)
		}
		for i := range want.Streams {
			keep(want.Streams[i].Properties)
			keep(want.Streams[i].Client.Properties)
		}
		if left < 5 || dropped < 10 {
			t.Errorf("%d properties are asked for, %d not: that shows nothing", left, dropped)
		}
		if d := cmp.Diff(want.Sinks, got.Sinks); d != "" {
			t.Errorf("sinks differ (- all, + some): %s", d)
		}
		if d := cmp.Diff(want.Streams, got.Streams); d != "" {
			t.Errorf("streams differ (- all, + some): %s", d)
		}
	})
}

// sink returns the index of the named sink.
func sink(t testing.TB, s *pulse.Snapshot, name string) pulse.SinkIndex {
	t.Helper()
	for _, k := range s.Sinks {
		if k.Name == name {
			return k.Index
		}
	}
	t.Fatalf("no sink %q in %+v", name, s.Sinks)
	return pulse.NoSink
}

// tape is what went through a proxy.
type tape struct {
	mu             sync.Mutex
	sent, received bytes.Buffer
}

// proxy passes connections on to the server's socket and keeps a copy of the
// first. It returns the path of its own socket.
func proxy(t *testing.T, l *lab.Lab, to string, keep *tape) string {
	path := l.Dir + "/proxy"
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		group.Wait()
	})
	group.Go(func() {
		for ; ; keep = new(tape) {
			client, err := listener.AcceptUnix()
			if err != nil {
				return
			}
			server, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: to, Net: "unix"})
			if err != nil {
				client.Close()
				return
			}
			from, back := tee(client, keep, &keep.sent), tee(server, keep, &keep.received)
			group.Go(func() {
				_, _ = io.Copy(client, back)
				client.Close()
			})
			group.Go(func() {
				defer server.Close()
				first := make([]byte, 4096)
				n, _ := from.Read(first)
				credentials := syscall.UnixCredentials(&syscall.Ucred{Pid: int32(os.Getpid()), Uid: uint32(os.Getuid()), Gid: uint32(os.Getgid())})
				_, _, _ = server.WriteMsgUnix(first[:n], credentials, nil)
				_, _ = io.Copy(server, from)
			})
		}
	})
	return path
}

func tee(r io.Reader, keep *tape, into *bytes.Buffer) io.Reader {
	return io.TeeReader(r, writerFunc(func(b []byte) (int, error) {
		keep.mu.Lock()
		defer keep.mu.Unlock()
		return into.Write(b)
	}))
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestRealConversation(t *testing.T) {
	onBoth(t, func(t *testing.T, l *lab.Lab, s *lab.Sound) {
		one := play(t, s, native.Playback{Media: "Ünïcödé – a song", Sink: "b", Props: map[string]string{"media.role": "music"}})
		two := play(t, s, native.Playback{Media: "another", Corked: true})
		keep := &tape{}
		c := dial(t, "unix:"+proxy(t, l, s.Socket, keep))
		events, err := c.Subscribe(within(t, limit), pulse.FacilitySink|pulse.FacilityStream|pulse.FacilityServer)
		if err != nil {
			t.Fatal(err)
		}
		snap := snapshot(t, c)
		if snap.Server.PipeWire != s.PipeWire || snap.Server.Name == "" || snap.Server.Version == "" || snap.Server.DefaultSink != s.Default() {
			t.Errorf("server %+v", snap.Server)
		}
		sinks := s.Sinks()
		if len(snap.Sinks) != len(sinks) {
			t.Fatalf("%d sinks, another client sees %d", len(snap.Sinks), len(sinks))
		}
		for i, k := range snap.Sinks {
			if want := sinks[i]; int(k.Index) != want.Index || k.Name != want.Name || k.Description != want.Description ||
				k.Volume != 100 || k.Muted || k.Properties["device.description"] != want.Props["device.description"] {
				t.Errorf("sink %+v, another client sees %+v", k, want)
			}
		}
		st := snap.Stream(one)
		if st == nil || st.Client == nil {
			t.Fatalf("stream %d: %+v", one, st)
		}
		if st.Media != "Ünïcödé – a song" || st.Sink != sink(t, snap, "b") || st.Corked || st.Volume != 100 || st.Properties["media.role"] != "music" ||
			st.Property("application.name") != "a player" || st.Property("application.process.id") != fmt.Sprint(os.Getpid()) {
			t.Errorf("stream %+v of %+v", st, st.Client)
		}
		if other := snap.Stream(two); other == nil || !other.Corked {
			t.Errorf("stream %+v", other)
		}
		to := sink(t, snap, "c")
		errs := c.Move(within(t, limit), to, one, 4_000_000)
		if errs[0] != nil || !errors.Is(errs[1], pulse.ErrGone) {
			t.Errorf("moves: %v", errs)
		}
		for e := range events {
			if e.Facility == pulse.FacilityStream && e.Index == uint32(one) {
				break
			}
		}
		s.WaitOn(int(one), "c")
		if err := c.Close(); err != nil || !errors.Is(c.Err(), pulse.ErrClosed) {
			t.Errorf("close: %v, then %v", err, c.Err())
		}
		if _, open := <-events; open {
			for range events {
			}
		}
		if *record {
			keep.write(t, strings.ToLower(filepath.Base(t.Name())))
		}
	})
}

// write keeps the tape in testdata, without this machine's name.
func (k *tape) write(t *testing.T, name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for suffix, b := range map[string][]byte{".sent": k.sent.Bytes(), ".received": k.received.Bytes()} {
		b = bytes.ReplaceAll(b, []byte("t"+host+"\x00"), []byte("t"+strings.Repeat("h", len(host))+"\x00"))
		b = bytes.ReplaceAll(b, []byte(host+"\x00"), []byte(strings.Repeat("h", len(host))+"\x00"))
		if err := os.WriteFile("testdata/"+name+suffix, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStreamsWithLongAndStrangeNames(t *testing.T) {
	onBoth(t, func(t *testing.T, l *lab.Lab, s *lab.Sound) {
		names := map[pulse.StreamIndex]string{}
		for _, name := range []string{
			strings.Repeat("x", 1000), strings.Repeat("x", 1023), strings.Repeat("x", 1024),
			strings.Repeat("é", 2500), strings.Repeat("中", 20000), "\x1b]0;title\a\x1b[2Jmenu\r\n",
		} {
			names[play(t, s, native.Playback{Media: name})] = name
		}
		c := dial(t, s.Server)
		for range 3 {
			snap := snapshot(t, c)
			if len(snap.Streams) != len(names) {
				t.Fatalf("%d streams of %d", len(snap.Streams), len(names))
			}
			for index, name := range names {
				st := snap.Stream(index)
				if st == nil {
					t.Fatalf("stream %d is missing", index)
				}
				if !utf8.ValidString(st.Media) || len(st.Media) > 1000 || len(st.Media) < min(len(name), 997) || !strings.HasPrefix(name, st.Media) {
					t.Errorf("a name of %d bytes became %d: %.40q", len(name), len(st.Media), st.Media)
				}
				if st.Properties["media.name"] != st.Media {
					t.Errorf("the property became %.40q", st.Properties["media.name"])
				}
			}
		}
		for index := range names {
			if errs := c.Move(within(t, limit), sink(t, snapshot(t, c), "b"), index); errs[0] != nil {
				t.Errorf("move: %v", errs[0])
			}
			if on := s.On(int(index)); on != "b" {
				t.Errorf("another client sees it on %q", on)
			}
		}
	})
}

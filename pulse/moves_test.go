package pulse_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/lab/long"
	"github.com/patoggle/patoggle/internal/lab/native"
	"github.com/patoggle/patoggle/pulse"
)

// once does what the one-shot does: connect, look, move to the sink after the
// one the stream is on, leave as soon as the move is done. It returns the name
// of that sink.
func once(t testing.TB, ctx context.Context, server string, stream pulse.StreamIndex) (string, error) {
	t.Helper()
	c, err := pulse.Dial(ctx, pulse.Options{Server: server})
	if err != nil {
		return "", err
	}
	defer c.Close()
	s, err := c.Snapshot(ctx)
	if err != nil {
		return "", err
	}
	st := s.Stream(stream)
	if st == nil {
		return "", pulse.ErrGone
	}
	for i, k := range s.Sinks {
		if k.Index == st.Sink {
			to := s.Sinks[(i+1)%len(s.Sinks)]
			return to.Name, c.Move(ctx, to.Index, stream)[0]
		}
	}
	t.Fatalf("stream %d is on sink %d", stream, st.Sink)
	return "", nil
}

// TestMovesHoldWhenTheConnectionClosesAtOnce moves many times, on a fresh
// connection each, and looks 150 ms after each with another client. Four
// streams take turns, so that the waiting is not in vain.
func TestMovesHoldWhenTheConnectionClosesAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, l *lab.Lab, s *lab.Sound) {
		const settle = 150 * time.Millisecond
		rounds := long.Count(80, 300)
		type turn struct {
			stream pulse.StreamIndex
			sink   string // "" before the first move
			round  int
			moved  time.Time
		}
		turns := make([]turn, 4)
		for i := range turns {
			turns[i].stream = play(t, s, native.Playback{Media: "tone"})
		}
		look := func(last turn) {
			t.Helper()
			if last.sink == "" {
				return
			}
			// The pause is the subject of the test: PipeWire forgets a move
			// some time after it was asked for.
			time.Sleep(time.Until(last.moved.Add(settle)))
			if on := s.On(int(last.stream)); on != last.sink {
				t.Errorf("round %d: %v after the move to %q it is on %q", last.round, settle, last.sink, on)
			}
		}
		var took []time.Duration
		for n := range rounds {
			now := &turns[n%len(turns)]
			look(*now)
			began := time.Now()
			name, err := once(t, within(t, limit), s.Server, now.stream)
			if err != nil {
				t.Fatalf("round %d: %v", n, err)
			}
			now.sink, now.round, now.moved = name, n, time.Now()
			took = append(took, now.moved.Sub(began))
		}
		for _, last := range turns {
			look(last)
		}
		slices.Sort(took)
		t.Logf("%d moves, a median of %v, at most %v", rounds, took[rounds/2], took[rounds-1])
	})
}

func TestMovesHoldWhilePipeWireIsStalled(t *testing.T) {
	l := lab.Start(t)
	s := l.PipeWire("a", "b", "c")
	stream := play(t, s, native.Playback{Media: "tone"})
	daemon := s.Daemon("pipewire")
	for n := range 5 {
		c := dial(t, s.Server)
		snap := snapshot(t, c)
		name := "a"
		if st := snap.Stream(stream); st.Sink == sink(t, snap, "a") {
			name = "b"
		}
		if n%2 == 0 {
			c.Warm(within(t, limit))
		}
		daemon.Stop()
		awake := time.AfterFunc(300*time.Millisecond, daemon.Continue)
		defer awake.Stop()
		began := time.Now()
		errs := c.Move(within(t, limit), sink(t, snap, name), stream)
		took := time.Since(began)
		c.Close()
		if errs[0] != nil {
			t.Fatalf("round %d: %v", n, errs[0])
		}
		if took < 250*time.Millisecond {
			t.Errorf("round %d: done after %v, while the server slept", n, took)
		}
		time.Sleep(150 * time.Millisecond) // as in the test above
		if on := s.On(int(stream)); on != name {
			t.Errorf("round %d: 150 ms after the move to %q it is on %q", n, name, on)
		}
	}
}

func TestAMoveThatDoesNotHappenInTimeIsUnconfirmed(t *testing.T) {
	l := lab.Start(t)
	s := l.PipeWire("a", "b")
	stream := play(t, s, native.Playback{Media: "tone", Sink: "a"})
	for _, test := range []struct {
		daemon string
		warm   bool
	}{
		{"pipewire", true},
		{"pipewire", false},
		{"wireplumber", true},
		{"wireplumber", false},
	} {
		c := dial(t, s.Server)
		snap := snapshot(t, c)
		to := sink(t, snap, "b")
		if snap.Stream(stream).Sink == to {
			to = sink(t, snap, "a")
		}
		if test.warm {
			c.Warm(within(t, limit))
		}
		s.Daemon(test.daemon).Stop()
		began := time.Now()
		errs := c.Move(within(t, 2*time.Second), to, stream)
		took := time.Since(began)
		s.Daemon(test.daemon).Continue()
		c.Close()
		if !errors.Is(errs[0], pulse.ErrUnconfirmed) || took > 20*time.Second {
			t.Errorf("%+v: %v after %v", test, errs, took)
		}
	}
}

func TestAStoppedServerTimesOut(t *testing.T) {
	onBoth(t, func(t *testing.T, l *lab.Lab, s *lab.Sound) {
		stream := play(t, s, native.Playback{Media: "tone", Sink: "a"})
		c, d := dial(t, s.Server), dial(t, s.Server)
		to := sink(t, snapshot(t, c), "b")
		snapshot(t, d)
		s.Stop()
		defer s.Continue()
		began := time.Now()
		if _, err := c.Snapshot(within(t, 200*time.Millisecond)); !errors.Is(err, pulse.ErrTimeout) {
			t.Errorf("snapshot: %v", err)
		}
		if errs := d.Move(within(t, 200*time.Millisecond), to, stream); !errors.Is(errs[0], pulse.ErrTimeout) {
			t.Errorf("move: %v", errs)
		}
		// Those that connect fill the server's queue after a while.
		for range 12 {
			_, err := pulse.Dial(within(t, 50*time.Millisecond), pulse.Options{Server: s.Server})
			var e *pulse.UnreachableError
			if !errors.As(err, &e) || !errors.Is(err, pulse.ErrTimeout) || e.Hint() == "" {
				t.Errorf("dial: %v", err)
			}
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("took %v", took)
		}
		s.Continue()
		snapshot(t, dial(t, s.Server))
	})
}

func TestAStreamThatMayNotBeMoved(t *testing.T) {
	onBoth(t, func(t *testing.T, l *lab.Lab, s *lab.Sound) {
		fixed := play(t, s, native.Playback{Media: "fixed", Sink: "a", NoMove: true})
		free := play(t, s, native.Playback{Media: "free", Sink: "a"})
		c := dial(t, s.Server)
		to := sink(t, snapshot(t, c), "b")
		errs := c.Move(within(t, limit), to, fixed, free)
		if !errors.Is(errs[0], pulse.ErrRefused) || errs[1] != nil {
			t.Errorf("moves: %v", errs)
		}
		if on := s.On(int(fixed)); on != "a" {
			t.Errorf("the fixed one is on %q", on)
		}
		if on := s.On(int(free)); on != "b" {
			t.Errorf("the free one is on %q", on)
		}
	})
}

func TestAStreamThatVanished(t *testing.T) {
	onBoth(t, func(t *testing.T, l *lab.Lab, s *lab.Sound) {
		player, err := native.Dial(s.Socket, limit, nil)
		if err != nil {
			t.Fatal(err)
		}
		index, err := player.Play(limit, native.Playback{Media: "short"})
		if err != nil {
			t.Fatal(err)
		}
		stays := play(t, s, native.Playback{Media: "long", Sink: "a"})
		gone := pulse.StreamIndex(index)
		module := s.AddSink("d")
		c := dial(t, s.Server)
		snap := snapshot(t, c)
		player.Close()
		l.Until("the stream to end", func() bool {
			_, there := s.Stream(int(index))
			return !there
		})
		errs := c.Move(within(t, limit), sink(t, snap, "b"), gone, stays)
		if !errors.Is(errs[0], pulse.ErrGone) || errs[1] != nil {
			t.Errorf("moves: %v", errs)
		}
		seen, err := c.Look(within(t, limit), gone, stays)
		if err != nil || len(seen) != 1 || seen[stays] != sink(t, snap, "b") {
			t.Errorf("seen %v, %v", seen, err)
		}
		s.Unload(module)
		// pipewire-pulse tells each connection by itself, and acknowledges a
		// move to a sink of which it has not told yet.
		l.Until("the sink to go", func() bool {
			return !slices.ContainsFunc(snapshot(t, c).Sinks, func(k pulse.Sink) bool { return k.Name == "d" })
		})
		errs = c.Move(within(t, limit), sink(t, snap, "d"), stays)
		if !errors.Is(errs[0], pulse.ErrSinkGone) || errors.Is(errs[0], pulse.ErrGone) {
			t.Errorf("to a sink that is gone: %v", errs)
		}
	})
}

// TestCredentialsAreAlwaysEnough connects often without any cookie.
func TestCredentialsAreAlwaysEnough(t *testing.T) {
	l := lab.Start(t)
	s := l.PulseAudioWith(lab.SoundOptions{Cookie: true})
	for n := range 300 {
		c, err := pulse.Dial(within(t, limit), pulse.Options{Server: s.Server, Getenv: func(string) string { return "" }})
		if err != nil {
			t.Fatalf("connection %d: %v", n, err)
		}
		c.Close()
	}
}

func TestCookiesOverTCP(t *testing.T) {
	l := lab.Start(t)
	s := l.PulseAudioWith(lab.SoundOptions{Sinks: []string{"a"}, Cookie: true, TCP: true})
	wrong := filepath.Join(t.TempDir(), "wrong")
	if err := os.WriteFile(wrong, make([]byte, 256), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		cookie string
		want   error
	}{
		{s.CookieFile, nil},
		{wrong, pulse.ErrDenied},
		{"", pulse.ErrDenied},
	} {
		getenv := func(k string) string { return map[string]string{"PULSE_COOKIE": test.cookie}[k] }
		c, err := pulse.Dial(within(t, limit), pulse.Options{Server: s.TCP, Getenv: getenv})
		if test.want == nil {
			if err != nil {
				t.Fatal(err)
			}
			if snap := snapshot(t, c); len(snap.Sinks) != 1 {
				t.Errorf("sinks %+v", snap.Sinks)
			}
			c.Close()
			continue
		}
		if !errors.Is(err, test.want) {
			t.Errorf("cookie %q: %v", test.cookie, err)
		}
	}
	// A list goes on to the next entry.
	c, err := pulse.Dial(within(t, limit), pulse.Options{Server: s.TCP + " " + s.Server, Getenv: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestClientConfNamesTheServer(t *testing.T) {
	l := lab.Start(t)
	s := l.PulseAudio("a")
	conf := filepath.Join(l.Home, ".config", "pulse")
	if err := os.MkdirAll(conf, 0o700); err != nil {
		t.Fatal(err)
	}
	text := "# the studio\ndefault-server = {nowhere}unix:/x unix:" + l.Dir + "/none " + s.Server + "\n"
	if err := os.WriteFile(filepath.Join(conf, "client.conf"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"HOME": l.Home}
	c, err := pulse.Dial(within(t, limit), pulse.Options{Getenv: func(k string) string { return env[k] }})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if address, source := c.Address(); address != s.Server || !strings.Contains(source, "client.conf") {
		t.Errorf("connected to %q, %q", address, source)
	}
}

func TestTheHomeNamesTheRuntimeDirectory(t *testing.T) {
	l := lab.Start(t)
	s := l.PulseAudio("a")
	id, err := os.ReadFile("/etc/machine-id")
	if err != nil || len(strings.TrimSpace(string(id))) == 0 {
		host, err := os.Hostname()
		if err != nil {
			t.Fatal(err)
		}
		id = []byte(host)
	}
	conf := filepath.Join(l.Home, ".config", "pulse")
	if err := os.MkdirAll(conf, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Dir(s.Socket), filepath.Join(conf, strings.TrimSpace(string(id))+"-runtime")); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"HOME": l.Home}
	c, err := pulse.Dial(within(t, limit), pulse.Options{Getenv: func(k string) string { return env[k] }})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestEventsAndTheEndOfTheServer(t *testing.T) {
	onBoth(t, func(t *testing.T, l *lab.Lab, s *lab.Sound) {
		c := dial(t, s.Server)
		events, err := c.Subscribe(within(t, limit), pulse.FacilitySink|pulse.FacilityStream|pulse.FacilityServer)
		if err != nil {
			t.Fatal(err)
		}
		wait := func(f pulse.Facility, k pulse.Kind, index int) {
			t.Helper()
			for timeout := time.After(limit); ; {
				select {
				case e, open := <-events:
					if !open {
						t.Fatalf("the events end: %v", c.Err())
					}
					if e.Facility == f && e.Kind == k && (index < 0 || int(e.Index) == index) {
						return
					}
				case <-timeout:
					t.Fatalf("no event %v %v %d", f, k, index)
				}
			}
		}
		module := s.AddSink("d")
		added, _ := s.Sink("d")
		wait(pulse.FacilitySink, pulse.New, added.Index)
		stream := play(t, s, native.Playback{Media: "tone", Sink: "a"})
		wait(pulse.FacilityStream, pulse.New, int(stream))
		s.Move(int(stream), "b")
		wait(pulse.FacilityStream, pulse.Changed, int(stream))
		s.Unload(module)
		wait(pulse.FacilitySink, pulse.Removed, added.Index)
		s.Kill()
		select {
		case <-c.Done():
		case <-time.After(limit):
			t.Fatal("the connection outlives the server")
		}
		for range events {
		}
		if !errors.Is(c.Err(), pulse.ErrClosed) {
			t.Errorf("ended with %v", c.Err())
		}
		if _, err := c.Snapshot(within(t, limit)); !errors.Is(err, pulse.ErrClosed) {
			t.Errorf("afterwards: %v", err)
		}
		s.Restart()
		snapshot(t, dial(t, s.Server))
	})
}

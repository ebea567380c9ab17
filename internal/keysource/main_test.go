package keysource

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/keys"
	"github.com/patoggle/patoggle/internal/lab"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

// stage is a private session bus with a desktop's service on it, and a source
// that uses that.
type stage struct {
	*lab.Lab
	t      *testing.T
	conn   *dbus.Conn // the service's
	source *Source
	stop   func()

	mu    sync.Mutex
	said  []string
	fired []string
	tally Tally // as told last by itself
	told  int   // how often
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{Lab: lab.Start(t), t: t}
	s.Bus()
	s.conn = s.connect()
	return s
}

// connect is another connection to the bus.
func (s *stage) connect() *dbus.Conn {
	s.t.Helper()
	conn, err := dbus.Connect("unix:path=" + s.Runtime + "/bus")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	return conn
}

func (s *stage) own(name string) {
	s.t.Helper()
	if r, err := s.conn.RequestName(name, dbus.NameFlagDoNotQueue); err != nil || r != dbus.RequestNameReplyPrimaryOwner {
		s.t.Fatalf("own %s: %v, %v", name, r, err)
	}
}

func (s *stage) disown(name string) {
	s.t.Helper()
	if _, err := s.conn.ReleaseName(name); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) export(path, iface string, methods map[string]any) {
	s.t.Helper()
	if err := s.conn.ExportMethodTable(methods, dbus.ObjectPath(path), iface); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) emit(path, name string, values ...any) {
	s.t.Helper()
	if err := s.conn.Emit(dbus.ObjectPath(path), name, values...); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) host() Host {
	return Host{
		Say: func(kind, text string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.said = append(s.said, kind+": "+text)
		},
		Fire: func(h config.Hotkey) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.fired = append(s.fired, h.String())
		},
		Changed: func(t Tally) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.tally = t
			s.told++
		},
	}
}

// run runs a source, until end.
func (s *stage) run(name string, open func(events) hand) {
	s.t.Helper()
	s.source = newSource(name, s.host(), open)
	ctx, cancel := context.WithCancel(context.Background())
	var runner sync.WaitGroup
	runner.Go(func() {
		if err := s.source.Run(ctx); err != nil {
			s.t.Error(err)
		}
	})
	s.stop = func() {
		cancel()
		runner.Wait()
		s.stop = func() {}
	}
	s.t.Cleanup(func() { s.stop() })
}

func (s *stage) bind(hotkeys ...config.Hotkey) Tally {
	s.t.Helper()
	t, err := s.source.Bind(s.t.Context(), hotkeys)
	if err != nil {
		s.t.Fatal(err)
	}
	return t
}

// lines are what was said or fired so far.
func (s *stage) lines(of *[]string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(*of)
}

func (s *stage) fires(want ...string) {
	s.t.Helper()
	s.Until("the presses "+strings.Join(want, ", "), func() bool { return len(s.lines(&s.fired)) >= len(want) })
	if got := s.lines(&s.fired); !slices.Equal(got, want) {
		s.t.Errorf("these fired: %q, want %q", got, want)
	}
}

func (s *stage) says(want ...string) {
	s.t.Helper()
	s.Until("what it says", func() bool { return len(s.lines(&s.said)) >= len(want) })
	if got := s.lines(&s.said); !slices.Equal(got, want) {
		s.t.Errorf("it said %q, want %q", got, want)
	}
}

// tells waits until the source tells by itself how many hotkeys are in force.
func (s *stage) tells(want Tally) {
	s.t.Helper()
	s.Until("a change of what is in force", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.told > 0 && s.tally == want
	})
}

func next(t *testing.T, chord string) config.Hotkey { return hotkey(t, chord, config.Next, "") }

func hotkey(t *testing.T, chord string, a config.Action, sink string) config.Hotkey {
	t.Helper()
	c, err := keys.Parse(chord)
	if err != nil {
		t.Fatal(err)
	}
	return config.Hotkey{Chord: c, Action: a, Sink: sink}
}

package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/internal/match"
	"github.com/patoggle/patoggle/internal/notify"
	"github.com/patoggle/patoggle/internal/proc"
	"github.com/patoggle/patoggle/internal/toggle"
	"github.com/patoggle/patoggle/pulse"
)

// stage is a sound server with one stream of the focused window, sinks 1 to 3,
// and a session manager that may not like moves. It stands for pipewire-pulse.
type stage struct {
	*wire
	mu      sync.Mutex
	on      pulse.SinkIndex
	moves   []pulse.SinkIndex
	pull    int           // how many moves the session manager undoes, after a second
	slow    time.Duration // a snapshot takes
	slowTo  time.Duration // a move takes
	looks   int
	notPipe bool
}

const (
	playerPID                  = 4711
	theStream                  = pulse.StreamIndex(7)
	theWindow desktop.WindowID = "0x800008"
)

func (s *stage) Snapshot(ctx context.Context) (*pulse.Snapshot, error) {
	select {
	case <-time.After(s.slow):
	case <-ctx.Done():
		return nil, pulse.ErrTimeout
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	client := &pulse.Client{Index: 3, Name: "Player", Properties: map[string]string{
		"application.name": "Player", "application.process.id": fmt.Sprint(playerPID), "application.process.binary": "player",
	}}
	snap := &pulse.Snapshot{Server: pulse.Server{Name: "PulseAudio (on PipeWire 1.4.2)", PipeWire: !s.notPipe}}
	for i, name := range sinks {
		snap.Sinks = append(snap.Sinks, pulse.Sink{Index: pulse.SinkIndex(i + 1), Name: name})
	}
	snap.Streams = []pulse.Stream{{Index: theStream, Sink: s.on, Client: client, Media: "tone"}}
	return snap, nil
}

func (s *stage) Move(_ context.Context, to pulse.SinkIndex, streams ...pulse.StreamIndex) []error {
	if s.slowTo > 0 {
		time.Sleep(s.slowTo)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	from := s.on
	s.on = to
	s.moves = append(s.moves, to)
	if s.pull > 0 {
		s.pull--
		time.AfterFunc(time.Second, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.on = from
		})
	}
	return make([]error, len(streams))
}

func (s *stage) Look(context.Context, ...pulse.StreamIndex) (map[pulse.StreamIndex]pulse.SinkIndex, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks++
	return map[pulse.StreamIndex]pulse.SinkIndex{theStream: s.on}, nil
}

// oneWindow is a display with the player's window.
type oneWindow struct{ *wire }

func (oneWindow) Screen(context.Context, desktop.WindowID) (*desktop.Screen, error) {
	w := desktop.Window{ID: theWindow, Title: "Player", Class: "Player", PID: playerPID, Owner: playerPID}
	return &desktop.Screen{Desktop: "X11", Complete: true, Focused: w, Active: w.ID, Windows: []desktop.Window{w}, Resource: true}, nil
}

func (oneWindow) Inside(context.Context, desktop.WindowID) ([]int, error) { return nil, nil }

func (o oneWindow) Focus(ctx context.Context, id desktop.WindowID) (*desktop.Screen, error) {
	return o.Screen(ctx, id)
}

// oneProcess is a /proc with the player.
type oneProcess struct{}

func (oneProcess) Process(pid int) (proc.Process, bool) {
	if pid != playerPID {
		return proc.Process{}, false
	}
	return proc.Process{PID: pid, PPID: 1, Comm: "player", Exe: "/usr/bin/player", NSPid: []int{pid}, SameUTS: true, SamePID: true}, true
}

func (oneProcess) Inner(int) []proc.Process { return nil }

// served runs f beside a server of presses on the stage, and gives what was
// said in the end.
func served(t *testing.T, st *stage, f func(t *testing.T, press func() bool)) string {
	var log strings.Builder
	synctest.Test(t, func(t *testing.T) {
		st.wire = newWire()
		st.on = 1
		var cfg atomic.Pointer[config.Config]
		cfg.Store(config.Default())
		speak := &speaker{w: &log}
		l := newLink(func(context.Context) (sound, error) { return st, nil }, func(error) {})
		v := &desktop.Held{Open: func(context.Context) (desktop.Conn, error) { return oneWindow{newWire()}, nil }}
		n := newNotes(func(context.Context, notify.Note) error { return nil }, speak, false)
		s := newServer(speak, true, &cfg, l, v, n, toggle.Pipeline{
			Procs: func() match.Processes { return oneProcess{} },
			PID:   1, UID: 0,
		})
		ctx, cancel := context.WithCancel(t.Context())
		var tasks sync.WaitGroup
		tasks.Go(func() { s.run(ctx) })
		tasks.Go(func() { n.run(ctx) })
		synctest.Wait()
		hotkeys, _ := config.Default().Bindings()
		f(t, func() bool {
			taken := s.press(hotkeys[0])
			synctest.Wait()
			return taken
		})
		cancel()
		tasks.Wait()
		v.Close()
		if len(s.want) != 0 {
			t.Errorf("it still remembers %v", s.want)
		}
	})
	return log.String()
}

func TestAPressThatComesWhileOneIsServedIsDropped(t *testing.T) {
	st := &stage{slow: time.Second, notPipe: true}
	served(t, st, func(t *testing.T, press func() bool) {
		if !press() {
			t.Error("the first was dropped")
		}
		for range 5 {
			if press() {
				t.Error("another was taken meanwhile")
			}
		}
		time.Sleep(1100 * time.Millisecond)
		if !press() {
			t.Error("the next was dropped")
		}
		time.Sleep(1100 * time.Millisecond)
	})
	if want := []pulse.SinkIndex{2, 3}; !slices.Equal(st.moves, want) {
		t.Errorf("moves to %v, not %v", st.moves, want)
	}
	if st.looks != 0 {
		t.Errorf("PulseAudio was asked %d times where the stream is", st.looks)
	}
}

func TestAPressHasATime(t *testing.T) {
	log := served(t, &stage{slow: time.Hour}, func(t *testing.T, press func() bool) {
		press()
		time.Sleep(pressTime + time.Millisecond)
		if !press() {
			t.Error("the first is still served")
		}
		time.Sleep(pressTime + time.Millisecond)
	})
	if n := strings.Count(log, "patoggled: error: the sound server does not answer\n"); n != 2 {
		t.Errorf("it said\n%s", log)
	}
}

func TestAMoveOnPipeWireIsVerified(t *testing.T) {
	tests := []struct {
		name     string
		pull     int
		moves    []pulse.SinkIndex
		on       pulse.SinkIndex
		complain int
	}{
		{"that stays", 0, []pulse.SinkIndex{2}, 2, 0},
		{"that is pulled back once", 1, []pulse.SinkIndex{2, 2}, 2, 0},
		{"that is pulled back twice", 2, []pulse.SinkIndex{2, 2}, 1, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			st := &stage{pull: tt.pull}
			log := served(t, st, func(t *testing.T, press func() bool) {
				press()
				time.Sleep(10 * time.Second)
			})
			if !slices.Equal(st.moves, tt.moves) || st.on != tt.on {
				t.Errorf("moves to %v, in the end on %d, want %v, %d", st.moves, st.on, tt.moves, tt.on)
			}
			if n := strings.Count(log, `patoggled: error: "Player" (stream 7) was pulled back by the session manager`+"\n"); n != tt.complain {
				t.Errorf("it said\n%s", log)
			}
		})
	}
}

func TestTheLastPressHasTheLastWord(t *testing.T) {
	t.Run("when the first is pulled back", func(t *testing.T) {
		st := &stage{pull: 1}
		served(t, st, func(t *testing.T, press func() bool) {
			press()
			time.Sleep(1100 * time.Millisecond) // it is on 1 again
			press()                             // to 2, once more
			time.Sleep(50 * time.Millisecond)
			press() // to 3
			time.Sleep(10 * time.Second)
		})
		if want := []pulse.SinkIndex{2, 2, 3}; !slices.Equal(st.moves, want) {
			t.Errorf("moves to %v, not %v", st.moves, want)
		}
	})
	t.Run("when it comes during the second try of the first", func(t *testing.T) {
		st := &stage{pull: 1, slowTo: 200 * time.Millisecond}
		served(t, st, func(t *testing.T, press func() bool) {
			press()
			time.Sleep(200*time.Millisecond + toggle.VerifyAfter + 100*time.Millisecond) // the second try is under way
			press()
			time.Sleep(10 * time.Second)
		})
		// The stream was on 1 when the press came: the press asks for 2 as
		// well, and its move is the last.
		if want := []pulse.SinkIndex{2, 2, 2}; !slices.Equal(st.moves, want) || st.on != 2 {
			t.Errorf("moves to %v, on %d, not %v", st.moves, st.on, want)
		}
	})
	t.Run("when the server goes, nothing is tried on the next one", func(t *testing.T) {
		st := &stage{pull: 1}
		served(t, st, func(t *testing.T, press func() bool) {
			press()
			st.hangUp()
			time.Sleep(10 * time.Second)
		})
		if want := []pulse.SinkIndex{2}; !slices.Equal(st.moves, want) {
			t.Errorf("moves to %v, not %v", st.moves, want)
		}
	})
}

func TestANoteTakesThePlaceOfOneThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var shown []string
		n := newNotes(func(_ context.Context, note notify.Note) error {
			time.Sleep(time.Second)
			shown = append(shown, note.Summary)
			return errors.New("nobody")
		}, &speaker{w: io.Discard}, true)
		ctx, cancel := context.WithCancel(t.Context())
		var runner sync.WaitGroup
		runner.Go(func() { n.run(ctx) })
		for i := range 10 {
			n.send(notify.Note{Summary: fmt.Sprint(i)})
			synctest.Wait()
		}
		time.Sleep(10 * time.Second)
		cancel()
		runner.Wait()
		if want := []string{"0", "9"}; !slices.Equal(shown, want) {
			t.Errorf("shown %q, want %q", shown, want)
		}
	})
}

package hostile

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jezek/xgb/xproto"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/lab/long"
	"github.com/patoggle/patoggle/internal/lab/puppet"
	"github.com/patoggle/patoggle/internal/lab/rogue"
)

// stage is a display without a window manager but for this test, and a sound
// server that behaves.
type stage struct {
	*lab.Lab
	t       *testing.T
	display *lab.Display
	manager *manager
	sound   *rogue.Server
	program string
	figures extremes
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{Lab: lab.Start(t), t: t, program: lab.Binary(t, "patoggle")}
	s.display = s.Display(lab.NoWM)
	s.manager = manage(t, s.display)
	s.sound = listen(t, "unix:"+s.Runtime+"/sound", s.world())
	return s
}

func (s *stage) world() rogue.World { return usual(os.Getpid(), program()) }

// reset undoes what the last scene did, and shows an honest window.
func (s *stage) reset() xproto.Window {
	s.manager.sane()
	w := s.manager.application()
	s.manager.clients(w)
	s.manager.active(w)
	s.sound.Behave(rogue.Behaviour{}, s.world())
	return w
}

// run calls patoggle on a display and holds what is true of every call.
func (s *stage) run(t *testing.T, name, display string, timeout time.Duration, args ...string) lab.Result {
	t.Helper()
	r := s.Run([]string{"PULSE_SERVER=" + s.sound.Address, "DISPLAY=" + display}, s.program, append([]string{"--timeout", timeout.String()}, args...)...)
	s.figures.add(name, r, timeout)
	wellSpoken(t, "patoggle", r)
	if limit := min(timeout, pressTime); !lab.InTime(r.Took, limit) {
		t.Errorf("%s: took %v", name, r.Took)
	}
	if r.MaxRSS > most {
		t.Errorf("%s: had %d bytes of memory", name, r.MaxRSS)
	}
	if len(r.Stdout)+len(r.Stderr) > 8192 {
		t.Errorf("%s: wrote %d bytes", name, len(r.Stdout)+len(r.Stderr))
	}
	// Whoever is out of time in the middle of a move says that.
	if r.Code != 0 && s.sound.On(7) != 1 && !strings.Contains(r.Stderr, "did not answer while moving") {
		t.Errorf("%s: exit code %d, and yet the stream was moved", name, r.Code)
	}
	return r
}

func (s *stage) expect(t *testing.T, name string, r lab.Result, code int, says string) {
	t.Helper()
	out := r.Stderr
	if code == 0 {
		out = r.Stdout
	}
	if r.Code != code || !strings.Contains(out, says) {
		t.Errorf("%s: exit code %d, want %d with %q\nstdout: %.500s\nstderr: %.500s", name, r.Code, code, says, r.Stdout, r.Stderr)
	}
}

func TestWindowsMisbehaveToThePatoggle(t *testing.T) {
	s := newStage(t)
	for _, scene := range scenes() {
		t.Run(scene.name, func(t *testing.T) {
			w := s.reset()
			scene.set(s.manager, w)
			r := s.run(t, scene.name, s.display.Name, knowing)
			s.expect(t, scene.name, r, scene.code, scene.says)
			for _, args := range [][]string{{"list"}, {"why"}, {"list", "--json"}, {"why", "--json"}} {
				r := s.Run([]string{"PULSE_SERVER=" + s.sound.Address}, s.program, args...)
				if r.Code > 3 || r.MaxRSS > most {
					t.Errorf("%q: exit code %d, %d bytes of memory: %.300s", args, r.Code, r.MaxRSS, r.Stderr)
				}
				wellSpoken(t, "patoggle", r)
			}
		})
	}
	t.Logf("windows: %v", &s.figures)
}

// The window of another process says that it is of this one, which plays.
func TestAForgedProcessIDMovesNothing(t *testing.T) {
	s := newStage(t)
	w := s.reset()
	p := s.Puppet(lab.Act{Program: "forger", Windows: []puppet.Window{
		{Title: []byte("forged"), Class: "Forger", PID: os.Getpid()},
		{Title: []byte("forged"), Class: "Forger", PID: os.Getpid()},
		{Title: []byte("forged"), Class: "Forger", PID: os.Getppid(), TransientForLast: true},
	}})
	for i, id := range p.Windows {
		s.manager.clients(w, xproto.Window(id))
		s.manager.active(xproto.Window(id))
		r := s.run(t, fmt.Sprint("forged ", i), s.display.Name, knowing)
		s.expect(t, fmt.Sprint("window ", i), r, 3, "Forger "+notPlayed)
	}
}

// A client changes its properties and sends events as fast as it can.
func TestAFloodOfProperties(t *testing.T) {
	s := newStage(t)
	w := s.reset()
	stop := make(chan struct{})
	var flood sync.WaitGroup
	changes := 0
	m := s.manager
	title, name := m.atom("_NET_WM_NAME"), m.atom("STRING")
	flood.Go(func() {
		text := []byte(strings.Repeat("flood ", 10_000))
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			xproto.ChangeProperty(m.x, xproto.PropModeReplace, w, title, name, 8, uint32(len(text)), text)
			if i%50 == 0 {
				if _, err := xproto.GetInputFocus(m.x).Reply(); err != nil {
					return
				}
			}
			changes++
		}
	})
	for i := range 20 {
		s.sound.Behave(rogue.Behaviour{}, s.world())
		s.expect(t, "flood", s.run(t, fmt.Sprint("flood ", i), s.display.Name, knowing), 0, moved)
	}
	close(stop)
	flood.Wait()
	t.Logf("%d changes meanwhile; %v", changes, &s.figures)
}

// A window vanishes between any two requests: one call for each place.
func TestAWindowVanishesBetweenAnyTwoRequests(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	between := s.between(t)
	m := s.manager
	for _, what := range []string{"the focused window", "another window", "the window it is transient for", "the window manager"} {
		t.Run(what, func(t *testing.T) {
			// vanish runs patoggle while the n-th answer makes a window vanish.
			vanish := func(n int) (lab.Result, int) {
				w := s.reset()
				victim := w
				switch what {
				case "another window":
					victim = m.application()
					m.clients(victim, w)
				case "the window it is transient for":
					victim = m.application()
					m.numbers(w, "WM_TRANSIENT_FOR", "WINDOW", uint32(victim))
				case "the window manager":
					victim = m.window()
					m.numbers(m.root, "_NET_SUPPORTING_WM_CHECK", "WINDOW", uint32(victim))
					m.numbers(victim, "_NET_SUPPORTING_WM_CHECK", "WINDOW", uint32(victim))
				}
				gone := false
				between.Behave(rogue.Manners{Answered: func(i int) {
					if i == n && !gone {
						gone = true
						m.destroy(victim)
					}
				}})
				r := s.run(t, fmt.Sprint(what, " after request ", n), between.Name, knowing)
				requests, _ := between.Counts()
				return r, requests
			}
			r, requests := vanish(-1)
			s.expect(t, "nothing vanishes", r, 0, moved)
			if requests < 20 {
				t.Errorf("only %d requests", requests)
			}
			codes := map[int]int{}
			for n := 0; n <= requests; n++ {
				r, _ := vanish(n)
				codes[r.Code]++
				switch what {
				case "the focused window":
					if !(r.Code == 0 && strings.Contains(r.Stdout, moved)) && !(r.Code == 3 && strings.Contains(r.Stderr, "the focused window has just gone")) {
						t.Errorf("after request %d: exit code %d: %s%s", n, r.Code, r.Stdout, r.Stderr)
					}
				case "the window manager":
					if !(r.Code == 0 && strings.Contains(r.Stdout, moved)) && !(r.Code == 1 && strings.Contains(r.Stderr, noManager)) {
						t.Errorf("after request %d: exit code %d: %s%s", n, r.Code, r.Stdout, r.Stderr)
					}
				default:
					s.expect(t, fmt.Sprint("after request ", n), r, 0, moved)
				}
			}
			t.Logf("%d requests, so %d calls; exit codes %v", requests, requests+1, codes)
		})
	}
	t.Logf("vanishing: %v", &s.figures)
}

func (s *stage) between(t *testing.T) *rogue.Display {
	t.Helper()
	d, err := rogue.Between(s.display.Number)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// The X server's talk ends, or falls silent, after so many bytes.
func TestTheDisplayIsCutOff(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	between := s.between(t)
	s.reset()
	between.Behave(rogue.Manners{})
	s.expect(t, "whole", s.run(t, "whole", between.Name, knowing), 0, moved)
	_, whole := between.Counts()
	calls := 0
	for n := 1; n < whole; {
		s.sound.Behave(rogue.Behaviour{}, s.world())
		between.Behave(rogue.Manners{Limit: n})
		r := s.run(t, fmt.Sprint("end after ", n), between.Name, knowing)
		if r.Code != 1 || !strings.Contains(r.Stderr, "X ") {
			t.Errorf("after %d of %d bytes: exit code %d after %v: %s%s", n, whole, r.Code, r.Took, r.Stdout, r.Stderr)
		}
		calls++
		// Every byte of the beginning, and then each place within an answer's 32
		// bytes in its turn.
		if n < 48 {
			n++
		} else {
			n += long.Count(37, 19)
		}
	}
	const timeout = 300 * time.Millisecond
	for n := 1; n < whole; n += whole/12 + 1 {
		between.Behave(rogue.Manners{Limit: n, Mute: true})
		r := s.run(t, fmt.Sprint("silence after ", n), between.Name, timeout)
		if r.Code != 1 || !strings.Contains(r.Stderr, "answer") {
			t.Errorf("silence after %d of %d bytes: exit code %d: %s%s", n, whole, r.Code, r.Stdout, r.Stderr)
		}
		calls++
	}
	t.Logf("%d bytes, %d calls: %v", whole, calls, &s.figures)
}

// The X server's answers are garbled, each in its turn and in several ways.
func TestTheDisplayIsGarbled(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	between := s.between(t)
	s.reset()
	packets := 0
	between.Behave(rogue.Manners{Change: func(n int, p []byte) []byte {
		packets = n + 1
		return p
	}})
	s.expect(t, "whole", s.run(t, "whole", between.Name, knowing), 0, moved)
	ways := []struct {
		name string
		f    func(p []byte) []byte
	}{
		{"ones", func(p []byte) []byte { return fillWith(p, 0xFF) }},
		{"zeros", func(p []byte) []byte { return fillWith(p, 0) }},
		{"an error instead", func(p []byte) []byte {
			e := make([]byte, 32)
			e[1], e[2], e[3] = 200, p[2], p[3]
			return e
		}},
		{"the longest length", func(p []byte) []byte {
			p[4], p[5], p[6], p[7] = 0xFF, 0xFF, 0xFF, 0x3F
			return p
		}},
		{"twice", func(p []byte) []byte { return append(p, p...) }},
		{"counts of 4 billion", func(p []byte) []byte {
			for i := 8; i < min(32, len(p)); i++ {
				p[i] = 0xFF
			}
			return p
		}},
		{"an event of 1 MB before", func(p []byte) []byte {
			e := make([]byte, 32+1<<20)
			e[0], e[6] = 35, 4 // 1<<18 words
			return append(e, p...)
		}},
	}
	const timeout = 400 * time.Millisecond
	codes := map[int]int{}
	for _, way := range ways {
		for n := range packets {
			if n > 4 && n%3 != 0 { // the introduction's answers are all alike
				continue
			}
			s.sound.Behave(rogue.Behaviour{}, s.world())
			between.Behave(rogue.Manners{Change: func(i int, p []byte) []byte {
				if i == n {
					return way.f(p)
				}
				return p
			}})
			r := s.run(t, fmt.Sprint(way.name, " in packet ", n), between.Name, timeout)
			codes[r.Code]++
			if r.Code != 0 && r.Code != 1 && r.Code != 3 {
				t.Errorf("%s in packet %d: exit code %d: %s%s", way.name, n, r.Code, r.Stdout, r.Stderr)
			}
			if r.Code == 0 && s.sound.On(7) != 2 {
				t.Errorf("%s in packet %d: exit code 0, and nothing moved: %s", way.name, n, r.Stdout)
			}
		}
	}
	t.Logf("%d packets, exit codes %v: %v", packets, codes, &s.figures)
}

func fillWith(p []byte, b byte) []byte {
	for i := range p {
		p[i] = b
	}
	return p
}

package top_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

// tmux is a terminal that can be read.
type tmux struct {
	l      *lab.Lab
	socket string
}

// inTmux runs a shell line in a terminal of 100 by 20.
func inTmux(l *lab.Lab, line string) *tmux {
	t := &tmux{l, filepath.Join(l.Dir, "tmux")}
	l.Spawn("tmux", "-S", t.socket, "-f", "/dev/null", "-D")
	l.Until("tmux", func() bool { _, err := os.Stat(t.socket); return err == nil })
	l.Until("the terminal", func() bool {
		return l.Run(l.With("TERM=xterm-256color"), "tmux", "-u", "-S", t.socket, "new-session", "-d", "-x", "100", "-y", "20", "-c", l.Home, "sh").Code == 0
	})
	t.typeLine(line)
	return t
}

func (t *tmux) typeLine(line string) {
	t.do("send-keys", "-l", line)
	t.do("send-keys", "Enter")
}

func (t *tmux) do(args ...string) string {
	return t.l.Run(nil, "tmux", append([]string{"-u", "-S", t.socket}, args...)...).Stdout
}

// kill sends a signal to the process that wrote its id down.
func (t *tmux) kill(signal string) {
	t.l.Run(nil, "kill", "-"+signal, t.pid())
}

func (t *tmux) keys(keys ...string) { t.do(append([]string{"send-keys"}, keys...)...) }

func (t *tmux) screen() string { return t.do("capture-pane", "-p") }

// wait waits until all of the texts are on the screen.
func (t *tmux) wait(what string, all ...string) {
	screen := ""
	if !lab.Poll(time.Minute, func() bool {
		screen = t.screen()
		for _, text := range all {
			if !strings.Contains(screen, text) {
				return false
			}
		}
		return true
	}) {
		t.l.Fail(fmt.Errorf("waited in vain for %s, %q; the screen is:\n%s", what, all, screen))
	}
}

// program builds patoggle, and beside it the program it hands over to.
func program(t *testing.T) string {
	lab.Binary(t, "patoggle-top")
	return lab.Binary(t, "patoggle")
}

func TestTheLiveViewMovesStreamsAndGivesTheTerminalBack(t *testing.T) {
	l := lab.Start(t)
	s := l.PulseAudio("a=Speakers", "b=Headset", "c=Cinema")
	l.Spawn("mpv", "--no-config", "--no-video", "--really-quiet", "--loop-file=inf", "--ao=pulse", "--audio-device=pulse/a", l.ToneFile())
	stream := s.WaitStream("the player", func(st lab.Stream) bool { return true }).Index
	s.WaitOn(stream, "a")

	x := inTmux(l, named(program(t)))
	x.wait("the view", "1 Speakers (default)", "2 Headset", "3 Cinema", "mpv", "q: quit")
	x.wait("a level that is heard", "█", "·")

	x.keys("Right")
	s.WaitOn(stream, "b")
	x.wait("the word of it", "mpv → Headset")
	x.keys("3")
	s.WaitOn(stream, "c")
	x.keys("9")
	x.wait("the word of it", "there is no sink 9")
	x.wait("the last move to be shown", "mpv")
	undo := func(sink string) {
		l.Until("the stream to be back on "+sink, func() bool {
			x.keys("u") // one at a time: a press while another is served counts for nothing
			return s.On(stream) == sink
		})
	}
	undo("a")
	x.keys("?")
	x.wait("the help", "take the last move back")
	x.keys("x")
	x.wait("the view again", "1 Speakers")

	// Stopped by the user, it gives the terminal back and goes on with fg.
	x.keys("C-z")
	x.wait("the shell", "Stopped")
	x.typeLine("echo still $((40+2))")
	x.wait("an answer of the shell", "still 42")
	l.Until("two seconds in the background without any work", func() bool {
		before := cpu(x.pid())
		time.Sleep(2 * time.Second) // what is measured
		return cpu(x.pid()) == before
	})
	x.typeLine("fg")
	x.wait("the view again", "1 Speakers", "mpv")

	// A smaller window, and one too narrow for bars.
	for _, columns := range []string{"70", "40"} {
		x.do("resize-window", "-x", columns, "-y", "6")
		l.Until("the picture of that size", func() bool {
			lines := strings.Split(strings.TrimRight(x.screen(), "\n"), "\n")
			return len(lines) == 6 && strings.HasPrefix(lines[0], "1 Speakers") && strings.HasPrefix(lines[5], " up down: choose") &&
				strings.Contains(lines[0], "100%") == (columns == "70")
		})
	}
	x.do("resize-window", "-x", "100", "-y", "20")

	// The sound server goes and comes.
	s.Kill()
	x.wait("the word of it", "sound server")
	s.Restart()
	x.wait("the sinks again", "1 Speakers", "2 Headset")

	pid := x.pid()
	x.keys("q")
	l.Until("its end", func() bool { return cpu(pid) < 0 }) // what is typed before is its own
	x.typeLine("echo left with $?; stty -a")
	x.wait("the end, and the terminal as it was", "left with 0", " icanon ", " echo ")
}

func TestTheUndoIsThatOfPatoggle(t *testing.T) {
	l := lab.Start(t)
	s := l.PulseAudio("a=Speakers", "b=Headset")
	l.Spawn("mpv", "--no-config", "--no-video", "--really-quiet", "--loop-file=inf", "--ao=pulse", "--audio-device=pulse/a", l.ToneFile())
	stream := s.WaitStream("the player", func(st lab.Stream) bool { return true }).Index
	patoggle := program(t)
	x := inTmux(l, patoggle+" top")
	x.wait("the view", "1 Speakers (default)", "mpv")
	x.keys("Right")
	s.WaitOn(stream, "b")
	x.wait("the word of it, when it is written down", "mpv → Headset")
	if r := l.Run(nil, patoggle, "undo"); r.Code != 0 {
		t.Fatal(r.Stderr)
	}
	s.WaitOn(stream, "a")
	if r := l.Run(nil, patoggle, "--app", "mpv", "--to", "b"); r.Code != 0 {
		t.Fatal(r.Stderr)
	}
	s.WaitOn(stream, "b")
	x.keys("u")
	s.WaitOn(stream, "a")
}

func TestASignalGivesTheTerminalBack(t *testing.T) {
	l := lab.Start(t)
	l.PulseAudio("a=Speakers", "b=Headset")
	for _, signal := range []string{"TERM", "HUP", "INT"} {
		x := inTmux(l, named(program(t))+"; echo left by "+signal+"; stty -a")
		x.wait("the view", "1 Speakers", "2 Headset")
		x.kill(signal)
		x.wait("the shell, and the terminal as it was", "left by "+signal, " icanon ", " echo ")
		x.do("kill-server")
		os.Remove(x.socket)
	}
}

func TestItEndsWithItsTerminal(t *testing.T) {
	l := lab.Start(t)
	l.PulseAudio("a=Speakers", "b=Headset")
	for what, kill := range map[string]string{"the shell": "list-panes -F #{pane_pid}", "the terminal": "display-message -p #{pid}"} {
		x := inTmux(l, named(program(t)))
		x.wait("the view", "1 Speakers", "2 Headset")
		pid := x.pid()
		victim := strings.TrimSpace(x.do(strings.Fields(kill)...))
		if r := l.Run(nil, "kill", "-KILL", victim); r.Code != 0 {
			t.Fatalf("%s, %q: %s", what, victim, r.Stderr)
		}
		l.Until("the view to end with "+what, func() bool { return cpu(pid) < 0 })
		x.do("kill-server")
		os.Remove(x.socket)
	}
}

func TestNoColorMeansNoColor(t *testing.T) {
	l := lab.Start(t)
	s := l.PulseAudio("a=Speakers", "b=Headset")
	l.Spawn("mpv", "--no-config", "--no-video", "--really-quiet", "--loop-file=inf", "--ao=pulse", l.ToneFile())
	s.WaitStream("the player", func(st lab.Stream) bool { return true })
	for _, c := range []struct {
		env  string
		want bool
	}{{"NO_COLOR=", true}, {"NO_COLOR=1", false}} {
		x := inTmux(l, c.env+" "+program(t)+" top")
		x.wait("a level", "█")
		got := false
		for _, colour := range []string{"\x1b[32m", "\x1b[36m", "\x1b[33m", "\x1b[38;"} {
			got = got || strings.Contains(x.do("capture-pane", "-p", "-e"), colour)
		}
		if got != c.want {
			t.Errorf("%s: colours %v, want %v: %q", c.env, got, c.want, x.do("capture-pane", "-p", "-e"))
		}
		x.do("kill-server")
		os.Remove(x.socket)
	}
}

// cpu is the processor time of a process so far, in ticks of which a second has
// a hundred (proc(5), utime and stime; USER_HZ).
func cpu(pid string) (ticks int) {
	b, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return -1
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(f) < 13 {
		return -1
	}
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return user + system
}

// named is a shell line that writes down the process that becomes the view.
func named(program string) string {
	return fmt.Sprintf(`sh -c 'echo $$ >"$HOME/pid"; exec %s top'`, program)
}

// pid is the process of a line that is named.
func (t *tmux) pid() string {
	pid, err := os.ReadFile(filepath.Join(t.l.Home, "pid"))
	if err != nil {
		t.l.Fail(err)
	}
	return strings.TrimSpace(string(pid))
}

func TestASuspendedSinkSleepsOn(t *testing.T) {
	for name, load := range map[string][]string{
		"PulseAudio": {"module-suspend-on-idle", "timeout=1"},
		"PipeWire":   nil, // the session manager suspends, after five seconds
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab.Start(t)
			var s *lab.Sound
			if load != nil {
				s = l.PulseAudio("a=Speakers", "b=Headset")
				s.Load(load...)
			} else {
				s = l.PipeWire("a=Speakers", "b=Headset")
			}
			state := func(sink string) string {
				for line := range strings.Lines(s.Pactl("list", "short", "sinks")) {
					if f := strings.Fields(line); len(f) > 2 && f[1] == sink {
						return f[len(f)-1]
					}
				}
				return ""
			}
			l.Spawn("mpv", "--no-config", "--no-video", "--really-quiet", "--loop-file=inf", "--ao=pulse", "--audio-device=pulse/a", l.ToneFile())
			s.WaitStream("the player", func(st lab.Stream) bool { return true })
			l.Until("the sink nobody plays on to fall asleep", func() bool { return state("b") == "SUSPENDED" })
			woken := make(chan string, 1)
			stop := make(chan bool)
			var watching sync.WaitGroup
			watching.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if is := state("b"); is != "SUSPENDED" && len(woken) == 0 {
						woken <- is
					}
				}
			})
			x := inTmux(l, named(program(t)))
			x.wait("a level", "█")
			l.Until("a meter to be listed as a mixer's own", func() bool {
				return strings.Contains(s.Pactl("list", "source-outputs"), `application.id = "org.PulseAudio.pavucontrol"`)
			})
			before := cpu(x.pid())
			l.Until("the view to have gone on for a while", func() bool { return cpu(x.pid()) != before })
			close(stop)
			watching.Wait()
			select {
			case is := <-woken:
				t.Errorf("the sink that slept is %s", is)
			default:
			}
			if is := state("b"); is != "SUSPENDED" {
				t.Errorf("the sink that slept is %s", is)
			}
		})
	}
}

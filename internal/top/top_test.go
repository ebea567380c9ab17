package top_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
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
	pid, err := os.ReadFile(filepath.Join(t.l.Home, "pid"))
	if err != nil {
		t.l.Fail(err)
	}
	t.l.Run(nil, "kill", "-"+signal, strings.TrimSpace(string(pid)))
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

	x := inTmux(l, program(t)+" top")
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
	x.typeLine("fg")
	x.wait("the view again", "1 Speakers", "mpv")

	// The sound server goes and comes.
	s.Kill()
	x.wait("the word of it", "sound server")
	s.Restart()
	x.wait("the sinks again", "1 Speakers", "2 Headset")

	x.keys("q")
	x.typeLine("echo left with $?; stty -a")
	x.wait("the end, and the terminal as it was", "left with 0", " icanon ", " echo ")
}

func TestASignalGivesTheTerminalBack(t *testing.T) {
	l := lab.Start(t)
	l.PulseAudio("a=Speakers", "b=Headset")
	for _, signal := range []string{"TERM", "HUP", "INT"} {
		x := inTmux(l, fmt.Sprintf(`sh -c 'echo $$ >"$HOME/pid"; exec %s top'; echo left by %s; stty -a`, program(t), signal))
		x.wait("the view", "1 Speakers", "2 Headset")
		x.kill(signal)
		x.wait("the shell, and the terminal as it was", "left by "+signal, " icanon ", " echo ")
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

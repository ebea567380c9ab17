package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/watch"
)

// watching is a "patoggle watch --json" and the lines it has printed.
type watching struct {
	*lab.Process
	d    *desk
	file string
}

func (d *desk) watch() *watching {
	d.t.Helper()
	w := &watching{d: d, file: filepath.Join(d.Home, "watched")}
	w.Process = d.Spawn("sh", "-c", "exec "+d.program+" watch --json >"+w.file)
	return w
}

func (w *watching) states() []watch.State {
	b, _ := os.ReadFile(w.file)
	var all []watch.State
	for line := range strings.Lines(string(b)) {
		if strings.HasSuffix(line, "\n") {
			var s watch.State
			w.d.decode(line, &s)
			all = append(all, s)
		}
	}
	return all
}

// until waits for a last line that fits.
func (w *watching) until(what string, fits func(watch.State) bool) {
	w.d.t.Helper()
	w.d.Until(what, func() bool {
		all := w.states()
		return len(all) > 0 && fits(all[len(all)-1])
	})
}

func TestWatchTellsTheFocusTheSinkAndTheMoves(t *testing.T) {
	onBoth(t, func(t *testing.T, d *desk) {
		one := d.Player("one")
		quiet := d.XTerm("quiet", "cat")
		s := d.front(one)
		w := d.watch()
		playing := func(sink, label string) func(watch.State) bool {
			return func(st watch.State) bool {
				return st.Application == "mpv" && st.State == watch.Playing && st.Sink == sink && st.Label == label
			}
		}
		w.until("the player on a", playing("a", "Speakers"))
		d.display.Focus(quiet.WaitWindow())
		w.until("the terminal", func(st watch.State) bool {
			return st.State == watch.Silent && st.Application == "XTerm" && st.Sink == ""
		})
		d.display.Focus(one.WaitWindow())
		w.until("the player again", playing("a", "Speakers"))
		d.moves("b", "pid", []int{s})
		w.until("the player on b", playing("b", "Headset"))
		moved := false
		for _, st := range w.states() {
			for _, m := range st.Moves {
				moved = moved || int(m.Stream) == s && m.From == "Speakers" && m.To == "Headset" && m.Application == "mpv"
			}
		}
		if !moved {
			t.Errorf("no move in %+v", w.states())
		}
		d.sound.AddSink("zz")
		w.until("the new sink", func(st watch.State) bool { return len(st.Sinks) == 4 })
		one.Kill()
		w.until("nobody", func(st watch.State) bool { return st.State == watch.None || st.Application == "XTerm" })
	})
}

func TestWatchRestsAndEndsWithItsReader(t *testing.T) {
	t.Parallel()
	d := newDesk(t, pulseAudio)
	d.front(d.Player("one"))
	fifo := filepath.Join(d.Home, "fifo")
	if r := d.Run(nil, "mkfifo", fifo); r.Code != 0 {
		t.Fatal(r.Stderr)
	}
	w := d.Spawn("sh", "-c", "exec "+d.program+" watch >"+fifo)
	reader := d.Spawn("sh", "-c", "exec cat <"+fifo)
	d.Until("the first line", func() bool { return strings.Contains(reader.Log(), "mpv: Speakers") })
	var before, after string
	d.Until("two seconds at rest", func() bool {
		before = d.work(w.PID)
		time.Sleep(2 * time.Second) // what is measured
		after = d.work(w.PID)
		return before == after
	})
	reader.Kill()
	d.Until("watch to end", func() bool { return !w.Alive() })
	if code := w.Wait(); code != 0 {
		t.Errorf("it ends with code %d: %s", code, w.Log())
	}
}

// work is the processor time of a process in ticks, user and system (proc(5),
// fields 14 and 15 of stat).
func (d *desk) work(pid int) string {
	b, err := os.ReadFile("/proc/" + itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	return fields[11] + " " + fields[12]
}

func TestWatchComesBackWithTheSoundServer(t *testing.T) {
	t.Parallel()
	d := newDesk(t, pulseAudio)
	w := d.watch()
	w.until("three sinks", func(s watch.State) bool { return len(s.Sinks) == 3 })
	d.sound.Kill()
	w.until("the server to be away", func(s watch.State) bool { return s.State == watch.Away && s.Reason != "" && len(s.Sinks) == 0 })
	d.sound.Restart()
	w.until("three sinks again", func(s watch.State) bool { return s.State != watch.Away && len(s.Sinks) == 3 })
	if n := len(w.states()); n > 12 {
		t.Errorf("%d lines for one restart", n)
	}
}

func TestTheFormsOfWatch(t *testing.T) {
	t.Parallel()
	d := newDesk(t, pulseAudio)
	d.front(d.Player("one"))
	for args, want := range map[string]string{
		"":                                 "mpv: Speakers\n",
		"--format '{app}/{sink}/{state}'":  "mpv/Speakers/playing\n",
		"--format waybar":                  `{"text":"mpv: Speakers","alt":"playing","tooltip":"&gt; Speakers (default)\nHeadset\nTV","class":"playing"}` + "\n",
		"--display :4711 --format {state}": "none\n",
	} {
		// mpv begins paused, and pauses for a moment when it gets no processor.
		var r lab.Result
		if !lab.Poll(time.Minute, func() bool {
			r = d.Exec(lab.Cmd{Name: "sh", Args: []string{"-c", d.program + " watch " + args + " 2>/dev/null | head -1"}})
			return r.Stdout == want
		}) {
			t.Errorf("%s prints %q, want %q", args, r.Stdout, want)
		}
	}
	d.expect(2, "cannot go together", "watch", "--json", "--format", "text")
	d.expect(2, "the fields are {app}", "watch", "--format", "{title}")
}

func TestWatchComesBackWithTheXServer(t *testing.T) {
	t.Parallel()
	d := newDesk(t, pulseAudio)
	d.front(d.Player("one"))
	w := d.watch()
	w.until("the player", func(s watch.State) bool { return s.State == watch.Playing })
	d.display.Kill()
	w.until("nobody in front", func(s watch.State) bool { return s.State == watch.None && s.Reason != "" })
	x := d.Spawn("Xvfb", d.display.Name, "-nolisten", "tcp", "-noreset")
	defer x.Terminate() // it takes its lock away
	// The window manager has to be there before the window that it gives the focus.
	asked := func() string { return d.Run(nil, "xprop", "-root", "_NET_SUPPORTING_WM_CHECK").Stdout }
	d.Until("the X server again", func() bool { return asked() != "" })
	d.Spawn("openbox", "--sm-disable")
	d.Until("its window manager", func() bool { return strings.Contains(asked(), "window id") })
	d.Spawn("xterm", "-e", "sleep", "600")
	w.until("the terminal", func(s watch.State) bool { return s.State == watch.Silent && s.Application == "XTerm" })
}

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
)

// world is one desktop with a sound server.
type world struct {
	*lab.Lab
	c     compositor
	sound *lab.Sound
	front *lab.Process // the compositor
	// socket is its WAYLAND_DISPLAY.
	socket string
	program,
	version, soundVersion string
	locks bool // it will be locked
}

// sinks are those of every world; streams start on the first.
var sinks = []string{"speakers", "headset"}

// stage runs the situations on one desktop and prints what came of each.
func stage(desktop, sound, only string, verbose bool, stdout, stderr io.Writer) error {
	c, ok := compositors[desktop]
	if !ok {
		return fmt.Errorf("there is no desktop %q", desktop)
	}
	var log io.Writer
	if verbose {
		log = stderr
	}
	out := json.NewEncoder(stdout)
	for _, s := range situations {
		if !slices.ContainsFunc(strings.Split(only, ","), func(part string) bool { return strings.Contains(s.name, part) }) {
			continue
		}
		o, err := s.in(c, sound, log)
		if err != nil {
			o.Verdict, o.Why = "FAIL", err.Error()
		}
		o.Case = s.name
		if err := out.Encode(o); err != nil {
			return err
		}
	}
	return nil
}

// in plays one situation on a fresh desktop.
func (s situation) in(c compositor, sound string, log io.Writer) (o Outcome, err error) {
	o.Desktop = c.title
	l, err := lab.New(log)
	if err != nil {
		return o, err
	}
	defer func() {
		if err != nil && log != nil {
			fmt.Fprintf(log, "desktops: %s: %v\n%s\n", s.name, err, l.Logs())
		}
		if e := l.Close(); err == nil {
			err = e
		}
	}()
	w := &world{Lab: l, c: c, locks: s.name == locked}
	err = l.Try(func() {
		w.begin(sound)
		o.Version, o.Sound = w.version, w.soundVersion
		s.play(w, &o)
	})
	return o, err
}

// begin starts the sound server and the compositor.
func (w *world) begin(sound string) {
	w.program = must(lab.Build("cmd/patoggle"))
	w.Bus()
	w.Setenv("LIBGL_ALWAYS_SOFTWARE", "1")
	w.Setenv("XDG_SESSION_TYPE", "wayland")
	if sound == pipeWire {
		w.sound = w.PipeWire(sinks...)
		w.soundVersion = "PipeWire " + w.versionOf("pipewire", "--version")
	} else {
		w.sound = w.PulseAudio(sinks...)
		w.soundVersion = "PulseAudio " + w.versionOf("pulseaudio", "--version")
	}
	if w.c.prepare != nil {
		if err := w.c.prepare(w); err != nil {
			w.Fail(err)
		}
	}
	if w.locks && w.c.lockable != nil {
		if err := w.c.lockable(w); err != nil {
			w.Fail(err)
		}
	}
	w.version = w.versionOf(w.atHome(w.c.version)...)
	w.compositor()
}

// compositor starts it and finds its sockets.
func (w *world) compositor() {
	argv := w.atHome(w.c.argv)
	for _, e := range w.c.env {
		key, value, _ := strings.Cut(e, "=")
		w.Setenv(key, value)
	}
	w.front = w.SpawnCmd(lab.Cmd{Name: argv[0], Args: argv[1:]})
	w.Until("the Wayland socket of "+w.c.title, func() bool {
		if !w.front.Alive() {
			w.Fail(fmt.Errorf("%s ended: %.300s", w.c.title, w.front.Log()))
		}
		w.socket = newest(w.Runtime + "/wayland-*")
		return w.socket != ""
	})
	w.Setenv("WAYLAND_DISPLAY", filepath.Base(w.socket))
	// The first of them: mutter has a second one for itself.
	var names []string
	if lab.Poll(5*time.Second, func() bool {
		names, _ = filepath.Glob("/tmp/.X11-unix/X*")
		return len(names) > 0
	}) {
		w.Setenv("DISPLAY", ":"+strings.TrimPrefix(filepath.Base(names[0]), "X"))
	}
	if cookie := newest(w.Runtime + "/.mutter-Xwaylandauth.*"); cookie != "" {
		w.Setenv("XAUTHORITY", cookie)
	}
	if w.c.title == "sway" {
		w.Setenv("SWAYSOCK", newest(w.Runtime+"/sway-ipc.*.sock"))
	}
	if socket := newest(w.Runtime + "/wayfire-*.socket"); socket != "" {
		w.Setenv("WAYFIRE_SOCKET", socket)
	}
	if w.c.settle != nil {
		w.c.settle(w)
	}
}

// atHome is a command line with the home folder put in.
func (w *world) atHome(argv []string) []string {
	argv = slices.Clone(argv)
	for i := range argv {
		argv[i] = strings.Replace(argv[i], "HOME/", w.Home+"/", 1)
	}
	return argv
}

// newest is the file that the pattern names and that came last, but no lock.
func newest(pattern string) string {
	all, _ := filepath.Glob(pattern)
	all = slices.DeleteFunc(all, func(name string) bool { return strings.HasSuffix(name, ".lock") })
	slices.SortFunc(all, func(a, b string) int {
		x, e := os.Stat(a)
		y, f := os.Stat(b)
		if e != nil || f != nil {
			return strings.Compare(a, b)
		}
		return x.ModTime().Compare(y.ModTime())
	})
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1]
}

var number = regexp.MustCompile(`\d+\.\d+(\.\d+)?`)

// versionOf is the first number of what a command prints.
func (w *world) versionOf(argv ...string) string {
	r := w.Run(nil, argv[0], argv[1:]...)
	return number.FindString(r.Stdout + r.Stderr)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(&lab.Failure{Err: err})
	}
	return v
}

// pause is between two questions.
func (w *world) pause() { time.Sleep(50 * time.Millisecond) }

// settleDown gives a compositor the time to hand the keyboard on, which nobody
// reports without asking as patoggle does.
func (w *world) settleDown() { time.Sleep(1500 * time.Millisecond) }

// look is how a player is drawn.
type look int

const (
	native look = iota
	x11
	unseen // no window
)

// player is an mpv of the world.
type player struct {
	*lab.Player
	stream int
}

// play starts mpv, waits until its window is mapped and its stream is on the
// first sink. The newest window gets the focus on all these desktops.
func (w *world) play(name string, how look, boxed bool, env ...string) player {
	app := lab.App{Name: name, Env: env, NoWindow: how == unseen}
	if boxed {
		app.Sandbox = &lab.Sandbox{}
	}
	if how == x11 {
		w.Until("the X server to answer", func() bool { return w.Run(nil, "xprop", "-root").Code == 0 })
	}
	control := w.Dir + "/" + name
	app.Args = []string{"--input-ipc-server=" + control}
	if how == native {
		app.Args = append(app.Args, "--vo=wlshm")
		app.Env = append(app.Env, "DISPLAY")
	}
	p := player{Player: w.Play(app)}
	p.stream = p.WaitStream()
	if how != unseen {
		w.Until("the window of "+name, func() bool {
			if !p.Alive() {
				w.Fail(fmt.Errorf("%s ended: %.300s", name, p.Log()))
			}
			return property(control, "vo-configured") == "true"
		})
		w.settleDown()
	}
	w.sound.WaitOn(p.stream, sinks[0])
	return p
}

// property asks mpv's control socket.
func property(socket, name string) string {
	c, err := net.DialTimeout("unix", socket, time.Second)
	if err != nil {
		return ""
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(2 * time.Second))
	fmt.Fprintf(c, `{"command":["get_property","%s"],"request_id":7}`+"\n", name)
	lines := bufio.NewScanner(c)
	for lines.Scan() {
		var reply struct {
			Data any `json:"data"`
			ID   int `json:"request_id"`
		}
		if json.Unmarshal(lines.Bytes(), &reply) == nil && reply.ID == 7 {
			return fmt.Sprint(reply.Data)
		}
	}
	return ""
}

// press runs patoggle once.
func (w *world) press(o *Outcome, env ...string) {
	r := w.Exec(lab.Cmd{Name: w.program, Env: env, Timeout: 20 * time.Second})
	o.Code, o.Took = r.Code, r.Took
	o.Says = strings.Join(strings.Fields(strings.ReplaceAll(r.Stdout+r.Stderr, "\n", " | ")), " ")
}

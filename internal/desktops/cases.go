package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
)

// situation is one row of the table: what is on the desktop, and what a press
// must do there.
type situation struct {
	name string
	play func(*world, *Outcome)
}

var situations = []situation{
	{"native window", pair(native, false, x11)},
	{"X11 window", pair(x11, false, native)},
	{"sandboxed, native", pair(native, true, x11)},
	{"sandboxed, X11", pair(x11, true, native)},
	{"two windows of one program", two},
	{"Chromium, native", browser("chromium")},
	{"Firefox, native", browser("firefox")},
	{"no window", none},
	{"launcher or overview", covered(func(c compositor) (cover, bool, string) { return c.launcher, c.launcherUntold, c.saysCovered })},
	{locked, covered(func(c compositor) (cover, bool, string) { return c.lock, c.lockUntold, c.saysLocked })},
	{"compositor hangs", hung},
	{"compositor killed", killed},
	{"nested", nested},
	{"watched", watched},
	{"hotkeys", hotkeys},
}

// locked is the situation with the screen locked.
const locked = "locked"

// nobody is what patoggle says at the least where no window has the focus.
const nobody = "no window has the focus"

// streams are the indices of the stream that may move and of the one that must
// not. PulseAudio's first has the index 0.
type streams struct{ front, other int }

// noStream is the index of none.
const noStream = -1

// judge presses and holds the world against what must come out: the front
// stream moves (code 0), or nothing does and patoggle says why.
func (w *world) judge(o *Outcome, s streams, moves bool, code int, says string, env ...string) {
	w.press(o, env...)
	var wrong []string
	if o.Code != code {
		wrong = append(wrong, fmt.Sprintf("code %d instead of %d", o.Code, code))
	}
	if says != "" && !strings.Contains(o.Says, says) {
		wrong = append(wrong, fmt.Sprintf("does not say %q", says))
	}
	want := sinks[0]
	if moves {
		want = sinks[1]
	}
	// What does not move by then did not.
	if !lab.Poll(time.Second, func() bool { return w.on(s.front) == want }) {
		wrong = append(wrong, fmt.Sprintf("the front stream is on %q", w.on(s.front)))
	}
	if s.other != noStream {
		if on := w.on(s.other); on != sinks[0] {
			wrong = append(wrong, fmt.Sprintf("the other stream is on %q", on))
		}
	}
	o.Verdict, o.Why = "ok", strings.Join(wrong, "; ")
	if len(wrong) > 0 {
		o.Verdict = "FAIL"
	}
}

// on asks Debian's own pactl which sink a stream is on.
func (w *world) on(index int) string {
	sinkOf := ""
	for line := range strings.Lines(w.sound.Pactl("list", "short", "sink-inputs")) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == fmt.Sprint(index) {
			sinkOf = f[1]
		}
	}
	for line := range strings.Lines(w.sound.Pactl("list", "short", "sinks")) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == sinkOf {
			return f[1]
		}
	}
	return ""
}

// expect is judge for a window of the given look in front.
func (w *world) expect(o *Outcome, how look, s streams) {
	switch {
	case (how == native || w.c.seatless) && w.c.answers >= xOnly:
		w.judge(o, s, false, 1, w.c.unaskable)
	default:
		w.judge(o, s, true, 0, "")
	}
}

// pair has one window in front of another program's or look's.
func pair(how look, boxed bool, behind look) func(*world, *Outcome) {
	return func(w *world, o *Outcome) {
		var other int
		if how == native && w.c.answers == applications {
			// Of another program: two of one cannot be told apart there.
			// mpv 0.40 is a client of the compositor without a window as well,
			// for the clipboard.
			argv := w.Mpv(lab.App{Name: "other", NoWindow: true})
			other = w.XTerm("other", append([]string{"env", "-u", "WAYLAND_DISPLAY"}, argv...)...).WaitStream()
			w.settleDown()
		} else {
			other = w.play("other", behind, false).stream
		}
		front := w.play("front", how, boxed)
		w.expect(o, how, streams{front.stream, other})
	}
}

// two has two native windows of one program. Where the compositor knows no
// process, nobody can tell which of them plays.
func two(w *world, o *Outcome) {
	other := w.play("other", native, false)
	front := w.play("front", native, false)
	s := streams{front.stream, other.stream}
	if w.c.answers == applications {
		w.judge(o, s, false, 3, "the desktop names only the window's application")
		return
	}
	w.expect(o, native, s)
}

// none has streams, and no window.
func none(w *world, o *Outcome) {
	s := streams{w.play("front", unseen, false).stream, w.play("other", unseen, false).stream}
	if w.c.answers >= xOnly {
		// Whether nothing or a native window is in front is not known there.
		w.judge(o, s, false, 1, w.c.unaskable)
		return
	}
	w.judge(o, s, false, 3, cmp.Or(w.c.saysEmpty, nobody))
}

// covered has a window below something that has the keyboard and is no
// application. by gives it, and whether the compositor keeps it to itself.
func covered(by func(compositor) (cover, bool, string)) func(*world, *Outcome) {
	return func(w *world, o *Outcome) {
		show, untold, says := by(w.c)
		if show == nil {
			o.Verdict, o.Why = "-", w.c.overlay
			return
		}
		front := w.play("front", native, false)
		away, err := show(w)
		if err != nil {
			o.Verdict, o.Why = "-", err.Error()
			return
		}
		s := streams{front.stream, noStream}
		if untold {
			w.judge(o, s, true, 0, "")
		} else {
			w.judge(o, s, false, 3, cmp.Or(says, nobody))
		}
		away()
	}
}

// hung has a compositor that is stopped.
func hung(w *world, o *Outcome) {
	other := w.play("other", x11, false)
	front := w.play("front", native, false)
	w.front.Signal(syscall.SIGSTOP)
	began := time.Now()
	w.judge(o, streams{front.stream, other.stream}, false, 1, cmp.Or(w.c.saysHung, w.c.title+" does not answer"))
	w.front.Signal(syscall.SIGCONT)
	if o.Took > 4*time.Second && o.Verdict == "ok" {
		o.Verdict, o.Why = "FAIL", fmt.Sprintf("it took %v", time.Since(began).Round(time.Millisecond))
	}
}

// killed has a compositor that is gone, with its socket still there.
func killed(w *world, o *Outcome) {
	s := streams{w.play("front", unseen, false).stream, w.play("other", unseen, false).stream}
	w.front.Signal(syscall.SIGKILL)
	w.front.Wait()
	w.judge(o, s, false, 1, "the Wayland compositor of this session has ended")
}

// nested has sway in a window of the desktop: the inner one has the player,
// and patoggle is asked inside, with what it inherits from outside.
func nested(w *world, o *Outcome) {
	if r := w.Run(nil, "sh", "-c", "command -v sway"); r.Code != 0 {
		o.Verdict, o.Why = "-", "no sway in this root"
		return
	}
	if err := os.WriteFile(w.Home+"/inner.conf", []byte("focus_follows_mouse no\n"), 0o600); err != nil {
		w.Fail(err)
	}
	other := w.play("other", native, false)
	before := w.socket
	inner := w.SpawnCmd(lab.Cmd{Name: "sway", Args: []string{"-c", w.Home + "/inner.conf"},
		Env: []string{"WLR_BACKENDS=wayland", "WLR_RENDERER=pixman", "DISPLAY"}})
	socket := ""
	if !lab.Poll(15*time.Second, func() bool {
		all, _ := filepath.Glob(w.Runtime + "/wayland-*")
		for _, name := range all {
			if name != before && !strings.HasSuffix(name, ".lock") {
				socket = name
			}
		}
		return socket != "" || !inner.Alive()
	}) || socket == "" {
		w.Fail(errors.New("the nested sway does not start: " + inner.Log()))
	}
	inside := "WAYLAND_DISPLAY=" + filepath.Base(socket)
	front := w.play("front", native, false, inside)
	w.judge(o, streams{front.stream, other.stream}, true, 0, "", inside)
}

// watched has "patoggle watch" beside windows that come and go, with nothing that
// changes at the sound server, and beside a compositor that is started anew.
func watched(w *world, o *Outcome) {
	out := w.Dir + "/watched"
	p := w.Spawn("sh", "-c", `exec "$0" watch --format '{state} {app}' >"$1" 2>"$1.err"`, w.program, out)
	read := func(name string) string { b, _ := os.ReadFile(name); return string(b) }
	if w.c.answers == xOnly {
		w.Until("watch to say that it does not follow", func() bool {
			return strings.Contains(read(out+".err"), "does not tell when another window gets the focus")
		})
		o.Verdict, o.Word = "ok", "not followed"
		return
	}
	shows := func(what string) {
		w.Until("watch to tell "+what, func() bool {
			if !p.Alive() {
				w.Fail(fmt.Errorf("watch ended: %s", read(out+".err")))
			}
			lines := strings.Split(strings.TrimSuffix(read(out), "\n"), "\n")
			o.Says = lines[len(lines)-1]
			return strings.HasPrefix(o.Says, what)
		})
	}
	w.play("front", native, false)
	shows("playing mpv")
	quiet := w.XTerm("quiet", "cat")
	shows("silent")
	quiet.Kill()
	shows("playing mpv")
	// At rest it takes no time at all (proc(5), utime and stime).
	work := func() string {
		if f := strings.Fields(read(fmt.Sprintf("/proc/%d/stat", p.PID))); len(f) > 14 {
			return f[13] + " " + f[14]
		}
		return ""
	}
	w.Until("watch to rest", func() bool {
		before := work()
		time.Sleep(2 * time.Second) // what is measured
		return work() == before
	})
	w.front.Signal(syscall.SIGKILL)
	w.front.Wait()
	before := w.socket
	for _, pattern := range []string{"/wayland-*", "/sway-ipc.*", "/wayfire-*"} {
		left, _ := filepath.Glob(w.Runtime + pattern)
		for _, name := range left {
			os.Remove(name)
		}
	}
	w.compositor()
	if w.socket != before {
		w.Fail(fmt.Errorf("the new compositor is at %s and not at %s", w.socket, before))
	}
	w.play("again", native, false)
	shows("playing mpv")
	w.XTerm("quiet", "cat")
	shows("silent")
	p.Signal(syscall.SIGTERM)
	if code := p.Wait(); code != 128+int(syscall.SIGTERM) {
		w.Fail(fmt.Errorf("watch ended with code %d", code))
	}
	o.Verdict, o.Word = "ok", "followed"
}

// browser has a page that plays, from another process than the window's, in
// front of a player of another program.
func browser(name string) func(*world, *Outcome) {
	return func(w *world, o *Outcome) {
		other := w.play("other", native, false)
		var p *lab.Player
		if name == "chromium" {
			p = w.Chromium("front", "--ozone-platform=wayland")
		} else {
			p = w.firefox()
		}
		stream := p.WaitStream()
		w.settleDown()
		w.settleDown()
		w.expect(o, native, streams{stream, other.stream})
	}
}

// firefox is Firefox on a page that plays a tone.
func (w *world) firefox() *lab.Player {
	profile := w.Dir + "/firefox"
	if err := os.Mkdir(profile, 0o700); err != nil {
		w.Fail(err)
	}
	page := profile + "/page.html"
	for name, text := range map[string]string{
		"user.js": `user_pref("media.autoplay.default", 0);
user_pref("media.autoplay.blocking_policy", 0);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.reportingpolicy.firstRun", false);
user_pref("termsofuse.bypassNotification", true);
user_pref("trailhead.firstrun.didSeeAboutWelcome", true);
`,
		"page.html": `<!doctype html><meta charset=utf-8><title>front</title><audio autoplay loop src="file://` + w.ToneFile() + `"></audio>`,
	} {
		if err := os.WriteFile(profile+"/"+name, []byte(text), 0o600); err != nil {
			w.Fail(err)
		}
	}
	program := "firefox"
	if w.Run(nil, "sh", "-c", "command -v firefox").Code != 0 {
		program = "firefox-esr"
	}
	return w.Browse("front", lab.Cmd{Name: program, Args: []string{"--no-remote", "--profile", profile, "file://" + page},
		Env: []string{"MOZ_ENABLE_WAYLAND=1", "DISPLAY"}})
}

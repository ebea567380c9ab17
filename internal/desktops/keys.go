package main

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
)

// presser presses keys as a keyboard would.
//
//go:embed press.py
var presser []byte

// times is how often the key is pressed.
const times = 40

// hotkeys presses Super+F9 over a native window: of patoggled where the desktop
// gives it keys, else of the line that patoggle bind prints. Each press is one
// move, and a key that is held is one press.
func hotkeys(w *world, o *Outcome) {
	if w.c.title == "GNOME with the extension" && strings.HasPrefix(w.version, "43.") {
		o.Verdict, o.Why = "-", "GNOME 43 gives programs no keys: neither has the extension's older form, nor is there a portal"
		return
	}
	front, other := w.play("front", native, false), w.play("other", unseen, false)
	w.settleDown()
	script := filepath.Join(w.Home, "press.py")
	if err := os.WriteFile(script, presser, 0o600); err != nil {
		w.Fail(err)
	}
	press := func(hold time.Duration, n int) error {
		args := []string{script, "-hold", fmt.Sprint(hold.Milliseconds())}
		for range n {
			args = append(args, "leftmeta+f9")
		}
		r := w.Exec(lab.Cmd{Name: "python3", Args: args, Timeout: time.Minute})
		if r.Code != 0 {
			return fmt.Errorf("%s", strings.TrimSpace(r.Stderr))
		}
		return nil
	}
	var moves func() int
	said := func() string { return "" }
	switch w.c.title {
	case "KWin", "GNOME with the extension":
		daemon := w.Spawn(must(lab.Build("cmd/patoggled")), "-v")
		w.Until("the hotkey", func() bool { return strings.Contains(daemon.Log(), "Super+F9") })
		time.Sleep(time.Second) // it says so before it asks for the key
		moves = func() int { return strings.Count(daemon.Log(), " → ") }
		said = func() string { return daemon.Log() }
	case "sway":
		r := w.Exec(lab.Cmd{Name: w.program, Args: []string{"bind", "-q"}})
		line := strings.Replace(r.Stdout, "exec patoggle", "exec "+w.program, 1)
		log := filepath.Join(w.Home, "moves")
		line = strings.TrimSuffix(line, "\n") + " >>" + log + "\n"
		config, err := os.OpenFile(filepath.Join(w.Home, "sway.conf"), os.O_APPEND|os.O_WRONLY, 0)
		if err == nil {
			_, err = config.WriteString(line)
			config.Close()
		}
		if err != nil {
			w.Fail(err)
		}
		if r := w.Exec(lab.Cmd{Name: "swaymsg", Args: []string{"reload"}}); r.Code != 0 {
			w.Fail(fmt.Errorf("swaymsg: %s", r.Stderr))
		}
		moves = func() int {
			b, _ := os.ReadFile(log)
			return strings.Count(string(b), " → ")
		}
	default:
		o.Verdict, o.Why = "-", "keys belong to the compositor, and are not pressed here"
		return
	}
	if err := press(200*time.Millisecond, times); err != nil {
		o.Verdict, o.Why = "-", err.Error()
		return
	}
	var wrong []string
	hear := func(what string, want int) {
		lab.Poll(5*time.Second, func() bool { return moves() >= want })
		time.Sleep(500 * time.Millisecond) // for one too many
		if got := moves(); got != want {
			wrong = append(wrong, fmt.Sprintf("%s: %d moves instead of %d", what, got, want))
			fmt.Fprintf(os.Stderr, "patoggled said:\n%s", said())
		}
	}
	hear("presses", times)
	if err := press(1500*time.Millisecond, 1); err != nil {
		w.Fail(err)
	}
	hear("a held key", times+1)
	if want, on := sinks[(times+1)%len(sinks)], w.on(front.stream); on != want {
		wrong = append(wrong, fmt.Sprintf("the front stream is on %q, not %q", on, want))
	}
	if on := w.on(other.stream); on != sinks[0] {
		wrong = append(wrong, fmt.Sprintf("the other stream is on %q", on))
	}
	o.Verdict, o.Why = "ok", strings.Join(wrong, "; ")
	if len(wrong) > 0 {
		o.Verdict = "FAIL"
	}
}

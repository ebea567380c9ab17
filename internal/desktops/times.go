package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
)

// Timing is how long patoggle takes on a desktop, from start to exit, beside the
// same press under X11, in turn with it and with the same sound server: medians.
type Timing struct {
	Desktop, Version, Sound string
	// Press is what the press comes to: see presses.
	Press     string
	X11, Here time.Duration
	Why       string // of a failure
}

// What the presses of the table come to: the application in front does not play,
// which leaves the question who is in front, and whose each stream is; or it does
// and moves.
const (
	silentPress = "nothing to do"
	movingPress = "moves"
)

// warmUp is how many presses are not counted.
const warmUp = 5

// timed measures on one desktop and prints what came of it, as stage does.
func timed(desktop, sound string, rounds int, verbose bool, stdout, stderr io.Writer) error {
	c, ok := compositors[desktop]
	if !ok {
		return fmt.Errorf("there is no desktop %q", desktop)
	}
	var log io.Writer
	if verbose {
		log = stderr
	}
	l, err := lab.New(log)
	if err != nil {
		return err
	}
	defer l.Close()
	w := &world{Lab: l, c: c}
	out := json.NewEncoder(stdout)
	err = l.Try(func() {
		w.begin(sound)
		for _, t := range w.times(rounds) {
			if err := out.Encode(t); err != nil {
				w.Fail(err)
			}
		}
	})
	if err != nil {
		return out.Encode(Timing{Desktop: c.title, Version: w.version, Sound: w.soundVersion, Why: err.Error()})
	}
	return nil
}

// times measures with a silent window and with one that plays, each on the
// desktop and on an X display beside it.
func (w *world) times(rounds int) []Timing {
	// What it changes in the environment is undone: the desktop has its own.
	display, authority := w.Getenv("DISPLAY"), w.Getenv("XAUTHORITY")
	x := w.Display()
	w.Setenv("DISPLAY", display)
	w.Setenv("XAUTHORITY", authority)
	beside := []string{"DISPLAY=" + x.Name, "XAUTHORITY", "WAYLAND_DISPLAY", "SWAYSOCK", "WAYFIRE_SOCKET"}

	silent := []string{"--no-config", "--no-terminal", "--load-scripts=no", "--force-window=immediate", "--idle=yes"}
	here := w.SpawnCmd(lab.Cmd{Name: "mpv", Args: append(silent, "--vo=wlshm"), Env: []string{"DISPLAY"}})
	there := w.SpawnCmd(lab.Cmd{Name: "mpv", Args: append(silent, "--vo=x11"), Env: beside})
	all := []Timing{w.inTurn(rounds, silentPress, 3, "mpv is not playing anything", beside)}
	here.Kill()
	there.Kill()

	w.Play(lab.App{Name: "there", Env: beside}).WaitStream()
	w.play("here", native, false)
	return append(all, w.inTurn(rounds, movingPress, 0, "", beside))
}

// inTurn presses here and beside, in turn.
func (w *world) inTurn(rounds int, press string, code int, says string, beside []string) Timing {
	t := Timing{Desktop: w.c.title, Version: w.version, Sound: w.soundVersion, Press: press}
	var r lab.Result
	once := func(env []string) bool {
		r = w.Exec(lab.Cmd{Name: w.program, Env: env, Timeout: 20 * time.Second})
		return r.Code == code && strings.Contains(r.Stderr, says)
	}
	wrong := func() {
		w.Fail(fmt.Errorf("a press ends with code %d instead of %d: %s", r.Code, code, r.Stderr))
	}
	for _, env := range [][]string{nil, beside} {
		if !lab.Poll(time.Minute, func() bool { return once(env) }) {
			wrong()
		}
	}
	var took [2][]time.Duration
	for round := -warmUp; round < rounds; round++ {
		for i, env := range [][]string{nil, beside} {
			if !once(env) {
				wrong()
			}
			if round >= 0 {
				took[i] = append(took[i], r.Took)
			}
		}
	}
	t.Here, t.X11 = median(took[0]), median(took[1])
	return t
}

func median(took []time.Duration) time.Duration {
	slices.Sort(took)
	return took[len(took)/2]
}

// timesTable is the table: a line for each desktop, both presses in it.
func timesTable(all []Timing) string {
	var b strings.Builder
	b.WriteString("| desktop | sound |")
	for _, press := range []string{silentPress, movingPress} {
		fmt.Fprintf(&b, " %s, X11 | here | ratio |", press)
	}
	b.WriteString("\n|---|---|---|---|---|---|---|---|\n")
	var last Timing
	for _, t := range all {
		if t.Why != "" {
			continue
		}
		if t.Desktop != last.Desktop || t.Version != last.Version || t.Sound != last.Sound {
			if last.Desktop != "" {
				b.WriteByte('\n')
			}
			fmt.Fprintf(&b, "| %s | %s |", strings.TrimSpace(t.Desktop+" "+t.Version), t.Sound)
		}
		last = t
		fmt.Fprintf(&b, " %.1f ms | %.1f ms | %.2f |", ms(t.X11), ms(t.Here), t.Here.Seconds()/t.X11.Seconds())
	}
	b.WriteByte('\n')
	return b.String()
}

func ms(d time.Duration) float64 { return d.Seconds() * 1000 }

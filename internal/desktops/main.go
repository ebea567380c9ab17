// Command desktops runs one table of situations against real compositors
// without a screen: in each of them a key is pressed (patoggle is run), and
// another client of the sound server says which stream moved. What a compositor
// of another release needs is a root of packaging/desktop-roots.
//
// Without -inside it builds patoggle, enters the roots one after the other and
// prints the table as Markdown; with -times it measures there. With it, it is the part that runs in a root, as
// an ordinary user, and prints one JSON line for each situation.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
)

// Outcome is what came of one situation on one desktop.
type Outcome struct {
	Desktop string // the desktop's name in the table
	Version string
	Sound   string // "PulseAudio 16.1"
	Case    string
	// Verdict is "ok", "FAIL", or "-" where the desktop cannot have it.
	Verdict string
	// Word is what the table says of it, where that is not what a press did.
	Word string
	// Code, Says and Took are patoggle's exit code, what it said, and its time.
	Code int
	Says string
	Took time.Duration
	// Why tells what was wrong, or why the desktop cannot have it.
	Why string
}

// run is one entry of the host's list: what to start where.
type run struct{ root, desktop, sound string }

// unwilling is the desktop that is run only when it is named: Hyprland 0.57 does
// not start on a machine without a render node.
const unwilling = "hyprland"

// runs are all there are, in the order of the table.
var runs = []run{
	{"bookworm", "sway", pulseAudio},
	{"sid", "sway", pipeWire},
	{"bookworm", "kwin", pulseAudio},
	{"sid", "kwin", pipeWire},
	{"bookworm", "gnome", pipeWire},
	{"bookworm", "gnome-extension", pipeWire},
	{"trixie", "gnome", pipeWire},
	{"trixie", "gnome-extension", pipeWire},
	{"sid", "gnome", pipeWire},
	{"sid", "gnome-extension", pipeWire},
	{"sid", "wayfire", pulseAudio},
	{"sid", "labwc", pipeWire},
	{"bookworm", "phoc", pipeWire},
	{"bookworm", "weston", pulseAudio},
	{"sid", "hyprland", pulseAudio},
}

const (
	pulseAudio = "pulseaudio"
	pipeWire   = "pipewire"
)

// patience is how long one root may take for all its situations.
const patience = 20 * time.Minute

func main() { os.Exit(mainCode(os.Args[1:], os.Stdout, os.Stderr)) }

// mainCode returns the exit code: 0 when every situation came out right, 1 when
// not, 2 for wrong usage.
func mainCode(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("desktops", flag.ContinueOnError)
	flags.SetOutput(stderr)
	inside := flags.String("inside", "", "run the situations on this `desktop`, here")
	sound := flags.String("sound", "", "only with this sound `server`: pulseaudio or pipewire")
	only := flags.String("only", "", "only these `desktops`, \"sid/kwin,bookworm/sway\"; a root or a desktop alone will do")
	cases := flags.String("case", "", "only `situations` whose name contains one of these, \"locked,no window\"")
	rounds := flags.Int("times", 0, "measure so many presses beside X11 instead of running the situations")
	table := flags.String("table", "", "write the table to this `file` as well")
	verbose := flags.Bool("v", false, "tell every process that is started")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	var err error
	code := 0
	o := options{*only, *sound, *cases, *table, *rounds, *verbose}
	switch {
	case *inside != "" && *rounds > 0:
		err = timed(*inside, *sound, *rounds, *verbose, stdout, stderr)
	case *inside != "":
		err = stage(*inside, *sound, *cases, *verbose, stdout, stderr)
	default:
		code, err = host(o, stdout, stderr)
	}
	if err != nil {
		fmt.Fprintf(stderr, "desktops: error: %v\n", err)
		return 1
	}
	return code
}

// options are those of the command line, for the host.
type options struct {
	only, sound, cases, table string
	rounds                    int
	verbose                   bool
}

// host enters each root and gathers what comes of it.
func host(o options, stdout, stderr io.Writer) (int, error) {
	built, err := filepath.Abs("build/desktops")
	if err != nil {
		return 0, err
	}
	if err := build(built); err != nil {
		return 0, err
	}
	var all []Outcome
	var times []Timing
	failed, any := false, false
	for _, r := range runs {
		if !wanted(o.only, r) || o.rounds > 0 && compositors[r.desktop].answers >= xOnly {
			continue
		}
		any = true
		if o.sound != "" {
			r.sound = o.sound
		}
		began := time.Now()
		fmt.Fprintf(stderr, "desktops: %s in %s, with %s\n", r.desktop, r.root, r.sound)
		var err error
		if o.rounds > 0 {
			var got []Timing
			got, err = measured(r, built, o, stderr)
			times = append(times, got...)
		} else {
			var got []Outcome
			got, err = played(r, built, o, stderr)
			all = append(all, got...)
		}
		if err != nil {
			failed = true
			fmt.Fprintf(stderr, "desktops: error: %v\n", err)
		}
		fmt.Fprintf(stderr, "desktops: %s in %s took %.0f s\n", r.desktop, r.root, time.Since(began).Seconds())
	}
	if !any {
		return 0, fmt.Errorf("no desktop is called %q", o.only)
	}
	text := markdown(all)
	if o.rounds > 0 {
		text = timesTable(times)
	}
	fmt.Fprint(stdout, text)
	if o.table != "" {
		if err := os.WriteFile(o.table, []byte(text), 0o644); err != nil {
			return 0, err
		}
	}
	if failed || slices.ContainsFunc(all, func(o Outcome) bool { return o.Verdict == "FAIL" }) {
		return 1, nil
	}
	return 0, nil
}

// played runs the situations of one desktop.
func played(r run, built string, o options, stderr io.Writer) ([]Outcome, error) {
	var all []Outcome
	err := enter(r, built, o, stderr, func(line []byte) error {
		var o Outcome
		if err := json.Unmarshal(line, &o); err != nil {
			return err
		}
		fmt.Fprintf(stderr, "desktops:   %-4s %-27s code %d  %6.1f ms  %s%s\n", o.Verdict, o.Case, o.Code,
			o.Took.Seconds()*1000, o.Says, suffix(o.Why))
		all = append(all, o)
		return nil
	})
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("%s in %s told nothing", r.desktop, r.root)
	}
	return all, err
}

// measured measures on one desktop.
func measured(r run, built string, o options, stderr io.Writer) ([]Timing, error) {
	var all []Timing
	var failed error
	err := enter(r, built, o, stderr, func(line []byte) error {
		var t Timing
		if err := json.Unmarshal(line, &t); err != nil {
			return err
		}
		if t.Why != "" {
			failed = errors.New(t.Why)
			return nil
		}
		fmt.Fprintf(stderr, "desktops:   %-14s X11 %5.1f ms  here %5.1f ms  ratio %.2f\n", t.Press, ms(t.X11), ms(t.Here), t.Here.Seconds()/t.X11.Seconds())
		all = append(all, t)
		return nil
	})
	return all, errors.Join(failed, err)
}

// build puts what runs in the roots into a folder that everybody may read.
func build(to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, program := range []string{"cmd/patoggle", "cmd/patoggled", "internal/lab/helper", "internal/desktops"} {
		file, err := lab.Build(program)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		name := filepath.Join(to, filepath.Base(program))
		if err := os.WriteFile(name+".new", b, 0o755); err != nil {
			return err
		}
		if err := os.Rename(name+".new", name); err != nil {
			return err
		}
	}
	return nil
}

func suffix(why string) string {
	if why == "" {
		return ""
	}
	return "  [" + why + "]"
}

func wanted(only string, r run) bool {
	if only == "" {
		return r.desktop != unwilling
	}
	return slices.ContainsFunc(strings.Split(only, ","), func(w string) bool {
		return w == r.root || w == r.desktop || w == r.root+"/"+r.desktop
	})
}

// enter runs this program for one desktop in its root, and hands on the lines it
// prints.
func enter(r run, built string, o options, stderr io.Writer, heard func(line []byte) error) error {
	args := []string{"enter", "-b", built, r.root, "timeout", "-s", "KILL", fmt.Sprint(int(patience.Seconds())),
		"setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups",
		"env", "HOME=/home/desk", "USER=desk", "PATOGGLE_LAB_BUILT=" + built,
		filepath.Join(built, "desktops"), "-inside", r.desktop, "-sound", r.sound, "-case", o.cases, "-times", fmt.Sprint(o.rounds)}
	if o.verbose {
		args = append(args, "-v")
	}
	cmd := exec.Command("packaging/desktop-roots", args...)
	cmd.Stderr = stderr
	// The root ends with us; the thread is held, since its end would count.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if err := heard(lines.Bytes()); err != nil {
			fmt.Fprintf(stderr, "desktops: %s\n", lines.Text())
		}
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%s in %s: %w", r.desktop, r.root, err)
	}
	return nil
}

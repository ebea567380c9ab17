// Command bench measures patoggle against what people would use instead, side
// by side on a private desktop, and prints a table. See README.md here.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// options are the flags.
type options struct {
	out          string
	rounds       int
	warmUp       int
	pause        time.Duration
	rest         time.Duration
	servers      []string
	sizes        []size
	keys, others bool
	programs     programs
}

// run returns the exit code: 0 when everything was measured, 1 when something
// failed, 2 for wrong usage, 130 after Ctrl-C. How long anything took is no
// failure.
func run(args []string, stdout, stderr io.Writer) int {
	o := options{sizes: []size{small, large}, servers: []string{"pulseaudio", "pipewire"}}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.programs.patoggle, "patoggle", "build/bench/patoggle", "the one-shot, stripped")
	flags.StringVar(&o.programs.patoggled, "patoggled", "build/bench/patoggled", "the daemon, stripped")
	flags.StringVar(&o.programs.limit, "limit", "build/bench/limit", "the limit program, stripped")
	flags.StringVar(&o.out, "out", "build/bench", "`folder` for samples and table")
	flags.IntVar(&o.rounds, "rounds", 100, "rounds of each contender")
	flags.IntVar(&o.warmUp, "warm-up", 10, "rounds before them that do not count")
	flags.DurationVar(&o.pause, "pause", 15*time.Millisecond, "between two runs")
	flags.DurationVar(&o.rest, "rest", 60*time.Second, "how long the daemon is watched at rest, 0 for not at all")
	flags.BoolVar(&o.keys, "keys", true, "measure key presses")
	flags.BoolVar(&o.others, "memory", true, "measure memory, system calls and files")
	server := flags.String("server", "", "only this one: pulseaudio or pipewire")
	only := flags.String("size", "", "only this one: small or large")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	switch {
	case flags.NArg() > 0, o.rounds < 1, o.warmUp < 0,
		*server != "" && !slices.Contains(o.servers, *server),
		*only != "" && *only != "small" && *only != "large":
		fmt.Fprintln(stderr, "bench: error: see -help")
		return 2
	}
	if *server != "" {
		o.servers = []string{*server}
	}
	switch *only {
	case "small":
		o.sizes = o.sizes[:1]
	case "large":
		o.sizes = o.sizes[1:]
	}
	for _, p := range []*string{&o.programs.patoggle, &o.programs.patoggled, &o.programs.limit} {
		var err error
		if *p, err = filepath.Abs(*p); err == nil {
			_, err = os.Stat(*p)
		}
		if err != nil {
			fmt.Fprintf(stderr, "bench: error: %v\n", err)
			return 1
		}
	}

	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	debug.SetGCPercent(-1) // compare collects between the rounds
	r := newReport(o)
	code := 0
	for _, server := range o.servers {
		for _, s := range o.sizes {
			if code == 0 {
				code = on(server, s, o, r, stderr, interrupted)
			}
		}
	}
	if code == 130 || len(r.figures) == 0 {
		return code
	}
	text := r.text() // what there is of it
	if err := r.save(text); err != nil {
		fmt.Fprintf(stderr, "bench: error: %v\n", err)
		return 1
	}
	fmt.Fprint(stdout, text)
	return code
}

// on measures on one desktop, which is gone afterwards.
func on(server string, s size, o options, r *report, stderr io.Writer, interrupted <-chan os.Signal) int {
	l, err := lab.New(nil)
	if err != nil {
		fmt.Fprintf(stderr, "bench: error: %v\n", err)
		return 1
	}
	done := make(chan error, 1)
	go func() {
		done <- l.Try(func() {
			d := furnish(l, server, s)
			fmt.Fprintf(stderr, "bench: %s\n", d)
			if err := d.measure(o, r, stderr); err != nil {
				l.Fail(err)
			}
		})
	}()
	code := 0
	select {
	case err = <-done:
		if err != nil {
			fmt.Fprintf(stderr, "bench: error: %v\n", err)
			code = 1
		}
	case <-interrupted:
		code = 130
	}
	// After an interruption the goroutine above may still be waiting for
	// something that ends now; it ends with this process.
	dir := l.Dir
	if err := l.End(); err != nil {
		fmt.Fprintf(stderr, "bench: error: %v\n", err)
		code = 1
	}
	if left := lab.Left(dir); len(left) > 0 {
		fmt.Fprintf(stderr, "bench: error: left running:\n%s\n", strings.Join(left, "\n"))
		code = 1
	}
	return code
}

// measure takes all figures of one desktop.
func (d *desktop) measure(o options, r *report, stderr io.Writer) error {
	f := &figures{desktop: d.String(), server: d.server, size: d.size, load: []string{load()}}
	contenders, err := d.contenders(o.programs)
	if err != nil {
		return err
	}
	if f.oneShots, err = compare(contenders, d.Env(), o.warmUp, o.rounds, o.pause); err != nil {
		return err
	}
	r.figures = append(r.figures, f)
	if o.others {
		if err := d.weigh(o, f); err != nil {
			return err
		}
	}
	if o.keys {
		if err := d.keys(o, f); err != nil {
			return err
		}
	}
	if o.rest > 0 && d.size == small {
		fmt.Fprintf(stderr, "bench: the daemon at rest, %v\n", o.rest)
		if err := d.rest(o, f); err != nil {
			return err
		}
	}
	f.load = append(f.load, load())
	return nil
}

// load is the machine's load over the last minute.
func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	one, _, _ := strings.Cut(string(b), " ")
	return one
}

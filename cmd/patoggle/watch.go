package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/internal/toggle"
	"github.com/patoggle/patoggle/internal/watch"
	"github.com/patoggle/patoggle/pulse"
)

func (a *app) watchCommand() *cobra.Command {
	var form string
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "print a line whenever what a bar shows has changed",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.json && cmd.Flags().Changed("format") {
				return wrong("leave one of them out", "--json and --format cannot go together")
			}
			write, err := watch.Format(form)
			if err != nil {
				return wrong(usageHint(cmd), "--format: %s", err)
			}
			if a.json {
				write = func(s watch.State) string { return jsonLine(s) }
			}
			return a.watch(write)
		},
	}
	cmd.Flags().StringVar(&form, "format", watch.Text, "text, waybar, polybar, or a text with {app}, {sink}, {state}, {default}")
	offered := cobra.FixedCompletions([]string{
		choice(watch.Text, "plain text"), choice(watch.Waybar, "for a custom module of waybar"), choice(watch.Polybar, "plain text without polybar's tags"),
	}, cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc("format", offered); err != nil {
		panic(err) // a flag of ours is misspelt here
	}
	return cmd
}

const (
	// gathering is how long is waited for more after a change: a move is
	// several, and so is a window that comes to the front.
	gathering = 30 * time.Millisecond
	// The pauses between two attempts to reach what is away.
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// watcher is one call of "patoggle watch".
type watcher struct {
	app   *app
	out   io.Writer
	write func(watch.State) string
	// focus tells of a change of the focus; one may stand for many.
	focus chan struct{}

	desk desktop.Conn // nil when there is none to ask
	last watch.State
	line string // that was printed last
	told bool   // a line was printed
}

// watch prints until its reader goes, or a signal ends it: by then nothing of ours
// is left with the desktop.
func (a *app) watch(write func(watch.State) string) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	// A write that nobody reads is an error, and not the end at once.
	signal.Ignore(syscall.SIGPIPE)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	ended := make(chan syscall.Signal, 1)
	go func() {
		if s, ok := (<-signals).(syscall.Signal); ok {
			ended <- s
			stop()
		}
	}()
	if f, ok := a.stdout.(*os.File); ok {
		go func() {
			waitForHangup(f)
			stop()
		}()
	}
	w := &watcher{app: a, out: a.stdout, write: write, focus: make(chan struct{}, 1)}
	var tasks sync.WaitGroup
	tasks.Go(func() { w.followFocus(ctx) })
	err := w.run(ctx)
	stop()
	tasks.Wait()
	select {
	case s := <-ended:
		// The end that the signal would have been.
		signal.Reset(s)
		_ = syscall.Kill(os.Getpid(), s)
		time.Sleep(time.Second) // until it arrives
	default:
	}
	return err
}

// run prints until the context ends, or nobody reads any more.
func (w *watcher) run(ctx context.Context) error {
	pause := firstPause
	for {
		began := time.Now()
		err := w.listen(ctx)
		var problem *toggle.Problem
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errReaderGone):
			return nil
		case errors.As(err, &problem) && problem.Kind == toggle.Usage:
			return err
		case err != nil:
			if err := w.print(watch.OfError(reason(err))); err != nil {
				return nil
			}
		}
		if time.Since(began) > time.Second {
			pause = firstPause // it had been there
		}
		if !sleep(ctx, pause) {
			return nil
		}
		pause = min(2*pause, lastPause)
	}
}

var errReaderGone = errors.New("nobody reads any more")

// waitForHangup returns when nobody can read what is written to the file: poll(2)
// tells that without being asked for any event.
func waitForHangup(f *os.File) {
	raw, err := f.SyscallConn()
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) {
		for {
			fds := []unix.PollFd{{Fd: int32(fd)}}
			_, err := unix.Poll(fds, -1)
			if err == nil || !errors.Is(err, unix.EINTR) {
				return
			}
		}
	})
}

// sleep waits, and is false when the context ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// followFocus passes changes of the focus on, and begins anew when the desktop
// has gone.
func (w *watcher) followFocus(ctx context.Context) {
	changed := func() {
		select {
		case w.focus <- struct{}{}:
		default:
		}
	}
	pause := firstPause
	said := false
	for {
		began := time.Now()
		err := desktop.Follow(ctx, desktop.Options{Display: w.app.display, Getenv: w.app.getenv}, changed)
		var unfollowed *desktop.UnfollowedError
		switch {
		case ctx.Err() != nil:
			return
		case errors.As(err, &unfollowed):
			if !said {
				say(w.app.stderr, "warning", unfollowed.Error()+": the application in front is looked for when the sound changes")
			}
			said = true
			if !unfollowed.Await(ctx) {
				return
			}
		case errors.Is(err, desktop.ErrNoDisplay):
			return
		}
		changed() // to what is in front without it
		if time.Since(began) > time.Second {
			pause = firstPause
		}
		if !sleep(ctx, pause) {
			return
		}
		pause = min(2*pause, lastPause)
	}
}

// listen prints from the moment the sound server is there until it goes.
func (w *watcher) listen(ctx context.Context) error {
	cfg, err := w.app.lookConfig()
	if err != nil {
		return &toggle.Problem{Kind: toggle.Usage, Message: reason(err), Err: err}
	}
	dial, cancel := context.WithTimeout(ctx, w.app.timeout)
	defer cancel()
	conn, err := pulse.Dial(dial, pulse.Options{Server: w.app.server, Getenv: w.app.getenv, Properties: toggle.Properties()})
	if err != nil {
		return toggle.SoundError(err)
	}
	defer conn.Close()
	events, err := conn.Subscribe(dial, pulse.FacilitySink|pulse.FacilityStream|pulse.FacilityServer)
	if err != nil {
		return toggle.SoundError(err)
	}
	defer w.closeDesk()
	p := w.app.pipeline(cfg)
	p.Sound = func(context.Context) (toggle.Sound, error) { return conn, nil }
	p.Display = w.openDesk
	for {
		if err := w.look(ctx, p); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-w.focus:
		case _, ok := <-events:
			if !ok {
				return toggle.SoundError(conn.Err())
			}
		}
		if !sleep(ctx, gathering) {
			return nil
		}
		drain(events, w.focus)
	}
}

// drain forgets what has come in the meantime: the next look sees it.
func drain(events <-chan pulse.Event, focus <-chan struct{}) {
	for {
		select {
		case _, ok := <-events:
			if !ok {
				return
			}
		case <-focus:
		default:
			return
		}
	}
}

// look prints a line when it would be another one.
func (w *watcher) look(ctx context.Context, p *toggle.Pipeline) error {
	ctx, cancel := context.WithTimeout(ctx, w.app.timeout)
	defer cancel()
	v, err := w.app.look(ctx, p, "", 0)
	if err != nil {
		return err
	}
	return w.print(watch.Of(v, w.last))
}

// print writes a State, unless a bar would show the same.
func (w *watcher) print(s watch.State) error {
	same := w.told && s.Same(w.last)
	w.last = s
	if same {
		return nil
	}
	line := w.write(s)
	if w.told && line == w.line {
		return nil
	}
	w.told, w.line = true, line
	if _, err := fmt.Fprintln(w.out, line); err != nil {
		return errReaderGone
	}
	return nil
}

// openDesk hands out one connection as long as it lasts.
func (w *watcher) openDesk(ctx context.Context) (toggle.Display, error) {
	if w.desk != nil {
		select {
		case <-w.desk.Done():
			w.closeDesk()
		default:
			return w.desk, nil
		}
	}
	d, err := desktop.Open(ctx, desktop.Options{Display: w.app.display, Getenv: w.app.getenv})
	if err != nil {
		return nil, err
	}
	w.desk = d
	return d, nil
}

func (w *watcher) closeDesk() {
	if w.desk != nil {
		w.desk.Close()
		w.desk = nil
	}
}

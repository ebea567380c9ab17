package main

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/lab/long"
	"github.com/patoggle/patoggle/internal/lab/puppet"
)

// later is how long after the exit of patoggle its word is checked: pactl's
// moves on pipewire-pulse that are lost are lost by then.
const later = 150 * time.Millisecond

// moveManyTimes calls patoggle times times in a row, each with a stream of
// its own turn, and checks each move later, seen by another client, while the
// next ones go on.
func (d *desk) moveManyTimes(times int) {
	d.t.Helper()
	var media []puppet.Stream
	for i := range 24 {
		media = append(media, puppet.Stream{Media: fmt.Appendf(nil, "stream %d", i), Sink: "a"})
	}
	p := d.Puppet(lab.Act{Streams: media})
	var mu sync.Mutex
	wrong := 0
	var checks sync.WaitGroup
	pending := make([]chan struct{}, len(p.Streams))
	at := make([]int, len(p.Streams))
	names := []string{"a", "b", "c"}
	for i := range times {
		turn := i % len(p.Streams)
		if pending[turn] != nil {
			<-pending[turn]
		}
		at[turn] = (at[turn] + 1) % len(names)
		want, stream := names[at[turn]], p.Streams[turn]
		r := d.run("--stream", itoa(stream), "--to", want)
		if r.Code != 0 {
			d.t.Errorf("move %d: exit code %d: %s", i, r.Code, r.Stderr)
		}
		checked := make(chan struct{})
		pending[turn] = checked
		checks.Go(func() {
			defer close(checked)
			time.Sleep(later)
			mu.Lock() // the observer is one connection
			defer mu.Unlock()
			if on := d.where()[stream]; on != want {
				wrong++
			}
		})
	}
	checks.Wait()
	if wrong != 0 {
		d.t.Errorf("%d of %d moves were not true %v later, though patoggle exited with 0", wrong, times, later)
	}
}

func TestAMoveIsTrueWhenPatoggleHasExited(t *testing.T) {
	onBoth(t, func(t *testing.T, d *desk) { d.moveManyTimes(long.Count(30, 300)) })
}

func TestAMoveWhileTheServerIsStalledIsTrueOrSaidToHaveFailed(t *testing.T) {
	onBoth(t, func(t *testing.T, d *desk) {
		s := d.Player("one").WaitStream()
		stop, goOn := d.sound.Stop, d.sound.Continue
		if d.sound.PipeWire {
			daemon := d.sound.Daemon("pipewire")
			stop, goOn = daemon.Stop, daemon.Continue
		}
		names := []string{"a", "b", "c"}
		for i := range 8 {
			want := names[(i+1)%3]
			// The stall begins before, at and after the move.
			delay := time.Duration(i) * 3 * time.Millisecond
			stalled := make(chan struct{})
			go func() {
				defer close(stalled)
				time.Sleep(delay)
				stop()
				time.Sleep(300 * time.Millisecond)
				goOn()
			}()
			r := d.run("--stream", itoa(s), "--to", want)
			<-stalled
			if r.Code == 1 && r.Stderr != "" {
				t.Logf("round %d failed, and said so: %s", i, r.Stderr)
				continue
			}
			if r.Code != 0 {
				t.Errorf("round %d: exit code %d: %s", i, r.Code, r.Stderr)
			}
			time.Sleep(later)
			if on := d.where()[s]; on != want {
				t.Errorf("round %d: exit code 0, but the stream is on %q, not %q", i, on, want)
			}
		}
	})
}

func TestVerify(t *testing.T) {
	onBoth(t, func(t *testing.T, d *desk) {
		s := d.front(d.Player("one"))
		d.moves("b", "pid", []int{s}, "--verify")

		// Someone else pulls the stream back, once and then always.
		pull := func(times int) (stop func()) {
			over, done := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(done)
				for times != 0 {
					select {
					case <-over:
						return
					case <-time.After(20 * time.Millisecond):
					}
					if d.where()[s] == "c" {
						// Not before the move was confirmed: then it would
						// rightly count as one that never happened.
						time.Sleep(300 * time.Millisecond)
						d.sound.Move(s, "b")
						times--
					}
				}
			}()
			return func() { close(over); <-done }
		}
		stop := pull(1)
		d.expect(0, "mpv → TV", "--verify", "--to", "c")
		stop()
		if on := d.where()[s]; on != "c" {
			t.Errorf("the stream is on %q", on)
		}
		d.expect(0, "", "--to", "b")
		stop = pull(-1)
		d.expect(1, "was pulled back", "--verify", "--to", "c")
		stop()
	})
}

package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/patoggle/patoggle/pulse"
)

// wire is a connection that ends when it is told to.
type wire struct {
	sound // everything that is not asked here
	once  sync.Once
	done  chan struct{}
}

func newWire() *wire { return &wire{done: make(chan struct{})} }

func (w *wire) hangUp()               { w.once.Do(func() { close(w.done) }) }
func (w *wire) Done() <-chan struct{} { return w.done }
func (w *wire) Err() error            { return pulse.ErrClosed }
func (w *wire) Close() error          { w.hangUp(); return nil }
func (w *wire) Warm(context.Context)  {}

// world is a sound server that can be away, and what a link says of it.
type world struct {
	mu    sync.Mutex
	up    bool
	wires []*wire
	dials []time.Duration // since the start
	said  []string
	start time.Time
}

func (w *world) dial(context.Context) (sound, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dials = append(w.dials, time.Since(w.start))
	if !w.up {
		return nil, errors.New("nothing listens there")
	}
	c := newWire()
	w.wires = append(w.wires, c)
	return c, nil
}

func (w *world) changed(why error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = append(w.said, fmt.Sprint(why))
}

func (w *world) set(up bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.up = up
}

// keptLink runs f beside a link that is kept.
func keptLink(t *testing.T, up bool, f func(t *testing.T, w *world, l *link)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{up: up, start: time.Now()}
		l := newLink(w.dial, w.changed)
		ctx, cancel := context.WithCancel(t.Context())
		var keeper sync.WaitGroup
		keeper.Go(func() { l.keep(ctx) })
		synctest.Wait()
		f(t, w, l)
		cancel()
		keeper.Wait()
		for _, c := range w.wires {
			select {
			case <-c.done:
			default:
				t.Error("a connection is still open")
			}
		}
	})
}

func TestTheSoundServerIsAskedLessAndLessOften(t *testing.T) {
	keptLink(t, false, func(t *testing.T, w *world, l *link) {
		time.Sleep(20 * time.Second)
		synctest.Wait()
		ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
		want := []time.Duration{0, ms(100), ms(300), ms(700), ms(1500), ms(3100), ms(6300), ms(11300), ms(16300)}
		if !slices.Equal(w.dials, want) {
			t.Errorf("asked after %v, want %v", w.dials, want)
		}
		if want := []string{"nothing listens there"}; !slices.Equal(w.said, want) {
			t.Errorf("said %q, want %q", w.said, want)
		}
	})
}

func TestAPressAsksAtOnceAndTheKeeperKeepsWhatItGot(t *testing.T) {
	keptLink(t, false, func(t *testing.T, w *world, l *link) {
		time.Sleep(11500 * time.Millisecond) // in the middle of a long pause
		w.set(true)
		c, err := l.get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		dials := len(w.dials)
		time.Sleep(time.Minute)
		again, err := l.get(t.Context())
		if err != nil || again != c {
			t.Errorf("another connection, %v", err)
		}
		if len(w.dials) != dials {
			t.Errorf("%d dials more", len(w.dials)-dials)
		}

		// And when it ends, that is noticed and made good.
		w.wires[0].hangUp()
		synctest.Wait()
		time.Sleep(time.Second)
		if len(w.wires) != 2 {
			t.Errorf("%d connections", len(w.wires))
		}
		want := []string{"nothing listens there", "<nil>", pulse.ErrClosed.Error(), "<nil>"}
		if !slices.Equal(w.said, want) {
			t.Errorf("said %q, want %q", w.said, want)
		}
	})
}

func TestAServerThatHangsUpAtOnceIsNotAskedAllTheTime(t *testing.T) {
	keptLink(t, true, func(t *testing.T, w *world, l *link) {
		for range 600 {
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
			w.mu.Lock()
			for _, c := range w.wires {
				c.hangUp()
			}
			w.mu.Unlock()
		}
		synctest.Wait()
		if n := len(w.dials); n > 20 {
			t.Errorf("asked %d times in a minute", n)
		}
	})
}

func TestAPressDoesNotWaitForALockLongerThanItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		block := make(chan struct{})
		l := newLink(func(ctx context.Context) (sound, error) {
			<-block
			return nil, errors.New("late")
		}, func(error) {})
		var first sync.WaitGroup
		first.Go(func() { _, _ = l.get(t.Context()) })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.get(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		close(block)
		first.Wait()
	})
}

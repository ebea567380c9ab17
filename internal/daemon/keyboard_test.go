package daemon

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/keys"
	"github.com/patoggle/patoggle/internal/x11keys"
	"github.com/patoggle/patoggle/x11"
)

// layouts are keyboards of a real server, by the names setxkbmap knows.
func layouts(t *testing.T, names ...string) map[string]*x11.Keyboard {
	t.Helper()
	r := newRig(t, "")
	all := map[string]*x11.Keyboard{}
	for _, name := range names {
		if res := r.Run(nil, "setxkbmap", name); res.Code != 0 {
			t.Fatalf("setxkbmap: %s", res.Stderr)
		}
		x, err := x11.Open(t.Context(), x11.Options{Getenv: r.Getenv})
		if err != nil {
			t.Fatal(err)
		}
		all[name], err = x.Keyboard(t.Context())
		x.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// desk is a keyboard whose layout is that of the next look, and what is
// grabbed on it.
type desk struct {
	mu      sync.Mutex
	looks   []*x11.Keyboard // the last one stays
	changes chan struct{}
	held    map[string]func(up bool, at time.Time) // by chord
	grabs   int
	refuse  error
	wrong   byte // the keycode that is grabbed, 0 for the right one
}

func (d *desk) Keyboard(context.Context) (*x11.Keyboard, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.looks[0]
	if len(d.looks) > 1 {
		d.looks = d.looks[1:]
	}
	return k, nil
}

func (d *desk) Held(context.Context) (x11.Held, error) { return x11.Held{}, nil }
func (d *desk) MappingChanges() <-chan struct{}        { return d.changes }

func (d *desk) grab(_ context.Context, c keys.Chord, _ uint16, _ bool, event func(bool, time.Time)) (byte, func(), error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refuse != nil {
		return 0, nil, d.refuse
	}
	d.grabs++
	d.held[c.String()] = event
	code := d.wrong
	if codes := d.looks[0].Keycodes(c.Keysym); code == 0 && len(codes) > 0 {
		code = codes[0]
	}
	return code, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.held, c.String())
	}, nil
}

// state is how often keys were grabbed, and how many are.
func (d *desk) state() (grabs, held int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.grabs, len(d.held)
}

// key is the key of the library.
func (d *desk) key(chord string, up bool) {
	d.mu.Lock()
	event := d.held[chord]
	d.mu.Unlock()
	event(up, time.Now())
}

func hotkey(t *testing.T, chord string) config.Hotkey {
	t.Helper()
	c, err := keys.Parse(chord)
	if err != nil {
		t.Fatal(err)
	}
	return config.Hotkey{Chord: c}
}

// atDesk runs f beside a board; bind gives it hotkeys.
func atDesk(t *testing.T, d *desk, f func(t *testing.T, bind func(chords ...string) tally)) (said string, fired int) {
	var log strings.Builder
	synctest.Test(t, func(t *testing.T) {
		d.changes = make(chan struct{}, 1)
		d.held = map[string]func(bool, time.Time){}
		b := newBoard(d, d.grab, &speaker{w: &log}, func(config.Hotkey) bool { fired++; return true }, func(tally) {})
		ctx, cancel := context.WithCancel(t.Context())
		var runner sync.WaitGroup
		runner.Go(func() {
			if err := b.run(ctx); err != nil {
				t.Error(err)
			}
		})
		f(t, func(chords ...string) tally {
			var list []config.Hotkey
			for _, c := range chords {
				list = append(list, hotkey(t, c))
			}
			answer := make(chan tally, 1)
			b.orders <- order{list, answer}
			return <-answer
		})
		cancel()
		runner.Wait()
		if len(d.held) != 0 {
			t.Errorf("still grabbed: %v", d.held)
		}
	})
	return log.String(), fired
}

func TestALayoutThatChangesWhileAKeyIsGrabbedLeavesNothingGrabbed(t *testing.T) {
	t.Parallel()
	l := layouts(t, "us", "ru")
	d := &desk{looks: []*x11.Keyboard{l["us"], l["ru"]}}
	said, _ := atDesk(t, d, func(t *testing.T, bind func(...string) tally) {
		if got := bind("Ctrl+Alt+Z"); got != (tally{0, 1}) {
			t.Errorf("in force: %v", got)
		}
		if grabs, held := d.state(); grabs != 1 || held != 0 {
			t.Errorf("%d grabs, %d held", grabs, held)
		}
		d.changes <- struct{}{}
		time.Sleep(layoutQuiet + time.Millisecond)
		synctest.Wait()
		// Another change says nothing new.
		d.changes <- struct{}{}
		time.Sleep(layoutQuiet + time.Millisecond)
		synctest.Wait()
	})
	if want := "patoggled: error: this keyboard has no key \"Z\", so \"Ctrl+Alt+Z\" does nothing\n" +
		"patoggled: hint: \"xev\" shows the names of the keys this keyboard has\n"; said != want {
		t.Errorf("it said %q, not %q", said, want)
	}
}

func TestKeysThatStayAreNotTouchedByAChangeOfTheLayout(t *testing.T) {
	t.Parallel()
	l := layouts(t, "us", "de")
	d := &desk{looks: []*x11.Keyboard{l["us"]}}
	said, _ := atDesk(t, d, func(t *testing.T, bind func(...string) tally) {
		bind("Super+F9", "Ctrl+Alt+Z")
		d.mu.Lock()
		d.looks = []*x11.Keyboard{l["de"]}
		d.mu.Unlock()
		for range 5 { // setxkbmap says it several times
			d.changes <- struct{}{}
			time.Sleep(layoutQuiet / 2)
		}
		synctest.Wait()
		if grabs, _ := d.state(); grabs != 2 {
			t.Errorf("%d grabs before it was quiet", grabs)
		}
		time.Sleep(layoutQuiet)
		synctest.Wait()
		if grabs, held := d.state(); grabs != 3 || held != 2 {
			t.Errorf("%d grabs, %d held", grabs, held)
		}
		// The same hotkeys once more: nothing to do.
		got := bind("Ctrl+Alt+Z", "Super+F9")
		if grabs, _ := d.state(); got != (tally{2, 2}) || grabs != 3 {
			t.Errorf("in force %v, %d grabs", got, grabs)
		}
	})
	if said != "" {
		t.Errorf("it said %q", said)
	}
}

func TestAFreshlyBoundKeyIsNotBelievedAlone(t *testing.T) {
	t.Parallel()
	d := &desk{looks: []*x11.Keyboard{layouts(t, "us")["us"]}}
	_, fired := atDesk(t, d, func(t *testing.T, bind func(...string) tally) {
		bind("Super+F9")
		// What the library hears of other keys in its first moments: the X
		// server says that the hotkey is not down.
		d.key("Super+F9", false)
		time.Sleep(fresh + time.Millisecond)
		synctest.Wait()
		// Later nothing but the hotkey itself can come.
		d.key("Super+F9", false)
		time.Sleep(time.Second)
		synctest.Wait()
	})
	if fired != 1 {
		t.Errorf("it fired %d times", fired)
	}
}

func TestAKeyThatCannotBeBoundIsSaidAgainWhenAsked(t *testing.T) {
	t.Parallel()
	d := &desk{looks: []*x11.Keyboard{layouts(t, "us")["us"]}, refuse: x11keys.ErrRefused}
	said, _ := atDesk(t, d, func(t *testing.T, bind func(...string) tally) {
		bind("Super+F9")
		d.changes <- struct{}{}
		time.Sleep(layoutQuiet + time.Millisecond)
		bind("Super+F9")
	})
	if want := strings.Repeat("patoggled: error: cannot bind \"Super+F9\": the X server does not give it\n", 2); said != want {
		t.Errorf("it said %q, not %q", said, want)
	}
}

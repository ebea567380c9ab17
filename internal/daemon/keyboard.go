package daemon

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/keys"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/internal/x11keys"
	"github.com/patoggle/patoggle/x11"
)

const (
	// layoutQuiet is how long the keyboard's mapping has to stay as it is
	// before the keys are looked up again: setxkbmap and a plugged keyboard
	// change it several times.
	layoutQuiet = 500 * time.Millisecond
	// takenFor is how long a key that another program holds is tried again:
	// when we take over from somebody, the X server may not have cleaned up
	// after them yet. takenPause is between two attempts.
	takenFor   = 500 * time.Millisecond
	takenPause = 50 * time.Millisecond
	// The pauses before a key that is taken is tried again, and before
	// patoggle-x11keys is started again. Nothing waits where nothing is wrong.
	firstAgain = 2 * time.Second
	lastAgain  = time.Minute
	firstStart = 100 * time.Millisecond
	// steadily is how long it has to run for the next pause to be the first.
	steadily = 10 * time.Second
	// fresh is how long after grabbing a key a Keydown is not believed alone:
	// until the hotkey library is told otherwise, it hears keys typed over the
	// root window too, and some may be on their way.
	fresh = 250 * time.Millisecond
)

// ErrTaken is what Grab returns when another program holds the keys.
var ErrTaken = errors.New("another program holds the keys")

// Grab grabs a chord on the keyboard, as Options.Grab is told, and returns its
// keycode. Locks are modifier bits beside Lock (2) and Mod2 (16) with which it
// has to fire too; noMod2 is true when Mod2 is no lock on this keyboard, so
// that it must not fire with it.
//
// Event is called for each Keydown (false) and Keyup (true) with its time, from
// any goroutine, and never blocks. The keyboard is not to stay grabbed while
// the key is held. Release gives the chord back, and returns when Event is not
// called any more.
type Grab func(ctx context.Context, c keys.Chord, locks uint16, noMod2 bool, event func(up bool, at time.Time)) (code byte, release func(), err error)

// Modifier bits that hotkey v0.6.1 fires with or without, whatever they mean
// on this keyboard (X11 protocol, KEYMASK).
const (
	maskLock uint16 = 1 << 1
	maskMod2 uint16 = 1 << 4
)

// keyboard is the X connection that keys are looked up on; *x11.Conn has it.
type keyboard interface {
	Keyboard(context.Context) (*x11.Keyboard, error)
	Held(context.Context) (x11.Held, error)
	MappingChanges() <-chan struct{}
}

// board owns the grabbed keys. One goroutine runs it and nobody else registers
// or unregisters.
type board struct {
	x       keyboard
	grab    Grab
	ended   func() <-chan struct{} // closed when all grabs are gone; nil for never
	done    func()                 // called when nothing is grabbed any more
	speak   *speaker
	fire    func(config.Hotkey) bool
	changed func(tally) // what is in force, after the layout changed

	orders chan order
	events chan keyEvent
	wanted []config.Hotkey
	bound  []*binding
	keys   map[byte]*key // of those, by keycode
	locks  uint16        // of the keyboard the keys were grabbed on
	again  again
}

// again is when to try once more what did not work.
type again struct {
	timer *time.Timer
	pause time.Duration
	since time.Time // of the last success of what had ended; zero: none
	told  string    // why nothing could be grabbed at all, "" when it could
	taken bool      // some key was, at the last attempt: it is not waited for
}

// order asks the board to bind these hotkeys and no others.
type order struct {
	hotkeys []config.Hotkey
	done    chan<- tally
}

// tally is how many of the wanted hotkeys are in force.
type tally struct{ bound, wanted int }

// binding is a hotkey on the keyboard.
type binding struct {
	found
	release func()    // nil while it is not grabbed
	since   time.Time // of the grab
	told    string    // the trouble that was said, "" for none
	taken   bool      // by another program, when it was tried last
}

// key is one key, with every hotkey on it: who holds Super+Shift+F9 and lets
// Shift go first has not pressed Super+F9.
type key struct {
	presser
	sample time.Time // when to look at the key next; zero: not
}

type keyEvent struct {
	b  *binding
	up bool
	at time.Time
}

func newBoard(x keyboard, grab Grab, speak *speaker, fire func(config.Hotkey) bool, changed func(tally)) *board {
	return &board{
		x: x, grab: grab, speak: speak, fire: fire, changed: changed,
		ended:  func() <-chan struct{} { return nil },
		done:   func() {},
		orders: make(chan order),
		events: make(chan keyEvent, 64),
		keys:   map[byte]*key{},
	}
}

// run serves orders, keys and changes of the layout until the context ends or
// the display fails, and gives all keys back.
func (b *board) run(ctx context.Context) error {
	defer b.done()
	defer b.releaseAll()
	var layout <-chan time.Time
	quiet := time.NewTimer(0)
	<-quiet.C
	defer quiet.Stop()
	next := time.NewTimer(0)
	<-next.C
	defer next.Stop()
	b.again.timer = time.NewTimer(0)
	<-b.again.timer.C
	defer b.again.timer.Stop()
	for {
		b.arm(next)
		select {
		case <-ctx.Done():
			return nil
		case o := <-b.orders:
			b.wanted = o.hotkeys
			b.again.pause, b.again.taken = 0, false
			if err := b.bind(ctx, true); err != nil {
				return err
			}
			o.done <- b.count()
		case <-b.x.MappingChanges():
			quiet.Reset(layoutQuiet)
			layout = quiet.C
		case <-layout:
			layout = nil
			if err := b.bind(ctx, false); err != nil {
				return err
			}
			b.changed(b.count())
		case <-b.ended():
			b.lose()
			b.changed(b.count())
		case <-b.again.timer.C:
			if err := b.bind(ctx, false); err != nil {
				return err
			}
			b.changed(b.count())
		case e := <-b.events:
			if err := b.take(ctx, e); err != nil {
				return err
			}
		case <-next.C:
			if err := b.look(ctx); err != nil {
				return err
			}
		}
	}
}

func (b *board) releaseAll() {
	for _, k := range b.bound {
		if k.release != nil {
			k.release()
		}
	}
	b.bound = nil
}

// lose takes note that all grabs are gone, since what made them has ended. When
// the display has gone too, that is the end, and said elsewhere.
func (b *board) lose() {
	b.done()
	b.again.taken = false
	for _, k := range b.bound {
		k.release = nil
	}
	if time.Since(b.again.since) > steadily {
		b.again.pause = 0
	}
	b.retry(firstStart)
}

// retry sets the timer for another attempt.
func (b *board) retry(first time.Duration) {
	b.again.pause = min(max(2*b.again.pause, first), lastAgain)
	b.again.timer.Reset(b.again.pause)
}

func (b *board) count() tally {
	t := tally{wanted: len(b.wanted)}
	for _, k := range b.bound {
		if k.release != nil {
			t.bound++
		}
	}
	return t
}

// bind makes the keyboard agree with what is wanted: keys that stay where they
// were are not touched. What is wrong with a hotkey is said when it is news,
// or when asked.
func (b *board) bind(ctx context.Context, all bool) error {
	layout, err := b.x.Keyboard(ctx)
	if err != nil {
		return err
	}
	next := make([]*binding, 0, len(b.wanted))
	for _, found := range lookUp(layout, b.wanted) {
		k := &binding{found: found}
		for _, old := range b.bound {
			if old.Chord != k.Chord {
				continue
			}
			if old.release != nil && old.code == k.code && old.mods == k.mods && k.trouble == "" && b.locks == layout.Locks() {
				old.found = found
				k = old
			} else if old.release == nil && !all {
				k.told, k.taken = old.trouble, old.taken
			}
			break
		}
		next = append(next, k)
	}
	b.locks = layout.Locks()
	for _, old := range b.bound {
		kept := false
		for _, k := range next {
			kept = kept || k == old
		}
		if !kept && old.release != nil {
			old.release()
			old.release = nil
		}
	}
	b.bound = next
	before := b.keys
	b.keys = make(map[byte]*key, len(next))
	for _, k := range next {
		switch {
		case b.keys[k.code] != nil:
		case before[k.code] != nil:
			b.keys[k.code] = before[k.code]
		default:
			b.keys[k.code] = &key{}
		}
	}
	b.again.timer.Stop()
	patience := time.Now()
	if !b.again.taken {
		patience = patience.Add(takenFor)
	}
	taken := false
	for _, k := range next {
		err := b.hold(ctx, k, patience)
		if err != nil {
			return b.failed(ctx, err)
		}
		taken = taken || k.taken
	}
	b.again.told, b.again.since = "", time.Now()
	if b.again.taken = taken; taken {
		b.retry(firstAgain)
	}
	return nil
}

// failed takes an error that is about all keys: what holds them cannot be
// started, or has ended.
func (b *board) failed(ctx context.Context, err error) error {
	var start *x11keys.StartError
	switch {
	case ctx.Err() != nil:
		return err
	case errors.Is(err, x11keys.ErrEnded):
		b.lose()
		return nil
	case !errors.As(err, &start):
		return err
	}
	if b.again.told != start.Message {
		b.speak.advise("error", term.Escape(start.Message), term.Escape(start.Hint))
	}
	b.again.told = start.Message
	if !start.Lasting {
		b.retry(firstStart)
	}
	return nil
}

// hold grabs one key that is not grabbed yet. One that is taken is tried again
// until patience is over. An error is about all keys.
func (b *board) hold(ctx context.Context, k *binding, patience time.Time) error {
	was := k.taken
	if k.trouble == "" && k.release == nil {
		k.taken = false
		code, release, err := b.tryGrab(ctx, k)
		for errors.Is(err, ErrTaken) && time.Now().Before(patience) {
			pause := time.NewTimer(takenPause)
			select {
			case <-pause.C:
				code, release, err = b.tryGrab(ctx, k)
			case <-ctx.Done():
				pause.Stop()
				return ctx.Err()
			}
		}
		switch {
		case err == nil && code == k.code:
			k.release, k.since, k.told = release, time.Now(), ""
			if was {
				b.speak.info("%q is free now, and in force", k.Chord)
			}
			return nil
		case err == nil:
			// The library has looked the key up by itself, and found another
			// one, or none, and then it has grabbed the whole keyboard.
			release()
			return b.elsewhere(ctx, k)
		case errors.Is(err, ErrTaken):
			k.taken = true
			k.isTaken()
		case errors.Is(err, x11keys.ErrRefused):
			k.trouble = fmt.Sprintf("cannot bind %q: %v", k.Chord, err)
		default:
			return err
		}
	}
	if k.trouble != "" && k.trouble != k.told {
		b.speak.trouble(k.found)
	}
	k.told = k.trouble
	return nil
}

// elsewhere takes note that the library finds a key where we do not.
func (b *board) elsewhere(ctx context.Context, k *binding) error {
	layout, err := b.x.Keyboard(ctx)
	if err != nil {
		return err
	}
	if codes := layout.Keycodes(k.Chord.Keysym); len(codes) == 0 || codes[0] != k.code {
		// A change of the layout is on its way to us, and what is wrong then
		// is said then.
		k.trouble = "the layout is changing"
		k.told = k.trouble
		return nil
	}
	k.trouble = fmt.Sprintf("%q is on more than one key of this keyboard, so it does nothing", k.Chord)
	b.speak.trouble(k.found)
	k.told = k.trouble
	return nil
}

func (b *board) tryGrab(ctx context.Context, k *binding) (code byte, release func(), err error) {
	chord := k.Chord
	chord.Mods = k.mods
	return b.grab(ctx, chord, b.locks&^(maskLock|maskMod2), b.locks&maskMod2 == 0, func(up bool, at time.Time) {
		select {
		case b.events <- keyEvent{k, up, at}:
		default: // nobody types that fast
		}
	})
}

// found is a wanted hotkey on a keyboard.
type found struct {
	config.Hotkey
	code byte
	// mods are those of the chord, and those that make the key mean what it
	// names: Super+at is Super+AltGr+Q on a German keyboard.
	mods    keys.Mod
	trouble string // why it cannot be bound, "" when it can
	hint    string // a cure, "" where none is known
}

// lookUp looks hotkeys up on a keyboard, in their order.
func lookUp(layout *x11.Keyboard, hotkeys []config.Hotkey) []found {
	list := make([]found, 0, len(hotkeys))
	for _, h := range hotkeys {
		f := found{Hotkey: h}
		codes := layout.Keycodes(h.Chord.Keysym)
		absent := h.Chord.Mods &^ keys.Mod(layout.Modifiers())
		switch {
		case len(codes) == 0:
			f.missing()
		case absent != 0:
			f.trouble = fmt.Sprintf("this keyboard has no modifier %s, so %q does nothing", absent, h.Chord)
		default:
			f.code = codes[0]
			f.level(layout)
		}
		for _, other := range list {
			if f.trouble == "" && other.trouble == "" && other.code == f.code && other.mods == f.mods {
				f.trouble = fmt.Sprintf("on this keyboard %q is the same key as %q, so it does nothing", h.Chord, other.Chord)
			}
		}
		list = append(list, f)
	}
	return list
}

// level looks for the modifiers that the key itself needs.
func (f *found) level(layout *x11.Keyboard) {
	level, ok := layout.Level(f.Chord.Keysym)
	if !ok {
		f.trouble = fmt.Sprintf("this keyboard has %q only behind another level of a key, so %q does nothing", f.Chord.Name, f.Chord)
		f.hint = "name the key by what it types without a modifier"
		return
	}
	f.mods = f.Chord.Mods | keys.Mod(level)
}

// with says which modifiers the key needs beside those of the chord, as in
// " with AltGr"; "" for none.
func (f *found) with() string {
	more := f.mods &^ f.Chord.Mods
	if more == 0 {
		return ""
	}
	named := keys.Shift | keys.Ctrl | keys.Alt | keys.Super
	var names []string
	if more&^named != 0 {
		names = append(names, "AltGr")
	}
	if more&named != 0 {
		names = append(names, (more & named).String())
	}
	return " with " + strings.Join(names, "+")
}

func (f *found) missing() {
	f.trouble = fmt.Sprintf("this keyboard has no key %q, so %q does nothing", f.Chord.Name, f.Chord)
	f.hint = `"xev" shows the names of the keys this keyboard has`
}

func (f *found) isTaken() {
	f.trouble = fmt.Sprintf("%q is taken: another program holds it", f.Chord)
	f.hint = "choose other keys, or free these in that program or in the window manager's settings"
}

// trouble says why a hotkey is not in force.
func (s *speaker) trouble(f found) {
	s.advise("error", f.trouble, f.hint)
}

// take takes one Keydown or Keyup.
func (b *board) take(ctx context.Context, e keyEvent) error {
	k := b.keys[e.b.code]
	switch {
	case e.b.release == nil || k == nil:
		return nil // a late one, of a hotkey that was given back
	case e.up:
		k.keyup(e.at)
		return nil
	}
	if k.held {
		return nil
	}
	h, err := b.x.Held(ctx)
	if err != nil {
		return err
	}
	exact := h.Chord(uint16(e.b.mods), b.locks, e.b.code)
	if e.at.Sub(e.b.since) < fresh && !exact {
		return nil
	}
	if k.keydown(e.at, h.Key(e.b.code), exact) {
		b.fire(e.b.Hotkey)
	}
	if k.held {
		k.sample = time.Now().Add(sampleEvery)
	}
	return nil
}

// look asks the X server about the keys that are held.
func (b *board) look(ctx context.Context) error {
	h, err := b.x.Held(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	for code, k := range b.keys {
		k.seen(now, h.Key(code))
		k.sample = time.Time{}
		if d, held := k.sampleIn(now); held {
			k.sample = now.Add(d)
		}
	}
	return nil
}

// arm sets the timer for when to look next, and leaves it alone when no key is
// held: at rest no timer runs.
func (b *board) arm(t *time.Timer) {
	var due time.Time
	for _, k := range b.keys {
		if !k.sample.IsZero() && (due.IsZero() || k.sample.Before(due)) {
			due = k.sample
		}
	}
	if due.IsZero() {
		t.Stop()
		return
	}
	t.Reset(time.Until(due))
}

package daemon

import "time"

// What the X server reports of a hotkey, measured on X.Org 21.1 with hotkey
// v0.6.1 after the keyboard grab of each press was given up at once (see
// cmd/patoggle-x11keys):
//
//   - a press arrives as one Keydown, and its release goes to the focused
//     window, since the grab is over by then;
//   - an auto-repeat arrives as a Keyup and then a Keydown: the X server writes
//     both at once, in this order, to a client that did not ask for less
//     (TryClientEvents in dix/events.c), and patoggle-x11keys keeps it;
//   - another key, typed in the moment before the grab is given up, arrives as
//     a Keydown too, and one that is let go then as a Keyup: the modifier of a
//     quick press, where the machine is busy.
//
// So from a press on, nothing counts until the X server says that the key is
// up, and that is asked every sampleEvery: no finger lifts and presses again
// faster. Where the daemon gets no processor for longer than that, a press is
// missed rather than a foreign one taken.
const (
	// sampleEvery is how often a key that was pressed is looked at until it
	// is up; sampleSlowly when it is held on, after sampleQuick.
	sampleEvery  = 5 * time.Millisecond
	sampleSlowly = 20 * time.Millisecond
	sampleQuick  = time.Second
	// beside is how far apart the two halves of a repeat may be read: it is a
	// moment, and more where the program gets no processor in between. No finger
	// lifts and presses again faster.
	beside = 100 * time.Millisecond
	// bounce is too soon for another tap after the key was seen up, and soonest
	// for a repeat of another press: no keyboard repeats earlier.
	bounce  = 25 * time.Millisecond
	soonest = 150 * time.Millisecond
)

// presser tells the presses of one key from all else, whatever modifiers are
// held with it. The zero value is a key that is up. It knows no clock: the time
// is given to each method.
type presser struct {
	held     bool      // it is down and was not yet seen up
	since    time.Time // when it went down
	released time.Time // when it was seen up
	up       time.Time // of the last Keyup that may be half of a repeat
}

// keydown takes a Keydown and tells whether it is a press. isDown is whether
// the X server says, after it, that the key is down, and exact whether exactly
// the hotkey's modifiers are down with it.
func (p *presser) keydown(at time.Time, isDown, exact bool) (press bool) {
	switch {
	case p.held:
		return false
	case isDown && exact && at.Sub(p.up) < beside:
		// A repeat of a press that was not ours: with more modifiers, say,
		// of which one was let go. With fewer modifiers nothing repeats: then
		// the Keyup was that of a modifier, and this is a press.
		p.held, p.since = true, at
		return false
	case !isDown && at.Sub(p.released) < bounce:
		// A key that was typed while this one was held, and is told late.
		return false
	}
	p.held, p.since = true, at
	return true
}

// keyup takes a Keyup. While a press is held, and just after, it is its release,
// or that of its modifier, and half of no repeat.
func (p *presser) keyup(at time.Time) {
	if !p.held && at.Sub(p.released) >= soonest {
		p.up = at
	}
}

// seen takes what the X server says of the key.
func (p *presser) seen(now time.Time, isDown bool) {
	if p.held && !isDown {
		p.held, p.released, p.up = false, now, time.Time{}
	}
}

// sampleIn tells when to look at the key next; false while it is up.
func (p *presser) sampleIn(now time.Time) (time.Duration, bool) {
	switch {
	case !p.held:
		return 0, false
	case now.Sub(p.since) < sampleQuick:
		return sampleEvery, true
	}
	return sampleSlowly, true
}

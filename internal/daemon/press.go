package daemon

import "time"

// What the X server reports of a key that is held, measured on X.Org 21.1 with
// hotkey v0.6.1 after the keyboard grab of each press was given up at once (see
// cmd/patoggled):
//
//   - a press arrives as one Keydown, and its release goes to the focused
//     window, since the grab is over by then;
//   - an auto-repeat arrives as a Keydown and a Keyup in the same moment, in
//     either order, since X sends release and press together.
//
// So a Keydown with a Keyup beside it is a repeat. It has to be told from a
// press only while the key is down, and that is looked at every sampleEvery.
const (
	// beside is how far apart the two halves of a repeat may be read. They
	// pass through four goroutines.
	beside = 5 * time.Millisecond
	// bounce is too soon after a Keydown for another press: what arrives
	// then is another key, typed in the moment before the grab was given up.
	bounce = 25 * time.Millisecond
	// sampleEvery is how often a key that was pressed is looked at until it
	// is up; sampleSlowly when it is held on, after sampleQuick.
	sampleEvery  = 5 * time.Millisecond
	sampleSlowly = 20 * time.Millisecond
	sampleQuick  = time.Second
)

// presser tells the presses of one key from its repeats. The zero value is a
// key that is up. It knows no clock: the time is given to each method.
type presser struct {
	held    bool      // it was pressed and not yet seen up
	since   time.Time // of the press
	down    time.Time // of the last Keydown
	up      time.Time // of the last Keyup
	pending bool      // the Keydown at down is a repeat if a Keyup follows
}

// keydown takes a Keydown and tells whether it is a press. When undecided is
// true, that is for decide to say, after beside.
func (p *presser) keydown(now time.Time) (press, undecided bool) {
	last := p.down
	p.down = now
	switch {
	case !p.held:
		p.press(now)
		return true, false
	case now.Sub(last) < bounce, p.pending:
		return false, false
	case now.Sub(p.up) < beside:
		return false, false
	}
	p.pending = true
	return false, true
}

// keyup takes a Keyup.
func (p *presser) keyup(now time.Time) {
	p.up = now
	p.pending = false
}

// decide tells whether the undecided Keydown was a press: no Keyup came beside
// it, so the key had been up in between without having been seen up.
func (p *presser) decide(now time.Time) bool {
	if !p.pending {
		return false
	}
	p.press(now)
	return true
}

func (p *presser) press(now time.Time) {
	p.held, p.since, p.pending = true, now, false
}

// seen takes what the X server says of the key.
func (p *presser) seen(isDown bool) {
	if !isDown && !p.pending {
		p.held = false
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

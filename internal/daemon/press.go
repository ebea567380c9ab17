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
// So a Keydown with a Keyup beside it is a repeat, unless the key is up again: a
// tap so short that its release was grabbed too. While a key is held, it is
// looked at every sampleEvery.
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

// presser tells the presses of one key from its repeats, whatever modifiers are
// held with it. The zero value is a key that is up. It knows no clock: the time
// is given to each method.
type presser struct {
	held    bool      // it was pressed and not yet seen up
	since   time.Time // of the press
	down    time.Time // of the last Keydown
	up      time.Time // of the last Keyup
	pending bool      // the Keydown at down is a repeat if a Keyup follows
}

// keydown takes a Keydown and tells whether it is a press. isDown is whether
// the X server says that the key is down; it does not matter while the key is
// held. When undecided is true, that is for decide to say, after beside.
func (p *presser) keydown(at time.Time, isDown bool) (press, undecided bool) {
	last := p.down
	p.down = at
	switch {
	case !p.held && isDown && p.isBeside(at):
		// A repeat of a press that was not ours: with more modifiers, say,
		// of which one was let go.
		p.held, p.since = true, at
		return false, false
	case !p.held:
		p.press(at)
		return true, false
	case at.Sub(last) < bounce, p.pending:
		return false, false
	case p.isBeside(at):
		return false, false
	}
	p.pending = true
	return false, true
}

// isBeside tells whether there was a Keyup in the same moment.
func (p *presser) isBeside(at time.Time) bool { return at.Sub(p.up).Abs() < beside }

// keyup takes a Keyup.
func (p *presser) keyup(at time.Time) {
	p.up = at
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

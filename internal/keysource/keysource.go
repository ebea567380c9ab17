// Package keysource has hotkeys from the desktop itself, where programs may not
// grab keys: on Wayland. Each kind of desktop is one hand in a file of its own,
// and one line in the table of find.go. Keys on X11 are in package daemon.
package keysource

import (
	"context"
	"errors"
	"time"

	"github.com/patoggle/patoggle/config"
)

// Host is whom a source works for.
type Host struct {
	// Say says something to the user, in the daemon's voice: "error",
	// "warning", "hint" or "info".
	Say func(kind, text string)
	// Fire takes a press. It does not block.
	Fire func(config.Hotkey)
	// Changed takes how many of the hotkeys are in force, after that changed
	// by itself.
	Changed func(Tally)
}

// Tally is how many of the wanted hotkeys are in force.
type Tally struct{ Bound, Wanted int }

// Result is what became of one hotkey.
type Result struct {
	config.Hotkey
	// Bound is true when a press is heard.
	Bound bool
	// Trouble is why it is not, "" while that is still being asked.
	Trouble string
	Hint    string // a cure, "" where none is known
	// Note is what is good to know of one that is bound.
	Note string
}

// Unusable is why a source gives no keys at all. Its text is a sentence for
// the user.
type Unusable struct {
	Message string
	Hint    string // a cure, "" where none is known
}

func (e *Unusable) Error() string { return e.Message }

// hand binds keys at one kind of desktop. Its methods are called by one
// goroutine.
type hand interface {
	// bind makes these hotkeys be in force and no others; it may be called
	// again with the same ones. An error is about all of them.
	bind(ctx context.Context, hotkeys []config.Hotkey) ([]Result, error)
	// check says what bind would do, without doing it.
	check(ctx context.Context, hotkeys []config.Hotkey) ([]Result, error)
	// end gives all keys back, and closes.
	end(ctx context.Context)
	close()
}

// events are what a hand tells, from any goroutine.
type events struct {
	press func(config.Hotkey)
	// stale says that what was bound may not be so any more.
	stale func()
}

const (
	// firstAgain and lastAgain are the pauses before another attempt, once a
	// source could not be used.
	firstAgain = time.Second
	lastAgain  = time.Minute
	// calm is how long nothing may change before what is bound is looked at
	// again: a desktop that starts does so in several steps.
	calm = 300 * time.Millisecond
	// bindTime bounds one look at all hotkeys, endTime the giving back.
	bindTime = 5 * time.Second
	endTime  = time.Second
)

// Source is where hotkeys come from.
type Source struct {
	// Name names it to the user.
	Name string

	hand   hand
	host   Host
	orders chan order
	stale  chan struct{} // of one
}

type order struct {
	hotkeys []config.Hotkey
	done    chan<- Tally
}

func newSource(name string, host Host, open func(events) hand) *Source {
	s := &Source{Name: name, host: host, orders: make(chan order), stale: make(chan struct{}, 1)}
	s.hand = open(events{press: host.Fire, stale: func() {
		select {
		case s.stale <- struct{}{}:
		default:
		}
	}})
	return s
}

// Bind makes these hotkeys be in force and no others, while Run runs. The error
// is the context's.
func (s *Source) Bind(ctx context.Context, hotkeys []config.Hotkey) (Tally, error) {
	answer := make(chan Tally, 1)
	select {
	case s.orders <- order{hotkeys, answer}:
	case <-ctx.Done():
		return Tally{}, ctx.Err()
	}
	select {
	case t := <-answer:
		return t, nil
	case <-ctx.Done():
		return Tally{}, ctx.Err()
	}
}

// Check says what would become of the hotkeys, and changes nothing.
func (s *Source) Check(ctx context.Context, hotkeys []config.Hotkey) ([]Result, error) {
	defer s.hand.close()
	return s.hand.check(ctx, hotkeys)
}

// Run serves until the context ends, and gives all keys back.
func (s *Source) Run(ctx context.Context) error {
	defer s.end()
	var wanted []config.Hotkey
	told := map[string]bool{} // what was said of the hotkeys that are wanted
	again := time.NewTimer(0)
	<-again.C
	defer again.Stop()
	pause := firstAgain
	look := func() Tally {
		bind, cancel := context.WithTimeout(ctx, bindTime)
		defer cancel()
		results, err := s.hand.bind(bind, wanted)
		if err != nil {
			if ctx.Err() == nil {
				s.unusable(err, told)
				again.Reset(pause)
				pause = min(2*pause, lastAgain)
			}
			return Tally{Wanted: len(wanted)}
		}
		pause = firstAgain
		return s.report(results, told)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case o := <-s.orders:
			wanted, told = o.hotkeys, map[string]bool{}
			o.done <- look()
		case <-s.stale:
			again.Reset(calm)
		case <-again.C:
			s.host.Changed(look())
		}
	}
}

func (s *Source) end() {
	ctx, cancel := context.WithTimeout(context.Background(), endTime)
	defer cancel()
	s.hand.end(ctx)
}

// report says what is news in the results.
func (s *Source) report(results []Result, told map[string]bool) Tally {
	t := Tally{Wanted: len(results)}
	news := map[string]bool{}
	for _, r := range results {
		if r.Bound {
			t.Bound++
		}
		kind, text := "info", r.Note
		if !r.Bound {
			kind, text = "error", r.Trouble
		}
		if text == "" {
			continue
		}
		news[text] = true
		if !told[text] {
			s.host.Say(kind, text)
			if r.Hint != "" {
				s.host.Say("hint", r.Hint)
			}
		}
	}
	clear(told)
	for text := range news {
		told[text] = true
	}
	return t
}

// unusable says, once, why no key is in force.
func (s *Source) unusable(err error, told map[string]bool) {
	why := &Unusable{Message: s.Name + " does not answer"}
	errors.As(err, &why)
	if told[why.Message] {
		return
	}
	clear(told)
	told[why.Message] = true
	s.host.Say("error", why.Message)
	if why.Hint != "" {
		s.host.Say("hint", why.Hint)
	}
}

// Package x11keys is the talk between patoggled and patoggle-x11keys, the
// program that holds its keys on X11: the lines, and the end that patoggled
// has of it.
//
// The hotkey library opens the X display before main, panics without one, and
// ends its process with libX11. So it has a process of its own, which does
// nothing else and ends with its standard input.
//
// The lines, each of which ends with a newline, with decimal numbers:
//
//	-> grab ID KEYSYM MODIFIERS LOCKS MOD2   hold a key
//	-> release ID                            give it back
//	<- patoggle-x11keys 1                    at first, once the display is open
//	<- grabbed ID KEYCODE                    it is held, on that key
//	<- taken ID                              another program holds it
//	<- failed ID                             it cannot be held
//	<- released ID                           it is given back, nothing comes any more
//	<- down ID TIME                          a Keydown of the library
//	<- up ID TIME                            a Keyup
//
// The downs and ups of a key come in the order in which the X server sends them.
// MODIFIERS are bits of the X11 protocol's KEYMASK; LOCKS are those beside
// Lock and Mod2 with which the key has to be heard too; MOD2 is 1 when Mod2 is
// a lock on this keyboard, else 0. TIME is that of CLOCK_MONOTONIC, which all
// processes have in common, in microseconds. Every grab and every release has
// one answer.
package x11keys

import (
	"errors"
	"strconv"
	"strings"

	"github.com/patoggle/patoggle/internal/keys"
)

// Name is the program's name, and Hello its first line. The number goes up with
// every change of the lines.
const (
	Name  = "patoggle-x11keys"
	Hello = Name + " 1"
)

// MaxLine is the longest line there is, in bytes, without its end.
const MaxLine = 80

// ID names a key that was asked for. The side that asks chooses it.
type ID uint32

// Order is a line to the program: to hold a key, or to give it back.
type Order struct {
	ID   ID
	Grab bool // else it is given back, and all that follows is zero
	Key  Key
}

// Key is a key to hold.
type Key struct {
	Keysym    uint32
	Modifiers keys.Mod
	// Locks are modifier bits beside Lock (2) and Mod2 (16) that do not
	// matter.
	Locks uint16
	// Mod2 is true when Mod2 does not matter either.
	Mod2 bool
}

// Report is a line from the program.
type Report struct {
	ID   ID
	Kind Kind
	// Code is the key's keycode, of Grabbed alone.
	Code byte
	// Time is of Down and Up alone, in microseconds.
	Time int64
}

// Kind is what a report says.
type Kind string

const (
	Grabbed  Kind = "grabbed"
	Taken    Kind = "taken"
	Failed   Kind = "failed"
	Released Kind = "released"
	Down     Kind = "down"
	Up       Kind = "up"
)

var errLine = errors.New("not a line of " + Name)

func (o Order) String() string {
	if !o.Grab {
		return "release " + number(uint64(o.ID))
	}
	mod2 := uint64(0)
	if o.Key.Mod2 {
		mod2 = 1
	}
	return "grab " + number(uint64(o.ID)) + " " + number(uint64(o.Key.Keysym)) + " " +
		number(uint64(o.Key.Modifiers)) + " " + number(uint64(o.Key.Locks)) + " " + number(mod2)
}

func (r Report) String() string {
	s := string(r.Kind) + " " + number(uint64(r.ID))
	switch r.Kind {
	case Grabbed:
		s += " " + number(uint64(r.Code))
	case Down, Up:
		s += " " + number(uint64(r.Time))
	}
	return s
}

// ParseOrder reads a line without its end.
func ParseOrder(line string) (Order, error) {
	var o Order
	p := split(line)
	switch p.word {
	case "grab":
		o = Order{ID: ID(p.next(32)), Grab: true, Key: Key{
			Keysym:    uint32(p.next(32)),
			Modifiers: keys.Mod(p.next(16)),
			Locks:     uint16(p.next(16)),
			Mod2:      p.next(1) == 1,
		}}
	case "release":
		o.ID = ID(p.next(32))
	default:
		p.bad = true
	}
	return o, p.end()
}

// ParseReport reads a line without its end.
func ParseReport(line string) (Report, error) {
	p := split(line)
	r := Report{Kind: Kind(p.word), ID: ID(p.next(32))}
	switch r.Kind {
	case Grabbed:
		r.Code = byte(p.next(8))
	case Down, Up:
		r.Time = int64(p.next(63))
	case Taken, Failed, Released:
	default:
		p.bad = true
	}
	return r, p.end()
}

// number prints a number in the one way it may be written.
func number(n uint64) string { return strconv.FormatUint(n, 10) }

// parts is a line of a word and numbers.
type parts struct {
	word    string
	numbers []string
	bad     bool
}

func split(line string) *parts {
	if len(line) > MaxLine {
		return &parts{bad: true}
	}
	words := strings.Split(line, " ")
	return &parts{word: words[0], numbers: words[1:]}
}

// next reads the next number, of so many bits; 0 when there is none.
func (p *parts) next(bits int) uint64 {
	if len(p.numbers) == 0 {
		p.bad = true
		return 0
	}
	n, err := strconv.ParseUint(p.numbers[0], 10, 64)
	if err != nil || n>>bits != 0 || number(n) != p.numbers[0] {
		p.bad = true
		return 0
	}
	p.numbers = p.numbers[1:]
	return n
}

func (p *parts) end() error {
	if p.bad || len(p.numbers) > 0 {
		return errLine
	}
	return nil
}

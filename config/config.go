// Package config is what the user wants: one TOML file, read strictly. A
// Config that comes out of this package is valid; a file that is not gives an
// error for each mistake, with file, line and column and what is allowed
// there.
//
// The zero Config is the default one, and is what a missing file means.
//
// The TOML library is github.com/pelletier/go-toml/v2. No type of it leaves
// this package.
package config

import (
	"fmt"
	"strconv"

	"github.com/patoggle/patoggle/internal/keys"
)

// Config is a validated configuration. The zero value is the default: every
// sink in the ring, no nicknames, notifications from the daemon only, and
// Super+F9 for the next sink.
type Config struct {
	// Sinks is the ring in the user's order: each entry is a sink's name, its
	// nickname, its description, or a glob over one of them. Empty means
	// every sink.
	Sinks []Pattern
	// Sources is the ring of what records, in the same words. Empty means every
	// source but those that give what a sink plays.
	Sources []Pattern
	// Skip are sinks and sources that are left out of the ring, by name, nickname or
	// description. It wins over Sinks and Sources.
	Skip []Pattern
	// Names are the nicknames in file order. Use Nickname to look one up.
	Names []Name
	// Notify says which of the two programs shows notifications.
	Notify Notify
	// Volume says what becomes of an application's volume when it moves.
	Volume Volume
	// Hotkeys are the bindings of the daemon in file order; empty means the
	// default. Use Bindings to read them.
	Hotkeys []Hotkey
	// Rules keep applications on sinks, in file order: the first that fits
	// counts.
	Rules []Rule
	// StayAway is come_home = false: a stream whose sink went stays where it
	// fell when the sink comes back.
	StayAway bool
}

// Name gives a nickname to every sink whose name matches.
type Name struct {
	Sink     Pattern
	Nickname string
}

// Notify says who shows a desktop notification after a move. The zero value
// is the default, NotifyDaemon.
type Notify int

// The values of the key "notify".
const (
	// NotifyDaemon: the daemon does, the one-shot only when asked on its
	// command line. In the file: "daemon".
	NotifyDaemon Notify = iota
	// NotifyAlways: both do. In the file: true.
	NotifyAlways
	// NotifyNever: neither does, unless asked on the command line. In the
	// file: false.
	NotifyNever
)

// String returns the value as it is written in the file.
func (n Notify) String() string {
	switch n {
	case NotifyDaemon:
		return `"daemon"`
	case NotifyAlways:
		return "true"
	case NotifyNever:
		return "false"
	}
	return fmt.Sprintf("Notify(%d)", int(n))
}

// Daemon reports whether the daemon shows notifications.
func (n Notify) Daemon() bool { return n != NotifyNever }

// OneShot reports whether the one-shot shows notifications without being
// asked on its command line.
func (n Notify) OneShot() bool { return n == NotifyAlways }

// Volume says what becomes of a stream's volume when it moves. The zero value is
// the default, VolumeKeep.
type Volume int

// The values of the key "volume".
const (
	// VolumeKeep leaves it as it is. In the file: "keep".
	VolumeKeep Volume = iota
	// VolumeRemember makes it what the application had on that sink, and on a
	// sink that is new to it never louder than it was. In the file: "remember".
	VolumeRemember
)

// String returns the value as it is written in the file.
func (v Volume) String() string {
	if v == VolumeRemember {
		return `"remember"`
	}
	return `"keep"`
}

// Action is what a hotkey does. The zero value is Next.
type Action int

// The values of the key "do".
const (
	Next Action = iota
	Prev
	To
	// Undo takes the last move back.
	Undo
	// Follow lets the focused application follow the default sink again.
	Follow
	// Remember keeps the focused application where it plays, Forget ends that.
	Remember
	Forget
)

// String returns the word as it is written in the file.
func (a Action) String() string {
	switch a {
	case Next:
		return "next"
	case Prev:
		return "prev"
	case To:
		return "to"
	case Undo:
		return "undo"
	case Follow:
		return "follow"
	case Remember:
		return "remember"
	case Forget:
		return "forget"
	}
	return fmt.Sprintf("Action(%d)", int(a))
}

// Side is what a hotkey is about. The zero value is what plays.
type Side int

// The values of the key "side".
const (
	Output Side = iota
	// Input is what records, and the microphones.
	Input
	// Both is what plays, and what records with it on the same device.
	Both
)

// String returns the word as it is written in the file.
func (s Side) String() string {
	switch s {
	case Output:
		return "output"
	case Input:
		return "input"
	case Both:
		return "both"
	}
	return fmt.Sprintf("Side(%d)", int(s))
}

// Hotkey is one binding of the daemon.
type Hotkey struct {
	Chord  keys.Chord
	Action Action
	Side   Side
	// Sink is where to, as for the one-shot's --to: a name, a nickname, a
	// description, or a unique part of one; of a source where Side is Input. ""
	// unless Action is To.
	Sink string
	// Line is where the binding stands in the file, from 1; 0 for the
	// default binding.
	Line int
}

// String returns the binding in words: "Super+F9 = next".
func (h Hotkey) String() string { return h.In(strconv.Quote) }

// In is String with the sink in these quotation marks.
func (h Hotkey) In(quote func(string) string) string {
	words := fmt.Sprintf("%s = %s", h.Chord, h.Action)
	if h.Action == To {
		words += " " + quote(h.Sink)
	}
	if h.Side != Output {
		words += ", " + h.Side.String()
	}
	return words
}

// DefaultChord is bound to the next sink when the file has no [[hotkey]].
const DefaultChord = "Super+F9"

// Default returns the configuration that is in force without a file.
func Default() *Config { return &Config{} }

// Bindings returns the hotkeys in force. Without any in the file that is the
// default one, and defaulted is true.
func (c *Config) Bindings() (bindings []Hotkey, defaulted bool) {
	if len(c.Hotkeys) > 0 {
		return c.Hotkeys, false
	}
	chord, err := keys.Parse(DefaultChord)
	if err != nil {
		panic("config: the default chord: " + err.Error()) // a test holds that it is none
	}
	return []Hotkey{{Chord: chord, Action: Next}}, true
}

// Nickname returns the nickname of the sink with the name, or "". An entry
// that spells the name out wins; then the globs are tried in file order.
func (c *Config) Nickname(sink string) string {
	glob := ""
	for _, n := range c.Names {
		if !n.Sink.Match(sink) {
			continue
		}
		if n.Sink.Literal() {
			return n.Nickname
		}
		if glob == "" {
			glob = n.Nickname
		}
	}
	return glob
}

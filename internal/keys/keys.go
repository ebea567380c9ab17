// Package keys reads and prints the keys of a hotkey, such as "Super+F9". It
// knows names and numbers only, not which keys a keyboard has.
package keys

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

//go:generate go run ./gen

// Mod is a set of modifiers, with the bits of the X11 protocol (KEYMASK).
type Mod uint16

// The modifiers a hotkey may have. Alt is Mod1 and Super is Mod4, as every
// common keyboard has it.
const (
	Shift Mod = 1 << 0
	Ctrl  Mod = 1 << 2
	Alt   Mod = 1 << 3
	Super Mod = 1 << 6
)

// Chord is a key with the modifiers that must be held. Two chords with the
// same Mods and Keysym are the same hotkey, whatever they were called.
type Chord struct {
	Mods Mod
	// Keysym is the key's number. A Latin letter has that of the small one.
	Keysym uint32
	// Name is the key's name as keysymdef.h and XF86keysym.h spell it
	// ("XF86" for "XF86XK_"). A letter from A to Z is the capital one.
	Name string
}

// order is the order modifiers are printed in.
var order = [...]struct {
	mod  Mod
	name string
}{{Super, "Super"}, {Ctrl, "Ctrl"}, {Alt, "Alt"}, {Shift, "Shift"}}

// String prints the modifiers, as in "Ctrl+Shift"; "" for none.
func (m Mod) String() string {
	var names []string
	for _, o := range order {
		if m&o.mod != 0 {
			names = append(names, o.name)
		}
	}
	return strings.Join(names, "+")
}

// String prints the chord so that Parse reads it back.
func (c Chord) String() string {
	if c.Mods == 0 {
		return c.Name
	}
	return c.Mods.String() + "+" + c.Name
}

// Parse reads modifiers and a key, joined by "+", in any case. The modifiers
// are Ctrl (or Control), Shift, Alt (or Mod1) and Super (or Mod4).
func Parse(s string) (Chord, error) {
	if strings.TrimSpace(s) == "" {
		return Chord{}, fmt.Errorf("no key is named")
	}
	if len(s) > 256 {
		return Chord{}, fmt.Errorf("%d bytes are too long for a key", len(s))
	}
	parts := strings.Split(s, "+")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	last := len(parts) - 1
	name := parts[last]
	var c Chord
	for i, part := range parts[:last] {
		if part == "" {
			if rest := strings.Join(parts[i:], ""); rest == "" {
				return Chord{}, fmt.Errorf(`the key "+" is named "plus"`)
			}
			return Chord{}, fmt.Errorf("%q has nothing between two signs +", s)
		}
		mod, err := parseMod(part)
		if err != nil {
			return Chord{}, err
		}
		if c.Mods&mod != 0 {
			return Chord{}, fmt.Errorf("the modifier %s is named twice", mod)
		}
		c.Mods |= mod
	}
	if name == "" {
		return Chord{}, fmt.Errorf("%q has no key after the last +", s)
	}
	if _, err := parseMod(name); err == nil {
		return Chord{}, fmt.Errorf("%q has modifiers only, and no key", s)
	}
	key, ok := lookup(name)
	if !ok {
		return Chord{}, unknownKey(name)
	}
	c.Name, c.Keysym = key.name, key.sym
	if len(key.name) == 1 && 'A' <= key.name[0]&^0x20 && key.name[0]&^0x20 <= 'Z' {
		c.Name, c.Keysym = strings.ToUpper(key.name), uint32(key.name[0]|0x20)
	}
	return c, c.usable()
}

// usable says why nobody can want this chord as a hotkey.
func (c Chord) usable() error {
	switch kindOf(c.Keysym) {
	case modifierKey:
		return fmt.Errorf("%s is a modifier: it cannot be the key of a hotkey", c.Name)
	case noKey:
		return fmt.Errorf("%s is no key", c.Name)
	case typingKey:
		if c.Mods&^Shift == 0 {
			return fmt.Errorf("%s would be lost for typing: add Ctrl, Alt or Super", c)
		}
	}
	return nil
}

type keyKind int

const (
	functionKey keyKind = iota // may be a hotkey by itself
	typingKey                  // writes text or moves in it
	modifierKey
	noKey
)

// kindOf sorts keysyms by the ranges of keysymdef.h.
func kindOf(sym uint32) keyKind {
	switch {
	case sym == 0, sym == 0xffffff:
		return noKey
	case sym < 0xfd00: // characters by their alphabets
		return typingKey
	case 0x1000000 < sym && sym < 0x1110000: // characters by their Unicode number
		return typingKey
	case 0xfe01 <= sym && sym <= 0xfe13, sym == 0xfe34: // ISO_Lock … ISO_Level5_Lock
		return modifierKey
	case 0xfe20 <= sym && sym <= 0xfe33, 0xfe50 <= sym && sym <= 0xfe93:
		return typingKey // ISO_Left_Tab and its neighbours, dead keys
	case 0xff08 <= sym && sym <= 0xff0d, sym == 0xff1b, sym == 0xffff, sym == 0xff20:
		return typingKey // BackSpace … Return, Escape, Delete, Multi_key
	case 0xff50 <= sym && sym <= 0xff58, sym == 0xff63:
		return typingKey // Home … Begin, Insert
	case 0xff80 <= sym && sym <= 0xffbd: // the keypad
		return typingKey
	case sym == 0xff7e, sym == 0xff7f, 0xffe1 <= sym && sym <= 0xffee:
		return modifierKey // Mode_switch, Num_Lock, Shift_L … Hyper_R
	case 0xfff1 <= sym && sym <= 0xfffa, 0x1000fe00 <= sym && sym <= 0x1000feff,
		0x100000a8 <= sym && sym <= 0x100000f6, 0x1005ff00 <= sym && sym <= 0x1005ff05:
		return typingKey // Braille dots, dead keys of DEC, HP and Sun
	}
	return functionKey
}

// modifiers are the names Parse takes and, with a reason, the ones it refuses.
var modifiers = [...]struct {
	name string
	mod  Mod
	why  string
}{
	{"Ctrl", Ctrl, ""},
	{"Control", Ctrl, ""},
	{"Shift", Shift, ""},
	{"Alt", Alt, ""},
	{"Mod1", Alt, ""},
	{"Super", Super, ""},
	{"Mod4", Super, ""},
	{"Mod2", 0, "it is NumLock on most keyboards, and a hotkey must not depend on a lock"},
	{"Mod3", 0, "most keyboards have no key for it"},
	{"Mod5", 0, "it is AltGr on most keyboards, and types characters"},
	{"AltGr", 0, "it types characters"},
	{"Lock", 0, "a hotkey must not depend on a lock"},
	{"Hyper", 0, "on most keyboards it is the same modifier as Super: write Super"},
	{"Meta", 0, "on most keyboards it is the same modifier as Alt: write Alt"},
	{"Win", 0, "write Super"},
	{"Windows", 0, "write Super"},
	{"Cmd", 0, "write Super"},
	{"Command", 0, "write Super"},
	{"Option", 0, "write Alt"},
}

func parseMod(s string) (Mod, error) {
	for _, m := range modifiers {
		if strings.EqualFold(m.name, s) {
			if m.mod == 0 {
				return 0, fmt.Errorf("the modifier %s cannot be used: %s", m.name, m.why)
			}
			return m.mod, nil
		}
	}
	best, distance := "", 3
	for _, m := range modifiers {
		if m.mod != 0 {
			if d := edits(strings.ToLower(s), strings.ToLower(m.name), distance); d < distance {
				best, distance = m.name, d
			}
		}
	}
	if best != "" && distance < len(s) {
		return 0, fmt.Errorf("%q is no modifier: did you mean %s?", s, best)
	}
	return 0, fmt.Errorf("%q is no modifier: use Ctrl, Shift, Alt or Super", s)
}

func unknownKey(name string) error {
	if r, size := utf8.DecodeRuneInString(name); size == len(name) && r != utf8.RuneError {
		if key, ok := nameOf(r); ok {
			return fmt.Errorf("the key %q is named %q", name, key)
		}
		return fmt.Errorf("no key is named %q", name)
	}
	if s := suggest(name); s != "" {
		return fmt.Errorf("no key is named %q: did you mean %s?", name, s)
	}
	return fmt.Errorf("no key is named %q", name)
}

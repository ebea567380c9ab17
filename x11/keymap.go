package x11

import (
	"bytes"
	"encoding/binary"
)

// Modifier bits of a key event's state (X11 protocol, KEYBUTMASK).
const (
	maskShift   uint16 = 1 << 0
	maskLock    uint16 = 1 << 1
	maskControl uint16 = 1 << 2
	maskAlt     uint16 = 1 << 3
	// maskModifiers are the eight modifiers; above them are buttons and, from
	// XKB, the group.
	maskModifiers uint16 = 0xff
)

// Keysyms of the keys that lock something (keysymdef.h). Caps_Lock and
// Shift_Lock act through the Lock modifier, whatever else they are bound to.
const (
	symNumLock    = 0xff7f
	symScrollLock = 0xff14
)

// Keysyms that stand behind something else than their column says (the types
// PC_ALT_LEVEL2 and PC_CONTROL_LEVEL2 of xkeyboard-config), the keypad's, which
// NumLock chooses, and the key of the third level, AltGr.
const (
	symSysReq      = 0xff15
	symBreak       = 0xff6b
	symKeypadFirst = 0xff80
	symKeypadLast  = 0xffbd
	symLevel3Shift = 0xfe03
)

// Keyboard is the keyboard as the server maps it at one moment: the core
// mapping, which is what a client without XKB sees.
type Keyboard struct {
	first byte     // the first keycode
	per   int      // keysyms for each keycode
	syms  []uint32 // per for each keycode from first on
	mods  [8][]byte
	// layouts is how many layouts, of XKB groups, the columns hold; 0 when
	// that is not known.
	layouts int
}

// parseKeyboard reads the replies of GetKeyboardMapping, for all keycodes from
// first to last, and of GetModifierMapping; false when they contradict
// themselves.
func parseKeyboard(first, last byte, mapping, modifiers []byte) (*Keyboard, bool) {
	if len(mapping) < 32 || len(modifiers) < 32 {
		return nil, false
	}
	k := &Keyboard{first: first, per: int(mapping[1])}
	n := k.per * (int(last) - int(first) + 1)
	if k.per == 0 || len(mapping)-32 < 4*n {
		return nil, false
	}
	k.syms = make([]uint32, n)
	for i := range k.syms {
		k.syms[i] = binary.LittleEndian.Uint32(mapping[32+4*i:])
	}
	width := int(modifiers[1])
	if len(modifiers)-32 < 8*width {
		return nil, false
	}
	for i := range k.mods {
		for _, code := range modifiers[32+i*width : 32+(i+1)*width] {
			if code >= first && code <= last {
				k.mods[i] = append(k.mods[i], code)
			}
		}
	}
	return k, true
}

// at gives the keysym of a keycode in a column; 0 is NoSymbol. A key with only
// one keysym of a letter has the letter's two cases in columns 0 and 1 (X11
// protocol, chapter 5).
func (k *Keyboard) at(code byte, column int) uint32 {
	list := k.syms[(int(code)-int(k.first))*k.per:][:k.per]
	pair := column &^ 1
	if column < 4 && list[pair] != 0 && (pair+1 >= len(list) || list[pair+1] == 0) {
		lower, upper := cases(list[pair])
		if column == pair {
			return lower
		}
		return upper
	}
	if column >= len(list) {
		return 0
	}
	return list[column]
}

// cases gives the lower-case and the upper-case keysym of a Latin letter, and
// any other keysym twice.
func cases(sym uint32) (lower, upper uint32) {
	switch {
	case 'a' <= sym && sym <= 'z', 0xe0 <= sym && sym <= 0xfe && sym != 0xf7:
		return sym, sym - 0x20
	case 'A' <= sym && sym <= 'Z', 0xc0 <= sym && sym <= 0xde && sym != 0xd7:
		return sym + 0x20, sym
	}
	return sym, sym
}

// last gives the last keycode.
func (k *Keyboard) last() byte { return k.first + byte(len(k.syms)/k.per-1) }

// Keycodes gives every keycode that has the keysym in some column, in the
// order libX11's XKeysymToKeycode looks for it: by column, then by keycode.
// The first one is the key that function names, and so the one that a grab
// made through libX11 takes. Empty: this keyboard has no such key.
func (k *Keyboard) Keycodes(keysym uint32) []byte {
	if keysym == 0 {
		return nil
	}
	var codes []byte
	var seen [256]bool
	for column := range max(k.per, 2) {
		for code := int(k.first); code <= int(k.last()); code++ {
			if !seen[code] && k.at(byte(code), column) == keysym {
				seen[code] = true
				codes = append(codes, byte(code))
			}
		}
	}
	return codes
}

// Column gives the column the keysym has on its first keycode: 0 plain, 1 with
// Shift, others with further keys or in another layout; -1 when this keyboard
// does not have it.
func (k *Keyboard) Column(keysym uint32) int {
	if codes := k.Keycodes(keysym); len(codes) > 0 {
		for column := range max(k.per, 2) {
			if k.at(codes[0], column) == keysym {
				return column
			}
		}
	}
	return -1
}

// Level gives the modifier bits that have to be down for the first key with the
// keysym to mean it, in whichever layout it does: 0 for none, Shift, that of
// AltGr, or both. ok is false when that cannot be told of this column, or no
// key of this keyboard is AltGr.
//
// The columns are those that the X server gives to clients without XKB: two for
// each of the first two layouts, plain and with Shift, then what is behind AltGr
// in them, in this order; with three layouts the third is among the latter (X
// Keyboard Extension, "Core keyboard mapping").
func (k *Keyboard) Level(keysym uint32) (modifiers uint16, ok bool) {
	column := k.Column(keysym)
	switch {
	case column < 0:
		return 0, false
	case symKeypadFirst <= keysym && keysym <= symKeypadLast:
		return 0, true
	case column < 4 && column%2 == 0:
		return 0, true
	case column < 4 && keysym == symSysReq:
		return maskAlt, true
	case column < 4 && keysym == symBreak:
		return maskControl, true
	case column < 4:
		return maskShift, true
	case column < 6 && (k.layouts == 1 || k.layouts == 2):
		level := k.level3()
		if column == 5 {
			level |= maskShift
		}
		return level, level&^maskShift != 0
	}
	return 0, false
}

// level3 gives the modifier bit of AltGr: of the keys that are nothing else.
// One that is AltGr in the second layout alone is bound to what it is in the
// first, Alt.
func (k *Keyboard) level3() uint16 {
	var bits uint16
	for i, codes := range k.mods {
		for _, code := range codes {
			if k.at(code, 0) == symLevel3Shift {
				bits |= 1 << i
			}
		}
	}
	return bits
}

// parseRules reads _XKB_RULES_NAMES: five strings, of which the third names the
// layouts, with commas between them. 0 when there is none.
func parseRules(data []byte) (layouts int) {
	names := bytes.Split(data, []byte{0})
	if len(names) < 3 || len(names[2]) == 0 {
		return 0
	}
	return 1 + bytes.Count(names[2], []byte{','})
}

// Locks gives the modifier bits that mean a lock and no key held: Lock, and
// the modifiers that Num_Lock and Scroll_Lock are bound to.
func (k *Keyboard) Locks() uint16 {
	return maskLock | k.bound(symNumLock) | k.bound(symScrollLock)
}

// Modifiers gives the modifier bits that some key of this keyboard is bound
// to. Shift, Control, Mod1 and Mod4 are 1, 4, 8 and 64.
func (k *Keyboard) Modifiers() uint16 {
	var bits uint16
	for i, codes := range k.mods {
		if len(codes) > 0 {
			bits |= 1 << i
		}
	}
	return bits
}

// bound gives the modifier bits that a key with that keysym is bound to.
func (k *Keyboard) bound(keysym uint32) uint16 {
	var bits uint16
	for i, codes := range k.mods {
		for _, code := range codes {
			for column := range k.per {
				if k.at(code, column) == keysym {
					bits |= 1 << i
				}
			}
		}
	}
	return bits
}

// Held is which keys are down at one moment.
type Held struct {
	keys [32]byte // one bit for each keycode (QueryKeymap)
	// Modifiers are the modifier bits in force, locks included: Shift 1,
	// Lock 2, Control 4, Mod1 to Mod5 8 to 128.
	Modifiers uint16
}

// parseHeld reads the replies of QueryKeymap and QueryPointer.
func parseHeld(keymap, pointer []byte) (Held, bool) {
	if len(keymap) < 40 || len(pointer) < 26 {
		return Held{}, false
	}
	var h Held
	copy(h.keys[:], keymap[8:40])
	h.Modifiers = binary.LittleEndian.Uint16(pointer[24:]) & maskModifiers
	return h, true
}

// Key reports whether the key with that keycode is down.
func (h Held) Key(code byte) bool { return h.keys[code/8]&(1<<(code%8)) != 0 }

// Chord reports whether one of the keys is down, and of the modifiers exactly
// those, locks aside. Locks that are among the modifiers asked for count.
func (h Held) Chord(modifiers, locks uint16, codes ...byte) bool {
	if (h.Modifiers^modifiers)&^(locks&^modifiers) != 0 {
		return false
	}
	for _, code := range codes {
		if h.Key(code) {
			return true
		}
	}
	return false
}

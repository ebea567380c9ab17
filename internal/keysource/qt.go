package keysource

import "github.com/patoggle/patoggle/internal/keys"

// Qt's numbers of keys and modifiers (qnamespace.h), in which KGlobalAccel
// speaks.
const (
	qtShift  = 0x02000000
	qtCtrl   = 0x04000000
	qtAlt    = 0x08000000
	qtMeta   = 0x10000000
	qtKeypad = 0x20000000
)

// qtKeys are the keys that are no characters, by their keysyms (keysymdef.h,
// XF86keysym.h).
var qtKeys = map[uint32]int32{
	0xff1b: 0x01000000, // Escape
	0xff09: 0x01000001, // Tab
	0xfe20: 0x01000002, // ISO_Left_Tab
	0xff08: 0x01000003, // BackSpace
	0xff0d: 0x01000004, // Return
	0xff63: 0x01000006, // Insert
	0xffff: 0x01000007, // Delete
	0xff13: 0x01000008, // Pause
	0xff61: 0x01000009, // Print
	0xff15: 0x0100000a, // Sys_Req
	0xff0b: 0x0100000b, // Clear
	0xff50: 0x01000010, // Home
	0xff57: 0x01000011, // End
	0xff51: 0x01000012, // Left
	0xff52: 0x01000013, // Up
	0xff53: 0x01000014, // Right
	0xff54: 0x01000015, // Down
	0xff55: 0x01000016, // Prior
	0xff56: 0x01000017, // Next
	0xff67: 0x01000055, // Menu
	0xff6a: 0x01000058, // Help

	0xff8d: qtKeypad | 0x01000005, // KP_Enter
	0xffaa: qtKeypad | '*',
	0xffab: qtKeypad | '+',
	0xffad: qtKeypad | '-',
	0xffae: qtKeypad | '.',
	0xffaf: qtKeypad | '/',

	0x1008ff11: 0x01000070, // XF86AudioLowerVolume
	0x1008ff12: 0x01000071, // XF86AudioMute
	0x1008ff13: 0x01000072, // XF86AudioRaiseVolume
	0x1008ff14: 0x01000080, // XF86AudioPlay
	0x1008ff15: 0x01000081, // XF86AudioStop
	0x1008ff16: 0x01000082, // XF86AudioPrev
	0x1008ff17: 0x01000083, // XF86AudioNext
	0x1008ff1c: 0x01000084, // XF86AudioRecord
	0x1008ff31: 0x01000085, // XF86AudioPause
	0x1008ff18: 0x01000090, // XF86HomePage
	0x1008ff1b: 0x01000092, // XF86Search
	0x1008ff19: 0x010000a0, // XF86Mail
	0x1008ff32: 0x010000a1, // XF86AudioMedia
	0x1008ff1d: 0x010000cb, // XF86Calculator
	0x1008ffb2: 0x01000113, // XF86AudioMicMute
}

// qtKey is the number of a chord in Qt; false when we know none.
func qtKey(c keys.Chord) (int32, bool) {
	key, ok := qtSymbol(c.Keysym)
	for _, m := range []struct {
		mod keys.Mod
		bit int32
	}{{keys.Shift, qtShift}, {keys.Ctrl, qtCtrl}, {keys.Alt, qtAlt}, {keys.Super, qtMeta}} {
		if c.Mods&m.mod != 0 {
			key |= m.bit
		}
	}
	return key, ok
}

func qtSymbol(sym uint32) (int32, bool) {
	switch {
	case 'a' <= sym && sym <= 'z', 0xe0 <= sym && sym <= 0xfe && sym != 0xf7:
		return int32(sym - 0x20), true // letters are the capital ones
	case 0x20 <= sym && sym <= 0x7e, 0xa0 <= sym && sym <= 0xff:
		return int32(sym), true
	case 0xffbe <= sym && sym <= 0xffbe+34: // F1 to F35
		return int32(0x01000030 + sym - 0xffbe), true
	case 0xffb0 <= sym && sym <= 0xffb9: // KP_0 to KP_9
		return int32(qtKeypad | '0' + sym - 0xffb0), true
	}
	key, ok := qtKeys[sym]
	return key, ok
}

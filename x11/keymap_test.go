package x11

import (
	"reflect"
	"testing"
)

// keyboardReplies are the two replies for keycodes 8 on.
func keyboardReplies(per int, syms [][]uint32, width int, mods [8][]byte) (mapping, modifiers []byte) {
	mapping = make([]byte, 32)
	mapping[0], mapping[1] = 1, byte(per)
	for _, list := range syms {
		row := make([]uint32, per)
		copy(row, list)
		mapping = append(mapping, words(row...)...)
	}
	modifiers = make([]byte, 32)
	modifiers[0], modifiers[1] = 1, byte(width)
	for _, codes := range mods {
		row := make([]byte, width)
		copy(row, codes)
		modifiers = append(modifiers, row...)
	}
	return mapping, modifiers
}

func keyboard(t *testing.T, per int, syms [][]uint32, mods [8][]byte) *Keyboard {
	t.Helper()
	mapping, modifiers := keyboardReplies(per, syms, 2, mods)
	k, ok := parseKeyboard(8, byte(8+len(syms)-1), mapping, modifiers)
	if !ok {
		t.Fatal("the replies are refused")
	}
	return k
}

func TestKeycodesOfAKeysym(t *testing.T) {
	k := keyboard(t, 4, [][]uint32{
		{'a', 'A', 0x6c6, 0x6e6},  // 8
		{0xffc6},                  // 9: F9
		{'b', 0, 'q'},             // 10: one letter stands for both cases
		{'<', '>', '|', 'a'},      // 11
		{'2', '<'},                // 12
		{0},                       // 13
		{0xe4, 0},                 // 14: adiaeresis
		{'1', 0xffc6, 0, 0xffc6},  // 15: F9 with Shift
		{0x1008ff17, 0, 0xf7, 0},  // 16: XF86AudioNext, division
		{0x1008ff14, 0x1008ff14},  // 17: XF86AudioPlay
		{0, 0x1008ff14, 0, 0x100}, // 18
	}, [8][]byte{})
	for _, test := range []struct {
		sym    uint32
		codes  []byte
		column int
	}{
		{'a', []byte{8, 11}, 0},
		{'A', []byte{8}, 1},
		{0x6c6, []byte{8}, 2},
		{0xffc6, []byte{9, 15}, 0},
		{'b', []byte{10}, 0},
		{'B', []byte{10}, 1},
		{'q', []byte{10}, 2},
		{'Q', []byte{10}, 3},
		{'<', []byte{11, 12}, 0},
		{0xe4, []byte{14}, 0},
		{0xc4, []byte{14}, 1},
		{0xf7, []byte{16}, 2},
		{0xd7, nil, -1},
		{0x1008ff14, []byte{17, 18}, 0},
		{0x1008ff17, []byte{16}, 0},
		{0xffd1, nil, -1},
		{0, nil, -1},
	} {
		if got := k.Keycodes(test.sym); !reflect.DeepEqual(got, test.codes) {
			t.Errorf("keysym %#x is on %v, want %v", test.sym, got, test.codes)
		}
		if got := k.Column(test.sym); got != test.column {
			t.Errorf("keysym %#x is in column %d, want %d", test.sym, got, test.column)
		}
	}
}

func TestTheLevelOfAKeysym(t *testing.T) {
	const level3, pause, greek = 0xfe03, 0xff13, 0x7d9
	de := [][]uint32{
		{'q', 'Q', 'q', 'Q', '@', greek, '@'},
		{'2', '"', '2', '"', 0xb2, 0xac3, 0xb2},
		{0xffbe, 0xffbe, 0xffbe, 0xffbe, 0xffbe, 0xffbe, 0x1008fe01}, // F1, XF86Switch_VT_1
		{0xff9c, 0xffb1, 0xff9c, 0xffb1},                             // KP_End KP_1
		{0xff61, 0xff15, 0xff61, 0xff15},                             // Print Sys_Req
		{pause, 0xff6b, pause, 0xff6b},                               // Pause Break
		{level3, 0, level3},
		{0x6ca, 0x6ea}, // a letter of another alphabet, of which there is no pair
		{'a', 'A', 0x6c6, 0x6e6},
	}
	altGr := [8][]byte{7: {14}}
	for _, test := range []struct {
		name    string
		sym     uint32
		layouts int
		mods    [8][]byte
		want    uint16
		ok      bool
	}{
		{"plain", 'q', 1, altGr, 0, true},
		{"with Shift", '"', 1, altGr, 1, true},
		{"behind AltGr", '@', 1, altGr, 0x80, true},
		{"behind AltGr of one of two layouts", '@', 2, altGr, 0x80, true},
		{"behind AltGr and Shift", greek, 1, altGr, 0x81, true},
		{"of the third layout, or behind AltGr", '@', 3, altGr, 0, false},
		{"of nobody knows how many layouts", '@', 0, altGr, 0, false},
		{"without a key that is AltGr", '@', 1, [8][]byte{}, 0, false},
		{"a level that Ctrl and Alt give", 0x1008fe01, 1, altGr, 0, false},
		{"a key of the keypad", 0xffb1, 1, altGr, 0, true},
		{"behind Alt", 0xff15, 1, altGr, 8, true},
		{"behind Ctrl", 0xff6b, 1, altGr, 4, true},
		{"of the second layout", 0x6c6, 2, altGr, 0, true},
		{"of the second layout, with Shift", 0x6e6, 2, altGr, 1, true},
		{"on no key", 0xffd1, 1, altGr, 0, false},
	} {
		k := keyboard(t, 7, de, test.mods)
		k.layouts = test.layouts
		if got, ok := k.Level(test.sym); got != test.want || ok != test.ok {
			t.Errorf("%s: %#x, %v, want %#x, %v", test.name, got, ok, test.want, test.ok)
		}
	}
}

func TestTheLayoutsOfTheRules(t *testing.T) {
	for text, want := range map[string]int{
		"":                                 0,
		"evdev":                            0,
		"evdev\x00pc105\x00":               0,
		"evdev\x00pc105\x00us\x00\x00\x00": 1,
		"evdev\x00pc105\x00us,ru,de\x00,,\x00x\x00": 3,
		"\x00\x00us,de": 2,
	} {
		if got := parseRules([]byte(text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestOneColumnIsEnough(t *testing.T) {
	k := keyboard(t, 1, [][]uint32{{'a'}, {0xffc6}}, [8][]byte{})
	if got := k.Keycodes('A'); !reflect.DeepEqual(got, []byte{8}) || k.Column('A') != 1 {
		t.Errorf("A is on %v", got)
	}
	if got := k.Keycodes(0xffc6); !reflect.DeepEqual(got, []byte{9}) {
		t.Errorf("F9 is on %v", got)
	}
}

func TestModifiersAndLocks(t *testing.T) {
	syms := [][]uint32{{0xffe1}, {0xffe5}, {0xff7f}, {0xff14}, {0xffeb}, {'a'}}
	for _, test := range []struct {
		name         string
		mods         [8][]byte
		locks, bound uint16
	}{
		{"nothing bound", [8][]byte{}, 0x02, 0},
		{"the usual", [8][]byte{0: {8}, 1: {9}, 4: {10}, 6: {12}}, 0x12, 0x53},
		{"NumLock on Mod3, Scroll_Lock on Mod5", [8][]byte{5: {10}, 7: {11}}, 0xa2, 0xa0},
		{"keycodes that are none", [8][]byte{0: {7, 200}}, 0x02, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			k := keyboard(t, 2, syms, test.mods)
			if k.Locks() != test.locks || k.Modifiers() != test.bound {
				t.Errorf("locks %#x and modifiers %#x, want %#x and %#x", k.Locks(), k.Modifiers(), test.locks, test.bound)
			}
		})
	}
}

func TestKeyboardRepliesThatMakeNoSense(t *testing.T) {
	mapping, modifiers := keyboardReplies(2, [][]uint32{{'a'}, {'b'}}, 2, [8][]byte{})
	if _, ok := parseKeyboard(8, 9, mapping, modifiers); !ok {
		t.Fatal("the good ones are refused")
	}
	none := append([]byte{}, mapping...)
	none[1] = 0
	wide := append([]byte{}, modifiers...)
	wide[1] = 3
	for name, r := range map[string][2][]byte{
		"no mapping":         {nil, modifiers},
		"no modifiers":       {mapping, nil},
		"a cut mapping":      {mapping[:len(mapping)-1], modifiers},
		"no columns":         {none, modifiers},
		"too wide modifiers": {mapping, wide},
	} {
		if k, ok := parseKeyboard(8, 9, r[0], r[1]); ok {
			t.Errorf("%s: taken for %+v", name, k)
		}
	}
	if _, ok := parseKeyboard(8, 10, mapping, modifiers); ok {
		t.Error("a mapping of too few keycodes is taken")
	}
}

func TestHeldChords(t *testing.T) {
	held := func(state uint16, codes ...byte) Held {
		keymap, pointer := make([]byte, 40), make([]byte, 32)
		for _, code := range codes {
			keymap[8+code/8] |= 1 << (code % 8)
		}
		pointer[24], pointer[25] = byte(state), byte(state>>8)
		h, ok := parseHeld(keymap, pointer)
		if !ok {
			t.Fatal("the replies are refused")
		}
		return h
	}
	const locks = 0x12
	for _, test := range []struct {
		name string
		held Held
		mods uint16
		want bool
	}{
		{"the key and its modifier", held(0x40, 75), 0x40, true},
		{"another of its keycodes", held(0x40, 200), 0x40, true},
		{"with NumLock", held(0x50, 75), 0x40, true},
		{"with CapsLock", held(0x42, 75), 0x40, true},
		{"with both", held(0x52, 75), 0x40, true},
		{"with the second layout and a mouse button", held(0x2140, 75), 0x40, true},
		{"with other keys", held(0x40, 75, 38, 255), 0x40, true},
		{"not the key", held(0x40, 76), 0x40, false},
		{"not the modifier", held(0, 75), 0x40, false},
		{"a further modifier", held(0x41, 75), 0x40, false},
		{"AltGr too", held(0xc0, 75), 0x40, false},
		{"another modifier", held(0x04, 75), 0x40, false},
		{"no modifier, and none wanted", held(0x10, 75), 0, true},
		{"nothing", held(0), 0x40, false},
		{"a lock that is wanted counts", held(0x02, 75), 0x02, true},
		{"a lock that is wanted and off", held(0, 75), 0x02, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.held.Chord(test.mods, locks, 75, 200); got != test.want {
				t.Errorf("got %v", got)
			}
		})
	}
	if _, ok := parseHeld(make([]byte, 39), make([]byte, 32)); ok {
		t.Error("a cut keymap is taken")
	}
	if _, ok := parseHeld(make([]byte, 40), make([]byte, 25)); ok {
		t.Error("a cut state is taken")
	}
}

package x11

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/lab/long"
)

const (
	f9  = 0xffc6
	f20 = 0xffd1
)

// layout changes the keyboard's layout, and waits until a connection hears of
// it.
func layout(t *testing.T, l *lab.Lab, c *Conn, args ...string) {
	t.Helper()
	select { // what is left of an earlier change
	case <-c.MappingChanges():
	default:
	}
	r := l.Run(nil, args[0], args[1:]...)
	if r.Code != 0 {
		t.Fatalf("%q: %s", args, r.Stderr)
	}
	select {
	case <-c.MappingChanges():
	case <-time.After(time.Minute):
		t.Fatalf("%q: no mapping change was heard of", args)
	}
}

func TestTheKeyboardFollowsItsLayout(t *testing.T) {
	lab.Need(t, "setxkbmap", "xmodmap")
	l := lab.Start(t)
	l.Display(lab.NoWM)
	c := connect(t, l)
	read := func() *Keyboard {
		t.Helper()
		k, err := c.Keyboard(within(t, 20*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	code := func(k *Keyboard, sym uint32) byte {
		if codes := k.Keycodes(sym); len(codes) > 0 {
			return codes[0]
		}
		return 0
	}
	layout(t, l, c, "setxkbmap", "us")
	us := read()
	if code(us, f9) != 75 || code(us, 'z') != 52 || code(us, 's') != 39 || code(us, f20) != 0 {
		t.Errorf("us: F9 %d, z %d, s %d, F20 %d", code(us, f9), code(us, 'z'), code(us, 's'), code(us, f20))
	}
	if us.Locks() != 0x12 || us.Modifiers()&0x4d != 0x4d {
		t.Errorf("us: locks %#x, modifiers %#x", us.Locks(), us.Modifiers())
	}
	layout(t, l, c, "setxkbmap", "de")
	if k := read(); code(k, 'z') != 29 || code(k, 'y') != 52 || code(k, 0xe4) != 48 {
		t.Errorf("de: z %d, y %d, adiaeresis %d", code(k, 'z'), code(k, 'y'), code(k, 0xe4))
	}
	layout(t, l, c, "setxkbmap", "ru")
	if k := read(); code(k, 's') != 0 || code(k, f9) != 75 || code(k, 0x6c6) != 38 {
		t.Errorf("ru: s %d, F9 %d, Cyrillic_ef %d", code(k, 's'), code(k, f9), code(k, 0x6c6))
	}
	layout(t, l, c, "setxkbmap", "ru,us")
	if k := read(); code(k, 's') != 39 || code(k, 0x6c6) != 38 || k.Column('s') != 2 {
		t.Errorf("ru,us: s %d in column %d", code(k, 's'), k.Column('s'))
	}
	layout(t, l, c, "xmodmap", "-e", "keycode 93 = F20")
	if k := read(); code(k, f20) != 93 {
		t.Errorf("with F20 on a key it is on %d", code(k, f20))
	}
	layout(t, l, c, "xmodmap", "-e", "remove mod2 = Num_Lock", "-e", "add mod3 = Num_Lock")
	if k := read(); k.Locks() != 0x22 {
		t.Errorf("with Num_Lock on Mod3 the locks are %#x", k.Locks())
	}
}

// What libX11 makes of a keysym is what a grab made through it takes.
func TestTheFirstKeycodeIsTheOneOfLibX11(t *testing.T) {
	lab.Need(t, "setxkbmap", "xmodmap", "cc")
	l := lab.Start(t)
	l.Display(lab.NoWM)
	c := connect(t, l)
	program := filepath.Join(t.TempDir(), "keycodes")
	if out, err := exec.Command("cc", "-o", program, "testdata/keycodes.c", "-lX11").CombinedOutput(); err != nil {
		if strings.Contains(string(out), "Xlib.h") || strings.Contains(string(out), "-lX11") {
			lab.Missing(t, "libx11-dev")
		}
		t.Fatalf("%v: %s", err, out)
	}
	// Latin to Cyrillic, modifiers, function keys, media keys, Unicode; of what few
	// layouts have a quarter each, another with each layout.
	syms := func(n uint32) string {
		var b strings.Builder
		for _, part := range [][2]uint32{
			{1, 0x800}, {0x13a0, 0x1400}, {0x20a0, 0x20b0}, {0xfe00, 0x10000}, {0x1000100, 0x1000200}, {0x1002010, 0x1002030},
			{0x1008fe00, 0x10090000},
		} {
			for sym := part[0]; sym < part[1]; sym++ {
				if long.Asked() || sym < 0x100 || sym >= 0xfe00 && sym < 0x10000 || sym%4 == n%4 {
					fmt.Fprintf(&b, "%x\n", sym)
				}
			}
		}
		return b.String()
	}
	layout(t, l, c, "setxkbmap", "us")
	for n, change := range [][]string{
		{"setxkbmap", "de"},
		{"setxkbmap", "ru,us"},
		{"setxkbmap", "us,de,fr,ru"},
		{"setxkbmap", "ch", "fr"},
		{"setxkbmap", "jp"},
		{"setxkbmap", "us"},
		{"xmodmap", "-e", "keycode 94 = q"},
		{"xmodmap", "-e", "keycode 93 = F20 F9"},
		{"xmodmap", "-e", "keycode 38 = odiaeresis NoSymbol z"},
	} {
		layout(t, l, c, change...)
		k, err := c.Keyboard(within(t, 20*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		r := l.Exec(lab.Cmd{Name: program, Stdin: syms(uint32(n))})
		if r.Code != 0 {
			t.Fatalf("%q ended with code %d: %s", program, r.Code, r.Stderr)
		}
		known := 0
		for line := range strings.Lines(r.Stdout) {
			var sym uint32
			var want byte
			if _, err := fmt.Sscanf(line, "%x %d", &sym, &want); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			var got byte
			if codes := k.Keycodes(sym); len(codes) > 0 {
				got = codes[0]
			}
			if got != want {
				t.Errorf("%q: keysym %#x is on %d, and libX11 says %d", change, sym, got, want)
			}
			if want != 0 {
				known++
			}
		}
		if known < 200 {
			t.Errorf("%q: only %d keysyms are on a key", change, known)
		}
	}
}

func TestKeysThatAreDown(t *testing.T) {
	lab.Need(t, "xdotool", "setxkbmap")
	l := lab.Start(t)
	d := l.Display(lab.NoWM)
	c := connect(t, l)
	layout(t, l, c, "setxkbmap", "us")
	k, err := c.Keyboard(within(t, 20*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	codes := k.Keycodes(f9)
	down := func(mods uint16) bool {
		t.Helper()
		is, err := c.Down(within(t, 20*time.Second), k, mods, codes...)
		if err != nil {
			t.Fatal(err)
		}
		return is
	}
	const super, shift = 0x40, 1
	if down(0) || down(super) {
		t.Error("F9 is down before")
	}
	d.KeyDown("Super_L", "F9")
	if !down(super) || down(0) || down(super|shift) {
		t.Error("Super+F9 is not seen")
	}
	d.KeyDown("Shift_L")
	if down(super) || !down(super|shift) {
		t.Error("Shift is not seen")
	}
	d.KeyUp("Shift_L")
	for _, lock := range []string{"Num_Lock", "Caps_Lock"} { // the second time both are on
		d.Key(lock)
		h, err := c.Held(within(t, 20*time.Second))
		if err != nil || h.Modifiers&k.Locks() == 0 || !down(super) {
			t.Errorf("with %s: %+v, %v", lock, h, err)
		}
	}
	d.Key("Num_Lock")
	d.Key("Caps_Lock")
	d.KeyDown("a")
	if !down(super) {
		t.Error("another key hides it")
	}
	d.KeyUp("a")
	d.KeyUp("F9")
	if down(super) {
		t.Error("F9 is down although it was let go")
	}
	d.KeyUp("Super_L")
}

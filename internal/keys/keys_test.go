package keys

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/patoggle/patoggle/internal/lab"
)

func TestParseReadsChords(t *testing.T) {
	for _, test := range []struct {
		in     string
		out    string
		mods   Mod
		keysym uint32
	}{
		{"Super+F9", "Super+F9", Super, 0xffc6},
		{"super+f9", "Super+F9", Super, 0xffc6},
		{" Mod4 + F9 ", "Super+F9", Super, 0xffc6},
		{"Ctrl+Shift+S", "Ctrl+Shift+S", Ctrl | Shift, 's'},
		{"shift+CONTROL+s", "Ctrl+Shift+S", Ctrl | Shift, 's'},
		{"Alt+Mod4+Ctrl+Shift+z", "Super+Ctrl+Alt+Shift+Z", Super | Ctrl | Alt | Shift, 'z'},
		{"Mod1+1", "Alt+1", Alt, '1'},
		{"XF86AudioNext", "XF86AudioNext", 0, 0x1008ff17},
		{"xf86audionext", "XF86AudioNext", 0, 0x1008ff17},
		{"Shift+XF86AudioPlay", "Shift+XF86AudioPlay", Shift, 0x1008ff14},
		{"XF86RotationLockToggle", "XF86RotationLockToggle", 0, 0x1008ffb7},
		{"XF86FullScreen", "XF86FullScreen", 0, 0x1008ffb8},
		{"XF86Macro1", "XF86Macro1", 0, 0x10081000 + 0x290},
		{"F20", "F20", 0, 0xffd1},
		{"Pause", "Pause", 0, 0xff13},
		{"Print", "Print", 0, 0xff61},
		{"Scroll_Lock", "Scroll_Lock", 0, 0xff14},
		{"Menu", "Menu", 0, 0xff67},
		{"Super+prior", "Super+Prior", Super, 0xff55},
		{"Super+page_up", "Super+Page_Up", Super, 0xff55},
		{"Super+plus", "Super+plus", Super, '+'},
		{"Super+return", "Super+Return", Super, 0xff0d},
		{"Super+space", "Super+space", Super, ' '},
		{"Super+cyrillic_EF", "Super+Cyrillic_ef", Super, 0x6c6},
		{"Super+Cyrillic_EF", "Super+Cyrillic_EF", Super, 0x6e6},
		{"Super+KP_Add", "Super+KP_Add", Super, 0xffab},
	} {
		t.Run(test.in, func(t *testing.T) {
			c, err := Parse(test.in)
			if err != nil {
				t.Fatal(err)
			}
			if c.Mods != test.mods || c.Keysym != test.keysym || c.String() != test.out {
				t.Errorf("got %q (%#x, %#x), want %q (%#x, %#x)",
					c, c.Mods, c.Keysym, test.out, test.mods, test.keysym)
			}
		})
	}
}

func TestParseRefusesWithAReason(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"", "no key is named"},
		{"  ", "no key is named"},
		{"s", "S would be lost for typing: add Ctrl, Alt or Super"},
		{"Shift+s", "Shift+S would be lost for typing: add Ctrl, Alt or Super"},
		{"5", "5 would be lost for typing: add Ctrl, Alt or Super"},
		{"odiaeresis", "odiaeresis would be lost for typing: add Ctrl, Alt or Super"},
		{"EuroSign", "EuroSign would be lost for typing: add Ctrl, Alt or Super"},
		{"Cyrillic_ef", "Cyrillic_ef would be lost for typing: add Ctrl, Alt or Super"},
		{"dead_acute", "dead_acute would be lost for typing: add Ctrl, Alt or Super"},
		{"space", "space would be lost for typing: add Ctrl, Alt or Super"},
		{"return", "Return would be lost for typing: add Ctrl, Alt or Super"},
		{"Shift+Left", "Shift+Left would be lost for typing: add Ctrl, Alt or Super"},
		{"KP_5", "KP_5 would be lost for typing: add Ctrl, Alt or Super"},
		{"Super", `"Super" has modifiers only, and no key`},
		{"Ctrl+Alt", `"Ctrl+Alt" has modifiers only, and no key`},
		{"Super+", `"Super+" has no key after the last +`},
		{"Super++", `the key "+" is named "plus"`},
		{"+", `the key "+" is named "plus"`},
		{"Ctrl++S", `"Ctrl++S" has nothing between two signs +`},
		{"Ctrl+Control+S", "the modifier Ctrl is named twice"},
		{"Alt+Mod1+S", "the modifier Alt is named twice"},
		{"Mod2+S", "the modifier Mod2 cannot be used: it is NumLock on most keyboards, and a hotkey must not depend on a lock"},
		{"mod3+S", "the modifier Mod3 cannot be used: most keyboards have no key for it"},
		{"MOD5+S", "the modifier Mod5 cannot be used: it is AltGr on most keyboards, and types characters"},
		{"Hyper+S", "the modifier Hyper cannot be used: on most keyboards it is the same modifier as Super: write Super"},
		{"Meta+S", "the modifier Meta cannot be used: on most keyboards it is the same modifier as Alt: write Alt"},
		{"Win+S", "the modifier Win cannot be used: write Super"},
		{"AltGr+S", "the modifier AltGr cannot be used: it types characters"},
		{"Crtl+S", `"Crtl" is no modifier: did you mean Ctrl?`},
		{"Supper+S", `"Supper" is no modifier: did you mean Super?`},
		{"q+S", `"q" is no modifier: use Ctrl, Shift, Alt or Super`},
		{"F9+F10", `"F9" is no modifier: use Ctrl, Shift, Alt or Super`},
		{"Super+Shift_L", "Shift_L is a modifier: it cannot be the key of a hotkey"},
		{"Num_Lock", "Num_Lock is a modifier: it cannot be the key of a hotkey"},
		{"Super+ISO_Level3_Shift", "ISO_Level3_Shift is a modifier: it cannot be the key of a hotkey"},
		{"Super+VoidSymbol", "VoidSymbol is no key"},
		{"Super+F111", `no key is named "F111": did you mean F11?`},
		{"XF86AudoNext", `no key is named "XF86AudoNext": did you mean XF86AudioNext?`},
		{"AudioNext", `no key is named "AudioNext": did you mean XF86AudioNext?`},
		{"Super+Retrun", `no key is named "Retrun": did you mean Return?`},
		{"Super+.", `the key "." is named "period"`},
		{"Super+ß", `the key "ß" is named "ssharp"`},
		{"Super+\x1b", `no key is named "\x1b"`},
		{"Super+completely unlike any key", `no key is named "completely unlike any key"`},
	} {
		t.Run(test.in, func(t *testing.T) {
			c, err := Parse(test.in)
			if err == nil {
				t.Fatalf("got %q, want an error", c)
			}
			if err.Error() != test.want {
				t.Errorf("got  %s\nwant %s", err, test.want)
			}
		})
	}
}

func TestTheTableIsSortedAndEveryNameIsFound(t *testing.T) {
	before, n := "", 0
	for at := 0; at < len(table); n++ {
		e, begin, end := lineAt(at)
		if begin != at || e.sym == 0 && e.name != "NoSymbol" {
			t.Fatalf("line at %d is %+v from %d", at, e, begin)
		}
		// Small letters sort after capital ones in ASCII and come first here.
		key := strings.ToLower(e.name) + "\x00" + strings.Map(func(r rune) rune { return 0x7f - r }, e.name)
		if key <= before {
			t.Errorf("%q is out of order", e.name)
		}
		before = key
		for at := begin; at < end; at++ {
			if same, _, _ := lineAt(at); same != e {
				t.Fatalf("byte %d of the line of %q is read as %q", at-begin, e.name, same.name)
			}
		}
		if got, ok := lookup(e.name); !ok || got != e {
			t.Errorf("looking for %q finds %+v", e.name, got)
		}
		for _, other := range []string{strings.ToUpper(e.name), strings.ToLower(e.name)} {
			if got, ok := lookup(other); !ok || !strings.EqualFold(got.name, e.name) {
				t.Errorf("looking for %q finds %+v", other, got)
			}
		}
		at = end
	}
	if n < 2300 {
		t.Errorf("the table has %d names", n)
	}
	for _, name := range []string{"", "aa", "zzz", "~", "0x30", "Fx", "xf86"} {
		if got, ok := lookup(name); ok {
			t.Errorf("looking for %q finds %+v", name, got)
		}
	}
}

// The headers of another release may have more names; those both know must
// have the same number.
func TestTheTableAgreesWithTheHeadersOfThisMachine(t *testing.T) {
	define := regexp.MustCompile(`(?m)^#define (XK_|XF86XK_)(\w+)\s+0x([0-9A-Fa-f]+)`)
	known := 0
	for _, path := range []string{"/usr/include/X11/keysymdef.h", "/usr/include/X11/XF86keysym.h"} {
		text, err := os.ReadFile(path)
		if err != nil {
			lab.Missing(t, path)
		}
		for _, m := range define.FindAllStringSubmatch(string(text), -1) {
			name := strings.Replace(m[1], "XF86XK_", "XF86", 1) + m[2]
			name = strings.TrimPrefix(name, "XK_")
			sym, err := strconv.ParseUint(m[3], 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			if e, ok := lookup(name); ok && e.name == name {
				known++
				if e.sym != uint32(sym) {
					t.Errorf("%s is %#x here and %#x in %s", name, e.sym, sym, path)
				}
			}
		}
	}
	if known < 2000 {
		t.Errorf("only %d names are in both", known)
	}
}

func TestEdits(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"f9", "f9", 0}, {"f9", "f8", 1}, {"ctrl", "crtl", 1}, {"", "ab", 2},
		{"abc", "", 3}, {"kitten", "sitting", 3}, {"ab", "xyzuvw", 4},
	} {
		if got := edits(test.a, test.b, 4); got != test.want {
			t.Errorf("edits(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
	}
}

// What was read, printed and read again is the same chord, and a chord that is
// taken leaves typing alone.
func FuzzChord(f *testing.F) {
	for _, s := range []string{
		"Super+F9", "Ctrl+Shift+S", "XF86AudioNext", "mod4 + plus", "Super++", "+", "s", "Shift+Eth", "Alt+ETH",
		"Ctrl+kana_tu", "Ctrl+kana_TU", "Super+ß", "Super+\xff", "Mod5+a", "Super+KP_Enter", "control+\u212a",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := Parse(s)
		if err != nil {
			if err.Error() == "" || strings.ContainsAny(err.Error(), "\n\x1b\x00") {
				t.Errorf("%q: the error is %q", s, err)
			}
			return
		}
		again, err := Parse(c.String())
		if err != nil || again != c {
			t.Errorf("%q is %+v; printed as %q it is %+v (%v)", s, c, c, again, err)
		}
		if c.Mods&^(Shift|Ctrl|Alt|Super) != 0 || c.Keysym == 0 || c.Name == "" {
			t.Errorf("%q is %+v", s, c)
		}
		if c.Mods&^Shift == 0 && (c.Keysym < 0xfd00 || c.Keysym&0xff000000 == 0x1000000) {
			t.Errorf("%q is taken, and types", s)
		}
	})
}

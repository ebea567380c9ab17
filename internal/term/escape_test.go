package term

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestEscapeShowsWhatATerminalWouldObey(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain text stays", "mpv - a song (live) [HD]", "mpv - a song (live) [HD]"},
		{"nothing stays nothing", "", ""},
		{"a backslash stays", `C:\music\n`, `C:\music\n`},
		{"other scripts stay", "日本語 العربية עברית ไทย हिन्दी ελληνικά русский", "日本語 العربية עברית ไทย हिन्दी ελληνικά русский"},
		{"colours", "\x1b[31mred\x1b[0m", `\x1b[31mred\x1b[0m`},
		{"the title of the window", "\x1b]0;owned\x07", `\x1b]0;owned\x07`},
		{"lines and tabs", "a\nb\r\nc\td", `a\nb\r\nc\td`},
		{"NUL and DEL", "a\x00b\x7f", `a\x00b\x7f`},
		{"C1 as a character", "a\u009b31m", `a\u009b31m`},
		{"C1 as a byte", "a\x9b31m", `a\x9b31m`},
		{"cut UTF-8", "a\xe6\x97", `a\xe6\x97`},
		{"a surrogate in UTF-8", "\xed\xa0\x80", `\xed\xa0\x80`},
		{"bidirectional controls", "a\u202eb\u202c \u2066c\u2069 \u200e\u200f\u061c", `a\u202eb\u202c \u2066c\u2069 \u200e\u200f\u061c`},
		{"separators of lines and paragraphs", "a\u2028b\u2029c", `a\u2028b\u2029c`},
		{"byte order mark and other invisible characters", "\ufeffa\u200bb\u2060c\u00add", `\ufeffa\u200bb\u2060c\u00add`},
		{"fillers", "\u115f\u3164\uffa0\u034f", `\u115f\u3164\uffa0\u034f`},
		{"tags", "a\U000e0041\U000e007f", `a\U000e0041\U000e007f`},
		{"never a character", "\ufffe\U0010ffff", `\ufffe\U0010ffff`},
		{"the replacement character stays", "a\ufffd", "a\ufffd"},
		{"private characters stay, fonts draw them", "\ue0b0", "\ue0b0"},
		{"Arabic signs that are drawn stay", "\u0600١", "\u0600١"},
		{"accents stay", "e\u0301 a\u0308", "e\u0301 a\u0308"},
		{"a mark with nothing before it", "\u0301a", `\u0301a`},
		{"a mark behind an escape", "\x01\u0301a", `\x01\u0301a`},
		{"a tower of marks", "a" + strings.Repeat("\u0301", 10) + "b", "a" + strings.Repeat("\u0301", 8) + `\u0301\u0301b`},
		{"a family", "👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"},
		{"a skin and a profession", "👩🏽\u200d💻", "👩🏽\u200d💻"},
		{"a flag of two emoji", "🏳\ufe0f\u200d🌈", "🏳\ufe0f\u200d🌈"},
		{"a heart on fire", "❤\ufe0f\u200d🔥", "❤\ufe0f\u200d🔥"},
		{"a flag of two letters", "🇩🇪", "🇩🇪"},
		{"a key cap", "1\ufe0f\u20e3", "1\ufe0f\u20e3"},
		{"a joiner between other letters", "a\u200db", `a\u200db`},
		{"a joiner at the end", "👨\u200d", `👨\u200d`},
		{"a non-joiner in Persian", "می\u200cخواهم", "می\u200cخواهم"},
		{"a joiner in Sinhala", "ක්\u200dර", "ක්\u200dර"},
		{"a selector of nothing", " \ufe0f\ufe0f", ` \ufe0f\ufe0f`},
		{"two selectors", "☎\ufe0f\ufe0f", "☎\ufe0f" + `\ufe0f`},
		{"a selector of an ideograph", "葛\U000e0100", "葛\U000e0100"},
		{"hidden text in selectors", "a\U000e0168\U000e0169", `a\U000e0168\U000e0169`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Escape(tt.in); got != tt.want {
				t.Errorf("Escape(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestOrdinaryIsAShortCutOnly(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if ordinary(r) && (hidden(r) || unicode.IsMark(r) || selector(r)) {
			t.Errorf("%U is not ordinary", r)
		}
		if pictograph(r) && hidden(r) || unicode.IsLetter(r) && joins(r) && hidden(r) {
			t.Errorf("%U is hidden, and may follow a joiner", r)
		}
	}
}

func TestEscapeMarkupLeavesNothingForAParser(t *testing.T) {
	in := "<b>a & b</b>\x1b &amp; \"quoted\""
	want := `&lt;b&gt;a &amp; b&lt;/b&gt;\x1b &amp;amp; "quoted"`
	if got := EscapeMarkup(in); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// checkEscaped is what every escaped text holds to.
func checkEscaped(t *testing.T, in, out string) {
	t.Helper()
	if !utf8.ValidString(out) {
		t.Errorf("%q -> %q is not UTF-8", in, out)
	}
	for i := range len(out) {
		if out[i] < ' ' || out[i] == 0x7f {
			t.Errorf("%q -> %q has the control byte %#x", in, out, out[i])
		}
	}
	marks := 0
	for i, r := range out {
		switch {
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029', r == '\ufeff',
			0xe0000 <= r && r <= 0xe007f:
			t.Errorf("%q -> %q has %U", in, out, r)
		case unicode.IsMark(r) && i == 0:
			t.Errorf("%q -> %q begins with a mark", in, out)
		}
		if unicode.IsMark(r) {
			marks++
		} else {
			marks = 0
		}
		if marks > maxMarks {
			t.Errorf("%q -> %q has %d marks in a row", in, out, marks)
		}
	}
	if again := Escape(out); again != out {
		t.Errorf("%q -> %q -> %q", in, out, again)
	}
}

func FuzzEscape(f *testing.F) {
	f.Add("\x1b]0;owned\x07 \u202e\u009b31m\x9b\xff")
	f.Add("👩🏽\u200d💻 👨\u200d👩\u200d👧 ❤\ufe0f\u200d🔥 🏴\U000e0067\U000e007f 1\ufe0f\u20e3")
	f.Add("می\u200cخواهم ක්\u200dර a" + strings.Repeat("\u0301", 12))
	f.Add("葛\U000e0100\U000e0101 \u2028\u2029\ufeff\ufffe<b>&amp;")
	f.Fuzz(func(t *testing.T, s string) {
		out := Escape(s)
		checkEscaped(t, s, out)
		if plain(s) && out != s {
			t.Errorf("%q became %q", s, out)
		}
		markup := EscapeMarkup(s)
		if strings.ContainsAny(markup, "<>") {
			t.Errorf("markup in %q", markup)
		}
		back := strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(markup)
		if back != out {
			t.Errorf("%q reads as %q, want %q", markup, back, out)
		}
	})
}

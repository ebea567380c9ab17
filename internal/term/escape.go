// Package term is what a terminal may see: text from outside with everything
// escaped that drives a terminal or hides in it, widths in cells, and tables
// that fit. Nothing here reads the environment or a file by itself.
//
// The library for grapheme clusters is github.com/rivo/uniseg.
package term

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMarks is how many combining marks may follow a character. Writing
// systems need four or five; more is a tower that covers its neighbours.
const maxMarks = 8

// Escape returns s with everything visible that a terminal would obey or not
// show. Letters, punctuation, spaces and emoji of all scripts stay; the rest
// is written as an escape of Go: \n, \r, \t, \x1b for C0 and DEL, \u009b or
// \U000e0041 for other characters, \xff for a byte that is not part of valid
// UTF-8. Escaped are
//
//   - control characters: C0, DEL and C1;
//   - format characters: the bidirectional controls, the byte order mark,
//     tags, invisible operators and fillers, and the line and paragraph
//     separators;
//   - characters that Unicode will never assign;
//   - marks with nothing to combine with, and the ninth and later ones of a
//     character.
//
// Two invisible characters stay where text needs them: U+200D between emoji,
// and U+200C and U+200D between letters of the scripts that join with them. A
// variation selector stays after the character it selects.
//
// The output has no byte below 0x20, no DEL and no C1 character, and is valid
// UTF-8. A backslash stays a backslash, so the escape cannot be undone, and
// escaping twice is the same as once.
func Escape(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	e := escaper{}
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02x`, s[0])
			e = escaper{}
		} else {
			next, _ := utf8.DecodeRuneInString(s[size:])
			if e.keep(r, next) {
				b.WriteRune(r)
			} else {
				escapeRune(&b, r)
			}
		}
		s = s[size:]
	}
	return b.String()
}

// EscapeMarkup is Escape for the body of a notification, which may hold
// markup: "&", "<" and ">" become entities (Desktop Notifications 1.2, Markup).
func EscapeMarkup(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(Escape(s))
}

// plain reports whether s is printable ASCII, which needs no look at its
// characters.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

func escapeRune(b *strings.Builder, r rune) {
	switch {
	case r == '\n':
		b.WriteString(`\n`)
	case r == '\r':
		b.WriteString(`\r`)
	case r == '\t':
		b.WriteString(`\t`)
	case r < utf8.RuneSelf:
		fmt.Fprintf(b, `\x%02x`, r)
	case r <= 0xffff:
		fmt.Fprintf(b, `\u%04x`, r)
	default:
		fmt.Fprintf(b, `\U%08x`, r)
	}
}

// escaper knows what was put out before the current character. The zero
// value stands at the beginning of a text, and behind an escape.
type escaper struct {
	prev  rune // the last character that was kept, 0 when there is none
	marks int  // how many zero-width characters follow the last base
}

// keep reports whether r stays as it is, between what came before and next.
func (e *escaper) keep(r, next rune) bool {
	switch {
	case ordinary(r):
		*e = escaper{prev: r}
		return true
	case r == zwj && pictograph(next) && (pictograph(e.prev) || e.prev == vs16):
	case (r == zwj || r == zwnj) && joins(e.prev) && joins(next) && unicode.IsLetter(next):
	case selector(r):
		if !e.selectable(r) {
			*e = escaper{}
			return false
		}
	case hidden(r):
		*e = escaper{}
		return false
	case unicode.IsMark(r):
		if e.prev == 0 || e.marks == maxMarks {
			*e = escaper{}
			return false
		}
	default:
		*e = escaper{prev: r}
		return true
	}
	e.prev = r
	e.marks++
	return true
}

const (
	zwnj = '\u200c'
	zwj  = '\u200d'
	vs16 = '\ufe0f'
)

// ordinary reports whether a character is surely a visible one, without a
// look at Unicode's tables.
func ordinary(r rune) bool {
	return ' ' <= r && r <= '~' ||
		0xa0 <= r && r < 0x300 && r != 0xad || // Latin
		0x3041 <= r && r <= 0x3096 || 0x30a1 <= r && r <= 0x30fa || // Kana
		0x4e00 <= r && r <= 0x9fff || // Han
		0xac00 <= r && r <= 0xd7a3 // Hangul
}

// hidden reports whether a character must not reach the terminal, whatever
// stands around it.
func hidden(r rune) bool {
	if unicode.Is(unicode.Prepended_Concatenation_Mark, r) {
		return false // Arabic signs that are drawn, though they are of category Cf
	}
	return r < ' ' || 0x7f <= r && r < 0xa0 ||
		unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point, unicode.Noncharacter_Code_Point)
}

// pictograph reports whether a character can be part of an emoji made of
// several: symbols and dingbats, and the pictographs of the first plane.
func pictograph(r rune) bool {
	return 0x2190 <= r && r <= 0x2bff || 0x1f000 <= r && r <= 0x1faff
}

// joins reports whether a character is of a script in which a joiner changes
// how letters are written.
func joins(r rune) bool {
	return unicode.In(r, unicode.Arabic, unicode.Syriac, unicode.Nko, unicode.Mongolian,
		unicode.Devanagari, unicode.Bengali, unicode.Gurmukhi, unicode.Gujarati, unicode.Oriya,
		unicode.Tamil, unicode.Telugu, unicode.Kannada, unicode.Malayalam, unicode.Sinhala,
		unicode.Khmer, unicode.Myanmar)
}

// selector reports whether r is a variation selector (Unicode 15, 23.4).
func selector(r rune) bool {
	return 0xfe00 <= r && r <= 0xfe0f || 0xe0100 <= r && r <= 0xe01ef
}

// selectable reports whether a variation selector stands directly behind a
// character that it can select: those of the supplement behind an ideograph.
func (e *escaper) selectable(r rune) bool {
	if e.marks > 0 || e.prev == 0 || unicode.IsSpace(e.prev) {
		return false
	}
	return r <= 0xfe0f || unicode.Is(unicode.Ideographic, e.prev)
}

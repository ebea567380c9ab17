package config

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxText is the longest name, nickname, description or glob that is
// accepted, in bytes. Sound servers cut or refuse longer names.
const MaxText = 1000

// Pattern is a name or a glob. "*" stands for any run of characters, the
// empty one too, and "?" for exactly one character. Every other character
// stands for itself, in any case: names of sinks hold dots, dashes and
// colons, descriptions hold slashes and brackets, and none of them needs
// quoting. So every text matches itself.
//
// Upper and lower case are equal, by Unicode's simple folding. The zero
// Pattern matches nothing.
type Pattern struct {
	text   string
	folded string
}

// ParsePattern checks a name or a glob. It refuses what is empty or blank,
// holds a control character, is not UTF-8, or is longer than MaxText.
func ParsePattern(text string) (Pattern, error) {
	if why := badText(text); why != "" {
		return Pattern{}, fmt.Errorf("the name %s", why)
	}
	return newPattern(text), nil
}

func newPattern(text string) Pattern { return Pattern{text: text, folded: fold(text)} }

// badText says why a text cannot be a name, "" when it can.
func badText(s string) string {
	switch {
	case strings.TrimSpace(s) == "":
		return "is empty"
	case len(s) > MaxText:
		return fmt.Sprintf("is %d bytes long, at most %d are allowed", len(s), MaxText)
	case !utf8.ValidString(s):
		return "is not valid UTF-8"
	case strings.ContainsFunc(s, unicode.IsControl):
		return "has a control character in it"
	}
	return ""
}

// String returns the pattern as it was written.
func (p Pattern) String() string { return p.text }

// Literal reports whether the pattern has no "*" and no "?".
func (p Pattern) Literal() bool { return !strings.ContainsAny(p.text, "*?") }

// Splits are the ways to take the pattern apart at a colon, the last colon first,
// without the blanks around it: what names a device, and what names a port of it.
func (p Pattern) Splits() [][2]Pattern {
	var all [][2]Pattern
	for at := strings.LastIndexByte(p.text, ':'); at >= 0; at = strings.LastIndexByte(p.text[:at], ':') {
		before, after := strings.TrimSpace(p.text[:at]), strings.TrimSpace(p.text[at+1:])
		if before != "" && after != "" {
			all = append(all, [2]Pattern{newPattern(before), newPattern(after)})
		}
	}
	return all
}

// Match reports whether the whole of s matches. A byte of s that is not part
// of valid UTF-8 counts as one character, U+FFFD.
func (p Pattern) Match(s string) bool {
	if p.text == "" {
		return false
	}
	return match(p.folded, fold(s))
}

// match is the two-pointer glob match: after a mismatch only the last "*" is
// tried again, one character longer, so the time is at most the product of
// the two lengths.
func match(pattern, s string) bool {
	var p, i int         // what is matched of each, in bytes
	star, again := -1, 0 // behind the last "*", and where it ended in s
	for i < len(s) {
		if p < len(pattern) {
			r, size := utf8.DecodeRuneInString(pattern[p:])
			if r == '*' {
				p += size
				star, again = p, i
				continue
			}
			c, width := utf8.DecodeRuneInString(s[i:])
			if r == '?' || r == c {
				p += size
				i += width
				continue
			}
		}
		if star < 0 {
			return false
		}
		_, width := utf8.DecodeRuneInString(s[again:])
		again += width
		p, i = star, again
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// fold maps every character to the smallest one that is equal to it but for
// case, and every invalid byte to U+FFFD.
func fold(s string) string { return strings.Map(foldRune, s) }

func foldRune(r rune) rune {
	if r < utf8.RuneSelf && (r < 'a' || 'z' < r) {
		return r // capitals come before everything they are equal to
	}
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	return least
}

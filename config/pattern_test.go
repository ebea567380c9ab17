package config

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestPatternMatchesWholeNames(t *testing.T) {
	tests := []struct {
		pattern, s string
		want       bool
	}{
		{"Speakers", "Speakers", true},
		{"speakers", "SPEAKERS", true},
		{"Speakers", "My Speakers", false},
		{"Speakers", "Speakers 2", false},
		{"*", "", true},
		{"*", "anything at all", true},
		{"?", "", false},
		{"?", "ä", true},
		{"?", "耳", true},
		{"?", "ab", false},
		{"alsa_output.*", "alsa_output.pci-0000_00_1f.3.analog-stereo", true},
		{"alsa_output.*", "alsa_outputXpci", false},
		{"*usb*", "alsa_output.usb-Focusrite-00", true},
		{"*usb*usb*", "alsa_output.usb-1", false},
		{"*ab", "aab", true},
		{"a*b*c", "aXbXbXc", true},
		{"a*b*c", "aXbXbX", false},
		{"**", "x", true},
		{"a**", "a", true},
		{"HDMI [2]", "hdmi [2]", true},
		{"HDMI [2]", "HDMI 2", false},
		{"{a,b}", "a", false},
		{`a\*`, `a\b`, true},
		{"Cinema/Living *", "cinema/living room", true},
		{"ÄÖ", "äö", true},
		{"Σ", "ς", true},
		{"K", "\u212a", true}, // the Kelvin sign
		{"straße", "STRASSE", false},
		{"耳机", "耳机", true},
		{"a?c", "a\xffc", true},
		{"a\ufffdc", "a\xffc", true},
	}
	for _, tt := range tests {
		p, err := ParsePattern(tt.pattern)
		if err != nil {
			t.Errorf("ParsePattern(%q): %v", tt.pattern, err)
			continue
		}
		if got := p.Match(tt.s); got != tt.want {
			t.Errorf("%q matches %q: %v, want %v", tt.pattern, tt.s, got, tt.want)
		}
		if p.String() != tt.pattern {
			t.Errorf("String() = %q, want %q", p.String(), tt.pattern)
		}
	}
	if (Pattern{}).Match("") {
		t.Error("the zero Pattern matches")
	}
}

func TestPatternRefusesWhatCannotBeAName(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "the name is empty",
		" \t":                    "the name is empty",
		"a\nb":                   "the name has a control character in it",
		"a\x1b[31m":              "the name has a control character in it",
		"a\u009b":                "the name has a control character in it",
		"\xff":                   "the name is not valid UTF-8",
		strings.Repeat("é", 501): "the name is 1002 bytes long, at most 1000 are allowed",
	} {
		if _, err := ParsePattern(text); err == nil || err.Error() != want {
			t.Errorf("ParsePattern(%.20q): %v, want %s", text, err, want)
		}
	}
}

func TestLiteralMeansWithoutWildcards(t *testing.T) {
	for text, want := range map[string]bool{"a": true, "[a]": true, "a*": false, "?": false} {
		if got := newPattern(text).Literal(); got != want {
			t.Errorf("Literal of %q is %v, want %v", text, got, want)
		}
	}
}

func TestAGlobMadeToBeSlowIsNot(t *testing.T) {
	p, err := ParsePattern(strings.Repeat("*a", 499) + "*b")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if p.Match(strings.Repeat("a", 5000)) {
		t.Error("it matches")
	}
	// The product of the lengths is five million steps; a matcher that tries
	// every star again would not end within the life of this machine.
	if took := time.Since(start); took > 2*time.Minute {
		t.Errorf("it took %v", took)
	}
}

// slow is the same match by a regular expression.
func slow(pattern string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`(?is)\A`)
	for _, r := range pattern {
		switch r {
		case '*':
			b.WriteString(".*")
		case '?':
			b.WriteString(".")
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	b.WriteString(`\z`)
	return regexp.MustCompile(b.String())
}

func FuzzPattern(f *testing.F) {
	f.Add("alsa_output.*", "alsa_output.pci-0000_00_1f.3.analog-stereo")
	f.Add("*a?b*", "xxaYbzz")
	f.Add("HDMI [2]", "hdmi [2]")
	f.Add("ΑΣ*", "ας耳机")
	f.Add("?\ufffd", "a\xff")
	f.Add("**?*a", "aaa\xf0\x9f")
	f.Fuzz(func(t *testing.T, pattern, s string) {
		p, err := ParsePattern(pattern)
		if err != nil {
			return
		}
		if !p.Match(pattern) {
			t.Errorf("%q does not match itself", pattern)
		}
		if got, want := p.Match(s), slow(pattern).MatchString(s); got != want {
			t.Errorf("%q matches %q: %v, a regular expression says %v", pattern, s, got, want)
		}
		upper, err := ParsePattern(strings.ToUpper(pattern))
		if err == nil && fold(upper.text) == p.folded && upper.Match(s) != p.Match(s) {
			t.Errorf("%q and %q differ on %q", pattern, upper, s)
		}
	})
}

func TestSplits(t *testing.T) {
	for text, want := range map[string]string{
		"Speakers":            "",
		"Built-in:headphones": "[Built-in|headphones]",
		"Built-in : Head* ":   "[Built-in|Head*]",
		"a:b:c":               "[a:b|c][a|b:c]",
		":x":                  "",
		"x:":                  "",
		"x: :y":               "[x:|y][x|:y]",
		"alsa.pci-0000:00:1f": "[alsa.pci-0000:00|1f][alsa.pci-0000|00:1f]",
	} {
		got := ""
		for _, s := range newPattern(text).Splits() {
			got += "[" + s[0].String() + "|" + s[1].String() + "]"
		}
		if got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

package term

import (
	"strings"
	"testing"

	"github.com/rivo/uniseg"
)

func TestWidthCountsCells(t *testing.T) {
	for s, want := range map[string]int{
		"":                           0,
		"abc":                        3,
		"äöü":                        3,
		"e\u0301":                    1,
		"日本":                         4,
		"한국":                         4,
		"ﾊﾝｶｸ":                       4,
		"ＡＢ":                         4,
		"🎧":                          2,
		"👨\u200d👩\u200d👧":            2,
		"👩🏽\u200d💻":                  2,
		"❤\ufe0f":                    2,
		"🇩🇪":                         2,
		"🎧 Kopfhörer":                12,
		"耳机 (USB)":                   10,
		"a…":                         2,
		"ที่":                        1,
		"ไทย":                        3,
		"हिन्दी":                     5,
		strings.Repeat("a\u0301", 5): 5,
	} {
		if got := Width(s); got != want {
			t.Errorf("Width(%q) = %d, want %d", s, got, want)
		}
	}
}

func TestTruncateKeepsWholeCharacters(t *testing.T) {
	tests := []struct {
		s     string
		cells int
		want  string
	}{
		{"abc", 3, "abc"},
		{"abcd", 3, "ab…"},
		{"abcd", 1, "…"},
		{"abcd", 0, ""},
		{"abcd", -1, ""},
		{"", 0, ""},
		{"", 5, ""},
		{"日本語", 6, "日本語"},
		{"日本語", 5, "日本…"},
		{"日本語", 4, "日…"},
		{"日本語", 2, "…"},
		{"日", 1, "…"},
		{"e\u0301e\u0301e\u0301", 2, "e\u0301…"},
		{"👨\u200d👩\u200d👧👨\u200d👩\u200d👧", 3, "👨\u200d👩\u200d👧…"},
		{"🇩🇪🇫🇷", 3, "🇩🇪…"},
		{"a日b", 3, "a…"},
		{"a日b", 4, "a日b"},
	}
	for _, tt := range tests {
		if got := Truncate(tt.s, tt.cells); got != tt.want {
			t.Errorf("Truncate(%q, %d) = %q, want %q", tt.s, tt.cells, got, tt.want)
		}
	}
}

func TestPadFillsWithSpaces(t *testing.T) {
	tests := []struct {
		s     string
		cells int
		right bool
		want  string
	}{
		{"a", 3, false, "a  "},
		{"a", 3, true, "  a"},
		{"日", 3, false, "日 "},
		{"abc", 2, true, "abc"},
		{"", 2, false, "  "},
		{"a", -1, false, "a"},
	}
	for _, tt := range tests {
		if got := Pad(tt.s, tt.cells, tt.right); got != tt.want {
			t.Errorf("Pad(%q, %d, %v) = %q, want %q", tt.s, tt.cells, tt.right, got, tt.want)
		}
	}
}

func TestAClusterMadeToLookNarrowIsCut(t *testing.T) {
	for name, s := range map[string]string{
		"joined emoji":    strings.Repeat("👨\u200d", 999) + "👨",
		"Hangul initials": strings.Repeat("\u1100", 999),
	} {
		s = Escape("a" + s)
		if w := Width(s); w < 999 {
			t.Errorf("%s: a width of %d for %d bytes", name, w, len(s))
		}
		if got := Truncate(s, 80); got != "a…" {
			t.Errorf("%s: cut to %q", name, got)
		}
	}
}

func BenchmarkEscape(b *testing.B) {
	for name, s := range map[string]string{
		"ascii":   strings.Repeat("a song (live) ", 70),
		"chinese": strings.Repeat("耳机的声音", 66),
		"arabic":  strings.Repeat("العربية ", 66),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Escape(s)
			}
		})
	}
}

func FuzzTruncate(f *testing.F) {
	f.Add("a song (live)", 5)
	f.Add("日本語🎧👨\u200d👩\u200d👧🇩🇪", 7)
	f.Add("e\u0301\u0600…हिन्दी", 3)
	f.Add("ab\u0600", 2)
	f.Add("\u1100\u1161\u11a8\r\n", 1)
	f.Fuzz(func(t *testing.T, s string, cells int) {
		s = Escape(s)
		got := Truncate(s, cells)
		if got != "" && Width(got) > cells {
			t.Errorf("Truncate(%q, %d) = %q, which takes %d", s, cells, got, Width(got))
		}
		if Width(s) <= cells && cells > 0 {
			if got != s {
				t.Errorf("Truncate(%q, %d) = %q, though it fits", s, cells, got)
			}
			return
		}
		if cells < 1 {
			if got != "" {
				t.Errorf("Truncate(%q, %d) = %q", s, cells, got)
			}
			return
		}
		kept, found := strings.CutSuffix(got, ellipsis)
		rest, begins := strings.CutPrefix(s, kept)
		if !found || !begins {
			t.Fatalf("Truncate(%q, %d) = %q is not its beginning", s, cells, got)
		}
		// The cut is between two clusters.
		if n := uniseg.GraphemeClusterCount(kept) + uniseg.GraphemeClusterCount(rest); n != uniseg.GraphemeClusterCount(s) {
			t.Errorf("Truncate(%q, %d) = %q cuts a character", s, cells, got)
		}
		// One more would not have fitted.
		cluster, _, _, _ := next(rest, -1)
		if kept != "" && Width(kept+cluster+ellipsis) <= cells {
			t.Errorf("Truncate(%q, %d) = %q leaves room for %q", s, cells, got, cluster)
		}
		if len(got) > cells*maxCluster {
			t.Errorf("%d cells hold %d bytes", cells, len(got))
		}
		if w := Width(Pad(got, cells, true)); w != cells {
			t.Errorf("padded to %d cells it takes %d", cells, w)
		}
	})
}

package term

import (
	"errors"
	"strings"
	"testing"
)

func sample(width int, colour bool) *Table {
	t := &Table{
		Columns: []Column{{}, {Title: "SINK"}, {Title: "VOLUME", Right: true}, {Title: "MEDIA", Flexible: true}},
		Width:   width, Colour: colour, Heading: Bold,
	}
	t.Add(Cell{"*", Green}, Cell{Text: "耳机"}, Cell{Text: "100%"}, Cell{Text: "a rather long title of a song by somebody", Style: Dim})
	t.Add(Cell{}, Cell{Text: "Speakers 🎧"}, Cell{Text: "5%"}, Cell{Text: "\x1b[31mred"})
	t.Add(Cell{}, Cell{Text: "HDMI"})
	return t
}

func TestTableAlignsByCells(t *testing.T) {
	tests := []struct {
		name  string
		table *Table
		want  string
	}{
		{"as wide as it needs", sample(0, false), `
   SINK         VOLUME  MEDIA
*  耳机           100%  a rather long title of a song by somebody
   Speakers 🎧      5%  \x1b[31mred
   HDMI
`},
		{"the flexible column is shortened", sample(40, false), `
   SINK         VOLUME  MEDIA
*  耳机           100%  a rather long t…
   Speakers 🎧      5%  \x1b[31mred
   HDMI
`},
		{"then the others", sample(32, false), `
   SINK       VOLUME  MEDIA
*  耳机         100%  a rather …
   Speakers…      5%  \x1b[31mr…
   HDMI
`},
		{"and no further", sample(5, false), `
   SINK    VOLUME  MEDIA
*  耳机      100%  a rat…
   Speak…      5%  \x1b[…
   HDMI
`},
		{"styles do not count", sample(40, true), strings.ReplaceAll(`
   E[1mSINKE[0m         E[1mVOLUMEE[0m  E[1mMEDIAE[0m
E[32m*E[0m  耳机           100%  E[2ma rather long t…E[0m
   Speakers 🎧      5%  \x1b[31mred
   HDMI
`, "E[", "\x1b[")},
		{"no columns", &Table{Rows: [][]Cell{{{Text: "a"}}}}, "\n\n"},
		{"no rows", &Table{Columns: []Column{{Title: "A"}, {Title: "B"}}, Indent: 2}, "\n  A  B\n"},
		{"no heading", &Table{Columns: []Column{{}, {}}, Rows: [][]Cell{{{Text: "a"}, {Text: "b"}, {Text: "c"}}}}, "\na  b\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			if err := tt.table.Write(&b); err != nil {
				t.Fatal(err)
			}
			if got := "\n" + b.String(); got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestTableFitsEveryWidthItCan(t *testing.T) {
	for width := 28; width < 100; width++ {
		var b strings.Builder
		if err := sample(width, false).Write(&b); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			line = strings.TrimSuffix(line, "\n")
			if Width(line) > width || strings.HasSuffix(line, " ") {
				t.Errorf("for a width of %d: %q takes %d", width, line, Width(line))
			}
		}
	}
}

func TestTableReportsAWriteError(t *testing.T) {
	if err := sample(0, false).Write(failing{}); !errors.Is(err, errFull) {
		t.Errorf("got %v, want %v", err, errFull)
	}
}

var errFull = errors.New("full")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }

func TestPaintNeedsColourStyleAndText(t *testing.T) {
	tests := []struct {
		style  Style
		text   string
		colour bool
		want   string
	}{
		{Bold.Join(Green), "a", true, "\x1b[1;32ma\x1b[0m"},
		{Bold.Join(""), "a", true, "\x1b[1ma\x1b[0m"},
		{Bold, "a", false, "a"},
		{"", "a", true, "a"},
		{Bold, "", true, ""},
	}
	for _, tt := range tests {
		if got := tt.style.Paint(tt.text, tt.colour); got != tt.want {
			t.Errorf("%q of %q (colour %v) is %q, want %q", tt.style, tt.text, tt.colour, got, tt.want)
		}
	}
}

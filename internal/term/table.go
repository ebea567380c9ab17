package term

import (
	"io"
	"strings"
)

// Style is how a cell looks on a terminal with colours: the parameters of a
// "select graphic rendition" sequence (ECMA-48, 8.3.117). The zero value is
// plain text.
type Style string

// Styles, which join with Join.
const (
	Bold   Style = "1"
	Dim    Style = "2"
	Red    Style = "31"
	Green  Style = "32"
	Yellow Style = "33"
	Cyan   Style = "36"
)

// Join returns both styles at once.
func (s Style) Join(other Style) Style {
	if s == "" || other == "" {
		return s + other
	}
	return s + ";" + other
}

// Paint returns the text in the style when colour is set, else the text.
func (s Style) Paint(text string, colour bool) string {
	if !colour || s == "" || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// Cell is one field of a table. The text is escaped when it is written.
type Cell struct {
	Text  string
	Style Style
}

// Column says how the cells of a column stand.
type Column struct {
	// Title is the heading; when no column has one, no heading is written.
	Title string
	// Right aligns cells and heading to the right, for numbers. They are
	// never shortened.
	Right bool
	// Flexible columns are shortened first when the table is too wide.
	Flexible bool
}

// Table is text in columns. The zero value has no columns.
type Table struct {
	Columns []Column
	Rows    [][]Cell
	// Width is how many cells a line may have; 0 means any number.
	Width int
	// Colour allows styles.
	Colour bool
	// Heading is the style of the titles.
	Heading Style
	// Indent is how many spaces stand before each line.
	Indent int
}

const (
	// gap is the number of spaces between two columns.
	gap = 2
	// least is how far a flexible column is shortened before the others
	// are, and leastOther how far those are.
	least      = 12
	leastOther = 6
)

// Add appends a row. It may have fewer cells than there are columns.
func (t *Table) Add(cells ...Cell) { t.Rows = append(t.Rows, cells) }

// Write writes the table, each column as wide as its widest cell. A table
// that is wider than Width is shortened: first the flexible columns, then all
// that are not numbers, always the widest one first. When that is not enough
// lines are longer than Width, but nothing is left out. No line ends with a
// space.
func (t *Table) Write(w io.Writer) error {
	rows, widths := t.measure()
	t.fit(widths)
	var b strings.Builder
	for _, row := range rows {
		t.line(&b, row, widths)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// measure returns the rows with the heading as the first one and all texts
// escaped, and how wide each column is.
func (t *Table) measure() (rows [][]Cell, widths []int) {
	widths = make([]int, len(t.Columns))
	add := func(row []Cell) {
		row = append([]Cell(nil), row[:min(len(row), len(widths))]...)
		for i := range row {
			row[i].Text = Escape(row[i].Text)
			if t.Width > 0 && !t.Columns[i].Right {
				row[i].Text = Truncate(row[i].Text, max(t.Width, leastOther))
			}
			widths[i] = max(widths[i], Width(row[i].Text))
		}
		rows = append(rows, row)
	}
	var heading []Cell
	titled := false
	for _, c := range t.Columns {
		heading = append(heading, Cell{c.Title, t.Heading})
		titled = titled || c.Title != ""
	}
	if titled {
		add(heading)
	}
	for _, row := range t.Rows {
		add(row)
	}
	return rows, widths
}

// fit takes cells from columns until the line is no longer than Width.
func (t *Table) fit(widths []int) {
	if t.Width <= 0 {
		return
	}
	over := t.Indent - t.Width
	for i, w := range widths {
		over += w
		if i > 0 {
			over += gap
		}
	}
	over = shrink(widths, over, least, func(i int) bool { return t.Columns[i].Flexible && !t.Columns[i].Right })
	shrink(widths, over, leastOther, func(i int) bool { return !t.Columns[i].Right })
}

// shrink takes cells, one at a time from the widest column that may give
// one, and returns how many are still to take.
func shrink(widths []int, over, least int, may func(int) bool) int {
	for ; over > 0; over-- {
		widest := -1
		for i, w := range widths {
			if may(i) && w > least && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
	}
	return over
}

func (t *Table) line(b *strings.Builder, row []Cell, widths []int) {
	spaces := t.Indent // not yet written, so that none ends a line
	for i, cell := range row {
		if i > 0 {
			spaces += gap
		}
		text := cell.Text
		if !t.Columns[i].Right {
			text = Truncate(text, widths[i])
		}
		free := widths[i] - Width(text)
		if t.Columns[i].Right {
			spaces += free
			free = 0
		}
		if text != "" {
			b.WriteString(strings.Repeat(" ", spaces))
			b.WriteString(cell.Style.Paint(text, t.Colour))
			spaces = 0
		}
		spaces += free
	}
	b.WriteByte('\n')
}

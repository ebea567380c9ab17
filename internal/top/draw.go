package top

import (
	"fmt"
	"math"
	"strings"

	"github.com/gdamore/tcell/v2"

	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/pulse"
)

// floor is the level, in decibels of full scale, at which a bar is empty.
const floor = -60

// The widths of columns, in cells. A narrow terminal gets no bars.
const (
	barWidth  = 20
	leastText = 34
	nameWidth = 22
)

// level turns a peak, 1 for full scale, into the part of a bar that is full: 0
// to 1, in decibels.
func level(peak float64) float64 {
	if peak <= 0 {
		return 0
	}
	return max(0, min(1, 1-20*math.Log10(peak)/floor))
}

// painter draws on a screen of cells.
type painter struct {
	screen tcell.Screen
	colour bool
	block  rune // of a bar
	dot    rune // of its empty part
}

func newPainter(s tcell.Screen, colour bool) *painter {
	p := &painter{screen: s, colour: colour, block: '█', dot: '·'}
	if s.CharacterSet() != "UTF-8" {
		p.block, p.dot = '#', '.'
	}
	return p
}

// tint is a style in a colour, where colours are wanted.
func (p *painter) tint(s tcell.Style, c tcell.Color) tcell.Style {
	if p.colour {
		return s.Foreground(c)
	}
	return s
}

// put writes a text that is already escaped and returns the cell behind it. It
// stops before end.
func (p *painter) put(x, y, end int, s tcell.Style, text string) int {
	if x >= end {
		return x
	}
	text = term.Truncate(text, end-x)
	for text != "" {
		var used int
		text, used = p.screen.Put(x, y, text, s)
		if used == 0 {
			break
		}
		x += used
	}
	return x
}

// fill makes the rest of a line blank.
func (p *painter) fill(x, y, end int, s tcell.Style) {
	for ; x < end; x++ {
		p.screen.SetContent(x, y, ' ', nil, s)
	}
}

// picture is everything that is drawn.
type picture struct {
	scene  scene
	chosen pulse.StreamIndex
	first  int // the line at the top
	// sinkLevel and streamLevel are 0 to 1, by name and index; absent where
	// nothing is measured.
	sinkLevel   map[string]float64
	streamLevel map[pulse.StreamIndex]float64
	message     string
	help        bool
}

// draw paints the picture and returns the line that is at the top now, and the
// streams in sight.
func (p *painter) draw(pic *picture) (first int, seen []pulse.StreamIndex) {
	w, h := p.screen.Size()
	plain := tcell.StyleDefault
	if pic.help {
		p.help(w, h)
		p.screen.Show()
		return pic.first, nil
	}
	lines := pic.scene.lines()
	at := 0
	for i, l := range lines {
		if l.stream != nil && l.stream.index == pic.chosen {
			at = i
		}
	}
	room := h - 1
	from, to := window(len(lines), room, at, pic.first)
	for y := range room {
		x := 0
		if n := from + y; n < to {
			l := lines[n]
			if l.stream == nil {
				x = p.sink(y, w, l.sink, pic)
			} else {
				x = p.stream(y, w, l.stream, pic)
				seen = append(seen, l.stream.index)
			}
		} else if y == 0 && len(lines) == 0 {
			x = p.put(0, y, w, plain, "no sink at all")
		}
		p.fill(x, y, w, plain)
	}
	foot := pic.message
	if foot == "" {
		foot = "up down: choose   left right: move   1-9: to that sink   u: undo   ?: help   q: quit"
	}
	if h > 0 {
		x := p.put(0, h-1, w, plain.Reverse(true), " "+foot)
		p.fill(x, h-1, w, plain.Reverse(true))
	}
	p.screen.Show()
	return from, seen
}

func (p *painter) sink(y, w int, k *sinkRow, pic *picture) int {
	style := tcell.StyleDefault.Bold(true)
	key := " "
	if k.key != 0 {
		key = string(k.key)
	}
	x := p.put(0, y, w, p.tint(style, tcell.ColorTeal), key+" ")
	end := textEnd(w)
	x = p.put(x, y, end, style, k.label)
	x = p.put(x, y, end, tcell.StyleDefault.Dim(true), remarks(
		remark{k.isDefault, "default"}, remark{k.muted, "muted"}, remark{k.name != "" && !k.inRing, "not in cycle"}))
	if k.name == "" {
		return x
	}
	l, ok := pic.sinkLevel[k.name]
	return p.tail(x, y, w, k.volume, l, ok, style)
}

func (p *painter) stream(y, w int, r *streamRow, pic *picture) int {
	style := tcell.StyleDefault
	mark, faint := p.tint(style, tcell.ColorYellow), style.Dim(true)
	if r.index == pic.chosen {
		style = style.Reverse(true)
		mark, faint = style, style // a colour would be that of the line
	}
	sign := "    "
	if r.focused {
		sign = "  > "
	}
	x := p.put(0, y, w, mark, sign)
	end := textEnd(w)
	name := r.application
	if name == "" {
		name = fmt.Sprintf("stream %d", r.index)
	}
	if term.Width(name) > nameWidth {
		name = term.Truncate(name, nameWidth)
	}
	x = p.put(x, y, end, style.Bold(r.focused), term.Pad(name, nameWidth, false)+" ")
	notes := remarks(remark{r.paused, "paused"}, remark{r.muted, "muted"}, remark{r.own, "not an application"})
	x = p.put(x, y, end, style, strings.TrimPrefix(notes+" ", " "))
	x = p.put(x, y, end, faint, r.media)
	l, ok := pic.streamLevel[r.index]
	return p.tail(x, y, w, r.volume, l, ok, style)
}

// textEnd is where the text of a line ends, in a terminal w cells wide.
func textEnd(w int) int {
	if w < leastText+barWidth {
		return w
	}
	return w - barWidth - 7
}

// tail draws volume and bar at the right end of a line.
func (p *painter) tail(x, y, w, volume int, level float64, measured bool, style tcell.Style) int {
	end := textEnd(w)
	if end == w {
		return x
	}
	p.fill(x, y, end, style)
	x = p.put(end, y, w, style, fmt.Sprintf(" %4d%% ", volume))
	full := 0
	if measured {
		full = int(math.Round(level * barWidth))
	}
	for i := range barWidth {
		cell, s := ' ', tcell.StyleDefault
		if i < full {
			cell = p.block
			switch {
			case i >= barWidth*9/10:
				s = p.tint(s, tcell.ColorMaroon)
			case i >= barWidth*7/10:
				s = p.tint(s, tcell.ColorOlive)
			default:
				s = p.tint(s, tcell.ColorGreen)
			}
		} else if measured {
			cell, s = p.dot, s.Dim(true)
		}
		p.screen.SetContent(x+i, y, cell, nil, s)
	}
	return x + barWidth
}

// helpText explains the keys.
var helpText = []string{
	"patoggle top: what plays where, and how loud",
	"",
	"up, down, k, j      choose a stream",
	"right, l, Enter     move it to the next sink",
	"left, h             move it to the previous sink",
	"1 to 9              move it to that sink",
	"f                   choose the focused application's stream",
	"u                   take the last move back",
	"Ctrl-L              draw everything anew",
	"Ctrl-Z              stop, until fg",
	"?                   this help",
	"q, Esc, Ctrl-C      quit",
	"",
	"The stream marked > is the focused application's. A bar shows the loudest",
	"sample of the last moment, from -60 dB to full scale.",
}

func (p *painter) help(w, h int) {
	for y := range h {
		x := 0
		if y < len(helpText) {
			x = p.put(0, y, w, tcell.StyleDefault, " "+helpText[y])
		}
		p.fill(x, y, w, tcell.StyleDefault)
	}
}

// remark is a word that stands behind a name where it is true.
type remark struct {
	on   bool
	word string
}

// remarks joins the words that are true: " (default, muted)"; "" for none.
func remarks(all ...remark) string {
	var words []string
	for _, r := range all {
		if r.on {
			words = append(words, r.word)
		}
	}
	if len(words) == 0 {
		return ""
	}
	return " (" + strings.Join(words, ", ") + ")"
}

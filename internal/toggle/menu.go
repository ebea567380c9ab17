package toggle

import (
	"fmt"
	"slices"
	"strings"

	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/pulse"
)

// menuGap is between a sink's label and its marks.
const menuGap = "  ("

// Menu is a line for each sink, for a program that lets the user choose one of
// several lines: the label, and what is to be known of the sink. It begins with
// the ring in its order. No two lines have the same label, and none has a
// control character. next is where the next press goes, nil when that is not
// known.
func (b *Book) Menu(defaultSink string, next *Output) []string {
	labels := b.menuLabels()
	var lines []string
	for _, i := range b.inRingOrder() {
		o := &b.Outputs[i]
		var marks []string
		for _, m := range []struct {
			on   bool
			word string
		}{
			{o.Name == defaultSink, "default"},
			{next != nil && next.Index == o.Index, "next"},
			{o.Muted, "muted"},
			{o.Available == pulse.AvailableNo, "unplugged"},
		} {
			if m.on {
				marks = append(marks, m.word)
			}
		}
		line := labels[i]
		if len(marks) > 0 {
			line += menuGap + strings.Join(marks, ", ") + ")"
		}
		lines = append(lines, line)
	}
	return lines
}

// menuLabels are the escaped labels, by position in Outputs, with the index
// behind those that escaping has made equal.
func (b *Book) menuLabels() []string {
	labels := make([]string, len(b.Outputs))
	bearers := map[string]int{}
	for i := range b.Outputs {
		// One space each: no label has menuGap in it.
		labels[i] = strings.Join(strings.Fields(term.Escape(b.Outputs[i].Label)), " ")
		bearers[labels[i]]++
	}
	for i, l := range labels {
		if bearers[l] > 1 || l == "" {
			labels[i] = strings.TrimSpace(fmt.Sprintf("%s #%d", l, b.Outputs[i].Index))
		}
	}
	return labels
}

// inRingOrder are the positions in Outputs, first those in the ring.
func (b *Book) inRingOrder() []int {
	var order []int
	for _, index := range b.ring {
		for i := range b.Outputs {
			if b.Outputs[i].Index == index {
				order = append(order, i)
			}
		}
	}
	for i := range b.Outputs {
		if !b.Outputs[i].InCycle {
			order = append(order, i)
		}
	}
	return order
}

// Chosen is the sink of a line of Menu, also one of an earlier Menu with other
// marks; else what Find makes of the words, since menu programs let one type
// others.
func (b *Book) Chosen(line string) (*Output, error) {
	line = strings.TrimSpace(line)
	labels := b.menuLabels()
	chosen, _, _ := strings.Cut(line, menuGap)
	if i := slices.Index(labels, chosen); i >= 0 {
		return &b.Outputs[i], nil
	}
	return b.Find(line)
}

package toggle

import (
	"fmt"
	"slices"
	"strings"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/pulse"
)

// The properties of sinks that are read: PulseAudio's proplist.h.
const (
	propIcon = "device.icon_name"
	propCard = "alsa.card_name"
	// propDescription is that of a card.
	propDescription = "device.description"
	propProduct     = "device.product.name"
	propDevice      = "device.string"
)

// Output is one sink under the names its user knows it by.
type Output struct {
	pulse.Sink
	// Nickname is the configuration's name for the sink, "" without one.
	Nickname string
	// Label is what a person is shown: the nickname, else the description,
	// else the name. No two outputs of a Book share a label.
	Label string
	// InCycle is true when next and prev may stop here.
	InCycle bool
	// Reach is how to get there, where this is no sink as it stands; then Index is
	// none of the server's. Nil for a sink.
	Reach *Reach
}

// Book is the sinks of one snapshot: how they are called, and the ring that
// next and prev step through. It is a value: nothing in it changes later.
type Book struct {
	// Outputs are all sinks of the snapshot in its order, and behind them what the
	// configuration names to be reached.
	Outputs []Output
	ring    []pulse.SinkIndex
	input   bool            // its outputs are sources
	reached map[string]bool // the entries of the configuration that are to be reached
}

// NewBook names the sinks and builds the ring: the configured list in its
// order, else every sink by name. Left out are sinks that the configuration
// skips and sinks whose active port has nothing plugged in ("no"; "unknown"
// counts as usable), and of sources those that give what a sink plays.
//
// An entry DEVICE:PORT of the list puts a port of a sink there.
func NewBook(sinks []pulse.Sink, cfg *config.Config) *Book { return bookOf(sinks, nil, cfg) }

// bookOf is NewBook where the cards are known too.
func bookOf(sinks []pulse.Sink, cards []pulse.Card, cfg *config.Config) *Book {
	b := &Book{Outputs: make([]Output, len(sinks))}
	for i, s := range sinks {
		o := Output{Sink: s, Nickname: cfg.Nickname(s.Name)}
		o.Label = firstOf(o.Nickname, s.Description, s.Name)
		b.Outputs[i] = o
	}
	b.tellApart()

	byName := make([]int, len(b.Outputs))
	for i := range byName {
		byName[i] = i
	}
	slices.SortFunc(byName, func(x, y int) int {
		return strings.Compare(b.Outputs[x].Name, b.Outputs[y].Name)
	})
	enter := func(i int) {
		o := &b.Outputs[i]
		if o.InCycle || o.Monitor || o.Available == pulse.AvailableNo || o.matches(cfg.Skip) {
			return
		}
		o.InCycle = true
		b.ring = append(b.ring, o.Index)
	}
	if len(cfg.Sinks) == 0 {
		for _, i := range byName {
			enter(i)
		}
		return b
	}
	for _, p := range cfg.Sinks {
		named := false
		for _, i := range byName {
			if b.Outputs[i].matches([]config.Pattern{p}) {
				enter(i)
				named = true
			}
		}
		if !named {
			b.reachable(p, cards, cfg)
		}
	}
	return b
}

// tellApart makes equal labels different: by port, by card, and at last by
// the name, which the server keeps unique.
func (b *Book) tellApart() {
	more := []func(o *Output) string{
		func(o *Output) string { return o.PortDescription },
		func(o *Output) string {
			return firstOf(o.Properties[propCard], o.Properties[propProduct], o.Properties[propDevice])
		},
		func(o *Output) string { return o.Name },
	}
	for _, detail := range more {
		same := map[string][]int{}
		for i := range b.Outputs {
			same[b.Outputs[i].Label] = append(same[b.Outputs[i].Label], i)
		}
		for _, group := range same {
			if len(group) < 2 {
				continue
			}
			differ := map[string]bool{}
			for _, i := range group {
				differ[detail(&b.Outputs[i])] = true
			}
			if len(differ) < 2 {
				continue
			}
			for _, i := range group {
				if d := detail(&b.Outputs[i]); d != "" {
					b.Outputs[i].Label += " (" + d + ")"
				}
			}
		}
	}
}

func (o *Output) matches(patterns []config.Pattern) bool {
	for _, p := range patterns {
		if p.Match(o.Name) || o.Nickname != "" && p.Match(o.Nickname) || o.Description != "" && p.Match(o.Description) {
			return true
		}
	}
	return false
}

// Output returns the output with the index, or nil.
func (b *Book) Output(i pulse.SinkIndex) *Output {
	for n := range b.Outputs {
		if b.Outputs[n].Index == i {
			return &b.Outputs[n]
		}
	}
	return nil
}

// Ring is the order in which next goes from sink to sink.
func (b *Book) Ring() []pulse.SinkIndex { return slices.Clone(b.ring) }

// Step returns the sink after from in the ring, or before it when back is
// true. A sink that is not in the ring is followed by the first and preceded
// by the last. It is false when there is no other sink to go to.
func (b *Book) Step(from pulse.SinkIndex, back bool) (pulse.SinkIndex, bool) {
	n := len(b.ring)
	if n == 0 {
		return pulse.NoSink, false
	}
	at := b.place(from)
	switch {
	case at < 0 && back:
		return b.ring[n-1], true
	case at < 0:
		return b.ring[0], true
	case n == 1:
		return pulse.NoSink, false
	case back:
		return b.ring[(at+n-1)%n], true
	}
	return b.ring[(at+1)%n], true
}

// Find returns the one sink the user means: the name, nickname, label or
// description in any case, else a part that only one sink has. The error is a
// usage Problem that lists the candidates.
func (b *Book) Find(query string) (*Output, error) {
	q := strings.ToLower(query)
	device := sideOf(b.input).device
	names := func(o *Output) []string { return []string{o.Name, o.Nickname, o.Label, o.Description} }
	pick := func(fits func(string) bool) (hits []*Output) {
		for i := range b.Outputs {
			o := &b.Outputs[i]
			if slices.ContainsFunc(names(o), func(n string) bool { return n != "" && fits(strings.ToLower(n)) }) {
				hits = append(hits, o)
			}
		}
		return hits
	}
	if strings.TrimSpace(q) == "" {
		return nil, &Problem{Kind: Usage, Message: "the " + device + "'s name is empty", Hint: "the " + device + "s are " + b.list(b.all())}
	}
	// A sink's name is unique and wins over another sink's equal nickname.
	for i := range b.Outputs {
		if b.Outputs[i].Name == query {
			return &b.Outputs[i], nil
		}
	}
	hits := pick(func(n string) bool { return n == q })
	if len(hits) == 0 {
		hits = pick(func(n string) bool { return strings.Contains(n, q) })
		// A monitor has its sink's name in its own: it is not meant by a part.
		hits = slices.DeleteFunc(hits, func(o *Output) bool { return o.Monitor })
		// Nor is what has to be switched, where a sink that is there fits.
		if slices.ContainsFunc(hits, func(o *Output) bool { return o.Reach == nil }) {
			hits = slices.DeleteFunc(hits, func(o *Output) bool { return o.Reach != nil })
		}
	}
	switch len(hits) {
	case 1:
		return hits[0], nil
	case 0:
		hint := "there is no " + device + " at all"
		if len(b.Outputs) > 0 {
			hint = "the " + device + "s are " + b.list(b.all())
		}
		return nil, &Problem{Kind: Usage, Message: fmt.Sprintf("no %s is called %s", device, Quote(query)), Hint: hint}
	}
	return nil, &Problem{
		Kind:    Usage,
		Message: fmt.Sprintf("%s fits %d %ss", Quote(query), len(hits), device),
		Hint:    "it could be " + b.list(hits),
	}
}

func (b *Book) all() []*Output {
	out := make([]*Output, len(b.Outputs))
	for i := range b.Outputs {
		out[i] = &b.Outputs[i]
	}
	return out
}

// list names outputs for a hint: the label, and the name where it differs.
func (b *Book) list(outputs []*Output) string {
	words := make([]string, len(outputs))
	for i, o := range outputs {
		words[i] = Quote(o.Label)
		if o.Label != o.Name {
			words[i] += " [" + term.Escape(o.Name) + "]"
		}
	}
	return strings.Join(words, ", ")
}

func firstOf(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}

package toggle

import (
	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/pulse"
)

// side are the words for what plays, or for what records.
type side struct {
	device, doing string
	use, uses     string // "to play on", "plays on"
	flag          string // of the command line, with a space before it
}

var (
	outputs = side{device: "sink", doing: "playing", use: "to play on", uses: "plays on"}
	inputs  = side{device: "source", doing: "recording", use: "to record from", uses: "records from", flag: " --input"}
)

func sideOf(input bool) *side {
	if input {
		return &inputs
	}
	return &outputs
}

func (v *View) side() *side { return sideOf(v.Snapshot.Input) }

// BookOf is NewBook for the side of a snapshot; see newBook.
func BookOf(s *pulse.Snapshot, cfg *config.Config) *Book { return newBook(s, cfg) }

// newBook is NewBook for the snapshot's side. The ring of the sources is that of
// cfg.Sources, else every one by name that does not merely give what a sink
// plays. Such a monitor is like any other source when the configuration spells
// its name or description out: the snapshot says so from then on.
func newBook(s *pulse.Snapshot, cfg *config.Config) *Book {
	if !s.Input {
		return bookOf(s.Sinks, s.Cards, cfg)
	}
	for i := range s.Sinks {
		o := Output{Sink: s.Sinks[i], Nickname: cfg.Nickname(s.Sinks[i].Name)}
		for _, p := range cfg.Sources {
			if p.Literal() && o.matches([]config.Pattern{p}) {
				s.Sinks[i].Monitor = false
			}
		}
	}
	of := *cfg
	of.Sinks = cfg.Sources
	b := NewBook(s.Sinks, &of)
	b.input = true
	return b
}

package toggle

import (
	"slices"
	"strings"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/pulse"
)

// Stranger is an entry of the configuration that fits no sink, or no source.
type Stranger struct {
	Key  string // "sinks", "sources" or "skip"
	Name string // as it was written, not escaped
}

// String says so in words, with the name escaped.
func (s Stranger) String() string {
	what := "sink"
	if s.Key == "sources" {
		what = "source"
	}
	return Quote(s.Name) + ` in "` + s.Key + `" fits no ` + what
}

// Strangers are the entries that fit none of the book's sinks, in their order:
// misspelt, or not plugged in. They are those of "sinks" and "skip", and of a
// book of sources those of "sources".
func (b *Book) Strangers(cfg *config.Config) []Stranger {
	if cfg == nil {
		return nil
	}
	var all []Stranger
	look := func(key string, patterns []config.Pattern) {
		for _, p := range patterns {
			if !b.fits(p) {
				all = append(all, Stranger{key, p.String()})
			}
		}
	}
	if b.input {
		look("sources", cfg.Sources)
		return all
	}
	look("sinks", cfg.Sinks)
	look("skip", cfg.Skip)
	return all
}

// fits tells whether one of the outputs is meant.
func (b *Book) fits(p config.Pattern) bool {
	return b.reached[p.String()] || slices.ContainsFunc(b.Outputs, func(o Output) bool { return o.matches([]config.Pattern{p}) })
}

// StrangeSinks are the Problems of a configuration that only a sound server
// shows: entries that fit no sink or source, and hotkeys to one that is not
// there. Their kind is Nothing: the file itself is good. The snapshots are of
// both sides; recording is nil where that one is not known.
func StrangeSinks(playing, recording *pulse.Snapshot, cfg *config.Config) []*Problem {
	sinks := newBook(playing, cfg)
	all := strangers(sinks, cfg, func(s Stranger) bool {
		// What is skipped may be a source.
		return s.Key == "skip" && (recording == nil || newBook(recording, cfg).fits(pattern(cfg.Skip, s.Name)))
	})
	if recording != nil {
		all = append(all, strangers(newBook(recording, cfg), cfg, func(Stranger) bool { return false })...)
	}
	return all
}

// pattern is the one that was written so.
func pattern(all []config.Pattern, text string) config.Pattern {
	at := slices.IndexFunc(all, func(p config.Pattern) bool { return p.String() == text })
	return all[at]
}

// strangers are the Problems of one side, but for those that are excused.
func strangers(b *Book, cfg *config.Config, excused func(Stranger) bool) []*Problem {
	var all []*Problem
	for _, s := range b.Strangers(cfg) {
		if !excused(s) {
			all = append(all, &Problem{Kind: Nothing, Message: s.String() + " that is there now"})
		}
	}
	for _, h := range cfg.Hotkeys {
		if h.Action != config.To || (h.Side == config.Input) != b.input {
			continue
		}
		if _, err := b.Find(h.Sink); err != nil {
			all = append(all, &Problem{Kind: Nothing, Message: "the hotkey " + h.Chord.String() + ": " + err.Error()})
		}
	}
	if len(all) > 0 && len(b.Outputs) > 0 {
		all[len(all)-1].Hint = "the " + sideOf(b.input).device + "s are " + b.list(b.all())
	}
	return all
}

// strange are the strangers in one sentence, "" without any.
func strange(all []Stranger) string {
	words := make([]string, len(all))
	for i, s := range all {
		words[i] = s.String()
	}
	return strings.Join(words, ", ")
}

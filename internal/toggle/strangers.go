package toggle

import (
	"strings"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/pulse"
)

// Stranger is an entry of the configuration that fits no sink.
type Stranger struct {
	Key  string // "sinks" or "skip"
	Name string // as it was written, not escaped
}

// String says so in words, with the name escaped.
func (s Stranger) String() string { return Quote(s.Name) + ` in "` + s.Key + `" fits no sink` }

// Strangers are the entries of "sinks" and "skip" that fit none of the book's
// sinks, in their order: misspelt, or not plugged in. Of sources there are none:
// those keys are about sinks.
func (b *Book) Strangers(cfg *config.Config) []Stranger {
	if cfg == nil || b.input {
		return nil
	}
	var all []Stranger
	look := func(key string, patterns []config.Pattern) {
		for _, p := range patterns {
			known := false
			for i := range b.Outputs {
				known = known || b.Outputs[i].matches([]config.Pattern{p})
			}
			if !known {
				all = append(all, Stranger{key, p.String()})
			}
		}
	}
	look("sinks", cfg.Sinks)
	look("skip", cfg.Skip)
	return all
}

// StrangeSinks are the Problems of a configuration that only a sound server
// shows: entries that fit no sink, and hotkeys to a sink that is not there.
// Their kind is Nothing: the file itself is good.
func StrangeSinks(sinks []pulse.Sink, cfg *config.Config) []*Problem {
	b := NewBook(sinks, cfg)
	var all []*Problem
	for _, s := range b.Strangers(cfg) {
		all = append(all, &Problem{Kind: Nothing, Message: s.String() + " that is there now"})
	}
	for _, h := range cfg.Hotkeys {
		if h.Action != config.To {
			continue
		}
		if _, err := b.Find(h.Sink); err != nil {
			all = append(all, &Problem{Kind: Nothing, Message: "the hotkey " + h.Chord.String() + ": " + err.Error()})
		}
	}
	if len(all) > 0 && len(b.Outputs) > 0 {
		all[len(all)-1].Hint = "the sinks are " + b.list(b.all())
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

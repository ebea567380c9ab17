package state

import (
	"encoding/json"
	"slices"
	"time"
)

const (
	levelsFile = "levels.json"
	// keepLevels is how many levels are kept; the oldest go first.
	keepLevels = 500
	// maxKey is the longest name of an application or a sink that is written.
	maxKey = 1000
)

// Level is how loud an application played on a sink.
type Level struct {
	// Application is its identity's key, Sink the sink's name.
	Application string `json:"application"`
	Sink        string `json:"sink"`
	Volume
	Time time.Time `json:"time"`
}

// Volume is a volume as mixers show it.
type Volume struct {
	Percent float64 `json:"percent"`
	// Flat: with flat volumes, where a stream's volume has its sink's in it.
	Flat bool `json:"flat,omitempty"`
}

// levels is the file.
type levels struct {
	Version int     `json:"patoggle"`
	Levels  []Level `json:"levels"`
}

func parseLevels(b []byte) ([]Level, error) {
	var f levels
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, err
	}
	if f.Version != Version {
		return nil, errForeign
	}
	const loudest = 100_000 // percent; nothing is louder
	return slices.DeleteFunc(f.Levels, func(l Level) bool {
		return l.Application == "" || l.Sink == "" || !(l.Percent >= 0 && l.Percent <= loudest)
	}), nil
}

// Levels returns what is known, oldest first.
func (s *Store) Levels() ([]Level, error) {
	b, err := s.read(levelsFile)
	if err != nil || b == nil {
		return nil, err
	}
	all, err := parseLevels(b)
	if err != nil {
		s.aside(levelsFile, err)
		return nil, nil
	}
	return all, nil
}

// KeepLevels notes levels, whose time it sets. Each takes the place of an older
// one of the same application and sink; those of gone go.
func (s *Store) KeepLevels(more, gone []Level) error {
	more = slices.DeleteFunc(slices.Clone(more), func(l Level) bool {
		return len(l.Application) > maxKey || len(l.Sink) > maxKey || l.Application == "" || l.Sink == ""
	})
	if len(more)+len(gone) == 0 {
		return nil
	}
	now := time.Now().Round(time.Second)
	for i := range more {
		more[i].Time = now
	}
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	all, err := s.Levels()
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(old Level) bool {
		same := func(l Level) bool { return l.Application == old.Application && l.Sink == old.Sink }
		return slices.ContainsFunc(more, same) || slices.ContainsFunc(gone, same)
	})
	all = append(all, more...)
	all = all[max(0, len(all)-keepLevels):]
	b, err := json.MarshalIndent(levels{Version, all}, "", "  ")
	if err != nil {
		return err
	}
	return s.replace(levelsFile, append(b, '\n'), false)
}

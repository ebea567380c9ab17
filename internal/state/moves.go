package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// By says who wanted a move.
type By string

// The values of By.
const (
	Press  By = "press"  // a key, or the command line
	Rule   By = "rule"   // the configuration, or what is remembered
	User   By = "user"   // another program: a mixer
	Follow By = "follow" // patoggle follow or reset: the default sink
	Home   By = "home"   // the sink came back
	Undo   By = "undo"
	// Silent applications, of which the server was told where they start: where
	// their rule wants them, and on the default sink.
	Taught   By = "taught"
	Untaught By = "untaught"
)

// Entry is one line: streams that were moved together.
type Entry struct {
	ID    string    `json:"id"`
	Time  time.Time `json:"time"`
	By    By        `json:"by"`
	Moves []Moved   `json:"moves"`
	// Undoes is the entry that this one took back.
	Undoes string `json:"undoes,omitempty"`
}

// Moved is one stream of an Entry.
type Moved struct {
	Side string `json:"side,omitempty"` // "" is playback
	// Stream is the index. It means the same stream only together with what
	// follows, since a server that was started anew counts anew.
	Stream      uint32 `json:"stream"`
	Application string `json:"application"`
	Program     string `json:"program"`
	PID         string `json:"pid"`
	// Key is the application's identity, "" where only its stream is known.
	Key string `json:"key,omitempty"`
	// Names are what the application is called in a rule, where a daemon wrote
	// the entry: with them it is known before it plays again.
	Names []string `json:"names,omitempty"`
	// ID and Name are what the server remembers its sink by; both "" where that
	// is a role, which others share.
	ID   string `json:"group_id,omitempty"`
	Name string `json:"group_name,omitempty"`
	// From and To are names of sinks; From may be "".
	From string `json:"from"`
	To   string `json:"to"`
	// Loud is what the volume was before and after; nil where the move left it
	// alone.
	Loud *Loud `json:"loud,omitempty"`
}

// Loud is a change of a stream's volume.
type Loud struct {
	From Volume `json:"from"`
	To   Volume `json:"to"`
}

// header is the first line of the file.
var header = []byte(`{"patoggle":1,"holds":"moves"}`)

// Record adds an entry, whose id and time it sets, and returns it. It reads
// nothing: a key press waits.
func (s *Store) Record(e Entry) (Entry, error) {
	e.Time = time.Now().Round(time.Millisecond)
	e.ID = newID(time.Now())
	line, err := json.Marshal(e)
	if err != nil {
		return e, err
	}
	unlock, err := s.lock()
	if err != nil {
		return e, err
	}
	defer unlock()
	return e, s.add(append(line, '\n'))
}

// add writes one line at the end. The lock is held.
func (s *Store) add(line []byte) error {
	path := filepath.Join(s.dir, movesFile)
	for try := 0; ; try++ {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
		if err != nil {
			if try == 0 && (errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.EISDIR) || errors.Is(err, syscall.ENXIO)) {
				s.aside(movesFile, errors.New("it is no file"))
				continue
			}
			return err
		}
		size, ours, whole := look(f)
		if !ours && try == 0 {
			f.Close()
			s.aside(movesFile, errForeign)
			continue
		}
		switch {
		case size == 0:
			line = append(append(bytes.Clone(header), '\n'), line...)
		case !whole: // a writer was killed in the middle
			line = append([]byte("\n"), line...)
		}
		// One write, so that a killed writer leaves all of it or a line
		// that the reader knows for a piece.
		_, err = f.Write(line)
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err == nil && size > compactAt {
			err = s.compact()
		}
		return err
	}
}

// look says how large the file is, whether it begins as ours does, and whether
// its last line is whole.
func look(f *os.File) (size int64, ours, whole bool) {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return 0, false, false
	}
	size = info.Size()
	if size == 0 {
		return 0, true, true
	}
	b := make([]byte, len(header)+1)
	if _, err := f.ReadAt(b, 0); err != nil || !bytes.Equal(b, append(bytes.Clone(header), '\n')) {
		return size, false, false
	}
	_, err = f.ReadAt(b[:1], size-1)
	return size, true, err == nil && b[0] == '\n'
}

// parseMoves reads the file. A line that is no entry is left out: what a killed
// writer left.
func parseMoves(b []byte) ([]Entry, error) {
	whole, rest := lines(b)
	if len(rest) > 0 {
		whole = append(whole, rest)
	}
	if len(whole) == 0 {
		return nil, nil
	}
	if !bytes.Equal(whole[0], header) {
		return nil, errForeign
	}
	var entries []Entry
	for _, line := range whole[1:] {
		var e Entry
		if json.Unmarshal(line, &e) == nil && e.ID != "" {
			entries = append(entries, e)
		}
	}
	return entries, nil
}

// Moves returns the entries, oldest first.
func (s *Store) Moves() ([]Entry, error) {
	b, err := s.read(movesFile)
	if err != nil || b == nil {
		return nil, err
	}
	entries, err := parseMoves(b)
	if err != nil {
		s.aside(movesFile, err)
		return nil, nil
	}
	return entries, nil
}

// compact keeps the last entries. The lock is held.
func (s *Store) compact() error {
	entries, err := s.Moves()
	if err != nil {
		return err
	}
	entries = keep(entries)
	b := append(bytes.Clone(header), '\n')
	for _, e := range entries {
		line, err := json.Marshal(e)
		if err != nil {
			return err
		}
		b = append(append(b, line...), '\n')
	}
	return s.replace(movesFile, b, false)
}

// group tells the applications of moves apart as the server does; "" where it
// does not.
func (m Moved) group() string {
	switch {
	case m.Side != "" && m.Side != "playback":
		return ""
	case m.ID != "":
		return "id:" + m.ID
	}
	return m.Name
}

// Placed are the applications that patoggle was the last to put on a sink: the
// server itself remembers that sink, and starts their next streams there.
func Placed(entries []Entry) []Moved {
	at := map[string]int{} // in all, from 1
	var all []Moved
	for _, e := range entries {
		ours := e.By != User && e.By != Follow && e.By != Untaught
		for _, m := range e.Moves {
			g := m.group()
			switch i := at[g]; {
			case g == "":
			case i > 0 && ours:
				all[i-1] = m
			case i > 0:
				all[i-1].To = ""
			case ours:
				all = append(all, m)
				at[g] = len(all)
			}
		}
	}
	return slices.DeleteFunc(all, func(m Moved) bool { return m.To == "" })
}

// keepPlaced is of how many more applications the last entry is kept.
const keepPlaced = 200

// keep are the last keepMoves entries, and before them what undo needs and what
// the server remembers of patoggle's doing.
func keep(entries []Entry) []Entry {
	if len(entries) <= keepMoves {
		return entries
	}
	old, last := entries[:len(entries)-keepMoves], entries[len(entries)-keepMoves:]
	wanted := placed(old, last)
	const undoable = 20
	open := Undoable(entries)
	for _, e := range open[max(0, len(open)-undoable):] {
		wanted[e.ID] = true
	}
	more := slices.DeleteFunc(slices.Clone(old), func(e Entry) bool { return !wanted[e.ID] })
	return append(more, last...)
}

// placed are the last of the old entries for each application that no later one
// is about, by their ids.
func placed(old, last []Entry) map[string]bool {
	seen := map[string]bool{"": true}
	news := func(e Entry) (is bool) {
		for _, m := range e.Moves {
			is = is || !seen[m.group()]
			seen[m.group()] = true
		}
		return is
	}
	for _, e := range last {
		news(e)
	}
	kept := map[string]bool{}
	for _, e := range slices.Backward(old) {
		if len(kept) < keepPlaced && news(e) {
			kept[e.ID] = true
		}
	}
	return kept
}

// Undoable are the entries that undo may take back, oldest first: what a person
// asked patoggle for and has not taken back yet.
func Undoable(entries []Entry) []Entry {
	done := map[string]bool{}
	for _, e := range entries {
		if e.Undoes != "" {
			done[e.Undoes] = true
		}
	}
	var out []Entry
	for _, e := range entries {
		if (e.By == Press || e.By == Follow) && !done[e.ID] {
			out = append(out, e)
		}
	}
	return out
}

// Clear forgets everything: what is remembered, the moves and the levels.
func (s *Store) Clear() error {
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	var errs []error
	for _, name := range files {
		if err := os.Remove(filepath.Join(s.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

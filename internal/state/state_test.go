package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func press(n int) Entry {
	return Entry{By: Press, Moves: []Moved{{Stream: uint32(n), Application: "mpv", Program: "mpv", PID: "4711", From: "a", To: "b"}}}
}

func TestMovesComeBackInTheirOrderAndOnlyForTheirOwner(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "patoggle"), func(text string) { t.Error(text) })
	for n := range 30 {
		if _, err := s.Record(press(n)); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := s.Moves()
	if err != nil || len(entries) != 30 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	for n, e := range entries {
		if e.Moves[0].Stream != uint32(n) {
			t.Errorf("entry %d is of stream %d", n, e.Moves[0].Stream)
		}
	}
	for path, want := range map[string]os.FileMode{s.dir: 0o700, filepath.Join(s.dir, movesFile): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %o", path, info.Mode(), err, want)
		}
	}
}

func TestWhatIsTakenBackIsNotTakenBackAgain(t *testing.T) {
	s := Open(t.TempDir(), nil)
	var ids []string
	for n := range 3 {
		e, err := s.Record(press(n))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, e.ID)
	}
	if _, err := s.Record(Entry{By: Rule, Moves: press(9).Moves}); err != nil {
		t.Fatal(err)
	}
	for n := 2; n >= 0; n-- {
		entries, _ := s.Moves()
		open := Undoable(entries)
		if len(open) != n+1 || open[n].ID != ids[n] {
			t.Fatalf("%d are open, %v", len(open), open)
		}
		if _, err := s.Record(Entry{By: Undo, Undoes: ids[n]}); err != nil {
			t.Fatal(err)
		}
	}
	entries, _ := s.Moves()
	if open := Undoable(entries); len(open) != 0 {
		t.Errorf("still open: %v", open)
	}
}

func TestWritersDoNotLoseEachOthersWords(t *testing.T) {
	dir := t.TempDir()
	const writers, each = 4, 100
	// Four that write all the time can keep one out for a second, if the disk is
	// slow; who is told so has another try.
	patient := func(write func() error) {
		err := errHeld
		for errors.Is(err, errHeld) {
			err = write()
		}
		if err != nil {
			t.Error(err)
		}
	}
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			s := Open(dir, nil)
			for n := range each {
				patient(func() error {
					_, err := s.Record(press(n))
					return err
				})
				if n%10 != 0 {
					continue
				}
				patient(func() error {
					return s.Change(func(r []Remembered) []Remembered {
						return append(r, Remembered{Application: fmt.Sprintf("program:%d-%d", w, n), Sink: "a"})
					})
				})
			}
		})
	}
	group.Wait()
	s := Open(dir, nil)
	if entries, err := s.Moves(); err != nil || len(entries) != writers*each {
		t.Errorf("%d moves, %v", len(entries), err)
	}
	if rules, err := s.Remembered(); err != nil || len(rules) != writers*each/10 {
		t.Errorf("%d remembered, %v", len(rules), err)
	}
}

func TestTheFileDoesNotGrowForEver(t *testing.T) {
	s := Open(t.TempDir(), nil)
	first, _ := s.Record(press(1)) // what undo needs stays, however old
	for range 3000 {
		if _, err := s.Record(Entry{By: User, Moves: press(2).Moves}); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(filepath.Join(s.dir, movesFile))
	if err != nil || info.Size() > compactAt+4096 {
		t.Errorf("%d bytes, %v", info.Size(), err)
	}
	entries, _ := s.Moves()
	if open := Undoable(entries); len(open) != 1 || open[0].ID != first.ID {
		t.Errorf("open are %v", open)
	}
}

func TestWhatIsBrokenIsKeptAsideAndSaidOnce(t *testing.T) {
	for _, name := range []string{movesFile, rememberedFile} {
		for what, make := range map[string]func(path string) error{
			"rubbish":         func(p string) error { return os.WriteFile(p, []byte("\x00\xff{"), 0o600) },
			"another version": func(p string) error { return os.WriteFile(p, []byte(`{"patoggle":99}`+"\n"), 0o600) },
			"a folder":        func(p string) error { return os.Mkdir(p, 0o700) },
			"a link":          func(p string) error { return os.Symlink("/etc/passwd", p) },
			"too large":       func(p string) error { return os.WriteFile(p, []byte(strings.Repeat("x", maxFile+1)), 0o600) },
		} {
			t.Run(name+" is "+what, func(t *testing.T) {
				var said []string
				s := Open(t.TempDir(), func(text string) { said = append(said, text) })
				if err := make(filepath.Join(s.dir, name)); err != nil {
					t.Fatal(err)
				}
				for range 2 {
					if _, err := s.Record(press(1)); err != nil {
						t.Fatal(err)
					}
					if err := s.Change(func(r []Remembered) []Remembered {
						return append(r, Remembered{Application: "program:mpv", Sink: "a"})
					}); err != nil {
						t.Fatal(err)
					}
				}
				entries, err := s.Moves()
				if err != nil || len(entries) != 2 {
					t.Errorf("%d moves, %v", len(entries), err)
				}
				if rules, err := s.Remembered(); err != nil || len(rules) != 2 {
					t.Errorf("%d remembered, %v", len(rules), err)
				}
				aside, _ := filepath.Glob(filepath.Join(s.dir, "*.aside-*"))
				if len(said) != 1 || len(aside) != 1 {
					t.Errorf("said %q, aside are %q", said, aside)
				}
			})
		}
	}
}

func TestAPieceOfALineIsNoEntryAndHarmsNone(t *testing.T) {
	s := Open(t.TempDir(), func(text string) { t.Error(text) })
	if _, err := s.Record(press(1)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.dir, movesFile)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := len(header) + 1; n < len(whole); n++ { // killed after each byte
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Record(press(2)); err != nil {
			t.Fatal(err)
		}
		entries, err := s.Moves()
		if err != nil || len(entries) == 0 || entries[len(entries)-1].Moves[0].Stream != 2 || len(entries) > 2 {
			t.Fatalf("cut at %d: %v, %v", n, entries, err)
		}
	}
}

func TestOneRoutes(t *testing.T) {
	s := Open(t.TempDir(), nil)
	if s.Routed() {
		t.Error("nobody routes yet")
	}
	release, ok := s.Route()
	if !ok || !s.Routed() {
		t.Fatal("nobody routes")
	}
	if _, ok := s.Route(); ok {
		t.Error("two route")
	}
	release()
	if s.Routed() {
		t.Error("somebody still routes")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"patoggle":1,"remembered":[{"application":"program:mpv","sink":"a"}]}`))
	f.Add([]byte(string(header) + "\n" + `{"id":"x","by":"press","moves":[{"stream":1}]}` + "\n"))
	f.Add([]byte(string(header)))
	f.Fuzz(func(t *testing.T, b []byte) {
		rules, err := parseRemembered(b)
		if err != nil && rules != nil {
			t.Error("rules beside an error")
		}
		for _, r := range rules {
			if r.Application == "" || r.Sink == "" {
				t.Errorf("a rule without application or sink: %v", r)
			}
		}
		entries, err := parseMoves(b)
		if err != nil && entries != nil {
			t.Error("entries beside an error")
		}
		if open := Undoable(entries); len(open) > len(entries) {
			t.Error("more to undo than there is")
		}
		keep(entries)
	})
}

func TestWhatTheServerRemembersOfUs(t *testing.T) {
	s := Open(t.TempDir(), nil)
	write := func(by By, id, name, to string) {
		t.Helper()
		side := ""
		if by == "recorded" {
			by, side = Press, "recording"
		}
		if _, err := s.Record(Entry{By: by, Moves: []Moved{{Side: side, ID: id, Name: name, To: to}}}); err != nil {
			t.Fatal(err)
		}
	}
	placed := func() string {
		t.Helper()
		entries, err := s.Moves()
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, m := range Placed(entries) {
			all = append(all, m.ID+m.Name+"→"+m.To)
		}
		return strings.Join(all, " ")
	}
	write(Press, "", "mpv", "b")
	write(Rule, "org.x", "", "c")
	write(Press, "", "", "b") // a role
	write("recorded", "", "rec", "b")
	write(Taught, "", "mpv", "c")
	write(Press, "", "user", "b")
	write(User, "", "user", "c")
	write(Press, "", "follows", "b")
	write(Follow, "", "follows", "a")
	write(Press, "", "forgotten", "b")
	write(Untaught, "", "forgotten", "a")
	if got := placed(); got != "mpv→c org.x→c" {
		t.Errorf("placed: %q", got)
	}
	// However much comes after.
	for range 3000 {
		write(User, "", "other", "a")
	}
	if info, err := os.Stat(filepath.Join(s.dir, movesFile)); err != nil || info.Size() > compactAt+4096 {
		t.Errorf("%v, %v", info, err)
	}
	if got := placed(); got != "mpv→c org.x→c" {
		t.Errorf("after many more: %q", got)
	}
}

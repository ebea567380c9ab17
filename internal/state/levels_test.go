package state

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func at(app, sink string, percent float64) Level {
	return Level{Application: app, Sink: sink, Volume: Volume{Percent: percent}}
}

func TestLevelsAreKeptByApplicationAndSink(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "patoggle"), nil)
	for _, l := range []Level{at("a", "x", 10), at("a", "y", 20), at("b", "x", 30), at("a", "x", 40)} {
		if err := s.KeepLevels([]Level{l}, nil); err != nil {
			t.Fatal(err)
		}
	}
	all, err := s.Levels()
	got := ""
	for _, l := range all {
		got += fmt.Sprint(l.Application, l.Sink, l.Percent, " ")
		if l.Time.IsZero() {
			t.Error("a level has no time")
		}
	}
	if want := "ay20 bx30 ax40 "; err != nil || got != want {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
	if err := s.KeepLevels(nil, []Level{at("b", "x", 0), at("b", "z", 0)}); err != nil {
		t.Fatal(err)
	}
	if all, _ := s.Levels(); len(all) != 2 || all[0].Sink != "y" || all[1].Application != "a" {
		t.Errorf("after one has gone: %v", all)
	}
	if err := s.Clear(); err != nil {
		t.Fatal(err)
	}
	if all, err := s.Levels(); len(all) > 0 || err != nil {
		t.Errorf("after Clear: %v, %v", all, err)
	}
}

func TestLevelsAreBounded(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "patoggle"), nil)
	var many []Level
	for i := range keepLevels + 10 {
		many = append(many, at(fmt.Sprint(i), "x", 1))
	}
	many = append(many, at(strings.Repeat("k", maxKey+1), "x", 1), at("", "x", 1), at("k", strings.Repeat("k", maxKey+1), 1))
	if err := s.KeepLevels(many, nil); err != nil {
		t.Fatal(err)
	}
	all, err := s.Levels()
	if err != nil || len(all) != keepLevels || all[0].Application != "10" {
		t.Errorf("%d are kept, from %v, %v", len(all), all[:1], err)
	}
}

func TestABrokenFileOfLevelsIsPutAside(t *testing.T) {
	for _, text := range []string{"", "{", `{"patoggle":2,"levels":[]}`, `[]`} {
		var said []string
		s := Open(t.TempDir(), func(text string) { said = append(said, text) })
		if err := os.WriteFile(filepath.Join(s.Dir(), levelsFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := s.KeepLevels([]Level{at("a", "x", 50)}, nil); err != nil {
			t.Error(err)
		}
		if all, err := s.Levels(); err != nil || len(all) != 1 || len(said) != 1 {
			t.Errorf("%q: %v, %v, said %q", text, all, err, said)
		}
	}
	all, err := parseLevels([]byte(`{"patoggle":1,"levels":[{"application":"a","sink":"x","percent":-1},{"application":"a","sink":"x","percent":1e9},{"application":"a","sink":"x","percent":7}]}`))
	if err != nil || len(all) != 1 || all[0].Percent != 7 {
		t.Errorf("impossible levels are taken: %v, %v", all, err)
	}
}

package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file system without hard links gets its file in another way, to which the
// same applies.
func TestWithoutLinksNothingIsReplacedEither(t *testing.T) {
	path := filepath.Join(private(t), "config.toml")
	if err := create(path); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != Example() {
		t.Errorf("it wrote %q, %v", got, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("the mode is %v (%v)", info.Mode(), err)
	}
	write0(t, path, "notify = true", 0o600)
	for name, write := range map[string]func(string) error{"with links": Init, "without": create} {
		err := write(path)
		if !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, _ := os.ReadFile(path); string(got) != "notify = true" {
		t.Errorf("it was replaced by %q", got)
	}
	if err := create(filepath.Dir(path) + "/nowhere/config.toml"); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrExists) {
		t.Errorf("where no folder is: %v", err)
	}
}

func TestInitSaysWhyItCannotWrite(t *testing.T) {
	file := filepath.Join(private(t), "file")
	write0(t, file, "", 0o600)
	if err := Init(file + "/config.toml"); err == nil || errors.Is(err, ErrExists) {
		t.Errorf("below a file: %v", err)
	}
}

func TestAnErrorThatIsNotOfTOMLHasNoPosition(t *testing.T) {
	e := syntaxError([]byte("a = 1\n"), errors.New("toml: the library does not know"))
	if e.Line != 0 || e.Column != 0 || e.Message != "not valid TOML: the library does not know" {
		t.Errorf("%+v", e)
	}
	if got := (&Error{File: "config.toml", Message: "m"}).Error(); got != "config.toml: m" {
		t.Errorf("about the file as a whole: %q", got)
	}
	if got := (&Error{Message: "m"}).Error(); got != "m" {
		t.Errorf("about nothing named: %q", got)
	}
	if got := (&Error{Line: 3, Column: 4, Message: "m"}).Error(); got != "3:4: m" {
		t.Errorf("without a name: %q", got)
	}
}

func TestAColumnIsCountedInCharacters(t *testing.T) {
	doc := []byte("# zwölf\nüü = x\n")
	for _, c := range []struct{ line, column, want int }{
		{1, 1, 1}, {1, 6, 6}, {1, 7, 6}, {2, 1, 1}, {2, 5, 3}, {2, 8, 6}, {2, 100, 8}, {3, 1, 1}, {7, 5, 5},
	} {
		if got := inCharacters(doc, c.line, c.column); got != c.want {
			t.Errorf("line %d, byte %d: character %d, want %d", c.line, c.column, got, c.want)
		}
	}
}

func TestErrorsAreCountedTogetherAndFoundOneByOne(t *testing.T) {
	cause := &fs.PathError{Op: "open", Path: "p", Err: fs.ErrPermission}
	all := Errors{{Line: 1, Column: 1, Message: "one"}, {Message: "two", Err: cause}}
	if got := all.Error(); got != "1:1: one\ntwo" {
		t.Errorf("%q", got)
	}
	if !errors.Is(all, fs.ErrPermission) {
		t.Error("the cause is lost")
	}
	var one *Error
	if !errors.As(all, &one) || one.Message != "one" {
		t.Errorf("the first is %v", one)
	}
}

// What a mistaken key may have been is said for a slip, not for another word.
func TestTheNearestWordIsNotFar(t *testing.T) {
	known := []string{"sinks", "skip", "notify", "keys"}
	for word, want := range map[string]string{"sink": "sinks", "snks": "sinks", "Sinks": "sinks", "notfiy": "notify", "skips": "skip", "kyes": "keys"} {
		if got, ok := nearest(word, known); !ok || got != want {
			t.Errorf("%q: %q, %v, want %q", word, got, ok, want)
		}
	}
	// Half of a short word is the most that may be another.
	for word, want := range map[string]string{"dp": "do", "axp": "app", "axx": "", "xx": ""} {
		if got, _ := nearest(word, []string{"do", "app"}); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
	for _, word := range []string{"volume", "x", "", "hotkeyboard", "nothing"} {
		if got, ok := nearest(word, known); ok {
			t.Errorf("%q is taken for %q", word, got)
		}
	}
	for _, c := range []struct {
		a, b        string
		limit, want int
	}{{"", "", 3, 0}, {"a", "", 3, 1}, {"", "ab", 3, 2}, {"kitten", "sitting", 9, 3}, {"abc", "abc", 0, 0}, {"ab", "ba", 5, 1}, {"abcd", "abdc", 5, 1}, {"aaaa", "bbbb", 3, 3}} {
		if got := distance(c.a, c.b, c.limit); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestWarningsNameTheCure(t *testing.T) {
	for in, want := range map[string]string{"/home/u/x": "'/home/u/x'", "/a b": "'/a b'", "/it's": `'/it'\''s'`} {
		if got := shellQuote(in); got != want {
			t.Errorf("%q is quoted %s, want %s", in, got, want)
		}
	}
}

func TestPositionsDoNotDependOnTheOrderTheyAreAskedIn(t *testing.T) {
	doc := []byte("a = 1\nbé = 2\n\nc = 3\n")
	want := map[uint32]position{0: {1, 1}, 4: {1, 5}, 6: {2, 1}, 10: {2, 4}, 15: {4, 1}}
	for _, order := range [][]uint32{{0, 4, 6, 10, 15}, {15, 10, 6, 4, 0}, {10, 15, 4, 6, 0}} {
		b := builder{doc: doc, last: place{position: position{1, 1}}}
		for _, offset := range order {
			if got := b.at(offset); got != want[offset] {
				t.Errorf("asked in the order %v, byte %d is at %v, want %v", order, offset, got, want[offset])
			}
		}
	}
}

func TestARuleInWords(t *testing.T) {
	for text, want := range map[string]string{
		"app = \"Spotify\"\nsink = \"Headset\"":                       `app "Spotify" → "Headset"`,
		"role = \"music\"\nsink = \"Headset\"":                        `role "music" → "Headset"`,
		"app = \"a*\"\nrole = \"game\"\nsink = [\"x\", \"y\", \"z\"]": `app "a*", role "game" → "x", "y" or "z"`,
	} {
		c, err := Parse("config.toml", strings.NewReader("[[rule]]\n"+text+"\n"))
		if err != nil || len(c.Rules) != 1 || c.Rules[0].String() != want {
			t.Errorf("%q: %v, %v, want %s", text, c, err, want)
		}
	}
}

// Of a nickname and the name it is for, each mistake is told, and neither
// counts with one.
func TestANicknameNeedsBothNames(t *testing.T) {
	for text, mistakes := range map[string]int{`"a" = "b"`: 0, `"" = "b"`: 1, `"a" = ""`: 1, `"" = ""`: 2} {
		c, err := Parse("config.toml", strings.NewReader("[names]\n"+text+"\n"))
		var all Errors
		errors.As(err, &all)
		if len(all) != mistakes || mistakes == 0 && len(c.Names) != 1 {
			t.Errorf("%s: %v, want %d mistakes", text, err, mistakes)
		}
	}
}

func TestHotkeysInWordsAndInForce(t *testing.T) {
	c, err := Parse("config.toml", strings.NewReader("[[hotkey]]\nkeys = \"Super+F7\"\ndo = \"to\"\nsink = \"tv\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	got, defaulted := c.Bindings()
	if defaulted || len(got) != 1 || got[0].String() != `Super+F7 = to "tv"` {
		t.Errorf("one hotkey: %v, default %v", got, defaulted)
	}
	if got, defaulted = Default().Bindings(); !defaulted || len(got) != 1 || got[0].String() != "Super+F9 = next" {
		t.Errorf("no hotkey: %v, default %v", got, defaulted)
	}
}

// A table below one of several belongs to the last of them (TOML 1.0, "Array of
// Tables").
func TestATableBelowOneOfSeveral(t *testing.T) {
	root, wrong := parseDocument([]byte("[[a]]\nx = 1\n[[a]]\n[a.b]\nc = true\n"))
	if wrong != nil {
		t.Fatal(wrong)
	}
	all := root.get("a").value.items
	if len(all) != 2 || all[0].get("b") != nil || all[1].get("b") == nil || !all[1].get("b").value.get("c").value.yes {
		t.Errorf("the tables are %+v", all)
	}
}

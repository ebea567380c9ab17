package config

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2"

	"github.com/patoggle/patoggle/internal/keys"
	"github.com/patoggle/patoggle/internal/lab/long"
)

func parse(t *testing.T, doc string) *Config {
	t.Helper()
	c, err := Parse("config.toml", strings.NewReader(doc))
	if err != nil {
		t.Fatalf("Parse(%q): %v", doc, err)
	}
	return c
}

func chord(t *testing.T, s string) keys.Chord {
	t.Helper()
	c, err := keys.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// refused returns why a chord is none.
func refused(t *testing.T, s string) string {
	t.Helper()
	_, err := keys.Parse(s)
	if err == nil {
		t.Fatalf("%q is a chord", s)
	}
	return err.Error()
}

func patterns(texts ...string) []Pattern {
	var ps []Pattern
	for _, text := range texts {
		ps = append(ps, newPattern(text))
	}
	return ps
}

var compare = cmp.AllowUnexported(Pattern{})

func TestAValidFileComesOutAsItWasWritten(t *testing.T) {
	tests := []struct {
		name, doc string
		want      Config
	}{
		{"an empty file is the default", "", Config{}},
		{"a file of comments is the default", "# nothing\n\n  # here\n", Config{}},
		{"sinks keep their order", `sinks = ["Speakers", "bluez_output.*", "HDMI [2]"]`, Config{
			Sinks: patterns("Speakers", "bluez_output.*", "HDMI [2]"),
		}},
		{"an empty ring means every sink", `sinks = []`, Config{}},
		{"skip", "skip = [ # two\n 'a*',\n 'b?', ]", Config{Skip: patterns("a*", "b?")}},
		{"names keep the order of the file", `
[names]
"z*" = "Z"
"a*" = "A"
exact = "E"
`, Config{Names: []Name{
			{newPattern("z*"), "Z"}, {newPattern("a*"), "A"}, {newPattern("exact"), "E"},
		}}},
		{"names as an inline table", `names = {"b.c" = "B", a = "A"}`, Config{Names: []Name{
			{newPattern("b.c"), "B"}, {newPattern("a"), "A"},
		}}},
		{"names as dotted keys", "names.'b.c' = 'B'\nnames.a = 'A'", Config{Names: []Name{
			{newPattern("b.c"), "B"}, {newPattern("a"), "A"},
		}}},
		{"two sinks may share a nickname", "[names]\na = 'X'\nb = 'X'", Config{Names: []Name{
			{newPattern("a"), "X"}, {newPattern("b"), "X"},
		}}},
		{"notify on", `notify = true`, Config{Notify: NotifyAlways}},
		{"notify off", `notify = false`, Config{Notify: NotifyNever}},
		{"notify spelled out", `notify = "daemon"`, Config{Notify: NotifyDaemon}},
		{"hotkeys", "[[hotkey]]\nkeys = 'mod4+f9'\ndo = 'next'\n\n[[hotkey]]\ndo = 'to'\nsink = 'Headset'\nkeys = 'XF86AudioNext'", Config{
			Hotkeys: []Hotkey{
				{Chord: chord(t, "Super+F9"), Action: Next, Line: 1},
				{Chord: chord(t, "XF86AudioNext"), Action: To, Sink: "Headset", Line: 5},
			},
		}},
		{"hotkeys of the other side", "[[hotkey]]\nkeys = 'Super+F9'\ndo = 'prev'\nside = 'input'\n[[hotkey]]\nkeys = 'F10'\nside = 'input'\ndo = 'to'\nsource = 'Mic'\n[[hotkey]]\nkeys = 'F12'\ndo = 'to'\nside = 'both'\nsink = 'Headset'\n[[hotkey]]\nkeys = 'F11'\nside = 'output'\ndo = 'next'", Config{
			Hotkeys: []Hotkey{
				{Chord: chord(t, "Super+F9"), Action: Prev, Side: Input, Line: 1},
				{Chord: chord(t, "F10"), Action: To, Side: Input, Sink: "Mic", Line: 5},
				{Chord: chord(t, "F12"), Action: To, Side: Both, Sink: "Headset", Line: 10},
				{Chord: chord(t, "F11"), Line: 15},
			},
		}},
		{"sources", "sources = ['Mic', 'usb*']", Config{Sources: []Pattern{newPattern("Mic"), newPattern("usb*")}}},
		{"hotkeys as inline tables", "hotkey = [\n{keys = 'Super+F9', do = 'prev'}]", Config{
			Hotkeys: []Hotkey{{Chord: chord(t, "Super+F9"), Action: Prev, Line: 2}},
		}},
		{"lines may end with a carriage return", "notify = true\r\nsinks = ['a']\r\n", Config{
			Notify: NotifyAlways, Sinks: patterns("a"),
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(&tt.want, parse(t, tt.doc), compare); diff != "" {
				t.Errorf("Parse(%q), -want +got:\n%s", tt.doc, diff)
			}
		})
	}
}

func TestEveryMistakeIsToldWithItsPosition(t *testing.T) {
	tests := []struct {
		name, doc string
		want      []string
	}{
		{"unknown key", "notify = true\nspeed = 3\n", []string{
			`c.toml:2:1: unknown key "speed", known here are "sinks", "sources", "skip", "names", "notify", "come_home", "volume", "rule" and "hotkey"`,
		}},
		{"near miss", "sink = ['a']", []string{
			`c.toml:1:1: unknown key "sink", known here are "sinks", "sources", "skip", "names", "notify", "come_home", "volume", "rule" and "hotkey"; did you mean "sinks"?`,
		}},
		{"swapped letters and upper case", "NOITFY = true", []string{
			`c.toml:1:1: unknown key "NOITFY", known here are "sinks", "sources", "skip", "names", "notify", "come_home", "volume", "rule" and "hotkey"; did you mean "notify"?`,
		}},
		{"unknown table", "[colours]\nred = 1", []string{
			`c.toml:1:2: unknown key "colours", known here are "sinks", "sources", "skip", "names", "notify", "come_home", "volume", "rule" and "hotkey"`,
		}},
		{"columns are characters", `names = {"ä" = "ö", "ü" = 1}`, []string{
			`c.toml:1:27: a nickname is a string, not a number`,
		}},
		{"wrong types", "sinks = 1\nskip = true\nnotify = 1\nnames = []\nhotkey = 1979-05-27", []string{
			`c.toml:1:9: "sinks" wants a list of names or globs, not a number`,
			`c.toml:2:8: "skip" wants a list of names or globs, not true or false`,
			`c.toml:3:10: "notify" wants true, false or "daemon", not a number`,
			`c.toml:4:1: "names" wants a table of sinks and their nicknames, not a list: write [names]`,
			`c.toml:5:10: "hotkey" wants a list of tables, not a date or a time: write [[hotkey]] above each`,
		}},
		{"a string for a list", `skip = "a"`, []string{
			`c.toml:1:8: "skip" wants a list of names or globs, not a string: write ["a"]`,
		}},
		{"wrong types in a list", "sinks = ['a',\n  1, ['b'], {}]", []string{
			`c.toml:1:1: "sinks" wants a list of names or globs, all strings; this is a list`,
			`c.toml:2:3: "sinks" wants a list of names or globs, all strings; this is a number`,
			`c.toml:2:13: "sinks" wants a list of names or globs, all strings; this is a table`,
		}},
		{"empty and unfit names", `sinks = ["", "  ", "a\u0007"]`, []string{
			`c.toml:1:10: this name is empty`,
			`c.toml:1:14: this name is empty`,
			`c.toml:1:20: this name has a control character in it`,
		}},
		{"a name that is too long", "skip = ['" + strings.Repeat("a", 1001) + "']", []string{
			`c.toml:1:9: this name is 1001 bytes long, at most 1000 are allowed`,
		}},
		{"a name twice", "sinks = [\n'Speakers',\n'b',\n'SPEAKERS']", []string{
			`c.toml:4:1: "SPEAKERS" stands already on line 2 of this file`,
		}},
		{"a nickname twice", "[names]\n'A' = '1'\n'b' = '2'\n'a' = '3'", []string{
			`c.toml:4:1: "a" has a nickname already on line 2 of this file`,
		}},
		{"empty nicknames and names", "[names]\n'' = ' '", []string{
			`c.toml:2:1: this name of a sink is empty`,
			`c.toml:2:6: this nickname is empty`,
		}},
		{"the name of a sink without quotes", "[names]\nalsa_output.pci-0.analog = 'a'\nalsa_output.usb = 'b'", []string{
			`c.toml:2:19: the name of a sink with dots in it stands in quotes: "alsa_output.pci-0.analog" = …`,
			`c.toml:3:13: the name of a sink with dots in it stands in quotes: "alsa_output.usb" = …`,
		}},
		{"a key of the top below a table", "[names]\na = 'b'\nsinks = ['c']\n[[hotkey]]\nkeys = 'Super+F9'\ndo = 'next'\nnotify = true", []string{
			`c.toml:3:1: a nickname is a string, not a list; the key "sinks" stands above the first [table] of the file`,
			`c.toml:7:1: unknown key "notify", known in [[hotkey]] are "keys", "do", "side", "sink" and "source"; "notify" stands above the first [table] of the file`,
		}},
		{"notify in quotes", `notify = "true"`, []string{
			`c.toml:1:10: "notify" wants true, false or "daemon", not "true"`,
		}},
		{"a hotkey that is one table", "[hotkey]\nkeys = 'F9'", []string{
			`c.toml:1:2: "hotkey" wants a list of tables, not a table: write [[hotkey]] above each`,
		}},
		{"a list of other things", "hotkey = ['F9', {keys = 'Super+F9', do = 'next'},\n1]", []string{
			`c.toml:1:11: "hotkey" wants a list of tables, not a list with a string in it: write [[hotkey]] above each`,
			`c.toml:2:1: "hotkey" wants a list of tables, not a list with a number in it: write [[hotkey]] above each`,
		}},
		{"an empty hotkey", "\n[[hotkey]]", []string{
			`c.toml:2:3: this [[hotkey]] has no "keys", like keys = "Super+F9"`,
			`c.toml:2:3: this [[hotkey]] has no "do", which is "next", "prev", "to", "undo", "follow", "remember" or "forget"`,
		}},
		{"wrong types in a hotkey", "[[hotkey]]\nkeys = 1\ndo = true\nsink = []", []string{
			`c.toml:2:8: "keys" wants a string, not a number`,
			`c.toml:3:6: "do" wants a string, not true or false`,
			`c.toml:4:1: "sink" wants a string, not a list`,
		}},
		{"keys that nobody can want", "[[hotkey]]\nkeys = 'Super+'\ndo = 'next'\n[[hotkey]]\nkeys = 'a'\ndo = 'next'\n[[hotkey]]\nkeys = 'Mod3+F9'\ndo = 'next'", []string{
			`c.toml:2:8: "keys" wants a key with its modifiers, like "Super+F9": "Super+" has no key after the last +`,
			`c.toml:5:8: "keys" wants a key with its modifiers, like "Super+F9": A would be lost for typing: add Ctrl, Alt or Super`,
			`c.toml:8:8: "keys" wants a key with its modifiers, like "Super+F9": ` + refused(t, "Mod3+F9"),
		}},
		{"the same key under two names", "[[hotkey]]\nkeys = 'Super+Prior'\ndo = 'next'\n[[hotkey]]\nkeys = 'Mod4+Page_Up'\ndo = 'prev'", []string{
			`c.toml:5:8: Super+Page_Up is bound already in the [[hotkey]] on line 1 of this file`,
		}},
		{"an unknown action", "[[hotkey]]\nkeys = 'Super+F9'\ndo = 'nxet'", []string{
			`c.toml:3:6: "do" wants "next", "prev", "to", "undo", "follow", "remember" or "forget", not "nxet"; did you mean "next"?`,
		}},
		{"to without a sink", "[[hotkey]]\nkeys = 'Super+F9'\ndo = 'to'", []string{
			`c.toml:3:6: do = "to" needs "sink", the sink to play on`,
		}},
		{"to without a sink, its side spelled out", "[[hotkey]]\nkeys = 'Super+F9'\ndo = 'to'\nside = 'output'", []string{
			`c.toml:3:6: do = "to" needs "sink", the sink to play on`,
		}},
		{"a sink without to", "[[hotkey]]\nkeys = 'Super+F9'\ndo = 'prev'\nsink = 'a'", []string{
			`c.toml:4:1: "sink" goes with do = "to" only, this is do = "prev"`,
		}},
		{"to without a source", "[[hotkey]]\nkeys = 'Super+F9'\ndo = 'to'\nside = 'input'", []string{
			`c.toml:3:6: do = "to" needs "source", the source to record from`,
		}},
		{"a source without to", "[[hotkey]]\nkeys = 'Super+F9'\ndo = 'next'\nside = 'input'\nsource = 'a'", []string{
			`c.toml:5:1: "source" goes with do = "to" only, this is do = "next"`,
		}},
		{"a sink to record from", "[[hotkey]]\nkeys = 'Super+F9'\ndo = 'to'\nside = 'input'\nsink = 'a'", []string{
			`c.toml:5:1: "sink" is of another side, this is side = "input": write "source"`,
		}},
		{"a source to play on", "[[hotkey]]\nkeys = 'Super+F9'\ndo = 'to'\nsource = 'a'", []string{
			`c.toml:4:1: "source" is of another side, this is side = "output": write "sink"`,
		}},
		{"no side", "[[hotkey]]\nkeys = 'Super+F9'\ndo = 'next'\nside = 'inptu'", []string{
			`c.toml:4:8: "side" wants "output", "input" or "both", not "inptu"; did you mean "input"?`,
		}},
		{"a side that is a number", "[[hotkey]]\nkeys = 'Super+F9'\ndo = 'next'\nside = 1", []string{
			`c.toml:4:8: "side" wants a string, not a number`,
		}},
		{"a side of what has none", "[[hotkey]]\nkeys = 'Super+F9'\ndo = 'undo'\nside = 'both'", []string{
			`c.toml:4:8: side = "both" goes with do = "next", "prev" or "to" only, this is do = "undo"`,
		}},
		{"an empty sink", "[[hotkey]]\nkeys = 'Super+F9'\ndo = 'to'\nsink = ''", []string{
			`c.toml:4:8: this name of a sink is empty`,
		}},
		{"an unknown key in a hotkey", "[[hotkey]]\nkey = 'Super+F9'\ndo = 'next'", []string{
			`c.toml:1:3: this [[hotkey]] has no "keys", like keys = "Super+F9"`,
			`c.toml:2:1: unknown key "key", known in [[hotkey]] are "keys", "do", "side", "sink" and "source"; did you mean "keys"?`,
		}},
		{"a day that there is not", "notify = 2021-06-31\n[[hotkey]]\nkeys = 2021-02-30\ndo = 'next'", []string{
			`c.toml:1:10: "notify" wants true, false or "daemon", not a date or a time`,
			`c.toml:3:8: "keys" wants a string, not a date or a time`,
		}},
		{"a key that is like none", "colour = 1\n[[hotkey]]\nkeys = 'Super+F9'\ndo = 'next'\ncolour = 1", []string{
			`c.toml:1:1: unknown key "colour", known here are "sinks", "sources", "skip", "names", "notify", "come_home", "volume", "rule" and "hotkey"`,
			`c.toml:5:1: unknown key "colour", known in [[hotkey]] are "keys", "do", "side", "sink" and "source"`,
		}},
		{"a key twice", "notify = true\nnotify = false", []string{
			`c.toml:2:1: not valid TOML: key notify is already defined`,
		}},
		{"a table twice", "[names]\na = 'b'\n[names]\nc = 'd'", []string{
			`c.toml:3:2: not valid TOML: table names already exists`,
		}},
		{"a list and headers", "hotkey = []\n[[hotkey]]\nkeys = 'F9'", []string{
			`c.toml:2:3: not valid TOML: key hotkey already exists as a value, but should be an array table`,
		}},
		{"a key twice in an inline table", "names = {a = 'b', a = 'c'}", []string{
			`c.toml:1:1: not valid TOML: key a is already defined`,
		}},
		{"an inline table that is added to", "names = {a = 'b'}\nnames.c = 'd'", []string{
			`c.toml:2:1: not valid TOML: key names is already defined`,
		}},
		{"text without quotes", "sinks = [ä, Speakers]", []string{
			`c.toml:1:10: not valid TOML: unexpected character U+00C3 'Ã' at start of value, text stands in quotes`,
		}},
		{"an open list", "sinks = ['ä',", []string{
			`c.toml:1:13: not valid TOML: array is incomplete`,
		}},
		{"a byte order mark", "\ufeffnotify = true", []string{
			`c.toml:1:1: the file begins with a byte order mark: save it as UTF-8 without one`,
		}},
		{"bytes that are not UTF-8", "skip = ['\xff']", []string{
			`c.toml:1:10: not valid TOML: invalid UTF-8 character in literal string`,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Parse("c.toml", strings.NewReader(tt.doc))
			if c != nil {
				t.Error("a configuration came out beside the error")
			}
			var got []string
			if err != nil {
				got = strings.Split(err.Error(), "\n")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			var all Errors
			var one *Error
			if !errors.As(err, &all) || !errors.As(err, &one) {
				t.Errorf("%T is no Errors with an *Error in it", err)
			}
		})
	}
}

func TestAFileFullOfMistakesIsCutShort(t *testing.T) {
	var doc strings.Builder
	for i := range 500 {
		fmt.Fprintf(&doc, "key%d = 1\n", i)
	}
	_, err := Parse("c.toml", strings.NewReader(doc.String()))
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != maxErrors+1 {
		t.Fatalf("%d lines, want %d", len(lines), maxErrors+1)
	}
	if want := "c.toml:21:1: and 480 more mistakes from here on"; lines[maxErrors] != want {
		t.Errorf("the last line is %q, want %q", lines[maxErrors], want)
	}
}

func TestADocumentMadeToBeSlowIsNot(t *testing.T) {
	// What is quadratic in a quarter of the size is past the limit below as well.
	size := long.Count(MaxSize/4, MaxSize)
	many := func(format string, sep string) string {
		var b strings.Builder
		for i := 0; b.Len() < size-100; i++ {
			fmt.Fprintf(&b, format, i)
			b.WriteString(sep)
		}
		return b.String()
	}
	for name, doc := range map[string]string{
		"keys of one line":       "names = {" + many("a%d=1", ",") + "z=1}",
		"a key of many parts":    "names." + strings.Repeat("a.", size/2-20) + "a = 'x'",
		"tables within tables":   "names = " + strings.Repeat("{a=", 9000) + "1" + strings.Repeat("}", 9000),
		"lists within lists":     "sinks = " + strings.Repeat("[", 9000) + strings.Repeat("]", 9000),
		"many tables":            many("[a%d]", "\n"),
		"many hotkeys":           many("[[hotkey]]#%d", "\n"),
		"many of one name":       "sinks = [" + many("'a%d'", ",") + "'A1']",
		"many keys of one table": "[names]\n" + many("a%d='x'", "\n") + "A1 = 'x'\n",
		"a very long key":        strings.Repeat("a", size-10) + " = 1",
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, err := Parse("c.toml", strings.NewReader(doc))
			if err == nil {
				t.Fatal("it was accepted")
			}
			if strings.Contains(err.Error(), "larger than") {
				t.Fatalf("%d bytes are too many to be read at all", len(doc))
			}
			// It takes seconds at most; what is quadratic takes many minutes.
			if took := time.Since(start); took > 3*time.Minute {
				t.Errorf("it took %v", took)
			}
			for line := range strings.Lines(err.Error()) {
				if len(line) > 2000 {
					t.Errorf("a message of %d bytes", len(line))
				}
			}
		})
	}
}

func TestAnUnreadableDocumentIsAnError(t *testing.T) {
	_, err := Parse("c.toml", iotest.ErrReader(io.ErrClosedPipe))
	if want := "c.toml: cannot be read: io: read/write on closed pipe"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if !errors.Is(err, io.ErrClosedPipe) {
		t.Error("the cause is lost")
	}
	_, err = Parse("c.toml", strings.NewReader(strings.Repeat("#\n", MaxSize/2)+"#"))
	if want := "c.toml: larger than 1048576 bytes"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestANameThatIsSpelledOutWinsOverGlobs(t *testing.T) {
	c := parse(t, `
[names]
"alsa*" = "any card"
"*usb*" = "any usb"
"alsa_output.usb-1" = "Headset"
"alsa_output.usb-?" = "never reached"
`)
	tests := []struct{ sink, want string }{
		{"alsa_output.usb-1", "Headset"},
		{"ALSA_output.USB-1", "Headset"},
		{"alsa_output.usb-2", "any card"},
		{"my-usb", "any usb"},
		{"bluez_output.00", ""},
		{"", ""},
	}
	for _, tt := range tests {
		if got := c.Nickname(tt.sink); got != tt.want {
			t.Errorf("Nickname(%q) = %q, want %q", tt.sink, got, tt.want)
		}
	}
}

// uncomment takes the "#" of every line that has no space after it.
func uncomment(example string) string {
	lines := strings.Split(example, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "# ") {
			lines[i] = line[1:]
		}
	}
	return strings.Join(lines, "\n")
}

func TestTheExampleIsTheDefault(t *testing.T) {
	if diff := cmp.Diff(Default(), parse(t, Example()), compare); diff != "" {
		t.Errorf("as shipped, -default +example:\n%s", diff)
	}
	doc := uncomment(Example())
	got := parse(t, doc)
	bindings, defaulted := Default().Bindings()
	if !defaulted || len(got.Hotkeys) != len(bindings) {
		t.Fatalf("the default bindings are %v (defaulted %v), the example has %v", bindings, defaulted, got.Hotkeys)
	}
	for i := range got.Hotkeys {
		got.Hotkeys[i].Line = 0
	}
	want := Default()
	want.Hotkeys = bindings
	if diff := cmp.Diff(want, got, compare); diff != "" {
		t.Errorf("uncommented, -default +example:\n%s", diff)
	}
	for _, key := range topKeys {
		if !strings.Contains(doc, "\n"+key+" =") && !strings.Contains(doc, "\n["+key+"]") && !strings.Contains(doc, "\n[["+key+"]]") && !strings.Contains(doc, "\n# [["+key+"]]") {
			t.Errorf("the example does not show the key %q", key)
		}
	}
	for _, key := range hotkeyKeys {
		if !strings.Contains(doc, fmt.Sprintf("%q", key)) && !strings.Contains(doc, "\n"+key+" =") {
			t.Errorf("the example does not tell of the key %q of a hotkey", key)
		}
	}
}

func TestWhatTheExampleShowsInItsWordsIsValidToo(t *testing.T) {
	var n int
	for line := range strings.Lines(Example()) {
		if text, ok := strings.CutPrefix(line, "# Example: "); ok && !strings.Contains(text, "a second table") {
			if strings.HasPrefix(text, `"`) {
				text = "[names]\n" + text
			}
			parse(t, text)
			n++
		}
	}
	if n < 4 {
		t.Errorf("only %d examples found", n)
	}
}

func TestRulesAreReadAndTheFirstThatFitsCounts(t *testing.T) {
	c := parse(t, `
come_home = false
[[rule]]
app = "Spot*"
sink = ["Headset", "Speakers"]
[[rule]]
app = "MPV"
sink = "TV"
[[rule]]
role = "music"
sink = "Speakers"
[[rule]]
app = "mpv"
role = "game"
sink = "Late"
`)
	if len(c.Rules) != 4 || !c.StayAway || c.Rules[1].Line != 6 {
		t.Fatalf("got %v", c)
	}
	book := NewRuleBook(c.Rules, false)
	for _, tt := range []struct {
		names []string
		role  string
		want  int
	}{
		{[]string{"Spotify"}, "music", 0},
		{[]string{"something", "spotify"}, "", 0},
		{[]string{"mpv"}, "music", 1},
		{[]string{"mpv"}, "game", 1},
		{[]string{"mpv", "Spotify"}, "", 0}, // whichever of its names comes first
		{[]string{"Spotify", "mpv"}, "", 0},
		{[]string{"vlc"}, "Music", 2},
		{[]string{"vlc", "VLC media player"}, "", -1},
		{nil, "", -1},
	} {
		if got := book.Find(tt.names, tt.role); got != tt.want {
			t.Errorf("%v with the role %q: rule %d, want %d", tt.names, tt.role, got, tt.want)
		}
	}
	for doc, want := range map[string]string{
		"[[rule]]\nsink = 'a'":            "neither",
		"[[rule]]\napp = 'a'":             "neither \"sink\", the sink to play on, nor \"source\"",
		"[[rule]]\napp = 'a'\nsource=[]":  "\"source\" wants the name of a source, or a list of them; this one is empty",
		"[[rule]]\napp = 'a'\nsink = []":  "this one is empty",
		"[[rule]]\napp = 'a'\nsink = [1]": "this is a number",
		"[[rule]]\napp = 1\nsink = 'a'":   "wants a string",
		"[[rule]]\napp = 'a'\nsunk = 'a'": "unknown key",
		"rule = 'a'":                      "list of tables",
		"come_home = 'yes'":               "true or false",
	} {
		if _, err := Parse("c.toml", strings.NewReader(doc)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q in it", doc, err, want)
		}
	}
}

// A rule counts on the sides it names a place for, and on no other.
func TestRulesOfBothSides(t *testing.T) {
	c := parse(t, "[[rule]]\napp = 'mpv'\nsource = 'Desk'\n[[rule]]\napp = '*'\nsink = 'TV'\nsource = ['Headset', 'Desk']\n[[rule]]\napp = 'call'\nsink = 'Ears'\n")
	playing, recording := NewRuleBook(c.Rules, false), NewRuleBook(c.Rules, true)
	for _, tt := range []struct {
		name               string
		playing, recording int
	}{{"mpv", 1, 0}, {"call", 1, 1}} {
		if p, r := playing.Find([]string{tt.name}, ""), recording.Find([]string{tt.name}, ""); p != tt.playing || r != tt.recording {
			t.Errorf("%s: rules %d and %d", tt.name, p, r)
		}
	}
	// Of two that spell out a name of it the first counts, too.
	c2 := parse(t, "[[rule]]\napp = 'one'\nsink = 'a'\n[[rule]]\napp = 'two'\nsink = 'b'\n[[rule]]\napp = 'three'\nsink = 'c'\n")
	for want, names := range [][]string{{"one", "two", "three"}, {"three", "two"}, {"three"}} {
		slices.Sort(names)
		for range 2 {
			slices.Reverse(names)
			if got := NewRuleBook(c2.Rules, false).Find(names, ""); got != want {
				t.Errorf("%q: rule %d, want %d", names, got, want)
			}
		}
	}
	for i, want := range []string{`app "mpv" → source "Desk"`, `app "*" → "TV", source "Headset" or "Desk"`, `app "call" → "Ears"`} {
		if got := c.Rules[i].String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func FuzzConfig(f *testing.F) {
	f.Add(Example())
	f.Add(uncomment(Example()))
	f.Add("sinks = ['a', 'b*']\nskip = ['c']\n[names]\n'a.b' = 'A'\n[[hotkey]]\nkeys = 'Super+F9'\ndo = 'to'\nsink = 'x'\n")
	f.Add("sources = ['a', 'b.monitor']\n[[hotkey]]\nkeys = 'F9'\ndo = 'to'\nside = 'input'\nsource = 'x'\n")
	f.Add("volume = 'remember'\ncome_home = false\n[[rule]]\napp = 'a*'\nrole = 'music'\nsink = ['x', 'y']\n[[rule]]\nrole = 'game'\nsource = 'm'\n")
	f.Add("names.a.b.c = 'x'\nhotkey = [{keys = 'Super+F9'}]")
	f.Add("[[hotkey]]\n[hotkey.keys]\na = 1\n[[hotkey.x]]\n[names.a]\n[[names.b]]")
	f.Add("[names]\na = 'b'\n[names]\nc = 'd'\n[[hotkey]]\n[hotkey]\n")
	f.Add("[names]\n[names.a]\n[[names]]\nnames.a = 1\nhotkey = []\n[[hotkey]]\n'a' = '\x01' # \x02\n")
	f.Add("sinks = [[[['a']], {b = 1}], 1, 2.5, true, 1979-05-27]\n\xff")
	f.Fuzz(func(t *testing.T, doc string) {
		c, err := Parse("c.toml", strings.NewReader(doc))
		if err != nil {
			var all Errors
			if c != nil || !errors.As(err, &all) || len(all) == 0 {
				t.Fatalf("a configuration (%v) or no Errors (%T)", c, err)
			}
			lines := strings.Count(doc, "\n") + 1
			for _, e := range all {
				if e.Line < 1 || e.Line > lines || e.Column < 1 || e.Message == "" {
					t.Errorf("position out of the document of %d lines: %+v", lines, e)
				}
				if strings.ContainsAny(e.Message, "\n\x1b\x00") {
					t.Errorf("control characters in %q", e.Message)
				}
			}
			return
		}
		var decoded map[string]any
		if err := toml.Unmarshal([]byte(doc), &decoded); err != nil {
			t.Fatalf("accepted, and not TOML: %v", err)
		}
		// What is accepted comes back from a file that is written from it.
		again, err := Parse("again.toml", strings.NewReader(write(c)))
		if err != nil {
			t.Fatalf("written again:\n%s\n%v", write(c), err)
		}
		for i := range c.Hotkeys {
			c.Hotkeys[i].Line = 0
		}
		for i := range again.Hotkeys {
			again.Hotkeys[i].Line = 0
		}
		for i := range c.Rules {
			c.Rules[i].Line = 0
		}
		for i := range again.Rules {
			again.Rules[i].Line = 0
		}
		if diff := cmp.Diff(c, again, compare); diff != "" {
			t.Errorf("-first +again:\n%s", diff)
		}
		for _, p := range slices.Concat(c.Sinks, c.Sources, c.Skip) {
			if !p.Match(p.String()) {
				t.Errorf("%q does not match itself", p)
			}
		}
	})
}

// write is the inverse of Parse.
func write(c *Config) string {
	var b strings.Builder
	list := func(key string, ps []Pattern) {
		fmt.Fprintf(&b, "%s = [", key)
		for _, p := range ps {
			b.WriteString(basic(p.String()) + ",")
		}
		b.WriteString("]\n")
	}
	list("sinks", c.Sinks)
	list("sources", c.Sources)
	list("skip", c.Skip)
	fmt.Fprintf(&b, "notify = %s\nvolume = %s\ncome_home = %v\n[names]\n", c.Notify, c.Volume, !c.StayAway)
	for _, n := range c.Names {
		fmt.Fprintf(&b, "%s = %s\n", basic(n.Sink.String()), basic(n.Nickname))
	}
	for _, h := range c.Hotkeys {
		fmt.Fprintf(&b, "[[hotkey]]\nkeys = %s\ndo = %q\n", basic(h.Chord.String()), h.Action.String())
		if h.Side != Output {
			fmt.Fprintf(&b, "side = %q\n", h.Side.String())
		}
		key := "sink"
		if h.Side == Input {
			key = "source"
		}
		if h.Action == To {
			fmt.Fprintf(&b, "%s = %s\n", key, basic(h.Sink))
		}
	}
	for _, r := range c.Rules {
		b.WriteString("[[rule]]\n")
		for key, p := range map[string]Pattern{"app": r.App, "role": r.Role} {
			if p.String() != "" {
				fmt.Fprintf(&b, "%s = %s\n", key, basic(p.String()))
			}
		}
		for key, names := range map[string][]string{"sink": r.Sinks, "source": r.Sources} {
			if len(names) == 0 {
				continue
			}
			fmt.Fprintf(&b, "%s = [", key)
			for _, n := range names {
				b.WriteString(basic(n) + ",")
			}
			b.WriteString("]\n")
		}
	}
	return b.String()
}

// basic writes a basic string of TOML.
func basic(s string) string {
	var b strings.Builder
	for _, r := range s {
		fmt.Fprintf(&b, `\U%08X`, r)
	}
	return `"` + b.String() + `"`
}

package config

import (
	"fmt"
	"strings"
	"testing"
)

func thousandRules() string {
	var b strings.Builder
	for n := range 1000 {
		if n%2 == 0 {
			fmt.Fprintf(&b, "[[rule]]\napp = \"Application %d\"\nsink = \"Headset\"\n", n)
		} else {
			fmt.Fprintf(&b, "[[rule]]\napp = \"*thing-%d*\"\nsink = [\"Headset\", \"Speakers\"]\n", n)
		}
	}
	return b.String()
}

// BenchmarkThousandRules is what a new stream pays for 1,000 rules of which none
// fits.
func BenchmarkThousandRules(b *testing.B) {
	c, err := Parse("c", strings.NewReader(thousandRules()))
	if err != nil {
		b.Fatal(err)
	}
	book := NewRuleBook(c.Rules, false)
	names := []string{"Firefox", "firefox-esr", "org.mozilla.firefox", "firefox"}
	b.ResetTimer()
	for range b.N {
		if book.Find(names, "music") >= 0 {
			b.Fatal("one fits")
		}
	}
}

func TestAPressReadsTheRestOfTheFileAtItsPlace(t *testing.T) {
	doc := "skip = ['x']\n" + thousandRules() + "[names]\n'a' = 'A'\n [[rule]]\napp = 1\nsink = [\n'a',\n]\n[[hotkey]]\nkeys = 'Super+F9'\ndo = 'next'\n"
	c, err := parseFor("c", strings.NewReader(doc), true)
	if err != nil || len(c.Rules) != 0 || len(c.Skip) != 1 || len(c.Names) != 1 || len(c.Hotkeys) != 1 {
		t.Fatalf("%v, %v", c, err)
	}
	if want := strings.Count(doc[:strings.Index(doc, "[[hotkey]]")], "\n") + 1; c.Hotkeys[0].Line != want {
		t.Errorf("the hotkey is on line %d, want %d", c.Hotkeys[0].Line, want)
	}
	if _, err := Parse("c", strings.NewReader(doc)); err == nil {
		t.Error("a bad rule is taken")
	}
	// Where a header could be a part of a string nothing is left out.
	doc = "skip = ['x', \"\"\"\n[[rule]]\n\"\"\"]\n"
	if got := withoutRules([]byte(doc)); string(got) != doc {
		t.Errorf("%q was changed", got)
	}
}

// BenchmarkPressThousandRules is what a press pays for them.
func BenchmarkPressThousandRules(b *testing.B) {
	doc := thousandRules()
	for range b.N {
		if _, err := parseFor("c", strings.NewReader(doc), true); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReadThousandRules is what a one-shot pays to read them.
func BenchmarkReadThousandRules(b *testing.B) {
	doc := thousandRules()
	for range b.N {
		if _, err := Parse("c", strings.NewReader(doc)); err != nil {
			b.Fatal(err)
		}
	}
}

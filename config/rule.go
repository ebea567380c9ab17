package config

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"
)

// Rule keeps an application on a sink: its new streams go there; and what it
// records on a source.
type Rule struct {
	// App is what the application is called: its name, its program or its id.
	// The zero Pattern is every application.
	App Pattern
	// Role is the stream's media.role; the zero Pattern is any.
	Role Pattern
	// Sinks are where to, as for the one-shot's --to; the first that is there.
	// Empty for a rule that is about what records alone.
	Sinks []string
	// Sources are the same for what it records; empty for a rule that is about
	// what plays alone.
	Sources []string
	// Line is where the rule stands in the file, from 1.
	Line int
}

// fits tells whether the rule is about an application of these folded names with
// this folded role.
func (r *Rule) fits(names []string, role string) bool {
	if r.Role.text != "" && !match(r.Role.folded, role) {
		return false
	}
	if r.App.text == "" {
		return true
	}
	for _, n := range names {
		if match(r.App.folded, n) {
			return true
		}
	}
	return false
}

// String returns the rule in words: `app "Spotify" → "Headset"`.
func (r Rule) String() string {
	var words []string
	if r.App.text != "" {
		words = append(words, "app "+quote(r.App.text))
	}
	if r.Role.text != "" {
		words = append(words, "role "+quote(r.Role.text))
	}
	about := strings.Join(words, ", ")
	switch {
	case len(r.Sources) == 0:
		return about + " → " + list(r.Sinks, "or")
	case len(r.Sinks) == 0:
		return about + " → source " + list(r.Sources, "or")
	}
	return about + " → " + list(r.Sinks, "or") + ", source " + list(r.Sources, "or")
}

// To is where the rule brings what plays, or with input what records; empty
// where it is not about that.
func (r Rule) To(input bool) []string {
	if input {
		return r.Sources
	}
	return r.Sinks
}

// RuleBook finds the rule for an application among many quickly. The zero value
// has none.
type RuleBook struct {
	rules []Rule
	// byName are the rules that spell an application out, by its folded name;
	// the others are tried one after another.
	byName map[string][]int
	others []int
}

// NewRuleBook keeps the rules about what plays, or with input about what records,
// in their order: the first that fits counts. They keep their numbers.
func NewRuleBook(rules []Rule, input bool) *RuleBook {
	b := &RuleBook{rules: rules, byName: make(map[string][]int)}
	for i, r := range rules {
		if len(r.To(input)) == 0 {
			continue
		}
		if r.App.text != "" && r.App.Literal() {
			b.byName[r.App.folded] = append(b.byName[r.App.folded], i)
			continue
		}
		b.others = append(b.others, i)
	}
	return b
}

// Find returns the number of the first rule that fits, from 0; -1 without.
func (b *RuleBook) Find(names []string, role string) int {
	role = fold(role)
	folded := make([]string, len(names))
	for i, n := range names {
		folded[i] = fold(n)
	}
	best := -1
	try := func(i int) bool {
		if (best < 0 || i < best) && b.rules[i].fits(folded, role) {
			best = i
			return true
		}
		return false
	}
	for _, n := range folded {
		for _, i := range b.byName[n] {
			if try(i) {
				break
			}
		}
	}
	for _, i := range b.others {
		if best >= 0 && i > best || try(i) {
			break
		}
	}
	return best
}

// Rule returns the rule of a number.
func (b *RuleBook) Rule(i int) Rule { return b.rules[i] }

// withoutRules blanks the [[rule]] tables, and keeps every line at its place. A
// document with strings of several lines, in which one could not tell what is a
// header, is left as it is.
func withoutRules(doc []byte) []byte {
	header := []byte("[[rule]]")
	if !bytes.Contains(doc, header) || bytes.Contains(doc, []byte(`"""`)) || bytes.Contains(doc, []byte("'''")) {
		return doc
	}
	out := make([]byte, 0, len(doc))
	inside := false
	for line := range bytes.Lines(doc) {
		text := bytes.TrimLeft(line, " \t")
		switch {
		case bytes.HasPrefix(text, header):
			inside = true
		case bytes.HasPrefix(text, []byte("[")):
			inside = false
		}
		switch {
		case !inside:
			out = append(out, line...)
		case bytes.HasSuffix(line, newline):
			out = append(out, '\n')
		}
	}
	return out
}

var newline = []byte("\n")

var ruleKeys = []string{"app", "role", "sink", "source"}

func (p *parser) rules(f *field) {
	const want = `"rule" wants a list of tables, not %s: write [[rule]] above each`
	if f.value.kind != arrayKind {
		p.fail(f.value.position, want, f.value.kind)
		return
	}
	for _, table := range f.value.items {
		if table.kind != tableKind {
			p.fail(table.position, want, "a list with "+table.kind.String()+" in it")
			continue
		}
		p.rule(table)
	}
}

func (p *parser) rule(table *value) {
	before := len(p.errs)
	r := Rule{Line: table.line}
	for _, f := range table.fields {
		v := f.value
		switch f.name {
		case "app", "role":
			what := map[string]string{"app": "name of an application", "role": "role"}[f.name]
			switch {
			case v.kind != stringKind:
				p.fail(v.position, "%q wants a string, not %s", f.name, v.kind)
			case !p.text(v.position, what, v.text):
			case f.name == "app":
				r.App = newPattern(v.text)
			default:
				r.Role = newPattern(v.text)
			}
		case "sink":
			r.Sinks = p.ruleSinks(v, f.name)
		case "source":
			r.Sources = p.ruleSinks(v, f.name)
		default:
			p.unknown(f, "[[rule]]", ruleKeys)
		}
	}
	if table.get("app") == nil && table.get("role") == nil {
		p.fail(table.position, `this [[rule]] has neither "app" nor "role", so it is about nothing: app = "*" is everything`)
	}
	if table.get("sink") == nil && table.get("source") == nil {
		p.fail(table.position, `this [[rule]] has neither "sink", the sink to play on, nor "source", the source to record from`)
	}
	if len(p.errs) == before {
		p.config.Rules = append(p.config.Rules, r)
	}
}

// ruleSinks reads one sink or source, which is the key, or a list of them.
func (p *parser) ruleSinks(v *value, key string) []string {
	want := fmt.Sprintf(`%q wants the name of a %s, or a list of them`, key, key)
	items := v.items
	switch {
	case v.kind == stringKind:
		items = []*value{v}
	case v.kind != arrayKind:
		p.fail(v.position, "%s, not %s", want, v.kind)
		return nil
	case len(items) == 0:
		p.fail(v.position, "%s; this one is empty", want)
		return nil
	}
	var sinks []string
	for _, item := range items {
		at := position{cmp.Or(item.line, v.line), cmp.Or(item.column, v.column)}
		if item.kind != stringKind {
			p.fail(at, "%s; this is %s", want, item.kind)
			continue
		}
		if p.text(at, "name of a "+key, item.text) {
			sinks = append(sinks, item.text)
		}
	}
	return sinks
}

func (p *parser) comeHome(f *field) {
	if f.value.kind != boolKind {
		p.fail(f.value.position, `"come_home" wants true or false, not %s`, f.value.kind)
		return
	}
	p.config.StayAway = !f.value.yes
}

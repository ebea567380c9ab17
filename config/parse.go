package config

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/patoggle/patoggle/internal/keys"
)

// MaxSize is the largest configuration file that is read, in bytes.
const MaxSize = 1 << 20

// The keys of the file.
var (
	topKeys    = []string{"sinks", "sources", "skip", "names", "notify", "come_home", "volume", "rule", "hotkey"}
	hotkeyKeys = []string{"keys", "do", "side", "sink", "source"}
	sides      = []string{"output", "input", "both"}
	actions    = []string{"next", "prev", "to", "undo", "follow", "remember", "forget"}
)

// Parse reads a configuration. The name is what errors call the file. An
// error is always an Errors; an empty document is the default configuration.
func Parse(name string, r io.Reader) (*Config, error) { return parseFor(name, r, false) }

func parseFor(name string, r io.Reader, press bool) (*Config, error) {
	doc, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, Errors{{File: name, Message: "cannot be read: " + cause(err), Err: err}}
	}
	if len(doc) > MaxSize {
		return nil, Errors{{File: name, Message: fmt.Sprintf("larger than %d bytes", MaxSize)}}
	}
	if press {
		doc = withoutRules(doc)
	}
	p := parser{file: name}
	root, wrong := parseDocument(doc)
	if wrong != nil {
		wrong.File = name
		return nil, Errors{wrong}
	}
	p.top(root)
	if len(p.errs) > 0 {
		return nil, p.errs.sorted()
	}
	return &p.config, nil
}

// parser turns the raw tree into a Config and collects every mistake.
type parser struct {
	file   string
	config Config
	errs   Errors
}

func (p *parser) fail(at position, format string, args ...any) {
	p.errs = append(p.errs, &Error{File: p.file, Line: at.line, Column: at.column, Message: fmt.Sprintf(format, args...)})
}

func (p *parser) top(root *value) {
	for _, f := range root.fields {
		switch f.name {
		case "sinks":
			p.config.Sinks = p.patterns(f)
		case "sources":
			p.config.Sources = p.patterns(f)
		case "skip":
			p.config.Skip = p.patterns(f)
		case "names":
			p.names(f)
		case "notify":
			p.notify(f)
		case "come_home":
			p.comeHome(f)
		case "volume":
			p.volume(f)
		case "rule":
			p.rules(f)
		case "hotkey":
			p.hotkeys(f)
		default:
			p.unknown(f, "", topKeys)
		}
	}
}

// unknown reports a key that is not known in a table; in is "" for the top
// of the file.
func (p *parser) unknown(f *field, in string, known []string) {
	where := "known here are"
	if in != "" {
		where = fmt.Sprintf("known in %s are", in)
	}
	message := fmt.Sprintf("unknown key %s, %s %s", quote(f.name), where, list(known, "and"))
	switch near, ok := nearest(f.name, known); {
	case ok:
		message += fmt.Sprintf("; did you mean %q?", near)
	case in != "" && slices.Contains(topKeys, f.name):
		message += fmt.Sprintf("; %q stands above the first [table] of the file", f.name)
	}
	p.fail(f.position, "%s", message)
}

// patterns reads a list of names and globs.
func (p *parser) patterns(f *field) []Pattern {
	const want = "%q wants a list of names or globs"
	v := f.value
	switch v.kind {
	case arrayKind:
	case stringKind:
		p.fail(v.position, want+", not a string: write [%s]", f.name, quote(v.text))
		return nil
	default:
		p.fail(v.position, want+", not %s", f.name, v.kind)
		return nil
	}
	var patterns []Pattern
	first := make(map[string]position)
	for _, item := range v.items {
		if item.kind != stringKind {
			p.fail(item.position, want+", all strings; this is %s", f.name, item.kind)
			continue
		}
		if !p.text(item.position, "name", item.text) {
			continue
		}
		pattern := newPattern(item.text)
		if at, twice := first[pattern.folded]; twice {
			p.fail(item.position, "%s stands already on line %d of this file", quote(item.text), at.line)
			continue
		}
		first[pattern.folded] = item.position
		patterns = append(patterns, pattern)
	}
	return patterns
}

// text checks a name and says what is wrong with it: "this nickname is
// empty".
func (p *parser) text(at position, what, text string) bool {
	why := badText(text)
	if why != "" {
		p.fail(at, "this %s %s", what, why)
	}
	return why == ""
}

func (p *parser) names(f *field) {
	if f.value.kind != tableKind {
		p.fail(f.value.position, `"names" wants a table of sinks and their nicknames, not %s: write [names]`, f.value.kind)
		return
	}
	first := make(map[string]position)
	for _, f := range f.value.fields {
		p.name(f, first)
	}
}

func (p *parser) name(f *field, first map[string]position) {
	const want = "a nickname is a string, not %s"
	switch {
	case f.value.kind == stringKind:
	case f.value.kind == tableKind && len(f.value.fields) > 0:
		p.dotted(f, nil)
		return
	case slices.Contains(topKeys, f.name):
		p.fail(f.position, want+"; the key %q stands above the first [table] of the file", f.value.kind, f.name)
		return
	default:
		p.fail(f.value.position, want, f.value.kind)
		return
	}
	named := p.text(f.position, "name of a sink", f.name)
	if !p.text(f.value.position, "nickname", f.value.text) || !named {
		return
	}
	sink := newPattern(f.name)
	if at, twice := first[sink.folded]; twice {
		p.fail(f.position, "%s has a nickname already on line %d of this file", quote(f.name), at.line)
		return
	}
	first[sink.folded] = f.position
	p.config.Names = append(p.config.Names, Name{Sink: sink, Nickname: f.value.text})
}

// dotted reports names of sinks that were written without quotes: TOML takes
// their dots for tables within tables.
func (p *parser) dotted(f *field, above []string) {
	const deepest = 50
	path := append(above, f.name)
	if f.value.kind == tableKind && len(f.value.fields) > 0 && len(path) < deepest {
		for _, below := range f.value.fields {
			p.dotted(below, path)
		}
		return
	}
	p.fail(f.position, "the name of a sink with dots in it stands in quotes: %s = …", quote(strings.Join(path, ".")))
}

func (p *parser) notify(f *field) {
	v := f.value
	switch {
	case v.kind == boolKind && v.yes:
		p.config.Notify = NotifyAlways
	case v.kind == boolKind:
		p.config.Notify = NotifyNever
	case v.kind == stringKind && v.text == "daemon":
		p.config.Notify = NotifyDaemon
	case v.kind == stringKind:
		p.fail(v.position, `"notify" wants true, false or "daemon", not %s`, quote(v.text))
	default:
		p.fail(v.position, `"notify" wants true, false or "daemon", not %s`, v.kind)
	}
}

func (p *parser) volume(f *field) {
	const want = `"volume" wants "keep" or "remember", not %s`
	switch v := f.value; {
	case v.kind != stringKind:
		p.fail(v.position, want, v.kind)
	case v.text == "remember":
		p.config.Volume = VolumeRemember
	case v.text != "keep":
		p.fail(v.position, want, quote(v.text))
	}
}

func (p *parser) hotkeys(f *field) {
	const want = `"hotkey" wants a list of tables, not %s: write [[hotkey]] above each`
	if f.value.kind != arrayKind {
		p.fail(f.value.position, want, f.value.kind)
		return
	}
	first := make(map[keys.Chord]int) // the line, by the chord without its name
	for _, table := range f.value.items {
		if table.kind != tableKind {
			p.fail(table.position, want, "a list with "+table.kind.String()+" in it")
			continue
		}
		p.hotkey(table, first)
	}
}

// hotkey reads one binding. first has the earlier ones.
func (p *parser) hotkey(table *value, first map[keys.Chord]int) {
	before := len(p.errs)
	h := Hotkey{Line: table.line}
	for _, f := range table.fields {
		v := f.value
		switch f.name {
		case "keys", "do", "side", "sink", "source":
			if v.kind != stringKind {
				p.fail(v.position, "%q wants a string, not %s", f.name, v.kind)
			}
		default:
			p.unknown(f, "[[hotkey]]", hotkeyKeys)
		}
	}
	if f := table.get("keys"); f == nil {
		p.fail(table.position, `this [[hotkey]] has no "keys", like keys = %q`, DefaultChord)
	} else if f.value.kind == stringKind {
		p.chord(f, &h, first)
	}
	do := table.get("do")
	switch {
	case do == nil:
		p.fail(table.position, `this [[hotkey]] has no "do", which is %s`, list(actions, "or"))
	case do.value.kind == stringKind:
		if at := p.oneOf(do, actions); at >= 0 {
			h.Action = Action(at)
			p.about(table, do, &h)
		}
	}
	for _, key := range []string{"sink", "source"} {
		if f := table.get(key); f != nil && f.value.kind == stringKind {
			h.Sink = f.value.text
			p.text(f.value.position, "name of a "+key, h.Sink)
		}
	}
	if len(p.errs) == before {
		p.config.Hotkeys = append(p.config.Hotkeys, h)
	}
}

// oneOf is which of the words a string is, -1 for none of them.
func (p *parser) oneOf(f *field, words []string) int {
	at := slices.Index(words, f.value.text)
	if at < 0 {
		message := fmt.Sprintf("%q wants %s, not %s", f.name, list(words, "or"), quote(f.value.text))
		if near, ok := nearest(f.value.text, words); ok {
			message += fmt.Sprintf("; did you mean %q?", near)
		}
		p.fail(f.value.position, "%s", message)
	}
	return at
}

// about reads the side of a binding, and holds that it names where to when its
// action needs it, under the word of that side.
func (p *parser) about(table *value, do *field, h *Hotkey) {
	if side := table.get("side"); side != nil && side.value.kind == stringKind {
		at := p.oneOf(side, sides)
		if at < 0 {
			return
		}
		h.Side = Side(at)
		if h.Side == Both && h.Action > To {
			p.fail(side.value.position, `side = "both" goes with do = "next", "prev" or "to" only, this is do = %q`, h.Action.String())
		}
	}
	key, other, what := "sink", "source", "the sink to play on"
	if h.Side == Input {
		key, other, what = other, key, "the source to record from"
	}
	to, wrong := table.get(key), table.get(other)
	switch {
	case h.Action != To && (to != nil || wrong != nil):
		if to == nil {
			to = wrong
		}
		p.fail(to.position, `%q goes with do = "to" only, this is do = %q`, to.name, h.Action.String())
	case wrong != nil:
		p.fail(wrong.position, `%q is of another side, this is side = %q: write %q`, other, h.Side.String(), key)
	case h.Action == To && to == nil:
		p.fail(do.value.position, `do = "to" needs %q, %s`, key, what)
	}
}

// chord reads the key of a binding. The same key under another name is the
// same key.
func (p *parser) chord(f *field, h *Hotkey, first map[keys.Chord]int) {
	chord, err := keys.Parse(f.value.text)
	if err != nil {
		p.fail(f.value.position, `"keys" wants a key with its modifiers, like %q: %v`, DefaultChord, err)
		return
	}
	h.Chord = chord
	chord.Name = ""
	if line, twice := first[chord]; twice {
		p.fail(f.value.position, "%s is bound already in the [[hotkey]] on line %d of this file", h.Chord, line)
		return
	}
	first[chord] = h.Line
}

// quote quotes a text of the file and cuts what is too long for a message.
func quote(s string) string {
	const limit = 100
	if r := []rune(s); len(r) > limit {
		return fmt.Sprintf("%q…", string(r[:limit]))
	}
	return fmt.Sprintf("%q", s)
}

// list joins words: `"a", "b" and "c"`.
func list(words []string, last string) string {
	var b strings.Builder
	for i, w := range words {
		switch {
		case i == 0:
		case i == len(words)-1:
			b.WriteString(" " + last + " ")
		default:
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q", w)
	}
	return b.String()
}

// nearest returns the known word that a misspelt one is likely meant to be:
// one that differs by at most two typing mistakes, and by at most half of its
// length.
func nearest(word string, known []string) (string, bool) {
	best, least := "", 3
	for _, k := range known {
		if d := distance(strings.ToLower(word), k, least); d < least && 2*d <= len(k) {
			best, least = k, d
		}
	}
	return best, best != ""
}

// distance is the number of characters to insert, delete, replace or swap
// with their neighbour to get from a to b; limit when it is that or more.
func distance(a, b string, limit int) int {
	if abs(len(a)-len(b)) >= limit {
		return limit
	}
	// Rows of the table of the optimal string alignment distance: two back,
	// one back, and the current one.
	var back, prev, row []int
	prev = make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row = make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], back[j-2]+1)
			}
		}
		back, prev = prev, row
	}
	return min(prev[len(b)], limit)
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

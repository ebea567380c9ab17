package config

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// position is a place in the document, line and column from 1, the column in
// characters.
type position struct{ line, column int }

// kind is the type of a value, as far as messages tell types apart.
type kind int

const (
	tableKind kind = iota
	arrayKind
	stringKind
	boolKind
	numberKind
	dateKind
)

// String returns the kind with its article: "a string".
func (k kind) String() string {
	switch k {
	case tableKind:
		return "a table"
	case arrayKind:
		return "a list"
	case stringKind:
		return "a string"
	case boolKind:
		return "true or false"
	case numberKind:
		return "a number"
	}
	return "a date or a time"
}

// value is one value of the document with its position.
type value struct {
	position
	kind   kind
	text   string   // of a string
	yes    bool     // of a bool
	items  []*value // of an array
	open   bool     // of an array that [[headers]] add to
	fields []*field // of a table, in the order of the document
	index  map[string]*field
}

// field is a key of a table with its value.
type field struct {
	position
	name  string
	value *value
}

// get returns the field with the name, or nil.
func (v *value) get(name string) *field { return v.index[name] }

// add appends a field to a table.
func (v *value) add(k key, val *value) *field {
	f := &field{k.position, k.name, val}
	if v.index == nil {
		v.index = make(map[string]*field)
	}
	v.fields = append(v.fields, f)
	v.index[k.name] = f
	return f
}

// parseDocument turns TOML into a tree of values. The library's decoder loses
// order and positions in its maps, so the tree is built from its parser's
// expressions, which say nothing of a key that stands twice. Where a key or a
// table is met again the decoder decides whether that is allowed; it is not
// asked otherwise, as it costs a one-shot more than all the rest of this
// package. It words the parser's errors too.
//
// What only the decoder would refuse, such as the 31st of June, is no value
// of any key.
func parseDocument(doc []byte) (*value, *Error) {
	if bytes.HasPrefix(doc, []byte("\xef\xbb\xbf")) {
		return nil, &Error{Line: 1, Column: 1, Message: "the file begins with a byte order mark: save it as UTF-8 without one"}
	}
	b := builder{doc: doc}
	root := b.document()
	if err := b.parser.Error(); err != nil || b.again {
		var decoded map[string]any
		if derr := toml.Unmarshal(doc, &decoded); derr != nil {
			err = derr
		}
		if err != nil {
			return nil, syntaxError(doc, err)
		}
	}
	return root, nil
}

// syntaxError translates the library's errors. It has a position for all
// that the grammar refuses.
func syntaxError(doc []byte, err error) *Error {
	var de *toml.DecodeError
	if !errors.As(err, &de) {
		return &Error{Message: "not valid TOML: " + strings.TrimPrefix(err.Error(), "toml: ")}
	}
	line, column := de.Position() // the library counts columns in bytes
	message := "not valid TOML: " + strings.TrimPrefix(de.Error(), "toml: ")
	if strings.HasSuffix(message, "at start of value") {
		message += ", text stands in quotes"
	}
	return &Error{Line: line, Column: inCharacters(doc, line, column), Message: message}
}

// inCharacters turns a column in bytes into one in characters.
func inCharacters(doc []byte, line, column int) int {
	for ; line > 1; line-- {
		_, rest, found := bytes.Cut(doc, []byte("\n"))
		if !found {
			return column
		}
		doc = rest
	}
	return utf8.RuneCount(doc[:min(column-1, len(doc))]) + 1
}

// builder makes the tree. Expressions come in the order of the document, so
// positions are counted once from the front.
type builder struct {
	doc    []byte
	parser unstable.Parser
	last   place // the last one that was asked for
	again  bool  // a key or a table was met again
}

// place is a position with its offset in the document.
type place struct {
	position
	offset int
}

func (b *builder) document() *value {
	b.parser.Reset(b.doc)
	b.last = place{position: position{1, 1}}
	root := &value{position: position{1, 1}}
	table := root
	for b.parser.NextExpression() {
		e := b.parser.Expression()
		switch e.Kind {
		case unstable.Table:
			path, last := b.path(root, e)
			table = b.child(path, last)
		case unstable.ArrayTable:
			path, last := b.path(root, e)
			table = b.element(path, last)
		case unstable.KeyValue:
			b.keyValue(table, e)
		}
	}
	return root
}

// at returns the position of an offset. Most offsets grow, and lie on the
// line of the one before: then it counts on from there.
func (b *builder) at(offset uint32) position {
	from := b.last
	if int(offset) < from.offset {
		from = place{position: position{1, 1}}
	}
	between := b.doc[from.offset:offset]
	if n := bytes.Count(between, []byte("\n")); n > 0 {
		from.line += n
		from.column = 1
		between = between[bytes.LastIndexByte(between, '\n')+1:]
	}
	from.column += utf8.RuneCount(between)
	from.offset = int(offset)
	b.last = from
	return from.position
}

// key is one part of a dotted key.
type key struct {
	position
	name string
}

// path follows all parts of a key but the last one, which it returns.
func (b *builder) path(from *value, e *unstable.Node) (*value, key) {
	var parts []key
	for it := e.Key(); it.Next(); {
		n := it.Node()
		parts = append(parts, key{b.at(n.Raw.Offset), string(n.Data)})
	}
	last := len(parts) - 1
	for _, k := range parts[:last] {
		from = b.child(from, k)
	}
	return from, parts[last]
}

// child returns the table under the key, made when it is not there. Under an
// array of tables that is its last one.
func (b *builder) child(v *value, k key) *value {
	f := v.get(k.name)
	if f == nil {
		return v.add(k, &value{position: k.position}).value
	}
	b.again = true
	if f.value.kind == arrayKind && len(f.value.items) > 0 {
		return f.value.items[len(f.value.items)-1]
	}
	return f.value
}

// element adds a table to the array under the key, made when it is not there.
func (b *builder) element(v *value, k key) *value {
	f := v.get(k.name)
	if f == nil {
		f = v.add(k, &value{position: k.position, kind: arrayKind, open: true})
	}
	if !f.value.open {
		b.again = true
	}
	table := &value{position: k.position}
	f.value.items = append(f.value.items, table)
	return table
}

func (b *builder) keyValue(table *value, e *unstable.Node) {
	table, k := b.path(table, e)
	if table.get(k.name) != nil {
		b.again = true
	}
	table.add(k, b.value(e.Value(), k.position))
}

// value builds one value. The library gives no position for arrays: those get
// the one of the key they belong to.
func (b *builder) value(n *unstable.Node, at position) *value {
	if n.Raw.Length > 0 {
		at = b.at(n.Raw.Offset)
	}
	v := &value{position: at}
	switch n.Kind {
	case unstable.String:
		v.kind, v.text = stringKind, string(n.Data)
	case unstable.Bool:
		v.kind, v.yes = boolKind, string(n.Data) == "true"
	case unstable.Integer, unstable.Float:
		v.kind = numberKind
	case unstable.Array:
		v.kind = arrayKind
		for it := n.Children(); it.Next(); {
			v.items = append(v.items, b.value(it.Node(), at))
		}
	case unstable.InlineTable:
		for it := n.Children(); it.Next(); {
			b.keyValue(v, it.Node())
		}
	default:
		v.kind = dateKind
	}
	return v
}

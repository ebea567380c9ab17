package x11

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

// libraryReads lets the library read a setup.
func libraryReads(b []byte) *xproto.SetupInfo { return xproto.Setup(&xgb.Conn{SetupBytes: b}) }

// propertyReply is a reply of GetProperty with units of that format.
func propertyReply(typ uint32, format byte, after uint32, value []byte) []byte {
	b := make([]byte, 32, 32+len(value))
	b[0], b[1] = 1, format
	le := binary.LittleEndian
	le.PutUint32(b[4:], uint32(pad4(len(value))/4))
	le.PutUint32(b[8:], typ)
	le.PutUint32(b[12:], after)
	if format > 0 {
		le.PutUint32(b[16:], uint32(len(value)/int(format/8)))
	}
	b = append(b, value...)
	return append(b, make([]byte, pad4(len(value))-len(value))...)
}

func words(n ...uint32) []byte {
	var b []byte
	for _, n := range n {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	return b
}

func TestPropertyNumbers(t *testing.T) {
	for _, test := range []struct {
		name string
		raw  []byte
		want uint32
	}{
		{"a window", propertyReply(atomWindow, 32, 0, words(0x800008)), 0x800008},
		{"the first of several", propertyReply(atomWindow, 32, 0, words(7, 8)), 7},
		{"another type, as GetProperty answers it", propertyReply(atomCardinal, 32, 4, nil), 0},
		{"another type with its value", propertyReply(atomCardinal, 32, 0, words(7)), 0},
		{"format 8", propertyReply(atomWindow, 8, 0, words(7)), 0},
		{"format 16", propertyReply(atomWindow, 16, 0, words(7)), 0},
		{"no value", propertyReply(atomWindow, 32, 0, nil), 0},
		{"not set", propertyReply(0, 0, 0, nil), 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, ok := parseProperty(test.raw)
			if got := p.number(atomWindow); !ok || got != test.want {
				t.Errorf("got %#x (%v), want %#x", got, ok, test.want)
			}
		})
	}
	for _, test := range []struct {
		name string
		raw  []byte
	}{
		{"shorter than its head", make([]byte, 31)},
		{"a format of 24 bits", propertyReply(atomWindow, 24, 0, make([]byte, 12))},
		{"longer than it is", func() []byte {
			b := propertyReply(atomWindow, 32, 0, words(7))
			binary.LittleEndian.PutUint32(b[16:], 0xffffffff)
			return b
		}()},
		{"units without a format", func() []byte {
			b := propertyReply(0, 0, 0, nil)
			b[16] = 1
			return b
		}()},
	} {
		t.Run(test.name, func(t *testing.T) {
			if p, ok := parseProperty(test.raw); ok {
				t.Errorf("taken for %+v", p)
			}
		})
	}
}

func TestPropertyPIDs(t *testing.T) {
	for n, want := range map[uint32]int{0: 0, 1: 1, 4194304: 4194304, 0x7fffffff: 0x7fffffff, 0x80000000: 0, 0xffffffff: 0} {
		p, _ := parseProperty(propertyReply(atomCardinal, 32, 0, words(n)))
		if got := p.pid(); got != want {
			t.Errorf("%#x is read as pid %d, want %d", n, got, want)
		}
	}
}

func TestPropertyText(t *testing.T) {
	const utf8String = 300
	for _, test := range []struct {
		name  string
		value string
		after uint32
		want  string
	}{
		{"plain", "xterm", 0, "xterm"},
		{"UTF-8", "Träume – 夢", 0, "Träume – 夢"},
		{"Latin-1", "Tr\xe4ume", 0, "Träume"},
		{"up to the first zero", "a\x00b", 0, "a"},
		{"empty", "", 0, ""},
		{"cut within a rune", "ab\xe5\xa4", 9, "ab"},
		{"cut behind a rune", "ab夢", 9, "ab夢"},
		{"no rune, and not cut", "ab\xe5\xa4", 0, "abå¤"},
		{"cut within Latin-1", "\xe4\xe4", 9, "ä"},
		{"escape sequences stay as they are", "\x1b[2J", 0, "\x1b[2J"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, ok := parseProperty(propertyReply(utf8String, 8, test.after, []byte(test.value)))
			if got := p.text(); !ok || got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	p, _ := parseProperty(propertyReply(atomString, 32, 0, words(0x41414141)))
	if got := p.text(); got != "" {
		t.Errorf("numbers are read as the text %q", got)
	}
}

func TestPropertyStrings(t *testing.T) {
	for value, want := range map[string][]string{
		"":                   nil,
		"xterm\x00XTerm\x00": {"xterm", "XTerm"},
		"xterm\x00XTerm":     {"xterm", "XTerm"},
		"xterm":              {"xterm"},
		"\x00XTerm\x00":      {"", "XTerm"},
		"a\x00b\x00c\x00":    {"a", "b", "c"},
		"g\xe4nse\x00G\x00":  {"gänse", "G"},
	} {
		p, _ := parseProperty(propertyReply(atomString, 8, 0, []byte(value)))
		if got := p.strings(); !reflect.DeepEqual(got, want) {
			t.Errorf("%q is read as %q, want %q", value, got, want)
		}
	}
}

func TestWindowTypes(t *testing.T) {
	a := atoms{normal: 101, dialog: 102, utility: 103, desktop: 104, dock: 105}
	for _, test := range []struct {
		name      string
		types     []uint32
		transient bool
		want      WindowType
	}{
		{"nothing said", nil, false, Normal},
		{"nothing said, transient", nil, true, Dialog},
		{"the first we know", []uint32{999, 102, 101}, false, Dialog},
		{"a vendor's type, then normal", []uint32{999, 101}, true, Normal},
		{"none we know", []uint32{999, 998}, false, Other},
		{"a zero is no type", []uint32{0, 105}, false, Dock},
		{"desktop", []uint32{104}, false, Desktop},
		{"utility", []uint32{103}, false, Utility},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := a.windowType(test.types, test.transient); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// clientIDsReply is a reply of QueryClientIds: triples of client, mask and pid.
func clientIDsReply(triples ...uint32) []byte {
	b := make([]byte, 32)
	b[0] = 1
	binary.LittleEndian.PutUint32(b[8:], uint32(len(triples)/3))
	for i := 0; i < len(triples); i += 3 {
		b = append(b, words(triples[i], triples[i+1], 4, triples[i+2])...)
	}
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-32)/4)
	return b
}

func TestClientIDs(t *testing.T) {
	long := clientIDsReply(0x200000, 2, 10)
	binary.LittleEndian.PutUint32(long[8:], 0xffffffff)
	wide := clientIDsReply(0x200000, 2, 10)
	binary.LittleEndian.PutUint32(wide[40:], 0xfffffffc)
	for _, test := range []struct {
		name string
		raw  []byte
		want map[uint32]int
	}{
		{"none", clientIDsReply(), map[uint32]int{}},
		{"two", clientIDsReply(0x200000, 2, 10, 0x400000, 2, 11), map[uint32]int{0x200000: 10, 0x400000: 11}},
		{"ids that are no pid", clientIDsReply(0x200000, 1, 10, 0x400000, 2, 11), map[uint32]int{0x400000: 11}},
		{"pids that are none", clientIDsReply(0x200000, 2, 0, 0x400000, 2, 0xffffffff), map[uint32]int{}},
		{"more than there are", long, map[uint32]int{0x200000: 10}},
		{"a value past the end", wide, map[uint32]int{}},
		{"shorter than its head", make([]byte, 20), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := parseClientIDs(test.raw); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestExtensionsAndAtoms(t *testing.T) {
	reply := func(b ...byte) []byte { return append(make([]byte, 8), append(b, make([]byte, 24-len(b))...)...) }
	if got := parseExtension(reply(1, 140, 0, 0)); got != 140 {
		t.Errorf("present: %d", got)
	}
	for _, raw := range [][]byte{reply(0, 140), reply(1, 20), reply(1, 0), nil, make([]byte, 8)} {
		if got := parseExtension(raw); got != 0 {
			t.Errorf("%v is read as opcode %d", raw, got)
		}
	}
	if got := parseAtom(reply(0x39, 5, 0, 0)); got != 0x539 {
		t.Errorf("atom: %#x", got)
	}
	if got := parseAtom(nil); got != 0 {
		t.Errorf("no atom: %#x", got)
	}
}

func TestOutputs(t *testing.T) {
	b := make([]byte, 32)
	b[0], b[16], b[18] = 1, 1, 2
	b = append(b, words(0x40, 0x41, 0x42)...)
	if got := parseOutputs(b); !reflect.DeepEqual(got, []uint32{0x41, 0x42}) {
		t.Errorf("outputs: %#x", got)
	}
	if got := parseOutputs(b[:40]); got != nil {
		t.Errorf("outputs of a cut reply: %#x", got)
	}
	n := make([]byte, 36)
	n[0], n[26], n[28], n[34] = 1, 1, 1, 9
	n = append(append(n, words(1, 2)...), "XWAYLAND0\x00\x00\x00"...)
	if got := parseOutputName(n); got != "XWAYLAND0" {
		t.Errorf("name: %q", got)
	}
	if got := parseOutputName(n[:50]); got != "" {
		t.Errorf("name of a cut reply: %q", got)
	}
}

// A reply that is accepted says what the library reads in it, and nothing of
// it leads past the end.
func FuzzProperty(f *testing.F) {
	f.Add(propertyReply(atomWindow, 32, 0, words(0x800008)))
	f.Add(propertyReply(atomString, 8, 5, []byte("xterm\x00XTerm\x00")))
	f.Add(propertyReply(atomString, 8, 1, []byte("ab\xe5\xa4")))
	f.Add(propertyReply(9, 16, 0, []byte("\x01\x02\x03\x04")))
	f.Add(propertyReply(0, 0, 0, nil))
	f.Add([]byte{1})
	for _, packet := range recording(f)[1:] {
		f.Add(packet)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, ok := parseProperty(raw)
		if !ok {
			if p.value != nil || p.typ != 0 {
				t.Errorf("refused, and yet %+v", p)
			}
			return
		}
		if len(p.value) > len(raw)-32 || p.format > 0 && len(p.value)%int(p.format/8) != 0 {
			t.Fatalf("format %d, %d bytes of %d", p.format, len(p.value), len(raw))
		}
		again, ok := parseProperty(propertyReply(p.typ, p.format, p.after, p.value))
		if !ok || !bytes.Equal(again.value, p.value) || again.typ != p.typ || again.format != p.format {
			t.Fatalf("written again it is %+v, not %+v", again, p)
		}
		if s := p.text(); !utf8.ValidString(s) || bytes.IndexByte([]byte(s), 0) >= 0 {
			t.Errorf("the text is %q", s)
		}
		for _, s := range p.strings() {
			if !utf8.ValidString(s) || bytes.IndexByte([]byte(s), 0) >= 0 {
				t.Errorf("a string is %q", s)
			}
		}
		if n := p.numbers(p.typ); p.format == 32 && len(n)*4 != len(p.value) || p.format != 32 && n != nil {
			t.Errorf("%d numbers of %d bytes in format %d", len(n), len(p.value), p.format)
		}
		if pid := p.pid(); pid < 0 || pid > 0x7fffffff {
			t.Errorf("pid %d", pid)
		}
	})
}

// The other replies never lead past their end, and give nothing they cannot.
func FuzzReplies(f *testing.F) {
	f.Add(clientIDsReply(0x200000, 2, 10, 0x400000, 1, 11))
	f.Add(append([]byte{1, 2, 0, 0, 2, 0, 0, 0}, make([]byte, 40)...))
	for _, packet := range recording(f)[1:] {
		f.Add(packet)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for base, pid := range parseClientIDs(raw) {
			if pid <= 0 {
				t.Errorf("client %#x has pid %d", base, pid)
			}
		}
		if n := len(parseOutputs(raw)); n*4 > len(raw) {
			t.Errorf("%d outputs", n)
		}
		if n := len(parseOutputName(raw)); n > len(raw) {
			t.Errorf("a name of %d bytes", n)
		}
		if major := parseExtension(raw); major != 0 && major < 128 {
			t.Errorf("major opcode %d", major)
		}
		if k, ok := parseKeyboard(8, 20, raw, raw); ok {
			for sym := range uint32(20) {
				for _, code := range k.Keycodes(sym) {
					if code < 8 || code > 20 {
						t.Errorf("keycode %d", code)
					}
				}
			}
			k.Locks()
			k.Modifiers()
		}
		if h, ok := parseHeld(raw, raw); ok && h.Modifiers > 0xff {
			t.Errorf("modifiers %#x", h.Modifiers)
		}
	})
}

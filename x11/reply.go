package x11

import (
	"encoding/binary"
	"math"
	"strings"
	"unicode/utf8"
)

// The replies are read here, not by the library: it makes slices as long as a
// reply says it is, and reads past the end of one that is shorter.

// Predefined atoms (X11 protocol, appendix B).
const (
	atomAtom       = 4
	atomCardinal   = 6
	atomString     = 31
	atomWindow     = 33
	atomWMName     = 39
	atomWMMachine  = 36
	atomWMClass    = 67
	atomTransient  = 68
	anyType        = 0
	maxWindowsRead = 1 << 14 // windows of _NET_CLIENT_LIST
)

// property is the reply of GetProperty (X11 protocol, chapter 9). The zero
// value is a property that is not set.
type property struct {
	typ    uint32
	format byte // bits of a unit: 0 (not set), 8, 16 or 32
	after  uint32
	value  []byte
}

// parseProperty reads a reply; false when the reply contradicts itself.
func parseProperty(raw []byte) (property, bool) {
	if len(raw) < 32 {
		return property{}, false
	}
	le := binary.LittleEndian
	p := property{format: raw[1], typ: le.Uint32(raw[8:]), after: le.Uint32(raw[12:])}
	units := uint64(le.Uint32(raw[16:]))
	switch p.format {
	case 0:
		if units != 0 {
			return property{}, false
		}
	case 8, 16, 32:
	default:
		return property{}, false
	}
	n := units * uint64(p.format/8)
	if n > uint64(len(raw)-32) {
		return property{}, false
	}
	p.value = raw[32 : 32+n]
	return p, true
}

// numbers gives the value as 32-bit numbers when it has that type; else nil.
func (p property) numbers(typ uint32) []uint32 {
	if p.typ != typ || p.format != 32 {
		return nil
	}
	list := make([]uint32, len(p.value)/4)
	for i := range list {
		list[i] = binary.LittleEndian.Uint32(p.value[4*i:])
	}
	return list
}

// number gives the first number of that type; 0 when there is none.
func (p property) number(typ uint32) uint32 {
	if list := p.numbers(typ); len(list) > 0 {
		return list[0]
	}
	return 0
}

// pid gives a CARDINAL that can be a pid; else 0.
func (p property) pid() int {
	if n := p.number(atomCardinal); n <= math.MaxInt32 {
		return int(n)
	}
	return 0
}

// text gives a value of bytes as text. STRING is Latin-1 by ICCCM 2.7.1, but
// many programs write UTF-8 there: what is no UTF-8 is taken as Latin-1. A
// rune cut by the reading limit is left out, and everything from the first
// zero byte on.
func (p property) text() string {
	if p.format != 8 {
		return ""
	}
	return decodeText(p.value, p.after > 0)
}

// strings gives the zero-terminated strings of a value, as WM_CLASS has two.
func (p property) strings() []string {
	if p.format != 8 || len(p.value) == 0 {
		return nil
	}
	parts := strings.Split(strings.TrimSuffix(string(p.value), "\x00"), "\x00")
	for i, s := range parts {
		parts[i] = decodeText([]byte(s), p.after > 0 && i == len(parts)-1)
	}
	return parts
}

func decodeText(b []byte, cut bool) string {
	for i, c := range b {
		if c == 0 {
			b, cut = b[:i], false
			break
		}
	}
	if cut {
		for i := len(b) - 1; i >= 0 && i >= len(b)-utf8.UTFMax+1; i-- {
			if utf8.RuneStart(b[i]) {
				if !utf8.FullRune(b[i:]) {
					b = b[:i]
				}
				break
			}
		}
	}
	if utf8.Valid(b) {
		return string(b)
	}
	var s strings.Builder
	for _, c := range b {
		s.WriteRune(rune(c))
	}
	return s.String()
}

// parseAtom reads the reply of InternAtom; 0 when there is no such atom.
func parseAtom(raw []byte) uint32 {
	if len(raw) < 12 {
		return 0
	}
	return binary.LittleEndian.Uint32(raw[8:])
}

// parseExtension reads the reply of QueryExtension: the major opcode, 0 when
// the server does not have it. Opcodes of extensions begin at 128.
func parseExtension(raw []byte) byte {
	if len(raw) < 12 || raw[8] != 1 || raw[9] < 128 {
		return 0
	}
	return raw[9]
}

// parseClientIDs reads the reply of QueryClientIds (X-Resource 1.2): for each
// client, named by the base of its resource ids, the pid of its process. The
// server leaves out clients it has no pid for.
func parseClientIDs(raw []byte) map[uint32]int {
	if len(raw) < 32 {
		return nil
	}
	le := binary.LittleEndian
	pids := map[uint32]int{}
	n, b := le.Uint32(raw[8:]), raw[32:]
	for ; n > 0 && len(b) >= 12; n-- {
		client, mask, length := le.Uint32(b), le.Uint32(b[4:]), uint64(le.Uint32(b[8:]))
		b = b[12:]
		length = (length + 3) &^ 3
		if length > uint64(len(b)) {
			break
		}
		if mask == localClientPID && length == 4 {
			if pid := le.Uint32(b); pid > 0 && pid <= math.MaxInt32 {
				pids[client] = int(pid)
			}
		}
		b = b[length:]
	}
	return pids
}

// parseOutputs reads the reply of RRGetScreenResourcesCurrent (RandR 1.3): the
// outputs' ids.
func parseOutputs(raw []byte) []uint32 {
	if len(raw) < 32 {
		return nil
	}
	le := binary.LittleEndian
	crtcs, outputs := int(le.Uint16(raw[16:])), int(le.Uint16(raw[18:]))
	if len(raw) < 32+4*(crtcs+outputs) {
		return nil
	}
	list := make([]uint32, outputs)
	for i := range list {
		list[i] = le.Uint32(raw[32+4*(crtcs+i):])
	}
	return list
}

// parseOutputName reads the reply of RRGetOutputInfo (RandR 1.2): the name.
func parseOutputName(raw []byte) string {
	if len(raw) < 36 {
		return ""
	}
	le := binary.LittleEndian
	lists := int(le.Uint16(raw[26:])) + int(le.Uint16(raw[28:])) + int(le.Uint16(raw[32:]))
	length := int(le.Uint16(raw[34:]))
	at := 36 + 4*lists
	if len(raw) < at+length {
		return ""
	}
	return string(raw[at : at+length])
}

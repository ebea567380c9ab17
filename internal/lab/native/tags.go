// Package native is a small client of the PulseAudio native protocol, for
// observers and tone players of the lab only. It shares no code with package
// pulse, so that a test compares two readings of the protocol, and it copes
// with strings of any length.
//
// Source of all numbers: PulseAudio 16.1, src/pulsecore/native-common.h and
// tagstruct.h, in protocol version 32.
package native

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The tags of tagstruct.h.
const (
	tagString     = 't'
	tagNullString = 'N'
	tagU32        = 'L'
	tagU8         = 'B'
	tagU64        = 'R'
	tagS64        = 'r'
	tagSpec       = 'a'
	tagArbitrary  = 'x'
	tagTrue       = '1'
	tagFalse      = '0'
	tagTime       = 'T'
	tagUsec       = 'U'
	tagMap        = 'm'
	tagVolume     = 'v'
	tagProps      = 'P'
	tagBaseVolume = 'V'
	tagFormat     = 'f'
)

var errShort = errors.New("short or misshapen reply")

// writer builds a tag structure.
type writer struct{ b []byte }

func (w *writer) u32(v uint32) { w.b = binary.BigEndian.AppendUint32(append(w.b, tagU32), v) }
func (w *writer) u8(v byte)    { w.b = append(w.b, tagU8, v) }

func (w *writer) bool(v bool) {
	if v {
		w.b = append(w.b, tagTrue)
	} else {
		w.b = append(w.b, tagFalse)
	}
}

// str writes the bytes as they are; they must not hold a NUL.
func (w *writer) str(s string) {
	w.b = append(append(append(w.b, tagString), s...), 0)
}

func (w *writer) null() { w.b = append(w.b, tagNullString) }

func (w *writer) arbitrary(b []byte) {
	w.b = binary.BigEndian.AppendUint32(append(w.b, tagArbitrary), uint32(len(b)))
	w.b = append(w.b, b...)
}

// props writes a property list of strings; values may hold any bytes.
func (w *writer) props(p map[string]string) {
	w.b = append(w.b, tagProps)
	for k, v := range p {
		w.str(k)
		w.u32(uint32(len(v) + 1))
		w.arbitrary(append([]byte(v), 0))
	}
	w.null()
}

// spec writes the sample specification of 16 bit little-endian stereo.
func (w *writer) spec(rate uint32) {
	const s16le = 3
	w.b = binary.BigEndian.AppendUint32(append(w.b, tagSpec, s16le, 2), rate)
}

// stereo writes the channel map front left, front right.
func (w *writer) stereo() { w.b = append(w.b, tagMap, 2, 1, 2) }

func (w *writer) volume(v uint32) {
	w.b = append(w.b, tagVolume, 2)
	w.b = binary.BigEndian.AppendUint32(w.b, v)
	w.b = binary.BigEndian.AppendUint32(w.b, v)
}

// reader takes a tag structure apart. The first misfit is kept in err and
// everything after it is zero.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail() {
	if r.err == nil {
		r.err = errShort
	}
	r.b = nil
}

func (r *reader) more() bool { return r.err == nil && len(r.b) > 0 }

// take returns n bytes.
func (r *reader) take(n int) []byte {
	if n < 0 || len(r.b) < n {
		r.fail()
		return make([]byte, max(0, min(n, 8)))
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) tag(want byte) bool {
	if len(r.b) == 0 || r.b[0] != want {
		if r.err == nil {
			got := "nothing"
			if len(r.b) > 0 {
				got = fmt.Sprintf("%q", r.b[0])
			}
			r.err = fmt.Errorf("%w: %s where tag %q belongs", errShort, got, want)
		}
		r.b = nil
		return false
	}
	r.b = r.b[1:]
	return true
}

func (r *reader) u32() uint32 {
	if !r.tag(tagU32) {
		return 0
	}
	return binary.BigEndian.Uint32(r.take(4))
}

func (r *reader) u8() byte {
	if !r.tag(tagU8) {
		return 0
	}
	return r.take(1)[0]
}

func (r *reader) bool() bool {
	if len(r.b) > 0 && r.b[0] == tagTrue {
		r.b = r.b[1:]
		return true
	}
	r.tag(tagFalse)
	return false
}

// str reads a string; the null string is "".
func (r *reader) str() string {
	if len(r.b) > 0 && r.b[0] == tagNullString {
		r.b = r.b[1:]
		return ""
	}
	if !r.tag(tagString) {
		return ""
	}
	for i, c := range r.b {
		if c == 0 {
			s := string(r.b[:i])
			r.b = r.b[i+1:]
			return s
		}
	}
	r.fail()
	return ""
}

func (r *reader) usec() {
	if r.tag(tagUsec) {
		r.take(8)
	}
}

func (r *reader) spec() {
	if r.tag(tagSpec) {
		r.take(6)
	}
}

func (r *reader) channels() {
	if r.tag(tagMap) {
		r.take(int(r.take(1)[0]))
	}
}

// volume returns the loudest channel.
func (r *reader) volume() uint32 {
	var loudest uint32
	if r.tag(tagVolume) {
		for n := int(r.take(1)[0]); n > 0 && r.err == nil; n-- {
			loudest = max(loudest, binary.BigEndian.Uint32(r.take(4)))
		}
	}
	return loudest
}

func (r *reader) baseVolume() {
	if r.tag(tagBaseVolume) {
		r.take(4)
	}
}

func (r *reader) format() {
	if r.tag(tagFormat) {
		r.u8()
		r.props()
	}
}

// props reads a property list. One NUL at the end of a value is taken off.
func (r *reader) props() map[string]string {
	p := map[string]string{}
	if !r.tag(tagProps) {
		return p
	}
	for r.err == nil {
		if len(r.b) > 0 && r.b[0] == tagNullString {
			r.b = r.b[1:]
			return p
		}
		key := r.str()
		n := int(r.u32())
		if !r.tag(tagArbitrary) {
			return p
		}
		if m := int(binary.BigEndian.Uint32(r.take(4))); m != n {
			r.fail()
			return p
		}
		v := r.take(n)
		if len(v) > 0 && v[len(v)-1] == 0 {
			v = v[:len(v)-1]
		}
		p[key] = string(v)
	}
	return p
}

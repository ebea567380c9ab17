package x11

import (
	"encoding/binary"
	"reflect"
	"strings"
	"testing"
)

// goodSetup is an answer like that of Xvfb: a vendor of 5 bytes, one pixmap
// format, two screens with depths and visuals.
func goodSetup() []byte {
	le := binary.LittleEndian
	b := make([]byte, 40)
	b[0] = 1
	le.PutUint16(b[2:], 11)
	le.PutUint32(b[12:], 0x00a00000)
	le.PutUint32(b[16:], 0x001fffff)
	le.PutUint16(b[24:], 5)
	le.PutUint16(b[26:], 0xffff)
	b[28], b[29], b[34], b[35] = 2, 1, 8, 255
	b = append(b, "ACME\x21\x00\x00\x00"...)
	b = append(b, 24, 32, 32, 0, 0, 0, 0, 0)
	for root := range uint32(2) {
		screen := make([]byte, 40)
		le.PutUint32(screen, 0x300+root)
		screen[39] = 2
		b = append(b, screen...)
		b = append(b, 1, 0, 0, 0, 0, 0, 0, 0)  // depth 1, no visuals
		b = append(b, 24, 0, 2, 0, 0, 0, 0, 0) // depth 24, two visuals
		b = append(b, make([]byte, 48)...)
	}
	le.PutUint16(b[6:], uint16((len(b)-8)/4))
	return b
}

func refusal(reason string) []byte {
	b := make([]byte, 8+pad4(len(reason)))
	b[1] = byte(len(reason))
	binary.LittleEndian.PutUint16(b[2:], 11)
	binary.LittleEndian.PutUint16(b[6:], uint16(pad4(len(reason))/4))
	copy(b[8:], reason)
	return b
}

func TestSetupIsRead(t *testing.T) {
	got, err := parseSetup(goodSetup())
	if err != nil {
		t.Fatal(err)
	}
	want := setup{
		base: 0x00a00000, mask: 0x001fffff, maxRequest: 0xffff, minKey: 8, maxKey: 255,
		roots: []WindowID{0x300, 0x301},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestARefusalIsQuoted(t *testing.T) {
	_, err := parseSetup(refusal("Invalid \x1b[31mkey\n"))
	if err == nil || err.Error() != `the X server refused: "Invalid \x1b[31mkey"` {
		t.Errorf("got %v", err)
	}
	// The library adds 8 to the length in one byte and ends the process.
	long := refusal(strings.Repeat("x", 252))
	if _, err := parseSetup(long); err == nil || !strings.Contains(err.Error(), "xxxx") {
		t.Errorf("got %v", err)
	}
}

func TestSetupsThatAreNone(t *testing.T) {
	for _, test := range []struct {
		name string
		harm func(b []byte) []byte
	}{
		{"no bytes", func(b []byte) []byte { return nil }},
		{"another length than it says", func(b []byte) []byte { return b[:len(b)-4] }},
		{"only a head", func(b []byte) []byte { b[6], b[7] = 0, 0; return b[:8] }},
		{"an unknown status", func(b []byte) []byte { b[0] = 3; return b }},
		{"asks for more authentication", func(b []byte) []byte { b[0] = 2; return b }},
		{"another protocol", func(b []byte) []byte { b[2] = 12; return b }},
		{"ids without a mask", func(b []byte) []byte { copy(b[16:], "\x00\x00\x00\x00"); return b }},
		{"a mask of too few bits", func(b []byte) []byte { copy(b[16:], "\xff\xff\x00\x00"); return b }},
		{"a mask with a hole", func(b []byte) []byte { copy(b[16:], "\xff\xff\x0f\xf0"); return b }},
		{"a base within the mask", func(b []byte) []byte { b[12] = 1; return b }},
		{"tiny requests", func(b []byte) []byte { b[26], b[27] = 4, 0; return b }},
		{"keycodes below 8", func(b []byte) []byte { b[34] = 7; return b }},
		{"no keycodes", func(b []byte) []byte { b[35] = 7; return b }},
		{"a vendor past the end", func(b []byte) []byte { b[25] = 0xff; return b }},
		{"formats past the end", func(b []byte) []byte { b[29] = 0xff; return b }},
		{"more screens than there are", func(b []byte) []byte { b[28] = 200; return b }},
		{"no screen", func(b []byte) []byte { b[28] = 0; return b }},
		{"more depths than there are", func(b []byte) []byte { b[56+39] = 255; return b }},
		{"more visuals than there are", func(b []byte) []byte { b[56+40+8+2] = 255; return b }},
	} {
		t.Run(test.name, func(t *testing.T) {
			if s, err := parseSetup(test.harm(goodSetup())); err == nil {
				t.Errorf("taken for %+v", s)
			}
		})
	}
}

func TestSetupRequest(t *testing.T) {
	for _, test := range []struct{ cookie, want string }{
		{"", "l\x00\x0b\x00\x00\x00\x00\x00\x00\x00\x00\x00"},
		{"0123456789abcdef", "l\x00\x0b\x00\x00\x00\x12\x00\x10\x00\x00\x00MIT-MAGIC-COOKIE-1\x00\x000123456789abcdef"},
		{"xyz", "l\x00\x0b\x00\x00\x00\x12\x00\x03\x00\x00\x00MIT-MAGIC-COOKIE-1\x00\x00xyz\x00"},
	} {
		if got := string(setupRequest(test.cookie)); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

// What is accepted is what the library can read: no count leads past the end.
func FuzzSetup(f *testing.F) {
	f.Add(goodSetup())
	f.Add(refusal("no"))
	f.Add(recording(f)[0])
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseSetup(b)
		if err != nil {
			return
		}
		if len(s.roots) == 0 || s.base&s.mask != 0 || s.minKey < 8 || s.maxKey < s.minKey {
			t.Errorf("taken for %+v", s)
		}
		libraryReads(b) // panics when a count leads past the end
	})
}

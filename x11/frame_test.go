package x11

import (
	"bytes"
	"encoding/binary"
	"testing"
)

func head(kind, code byte, sequence uint16, length uint32) []byte {
	b := make([]byte, 32)
	b[0], b[1] = kind, code
	binary.LittleEndian.PutUint16(b[2:], sequence)
	binary.LittleEndian.PutUint32(b[4:], length)
	return b
}

func TestFramesTheLibraryMaySee(t *testing.T) {
	for _, test := range []struct {
		name       string
		last, sent uint16
		head       []byte
		want       frame
		code       byte // of an error, afterwards
		bad        bool
	}{
		{name: "a reply", last: 3, sent: 5, head: head(1, 0, 4, 0), want: frame{pass: true}},
		{name: "a reply with a body", last: 3, sent: 5, head: head(1, 0, 5, 10), want: frame{pass: true, body: 40}},
		{name: "the longest body", sent: 1, head: head(1, 0, 1, maxReply/4), want: frame{pass: true, body: maxReply}},
		{name: "too long a body", sent: 1, head: head(1, 0, 1, maxReply/4+1), bad: true},
		{name: "a length that overflows in the library", sent: 1, head: head(1, 0, 1, 0x3fffffff), bad: true},
		{name: "a reply to nothing", last: 5, sent: 5, head: head(1, 0, 6, 0), bad: true},
		{name: "the same reply again", last: 5, sent: 9, head: head(1, 0, 5, 0), bad: true},
		{name: "an earlier reply", last: 5, sent: 9, head: head(1, 0, 4, 0), bad: true},
		{name: "across the end of the numbers", last: 65535, sent: 3, head: head(1, 0, 0, 0), want: frame{pass: true}},
		{name: "from before the end of the numbers", last: 2, sent: 3, head: head(1, 0, 65535, 0), bad: true},
		{name: "an error", sent: 2, head: head(0, 3, 1, 0x800008), want: frame{pass: true}, code: 3},
		{name: "an error of an extension", sent: 2, head: head(0, 140, 1, 0), want: frame{pass: true}, code: 17},
		{name: "an error without a code", sent: 2, head: head(0, 0, 1, 0), want: frame{pass: true}, code: 17},
		{name: "an error for nothing", sent: 2, head: head(0, 3, 3, 0), bad: true},
		{name: "a mapping change", head: head(34, 0, 0, 0x00f80801), want: frame{pass: true}},
		{name: "a mapping change sent by another client", head: head(34|0x80, 0, 0, 0), want: frame{}},
		{name: "a change of a property", head: head(28, 0, 0, 0x7fffffff), want: frame{pass: true}},
		{name: "the same sent by another client", head: head(28|0x80, 0, 0, 0), want: frame{}},
		{name: "another event", head: head(29, 0, 0, 0x7fffffff), want: frame{}},
		{name: "an event with a body", head: head(35, 131, 0, 2), want: frame{body: 8}},
		{name: "an event with too long a body", head: head(35, 131, 0, 0x7fffffff), bad: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := frames{last: test.last}
			got, err := f.next(test.head, test.sent)
			if (err != nil) != test.bad || got != test.want {
				t.Errorf("got %+v, %v", got, err)
			}
			if test.code != 0 && test.head[1] != test.code {
				t.Errorf("the error's code is %d", test.head[1])
			}
		})
	}
}

// Whatever the server sends, the library gets answers in rising order, to
// requests that were made, and of a length it can hold.
func FuzzFrames(f *testing.F) {
	f.Add(uint16(5), append(head(1, 0, 1, 1), append([]byte{1, 2, 3, 4}, head(0, 3, 2, 0)...)...))
	f.Add(uint16(1), head(35, 131, 0, 0))
	f.Add(uint16(9), append(head(34, 0, 0, 0), head(1, 0, 9, 0)...))
	answers := recording(f)[1:]
	f.Add(uint16(len(answers)), bytes.Join(answers, nil))
	f.Fuzz(func(t *testing.T, sent uint16, stream []byte) {
		var fr frames
		last := -1
		for len(stream) >= 32 {
			h := stream[:32]
			got, err := fr.next(h, sent)
			if err != nil {
				return
			}
			if got.body < 0 || got.body > maxReply || got.body%4 != 0 {
				t.Fatalf("a body of %d bytes", got.body)
			}
			if got.pass {
				switch h[0] {
				case 0, 1:
					n := int(binary.LittleEndian.Uint16(h[2:]))
					if n <= last || n > int(sent) || n == 0 {
						t.Fatalf("answer %d after %d, of %d", n, last, sent)
					}
					last = n
					if h[0] == 0 && (h[1] < 1 || h[1] > 17) {
						t.Fatalf("error code %d", h[1])
					}
				case 34:
				default:
					t.Fatalf("kind %d passed", h[0])
				}
			}
			if len(stream)-32 < got.body {
				return
			}
			stream = stream[32+got.body:]
		}
	})
}

package x11

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"strings"
)

// setup is what we use of the server's first answer (X11 protocol, chapter 8,
// "Connection Setup").
type setup struct {
	// base and mask form the ids of our own resources: id &^ mask == base.
	base, mask uint32
	// maxRequest is the longest request, in units of four bytes.
	maxRequest uint16
	minKey     byte
	maxKey     byte
	roots      []WindowID
}

var errSetup = errors.New("the answer is not that of an X server")

func pad4(n int) int { return (n + 3) &^ 3 }

// setupRequest writes the client's first message, little-endian, protocol
// 11.0, with a cookie unless it is empty.
func setupRequest(cookie string) []byte {
	name := ""
	if cookie != "" {
		name = cookieName
	}
	b := make([]byte, 12+pad4(len(name))+pad4(len(cookie)))
	b[0] = 'l'
	binary.LittleEndian.PutUint16(b[2:], 11)
	binary.LittleEndian.PutUint16(b[6:], uint16(len(name)))
	binary.LittleEndian.PutUint16(b[8:], uint16(len(cookie)))
	copy(b[12:], name)
	copy(b[12+pad4(len(name)):], cookie)
	return b
}

// setupLength gives the full length of the answer that begins with head (8
// bytes).
func setupLength(head []byte) int {
	return 8 + 4*int(binary.LittleEndian.Uint16(head[6:]))
}

// parseSetup reads the whole answer. It accepts only what the library can
// read without a fault: that one trusts every count in it.
func parseSetup(b []byte) (setup, error) {
	le := binary.LittleEndian
	if len(b) < 8 || len(b) != setupLength(b) {
		return setup{}, errSetup
	}
	switch b[0] {
	case 0:
		reason := b[8:min(len(b), 8+int(b[1]))]
		return setup{}, fmt.Errorf("the X server refused: %q", strings.TrimSpace(string(reason)))
	case 1:
	case 2:
		return setup{}, errors.New("the X server wants an authentication that is not supported")
	default:
		return setup{}, errSetup
	}
	if len(b) < 40 || le.Uint16(b[2:]) != 11 || le.Uint16(b[4:]) != 0 {
		return setup{}, errSetup
	}
	s := setup{
		base:       le.Uint32(b[12:]),
		mask:       le.Uint32(b[16:]),
		maxRequest: le.Uint16(b[26:]),
		minKey:     b[34],
		maxKey:     b[35],
	}
	// At least 18 contiguous bits for our ids, at least 4096 units for a
	// request, keycodes from 8 up: chapter 8.
	shifted := s.mask >> bits.TrailingZeros32(s.mask)
	if bits.OnesCount32(s.mask) < 18 || shifted&(shifted+1) != 0 || s.base&s.mask != 0 ||
		s.maxRequest < 4096 || s.minKey < 8 || s.maxKey < s.minKey {
		return setup{}, errSetup
	}
	at := 40 + pad4(int(le.Uint16(b[24:]))) + 8*int(b[29]) // vendor, pixmap formats
	for range b[28] {
		if len(b)-at < 40 {
			return setup{}, errSetup
		}
		s.roots = append(s.roots, WindowID(le.Uint32(b[at:])))
		depths := b[at+39]
		at += 40
		for range depths {
			if len(b)-at < 8 {
				return setup{}, errSetup
			}
			at += 8 + 24*int(le.Uint16(b[at+2:])) // visuals
		}
	}
	if at > len(b) || len(s.roots) == 0 {
		return setup{}, errSetup
	}
	return s, nil
}

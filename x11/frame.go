package x11

import (
	"encoding/binary"
	"errors"
)

// maxReply bounds one reply of the server, in bytes. The longest one asked
// for is a keyboard mapping of 248 keys with 255 keysyms each.
const maxReply = 1 << 20

// Kinds of what the server sends, the first byte (X11 protocol, appendix B).
const (
	kindError          = 0
	kindReply          = 1
	kindMappingNotify  = 34
	kindPropertyNotify = 28
	kindGenericEvent   = 35
	opGetInputFocus    = 43
	lastCoreError      = 17
)

// frames follows what the server sends and says what the library may see.
//
// The library's reading goroutine waits for ever for a request that has the
// sequence number of an answer, drops errors it has no name for (the request
// then waits for ever), adds up lengths in 32 bits (a length of 0x3fffffff
// ends the process) and takes an event of variable length for one of 32
// bytes.
type frames struct {
	last uint16 // sequence number of the last answer
}

// frame is one thing the server sent.
type frame struct {
	pass bool // the library may see it
	body int  // bytes after the 32 of head
}

var errFrame = errors.New("the X server broke the protocol")

// next judges the 32 bytes that begin a frame; it may rewrite an error's code.
// sent is the sequence number of the last request that was sent.
func (f *frames) next(head []byte, sent uint16) (frame, error) {
	body := uint64(0)
	kind := head[0] & 0x7f // the top bit: sent by another client (SendEvent)
	if head[0] == kindReply || kind == kindGenericEvent {
		body = 4 * uint64(binary.LittleEndian.Uint32(head[4:]))
	}
	if body > maxReply {
		return frame{}, errFrame
	}
	switch head[0] {
	case kindError, kindReply:
		// Every request sent here has one answer, and they come in order.
		sequence := binary.LittleEndian.Uint16(head[2:])
		if ahead := sequence - f.last; ahead == 0 || ahead > sent-f.last {
			return frame{}, errFrame
		}
		f.last = sequence
		if head[0] == kindError && (head[1] == 0 || head[1] > lastCoreError) {
			head[1] = lastCoreError // BadImplementation: any name will do
		}
		return frame{pass: true, body: int(body)}, nil
	case kindMappingNotify, kindPropertyNotify: // see FocusChanges
		return frame{pass: true}, nil
	}
	return frame{body: int(body)}, nil // an event nobody here asked for
}

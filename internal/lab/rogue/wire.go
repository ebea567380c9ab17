package rogue

import (
	"encoding/binary"
	"maps"
	"slices"
)

// The commands of native-common.h that are used here.
const (
	OpError        = 0
	OpReply        = 2
	OpAuth         = 8
	OpName         = 9 // SET_CLIENT_NAME
	OpServerInfo   = 20
	OpSinkList     = 22
	OpSourceList   = 24
	OpClientList   = 28
	OpStream       = 29 // GET_SINK_INPUT_INFO
	OpStreamList   = 30
	OpRecordings   = 32 // GET_SOURCE_OUTPUT_INFO_LIST
	OpSubscribe    = 35
	OpVolume       = 37 // SET_SINK_INPUT_VOLUME
	OpEvent        = 66 // SUBSCRIBE_EVENT
	OpMove         = 67 // MOVE_SINK_INPUT
	OpMoveRecord   = 68 // MOVE_SOURCE_OUTPUT
	OpCardList     = 89
	OpProfile      = 90 // SET_CARD_PROFILE
	OpPort         = 96 // SET_SINK_PORT
	headerSize     = 20
	commandSize    = 10 // command and tag
	controlChannel = 0xFFFFFFFF
)

// Error codes of def.h.
const (
	AccessDenied = 1
	NoEntity     = 5
)

// None is PA_INVALID_INDEX.
const None = 0xFFFFFFFF

// Tags builds a tag structure (pulsecore/tagstruct.c), value by value.
type Tags []byte

// U32 adds a 32-bit number.
func (t Tags) U32(v uint32) Tags { return binary.BigEndian.AppendUint32(append(t, 'L'), v) }

// U8 adds an 8-bit number.
func (t Tags) U8(v byte) Tags { return append(t, 'B', v) }

// Text adds a string. The bytes go as they are.
func (t Tags) Text(s string) Tags { return append(append(append(t, 't'), s...), 0) }

// Null adds a string that is not there.
func (t Tags) Null() Tags { return append(t, 'N') }

// Usec adds a time.
func (t Tags) Usec(v uint64) Tags { return binary.BigEndian.AppendUint64(append(t, 'U'), v) }

// Bool adds a boolean.
func (t Tags) Bool(v bool) Tags {
	if v {
		return append(t, '1')
	}
	return append(t, '0')
}

// Spec adds a sample specification: 16 bit, stereo, 44.1 kHz.
func (t Tags) Spec() Tags {
	return binary.BigEndian.AppendUint32(append(t, 'a', 3, 2), 44100)
}

// Map adds a channel map of n channels.
func (t Tags) Map(n byte) Tags {
	t = append(t, 'm', n)
	return append(t, make([]byte, n)...)
}

// Volumes adds the volumes of n channels, each v.
func (t Tags) Volumes(n byte, v uint32) Tags {
	t = append(t, 'v', n)
	for range n {
		t = binary.BigEndian.AppendUint32(t, v)
	}
	return t
}

// Volume adds one volume.
func (t Tags) Volume(v uint32) Tags { return binary.BigEndian.AppendUint32(append(t, 'V'), v) }

// Property adds one entry of a property list; Begin and Null stand around the
// entries.
func (t Tags) Property(key string, value []byte) Tags {
	t = t.Text(key).U32(uint32(len(value)))
	t = binary.BigEndian.AppendUint32(append(t, 'x'), uint32(len(value)))
	return append(t, value...)
}

// Begin begins a property list.
func (t Tags) Begin() Tags { return append(t, 'P') }

// Properties adds a whole property list of strings, sorted.
func (t Tags) Properties(p map[string]string) Tags {
	t = t.Begin()
	for _, k := range slices.Sorted(maps.Keys(p)) {
		t = t.Property(k, append([]byte(p[k]), 0))
	}
	return t.Null()
}

// Format adds a format: PCM without properties.
func (t Tags) Format() Tags { return append(t, 'f').U8(1).Properties(nil) }

// Packet is a whole frame: header, command, tag and what follows.
func Packet(command, tag uint32, rest []byte) []byte {
	b := slices.Grow(Tags(Header(uint32(commandSize+len(rest)), controlChannel, 0)), commandSize+len(rest))
	return append(b.U32(command).U32(tag), rest...)
}

// Frame is a header and a body.
func Frame(channel, flags uint32, body []byte) []byte {
	return append(Header(uint32(len(body)), channel, flags), body...)
}

// Header announces a body.
func Header(length, channel, flags uint32) []byte {
	b := make([]byte, headerSize)
	binary.BigEndian.PutUint32(b, length)
	binary.BigEndian.PutUint32(b[4:], channel)
	binary.BigEndian.PutUint32(b[16:], flags)
	return b
}

// Reply is a whole reply to a request.
func Reply(r Request, rest []byte) []byte { return Packet(OpReply, r.Tag, rest) }

// Failure is an error reply to a request.
func Failure(r Request, code uint32) []byte { return Packet(OpError, r.Tag, Tags(nil).U32(code)) }

package pulse

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/jfreymuth/pulse/proto"
)

// A message of the PulseAudio native protocol is a frame: a header of five
// big-endian 32-bit words (length of what follows, channel, offset high and
// low, flags), then the body. On the control channel the body is a command and
// a tag, both tagged integers, and then what the command brings
// (pulsecore/pstream.c, pulsecore/tagstruct.c).
const (
	headerSize     = 20
	minBody        = 10 // command and tag
	controlChannel = 0xFFFFFFFF

	// maxFrame is the largest body taken (FRAME_SIZE_MAX_ALLOW of
	// pulsecore/pstream.c).
	maxFrame = 16 << 20

	// protocolVersion is what we announce. The shapes below are those of
	// this version; newer servers fall back to it. It came with
	// PulseAudio 9.
	protocolVersion = 32

	// maxString is the longest string handed to the library, in bytes. Its
	// reader fails at 1024, the closing NUL included.
	maxString = 1000

	// maxEntries and maxItems (properties, ports and formats of all its
	// entries) bound what one list may make the library allocate: 16 MiB
	// hold far more of them than any desktop has.
	maxEntries = 10_000
	maxItems   = 200_000
	// maxCardItems is maxItems of a list of cards: their ports and profiles take
	// the library more memory than others do.
	maxCardItems = 20_000

	// maxEntryText and maxReplyText are how many bytes of one entry and of one
	// reply are handed on before the strings and property values after them are
	// emptied: what one client says of itself in 16 MiB must not cost the
	// memory of all, nor the names of the others.
	maxEntryText = 64 << 10
	maxReplyText = 6 << 20
)

// malformed is the error code put in the place of a reply that has the wrong
// shape. It is outside of what servers use (PA_ERR_MAX is 27).
const malformed proto.Error = 0x70617467

// frameHeader is the header of a frame.
type frameHeader struct {
	length, channel uint32
	offset          uint64
	flags           uint32
}

func parseHeader(b []byte) frameHeader {
	_ = b[headerSize-1]
	return frameHeader{
		length:  binary.BigEndian.Uint32(b),
		channel: binary.BigEndian.Uint32(b[4:]),
		offset:  binary.BigEndian.Uint64(b[8:]),
		flags:   binary.BigEndian.Uint32(b[16:]),
	}
}

// putHeader writes the header of a control frame with a body of length bytes.
func putHeader(b []byte, length int) {
	binary.BigEndian.PutUint32(b, uint32(length))
	binary.BigEndian.PutUint32(b[4:], controlChannel)
	clear(b[8:headerSize])
}

// parseCommand reads command and tag at the start of a body.
func parseCommand(b []byte) (command, tag uint32, ok bool) {
	if len(b) < minBody || b[0] != 'L' || b[5] != 'L' {
		return 0, 0, false
	}
	return binary.BigEndian.Uint32(b[1:]), binary.BigEndian.Uint32(b[6:]), true
}

// putError writes the body of an error reply and returns its length.
func putError(b []byte, tag uint32, code proto.Error) int {
	b = append(b[:0], 'L', 0, 0, 0, proto.OpError, 'L')
	b = binary.BigEndian.AppendUint32(b, tag)
	b = append(b, 'L')
	b = binary.BigEndian.AppendUint32(b, uint32(code))
	return len(b)
}

// errorBody is the length of an error reply.
const errorBody = minBody + 5

// A shape says which values follow each other in a reply. Each letter is one
// value, named like its type on the wire:
//
//	L  32-bit number     t  string or null       b  boolean
//	U  microseconds      V  volume               a  sample format
//	m  channel map       v  channel volumes      P  property list
//	B  8-bit number      r  signed 64-bit number f  format
//	[  a 32-bit count, then the values up to the ] that belongs to it so often
//	F  an 8-bit count, then so many formats
type shape string

// The replies patoggle asks for, at protocol version 32
// (pulsecore/protocol-native.c: sink_fill_tagstruct,
// sink_input_fill_tagstruct, client_fill_tagstruct, command_get_server_info).
const (
	shapeEmpty  shape = ""
	shapeIndex  shape = "L"
	shapeEvent  shape = "LL"
	shapeServer shape = "ttttattLm"
	shapeSink   shape = "LttamLvbLtUtLPUVLLL[ttLL]tF"
	shapeStream shape = "LtLLLamvUUttbPbbbf"
	shapeClient shape = "LtLtP"
	// A source has the shape of a sink (source_fill_tagstruct), a source output
	// its volume elsewhere (source_output_fill_tagstruct).
	shapeSource       shape = shapeSink
	shapeSourceOutput shape = "LtLLLamUUttPbvbbbf"
	// playback_stream reply: index, sink input and missing bytes, four buffer
	// sizes, what was agreed on, the sink, whether it sleeps, its latency
	// (command_create_playback_stream).
	shapePlayback shape = "LLLLLLLamLtbUf"
	// command_create_record_stream
	shapeRecording shape = "LLLLamLtbUf"
	// A card (card_fill_tagstruct): its profiles, the active one, and its ports
	// with the profiles that have them.
	shapeCard shape = "LtLt[ttLLLL]tP[ttLLBP[t]r]"
)

// replyShape returns the shape of the reply to a command, and whether it may
// stand there any number of times. ok is false for commands we never send.
func replyShape(command uint32) (s shape, list, ok bool) {
	switch command {
	case proto.OpAuth, proto.OpSetClientName:
		return shapeIndex, false, true
	case proto.OpCreateRecordStream:
		return shapeRecording, false, true
	case proto.OpMoveSinkInput, proto.OpMoveSourceOutput, proto.OpSubscribe, proto.OpDeleteRecordStream, proto.OpDeletePlaybackStream,
		proto.OpSetSinkInputVolume, proto.OpSetSinkPort, proto.OpSetCardProfile:
		return shapeEmpty, false, true
	case proto.OpGetServerInfo:
		return shapeServer, false, true
	case proto.OpGetSinkInputInfo:
		return shapeStream, false, true
	case proto.OpGetSinkInfoList:
		return shapeSink, true, true
	case proto.OpGetSinkInputInfoList:
		return shapeStream, true, true
	case proto.OpGetSourceInfoList:
		return shapeSource, true, true
	case proto.OpGetSourceOutputInfoList:
		return shapeSourceOutput, true, true
	case proto.OpGetClientInfoList:
		return shapeClient, true, true
	case proto.OpGetClientInfo:
		return shapeClient, false, true
	case proto.OpGetCardInfoList:
		return shapeCard, true, true
	case proto.OpCreatePlaybackStream:
		return shapePlayback, false, true
	}
	return "", false, false
}

// sanitize checks the values in b, what follows command and tag in a reply,
// against the shape of the reply to command. It shortens strings and property
// values in place, each to maxString and all together by maxEntryText and
// maxReplyText, and returns how many bytes of b are left; what needs no
// shortening is left as it is. Of properties only those in wanted are left, all
// when it is nil. ok is false when b has another shape; b is spoilt then.
func sanitize(command uint32, b []byte, wanted map[string]bool) (n int, ok bool) {
	s, list, ok := replyShape(command)
	if !ok {
		return 0, false
	}
	w := walker{b: b, wanted: wanted, most: itemsOf(command)}
	if !list {
		ok = w.values(s)
		return w.w, ok && w.r == len(b)
	}
	for entries := 0; w.r < len(b); entries++ {
		w.entry = w.w
		if entries == maxEntries || !w.values(s) {
			return 0, false
		}
	}
	return w.w, true
}

// itemsOf is how many items the reply to a command may have.
func itemsOf(command uint32) int {
	if command == proto.OpGetCardInfoList {
		return maxCardItems
	}
	return maxItems
}

// walker reads tagged values from b[r:] and writes them, shortened, to b[:w].
// w never overtakes r.
type walker struct {
	b     []byte
	r, w  int
	entry int // where the current entry begins in b[:w]
	items int
	most  int // items
	// wanted are the keys of the properties to keep; nil keeps all.
	wanted map[string]bool
}

// spent tells whether there has been enough text.
func (w *walker) spent() bool {
	return w.w-w.entry > maxEntryText || w.w > maxReplyText
}

// item counts a property, port or format; false when there are too many.
func (w *walker) item() bool {
	w.items++
	return w.items <= w.most
}

// keep copies the next n bytes; false when there are fewer.
func (w *walker) keep(n int) bool {
	if n > len(w.b)-w.r {
		return false
	}
	if w.w != w.r {
		copy(w.b[w.w:], w.b[w.r:w.r+n])
	}
	w.r += n
	w.w += n
	return true
}

// tag copies the next byte if it is t.
func (w *walker) tag(t byte) bool {
	return w.r < len(w.b) && w.b[w.r] == t && w.keep(1)
}

// fixed copies a value of type t with n bytes.
func (w *walker) fixed(t byte, n int) bool {
	return w.tag(t) && w.keep(n)
}

// counted copies a value of type t that is an 8-bit count of items of size
// bytes.
func (w *walker) counted(t byte, size int) bool {
	return w.tag(t) && w.r < len(w.b) && w.keep(1+size*int(w.b[w.r]))
}

// number copies a 32-bit number.
func (w *walker) number() (uint32, bool) {
	if !w.fixed('L', 4) {
		return 0, false
	}
	return binary.BigEndian.Uint32(w.b[w.w-4:]), true
}

func (w *walker) values(s shape) bool {
	for i := 0; i < len(s); i++ {
		ok := false
		switch s[i] {
		case 'L', 'V':
			ok = w.fixed(s[i], 4)
		case 'U', 'r':
			ok = w.fixed(s[i], 8)
		case 'B':
			ok = w.fixed('B', 1)
		case 'a':
			ok = w.fixed('a', 6)
		case 'm':
			ok = w.counted('m', 1)
		case 'v':
			ok = w.counted('v', 4)
		case 't':
			ok = w.tag('N') || w.text()
		case 'b':
			ok = w.tag('1') || w.tag('0')
		case 'P':
			ok = w.propertyList()
		case 'f':
			ok = w.format()
		case 'F':
			ok = w.formats()
		case '[':
			end := s.close(i)
			ok = w.repeat(s[i+1 : end])
			i = end
		}
		if !ok {
			return false
		}
	}
	return true
}

// close returns where the bracket ends that begins at i.
func (s shape) close(i int) int {
	for depth := 0; ; i++ {
		switch s[i] {
		case '[':
			depth++
		case ']':
			if depth--; depth == 0 {
				return i
			}
		}
	}
}

// repeat copies a count and so many times the values of s.
func (w *walker) repeat(s shape) bool {
	n, ok := w.number()
	for ; ok && n > 0; n-- {
		ok = w.item() && w.values(s)
	}
	return ok
}

func (w *walker) formats() bool {
	if !w.fixed('B', 1) {
		return false
	}
	for n := w.b[w.w-1]; n > 0; n-- {
		if !w.format() {
			return false
		}
	}
	return true
}

func (w *walker) format() bool {
	return w.item() && w.tag('f') && w.fixed('B', 1) && w.propertyList()
}

// text copies a string, shortened.
func (w *walker) text() bool {
	if !w.tag('t') {
		return false
	}
	rest := w.b[w.r:]
	end := indexNUL(rest)
	if end < 0 {
		return false
	}
	n := cut(rest[:end])
	if w.spent() {
		n = 0
	}
	w.keep(n)
	w.r += end - n
	return w.keep(1) // the NUL
}

// propertyList copies the wanted ones of a property list, their keys and
// values shortened: keys are strings, a null string ends the list, a value is a
// length and then an arbitrary block that repeats it.
func (w *walker) propertyList() bool {
	if !w.tag('P') {
		return false
	}
	for !w.tag('N') {
		begin := w.w
		if !w.item() || !w.text() {
			return false
		}
		key := w.b[begin:w.w] // with its tag and its NUL
		wanted := w.wanted == nil || w.wanted[string(key[1:len(key)-1])]
		if !w.value() {
			return false
		}
		if !wanted {
			w.w = begin
		}
	}
	return true
}

// value copies a property's value: 'L' length, 'x' length bytes. One that is
// too long, or comes after too much, is cut when it is a string; any other
// block is left out whole, so that a piece of it is not taken for a string.
func (w *walker) value() bool {
	const size = 1 + 4 + 1 + 4
	if len(w.b)-w.r < size {
		return false
	}
	head := w.b[w.r : w.r+size]
	length := binary.BigEndian.Uint32(head[1:])
	if head[0] != 'L' || head[5] != 'x' || binary.BigEndian.Uint32(head[6:]) != length {
		return false
	}
	if uint64(length) > uint64(len(w.b)-w.r-size) {
		return false
	}
	block := w.b[w.r+size : w.r+size+int(length)]
	kept := int(length)
	terminated := false
	if spent := w.spent(); spent || len(block) > maxString+1 {
		kept = 0
		if end := indexNUL(block); end >= 0 && end == len(block)-1 {
			if !spent {
				kept = cut(block[:end])
			}
			terminated = true
		}
	}
	if terminated || kept != int(length) {
		n := kept
		if terminated {
			n++
		}
		binary.BigEndian.PutUint32(head[1:], uint32(n))
		binary.BigEndian.PutUint32(head[6:], uint32(n))
	}
	w.keep(size)
	w.keep(kept)
	w.r += int(length) - kept
	if terminated {
		w.r--
		w.keep(1)
	}
	return true
}

// cut returns how much of s to keep: all, or at most maxString bytes, and
// then not half a character.
func cut(s []byte) int {
	if len(s) <= maxString {
		return len(s)
	}
	for n := maxString; n > maxString-utf8.UTFMax; n-- {
		if utf8.RuneStart(s[n]) {
			return n
		}
	}
	return maxString
}

package bus

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/godbus/dbus/v5"
)

// The framing of D-Bus messages (D-Bus specification 0.43, Message Format):
// one byte for the byte order, three more, the length of the body, the
// serial, the length of the header fields, these padded to eight bytes, and
// the body.
const (
	headLength = 16
	// maxFrame is the longest message that is read. The answers that are
	// waited for are far shorter.
	maxFrame = 1 << 20
)

// frameLength returns the length of the message that begins with these
// headLength bytes.
func frameLength(head []byte) (int, error) {
	var order binary.ByteOrder
	switch head[0] {
	case 'l':
		order = binary.LittleEndian
	case 'B':
		order = binary.BigEndian
	default:
		return 0, fmt.Errorf("a message begins with %q", head[:1])
	}
	body := uint64(order.Uint32(head[4:]))
	fields := uint64(order.Uint32(head[12:]))
	length := headLength + (fields+7)&^7 + body
	if length > maxFrame {
		return 0, fmt.Errorf("a message of %d bytes", length)
	}
	return int(length), nil
}

// kind is what is to be done with a message.
type kind int

const (
	nothing  kind = iota // it is skipped
	anAnswer             // a reply, an error
	aSignal
	aCall
)

// inspect says what a whole message is, after reading it once where a panic of
// the library does no harm: its own reader could not be caught. A malformed
// message is an error, since no bus lets one through.
func inspect(frame []byte) (k kind, err error) {
	defer func() {
		if r := recover(); r != nil {
			k, err = nothing, fmt.Errorf("a message that cannot be read: %q", fmt.Sprint(r))
		}
	}()
	switch dbus.Type(frame[1]) {
	case dbus.TypeMethodReply, dbus.TypeError:
		k = anAnswer
	case dbus.TypeSignal:
		k = aSignal
	case dbus.TypeMethodCall:
		k = aCall
	default:
		return nothing, nil // "must be ignored" (Message Types)
	}
	m, err := dbus.DecodeMessage(bytes.NewReader(frame))
	if err != nil {
		return nothing, fmt.Errorf("a message that cannot be read: %q", err.Error())
	}
	if k == aSignal && !namesAName(m) {
		return nothing, nil
	}
	return k, nil
}

// namesAName is false for NameLost and NameAcquired without a name, which the
// library does not survive.
func namesAName(m *dbus.Message) bool {
	switch member, _ := m.Headers[dbus.FieldMember].Value().(string); member {
	case "NameLost", "NameAcquired":
		if len(m.Body) == 0 {
			return false
		}
		_, ok := m.Body[0].(string)
		return ok
	}
	return true
}

package notify

import (
	"bytes"
	"encoding/binary"
	"errors"
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
	// waited for have less than a kilobyte.
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

// isReply reports whether a message is a reply or an error, the only ones that
// are looked into. The second byte is the type.
func isReply(frame []byte) bool {
	t := dbus.Type(frame[1])
	return t == dbus.TypeMethodReply || t == dbus.TypeError
}

// call is a message to a method.
type call struct {
	destination, object, iface, method string
	flags                              dbus.Flags
	args                               []any
}

// encode returns the message with the serial. The library sets serials on its
// own connections only, so it is written where it stands.
func (c call) encode(serial uint32) ([]byte, error) {
	m := dbus.Message{
		Type:  dbus.TypeMethodCall,
		Flags: c.flags,
		Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldDestination: dbus.MakeVariant(c.destination),
			dbus.FieldPath:        dbus.MakeVariant(dbus.ObjectPath(c.object)),
			dbus.FieldInterface:   dbus.MakeVariant(c.iface),
			dbus.FieldMember:      dbus.MakeVariant(c.method),
		},
		Body: c.args,
	}
	if len(c.args) > 0 {
		m.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(c.args...))
	}
	var b bytes.Buffer
	if err := m.EncodeTo(&b, binary.LittleEndian); err != nil {
		return nil, err
	}
	frame := b.Bytes()
	binary.LittleEndian.PutUint32(frame[8:], serial)
	return frame, nil
}

// decode reads one whole message. The library may panic on a malformed one.
func decode(frame []byte) (m *dbus.Message, err error) {
	defer func() {
		if r := recover(); r != nil {
			m, err = nil, fmt.Errorf("a message that cannot be read: %v", r)
		}
	}()
	return dbus.DecodeMessage(bytes.NewReader(frame))
}

// answers reports whether a reply is to the call with the serial.
func answers(m *dbus.Message, serial uint32) bool {
	to, ok := m.Headers[dbus.FieldReplySerial].Value().(uint32)
	return ok && to == serial
}

// store puts the reply into the value, or returns the error that it is.
func store(m *dbus.Message, into any) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w to speak as the specification says: %q", ErrRefused, fmt.Sprint(r))
		}
	}()
	if m.Type == dbus.TypeError {
		return failure(m)
	}
	if err := dbus.Store(m.Body, into); err != nil {
		return fmt.Errorf("%w to speak as the specification says: %q", ErrRefused, err.Error())
	}
	return nil
}

// failure turns an error reply into one of ours.
func failure(m *dbus.Message) error {
	name, _ := m.Headers[dbus.FieldErrorName].Value().(string)
	switch name {
	case "org.freedesktop.DBus.Error.ServiceUnknown",
		"org.freedesktop.DBus.Error.NameHasNoOwner",
		"org.freedesktop.DBus.Error.NoReply": // it left while it was asked
		return errAbsent
	}
	text := name
	if len(m.Body) > 0 {
		if s, ok := m.Body[0].(string); ok && s != "" {
			text = s
		}
	}
	return fmt.Errorf("%w: %q", ErrRefused, text)
}

var (
	// errAbsent says that the daemon which was asked is not there.
	errAbsent = errors.New("the notification daemon left")
	// errLost says that the connection is of no more use, or that the
	// context ended.
	errLost = errors.New("the session bus hung up")
)

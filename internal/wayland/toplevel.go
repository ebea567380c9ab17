package wayland

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
)

// askToplevels asks a compositor that has no way of its own with the protocol of
// task bars, wlr-foreign-toplevel-management-unstable-v1: it tells which window
// is activated, and no processes.
func askToplevels(ctx context.Context, s *Session) (*Answer, error) {
	conn, err := dial(ctx, s.Socket)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	around := s.lookAround()
	t := newToplevels()
	if err := t.converse(conn, bufio.NewReader(conn)); err != nil {
		if mute := (*MuteError)(nil); errors.As(err, &mute) {
			mute.Compositor = s.Name
		}
		return nil, err
	}
	a := t.answer()
	programs := make(map[string][]int)
	for _, w := range a.Windows {
		programs[lastPart(w.AppID)] = nil
	}
	others := around()
	others.findClients(programs)
	for i := range a.Windows {
		a.Windows[i].Clients = programs[lastPart(a.Windows[i].AppID)]
	}
	if f := a.Focused; f != nil {
		f.Clients = programs[lastPart(f.AppID)]
		a.XRunning = others.runXwayland()
	}
	return a, nil
}

// converse asks for the windows and hears them all. The error is a *MuteError
// where the compositor does not have the protocol.
func (t *toplevels) converse(w io.Writer, r *bufio.Reader) error {
	for _, request := range []func() []byte{t.registry, t.bind} {
		b := request()
		if b == nil {
			return &MuteError{Why: "it tells no program which window has the focus"}
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		for !t.synced() {
			if err := t.read(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// read takes the next message: the object, the length with these 8 bytes in the
// upper half and the event in the lower, both in the host's order (The Wayland
// Protocol, Wire Format).
func (t *toplevels) read(r io.Reader) error {
	head := make([]byte, 8)
	if _, err := io.ReadFull(r, head); err != nil {
		return cutOff(err)
	}
	object, word := binary.NativeEndian.Uint32(head), binary.NativeEndian.Uint32(head[4:])
	length := int(word >> 16)
	if length < len(head) || length%4 != 0 {
		return errWire
	}
	body := make([]byte, length-len(head))
	if _, err := io.ReadFull(r, body); err != nil {
		return cutOff(err)
	}
	return t.take(object, word&0xffff, body)
}

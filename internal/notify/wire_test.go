package notify

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

func TestAMessageBeginsWithItsLength(t *testing.T) {
	frame, err := call{destination: busName, object: busObject, iface: busName, method: "GetNameOwner", args: []any{service}}.encode(7)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := frameLength(frame); err != nil || n != len(frame) {
		t.Errorf("%d, %v; want %d", n, err, len(frame))
	}
	m, err := decode(frame)
	if err != nil || m.Serial() != 7 || m.Body[0] != service {
		t.Errorf("got %v, %v", m, err)
	}
	for head, want := range map[string]string{
		"HTTP/1.1 400 Bad": `a message begins with "H"`,
		"l\x02\x00\x01\xff\xff\xff\xff\x01\x00\x00\x00\xff\xff\xff\xff": "a message of 8589934607 bytes",
		"B\x02\x00\x01\x00\x10\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00": "a message of 1048592 bytes",
	} {
		if n, err := frameLength([]byte(head)); err == nil || err.Error() != want {
			t.Errorf("%q: %d, %v; want %s", head, n, err, want)
		}
	}
}

// reply writes a reply to the call m, or an error when name is set.
func reply(w io.Writer, serial uint32, name string, body ...any) {
	m := dbus.Message{
		Type:    dbus.TypeMethodReply,
		Headers: map[dbus.HeaderField]dbus.Variant{dbus.FieldReplySerial: dbus.MakeVariant(serial)},
		Body:    body,
	}
	if name != "" {
		m.Type = dbus.TypeError
		m.Headers[dbus.FieldErrorName] = dbus.MakeVariant(name)
	}
	if len(body) > 0 {
		m.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(body...))
	}
	var b bytes.Buffer
	if err := m.EncodeTo(&b, binary.BigEndian); err != nil { // the other byte order is as good
		panic(err)
	}
	w.Write(b.Bytes())
}

// fakeBus welcomes a client and hands its calls to answer until that returns
// false.
func fakeBus(answer func(c net.Conn, m *dbus.Message, method string) bool) func(net.Conn) {
	return func(c net.Conn) {
		r := bufio.NewReader(c)
		if line, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "\x00AUTH EXTERNAL ") {
			return
		}
		fmt.Fprint(c, "OK 0123456789abcdef0123456789abcdef\r\n")
		if line, err := r.ReadString('\n'); err != nil || line != "BEGIN\r\n" {
			return
		}
		for {
			m, err := dbus.DecodeMessage(r)
			if err != nil {
				return
			}
			if method, _ := m.Headers[dbus.FieldMember].Value().(string); !answer(c, m, method) {
				return
			}
		}
	}
}

// usual answers as a bus with a daemon does.
func usual(c net.Conn, m *dbus.Message, method string) bool {
	switch method {
	case "Hello":
		reply(c, m.Serial(), "", ":1.1")
	case "GetNameOwner":
		reply(c, m.Serial(), "", ":1.2")
	case "GetCapabilities":
		reply(c, m.Serial(), "", []string{})
	case "Notify":
		reply(c, m.Serial(), "", uint32(4))
	}
	return true
}

func TestWhatArrivesUnaskedIsSkipped(t *testing.T) {
	signal := dbus.Message{
		Type: dbus.TypeSignal,
		Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldPath:      dbus.MakeVariant(dbus.ObjectPath("/")),
			dbus.FieldInterface: dbus.MakeVariant("org.freedesktop.DBus"),
			dbus.FieldMember:    dbus.MakeVariant("NameLost"),
		},
	}
	var noise bytes.Buffer
	for range 1000 {
		if err := signal.EncodeTo(&noise, binary.LittleEndian); err != nil {
			t.Fatal(err)
		}
		reply(&noise, 9999, "", "an answer to nothing")
		reply(&noise, 9999, "org.example.Error", "an error to nothing")
		ask, err := call{destination: ":1.1", object: "/", iface: "org.freedesktop.DBus.Peer", method: "Ping"}.encode(5)
		if err != nil {
			t.Fatal(err)
		}
		noise.Write(ask)
	}
	n := notifier(t, listen(t, fakeBus(func(c net.Conn, m *dbus.Message, method string) bool {
		c.Write(noise.Bytes())
		defer c.Write(noise.Bytes())
		return usual(c, m, method)
	})))
	for range 3 {
		if err := n.Send(within(t, 10*time.Second), Note{Summary: "s"}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnAnswerByteByByteIsRead(t *testing.T) {
	n := notifier(t, listen(t, fakeBus(func(c net.Conn, m *dbus.Message, method string) bool {
		return usual(drop{c}, m, method)
	})))
	if err := n.Send(within(t, 10*time.Second), Note{Summary: "s"}); err != nil {
		t.Fatal(err)
	}
}

// drop writes one byte at a time.
type drop struct{ net.Conn }

func (d drop) Write(b []byte) (int, error) {
	for i := range b {
		if _, err := d.Conn.Write(b[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(b), nil
}

func TestAnAnswerOfTheWrongShapeIsAnError(t *testing.T) {
	for name, answer := range map[string]func(net.Conn, *dbus.Message){
		"nothing":          func(c net.Conn, m *dbus.Message) { reply(c, m.Serial(), "") },
		"a text":           func(c net.Conn, m *dbus.Message) { reply(c, m.Serial(), "", "four") },
		"two numbers":      func(c net.Conn, m *dbus.Message) { reply(c, m.Serial(), "", uint32(4), uint32(5)) },
		"an error":         func(c net.Conn, m *dbus.Message) { reply(c, m.Serial(), "org.example.No") },
		"an odd error":     func(c net.Conn, m *dbus.Message) { reply(c, m.Serial(), "org.example.No", uint32(1)) },
		"an error of text": func(c net.Conn, m *dbus.Message) { reply(c, m.Serial(), "org.example.No", "no\x1b") },
	} {
		t.Run(name, func(t *testing.T) {
			n := notifier(t, listen(t, fakeBus(func(c net.Conn, m *dbus.Message, method string) bool {
				if method == "Notify" {
					answer(c, m)
					return true
				}
				return usual(c, m, method)
			})))
			err := n.Send(within(t, 10*time.Second), Note{Summary: "s"})
			if !errors.Is(err, ErrRefused) || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("got %v, want %v", err, ErrRefused)
			}
		})
	}
}

func TestALateAnswerIsNotTakenForTheNextOne(t *testing.T) {
	release := make(chan struct{})
	var notified int
	n := notifier(t, listen(t, fakeBus(func(c net.Conn, m *dbus.Message, method string) bool {
		if method == "Notify" {
			if notified++; notified == 1 {
				go func() {
					<-release
					reply(c, m.Serial(), "", uint32(77))
				}()
				return true
			}
			if id := m.Body[1].(uint32); id != 0 {
				reply(c, m.Serial(), "org.example.Wrong", fmt.Sprintf("it replaces %d", id))
				return true
			}
		}
		return usual(c, m, method)
	})))
	note := Note{Summary: "s", Replace: "move"}
	if err := n.Send(within(t, 200*time.Millisecond), note); !errors.Is(err, ErrTimeout) {
		t.Fatalf("got %v, want %v", err, ErrTimeout)
	}
	close(release)
	if err := n.Send(within(t, 10*time.Second), note); err != nil {
		t.Error(err)
	}
}

func TestABusThatHangsUpInBetweenIsTriedOnceMore(t *testing.T) {
	for _, at := range []string{"GetNameOwner", "GetCapabilities", "Notify"} {
		t.Run(at, func(t *testing.T) {
			connections := make(chan struct{}, 10)
			bus := fakeBus(func(c net.Conn, m *dbus.Message, method string) bool {
				return !(method == at && len(connections) == 1) && usual(c, m, method)
			})
			n := notifier(t, listen(t, func(c net.Conn) {
				connections <- struct{}{}
				bus(c)
			}))
			if err := n.Send(within(t, 10*time.Second), Note{Summary: "s"}); err != nil || len(connections) != 2 {
				t.Errorf("got %v after %d connections", err, len(connections))
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	hello, err := call{destination: busName, object: busObject, iface: busName, method: "Hello"}.encode(1)
	if err != nil {
		f.Fatal(err)
	}
	notify, err := call{
		destination: ":1.2", object: object, iface: service, method: "Notify",
		args: []any{"patoggle", uint32(0), "icon", "summary", "body", []string{}, newMessage(Note{Replace: "x"}, nil).hints(), int32(-1)},
	}.encode(2)
	if err != nil {
		f.Fatal(err)
	}
	var owner, failed bytes.Buffer
	reply(&owner, 3, "", ":1.42")
	reply(&failed, 4, "org.freedesktop.DBus.Error.ServiceUnknown", "nobody")
	for _, call := range [][]byte{hello, notify} {
		f.Add(call)
		answer := bytes.Clone(call)
		answer[1] = byte(dbus.TypeMethodReply) // the same fields in a reply
		f.Add(answer)
	}
	f.Add(owner.Bytes())
	f.Add(failed.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < headLength {
			return
		}
		length, err := frameLength(data)
		if err != nil || length > len(data) {
			return
		}
		if length < headLength || length > maxFrame {
			t.Fatalf("a length of %d", length)
		}
		if !isReply(data) {
			return
		}
		m, err := decode(data[:length])
		if err != nil {
			return
		}
		answers(m, 3)
		for _, into := range []any{new(string), new(uint32), new([]string)} {
			if err := store(m, into); err != nil && strings.ContainsAny(err.Error(), "\x1b\x00\n") {
				t.Errorf("control characters in %q", err.Error())
			}
		}
	})
}

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

	"github.com/patoggle/patoggle/internal/lab/long"
)

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

// ask is a call of ours by another client.
func ask(t *testing.T) []byte {
	m := dbus.Message{
		Type: dbus.TypeMethodCall,
		Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldDestination: dbus.MakeVariant(":1.1"),
			dbus.FieldPath:        dbus.MakeVariant(dbus.ObjectPath("/")),
			dbus.FieldInterface:   dbus.MakeVariant("org.freedesktop.DBus.Peer"),
			dbus.FieldMember:      dbus.MakeVariant("Ping"),
		},
	}
	var b bytes.Buffer
	if err := m.EncodeTo(&b, binary.LittleEndian); err != nil {
		t.Fatal(err)
	}
	binary.LittleEndian.PutUint32(b.Bytes()[8:], 5) // the serial
	return b.Bytes()
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
	for range long.Count(150, 1000) {
		if err := signal.EncodeTo(&noise, binary.LittleEndian); err != nil {
			t.Fatal(err)
		}
		reply(&noise, 9999, "", "an answer to nothing")
		reply(&noise, 9999, "org.example.Error", "an error to nothing")
		noise.Write(ask(t))
	}
	n := notifier(t, listen(t, fakeBus(func(c net.Conn, m *dbus.Message, method string) bool {
		c.Write(noise.Bytes())
		defer c.Write(noise.Bytes())
		return usual(c, m, method)
	})))
	for range 3 {
		if err := n.Send(within(t, time.Minute), Note{Summary: "s"}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnAnswerByteByByteIsRead(t *testing.T) {
	n := notifier(t, listen(t, fakeBus(func(c net.Conn, m *dbus.Message, method string) bool {
		return usual(drop{c}, m, method)
	})))
	if err := n.Send(within(t, time.Minute), Note{Summary: "s"}); err != nil {
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
			err := n.Send(within(t, time.Minute), Note{Summary: "s"})
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
	if err := n.Send(within(t, time.Minute), note); err != nil {
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
			if err := n.Send(within(t, time.Minute), Note{Summary: "s"}); err != nil || len(connections) != 2 {
				t.Errorf("got %v after %d connections", err, len(connections))
			}
		})
	}
}

package bus

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/patoggle/patoggle/internal/lab"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

func within(t *testing.T, limit time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

// join returns a connection to the bus of the lab.
func join(t *testing.T, l *lab.Lab) *Conn {
	t.Helper()
	c, err := Open(within(t, 20*time.Second), l.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestWhoIsOnTheBusIsKnown(t *testing.T) {
	l := lab.Start(t)
	l.Bus()
	a, b := join(t, l), join(t, l)
	ctx := within(t, 20*time.Second)
	if _, err := a.Owner(ctx, "org.example.Name"); !errors.Is(err, ErrAbsent) {
		t.Errorf("a name that nobody has: %v", err)
	}
	if got, err := b.Request(ctx, "org.example.Name"); !got || err != nil {
		t.Fatalf("the name: %v, %v", got, err)
	}
	if got, err := a.Request(ctx, "org.example.Name"); got || err != nil {
		t.Errorf("a second owner: %v, %v", got, err)
	}
	if owner, err := a.Owner(ctx, "org.example.Name"); owner != b.Name() || err != nil {
		t.Errorf("the owner is %q, %v; want %q", owner, err, b.Name())
	}
	if pid, err := a.PID(ctx, "org.example.Name"); pid != os.Getpid() || err != nil {
		t.Errorf("its process is %d, %v; want %d", pid, err, os.Getpid())
	}
}

func TestACallArrivesWithWhoCalled(t *testing.T) {
	l := lab.Start(t)
	l.Bus()
	a, b := join(t, l), join(t, l)
	got := make(chan [2]string, 1)
	if err := b.Export("/org/example", "org.example.I", "Report", func(sender, text string) { got <- [2]string{sender, text} }); err != nil {
		t.Fatal(err)
	}
	ctx := within(t, 20*time.Second)
	o := Object{Destination: b.Name(), Path: "/org/example", Interface: "org.example.I"}
	if err := a.Call(ctx, o, "Report", []any{"hello"}); err != nil {
		t.Fatal(err)
	}
	if want := [2]string{a.Name(), "hello"}; <-got != want {
		t.Errorf("it is not %q", want)
	}
	if err := a.Call(ctx, o, "Other", nil); !errors.Is(err, ErrUnknown) {
		t.Errorf("another method: %v, want %v", err, ErrUnknown)
	}
	if err := a.Call(ctx, Object{Destination: theBus.Destination, Path: "no path"}, "X", nil); !errors.Is(err, ErrShape) {
		t.Errorf("a path that is none: %v", err)
	}
}

func TestSignalsArriveUntilStopped(t *testing.T) {
	l := lab.Start(t)
	l.Bus()
	a, b := join(t, l), join(t, l)
	ctx := within(t, 20*time.Second)
	owners, stop, err := a.WatchOwner(ctx, "org.example.Name")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Request(ctx, "org.example.Other"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Request(ctx, "org.example.Name"); err != nil {
		t.Fatal(err)
	}
	var name, old, now string
	if err := (<-owners).Store(&name, &old, &now); err != nil || name != "org.example.Name" || now != b.Name() {
		t.Errorf("%q went from %q to %q, %v", name, old, now, err)
	}
	b.Close()
	if err := (<-owners).Store(&name, &old, &now); err != nil || now != "" {
		t.Errorf("it left to %q, %v", now, err)
	}
	stop()
	stop()
	if _, open := <-owners; open {
		t.Error("it goes on after the stop")
	}
	again, _, err := a.WatchOwner(ctx, "org.example.Name")
	if err != nil {
		t.Fatal(err)
	}
	l.BusDaemon().Kill()
	if _, open := <-again; open {
		t.Error("it goes on after the end of the bus")
	}
	<-a.Done()
	if err := a.Call(ctx, theBus, "GetId", nil); !errors.Is(err, ErrLost) {
		t.Errorf("a call on a bus that is gone: %v", err)
	}
}

func TestNothingIsLeftAfterClose(t *testing.T) {
	l := lab.Start(t)
	l.Bus()
	for range 20 {
		c := join(t, l)
		if _, _, err := c.WatchOwner(within(t, 20*time.Second), "org.example.Name"); err != nil {
			t.Fatal(err)
		}
		c.Close()
		c.Close()
	}
	stacks := func() string {
		buf := make([]byte, 1<<20)
		return string(buf[:runtime.Stack(buf, true)])
	}
	if !lab.Poll(time.Minute, func() bool { return !strings.Contains(stacks(), "godbus/dbus") }) {
		t.Errorf("goroutines are left:\n%s", stacks())
	}
}

func encode(t interface{ Fatal(...any) }, m dbus.Message, serial uint32) []byte {
	var b bytes.Buffer
	if len(m.Body) > 0 {
		m.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(m.Body...))
	}
	if err := m.EncodeTo(&b, binary.LittleEndian); err != nil {
		t.Fatal(err)
	}
	binary.LittleEndian.PutUint32(b.Bytes()[8:], serial)
	return b.Bytes()
}

func header(pairs ...any) map[dbus.HeaderField]dbus.Variant {
	h := make(map[dbus.HeaderField]dbus.Variant)
	for i := 0; i < len(pairs); i += 2 {
		h[pairs[i].(dbus.HeaderField)] = dbus.MakeVariant(pairs[i+1])
	}
	return h
}

func aMessage(t interface{ Fatal(...any) }, typ dbus.Type, body ...any) []byte {
	h := header(dbus.FieldPath, dbus.ObjectPath("/"), dbus.FieldInterface, theBus.Interface, dbus.FieldMember, "NameLost",
		dbus.FieldReplySerial, uint32(3), dbus.FieldErrorName, "org.example.No", dbus.FieldSender, theBus.Destination)
	return encode(t, dbus.Message{Type: typ, Headers: h, Body: body}, 7)
}

func TestAMessageBeginsWithItsLength(t *testing.T) {
	frame := aMessage(t, dbus.TypeMethodReply, "an answer")
	if n, err := frameLength(frame); err != nil || n != len(frame) {
		t.Errorf("%d, %v; want %d", n, err, len(frame))
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

func TestOnlyWhatCanBeReadIsLetThrough(t *testing.T) {
	for name, tt := range map[string]struct {
		frame []byte
		want  kind
		bad   bool
	}{
		"a reply":                 {aMessage(t, dbus.TypeMethodReply, "x"), anAnswer, false},
		"an error":                {aMessage(t, dbus.TypeError), anAnswer, false},
		"a call":                  {aMessage(t, dbus.TypeMethodCall), aCall, false},
		"a lost name":             {aMessage(t, dbus.TypeSignal, "org.example.Name"), aSignal, false},
		"a lost name without one": {aMessage(t, dbus.TypeSignal), nothing, false},
		"a lost number":           {aMessage(t, dbus.TypeSignal, uint32(4)), nothing, false},
		"half a reply":            {aMessage(t, dbus.TypeMethodReply, "x")[:40], nothing, true},
		"an unknown type":         {append([]byte("l\x09"), make([]byte, 14)...), nothing, false},
	} {
		got, err := inspect(tt.frame)
		if got != tt.want || (err != nil) != tt.bad {
			t.Errorf("%s is %d, %v; want %d", name, got, err, tt.want)
		}
	}
}

func TestAMatchIsTheSameHereAndOnTheBus(t *testing.T) {
	m := Match{Sender: ":1.2", Path: "/a", Interface: "b.c", Member: "D", Arg0: "e"}
	if want := "type='signal',sender=':1.2',path='/a',interface='b.c',member='D',arg0='e'"; m.rule() != want {
		t.Errorf("the rule is %s", m.rule())
	}
	is := Signal{Sender: ":1.2", Path: "/a", Interface: "b.c", Member: "D", Body: []any{"e"}}
	if !m.fits(&is) || !(Match{}).fits(&is) || !(Match{Sender: "org.example.Name"}).fits(&is) {
		t.Error("a signal that is meant does not fit")
	}
	for i, other := range []Signal{
		{Sender: ":1.3", Path: "/a", Interface: "b.c", Member: "D", Body: []any{"e"}},
		{Sender: ":1.2", Path: "/b", Interface: "b.c", Member: "D", Body: []any{"e"}},
		{Sender: ":1.2", Path: "/a", Interface: "b.d", Member: "D", Body: []any{"e"}},
		{Sender: ":1.2", Path: "/a", Interface: "b.c", Member: "E", Body: []any{"e"}},
		{Sender: ":1.2", Path: "/a", Interface: "b.c", Member: "D", Body: []any{uint32(1)}},
		{Sender: ":1.2", Path: "/a", Interface: "b.c", Member: "D"},
	} {
		if m.fits(&other) {
			t.Errorf("signal %d fits", i)
		}
	}
}

func TestSignalsThatNobodyReadsAreDropped(t *testing.T) {
	var s signals
	w := &watcher{out: make(chan *Signal, maxWaiting)}
	s.add(w)
	for i := range 10 * maxWaiting {
		s.DeliverSignal("a.b", fmt.Sprint(i), &dbus.Signal{})
	}
	if len(w.out) != maxWaiting {
		t.Errorf("%d signals wait", len(w.out))
	}
	s.Terminate()
	s.close()
	late := &watcher{out: make(chan *Signal, 1)}
	s.add(late)
	if _, open := <-late.out; open {
		t.Error("a watcher of a connection that has ended goes on")
	}
}

func FuzzInspect(f *testing.F) {
	for _, typ := range []dbus.Type{dbus.TypeMethodCall, dbus.TypeMethodReply, dbus.TypeError, dbus.TypeSignal} {
		f.Add(aMessage(f, typ))
		f.Add(aMessage(f, typ, "text", uint32(1), []string{"a"}, map[string]dbus.Variant{"k": dbus.MakeVariant(int64(2))}))
	}
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
		k, err := inspect(data[:length])
		if err != nil {
			if k != nothing || strings.ContainsAny(err.Error(), "\x1b\x00\n") {
				t.Errorf("%d and %q", k, err.Error())
			}
			return
		}
		if k == nothing {
			return
		}
		// The library reads the same again, where nothing could be caught.
		if _, err := dbus.DecodeMessage(bytes.NewReader(data[:length])); err != nil {
			t.Errorf("the second time: %v", err)
		}
	})
}

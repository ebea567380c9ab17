package bus

import (
	"bufio"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
)

// Everything that is to be known at the start is one message of the socket, and
// the questions are answered in their order.
func TestQuestionsGoOutWithTheGreeting(t *testing.T) {
	l := lab.Start(t)
	l.Bus()
	other := join(t, l)
	ctx := within(t, 20*time.Second)
	if got, err := other.Request(ctx, "org.example.Name"); !got || err != nil {
		t.Fatalf("the name: %v, %v", got, err)
	}
	if err := other.Export("/org/example", "org.example.I", "Report", func(string, string) {}); err != nil {
		t.Fatal(err)
	}
	var owner, nobody string
	var pid uint32
	known, run := AskOwner("org.example.Name", &owner), AskPID("org.example.Name", &pid)
	absent := AskOwner("org.example.Nobody", &nobody)
	method := &Question{Object: Object{Destination: "org.example.Name", Path: "/org/example", Interface: "org.example.I"}, Method: "None"}
	path := &Question{Object: Object{Destination: "org.example.Name", Path: "no path"}, Method: "None"}
	shape := &Question{Object: theBus, Method: "GetId", Results: []any{&pid}}
	c, err := Open(ctx, l.Getenv, known, run, absent, method, path, shape)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if known.Err != nil || owner != other.Name() {
		t.Errorf("the owner is %q, %v; want %q", owner, known.Err, other.Name())
	}
	if run.Err != nil || int(pid) != os.Getpid() {
		t.Errorf("its process is %d, %v; want %d", pid, run.Err, os.Getpid())
	}
	if !errors.Is(absent.Err, ErrAbsent) || !errors.Is(method.Err, ErrUnknown) || !errors.Is(path.Err, ErrShape) || !errors.Is(shape.Err, ErrShape) {
		t.Errorf("the others: %v; %v; %v; %v", absent.Err, method.Err, path.Err, shape.Err)
	}
	if c.Name() == "" || c.Name() == other.Name() {
		t.Errorf("its own name is %q", c.Name())
	}
	// The connection is good for more.
	if owner, err := c.Owner(ctx, "org.example.Name"); owner != other.Name() || err != nil {
		t.Errorf("later it is %q, %v", owner, err)
	}
}

// listen has one connection answered at a time, at an address for getenv.
func listen(t *testing.T, answer func(net.Conn)) (getenv func(string) string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "b") // short, for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "bus"))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			answer(c)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return func(key string) string {
		return map[string]string{"XDG_RUNTIME_DIR": dir}[key]
	}
}

func TestABusThatRefusesIsNamed(t *testing.T) {
	for name, tt := range map[string]struct {
		answer func(net.Conn)
		want   string
	}{
		"it rejects":  {func(c net.Conn) { c.Write([]byte("REJECTED EXTERNAL\x1b\r\n")) }, `the bus refuses us: "REJECTED EXTERNAL\x1b"`},
		"it hangs up": {func(net.Conn) {}, "the bus does not answer"},
		"a long line": {func(c net.Conn) { c.Write([]byte(strings.Repeat("OK", 1<<16))) }, "the bus does not answer"},
		"no bus":      {func(c net.Conn) { c.Write([]byte("OK 0\r\nHTTP/1.1 400 Bad Request\r\n")) }, "the bus does not answer"},
	} {
		getenv := listen(t, func(c net.Conn) {
			if _, err := bufio.NewReader(c).ReadString('\n'); err != nil {
				t.Errorf("%s: it hears no greeting: %v", name, err)
			}
			tt.answer(c)
		})
		var owner string
		q := AskOwner("org.example.Name", &owner)
		c, err := Open(within(t, 20*time.Second), getenv, q)
		if err == nil {
			c.Close()
		}
		if !errors.Is(err, ErrNoBus) || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
		if q.Err == nil {
			t.Errorf("%s: the question was answered", name)
		}
	}
}

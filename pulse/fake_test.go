package pulse

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jfreymuth/pulse/proto"
)

// TestMain fails when goroutines of this package or of the library are left.
func TestMain(m *testing.M) {
	code := m.Run()
	var left []string
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		if left = goroutines(); len(left) == 0 || time.Now().After(end) {
			break
		}
	}
	if len(left) > 0 {
		fmt.Fprintf(os.Stderr, "%d goroutines are left:\n%s\n", len(left), strings.Join(left, "\n\n"))
		code = 1
	}
	os.Exit(code)
}

// goroutines returns the stacks of those that have our code or the library's
// on them, but for the one that asks.
func goroutines() []string {
	b := make([]byte, 1<<20)
	b = b[:runtime.Stack(b, true)]
	var all []string
	for _, stack := range strings.Split(string(b), "\n\n") {
		ours := strings.Contains(stack, "patoggle/pulse.") || strings.Contains(stack, "jfreymuth/pulse")
		if ours && !strings.Contains(stack, "TestMain") {
			all = append(all, stack)
		}
	}
	return all
}

// fake is a server that answers like PulseAudio, until a test tells it not
// to.
type fake struct {
	path string
	// answer returns the bytes to send for a request, nil for no answer. The
	// connections are numbered from 0.
	answer func(conn int, request frame) []byte
	// accepted is called with each new connection; false closes it at once.
	accepted func(conn int) bool

	listener *net.UnixListener
	group    sync.WaitGroup
	mu       sync.Mutex
	conns    []net.Conn
}

// socketDir is short, unlike t.TempDir.
func socketDir(t testing.TB) string {
	dir, err := os.MkdirTemp("", "pulse")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func newFake(t testing.TB, pipewire bool) *fake {
	t.Helper()
	f := &fake{
		path:     filepath.Join(socketDir(t), "native"),
		accepted: func(int) bool { return true },
	}
	f.answer = func(_ int, r frame) []byte { return usual(r, pipewire) }
	var err error
	f.listener, err = net.ListenUnix("unix", &net.UnixAddr{Name: f.path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.stop)
	return f
}

// start begins to accept; the fields must not change afterwards.
func (f *fake) start() *fake {
	f.group.Go(func() {
		for n := 0; ; n++ {
			conn, err := f.listener.AcceptUnix()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.conns = append(f.conns, conn)
			f.mu.Unlock()
			if !f.accepted(n) {
				conn.Close()
				continue
			}
			f.group.Go(func() { f.serve(n, conn) })
		}
	})
	return f
}

func (f *fake) serve(n int, conn net.Conn) {
	defer conn.Close()
	var head [headerSize]byte
	for {
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return
		}
		b := make([]byte, binary.BigEndian.Uint32(head[:]))
		if _, err := io.ReadFull(conn, b); err != nil {
			return
		}
		command, tag, _ := parseCommand(b)
		answer := f.answer(n, frame{command: command, tag: tag, body: b[minBody:]})
		if answer == nil {
			continue
		}
		if _, err := conn.Write(answer); err != nil {
			return
		}
		if len(answer) == 0 {
			return
		}
	}
}

// last is the newest connection.
func (f *fake) last() net.Conn {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.conns[len(f.conns)-1]
}

func (f *fake) stop() {
	f.listener.Close()
	f.mu.Lock()
	for _, c := range f.conns {
		c.Close()
	}
	f.mu.Unlock()
	f.group.Wait()
}

// hangUp is the answer that closes the connection.
func hangUp() []byte { return []byte{} }

// usual answers like a server with two sinks and one stream.
func usual(r frame, pipewire bool) []byte {
	name := "pulseaudio"
	if pipewire {
		name = "PulseAudio (on PipeWire 1.4.2)"
	}
	var body enc
	switch r.command {
	case proto.OpAuth:
		body = body.u32(35)
	case proto.OpSetClientName:
		body = body.u32(90)
	case proto.OpGetServerInfo:
		body = body.server(name, "16.1", "a")
	case proto.OpGetSinkInfoList:
		body = body.sink(testSink{index: 44, name: "a", description: "Speakers", ports: []string{"speaker"}, available: 2})
		body = body.sink(testSink{index: 7, name: "b", description: "Headphones"})
	case proto.OpGetSinkInputInfoList, proto.OpGetSinkInputInfo:
		body = body.stream(theStream)
	case proto.OpGetClientInfoList:
		body = body.client(64, "mpv", map[string]string{"application.process.id": "4711"}).client(90, "patoggle", nil)
	}
	return packet(proto.OpReply, r.tag, body)
}

var theStream = testStream{index: 65, client: 64, sink: 44, media: "a song", props: map[string]string{"media.role": "music"}}

// refuse is the answer with an error code of the server.
func refuse(r frame, code proto.Error) []byte {
	return packet(proto.OpError, r.tag, enc{}.u32(uint32(code)))
}

// fullSocket is a socket whose queue of connections is full and of which
// nothing is ever accepted.
func fullSocket(t *testing.T) string {
	path := filepath.Join(socketDir(t), "native")
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		c, err := net.Dial("unix", path)
		if err != nil {
			return path
		}
		t.Cleanup(func() { c.Close() })
	}
	t.Fatal("the queue is never full")
	return ""
}

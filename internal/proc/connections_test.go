package proc

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"syscall"
	"testing"
)

// The kernel's own answer: two connections of this process to one server, one to
// another.
func TestConnectionsThatTheKernelKnows(t *testing.T) {
	dir, err := os.MkdirTemp("", "proc")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	listen := func(name string) (string, net.Listener) {
		path := filepath.Join(dir, name)
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return path, l
	}
	one, first := listen("one")
	two, second := listen("two")
	ours := func(socket string, want int) {
		t.Helper()
		if n, ok := New(FS("/proc")).Connections(os.Getpid(), socket); !ok || n != want {
			t.Errorf("%d connections to %s (%v), want %d", n, socket, ok, want)
		}
	}
	ours(one, 0)
	dial := func(l net.Listener) net.Conn {
		c, err := net.Dial("unix", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		served, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { served.Close() })
		return c
	}
	dial(first)
	ours(one, 1)
	c := dial(first)
	dial(second)
	ours(one, 2)
	ours(two, 1)
	c.Close()
	ours(one, 1)

	r := New(FS("/proc"))
	if n, ok := r.Connections(1, one); n != 0 {
		t.Errorf("process 1 has %d (%v)", n, ok)
	}
	for pid, socket := range map[int]string{os.Getpid(): dir + "/none", 1 << 22: one} {
		if n, ok := r.Connections(pid, socket); ok {
			t.Errorf("process %d has %d to %s", pid, n, socket)
		}
	}
}

func TestConnectionsAreThoseOfOurNetwork(t *testing.T) {
	m := newTree()
	m.link("self/ns/net", "net:[1]")
	m.link("40/ns/net", "net:[1]")
	for fd, to := range map[string]string{"0": "/dev/null", "3": "socket:[71]", "4": "socket:[72]", "5": "socket:[71]", "6": "socket:[9]", "7": "socket:[73", "8": "socket:[-73]"} {
		m.link("40/fd/"+fd, to)
	}
	asked := ""
	r := m.reader()
	r.peers = func(socket string) ([]uint32, error) { asked = socket; return []uint32{71, 72, 73, 74}, nil }
	if n, ok := r.Connections(40, "/run/native"); !ok || n != 2 || asked != "/run/native" {
		t.Errorf("got %d, %v of %q", n, ok, asked)
	}
	r.peers = func(string) ([]uint32, error) { return nil, errors.New("no netlink") }
	if _, ok := r.Connections(40, "/run/native"); ok {
		t.Error("known without the kernel's answer")
	}
	m.link("40/ns/net", "net:[2]")
	r = m.reader()
	r.peers = func(string) ([]uint32, error) { return []uint32{71}, nil }
	if _, ok := r.Connections(40, "/run/native"); ok {
		t.Error("known of another network namespace")
	}
}

// message is a netlink message of the kernel.
func message(kind, flags uint16, body ...byte) []byte {
	b := make([]byte, messageSize, messageSize+len(body))
	binary.NativeEndian.PutUint32(b, uint32(messageSize+len(body)))
	binary.NativeEndian.PutUint16(b[4:], kind)
	binary.NativeEndian.PutUint16(b[6:], flags)
	return append(b, body...)
}

// socketMessage tells of a socket that is bound to the file, and of its peer.
func socketMessage(id socketID, peer uint32) []byte {
	body := make([]byte, messageSize)
	attribute := func(kind uint16, numbers ...uint32) {
		body = binary.NativeEndian.AppendUint16(body, uint16(4+4*len(numbers)))
		body = binary.NativeEndian.AppendUint16(body, kind)
		for _, n := range numbers {
			body = binary.NativeEndian.AppendUint32(body, n)
		}
	}
	body = append(body, 5, 0, 6, 0, 1, 0, 0, 0) // UNIX_DIAG_SHUTDOWN: one byte, and up to four
	attribute(diagPeer, peer)
	attribute(diagVFS, id.inode, id.device)
	return message(sockDiagByFamily, syscall.NLM_F_MULTI, body...)
}

func TestAnswersOfTheKernelAboutSockets(t *testing.T) {
	id := socketID{7, 8}
	is := func(what string, b []byte, peers []uint32, done, fails bool) {
		t.Helper()
		got, last, err := parseDiag(b, id)
		if !reflect.DeepEqual(got, peers) || last != done || (err != nil) != fails {
			t.Errorf("%s: %v, %v, %v", what, got, last, err)
		}
	}
	three := append(append(socketMessage(id, 71), socketMessage(socketID{7, 9}, 72)...), socketMessage(id, 73)...)
	is("three", three, []uint32{71, 73}, false, false)
	is("the last", append(three, message(syscall.NLMSG_DONE, 0)...), []uint32{71, 73}, true, false)
	is("another inode", socketMessage(socketID{6, 8}, 71), nil, false, false)
	is("no attributes", message(sockDiagByFamily, 0, make([]byte, messageSize)...), nil, false, false)
	is("cut", message(sockDiagByFamily, 0, 1, 2), nil, false, false)
	is("nothing", nil, nil, false, false)
	is("an error", message(syscall.NLMSG_ERROR, 0, 1, 0, 0, 0), nil, false, true)
	is("interrupted", message(sockDiagByFamily, nlmDumpInterrupted), nil, false, true)
	is("longer than it is", []byte{200, 0, 0, 0, sockDiagByFamily, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, nil, false, true)
	bad := socketMessage(id, 71)
	binary.NativeEndian.PutUint16(bad[2*messageSize+8:], 3) // the length of an attribute
	is("an attribute without a head", bad, nil, false, false)
}

func FuzzDiag(f *testing.F) {
	f.Add(socketMessage(socketID{7, 8}, 71))
	f.Add(message(syscall.NLMSG_DONE, 0))
	f.Add(message(syscall.NLMSG_ERROR, 0, 1, 0, 0, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		if peers, _, err := parseDiag(b, socketID{7, 8}); len(peers) > len(b)/messageSize || err != nil && peers != nil {
			t.Errorf("%d bytes gave %v, %v", len(b), peers, err)
		}
	})
}

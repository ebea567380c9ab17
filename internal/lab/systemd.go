package lab

import (
	"net"
	"os"
	"strings"
	"sync"
	"testing"
)

// ServiceManager is a service manager that listens to sd_notify(3).
type ServiceManager struct {
	socket string
	mu     sync.Mutex
	states []string
}

// NewServiceManager listens on the socket "notify" in a directory until the test ends.
func NewServiceManager(t testing.TB, dir string) *ServiceManager {
	t.Helper()
	m := &ServiceManager{socket: dir + "/notify"}
	_ = os.Remove(m.socket)
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: m.socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	var reader sync.WaitGroup
	reader.Go(func() {
		b := make([]byte, 4096)
		for {
			n, err := conn.Read(b)
			if err != nil {
				return
			}
			m.mu.Lock()
			m.states = append(m.states, string(b[:n]))
			m.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		conn.Close()
		reader.Wait()
	})
	return m
}

// Env tells a service where the manager listens.
func (m *ServiceManager) Env() string { return "NOTIFY_SOCKET=" + m.socket }

// All are the states sent so far.
func (m *ServiceManager) All() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.states...)
}

// Has tells whether a state that holds the text was sent.
func (m *ServiceManager) Has(text string) bool { return m.Count(text) > 0 }

// Count is how many states that hold the text were sent.
func (m *ServiceManager) Count(text string) int {
	n := 0
	for _, s := range m.All() {
		if strings.Contains(s, text) {
			n++
		}
	}
	return n
}

package wayland

import (
	"net"
	"os"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("CONNECT_TO"); path != "" {
		os.Exit(connectAndStay(path))
	}
	os.Exit(lab.Main(m))
}

// connectAndStay is a client in a process of its own; "nowhere" connects to
// nothing.
func connectAndStay(path string) int {
	if path != "nowhere" {
		c, err := net.Dial("unix", path)
		if err != nil {
			return 1
		}
		defer c.Close()
	}
	time.Sleep(time.Minute)
	return 0
}

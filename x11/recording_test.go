package x11

import (
	"bytes"
	"encoding/binary"
	"flag"
	"os"
	"sync"
	"testing"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/lab/puppet"
	"github.com/patoggle/patoggle/internal/lab/rogue"
)

var record = flag.Bool("record", false, "write testdata/xvfb.received from a real X server")

const recordingFile = "testdata/xvfb.received"

// recording is what a real X server sent: the answer to the setup, and then
// replies, errors and events, whole.
func recording(t testing.TB) [][]byte {
	t.Helper()
	b, err := os.ReadFile(recordingFile)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for len(b) > 0 {
		n := 32
		switch {
		case len(all) == 0:
			n = 8 + 4*int(binary.LittleEndian.Uint16(b[6:]))
		case b[0] == kindReply:
			n += 4 * int(binary.LittleEndian.Uint32(b[4:]))
		}
		all, b = append(all, b[:n:n]), b[n:]
	}
	return all
}

// TestRecording holds that the recording is one of what this package asks for,
// and makes it anew with -record.
func TestRecording(t *testing.T) {
	if *record {
		rerecord(t)
	}
	all := recording(t)
	if s, err := parseSetup(all[0]); err != nil || len(s.roots) == 0 {
		t.Errorf("the setup: %+v, %v", s, err)
	}
	var titles, classes, windows, failures int
	for _, p := range all[1:] {
		if p[0] == kindError {
			failures++
			continue
		}
		v, ok := parseProperty(p)
		if !ok {
			continue
		}
		if v.text() == "a title with ünicode — 中" {
			titles++
		}
		if s := v.strings(); len(s) == 2 && s[0] == "player" && s[1] == "Player" {
			classes++
		}
		if len(v.numbers(atomWindow)) > 1 {
			windows++
		}
	}
	if titles == 0 || classes == 0 || windows == 0 || failures == 0 {
		t.Errorf("%d titles, %d classes, %d lists of windows, %d errors", titles, classes, windows, failures)
	}
}

func rerecord(t *testing.T) {
	l := lab.Start(t)
	d := l.Display()
	p := l.Puppet(lab.Act{Windows: []puppet.Window{
		{Title: []byte("a title with ünicode — 中"), Instance: "player", Class: "Player", PID: puppet.OwnPID},
		{Title: []byte("a dialog"), Instance: "player", Class: "Player", PID: puppet.OwnPID, Type: "_NET_WM_WINDOW_TYPE_DIALOG", TransientForLast: true},
		{Title: []byte("another"), PID: 1, Machine: "elsewhere"},
	}})
	d.Focus(p.Windows[1])
	between, err := rogue.Between(d.Number)
	if err != nil {
		t.Fatal(err)
	}
	defer between.Close()
	var mu sync.Mutex
	var b bytes.Buffer
	between.Behave(rogue.Manners{Change: func(_ int, packet []byte) []byte {
		mu.Lock()
		defer mu.Unlock()
		b.Write(packet)
		return packet
	}})
	c, err := Open(t.Context(), Options{Display: between.Name, Getenv: l.Getenv})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Screen(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Screen(t.Context(), 0x1234567); err == nil {
		t.Fatal("a window that is not there")
	}
	if _, err := c.Keyboard(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Held(t.Context()); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if err := os.WriteFile(recordingFile, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

package wayland

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
)

// count reads events to the end and counts those that may be about the focus.
func count(t *testing.T, text string, event func(*bufio.Reader) (bool, error)) (n int) {
	t.Helper()
	in := bufio.NewReaderSize(strings.NewReader(text), 16)
	for {
		is, err := event(in)
		if is {
			n++
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Error(err)
			}
			return n
		}
	}
}

func TestEventsOfTheFocus(t *testing.T) {
	message := func(payload string) string {
		b := binary.NativeEndian.AppendUint32([]byte(ipcMagic), uint32(len(payload)))
		return string(binary.NativeEndian.AppendUint32(b, 0x80000003)) + payload
	}
	if n := count(t, message(`{"success":true}`)+message(`{"change":"focus"}`), swayEvent); n != 2 {
		t.Errorf("sway: %d", n)
	}
	if _, err := swayEvent(bufio.NewReader(strings.NewReader("HTTP/1.1 200 OK"))); err == nil {
		t.Error("sway: nonsense is an event")
	}
	if n := count(t, "monitoradded>>x\nactivewindowv2>>55d0\nactivelayout>>a,b\n"+"submap>>"+strings.Repeat("x", 99)+"activewindow>>\nclosewindow>>1\n", hyprlandEvent); n != 2 {
		t.Errorf("Hyprland: %d", n)
	}
	if n := count(t, `{"Ok":"Handled"}`+"\n"+`{"WindowFocusChanged":{"id":3}}`+"\n"+`{"KeyboardLayoutSwitched":{"idx":0}}`+"\n", niriEvent); n != 1 {
		t.Errorf("niri: %d", n)
	}
}

func FuzzEvents(f *testing.F) {
	f.Add([]byte("activewindow>>a\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, event := range []func(*bufio.Reader) (bool, error){swayEvent, hyprlandEvent, niriEvent} {
			in := bufio.NewReader(strings.NewReader(string(b)))
			for range len(b) + 1 {
				if _, err := event(in); err != nil {
					break
				}
			}
		}
	})
}

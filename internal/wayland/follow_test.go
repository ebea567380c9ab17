package wayland

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/patoggle/patoggle/internal/lab"
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
		for _, event := range []func(*bufio.Reader) (bool, error){swayEvent, hyprlandEvent, niriEvent, wayfireEvent} {
			in := bufio.NewReader(strings.NewReader(string(b)))
			for range len(b) + 1 {
				if _, err := event(in); err != nil {
					break
				}
			}
		}
	})
}

// followed follows a session, and counts what it is told.
type followed struct {
	t     *testing.T
	count atomic.Int64
	stop  context.CancelFunc
	ended chan error
}

func follow(t *testing.T, s *Session) *followed {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	f := &followed{t: t, stop: stop, ended: make(chan error, 1)}
	go func() { f.ended <- s.Follow(ctx, func() { f.count.Add(1) }) }()
	t.Cleanup(stop)
	return f
}

// until waits until it was told so often.
func (f *followed) until(what string, n int64) {
	f.t.Helper()
	if !lab.Poll(time.Minute, func() bool { return f.count.Load() >= n }) {
		select {
		case err := <-f.ended:
			f.t.Fatalf("%s: it has ended: %v", what, err)
		default:
			f.t.Fatalf("%s: it was told %d times, not %d", what, f.count.Load(), n)
		}
	}
}

// end waits for its end.
func (f *followed) end(what string) error {
	f.t.Helper()
	select {
	case err := <-f.ended:
		return err
	case <-time.After(time.Minute):
		f.t.Fatalf("%s: it does not end", what)
		return nil
	}
}

func TestKWinTellsByAScriptThatStaysAsLongAsWeDo(t *testing.T) {
	l := lab.Start(t)
	l.Bus()
	k := &kwin{conn: owner(t, l, kwinService), loaded: make(chan struct{}, 1), run: func(c *dbus.Conn, script string) { report(c, script, "") }}
	if err := k.conn.ExportWithMap(k, map[string]string{"LoadScript": "loadScript", "Start": "start", "UnloadScript": "unloadScript"}, "/Scripting", kwinScripting); err != nil {
		t.Fatal(err)
	}
	stranger, err := dbus.Connect("unix:path=" + filepath.Join(l.Runtime, "bus"))
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	s, dir := session(t, "kwin_wayland", map[string]string{"XDG_RUNTIME_DIR": l.Runtime})
	f := follow(t, s)
	f.until("the beginning", 1)
	if left, _ := filepath.Glob(filepath.Join(dir, "patoggle-*")); len(left) != 0 {
		t.Errorf("%q is left", left)
	}
	k.mu.Lock()
	script := k.script
	k.mu.Unlock()
	report(stranger, script, "")
	stranger.BusObject().Call("org.freedesktop.DBus.GetId", 0) // it has arrived
	for n := range int64(3) {
		report(k.conn, script, "")
		f.until("a change", n+2)
	}
	if n := f.count.Load(); n != 4 {
		t.Errorf("it was told %d times, not 4", n)
	}
	if k.gone() {
		t.Error("the script went early")
	}
	f.stop()
	if err := f.end("stopped"); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	if !lab.Poll(time.Minute, k.gone) {
		t.Error("the script stays")
	}

	f = follow(t, s)
	f.until("the beginning", 1)
	if _, err := k.conn.ReleaseName(kwinService); err != nil {
		t.Fatal(err)
	}
	if err := f.end("without KWin"); err == nil || errors.Is(err, ErrUnfollowed) {
		t.Errorf("without KWin: %v", err)
	}
}

func TestGNOMEsExtensionTells(t *testing.T) {
	l := lab.Start(t)
	l.Bus()
	conn := owner(t, l, gnomeService)
	var mu sync.Mutex
	says := `<node><interface name="` + gnomeInterface + `"><method name="Get"/></interface></node>`
	if err := conn.ExportMethodTable(map[string]any{"Introspect": func() (string, *dbus.Error) {
		mu.Lock()
		defer mu.Unlock()
		return says, nil
	}}, gnomePath, "org.freedesktop.DBus.Introspectable"); err != nil {
		t.Fatal(err)
	}
	s, _ := session(t, "gnome-shell", map[string]string{"XDG_RUNTIME_DIR": l.Runtime})
	if err := follow(t, s).end("an older extension"); !errors.Is(err, ErrUnfollowed) {
		t.Errorf("an older extension: %v", err)
	}
	// It comes later, as in a shell that has just started.
	awaited := make(chan error, 1)
	go func() { awaited <- s.Await(t.Context()) }()
	if !lab.Poll(time.Minute, func() bool {
		if err := conn.Emit(gnomePath, gnomeInterface+".Changed"); err != nil {
			t.Fatal(err)
		}
		return len(awaited) > 0
	}) {
		t.Fatal("the signal of an extension that is there now is not heard")
	}
	if err := <-awaited; err != nil {
		t.Errorf("awaited: %v", err)
	}
	mu.Lock()
	says = strings.Replace(says, "<method", `<signal name="Changed"/><method`, 1)
	mu.Unlock()
	if err := s.Await(t.Context()); err != nil {
		t.Errorf("one that is there: %v", err)
	}
	f := follow(t, s)
	f.until("the beginning", 1)
	for n := range int64(3) {
		if err := conn.Emit(gnomePath, gnomeInterface+".Changed"); err != nil {
			t.Fatal(err)
		}
		f.until("a change", n+2)
	}
	if _, err := conn.ReleaseName(gnomeService); err != nil {
		t.Fatal(err)
	}
	if err := f.end("without GNOME"); err == nil || errors.Is(err, ErrUnfollowed) {
		t.Errorf("without GNOME: %v", err)
	}
}

// What is followed is what the extension of this checkout does.
func TestTheExtensionHasTheSignal(t *testing.T) {
	for _, name := range []string{"focusedWindow.js", "legacy/extension.js"} {
		b, err := os.ReadFile(filepath.Join("..", "..", "packaging", "gnome", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{`<signal name="` + gnomeChanged + `"/>`, `emit_signal('` + gnomeChanged + `', null)`, "'" + gnomePath + "'"} {
			if !strings.Contains(string(b), text) {
				t.Errorf("%s has no %s", name, text)
			}
		}
	}
}

func TestToplevelsAreFollowed(t *testing.T) {
	a, b := uint32(serverObjects), uint32(serverObjects+1)
	states := func(list ...uint32) []byte {
		out := number(uint32(4 * len(list)))
		for _, n := range list {
			out = append(out, number(n)...)
		}
		return out
	}
	s, dir := session(t, "labwc", nil)
	steps, destroyed := make(chan bool), make(chan uint32, 1)
	said(t, "labwc", dir, func(c net.Conn) {
		r := bufio.NewReader(c)
		message := func() (uint32, uint32) {
			head := make([]byte, 8)
			if _, err := io.ReadFull(r, head); err != nil {
				return 0, 0
			}
			word := binary.NativeEndian.Uint32(head[4:])
			r.Discard(int(word>>16) - 8)
			return binary.NativeEndian.Uint32(head), word & 0xffff
		}
		message()
		message()
		c.Write(wire(theRegistry, 0, number(9), text(manager), number(3)))
		c.Write(wire(firstSync, 0, number(0)))
		message()
		message()
		c.Write(wire(theManager, 0, number(a)))
		c.Write(wire(theManager, 0, number(b)))
		c.Write(wire(a, 5))
		c.Write(wire(secondSync, 0, number(0)))
		<-steps
		c.Write(wire(b, 4, states(2)))
		c.Write(wire(b, 5))
		<-steps
		c.Write(wire(a, 6))
		object, opcode := message()
		if opcode == handleDestroy {
			destroyed <- object
		}
		<-steps
		c.Write(wire(theManager, 1))
		hang(c)
	})
	f := follow(t, s)
	f.until("the beginning", 1)
	steps <- true
	f.until("another window", 2)
	steps <- true
	f.until("a window less", 3)
	select {
	case object := <-destroyed:
		if object != a {
			t.Errorf("%d is given up, not %d", object, a)
		}
	case <-time.After(time.Minute):
		t.Error("the closed window is not given up")
	}
	steps <- true
	if err := f.end("finished"); err == nil || errors.Is(err, ErrUnfollowed) {
		t.Errorf("finished: %v", err)
	}

	s, dir = session(t, "weston", nil)
	said(t, "weston", dir, func(c net.Conn) {
		c.Read(make([]byte, 64))
		c.Write(wire(firstSync, 0, number(0)))
		hang(c)
	})
	if err := follow(t, s).end("without the protocol"); !errors.Is(err, ErrUnfollowed) {
		t.Errorf("without the protocol: %v", err)
	}
}

func TestSocketsAreFollowed(t *testing.T) {
	counted := func(text string) []byte {
		return append(binary.LittleEndian.AppendUint32(nil, uint32(len(text))), text...)
	}
	for program, tale := range map[string]struct {
		socket   string // "" for the one that is asked too
		greeting string // what has to be asked for
		events   [][]byte
	}{
		"Hyprland": {"hypr/sign/.socket2.sock", "", [][]byte{[]byte("activewindow>>a,b\n"), []byte("windowtitle>>1\n")}},
		"niri":     {"", "\"EventStream\"\n", [][]byte{[]byte(`{"WindowFocusChanged":{"id":3}}` + "\n"), []byte(`{"WorkspacesChanged":{}}` + "\n")}},
		"wayfire":  {"", "window-rules/events/watch", [][]byte{counted(`{"result":"ok"}`), counted(`{"event":"view-focused","view":null}`)}},
	} {
		t.Run(program, func(t *testing.T) {
			s, dir := session(t, program, nil)
			next, asked := make(chan bool), make(chan string, 1)
			answer := func(c net.Conn) {
				if tale.greeting != "" {
					b := make([]byte, 4096)
					n, _ := c.Read(b)
					asked <- string(b[:n])
				}
				for _, e := range tale.events {
					<-next
					c.Write(e)
				}
				<-next
			}
			if tale.socket != "" {
				// Beside the one that is asked, which names the directory.
				said(t, program, dir, hang)
				serve(t, filepath.Join(dir, tale.socket), answer)
			} else {
				said(t, program, dir, answer)
			}
			f := follow(t, s)
			f.until("the beginning", 1)
			for n := range tale.events {
				next <- true
				f.until("an event", int64(n)+2)
			}
			next <- true
			if err := f.end("closed"); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("closed: %v", err)
			}
			if tale.greeting != "" {
				if text := <-asked; !strings.Contains(text, tale.greeting) {
					t.Errorf("it asks %q", text)
				}
			}
		})
	}
}

// Without the plugin wayfire is followed as others are.
func TestWayfireWithoutItsPluginIsFollowedByItsProtocol(t *testing.T) {
	s, dir := session(t, "wayfire", nil)
	said(t, "wayfire", dir, func(c net.Conn) {
		c.Read(make([]byte, 4096))
		c.Write(append(binary.LittleEndian.AppendUint32(nil, 33), `{"error":"No such method found!"}`...))
		hang(c)
	})
	serve(t, s.Socket, func(c net.Conn) {
		c.Read(make([]byte, 64))
		c.Write(wire(firstSync, 0, number(0)))
		hang(c)
	})
	if err := follow(t, s).end("neither"); !errors.Is(err, ErrUnfollowed) {
		t.Errorf("neither: %v", err)
	}
}

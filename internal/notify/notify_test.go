package notify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/patoggle/patoggle/internal/lab"
)

// shown is what a daemon was asked to show.
type shown struct {
	app, icon, summary, body string
	replaces                 uint32
	actions                  []string
	hints                    map[string]dbus.Variant
	expire                   int32
}

// daemon is a notification daemon that records.
type daemon struct {
	conn *dbus.Conn

	mu           sync.Mutex
	capabilities []string
	last         uint32
	notes        []shown
	asked        int           // calls of GetCapabilities
	refuse       *dbus.Error   // the answer to Notify when set
	hang         chan struct{} // when set, Notify answers after it is closed
}

func (d *daemon) GetCapabilities() ([]string, *dbus.Error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked++
	return d.capabilities, nil
}

func (d *daemon) Notify(app string, replaces uint32, icon, summary, body string, actions []string, hints map[string]dbus.Variant, expire int32) (uint32, *dbus.Error) {
	d.mu.Lock()
	hang, refuse := d.hang, d.refuse
	d.notes = append(d.notes, shown{app, icon, summary, body, replaces, actions, hints, expire})
	id := replaces
	if id == 0 {
		d.last++
		id = d.last
	}
	d.mu.Unlock()
	if hang != nil {
		<-hang
	}
	return id, refuse
}

func (d *daemon) all() []shown {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.notes)
}

// set changes how the daemon behaves.
func (d *daemon) set(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

// startDaemon puts a recording daemon on the bus of the lab.
func startDaemon(t *testing.T, l *lab.Lab, capabilities ...string) *daemon {
	t.Helper()
	conn, err := dbus.Connect("unix:path=" + filepath.Join(l.Getenv("XDG_RUNTIME_DIR"), "bus"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	d := &daemon{conn: conn, capabilities: capabilities}
	if err := conn.Export(d, object, service); err != nil {
		t.Fatal(err)
	}
	reply, err := conn.RequestName(service, dbus.NameFlagDoNotQueue)
	if err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatalf("the name of the daemon: %v, %v", reply, err)
	}
	return d
}

// notifier returns a Notifier that is closed when the test ends.
func notifier(t *testing.T, getenv func(string) string) *Notifier {
	t.Helper()
	n := New(getenv)
	t.Cleanup(func() {
		n.Close()
		if n.bus != nil {
			t.Error("it is still connected")
		}
	})
	return n
}

func env(pairs ...string) func(string) string {
	m := make(map[string]string)
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(k string) string { return m[k] }
}

func stacks() string {
	buf := make([]byte, 1<<20)
	return string(buf[:runtime.Stack(buf, true)])
}

func within(t *testing.T, limit time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

func TestANoteArrivesAsItWasMeant(t *testing.T) {
	l := lab.Start(t)
	l.Bus()
	d := startDaemon(t, l, "body", "body-markup")
	n := notifier(t, l.Getenv)
	err := n.Send(within(t, 20*time.Second), Note{
		Summary: "mpv → Headphones", Body: "<a href='x'>song</a> & \x1b[31mmore", Icon: "audio-headphones",
		Urgency: Low, Expire: 3 * time.Second, Replace: "move",
	})
	if err != nil {
		t.Fatal(err)
	}
	notes := d.all()
	if len(notes) != 1 {
		t.Fatalf("%d notes", len(notes))
	}
	got := notes[0]
	if got.app != "patoggle" || got.summary != "mpv → Headphones" || got.icon != "audio-headphones" || got.expire != 3000 || got.replaces != 0 || len(got.actions) != 0 {
		t.Errorf("got %+v", got)
	}
	if want := `&lt;a href='x'&gt;song&lt;/a&gt; &amp; \x1b[31mmore`; got.body != want {
		t.Errorf("the body is %q, want %q", got.body, want)
	}
	for hint, want := range map[string]any{
		"urgency": byte(0), "transient": true, "suppress-sound": true,
		"x-canonical-private-synchronous": "move", "x-dunst-stack-tag": "move",
	} {
		if v, ok := got.hints[hint]; !ok || v.Value() != want {
			t.Errorf("the hint %q is %v, want %v", hint, v, want)
		}
	}
}

func TestTheNextNoteReplacesTheLastOneWithItsTag(t *testing.T) {
	l := lab.Start(t)
	l.Bus()
	d := startDaemon(t, l, "body")
	n := notifier(t, l.Getenv)
	for _, tag := range []string{"move", "reload", "move", "", "", "move", "reload"} {
		if err := n.Send(within(t, 20*time.Second), Note{Summary: "s", Replace: tag}); err != nil {
			t.Fatal(err)
		}
	}
	var got []uint32
	for _, note := range d.all() {
		got = append(got, note.replaces)
	}
	if want := []uint32{0, 0, 1, 0, 0, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("they replace %v, want %v", got, want)
	}
	if d.asked != 1 {
		t.Errorf("capabilities were asked for %d times", d.asked)
	}
}

func TestAnotherDaemonStartsAfresh(t *testing.T) {
	l := lab.Start(t)
	l.Bus()
	first := startDaemon(t, l, "body", "body-markup")
	n := notifier(t, l.Getenv)
	note := Note{Summary: "s", Body: "a & b", Replace: "move"}
	if err := n.Send(within(t, 20*time.Second), note); err != nil {
		t.Fatal(err)
	}
	first.conn.Close()
	var second *daemon
	if !lab.Poll(time.Minute, func() bool { return !l.BusDaemon().Alive() || owned(t, l) == "" }) {
		t.Fatal("the name is still owned")
	}
	if err := n.Send(within(t, 20*time.Second), note); !errors.Is(err, ErrNoServer) {
		t.Errorf("without a daemon: %v, want %v", err, ErrNoServer)
	}
	second = startDaemon(t, l, "body")
	if err := n.Send(within(t, 20*time.Second), note); err != nil {
		t.Fatal(err)
	}
	// Its ids are its own, and so is what it can do.
	if got := second.all(); len(got) != 1 || got[0].replaces != 0 || got[0].body != "a & b" {
		t.Errorf("got %+v", got)
	}
	if got := first.all(); len(got) != 1 || got[0].body != "a &amp; b" {
		t.Errorf("the first one got %+v", got)
	}
}

// owned asks the bus who owns the name of the daemon.
func owned(t *testing.T, l *lab.Lab) string {
	t.Helper()
	conn, err := dbus.Connect("unix:path=" + filepath.Join(l.Getenv("XDG_RUNTIME_DIR"), "bus"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var owner string
	_ = conn.BusObject().Call("org.freedesktop.DBus.GetNameOwner", 0, service).Store(&owner)
	return owner
}

func TestWithoutADaemonItSaysSoAtOnce(t *testing.T) {
	l := lab.Start(t)
	l.Bus()
	n := notifier(t, l.Getenv)
	for range 2 {
		if err := n.Send(within(t, 20*time.Second), Note{Summary: "s"}); !errors.Is(err, ErrNoServer) {
			t.Errorf("got %v, want %v", err, ErrNoServer)
		}
	}
	// It is there from the moment it starts.
	d := startDaemon(t, l, "body")
	if err := n.Send(within(t, 20*time.Second), Note{Summary: "s"}); err != nil || len(d.all()) != 1 {
		t.Errorf("got %v, %v", err, d.all())
	}
}

func TestWithoutABusItSaysSoAtOnce(t *testing.T) {
	dir := t.TempDir()
	// A program that would be found if anything were started.
	launched := filepath.Join(dir, "launched")
	if err := os.WriteFile(filepath.Join(dir, "dbus-launch"), []byte("#!/bin/sh\ntouch "+launched+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	for name, getenv := range map[string]func(string) string{
		"no variables":       env(),
		"no socket":          env("XDG_RUNTIME_DIR", dir),
		"a dead address":     env("DBUS_SESSION_BUS_ADDRESS", "unix:path="+dir+"/none"),
		"a program":          env("DBUS_SESSION_BUS_ADDRESS", "unixexec:path="+dir+"/dbus-launch"),
		"something to start": env("DBUS_SESSION_BUS_ADDRESS", "autolaunch:"),
	} {
		t.Run(name, func(t *testing.T) {
			n := notifier(t, getenv)
			if err := n.Send(within(t, 20*time.Second), Note{Summary: "s"}); !errors.Is(err, ErrNoBus) {
				t.Errorf("got %v, want %v", err, ErrNoBus)
			}
		})
	}
	if _, err := os.Stat(launched); err == nil {
		t.Error("dbus-launch was run")
	}
}

// listen runs f for every connection to a fake bus, and returns the
// environment to find it.
func listen(t *testing.T, f func(net.Conn)) func(string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bus")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				f(conn)
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		wg.Wait()
	})
	return env("DBUS_SESSION_BUS_ADDRESS", "unix:path="+path)
}

func TestABusThatMisbehavesCostsNoMoreThanTheDeadline(t *testing.T) {
	// discard reads until the other side is gone.
	discard := func(c net.Conn) {
		for b := make([]byte, 4096); ; {
			if _, err := c.Read(b); err != nil {
				return
			}
		}
	}
	line := func(c net.Conn, s string) {
		b := make([]byte, 4096)
		c.Read(b)
		fmt.Fprintf(c, "%s\r\n", s)
	}
	welcome := func(c net.Conn) {
		b := make([]byte, 4096)
		c.Read(b[:1]) // the null byte
		line(c, "REJECTED EXTERNAL")
		line(c, "OK 0123456789abcdef0123456789abcdef")
	}
	for name, bus := range map[string]func(net.Conn){
		"closes at once":           func(net.Conn) {},
		"never answers":            discard,
		"rejects":                  func(c net.Conn) { line(c, "REJECTED ANONYMOUS"); discard(c) },
		"speaks another protocol":  func(c net.Conn) { line(c, "HTTP/1.1 400 Bad Request"); discard(c) },
		"an empty line":            func(c net.Conn) { line(c, ""); discard(c) },
		"closes after the welcome": func(c net.Conn) { welcome(c) },
		"no answer to hello":       func(c net.Conn) { welcome(c); discard(c) },
		"garbage after the welcome": func(c net.Conn) {
			welcome(c)
			fmt.Fprint(c, strings.Repeat("\xff\x00garbage", 1000))
			discard(c)
		},
		"a message of 4 GiB announced": func(c net.Conn) {
			welcome(c)
			c.Write([]byte("l\x02\x00\x01\xff\xff\xff\xff\x01\x00\x00\x00\xff\xff\xff\xff"))
			discard(c)
		},
		"half a message": func(c net.Conn) {
			welcome(c)
			c.Write([]byte("l\x02\x00\x01\x0a\x00"))
			discard(c)
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := notifier(t, listen(t, bus))
			start := time.Now()
			err := n.Send(within(t, 200*time.Millisecond), Note{Summary: "s"})
			if !errors.Is(err, ErrNoBus) && !errors.Is(err, ErrTimeout) {
				t.Errorf("got %v", err)
			}
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("it took %v", took)
			}
			n.Close()
			left := func() bool {
				s := stacks()
				return strings.Contains(s, "godbus/dbus") || strings.Contains(s, "bus.(*stream)")
			}
			if !lab.Poll(time.Minute, func() bool { return !left() }) {
				t.Errorf("goroutines are left:\n%s", stacks())
			}
		})
	}
}

func TestADaemonThatHangsCostsNoMoreThanTheDeadline(t *testing.T) {
	l := lab.Start(t)
	l.Bus()
	d := startDaemon(t, l, "body")
	n := notifier(t, l.Getenv)
	if err := n.Send(within(t, 20*time.Second), Note{Summary: "first", Replace: "move"}); err != nil {
		t.Fatal(err)
	}
	hang := make(chan struct{})
	d.set(func() { d.hang = hang })
	start := time.Now()
	if err := n.Send(within(t, 100*time.Millisecond), Note{Summary: "second", Replace: "move"}); !errors.Is(err, ErrTimeout) {
		t.Errorf("got %v, want %v", err, ErrTimeout)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	d.set(func() { d.hang = nil })
	close(hang)
	if err := n.Send(within(t, 20*time.Second), Note{Summary: "third", Replace: "move"}); err != nil {
		t.Fatal(err)
	}
	// The connection was kept, and with it what to replace.
	if notes := d.all(); len(notes) != 3 || notes[2].replaces != 1 || d.asked != 1 {
		t.Errorf("got %+v", notes)
	}
}

func TestADaemonThatRefusesIsQuoted(t *testing.T) {
	l := lab.Start(t)
	l.Bus()
	d := startDaemon(t, l, "body")
	d.set(func() { d.refuse = dbus.NewError("org.example.No", []any{"not\x1b now"}) })
	n := notifier(t, l.Getenv)
	err := n.Send(within(t, 20*time.Second), Note{Summary: "s"})
	if want := `the notification daemon refused: "not\x1b now"`; !errors.Is(err, ErrRefused) || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestABusThatIsStoppedOrRestartedIsFoundAgain(t *testing.T) {
	l := lab.Start(t)
	l.Bus()
	startDaemon(t, l, "body")
	n := notifier(t, l.Getenv)
	note := Note{Summary: "s", Replace: "move"}
	if err := n.Send(within(t, 20*time.Second), note); err != nil {
		t.Fatal(err)
	}
	bus := l.BusDaemon()
	bus.Signal(syscall.SIGSTOP)
	start := time.Now()
	if err := n.Send(within(t, 100*time.Millisecond), note); !errors.Is(err, ErrTimeout) {
		t.Errorf("stopped: %v, want %v", err, ErrTimeout)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	bus.Signal(syscall.SIGCONT)
	if err := n.Send(within(t, 20*time.Second), note); err != nil {
		t.Errorf("continued: %v", err)
	}

	bus.Kill()
	if err := n.Send(within(t, 20*time.Second), note); !errors.Is(err, ErrNoBus) && !errors.Is(err, ErrNoServer) {
		t.Errorf("killed: %v, want %v", err, ErrNoBus)
	}
	other := lab.Start(t)
	other.Bus()
	d := startDaemon(t, other, "body")
	n.getenv = other.Getenv
	if err := n.Send(within(t, 20*time.Second), note); err != nil {
		t.Fatal(err)
	}
	if notes := d.all(); len(notes) != 1 || notes[0].replaces != 0 {
		t.Errorf("on the new bus: %+v", notes)
	}
}

func TestCloseEndsASendInProgress(t *testing.T) {
	l := lab.Start(t)
	l.Bus()
	d := startDaemon(t, l, "body")
	hang := make(chan struct{})
	defer close(hang)
	d.set(func() { d.hang = hang })
	n := notifier(t, l.Getenv)
	sent := make(chan error, 1)
	go func() { sent <- n.Send(t.Context(), Note{Summary: "s"}) }()
	if !lab.Poll(time.Minute, func() bool { return len(d.all()) == 1 }) {
		t.Fatal("it never arrived")
	}
	n.Close()
	if err := <-sent; !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want %v", err, ErrClosed)
	}
	if err := n.Send(t.Context(), Note{Summary: "s"}); !errors.Is(err, ErrClosed) {
		t.Errorf("afterwards: %v, want %v", err, ErrClosed)
	}
	n.Close()
}

func TestManyAtOnceAllArrive(t *testing.T) {
	l := lab.Start(t)
	l.Bus()
	d := startDaemon(t, l, "body")
	n := notifier(t, l.Getenv)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if err := n.Send(within(t, 20*time.Second), Note{Summary: "s", Replace: "move"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	notes := d.all()
	if len(notes) != 50 {
		t.Fatalf("%d notes", len(notes))
	}
	for _, note := range notes[1:] {
		if note.replaces != 1 {
			t.Errorf("one replaces %d, want 1", note.replaces)
		}
	}
}

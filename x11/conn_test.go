package x11

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
)

// vars is an environment.
type vars map[string]string

func (v vars) get(key string) string { return v[key] }

func TestDisplaysThatCannotBeOpened(t *testing.T) {
	d := newDesk(t)
	name := d.lab.Getenv("DISPLAY")
	for _, test := range []struct{ display, want string }{
		{name + ".5", "it has no screen 5"},
		{name + "/x", `not a display name`},
		{":59999", `not a display name`},
		{":58999", "no such file or directory"},
		{"garbage", `not a display name`},
		{"127.0.0.1:59000", "connection refused"},
		{"/nonexistent/socket:0", "no such file or directory"},
	} {
		t.Run(test.display, func(t *testing.T) {
			c, err := Open(within(t, 20*time.Second), Options{Display: test.display, Getenv: vars{}.get})
			var oe *OpenError
			if c != nil || !errors.As(err, &oe) || oe.Display != test.display || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, %v", c, err)
			}
			if !strings.HasPrefix(err.Error(), fmt.Sprintf("cannot open display %q: ", test.display)) {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("none", func(t *testing.T) {
		if _, err := Open(t.Context(), Options{Getenv: vars{}.get}); !errors.Is(err, ErrNoDisplay) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("cancelled before", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := Open(ctx, Options{Display: name}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestDisplaysThatCanBeOpened(t *testing.T) {
	d := newDesk(t)
	name := d.lab.Getenv("DISPLAY")
	for _, display := range []string{
		name, name + ".0", "unix" + name, "unix/" + name, "/tmp/.X11-unix/X" + name[1:], "unix:/tmp/.X11-unix/X" + name[1:] + ".0",
	} {
		c, err := Open(within(t, 20*time.Second), Options{Display: display, Getenv: vars{}.get})
		if err != nil {
			t.Errorf("%q: %v", display, err)
			continue
		}
		s, err := c.Screen(within(t, 20*time.Second), 0)
		wantOnly(t, s, err, ErrNoWindowManager)
		if !s.Resource {
			t.Errorf("%q: the server does not know us", display)
		}
		c.Close()
	}
	t.Run("from the environment", func(t *testing.T) {
		c, err := Open(within(t, 20*time.Second), Options{Getenv: vars{"DISPLAY": name}.get})
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	})
}

func TestXauthorityOfARealServer(t *testing.T) {
	d := lab.Start(t)
	display := d.Display(lab.NoWM, lab.Auth)
	b, err := os.ReadFile(display.Authority)
	if err != nil {
		t.Fatal(err)
	}
	entries, _ := parseXauthority(b)
	if len(entries) != 1 {
		t.Fatalf("the lab wrote %d entries", len(entries))
	}
	cookie, number := entries[0].data, display.Name[1:]
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	wrong := strings.Repeat("w", 16)
	open := func(t *testing.T, env vars) error {
		c, err := Open(within(t, 20*time.Second), Options{Display: display.Name, Getenv: env.get})
		if err == nil {
			c.Close()
		}
		return err
	}
	for _, test := range []struct {
		name    string
		entries []authEntry
		want    string // "" when it opens
	}{
		{"host and number", []authEntry{{familyLocal, host, number, cookieName, cookie}}, ""},
		{"any host", []authEntry{{familyWild, "", number, cookieName, cookie}}, ""},
		{"any display", []authEntry{{familyWild, "", "", cookieName, cookie}}, ""},
		{"after those of others", []authEntry{
			{familyLocal, host, number + "1", cookieName, wrong}, {familyLocal, "x" + host, number, cookieName, wrong},
			{familyLocal, host, number, "XDM-AUTHORIZATION-1", wrong}, {familyLocal, host, number, cookieName, cookie},
		}, ""},
		{"a wrong cookie", []authEntry{{familyLocal, host, number, cookieName, wrong}}, "Invalid MIT-MAGIC-COOKIE-1 key"},
		{"another display's", []authEntry{{familyLocal, host, number + "1", cookieName, cookie}}, "Authorization required"},
		{"an empty file", nil, "Authorization required"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var file []byte
			for _, e := range test.entries {
				file = append(file, e.bytes()...)
			}
			home := t.TempDir()
			path := filepath.Join(home, ".Xauthority")
			if err := os.WriteFile(path, file, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, env := range []vars{{"XAUTHORITY": path}, {"HOME": home}} {
				err := open(t, env)
				if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
					t.Errorf("with %v: %v", env, err)
				}
			}
		})
	}
	for name, path := range map[string]string{"no file": filepath.Join(t.TempDir(), "none"), "nothing": os.DevNull} {
		t.Run(name, func(t *testing.T) {
			if err := open(t, vars{"XAUTHORITY": path}); err == nil || !strings.Contains(err.Error(), "Authorization required") {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("a directory", func(t *testing.T) {
		if err := open(t, vars{"XAUTHORITY": t.TempDir()}); err == nil || !strings.Contains(err.Error(), "is not an ordinary file") {
			t.Errorf("got %v", err)
		}
	})
}

func TestAStoppedServer(t *testing.T) {
	l := lab.Start(t)
	d := l.Display(lab.NoWM)
	c, spare := connect(t, l), connect(t, l)
	d.Stop()
	defer d.Continue()

	timely := func(what string, f func(ctx context.Context) error) {
		t.Helper()
		start := time.Now()
		err := f(within(t, 200*time.Millisecond))
		if !errors.Is(err, ErrTimeout) {
			t.Errorf("%s: %v", what, err)
		}
		if took := time.Since(start); took < 150*time.Millisecond || took > 20*time.Second {
			t.Errorf("%s took %v", what, took)
		}
	}
	timely("Screen", func(ctx context.Context) error { _, err := c.Screen(ctx, 0); return err })
	timely("Open", func(ctx context.Context) error {
		_, err := Open(ctx, Options{Getenv: l.Getenv})
		return err
	})
	timely("Held", func(ctx context.Context) error { _, err := spare.Held(ctx); return err })

	t.Run("after a timeout the connection is closed", func(t *testing.T) {
		select {
		case <-c.Done():
		case <-time.After(time.Minute):
			t.Error("it is not")
		}
		if _, err := c.Screen(within(t, time.Second), 0); !errors.Is(err, ErrClosed) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("connections fill the server's queue", func(t *testing.T) {
		var held []net.Conn
		defer func() {
			for _, conn := range held {
				conn.Close()
			}
		}()
		for range 5000 { // until connect(2) says EAGAIN
			conn, err := net.Dial("unix", "/tmp/.X11-unix/X"+d.Name[1:])
			if err != nil {
				break
			}
			held = append(held, conn)
		}
		abstract := []net.Conn{}
		for range 5000 {
			conn, err := net.Dial("unix", "@/tmp/.X11-unix/X"+d.Name[1:])
			if err != nil {
				break
			}
			abstract = append(abstract, conn)
		}
		held = append(held, abstract...)
		timely("Open", func(ctx context.Context) error {
			_, err := Open(ctx, Options{Getenv: l.Getenv})
			return err
		})
	})
	t.Run("closing does not wait for it", func(t *testing.T) {
		start := time.Now()
		spare.Close()
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestAnEndedServer(t *testing.T) {
	l := lab.Start(t)
	d := l.Display(lab.NoWM)
	c := connect(t, l)
	d.Kill()
	select {
	case <-c.Done():
	case <-time.After(time.Minute):
		t.Fatal("the connection does not end")
	}
	for range 2 {
		if _, err := c.Screen(within(t, time.Second), 0); !errors.Is(err, ErrClosed) {
			t.Errorf("got %v", err)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func TestACancelledCallEndsTheConnection(t *testing.T) {
	l := lab.Start(t)
	d := l.Display(lab.NoWM)
	c := connect(t, l)
	d.Stop()
	defer d.Continue()
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := c.Screen(cancelledOnLook{ctx, cancel}, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	select {
	case <-c.Done():
	case <-time.After(time.Minute):
		t.Fatal("the connection is still there")
	}
}

// cancelledOnLook is a context that ends right after it was asked for the
// first time whether it has.
type cancelledOnLook struct {
	context.Context
	cancel func()
}

func (c cancelledOnLook) Err() error {
	defer c.cancel()
	return c.Context.Err()
}

func TestACallThatCannotBeginLeavesTheConnection(t *testing.T) {
	l := lab.Start(t)
	l.Display(lab.NoWM)
	c := connect(t, l)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Screen(ctx, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := c.Keyboard(within(t, 20*time.Second)); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestSeveralGoroutinesShareAConnection(t *testing.T) {
	d := newDesk(t)
	d.manage()
	a := d.stranger()
	d.focus(a.window)
	c := connect(t, d.lab)
	ctx := within(t, 30*time.Second)
	k, err := c.Keyboard(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 50 {
				if i%2 == 0 {
					if s, err := c.Screen(ctx, 0); err != nil || s.Focused.Owner != a.pid {
						t.Errorf("got %+v, %v", s, err)
						return
					}
				} else if down, err := c.Down(ctx, k, 0, 38); err != nil || down {
					t.Errorf("got %v, %v", down, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestNoGoroutineIsLeft(t *testing.T) {
	l := lab.Start(t)
	l.Display(lab.NoWM)
	connect(t, l).Close()
	before := runtime.NumGoroutine()
	files := openFiles(t)
	for range 50 {
		c, err := Open(within(t, 20*time.Second), Options{Getenv: l.Getenv})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Held(within(t, 20*time.Second)); err != nil {
			t.Fatal(err)
		}
		c.Close()
		if _, err := Open(within(t, 20*time.Second), Options{Display: l.Getenv("DISPLAY") + ".7", Getenv: l.Getenv}); err == nil {
			t.Fatal("screen 7 was opened")
		}
	}
	if !lab.Poll(time.Minute, func() bool { return runtime.NumGoroutine() <= before }) {
		t.Errorf("%d goroutines, before %d", runtime.NumGoroutine(), before)
	}
	if n := openFiles(t); n > files {
		t.Errorf("%d open files, before %d", n, files)
	}
}

func openFiles(t *testing.T) int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// A window that vanishes between the first look at the root window and the
// questions about it: a proxy in front of the server lets it happen just then.
func TestAWindowThatVanishesMeanwhile(t *testing.T) {
	d := newDesk(t)
	d.manage()
	first, second := d.window(), d.window()
	proxy := newProxy(t, "/tmp/.X11-unix/X"+d.lab.Getenv("DISPLAY")[1:])
	c, err := Open(within(t, 20*time.Second), Options{Display: proxy.path, Getenv: d.lab.Getenv})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	d.focus(first, second)
	proxy.beforeWindows(func() {
		d.destroy(first)
		d.focus(second)
	})
	s, err := c.Screen(within(t, 20*time.Second), 0)
	if err != nil || s.Focused.ID != second {
		t.Errorf("the focus went on: got %+v, %v", s, err)
	}

	third, fourth := d.window(), d.window()
	d.focus(third, fourth, second)
	proxy.beforeWindows(func() { d.destroy(third); d.focus(fourth, second) }, func() { d.destroy(fourth) })
	s, err = c.Screen(within(t, 20*time.Second), 0)
	wantOnly(t, s, err, ErrWindowGone)
	if len(s.Windows) != 1 || s.Windows[0].ID != second {
		t.Errorf("the windows are %+v", s.Windows)
	}

	d.focus(second)
	proxy.beforeWindows(func() { d.destroy(second); d.remove(d.root, "_NET_ACTIVE_WINDOW") })
	s, err = c.Screen(within(t, 20*time.Second), 0)
	wantOnly(t, s, err, ErrNoFocus)

	fifth := d.window()
	proxy.beforeWindows(func() { d.destroy(fifth) })
	s, err = c.Screen(within(t, 20*time.Second), fifth)
	wantOnly(t, s, err, ErrWindowGone)
}

// proxy passes a connection on to a server, group of requests by group.
type proxy struct {
	path  string
	mu    sync.Mutex
	hooks []func()
	// groups counts what the client sent in one write.
	groups atomic.Int32
}

// beforeWindows runs each function once, before a group of requests about
// windows other than the root is passed on.
func (p *proxy) beforeWindows(hooks ...func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hooks = hooks
}

func newProxy(t *testing.T, server string) *proxy {
	dir, err := os.MkdirTemp("", "x11")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{path: dir + "/x:0"}
	l, err := net.Listen("unix", p.path)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
		os.RemoveAll(dir)
	})
	wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("unix", server)
			if err != nil {
				client.Close()
				continue
			}
			wg.Go(func() {
				defer client.Close()
				_, _ = io.Copy(client, to)
			})
			wg.Go(func() {
				defer to.Close()
				b := make([]byte, 1<<20)
				for {
					n, err := client.Read(b)
					if err != nil {
						return
					}
					p.groups.Add(1)
					// The second group of a Screen begins with QueryClientIds.
					if n > 4 && b[0] >= 128 && b[1] == 4 {
						p.mu.Lock()
						var hook func()
						if len(p.hooks) > 0 {
							hook, p.hooks = p.hooks[0], p.hooks[1:]
						}
						p.mu.Unlock()
						if hook != nil {
							hook()
						}
					}
					if _, err := to.Write(b[:n]); err != nil {
						return
					}
				}
			})
		}
	})
	return p
}

func TestFewRoundTrips(t *testing.T) {
	d := newDesk(t)
	d.manage()
	d.focus(d.window(), d.window(), d.window())
	proxy := newProxy(t, "/tmp/.X11-unix/X"+d.lab.Getenv("DISPLAY")[1:])
	c, err := Open(within(t, 20*time.Second), Options{Display: proxy.path, Getenv: d.lab.Getenv})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if n := proxy.groups.Swap(0); n != 1 {
		t.Errorf("Open writes %d times, want 1", n)
	}
	for range 2 {
		if _, err := c.Screen(within(t, 20*time.Second), 0); err != nil {
			t.Fatal(err)
		}
		if n := proxy.groups.Swap(0); n != 2 {
			t.Errorf("Screen writes %d times, want 2", n)
		}
	}
	if _, err := c.Held(within(t, 20*time.Second)); err != nil {
		t.Fatal(err)
	}
	if n := proxy.groups.Swap(0); n != 1 {
		t.Errorf("Held writes %d times, want 1", n)
	}
}

// badServer answers on a socket as the test says.
func badServer(t *testing.T, serve func(conn net.Conn, in *bufio.Reader)) string {
	dir, err := os.MkdirTemp("", "x11")
	if err != nil {
		t.Fatal(err)
	}
	path := dir + "/x:0"
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
		os.RemoveAll(dir)
	})
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				serve(conn, bufio.NewReader(conn))
			})
		}
	})
	return path
}

// readRequest reads one request, or the setup request.
func readRequest(in *bufio.Reader) ([]byte, bool) {
	head, err := in.Peek(4)
	if err != nil {
		return nil, false
	}
	n := 12
	if head[0] != 'l' {
		n = 4 * int(binary.LittleEndian.Uint16(head[2:]))
	}
	b := make([]byte, n)
	_, err = io.ReadFull(in, b)
	return b, err == nil
}

func TestServersThatAnswerTheSetupWrongly(t *testing.T) {
	truncated := goodSetup()
	for _, test := range []struct {
		name   string
		answer []byte
		want   string
	}{
		{"hangs up at once", nil, "hung up"},
		{"hangs up within the head", truncated[:5], "hung up"},
		{"hangs up within the block", truncated[:100], "hung up"},
		{"speaks HTTP", []byte("HTTP/1.1 400 Bad Request\r\n\r\n" + strings.Repeat(" ", 300<<10)), "not that of an X server"},
		{"sends zeros", make([]byte, 300<<10), "refused"},
		{"sends ones", slices.Repeat([]byte{0xff}, 300<<10), "not that of an X server"},
		{"refuses with a long reason", refusal(strings.Repeat("y", 255)), "yyyy"},
		{"has no screens", func() []byte { b := goodSetup(); b[28] = 0; return b }(), "not that of an X server"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := badServer(t, func(conn net.Conn, in *bufio.Reader) {
				if _, ok := readRequest(in); ok {
					_, _ = conn.Write(test.answer)
				}
			})
			_, err := Open(within(t, 20*time.Second), Options{Display: path, Getenv: vars{}.get})
			var oe *OpenError
			if !errors.As(err, &oe) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("hangs up without having read", func(t *testing.T) {
		path := badServer(t, func(net.Conn, *bufio.Reader) {})
		_, err := Open(within(t, 20*time.Second), Options{Display: path, Getenv: vars{}.get})
		if err == nil || !strings.Contains(err.Error(), "hung up") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("refuses without having read what follows", func(t *testing.T) {
		path := badServer(t, func(conn net.Conn, _ *bufio.Reader) {
			_, _ = io.ReadFull(conn, make([]byte, 12))
			_, _ = conn.Write(refusal("no such luck"))
		})
		_, err := Open(within(t, 20*time.Second), Options{Display: path, Getenv: vars{}.get})
		if err == nil || !strings.Contains(err.Error(), "no such luck") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("never answers", func(t *testing.T) {
		path := badServer(t, func(_ net.Conn, in *bufio.Reader) { _, _ = io.Copy(io.Discard, in) })
		_, err := Open(within(t, 100*time.Millisecond), Options{Display: path, Getenv: vars{}.get})
		if !errors.Is(err, ErrTimeout) {
			t.Errorf("got %v", err)
		}
	})
}

// emptyReply answers any request with zeros: no such atom, no such extension,
// property not set.
func emptyReply(sequence uint16) []byte { return head(1, 0, sequence, 0) }

// serveUntil plays a server that answers every request emptily up to the
// number last, and then does what the test says.
func serveUntil(last uint16, then func(conn net.Conn, sequence uint16)) func(net.Conn, *bufio.Reader) {
	return func(conn net.Conn, in *bufio.Reader) {
		if _, ok := readRequest(in); !ok {
			return
		}
		_, _ = conn.Write(goodSetup())
		for n := uint16(1); ; n++ {
			if _, ok := readRequest(in); !ok {
				return
			}
			if n > last {
				then(conn, n)
				_, _ = io.Copy(io.Discard, in)
				return
			}
			if _, err := conn.Write(emptyReply(n)); err != nil {
				return
			}
		}
	}
}

func TestServersThatAnswerRequestsWrongly(t *testing.T) {
	const introduced = 15 // requests of Open
	for _, test := range []struct {
		name string
		then func(conn net.Conn, n uint16)
		want error
		// broken: it is said that the server broke the protocol.
		broken bool
	}{
		{"nothing", func(net.Conn, uint16) {}, ErrTimeout, false},
		{"hangs up", func(c net.Conn, _ uint16) { c.Close() }, ErrClosed, false},
		{"half a reply", func(c net.Conn, n uint16) { _, _ = c.Write(emptyReply(n)[:20]); c.Close() }, ErrClosed, false},
		{"a length that overflows", func(c net.Conn, n uint16) { _, _ = c.Write(head(1, 0, n, 0x3fffffff)) }, ErrClosed, true},
		{"a length of 16 gigabytes", func(c net.Conn, n uint16) { _, _ = c.Write(head(1, 0, n, 0xffffffff)) }, ErrClosed, true},
		{"a body that does not come", func(c net.Conn, n uint16) { _, _ = c.Write(head(1, 32, n, 1<<18)) }, ErrTimeout, false},
		{"a reply to a request that was not made", func(c net.Conn, n uint16) { _, _ = c.Write(emptyReply(n + 100)) }, ErrClosed, true},
		{"the last reply again", func(c net.Conn, n uint16) { _, _ = c.Write(emptyReply(n - 1)) }, ErrClosed, true},
		{"noise", func(c net.Conn, _ uint16) { _, _ = c.Write(slices.Repeat([]byte{1}, 4096)) }, ErrClosed, true},
		{"an event without an end", func(c net.Conn, _ uint16) { _, _ = c.Write(head(35, 0, 0, 0xffffffff)) }, ErrClosed, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := badServer(t, serveUntil(introduced, test.then))
			c, err := Open(within(t, 20*time.Second), Options{Display: path, Getenv: vars{}.get})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_, err = c.Screen(within(t, 300*time.Millisecond), 0)
			if !errors.Is(err, test.want) || errors.Is(err, errFrame) != test.broken {
				t.Errorf("got %v, want %v", err, test.want)
			}
			select {
			case <-c.Done():
			case <-time.After(time.Minute):
				t.Error("the connection does not end")
			}
		})
	}
	t.Run("a skipped reply", func(t *testing.T) {
		path := badServer(t, serveUntil(introduced, func(c net.Conn, n uint16) {
			_, _ = c.Write(emptyReply(n + 1))
		}))
		c, err := Open(within(t, 20*time.Second), Options{Display: path, Getenv: vars{}.get})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Screen(within(t, 200*time.Millisecond), 0); !errors.Is(err, ErrTimeout) {
			t.Errorf("got %v", err)
		}
	})
}

// Errors with codes the library has no name for, events nobody asked for and
// floods of mapping changes do not stop the answers.
func TestNoiseBetweenAnswers(t *testing.T) {
	path := badServer(t, func(conn net.Conn, in *bufio.Reader) {
		if _, ok := readRequest(in); !ok {
			return
		}
		out := bufio.NewWriter(conn)
		_, _ = out.Write(goodSetup())
		for n := uint16(1); ; n++ {
			if out.Flush() != nil {
				return
			}
			request, ok := readRequest(in)
			if !ok {
				return
			}
			for range 500 {
				_, _ = out.Write(head(34, 0, n, 0)) // MappingNotify
				_, _ = out.Write(head(2, 0, n, 0))  // KeyPress
				_, _ = out.Write(head(120, 0, n, 0))
			}
			_, _ = out.Write(append(head(35, 131, n, 3), make([]byte, 12)...))
			if request[0] == 20 { // GetProperty
				_, _ = out.Write(head(0, 200, n, 0))
			} else {
				_, _ = out.Write(emptyReply(n))
			}
		}
	})
	c, err := Open(within(t, 20*time.Second), Options{Display: path, Getenv: vars{}.get})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s, err := c.Screen(within(t, 20*time.Second), 0)
	wantOnly(t, s, err, ErrNoWindowManager)
	select {
	case <-c.MappingChanges():
	default:
		t.Error("no mapping change was heard of")
	}
}

// extensionServer has the extensions with these major opcodes, and one output.
func extensionServer(t *testing.T, majors map[string]byte, output string) string {
	return badServer(t, func(conn net.Conn, in *bufio.Reader) {
		if _, ok := readRequest(in); !ok {
			return
		}
		if _, err := conn.Write(goodSetup()); err != nil {
			return
		}
		for n := uint16(1); ; n++ {
			request, ok := readRequest(in)
			if !ok {
				return
			}
			b := emptyReply(n)
			switch {
			case request[0] == 98: // QueryExtension
				name := request[8 : 8+binary.LittleEndian.Uint16(request[4:])]
				if major := majors[string(name)]; major != 0 {
					b[8], b[9] = 1, major
				}
			case request[0] == majors["RANDR"] && request[1] == 25: // RRGetScreenResourcesCurrent
				b[4], b[18] = 1, 1
				b = append(b, words(0x41)...)
			case request[0] == majors["RANDR"] && request[1] == 9: // RRGetOutputInfo
				tail := append([]byte{0, 0, byte(len(output)), 0}, output...)
				tail = append(tail, make([]byte, pad4(len(tail))-len(tail))...)
				b[4] = byte(len(tail) / 4)
				b = append(b, tail...)
			}
			if _, err := conn.Write(b); err != nil {
				return
			}
		}
	})
}

func TestXWaylandIsKnown(t *testing.T) {
	for _, test := range []struct {
		name   string
		majors map[string]byte
		output string
		want   bool
	}{
		{"by its extension", map[string]byte{"XWAYLAND": 150}, "", true},
		{"by the name of its output", map[string]byte{"RANDR": 140}, "XWAYLAND0", true},
		{"another server's output", map[string]byte{"RANDR": 140}, "HDMI-1", false},
		{"neither", nil, "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := extensionServer(t, test.majors, test.output)
			c, err := Open(within(t, 20*time.Second), Options{Display: path, Getenv: vars{}.get})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			for range 2 {
				s, err := c.Screen(within(t, 20*time.Second), 0)
				wantOnly(t, s, err, ErrNoWindowManager)
				if s.XWayland != test.want {
					t.Errorf("got %v", s.XWayland)
				}
			}
		})
	}
}

// What a key press waits for: a fresh connection and one look at a desktop of
// three windows.
func BenchmarkOpenAndScreen(b *testing.B) {
	d := newDesk(b)
	d.manage()
	stranger := d.stranger()
	d.focus(stranger.window, d.window(), d.window())
	for _, w := range []WindowID{stranger.window, d.check} {
		d.set(w, "_NET_WM_PID", "CARDINAL", stranger.pid)
		d.set(w, "WM_CLASS", "STRING", "mpv\x00mpv\x00")
		d.set(w, "_NET_WM_NAME", "UTF8_STRING", "a film")
	}
	ctx := b.Context()
	var opening, looking time.Duration
	for b.Loop() {
		start := time.Now()
		c, err := Open(ctx, Options{Getenv: d.lab.Getenv})
		if err != nil {
			b.Fatal(err)
		}
		opened := time.Now()
		if _, err := c.Screen(ctx, 0); err != nil {
			b.Fatal(err)
		}
		opening += opened.Sub(start)
		looking += time.Since(opened)
		c.Close()
	}
	b.ReportMetric(float64(opening.Microseconds())/float64(b.N), "µs/open")
	b.ReportMetric(float64(looking.Microseconds())/float64(b.N), "µs/screen")
}

// What the daemon asks for on a connection that stays open.
func BenchmarkHeld(b *testing.B) {
	d := newDesk(b)
	c := connect(b, d.lab)
	for b.Loop() {
		if _, err := c.Held(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

package wayland

import (
	"bufio"
	"encoding/binary"
	"errors"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/patoggle/patoggle/internal/lab"
)

// serve listens at a path and hands each connection to f.
func serve(t *testing.T, path string, f func(net.Conn)) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			wg.Go(func() {
				defer c.Close()
				f(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
}

// hang reads until the other side is gone.
func hang(c net.Conn) {
	for b := make([]byte, 4096); ; {
		if _, err := c.Read(b); err != nil {
			return
		}
	}
}

// session is one whose compositor is this process, of the given program.
func session(t *testing.T, program string, env map[string]string) (s *Session, dir string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "w") // short, for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if env == nil {
		env = map[string]string{}
	}
	if env["XDG_RUNTIME_DIR"] == "" {
		env["XDG_RUNTIME_DIR"] = dir
	}
	dir = env["XDG_RUNTIME_DIR"]
	return &Session{Socket: filepath.Join(dir, "wayland-0"), PID: os.Getpid(), Program: program, Name: nameOf(program), getenv: func(k string) string { return env[k] }}, dir
}

// said answers where the program's socket is.
func said(t *testing.T, program, dir string, answer func(net.Conn)) {
	t.Helper()
	s := &Session{PID: os.Getpid(), Socket: filepath.Join(dir, "wayland-0"), getenv: func(k string) string { return map[string]string{"XDG_RUNTIME_DIR": dir}[k] }}
	var path string
	switch program {
	case "sway":
		path = filepath.Join(dir, "sway-ipc.7."+strconv.Itoa(s.PID)+".sock")
	case "Hyprland":
		path = filepath.Join(dir, "hypr", "sign", ".socket.sock")
	case "niri":
		path = filepath.Join(dir, "niri.wayland-0.1.sock")
	case "wayfire":
		path = s.wayfireSockets()[1]
	default:
		path = s.Socket
	}
	serve(t, path, answer)
}

func TestACompositorThatMisbehavesCostsNoMoreThanTheTime(t *testing.T) {
	line := func(text string) func(net.Conn) {
		return func(c net.Conn) {
			b := make([]byte, 4096)
			c.Read(b)
			c.Write([]byte(text))
		}
	}
	for name, tale := range map[string]struct {
		f    func(net.Conn)
		hung bool
	}{
		"hangs":        {hang, true},
		"closes":       {func(net.Conn) {}, false},
		"garbage":      {line(strings.Repeat("\xff\x00garbage\n", 5000)), false},
		"an empty one": {line(""), false},
		"half":         {line("{\"Ok\":"), false},
		"says nothing, and stays": {func(c net.Conn) {
			line("i3-ipc\x04\x00\x00\x00\x04\x00\x00\x00{")(c)
			hang(c)
		}, true},
	} {
		for _, program := range []string{"sway", "Hyprland", "niri", "wayfire", "labwc"} {
			t.Run(name+"/"+program, func(t *testing.T) {
				t.Parallel()
				s, dir := session(t, program, nil)
				said(t, program, dir, tale.f)
				start := time.Now()
				a, err := s.Ask(t.Context())
				var e *Error
				if !errors.As(err, &e) || e.Compositor != nameOf(program) {
					t.Fatalf("got %+v, %v", a, err)
				}
				if tale.hung && !errors.Is(err, ErrTimeout) {
					// Those that read to the end of the answer may find it bad first.
					if program == "sway" || name == "hangs" {
						t.Errorf("got %v, want %v", err, ErrTimeout)
					}
				}
				if strings.ContainsAny(err.Error(), "\x1b\x00") {
					t.Errorf("control characters in %q", err.Error())
				}
				if took := time.Since(start); took > 20*limit {
					t.Errorf("it took %v", took)
				}
			})
		}
	}
}

// A variable may name the socket of another session, which belongs to another
// process.
func TestTheSocketOfAnotherSessionIsNotAsked(t *testing.T) {
	s, dir := session(t, "sway", nil)
	serve(t, filepath.Join(dir, "other"), hang)
	s.getenv = func(k string) string {
		return map[string]string{"XDG_RUNTIME_DIR": dir, "SWAYSOCK": filepath.Join(dir, "other")}[k]
	}
	s.PID = os.Getppid()
	_, err := s.Ask(t.Context())
	if err == nil || !strings.Contains(err.Error(), "is not this session's") {
		t.Errorf("got %v", err)
	}
}

func TestASessionIsFoundByItsSocket(t *testing.T) {
	dir := t.TempDir()
	env := map[string]string{"XDG_RUNTIME_DIR": dir}
	getenv := func(k string) string { return env[k] }
	if _, named, err := Find(t.Context(), getenv); !errors.Is(err, ErrNone) || named {
		t.Errorf("without a socket: %v, %v", named, err)
	}
	serve(t, filepath.Join(dir, "wayland-0"), hang)
	s, named, err := Find(t.Context(), getenv)
	if err != nil || named || s.PID != os.Getpid() || s.Program != comm(os.Getpid()) {
		t.Errorf("%+v, %v, %v", s, named, err)
	}
	if !s.Serves(os.Getpid()) || s.Serves(os.Getppid()) || s.Serves(0) || s.Serves(1) {
		t.Error("it serves others' displays")
	}
	env["WAYLAND_DISPLAY"] = filepath.Join(dir, "gone")
	if _, named, err := Find(t.Context(), getenv); !errors.Is(err, ErrNone) || !named {
		t.Errorf("a socket that is gone: %v, %v", named, err)
	}
}

// kwin is a KWin that runs scripts as a test says.
type kwin struct {
	conn     *dbus.Conn
	run      func(conn *dbus.Conn, script string)
	id       int32
	loaded   chan struct{} // a script, for Start: the library serves calls at once
	mu       sync.Mutex
	script   string
	unloaded []string
}

func (k *kwin) LoadScript(file, name string) (int32, *dbus.Error) {
	b, _ := os.ReadFile(file)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.script = string(b)
	k.loaded <- struct{}{}
	return k.id, nil
}

func (k *kwin) Start() *dbus.Error {
	<-k.loaded
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.run != nil {
		k.run(k.conn, k.script)
	}
	return nil
}

func (k *kwin) UnloadScript(name string) (bool, *dbus.Error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.unloaded = append(k.unloaded, name)
	return true, nil
}

func (k *kwin) gone() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.unloaded) > 0
}

func owner(t *testing.T, l *lab.Lab, name string) *dbus.Conn {
	t.Helper()
	conn, err := dbus.Connect("unix:path=" + filepath.Join(l.Runtime, "bus"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := conn.RequestName(name, dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
	return conn
}

// report calls back as a script does.
func report(conn *dbus.Conn, script, text string) {
	_, rest, _ := strings.Cut(script, `callDBus("`)
	to, _, _ := strings.Cut(rest, `"`)
	conn.Object(to, reportPath).Call(reportInterface+".Report", dbus.FlagNoReplyExpected, text)
}

func TestKWinIsAskedByAScriptThatGoes(t *testing.T) {
	l := lab.Start(t)
	l.Bus()
	stranger, err := dbus.Connect("unix:path=" + filepath.Join(l.Runtime, "bus"))
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	k := &kwin{conn: owner(t, l, kwinService), loaded: make(chan struct{}, 16)}
	if err := k.conn.ExportWithMap(k, map[string]string{"LoadScript": "loadScript", "Start": "start", "UnloadScript": "unloadScript"}, "/Scripting", kwinScripting); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		id   int32
		run  func(conn *dbus.Conn, script string)
		err  string
		pid  int
	}{
		{"it reports", 0, func(c *dbus.Conn, script string) { report(c, script, kwin67) }, "", 98},
		{"a stranger reports before it", 0, func(c *dbus.Conn, script string) {
			report(stranger, script, strings.ReplaceAll(kwin67, `"pid":98`, `"pid":99`))
			stranger.BusObject().Call("org.freedesktop.DBus.GetId", 0) // it has arrived
			report(c, script, kwin67)
		}, "", 98},
		{"garbage", 0, func(c *dbus.Conn, script string) { report(c, script, "garbage\x1b") }, "its answer cannot be read", 0},
		{"the wrong types", 0, func(c *dbus.Conn, script string) { report(c, script, `{"active":[]}`) }, "its answer is not of the types that belong to it", 0},
		{"it does not load", -1, nil, "it does not load the script that asks it", 0},
		{"no report", 0, func(*dbus.Conn, string) {}, "no answer in time", 0},
	} {
		k.mu.Lock()
		k.id, k.run, k.unloaded = tt.id, tt.run, nil
		k.mu.Unlock()
		s, dir := session(t, "kwin_wayland", map[string]string{"XDG_RUNTIME_DIR": l.Runtime})
		a, err := s.Ask(t.Context())
		switch {
		case tt.err != "" && (err == nil || err.Error() != "KWin: "+tt.err):
			t.Errorf("%s: %v, want %s", tt.name, err, tt.err)
		case tt.err == "" && (err != nil || a.Focused == nil || a.Focused.PID != tt.pid):
			t.Errorf("%s: %+v, %v", tt.name, a, err)
		}
		if tt.id >= 0 && !lab.Poll(time.Minute, k.gone) {
			t.Errorf("%s: the script stays", tt.name)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "patoggle-*")); len(left) != 0 {
			t.Errorf("%s: %q is left", tt.name, left)
		}
	}
	// Locked: the window below stays the active one.
	k.mu.Lock()
	k.id, k.run = 0, func(c *dbus.Conn, script string) { report(c, script, kwin67) }
	k.mu.Unlock()
	table := map[string]any{"GetActive": func() (bool, *dbus.Error) { return true, nil }}
	if err := k.conn.ExportMethodTable(table, "/ScreenSaver", "org.freedesktop.ScreenSaver"); err != nil {
		t.Fatal(err)
	}
	s, _ := session(t, "kwin_wayland", map[string]string{"XDG_RUNTIME_DIR": l.Runtime})
	if a, err := s.Ask(t.Context()); err != nil || a.Focused != nil || a.Holder != Lock || len(a.Windows) == 0 {
		t.Errorf("locked: %+v, %v", a, err)
	}
	s.PID = os.Getppid()
	if _, err := s.Ask(t.Context()); err == nil || !strings.Contains(err.Error(), "is another session's") {
		t.Errorf("another session's KWin: %v", err)
	}
}

func TestGNOMESaysWhatItCan(t *testing.T) {
	l := lab.Start(t)
	l.Bus()
	conn := owner(t, l, gnomeService)
	ask := func() (*Answer, error) {
		s, _ := session(t, "gnome-shell", map[string]string{"XDG_RUNTIME_DIR": l.Runtime})
		return s.Ask(t.Context())
	}
	// What the fake says is changed while its goroutines serve.
	var mu sync.Mutex
	info, says := map[string]dbus.Variant{}, gnome(1, false, false, false)
	change := func(f func()) {
		mu.Lock()
		defer mu.Unlock()
		f()
	}
	table := func(path, iface, name string, f any) {
		if err := conn.ExportMethodTable(map[string]any{name: f}, dbus.ObjectPath(path), iface); err != nil {
			t.Fatal(err)
		}
	}
	// Each path that is asked for exists from the start: for one that does not, the
	// library reads the interfaces of those above it without their lock.
	for _, path := range []string{gnomePath, "/org/gnome/shell/extensions/FocusedWindow", "/org/gnome/Shell/Extensions/Windows", "/org/gnome/ScreenSaver"} {
		table(path, "io.github.patoggle.Nothing", "Nothing", func() *dbus.Error { return nil })
	}
	table("/org/gnome/Shell", "org.gnome.Shell.Extensions", "GetExtensionInfo", func(uuid string) (map[string]dbus.Variant, *dbus.Error) {
		if uuid != GNOMEExtension {
			return nil, dbus.MakeFailedError(errors.New("of another extension"))
		}
		mu.Lock()
		defer mu.Unlock()
		return maps.Clone(info), nil
	})
	var mute *MuteError
	if _, err := ask(); !errors.As(err, &mute) || mute.Compositor != "GNOME" || !strings.Contains(mute.Why, "not installed") || !strings.Contains(mute.Cure, "patoggle gnome-extension install") {
		t.Errorf("without an extension: %v", err)
	}
	change(func() { info["state"], info["error"] = dbus.MakeVariant(float64(3)), dbus.MakeVariant("TypeError") })
	if _, err := ask(); !errors.As(err, &mute) || mute.Why != "patoggle's extension failed: TypeError" {
		t.Errorf("with one that failed: %v", err)
	}
	table("/org/gnome/Shell/Extensions/Windows", "org.gnome.Shell.Extensions.Windows", "List", func() (string, *dbus.Error) {
		return `[{"wm_class":"b","pid":8,"id":2,"focus":true}]`, nil
	})
	if a, err := ask(); err != nil || a.Focused == nil || a.Focused.PID != 8 {
		t.Errorf("by another extension: %+v, %v", a, err)
	}
	table("/org/gnome/ScreenSaver", "org.gnome.ScreenSaver", "GetActive", func() (bool, *dbus.Error) { return true, nil })
	if a, err := ask(); err != nil || a.Focused != nil || a.Holder != Lock {
		t.Errorf("locked: %+v, %v", a, err)
	}
	table(gnomePath, gnomeInterface, "Get", func() (string, *dbus.Error) {
		mu.Lock()
		defer mu.Unlock()
		return says, nil
	})
	if a, err := ask(); err != nil || a.Focused == nil || a.Focused.PID != 318 || len(a.Windows) != 2 {
		t.Errorf("by the extension: %+v, %v", a, err)
	}
	for _, bad := range []string{"", "garbage\x1b", `{"mode":"one"}`} {
		change(func() { says = bad })
		if a, err := ask(); err == nil || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%q is %+v, %v", bad, a, err)
		}
	}
	release := make(chan struct{})
	table(gnomePath, gnomeInterface, "Get", func() (string, *dbus.Error) { <-release; return "", nil })
	if _, err := ask(); !errors.Is(err, ErrTimeout) {
		t.Errorf("one that hangs: %v", err)
	}
	close(release)
}

// wire writes events as a compositor does.
func wire(object uint32, event int, args ...[]byte) []byte {
	return request(nil, object, event, args...)
}

func TestToplevelsAreToldInTwoRounds(t *testing.T) {
	a, b := uint32(serverObjects), uint32(serverObjects+1)
	states := func(list ...uint32) []byte {
		out := number(uint32(4 * len(list)))
		for _, n := range list {
			out = append(out, number(n)...)
		}
		return out
	}
	s, dir := session(t, "labwc", nil)
	said(t, "labwc", dir, func(c net.Conn) {
		r := bufio.NewReader(c)
		read := func(n int) { r.Discard(n) }
		read(12 + 12)
		c.Write(wire(theRegistry, 0, number(1), text("wl_compositor"), number(5)))
		c.Write(wire(theRegistry, 0, number(9), text(manager), number(7)))
		c.Write(wire(firstSync, 0, number(0)))
		head := make([]byte, 8)
		for range 2 {
			if _, err := r.Read(head); err != nil {
				return
			}
			read(int(binary.NativeEndian.Uint32(head[4:])>>16) - 8)
		}
		c.Write(wire(theManager, 0, number(a)))
		c.Write(wire(a, 0, text("one")))
		c.Write(wire(a, 1, text("org.example.nobody-has-this")))
		c.Write(wire(a, 4, states(0, 2)))
		c.Write(wire(theManager, 0, number(b)))
		c.Write(wire(b, 1, text("other")))
		c.Write(wire(b, 4, states(2)))
		c.Write(wire(b, 4, states()))
		c.Write(wire(b, 5))
		c.Write(wire(secondSync, 0, number(0)))
		hang(c)
	})
	got, err := s.Ask(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.Focused == nil || got.Focused.Title != "one" || got.Focused.AppID != "org.example.nobody-has-this" || len(got.Windows) != 2 || !got.Derived || len(got.Focused.Clients) != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestAClientOfTheCompositorIsFoundByItsName(t *testing.T) {
	l := lab.Start(t)
	path := filepath.Join(l.Runtime, "wayland-0")
	serve(t, path, hang)
	program := filepath.Join(l.Dir, "A-Player-With-A-Name")
	b, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, b, 0o700); err != nil {
		t.Fatal(err)
	}
	connected := l.SpawnCmd(lab.Cmd{Name: program, Env: []string{"CONNECT_TO=" + path}})
	l.SpawnCmd(lab.Cmd{Name: program, Env: []string{"CONNECT_TO=nowhere"}})
	s, _ := session(t, "labwc", map[string]string{"XDG_RUNTIME_DIR": l.Runtime})
	var found map[string][]int
	if !lab.Poll(time.Minute, func() bool {
		found = map[string][]int{"a-player-with-a-name": nil, "nobody-has-this": nil, "": nil}
		around := s.lookAround()()
		around.findClients(found)
		return len(found["a-player-with-a-name"]) > 0
	}) {
		t.Fatal("it is not found")
	}
	if pids := found["a-player-with-a-name"]; len(pids) != 1 || pids[0] != connected.PID || len(found["nobody-has-this"]) != 0 {
		t.Errorf("found %v, want %d", found, connected.PID)
	}
}

func FuzzToplevels(f *testing.F) {
	f.Add(append(wire(theRegistry, 0, number(9), text(manager), number(7)), wire(firstSync, 0, number(0))...))
	f.Add(append(wire(theManager, 0, number(serverObjects)), wire(serverObjects, 4, number(4), number(2))...))
	f.Add(wire(theDisplay, 0, number(1), number(1), text("no\x1b")))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := newToplevels()
		c.registry()
		r := strings.NewReader(string(b))
		for {
			if err := c.read(r); err != nil {
				if strings.ContainsAny(err.Error(), "\x1b\x00\n") {
					t.Errorf("control characters in %q", err.Error())
				}
				break
			}
		}
		c.bind()
		c.answer()
		parseDiag(b, "/x", map[uint32]bool{})
	})
}

package x11

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"

	"github.com/patoggle/patoggle/internal/lab"
)

// roleVar makes the test program another client of the display: "window" owns
// a window until its standard input ends, "screen" prints what Screen gives.
const roleVar = "PATOGGLE_X11_TEST_ROLE"

func TestMain(m *testing.M) {
	xgb.Logger.SetOutput(io.Discard)
	switch os.Getenv(roleVar) {
	case "window":
		os.Exit(report(ownWindow()))
	case "screen":
		os.Exit(report(printScreen()))
	}
	code := m.Run()
	if code == 0 && !lab.Poll(time.Minute, func() bool { return runtime.NumGoroutine() <= 2 }) {
		buf := make([]byte, 1<<20)
		fmt.Fprintf(os.Stderr, "goroutines are left:\n%s\n", buf[:runtime.Stack(buf, true)])
		code = 1
	}
	os.Exit(code)
}

func report(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func ownWindow() error {
	x, err := xgb.NewConn()
	if err != nil {
		return err
	}
	root := xproto.Setup(x).Roots[0].Root
	id, err := newWindow(x, root)
	if err != nil {
		return err
	}
	fmt.Printf("%d\n", id)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func printScreen() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c, err := Open(ctx, Options{})
	if err != nil {
		return err
	}
	defer c.Close()
	s, err := c.Screen(ctx, 0)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(s)
}

func newWindow(x *xgb.Conn, root xproto.Window) (xproto.Window, error) {
	id, err := xproto.NewWindowId(x)
	if err != nil {
		return 0, err
	}
	return id, xproto.CreateWindowChecked(x, 0, id, root, 0, 0, 1, 1, 0, xproto.WindowClassInputOnly, 0, 0, nil).Check()
}

// within gives a context for one step of a test.
func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// connect opens a display of the lab and closes it with the test.
func connect(t testing.TB, l *lab.Lab) *Conn {
	t.Helper()
	c, err := Open(within(t, 20*time.Second), Options{Getenv: l.Getenv})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// desk is a display whose properties the test writes itself, in the place of
// a window manager and its clients.
type desk struct {
	t     testing.TB
	lab   *lab.Lab
	x     *xgb.Conn
	root  WindowID
	check WindowID
}

func newDesk(t testing.TB, options ...lab.DisplayOption) *desk {
	t.Helper()
	l := lab.Start(t)
	d := l.Display(append(options, lab.NoWM)...)
	x, err := xgb.NewConnDisplay(d.Name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		x.Close()
		for { // until the library has ended
			if ev, err := x.WaitForEvent(); ev == nil && err == nil {
				return
			}
		}
	})
	return &desk{t: t, lab: l, x: x, root: WindowID(xproto.Setup(x).Roots[0].Root)}
}

func (d *desk) atom(name string) uint32 {
	d.t.Helper()
	r, err := xproto.InternAtom(d.x, false, uint16(len(name)), name).Reply()
	if err != nil {
		d.t.Fatal(err)
	}
	return uint32(r.Atom)
}

// set writes a property: data is a string (format 8) or numbers (format 32).
func (d *desk) set(w WindowID, name, typ string, data any) {
	d.t.Helper()
	format, b := byte(32), []byte(nil)
	switch data := data.(type) {
	case string:
		format, b = 8, []byte(data)
	case []uint16:
		format = 16
		for _, n := range data {
			b = binary.LittleEndian.AppendUint16(b, n)
		}
	case []uint32:
		b = words(data...)
	case WindowID:
		b = words(uint32(data))
	case int:
		b = words(uint32(data))
	default:
		d.t.Fatalf("a property of type %T", data)
	}
	atom, kind := xproto.Atom(d.atom(name)), xproto.Atom(d.atom(typ))
	mode := byte(xproto.PropModeReplace)
	for { // requests have an end
		part := b[:min(len(b), 128<<10)]
		b = b[len(part):]
		units := uint32(len(part) / int(format/8))
		if err := xproto.ChangePropertyChecked(d.x, mode, xproto.Window(w), atom, kind, format, units, part).Check(); err != nil {
			d.t.Fatal(err)
		}
		mode = xproto.PropModeAppend
		if len(b) == 0 {
			return
		}
	}
}

func (d *desk) remove(w WindowID, name string) {
	d.t.Helper()
	if err := xproto.DeletePropertyChecked(d.x, xproto.Window(w), xproto.Atom(d.atom(name))).Check(); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) window() WindowID {
	d.t.Helper()
	id, err := newWindow(d.x, xproto.Window(d.root))
	if err != nil {
		d.t.Fatal(err)
	}
	return WindowID(id)
}

func (d *desk) destroy(w WindowID) {
	d.t.Helper()
	if err := xproto.DestroyWindowChecked(d.x, xproto.Window(w)).Check(); err != nil {
		d.t.Fatal(err)
	}
}

// manage makes the display look managed.
func (d *desk) manage() {
	d.check = d.window()
	d.set(d.check, "_NET_SUPPORTING_WM_CHECK", "WINDOW", d.check)
	d.set(d.root, "_NET_SUPPORTING_WM_CHECK", "WINDOW", d.check)
}

// focus lists the windows as managed and gives the first one the focus.
func (d *desk) focus(windows ...WindowID) {
	d.t.Helper()
	var ids []uint32
	for _, w := range windows {
		ids = append(ids, uint32(w))
	}
	d.set(d.root, "_NET_CLIENT_LIST", "WINDOW", ids)
	d.set(d.root, "_NET_ACTIVE_WINDOW", "WINDOW", windows[0])
}

// stranger is another process that owns a window.
type stranger struct {
	pid    int
	window WindowID
	quit   func()
}

func (d *desk) stranger() stranger {
	d.t.Helper()
	exe, err := os.Executable()
	if err != nil {
		d.t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(d.lab.Env(), roleVar+"=window")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	done := false
	s := stranger{pid: cmd.Process.Pid, quit: func() {
		if !done {
			done = true
			in.Close()
			_ = cmd.Wait()
		}
	}}
	d.t.Cleanup(s.quit)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		d.t.Fatalf("the other client: %v: %s", err, stderr.String())
	}
	if _, err := fmt.Sscan(strings.TrimSpace(line), &s.window); err != nil {
		d.t.Fatal(err)
	}
	return s
}

// look opens the display anew and reads it. Focus has to say the same as
// Screen, but for titles.
func (d *desk) look(window WindowID) (*Screen, error) {
	d.t.Helper()
	c := connect(d.t, d.lab)
	s, err := c.Screen(within(d.t, 20*time.Second), window)
	f, focusErr := c.Focus(within(d.t, 20*time.Second), window)
	if !errors.Is(focusErr, err) {
		d.t.Errorf("Screen ends with %v, Focus with %v", err, focusErr)
	}
	if s == nil || f == nil {
		return s, err
	}
	want := *s
	want.Windows = slices.Clone(s.Windows)
	for i := range want.Windows {
		want.Windows[i].Title = ""
	}
	if !reflect.DeepEqual(*f, want) {
		d.t.Errorf("Focus says\n%+v\nand not\n%+v", *f, want)
	}
	return s, err
}

// focused is the focused window, which must be there.
func (d *desk) focused() *Screen {
	d.t.Helper()
	s, err := d.look(0)
	if err != nil {
		d.t.Fatal(err)
	}
	return s
}

// wantOnly checks that there is no focused window and that err is the reason.
func wantOnly(t testing.TB, s *Screen, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got the error %v, want %v", err, want)
	}
	if s == nil || s.Active != 0 || s.Focused != (Window{}) {
		t.Fatalf("got the screen %+v beside the error", s)
	}
}

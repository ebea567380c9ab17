package lab

import (
	"bufio"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/patoggle/patoggle/internal/lab/keeper"
)

// displayOptions collects what DisplayOption functions set.
type displayOptions struct {
	noWM bool
	args []string
	auth bool
}

// DisplayOption changes what Lab.Display starts.
type DisplayOption func(*displayOptions)

// NoWM leaves the display without a window manager.
func NoWM(o *displayOptions) { o.noWM = true }

// XvfbArgs adds arguments for Xvfb, such as "-extension", "X-Resource".
func XvfbArgs(args ...string) DisplayOption {
	return func(o *displayOptions) { o.args = append(o.args, args...) }
}

// Auth makes the server want a cookie, which is in Display.Authority; Env has
// XAUTHORITY.
func Auth(o *displayOptions) { o.auth = true }

// Display is a private X server, with openbox unless NoWM was given.
type Display struct {
	Name   string // ":N"
	Number int
	// Authority is the .Xauthority file when Auth was given.
	Authority string
	// Took is the time it took to get ready.
	Took time.Duration
	// Server and WM are the processes; WM is nil with NoWM.
	Server *Process
	WM     *Process

	lab *Lab
	x   *xclient
}

// Window is one managed window as another client sees it.
type Window struct {
	ID    uint32
	Title string
	Class string // the second word of WM_CLASS
	PID   int    // _NET_WM_PID, 0 when not set
}

// openboxConfig binds no keys and gives new windows the focus.
const openboxConfig = `<?xml version="1.0" encoding="UTF-8"?>
<openbox_config xmlns="http://openbox.org/3.4/rc">
  <focus><focusNew>yes</focusNew><followMouse>no</followMouse></focus>
  <desktops><number>1</number></desktops>
  <keyboard></keyboard>
  <mouse></mouse>
</openbox_config>
`

// Display starts a private X server and openbox. The display is in Env from
// then on; a second one takes its place there.
func (l *Lab) Display(options ...DisplayOption) *Display {
	if l.t != nil {
		l.t.Helper()
	}
	var o displayOptions
	for _, f := range options {
		f(&o)
	}
	l.need("Xvfb")
	if !o.noWM {
		l.need("openbox")
	}
	d, err := l.newDisplay(o)
	if err != nil {
		l.fail(err)
	}
	return d
}

func (l *Lab) newDisplay(o displayOptions) (*Display, error) {
	began := time.Now()
	d := &Display{lab: l}
	args := []string{"-displayfd", "3", "-noreset", "-nolisten", "tcp", "-screen", "0", "1280x800x24"}
	var cookie []byte
	if o.auth {
		cookie = make([]byte, 16)
		if _, err := rand.Read(cookie); err != nil {
			return nil, err
		}
		// The server takes every cookie of its file; the number is not known yet.
		entry, err := xauthority("", cookie)
		if err != nil {
			return nil, err
		}
		file := l.Dir + "/" + l.unique("server-authority")
		if err := os.WriteFile(file, entry, 0o600); err != nil {
			return nil, err
		}
		args = append(args, "-auth", file)
	}
	number, p, err := l.xvfb(append(args, o.args...))
	if err != nil {
		return nil, err
	}
	d.Server, d.Number, d.Name = p, number, ":"+strconv.Itoa(number)
	if err := l.keeper.Remember(keeper.XLock{
		Lock:   fmt.Sprintf("/tmp/.X%d-lock", number),
		Socket: fmt.Sprintf("/tmp/.X11-unix/X%d", number),
		PID:    p.PID,
	}); err != nil {
		return nil, err
	}
	l.Setenv("DISPLAY", d.Name)
	l.Setenv("XAUTHORITY", l.Home+"/.Xauthority")
	if o.auth {
		d.Authority = l.Home + "/.Xauthority"
		entry, err := xauthority(strconv.Itoa(number), cookie)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(d.Authority, entry, 0o600); err != nil {
			return nil, err
		}
	}
	if d.x, err = xdial(number, cookie); err != nil {
		return nil, fmt.Errorf("open display %q: %w", d.Name, err)
	}
	l.displays = append(l.displays, d)
	if !o.noWM {
		if err := d.manage(); err != nil {
			return nil, err
		}
	}
	d.Took = time.Since(began)
	return d, nil
}

// xvfb starts an X server on a free display and returns its number. The number
// is chosen here, at random: a server that looks for one itself (-displayfd
// alone) takes its lock file only after its sockets, so that two that start
// at the same time can end up with one socket of a number each.
func (l *Lab) xvfb(args []string) (int, *Process, error) {
	var err error
	for range 20 {
		number := 100 + mathrand.IntN(20000)
		if _, taken := os.Lstat(fmt.Sprintf("/tmp/.X%d-lock", number)); taken == nil {
			continue
		}
		var p *Process
		if p, err = l.xvfbAt(number, args); err == nil {
			return number, p, nil
		}
	}
	return 0, nil, err
}

// xvfbAt starts an X server on that display and waits until it reports it.
func (l *Lab) xvfbAt(number int, args []string) (*Process, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	p, err := l.spawn(Cmd{Name: "Xvfb", Args: append([]string{":" + strconv.Itoa(number)}, args...)}, true, w)
	w.Close()
	if err != nil {
		return nil, err
	}
	_ = r.SetReadDeadline(time.Now().Add(patience))
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("the X server reports no display: %w\n%s", err, p.Log())
	}
	if got := strings.TrimSpace(line); got != strconv.Itoa(number) {
		return nil, fmt.Errorf("the X server reports display %q, not %d", got, number)
	}
	return p, nil
}

// manage starts openbox and waits until it says that it manages the display.
func (d *Display) manage() error {
	l := d.lab
	file := l.Dir + "/openbox.xml"
	if err := os.WriteFile(file, []byte(openboxConfig), 0o600); err != nil {
		return err
	}
	p, err := l.spawn(Cmd{Name: "openbox", Args: []string{"--sm-disable", "--config-file", file}}, false)
	if err != nil {
		return err
	}
	d.WM = p
	managed := func() bool {
		check := d.x.number(d.x.root, "_NET_SUPPORTING_WM_CHECK")
		return check != 0 && d.x.number(check, "_NET_SUPPORTING_WM_CHECK") == check
	}
	if !Poll(patience, func() bool { return !p.Alive() || managed() }) || !p.Alive() {
		return fmt.Errorf("openbox does not manage the display\n%s", p.Log())
	}
	// It says so before it looks for events: what comes in between stays in
	// its queue, unseen until something else comes. Two requests it answers
	// show that it is past that.
	for _, desktops := range []uint32{2, 1} {
		if !Poll(patience, func() bool {
			err := d.x.message(d.x.root, "_NET_NUMBER_OF_DESKTOPS", desktops)
			return err == nil && d.x.number(d.x.root, "_NET_NUMBER_OF_DESKTOPS") == desktops
		}) {
			return fmt.Errorf("openbox does not do as asked\n%s", p.Log())
		}
	}
	return nil
}

// forget closes the observer's connection.
func (d *Display) forget() {
	if d.x != nil {
		d.x.close()
	}
}

// Stop freezes the X server; Continue lets it go on. Kill kills it.
func (d *Display) Stop()     { d.Server.Signal(syscall.SIGSTOP) }
func (d *Display) Continue() { d.Server.Signal(syscall.SIGCONT) }
func (d *Display) Kill()     { d.Server.Kill() }

// Windows lists the managed windows in the order they were mapped
// (_NET_CLIENT_LIST); without a window manager all named children of the root.
func (d *Display) Windows() []Window {
	ids, err := d.x.numbers(d.x.root, "_NET_CLIENT_LIST")
	if err == nil && d.WM == nil {
		ids, err = d.x.children(d.x.root)
	}
	if err != nil {
		d.lab.failf("list windows: %w", err)
	}
	var all []Window
	for _, id := range ids {
		w := Window{ID: id, PID: int(d.x.number(id, "_NET_WM_PID"))}
		title, err := d.x.property(id, "_NET_WM_NAME")
		if err == nil && len(title) == 0 {
			title, err = d.x.property(id, "WM_NAME")
		}
		if err != nil || len(title) == 0 && d.WM == nil {
			continue
		}
		w.Title = string(title)
		class, _ := d.x.property(id, "WM_CLASS")
		if words := strings.Split(string(class), "\x00"); len(words) > 1 {
			w.Class = words[1]
		}
		all = append(all, w)
	}
	return all
}

// WaitWindow waits until there is a window that fits.
func (d *Display) WaitWindow(what string, fits func(Window) bool) Window {
	var found Window
	d.lab.Until("a window of "+what, func() bool {
		i := -1
		all := d.Windows()
		if i = slices.IndexFunc(all, fits); i >= 0 {
			found = all[i]
		}
		return i >= 0
	})
	return found
}

// Focused is the focused window: what the window manager says
// (_NET_ACTIVE_WINDOW), without one the X server; 0 for none.
func (d *Display) Focused() uint32 {
	if d.WM != nil {
		return d.x.number(d.x.root, "_NET_ACTIVE_WINDOW")
	}
	w, err := d.x.focused()
	if err != nil {
		d.lab.failf("ask for the focus: %w", err)
	}
	if w == 1 {
		return 0
	}
	return w
}

// Focus gives a window the focus, as a taskbar does, and waits until it has
// it.
func (d *Display) Focus(window uint32) {
	d.lab.Until(fmt.Sprintf("the focus on window 0x%x", window), func() bool {
		if d.Focused() == window {
			return true
		}
		var err error
		if d.WM != nil {
			// Source 2: a pager, which no focus stealing prevention stops.
			err = d.x.message(window, "_NET_ACTIVE_WINDOW", 2, 0, 0)
		} else {
			err = d.x.focus(window)
		}
		return err == nil && Poll(200*time.Millisecond, func() bool { return d.Focused() == window })
	})
}

// Blur takes the focus from all windows, as on an empty desktop.
func (d *Display) Blur() {
	if d.WM != nil {
		if err := d.x.message(d.x.root, "_NET_SHOWING_DESKTOP", 1); err != nil {
			d.lab.failf("show the desktop: %w", err)
		}
	} else if err := d.x.focus(0); err != nil {
		d.lab.failf("take the focus away: %w", err)
	}
	d.lab.Until("an empty desktop", func() bool { return d.Focused() == 0 })
}

// KillWindow ends a window's connection to the X server.
func (d *Display) KillWindow(window uint32) {
	if err := d.x.kill(window); err != nil {
		d.lab.failf("kill window 0x%x: %w", window, err)
	}
}

// Picture is what a visible window shows, in the server's own form; nil when it
// cannot be had.
func (d *Display) Picture(window uint32) []byte {
	b, _ := d.x.picture(window)
	return b
}

// Key presses and releases keys through XTEST, by the names xdotool takes
// ("super+F9").
func (d *Display) Key(args ...string) {
	d.xdotool(append([]string{"key"}, args...)...)
}

// KeyDown and KeyUp press and release without the other half.
func (d *Display) KeyDown(args ...string) { d.xdotool(append([]string{"keydown"}, args...)...) }
func (d *Display) KeyUp(args ...string)   { d.xdotool(append([]string{"keyup"}, args...)...) }

func (d *Display) xdotool(args ...string) {
	d.lab.need("xdotool")
	if r := d.lab.Run([]string{"DISPLAY=" + d.Name}, "xdotool", args...); r.Code != 0 {
		d.lab.failf("xdotool %q ended with code %d: %s", args, r.Code, r.Stderr)
	}
}

// Env are the changes to Lab.Env that mean this display.
func (d *Display) Env() []string { return []string{"DISPLAY=" + d.Name} }

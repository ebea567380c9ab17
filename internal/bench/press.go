package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
	"github.com/jezek/xgb/xtest"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/lab/native"
)

const (
	// limitTime bounds every single wait.
	limitTime = 10 * time.Second
	// holdTime is how long a key stays down, and restTime how long it is up.
	holdTime = 20 * time.Millisecond
	restTime = 40 * time.Millisecond
	// sinkInputs is PA_SUBSCRIPTION_MASK_SINK_INPUT.
	sinkInputs = 0x0004
)

// Keysyms (keysymdef.h). The two contenders have neighbouring keys of one
// keyboard, so that they can take turns.
const (
	keySuper  = 0xffeb
	keySxhkd  = 0xffc6 // F9
	keyDaemon = 0xffc7 // F10
)

// daemonConfig has four keys, which is what its memory is measured with.
const daemonConfig = `
[[hotkey]]
keys = "Super+F10"
do = "next"

[[hotkey]]
keys = "Super+F11"
do = "prev"

[[hotkey]]
keys = "Super+F7"
do = "to"
sink = "sink00"

[[hotkey]]
keys = "Super+F8"
do = "to"
sink = "sink01"
`

// keys measures from a key press to the change event that another client of
// the sound server gets, for sxhkd with the one-shot and for the daemon, both
// at work on the same display. It leaves the daemon running.
func (d *desktop) keys(o options, f *figures) error {
	rc := filepath.Join(d.Home, "sxhkdrc")
	if err := os.WriteFile(rc, []byte("super + F9\n\t"+o.programs.patoggle+"\n"), 0o600); err != nil {
		return err
	}
	d.Spawn("sxhkd", "-c", rc)
	if err := d.startDaemon(o); err != nil {
		return err
	}

	t, err := newTyper(d.display.Name)
	if err != nil {
		return err
	}
	defer t.close()
	observer, err := native.Dial(d.sound.Socket, limitTime, nil)
	if err != nil {
		return err
	}
	defer observer.Close()
	if err := observer.Subscribe(limitTime, sinkInputs); err != nil {
		return err
	}

	mover, err := native.Dial(d.sound.Socket, limitTime, nil)
	if err != nil {
		return err
	}
	defer mover.Close()

	all := []series{{name: viaDaemon}, {name: viaSxhkd}, {name: bareMove}, {name: listsMove}}
	codes := make([]byte, 2)
	for i, sym := range []uint32{keyDaemon, keySxhkd} {
		if codes[i], err = t.keycode(sym); err != nil {
			return err
		}
		// Neither says when it has its key.
		d.Until("the first press of "+all[i].name, func() bool {
			_, err := d.press(t, codes[i], observer, 500*time.Millisecond)
			return err == nil
		})
	}
	for round := -o.warmUp; round < o.rounds; round++ {
		runtime.GC()
		for i := range all {
			i := (i + round + o.warmUp) % len(all)
			var took time.Duration
			var err error
			if i < len(codes) {
				took, err = d.press(t, codes[i], observer, limitTime)
			} else {
				took, err = d.move(mover, observer, limitTime, all[i].name == listsMove)
			}
			if round >= 0 {
				if err := all[i].add(took, err, o.rounds); err != nil {
					return fmt.Errorf("%s: %w", all[i].name, err)
				}
			}
		}
	}
	f.presses = all
	f.resident, f.residentPeak, err = memory(d.daemonAndHelper()...)
	return err
}

func (d *desktop) startDaemon(o options) error {
	if d.daemon != nil {
		return nil
	}
	file := filepath.Join(d.Home, "daemon.toml")
	if err := os.WriteFile(file, []byte(daemonConfig), 0o600); err != nil {
		return err
	}
	d.daemon = d.Spawn(o.programs.patoggled, "--config", file)
	return nil
}

var (
	errNothing = errors.New("a press of the key moved nothing")
	errHungUp  = errors.New("the sound server hung up")
)

// press presses the key with Super and returns the time to the event.
func (d *desktop) press(t *typer, code byte, observer *native.Conn, limit time.Duration) (time.Duration, error) {
	before := d.sound.On(d.stream())
	select {
	case <-observer.Events():
	default:
	}
	if err := t.key(xproto.KeyPress, t.super); err != nil {
		return 0, err
	}
	var failed error
	timer := time.NewTimer(limit)
	defer timer.Stop()
	began := time.Now()
	if err := t.send(xproto.KeyPress, code); err != nil {
		return 0, err
	}
	select {
	case <-observer.Events():
	case <-observer.Done():
		failed = errHungUp
	case <-timer.C:
		failed = errNothing
	}
	took := time.Since(began)
	time.Sleep(holdTime - took)
	err := errors.Join(failed, t.key(xproto.KeyRelease, code), t.key(xproto.KeyRelease, t.super))
	if err == nil && !lab.Poll(limit, func() bool { return d.sound.On(d.stream()) != before }) {
		err = errNothing
	}
	time.Sleep(restTime)
	return took, err
}

// move moves the stream to the next sink, as fast as can be, and returns the
// time to the event: the server's share of a press. With lists it asks for all
// that a press needs before it, and does not read the answers.
func (d *desktop) move(mover, observer *native.Conn, limit time.Duration, lists bool) (time.Duration, error) {
	s, ok := d.sound.Stream(d.stream())
	sinks := d.sound.Sinks()
	at := slices.IndexFunc(sinks, func(k lab.Sink) bool { return k.Index == s.Sink })
	if !ok || at < 0 {
		return 0, errNothing
	}
	to := sinks[(at+1)%len(sinks)]
	select {
	case <-observer.Events():
	default:
	}
	answer := make(chan error, 1)
	timer := time.NewTimer(limit)
	defer timer.Stop()
	began := time.Now()
	if lists {
		if err := mover.Lists(limit); err != nil {
			return 0, err
		}
	}
	go func() { answer <- mover.Move(limit, uint32(s.Index), uint32(to.Index)) }()
	var err error
	select {
	case <-observer.Events():
	case <-observer.Done():
		err = errHungUp
	case <-timer.C:
		err = errNothing
	}
	took := time.Since(began)
	if err = errors.Join(err, <-answer); err == nil && !lab.Poll(limit, func() bool { return d.sound.On(s.Index) == to.Name }) {
		err = errNothing
	}
	time.Sleep(holdTime + restTime)
	return took, err
}

// typer presses keys through XTEST.
type typer struct {
	x     *xgb.Conn
	super byte
}

func newTyper(display string) (*typer, error) {
	xgb.Logger.SetOutput(io.Discard)
	x, err := xgb.NewConnDisplay(display)
	if err != nil {
		return nil, err
	}
	t := &typer{x: x}
	if err = xtest.Init(x); err == nil {
		t.super, err = t.keycode(keySuper)
	}
	if err != nil {
		x.Close()
		return nil, err
	}
	return t, nil
}

func (t *typer) close() { t.x.Close() }

// keycode finds the key that bears the keysym without a modifier.
func (t *typer) keycode(sym uint32) (byte, error) {
	setup := xproto.Setup(t.x)
	first, n := setup.MinKeycode, byte(setup.MaxKeycode-setup.MinKeycode+1)
	m, err := xproto.GetKeyboardMapping(t.x, first, n).Reply()
	if err != nil {
		return 0, err
	}
	for i := 0; i < len(m.Keysyms); i += int(m.KeysymsPerKeycode) {
		if uint32(m.Keysyms[i]) == sym {
			return byte(first) + byte(i/int(m.KeysymsPerKeycode)), nil
		}
	}
	return 0, fmt.Errorf("no key has the keysym %#x", sym)
}

// send sends a key event and does not wait for anything.
func (t *typer) send(kind, code byte) error {
	xtest.FakeInput(t.x, kind, code, 0, 0, 0, 0, 0)
	return nil
}

// key sends a key event and waits until the X server has taken it.
func (t *typer) key(kind, code byte) error {
	return xtest.FakeInputChecked(t.x, kind, code, 0, 0, 0, 0, 0).Check()
}

// rest watches the daemon while nothing happens.
func (d *desktop) rest(o options, f *figures) error {
	if err := d.startDaemon(o); err != nil {
		return err
	}
	// What a press leaves to do, the last look at a move on PipeWire
	// included, takes less than three seconds.
	time.Sleep(3 * time.Second)
	before, err := effort(d.daemonAndHelper()...)
	if err != nil {
		return err
	}
	time.Sleep(o.rest)
	after, err := effort(d.daemonAndHelper()...)
	if err != nil {
		return err
	}
	f.rest = &idle{
		time:     o.rest,
		ticks:    after.ticks - before.ticks,
		switches: after.switches - before.switches,
	}
	f.resident, f.residentPeak, err = memory(d.daemonAndHelper()...)
	return err
}

// idle is what a process did in a time.
type idle struct {
	time            time.Duration
	ticks, switches int
}

// daemonAndHelper are the processes of the daemon.
func (d *desktop) daemonAndHelper() []int {
	return append([]int{d.daemon.PID}, d.daemon.Descendants()...)
}

// effort reads processor time in clock ticks and context switches of all
// threads of the processes, voluntary and not.
func effort(pids ...int) (idle, error) {
	var all idle
	for _, pid := range pids {
		e, err := effortOf(pid)
		if err != nil {
			return idle{}, err
		}
		all.ticks += e.ticks
		all.switches += e.switches
	}
	return all, nil
}

func effortOf(pid int) (idle, error) {
	dir := "/proc/" + strconv.Itoa(pid)
	b, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return idle{}, err
	}
	var e idle
	if e.ticks, err = parseTicks(string(b)); err != nil {
		return idle{}, err
	}
	threads, err := filepath.Glob(dir + "/task/*/status")
	if err != nil {
		return idle{}, err
	}
	for _, t := range threads {
		b, err := os.ReadFile(t)
		if err != nil {
			continue // it has ended
		}
		e.switches += parseSwitches(string(b))
	}
	return e, nil
}

// memory reads the resident memory of processes together, now and at most, in
// KiB.
func memory(pids ...int) (now, peak int, err error) {
	for _, pid := range pids {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
		if err != nil {
			return 0, 0, err
		}
		now += statusField(string(b), "VmRSS:")
		peak += statusField(string(b), "VmHWM:")
	}
	return now, peak, nil
}

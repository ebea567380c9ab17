package toggle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/internal/match"
	"github.com/patoggle/patoggle/pulse"
)

// problem is the Problem of a request.
func problem(t *testing.T, w *world, doc string, r Request) (*Report, *Problem) {
	t.Helper()
	rep, err := w.pipeline(parseConfig(t, doc)).Run(t.Context(), r)
	if err == nil {
		return rep, nil
	}
	p := new(Problem)
	if !errors.As(err, &p) {
		t.Fatalf("no Problem: %v", err)
	}
	return rep, p
}

func TestARingWithoutSinksIsSaidToBeEmpty(t *testing.T) {
	w := newWorld()
	_, p := problem(t, w, `skip = ["*"]`, Request{})
	if p == nil || p.Kind != Nothing || p.Message != "no sink to play on" || !strings.Contains(p.Hint, "skipped by the configuration") || !strings.Contains(p.Hint, `"Speakers" [analog]`) {
		t.Errorf("all are skipped: %+v", p)
	}
	w.snapshot.Sinks = nil
	_, p = problem(t, w, "", Request{})
	if p == nil || p.Kind != Nothing || p.Message != "no sink to play on" || p.Hint != "" {
		t.Errorf("there is none: %+v", p)
	}
	for _, back := range []bool{false, true} {
		if to, ok := NewBook(nil, parseConfig(t, "")).Step(3, back); ok || to != pulse.NoSink {
			t.Errorf("a step leads to %d, %v", to, ok)
		}
	}
	if len(w.asked) > 0 {
		t.Errorf("moved: %q", w.asked)
	}
}

func TestARingOfOneNamesIt(t *testing.T) {
	w := newWorld()
	w.snapshot.Sinks = w.snapshot.Sinks[:1]
	for i := range w.snapshot.Streams {
		w.snapshot.Streams[i].Sink = 3
	}
	for _, way := range []Way{Next, Prev} {
		_, p := problem(t, w, "", Request{Way: way})
		if p == nil || p.Kind != Nothing || p.Message != "only one sink to play on: Speakers" {
			t.Errorf("%+v", p)
		}
	}
}

func TestEverythingIsNoApplication(t *testing.T) {
	w := newWorld()
	rep, p := problem(t, w, "", Request{Target: Target{Whom: Everything}})
	if p != nil || rep.Application != "" || len(rep.Moves) != 3 {
		t.Errorf("%+v, %+v", rep, p)
	}
	rep, p = problem(t, newWorld(), "", Request{Target: Target{Whom: ByName, App: "MPV"}})
	if p != nil || rep.Application != "mpv" || len(rep.Moves) != 2 {
		t.Errorf("by name: %+v, %+v", rep, p)
	}
	for i := range w.snapshot.Streams {
		w.snapshot.Streams[i].Index += 100
	}
	w.snapshot.Streams = nil
	rep, p = problem(t, w, "", Request{Target: Target{Whom: Everything}})
	if p == nil || p.Kind != Nothing || p.Message != "nothing is playing" || len(rep.Moves) != 0 {
		t.Errorf("nothing plays: %+v, %+v", rep, p)
	}
}

func TestAMoveSaysWhereItCameFrom(t *testing.T) {
	w := newWorld()
	w.snapshot.Streams[2].Sink = pulse.NoSink // no session manager has linked it
	rep, p := problem(t, w, "", Request{Target: Target{Whom: Everything}, Way: To, Sink: "usb"})
	if p != nil || len(rep.Moves) != 3 {
		t.Fatalf("%+v, %+v", rep, p)
	}
	for i, want := range []struct{ from, to string }{{"analog", "usb"}, {"bluez", "usb"}, {"", "usb"}} {
		if m := rep.Moves[i]; m.From != want.from || m.To != want.to || m.Result != Moved {
			t.Errorf("stream %d: from %q to %q, %v", m.Stream, m.From, m.To, m.Result)
		}
	}
}

// A guess is never acted on unasked; it is offered, with its name.
func TestAGuessIsOfferedAndNotTaken(t *testing.T) {
	w := newWorld()
	// A stream that says no process, of an application called like the window.
	w.snapshot.Streams = w.snapshot.Streams[2:]
	w.snapshot.Streams = append(w.snapshot.Streams, pulse.Stream{
		Index: 70, Sink: 3, Media: "radio",
		Client: &pulse.Client{Index: 90, Name: "mpv", Driver: "protocol-native.c", Properties: map[string]string{
			"application.name": "mpv", "application.process.binary": "mpv",
		}},
	})
	rep, p := problem(t, w, "", Request{})
	if p == nil || p.Kind != Nothing || len(rep.Moves) != 0 || len(w.asked) != 0 {
		t.Fatalf("%+v, %+v, %q", rep, p, w.asked)
	}
	if p.Message != "no stream surely belongs to mpv" || p.Hint != `--guess would move "mpv"` {
		t.Errorf("%q, hint %q", p.Message, p.Hint)
	}
	rep, p = problem(t, w, "", Request{Guess: true})
	if p != nil || len(rep.Moves) != 1 || rep.Moves[0].Stream != 70 {
		t.Errorf("with --guess: %+v, %+v", rep, p)
	}
}

// Why a guess is none better is said, with the windows it could be of.
func TestAGuessSaysItsDoubt(t *testing.T) {
	w := newWorld()
	shell := process(101, 100, "bash")
	player := process(102, 101, "mpg123")
	shell.TTY, player.TTY = 34816, 34816
	w.procs[101], w.procs[102] = shell, player
	music, mail := w.screen.Windows[0], w.screen.Windows[0]
	music.Class, music.Title = "Terminal", "music"
	mail.ID, mail.XID, mail.Class, mail.Title = "0x800002", 0x800002, "Terminal", "mail"
	w.screen.Focused, w.screen.Windows = music, []desktop.Window{music, mail}
	w.snapshot.Streams = []pulse.Stream{{Index: 70, Sink: 3, Media: "radio", Client: client(90, "mpg123", "102")}}
	_, p := problem(t, w, "", Request{})
	if p == nil || p.Kind != Nothing || !strings.HasPrefix(p.Message, "no stream surely belongs to Terminal: ") || !strings.Contains(p.Message, `"mail"`) || p.Hint != `--guess would move "mpg123"` {
		t.Errorf("%+v", p)
	}
	// A journal is told no title.
	discreet := w.pipeline(nil)
	discreet.Discreet = true
	if _, err := discreet.Run(t.Context(), Request{}); err == nil || err.Error() != "no stream surely belongs to Terminal: it may play in another window of it" {
		t.Errorf("%v", err)
	}
}

// What another user's program plays is not ours to move, and it is said whose it is.
func TestAnotherUsersWindowIsSaidToBeTheirs(t *testing.T) {
	w := newWorld()
	theirs := w.procs[100]
	theirs.UID = 1001
	w.procs[100] = theirs
	p := w.pipeline(nil)
	p.User = func(uid int) string { return map[int]string{1001: "anna\x1b"}[uid] }
	_, err := p.Run(t.Context(), Request{})
	var said *Problem
	if !errors.As(err, &said) || said.Kind != Nothing || said.Message != "mpv is not playing anything that is yours" || said.Hint != `it runs as the user "anna\x1b", and what other users play is left alone` {
		t.Errorf("%+v", said)
	}
	if len(w.asked) > 0 {
		t.Errorf("moved: %q", w.asked)
	}
}

// The report says which window a request was about, and of none where it named none.
func TestTheReportNamesTheWindow(t *testing.T) {
	w := newWorld()
	rep, p := problem(t, w, "", Request{DryRun: true})
	want := &Window{ID: "0x800001", Title: "song - mpv", Class: "mpv", Desktop: "X11", PIDs: []int{100}}
	if d := cmp.Diff(want, rep.Window); d != "" || p != nil {
		t.Errorf("%s%+v", d, p)
	}
	if rep, p = problem(t, w, "", Request{DryRun: true, Target: Target{Whom: Everything}}); rep.Window != nil || p != nil {
		t.Errorf("everything: %+v, %+v", rep.Window, p)
	}
	if got := NewWindow(&desktop.Screen{Desktop: "sway"}, match.Window{}); got != nil {
		t.Errorf("no window has the focus: %+v", got)
	}
	if got := NewWindow(w.screen, match.Window{}); got == nil || got.PIDs == nil {
		t.Errorf("of no known process: %+v", got)
	}
}

// A process is called by its name, and by its number where it has none.
func TestASilentProcessIsNamed(t *testing.T) {
	for comm, want := range map[string]string{"bash": "bash is not playing anything", "": "process 150 is not playing anything"} {
		w := newWorld()
		w.procs[150] = process(150, 1, comm)
		if _, p := problem(t, w, "", Request{Target: Target{Whom: ByPID, PID: 150}}); p == nil || p.Kind != Nothing || p.Message != want {
			t.Errorf("%q: %+v", comm, p)
		}
	}
}

// What has moved and could not be looked at again is said to have done so.
func TestTheTimeToVerifyMayBeOver(t *testing.T) {
	w := newWorld()
	p := w.pipeline(nil)
	ctx, cancel := context.WithCancel(t.Context())
	p.After = func(time.Duration) <-chan time.Time { cancel(); return nil }
	rep, err := p.Run(ctx, Request{Verify: true, Target: Target{Whom: ByStream, Stream: 60}})
	if err == nil || err.Error() != `"Firefox" (stream 60) was moved, but there was no time left to verify it` || len(rep.Moves) != 1 || rep.Moves[0].Result != MoveFailed {
		t.Errorf("%+v, %v", rep, err)
	}
}

// A press gets the move ready while it still looks; who only looks does not.
func TestOnlyAPressGetsTheMoveReady(t *testing.T) {
	for _, tt := range []struct {
		request Request
		want    int32
	}{{Request{}, 1}, {Request{DryRun: true}, 0}} {
		w := newWorld()
		if _, p := problem(t, w, "", tt.request); p != nil || w.warmed.Load() != tt.want {
			t.Errorf("%+v: %d times, %+v", tt.request, w.warmed.Load(), p)
		}
	}
}

// A request that fails leaves nothing of itself behind: what got the move ready has
// ended before it.
func TestAFailedRequestHasEnded(t *testing.T) {
	w := newWorld()
	w.soundErr = pulse.ErrDenied
	ended := make(chan struct{})
	p := w.pipeline(nil)
	p.Sound = func(context.Context) (Sound, error) {
		return &warming{w, func() {
			select {
			case <-ended:
				t.Error("it still gets a move ready")
			case <-time.After(50 * time.Millisecond):
			}
		}}, nil
	}
	_, err := p.Run(t.Context(), Request{})
	close(ended)
	if !errors.Is(err, pulse.ErrDenied) {
		t.Errorf("%v", err)
	}
}

// warming is a world whose Warm does something.
type warming struct {
	*world
	warm func()
}

func (w *warming) Warm(context.Context) { w.warm() }

// Where the next press goes is known before it, and is nowhere where it would move
// nothing.
func TestWhereTheNextPressGoes(t *testing.T) {
	next := func(w *world) *Output {
		t.Helper()
		p := w.pipeline(nil)
		v, err := p.Look(t.Context(), new(desktop.WindowID))
		if err == nil {
			err = p.Resolve(t.Context(), v, 0)
		}
		if err != nil {
			t.Fatal(err)
		}
		return v.Next()
	}
	if to := next(newWorld()); to == nil || to.Name != "usb" { // after the earbuds, where mpv is heard
		t.Errorf("%+v", to)
	}
	for name, change := range map[string]func(w *world){
		"it is silent":      func(w *world) { w.snapshot.Streams = w.snapshot.Streams[2:] },
		"nothing plays":     func(w *world) { w.snapshot.Streams = nil },
		"there is one sink": func(w *world) { w.snapshot.Sinks = w.snapshot.Sinks[1:2] },
	} {
		w := newWorld()
		change(w)
		if to := next(w); to != nil {
			t.Errorf("%s: %+v", name, to)
		}
	}
}

func TestOnlyUnderXWaylandIsWaylandSpokenOf(t *testing.T) {
	const sentence = "only windows that run through Xwayland can be seen"
	for _, c := range []struct {
		holder   desktop.Holder
		xwayland bool
		said     bool
	}{
		{desktop.Nobody, true, true},
		{desktop.Nobody, false, false},
		{desktop.Wayland, true, true},
		{desktop.Wayland, false, true},
		{desktop.Panel, true, false},
		{desktop.Lock, true, false},
	} {
		p := DisplayError(&desktop.NoFocusError{Holder: c.holder}, &desktop.Screen{XWayland: c.xwayland}, "")
		if got := strings.Contains(p.Hint, sentence); got != c.said || p.Kind != Nothing {
			t.Errorf("%v, XWayland %v: %+v", c.holder, c.xwayland, p)
		}
	}
	for holder, why := range map[desktop.Holder]string{
		desktop.Workspace: "this workspace is empty", desktop.Background: "the desktop has it", desktop.Lock: "the screen is locked", desktop.Overview: "the overview is open",
	} {
		if p := DisplayError(&desktop.NoFocusError{Holder: holder}, nil, ""); p.Message != "no window has the focus: "+why {
			t.Errorf("%v: %q", holder, p.Message)
		}
	}
	if p := DisplayError(&desktop.NoFocusError{}, nil, ""); p.Hint != "" || p.Message != "no window has the focus" {
		t.Errorf("without a screen: %+v", p)
	}
}

func TestWindowsThatAreGone(t *testing.T) {
	gone := &desktop.GoneError{Socket: "wayland-1\x1b", Err: syscall.ENOENT}
	if p := DisplayError(gone, nil, ""); p.Kind != Failed || p.Message != "the Wayland compositor of this session has ended" ||
		p.Hint != `WAYLAND_DISPLAY is "wayland-1\x1b", where nobody listens; --display asks an X display` {
		t.Errorf("a compositor that has ended: %+v", p)
	}
	gone.Err = errors.New("no place to look in")
	if p := DisplayError(gone, nil, ""); p.Message != "cannot reach the Wayland compositor of this session" ||
		p.Hint != "WAYLAND_DISPLAY is set, and XDG_RUNTIME_DIR is not; --display asks an X display" {
		t.Errorf("half an environment: %+v", p)
	}
	if p := DisplayError(desktop.ErrWindowGone, nil, "0x800001"); p.Kind != Failed || p.Message != "there is no window 0x800001" {
		t.Errorf("named: %+v", p)
	}
	if p := DisplayError(desktop.ErrWindowGone, nil, ""); p.Kind != Nothing || p.Message != "the focused window has just gone" {
		t.Errorf("focused: %+v", p)
	}
}

func TestWhyADisplayDoesNotOpen(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{syscall.ENOENT, "there is no such display"},
		{fmt.Errorf("dial: %w", syscall.ECONNREFUSED), "there is no such display"},
		{syscall.EACCES, "this user may not connect to it"},
		{syscall.EPERM, "this user may not connect to it"},
		{fmt.Errorf("dial: %w", syscall.EIO), "input/output error"},
		{errors.New("strange\x1b"), `strange\x1b`},
	} {
		if got := unopened(c.err); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}

// Each way in which the desktop fails has its sentence, and names who was asked.
func TestEachFailureOfTheDesktopHasItsSentence(t *testing.T) {
	asked := func(err error) error { return &desktop.Error{Who: "the X server", Err: err} }
	for _, tt := range []struct {
		err  error
		want string
		hint string // a part
	}{
		{desktop.ErrNoWindowManager, "no window manager says which window has the focus", "EWMH"},
		{desktop.ErrNoDisplay, "no X display: DISPLAY is not set", "work without a display"},
		{desktop.ErrTimeout, "the desktop does not answer", ""},
		{asked(desktop.ErrTimeout), "the X server does not answer", ""},
		{asked(context.DeadlineExceeded), "the X server does not answer", ""},
		{asked(errors.New("odd\x1b")), `X server: odd\x1b`, ""},
		{&desktop.OpenError{Display: "the X display", Name: ":7", Err: syscall.ENOENT}, `cannot open the X display ":7": there is no such display`, "work without a display"},
		{&desktop.UnaskableError{Desktop: "GNOME", Why: "it has no extension", Cure: "install it"}, "GNOME cannot be asked which window has the focus: it has no extension", "install it"},
		{errors.New("odd\x1b"), `desktop: odd\x1b`, ""},
	} {
		p := DisplayError(tt.err, nil, "")
		if p.Kind != Failed || p.Message != tt.want || !strings.Contains(p.Hint, tt.hint) || (p.Hint == "") != (tt.hint == "") || !errors.Is(p, tt.err) {
			t.Errorf("%v: %+v", tt.err, p)
		}
	}
}

// Each way to fail has its sentence, and names the stream.
func TestEachFailedMoveHasItsSentence(t *testing.T) {
	m := &Move{Stream: 52, Application: "mpv"}
	for err, want := range map[error]struct{ says, hint string }{
		pulse.ErrRefused:     {`"mpv" (stream 52) refuses to be moved`, "DONT_MOVE"},
		pulse.ErrDenied:      {`the sound server does not let us move "mpv" (stream 52)`, "sandbox"},
		pulse.ErrSinkGone:    {`the sink went away before "mpv" (stream 52) could move there`, ""},
		pulse.ErrUnconfirmed: {`the sound server took the move of "mpv" (stream 52), but the stream did not get there`, "session manager"},
		errVolume:            {`the volume of "mpv" (stream 52) could not be lowered, so it stays where it is`, `volume = "keep"`},
		errPulledBack:        {`"mpv" (stream 52) was pulled back by the session manager`, ""},
		errUnverified:        {`"mpv" (stream 52) was moved, but there was no time left to verify it`, "--timeout"},
		pulse.ErrTimeout:     {`the sound server did not answer while moving "mpv" (stream 52)`, ""},
		pulse.ErrClosed:      {`the sound server went away while moving "mpv" (stream 52)`, ""},
		errors.New("x\n"):    {`moving "mpv" (stream 52): x\n`, ""},
	} {
		p := moveProblem(err, m)
		if p.Kind != Failed || p.Message != want.says || !strings.Contains(p.Hint, want.hint) || (want.hint == "") != (p.Hint == "") || !errors.Is(p, err) {
			t.Errorf("%v: %+v", err, p)
		}
	}
}

// Whoever is not playing is told who is: two of one name by what they play.
func TestWhoPlaysIsNamedApart(t *testing.T) {
	w := newWorld()
	_, p := problem(t, w, "", Request{Target: Target{Whom: ByName, App: "vlc"}})
	if p == nil || p.Message != "vlc is not playing anything" || p.Hint != `playing are "mpv" with "intro" (stream 50), "mpv" with "song" (stream 52), "Firefox" (stream 60)` {
		t.Errorf("%+v", p)
	}
	_, p = problem(t, w, "", Request{Target: Target{Whom: ByStream, Stream: 7}})
	if p == nil || p.Kind != Failed || p.Message != "there is no stream 7" || !strings.HasPrefix(p.Hint, "playing are ") {
		t.Errorf("%+v", p)
	}
	// What nobody may move is not among them, and makes nobody's name less his own.
	w.snapshot.Streams = slices.Insert(w.snapshot.Streams[2:], 0, pulse.Stream{Index: 40, Sink: 3, Media: "Firefox"})
	_, p = problem(t, w, "", Request{Target: Target{Whom: ByName, App: "vlc"}})
	if p == nil || p.Hint != `playing are "Firefox" (stream 60)` {
		t.Errorf("%+v", p)
	}
	w.snapshot.Streams = nil
	_, p = problem(t, w, "", Request{Target: Target{Whom: ByName, App: "vlc"}})
	if p == nil || p.Hint != "nothing is playing at all" {
		t.Errorf("%+v", p)
	}
}

// What ended between the look and the move is not reported as moved or failed.
func TestWhatEndedMeanwhileIsLeftOut(t *testing.T) {
	w := newWorld()
	w.refuse[50], w.refuse[52] = pulse.ErrGone, pulse.ErrGone
	rep, p := problem(t, w, "", Request{})
	if p == nil || p.Kind != Nothing || p.Message != "mpv has just stopped playing" || len(rep.Moves) != 0 {
		t.Errorf("both: %+v, %+v", rep, p)
	}
	w = newWorld()
	w.refuse[50] = pulse.ErrGone
	rep, p = problem(t, w, "", Request{})
	if p != nil || len(rep.Moves) != 1 || rep.Moves[0].Stream != 52 || rep.Result != ResultMoved {
		t.Errorf("one: %+v, %+v", rep, p)
	}
}

func TestEachFailureOfTheSoundServerHasItsSentence(t *testing.T) {
	for err, want := range map[error]string{
		pulse.ErrTimeout:      "the sound server does not answer",
		pulse.ErrDenied:       "the sound server denied access",
		pulse.ErrClosed:       "the sound server closed the connection",
		errors.New("odd\x1b"): `sound server: asking: odd\x1b`,
	} {
		if p := SoundError(fmt.Errorf("asking: %w", err)); p.Message != want || p.Kind != Failed || !errors.Is(p, err) {
			t.Errorf("%v: %+v", err, p)
		}
	}
}

// Two sinks of one description are told apart by what only one of them has.
func TestALabelHasNoEmptyDetail(t *testing.T) {
	b := NewBook([]pulse.Sink{
		{Index: 1, Name: "one", Description: "Speakers", PortDescription: "Line Out"},
		{Index: 2, Name: "two", Description: "Speakers"},
	}, parseConfig(t, ""))
	if one, two := b.Outputs[0].Label, b.Outputs[1].Label; one != "Speakers (Line Out)" || two != "Speakers" {
		t.Errorf("%q and %q", one, two)
	}
}

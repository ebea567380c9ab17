package toggle

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/internal/match"
	"github.com/patoggle/patoggle/internal/proc"
	"github.com/patoggle/patoggle/pulse"
)

// world is a display, a sound server and processes as plain values.
type world struct {
	screen    *desktop.Screen
	screenErr error
	inside    []int // the focused window
	snapshot  *pulse.Snapshot
	soundErr  error
	procs     map[int]proc.Process
	refuse    map[pulse.StreamIndex]error
	// pull puts a moved stream back as often as it says.
	pull  map[pulse.StreamIndex]int
	asked []string
	// warmed is how often a move was got ready for.
	warmed atomic.Int32
}

func (w *world) Screen(context.Context, desktop.WindowID) (*desktop.Screen, error) {
	return w.screen, w.screenErr
}

func (w *world) Focus(ctx context.Context, id desktop.WindowID) (*desktop.Screen, error) {
	return w.Screen(ctx, id)
}

func (w *world) Inside(context.Context, desktop.WindowID) ([]int, error) { return w.inside, nil }

func (w *world) Snapshot(context.Context) (*pulse.Snapshot, error) {
	if w.snapshot != nil {
		for i := range w.snapshot.Sinks {
			onlyProperties(w.snapshot.Sinks[i].Properties)
		}
		for i := range w.snapshot.Streams {
			onlyProperties(w.snapshot.Streams[i].Properties)
			if c := w.snapshot.Streams[i].Client; c != nil {
				onlyProperties(c.Properties)
			}
		}
	}
	return w.snapshot, w.soundErr
}

// onlyProperties leaves those that Properties names, so that no test depends on
// another.
func onlyProperties(m map[string]string) {
	keep := Properties()
	maps.DeleteFunc(m, func(k, _ string) bool { return !slices.Contains(keep, k) })
}

func (w *world) Warm(context.Context) { w.warmed.Add(1) }

func (w *world) Move(_ context.Context, to pulse.SinkIndex, streams ...pulse.StreamIndex) []error {
	errs := make([]error, len(streams))
	for i, s := range streams {
		w.asked = append(w.asked, fmt.Sprintf("%d to %d", s, to))
		if errs[i] = w.refuse[s]; errs[i] != nil {
			continue
		}
		if w.pull[s] > 0 {
			w.pull[s]--
			continue
		}
		w.snapshot.Stream(s).Sink = to
	}
	return errs
}

func (w *world) Look(_ context.Context, streams ...pulse.StreamIndex) (map[pulse.StreamIndex]pulse.SinkIndex, error) {
	where := map[pulse.StreamIndex]pulse.SinkIndex{}
	for _, i := range streams {
		if s := w.snapshot.Stream(i); s != nil {
			where[i] = s.Sink
		}
	}
	return where, nil
}

func (w *world) Process(pid int) (proc.Process, bool) { p, ok := w.procs[pid]; return p, ok }

func (w *world) Inner(pid int) []proc.Process {
	var inner []proc.Process
	for _, p := range w.procs {
		if n := len(p.NSPid); n > 1 && p.NSPid[n-1] == pid {
			inner = append(inner, p)
		}
	}
	return inner
}

func (w *world) pipeline(cfg *config.Config) *Pipeline {
	return &Pipeline{
		Display:  func(context.Context) (Display, error) { return w, nil },
		Sound:    func(context.Context) (Sound, error) { return w, nil },
		Procs:    func() match.Processes { return w },
		Config:   cfg,
		PID:      9,
		UID:      1000,
		Hostname: "here",
		After:    func(time.Duration) <-chan time.Time { c := make(chan time.Time, 1); c <- time.Time{}; return c },
	}
}

func client(index pulse.ClientIndex, name, pid string) *pulse.Client {
	return &pulse.Client{Index: index, Name: name, Driver: "protocol-native.c", Properties: map[string]string{
		"application.name":           name,
		"application.process.id":     pid,
		"application.process.binary": strings.ToLower(name),
	}}
}

func process(pid, parent int, name string) proc.Process {
	return proc.Process{PID: pid, PPID: parent, Start: uint64(pid), Comm: name, Exe: "/usr/bin/" + name, Argv0: name, UID: 1000, NSPid: []int{pid}, SameUTS: true, SamePID: true}
}

// newWorld is a desk with two windows, mpv in front of firefox, where mpv has
// two streams and firefox one.
func newWorld() *world {
	mpv, firefox := client(70, "mpv", "100"), client(71, "Firefox", "200")
	windows := []desktop.Window{
		{ID: "0x800001", XID: 0x800001, Class: "mpv", PID: 100, Owner: 100},
		{ID: "0x900001", XID: 0x900001, Class: "firefox", PID: 200, Owner: 200},
	}
	front := windows[0]
	front.Title = "song - mpv"
	return &world{
		screen: &desktop.Screen{Desktop: "X11", Complete: true, Focused: front, Active: front.ID, Windows: windows, Resource: true},
		snapshot: &pulse.Snapshot{
			Server: pulse.Server{Name: "pulseaudio", Version: "16.1", DefaultSink: "analog"},
			Sinks: []pulse.Sink{
				{Index: 3, Name: "analog", Description: "Speakers"},
				{Index: 8, Name: "bluez", Description: "Earbuds"},
				{Index: 21, Name: "usb", Description: "Headset"},
			},
			Streams: []pulse.Stream{
				{Index: 50, Sink: 3, Client: mpv, Media: "intro", Corked: true},
				{Index: 52, Sink: 8, Client: mpv, Media: "song"},
				{Index: 60, Sink: 3, Client: firefox, Media: "video"},
			},
		},
		procs: map[int]proc.Process{
			1:   process(1, 0, "systemd"),
			100: process(100, 1, "mpv"),
			200: process(200, 1, "firefox"),
			150: process(150, 1, "bash"),
		},
		refuse: map[pulse.StreamIndex]error{},
		pull:   map[pulse.StreamIndex]int{},
	}
}

func TestRun(t *testing.T) {
	const ok = Kind(0)
	for _, tt := range []struct {
		name    string
		world   func(*world)
		request Request
		kind    Kind
		// reason is the whole sentence of the report.
		reason string
		result Result
		// asked is what was asked of the server, outcomes what was reported.
		asked    []string
		outcomes []string
	}{
		{
			name:     "all streams go to the sink after that of the first playing one",
			result:   ResultMoved,
			asked:    []string{"50 to 21", "52 to 21"},
			outcomes: []string{"50 moved", "52 moved"},
		},
		{
			name:     "prev is the way back",
			request:  Request{Way: Prev},
			result:   ResultMoved,
			asked:    []string{"52 to 3"},
			outcomes: []string{"50 already there", "52 moved"},
		},
		{
			name:     "a dry run moves nothing",
			request:  Request{DryRun: true},
			result:   ResultWouldMove,
			outcomes: []string{"50 would move", "52 would move"},
		},
		{
			name:     "to a sink by a part of its description",
			request:  Request{Way: To, Sink: "head"},
			result:   ResultMoved,
			asked:    []string{"50 to 21", "52 to 21"},
			outcomes: []string{"50 moved", "52 moved"},
		},
		{
			name:    "to a sink that is not there",
			request: Request{Way: To, Sink: "kitchen"},
			kind:    Usage,
			reason:  `no sink is called "kitchen"`,
			result:  ResultFailed,
		},
		{
			name:     "where it already plays is no error",
			world:    func(w *world) { w.snapshot.Streams[0].Sink = 8 },
			request:  Request{Way: To, Sink: "bluez"},
			reason:   "mpv already plays on Earbuds",
			result:   ResultNothing,
			outcomes: []string{"50 already there", "52 already there"},
		},
		{
			name:     "a stream that refuses does not hold up the others",
			world:    func(w *world) { w.refuse[50] = pulse.ErrRefused },
			kind:     Failed,
			reason:   `"mpv" (stream 50) refuses to be moved`,
			result:   ResultFailed,
			asked:    []string{"50 to 21", "52 to 21"},
			outcomes: []string{"50 failed", "52 moved"},
		},
		{
			name:     "a stream that ends in between is left out quietly",
			world:    func(w *world) { w.refuse[50] = pulse.ErrGone },
			result:   ResultMoved,
			asked:    []string{"50 to 21", "52 to 21"},
			outcomes: []string{"52 moved"},
		},
		{
			name:   "an application that stops in between was not moved",
			world:  func(w *world) { w.refuse[50], w.refuse[52] = pulse.ErrGone, pulse.ErrGone },
			kind:   Nothing,
			reason: "mpv has just stopped playing",
			result: ResultNothing,
			asked:  []string{"50 to 21", "52 to 21"},
		},
		{
			name:   "a silent application",
			world:  func(w *world) { w.snapshot.Streams = w.snapshot.Streams[2:] },
			kind:   Nothing,
			reason: "mpv is not playing anything",
			result: ResultNothing,
		},
		{
			name:   "no focus",
			world:  func(w *world) { w.screenErr = &desktop.NoFocusError{} },
			kind:   Nothing,
			reason: "no window has the focus",
			result: ResultNothing,
		},
		{
			name:   "the focused window vanishes",
			world:  func(w *world) { w.screenErr = desktop.ErrWindowGone },
			kind:   Nothing,
			reason: "the focused window has just gone",
			result: ResultNothing,
		},
		{
			name:    "the window that was named vanishes",
			world:   func(w *world) { w.screenErr = desktop.ErrWindowGone },
			request: Request{Target: Target{Whom: ByWindow, Window: "0x800008"}},
			kind:    Failed,
			reason:  "there is no window 0x800008",
			result:  ResultFailed,
		},
		{
			name: "another user's window",
			world: func(w *world) {
				p := w.procs[100]
				p.UID = 1001
				w.procs[100] = p
			},
			kind:   Nothing,
			reason: "mpv is not playing anything that is yours",
			result: ResultNothing,
		},
		{
			name:   "a window without a name",
			world:  func(w *world) { w.screen.Focused = desktop.Window{ID: "0xb00001", XID: 0xb00001, PID: 150, Owner: 150} },
			kind:   Nothing,
			reason: "the focused window is not playing anything",
			result: ResultNothing,
		},
		{
			name:   "a Wayland window",
			world:  func(w *world) { w.screenErr = &desktop.NoFocusError{Holder: desktop.Wayland} },
			kind:   Nothing,
			reason: "a Wayland window is in front, which X11 cannot see",
			result: ResultNothing,
		},
		{
			name:   "no window manager",
			world:  func(w *world) { w.screenErr = desktop.ErrNoWindowManager },
			kind:   Failed,
			reason: "no window manager says which window has the focus",
			result: ResultFailed,
		},
		{
			name:     "one sink only",
			world:    func(w *world) { w.snapshot.Sinks = w.snapshot.Sinks[1:2] },
			kind:     Nothing,
			reason:   "only one sink to play on: Earbuds",
			result:   ResultNothing,
			outcomes: []string{"50 ", "52 "},
		},
		{
			name:   "another machine's window",
			world:  func(w *world) { w.screen.Focused.Machine = "there"; w.screen.Focused.Owner = 0 },
			kind:   Failed,
			reason: `remote window: "mpv" runs on another machine`,
			result: ResultFailed,
		},
		{
			name: "two sandboxes that cannot be told apart",
			world: func(w *world) {
				for pid := 100; pid <= 101; pid++ {
					p := process(pid, 1, "mpv")
					p.NSPid, p.SamePID = []int{pid, 2}, false
					w.procs[pid] = p
				}
				w.screen.Windows = append(w.screen.Windows, desktop.Window{ID: "0xa00001", XID: 0xa00001, Class: "mpv", PID: 2, Owner: 101})
				w.snapshot.Streams[0].Client = client(70, "mpv", "2")
				w.snapshot.Streams[1].Client = client(72, "mpv", "2")
			},
			kind:   Failed,
			reason: `ambiguous: stream 50 ("mpv") says it is process 2, which in sandboxes is each of 100 (mpv), 101 (mpv)`,
			result: ResultFailed,
		},
		{
			name:     "by name, in any case, without a display",
			world:    func(w *world) { w.screenErr = desktop.ErrNoDisplay },
			request:  Request{Target: Target{Whom: ByName, App: "FIREFOX"}},
			result:   ResultMoved,
			asked:    []string{"60 to 8"},
			outcomes: []string{"60 moved"},
		},
		{
			name:    "a part of a name is no name",
			request: Request{Target: Target{Whom: ByName, App: "fire"}},
			kind:    Nothing,
			reason:  "fire is not playing anything",
			result:  ResultNothing,
		},
		{
			name:     "by stream",
			request:  Request{Target: Target{Whom: ByStream, Stream: 60}, Way: Prev},
			result:   ResultMoved,
			asked:    []string{"60 to 21"},
			outcomes: []string{"60 moved"},
		},
		{
			name:    "by a stream that is not there",
			request: Request{Target: Target{Whom: ByStream, Stream: 61}},
			kind:    Failed,
			reason:  "there is no stream 61",
			result:  ResultFailed,
		},
		{
			name:     "by process, descendants included",
			request:  Request{Target: Target{Whom: ByPID, PID: 150}},
			world:    func(w *world) { w.procs[200] = process(200, 150, "firefox") },
			result:   ResultMoved,
			asked:    []string{"60 to 8"},
			outcomes: []string{"60 moved"},
		},
		{
			name:    "by a process that is not there",
			request: Request{Target: Target{Whom: ByPID, PID: 4711}},
			kind:    Failed,
			reason:  "there is no process 4711",
			result:  ResultFailed,
		},
		{
			name:     "everything goes to one sink",
			request:  Request{Target: Target{Whom: Everything}},
			result:   ResultMoved,
			asked:    []string{"50 to 21", "52 to 21", "60 to 21"},
			outcomes: []string{"50 moved", "52 moved", "60 moved"},
		},
		{
			name:    "everything, while nothing plays",
			world:   func(w *world) { w.snapshot.Streams = nil },
			request: Request{Target: Target{Whom: Everything}},
			kind:    Nothing,
			reason:  "nothing is playing",
			result:  ResultNothing,
		},
		{
			name:     "verify moves once more what was pulled back",
			world:    func(w *world) { w.pull[52] = 1 },
			request:  Request{Verify: true},
			result:   ResultMoved,
			asked:    []string{"50 to 21", "52 to 21", "52 to 21"},
			outcomes: []string{"50 moved", "52 moved"},
		},
		{
			name:     "verify says what is pulled back twice",
			world:    func(w *world) { w.pull[52] = 9 },
			request:  Request{Verify: true},
			kind:     Failed,
			reason:   `"mpv" (stream 52) was pulled back by the session manager`,
			result:   ResultFailed,
			asked:    []string{"50 to 21", "52 to 21", "52 to 21"},
			outcomes: []string{"50 moved", "52 failed"},
		},
		{
			name:   "a sound server that is away is told before a missing focus",
			world:  func(w *world) { w.soundErr, w.screenErr = pulse.ErrTimeout, &desktop.NoFocusError{} },
			kind:   Failed,
			reason: "the sound server does not answer",
			result: ResultFailed,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			if tt.world != nil {
				tt.world(w)
			}
			before := fmt.Sprint(w.snapshot.Streams)
			rep, err := w.pipeline(nil).Run(t.Context(), tt.request)
			kind := ok
			var p *Problem
			if errors.As(err, &p) {
				kind = p.Kind
			}
			if kind != tt.kind || (err == nil) != (tt.kind == ok) {
				t.Errorf("err is %v of kind %d, want kind %d", err, kind, tt.kind)
			}
			if rep.Reason != tt.reason || rep.Result != tt.result {
				t.Errorf("the report says %q, %q; want %q, %q", rep.Result, rep.Reason, tt.result, tt.reason)
			}
			var outcomes []string
			for _, m := range rep.Moves {
				outcomes = append(outcomes, fmt.Sprintf("%d %s", m.Stream, m.Result))
			}
			if d := cmp.Diff(tt.outcomes, outcomes); d != "" {
				t.Error("outcomes:", d)
			}
			if d := cmp.Diff(tt.asked, w.asked); d != "" {
				t.Error("asked of the server:", d)
			}
			if len(tt.asked) == 0 && before != fmt.Sprint(w.snapshot.Streams) {
				t.Error("something moved")
			}
		})
	}
}

func TestTheHeadlineSaysWhatHappened(t *testing.T) {
	for _, tt := range []struct {
		name    string
		world   func(*world)
		request Request
		want    string
	}{
		{"two streams of one application", nil, Request{}, "mpv → Headset (2 streams)"},
		{"one stream", nil, Request{Target: Target{Whom: ByStream, Stream: 60}}, "Firefox → Earbuds"},
		{"several applications", nil, Request{Target: Target{Whom: Everything}}, "3 streams → Headset"},
		{"nothing to do", func(w *world) { w.screenErr = &desktop.NoFocusError{} }, Request{}, "no window has the focus"},
		{"a name that drives terminals", func(w *world) {
			w.snapshot.Streams[2].Client.Properties["application.name"] = "\x1b[2Jevil"
		}, Request{Target: Target{Whom: ByStream, Stream: 60}}, `\x1b[2Jevil → Earbuds`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			if tt.world != nil {
				tt.world(w)
			}
			rep, err := w.pipeline(nil).Run(t.Context(), tt.request)
			if got := rep.Headline(err); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// A journal keeps what it is told: no title of a window, no name of a stream.
func TestADiscreetPipelineNamesNoTitle(t *testing.T) {
	const secret = "a private title"
	for name, change := range map[string]func(w *world){
		"streams of a client that says nothing, named where another is silent": func(w *world) {
			w.screen.Focused = desktop.Window{ID: "0xb00001", XID: 0xb00001, PID: 150, Owner: 150, Class: "mpv"}
			for i := range w.snapshot.Streams {
				w.snapshot.Streams[i].Client.Name, w.snapshot.Streams[i].Client.Properties = "", nil
			}
		},
		"a silent window without a class": func(w *world) {
			w.screen.Focused.Class = ""
			w.snapshot.Streams = w.snapshot.Streams[2:]
		},
		"streams of a client without a name": func(w *world) {
			for i := range w.snapshot.Streams {
				w.snapshot.Streams[i].Client.Name = ""
				w.snapshot.Streams[i].Client.Properties = map[string]string{"application.process.id": w.snapshot.Streams[i].Client.Properties["application.process.id"]}
			}
		},
		"a refused move": func(w *world) {
			w.refuse = map[pulse.StreamIndex]error{50: pulse.ErrRefused, 52: pulse.ErrDenied}
		},
	} {
		w := newWorld()
		w.screen.Focused.Title = secret
		for i := range w.snapshot.Streams {
			w.snapshot.Streams[i].Media = secret
		}
		change(w)
		p := w.pipeline(nil)
		p.Discreet = true
		for _, r := range []Request{{Way: Prev}, {Target: Target{Whom: ByName, App: "vlc"}}, {Target: Target{Whom: Everything}}} {
			rep, err := p.Run(t.Context(), r)
			said := append(rep.Lines(), rep.Headline(err), rep.Reason, rep.Application)
			if pr := (*Problem)(nil); errors.As(err, &pr) {
				said = append(said, pr.Message, pr.Hint)
			}
			for _, m := range rep.Moves {
				said = append(said, m.Application, m.Error, m.Hint)
			}
			if text := strings.Join(said, "\n"); strings.Contains(text, secret) {
				t.Errorf("%s: %q", name, text)
			}
		}
	}
}

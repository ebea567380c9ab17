package toggle

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/pulse"
)

// counted is a display that counts how often it is asked.
type counted struct {
	*world
	asked atomic.Int32
}

func (c *counted) Screen(ctx context.Context, w desktop.WindowID) (*desktop.Screen, error) {
	c.asked.Add(1)
	return c.world.Screen(ctx, w)
}

// recordings is the recording side of newWorld: mpv records from the first of
// three sources, Firefox from a monitor.
func recordings() *world {
	w := newWorld()
	w.snapshot.Input = true
	w.snapshot.Server.DefaultSink = "mic"
	w.snapshot.Sinks = []pulse.Sink{
		{Index: 3, Name: "mic", Description: "Built-in Microphone"},
		{Index: 8, Name: "bluez_input", Description: "Earbuds Microphone"},
		{Index: 9, Name: "analog.monitor", Description: "Monitor of Speakers", Monitor: true},
	}
	mpv, firefox := client(70, "mpv", "100"), client(71, "Firefox", "200")
	w.snapshot.Streams = []pulse.Stream{
		{Index: 50, Sink: 3, Client: mpv, Media: "talk"},
		{Index: 51, Sink: 9, Client: firefox, Media: "tape"},
	}
	return w
}

func TestBothSidesAreSeenWithOneLookAtTheDisplay(t *testing.T) {
	display := &counted{world: newWorld()}
	p := display.pipeline(nil)
	var opened atomic.Int32
	p.Display = func(context.Context) (Display, error) { opened.Add(1); return display, nil }
	in := recordings()
	p.Record = func(context.Context) (Sound, error) { return in, nil }
	v, r, err, recErr := p.Sides(t.Context(), new(desktop.WindowID))
	if err != nil || recErr != nil {
		t.Fatal(err, recErr)
	}
	if opened.Load() != 1 || display.asked.Load() != 1 {
		t.Errorf("the display was opened %d times and asked %d times", opened.Load(), display.asked.Load())
	}
	if v.Snapshot.Input || !r.Snapshot.Input || v.Screen == nil || v.Screen != r.Screen {
		t.Errorf("input: %v and %v, the screen: %v and %v", v.Snapshot.Input, r.Snapshot.Input, v.Screen, r.Screen)
	}
	if err := p.Resolve(t.Context(), r, 0); err != nil {
		t.Fatal(err)
	}
	if m := r.Match.Streams; !m[0].Matched || m[1].Matched || !m[1].Own {
		t.Errorf("the recordings: %+v", m)
	}
}

// A display that is slow costs half of the time, and no more: the rest is for what
// needs none.
func TestADisplayMayTakeHalfOfTheTime(t *testing.T) {
	var display, sound time.Duration // that they are given
	w, in := newWorld(), recordings()
	p := w.pipeline(nil)
	const endless = time.Duration(-1)
	given := func(ctx context.Context) time.Duration {
		deadline, ok := ctx.Deadline()
		if !ok {
			return endless
		}
		return time.Until(deadline).Round(10 * time.Minute)
	}
	p.Display = func(ctx context.Context) (Display, error) { display = given(ctx); return w, nil }
	p.Sound = func(ctx context.Context) (Sound, error) { sound = given(ctx); return w, nil }
	p.Record = func(context.Context) (Sound, error) { return in, nil }
	limited, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
	defer cancel()
	for name, look := range map[string]func(context.Context) error{
		"one side": func(ctx context.Context) error { _, err := p.Look(ctx, new(desktop.WindowID)); return err },
		"both":     func(ctx context.Context) error { _, _, err, _ := p.Sides(ctx, new(desktop.WindowID)); return err },
	} {
		if err := look(limited); err != nil || display != time.Hour || sound != 2*time.Hour {
			t.Errorf("%s: of two hours the display gets %v, the sound server %v: %v", name, display, sound, err)
		}
		if err := look(t.Context()); err != nil || display != endless || sound != endless {
			t.Errorf("%s: where there is no end the display gets %v, the sound server %v: %v", name, display, sound, err)
		}
	}
}

func TestOneSideThatFailsLeavesTheOther(t *testing.T) {
	w, in := newWorld(), recordings()
	in.soundErr = pulse.ErrDenied
	p := w.pipeline(nil)
	p.Display = func(context.Context) (Display, error) { return nil, desktop.ErrNoDisplay }
	p.Record = func(context.Context) (Sound, error) { return in, nil }
	v, r, err, recErr := p.Sides(t.Context(), new(desktop.WindowID))
	if err != nil || v == nil || !errors.Is(v.ScreenErr, desktop.ErrNoDisplay) {
		t.Errorf("playing: %+v, %v", v, err)
	}
	if r != nil || !errors.Is(recErr, pulse.ErrDenied) {
		t.Errorf("recording: %+v, %v", r, recErr)
	}
}

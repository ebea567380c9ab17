package daemon

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/notify"
)

// dunst is a real notification daemon.
func (r *rig) dunst() {
	r.t.Helper()
	lab.Need(r.t, "dunst", "dunstctl")
	r.Bus()
	r.Spawn("dunst")
	r.Until("dunst", func() bool { return r.Run(nil, "dunstctl", "count").Code == 0 })
}

// note is a notification as dunst keeps it.
type note struct{ Summary, Body, Icon, Urgency string }

// shown closes what is on the screen and lists it.
// The list is what the history has grown by.
func (r *rig) shown() []note {
	r.t.Helper()
	if res := r.Run(nil, "dunstctl", "close-all"); res.Code != 0 {
		r.t.Fatalf("dunstctl: %s", res.Stderr)
	}
	res := r.Run(nil, "dunstctl", "history")
	var history struct {
		Data [][]map[string]struct{ Data any }
	}
	if err := json.Unmarshal([]byte(res.Stdout), &history); err != nil {
		r.t.Fatalf("dunstctl history: %v\n%s", err, res.Stdout)
	}
	var notes []note
	for _, group := range history.Data {
		for _, n := range group {
			text := func(key string) string { s, _ := n[key].Data.(string); return s }
			notes = append(notes, note{text("summary"), text("body"), text("icon_path"), text("urgency")})
		}
	}
	notes = notes[:len(notes)-r.seen] // the newest are first
	r.seen += len(notes)
	return notes
}

// notes waits until exactly this notification is on the screen.
func (r *rig) notes(summary string) note {
	r.t.Helper()
	var got []note
	if !lab.Poll(time.Minute, func() bool {
		if got = r.shown(); len(got) == 0 {
			return false
		}
		return true
	}) {
		r.t.Fatalf("no notification %q", summary)
	}
	if len(got) != 1 || got[0].Summary != summary {
		r.t.Fatalf("the screen shows %q, not one %q", got, summary)
	}
	return got[0]
}

func TestAPressIsShownOnTheDesktop(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	r.sound = r.PulseAudioWith(lab.SoundOptions{Sinks: []string{"a=Speakers", "b=Head<b>phones</b>", "c=Cellar"}})
	r.dunst()
	r.play()
	r.start("-v")

	r.keys.tap(30*time.Millisecond, "Super", "F9")
	r.on("b")
	n := r.notes("Player → Head<b>phones</b>")
	if n.Body != "tone" {
		t.Errorf("the body is %q", n.Body)
	}

	t.Run("and the next one takes its place", func(t *testing.T) {
		for _, sink := range []string{"c", "a", "b", "c"} {
			r.keys.tap(30*time.Millisecond, "Super", "F9")
			r.on(sink)
		}
		r.notes("Player → Cellar")
	})
	t.Run("a failure too", func(t *testing.T) {
		r.display.Blur()
		r.keys.tap(30*time.Millisecond, "Super", "F9")
		r.notes("no window has the focus")
	})
	t.Run("and a bad configuration, with its line", func(t *testing.T) {
		r.configure("\n\nskip = 1\n")
		r.says("patoggled: warning: the last good configuration stays in force")
		n := r.notes("the new configuration is bad, the last good one stays in force")
		if want := r.config + ":3:8: "; len(n.Body) < len(want) || n.Body[:len(want)] != want {
			t.Errorf("the body is %q", n.Body)
		}
	})
	if u := r.use(); u.rss >= 16<<10 && !raceDetector {
		t.Errorf("%d kB resident", u.rss)
	} else {
		t.Logf("%+v", u)
	}
	t.Run("but not when the configuration says so", func(t *testing.T) {
		r.configure("notify = false\n")
		r.says("patoggled: info: the configuration was read again: 1 hotkey in force")
		r.display.Focus(r.window())
		time.Sleep(fresh)
		r.keys.tap(30*time.Millisecond, "Super", "F9")
		r.on("a")
		time.Sleep(200 * time.Millisecond)
		if got := r.shown(); len(got) != 0 {
			t.Errorf("the screen shows %q", got)
		}
	})
	r.end()
}

func TestAHungNotificationDaemonHoldsNothingUp(t *testing.T) {
	t.Parallel()
	r := newRig(t, pulseaudio)
	r.dunst()
	r.play()
	r.start("-v")
	r.BusDaemon().Stop()
	defer r.BusDaemon().Continue()
	// Whoever waits for the daemon's answer waits that long each time.
	const waits = notify.Limit * 3 / 4
	quickest := time.Hour
	at := "a"
	for range 6 {
		began := time.Now()
		r.keys.tap(20*time.Millisecond, "Super", "F9")
		at = after(at, 1)
		r.sound.WaitOn(r.stream(), at)
		quickest = min(quickest, time.Since(began))
		r.fingerOff()
	}
	if quickest > waits {
		t.Errorf("the quickest press took %v", quickest)
	}
	r.end()
}

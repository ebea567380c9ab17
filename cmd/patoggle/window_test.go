package main

import (
	"strings"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/lab/puppet"
)

func TestAWindowWithoutPIDIsKnownByItsConnection(t *testing.T) {
	onBoth(t, func(t *testing.T, d *desk) {
		p := d.Puppet(lab.Act{
			Windows: []puppet.Window{{Title: []byte("no pid"), Class: "NoPid"}},
			Streams: []puppet.Stream{{Media: []byte("sound")}},
		})
		d.display.Focus(p.Windows[0])
		d.moves("b", "pid", p.Streams)
	})
}

func TestAForgedWindowPIDMovesNoStranger(t *testing.T) {
	t.Parallel()
	d := newDesk(t, pulseAudio)
	victim := d.Player("victim")
	s := victim.WaitStream()
	liar := d.Puppet(lab.Act{Windows: []puppet.Window{{Title: []byte("liar"), Class: "Liar", PID: victim.PID}}})
	d.display.Focus(liar.Windows[0])
	d.stays(3, "Liar is not playing anything")
	d.display.Focus(victim.WaitWindow())
	d.moves("b", "pid", []int{s})
}

func TestADialogStandsForItsMainWindow(t *testing.T) {
	t.Parallel()
	d := newDesk(t, pulseAudio)
	player := d.Player("main")
	s := player.WaitStream()
	dialog := d.Puppet(lab.Act{Windows: []puppet.Window{{Title: []byte("open file"), Class: "Dialog", PID: puppet.OwnPID, Type: "_NET_WM_WINDOW_TYPE_DIALOG", TransientFor: player.WaitWindow()}}})
	d.display.Focus(dialog.Windows[0])
	d.moves("b", "pid", []int{s})
}

func TestWithoutXResourceThePIDPropertyServes(t *testing.T) {
	t.Parallel()
	d := newDesk(t, pulseAudio, lab.XvfbArgs("-extension", "X-Resource"))
	other := d.Player("other")
	rest := other.WaitStream()
	s := d.front(d.Player("one"))
	rep := d.moves("b", "pid", []int{s})
	if len(rep.Moves) != 1 || rep.Moves[0].Confidence != "medium" {
		t.Errorf("the report is %+v", rep)
	}
	d.display.Focus(other.WaitWindow())
	d.moves("b", "pid", []int{rest})
}

func TestARemoteWindowIsRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t, pulseAudio)
	p := d.Puppet(lab.Act{
		Windows: []puppet.Window{{Title: []byte("far"), Class: "Far", PID: puppet.OwnPID, Machine: "elsewhere.example.org"}},
		Streams: []puppet.Stream{{Media: []byte("sound")}},
	})
	d.display.Focus(p.Windows[0])
	d.stays(1, `remote window: "Far" runs on another machine`)
	if rep := d.report(1); rep.Window == nil || !rep.Window.Remote || len(rep.Window.PIDs) != 0 {
		t.Errorf("the report does not say so: %+v", rep.Window)
	}
}

func TestNoWindowManager(t *testing.T) {
	t.Parallel()
	d := newDesk(t, pulseAudio, lab.NoWM)
	p, other := d.Player("one", "--no-border"), d.Player("two", "--no-border")
	s, rest := p.WaitStream(), other.WaitStream()
	d.display.Blur()
	d.stays(1, "no window manager says which window has the focus")
	d.moves("b", "pid", []int{s}, "--pid", itoa(p.PID))
	// The X input focus counts.
	d.display.Focus(p.WaitWindow())
	d.moves("c", "pid", []int{s})
	d.display.Focus(other.WaitWindow())
	d.moves("b", "pid", []int{rest})
	d.display.Blur()
	other.Kill()
	d.Until("the end of the other", func() bool { return len(d.sound.Streams()) == 1 })
	if l := d.list(); len(l.Streams) != 1 || l.Streams[0].Focused {
		t.Errorf("list says %+v", l.Streams)
	}
}

func TestAnEmptyDesktop(t *testing.T) {
	t.Parallel()
	d := newDesk(t, pulseAudio)
	d.stays(3, "no window has the focus")
	d.expect(0, "nothing is playing", "list")
	d.expect(3, "no window has the focus", "why")
	rep := d.report(3)
	if rep.Window != nil || rep.Result != "nothing" || rep.Reason != "no window has the focus" || rep.Moves == nil {
		t.Errorf("the report is %+v", rep)
	}
	d.stays(3, "nothing is playing", "--all")
	d.stays(3, "mpv is not playing anything", "--app", "mpv")
	d.stays(1, "there is no stream 5", "--stream", "5")
	d.stays(1, "there is no window 0x800008", "--window", "0x800008")
}

func TestASilentApplication(t *testing.T) {
	t.Parallel()
	d := newDesk(t, pulseAudio)
	p := d.Puppet(lab.Act{Windows: []puppet.Window{{Title: []byte("quiet"), Class: "Quiet", PID: puppet.OwnPID}}})
	d.display.Focus(p.Windows[0])
	d.stays(3, "Quiet is not playing anything")
}

func TestAWindowThatDiesUnderTheKey(t *testing.T) {
	t.Parallel()
	d := newDesk(t, pulseAudio)
	for range 15 {
		p := d.Puppet(lab.Act{
			Windows: []puppet.Window{{Title: []byte("short"), Class: "Short", PID: puppet.OwnPID}},
			Streams: []puppet.Stream{{Media: []byte("sound")}},
		})
		d.display.Focus(p.Windows[0])
		done := make(chan struct{})
		go func() {
			defer close(done)
			p.Kill()
		}()
		r := d.run()
		<-done
		told := strings.Contains(r.Stderr, "no window has the focus") ||
			strings.Contains(r.Stderr, "has just gone") ||
			strings.Contains(r.Stderr, "is not playing anything") ||
			strings.Contains(r.Stderr, "has just stopped playing")
		if r.Code != 0 && !(r.Code == 3 && told) {
			t.Errorf("exit code %d: %s", r.Code, r.Stderr)
		}
	}
}

func TestWithoutADisplay(t *testing.T) {
	onBoth(t, func(t *testing.T, d *desk) {
		s := d.Player("one").WaitStream()
		env := []string{"DISPLAY"}
		d.expectIn(env, 1, "no X display: DISPLAY is not set")
		if r := d.expectIn(env, 0, "mpv", "list"); strings.Contains(r.Stdout, "focused") {
			t.Errorf("something is marked focused: %s", r.Stdout)
		}
		d.expectIn(env, 0, "mpv → Headset", "--app", "mpv")
		d.expectIn(env, 0, "mpv → TV", "--stream", itoa(s))
		d.expectIn(env, 0, "mpv → Speakers", "--all")
		for _, display := range []string{":999", ":91/x", "nonsense", ":91.5"} {
			d.expectIn([]string{"DISPLAY=" + display}, 1, "cannot open the X display")
		}
	})
}

func TestAStoppedXServer(t *testing.T) {
	t.Parallel()
	d := newDesk(t, pulseAudio)
	s := d.front(d.Player("one"))
	d.display.Stop()
	defer d.display.Continue()
	r := d.expect(1, "the X server does not answer", "--timeout", "500ms")
	if !lab.InTime(r.Took, 500*time.Millisecond) {
		t.Errorf("it took %v", r.Took)
	}
	d.expect(0, itoa(s), "list", "--timeout", "8s")
	d.moves("b", "stream", []int{s}, "--stream", itoa(s))
}

package main

import (
	"strings"
	"testing"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/lab/puppet"
)

func TestASandboxAloneMoves(t *testing.T) {
	onBoth(t, func(t *testing.T, d *desk) {
		s := d.front(d.Play(lab.App{Name: "boxed", Sandbox: &lab.Sandbox{}}))
		rep := d.moves("b", "pid", []int{s})
		if len(rep.Moves) != 1 || rep.Moves[0].Confidence != "high" {
			t.Errorf("the report is %+v", rep)
		}
		if w := d.why(s); w.PID < 3 {
			t.Errorf("its pid was not translated: %+v", w)
		}
	})
}

func TestTwoSandboxesOfOneProgramAreAmbiguous(t *testing.T) {
	t.Parallel()
	d := newDesk(t, pulseAudio)
	one := d.Play(lab.App{Name: "one", Sandbox: &lab.Sandbox{}})
	two := d.Play(lab.App{Name: "two", Sandbox: &lab.Sandbox{}})
	s2 := two.WaitStream()
	s1 := d.front(one)
	if s1 == s2 {
		t.Fatal("the two share a stream")
	}
	pids := []string{itoa(one.Find("mpv")), itoa(two.Find("mpv"))}
	d.stays(1, "ambiguous: ")
	r := d.run()
	for _, pid := range pids {
		if !strings.Contains(r.Stderr, pid+" (mpv)") {
			t.Errorf("candidate %s is not named: %s", pid, r.Stderr)
		}
	}
	for _, s := range []int{s1, s2} {
		if w := d.why(s); w.Matched {
			t.Errorf("stream %d is matched: %+v", s, w)
		}
	}
	// The cure that the hint names.
	d.moves("b", "stream", []int{s1}, "--stream", itoa(s1))
}

func TestAForgedPIDIsNotMatched(t *testing.T) {
	onBoth(t, func(t *testing.T, d *desk) {
		victim := d.XTerm("victim", "cat")
		window := victim.WaitWindow()
		forger := d.Play(lab.App{Name: "forger", NoWindow: true, Env: []string{"PULSE_PROP=application.process.id=" + itoa(victim.PID)}})
		s := forger.WaitStream()
		d.display.Focus(window)
		d.stays(3, "XTerm is not playing anything")
		if w := d.why(s); w.Matched {
			t.Errorf("the forged stream is matched: %+v", w)
		}
	})
}

func TestEqualPIDsInTwoSandboxesOfDifferentPrograms(t *testing.T) {
	onBoth(t, func(t *testing.T, d *desk) {
		mpv := d.Play(lab.App{Name: "boxed", Sandbox: &lab.Sandbox{}})
		other := d.Puppet(lab.Act{
			Program: "other", Sandbox: &lab.Sandbox{},
			Windows: []puppet.Window{{Title: []byte("other"), Class: "Other", PID: puppet.OwnPID}},
			Streams: []puppet.Stream{{Media: []byte("other")}},
		})
		s := d.front(mpv)
		d.moves("b", "pid", []int{s})
		d.display.Focus(other.Windows[0])
		d.moves("b", "pid", other.Streams)
	})
}

func TestFlatpakApplicationsKeepApart(t *testing.T) {
	onBoth(t, func(t *testing.T, d *desk) {
		film := d.Play(lab.App{Name: "film", Sandbox: &lab.Sandbox{AppID: "org.example.Film", Instance: "1001"}})
		song := d.Play(lab.App{Name: "song", Sandbox: &lab.Sandbox{AppID: "org.example.Song", Instance: "1002"}})
		s2 := song.WaitStream()
		s1 := d.front(film)
		if s1 == s2 {
			t.Fatal("the two share a stream")
		}
		if !d.sound.PipeWire {
			// Both are mpv with pid 2, and PulseAudio knows no sandbox.
			d.stays(1, "ambiguous: ")
			return
		}
		d.movesOnly("b", s1)
		d.display.Focus(song.WaitWindow())
		d.movesOnly("b", s2)
	})
}

// movesOnly is moves by whatever rule.
func (d *desk) movesOnly(sink string, stream int) {
	d.t.Helper()
	rule := d.why(stream).Rule
	if rule == "" {
		d.t.Errorf("stream %d is matched by no rule: %s", stream, d.run("why").Stdout)
	}
	d.moves(sink, rule, []int{stream})
}

func TestTwoInstancesOfOneFlatpakAreNotMixedUp(t *testing.T) {
	onBoth(t, func(t *testing.T, d *desk) {
		one := d.Play(lab.App{Name: "one", Sandbox: &lab.Sandbox{AppID: "org.example.Film", Instance: "1001"}})
		two := d.Play(lab.App{Name: "two", Sandbox: &lab.Sandbox{AppID: "org.example.Film", Instance: "1002"}})
		s2 := two.WaitStream()
		s1 := d.front(one)
		if s1 == s2 {
			t.Fatal("the two share a stream")
		}
		// Neither server says which instance a stream is of (PipeWire before
		// 1.5.81).
		d.stays(1, "ambiguous: ")
	})
}

// PipeWire from 1.5.81 on says of a client which Flatpak instance it is of, in a
// property that PULSE_PROP sets just as well on every release: so the older
// PipeWire here says what the newer one would.
func TestTwoInstancesOfOneFlatpakAreToldApartByTheInstance(t *testing.T) {
	t.Parallel()
	d := newDesk(t, pipeWire)
	const property = "PULSE_PROP=pipewire.access.portal.instance_id="
	boxed := func(name, instance, says string) *lab.Player {
		return d.Play(lab.App{Name: name, Env: []string{property + says}, Sandbox: &lab.Sandbox{AppID: "org.example.Film", Instance: instance}})
	}
	one := boxed("one", "1001", "1001")
	two := boxed("two", "1002", "1002")
	s2 := two.WaitStream()
	s1 := d.front(one)
	d.moves("b", "pid", []int{s1})
	d.display.Focus(two.WaitWindow())
	d.moves("b", "pid", []int{s2})
	if w := d.why(s1); w.Matched {
		t.Errorf("stream %d is matched: %+v", s1, w)
	}

	// A third says that it is the first: then it could be either, and nothing
	// moves with the first. It moves with nothing, and the second as ever.
	forger := boxed("three", "1003", "1001")
	s3 := forger.WaitStream()
	d.display.Focus(one.WaitWindow())
	d.stays(1, "ambiguous: ")
	d.display.Focus(forger.WaitWindow())
	d.stays(3, "")
	if w := d.why(s3); w.Matched || w.PID != 0 {
		t.Errorf("stream %d is matched: %+v", s3, w)
	}
	d.display.Focus(two.WaitWindow())
	d.moves("c", "pid", []int{s2})

	// The first ends, and it still passes for nobody.
	one.Kill()
	d.Until("the stream to end", func() bool { _, on := d.where()[s1]; return !on })
	d.display.Focus(forger.WaitWindow())
	d.stays(3, "")
}

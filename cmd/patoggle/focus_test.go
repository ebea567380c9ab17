package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/lab/puppet"
)

func TestOnlyTheFocusedApplicationMovesRoundTheRing(t *testing.T) {
	onBoth(t, func(t *testing.T, d *desk) {
		one, two := d.Player("one"), d.Player("two")
		s1, s2 := d.front(one), two.WaitStream()
		d.display.Focus(one.WaitWindow())
		for round := range 2 {
			for _, sink := range []string{"b", "c", "a"} {
				d.moves(sink, "pid", []int{s1})
			}
			if round == 0 {
				d.moves("c", "pid", []int{s1}, "--prev")
				d.moves("b", "pid", []int{s1}, "--prev")
				d.moves("a", "pid", []int{s1}, "--prev")
			}
		}
		d.display.Focus(two.WaitWindow())
		d.moves("b", "pid", []int{s2})

		l := d.list()
		for _, s := range l.Streams {
			if s.Focused != (int(s.Index) == s2) {
				t.Errorf("stream %d: focused is %v", s.Index, s.Focused)
			}
			if s.PIDTrust != "verified" {
				t.Errorf("stream %d: its pid is %s", s.Index, s.PIDTrust)
			}
		}
		if w := d.why(s1); w.Matched || !slices.ContainsFunc(w.Tried, func(tr explainTried) bool {
			return tr.Rule == "pid" && strings.Contains(tr.WhyNot, `"one"`)
		}) {
			t.Errorf("why does not say that the stream is of the window \"one\": %+v", w)
		}

		// Everything by hand, without the focus.
		d.moves("c", "stream", []int{s1}, "--stream", itoa(s1), "--to", "tv")
		d.moves("a", "pid", []int{s1}, "--pid", itoa(one.PID))
		d.moves("c", "pid", []int{s2}, "--window", "0x"+hex(two.WaitWindow()))
		both := []int{s1, s2}
		slices.Sort(both)
		d.moves("b", "app", both, "--app", "MPV", "--to", "headset")
		d.moves("c", "all", both, "--all")
		d.stays(0, "would move", "-n")
		d.stays(0, "already plays on TV", "--to", "c")
	})
}

func TestIndicesAreNamesNotPositions(t *testing.T) {
	onBoth(t, func(t *testing.T, d *desk) {
		var modules []int
		for _, name := range []string{"x1", "x2", "x3", "x4"} {
			modules = append(modules, d.sound.AddSink(name))
		}
		p := d.Player("one")
		s := d.front(p)
		for i, m := range modules {
			if i%2 == 0 {
				d.sound.Unload(m)
			}
		}
		d.sound.AddSink("aa")
		// The ring is by name now: a aa b c x2 x4.
		for _, sink := range []string{"aa", "b", "c", "x2", "x4", "a"} {
			d.moves(sink, "pid", []int{s})
		}
		l := d.list()
		dense := true
		for i, sink := range l.Sinks {
			dense = dense && int(sink.Index) == i
		}
		if dense {
			t.Errorf("the indices are dense, which proves nothing: %+v", l.Sinks)
		}
	})
}

func TestChromiumPlaysFromAChildProcess(t *testing.T) {
	onBoth(t, func(t *testing.T, d *desk) {
		other := d.Player("other")
		chromium := d.Chromium("a page that plays")
		rest := other.WaitStream()
		s := d.front(chromium)
		d.moves("b", "descendant", []int{s})
		if w := d.why(s); w.PID == chromium.PID || w.Rule != "descendant" {
			t.Errorf("not played from a child: %+v", w)
		}
		d.display.Focus(other.WaitWindow())
		d.moves("b", "pid", []int{rest})
	})
}

func TestTwoProfilesOfChromiumAreTwoApplications(t *testing.T) {
	t.Parallel()
	d := newDesk(t, pulseAudio)
	work, home := d.Chromium("work"), d.Chromium("home")
	w, h := work.WaitStream(), home.WaitStream()
	if w == h {
		t.Fatal("the two share a stream")
	}
	d.front(work)
	d.moves("b", "descendant", []int{w})
	d.front(home)
	d.moves("b", "descendant", []int{h})
}

func TestAPlayerInATerminalBelongsToThatTerminal(t *testing.T) {
	onBoth(t, func(t *testing.T, d *desk) {
		playing := d.XTerm("terminal", d.Mpv(lab.App{Name: "song", NoWindow: true})...)
		sibling := d.XTerm("sibling", "cat")
		s := d.front(playing)
		d.moves("b", "descendant", []int{s})
		d.display.Focus(sibling.WaitWindow())
		d.stays(3, "is not playing anything")
		if w := d.why(s); w.Matched {
			t.Errorf("the sibling takes it: %+v", w)
		}
	})
}

func TestATerminalDoesNotOwnThePlayerThatHasAWindow(t *testing.T) {
	t.Parallel()
	d := newDesk(t, pulseAudio)
	terminal := d.XTerm("terminal", d.Mpv(lab.App{Name: "film"})...)
	s := terminal.WaitStream()
	var film, xterm uint32
	d.Until("both windows", func() bool {
		for _, w := range d.display.Windows() {
			switch w.Class {
			case "mpv":
				film = w.ID
			case "XTerm":
				xterm = w.ID
			}
		}
		return film != 0 && xterm != 0
	})
	d.display.Focus(xterm)
	d.stays(3, "XTerm is not playing anything")
	d.display.Focus(film)
	d.moves("b", "pid", []int{s})
}

func TestNativePipeWireClients(t *testing.T) {
	t.Parallel()
	d := newDesk(t, pipeWire)
	native := d.Play(lab.App{Name: "native", Native: true})
	other := d.Player("other")
	rest := other.WaitStream()
	s := d.front(native)
	d.moves("b", "pid", []int{s})
	if got := d.list(); got.Streams[slices.IndexFunc(got.Streams, func(s listingStream) bool { return s.Focused })].PIDTrust != "trusted" {
		t.Errorf("its pid is not trusted: %+v", got.Streams)
	}
	cat := d.XTerm("terminal", "pw-cat", "--playback", d.ToneFile())
	c := d.front(cat)
	// WirePlumber may have put it where the last stream of its media.role was.
	d.run("--to", "a")
	d.moves("b", "descendant", []int{c})
	d.display.Focus(other.WaitWindow())
	d.moves("b", "pid", []int{rest})
}

func TestAnApplicationWithThreeStreamsOnTwoSinks(t *testing.T) {
	onBoth(t, func(t *testing.T, d *desk) {
		p := d.Puppet(lab.Act{
			Windows: []puppet.Window{{Title: []byte("three"), Class: "Three", PID: puppet.OwnPID}},
			Streams: []puppet.Stream{
				{Media: []byte("first, paused"), Sink: "a", Corked: true},
				{Media: []byte("second"), Sink: "b"},
				{Media: []byte("third"), Sink: "a"},
			},
		})
		d.display.Focus(p.Windows[0])
		// The first playing one is on b, so all go to c.
		d.moves("c", "pid", p.Streams)
	})
}

func TestAStreamThatRefusesIsNamedAndTheOthersMove(t *testing.T) {
	t.Parallel()
	d := newDesk(t, pulseAudio)
	p := d.Puppet(lab.Act{
		Client:  map[string]string{"application.name": "Stubborn"},
		Windows: []puppet.Window{{Title: []byte("stubborn"), Class: "Stubborn", PID: puppet.OwnPID}},
		Streams: []puppet.Stream{
			{Media: []byte("stays"), Sink: "a", NoMove: true},
			{Media: []byte("goes"), Sink: "a"},
		},
	})
	d.display.Focus(p.Windows[0])
	r := d.expect(1, `"Stubborn" (stream `+itoa(p.Streams[0])+`) refuses to be moved`)
	if !strings.Contains(r.Stderr, "hint: ") || !strings.Contains(r.Stderr, "allow-moves") {
		t.Errorf("no cure is named: %s", r.Stderr)
	}
	if !strings.Contains(r.Stdout, "Stubborn → Headset") {
		t.Errorf("what did move is not reported: %q", r.Stdout)
	}
	if on := d.where(); on[p.Streams[0]] != "a" || on[p.Streams[1]] != "b" {
		t.Errorf("streams are on %v", on)
	}
	rep := d.report(1)
	if rep.Result != "failed" || rep.Moves[0].Result != "failed" || rep.Moves[0].Error == "" || rep.Moves[1].Result != "already there" {
		t.Errorf("the report is %+v", rep)
	}
}

func TestOneUsableSink(t *testing.T) {
	t.Parallel()
	d := newDesk(t, pulseAudio)
	s := d.front(d.Player("one"))
	d.writeConfig("skip = [\"b\", \"TV\"]\n")
	d.stays(3, "only one sink to play on: Speakers")
	d.writeConfig("sinks = [\"desk\", \"ears\"]\n[names]\na = \"desk\"\nc = \"ears\"\n")
	d.moves("c", "pid", []int{s})
	d.expect(0, "mpv → desk")
	d.stays(2, `no sink is called "kitchen"`, "--to", "kitchen")
	d.stays(2, `"e" fits 3 sinks`, "--to", "e")
}

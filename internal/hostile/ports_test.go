package hostile

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/lab/rogue"
)

// carded makes the first sink one of a card, with two ports, whose other profile
// brings another sink.
func carded(w *rogue.World) {
	w.Sinks[0].Card, w.Sinks[0].Active = 1, "line"
	w.Sinks[0].Ports = []rogue.Port{{Name: "line", Description: "Line Out"}, {Name: "phones", Description: "Headphones"}}
	hdmi := rogue.Sink{Index: 50, Name: "a.hdmi", Description: "Built-in HDMI", Card: 1, Active: "hdmi", Ports: []rogue.Port{{Name: "hdmi", Description: "HDMI"}}}
	w.Cards = []rogue.Card{{
		Index: 0, Name: "card", Active: "analog", Props: map[string]string{"device.description": "Built-in"},
		Profiles: []rogue.Profile{{Name: "analog", Sinks: []rogue.Sink{w.Sinks[0]}}, {Name: "hdmi", Sinks: []rogue.Sink{hdmi}}},
		Ports: []rogue.CardPort{
			{Name: "line", Description: "Line Out", Profiles: []string{"analog"}}, {Name: "phones", Description: "Headphones", Profiles: []string{"analog"}},
			{Name: "hdmi", Description: "HDMI", Profiles: []string{"hdmi"}},
		},
	}}
	w.Clients = append(w.Clients, rogue.Client{Index: 41, Name: "Other", Props: map[string]string{"application.name": "Other"}})
	w.Streams = append(w.Streams, rogue.Stream{Index: 8, Sink: 1, Client: 41, Media: "x"})
}

// entries is a whole list of cards: n of them, with so many profiles and ports.
func entries(n, profiles, ports int) []byte {
	c := rogue.Card{Name: "card", Active: "p"}
	for range profiles {
		c.Profiles = append(c.Profiles, rogue.Profile{Name: "p"})
	}
	for range ports {
		c.Ports = append(c.Ports, rogue.CardPort{Name: "x", Profiles: []string{"p"}})
	}
	return bytes.Repeat(c.Tags(), n)
}

// The sound server's ports, cards and profiles, honest and not. No server without
// hardware has any, so that this is where the built program meets them. sink, port
// and profile are where the stream 7 is in the end; 8 is another application's,
// which must be on the same sink whenever that is of the card.
func TestASoundServerMisbehavesAboutPorts(t *testing.T) {
	const ports, profiles = `sinks = ["Speakers:line", "Speakers:phones"]`, `sinks = ["a", "Built-in:hdmi"]`
	l := lab.Start(t)
	program := lab.Binary(t, "patoggle")
	one := rogue.Card{Name: "card"}.Tags()
	long := rogue.Card{Index: 0, Name: "card", Active: "analog", Props: map[string]string{"device.description": "Built-in"}, Profiles: []rogue.Profile{{Name: fill(900), Sinks: make([]rogue.Sink, 1)}}, Ports: []rogue.CardPort{{Name: "hdmi", Description: "HDMI", Profiles: []string{fill(900)}}}}
	for i, tale := range []struct {
		tale
		config        string
		sink          uint32
		port, profile string
	}{
		{tale{name: "a port", says: "switched Speakers to its port Headphones; Other goes along\nPlayer → Speakers: Headphones"}, ports, 1, "phones", "analog"},
		{tale{name: "a port on PipeWire", world: onPipeWire, says: "Player → Speakers: Headphones"}, ports, 1, "phones", "analog"},
		{tale{name: "a port, dry", args: []string{"--dry-run"}, says: "would switch Speakers to its port Headphones; Other goes along\nwould move Player → Speakers: Headphones"}, ports, 1, "line", "analog"},
		{tale{name: "a profile", says: "switched Built-in from the profile analog to hdmi, for its port HDMI; Other goes along\nPlayer → Built-in: HDMI"}, profiles, 50, "hdmi", "hdmi"},
		{tale{name: "a profile on PipeWire", world: onPipeWire, says: "Player → Built-in: HDMI"}, profiles, 50, "hdmi", "hdmi"},
		{tale{name: "a profile, dry", args: []string{"-n"}, says: "would switch Built-in from the profile analog to hdmi"}, profiles, 1, "line", "analog"},
		{tale{name: "a server module plays on the card", world: func(w *rogue.World) { w.Streams[1].Client = rogue.None }, code: 1, says: "would be left silent"}, profiles, 1, "line", "analog"},

		{tale{name: "a port is never answered", Behaviour: at(rogue.OpPort, silent), code: 1, says: "did not answer while switching", slow: true}, ports, 1, "phones", "analog"},
		{tale{name: "a port is denied", Behaviour: rogue.Behaviour{Still: true, Answer: at(rogue.OpPort, failure(rogue.AccessDenied)).Answer}, code: 1, says: "does not let us switch Speakers"}, ports, 1, "line", "analog"},
		{tale{name: "there is no such port", Behaviour: rogue.Behaviour{Still: true, Answer: at(rogue.OpPort, failure(rogue.NoEntity)).Answer}, code: 1, says: "Speakers has no longer the port Headphones"}, ports, 1, "line", "analog"},
		{tale{name: "a port is answered with values", Behaviour: instead(rogue.OpPort, rogue.Tags(nil).U32(1)), code: 1, says: babble}, ports, 1, "phones", "analog"},
		{tale{name: "the end during a port", Behaviour: at(rogue.OpPort, func(c *rogue.Conn, _ rogue.Request, _ []byte) { c.Close() }), code: 1, says: "went away while switching"}, ports, 1, "phones", "analog"},

		{tale{name: "no cards", Behaviour: instead(rogue.OpCardList, nil), code: 3, says: `"Built-in:hdmi" in "sinks" fits no sink`}, profiles, 1, "line", "analog"},
		{tale{name: "cards are never answered", Behaviour: at(rogue.OpCardList, silent), code: 1, says: unanswered, slow: true}, profiles, 1, "line", "analog"},
		{tale{name: "half a card", Behaviour: instead(rogue.OpCardList, one[:len(one)/2]), code: 1, says: babble}, profiles, 1, "line", "analog"},
		{tale{name: "a card and a byte", Behaviour: instead(rogue.OpCardList, append(bytes.Clone(one), 'N')), code: 1, says: babble}, profiles, 1, "line", "analog"},
		{tale{name: "a sink for a card", Behaviour: instead(rogue.OpCardList, rogue.Sink{Name: "a"}.Tags()), code: 1, says: babble}, profiles, 1, "line", "analog"},
		{tale{name: "4 billion profiles announced", Behaviour: instead(rogue.OpCardList, rogue.Tags(nil).U32(0).Text("c").U32(0).Text("d").U32(0xFFFFFFFF)), code: 1, says: babble}, profiles, 1, "line", "analog"},
		{tale{name: "9,000 ports", Behaviour: instead(rogue.OpCardList, entries(1, 1, 9000)), code: 3, says: "fits no sink"}, profiles, 1, "line", "analog"},
		{tale{name: "30,000 ports", Behaviour: instead(rogue.OpCardList, entries(1, 1, 30000)), code: 1, says: babble}, profiles, 1, "line", "analog"},
		{tale{name: "10,001 cards", Behaviour: instead(rogue.OpCardList, entries(10001, 0, 0)), code: 1, says: babble}, profiles, 1, "line", "analog"},
		{tale{name: "a profile whose name is too long for a request", Behaviour: instead(rogue.OpCardList, long.Tags()), code: 1, says: "the name is too long"}, profiles, 1, "line", "analog"},

		{tale{name: "a profile is never answered", Behaviour: rogue.Behaviour{Still: true, Answer: at(rogue.OpProfile, silent).Answer}, code: 1, says: "did not answer while switching", slow: true}, profiles, 1, "line", "analog"},
		{tale{name: "a profile is denied", Behaviour: rogue.Behaviour{Still: true, Answer: at(rogue.OpProfile, failure(rogue.AccessDenied)).Answer}, code: 1, says: "does not let us switch Built-in"}, profiles, 1, "line", "analog"},
		{tale{name: "there is no such profile", Behaviour: rogue.Behaviour{Still: true, Answer: at(rogue.OpProfile, failure(rogue.NoEntity)).Answer}, code: 1, says: "Built-in has no longer the profile hdmi"}, profiles, 1, "line", "analog"},
		{tale{name: "the sink of a profile never comes", Behaviour: rogue.Behaviour{Still: true}, code: 1, says: "no sink with the port HDMI came in time", slow: true}, profiles, 1, "line", "analog"},
		{tale{name: "the sink that comes has another port", world: func(w *rogue.World) { w.Cards[0].Profiles[1].Sinks[0].Ports[0].Name = "x" }, code: 1, says: "the profile was set back to analog", slow: true}, profiles, 1, "line", "analog"},
	} {
		t.Run(tale.name, func(t *testing.T) {
			t.Parallel()
			timeout := knowing
			if tale.slow {
				timeout = waiting
			}
			w := usual(os.Getpid(), "hostile.test")
			carded(&w)
			if tale.world != nil {
				tale.world(&w)
			}
			file := fmt.Sprintf("%s/ports-%d.toml", l.Dir, i)
			if err := os.WriteFile(file, []byte(tale.config), 0o600); err != nil {
				t.Fatal(err)
			}
			s := listen(t, fmt.Sprintf("unix:%s/ports-%d", l.Runtime, i), w)
			s.Behave(tale.Behaviour, w)
			env := []string{"PULSE_SERVER=" + s.Address, "XDG_STATE_HOME=" + t.TempDir()}
			r := l.Run(env, program, append([]string{"--stream", "7", "--config", file, "--timeout", timeout.String()}, tale.args...)...)
			t.Logf("exit code %d after %v, %.1f MB: %.300s%.300s", r.Code, r.Took.Round(time.Millisecond), float64(r.MaxRSS)/1e6, r.Stdout, r.Stderr)
			wellSpoken(t, "patoggle", r)
			if r.Code != tale.code || !strings.Contains(r.Stdout+r.Stderr, tale.says) {
				t.Errorf("exit code %d, want %d with %q\nstdout: %.500s\nstderr: %.500s", r.Code, tale.code, tale.says, r.Stdout, r.Stderr)
			}
			if !lab.InTime(r.Took, timeout) {
				t.Errorf("took %v", r.Took)
			}
			if r.MaxRSS > most {
				t.Errorf("had %d bytes of memory", r.MaxRSS)
			}
			if on := s.On(7); on != tale.sink || s.Port(on) != tale.port || s.Profile(0) != tale.profile {
				t.Errorf("it is on sink %d, port %q, profile %q, want %d, %q, %q", on, s.Port(on), s.Profile(0), tale.sink, tale.port, tale.profile)
			}
			if on := s.On(8); on != tale.sink {
				t.Errorf("the other stream is on sink %d, the card's is %d", on, tale.sink)
			}
		})
	}
}

func TestAKeyOfTheDaemonSwitchesAPort(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/ports.toml"
	if err := os.WriteFile(file, []byte(`sinks = ["a", "Built-in:hdmi"]`), 0o600); err != nil {
		t.Fatal(err)
	}
	p := newPost(t, "", "--verbose", "--config", file)
	w := p.world()
	carded(&w)
	p.sound.Behave(rogue.Behaviour{}, w)
	p.press()
	text, _ := p.said()
	if !strings.Contains(text, "switched Built-in from the profile analog to hdmi, for its port HDMI; Other goes along") {
		t.Errorf("it said %q", text)
	}
	p.Until("the streams on the card's new sink", func() bool { return p.sound.On(7) == 50 && p.sound.On(8) == 50 })
	if p.sound.Profile(0) != "hdmi" || p.sound.Port(50) != "hdmi" {
		t.Errorf("the profile is %q, the port %q", p.sound.Profile(0), p.sound.Port(50))
	}
}

func TestListAndWhyTellOfPortsAndProfiles(t *testing.T) {
	l := lab.Start(t)
	program := lab.Binary(t, "patoggle")
	w := usual(os.Getpid(), "hostile.test")
	carded(&w)
	s := listen(t, fmt.Sprintf("unix:%s/told", l.Runtime), w)
	file := l.Dir + "/told.toml"
	if err := os.WriteFile(file, []byte(`sinks = ["Built-in:hdmi", "Speakers:phones", "c"]`), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) lab.Result {
		return l.Run([]string{"PULSE_SERVER=" + s.Address}, program, lab.Unhurried(append(args, "--config", file)...)...)
	}
	for _, tale := range []struct {
		args []string
		says []string
	}{
		{[]string{"list"}, []string{"Built-in: HDMI", "reachable", "by the profile hdmi", "Speakers: Headphones", "by its port"}},
		{[]string{"list", "--json"}, []string{`"reachable":[{"name":"card:hdmi","description":"Built-in: HDMI","nickname":"","available":"unknown","in_cycle":true,"ring":1,"port":"hdmi","profile":"hdmi"}`, `"port":"phones","profile":""`}},
		{[]string{"list", "sinks", "--menu"}, []string{"Built-in: HDMI\n", "Speakers: Headphones\n"}},
		{[]string{"why", "--stream", "7"}, []string{"the next press switches Built-in from the profile analog to hdmi, for its port HDMI; Other goes along"}},
		{[]string{"why", "--stream", "7", "--json"}, []string{`"switch":"the next press switches Built-in`}},
		{[]string{"config", "check"}, []string{"is good"}},
	} {
		r := run(tale.args...)
		for _, want := range tale.says {
			if r.Code != 0 || !strings.Contains(r.Stdout, want) {
				t.Errorf("%q: code %d, no %q in\n%s%s", tale.args, r.Code, want, r.Stdout, r.Stderr)
			}
		}
		if strings.Contains(r.Stdout+r.Stderr, "42949672") || strings.Contains(r.Stderr, "fits no sink") {
			t.Errorf("%q: %s%s", tale.args, r.Stdout, r.Stderr)
		}
	}
	if s.Profile(0) != "analog" || s.On(7) != 1 {
		t.Error("looking has switched something")
	}
}

package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/lab/puppet"
)

func TestHostileStreamNames(t *testing.T) {
	onBoth(t, func(t *testing.T, d *desk) {
		fill := func(n int) []byte { return bytes.Repeat([]byte("n"), n) }
		names := [][]byte{
			fill(1023), fill(1024), fill(5000), fill(60000),
			[]byte("\x1b[2J\x1b]0;owned\x07 escape sequences \u009b31m"),
			[]byte("bidi \u202egnp.exe\u2066"),
			[]byte("\xff\xfe not UTF-8 \xc3"),
			[]byte("line\nbreak\rand\ttab"),
			[]byte(strings.Repeat("雪", 2000)),
			nil,
		}
		p := d.Puppet(lab.Act{Windows: []puppet.Window{{Title: []byte("\x1b[31mtitle\x07"), Class: "Host\x1bile", PID: puppet.OwnPID}}})
		other := d.Player("other")
		rest := other.WaitStream()
		d.display.Focus(p.Windows[0])
		d.stays(3, `Host\x1bile is not playing anything`)
		for _, name := range names {
			s := d.Puppet(lab.Act{
				Client:  map[string]string{"application.name": "evil \x1b[31m <b>"},
				Windows: []puppet.Window{{Title: name, Class: "Evil\x1b", PID: puppet.OwnPID}},
				Streams: []puppet.Stream{{Media: name}},
			})
			d.display.Focus(s.Windows[0])
			d.run("--to", "a") // the servers remember where the application was
			d.moves("b", "pid", s.Streams)
			for _, args := range [][]string{{"list"}, {"list", "--json"}, {"why"}, {"why", "--json"}, {"-n", "-v"}} {
				d.expect(0, "", args...)
			}
			r := d.expect(0, "evil ", "--to", "c", "-v")
			if len(r.Stdout)+len(r.Stderr) > 4096 {
				t.Errorf("a name of %d bytes makes %d bytes of output", len(name), len(r.Stdout)+len(r.Stderr))
			}
			s.Kill()
		}
		if on := d.where()[rest]; on != "a" {
			t.Errorf("the other application's stream went to %q", on)
		}
	})
}

func TestStreamsThatEndUnderTheMove(t *testing.T) {
	onBoth(t, func(t *testing.T, d *desk) {
		for range 10 {
			s := d.sound.Tone(puppet.Stream{Media: []byte("short")})
			done := make(chan struct{})
			go func() {
				defer close(done)
				s.Kill()
			}()
			r := d.run("--stream", itoa(s.Streams[0]))
			<-done
			told := strings.Contains(r.Stderr, "there is no stream") || strings.Contains(r.Stderr, "has just stopped playing")
			if r.Code != 0 && !((r.Code == 1 || r.Code == 3) && told) {
				t.Errorf("exit code %d: %s", r.Code, r.Stderr)
			}
		}
	})
}

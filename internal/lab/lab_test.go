package lab

import (
	"strings"
	"testing"
)

// servers runs a test on both sound servers.
func servers(t *testing.T, f func(t *testing.T, l *Lab, s *Sound)) {
	for name, start := range map[string]func(*Lab, ...string) *Sound{
		"pulseaudio": (*Lab).PulseAudio,
		"pipewire":   (*Lab).PipeWire,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := Start(t)
			s := start(l, "a=Speakers", "b=USB Headphones")
			t.Logf("ready after %v", s.Took)
			f(t, l, s)
		})
	}
}

func TestMpvPlaysInAWindow(t *testing.T) {
	servers(t, func(t *testing.T, l *Lab, s *Sound) {
		d := l.Display()
		t.Logf("display ready after %v", d.Took)
		p, q := l.Player("one"), l.Player("two")
		pw, qw := p.WaitWindow(), q.WaitWindow()
		ps, qs := p.WaitStream(), q.WaitStream()
		if pw == qw || ps == qs {
			t.Fatalf("windows %x %x, streams %d %d", pw, qw, ps, qs)
		}
		for _, w := range []uint32{pw, qw, pw} {
			d.Focus(w)
			if got := d.Focused(); got != w {
				t.Errorf("focused 0x%x, want 0x%x", got, w)
			}
		}
		s.Move(ps, "b")
		s.Move(qs, "a")
		if p.On() != "b" || q.On() != "a" {
			t.Errorf("on %q and %q", p.On(), q.On())
		}
		for _, st := range s.Streams() {
			t.Logf("%+v", st)
		}
		t.Logf("%+v", d.Windows())
		if got := s.Pactl("list", "short", "sinks"); !strings.Contains(got, "\tb\t") {
			t.Errorf("pactl says %q", got)
		}
		for _, k := range s.Sinks() {
			t.Logf("%+v", k)
		}
	})
}

package lab

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/patoggle/patoggle/internal/lab/long"
	"github.com/patoggle/patoggle/internal/lab/puppet"
)

func TestMain(m *testing.M) {
	if how := os.Getenv("PATOGGLE_LAB_VICTIM"); how != "" {
		victim(how)
	}
	os.Exit(Main(m))
}

// servers runs a test on both sound servers, side by side, each with the sinks
// a, b and c.
func servers(t *testing.T, f func(t *testing.T, l *Lab, s *Sound)) {
	t.Parallel()
	for name, start := range map[string]func(*Lab, ...string) *Sound{
		"pulseaudio": (*Lab).PulseAudio,
		"pipewire":   (*Lab).PipeWire,
	} {
		t.Run("on "+name, func(t *testing.T) {
			t.Parallel()
			l := Start(t)
			s := start(l, "a=Speakers", "b=USB Headphones", "c")
			t.Logf("ready after %v", s.Took)
			f(t, l, s)
		})
	}
}

func TestTwoPlayersHaveTheirOwnWindowsAndStreams(t *testing.T) {
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
		d.Blur()
		s.Move(ps, "b")
		s.Move(qs, "a")
		if p.On() != "b" || q.On() != "a" {
			t.Errorf("on %q and %q", p.On(), q.On())
		}
		p.Kill()
		l.Until("the end of a killed player's stream", func() bool { _, ok := s.Stream(ps); return !ok })
		if q.On() != "a" {
			t.Errorf("the other one is on %q", q.On())
		}
	})
}

func TestWhatIsSeenAgreesWithPactl(t *testing.T) {
	servers(t, func(t *testing.T, l *Lab, s *Sound) {
		tone := s.Tone(puppet.Stream{Media: []byte("hello"), Sink: "b"})
		var want []string
		for _, k := range s.Sinks() {
			want = append(want, fmt.Sprintf("%d\t%s", k.Index, k.Name))
		}
		var got []string
		for _, line := range strings.Split(s.Pactl("list", "short", "sinks"), "\n") {
			f := strings.Split(line, "\t")
			got = append(got, f[0]+"\t"+f[1])
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) || len(got) != 3 {
			t.Errorf("pactl lists %q, we %q", got, want)
		}
		st, ok := s.Stream(tone.Streams[0])
		if !ok || st.On != "b" || st.Media != "hello" || st.PID() != tone.PID {
			t.Errorf("the stream is %+v", st)
		}
		if line, want := s.Pactl("list", "short", "sink-inputs"), fmt.Sprintf("%d\t%d\t", st.Index, st.Sink); !strings.HasPrefix(line, want) {
			t.Errorf("pactl says %q, want %q", line, want)
		}
		if got := s.Pactl("get-default-sink"); got != s.Default() {
			t.Errorf("pactl says default %q, we %q", got, s.Default())
		}
		if k, _ := s.Sink("b"); k.Description != "USB Headphones" {
			t.Errorf("description %q", k.Description)
		}
	})
}

func TestPlayerInATerminal(t *testing.T) {
	servers(t, func(t *testing.T, l *Lab, s *Sound) {
		l.Display()
		x, y := l.XTerm("loud", l.Mpv(App{Name: "song", NoWindow: true})...), l.XTerm("quiet")
		if x.WaitWindow() == y.WaitWindow() {
			t.Error("both terminals have the same window")
		}
		st, _ := s.Stream(x.WaitStream())
		if mpv := x.Find("mpv"); st.PID() != mpv {
			t.Errorf("%q from pid %d, want mpv's %d", st.Media, st.PID(), mpv)
		}
		l.Until("the name of mpv's stream", func() bool { st, _ := s.Stream(st.Index); return st.Media == "song" })
	})
}

func TestNativePipeWirePlayerHasAVerifiedPID(t *testing.T) {
	t.Parallel()
	l := Start(t)
	s := l.PipeWire("a", "b")
	l.Display()
	p := l.Play(App{Name: "native", Native: true})
	p.WaitWindow()
	st, _ := s.Stream(p.WaitStream())
	if st.ClientProps["pipewire.sec.pid"] != fmt.Sprint(p.PID) || st.ClientProps["client.api"] == "pipewire-pulse" {
		t.Errorf("stream %+v of pid %d", st, p.PID)
	}
}

func TestSandboxesHideThePID(t *testing.T) {
	servers(t, func(t *testing.T, l *Lab, s *Sound) {
		d := l.Display()
		p := l.Play(App{Name: "boxed", Sandbox: &Sandbox{}})
		q := l.Play(App{Name: "flat", Sandbox: &Sandbox{AppID: "org.example.Flat", Instance: "4711"}})
		if p.WaitWindow() == q.WaitWindow() {
			t.Error("one window for both")
		}
		for _, b := range []*Player{p, q} {
			st, _ := s.Stream(b.WaitStream())
			if pid := st.PID(); pid == 0 || pid > 9 || st.Media != b.Title {
				t.Errorf("%s: stream %q of pid %d", b.Title, st.Media, pid)
			}
		}
		info, err := os.ReadFile(fmt.Sprintf("/proc/%d/root/.flatpak-info", q.Find("mpv")))
		if err != nil || !strings.Contains(string(info), "name=org.example.Flat\n") || !strings.Contains(string(info), "instance-id=4711\n") {
			t.Errorf("in the sandbox: %q, %v", info, err)
		}
		if _, err := os.Lstat("/.flatpak-info"); err == nil {
			t.Error("/.flatpak-info is in the real root")
		}
		if len(d.Windows()) != 2 {
			t.Errorf("windows %+v", d.Windows())
		}
	})
}

func TestPuppetLies(t *testing.T) {
	servers(t, func(t *testing.T, l *Lab, s *Sound) {
		d := l.Display()
		name := "\x1b]0;owned\a\xff\xfe" + strings.Repeat("long ", 12000)
		p := l.Puppet(Act{
			Program: "liar",
			Client:  map[string]string{"application.process.id": "1", "application.name": "Honest"},
			Streams: []puppet.Stream{{Media: []byte(name), Sink: "a"}, {Media: []byte("fixed"), Sink: "b", NoMove: true}, {Media: []byte("corked"), Sink: "c", Corked: true}},
			Windows: []puppet.Window{
				{Title: []byte("panel"), Class: "Panel", Type: "_NET_WM_WINDOW_TYPE_DOCK"},
				{Title: []byte("far"), Class: "Far", Instance: "far", Machine: "elsewhere", PID: 1},
				{Title: []byte("main"), PID: puppet.OwnPID},
				{Title: []byte("dialog"), TransientForLast: true},
			},
		})
		var media []string
		for i, index := range p.Streams {
			st, ok := s.Stream(index)
			if !ok || st.On != []string{"a", "b", "c"}[i] || st.PID() != 1 || st.Corked != (i == 2) {
				t.Errorf("stream %d is on %q, pid %d, corked %v", i, st.On, st.PID(), st.Corked)
			}
			media = append(media, st.Media)
		}
		t.Logf("of a name of %d bytes %d are shown", len(name), len(media[0]))
		if !slices.Equal(media[1:], []string{"fixed", "corked"}) {
			t.Errorf("names %q", media[1:])
		}
		if st, _ := s.Stream(p.Streams[0]); st.ClientProps["application.process.binary"] != "liar" {
			t.Errorf("client %q", st.ClientProps)
		}
		k, _ := s.Sink("c")
		c, err := s.conn()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Move(observeTime, uint32(p.Streams[1]), uint32(k.Index)); err == nil {
			t.Error("a stream that must not move was moved")
		} else {
			t.Logf("moving the fixed one: %v", err)
		}
		pids := map[string]int{}
		for _, w := range d.Windows() {
			pids[w.Title] = w.PID
		}
		if len(pids) != 4 || pids["panel"] != 0 || pids["far"] != 1 || pids["main"] != p.PID || pids["dialog"] != 0 {
			t.Errorf("windows %v of pid %d", pids, p.PID)
		}
		if owner := d.x.number(p.Windows[3], "WM_TRANSIENT_FOR"); owner != p.Windows[2] {
			t.Errorf("the dialog is transient for 0x%x", owner)
		}
		d.KillWindow(p.Windows[2])
		l.Until("the end of a puppet whose display connection was killed", func() bool { return !p.Alive() })
	})
}

func TestPuppetInASandboxTellsItsInnerPID(t *testing.T) {
	t.Parallel()
	l := Start(t)
	s := l.PulseAudio("a")
	p := l.Puppet(Act{Sandbox: &Sandbox{}, Streams: []puppet.Stream{{Media: []byte("x")}}})
	st, _ := s.Stream(p.Streams[0])
	if p.Inner == 0 || p.Inner > 9 || st.PID() != p.Inner {
		t.Errorf("inner pid %d, stream pid %d", p.Inner, st.PID())
	}
	if pid := p.Find("puppet"); pid == p.Inner {
		t.Errorf("outer pid is %d as well", pid)
	}
}

func TestSinksComeAndGo(t *testing.T) {
	servers(t, func(t *testing.T, l *Lab, s *Sound) {
		first := s.Sinks()[0].Index
		module := s.AddSink("d=Fourth")
		if k, ok := s.Sink("d"); !ok || k.Description != "Fourth" {
			t.Errorf("sink %+v", k)
		}
		s.Unload(module)
		l.Until("the end of sink d", func() bool { _, ok := s.Sink("d"); return !ok })
		s.AddSink("e")
		if k, _ := s.Sink("e"); k.Index <= first+3 {
			t.Errorf("indices are reused: %+v", s.Sinks())
		}
	})
}

func TestAStoppedServerGoesOn(t *testing.T) {
	servers(t, func(t *testing.T, l *Lab, s *Sound) {
		s.Stop()
		if r := l.Exec(Cmd{Name: "timeout", Args: []string{"0.2", "pactl", "info"}}); r.Code != 124 {
			t.Errorf("a stopped server answers: %+v", r)
		}
		s.Continue()
		if info := s.Pactl("info"); !strings.Contains(info, "Server Name") {
			t.Errorf("info: %q", info)
		}
	})
}

func TestAServerComesBackOnTheSameSocket(t *testing.T) {
	servers(t, func(t *testing.T, l *Lab, s *Sound) {
		s.Kill()
		if r := l.Run([]string{"LC_ALL=C"}, "pactl", "info"); r.Code == 0 {
			t.Errorf("a killed server answers: %+v", r)
		}
		s.Restart()
		if n := len(s.Sinks()); n != 3 {
			t.Errorf("%d sinks after the restart", n)
		}
		s.Tone(puppet.Stream{Media: []byte("again")})
	})
}

func TestServerOverTCPWantsTheCookie(t *testing.T) {
	t.Parallel()
	l := Start(t)
	s := l.PulseAudioWith(SoundOptions{Sinks: []string{"a"}, Cookie: true, TCP: true})
	if r := l.Run([]string{"PULSE_SERVER=" + s.TCP}, "pactl", "info"); r.Code != 0 {
		t.Errorf("with the cookie: %+v", r)
	}
	if r := l.Run([]string{"PULSE_SERVER=" + s.TCP, "PULSE_COOKIE"}, "pactl", "info"); r.Code == 0 {
		t.Errorf("without the cookie: %+v", r)
	}
}

func TestTCPPeer(t *testing.T) {
	t.Parallel()
	l := Start(t)
	for _, s := range []*Sound{l.PulseAudioWith(SoundOptions{Sinks: []string{"a"}, TCP: true}), l.PipeWireWith(SoundOptions{Sinks: []string{"a"}, TCP: true})} {
		p := l.Puppet(Act{Server: s.TCP, Streams: []puppet.Stream{{Media: []byte("far")}}})
		st, ok := s.Stream(p.Streams[0])
		if peer := st.ClientProps["native-protocol.peer"] + st.ClientProps["pulse.server.type"]; !ok || !strings.HasPrefix(strings.ToLower(peer), "tcp") {
			t.Errorf("the peer is %q: %+v", peer, st)
		}
	}
}

func TestWindowsOfTheFirstMomentAreManaged(t *testing.T) {
	t.Parallel()
	for i := range long.Count(8, 100) {
		t.Run(fmt.Sprint("display ", i), func(t *testing.T) {
			t.Parallel()
			l := Start(t)
			l.Display()
			l.Puppet(Act{Windows: []puppet.Window{{Title: []byte("early")}, {Title: []byte("dialog"), TransientForLast: true}}})
		})
	}
}

func TestDisplayWithoutWindowManager(t *testing.T) {
	t.Parallel()
	l := Start(t)
	d := l.Display(NoWM, XvfbArgs("-extension", "X-Resource"))
	if d.WM != nil || d.x.number(d.x.root, "_NET_SUPPORTING_WM_CHECK") != 0 {
		t.Error("there is a window manager")
	}
	if r := l.Run(nil, "xdpyinfo", "-queryExtensions"); r.Code != 0 || strings.Contains(r.Stdout, "X-Resource") {
		t.Errorf("extensions: %+v", r)
	}
	p := l.Puppet(Act{Windows: []puppet.Window{{Title: []byte("bare")}}})
	d.WaitWindow("the puppet", func(w Window) bool { return w.Title == "bare" })
	d.Focus(p.Windows[0])
	d.Blur()
}

func TestDisplayWithAuthority(t *testing.T) {
	t.Parallel()
	l := Start(t)
	d := l.Display(Auth)
	if r := l.Run(nil, "xdpyinfo"); r.Code != 0 {
		t.Errorf("with the cookie: %+v", r)
	}
	if r := l.Run([]string{"XAUTHORITY=/nonexistent"}, "xdpyinfo"); r.Code == 0 {
		t.Error("the display opens without the cookie")
	}
	l.Puppet(Act{Windows: []puppet.Window{{Title: []byte("x")}}})
	if n := len(d.Windows()); n != 1 {
		t.Errorf("%d windows", n)
	}
}

func TestKeysReachTheFocusedWindow(t *testing.T) {
	t.Parallel()
	l := Start(t)
	d := l.Display()
	x := l.XTerm("typing", "sh", "-c", `read line; echo "$line" >`+l.Dir+`/typed`)
	d.Focus(x.WaitWindow())
	d.Key("h", "i", "Return")
	l.Until("the typed line", func() bool {
		b, err := os.ReadFile(l.Dir + "/typed")
		return err == nil && string(b) == "hi\n"
	})
}

func TestRun(t *testing.T) {
	t.Parallel()
	l := Start(t)
	r := l.Exec(Cmd{Name: "sh", Args: []string{"-c", `cat; echo "$A" >&2; exit 7`}, Env: []string{"A=b"}, Stdin: "in"})
	if r.Stdout != "in" || r.Stderr != "b\n" || r.Code != 7 || r.Took <= 0 {
		t.Errorf("%+v", r)
	}
	if r := l.Run(nil, "sh", "-c", "kill -TERM $$"); r.Code != 128+15 {
		t.Errorf("%+v", r)
	}
	big := strings.Repeat("x", 1<<20)
	if r := l.Exec(Cmd{Name: "cat", Stdin: big}); r.Stdout != big {
		t.Errorf("%d bytes came back", len(r.Stdout))
	}
	if r := l.Run(nil, "env"); !strings.Contains(r.Stdout, "HOME="+l.Home+"\n") || strings.Contains(r.Stdout, "HOME="+os.Getenv("HOME")+"\n") {
		t.Errorf("environment %q", r.Stdout)
	}
	if r := l.Run([]string{"DISPLAY", "LANG"}, "env"); strings.Contains(r.Stdout, "LANG=") {
		t.Errorf("environment %q", r.Stdout)
	}
	if _, err := l.exec(Cmd{Name: "sleep", Args: []string{"60"}, Timeout: 1e7}); err == nil {
		t.Error("a program that does not end is waited for")
	}
	if _, err := l.exec(Cmd{Name: "no-such-program"}); !errors.As(err, new(*MissingError)) {
		t.Errorf("a missing program is %v", err)
	}
	if r := l.Run(nil, "sh", "-c", "sleep 60 & echo done"); r.Stdout != "done\n" {
		t.Errorf("%+v", r)
	}
}

func TestTryReportsWhatFails(t *testing.T) {
	t.Parallel()
	l, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.Try(func() { l.Spawn("no-such-program") }); !errors.As(err, new(*MissingError)) {
		t.Errorf("got %v", err)
	}
	if err := l.Try(func() {}); err != nil {
		t.Errorf("got %v", err)
	}
}

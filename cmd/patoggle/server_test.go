package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
)

// machineID is what libpulse puts into braces before a server's address.
func machineID(t *testing.T) string {
	t.Helper()
	for _, file := range []string{"/etc/machine-id", "/var/lib/dbus/machine-id"} {
		if b, err := os.ReadFile(file); err == nil && len(strings.TrimSpace(string(b))) == 32 {
			return strings.TrimSpace(string(b))
		}
	}
	lab.Missing(t, "a machine id")
	return ""
}

func TestServersThatDoNotServe(t *testing.T) {
	t.Parallel()
	d := &desk{t: t, Lab: lab.Start(t), program: lab.Binary(t, "patoggle")}
	quick := func(sentence string, env ...string) {
		t.Helper()
		for _, args := range [][]string{{"--all"}, {"list"}, {"why"}} {
			r := d.expectIn(env, 1, sentence, append(args, "--timeout", "500ms")...)
			if !lab.InTime(r.Took, 500*time.Millisecond) {
				t.Errorf("%q took %v", args, r.Took)
			}
		}
	}
	serve := func(name string, each func(net.Conn)) string {
		t.Helper()
		socket := filepath.Join(d.Dir, name)
		l, err := net.Listen("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				each(c)
			}
		}()
		t.Cleanup(func() { l.Close(); <-done })
		return "PULSE_SERVER=unix:" + socket
	}

	quick("cannot reach the sound server")
	quick("there is no such socket", "PULSE_SERVER=unix:"+d.Dir+"/nothing")
	quick("does not answer", serve("silent", func(c net.Conn) { t.Cleanup(func() { c.Close() }) }))
	quick("cannot reach the sound server", serve("closing", func(c net.Conn) { c.Close() }))
	quick("cannot reach the sound server", "PULSE_SERVER=unix:relative/path")
	quick("cannot reach the sound server", "PULSE_SERVER={0123456789abcdef0123456789abcdef}unix:"+d.Dir+"/nothing")
	quick("cannot reach the sound server", "PULSE_SERVER={abc")
	quick("cannot reach the sound server", "PULSE_SERVER")

	file := filepath.Join(d.Dir, "not-a-socket")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	quick("cannot reach the sound server", "PULSE_SERVER=unix:"+file)
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(d.Dir, "dead")})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	quick("cannot reach the sound server", "PULSE_SERVER=unix:"+filepath.Join(d.Dir, "dead"))
}

func TestTheServerIsFoundAsLibpulseFindsIt(t *testing.T) {
	onBoth(t, func(t *testing.T, d *desk) {
		good := "unix:" + d.sound.Socket
		d.Player("one").WaitStream()
		for _, env := range [][]string{
			{"PULSE_SERVER=" + good},
			{"PULSE_SERVER=" + d.sound.Socket},
			{"PULSE_SERVER={" + machineID(t) + "}" + good},
			{"PULSE_SERVER=unix:/nonexistent/native " + good},
			{"PULSE_SERVER={0123456789abcdef0123456789abcdef}unix:/elsewhere tcp:127.0.0.1:1 {" + machineID(t) + "}" + good},
			{"PULSE_SERVER"},                       // PULSE_RUNTIME_PATH
			{"PULSE_SERVER", "PULSE_RUNTIME_PATH"}, // XDG_RUNTIME_DIR
		} {
			d.expectIn(env, 0, "mpv", "list")
		}
		conf := filepath.Join(d.Dir, "client.conf")
		if err := os.WriteFile(conf, []byte("; a comment\ndefault-server = "+good+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		away := []string{"PULSE_SERVER", "PULSE_RUNTIME_PATH=/nonexistent", "XDG_RUNTIME_DIR=/nonexistent"}
		d.expectIn(append(away, "PULSE_CLIENTCONFIG="+conf), 0, "mpv", "list")
		d.expectIn(away, 1, "cannot reach the sound server", "list")
		d.expectIn(away, 0, "mpv", "list", "--server", good)
	})
}

func TestTheCookieOpensTCP(t *testing.T) {
	t.Parallel()
	d := &desk{t: t, Lab: lab.Start(t), program: lab.Binary(t, "patoggle")}
	d.sound = d.PulseAudioWith(lab.SoundOptions{Sinks: sinks, Cookie: true, TCP: true})
	d.expect(0, "Speakers", "list", "--server", d.sound.TCP)
	if err := os.Chmod(d.sound.CookieFile, 0o644); err != nil {
		t.Fatal(err)
	}
	r := d.expect(0, "Speakers", "list", "-v", "--server", d.sound.TCP)
	if !strings.Contains(r.Stderr, "patoggle: warning: ") || !strings.Contains(r.Stderr, "cookie") {
		t.Errorf("a cookie that others can read is not warned about: %s", r.Stderr)
	}
	wrong := filepath.Join(d.Dir, "wrong-cookie")
	if err := os.WriteFile(wrong, make([]byte, 256), 0o600); err != nil {
		t.Fatal(err)
	}
	d.expectIn([]string{"PULSE_COOKIE=" + wrong}, 1, "denies access", "list", "--server", d.sound.TCP)
	// On the unix socket the kernel says who we are.
	d.expectIn([]string{"PULSE_COOKIE=" + wrong}, 0, "Speakers", "list")
	d.expectIn([]string{"PULSE_COOKIE=/nonexistent"}, 0, "Speakers", "list")
}

func TestAStoppedSoundServer(t *testing.T) {
	onBoth(t, func(t *testing.T, d *desk) {
		s := d.front(d.Player("one"))
		d.sound.Stop()
		for _, args := range [][]string{nil, {"list"}, {"--stream", itoa(s)}} {
			r := d.expect(1, "does not answer", append(args, "--timeout", "500ms")...)
			if !lab.InTime(r.Took, 500*time.Millisecond) {
				t.Errorf("%q took %v", args, r.Took)
			}
		}
		// It waits for as long as it is told, no matter how slow the machine is.
		if r := d.expect(1, "does not answer", "list", "--timeout", "4s"); r.Took < 3*time.Second {
			t.Errorf("it gives up after %v", r.Took)
		}
		d.sound.Continue()
		d.Until("the server to be itself again", func() bool { return d.where()[s] == "a" })
		d.moves("b", "pid", []int{s})
	})
}

package notify

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/patoggle/patoggle/internal/lab"
)

// dunst puts dunst on a session bus that starts it when it is asked for, and
// returns the number of notes on its screen.
func dunst(t *testing.T, l *lab.Lab) (displayed func() uint32) {
	t.Helper()
	lab.Need(t, "dunst", "dbus-daemon")
	display := l.Display()
	services := filepath.Join(l.Dir, "services")
	if err := os.Mkdir(services, 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dunstrc := filepath.Join(l.Dir, "dunstrc")
	write(dunstrc, "[global]\n    monitor = 0\n    markup = full\n    format = \"<b>%s</b>\\n%b\"\n    font = Sans 14\n    width = 400\n")
	write(filepath.Join(services, "notifications.service"),
		fmt.Sprintf("[D-BUS Service]\nName=%s\nExec=/usr/bin/env DISPLAY=%s dunst -config %s\n", service, display.Name, dunstrc))
	socket := filepath.Join(l.Runtime, "bus")
	config := filepath.Join(l.Dir, "session.conf")
	write(config, fmt.Sprintf(`<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=%s</listen>
  <auth>EXTERNAL</auth>
  <servicedir>%s</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`, socket, services))
	l.SpawnCmd(lab.Cmd{Name: "dbus-daemon", Args: []string{"--nofork", "--nopidfile", "--config-file=" + config}})
	var conn *dbus.Conn
	l.Until("the session bus", func() bool {
		var err error
		conn, err = dbus.Connect("unix:path=" + socket)
		return err == nil
	})
	t.Cleanup(func() { conn.Close() })
	return func() uint32 {
		var v dbus.Variant
		err := conn.Object(service, object).CallWithContext(within(t, 20*time.Second),
			"org.freedesktop.DBus.Properties.Get", 0, "org.dunstproject.cmd0", "displayedLength").Store(&v)
		if err != nil {
			t.Fatal(err)
		}
		n, _ := v.Value().(uint32)
		return n
	}
}

func TestDunstIsStartedByTheBusAndStacksNothing(t *testing.T) {
	l := lab.Start(t)
	displayed := dunst(t, l)
	getenv := env("DBUS_SESSION_BUS_ADDRESS", "unix:path="+filepath.Join(l.Runtime, "bus"))
	note := func(i int) Note {
		return Note{
			Summary: fmt.Sprintf("mpv → Headphones %d", i), Body: "a song <b>&amp; more</b>\n耳机 🎧",
			Icon: "audio-headphones", Expire: time.Minute, Replace: "move",
		}
	}
	first := notifier(t, getenv)
	for i := range 3 {
		if err := first.Send(within(t, 20*time.Second), note(i)); err != nil {
			t.Fatal(err)
		}
	}
	// Other processes, that know no id.
	for i := range 3 {
		if err := notifier(t, getenv).Send(within(t, 20*time.Second), note(3+i)); err != nil {
			t.Fatal(err)
		}
	}
	if !lab.Poll(time.Minute, func() bool { return displayed() > 0 }) {
		t.Fatal("nothing is on the screen")
	}
	if n := displayed(); n != 1 {
		t.Errorf("%d notes are on the screen, want 1", n)
	}
	if err := first.Send(within(t, 20*time.Second), Note{Summary: "another tag", Replace: "reload"}); err != nil {
		t.Fatal(err)
	}
	if !lab.Poll(time.Minute, func() bool { return displayed() == 2 }) {
		t.Errorf("%d notes are on the screen, want 2", displayed())
	}
}

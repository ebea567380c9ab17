package daemon

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/patoggle/patoggle/internal/lab"
)

// compositor puts a program of that name behind the Wayland socket: the bus
// daemon, which takes connections there too.
func (r *rig) compositor(name string) {
	r.t.Helper()
	lab.Need(r.t, "dbus-daemon")
	file, err := exec.LookPath("dbus-daemon")
	if err != nil {
		r.t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		r.t.Fatal(err)
	}
	program := filepath.Join(r.t.TempDir(), name)
	if err := os.WriteFile(program, b, 0o700); err != nil {
		r.t.Fatal(err)
	}
	socket := r.Runtime + "/wayland-" + name
	r.SpawnCmd(lab.Cmd{Name: program, Args: []string{"--session", "--nofork", "--nopidfile", "--nosyslog", "--address=unix:path=" + socket}})
	r.Until("the Wayland socket", func() bool {
		_, err := os.Stat(socket)
		return err == nil
	})
	r.Setenv("WAYLAND_DISPLAY", filepath.Base(socket))
}

// plasma answers as KGlobalAccel, and counts what it is asked to register.
func (r *rig) plasma() (press func(), registered *atomic.Int64) {
	r.t.Helper()
	r.Bus()
	conn, err := dbus.Connect("unix:path=" + r.Runtime + "/bus")
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	type sequence struct{ Keys []int32 }
	registered = new(atomic.Int64)
	methods := map[string]any{
		"globalShortcutsByKey": func(sequence, struct{ T int32 }) ([]struct {
			A, B, C, D, E, F string
			G, H             []int32
		}, *dbus.Error) {
			return nil, nil
		},
		"doRegister": func([]string) *dbus.Error {
			registered.Add(1)
			return nil
		},
		"defaultShortcutKeys": func([]string) ([]sequence, *dbus.Error) { return nil, nil },
		"setShortcutKeys": func(_ []string, keys []sequence, _ uint32) ([]sequence, *dbus.Error) {
			return keys, nil
		},
		"getComponent": func(string) (dbus.ObjectPath, *dbus.Error) { return "/component/patoggle", nil },
		"setInactive":  func([]string) *dbus.Error { return nil },
	}
	if err := conn.ExportMethodTable(methods, "/kglobalaccel", "org.kde.KGlobalAccel"); err != nil {
		r.t.Fatal(err)
	}
	if _, err := conn.RequestName("org.kde.kglobalaccel", 0); err != nil {
		r.t.Fatal(err)
	}
	return func() {
		err := conn.Emit("/component/patoggle", "org.kde.kglobalaccel.Component.globalShortcutPressed", "patoggle", "next", int64(1))
		if err != nil {
			r.t.Fatal(err)
		}
	}, registered
}

// On Plasma the keys come from KGlobalAccel, although there is an X display
// too: never from both.
func TestOnPlasmaTheKeysComeFromKGlobalAccelAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	press, registered := r.plasma()
	r.compositor("kwin_wayland")
	if res := r.Run(nil, program(t), "--check"); res.Code != 0 || res.Stdout != "Super+F9 = next (KGlobalAccel)\n" {
		t.Errorf("--check: code %d, %q, %q", res.Code, res.Stdout, res.Stderr)
	}
	if n := registered.Load(); n != 0 {
		t.Errorf("--check has registered %d actions", n)
	}
	r.start("-v")
	if !r.systemd.Has("STATUS=1 hotkey in force") || registered.Load() != 1 {
		t.Errorf("the service manager was told %q, %d registered", r.systemd.All(), registered.Load())
	}
	if pids := r.helpers(); len(pids) > 0 {
		t.Errorf("keys are held on X11 too, by %v", pids)
	}
	if f9 := r.keys.code("F9"); !r.keys.free(1<<6, f9) {
		t.Error("the key is grabbed on X11 too")
	}
	press()
	r.Until("the press to be served", func() bool { return r.said("patoggled: error:") > 0 || r.said("Super+F9: ") > 0 })

	res := r.Run(nil, program(t))
	if res.Code != 1 || !strings.Contains(res.Stderr, "patoggled runs in this session already, as process "+itoa(r.daemon.PID)) {
		t.Errorf("a second one: code %d, %q", res.Code, res.Stderr)
	}
	r.end()
}

// A display that was asked for is asked, whatever the session is.
func TestADisplayThatWasAskedForGivesTheKeys(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	r.compositor("kwin_wayland")
	if res := r.Run(nil, program(t), "--check", "--display", r.display.Name); res.Code != 0 || !strings.Contains(res.Stdout, "(X11, keycode ") {
		t.Errorf("code %d, %q, %q", res.Code, res.Stdout, res.Stderr)
	}
}

func TestWhereKeysBelongToTheCompositorItSaysSoAndRunsOn(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sway", ".labwc-wrapped"} {
		r := newRig(t, "")
		r.compositor(name)
		plain, _, _ := strings.Cut(strings.TrimPrefix(name, "."), "-")
		said := "hotkeys belong to the compositor alone here, which is " + plain + "\npatoggled: hint: \"patoggle bind\" prints the line for its configuration\n"
		if res := r.Run(nil, program(t), "--check"); res.Code != 0 || res.Stderr != "patoggled: info: "+said {
			t.Errorf("%s: --check: code %d, %q", name, res.Code, res.Stderr)
		}
		r.configure(hotkeys("Super+F8"))
		if res := r.Run(nil, program(t), "--check"); res.Code != 2 || !strings.HasPrefix(res.Stderr, "patoggled: warning: "+said) {
			t.Errorf("%s: --check: code %d, %q", name, res.Code, res.Stderr)
		}
		r.start()
		r.hangup()
		if n := r.said("patoggled: warning: " + said); n != 1 {
			t.Errorf("%s: it said so %d times:\n%s", name, n, r.daemon.Log())
		}
		r.end()
	}
}

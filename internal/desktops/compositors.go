package main

import (
	_ "embed"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
)

// answers is what a compositor can say of the window in front. The zero value is
// each window's process, whoever draws it.
type answers int

const (
	// applications: an application id, from which a process has to be found.
	applications answers = iota + 1
	// xOnly: nothing, but its X11 windows can be asked for.
	xOnly
)

// cover brings something up, and what it returns takes it away again.
type cover func(*world) (func(), error)

// compositor is one that can be started without a screen.
type compositor struct {
	title string // in the table
	argv  []string
	// version is a command whose output ends in the version.
	version []string
	answers answers
	env     []string
	// prepare writes what it reads before it is started.
	prepare func(*world) error
	// settle waits for what follows its start-up.
	settle func(*world)
	// launcher brings something up that has the keyboard and is no
	// application, and the returned function takes it away again; nil when
	// that cannot be had.
	launcher cover
	lock     cover
	// lockable makes what has to be there for a lock before it is started.
	lockable func(*world) error
	// launcherUntold and lockUntold are true where the compositor goes on
	// calling the window below the focused one.
	launcherUntold, lockUntold bool
	// seatless is true where no window ever has the focus without a screen.
	seatless bool
	// What patoggle must say, where that is more than that no window has the
	// focus, or that it does not answer by its title.
	saysEmpty, saysCovered, saysLocked, saysHung string
	// unaskable is what patoggle must say of a native window where answers is
	// xOnly.
	unaskable string
	// overlay is why the launcher or the lock cannot be had.
	overlay string
}

var headless = []string{"WLR_BACKENDS=headless", "WLR_RENDERER=pixman", "WLR_LIBINPUT_NO_DEVICES=1"}

var compositors = map[string]compositor{
	"sway": {
		title: "sway", argv: []string{"sway", "-c", "HOME/sway.conf"}, version: []string{"sway", "--version"},
		env: headless, prepare: file("sway.conf", "focus_follows_mouse no\n"),
		launcher: layer, lock: swaylock, saysEmpty: "this workspace is empty",
	},
	"labwc": {
		title: "labwc", argv: []string{"labwc"}, version: []string{"labwc", "--version"},
		env: headless, answers: applications, launcher: layer, launcherUntold: true, lock: swaylock,
	},
	"wayfire": {
		title: "wayfire", argv: []string{"wayfire", "-c", "HOME/wayfire.ini"}, version: []string{"wayfire", "--version"},
		env: headless, launcher: layer, lock: swaylock, lockUntold: true,
		prepare: file("wayfire.ini", "[core]\nplugins = ipc ipc-rules foreign-toplevel wm-actions place session-lock\nxwayland = true\n"),
	},
	"phoc": {
		title: "phoc", argv: []string{"phoc", "-C", "HOME/phoc.ini"}, version: []string{"phoc", "--version"},
		env: headless, answers: applications, prepare: file("phoc.ini", "[core]\nxwayland=true\n"),
		launcher: layer, overlay: "swaylock and phoc do not get on", saysHung: "Phosh does not answer",
	},
	"hyprland": {
		title: "Hyprland", argv: []string{"Hyprland"}, version: []string{"Hyprland", "--version"},
		env: []string{"HYPRLAND_HEADLESS_ONLY=1"},
	},
	"weston": {
		title: "Weston", argv: []string{"weston", "--backend=headless-backend.so", "--xwayland", "--socket=wayland-weston"},
		version: []string{"weston", "--version"}, answers: xOnly, seatless: true, unaskable: "Weston cannot be asked",
		overlay: "no layer shell",
	},
	"kwin": {
		title: "KWin", version: []string{"HOME/kwin_wayland", "--version"},
		argv:    []string{"HOME/kwin_wayland", "--virtual", "--xwayland", "--socket", "wayland-kde"},
		prepare: copied("kwin_wayland"), env: []string{"XDG_CURRENT_DESKTOP=KDE"},
		launcher: layer, lock: kwinLock, saysLocked: "the screen is locked",
	},
	"gnome": {
		title: "GNOME", version: []string{"HOME/gnome-shell", "--version"},
		argv:    []string{"HOME/gnome-shell", "--headless", "--wayland", "--virtual-monitor", "1280x800"},
		prepare: gnomeShell, env: gnomeEnv, settle: shutOverview,
		answers: xOnly, unaskable: "GNOME cannot be asked", overlay: "without the extension nobody tells",
	},
	"gnome-extension": {
		title: "GNOME with the extension", version: []string{"HOME/gnome-shell", "--version"},
		argv:    []string{"HOME/gnome-shell", "--headless", "--wayland", "--virtual-monitor", "1280x800"},
		prepare: extended, env: gnomeEnv, settle: shutOverview,
		launcher: overview, lock: gnomeLock, lockable: login, saysEmpty: "this workspace is empty",
		saysCovered: "the overview is open", saysLocked: "the screen is locked", saysHung: "GNOME does not answer",
	},
}

// The settings come from a file, so that no service has to be there.
var gnomeEnv = []string{"XDG_CURRENT_DESKTOP=GNOME", "GSETTINGS_BACKEND=keyfile"}

// file writes a file into the home folder.
func file(name, text string) func(*world) error {
	return func(w *world) error { return os.WriteFile(w.Home+"/"+name, []byte(text), 0o600) }
}

// copied makes a copy of a program: one with file capabilities does not run as
// it is in a namespace of an ordinary user's, and the copy has none.
func copied(name string) func(*world) error {
	return func(w *world) error {
		b, err := os.ReadFile("/usr/bin/" + name)
		if err != nil {
			return err
		}
		return os.WriteFile(w.Home+"/"+name, b, 0o700)
	}
}

// gnomeShell is copied, with a bus in the place of the system's: the shell does
// not start up without one.
func gnomeShell(w *world) error {
	bus := w.Runtime + "/system"
	w.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path="+bus)
	w.Spawn("dbus-daemon", "--session", "--nofork", "--nopidfile", "--address=unix:path="+bus)
	w.Until("the system bus", func() bool { return newest(bus) != "" })
	return copied("gnome-shell")(w)
}

// extended is gnomeShell after an installation of the extension by patoggle, which
// finds the shell's release by the copy of its program.
func extended(w *world) error {
	if err := gnomeShell(w); err != nil {
		return err
	}
	env := append([]string{"PATH=" + w.Home + ":" + w.Getenv("PATH")}, gnomeEnv...)
	r := w.Exec(lab.Cmd{Name: w.program, Args: []string{"gnome-extension", "install", "--timeout", "30s"}, Env: env})
	if want := "the extension is installed; GNOME loads it at the next login"; r.Code != 0 || !strings.HasPrefix(r.Stdout, want) {
		return fmt.Errorf("patoggle gnome-extension install: code %d, %s%s", r.Code, r.Stdout, r.Stderr)
	}
	return nil
}

// manager is who GNOME Shell believes to be logind and GDM.
//
//go:embed login.py
var manager []byte

// login puts it on the system bus. The shell looks for it where this folder is,
// and only there.
func login(w *world) error {
	script := w.Home + "/login.py"
	if err := os.WriteFile(script, manager, 0o600); err != nil {
		return err
	}
	if err := os.MkdirAll("/run/systemd/seats", 0o755); err != nil {
		return err
	}
	p := w.Spawn("python3", script, w.Getenv("DBUS_SYSTEM_BUS_ADDRESS"))
	w.Until("the login manager", func() bool { return strings.Count(p.Log(), "org.") == 2 || !p.Alive() })
	w.Setenv("XDG_SESSION_ID", "1")
	return nil
}

// shell reads or, with a value, writes a property of the shell's.
func (w *world) shell(property string, value ...string) string {
	args := []string{"call", "--session", "-d", "org.gnome.Shell", "-o", "/org/gnome/Shell", "-m"}
	if len(value) > 0 {
		args = append(args, "org.freedesktop.DBus.Properties.Set", "org.gnome.Shell", property, value[0])
	} else {
		args = append(args, "org.freedesktop.DBus.Properties.Get", "org.gnome.Shell", property)
	}
	return w.Run(nil, "gdbus", args...).Stdout
}

// shutOverview leaves the overview in which the shell starts. Before start-up
// is complete, which the shell says in its log, it comes back, so that it has to
// stay away for a while.
func shutOverview(w *world) {
	lab.Poll(time.Minute, func() bool { return strings.Contains(w.front.Log(), "GNOME Shell started at") })
	quiet := 0
	w.Until("the overview to stay shut", func() bool {
		if strings.Contains(w.shell("OverviewActive"), "false") {
			quiet++
		} else {
			quiet = 0
			w.shell("OverviewActive", "<false>")
		}
		w.pause()
		return quiet >= 8
	})
}

func overview(w *world) (func(), error) {
	w.shell("OverviewActive", "<true>")
	w.Until("the overview", func() bool { return strings.Contains(w.shell("OverviewActive"), "true") })
	w.settleDown() // it is drawn without a graphics card, and the shell answers nobody meanwhile
	return func() { shutOverview(w) }, nil
}

func gnomeLock(w *world) (func(), error) {
	saver := func(method string, args ...string) string {
		return w.Run(nil, "gdbus", append([]string{"call", "--session", "-d", "org.gnome.Shell.ScreenShield", "-o",
			"/org/gnome/ScreenSaver", "-m", "org.gnome.ScreenSaver." + method}, args...)...).Stdout
	}
	defer os.Remove("/run/systemd/seats") // other situations have no lock
	saver("SetActive", "true")
	w.Until("the lock", func() bool { return strings.Contains(saver("GetActive"), "true") })
	w.settleDown()
	return func() {}, nil
}

// kwinLock has KWin's own screen locker lock.
func kwinLock(w *world) (func(), error) {
	saver := func(method string) lab.Result {
		return w.Run(nil, "gdbus", "call", "--session", "-d", "org.kde.KWin", "-o", "/ScreenSaver", "-m", "org.freedesktop.ScreenSaver."+method)
	}
	if r := saver("Lock"); r.Code != 0 {
		return nil, fmt.Errorf("KWin does not lock: %s", r.Stderr)
	}
	w.Until("the lock", func() bool { return strings.Contains(saver("GetActive").Stdout, "true") })
	w.settleDown()
	return func() {}, nil
}

// layer shows a launcher that is a layer surface with the keyboard.
func layer(w *world) (func(), error) {
	p := w.Spawn("wofi", "--show", "run")
	// It has no window that could be asked for: its mapping is what its own
	// log of the protocol says.
	w.settleDown()
	if !p.Alive() {
		return nil, fmt.Errorf("wofi ended: %.200s", p.Log())
	}
	return func() { p.Kill(); w.settleDown() }, nil
}

func swaylock(w *world) (func(), error) {
	ready := w.Dir + "/locked"
	var p *lab.Process
	if strings.Contains(w.Run(nil, "swaylock", "--help").Stderr, "--ready-fd") {
		// It writes a newline once the compositor has locked (swaylock(1)).
		p = w.Spawn("sh", "-c", `exec swaylock -c 000000 -R 3 3>"$0"`, ready)
		w.Until("the lock", func() bool {
			info, err := os.Stat(ready)
			return err == nil && info.Size() > 0 || !p.Alive()
		})
	} else {
		p = w.Spawn("swaylock", "-c", "000000")
	}
	if !p.Alive() {
		return nil, fmt.Errorf("swaylock ended: %.200s", p.Log())
	}
	w.settleDown()
	// SIGUSR1 unlocks it (swaylock(1)).
	return func() { p.Signal(syscall.SIGUSR1); p.Wait(); w.settleDown() }, nil
}

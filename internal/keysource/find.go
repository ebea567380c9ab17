package keysource

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Compositor names the Wayland compositor of this session, "" when there is
// none: the program behind the Wayland socket, since the variables that name
// desktops are inherited by nested ones and by tmux.
func Compositor(ctx context.Context, getenv func(string) string) string {
	name := getenv("WAYLAND_DISPLAY")
	if name == "" {
		return ""
	}
	if !filepath.IsAbs(name) {
		dir := getenv("XDG_RUNTIME_DIR")
		if dir == "" {
			return ""
		}
		name = filepath.Join(dir, name)
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", name)
	if err != nil {
		return ""
	}
	defer conn.Close()
	pid, err := peer(conn.(*net.UnixConn))
	if err != nil {
		return ""
	}
	comm, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
	if err != nil {
		return ""
	}
	return program(string(comm))
}

// program cleans a name of /proc/PID/comm. NixOS wraps programs: ".sway-wrapped",
// cut off after 15 bytes.
func program(comm string) string {
	comm = strings.TrimSpace(comm)
	if inner, ok := strings.CutPrefix(comm, "."); ok {
		inner, _, _ = strings.Cut(inner, "-w")
		return inner
	}
	return comm
}

func peer(conn *net.UnixConn) (int, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		cred, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err := errors.Join(err, failed); err != nil {
		return 0, err
	}
	return int(cred.Pid), nil
}

// Kind is how a desktop gives keys.
type Kind int

// The zero value is None: keys belong to the compositor alone.
const (
	None Kind = iota
	KDE
	GNOME
	Portal
)

// desktops are the compositors we know, by their programs' names.
var desktops = map[string]struct {
	name string
	kind Kind
}{
	"kwin_wayland":    {"Plasma", KDE},
	"kwin_wayland_wr": {"Plasma", KDE}, // the wrapper, cut off after 15 bytes
	"gnome-shell":     {"GNOME", GNOME},
	"Hyprland":        {"Hyprland", Portal},
	"sway":            {"sway", None},
	"labwc":           {"labwc", None},
	"river":           {"river", None},
	"niri":            {"niri", None},
	"wayfire":         {"wayfire", None},
	"cosmic-comp":     {"COSMIC", None},
	"phoc":            {"phosh", None},
	"weston":          {"Weston", None},
}

// Desktop is the name of a compositor's desktop for a sentence, and how it
// gives keys.
func Desktop(compositor string) (string, Kind) {
	if d, ok := desktops[compositor]; ok {
		return d.name, d.kind
	}
	return compositor, None
}

// Open gives the source of hotkeys of a Wayland compositor. The error is
// *Unusable where keys belong to the compositor alone.
func Open(compositor string, getenv func(string) string, host Host) (*Source, error) {
	name, kind := Desktop(compositor)
	switch kind {
	case KDE:
		return newSource("KGlobalAccel", host, openKDE(getenv)), nil
	case GNOME:
		return newSource("GNOME Shell", host, func(e events) hand {
			return &either{
				first: openGNOME(getenv)(e), second: openPortal(name, getenv)(e),
				unless: errNoExtension,
			}
		}), nil
	case Portal:
		return newSource("the portal for global shortcuts", host, openPortal(name, getenv)), nil
	}
	return nil, &Unusable{
		Message: "hotkeys belong to the compositor alone here, which is " + name,
		Hint:    `"patoggle bind" prints the line for its configuration`,
	}
}

package match

import (
	"strings"

	"github.com/patoggle/patoggle/internal/proc"
)

// isBarrier tells whether nothing is matched through the process: it starts
// programs that have nothing to do with each other, or it carries them to
// another place. p needs Stat.
func (w *world) isBarrier(p proc.Process) bool {
	if p.PID == 1 || w.in.Screen != nil && w.in.Screen.WindowManager != 0 && p.PID == w.in.Screen.WindowManager {
		return true
	}
	return barrierName(p.Comm)
}

// barrierName knows barriers by the kernel's name for the process, which is
// cut at 15 bytes.
func barrierName(comm string) bool {
	switch comm {
	// What runs the system or the session's services.
	case "systemd", "init", "(sd-pam)", "dinit", "runit", "runsvdir", "runsv", "s6-svscan", "s6-supervise", "openrc-run",
		"dbus-daemon", "dbus-broker", "dbus-broker-lau", "dbus-launch", "dbus-run-sessio",
		"at-spi-bus-laun", "flatpak-session", "flatpak-portal", "snapd", "crond", "cron", "atd":
		return true
	// Display managers, logins and sessions.
	case "gdm", "gdm3", "gdm-session-wor", "gdm-x-session", "gdm-wayland-ses", "sddm", "sddm-helper", "lightdm", "xdm", "slim", "ly", "greetd", "login", "agetty",
		"xinit", "startx", "Xorg", "X", "Xwayland", "Xvfb", "Xephyr",
		"gnome-session", "gnome-session-b", "gnome-session-c", "gnome-session-i", "gnome-session-s", "ksmserver", "plasma_session", "startplasma-x11", "startplasma-way",
		"kdeinit5", "kdeinit4", "klauncher", "kded5", "kded6", "xfce4-session", "mate-session", "cinnamon-sessio", "lxsession", "lxqt-session", "budgie-session-":
		return true
	// Window managers: the one that runs is known by its pid, these are those
	// that run nested or were replaced.
	case "gnome-shell", "mutter", "mutter-x11-fram", "kwin_x11", "kwin_wayland", "kwin", "xfwm4", "marco", "metacity", "muffin", "cinnamon", "budgie-wm",
		"i3", "sway", "openbox", "fluxbox", "blackbox", "icewm", "icewm-session", "bspwm", "dwm", "awesome", "herbstluftwm", "qtile", "jwm", "twm", "fvwm", "fvwm2", "fvwm3",
		"enlightenment", "compiz", "spectrwm", "xmonad-x86_64-l", "Hyprland", "labwc", "river", "weston", "wayfire":
		return true
	// Panels, docks, launchers and hotkey daemons.
	case "gnome-panel", "xfce4-panel", "mate-panel", "lxpanel", "lxqt-panel", "lxqt-runner", "plasmashell", "krunner", "budgie-panel", "wingpanel", "plank", "docky", "cairo-dock", "latte-dock",
		"polybar", "tint2", "i3bar", "i3blocks", "i3status", "waybar", "lemonbar", "dzen2", "conky", "xmobar", "eww",
		"xfdesktop", "nemo-desktop", "caja-desktop", "rofi", "dmenu", "dmenu_run", "ulauncher", "albert", "sxhkd", "xbindkeys", "patoggled":
		return true
	// What carries a terminal to another place.
	case "ssh":
		return true
	}
	return carrier(comm) || strings.HasPrefix(comm, "xdg-desktop-por")
}

// carrier knows the programs whose children can be shown on any terminal, here
// or elsewhere, whichever one they were started from.
func carrier(comm string) bool {
	switch comm {
	case "tmux: server", "tmux", "screen", "SCREEN", "zellij", "dtach", "abduco", "sshd", "sshd-session", "dropbear", "mosh-server", "conmon", "containerd-shim":
		return true
	}
	return false
}

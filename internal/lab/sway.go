package lab

import (
	"os"
	"path/filepath"
	"strings"
)

// Sway starts sway without a screen, with these lines of configuration, and
// waits until it can be asked; WAYLAND_DISPLAY is in Env from then on. It refuses to run as root, and then runs as another user of a user
// namespace of its own.
func (l *Lab) Sway(lines ...string) *Process {
	if l.t != nil {
		l.t.Helper()
	}
	l.need("sway", "unshare")
	config := filepath.Join(l.Dir, "sway.conf")
	lines = append([]string{"xwayland disable", "focus_follows_mouse no", ""}, lines...)
	if err := os.WriteFile(config, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		l.fail(err)
	}
	before, _ := filepath.Glob(filepath.Join(l.Runtime, "sway-ipc.*.sock"))
	for _, path := range before {
		os.Remove(path)
	}
	cmd := Cmd{
		Name: "sway", Args: []string{"-c", config},
		Env: []string{"WLR_BACKENDS=headless", "WLR_RENDERER=pixman", "WLR_LIBINPUT_NO_DEVICES=1", "WAYLAND_DISPLAY", "DISPLAY", "SWAYSOCK"},
	}
	if os.Getuid() == 0 {
		cmd.Args = append([]string{"--user", "--map-user=1000", "--map-group=1000", "sway"}, cmd.Args...)
		cmd.Name = "unshare"
	}
	p := l.SpawnCmd(cmd)
	var display string
	l.Until("sway", func() bool {
		ipc, _ := filepath.Glob(filepath.Join(l.Runtime, "sway-ipc.*.sock"))
		sockets, _ := filepath.Glob(filepath.Join(l.Runtime, "wayland-?"))
		for _, s := range sockets {
			display = filepath.Base(s)
		}
		return len(ipc) > 0 && display != ""
	})
	l.Setenv("WAYLAND_DISPLAY", display)
	return p
}

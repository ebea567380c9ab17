package main

import (
	"strings"
	"testing"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"

	"github.com/patoggle/patoggle/internal/lab"
)

func TestBindSaysWhatToPasteAndWhere(t *testing.T) {
	t.Parallel()
	l := lab.Start(t)
	program := lab.Binary(t, "patoggle")
	for _, tt := range []struct {
		args           string
		code           int
		stdout, stderr string
	}{
		{"bind --for sway", 0, "bindsym --no-repeat Mod4+F9 exec patoggle --notify\n",
			"patoggle: hint: this belongs into ~/.config/sway/config; then: swaymsg reload\n"},
		{"bind Ctrl+Alt+Z prev --for labwc", 0, "<keybind key=\"C-A-z\"><action name=\"Execute\" command=\"patoggle --notify --prev\"/></keybind>\n",
			"patoggle: hint: this belongs into ~/.config/labwc/rc.xml, inside <keyboard>; then: labwc --reconfigure\n"},
		{"bind prev --for i3", 0, "bindsym Mod4+F9 exec --no-startup-id patoggle --notify --prev\n",
			"patoggle: hint: this belongs into ~/.config/i3/config; then: i3-msg reload\n"},
		{"bind Super+F10 to headset --for niri -q", 0, "Super+F10 repeat=false { spawn \"patoggle\" \"--notify\" \"--to\" \"headset\"; }\n", ""},
		{"bind --input Super+F11 --for i3 -q", 0, "bindsym Mod4+F11 exec --no-startup-id patoggle --notify --input\n", ""},
		{"bind Super+F11 to headset --input --for sway -q", 0, "bindsym --no-repeat Mod4+F11 exec patoggle --notify --input --to headset\n", ""},
		{"bind --pair Super+F12 prev --for i3 -q", 0, "bindsym Mod4+F12 exec --no-startup-id patoggle --notify --pair --prev\n", ""},
		{"bind Super+F9 to --for i3", 2, "", "patoggle: error: \"to\" wants a sink after it\n"},
		{"bind Super+F9 to $(reboot) --for i3", 2, "", "patoggle: error: \"$(reboot)\" has characters that files of desktops read in their own way"},
		{"bind Super+F9 away --for i3", 2, "", "patoggle: error: \"away\" is not what a key can do: next, prev, or to and a sink\n"},
		{"bind Hyper+F9 --for i3", 2, "", "patoggle: error: \"Hyper+F9\": the modifier Hyper cannot be used"},
		{"bind --for twm", 2, "", "patoggle: error: --for knows no desktop \"twm\"\npatoggle: hint: it knows sway, i3, "},
		{"bind Super+Cyrillic_shorti --for wayfire", 1, "", "patoggle: error: we do not know what wayfire calls the key \"Cyrillic_shorti\"\n"},
	} {
		r := l.Run([]string{"DISPLAY", "WAYLAND_DISPLAY"}, program, lab.Unhurried(strings.Fields(tt.args)...)...)
		if r.Code != tt.code || r.Stdout != tt.stdout || !strings.HasPrefix(r.Stderr, tt.stderr) || tt.code == 0 && r.Stderr != tt.stderr {
			t.Errorf("%s: code %d, %q, %q", tt.args, r.Code, r.Stdout, r.Stderr)
		}
	}
}

// The window manager of the lab is openbox.
func TestBindFindsTheWindowManagerAndWhoHasTheKey(t *testing.T) {
	t.Parallel()
	l := lab.Start(t)
	program := lab.Binary(t, "patoggle")
	d := l.Display()
	run := func(code int, stdout, stderr string, args ...string) {
		t.Helper()
		r := l.Run([]string{"WAYLAND_DISPLAY"}, program, lab.Unhurried(append([]string{"bind"}, args...)...)...)
		if r.Code != code || !strings.Contains(r.Stdout, stdout) || !strings.Contains(r.Stderr, stderr) {
			t.Errorf("%q: code %d, %q, %q, want %d, %q, %q", args, r.Code, r.Stdout, r.Stderr, code, stdout, stderr)
		}
	}
	run(0, `<keybind key="W-F9">`, "~/.config/openbox/rc.xml")
	run(0, "Super+F9 is free\n", "", "--check")
	run(1, "", `this keyboard has no key "F20"`, "--check", "F20")

	x, err := xgb.NewConnDisplay(d.Name)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	const f9 = 75 // of Xvfb's keyboard, which is evdev's
	root := xproto.Setup(x).DefaultScreen(x).Root
	if err := xproto.GrabKeyChecked(x, false, root, xproto.ModMask4, f9, xproto.GrabModeAsync, xproto.GrabModeAsync).Check(); err != nil {
		t.Fatal(err)
	}
	run(1, "", `patoggle: error: "Super+F9" is taken: another program holds it`, "--check")
}

package bindings

import (
	"strings"
	"testing"

	"github.com/patoggle/patoggle/internal/keys"
)

func chord(t *testing.T, s string) keys.Chord {
	t.Helper()
	c, err := keys.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheLinesOfEachDesktop(t *testing.T) {
	type want struct{ plain, rich string }
	// The first is Super+F9 for patoggle, the second Ctrl+Alt+Shift+Z for
	// patoggle --to 'USB Headset'.
	wants := map[string]want{
		"sway":         {"bindsym --no-repeat Mod4+F9 exec patoggle", "bindsym --no-repeat Ctrl+Mod1+Shift+z exec patoggle --to 'USB Headset'"},
		"i3":           {"bindsym Mod4+F9 exec --no-startup-id patoggle", "bindsym Ctrl+Mod1+Shift+z exec --no-startup-id patoggle --to 'USB Headset'"},
		"Hyprland":     {"bind = SUPER, F9, exec, patoggle", "bind = CTRL ALT SHIFT, z, exec, patoggle --to 'USB Headset'"},
		"niri":         {`Super+F9 repeat=false { spawn "patoggle"; }`, `Ctrl+Alt+Shift+Z repeat=false { spawn "patoggle" "--to" "USB Headset"; }`},
		"river":        {`riverctl map normal Super F9 spawn "patoggle"`, `riverctl map normal Control+Alt+Shift z spawn "patoggle --to 'USB Headset'"`},
		"labwc":        {`<keybind key="W-F9"><action name="Execute" command="patoggle"/></keybind>`, `<keybind key="C-A-S-z"><action name="Execute" command="patoggle --to 'USB Headset'"/></keybind>`},
		"openbox":      {`<keybind key="W-F9"><action name="Execute"><command>patoggle</command></action></keybind>`, `<keybind key="C-A-S-z"><action name="Execute"><command>patoggle --to 'USB Headset'</command></action></keybind>`},
		"wayfire":      {"binding_patoggle_f9 = <super> KEY_F9\ncommand_patoggle_f9 = patoggle", "binding_patoggle_z = <ctrl> <alt> <shift> KEY_Z\ncommand_patoggle_z = patoggle --to 'USB Headset'"},
		"Xfce":         {`xfconf-query -c xfce4-keyboard-shortcuts -p '/commands/custom/<Super>F9' -n -t string -s "patoggle"`, `xfconf-query -c xfce4-keyboard-shortcuts -p '/commands/custom/<Primary><Alt><Shift>z' -n -t string -s "patoggle --to 'USB Headset'"`},
		"fluxbox":      {"Mod4 F9 :Exec patoggle", "Control Mod1 Shift z :Exec patoggle --to 'USB Headset'"},
		"herbstluftwm": {"hc keybind Mod4-F9 spawn patoggle", "hc keybind Ctrl-Mod1-Shift-z spawn patoggle --to 'USB Headset'"},
		"sxhkd":        {"super + F9\n\tpatoggle", "ctrl + alt + shift + z\n\tpatoggle --to 'USB Headset'"},
		"Plasma":       {"", ""},
		"COSMIC":       {"", ""},
		"GNOME":        {"", ""},
	}
	for _, name := range Names() {
		w, ok := wants[name]
		if !ok {
			t.Errorf("nothing is held of %s", name)
			continue
		}
		plain, err := For(name, chord(t, "Super+F9"), []string{"patoggle"})
		if err != nil {
			t.Fatal(err)
		}
		rich, err := For(name, chord(t, "Ctrl+Alt+Shift+Z"), []string{"patoggle", "--to", "USB Headset"})
		if err != nil {
			t.Fatal(err)
		}
		if (len(plain.Lines) == 0) == (plain.Steps == "") {
			t.Errorf("%s: lines or steps, one of the two: %+v", name, plain)
		}
		if w.plain == "" {
			continue
		}
		if got := strings.Join(plain.Lines, "\n"); got != w.plain {
			t.Errorf("%s: %q, want %q", name, got, w.plain)
		}
		if got := strings.Join(rich.Lines, "\n"); got != w.rich {
			t.Errorf("%s: %q, want %q", name, got, w.rich)
		}
	}
}

func TestProgramsNameDesktops(t *testing.T) {
	for name, want := range map[string]string{"gnome-shell": "GNOME", "kwin_wayland": "Plasma", "hyprland": "Hyprland", "SWAY": "sway", "bspwm": "sxhkd", "i3": "i3"} {
		if got, ok := Named(name); !ok || got != want {
			t.Errorf("%s is %q, %v, want %q", name, got, ok, want)
		}
	}
	if got, ok := Named("twm"); ok {
		t.Errorf("twm is %q", got)
	}
}

func TestWordsThatMeanSomethingElseInSomeFileAreNotPlain(t *testing.T) {
	for _, w := range []string{"headset", "USB Headset", "alsa_output.pci-0000_00:1f.3", "Kopfhörer", "--notify", "/usr/bin/patoggle", "a@b"} {
		if !Plain(w) {
			t.Errorf("%q is plain", w)
		}
	}
	for _, w := range []string{"", "it's", `a"b`, "$HOME", "a;b", "a,b", "a&b", "<b>", "a\nb", "`a`", `a\b`, "50%", "#1", "{a}", "a=b"} {
		if Plain(w) {
			t.Errorf("%q is not plain", w)
		}
	}
}

func TestKeysOfTheKernel(t *testing.T) {
	for name, want := range map[string]string{"Super+F9": "KEY_F9", "Super+Z": "KEY_Z", "Super+1": "KEY_1", "XF86AudioNext": "KEY_NEXTSONG", "Super+Page_Up": "KEY_PAGEUP", "Super+Return": "KEY_ENTER"} {
		if got, ok := evdev(chord(t, name)); !ok || got != want {
			t.Errorf("%s is %q, %v, want %q", name, got, ok, want)
		}
	}
	for _, name := range []string{"Super+Cyrillic_shorti", "Super+adiaeresis", "F30"} {
		if got, ok := evdev(chord(t, name)); ok {
			t.Errorf("%s is %q", name, got)
		}
	}
}

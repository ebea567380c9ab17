// Package bindings knows how each desktop is told to start a command with a
// key: which lines, and in which file. It is pure; names of files and the forms
// of lines are those of each program's own manual.
package bindings

import (
	"fmt"
	"slices"
	"strings"

	"github.com/patoggle/patoggle/internal/keys"
)

// Advice is what to do.
type Advice struct {
	// Lines are to be pasted into File, or typed where it is "".
	Lines []string
	// File is where they belong, from the home directory on: "~/.config/…".
	File string
	// Inside is the part of the file, "" for anywhere.
	Inside string
	// Then makes it take effect, "" when the program looks by itself.
	Then string
	// Steps are what to click where there are no lines.
	Steps string
}

// desktop is one kind of desktop.
type desktop struct {
	names []string // the first is for the user; the others are those of programs
	bind  func(k keys.Chord, command []string) (Advice, error)
}

// desktops are those we know.
var desktops = []desktop{
	{[]string{"sway"}, func(k keys.Chord, command []string) (Advice, error) {
		return Advice{
			Lines: []string{"bindsym --no-repeat " + join(k, "+", modX, "", lower(k)) + " exec " + shell(command)},
			File:  "~/.config/sway/config", Then: "swaymsg reload",
		}, nil
	}},
	{[]string{"i3"}, func(k keys.Chord, command []string) (Advice, error) {
		return Advice{
			Lines: []string{"bindsym " + join(k, "+", modX, "", lower(k)) + " exec --no-startup-id " + shell(command)},
			File:  "~/.config/i3/config", Then: "i3-msg reload",
		}, nil
	}},
	{[]string{"Hyprland"}, func(k keys.Chord, command []string) (Advice, error) {
		mods := join(keys.Chord{Mods: k.Mods}, " ", []string{"SUPER", "CTRL", "ALT", "SHIFT"}, "", "")
		return Advice{
			Lines: []string{"bind = " + strings.TrimSpace(mods) + ", " + lower(k) + ", exec, " + shell(command)},
			File:  "~/.config/hypr/hyprland.conf",
		}, nil
	}},
	{[]string{"niri"}, func(k keys.Chord, command []string) (Advice, error) {
		words := make([]string, len(command))
		for i, w := range command {
			words[i] = `"` + w + `"`
		}
		return Advice{
			Lines: []string{join(k, "+", []string{"Super", "Ctrl", "Alt", "Shift"}, "", k.Name) + " repeat=false { spawn " + strings.Join(words, " ") + "; }"},
			File:  "~/.config/niri/config.kdl", Inside: "binds { … }",
		}, nil
	}},
	{[]string{"river"}, func(k keys.Chord, command []string) (Advice, error) {
		mods := strings.TrimSuffix(join(k, "+", []string{"Super", "Control", "Alt", "Shift"}, "", ""), "+")
		if mods == "" {
			mods = "None"
		}
		return Advice{
			Lines: []string{"riverctl map normal " + mods + " " + lower(k) + ` spawn "` + shell(command) + `"`},
			File:  "~/.config/river/init", Then: "the line itself, typed into a terminal",
		}, nil
	}},
	{[]string{"labwc"}, func(k keys.Chord, command []string) (Advice, error) {
		return Advice{
			Lines: []string{`<keybind key="` + join(k, "-", modOpenbox, "", lower(k)) + `"><action name="Execute" command="` + shell(command) + `"/></keybind>`},
			File:  "~/.config/labwc/rc.xml", Inside: "<keyboard>", Then: "labwc --reconfigure",
		}, nil
	}},
	{[]string{"openbox"}, func(k keys.Chord, command []string) (Advice, error) {
		return Advice{
			Lines: []string{`<keybind key="` + join(k, "-", modOpenbox, "", lower(k)) + `"><action name="Execute"><command>` + shell(command) + `</command></action></keybind>`},
			File:  "~/.config/openbox/rc.xml", Inside: "<keyboard>", Then: "openbox --reconfigure",
		}, nil
	}},
	{[]string{"wayfire"}, func(k keys.Chord, command []string) (Advice, error) {
		code, ok := evdev(k)
		if !ok {
			return Advice{}, fmt.Errorf("we do not know what wayfire calls the key %q", k.Name)
		}
		name := "patoggle_" + strings.ToLower(strings.TrimPrefix(code, "KEY_"))
		return Advice{
			Lines: []string{
				"binding_" + name + " = " + join(k, " ", []string{"<super>", "<ctrl>", "<alt>", "<shift>"}, "", code),
				"command_" + name + " = " + shell(command),
			},
			File: "~/.config/wayfire.ini", Inside: "[command]",
		}, nil
	}},
	{[]string{"GNOME", "gnome-shell"}, gnome},
	{[]string{"Plasma", "kwin_wayland", "kwin_wayland_wr", "kwin_x11", "KDE"}, func(k keys.Chord, command []string) (Advice, error) {
		return Advice{Steps: "System Settings, Shortcuts, Add New, Command or Script: " + shell(command) + ", then the key " + k.String()}, nil
	}},
	{[]string{"COSMIC", "cosmic-comp"}, func(k keys.Chord, command []string) (Advice, error) {
		return Advice{Steps: "Settings, Input Devices, Keyboard, View and customize shortcuts, Custom: " + shell(command) + ", then the key " + k.String()}, nil
	}},
	{[]string{"Xfce", "xfwm4"}, func(k keys.Chord, command []string) (Advice, error) {
		return Advice{Lines: []string{
			"xfconf-query -c xfce4-keyboard-shortcuts -p '/commands/custom/" + join(k, "", []string{"<Super>", "<Primary>", "<Alt>", "<Shift>"}, "", lower(k)) +
				"' -n -t string -s " + `"` + shell(command) + `"`,
		}}, nil
	}},
	{[]string{"fluxbox"}, func(k keys.Chord, command []string) (Advice, error) {
		return Advice{
			Lines: []string{join(k, " ", []string{"Mod4", "Control", "Mod1", "Shift"}, "", lower(k)) + " :Exec " + shell(command)},
			File:  "~/.fluxbox/keys", Then: "fluxbox-remote reconfigure",
		}, nil
	}},
	{[]string{"herbstluftwm"}, func(k keys.Chord, command []string) (Advice, error) {
		return Advice{
			Lines: []string{"hc keybind " + join(k, "-", modX, "", lower(k)) + " spawn " + shell(command)},
			File:  "~/.config/herbstluftwm/autostart", Then: "herbstclient reload",
		}, nil
	}},
	{[]string{"sxhkd", "bspwm"}, func(k keys.Chord, command []string) (Advice, error) {
		return Advice{
			Lines: []string{join(k, " + ", []string{"super", "ctrl", "alt", "shift"}, "", lower(k)), "\t" + shell(command)},
			File:  "~/.config/sxhkd/sxhkdrc", Then: "pkill -USR1 -x sxhkd",
		}, nil
	}},
}

// gnome is a custom shortcut of its settings daemon, in an entry of its own for
// each key.
func gnome(k keys.Chord, command []string) (Advice, error) {
	const media = "org.gnome.settings-daemon.plugins.media-keys"
	accelerator := join(k, "", []string{"<Super>", "<Control>", "<Alt>", "<Shift>"}, "", lower(k))
	path := "/org/gnome/settings-daemon/plugins/media-keys/custom-keybindings/patoggle-" + strings.ToLower(strings.ReplaceAll(k.String(), "+", "-")) + "/"
	set := "gsettings set " + media + ".custom-keybinding:" + path
	return Advice{Lines: []string{
		set + " name " + `"` + shell(command) + `"`,
		set + " command " + `"` + shell(command) + `"`,
		set + " binding '" + accelerator + "'",
		// The list may read "@as []", and has to keep what it holds.
		"gsettings set " + media + " custom-keybindings \"$(gsettings get " + media +
			" custom-keybindings | sed \"s|^@as ||; s|'" + path + "'||; s|, *,|,|; s|, *]|]|; s|\\[, *|[|; s|]$|, '" + path + "']|; s|\\[, |[|\")\"",
	}}, nil
}

var (
	modX       = []string{"Mod4", "Ctrl", "Mod1", "Shift"}
	modOpenbox = []string{"W", "C", "A", "S"}
)

// order is that of the names of modifiers above.
var order = [...]keys.Mod{keys.Super, keys.Ctrl, keys.Alt, keys.Shift}

// join writes a chord with these names of Super, Ctrl, Alt and Shift.
func join(k keys.Chord, between string, mods []string, none, key string) string {
	var parts []string
	for i, m := range order {
		if k.Mods&m != 0 {
			parts = append(parts, mods[i])
		}
	}
	if len(parts) == 0 && none != "" {
		parts = append(parts, none)
	}
	return strings.Join(append(parts, key), between)
}

// lower is the key's name, of a letter that of the small one.
func lower(k keys.Chord) string {
	if len(k.Name) == 1 {
		return strings.ToLower(k.Name)
	}
	return k.Name
}

// shell is a command as a shell reads it, and as every one of the files above
// takes it: Plain has looked at its words.
func shell(command []string) string {
	words := make([]string, len(command))
	for i, w := range command {
		words[i] = w
		if strings.Contains(w, " ") {
			words[i] = "'" + w + "'"
		}
	}
	return strings.Join(words, " ")
}

// Plain tells whether a word means itself in all of these files, which differ in
// what they make of quotes, "$" and ";". Spaces are all right.
func Plain(word string) bool {
	for _, r := range word {
		if r < ' ' || r == 0x7f || strings.ContainsRune("'\"\\$`;,#&|<>(){}[]*?!~%^=", r) {
			return false
		}
	}
	return word != ""
}

// Names are the desktops we know, for the user.
func Names() []string {
	var all []string
	for _, d := range desktops {
		all = append(all, d.names[0])
	}
	return all
}

// Named finds a desktop by its own name or by that of a program, in any case.
func Named(name string) (string, bool) {
	for _, d := range desktops {
		if slices.ContainsFunc(d.names, func(n string) bool { return strings.EqualFold(n, name) }) {
			return d.names[0], true
		}
	}
	return "", false
}

// For says how the desktop starts the command with the key. The name is one of
// Names, and every word of the command Plain.
func For(name string, k keys.Chord, command []string) (Advice, error) {
	for _, d := range desktops {
		if d.names[0] == name {
			return d.bind(k, command)
		}
	}
	return Advice{}, fmt.Errorf("there is no desktop %q", name)
}

// evdevNames are keys as the kernel names them (linux/input-event-codes.h) where
// that is not KEY_ and their own name.
var evdevNames = map[string]string{
	"Return": "ENTER", "Escape": "ESC", "space": "SPACE", "Page_Up": "PAGEUP", "Page_Down": "PAGEDOWN",
	"Prior": "PAGEUP", "Next": "PAGEDOWN", "Print": "SYSRQ", "BackSpace": "BACKSPACE", "minus": "MINUS", "equal": "EQUAL",
	"comma": "COMMA", "period": "DOT", "slash": "SLASH", "semicolon": "SEMICOLON", "apostrophe": "APOSTROPHE",
	"grave": "GRAVE", "bracketleft": "LEFTBRACE", "bracketright": "RIGHTBRACE", "backslash": "BACKSLASH",
	"XF86AudioNext": "NEXTSONG", "XF86AudioPrev": "PREVIOUSSONG", "XF86AudioPlay": "PLAYPAUSE", "XF86AudioStop": "STOPCD",
	"XF86AudioMute": "MUTE", "XF86AudioLowerVolume": "VOLUMEDOWN", "XF86AudioRaiseVolume": "VOLUMEUP",
}

// evdev is the key's name in the kernel, on a keyboard with Latin letters.
func evdev(k keys.Chord) (string, bool) {
	if name, ok := evdevNames[k.Name]; ok {
		return "KEY_" + name, true
	}
	plain := slices.Contains([]string{"Tab", "Home", "End", "Insert", "Delete", "Left", "Right", "Up", "Down", "Pause", "Menu"}, k.Name)
	letter := len(k.Name) == 1 && ('A' <= k.Name[0] && k.Name[0] <= 'Z' || '0' <= k.Name[0] && k.Name[0] <= '9')
	function := 0xffbe <= k.Keysym && k.Keysym < 0xffbe+24
	return "KEY_" + strings.ToUpper(k.Name), plain || letter || function
}

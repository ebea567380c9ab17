// Command pictures takes the pictures of the README from a real run: a private
// sound server, display and players, `patoggle list` and `patoggle top` in an
// xterm, `patoggle watch` in polybar, and the notification of a press of the
// daemon's key, as dunst shows it. Run it with `make pictures`.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/patoggle/patoggle/internal/lab"
)

// largest is how many bytes a picture may have.
const largest = 60 << 10

func main() {
	if err := run(os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "pictures: error: %v\n", err)
		os.Exit(1)
	}
}

// run takes the pictures and writes them beside this file, from the root of
// the checkout.
func run(out io.Writer) error {
	dir := filepath.Join("packaging", "pictures")
	if _, err := os.Stat(filepath.Join(dir, "main.go")); err != nil {
		return fmt.Errorf("run me from the root of the checkout: %w", err)
	}
	var bin [2]string
	var err error
	if bin[0], err = lab.Build("cmd/patoggle"); err != nil {
		return err
	}
	if bin[1], err = lab.Daemon(); err != nil {
		return err
	}
	if _, err = lab.Build("cmd/patoggle-top"); err != nil { // beside patoggle
		return err
	}
	for _, pictures := range []func(*lab.Lab) map[string]string{
		func(l *lab.Lab) map[string]string { return take(l, bin[0], bin[1]) },
		func(l *lab.Lab) map[string]string {
			return map[string]string{"press.png": takePress(l, bin[0], bin[1])}
		},
	} {
		l, lerr := lab.New(nil)
		if lerr != nil {
			return errors.Join(err, lerr)
		}
		var taken map[string]string
		err = errors.Join(err, l.Try(func() { taken = pictures(l) }))
		for name, file := range taken {
			err = errors.Join(err, keep(file, filepath.Join(dir, name), out))
		}
		err = errors.Join(err, l.Close())
	}
	return err
}

const dunstConfig = `[global]
    origin = top-right
    offset = 40x40
    width = (300, 480)
    font = DejaVu Sans 11
    frame_width = 1
    frame_color = "#5e81ac"
    separator_height = 1
    padding = 12
    horizontal_padding = 14
    text_icon_padding = 14
    corner_radius = 4
    markup = full
    format = "<b>%s</b>\n%b"
    icon_theme = Adwaita
    enable_recursive_icon_lookup = true
    min_icon_size = 48
    max_icon_size = 48
[urgency_normal]
    background = "#2e3440"
    foreground = "#eceff4"
    timeout = 60
`

const configuration = `[names]
"alsa_output.pci-0000_00_1f.3.analog-stereo" = "Speakers"
"bluez_output.*" = "Headset"
"*.hdmi-stereo" = "TV"
`

// take sets the desk up and returns the pictures: name to file.
func take(l *lab.Lab, oneShot, daemon string) map[string]string {
	write := func(name, text string) string {
		file := filepath.Join(l.Home, name)
		must(os.MkdirAll(filepath.Dir(file), 0o700))
		must(os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	write(".config/patoggle/config.toml", configuration)
	l.Bus()
	l.PulseAudio(
		"alsa_output.pci-0000_00_1f.3.analog-stereo=Built-in Audio Analog Stereo",
		"alsa_output.pci-0000_01_00.1.hdmi-stereo=GA104 HDMI",
		"bluez_output.AC_12_2F_9B_47_01.1=WH-1000XM4",
	)
	display := l.Display(lab.XvfbArgs("-dpi", "96"))
	browser := l.Chromium("Radio Paradise")
	browser.WaitStream()
	game := l.Player("SuperTuxKart trailer", "--volume=55")
	game.WaitStream()
	film := l.Player("Big Buck Bunny")
	film.WaitStream()

	// The list runs in an xterm while the film has the focus.
	ready := filepath.Join(l.Home, "ready")
	shown := filepath.Join(l.Home, "shown")
	script := write("list.sh", fmt.Sprintf(`while [ ! -e %s ]; do sleep 0.05; done
printf '$ patoggle list\n'; %s list
printf '\n$ patoggle\n'; %s
printf '\n$ '
touch %s
sleep 600
`, ready, oneShot, oneShot, shown))
	term := l.Spawn("xterm", "-T", "terminal", "-fa", "DejaVu Sans Mono", "-fs", "10", "-geometry", "98x16+20+20", "-b", "10",
		"-bg", "#2e3440", "-fg", "#e5e9f0", "-bd", "#2e3440", "-xrm", "XTerm*cursorColor: #88c0d0", "-e", "sh", script)
	var window uint32
	l.Until("the terminal", func() bool {
		for _, w := range display.Windows() {
			if w.Title == "terminal" {
				window = w.ID
			}
		}
		return window != 0
	})
	front := film.WaitWindow()
	behind(l, display, window, front)
	must(os.WriteFile(ready, nil, 0o600))
	l.Until("the list", func() bool { _, err := os.Stat(shown); return err == nil })
	taken := map[string]string{"list.png": shoot(l, "list", fmt.Sprintf("%#x", window))}
	term.Kill()
	taken["top.png"] = takeTop(l, display, oneShot, front)
	taken["bar.png"] = takeBar(l, display, oneShot, front)

	// The notification is that of a real key.
	config := write("dunstrc", dunstConfig)
	l.SpawnCmd(lab.Cmd{Name: "dunst", Args: []string{"-config", config}})
	waitDunst(l)
	d := l.Spawn(daemon)
	l.Until("the daemon to have its key", func() bool { return strings.Contains(d.Log(), "Super+F9") })
	display.Focus(front)
	display.Key("super+F9")
	note := waitNote(l)
	taken["notification.png"] = shoot(l, "notification", note)
	return taken
}

func waitDunst(l *lab.Lab) {
	l.Until("dunst on the bus", func() bool {
		r := l.Run(nil, "dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.Notifications")
		return strings.Contains(r.Stdout, "boolean true")
	})
}

// waitNote waits for a notification and returns its window.
func waitNote(l *lab.Lab) (note string) {
	l.Until("the notification", func() bool {
		// It is no window of the window manager's.
		tree := l.Run(nil, "xwininfo", "-root", "-tree").Stdout
		if m := regexp.MustCompile(`(0x[0-9a-f]+) "Dunst"`).FindStringSubmatch(tree); m != nil {
			state := l.Run(nil, "xwininfo", "-id", m[1]).Stdout
			if strings.Contains(state, "IsViewable") {
				note = m[1]
			}
		}
		return note != ""
	})
	return note
}

// shoot takes a picture of a window when it has stopped changing.
func shoot(l *lab.Lab, name, window string) string {
	file := filepath.Join(l.Dir, name+".png")
	last := ""
	l.Until("the picture of "+name, func() bool {
		r := l.Run(nil, magick("import"), "-silent", "-window", window, "-strip", "-define", "png:exclude-chunks=date,time", file)
		if r.Code != 0 {
			panic(&lab.Failure{Err: fmt.Errorf("import: %s", r.Stderr)})
		}
		b, err := os.ReadFile(file)
		must(err)
		same := string(b) == last
		last = string(b)
		return same && len(b) > 0
	})
	return file
}

// magick is the name of one of ImageMagick's programs: Debian has the plain one
// as an alternative, which an unpacked package lacks.
func magick(name string) string {
	for _, suffix := range []string{"-im7.q16", "-im6.q16"} {
		if _, err := lab.LookPath(name + suffix); err == nil {
			return name + suffix
		}
	}
	return name
}

// keep makes a picture small and puts it in its place.
func keep(file, place string, out io.Writer) error {
	small := file + ".small.png"
	for _, args := range [][]string{
		{magick("convert"), file, "-colors", "64", "-strip", "png8:" + small},
		{"optipng", "-quiet", "-o5", "-strip", "all", small},
	} {
		program, err := lab.LookPath(args[0])
		if err != nil {
			return err
		}
		if b, err := exec.Command(program, args[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", args[0], err, b)
		}
	}
	b, err := os.ReadFile(small)
	if err != nil {
		return err
	}
	if len(b) > largest {
		return fmt.Errorf("%q has %d bytes, at most %d are wanted", place, len(b), largest)
	}
	fmt.Fprintf(out, "%s: %d bytes\n", place, len(b))
	return os.WriteFile(place, b, 0o644)
}

func must(err error) {
	if err != nil {
		panic(&lab.Failure{Err: err})
	}
}

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/patoggle/patoggle/internal/lab"
)

// pressDunst puts the notification where it hides nothing.
const pressDunst = `[global]
    origin = top-right
    offset = 12x12
    width = (260, 340)
    font = DejaVu Sans 14
    frame_width = 2
    frame_color = "#5e81ac"
    padding = 12
    horizontal_padding = 16
    corner_radius = 4
    markup = full
    format = "<b>%s</b>\n%b"
    icon_position = off
[urgency_normal]
    background = "#2e3440"
    foreground = "#e5e9f0"
    timeout = 0
`

// The layout of the desktop in the picture of a press, in pixels.
const (
	pressWidth, pressHeight = 960, 470
	windowWidth             = 440
	windowHeight            = 190
)

// takePress takes the picture of the act itself: a desktop with two players and
// a terminal that shows what plays where, before a real key and after it.
func takePress(l *lab.Lab, oneShot, daemon string) string {
	l.Setenv("LC_ALL", "C.UTF-8")
	l.Setenv("XDG_DATA_DIRS", "/usr/share")
	l.Bus()
	l.PulseAudio("a_speakers=Speakers", "b_tv=Television", "c_headset=Headset")
	display := l.Display(lab.XvfbArgs("-dpi", "96", "-screen", "0", fmt.Sprintf("%dx%dx24", pressWidth, pressHeight)))
	player := func(title, colour string, x int) *lab.Player {
		p := l.Play(lab.App{Name: title, Args: []string{
			fmt.Sprintf("--geometry=%dx%d+%d+70", windowWidth, windowHeight, x),
			"--osd-level=3", "--osd-msg3=" + title, "--osd-font-size=72", "--osd-align-x=center", "--osd-align-y=center", "--osd-color=" + colour,
		}})
		p.WaitStream()
		return p
	}
	player("the game", "#a3be8c", 500)
	film := player("the film", "#ebcb8b", 20)

	// The terminal shows the list anew whenever the file is gone.
	shown := filepath.Join(l.Home, "shown")
	script := filepath.Join(l.Home, "streams.sh")
	must(os.WriteFile(script, []byte(fmt.Sprintf(`printf '\033[?25l'
while :; do
	if [ ! -e %[2]s ]; then
		list=$(%[1]s list streams)
		printf '\033[H\033[2J%%s' "$list"
		touch %[2]s
	fi
	sleep 0.1
done
`, oneShot, shown)), 0o700))
	l.Spawn("xterm", "-T", "terminal", "-fa", "DejaVu Sans Mono", "-fs", "14", "-geometry", "76x4+8+330", "-b", "8",
		"-bg", "#2e3440", "-fg", "#e5e9f0", "-bd", "#2e3440", "-e", "sh", script)
	terminal := display.WaitWindow("the terminal", func(w lab.Window) bool { return w.Title == "terminal" })
	list := func() {
		there := func() bool { _, err := os.Stat(shown); return err == nil }
		l.Until("the list of before", there)
		must(os.RemoveAll(shown))
		l.Until("the list", there)
	}
	front := film.WaitWindow()
	config := filepath.Join(l.Home, "pressdunst")
	must(os.WriteFile(config, []byte(pressDunst), 0o600))
	l.SpawnCmd(lab.Cmd{Name: "dunst", Args: []string{"-config", config}})
	waitDunst(l)
	d := l.Spawn(daemon)
	l.Until("the daemon to have its key", func() bool { return strings.Contains(d.Log(), "Super+F9") })
	behind(l, display, terminal.ID, front)
	list()
	before := shoot(l, "before", "root")

	display.Key("super+F9")
	waitNote(l)
	list()
	after := shoot(l, "after", "root")
	return joined(l, before, after)
}

// joined puts the two pictures below each other, each under its words.
func joined(l *lab.Lab, before, after string) string {
	file := filepath.Join(l.Dir, "press.png")
	half := func(words, picture string) []string {
		return []string{"(", "-size", fmt.Sprintf("%dx44", pressWidth), "-background", "#5e81ac", "-fill", "white",
			"-font", "DejaVu-Sans", "-pointsize", "20", "-gravity", "center", "label:" + words, picture, "-append", ")"}
	}
	args := append(half("before: both play on the speakers", before), half("after Super+F9: the film in front plays on the television, the game stays", after)...)
	r := l.Run(nil, magick("convert"), append(args, "-append", "-strip", file)...)
	if r.Code != 0 {
		must(fmt.Errorf("convert: %s", r.Stderr))
	}
	return file
}

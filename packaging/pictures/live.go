package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/patoggle/patoggle/internal/lab"
)

// green is the colour of a bar's lower part.
const green = "#a3be8c"

// topColours are those of the other pictures, for the colours the view asks for.
var topColours = []string{
	"XTerm*cursorColor: #2e3440",
	"XTerm*color1: #bf616a", "XTerm*color2: " + green, "XTerm*color3: #ebcb8b", "XTerm*color6: #88c0d0",
}

// takeTop takes the picture of the live view, while the film plays in front and
// everything else is heard as well.
func takeTop(l *lab.Lab, display *lab.Display, oneShot string, front uint32) string {
	ready := filepath.Join(l.Home, "ready-for-top")
	args := []string{
		"-T", "top", "-tn", "xterm-256color", "-u8", "-fa", "DejaVu Sans Mono", "-fs", "10", "-geometry", "98x8+20+20", "-b", "10",
		"-bg", "#2e3440", "-fg", "#e5e9f0", "-bd", "#2e3440",
	}
	for _, c := range topColours {
		args = append(args, "-xrm", c)
	}
	args = append(args, "-e", "sh", "-c", `while [ ! -e "$1" ]; do sleep 0.05; done; exec "$2" top`, "sh", ready, oneShot)
	term := l.SpawnCmd(lab.Cmd{Name: "xterm", Args: args, Env: []string{"LC_ALL=C.UTF-8"}})
	window := display.WaitWindow("the live view", func(w lab.Window) bool { return w.Title == "top" })
	behind(l, display, window.ID, front)
	must(os.WriteFile(ready, nil, 0o600))
	id := fmt.Sprintf("%#x", window.ID)
	l.Until("levels", func() bool {
		colours := l.Run(nil, magick("convert"), shoot(l, "top", id), "-format", "%c", "histogram:info:-").Stdout
		return strings.Contains(colours, strings.ToUpper(green))
	})
	file := shoot(l, "top", id)
	term.Kill()
	return file
}

// barConfig is polybar's, with the module of patoggle(1).
const barConfig = `[bar/top]
width = 804
height = 30
background = #2e3440
foreground = #e5e9f0
padding = 2
font-0 = DejaVu Sans:size=11;2
modules-left = title
modules-right = sink
[module/title]
type = internal/xwindow
[module/sink]
type = custom/script
exec = %s watch --format polybar
tail = true
label-foreground = #88c0d0
`

// takeBar takes the picture of a bar.
func takeBar(l *lab.Lab, display *lab.Display, oneShot string, front uint32) string {
	config := filepath.Join(l.Home, "polybar.ini")
	must(os.WriteFile(config, []byte(fmt.Sprintf(barConfig, oneShot)), 0o600))
	bar := l.Spawn("polybar", "--config="+config, "top")
	window := display.WaitWindow("polybar", func(w lab.Window) bool { return w.Class == "Polybar" })
	inFront(l, display, front)
	file := shoot(l, "bar", fmt.Sprintf("%#x", window.ID))
	bar.Kill()
	return file
}

// behind gives the focus to the window in front once the other, a new one, has had
// it: the window manager gives it that a while after it shows it.
func behind(l *lab.Lab, display *lab.Display, other, front uint32) {
	l.Until("the new window to have had the focus", func() bool { return display.Focused() == other })
	inFront(l, display, front)
}

// inFront gives a window the focus.
func inFront(l *lab.Lab, display *lab.Display, window uint32) {
	l.Until("the window to be in front", func() bool {
		display.Focus(window)
		return display.Focused() == window
	})
}

package watch_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/patoggle/patoggle/internal/lab"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

// blocks are the configurations in the section BARS of the manual, in its order.
func blocks(t *testing.T) []string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "packaging", "man", "patoggle.1"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n.Sh BARS\n")
	section, _, _ = strings.Cut(section, "\n.Sh ")
	var all []string
	for _, part := range strings.Split(section, "\n.Bd -literal -offset indent\n")[1:] {
		block, _, _ := strings.Cut(part, "\n.Ed")
		all = append(all, strings.NewReplacer(`\-`, "-", `\(aq`, "'", `\e`, `\`).Replace(block))
	}
	if len(all) != 3 {
		t.Fatalf("the manual has %d configurations, not those of waybar, polybar and i3blocks", len(all))
	}
	return all
}

// The two bars of a test: one with the manual's configuration, and below it one
// that shows what stands in a file. What the first shows is known by its picture
// being that of the second.
type bars struct {
	*lab.Lab
	t       *testing.T
	file    string
	picture func(reference bool) []byte
	form    func(text string) string // what the second bar is given for a text
	running []*lab.Process           // what shows the bars
}

// desk starts sound, and puts patoggle where a bar finds it.
func desk(t *testing.T) *bars {
	t.Helper()
	l := lab.Start(t)
	l.PulseAudio("a=Speakers", "b=Headset")
	l.Setenv("PATH", filepath.Dir(lab.Binary(t, "patoggle"))+":"+l.Getenv("PATH"))
	return &bars{Lab: l, t: t, file: filepath.Join(l.Home, "wanted"), form: func(text string) string { return text }}
}

// wanted is a command that prints what the second bar is to show, and each
// change of it.
func (b *bars) wanted() string { return "tail -n +1 -F " + b.file + " 2>/dev/null" }

func (b *bars) write(name, text string) string {
	b.t.Helper()
	file := filepath.Join(b.Home, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
	return file
}

// bar starts what shows a bar, or both.
func (b *bars) bar(name string, args ...string) *lab.Process {
	b.t.Helper()
	p := b.Spawn(name, args...)
	b.running = append(b.running, p)
	return p
}

// want has the second bar show a line.
func (b *bars) want(line string) {
	b.t.Helper()
	f, err := os.OpenFile(b.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = fmt.Fprintln(f, line)
		f.Close()
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// shows waits until both bars show the same and that is new, or, where again is
// given, that picture.
func (b *bars) shows(what string, old, again []byte) []byte {
	b.t.Helper()
	var one []byte
	b.Until("both bars to show "+what, func() bool {
		for _, p := range b.running {
			if !p.Alive() {
				b.t.Fatalf("a bar ended with code %d:\n%s", p.Wait(), p.Log())
			}
		}
		one = b.picture(false)
		return written(one) && bytes.Equal(one, b.picture(true)) && !bytes.Equal(one, old) && (again == nil || bytes.Equal(one, again))
	})
	return one
}

// written tells whether there is text in a picture: its smooth letters have many
// shades, a bar without any and a desktop without a bar have few.
func written(picture []byte) bool {
	shades := map[byte]bool{}
	for _, b := range picture {
		shades[b] = true
	}
	return len(shades) > 16 // more than the head of a picture file has
}

// follow brings the player to the front, then the other window, then the player
// again, of which the last picture has to be the first.
func (b *bars) follow(player, quiet func()) {
	b.t.Helper()
	b.want(b.form("mpv: Speakers"))
	player()
	first := b.shows("the player", nil, nil)
	b.want(b.form("Speakers"))
	quiet()
	second := b.shows("the default sink", first, nil)
	b.want(b.form("mpv: Speakers"))
	player()
	b.shows("the player again", second, first)
}

// followNew is follow where the other window is a new one.
func (b *bars) followNew(open func() *lab.Process) {
	b.t.Helper()
	var quiet *lab.Process
	b.follow(func() {
		if quiet != nil {
			quiet.Kill()
		}
	}, func() { quiet = open() })
}

func TestPolybarShowsWhereTheApplicationInFrontPlays(t *testing.T) {
	b := desk(t)
	d := b.Display()
	config := b.write("polybar.ini", blocks(t)[1]+`
[module/wanted]
type = custom/script
exec = `+b.wanted()+`
tail = true
[bar/one]
width = 600
height = 30
font-0 = DejaVu Sans:size=11;2
modules-left = sink
[bar/two]
inherit = bar/one
bottom = true
modules-left = wanted
`)
	film := b.Player("film")
	quiet := b.XTerm("quiet", "cat")
	film.WaitStream()
	windows := []uint32{film.WaitWindow(), quiet.WaitWindow()}
	ids := map[bool]uint32{}
	for name, reference := range map[string]bool{"one": false, "two": true} {
		p := b.bar("polybar", "--config="+config, name)
		ids[reference] = d.WaitWindow("polybar "+name, func(w lab.Window) bool { return w.Class == "Polybar" && w.PID == p.PID }).ID
	}
	b.picture = func(reference bool) []byte { return d.Picture(ids[reference]) }
	b.follow(func() { d.Focus(windows[0]) }, func() { d.Focus(windows[1]) })
}

// i3blocks is no bar: it feeds i3bar, which i3 starts.
func TestI3blocksShowsWhereTheApplicationInFrontPlays(t *testing.T) {
	b := desk(t)
	lab.Need(t, "i3", "i3bar", "i3blocks")
	d := b.Display(lab.NoWM)
	b.form = func(text string) string { return fmt.Sprintf(`,[{"full_text":%q}]`, text) }
	b.want(`{"version":1}`) // i3bar-protocol
	b.want("[[]")
	bar := func(name, place, command string) string {
		return "bar {\n id " + name + "\n position " + place + "\n workspace_buttons no\n tray_output none\n status_command exec " + command + "\n}\n"
	}
	config := b.write("i3", "# i3 config file (v4)\nfont pango:DejaVu Sans 11\nfocus_follows_mouse no\n"+
		bar("one", "top", "i3blocks -c "+b.write("i3blocks", blocks(t)[2]+"\n"))+bar("two", "bottom", b.wanted()))
	b.bar("i3", "-c", config)
	// i3 lists no bars; xwininfo tells each window and where it is.
	line := regexp.MustCompile(`(0x[0-9a-f]+) "i3bar for output .* \+0\+([0-9]+)\n`)
	ids := map[bool]uint32{}
	b.Until("two bars", func() bool {
		for _, m := range line.FindAllStringSubmatch(b.Run(nil, "xwininfo", "-root", "-tree").Stdout, -1) {
			id, _ := strconv.ParseUint(m[1], 0, 32)
			ids[m[2] != "0"] = uint32(id)
		}
		return len(ids) == 2
	})
	b.picture = func(reference bool) []byte { return d.Picture(ids[reference]) }
	film := b.XTerm("film", b.Mpv(lab.App{Name: "film", NoWindow: true})...)
	film.WaitStream()
	b.followNew(func() *lab.Process { return b.XTerm("quiet", "cat").Process })
}

// waybarConfig has the two bars of a test.
const waybarConfig = `[{
	"position": "top", "height": 30,
	"modules-left": ["custom/sink"],
	%s
}, {
	"position": "bottom", "height": 30,
	"modules-left": ["custom/sink"],
	"custom/sink": {
		"exec": %q,
		"return-type": "json"
	}
}]`

func TestWaybarShowsWhereTheApplicationInFrontPlays(t *testing.T) {
	b := desk(t)
	lab.Need(t, "waybar", "foot", "grim")
	b.Bus() // waybar 0.9.24 and later end where there is none
	b.Sway("output HEADLESS-1 resolution 800x600")
	b.write("style.css", "* { font: 16px 'DejaVu Sans'; border: none; min-height: 0 } window { background: #000; color: #fff }")
	config := b.write("waybar", fmt.Sprintf(waybarConfig, blocks(t)[0], b.wanted()))
	b.form = func(text string) string { return fmt.Sprintf(`{"text":%q}`, text) }
	b.picture = func(reference bool) []byte {
		place := "0,0 800x30"
		if reference {
			place = "0,570 800x30"
		}
		return []byte(b.Run(nil, "grim", "-t", "ppm", "-g", place, "-").Stdout)
	}
	b.bar("waybar", "-c", config, "-s", filepath.Join(b.Home, "style.css"))
	b.Spawn("foot", "mpv", "--no-config", "--no-video", "--loop-file=inf", "--ao=pulse", b.ToneFile())
	b.followNew(func() *lab.Process { return b.Spawn("foot", "sleep", "600") })
}

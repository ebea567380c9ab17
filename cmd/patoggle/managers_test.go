package main

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/patoggle/patoggle/internal/lab"
)

// Window managers that say nothing of the focus: the X input focus counts, and
// where that is nowhere in particular, what the pointer is on.
func TestWindowManagersWithoutEWMH(t *testing.T) {
	for name, start := range map[string]func(d *desk){
		"twm": func(d *desk) {
			file := d.Dir + "/twmrc"
			if err := os.WriteFile(file, []byte("RandomPlacement\n"), 0o600); err != nil {
				d.t.Fatal(err)
			}
			d.Spawn("twm", "-f", file)
		},
		// As Debian starts it, without a configuration.
		"xmonad": func(d *desk) { d.SpawnCmd(lab.Cmd{Name: "xmonad", Env: []string{"LANG=C.UTF-8"}}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lab.Need(t, name, "xdotool")
			d := newDesk(t, pulseAudio, lab.NoWM)
			start(d)
			one, two := d.Player("one"), d.Player("two")
			s1, s2 := one.WaitStream(), two.WaitStream()
			terminal := d.XTerm("terminal", d.Mpv(lab.App{Name: "song", NoWindow: true})...)
			s3 := terminal.WaitStream()
			for _, p := range []struct {
				*lab.Player
				stream int
				rule   string
			}{{one, s1, "pid"}, {terminal, s3, "descendant"}, {two, s2, "pid"}} {
				// mpv draws in a window of its own inside the managed one.
				window := d.findWindow(p.Title)
				away := d.findWindow(two.Title)
				if p.Player == two {
					away = d.findWindow(one.Title)
				}
				d.Until("the focus on "+p.Title, func() bool {
					// Only a pointer that comes from elsewhere enters a window.
					d.Run(nil, "xdotool", "windowraise", window, "mousemove", "--window", away, "5", "5", "mousemove", "--window", window, "5", "5")
					var e explanation
					err := json.Unmarshal([]byte(d.run("why", "--json").Stdout), &e)
					return err == nil && e.Window != nil && e.Window.Title == p.Title
				})
				d.moves("b", p.rule, []int{p.stream})
			}
		})
	}
}

// findWindow is the id of the window of that title, for xdotool.
func (d *desk) findWindow(title string) (id string) {
	d.t.Helper()
	d.Until("the window "+title, func() bool {
		r := d.Run(nil, "xdotool", "search", "--onlyvisible", "--name", "^"+title+"$")
		id, _, _ = strings.Cut(strings.TrimSpace(r.Stdout), "\n")
		return r.Code == 0 && id != ""
	})
	return id
}

// A program that draws inside another one's window plays for that window.
func TestAProgramInsideAnotherOnesWindow(t *testing.T) {
	t.Parallel()
	lab.Need(t, "tabbed")
	d := newDesk(t, pulseAudio)
	other := d.Player("other")
	rest := other.WaitStream()
	d.Spawn("tabbed", "-c", "-n", "host")
	host := d.display.WaitWindow("tabbed", func(w lab.Window) bool { return w.Class == "host" || w.Class == "tabbed" }).ID
	// A terminal in between owns a window, and is not what the user looks at.
	guest := d.XTerm("terminal", d.Mpv(lab.App{Name: "film", Args: []string{"--wid=" + strconv.Itoa(int(host))}})...)
	s := guest.WaitStream()
	d.display.Focus(host)
	d.Until("the film inside the host", func() bool { return d.why(s).Matched })
	d.moves("b", "pid", []int{s})
	d.display.Focus(other.WaitWindow())
	d.moves("b", "pid", []int{rest})
}

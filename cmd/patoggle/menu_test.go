package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/lab/puppet"
)

// menuDesk is a desk whose sinks have equal, Chinese and odd descriptions.
func menuDesk(t *testing.T) (d *desk, stream int, window uint32) {
	d = &desk{t: t, Lab: lab.Start(t), program: lab.Binary(t, "patoggle")}
	d.sound = d.PulseAudio("a=Speakers", "b=Same", "c=Same", "d=客厅的音箱", "e=Head  (default)")
	d.display = d.Display()
	d.Setenv("PATH", filepath.Dir(d.program)+":"+d.Getenv("PATH"))
	p := d.Puppet(lab.Act{
		Client:  map[string]string{"application.name": "One"},
		Windows: []puppet.Window{{Title: []byte("one"), Class: "One", PID: puppet.OwnPID}},
		Streams: []puppet.Stream{{Media: []byte("song"), Sink: "a"}},
	})
	d.display.Focus(p.Windows[0])
	return d, p.Streams[0], p.Windows[0]
}

func TestEachLineOfTheMenuMovesToItsSink(t *testing.T) {
	t.Parallel()
	d, stream, _ := menuDesk(t)
	menu := d.expect(0, "", "list", "sinks", "--menu").Stdout
	lines := strings.Split(strings.TrimSpace(menu), "\n")
	if len(lines) != 5 {
		t.Fatalf("the menu is %q", menu)
	}
	for i, sink := range []string{"a", "b", "c", "d", "e"} { // the ring is by name
		r := d.Exec(lab.Cmd{Name: d.program, Args: lab.Unhurried("--to", "-"), Stdin: lines[i] + "\n"})
		if on := d.where()[stream]; r.Code != 0 || on != sink {
			t.Errorf("%q leads to %q, want %q: %s", lines[i], on, sink, r.Stderr)
		}
	}
	for _, nothing := range []string{"", "\n", " \n"} {
		r := d.Exec(lab.Cmd{Name: d.program, Args: lab.Unhurried("--to", "-"), Stdin: nothing})
		if r.Code != 3 || r.Stderr != "patoggle: nothing was chosen\n" {
			t.Errorf("%q: code %d, %s", nothing, r.Code, r.Stderr)
		}
	}
	d.expect(2, `"--menu goes with`[1:], "list", "streams", "--menu")
}

// In dmenu the keys go to the line that is asked for, rofi begins with it, and
// fzf accepts it.
func TestRealMenusGiveTheirLineBack(t *testing.T) {
	t.Parallel()
	lab.Need(t, "dmenu", "rofi", "fzf", "xterm", "xdotool")
	d, stream, window := menuDesk(t)
	const list = "patoggle list sinks --menu | "
	for _, tt := range []struct{ name, line string }{
		{"dmenu", list + "dmenu | patoggle --to -"},
		{"rofi", list + "rofi -dmenu -no-config -selected-row $DOWNS | patoggle --to -"},
		{"fzf", list + "fzf --layout=reverse --bind \"load:pos($((DOWNS + 1)))+accept\" | patoggle --app One --to -"},
	} {
		for downs, sink := range []string{"a", "b", "c", "d", "e"} {
			d.display.Focus(window)
			done := filepath.Join(d.Home, "done")
			os.Remove(done)
			script := "DOWNS=" + itoa(downs) + "; " + tt.line + "; echo $? > " + done + ".new; mv " + done + ".new " + done
			var p interface{ Kill() }
			before := len(d.display.Windows())
			if tt.name == "fzf" {
				// It chooses by itself: its terminal may be gone before anyone looks.
				p = d.XTerm("menu", "sh", "-c", script)
			} else {
				p = d.Spawn("sh", "-c", script)
			}
			d.Until(tt.name+" to have chosen", func() bool {
				if _, err := os.Stat(done); err == nil {
					return true
				}
				if tt.name == "fzf" || !d.menuIsUp() {
					return false
				}
				if tt.name == "dmenu" { // it has the keyboard before its window is there
					for range downs {
						d.display.Key("Right")
					}
				}
				d.display.Key("Return")
				return lab.Poll(3e9, func() bool { _, err := os.Stat(done); return err == nil })
			})
			code, _ := os.ReadFile(done)
			if on := d.where()[stream]; on != sink || strings.TrimSpace(string(code)) != "0" {
				t.Errorf("%s, line %d: on %q, want %q, code %s", tt.name, downs, on, sink, code)
			}
			p.Kill()
			d.Until("the menu to be gone", func() bool { return len(d.display.Windows()) <= before })
		}
	}
}

// menuIsUp tells whether dmenu or rofi has a window.
func (d *desk) menuIsUp() bool {
	tree := d.Run(nil, "xwininfo", "-root", "-tree").Stdout
	return strings.Contains(tree, `"dmenu"`) || strings.Contains(tree, `"rofi"`)
}

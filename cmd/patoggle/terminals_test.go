package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/patoggle/patoggle/internal/bus"
	"github.com/patoggle/patoggle/internal/lab"
)

// titled tells windows whose title begins so.
func titled(title string) func(lab.Window) bool {
	return func(w lab.Window) bool { return strings.HasPrefix(w.Title, title) }
}

// windowTitled waits for a window whose title begins so.
func (d *desk) windowTitled(title string) uint32 {
	d.t.Helper()
	return d.display.WaitWindow(title, titled(title)).ID
}

// streamOf waits for the stream of the player that Mpv made for that name.
func (d *desk) streamOf(name string) (index int) {
	d.t.Helper()
	d.Until("the stream of "+name, func() bool {
		for _, s := range d.sound.Streams() {
			if s.On != "" && (s.Media == name || strings.HasPrefix(s.Media, name+" - ")) {
				index = s.Index
				return true
			}
		}
		return false
	})
	return index
}

// singleTerminals open all their windows from one process, and set no WINDOWID.
// open opens one that runs a command.
var singleTerminals = map[string]struct {
	needs string
	start func(d *desk)
	open  func(d *desk, title string, command []string)
}{
	"gnome-terminal": {
		needs: "gnome-terminal",
		start: func(d *desk) {
			d.Bus()
			server := "/usr/libexec/gnome-terminal-server"
			if _, err := os.Stat(server); err != nil {
				server = "gnome-terminal-server" // unpacked, and on the lab's search path
			}
			d.SpawnCmd(lab.Cmd{Name: server, Env: []string{"GSETTINGS_BACKEND=memory", "LANG=C.UTF-8", "NO_AT_BRIDGE=1"}})
			// A server that comes while the client asks for it makes a window and is
			// not told what to run in it.
			conn, err := bus.Open(d.t.Context(), d.Getenv)
			if err != nil {
				d.t.Fatal(err)
			}
			defer conn.Close()
			d.Until("gnome-terminal's server", func() bool {
				_, err := conn.Owner(d.t.Context(), "org.gnome.Terminal")
				return err == nil
			})
		},
		open: func(d *desk, title string, command []string) {
			args := append([]string{"--window", "--title=" + title, "--"}, command...)
			// Its exit code is 0 even when it says "# Error".
			if r := d.Run([]string{"LANG=C.UTF-8"}, "gnome-terminal", args...); r.Code != 0 || strings.Contains(r.Stderr, "# ") {
				d.t.Fatalf("gnome-terminal ended with %d and says: %s", r.Code, r.Stderr)
			}
		},
	},
	"lxterminal": {
		needs: "lxterminal",
		start: func(d *desk) {
			// It knows its defaults by an absolute path, and makes no window without.
			defaults, err := os.ReadFile(lab.File("/usr/share/lxterminal/lxterminal.conf"))
			if err == nil {
				err = os.MkdirAll(d.Getenv("XDG_CONFIG_HOME")+"/lxterminal", 0o700)
			}
			if err == nil {
				err = os.WriteFile(d.Getenv("XDG_CONFIG_HOME")+"/lxterminal/lxterminal.conf", defaults, 0o600)
			}
			if err != nil {
				d.t.Fatal(err)
			}
		},
		open: func(d *desk, title string, command []string) {
			// Its shell is a login shell, with a search path of its own.
			if path, err := lab.LookPath(command[0]); err == nil {
				command = append([]string{path}, command[1:]...)
			}
			d.SpawnCmd(lab.Cmd{Name: "lxterminal", Args: []string{"--title=" + title, "-e", strings.Join(command, " ")}, Env: []string{"LANG=C.UTF-8", "NO_AT_BRIDGE=1"}})
			d.windowTitled(title)
		},
	},
	"terminator": {
		needs: "terminator",
		start: func(d *desk) { d.Bus() },
		open: func(d *desk, title string, command []string) {
			// It looks at all processes as it starts, and ends when one of them does
			// (psutil.NoSuchProcess).
			c := lab.Cmd{Name: "terminator", Args: append([]string{"--title=" + title, "-x"}, command...), Env: []string{"LANG=C.UTF-8", "NO_AT_BRIDGE=1", "GSETTINGS_BACKEND=memory"}}
			p := d.SpawnCmd(c)
			d.Until("a window of terminator", func() bool {
				if !p.Alive() && p.Wait() != 0 {
					p = d.SpawnCmd(c)
				}
				return slices.ContainsFunc(d.display.Windows(), titled(title))
			})
		},
	},
}

func TestOneTerminalProcessWithTwoWindows(t *testing.T) {
	for name, terminal := range singleTerminals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lab.Need(t, terminal.needs)
			d := newDesk(t, pulseAudio)
			terminal.start(d)
			terminal.open(d, "music", d.Mpv(lab.App{Name: "song", NoWindow: true}))
			music := d.windowTitled("music")
			s := d.streamOf("song")
			d.display.Focus(music)
			d.moves("b", "descendant", []int{s}) // there is one window only

			terminal.open(d, "mail", []string{"cat"})
			mail := d.windowTitled("mail")
			for _, front := range []uint32{mail, music} {
				d.display.Focus(front)
				d.stays(3, "no stream surely belongs to")
				r := d.expect(3, "nothing says in which")
				if !strings.Contains(r.Stderr, `"music`) || !strings.Contains(r.Stderr, `"mail`) || !strings.Contains(r.Stderr, `--guess would move "mpv"`) {
					t.Errorf("it does not name both windows and the player: %s", r.Stderr)
				}
				if w := d.why(s); w.Confidence != "low" || w.Rule != "descendant" || w.Doubt == "" {
					t.Errorf("why says %+v", w)
				}
				if r := d.expect(0, "--guess lets it move", "why"); !strings.Contains(r.Stdout, "stays: it runs in a terminal of") {
					t.Errorf("why says %s", r.Stdout)
				}
				if d.list().Streams[0].Focused {
					t.Error("list marks it focused")
				}
			}
			d.moves("c", "descendant", []int{s}, "--guess")
		})
	}
}

// multiplexers show a player in any terminal: start runs a command in a new
// session in an xterm, attach shows it in another one, and quit ends it.
var multiplexers = map[string]struct{ start, attach, quit []string }{
	"tmux": {
		start:  []string{"tmux", "-f", "/dev/null", "-L", "patoggle", "new"},
		attach: []string{"tmux", "-L", "patoggle", "attach"},
		quit:   []string{"tmux", "-L", "patoggle", "kill-server"},
	},
	"screen": {
		start:  []string{"screen", "-c", "/dev/null", "-S", "patoggle"},
		attach: []string{"screen", "-x", "patoggle"},
		quit:   []string{"screen", "-S", "patoggle", "-X", "quit"},
	},
}

func TestAPlayerInATerminalMultiplexer(t *testing.T) {
	for name, m := range multiplexers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lab.Need(t, name, "xterm")
			d := newDesk(t, pulseAudio)
			env := []string{"TMUX_TMPDIR=" + d.Runtime, "SCREENDIR=" + d.Runtime + "/screens", "TERM=xterm", "SHELL=/bin/sh"}
			if err := os.Mkdir(d.Runtime+"/screens", 0o700); err != nil {
				t.Fatal(err)
			}
			in := func(title string, command []string) uint32 {
				d.XTerm(title, append(append([]string{"env"}, env...), command...)...)
				return d.windowTitled(title)
			}
			showing := in("showing", append(m.start, d.Mpv(lab.App{Name: "song", NoWindow: true})...))
			defer d.Run(env, m.quit[0], m.quit[1:]...)
			sibling := in("sibling", []string{"cat"})
			s := d.streamOf("song")
			d.display.Focus(showing)
			d.moves("b", "multiplexer", []int{s})
			d.display.Focus(sibling)
			d.stays(3, "is not playing anything")
			if w := d.why(s); w.Matched || !strings.Contains(w.Tried[0].WhyNot, name) || !strings.Contains(w.Tried[0].WhyNot, `"showing"`) {
				t.Errorf("why says %+v", w)
			}

			second := in("second", m.attach)
			for _, front := range []uint32{second, showing} {
				d.display.Focus(front)
				d.Until("two terminals that show it", func() bool { return d.why(s).Confidence == "low" })
				d.stays(3, "2 terminals show")
			}
			d.moves("c", "multiplexer", []int{s}, "--guess")
		})
	}
}

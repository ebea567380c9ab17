//go:build more

package main

// Wine and a compiler for it are a gigabyte, and want alternatives of their own,
// so nothing installs them for the tests. Where they are:
//
//	go test -tags more ./cmd/patoggle -run Wine
//
// "make test-more" brings them, in a Debian of its own.

import (
	"os/exec"
	"testing"

	"github.com/patoggle/patoggle/internal/lab"
)

// A Wine program with a window whose child plays, and one that plays on Wine's
// own desktop, whose window is explorer.exe's.
func TestWinePrograms(t *testing.T) {
	t.Parallel()
	lab.Need(t, "wine", "x86_64-w64-mingw32-gcc")
	d := newDesk(t, pulseAudio)
	program := d.Dir + "/wine.exe"
	if out, err := exec.Command("x86_64-w64-mingw32-gcc", "-O1", "-mwindows", "-o", program, "testdata/wine.c", "-lwinmm").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	other := d.Player("other")
	rest := other.WaitStream()
	for _, args := range [][]string{
		{program, "launch"},
		{"explorer", "/desktop=patoggle,640x480", program, "play"},
	} {
		env := []string{"WINEPREFIX=" + d.Dir + "/prefix", "WINEDEBUG=-all", "WINEDLLOVERRIDES=mscoree,mshtml=", "LANG=C.UTF-8"}
		// The first program in a prefix waits until it is made.
		d.SpawnCmd(lab.Cmd{Name: "wine", Args: args, Env: env})
		ended := false
		defer func() {
			if !ended {
				d.Run(env, "wineserver", "-k")
			}
		}()
		stream := -1
		d.Until("a stream of Wine", func() bool {
			for _, s := range d.sound.Streams() {
				if s.Index != rest && s.On != "" && !s.Corked { // Wine tries one out first, corked
					stream = s.Index
				}
			}
			return stream >= 0
		})
		window := d.display.WaitWindow("Wine", func(w lab.Window) bool { return w.Title != "other" && w.Title != "other - mpv" && w.Title != "" }).ID
		d.display.Focus(window)
		// The server has put the second where it remembers the first.
		d.run("--stream", itoa(stream), "--to", "a")
		d.moves("b", "wine-prefix", []int{stream})
		d.display.Focus(other.WaitWindow())
		d.stays(0, "would move mpv", "-n")
		d.Run(env, "wineserver", "-k")
		ended = true
		d.Until("the end of Wine", func() bool { return len(d.sound.Streams()) == 1 })
	}
}

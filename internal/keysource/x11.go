package keysource

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/x11"
)

// ErrNoWindowManager is that nobody says which program manages the windows.
var ErrNoWindowManager = errors.New("no window manager says which program it is")

// WindowManager names the program that manages the windows of an X display; ""
// is that of the environment. Errors are ErrNoWindowManager and those of package
// desktop.
func WindowManager(ctx context.Context, display string, getenv func(string) string) (string, error) {
	c, err := x11.Open(ctx, x11.Options{Display: display, Getenv: getenv})
	if err != nil {
		return "", desktop.X11Error(err)
	}
	defer c.Close()
	screen, _ := c.Screen(ctx, 0) // that no window has the focus is all right
	if screen == nil || screen.WindowManager == 0 {
		return "", ErrNoWindowManager
	}
	comm, err := os.ReadFile("/proc/" + strconv.Itoa(screen.WindowManager) + "/comm")
	if err != nil {
		return "", ErrNoWindowManager // it has just gone
	}
	return strings.TrimSpace(string(comm)), nil
}

// CheckX11 says what would become of a hotkey on an X display, and holds its key
// for a moment to find out. Errors are those of package desktop.
func CheckX11(ctx context.Context, display string, getenv func(string) string, h config.Hotkey) (Result, error) {
	r := Result{Hotkey: h}
	c, err := x11.Open(ctx, x11.Options{Display: display, Getenv: getenv})
	if err != nil {
		return r, desktop.X11Error(err)
	}
	defer c.Close()
	layout, err := c.Keyboard(ctx)
	if err != nil {
		return r, desktop.X11Error(err)
	}
	codes := layout.Keycodes(h.Chord.Keysym)
	level, ok := layout.Level(h.Chord.Keysym)
	if len(codes) == 0 || !ok {
		r.Trouble = fmt.Sprintf("this keyboard has no key %q", h.Chord.Name)
		r.Hint = `"xev" shows the names of the keys this keyboard has`
		return r, nil
	}
	if r.Bound, err = c.KeyFree(ctx, uint16(h.Chord.Mods)|level, codes[0]); err != nil {
		return r, desktop.X11Error(err)
	}
	if !r.Bound {
		r.Trouble = fmt.Sprintf("%q is taken: another program holds it, the window manager or patoggled perhaps", h.Chord)
		r.Hint = "choose other keys, or free these in that program"
	}
	return r, nil
}

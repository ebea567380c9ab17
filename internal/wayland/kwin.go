package wayland

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/patoggle/patoggle/internal/bus"
)

// KWin's scripting (KWin 5.27 and 6.7, scripting/scripting.cpp).
const (
	kwinService   = "org.kde.KWin"
	kwinScripting = "org.kde.kwin.Scripting"

	reportPath      = "/io/github/patoggle/Report"
	reportInterface = "io.github.patoggle.Report1"
)

// kwinScript tells of the windows once. In 5.27 activeWindow and windowList are
// called otherwise. String(w) begins with the kind of the window.
const kwinScript = `(function () {
    function tell(w) {
        return {
            id: String(w.internalId), kind: String(w), pid: w.pid, special: w.specialWindow === true,
            title: String(w.caption), app: String(w.desktopFileName), class: String(w.resourceClass),
            name: String(w.resourceName), xid: typeof w.windowId === "number" ? w.windowId : 0
        };
    }
    var active = workspace.activeWindow === undefined ? workspace.activeClient : workspace.activeWindow;
    var list = workspace.windowList ? workspace.windowList() : workspace.clientList();
    var all = [];
    for (var i = 0; i < list.length && i < 4096; i++)
        all.push(tell(list[i]));
    callDBus("%s", "%s", "%s", "Report", JSON.stringify({active: active ? tell(active) : null, windows: all}));
})();
`

// askKWin has KWin run a script that reports. The script is gone afterwards: one
// that stayed would outlive a crash of ours.
func askKWin(ctx context.Context, s *Session) (*Answer, error) {
	// Its screen locker is a part of it (kscreenlocker 5.27 and 6.7, ksldapp.cpp).
	var locked bool
	c, owner, err := s.openBus(ctx, kwinService, &bus.Question{
		Object: bus.Object{Destination: kwinService, Path: "/ScreenSaver", Interface: "org.freedesktop.ScreenSaver"},
		Method: "GetActive", Results: []any{&locked}, // an error: it has none
	})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	reports := make(chan string, 1)
	err = c.Export(reportPath, reportInterface, "Report", func(sender, text string) {
		if sender != owner {
			return
		}
		select {
		case reports <- text:
		default:
		}
	})
	if err != nil {
		return nil, err
	}
	file, err := s.writeScript(fmt.Sprintf(kwinScript, c.Name(), reportPath, reportInterface))
	if err != nil {
		return nil, err
	}
	defer os.Remove(file)
	report, err := runScript(ctx, c, owner, file, reports)
	if err != nil {
		return nil, err
	}
	a, err := parseKWin([]byte(report))
	if err == nil && locked {
		a.Focused, a.Holder = nil, Lock
	}
	return a, err
}

// runScript loads and starts a script and waits for its report. It is unloaded
// whatever comes of it.
func runScript(ctx context.Context, c *bus.Conn, owner, file string, reports <-chan string) (string, error) {
	o := bus.Object{Destination: owner, Path: "/Scripting", Interface: kwinScripting}
	name := filepath.Base(file)
	var id int32
	// No answer is waited for: the next message on this connection comes after
	// it anyway, and closing leaves nothing unsent.
	defer c.Tell(o, "unloadScript", name)
	// Start goes out behind it: it runs what was loaded and not yet started.
	load := c.Begin(ctx, o, "loadScript", []any{file, name}, &id)
	start := c.Begin(ctx, o, "start", nil)
	if err := load(); err != nil {
		return "", err
	}
	if id < 0 {
		return "", errors.New("it does not load the script that asks it")
	}
	if err := start(); err != nil {
		return "", err
	}
	select {
	case r := <-reports:
		return r, nil
	case <-c.Done():
		return "", bus.ErrLost
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// writeScript puts the script where KWin can read it and nobody else.
func (s *Session) writeScript(text string) (path string, err error) {
	dir := s.getenv("XDG_RUNTIME_DIR")
	if !filepath.IsAbs(dir) {
		return "", errors.New("XDG_RUNTIME_DIR is not set")
	}
	random := make([]byte, 8)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	path = filepath.Join(dir, "patoggle-"+strconv.Itoa(os.Getpid())+"-"+hex.EncodeToString(random)+".js")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Close()); err != nil {
		os.Remove(path)
		return "", err
	}
	return path, nil
}

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
	if err := c.Export(reportPath, reportInterface, "Report", collect(owner, reports)); err != nil {
		return nil, err
	}
	file, err := s.writeScript(fmt.Sprintf(kwinScript, c.Name(), reportPath, reportInterface))
	if err != nil {
		return nil, err
	}
	defer os.Remove(file)
	unload, err := startScript(ctx, c, owner, file)
	if err != nil {
		return nil, err
	}
	// It is unloaded whatever comes of it.
	defer unload()
	select {
	case report := <-reports:
		a, err := parseKWin([]byte(report))
		if err == nil && locked {
			a.Focused, a.Holder = nil, Lock
		}
		return a, err
	case <-c.Done():
		return nil, bus.ErrLost
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// kwinFollower is a script that stays and tells of each window that gets the
// focus. It ends with us, and also when we have been killed: what nobody answers
// it says three times at most (callDBus calls back on an answer alone). In 5.27
// windowActivated is called otherwise.
const kwinFollower = `(function () {
    var unanswered = 0;
    var activated = workspace.windowActivated === undefined ? workspace.clientActivated : workspace.windowActivated;
    function tell() {
        if (++unanswered > 3)
            activated.disconnect(tell);
        else
            callDBus("%s", "%s", "%s", "Report", "", function () { unanswered = 0; });
    }
    activated.connect(tell);
    tell();
})();
`

// followKWin has KWin run that script until the context ends.
func followKWin(ctx context.Context, s *Session, changed func()) error {
	begin, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	c, owner, err := s.openBus(begin, kwinService)
	if err != nil {
		return err
	}
	defer c.Close()
	left, stop, err := c.WatchOwner(begin, kwinService)
	if err != nil {
		return err
	}
	defer stop()
	reports := make(chan string, 1)
	if err := c.Export(reportPath, reportInterface, "Report", collect(owner, reports)); err != nil {
		return err
	}
	file, err := s.writeScript(fmt.Sprintf(kwinFollower, c.Name(), reportPath, reportInterface))
	if err != nil {
		return err
	}
	defer os.Remove(file)
	unload, err := startScript(begin, c, owner, file)
	if err != nil {
		return err
	}
	defer unload()
	// Its first report says that KWin has read the file and runs it.
	select {
	case <-reports:
	case <-begin.Done():
		return begin.Err()
	}
	os.Remove(file)
	changed()
	return until(ctx, c, left, reports, changed)
}

// collect is what a script calls: texts of the compositor's go into a channel
// that holds one, which may stand for several.
func collect(owner string, reports chan<- string) func(sender, text string) {
	return func(sender, text string) {
		if sender != owner {
			return
		}
		select {
		case reports <- text:
		default:
		}
	}
}

// until calls changed for each of the events, until who sends them has left the
// bus.
func until[T any](ctx context.Context, c *bus.Conn, left <-chan *bus.Signal, events <-chan T, changed func()) error {
	for {
		select {
		case _, ok := <-events:
			if !ok {
				return bus.ErrLost
			}
			changed()
		case <-left:
			return bus.ErrAbsent
		case <-c.Done():
			return bus.ErrLost
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// startScript loads and starts a script; unload ends it.
func startScript(ctx context.Context, c *bus.Conn, owner, file string) (unload func(), err error) {
	o := bus.Object{Destination: owner, Path: "/Scripting", Interface: kwinScripting}
	name := filepath.Base(file)
	var id int32
	// No answer is waited for: the next message on this connection comes after
	// it anyway, and closing leaves nothing unsent.
	unload = func() { c.Tell(o, "unloadScript", name) }
	// Start goes out behind it: it runs what was loaded and not yet started.
	load := c.Begin(ctx, o, "loadScript", []any{file, name}, &id)
	start := c.Begin(ctx, o, "start", nil)
	if err = load(); err == nil && id < 0 {
		err = errors.New("it does not load the script that asks it")
	}
	if err == nil {
		err = start()
	}
	if err != nil {
		unload()
		return nil, err
	}
	return unload, nil
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

package wayland

import (
	"context"
	"errors"
	"strings"

	"github.com/patoggle/patoggle/internal/bus"
)

// GNOMEExtension is the uuid of patoggle's extension of GNOME Shell
// (packaging/gnome).
const GNOMEExtension = "patoggle@patoggle.github.io"

const (
	gnomeService   = "org.gnome.Shell"
	gnomePath      = "/io/github/patoggle/FocusedWindow"
	gnomeInterface = "io.github.patoggle.FocusedWindow1"
	gnomeChanged   = "Changed"
)

// askGNOME asks patoggle's extension, and where that is not there the two
// published ones that tell a process.
func askGNOME(ctx context.Context, s *Session) (*Answer, error) {
	var reply string
	get := &bus.Question{
		Object: bus.Object{Destination: gnomeService, Path: gnomePath, Interface: gnomeInterface},
		Method: "Get", Results: []any{&reply},
	}
	c, owner, err := s.openBus(ctx, gnomeService, get)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err = get.Err; err == nil {
		return parseGNOME([]byte(reply))
	}
	if !errors.Is(err, bus.ErrUnknown) {
		return nil, err
	}
	// The object goes with the lock screen.
	if gnomeLocked(ctx, c, owner) {
		return &Answer{Holder: Lock}, nil
	}
	for _, other := range gnomeOthers {
		o := bus.Object{Destination: owner, Path: other.path, Interface: other.iface}
		if c.Call(ctx, o, other.method, nil, &reply) == nil {
			return other.parse([]byte(reply))
		}
	}
	return nil, gnomeMute(ctx, c, owner)
}

// followGNOME listens to the extension's signal. Where another extension answers,
// or one of ours that is older, nobody tells. While the screen is locked the
// object is away, and the signal comes when it is there again.
func followGNOME(ctx context.Context, s *Session, changed func()) error {
	begin, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	c, owner, err := s.openBus(begin, gnomeService)
	if err != nil {
		return err
	}
	defer c.Close()
	left, stop, err := c.WatchOwner(begin, gnomeService)
	if err != nil {
		return err
	}
	defer stop()
	signals, stopSignals, err := c.Watch(begin, bus.Match{Sender: owner, Path: gnomePath, Interface: gnomeInterface, Member: gnomeChanged})
	if err != nil {
		return err
	}
	defer stopSignals()
	if tells, err := gnomeTells(begin, c, owner); err != nil {
		return err
	} else if !tells && !gnomeLocked(begin, c, owner) {
		return ErrUnfollowed
	}
	changed()
	return until(ctx, c, left, signals, changed)
}

// gnomeTells tells whether the extension is there and has the signal.
func gnomeTells(ctx context.Context, c *bus.Conn, owner string) (bool, error) {
	var said string
	o := bus.Object{Destination: owner, Path: gnomePath, Interface: "org.freedesktop.DBus.Introspectable"}
	err := c.Call(ctx, o, "Introspect", nil, &said)
	if err != nil && !errors.Is(err, bus.ErrUnknown) {
		return false, err
	}
	return strings.Contains(said, `<signal name="`+gnomeChanged+`"`), nil
}

// awaitGNOME waits until the extension is there: it tells that it is. A shell that
// has just started is on the bus before it has loaded its extensions.
func awaitGNOME(ctx context.Context, s *Session) error {
	begin, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	c, err := bus.Open(begin, s.getenv)
	if err != nil {
		return err
	}
	defer c.Close()
	signals, stop, err := c.Watch(begin, bus.Match{Sender: gnomeService, Path: gnomePath, Interface: gnomeInterface, Member: gnomeChanged})
	if err != nil {
		return err
	}
	defer stop()
	// It may have come while nobody listened.
	if tells, err := gnomeTells(begin, c, gnomeService); err == nil && tells {
		return nil
	}
	select {
	case <-signals:
		return nil
	case <-c.Done():
		return bus.ErrLost
	case <-ctx.Done():
		return ctx.Err()
	}
}

// gnomeOthers are the extensions "Focused Window D-Bus" and "Window Calls". They
// know neither the overview nor the lock screen.
var gnomeOthers = []struct {
	path, iface, method string
	parse               func([]byte) (*Answer, error)
}{
	{"/org/gnome/shell/extensions/FocusedWindow", "org.gnome.shell.extensions.FocusedWindow", "Get", parseFocusedWindow},
	{"/org/gnome/Shell/Extensions/Windows", "org.gnome.Shell.Extensions.Windows", "List", parseWindowCalls},
}

// gnomeLocked asks the shell itself: who has the name org.gnome.ScreenSaver is a
// program of its own, which need not run (js/ui/shellDBus.js, GNOME 43 to 51).
func gnomeLocked(ctx context.Context, c *bus.Conn, owner string) bool {
	var locked bool
	o := bus.Object{Destination: owner, Path: "/org/gnome/ScreenSaver", Interface: "org.gnome.ScreenSaver"}
	return c.Call(ctx, o, "GetActive", nil, &locked) == nil && locked
}

// gnomeMute says why the extension does not answer.
func gnomeMute(ctx context.Context, c *bus.Conn, owner string) error {
	e, err := extensionInfo(ctx, c, owner)
	if err != nil {
		return err
	}
	why, cure := e.reason()
	return &MuteError{Compositor: "GNOME", Why: why, Cure: cure}
}

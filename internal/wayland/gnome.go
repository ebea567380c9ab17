package wayland

import (
	"context"
	"errors"

	"github.com/patoggle/patoggle/internal/bus"
)

// GNOMEExtension is the uuid of patoggle's extension of GNOME Shell
// (packaging/gnome).
const GNOMEExtension = "patoggle@patoggle.github.io"

const (
	gnomeService   = "org.gnome.Shell"
	gnomePath      = "/io/github/patoggle/FocusedWindow"
	gnomeInterface = "io.github.patoggle.FocusedWindow1"
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
	if gnomeLocked(ctx, c) {
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

// gnomeOthers are the extensions "Focused Window D-Bus" and "Window Calls". They
// know neither the overview nor the lock screen.
var gnomeOthers = []struct {
	path, iface, method string
	parse               func([]byte) (*Answer, error)
}{
	{"/org/gnome/shell/extensions/FocusedWindow", "org.gnome.shell.extensions.FocusedWindow", "Get", parseFocusedWindow},
	{"/org/gnome/Shell/Extensions/Windows", "org.gnome.Shell.Extensions.Windows", "List", parseWindowCalls},
}

func gnomeLocked(ctx context.Context, c *bus.Conn) bool {
	var locked bool
	o := bus.Object{Destination: "org.gnome.ScreenSaver", Path: "/org/gnome/ScreenSaver", Interface: "org.gnome.ScreenSaver"}
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

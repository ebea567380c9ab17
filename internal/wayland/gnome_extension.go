package wayland

import (
	"context"
	"os"
	"strconv"
	"strings"

	"github.com/patoggle/patoggle/internal/bus"
)

// Extension is what GNOME Shell says of patoggle's extension.
type Extension struct {
	// Release is the shell's, 48; 0 when it says none.
	Release int
	// Known is false when the shell has not seen its files, which it looks for
	// at its start.
	Known bool
	State int
	Text  string // of an error
}

// Running reports whether the extension does its work.
func (e *Extension) Running() bool { return e.Known && e.State == extensionActive }

// Why says why it does not run.
func (e *Extension) Why() string {
	why, _ := e.reason()
	return why
}

// The states of an extension (js/misc/extensionUtils.js, ExtensionState, GNOME
// 43 to 51).
const (
	extensionActive    = 1
	extensionInactive  = 2
	extensionError     = 3
	extensionOutOfDate = 4
	extensionStarting  = 6 // "initialized", which it has been since its files were read
)

// reason puts the state into words.
func (e *Extension) reason() (why, cure string) {
	const install = `"patoggle gnome-extension install" puts it there`
	if !e.Known {
		return "patoggle's extension is not installed, or was installed after the login", install + "; then log out and in once"
	}
	switch e.State {
	case extensionActive:
		return "patoggle's extension is not the one that belongs to this patoggle", `"patoggle gnome-extension install", then log out and in once`
	case extensionError:
		return "patoggle's extension failed: " + e.Text, "please report it"
	case extensionOutOfDate:
		return "patoggle's extension does not know this release of GNOME", "install a newer patoggle"
	case extensionInactive, extensionStarting:
		return "patoggle's extension is switched off", `"patoggle gnome-extension install" switches it on; extensions must not be switched off altogether`
	}
	return "patoggle's extension does not run", `"patoggle gnome-extension install", then log out and in once`
}

// AskExtension asks the running shell for the extension's state, in the time of
// the context. A nil getenv is os.Getenv.
func AskExtension(ctx context.Context, getenv func(string) string) (*Extension, error) {
	if getenv == nil {
		getenv = os.Getenv
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	c, err := bus.Open(ctx, getenv)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	owner, err := c.Owner(ctx, gnomeService)
	if err != nil {
		return nil, err
	}
	e, err := extensionInfo(ctx, c, owner)
	if err != nil {
		return nil, err
	}
	shell := bus.Object{Destination: owner, Path: "/org/gnome/Shell", Interface: "org.freedesktop.DBus.Properties"}
	version := bus.Variant("")
	if c.Call(ctx, shell, "Get", []any{gnomeService, "ShellVersion"}, &version) == nil {
		text, _ := version.Value().(string)
		e.Release = GNOMERelease(text)
	}
	return e, nil
}

// extensionInfo reads the state that the shell gives as a number with fractions.
func extensionInfo(ctx context.Context, c *bus.Conn, owner string) (*Extension, error) {
	var info bus.Dict
	o := bus.Object{Destination: owner, Path: "/org/gnome/Shell", Interface: "org.gnome.Shell.Extensions"}
	if err := c.Call(ctx, o, "GetExtensionInfo", []any{GNOMEExtension}, &info); err != nil {
		return nil, err
	}
	state, _ := info["state"].Value().(float64)
	text, _ := info["error"].Value().(string)
	return &Extension{Known: len(info) > 0, State: int(state), Text: text}, nil
}

// GNOMERelease is the first number of a version: 43 of "43.9", 51 of "51.alpha", 0 of
// none.
func GNOMERelease(version string) int {
	first, _, _ := strings.Cut(version, ".")
	n, err := strconv.Atoi(first)
	if err != nil {
		return 0
	}
	return n
}

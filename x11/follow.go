package x11

import (
	"context"

	"github.com/jezek/xgb/xproto"
)

// FocusChanges receives a value after the window manager named another active
// window (EWMH 1.5, _NET_ACTIVE_WINDOW): at least one after the last change, and
// one may stand for many. There is one channel for the connection, so one
// receiver; it is never closed, see Done. A change of the focus without a window
// manager that says so is not told. ctx is for the request only.
func (c *Conn) FocusChanges(ctx context.Context) (<-chan struct{}, error) {
	err := c.do(ctx, func() error {
		return xproto.ChangeWindowAttributesChecked(c.x, xproto.Window(c.root), xproto.CwEventMask, []uint32{xproto.EventMaskPropertyChange}).Check()
	})
	return c.focus, err
}

// noteFocus passes on that the active window is another one. The atom is 0
// where no window manager had used it when we connected.
func (c *Conn) noteFocus(e xproto.PropertyNotifyEvent) {
	if uint32(e.Atom) != c.atoms.active && c.atoms.active != 0 {
		return
	}
	select {
	case c.focus <- struct{}{}:
	default:
	}
}

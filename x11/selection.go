package x11

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

// HeldError says that another client owns a selection.
type HeldError struct {
	Selection string
	// PID is the owner's _NET_WM_PID, 0 when it has none.
	PID int
}

func (e *HeldError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("another client owns the selection %q", e.Selection)
	}
	return fmt.Sprintf("process %d owns the selection %q", e.PID, e.Selection)
}

var errNotOwner = errors.New("the X server did not give the selection")

// Claim makes this connection the owner of a selection that nobody owns, until
// it ends. That is how window managers see to it that there is one of them
// (ICCCM 2.8, manager selections). The owner's window carries our pid in
// _NET_WM_PID. The error is a *HeldError when somebody owns it.
//
// The server is grabbed for the two round trips between looking and taking, so
// that of two that ask at the same time only one gets it.
func (c *Conn) Claim(ctx context.Context, selection string) error {
	var held *HeldError
	err := c.do(ctx, func() error {
		raw, _, err := c.receive(xproto.InternAtom(c.x, false, uint16(len(selection)), selection).Cookie)
		if err != nil {
			return err
		}
		name := xproto.Atom(parseAtom(raw))
		if name == 0 {
			return errNotOwner
		}
		id, err := c.x.NewId()
		if err != nil {
			return err
		}
		window := xproto.Window(id)
		pid := make([]byte, 4)
		xgb.Put32(pid, uint32(os.Getpid()))
		xproto.CreateWindow(c.x, 0, window, xproto.Window(c.root), -1, -1, 1, 1, 0,
			xproto.WindowClassInputOnly, 0, 0, nil)
		xproto.ChangeProperty(c.x, xproto.PropModeReplace, window, xproto.Atom(c.atoms.pid), atomCardinal, 32, 1, pid)
		xproto.GrabServer(c.x)
		defer c.guard.flush()
		defer xproto.UngrabServer(c.x)

		owner, err := c.selectionOwner(name)
		if err != nil {
			return err
		}
		if owner != 0 {
			p, _, err := c.receiveProperty(c.property(owner, c.atoms.pid, atomCardinal, 1))
			if err != nil {
				return err
			}
			held = &HeldError{Selection: selection, PID: p.pid()}
			xproto.DestroyWindow(c.x, window)
			return nil
		}
		// CurrentTime is safe here: nobody else can ask meanwhile.
		xproto.SetSelectionOwner(c.x, window, name, xproto.TimeCurrentTime)
		if owner, err = c.selectionOwner(name); err == nil && owner != WindowID(window) {
			err = errNotOwner
		}
		return err
	})
	if err == nil && held != nil {
		return held
	}
	return err
}

// selectionOwner asks who owns a selection; 0 is nobody.
func (c *Conn) selectionOwner(name xproto.Atom) (WindowID, error) {
	raw, ok, err := c.receive(xproto.GetSelectionOwner(c.x, name).Cookie)
	if err != nil || !ok {
		return 0, err
	}
	// The reply holds one resource id where InternAtom's holds the atom.
	return WindowID(parseAtom(raw)), nil
}

package x11

import (
	"context"

	"github.com/jezek/xgb/xproto"
)

// Keyboard reads the keyboard's mapping: one round trip. It is that of one
// moment, see MappingChanges.
func (c *Conn) Keyboard(ctx context.Context) (*Keyboard, error) {
	var k *Keyboard
	err := c.do(ctx, func() error {
		first, last := c.setup.minKey, c.setup.maxKey
		syms := xproto.GetKeyboardMapping(c.x, xproto.Keycode(first), last-first+1).Cookie
		mods := xproto.GetModifierMapping(c.x).Cookie
		mapping, _, err := c.receive(syms)
		if err != nil {
			return err
		}
		modifiers, _, err := c.receive(mods)
		if err != nil {
			return err
		}
		var ok bool
		if k, ok = parseKeyboard(first, last, mapping, modifiers); !ok {
			return errFrame
		}
		return nil
	})
	return k, err
}

// Held reads which keys are down and which modifiers are in force: one round
// trip.
func (c *Conn) Held(ctx context.Context) (Held, error) {
	var h Held
	err := c.do(ctx, func() error {
		keys := xproto.QueryKeymap(c.x).Cookie
		pointer := xproto.QueryPointer(c.x, xproto.Window(c.root)).Cookie
		keymap, _, err := c.receive(keys)
		if err != nil {
			return err
		}
		state, _, err := c.receive(pointer)
		if err != nil {
			return err
		}
		var ok bool
		if h, ok = parseHeld(keymap, state); !ok {
			return errFrame
		}
		return nil
	})
	return h, err
}

// Down reports whether one of the keys is down at this moment, and of the
// modifiers exactly those, the keyboard's locks aside: one round trip.
func (c *Conn) Down(ctx context.Context, k *Keyboard, modifiers uint16, codes ...byte) (bool, error) {
	h, err := c.Held(ctx)
	return err == nil && h.Chord(modifiers, k.Locks(), codes...), err
}

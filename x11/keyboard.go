package x11

import (
	"context"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

// Keyboard reads the keyboard's mapping: three round trips. It is that of one
// moment, see MappingChanges.
func (c *Conn) Keyboard(ctx context.Context) (*Keyboard, error) {
	var k *Keyboard
	err := c.do(ctx, func() error {
		rules, err := c.rules()
		if err != nil {
			return err
		}
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
		k.layouts = parseRules(rules)
		return nil
	})
	return k, err
}

// rulesLimit is how much is read of what the keyboard was made of.
const rulesLimit = 4 << 10

// rules reads _XKB_RULES_NAMES, in which setxkbmap and the X server say what
// they made the keyboard of; nil when nobody did. It is looked up here, since
// only who binds keys wants to know.
func (c *Conn) rules() ([]byte, error) {
	raw, ok, err := c.receive(c.send(internAtom("_XKB_RULES_NAMES")))
	if err != nil || !ok {
		return nil, err
	}
	cookie := xproto.GetProperty(c.x, false, xproto.Window(c.root), xproto.Atom(parseAtom(raw)), xproto.AtomString, 0, rulesLimit/4).Cookie
	raw, ok, err = c.receive(cookie)
	if err != nil || !ok {
		return nil, err
	}
	p, ok := parseProperty(raw)
	if !ok || p.typ != uint32(xproto.AtomString) || p.format != 8 {
		return nil, nil
	}
	return p.value, nil
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

// KeyFree reports whether a key could be grabbed with these modifiers: it is, for
// a moment. Two round trips.
func (c *Conn) KeyFree(ctx context.Context, modifiers uint16, code byte) (bool, error) {
	free := false
	err := c.do(ctx, func() error {
		root := xproto.Window(c.root)
		err := xproto.GrabKeyChecked(c.x, false, root, modifiers, xproto.Keycode(code), xproto.GrabModeAsync, xproto.GrabModeAsync).Check()
		if err == nil {
			free = true
			err = xproto.UngrabKeyChecked(c.x, xproto.Keycode(code), root, modifiers).Check()
		}
		if _, isX := err.(xgb.Error); isX {
			return nil
		}
		return err
	})
	return free, err
}

package puppet

import (
	"encoding/binary"
	"errors"
	"os"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

// openWindows creates and maps the windows on $DISPLAY. ends gets a value when
// the X server goes.
func openWindows(windows []Window, ends chan<- error) ([]uint32, error) {
	x, err := xgb.NewConn()
	if err != nil {
		return nil, err
	}
	screen := xproto.Setup(x).DefaultScreen(x)
	var ids []uint32
	for i, w := range windows {
		id, err := xproto.NewWindowId(x)
		if err != nil {
			return nil, err
		}
		if w.TransientForLast && i > 0 {
			w.TransientFor = ids[i-1]
		}
		if err := xproto.CreateWindowChecked(x, screen.RootDepth, id, screen.Root, 0, 0, 200, 100, 0,
			xproto.WindowClassInputOutput, screen.RootVisual, xproto.CwBackPixel, []uint32{screen.WhitePixel}).Check(); err != nil {
			return nil, err
		}
		p := properties{x: x, window: id}
		p.set(w)
		if p.err != nil {
			return nil, p.err
		}
		if err := xproto.MapWindowChecked(x, id).Check(); err != nil {
			return nil, err
		}
		ids = append(ids, uint32(id))
	}
	go func() {
		for {
			event, err := x.WaitForEvent()
			if event == nil && err == nil {
				ends <- errors.New("the X server has gone")
				return
			}
		}
	}()
	return ids, nil
}

// properties sets properties of one window; the first error is kept.
type properties struct {
	x      *xgb.Conn
	window xproto.Window
	err    error
}

func (p *properties) atom(name string) xproto.Atom {
	if p.err != nil {
		return 0
	}
	r, err := xproto.InternAtom(p.x, false, uint16(len(name)), name).Reply()
	if err != nil {
		p.err = err
		return 0
	}
	return r.Atom
}

func (p *properties) change(name, kind string, format byte, data []byte) {
	property, t := p.atom(name), p.atom(kind)
	if p.err == nil {
		p.err = xproto.ChangePropertyChecked(p.x, xproto.PropModeReplace, p.window, property, t,
			format, uint32(len(data)/int(format/8)), data).Check()
	}
}

func (p *properties) number(name, kind string, v uint32) {
	p.change(name, kind, 32, binary.LittleEndian.AppendUint32(nil, v))
}

func (p *properties) set(w Window) {
	if len(w.Title) > 0 {
		p.change("_NET_WM_NAME", "UTF8_STRING", 8, w.Title)
		p.change("WM_NAME", "STRING", 8, w.Title)
	}
	if w.Instance != "" || w.Class != "" {
		p.change("WM_CLASS", "STRING", 8, []byte(w.Instance+"\x00"+w.Class+"\x00"))
	}
	pid := w.PID
	if pid == OwnPID {
		pid = os.Getpid()
	}
	if pid != 0 {
		p.number("_NET_WM_PID", "CARDINAL", uint32(pid))
	}
	if w.Machine != "" {
		p.change("WM_CLIENT_MACHINE", "STRING", 8, []byte(w.Machine))
	}
	if w.Type != "" {
		p.number("_NET_WM_WINDOW_TYPE", "ATOM", uint32(p.atom(w.Type)))
	}
	if w.TransientFor != 0 {
		p.number("WM_TRANSIENT_FOR", "WINDOW", w.TransientFor)
	}
}

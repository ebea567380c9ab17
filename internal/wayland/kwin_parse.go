package wayland

import (
	"encoding/json"
	"strings"
)

type kwinWindow struct {
	ID      string `json:"id"`
	Kind    string `json:"kind"`
	PID     int    `json:"pid"`
	Special bool   `json:"special"`
	Title   string `json:"title"`
	App     string `json:"app"`
	Class   string `json:"class"`
	Name    string `json:"name"`
	XID     uint32 `json:"xid"`
}

// layer is true for a launcher, a panel, the lock screen: krunner says of itself
// that it is a normal window.
func (w *kwinWindow) layer() bool { return strings.HasPrefix(w.Kind, "KWin::LayerShellV1Window") }

// x11 is true for a window of Xwayland, which 5.27 calls XwaylandWindow; only
// there it has a number.
func (w *kwinWindow) x11() bool {
	return w.XID != 0 || strings.HasPrefix(w.Kind, "KWin::X11Window") || strings.HasPrefix(w.Kind, "KWin::XwaylandWindow")
}

func (w *kwinWindow) window() Window {
	out := Window{
		ID: w.ID, PID: w.PID, Title: w.Title, AppID: w.App,
		X11:   w.x11(),
		Aside: w.layer() || w.Special,
	}
	if out.AppID == "" || out.X11 {
		out.AppID = w.Class
	}
	if out.X11 {
		out.XID, out.Instance = w.XID, w.Name
	}
	return out
}

// parseKWin reads the script's report.
func parseKWin(report []byte) (*Answer, error) {
	var r struct {
		Active  *kwinWindow  `json:"active"`
		Windows []kwinWindow `json:"windows"`
	}
	if err := json.Unmarshal(report, &r); err != nil {
		return nil, unreadable(err)
	}
	a := &Answer{Complete: true}
	for i := range r.Windows {
		if w := r.Windows[i].window(); !w.Aside {
			a.Windows = append(a.Windows, w)
		}
	}
	switch {
	case r.Active == nil:
	case r.Active.layer():
		a.Holder = Layer
	case r.Active.Special:
		a.Holder = Panel
	default:
		w := r.Active.window()
		a.Focused = &w
	}
	return a, nil
}

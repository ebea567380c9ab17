package wayland

import (
	"encoding/json"
	"strconv"
)

// The modes of GNOME Shell (js/ui/environment, Shell.ActionMode, GNOME 43 to 51).
const (
	modeNone     = 0
	modeNormal   = 1
	modeOverview = 2
	modeLock     = 4
	modeUnlock   = 8
)

type gnomeWindow struct {
	ID       string `json:"id"`
	PID      int    `json:"pid"`
	Title    string `json:"title"`
	Class    string `json:"class"`
	Instance string `json:"instance"`
	X11      bool   `json:"x11"`
}

func (w *gnomeWindow) window() Window {
	return Window{ID: w.ID, PID: w.PID, Title: w.Title, AppID: w.Class, Instance: w.Instance, X11: w.X11}
}

// parseGNOME reads the answer of patoggle's extension. In a mode other than the
// normal one the focused window stays the last one, and does not count. The mode
// is none while something without a mode of its own has the keyboard, and after
// an overview that was closed before the start was complete.
func parseGNOME(reply []byte) (*Answer, error) {
	var r struct {
		Mode     int           `json:"mode"`
		Locked   bool          `json:"locked"`
		Overview bool          `json:"overview"`
		Shell    bool          `json:"shell"`
		Focused  *gnomeWindow  `json:"focused"`
		Windows  []gnomeWindow `json:"windows"`
	}
	if err := json.Unmarshal(reply, &r); err != nil {
		return nil, unreadable(err)
	}
	a := &Answer{Complete: true}
	for i := range r.Windows {
		a.Windows = append(a.Windows, r.Windows[i].window())
	}
	switch {
	case r.Locked || r.Mode == modeLock || r.Mode == modeUnlock:
		a.Holder = Lock
	case r.Mode == modeOverview || r.Overview:
		a.Holder = Overview
	case r.Mode != modeNormal && !(r.Mode == modeNone && !r.Shell):
		a.Holder = Prompt
	case r.Focused == nil:
		a.Holder = Workspace
	case r.Focused.PID > 0 || r.Focused.X11:
		w := r.Focused.window()
		a.Focused = &w
	}
	return a, nil
}

// foreignWindow is a window as the two published extensions tell of it.
type foreignWindow struct {
	ID       uint64 `json:"id"`
	PID      int    `json:"pid"`
	Title    string `json:"title"`
	Class    string `json:"wm_class"`
	Instance string `json:"wm_class_instance"`
	Focus    bool   `json:"focus"`
	Type     *int   `json:"window_type"`
}

func (w *foreignWindow) window() Window {
	return Window{ID: strconv.FormatUint(w.ID, 10), PID: w.PID, Title: w.Title, AppID: w.Class, Instance: w.Instance}
}

// parseFocusedWindow reads what "Focused Window D-Bus" says: one window, or {}.
func parseFocusedWindow(reply []byte) (*Answer, error) {
	var w foreignWindow
	if err := json.Unmarshal(reply, &w); err != nil {
		return nil, unreadable(err)
	}
	if w.PID <= 0 {
		return &Answer{}, nil
	}
	f := w.window()
	return &Answer{Focused: &f, Windows: []Window{f}}, nil
}

// parseWindowCalls reads what "Window Calls" says: a list.
func parseWindowCalls(reply []byte) (*Answer, error) {
	var list []foreignWindow
	if err := json.Unmarshal(reply, &list); err != nil {
		return nil, unreadable(err)
	}
	a := &Answer{Complete: true}
	for i := range list {
		w := list[i].window()
		a.Windows = append(a.Windows, w)
		if list[i].Focus && w.PID > 0 {
			a.Focused = &w
		}
	}
	return a, nil
}

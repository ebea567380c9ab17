package wayland

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

type hyprWindow struct {
	Address  string `json:"address"`
	Class    string `json:"class"`
	Title    string `json:"title"`
	PID      int    `json:"pid"`
	Xwayland bool   `json:"xwayland"`
	Mapped   *bool  `json:"mapped"`
}

func (w *hyprWindow) window() Window {
	return Window{ID: w.Address, PID: w.PID, Title: w.Title, AppID: w.Class, X11: w.Xwayland}
}

// parseHyprland reads the answers to activewindow ({} for none), clients and
// locked.
func parseHyprland(active, clients, locked []byte) (*Answer, error) {
	var f hyprWindow
	if err := json.Unmarshal(active, &f); err != nil {
		return nil, unreadable(err)
	}
	var list []hyprWindow
	if err := json.Unmarshal(clients, &list); err != nil {
		return nil, unreadable(err)
	}
	a := &Answer{Complete: true}
	for i := range list {
		if w := &list[i]; w.Mapped == nil || *w.Mapped {
			a.Windows = append(a.Windows, w.window())
		}
	}
	var lock struct {
		Locked bool `json:"locked"`
	}
	if json.Unmarshal(locked, &lock) == nil && lock.Locked {
		a.Holder = Lock
		return a, nil
	}
	if f.Address != "" {
		w := f.window()
		a.Focused = &w
	}
	return a, nil
}

type niriWindow struct {
	ID    uint64  `json:"id"`
	Title *string `json:"title"`
	AppID *string `json:"app_id"`
	PID   *int    `json:"pid"`
}

func (w *niriWindow) window() Window {
	out := Window{ID: strconv.FormatUint(w.ID, 10)}
	if w.Title != nil {
		out.Title = *w.Title
	}
	if w.AppID != nil {
		out.AppID = *w.AppID
	}
	if w.PID != nil {
		out.PID = *w.PID
	}
	return out
}

// parseNiri reads the answers to FocusedWindow, Windows and OverviewState.
func parseNiri(focused, windows, overview []byte) (*Answer, error) {
	type reply struct {
		Ok *struct {
			FocusedWindow *niriWindow
			Windows       []niriWindow
			OverviewState struct {
				IsOpen bool `json:"is_open"`
			}
		}
		Err string
	}
	var f, all, over reply
	for _, r := range []struct {
		from []byte
		into *reply
	}{{focused, &f}, {windows, &all}} {
		if err := json.Unmarshal(r.from, r.into); err != nil {
			return nil, unreadable(err)
		}
		if r.into.Ok == nil {
			if r.into.Err != "" {
				return nil, fmt.Errorf("it refuses: %q", r.into.Err)
			}
			return nil, errors.New("its answer cannot be read")
		}
	}
	a := &Answer{Complete: true}
	for i := range all.Ok.Windows {
		a.Windows = append(a.Windows, all.Ok.Windows[i].window())
	}
	if json.Unmarshal(overview, &over) == nil && over.Ok != nil && over.Ok.OverviewState.IsOpen {
		a.Holder = Overview
		return a, nil
	}
	if f.Ok.FocusedWindow != nil {
		w := f.Ok.FocusedWindow.window()
		a.Focused = &w
	}
	return a, nil
}

type wayfireView struct {
	ID    int64  `json:"id"`
	PID   int    `json:"pid"`
	Title string `json:"title"`
	AppID string `json:"app-id"`
	Role  string `json:"role"` // "toplevel", "desktop-environment", "unmanaged"
}

func (v *wayfireView) window() Window {
	return Window{ID: strconv.FormatInt(v.ID, 10), PID: v.PID, Title: v.Title, AppID: v.AppID, Aside: v.Role != "" && v.Role != "toplevel"}
}

// parseWayfire reads the answers to get-focused-view and list-views.
func parseWayfire(focused, views []byte) (*Answer, error) {
	var f struct {
		Info  *wayfireView `json:"info"`
		Error string       `json:"error"`
	}
	if err := json.Unmarshal(focused, &f); err != nil {
		return nil, unreadable(err)
	}
	if f.Error != "" {
		return nil, fmt.Errorf("it refuses: %q", f.Error)
	}
	var list []wayfireView
	if err := json.Unmarshal(views, &list); err != nil {
		return nil, unreadable(err)
	}
	a := &Answer{Complete: true}
	for i := range list {
		if w := list[i].window(); !w.Aside {
			a.Windows = append(a.Windows, w)
		}
	}
	switch {
	case f.Info == nil:
	case f.Info.Role != "" && f.Info.Role != "toplevel":
		a.Holder = Layer
	default:
		w := f.Info.window()
		a.Focused = &w
	}
	return a, nil
}

package wayland

import (
	"encoding/json"
	"errors"
	"strconv"
)

// swayNode is a node of sway's tree (sway-ipc(7), GET_TREE).
type swayNode struct {
	ID         int64   `json:"id"`
	Type       string  `json:"type"` // "root", "output", "workspace", "con", "floating_con"
	Name       string  `json:"name"`
	Focused    bool    `json:"focused"`
	Focus      []int64 `json:"focus"` // children, the last focused first
	PID        int     `json:"pid"`   // 0 for what is no view
	AppID      string  `json:"app_id"`
	Shell      string  `json:"shell"`  // "xdg_shell", "xwayland"
	Window     uint32  `json:"window"` // of X11
	Properties struct {
		Class    string `json:"class"`
		Instance string `json:"instance"`
	} `json:"window_properties"`
	Nodes    []*swayNode `json:"nodes"`
	Floating []*swayNode `json:"floating_nodes"`
}

// children are nodes and floating ones; null is skipped.
func (n *swayNode) children() []*swayNode {
	all := make([]*swayNode, 0, len(n.Nodes)+len(n.Floating))
	for _, c := range append(n.Nodes[:len(n.Nodes):len(n.Nodes)], n.Floating...) {
		if c != nil {
			all = append(all, c)
		}
	}
	return all
}

// parseSway reads sway's tree. A launcher or a lock screen with the keyboard
// shows in that no node is focused; an empty workspace is focused itself.
func parseSway(reply []byte) (*Answer, error) {
	var root *swayNode
	if err := json.Unmarshal(reply, &root); err != nil {
		return nil, unreadable(err)
	}
	if root == nil {
		return nil, errors.New("its tree is empty")
	}
	a := &Answer{Complete: true, Holder: Layer}
	var focused *swayNode
	var walk func(*swayNode)
	walk = func(n *swayNode) {
		if n.Focused && focused == nil {
			focused = n
		}
		below := n.children()
		if w, ok := n.window(); ok && len(below) == 0 {
			a.Windows = append(a.Windows, w)
		}
		for _, c := range below {
			walk(c)
		}
	}
	walk(root)
	if focused == nil {
		return a, nil
	}
	a.Holder = Workspace
	if w, ok := focused.front().window(); ok {
		a.Focused = &w
	}
	return a, nil
}

// front is the view that was focused last below a container that has the focus
// as a whole (the command "focus parent").
func (n *swayNode) front() *swayNode {
	for {
		var next *swayNode
		for _, c := range n.children() {
			if len(n.Focus) > 0 && c.ID == n.Focus[0] {
				next = c
			}
		}
		if next == nil {
			return n
		}
		n = next
	}
}

func (n *swayNode) window() (Window, bool) {
	if n.Type != "con" && n.Type != "floating_con" || n.PID == 0 && n.Shell == "" {
		return Window{}, false
	}
	w := Window{ID: strconv.FormatInt(n.ID, 10), PID: n.PID, Title: n.Name, AppID: n.AppID}
	if n.Shell == "xwayland" || n.Window != 0 {
		w.X11, w.XID = true, n.Window
		w.AppID, w.Instance = n.Properties.Class, n.Properties.Instance
	}
	return w, true
}

// unreadable puts an error of encoding/json into a sentence that quotes nothing
// of what arrived.
func unreadable(err error) error {
	var typ *json.UnmarshalTypeError
	if errors.As(err, &typ) {
		return errors.New("its answer is not of the types that belong to it")
	}
	return errors.New("its answer cannot be read")
}

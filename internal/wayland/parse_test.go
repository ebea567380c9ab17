package wayland

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The answers are what compositors really said; those of Hyprland and niri are
// what their documentation says that they say.
func TestWhatCompositorsSayIsRead(t *testing.T) {
	foot := Window{ID: "5", PID: 81, Title: "foot", AppID: "foot"}
	xterm := Window{ID: "6", PID: 105, Title: "sleep", AppID: "XTerm", Instance: "xterm", X11: true, XID: 0x40000c}
	for name, tt := range map[string]struct {
		read func() (*Answer, error)
		want Answer
	}{
		"sway, a native window": {
			func() (*Answer, error) { return parseSway(swayTree(false, 5)) },
			Answer{Focused: &foot, Holder: Workspace, Windows: []Window{foot, xterm}, Complete: true},
		},
		"sway, a window of X11": {
			func() (*Answer, error) { return parseSway(swayTree(false, 6)) },
			Answer{Focused: &xterm, Holder: Workspace, Windows: []Window{foot, xterm}, Complete: true},
		},
		"sway, a container, in which the second was focused last": {
			func() (*Answer, error) { return parseSway(swayTree(false, 4)) },
			Answer{Focused: &xterm, Holder: Workspace, Windows: []Window{foot, xterm}, Complete: true},
		},
		"sway, a launcher": {
			func() (*Answer, error) { return parseSway(swayTree(false, 0)) },
			Answer{Holder: Layer, Windows: []Window{foot, xterm}, Complete: true},
		},
		"sway, an empty workspace": {
			func() (*Answer, error) { return parseSway(swayTree(true, 3)) },
			Answer{Holder: Workspace, Complete: true},
		},
		"KWin 6.7, a native window": {
			func() (*Answer, error) { return parseKWin([]byte(kwin67)) },
			Answer{
				Focused: &Window{ID: "{91ad}", PID: 98, Title: "foot", AppID: "foot"},
				Windows: []Window{
					{ID: "{b6cf}", PID: 77, Title: "sleep", AppID: "XTerm", Instance: "xterm", X11: true},
					{ID: "{91ad}", PID: 98, Title: "foot", AppID: "foot"},
				},
				Complete: true,
			},
		},
		"KWin 5.27, a window of X11": {
			func() (*Answer, error) { return parseKWin([]byte(kwin527)) },
			Answer{
				Focused:  &Window{ID: "{03}", PID: 81, Title: "sleep", AppID: "xterm", Instance: "xterm", X11: true, XID: 4194316},
				Complete: true,
			},
		},
		"KWin, krunner, which says that it is a normal window": {
			func() (*Answer, error) {
				return parseKWin([]byte(`{"active":{"id":"{1}","kind":"KWin::LayerShellV1Window(0x1)","pid":9,"special":false},"windows":[{"id":"{1}","kind":"KWin::LayerShellV1Window(0x1)","pid":9}]}`))
			},
			Answer{Holder: Layer, Complete: true},
		},
		"KWin, a panel's popup": {
			func() (*Answer, error) {
				return parseKWin([]byte(`{"active":{"id":"{1}","kind":"KWin::XdgToplevelWindow(0x1)","pid":9,"special":true},"windows":[]}`))
			},
			Answer{Holder: Panel, Complete: true},
		},
		"KWin, nothing": {
			func() (*Answer, error) { return parseKWin([]byte(`{"active":null,"windows":[]}`)) },
			Answer{Complete: true},
		},
		"GNOME, a window of X11": {
			func() (*Answer, error) { return parseGNOME([]byte(gnome(1, false, false, false))) },
			Answer{
				Focused:  &Window{ID: "12", PID: 318, Title: "sleep", AppID: "XTerm", Instance: "xterm", X11: true},
				Windows:  []Window{{ID: "11", PID: 298, AppID: "foot"}, {ID: "12", PID: 318, Title: "sleep", AppID: "XTerm", Instance: "xterm", X11: true}},
				Complete: true,
			},
		},
		"GNOME, the overview over a window": {
			func() (*Answer, error) { return parseGNOME([]byte(gnome(2, false, true, true))) },
			Answer{Holder: Overview, Windows: gnomeWindows, Complete: true},
		},
		"GNOME, Alt+F2 over a window": {
			func() (*Answer, error) { return parseGNOME([]byte(gnome(32, false, false, true))) },
			Answer{Holder: Prompt, Windows: gnomeWindows, Complete: true},
		},
		"GNOME, no mode and the keyboard with the window": {
			func() (*Answer, error) { return parseGNOME([]byte(gnome(0, false, false, false))) },
			Answer{Focused: &gnomeWindows[1], Windows: gnomeWindows, Complete: true},
		},
		"GNOME, no mode and the keyboard with the shell": {
			func() (*Answer, error) { return parseGNOME([]byte(gnome(0, false, false, true))) },
			Answer{Holder: Prompt, Windows: gnomeWindows, Complete: true},
		},
		"GNOME, locked": {
			func() (*Answer, error) { return parseGNOME([]byte(gnome(8, true, false, true))) },
			Answer{Holder: Lock, Windows: gnomeWindows, Complete: true},
		},
		"GNOME, nothing": {
			func() (*Answer, error) { return parseGNOME([]byte(`{"mode":1,"focused":null,"windows":[]}`)) },
			Answer{Holder: Workspace, Complete: true},
		},
		"Focused Window D-Bus": {
			func() (*Answer, error) {
				return parseFocusedWindow([]byte(`{"title":"foot","wm_class":"foot","wm_class_instance":"foot","pid":80,"id":11,"focus":true}`))
			},
			Answer{Focused: &Window{ID: "11", PID: 80, Title: "foot", AppID: "foot", Instance: "foot"}, Windows: []Window{{ID: "11", PID: 80, Title: "foot", AppID: "foot", Instance: "foot"}}},
		},
		"Focused Window D-Bus, nothing": {
			func() (*Answer, error) { return parseFocusedWindow([]byte(`{}`)) }, Answer{},
		},
		"Window Calls": {
			func() (*Answer, error) {
				return parseWindowCalls([]byte(`[{"wm_class":"a","pid":7,"id":1,"focus":false},{"wm_class":"b","pid":8,"id":2,"focus":true}]`))
			},
			Answer{Focused: &Window{ID: "2", PID: 8, AppID: "b"}, Windows: []Window{{ID: "1", PID: 7, AppID: "a"}, {ID: "2", PID: 8, AppID: "b"}}, Complete: true},
		},
		"Hyprland": {
			func() (*Answer, error) {
				return parseHyprland([]byte(`{"address":"0x55d0","class":"foot","title":"foot","pid":80,"xwayland":false}`),
					[]byte(`[{"address":"0x55d0","mapped":true,"class":"foot","title":"foot","pid":80,"xwayland":false},{"address":"0x55d1","mapped":false,"pid":3}]`), []byte("unknown request"))
			},
			Answer{Focused: &Window{ID: "0x55d0", PID: 80, Title: "foot", AppID: "foot"}, Windows: []Window{{ID: "0x55d0", PID: 80, Title: "foot", AppID: "foot"}}, Complete: true},
		},
		"Hyprland, nothing": {
			func() (*Answer, error) { return parseHyprland([]byte(`{}`), []byte(`[]`), []byte(`{"locked":false}`)) },
			Answer{Complete: true},
		},
		"Hyprland, locked over a window": {
			func() (*Answer, error) {
				return parseHyprland([]byte(`{"address":"0x1","pid":4}`), []byte(`[]`), []byte(`{"locked":true}`))
			},
			Answer{Holder: Lock, Complete: true},
		},
		"niri": {
			func() (*Answer, error) {
				return parseNiri([]byte(`{"Ok":{"FocusedWindow":{"id":12,"title":"foot","app_id":"foot","pid":80,"workspace_id":1,"is_focused":true}}}`),
					[]byte(`{"Ok":{"Windows":[{"id":12,"title":"foot","app_id":"foot","pid":80},{"id":13,"title":null,"app_id":null,"pid":null}]}}`), []byte(`{"Err":"unknown"}`))
			},
			Answer{Focused: &Window{ID: "12", PID: 80, Title: "foot", AppID: "foot"}, Windows: []Window{{ID: "12", PID: 80, Title: "foot", AppID: "foot"}, {ID: "13"}}, Complete: true},
		},
		"niri, nothing": {
			func() (*Answer, error) {
				return parseNiri([]byte(`{"Ok":{"FocusedWindow":null}}`), []byte(`{"Ok":{"Windows":[]}}`), nil)
			},
			Answer{Complete: true},
		},
		"niri, the overview": {
			func() (*Answer, error) {
				return parseNiri([]byte(`{"Ok":{"FocusedWindow":{"id":1,"pid":4}}}`), []byte(`{"Ok":{"Windows":[]}}`), []byte(`{"Ok":{"OverviewState":{"is_open":true}}}`))
			},
			Answer{Holder: Overview, Complete: true},
		},
		"wayfire": {
			func() (*Answer, error) {
				return parseWayfire([]byte(`{"result":"ok","info":{"id":3,"pid":80,"title":"foot","app-id":"foot","role":"toplevel"}}`),
					[]byte(`[{"id":3,"pid":80,"title":"foot","app-id":"foot","role":"toplevel"},{"id":1,"pid":7,"role":"desktop-environment"}]`))
			},
			Answer{Focused: &Window{ID: "3", PID: 80, Title: "foot", AppID: "foot"}, Windows: []Window{{ID: "3", PID: 80, Title: "foot", AppID: "foot"}}, Complete: true},
		},
		"wayfire, a panel": {
			func() (*Answer, error) {
				return parseWayfire([]byte(`{"info":{"id":1,"pid":7,"role":"desktop-environment"}}`), []byte(`[]`))
			},
			Answer{Holder: Layer, Complete: true},
		},
		"wayfire, nothing": {
			func() (*Answer, error) { return parseWayfire([]byte(`{"info":null}`), []byte(`[]`)) }, Answer{Complete: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tt.read()
			if err != nil {
				t.Fatal(err)
			}
			if name == "KWin 5.27, a window of X11" {
				got.Windows = nil // they are in the other
			}
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// swayTree is the tree of sway 1.7, shortened, with the focus on the node.
func swayTree(empty bool, focus int) []byte {
	tree := `{"id":1,"type":"root","name":"root","focused":F1,"focus":[2],"nodes":[
	 {"id":2147483647,"type":"output","name":"__i3","focused":false,"focus":[2147483646],"nodes":[{"id":2147483646,"type":"workspace","name":"__i3_scratch","focused":false,"focus":[],"nodes":[],"floating_nodes":[]}],"floating_nodes":[]},
	 {"id":2,"type":"output","name":"HEADLESS-1","focused":false,"focus":[3],"nodes":[
	  {"id":3,"type":"workspace","name":"1","focused":F3,"focus":[4],"floating_nodes":[],"nodes":[BELOW]}],"floating_nodes":[]}],"floating_nodes":[]}`
	below := `{"id":4,"type":"con","name":null,"focused":F4,"focus":[6,5],"floating_nodes":[],"nodes":[
	   {"id":5,"type":"con","name":"foot","focused":F5,"focus":[],"nodes":[],"floating_nodes":[],"pid":81,"app_id":"foot","window":null,"shell":"xdg_shell"},
	   {"id":6,"type":"con","name":"sleep","focused":F6,"focus":[],"nodes":[],"floating_nodes":[],"pid":105,"app_id":null,"window":4194316,"shell":"xwayland","window_properties":{"class":"XTerm","instance":"xterm","title":"sleep"}}]}`
	if empty {
		below = ""
	}
	tree = strings.Replace(tree, "BELOW", below, 1)
	for n := range 10 {
		is := "false"
		if n == focus && focus != 0 {
			is = "true"
		}
		tree = strings.ReplaceAll(tree, "F"+string(rune('0'+n)), is)
	}
	return []byte(tree)
}

const (
	kwin67  = `{"active":{"id":"{91ad}","kind":"KWin::XdgToplevelWindow(0x560d23a72340)","pid":98,"special":false,"title":"foot","app":"foot","class":"foot","name":"foot","xid":0},"windows":[{"id":"{b6cf}","kind":"KWin::X11Window(0x560d23a45b40)","pid":77,"special":false,"title":"sleep","app":"debian-xterm","class":"XTerm","name":"xterm","xid":0},{"id":"{91ad}","kind":"KWin::XdgToplevelWindow(0x560d23a72340)","pid":98,"special":false,"title":"foot","app":"foot","class":"foot","name":"foot","xid":0}]}`
	kwin527 = `{"active":{"id":"{03}","kind":"KWin::XwaylandWindow(0x560842b985f0)","pid":81,"special":false,"title":"sleep","app":"","class":"xterm","name":"xterm","xid":4194316},"windows":[]}`
)

var gnomeWindows = []Window{
	{ID: "11", PID: 298, AppID: "foot"},
	{ID: "12", PID: 318, Title: "sleep", AppID: "XTerm", Instance: "xterm", X11: true},
}

// gnome is an answer of the extension on GNOME 48.
func gnome(mode int, locked, overview, shell bool) string {
	return fmt.Sprintf(`{"mode":%d,"locked":%v,"overview":%v,"shell":%v`, mode, locked, overview, shell) + `,"focused":{"id":"12","pid":318,"title":"sleep","class":"XTerm","instance":"xterm","x11":true},"windows":[{"id":"11","pid":298,"title":"","class":"foot","instance":"","x11":false},{"id":"12","pid":318,"title":"sleep","class":"XTerm","instance":"xterm","x11":true}]}`
}

func TestAnswersOfTheWrongTypesAreErrors(t *testing.T) {
	for _, text := range []string{
		"", "null null", "[", "nonsense\x1b", `"text"`, `{"active":7}`, `{"focused":[]}`, `{"id":"x"}`, `[7]`, `7`,
		strings.Repeat(`{"nodes":[`, 20000), `{"pid":99999999999999999999}`,
	} {
		b := []byte(text)
		for name, read := range map[string]func() (*Answer, error){
			"sway": func() (*Answer, error) { return parseSway(b) }, "KWin": func() (*Answer, error) { return parseKWin(b) },
			"GNOME": func() (*Answer, error) { return parseGNOME(b) }, "Hyprland": func() (*Answer, error) { return parseHyprland(b, b, b) },
			"niri": func() (*Answer, error) { return parseNiri(b, b, b) }, "wayfire": func() (*Answer, error) { return parseWayfire(b, b) },
		} {
			a, err := read()
			if err == nil && (a == nil || a.Focused != nil) {
				t.Errorf("%s reads %q as %+v", name, text[:min(len(text), 30)], a)
			}
			if err != nil && strings.ContainsAny(err.Error(), "\x1b\n") {
				t.Errorf("%s: control characters in %q", name, err.Error())
			}
		}
	}
}

func TestLengthsOfAnswersAreBounded(t *testing.T) {
	head := func(length, typ uint32) []byte {
		b := []byte(ipcMagic)
		b = binary.NativeEndian.AppendUint32(b, length)
		return binary.NativeEndian.AppendUint32(b, typ)
	}
	for name, tt := range map[string]struct {
		bytes []byte
		says  string
	}{
		"nothing":        {nil, "it hung up in the middle of an answer"},
		"half a head":    {head(4, 4)[:9], "it hung up in the middle of an answer"},
		"another magic":  {append([]byte("i4-ipc"), head(4, 4)[6:]...), "its answer is none of sway's"},
		"4 GiB":          {head(1<<32-1, 4), "it announces an answer of 4294967295 bytes"},
		"another type":   {head(2, 9), "it answers with the type 9, not 4"},
		"half an answer": {append(head(4, 4), "{}"...), "it hung up in the middle of an answer"},
	} {
		if _, err := readIPC(bytes.NewReader(tt.bytes), ipcGetTree); err == nil || err.Error() != tt.says {
			t.Errorf("%s: %v, want %s", name, err, tt.says)
		}
	}
	if b, err := readIPC(bytes.NewReader(append(head(2, 4), "{}"...)), ipcGetTree); err != nil || string(b) != "{}" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := readEnd(endless{}); err == nil {
		t.Error("an endless answer is read")
	}
	if _, err := readLine(endless{}); err == nil {
		t.Error("an endless line is read")
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

func TestProgramsAreKnownByTheirNames(t *testing.T) {
	for comm, want := range map[string]string{
		"sway\n": "sway", ".sway-wrapped\n": "sway", ".kwin_wayland-w": "kwin_wayland", ".gnome-shell-wr": "gnome-shell",
		"Hyprland": "Hyprland", "kwin_wayland_wr": "kwin_wayland_wr", ".cosmic-comp-wr": "cosmic-comp", "": "",
	} {
		if got := program(comm); got != want {
			t.Errorf("%q is %q, want %q", comm, got, want)
		}
	}
	for stat, want := range map[string]int{
		"7 (sway) S 4 7": 4, "7 (a) b) (c)) S 12 7": 12, "7 (sway": 0, "": 0, "7 (x) S -1": 0, "7 (x) S x": 0,
	} {
		if got := parseParent([]byte(stat)); got != want {
			t.Errorf("the parent in %q is %d, want %d", stat, got, want)
		}
	}
}

func TestTheSocketIsWhereLibwaylandLooks(t *testing.T) {
	for _, tt := range []struct {
		display, dir, path string
		named, ok          bool
	}{
		{"", "/run/user/7", "/run/user/7/wayland-0", false, true},
		{"wayland-1", "/run/user/7", "/run/user/7/wayland-1", true, true},
		{"/elsewhere/w", "", "/elsewhere/w", true, true},
		{"wayland-1", "", "", true, false},
		{"", "relative", "", false, false},
	} {
		path, named, ok := socketPath(func(k string) string {
			return map[string]string{"WAYLAND_DISPLAY": tt.display, "XDG_RUNTIME_DIR": tt.dir}[k]
		})
		if ok != tt.ok || named != tt.named || ok && path != tt.path {
			t.Errorf("%+v: %q, %v, %v", tt, path, named, ok)
		}
	}
}

func TestTheStateOfTheExtensionHasASentence(t *testing.T) {
	said := make(map[string]bool)
	for _, e := range []Extension{{}, {Known: true, State: 1}, {Known: true, State: 2}, {Known: true, State: 3, Text: "x"}, {Known: true, State: 4}, {Known: true, State: 99}} {
		why, cure := e.reason()
		if why == "" || cure == "" || said[why] {
			t.Errorf("%+v: %q, %q", e, why, cure)
		}
		said[why] = true
		if e.Running() != (e.State == 1) {
			t.Errorf("%+v runs: %v", e, e.Running())
		}
	}
	for version, want := range map[string]int{"43.9": 43, "51.alpha": 51, "3.38.1": 3, "": 0, "x": 0} {
		if got := GNOMERelease(version); got != want {
			t.Errorf("%q is %d", version, got)
		}
	}
}

func FuzzAnswers(f *testing.F) {
	for _, b := range [][]byte{swayTree(false, 6), swayTree(true, 3), []byte(kwin67), []byte(kwin527), []byte(gnome(1, false, false, false)),
		[]byte(`{"Ok":{"FocusedWindow":{"id":1,"pid":4},"Windows":[{}]}}`), []byte(`{"info":{"id":1,"role":"toplevel"}}`), []byte(`[{"id":1}]`)} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, read := range []func() (*Answer, error){
			func() (*Answer, error) { return parseSway(b) }, func() (*Answer, error) { return parseKWin(b) }, func() (*Answer, error) { return parseGNOME(b) },
			func() (*Answer, error) { return parseFocusedWindow(b) }, func() (*Answer, error) { return parseWindowCalls(b) },
			func() (*Answer, error) { return parseHyprland(b, b, b) }, func() (*Answer, error) { return parseNiri(b, b, b) },
			func() (*Answer, error) { return parseWayfire(b, b) },
		} {
			a, err := read()
			if (a == nil) == (err == nil) {
				t.Fatalf("%+v and %v", a, err)
			}
			if err != nil && strings.ContainsAny(err.Error(), "\x1b\x00\n") {
				t.Errorf("control characters in %q", err.Error())
			}
		}
		parseParent(b)
		program(string(b))
	})
}

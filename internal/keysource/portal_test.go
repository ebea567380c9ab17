package keysource

import (
	"strings"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/patoggle/patoggle/config"
)

// gate is a portal. What it answers is said by grant.
type gate struct {
	*stage
	mu       sync.Mutex
	sessions []dbus.ObjectPath
	wanted   []string // triggers, as asked for last
}

// newGate makes a portal in which the user, or the desktop, gives each shortcut
// the trigger that grant says, and answers with the code.
func newGate(t *testing.T, code uint32, grant func(trigger string) string) *gate {
	t.Helper()
	g := &gate{stage: newStage(t)}
	path := func(kind string, who dbus.Sender, options map[string]dbus.Variant, key string) dbus.ObjectPath {
		token, _ := options[key].Value().(string)
		name := strings.ReplaceAll(strings.TrimPrefix(string(who), ":"), ".", "_")
		return dbus.ObjectPath("/org/freedesktop/portal/desktop/" + kind + "/" + name + "/" + token)
	}
	g.export(portalObject, portalKeys, map[string]any{
		"CreateSession": func(options map[string]dbus.Variant, who dbus.Sender) (dbus.ObjectPath, *dbus.Error) {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.sessions = append(g.sessions, path("session", who, options, "session_handle_token"))
			return path("request", who, options, "handle_token"), nil
		},
		"BindShortcuts": func(session dbus.ObjectPath, list []portalShortcut, _ string, options map[string]dbus.Variant, who dbus.Sender) (dbus.ObjectPath, *dbus.Error) {
			g.mu.Lock()
			defer g.mu.Unlock()
			if session != g.sessions[len(g.sessions)-1] {
				return "", dbus.MakeFailedError(dbus.ErrMsgInvalidArg)
			}
			g.wanted = nil
			for i, s := range list {
				trigger, _ := s.About["preferred_trigger"].Value().(string)
				g.wanted = append(g.wanted, trigger)
				list[i].About = map[string]dbus.Variant{"trigger_description": dbus.MakeVariant(grant(trigger))}
			}
			request := path("request", who, options, "handle_token")
			go g.conn.Emit(request, portalRequest+".Response", code, map[string]dbus.Variant{"shortcuts": dbus.MakeVariant(list)})
			return request, nil
		},
	})
	g.own(portalService)
	g.run("the portal for global shortcuts", openPortal("Hyprland", g.Getenv))
	return g
}

func (g *gate) press(id string) {
	g.mu.Lock()
	session := g.sessions[len(g.sessions)-1]
	g.mu.Unlock()
	g.emit(portalObject, portalKeys+".Activated", session, id, uint64(1), map[string]dbus.Variant{})
}

func TestKeysOfThePortal(t *testing.T) {
	t.Parallel()
	g := newGate(t, 0, func(trigger string) string { return "Press " + trigger })
	g.bind(next(t, "Super+F9"), hotkey(t, "Ctrl+Shift+Z", config.Prev, ""))
	g.tells(Tally{2, 2})
	g.mu.Lock()
	wanted := g.wanted
	g.mu.Unlock()
	if wanted[0] != "LOGO+F9" || wanted[1] != "CTRL+SHIFT+z" {
		t.Errorf("it was asked for %q", wanted)
	}
	g.press("Super+F9 = next")
	g.press("nonsense")
	g.press("Ctrl+Shift+Z = prev")
	g.fires("Super+F9 = next", "Ctrl+Shift+Z = prev")
	g.says()
}

func TestAPortalThatOnlySaysYesHasBoundNothing(t *testing.T) {
	t.Parallel()
	for name, g := range map[string]*gate{
		"with empty triggers": newGate(t, 0, func(string) string { return "" }),
		"and then no":         newGate(t, 1, func(string) string { return "" }),
	} {
		g.bind(next(t, "Super+F9"))
		g.tells(Tally{0, 1})
		g.says(`error: Hyprland has not given us "Super+F9"`, `hint: "patoggle bind" shows how to have the desktop start patoggle instead`)
		_ = name
	}
}

func TestThePortalStartsAgain(t *testing.T) {
	t.Parallel()
	g := newGate(t, 0, func(trigger string) string { return trigger })
	g.bind(next(t, "Super+F9"))
	g.tells(Tally{1, 1})
	g.disown(portalService)
	g.tells(Tally{0, 1})
	g.own(portalService)
	g.tells(Tally{1, 1})
	g.press("Super+F9 = next")
	g.fires("Super+F9 = next")
}

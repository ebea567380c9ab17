package daemon

import (
	"fmt"

	"github.com/coreos/go-systemd/v22/daemon"
)

// systemd tells the service manager what the daemon is doing (sd_notify(3)).
// Where there is none, it does nothing. The zero value is silent.
type systemd struct {
	notify func(state string)
}

// SystemdNotify is Options.Systemd for a real service manager.
func SystemdNotify(state string) {
	// That nobody listens is no reason to stop.
	_, _ = daemon.SdNotify(false, state)
}

func (s systemd) send(state string) {
	if s.notify != nil {
		s.notify(state)
	}
}

func (s systemd) ready(status string) { s.send(daemon.SdNotifyReady + "\nSTATUS=" + status) }

// reloading needs the time, so that systemd tells this reload from the last
// one (systemd.service(5), Type=notify-reload).
func (s systemd) reloading() {
	s.send(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec() + "STATUS=reading the configuration")
}

func (s systemd) stopping() { s.send(daemon.SdNotifyStopping + "\nSTATUS=releasing the keys") }

func (s systemd) status(status string) { s.send("STATUS=" + status) }

// String says how many hotkeys are in force.
func (t tally) String() string {
	switch {
	case t.wanted == 1 && t.bound == 1:
		return "1 hotkey in force"
	case t.bound == t.wanted:
		return fmt.Sprintf("%d hotkeys in force", t.bound)
	}
	return fmt.Sprintf("%d of %d hotkeys in force", t.bound, t.wanted)
}

// status is the daemon's state in one line.
func status(t tally, soundAway bool) string {
	if soundAway {
		return t.String() + ", the sound server is away"
	}
	return t.String()
}

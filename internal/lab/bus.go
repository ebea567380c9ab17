package lab

import (
	"fmt"
	"os"
)

// Bus starts a private D-Bus session bus, once per lab. Nothing can be
// activated on it: what is to answer there has to be started.
func (l *Lab) Bus() {
	l.need("dbus-daemon")
	if l.bus != nil {
		return
	}
	socket := l.Runtime + "/bus"
	config := fmt.Sprintf(`<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=%s</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`, socket)
	file := l.Dir + "/bus.conf"
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		l.fail(err)
	}
	p, err := l.spawn(Cmd{Name: "dbus-daemon", Args: []string{"--nofork", "--nopidfile", "--config-file=" + file}}, false)
	if err != nil {
		l.fail(err)
	}
	l.bus = p
	l.Until("the session bus", accepts(socket))
}

// BusDaemon is the process of the bus Bus started.
func (l *Lab) BusDaemon() *Process {
	if l.bus == nil {
		l.failf("this lab has no session bus")
	}
	return l.bus
}

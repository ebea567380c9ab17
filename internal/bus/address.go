package bus

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// address is a unix socket of the session bus. A name that begins with "@"
// is in the abstract name space of Linux.
type address string

// findBus returns where the session bus listens, in the order to try:
// DBUS_SESSION_BUS_ADDRESS, and only when that is not set
// $XDG_RUNTIME_DIR/bus. Nothing is started to find out: "autolaunch:" and
// "unixexec:" are never followed.
func findBus(getenv func(string) string) ([]address, error) {
	if list := getenv("DBUS_SESSION_BUS_ADDRESS"); list != "" {
		return parseAddresses(list)
	}
	dir := getenv("XDG_RUNTIME_DIR")
	if !filepath.IsAbs(dir) {
		return nil, errors.New("neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set")
	}
	return []address{address(filepath.Join(dir, "bus"))}, nil
}

// parseAddresses reads a list of server addresses (D-Bus specification 0.43,
// Server Addresses): "unix:path=/run/user/1000/bus,guid=…;…". Only sockets on
// this machine are of use: "unix" with a path that is absolute, or with
// abstract.
func parseAddresses(list string) ([]address, error) {
	var found []address
	var bad error
	for _, entry := range strings.Split(list, ";") {
		if entry == "" {
			continue
		}
		a, err := parseAddress(entry)
		if err != nil {
			bad = errors.Join(bad, fmt.Errorf("DBUS_SESSION_BUS_ADDRESS has %q: %w", entry, err))
			continue
		}
		found = append(found, a)
	}
	if len(found) > 0 {
		return found, nil
	}
	if bad == nil {
		bad = fmt.Errorf("DBUS_SESSION_BUS_ADDRESS is %q, which has no address", list)
	}
	return nil, bad
}

func parseAddress(entry string) (address, error) {
	transport, pairs, ok := strings.Cut(entry, ":")
	if !ok {
		return "", errors.New("no transport before a colon")
	}
	if transport != "unix" {
		return "", fmt.Errorf("the transport %q is not used, only unix", transport)
	}
	for _, pair := range strings.Split(pairs, ",") {
		key, value, _ := strings.Cut(pair, "=")
		if key != "path" && key != "abstract" {
			continue
		}
		// The specification escapes bytes as %XX, and "+" is itself.
		value, err := url.PathUnescape(value)
		switch {
		case err != nil:
			return "", fmt.Errorf("%q is not escaped well", key)
		case strings.Contains(value, "\x00"):
			return "", fmt.Errorf("%q has a zero byte", key)
		case key == "abstract" && value != "":
			return address("@" + value), nil
		case key == "path" && filepath.IsAbs(value):
			return address(value), nil
		}
		return "", fmt.Errorf("%q is not absolute", key)
	}
	return "", errors.New("neither a path nor an abstract name")
}

package pulse

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// defaultPort is PulseAudio's TCP port (PA_NATIVE_DEFAULT_PORT).
const defaultPort = "4713"

// What can be wrong with one entry of a server list.
var (
	errOtherMachine = errors.New("it is meant for another machine")
	errBadAddress   = errors.New("it is not a server address")
)

// address is one place to connect to.
type address struct {
	// Network as in net.Dial: "unix", "tcp", "tcp4" or "tcp6".
	Network string
	// Addr is an absolute path, or host:port.
	Addr string
}

// String returns the address as a PULSE_SERVER entry.
func (a address) String() string {
	switch a.Network {
	case "unix", "tcp4", "tcp6":
		return a.Network + ":" + a.Addr
	}
	switch host, port, _ := strings.Cut(a.Addr, ":"); host {
	case "unix", "tcp", "tcp4", "tcp6":
		// A host of that name must not be taken for a network.
		return "[" + host + "]:" + port
	}
	return a.Addr
}

// entry is one entry of a server list: an address, or why it is none.
type entry struct {
	Text    string
	Address address
	Err     error
}

// parseServers reads a server list as in PULSE_SERVER: entries between white
// space, each with an optional {machine-id} in front. local tells whether such
// an id is this machine's.
//
// The forms are those of pa_parse_address: unix:/path, /path, tcp:host,
// tcp4:host, tcp6:host, host; a host may carry a port, and stands in brackets
// when it holds colons. As in libpulse tcp: is IPv4 (but an IPv6 literal is
// what it is), and a bare host is either. A path must be absolute: a relative
// one would be the socket of whoever owns the current directory.
func parseServers(list string, local func(id string) bool) []entry {
	var all []entry
	for _, text := range strings.Fields(list) {
		a, err := parseServer(text, local)
		all = append(all, entry{Text: text, Address: a, Err: err})
	}
	return all
}

func parseServer(s string, local func(id string) bool) (address, error) {
	if strings.HasPrefix(s, "{") {
		id, rest, ok := strings.Cut(s[1:], "}")
		if !ok {
			return address{}, fmt.Errorf("%w: no closing brace", errBadAddress)
		}
		if !local(id) {
			return address{}, errOtherMachine
		}
		s = rest
	}
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		return unixAddress(path)
	}
	if strings.HasPrefix(s, "/") {
		return unixAddress(s)
	}
	network := "tcp"
	for _, n := range []string{"tcp", "tcp4", "tcp6"} {
		if host, ok := strings.CutPrefix(s, n+":"); ok {
			network, s = n, host
			if n == "tcp" {
				network = "tcp4"
			}
			break
		}
	}
	host, port, err := splitHost(s)
	if err != nil {
		return address{}, err
	}
	if ip := net.ParseIP(host); network == "tcp4" && ip != nil && ip.To4() == nil {
		network = "tcp6"
	}
	return address{Network: network, Addr: net.JoinHostPort(host, port)}, nil
}

// maxSocketPath is what fits into sockaddr_un with its closing NUL (unix(7)).
const maxSocketPath = 107

func unixAddress(path string) (address, error) {
	switch {
	case !strings.HasPrefix(path, "/"):
		return address{}, fmt.Errorf("%w: the path is not absolute", errBadAddress)
	case len(path) > maxSocketPath:
		return address{}, fmt.Errorf("%w: the path is longer than %d bytes", errBadAddress, maxSocketPath)
	case strings.IndexByte(path, 0) >= 0:
		return address{}, fmt.Errorf("%w: the path holds a NUL", errBadAddress)
	}
	return address{Network: "unix", Addr: path}, nil
}

// splitHost splits host, host:port, [host] and [host]:port. More than one
// colon without brackets is an IPv6 address without a port.
func splitHost(s string) (host, port string, err error) {
	port = defaultPort
	rest := ""
	switch {
	case strings.HasPrefix(s, "["):
		var ok bool
		host, rest, ok = strings.Cut(s[1:], "]")
		if !ok {
			return "", "", fmt.Errorf("%w: no closing bracket", errBadAddress)
		}
		if rest != "" && rest[0] != ':' {
			return "", "", fmt.Errorf("%w: no port after the bracket", errBadAddress)
		}
	case strings.Count(s, ":") > 1:
		host = s
	default:
		var colon bool
		if host, rest, colon = strings.Cut(s, ":"); colon {
			rest = ":" + rest
		}
	}
	if rest != "" {
		port = rest[1:]
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return "", "", fmt.Errorf("%w: the port is not a number from 1 to 65535", errBadAddress)
		}
		port = strconv.FormatUint(n, 10)
	}
	if host == "" {
		return "", "", fmt.Errorf("%w: no host", errBadAddress)
	}
	for _, r := range host {
		if r < ' ' || strings.ContainsRune("/[]{}", r) {
			return "", "", fmt.Errorf("%w: a host does not hold %q", errBadAddress, r)
		}
	}
	return host, port, nil
}

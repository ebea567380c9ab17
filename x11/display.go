package x11

import (
	"errors"
	"strconv"
	"strings"
)

// maxDisplay is the largest display number: its TCP port, 6000 + number, must
// be a port.
const maxDisplay = 65535 - 6000

// display is a parsed display name (X(7), "DISPLAY NAMES", and libxcb's forms).
type display struct {
	// host is "" for this machine's sockets.
	host string
	// network is the protocol for a host: "tcp", "tcp4" or "tcp6".
	network string
	// path is the socket's own path, for a display named by its socket; "".
	path   string
	number int
	screen int
}

// address is one socket to try for a display.
type address struct {
	network string // as net.Dial wants it
	addr    string
	screen  int
}

// parseDisplay reads a display name. Forms: ":N", "unix:N", "host:N",
// "[::1]:N", "protocol/host:N" with protocol unix, local, tcp, inet or inet6,
// each with an optional ".SCREEN"; and "/path" or "unix:/path" of a socket.
func parseDisplay(s string) (display, error) {
	if s == "" {
		return display{}, ErrNoDisplay
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c == 0x7f {
			return display{}, ErrDisplayForm
		}
	}
	if path := strings.TrimPrefix(s, "unix:"); path[:min(1, len(path))] == "/" {
		return parseSocketPath(path)
	}

	colon := strings.LastIndexByte(s, ':')
	if colon < 0 {
		return display{}, ErrDisplayForm
	}
	d, host := display{network: "tcp"}, s[:colon]
	if slash := strings.IndexByte(host, '/'); slash >= 0 {
		switch host[:slash] {
		case "unix", "local":
			d.network = ""
		case "tcp":
		case "inet":
			d.network = "tcp4"
		case "inet6":
			d.network = "tcp6"
		default:
			return display{}, ErrDisplayForm
		}
		host = host[slash+1:]
		if host == "" && d.network != "" {
			host = "localhost"
		}
	}
	if host == "unix" || d.network == "" {
		host = ""
	}
	if host == "" {
		d.network = ""
	} else if len(host) > 2 && host[0] == '[' && host[len(host)-1] == ']' {
		host = host[1 : len(host)-1]
	}
	if !validHost(host) {
		return display{}, ErrDisplayForm
	}
	d.host = host

	number, screen, hasScreen := strings.Cut(s[colon+1:], ".")
	var ok bool
	if d.number, ok = decimal(number, maxDisplay); !ok {
		return display{}, ErrDisplayForm
	}
	if hasScreen {
		if d.screen, ok = decimal(screen, 255); !ok {
			return display{}, ErrDisplayForm
		}
	}
	return d, nil
}

// parseSocketPath reads a display named by its socket, as macOS's launchd and
// some containers do. The number, for .Xauthority, is what follows the last
// colon; 0 when nothing does.
func parseSocketPath(path string) (display, error) {
	// sun_path holds 108 bytes with its closing zero (unix(7)).
	if len(path) > 107 {
		return display{}, errors.New("the path of the display's socket is too long")
	}
	d := display{path: path}
	rest := path[strings.LastIndexByte(path, '/')+1:]
	if colon := strings.LastIndexByte(rest, ':'); colon >= 0 {
		number, _, _ := strings.Cut(rest[colon+1:], ".")
		d.number, _ = decimal(number, maxDisplay)
	}
	return d, nil
}

// addresses lists the sockets to try, in libxcb's order. A display without a
// host never falls back to TCP, as libxcb does: nobody who names this
// machine's display wants a stranger's port 6000.
func (d display) addresses() []address {
	switch {
	case d.path != "":
		all := []address{{"unix", d.path, 0}}
		dot := strings.LastIndexByte(d.path, '.')
		if dot > strings.LastIndexByte(d.path, '/')+1 {
			if screen, ok := decimal(d.path[dot+1:], 255); ok {
				all = append(all, address{"unix", d.path[:dot], screen})
			}
		}
		return all
	case d.host == "":
		file := "/tmp/.X11-unix/X" + strconv.Itoa(d.number)
		return []address{{"unix", "@" + file, d.screen}, {"unix", file, d.screen}}
	}
	host := d.host
	if strings.IndexByte(host, ':') >= 0 {
		host = "[" + host + "]"
	}
	return []address{{d.network, host + ":" + strconv.Itoa(6000+d.number), d.screen}}
}

// decimal reads 1 to 5 digits, no sign, at most limit.
func decimal(s string, limit int) (int, bool) {
	if len(s) < 1 || len(s) > 5 {
		return 0, false
	}
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, n <= limit
}

// validHost reports whether s can be a host name or an IP address. Anything
// else must not become a question to a name server.
func validHost(s string) bool {
	if len(s) > 255 {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '.', c == '-', c == '_', c == ':', c == '%':
		default:
			return false
		}
	}
	return true
}

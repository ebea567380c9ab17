package x11

import "net/netip"

// Address families of .Xauthority (Xauth.h, X.h).
const (
	familyInternet  = 0
	familyInternet6 = 6
	familyLocal     = 256
	familyWild      = 65535
)

const cookieName = "MIT-MAGIC-COOKIE-1"

// maxXauthority bounds what is read of .Xauthority, in bytes.
const maxXauthority = 1 << 20

// authEntry is one entry of .Xauthority (Xauth(5): five fields, all but the
// first counted strings, numbers big-endian).
type authEntry struct {
	family  uint16
	address string
	number  string // of the display, in decimal; "" fits every display
	name    string
	data    string
}

// parseXauthority reads the whole entries of a file; a cut-off last one is
// left out. rest is how many bytes of b were not read.
func parseXauthority(b []byte) (entries []authEntry, rest int) {
	for len(b) > 0 {
		if len(b) < 2 {
			break
		}
		e := authEntry{family: uint16(b[0])<<8 | uint16(b[1])}
		p, ok := b[2:], true
		for _, field := range []*string{&e.address, &e.number, &e.name, &e.data} {
			if *field, p, ok = countedString(p); !ok {
				return entries, len(b)
			}
		}
		entries, b = append(entries, e), p
	}
	return entries, len(b)
}

func countedString(b []byte) (s string, rest []byte, ok bool) {
	if len(b) < 2 {
		return "", nil, false
	}
	n := int(b[0])<<8 | int(b[1])
	if len(b)-2 < n {
		return "", nil, false
	}
	return string(b[2 : 2+n]), b[2+n:], true
}

// peer is who answers the socket, as .Xauthority names it.
type peer struct {
	hostname string // ours, for a peer on this machine
	// ip is the other end's address. The zero value, and a loopback address,
	// mean this machine (libxcb's xcb_auth.c takes them as Local).
	ip     netip.Addr
	number string // of the display
}

// cookie gives the data of the first entry with a cookie for this peer; "".
func (p peer) cookie(entries []authEntry) string {
	family, address := uint16(familyLocal), p.hostname
	if ip := p.ip.Unmap(); ip.IsValid() && !ip.IsLoopback() {
		family, address = familyInternet, string(ip.AsSlice())
		if ip.Is6() {
			family = familyInternet6
		}
	}
	for _, e := range entries {
		if e.name != cookieName || e.number != "" && e.number != p.number {
			continue
		}
		if e.family == familyWild || e.family == family && e.address == address {
			return e.data
		}
	}
	return ""
}

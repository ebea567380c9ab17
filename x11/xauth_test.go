package x11

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"reflect"
	"testing"
)

// bytes writes an entry as Xauth(5) has it.
func (e authEntry) bytes() []byte {
	b := binary.BigEndian.AppendUint16(nil, e.family)
	for _, s := range []string{e.address, e.number, e.name, e.data} {
		b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
		b = append(b, s...)
	}
	return b
}

func TestXauthorityEntries(t *testing.T) {
	entries := []authEntry{
		{familyLocal, "box", "0", cookieName, "0123456789abcdef"},
		{familyWild, "", "", "", ""},
		{familyInternet, "\xc0\x00\x02\x07", "10", "XDM-AUTHORIZATION-1", "x"},
	}
	var file []byte
	for _, e := range entries {
		file = append(file, e.bytes()...)
	}
	if got, rest := parseXauthority(file); !reflect.DeepEqual(got, entries) || rest != 0 {
		t.Errorf("got %+v and %d bytes over", got, rest)
	}
	for cut := range file {
		got, rest := parseXauthority(file[:cut])
		if len(got) >= len(entries) || !reflect.DeepEqual(append([]authEntry{}, got...), append([]authEntry{}, entries[:len(got)]...)) {
			t.Errorf("cut to %d bytes: got %+v", cut, got)
		}
		if rest == 0 && cut != 0 && cut != len(entries[0].bytes()) && cut != len(entries[0].bytes())+len(entries[1].bytes()) {
			t.Errorf("cut to %d bytes: nothing is over", cut)
		}
	}
}

func TestTheCookieOfADisplay(t *testing.T) {
	const a, b = "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"
	local := peer{hostname: "box", number: "1"}
	from := func(ip string) peer { return peer{"box", netip.MustParseAddr(ip), "1"} }
	for _, test := range []struct {
		name    string
		peer    peer
		entries []authEntry
		want    string
	}{
		{"no entry", local, nil, ""},
		{"host and number fit", local, []authEntry{{familyLocal, "box", "1", cookieName, a}}, a},
		{"the first that fits wins", local, []authEntry{
			{familyLocal, "box", "2", cookieName, b}, {familyLocal, "box", "1", cookieName, a}, {familyWild, "", "", cookieName, b},
		}, a},
		{"another host", local, []authEntry{{familyLocal, "Box", "1", cookieName, a}}, ""},
		{"another number", local, []authEntry{{familyLocal, "box", "11", cookieName, a}}, ""},
		{"no number is every number", local, []authEntry{{familyLocal, "box", "", cookieName, a}}, a},
		{"wild fits every host", local, []authEntry{{familyWild, "elsewhere", "1", cookieName, a}}, a},
		{"wild fits only its number", local, []authEntry{{familyWild, "", "2", cookieName, a}}, ""},
		{"another kind of authentication is passed over", local, []authEntry{
			{familyLocal, "box", "1", "XDM-AUTHORIZATION-1", b}, {familyLocal, "box", "1", cookieName, a},
		}, a},
		{"ssh: loopback is local", from("127.0.0.1"), []authEntry{{familyLocal, "box", "1", cookieName, a}}, a},
		{"IPv6 loopback is local", from("::1"), []authEntry{{familyLocal, "box", "1", cookieName, a}}, a},
		{"another machine", from("192.0.2.7"), []authEntry{
			{familyLocal, "box", "1", cookieName, b}, {familyInternet, "\xc0\x00\x02\x07", "1", cookieName, a},
		}, a},
		{"another machine, mapped address", from("::ffff:192.0.2.7"), []authEntry{
			{familyInternet, "\xc0\x00\x02\x07", "1", cookieName, a},
		}, a},
		{"another machine, IPv6", from("2001:db8::1"), []authEntry{
			{familyInternet6, "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01", "1", cookieName, a},
		}, a},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.peer.cookie(test.entries); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// The entries written again are the file without what was left over, and
// another entry after a whole file is found.
func FuzzXauthority(f *testing.F) {
	f.Add([]byte{})
	f.Add(authEntry{familyLocal, "box", "0", cookieName, "0123456789abcdef"}.bytes())
	f.Add(append(authEntry{familyWild, "", "", "a", "b"}.bytes(), 1, 0, 0))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0, 0})
	f.Fuzz(func(t *testing.T, file []byte) {
		entries, rest := parseXauthority(file)
		var again []byte
		for _, e := range entries {
			again = append(again, e.bytes()...)
		}
		if rest < 0 || rest > len(file) || !bytes.Equal(again, file[:len(file)-rest]) {
			t.Fatalf("%q: %d entries, %d bytes over", file, len(entries), rest)
		}
		last := authEntry{familyLocal, "box", "0", cookieName, "0123456789abcdef"}
		more, rest := parseXauthority(append(again, last.bytes()...))
		if rest != 0 || len(more) != len(entries)+1 || more[len(entries)] != last {
			t.Fatalf("%q: the entry put behind is not found", file)
		}
	})
}

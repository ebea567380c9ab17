package x11

import (
	"errors"
	"fmt"
	"net"
	"reflect"
	"strings"
	"testing"
)

func TestDisplayNames(t *testing.T) {
	local := func(n string, screen int) []address {
		return []address{{"unix", "@/tmp/.X11-unix/X" + n, screen}, {"unix", "/tmp/.X11-unix/X" + n, screen}}
	}
	for _, test := range []struct {
		name   string
		number int
		want   []address
	}{
		{":0", 0, local("0", 0)},
		{":91.5", 91, local("91", 5)},
		{":0.0", 0, local("0", 0)},
		{":007", 7, local("7", 0)},
		{"unix:3", 3, local("3", 0)},
		{"unix:3.1", 3, local("3", 1)},
		{"unix/:3", 3, local("3", 0)},
		{"unix/box:3", 3, local("3", 0)},
		{"local/box:3", 3, local("3", 0)},
		{"localhost:10.0", 10, []address{{"tcp", "localhost:6010", 0}}},
		{"192.0.2.7:1", 1, []address{{"tcp", "192.0.2.7:6001", 0}}},
		{"[::1]:1", 1, []address{{"tcp", "[::1]:6001", 0}}},
		{"::1:1", 1, []address{{"tcp", "[::1]:6001", 0}}},
		{"tcp/box:1.2", 1, []address{{"tcp", "box:6001", 2}}},
		{"inet/box:1", 1, []address{{"tcp4", "box:6001", 0}}},
		{"inet6/box:1", 1, []address{{"tcp6", "box:6001", 0}}},
		{"inet/:1", 1, []address{{"tcp4", "localhost:6001", 0}}},
		{"box:59535", 59535, []address{{"tcp", "box:65535", 0}}},
		{"/tmp/launch-1/org.xquartz:0", 0, []address{{"unix", "/tmp/launch-1/org.xquartz:0", 0}}},
		{"/tmp/launch-1/x:4.1", 4, []address{{"unix", "/tmp/launch-1/x:4.1", 0}, {"unix", "/tmp/launch-1/x:4", 1}}},
		{"unix:/run/x.sock", 0, []address{{"unix", "/run/x.sock", 0}}},
		{"/run/x.2", 0, []address{{"unix", "/run/x.2", 0}, {"unix", "/run/x", 2}}},
		{"/run/.2", 0, []address{{"unix", "/run/.2", 0}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := parseDisplay(test.name)
			if err != nil {
				t.Fatal(err)
			}
			if got := d.addresses(); d.number != test.number || !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %d %+v, want %d %+v", d.number, got, test.number, test.want)
			}
		})
	}
}

func TestDisplayNamesThatAreNone(t *testing.T) {
	if _, err := parseDisplay(""); !errors.Is(err, ErrNoDisplay) {
		t.Errorf("an empty name: %v", err)
	}
	for _, name := range []string{
		"0", "localhost", ":", ":x", ":91/x", ":0.", ":0.x", ":0.0.0", ":-1", ":+1", ":0.-1", ": 0", ":0 ",
		":59536", ":99999999999999999999", ":0.256", "decnet/box:0", "tcp:/0", "box/unix:0", "a b:0",
		"box\x00:0", "$(x):0", "-:0:", ":0\n", "wayland-0", strings.Repeat("h", 256) + ":0",
		"/" + strings.Repeat("p", 107), "ho/st/x:0", "[::1:0]",
	} {
		if d, err := parseDisplay(name); err == nil {
			t.Errorf("%q is taken for %+v", name, d)
		}
	}
}

// Whatever is taken has sane addresses, and the same display written in its
// plain form gives the same ones.
func FuzzDisplay(f *testing.F) {
	for _, s := range []string{
		":0", ":91.5", ":91/x", "unix:1", "localhost:10.0", "[::1]:0", "::1:0.2", "tcp/h:1", "inet6/:1", "local/x:1",
		"/tmp/a:0", "/tmp/a:0.1", "unix:/x.3", "h:59535", ":", "", ":0.", "wayland-0", "fe80::1%eth0:0",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := parseDisplay(s)
		if err != nil {
			return
		}
		if d.number < 0 || d.number > maxDisplay || d.screen < 0 || d.screen > 255 {
			t.Errorf("%q is %+v", s, d)
		}
		all := d.addresses()
		if len(all) == 0 || len(all) > 2 {
			t.Errorf("%q has %d addresses", s, len(all))
		}
		for _, a := range all {
			switch a.network {
			case "unix":
				if p := strings.TrimPrefix(a.addr, "@"); !strings.HasPrefix(p, "/") || len(a.addr) > 108 {
					t.Errorf("%q has the socket %q", s, a.addr)
				}
			case "tcp", "tcp4", "tcp6":
				if _, port, err := net.SplitHostPort(a.addr); err != nil || port != fmt.Sprint(6000+d.number) {
					t.Errorf("%q has the address %q (%v)", s, a.addr, err)
				}
			default:
				t.Errorf("%q has the network %q", s, a.network)
			}
		}
		if d.path != "" {
			return
		}
		host, network := d.host, ""
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		if n := map[string]string{"tcp4": "inet", "tcp6": "inet6", "tcp": "tcp"}[d.network]; n != "" {
			network = n + "/"
		}
		plain := fmt.Sprintf("%s%s:%d.%d", network, host, d.number, d.screen)
		if again, err := parseDisplay(plain); err != nil || again != d {
			t.Errorf("%q is %+v; written as %q it is %+v (%v)", s, d, plain, again, err)
		}
	})
}

package pulse

import (
	"errors"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func here(id string) bool { return id == "me" }

func TestServerStrings(t *testing.T) {
	unix := func(p string) address { return address{"unix", p} }
	long := "/" + strings.Repeat("x", maxSocketPath)
	for _, test := range []struct {
		in   string
		want address
		err  error
	}{
		{"unix:/run/p/native", unix("/run/p/native"), nil},
		{"/run/p/native", unix("/run/p/native"), nil},
		{"{me}unix:/run/p/native", unix("/run/p/native"), nil},
		{"{me}/run/p/native", unix("/run/p/native"), nil},
		{"{me}tcp:studio", address{"tcp4", "studio:4713"}, nil},
		{"tcp:studio", address{"tcp4", "studio:4713"}, nil},
		{"tcp:studio:4000", address{"tcp4", "studio:4000"}, nil},
		{"tcp4:10.0.0.1", address{"tcp4", "10.0.0.1:4713"}, nil},
		{"tcp6:studio", address{"tcp6", "studio:4713"}, nil},
		{"tcp6:[::1]:4000", address{"tcp6", "[::1]:4000"}, nil},
		{"tcp:[::1]", address{"tcp6", "[::1]:4713"}, nil},
		{"studio", address{"tcp", "studio:4713"}, nil},
		{"studio:04000", address{"tcp", "studio:4000"}, nil},
		{"[fe80::1%eth0]:4000", address{"tcp", "[fe80::1%eth0]:4000"}, nil},
		{"::1", address{"tcp", "[::1]:4713"}, nil},
		{"10.0.0.1", address{"tcp", "10.0.0.1:4713"}, nil},

		{"{you}unix:/run/p/native", address{}, errOtherMachine},
		{"{}unix:/run/p/native", address{}, errOtherMachine},
		{"{abc", address{}, errBadAddress},
		{"{me}", address{}, errBadAddress},
		{"unix:", address{}, errBadAddress},
		{"unix:pulse/native", address{}, errBadAddress},
		{"unix:" + long, address{}, errBadAddress},
		{"./native", address{}, errBadAddress},
		{"pulse/native", address{}, errBadAddress},
		{"tcp:", address{}, errBadAddress},
		{"tcp:studio:", address{}, errBadAddress},
		{"tcp:studio:0", address{}, errBadAddress},
		{"tcp:studio:65536", address{}, errBadAddress},
		{"tcp:studio:x", address{}, errBadAddress},
		{"tcp:[::1", address{}, errBadAddress},
		{"tcp:[::1]4000", address{}, errBadAddress},
		{"tcp:[::1]x4000", address{}, errBadAddress},
		{"unix:/run/p\x00/native", address{}, errBadAddress},
		{":4713", address{}, errBadAddress},
	} {
		t.Run(test.in, func(t *testing.T) {
			all := parseServers(test.in, here)
			if len(all) != 1 {
				t.Fatalf("%d entries", len(all))
			}
			if got := all[0]; got.Address != test.want || !errors.Is(got.Err, test.err) || (got.Err == nil) != (test.err == nil) {
				t.Errorf("got %+v, want %+v, %v", got, test.want, test.err)
			}
		})
	}
}

func TestServerListsKeepTheirOrder(t *testing.T) {
	got := parseServers("  {you}unix:/a\tunix:/b \n studio ", here)
	var texts []string
	for _, e := range got {
		texts = append(texts, e.Text)
	}
	if diff := cmp.Diff([]string{"{you}unix:/a", "unix:/b", "studio"}, texts); diff != "" {
		t.Error(diff)
	}
	if all := parseServers(" \t\n", here); len(all) != 0 {
		t.Errorf("white space alone gives %v", all)
	}
}

// FuzzServerString holds that an accepted address can be dialled as it is,
// and that it survives being written and read again.
func FuzzServerString(f *testing.F) {
	for _, s := range []string{
		"unix:/run/user/1000/pulse/native", "{3d1219c7c4c5404aaa1f6d2a48adfda4}unix:/run/user/1000/pulse/native",
		"{me}tcp:studio.local:4713 {me}tcp6:[fe80::1%eth0]:4713", "tcp:192.168.1.7 tcp4:10.1.2.3:4000 unix:/tmp/x",
		"::1", "[::1]", "{abc", "{me}", "tcp:", "a b c", "unix:relative", "{me}{me}unix:/x", "tcp:a:b:c",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		all := parseServers(s, here)
		if len(all) != len(strings.Fields(s)) {
			t.Fatalf("%d entries of %d fields", len(all), len(strings.Fields(s)))
		}
		for _, e := range all {
			if e.Err != nil {
				if e.Address != (address{}) {
					t.Errorf("%+v has both", e)
				}
				continue
			}
			a := e.Address
			switch a.Network {
			case "unix":
				if !filepath.IsAbs(a.Addr) || len(a.Addr) > maxSocketPath {
					t.Errorf("%q gives the path %q", e.Text, a.Addr)
				}
			case "tcp", "tcp4", "tcp6":
				host, port, err := net.SplitHostPort(a.Addr)
				n, portErr := strconv.Atoi(port)
				if err != nil || portErr != nil || host == "" || n < 1 || n > 65535 {
					t.Errorf("%q gives %q: %v %v", e.Text, a.Addr, err, portErr)
				}
			default:
				t.Errorf("%q gives the network %q", e.Text, a.Network)
			}
			again := parseServers(a.String(), here)
			if len(again) != 1 || again[0].Err != nil || again[0].Address != a {
				t.Errorf("%q is written %q and read as %+v", e.Text, a, again)
			}
		}
	})
}

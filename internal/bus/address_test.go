package bus

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func env(pairs ...string) func(string) string {
	m := make(map[string]string)
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(k string) string { return m[k] }
}

func TestTheBusIsFoundWithoutStartingAnything(t *testing.T) {
	tests := []struct {
		name, session, runtime string
		want                   []address
		err                    string
	}{
		{"a path", "unix:path=/run/user/1000/bus", "", []address{"/run/user/1000/bus"}, ""},
		{"a path with its guid", "unix:path=/tmp/a,guid=0123", "", []address{"/tmp/a"}, ""},
		{"the guid first", "unix:guid=0123,path=/tmp/a", "", []address{"/tmp/a"}, ""},
		{"an abstract name", "unix:abstract=/tmp/dbus-abc,guid=1", "", []address{"@/tmp/dbus-abc"}, ""},
		{"escaped bytes", "unix:path=/tmp/a%20b%2cc+d", "", []address{"/tmp/a b,c+d"}, ""},
		{"the first that is of use", "tcp:host=a,port=1;unix:path=/a;;unix:path=/b", "", []address{"/a", "/b"}, ""},
		{"not set", "", "/run/user/7", []address{"/run/user/7/bus"}, ""},
		{"neither set", "", "", nil, "neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set"},
		{"a relative runtime directory", "", "run", nil, "neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set"},
		{"a program to launch", "autolaunch:", "/run", nil, `DBUS_SESSION_BUS_ADDRESS has "autolaunch:": the transport "autolaunch" is not used, only unix`},
		{"a program to run", "unixexec:path=/bin/sh", "/run", nil, `DBUS_SESSION_BUS_ADDRESS has "unixexec:path=/bin/sh": the transport "unixexec" is not used, only unix`},
		{"a relative path", "unix:path=bus", "/run", nil, `DBUS_SESSION_BUS_ADDRESS has "unix:path=bus": "path" is not absolute`},
		{"a place to listen at", "unix:tmpdir=/tmp", "/run", nil, `DBUS_SESSION_BUS_ADDRESS has "unix:tmpdir=/tmp": neither a path nor an abstract name`},
		{"a bad escape", "unix:path=/%zz", "/run", nil, `DBUS_SESSION_BUS_ADDRESS has "unix:path=/%zz": "path" is not escaped well`},
		{"a zero byte", "unix:path=/a%00", "/run", nil, `DBUS_SESSION_BUS_ADDRESS has "unix:path=/a%00": "path" has a zero byte`},
		{"no transport", "/run/bus", "/run", nil, `DBUS_SESSION_BUS_ADDRESS has "/run/bus": no transport before a colon`},
		{"nothing in it", ";", "/run", nil, `DBUS_SESSION_BUS_ADDRESS is ";", which has no address`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := findBus(env("DBUS_SESSION_BUS_ADDRESS", tt.session, "XDG_RUNTIME_DIR", tt.runtime))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
				t.Errorf("got %v, want %s", err, tt.err)
			}
		})
	}
}

func FuzzAddress(f *testing.F) {
	f.Add("unix:path=/run/user/1000/bus,guid=0123;unix:abstract=/tmp/x")
	f.Add("unixexec:path=/bin/sh,argv1=-c;unix:path=%2fa%00;tcp:host=h")
	f.Fuzz(func(t *testing.T, list string) {
		found, err := parseAddresses(list)
		if (err == nil) == (len(found) == 0) {
			t.Fatalf("%q: %q and %v", list, found, err)
		}
		for _, a := range found {
			if s := string(a); strings.Contains(s, "\x00") || s == "@" || !filepath.IsAbs(s) && s[0] != '@' {
				t.Errorf("%q: %q is not a socket of this machine", list, s)
			}
		}
	})
}

package pulse

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// world is a finder over variables and files given as maps.
func world(env, files map[string]string) *finder {
	return &finder{
		getenv: func(k string) string { return env[k] },
		readFile: func(p string) ([]byte, error) {
			text, ok := files[p]
			if !ok {
				return nil, &fs.PathError{Op: "open", Path: p, Err: fs.ErrNotExist}
			}
			if text == "forbidden" {
				return nil, &fs.PathError{Op: "open", Path: p, Err: fs.ErrPermission}
			}
			return []byte(text), nil
		},
		readDir: func(dir string) ([]string, error) {
			var names []string
			for p := range files {
				if filepath.Dir(p) == dir {
					names = append(names, filepath.Base(p))
				}
			}
			slices.Sort(names)
			return names, nil
		},
		hostname: func() (string, error) { return "desk", nil },
		etc:      "/etc/pulse",
	}
}

func TestWhereServersAreLookedFor(t *testing.T) {
	const system = "unix:" + systemSocket + " (the system-wide server)"
	id := map[string]string{"/etc/machine-id": "cafe\n"}
	for _, test := range []struct {
		name       string
		server     string
		env, files map[string]string
		want       []string
	}{
		{
			name:   "the given server wins",
			server: "unix:/given",
			env:    map[string]string{"PULSE_SERVER": "unix:/env", "XDG_RUNTIME_DIR": "/run/1"},
			want:   []string{"unix:/given (the given server)"},
		},
		{
			name:  "PULSE_SERVER before all that is left",
			env:   map[string]string{"PULSE_SERVER": "{cafe}unix:/env {desk}unix:/host {beef}unix:/other", "XDG_RUNTIME_DIR": "/run/1"},
			files: map[string]string{"/etc/machine-id": "cafe\n", "/etc/pulse/client.conf": "default-server = unix:/conf"},
			want: []string{
				"{cafe}unix:/env (PULSE_SERVER)", "{desk}unix:/host (PULSE_SERVER)",
				"{beef}unix:/other (PULSE_SERVER): it is meant for another machine",
			},
		},
		{
			name:  "default-server of the system's client.conf",
			env:   map[string]string{"XDG_RUNTIME_DIR": "/run/1", "HOME": "/h"},
			files: map[string]string{"/etc/pulse/client.conf": "default-server = studio"},
			want:  []string{"studio (default-server in /etc/pulse/client.conf)"},
		},
		{
			name:  "the user's client.conf replaces the system's",
			env:   map[string]string{"XDG_RUNTIME_DIR": "/run/1", "HOME": "/h"},
			files: map[string]string{"/etc/pulse/client.conf": "default-server = studio", "/h/.config/pulse/client.conf": "default-server = unix:/user"},
			want:  []string{"unix:/user (default-server in /h/.config/pulse/client.conf)"},
		},
		{
			name: "files beside client.conf are read after it, in order",
			env:  map[string]string{"XDG_CONFIG_HOME": "/c"},
			files: map[string]string{
				"/etc/pulse/client.conf":            "",
				"/etc/pulse/client.conf.d/20.conf":  "default-server = second",
				"/etc/pulse/client.conf.d/10.conf":  "default-server = first",
				"/etc/pulse/client.conf.d/30.plain": "default-server = third",
			},
			want: []string{"second (default-server in /etc/pulse/client.conf.d/20.conf)"},
		},
		{
			name:  "PULSE_CLIENTCONFIG replaces both",
			env:   map[string]string{"PULSE_CLIENTCONFIG": "/x", "HOME": "/h"},
			files: map[string]string{"/x": ".include y", "/y": "default-server = unix:/inc", "/h/.config/pulse/client.conf": "default-server = unix:/user"},
			want:  []string{"unix:/inc (default-server in /y)"},
		},
		{
			name:  "a client.conf that includes itself comes to an end",
			env:   map[string]string{"PULSE_CLIENTCONFIG": "/x"},
			files: map[string]string{"/x": strings.Repeat(".include x\n", 40) + "default-server = unix:/end"},
			want:  []string{"unix:/end (default-server in /x)"},
		},
		{
			name: "PULSE_RUNTIME_PATH is not replaced by XDG_RUNTIME_DIR",
			env:  map[string]string{"PULSE_RUNTIME_PATH": "/p", "XDG_RUNTIME_DIR": "/run/1"},
			want: []string{"unix:/p/native (PULSE_RUNTIME_PATH)", system},
		},
		{
			name: "XDG_RUNTIME_DIR",
			env:  map[string]string{"XDG_RUNTIME_DIR": "/run/1", "HOME": "/h"},
			want: []string{"unix:/run/1/pulse/native (XDG_RUNTIME_DIR)", system},
		},
		{
			name:  "the runtime directory in the home",
			env:   map[string]string{"HOME": "/h"},
			files: id,
			want:  []string{"unix:/h/.config/pulse/cafe-runtime/native (in the home, as XDG_RUNTIME_DIR is not set)", system},
		},
		{
			name: "the same without a machine id",
			env:  map[string]string{"HOME": "/h"},
			want: []string{"unix:/h/.config/pulse/desk-runtime/native (in the home, as XDG_RUNTIME_DIR is not set)", system},
		},
		{
			name: "nothing is set",
			want: []string{system},
		},
		{
			name: "a relative directory is never used",
			env:  map[string]string{"XDG_RUNTIME_DIR": "run", "HOME": "home", "XDG_CONFIG_HOME": "conf"},
			want: []string{"unix:run/pulse/native (XDG_RUNTIME_DIR): it is not a server address: the path is not absolute", system},
		},
		{
			name: "a list of nothing",
			env:  map[string]string{"PULSE_SERVER": " "},
			want: []string{"  (PULSE_SERVER): it is not a server address"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, a := range world(test.env, test.files).find(test.server) {
				s := a.Text + " (" + a.Source + ")"
				if a.Err != nil {
					s += ": " + a.Err.Error()
				}
				got = append(got, s)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestClientConfIsNotReadWhenTheServerIsNamed(t *testing.T) {
	f := world(map[string]string{"PULSE_SERVER": "unix:/env"}, nil)
	f.readFile = func(p string) ([]byte, error) {
		t.Errorf("%q was read", p)
		return nil, fs.ErrNotExist
	}
	f.find("")
}

// What is found where a small file is looked for is not read without end, and a pipe
// is not waited for.
func TestOnlySmallFilesAreRead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "client.conf")
	for _, n := range []int{0, 1, 64 << 10, 64<<10 + 1, 1 << 20} {
		if err := os.WriteFile(path, make([]byte, n), 0o600); err != nil {
			t.Fatal(err)
		}
		if b, err := readSmall(path); err != nil || len(b) != min(n, 64<<10) {
			t.Errorf("of %d bytes it reads %d: %v", n, len(b), err)
		}
	}
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{fifo, dir} {
		if _, err := readSmall(path); !errors.Is(err, errNotRegular) {
			t.Errorf("%s: %v", filepath.Base(path), err)
		}
	}
	if _, err := readSmall(path + "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing: %v", err)
	}
}

func TestCookies(t *testing.T) {
	cookie := func(c string) string { return strings.Repeat(c, cookieLength) }
	zeros := make([]byte, cookieLength)
	for _, test := range []struct {
		name       string
		env, files map[string]string
		want       []byte
		warnings   int
	}{
		{name: "none", want: zeros},
		{
			name:  "PULSE_COOKIE first",
			env:   map[string]string{"PULSE_COOKIE": "/a", "HOME": "/h"},
			files: map[string]string{"/a": cookie("a"), "/h/.config/pulse/cookie": cookie("h")},
			want:  []byte(cookie("a")),
		},
		{
			name:  "cookie-file of client.conf, relative to the user's directory",
			env:   map[string]string{"XDG_CONFIG_HOME": "/c"},
			files: map[string]string{"/etc/pulse/client.conf": "cookie-file = studio", "/c/pulse/studio": cookie("s"), "/c/pulse/cookie": cookie("c")},
			want:  []byte(cookie("s")),
		},
		{
			name:  "XDG_CONFIG_HOME before HOME",
			env:   map[string]string{"XDG_CONFIG_HOME": "/c", "HOME": "/h"},
			files: map[string]string{"/c/pulse/cookie": cookie("c"), "/h/.config/pulse/cookie": cookie("h")},
			want:  []byte(cookie("c")),
		},
		{
			name:  "~/.pulse-cookie at last",
			env:   map[string]string{"HOME": "/h"},
			files: map[string]string{"/h/.pulse-cookie": cookie("o")},
			want:  []byte(cookie("o")),
		},
		{
			name:     "an unreadable and a short one are passed over with a warning",
			env:      map[string]string{"PULSE_COOKIE": "/a", "HOME": "/h"},
			files:    map[string]string{"/a": "forbidden", "/h/.config/pulse/cookie": "short", "/h/.pulse-cookie": cookie("o")},
			want:     []byte(cookie("o")),
			warnings: 2,
		},
		{
			name:  "a long one is cut",
			env:   map[string]string{"PULSE_COOKIE": "/a"},
			files: map[string]string{"/a": cookie("a") + "more"},
			want:  []byte(cookie("a")),
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := world(test.env, test.files)
			if got := f.cookie(); !bytes.Equal(got, test.want) {
				t.Errorf("cookie %q", got)
			}
			if len(f.warnings) != test.warnings {
				t.Errorf("warnings %q", f.warnings)
			}
		})
	}
}

func TestUnreachableErrorSaysWhereAndWhy(t *testing.T) {
	err := error(&UnreachableError{Attempts: []Attempt{
		{"unix:/a", "PULSE_SERVER", &plainError{"nothing listens there", fs.ErrClosed}},
		{"studio", "PULSE_SERVER", ErrDenied},
	}})
	want := `no sound server: "unix:/a" (PULSE_SERVER): nothing listens there; "studio" (PULSE_SERVER): the sound server denies access`
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
	if !errors.Is(err, ErrDenied) || !errors.Is(err, fs.ErrClosed) || errors.Is(err, ErrTimeout) {
		t.Error("the chain does not hold the attempts' errors")
	}
}

func TestEveryUnreachableErrorHasAHint(t *testing.T) {
	seen := make(map[string]bool)
	for _, err := range []error{ErrDenied, errForeign, ErrTimeout, errOtherMachine, errBadAddress, fs.ErrNotExist} {
		hint := (&UnreachableError{Attempts: []Attempt{{"a", "b", err}}}).Hint()
		if hint == "" || seen[hint] {
			t.Errorf("%v has the hint %q", err, hint)
		}
		seen[hint] = true
	}
}

package pulse

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// systemSocket is where a system-wide PulseAudio listens
// (PA_SYSTEM_RUNTIME_PATH). Only root can have made its directory, so it is
// trusted whoever owns the socket: usually the user "pulse".
const systemSocket = "/var/run/pulse/native"

// maxConf bounds each file read here.
const maxConf = 64 << 10

// target is an entry with its origin.
type target struct {
	entry
	Source string
}

// finder finds servers and cookies. Its fields are the world it looks at;
// newFinder fills them with the real one.
type finder struct {
	getenv   func(string) string
	readFile func(path string) ([]byte, error)
	readDir  func(path string) ([]string, error)
	hostname func() (string, error)
	etc      string // the directory of the system's client.conf

	conf     clientConf
	confPath string
	confRead bool
	includes int
	warnings []string
}

func newFinder(getenv func(string) string) *finder {
	if getenv == nil {
		getenv = os.Getenv
	}
	return &finder{
		getenv:   getenv,
		readFile: readSmall,
		readDir:  readNames,
		hostname: os.Hostname,
		etc:      "/etc/pulse",
	}
}

// readSmall reads at most maxConf bytes of a regular file. Anything else is an
// error: opening a FIFO would wait for its writer.
func readSmall(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: path, Err: errNotRegular}
	}
	return io.ReadAll(io.LimitReader(f, maxConf))
}

var errNotRegular = errors.New("not a regular file")

func readNames(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

// Who named the sockets of the user's own server and of the system's.
const (
	sourceRuntimePath = "PULSE_RUNTIME_PATH"
	sourceRuntimeDir  = "XDG_RUNTIME_DIR"
	sourceHome        = "in the home, as XDG_RUNTIME_DIR is not set"
	sourceSystem      = "the system-wide server"
)

// find returns where to look for a server, in the order to try.
//
// The order is libpulse's (pa_client_conf_load, pa_context_connect,
// pa_get_runtime_dir): the server asked for, PULSE_SERVER, default-server of
// client.conf. Each of these ends the search. Else the runtime directory
// (PULSE_RUNTIME_PATH, else XDG_RUNTIME_DIR/pulse, else the one in the home),
// and after it the system-wide server. A directory named in the environment
// is not replaced by the next one when it is empty: what was set on purpose,
// to keep away from the user's own server for instance, holds.
func (f *finder) find(server string) []target {
	if server != "" {
		return f.list(server, "the given server")
	}
	if s := f.getenv("PULSE_SERVER"); s != "" {
		return f.list(s, "PULSE_SERVER")
	}
	if c := f.clientConf(); c.DefaultServer != "" {
		return f.list(c.DefaultServer, "default-server in "+f.confPath)
	}
	var all []target
	if dir, source := f.runtimeDir(); dir != "" {
		all = append(all, socketTarget(filepath.Join(dir, "native"), source, dir))
	}
	return append(all, socketTarget(systemSocket, sourceSystem, "/"))
}

// socketTarget is the socket at path; named is the path as it was given,
// which has to be absolute.
func socketTarget(path, source, named string) target {
	t := target{Source: source}
	if !filepath.IsAbs(named) {
		t.Text = "unix:" + path
		t.Err = fmt.Errorf("%w: the path is not absolute", errBadAddress)
		return t
	}
	t.Address, t.Err = unixAddress(path)
	t.Text = "unix:" + path
	return t
}

func (f *finder) list(servers, source string) []target {
	entries := parseServers(servers, f.isLocal)
	all := make([]target, len(entries))
	for i, e := range entries {
		all[i] = target{entry: e, Source: source}
	}
	if len(all) == 0 {
		all = []target{{Source: source, entry: entry{Text: servers, Err: errBadAddress}}}
	}
	return all
}

// isLocal tells whether the id in front of a server is this machine's: the
// machine id, or the host name, which libpulse falls back to.
func (f *finder) isLocal(id string) bool {
	if id == "" {
		return false
	}
	if m := f.machineID(); m != "" && id == m {
		return true
	}
	h, err := f.hostname()
	return err == nil && id == h
}

// machineID reads machine-id(5), "" when there is none.
func (f *finder) machineID() string {
	for _, path := range []string{"/etc/machine-id", "/var/lib/dbus/machine-id"} {
		if b, err := f.readFile(path); err == nil {
			if line, _, _ := strings.Cut(string(b), "\n"); line != "" {
				return strings.TrimSpace(line)
			}
		}
	}
	return ""
}

// configHome is the user's directory of PulseAudio's files, "" when unknown.
func (f *finder) configHome() string {
	if d := f.getenv("XDG_CONFIG_HOME"); filepath.IsAbs(d) {
		return filepath.Join(d, "pulse")
	}
	if d := f.getenv("HOME"); filepath.IsAbs(d) {
		return filepath.Join(d, ".config", "pulse")
	}
	return ""
}

// runtimeDir returns the directory of the user's own socket and who named
// it. Without PULSE_RUNTIME_PATH and XDG_RUNTIME_DIR it is the link
// "<machine id>-runtime" in configHome.
func (f *finder) runtimeDir() (dir, source string) {
	if d := f.getenv("PULSE_RUNTIME_PATH"); d != "" {
		return d, sourceRuntimePath
	}
	if d := f.getenv("XDG_RUNTIME_DIR"); d != "" {
		return filepath.Join(d, "pulse"), sourceRuntimeDir
	}
	home := f.configHome()
	if home == "" {
		return "", ""
	}
	id := f.machineID()
	if id == "" {
		id, _ = f.hostname()
	}
	if id == "" || strings.ContainsRune(id, '/') {
		return "", ""
	}
	return filepath.Join(home, id+"-runtime"), sourceHome
}

// clientConf reads the client.conf, once: the file PULSE_CLIENTCONFIG names,
// else the user's, else the system's; then the files of the directory beside
// it with ".d" at its end (pa_open_config_file, pa_config_parse).
func (f *finder) clientConf() clientConf {
	if f.confRead {
		return f.conf
	}
	f.confRead = true
	var paths []string
	if p := f.getenv("PULSE_CLIENTCONFIG"); p != "" {
		paths = []string{p}
	} else {
		if home := f.configHome(); home != "" {
			paths = append(paths, filepath.Join(home, "client.conf"))
		}
		paths = append(paths, filepath.Join(f.etc, "client.conf"))
	}
	for _, p := range paths {
		if !filepath.IsAbs(p) {
			continue
		}
		text, err := f.readFile(p)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				f.warnings = append(f.warnings, fmt.Sprintf("cannot read %q: %v", p, err))
			}
			continue
		}
		f.parseConf(p, text)
		names, _ := f.readDir(p + ".d")
		for _, n := range names {
			if sub := filepath.Join(p+".d", n); strings.HasSuffix(n, ".conf") {
				if text, err := f.readFile(sub); err == nil {
					f.parseConf(sub, text)
				}
			}
		}
		break
	}
	return f.conf
}

// maxIncludes is how many files ".include" lines may name in all, so that a
// file that includes itself comes to an end.
const maxIncludes = 32

func (f *finder) parseConf(path string, text []byte) {
	before := f.conf.DefaultServer
	parseClientConf(string(text), &f.conf, func(sub string) {
		if sub == "" || f.includes >= maxIncludes {
			return
		}
		f.includes++
		if !filepath.IsAbs(sub) {
			sub = filepath.Join(filepath.Dir(path), sub)
		}
		if text, err := f.readFile(sub); err == nil {
			f.parseConf(sub, text)
			before = f.conf.DefaultServer
		}
	})
	if f.conf.DefaultServer != before {
		f.confPath = path
	}
}

// cookieLength is PA_NATIVE_COOKIE_LENGTH. Servers check it before anything
// else.
const cookieLength = 256

// cookie returns the cookie to send, always cookieLength bytes: of the first
// readable file of PULSE_COOKIE, cookie-file of client.conf, the user's
// "cookie" and ~/.pulse-cookie (pa_client_conf_load_cookie); zeros without
// one, which is no failure. A relative path is one in configHome
// (pa_authkey_load).
func (f *finder) cookie() []byte {
	home := f.configHome()
	paths := []string{f.getenv("PULSE_COOKIE"), f.clientConf().CookieFile}
	if home != "" {
		paths = append(paths, "cookie")
	}
	if d := f.getenv("HOME"); filepath.IsAbs(d) {
		paths = append(paths, filepath.Join(d, ".pulse-cookie"))
	}
	cookie := make([]byte, cookieLength)
	for _, p := range paths {
		switch {
		case p == "":
			continue
		case filepath.IsAbs(p):
		case home == "":
			continue
		default:
			p = filepath.Join(home, p)
		}
		b, err := f.readFile(p)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				f.warnings = append(f.warnings, fmt.Sprintf("cannot read the cookie %q: %v", p, err))
			}
			continue
		}
		if len(b) < cookieLength {
			f.warnings = append(f.warnings, fmt.Sprintf("the cookie %q is shorter than %d bytes", p, cookieLength))
			continue
		}
		if info, err := os.Stat(p); err == nil && info.Mode().Perm()&0o077 != 0 {
			f.warnings = append(f.warnings, fmt.Sprintf("the cookie %q can be read by other users (mode %04o)", p, info.Mode().Perm()))
		}
		copy(cookie, b)
		return cookie
	}
	return cookie
}

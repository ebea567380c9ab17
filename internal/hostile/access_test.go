package hostile

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/lab/rogue"
	"github.com/patoggle/patoggle/internal/x11keys"
)

// A socket in the current directory, named in every way that libraries have
// fallen for, is not spoken to.
func TestTheCurrentDirectoryIsNotSpokenTo(t *testing.T) {
	l := lab.Start(t)
	program := lab.Binary(t, "patoggle")
	dir := l.Dir + "/cwd"
	if err := os.MkdirAll(dir+"/pulse", 0o700); err != nil {
		t.Fatal(err)
	}
	var traps []*rogue.Server
	for _, name := range []string{"native", "pulse/native", "X0"} {
		traps = append(traps, listen(t, "unix:"+dir+"/"+name, usual(1, "x")))
	}
	bare := []string{"PULSE_SERVER", "PULSE_RUNTIME_PATH", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME=" + l.Home, "DISPLAY"}
	for name, env := range map[string][]string{
		"PULSE_SERVER with a name":                {"PULSE_SERVER=unix:native"},
		"PULSE_SERVER with a path":                {"PULSE_SERVER=unix:./pulse/native"},
		"PULSE_SERVER with a path and no scheme":  {"PULSE_SERVER=./native"},
		"PULSE_SERVER with a machine's id":        {"PULSE_SERVER={" + machineID() + "}unix:native"},
		"PULSE_SERVER with a list":                {"PULSE_SERVER=native unix:pulse/native unix:native"},
		"PULSE_RUNTIME_PATH is relative":          {"PULSE_RUNTIME_PATH=pulse"},
		"PULSE_RUNTIME_PATH is a dot":             {"PULSE_RUNTIME_PATH=."},
		"XDG_RUNTIME_DIR is not set":              {},
		"XDG_RUNTIME_DIR is empty":                {"XDG_RUNTIME_DIR="},
		"XDG_RUNTIME_DIR is a dot":                {"XDG_RUNTIME_DIR=."},
		"HOME is a dot":                           {"HOME=.", "XDG_CONFIG_HOME"},
		"HOME is not set":                         {"HOME", "XDG_CONFIG_HOME"},
		"client.conf names a relative socket":     {"PULSE_CLIENTCONFIG=" + write(t, l.Dir+"/client.conf", "default-server = unix:native\n", 0o600)},
		"client.conf itself is relative":          {"PULSE_CLIENTCONFIG=client.conf"},
		"DISPLAY is a relative path":              {"DISPLAY=unix:X0", "PULSE_SERVER=unix:native"},
		"DISPLAY is a path in the directory":      {"DISPLAY=./X0", "PULSE_SERVER=unix:native"},
		"--server names a socket":                 {"ARGS=--server unix:native"},
		"--display names a socket":                {"ARGS=--display unix:X0", "PULSE_SERVER=unix:native"},
		"--server with a path and a dot in front": {"ARGS=--server ./native"},
	} {
		var args []string
		if n := len(env); n > 0 && strings.HasPrefix(env[0], "ARGS=") {
			args = strings.Fields(env[0][len("ARGS="):])
			env = env[1:]
		}
		r := l.Exec(lab.Cmd{Name: program, Args: args, Env: append(append([]string{}, bare...), env...), Dir: dir})
		if r.Code != 1 && r.Code != 2 {
			t.Errorf("%s: exit code %d: %s%s", name, r.Code, r.Stdout, r.Stderr)
		}
		wellSpoken(t, "patoggle", r)
		for _, s := range traps {
			if s.Accepted() > 0 {
				t.Fatalf("%s: %s was spoken to", name, s.Address)
			}
		}
	}
}

func machineID() string {
	b, err := os.ReadFile("/etc/machine-id")
	if err != nil {
		return "none"
	}
	return strings.TrimSpace(string(b))
}

func write(t *testing.T, path, text string, mode os.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// Only root can give a socket to somebody else; for others package pulse tests
// the decision itself.
func TestASocketOfAnotherUserIsNotSpokenTo(t *testing.T) {
	l := lab.Start(t)
	path := l.Runtime + "/theirs"
	s := listen(t, "unix:"+path, usual(1, "x"))
	if os.Getuid() != 0 {
		t.Log("only root can give a socket away")
		return
	}
	if err := os.Chown(path, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	r := l.Run([]string{"PULSE_SERVER=" + s.Address}, lab.Binary(t, "patoggle"), "--stream", "7")
	if r.Code != 1 || !strings.Contains(r.Stderr, "the socket belongs to another user") || s.Accepted() > 0 {
		t.Errorf("exit code %d, spoken to %d times: %s", r.Code, s.Accepted(), r.Stderr)
	}
}

// A cookie that others can read is used, and -v warns of it.
func TestTheCookie(t *testing.T) {
	l := lab.Start(t)
	program := lab.Binary(t, "patoggle")
	s := listen(t, "tcp:", usual(1, "x"))
	cookie := bytes.Repeat([]byte("cookie.."), 32)
	var mu sync.Mutex
	var sent []byte
	s.Behave(rogue.Behaviour{Answer: func(c *rogue.Conn, r rogue.Request, honest []byte) {
		if r.Command == rogue.OpAuth && len(r.Args) > 256 {
			mu.Lock()
			sent = bytes.Clone(r.Args[len(r.Args)-256:])
			mu.Unlock()
		}
		c.Send(honest)
	}}, usual(1, "x"))
	for mode, warned := range map[os.FileMode]bool{0o600: false, 0o400: false, 0o640: true, 0o604: true, 0o666: true} {
		file := write(t, l.Dir+"/cookie-"+strconv.FormatUint(uint64(mode), 8), string(cookie), mode)
		env := []string{"PULSE_SERVER=" + s.Address, "PULSE_COOKIE=" + file, "DISPLAY"}
		for _, verbose := range []bool{false, true} {
			args := []string{"--stream", "7", "--to", "b"}
			if verbose {
				args = append(args, "-v")
			}
			r := l.Run(env, program, args...)
			mu.Lock()
			used := bytes.Equal(sent, cookie)
			sent = nil
			mu.Unlock()
			if r.Code != 0 || !used {
				t.Errorf("mode %o: exit code %d, cookie used: %v: %s", mode, r.Code, used, r.Stderr)
			}
			if got := strings.Contains(r.Stderr, "can be read by other users"); got != (warned && verbose) {
				t.Errorf("mode %o, -v %v: %q", mode, verbose, r.Stderr)
			}
		}
	}
}

// A configuration that others may change is used, and warned of.
func TestTheConfigurationOfOthers(t *testing.T) {
	l := lab.Start(t)
	program := lab.Binary(t, "patoggle")
	s := listen(t, "unix:"+l.Runtime+"/sound", usual(1, "x"))
	file := l.Home + "/.config/patoggle/config.toml"
	for _, test := range []struct {
		file, dir os.FileMode
		warned    bool
	}{
		{0o600, 0o700, false}, {0o644, 0o755, false}, {0o660, 0o700, true}, {0o602, 0o700, true}, {0o666, 0o700, true},
		{0o600, 0o770, true}, {0o600, 0o777, true},
	} {
		if (test.file|test.dir)&0o022 == 0o020 && os.Geteuid() != 0 {
			continue // a user's group may be nobody else's: see config
		}
		write(t, file, "skip = [\"c\"]\n", test.file)
		if err := os.Chmod(filepath.Dir(file), test.dir); err != nil {
			t.Fatal(err)
		}
		r := l.Run([]string{"PULSE_SERVER=" + s.Address, "DISPLAY"}, program, "--stream", "7", "-n")
		if r.Code != 0 || strings.Contains(r.Stderr, "can be changed by other users") != test.warned {
			t.Errorf("file %04o, directory %04o: exit code %d: %q", test.file, test.dir, r.Code, r.Stderr)
		}
	}
}

// traced matches what strace prints of the calls asked for.
var traced = regexp.MustCompile(`(?m)^(?:\d+ +)?(\w+)\((.*)$`)

// wanted are the calls that create files, sockets with a name, or processes.
const wanted = "execve,execveat,open,openat,openat2,creat,bind,mknod,mknodat,mkdir,mkdirat,symlink,symlinkat,link,linkat,rename,renameat,renameat2,unlink,unlinkat,chmod,fchmod,fchmodat,chown,fchown,ftruncate,truncate,fork,vfork"

// quoted finds the paths in the arguments of a call.
var quoted = regexp.MustCompile(`"([^"]*)"`)

// keepsState tells whether a call is about nothing but the folder of the state:
// files in it, and the making of it and of those above it.
func keepsState(state, call, args string) bool {
	paths := quoted.FindAllStringSubmatch(args, -1)
	for _, p := range paths {
		inside := p[1] == state || strings.HasPrefix(p[1], state+"/")
		if !inside && !(strings.HasPrefix(call, "mkdir") && strings.HasPrefix(state, p[1]+"/")) {
			return false
		}
	}
	return len(paths) > 0
}

// harmless holds what is true of a program that writes no file but its state and
// starts no other program, from what strace saw of it.
func harmless(t *testing.T, state, name, trace string, executed ...string) {
	t.Helper()
	calls, programs := 0, 0
	for _, m := range traced.FindAllStringSubmatch(trace, -1) {
		calls++
		call, args := m[1], m[2]
		if call != "execve" && call != "bind" && keepsState(state, call, args) {
			continue
		}
		switch call {
		case "execve":
			if programs < len(executed) && !strings.HasPrefix(args, strconv.Quote(executed[programs])+", ") {
				t.Errorf("%s executes %s, not %s", name, args, executed[programs])
			}
			programs++
		case "open", "openat", "openat2":
			if strings.Contains(args, "O_CREAT") || strings.Contains(args, "O_TMPFILE") || strings.Contains(args, "O_TRUNC") ||
				(strings.Contains(args, "O_WRONLY") || strings.Contains(args, "O_RDWR")) && !strings.Contains(args, `"/dev/null"`) {
				t.Errorf("%s writes: %s", name, m[0])
			}
		case "bind":
			if strings.Contains(args, "sun_path") {
				t.Errorf("%s binds a socket: %s", name, m[0])
			}
		default:
			t.Errorf("%s: %s", name, m[0])
		}
	}
	if programs != max(len(executed), 1) || calls < 3 { // its start, and at least two files that the runtime of Go opens
		t.Errorf("%s: %d programs executed, %d calls seen:\n%.2000s", name, programs, calls, trace)
	}
}

// Nothing is executed but patoggle-x11keys by the daemon, and by neither program
// is a named socket created, or a file outside the folder of the state, in a
// whole session.
func TestNothingIsExecutedOrCreated(t *testing.T) {
	lab.Need(t, "strace")
	p := newStage(t)
	p.reset()
	write(t, p.Home+"/.config/patoggle/config.toml", "notify = true\n[[hotkey]]\nkeys = \"Super+F9\"\ndo = \"next\"\n", 0o600)
	state := p.Home + "/.local/state/patoggle"
	// Without an address some libraries start a bus of their own.
	env := []string{"PULSE_SERVER=" + p.sound.Address, "DBUS_SESSION_BUS_ADDRESS"}
	for i, args := range [][]string{{}, {"--to", "c", "--notify", "-v"}, {"list"}, {"why"}, {"--stream", "7", "--verify", "--timeout", "4s"}, {"config", "check"}, {"config", "example"}, {"completion", "bash"}, {"--help"}} {
		file := fmt.Sprintf("%s/trace-%d", p.Dir, i)
		r := p.Run(env, "strace", append([]string{"-f", "-qq", "-e", "signal=none", "-e", "trace=" + wanted, "-o", file, p.program}, args...)...)
		if r.Code > 3 {
			t.Errorf("patoggle %q: exit code %d: %s", args, r.Code, r.Stderr)
		}
		harmless(t, state, fmt.Sprintf("patoggle %q", args), read(t, file))
	}

	file, err := lab.Daemon()
	if err != nil {
		t.Fatal(err)
	}
	trace := p.Dir + "/trace-daemon"
	d := p.SpawnCmd(lab.Cmd{Name: "strace", Args: []string{"-f", "-qq", "-e", "signal=none", "-e", "trace=" + wanted, "-o", trace, file, "-v"}, Env: env})
	p.Until("patoggled under strace", func() bool {
		if !d.Alive() {
			t.Fatalf("ended with code %d:\n%s", d.Wait(), d.Log())
		}
		return p.sound.Accepted() > 0 && len(d.Descendants()) > 0
	})
	post := &post{stage: p, daemon: d}
	post.keys()
	p.Until("a press to be served", func() bool {
		post.press()
		return lab.Poll(2*time.Second, func() bool { return strings.Contains(d.Log()[post.mark:], "Super+F9: ") })
	})
	for _, pid := range d.Descendants() {
		_ = syscall.Kill(pid, syscall.SIGHUP)
	}
	p.Until("a reload", func() bool { return strings.Contains(d.Log(), "was read again") })
	p.sound.Hangup()
	p.Until("the sound server to come back", func() bool { return strings.Contains(d.Log(), "is back") })
	for _, pid := range d.Descendants() {
		_ = syscall.Kill(pid, syscall.SIGTERM)
	}
	if code := d.Wait(); code != 0 {
		t.Errorf("patoggled under strace ended with code %d:\n%s", code, d.Log())
	}
	harmless(t, state, "patoggled", read(t, trace), file, filepath.Join(filepath.Dir(file), x11keys.Name))
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

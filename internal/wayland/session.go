package wayland

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Session is a Wayland session: who is behind its socket. It is found by the
// socket and not by the variables that name desktops and their sockets, which
// nested compositors, tmux and the service manager hand on.
type Session struct {
	Socket string
	// PID is the process that opened the socket; it may be one that started the
	// compositor.
	PID int
	// Program is its name in /proc/PID/comm, Name what to call it.
	Program, Name string

	getenv func(string) string
}

// Find looks who is behind $WAYLAND_DISPLAY, which may be absolute, and behind
// "wayland-0" when that is not set; named tells which. The error is ErrNone when
// nobody listens there, or no such name can be made.
func Find(ctx context.Context, getenv func(string) string) (s *Session, named bool, err error) {
	path, named, ok := socketPath(getenv)
	if !ok {
		return nil, named, ErrNone
	}
	conn, err := dial(ctx, path)
	if err != nil {
		return nil, named, fmt.Errorf("%w: %w", ErrNone, err)
	}
	defer conn.Close()
	cred, err := peer(conn)
	if err != nil {
		return nil, named, fmt.Errorf("%w: %w", ErrNone, err)
	}
	s = &Session{Socket: path, PID: int(cred.Pid), getenv: getenv}
	// The pid is 0 for a process of another pid namespace.
	s.Program = comm(s.PID)
	s.Name = nameOf(s.Program)
	return s, named, nil
}

// socketPath is where the Wayland socket of this session is (wl_display_connect,
// libwayland 1.22).
func socketPath(getenv func(string) string) (path string, named, ok bool) {
	name := getenv("WAYLAND_DISPLAY")
	named = name != ""
	if !named {
		name = "wayland-0"
	}
	if filepath.IsAbs(name) {
		return name, named, true
	}
	dir := getenv("XDG_RUNTIME_DIR")
	return filepath.Join(dir, name), named, filepath.IsAbs(dir)
}

// nameOf is what to call a compositor.
func nameOf(program string) string {
	if c, ok := compositors[program]; ok {
		return c.name
	}
	if name, ok := names[program]; ok {
		return name
	}
	if program == "" {
		return "the Wayland compositor"
	}
	return program
}

// program cleans a name of /proc/PID/comm. NixOS wraps programs: ".sway-wrapped",
// cut off after 15 bytes.
func program(comm string) string {
	comm = strings.TrimSpace(comm)
	inner, wrapped := strings.CutPrefix(comm, ".")
	if !wrapped {
		return comm
	}
	if i := strings.LastIndex(inner, "-w"); i > 0 && strings.HasPrefix("-wrapped", inner[i:]) {
		inner = inner[:i]
	}
	return inner
}

func dial(ctx context.Context, path string) (*net.UnixConn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	return conn.(*net.UnixConn), nil
}

// peer is who opened the socket at the other end.
func peer(conn *net.UnixConn) (*unix.Ucred, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var cred *unix.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		cred, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err := errors.Join(err, failed); err != nil {
		return nil, err
	}
	return cred, nil
}

// dialOwn connects to the first of the compositor's other sockets that is its
// own: a variable may name another session's.
func (s *Session) dialOwn(ctx context.Context, paths []string) (*net.UnixConn, error) {
	var failed error
	for _, path := range paths {
		if !filepath.IsAbs(path) {
			continue
		}
		conn, err := dial(ctx, path)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		cred, err := peer(conn)
		if err == nil && s.isCompositor(int(cred.Pid)) {
			return conn, nil
		}
		conn.Close()
		failed = errors.Join(failed, fmt.Errorf("%q is not this session's", path))
	}
	if failed == nil {
		failed = errors.New("its socket is not to be found")
	}
	return nil, failed
}

// wrapper is the program that opens KWin's sockets and starts it (KWin 5.27 and
// later, cut off after 15 bytes).
const wrapper = "kwin_wayland_wr"

// isCompositor reports whether a process is the session's compositor. Children of
// others are not: GNOME Shell starts applications itself.
func (s *Session) isCompositor(pid int) bool {
	if pid <= 0 || s.PID <= 0 {
		return false
	}
	return pid == s.PID || s.Program == wrapper && comm(pid) == "kwin_wayland" && parent(pid) == s.PID
}

// IsCompositor reports whether a process is the session's compositor.
func (s *Session) IsCompositor(pid int) bool { return s.isCompositor(pid) }

// Serves reports whether an X display's server, as its socket tells it, is the
// Xwayland of this session: the compositor opens that socket itself, or what
// brings X11 windows in, which it started.
func (s *Session) Serves(pid int) bool {
	if s.isCompositor(pid) {
		return true
	}
	if !bringsX11(comm(pid)) {
		return false
	}
	for range 3 {
		if pid = parent(pid); s.isCompositor(pid) {
			return true
		}
	}
	return false
}

// Peer is the process that opened a unix socket; 0 for none that is known.
func Peer(ctx context.Context, path string) int {
	conn, err := dial(ctx, path)
	if err != nil {
		return 0
	}
	defer conn.Close()
	cred, err := peer(conn)
	if err != nil {
		return 0
	}
	return int(cred.Pid)
}

// parent is the parent of a process; 0 when it is gone.
func parent(pid int) int {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	return parseParent(b)
}

// parseParent reads the fourth field of /proc/PID/stat. The second, in
// parentheses, may have anything in it (proc(5)).
func parseParent(stat []byte) int {
	i := bytes.LastIndexByte(stat, ')')
	fields := bytes.Fields(stat[i+1:])
	if i < 0 || len(fields) < 2 {
		return 0
	}
	n, err := strconv.Atoi(string(fields[1]))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

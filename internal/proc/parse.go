package proc

import (
	"bytes"
	"strconv"
	"strings"
)

// maxPID is the largest process id Linux can give (PID_MAX_LIMIT, 2^22).
const maxPID = 1 << 22

// kernelThread is PF_KTHREAD of linux/sched.h, a bit of stat's field 9.
const kernelThread = 0x00200000

// stat is what /proc/PID/stat says (proc_pid_stat(5)).
type stat struct {
	pid   int
	comm  string
	state byte
	ppid  int
	tty   int
	flags uint64
	// threads counts the threads that are left, an ended main thread
	// included.
	threads int
	start   uint64
}

// zombie tells whether the process has ended. A main thread that ended before
// its siblings also has the state Z, but then more than one thread is left.
func (s stat) zombie() bool {
	return s.state == 'X' || s.state == 'x' || s.state == 'Z' && s.threads <= 1
}

// parseStat reads /proc/PID/stat. The name stands in parentheses and may hold
// spaces and parentheses itself, so the fields are counted from the last one.
func parseStat(b []byte) (stat, bool) {
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open {
		return stat{}, false
	}
	pid, ok := number(strings.TrimSuffix(string(b[:open]), " "))
	if !ok || pid == 0 {
		return stat{}, false
	}
	f := strings.Fields(string(b[end+1:]))
	if len(f) < 20 || len(f[0]) != 1 || f[0][0] < 'A' || f[0][0] > 'z' {
		return stat{}, false
	}
	s := stat{pid: pid, comm: unescape(string(b[open+1 : end])), state: f[0][0]}
	if s.ppid, ok = number(f[1]); !ok {
		return stat{}, false
	}
	// A device number has 32 bits and is printed with a sign (makedev(3)).
	tty, err := strconv.ParseInt(f[4], 10, 32)
	if err != nil {
		return stat{}, false
	}
	s.tty = int(tty)
	if s.flags, err = strconv.ParseUint(f[6], 10, 64); err != nil {
		return stat{}, false
	}
	if s.threads, ok = number(f[17]); !ok {
		return stat{}, false
	}
	if s.start, err = strconv.ParseUint(f[19], 10, 64); err != nil {
		return stat{}, false
	}
	return s, true
}

// number reads a process id or a count: digits only, at most maxPID.
func number(s string) (int, bool) {
	if s == "" || len(s) > 7 {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, n <= maxPID
}

// unescape undoes what the kernel does to a name in stat and status: a line
// feed is written as \n and a backslash as \\ (fs/proc/array.c,
// proc_task_name).
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			switch s[i+1] {
			case 'n':
				b.WriteByte('\n')
				i++
				continue
			case '\\':
				i++
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// status is what /proc/PID/status says (proc_pid_status(5)).
type status struct {
	pid, tgid int
	uid       int
	nspid     []int
}

// parseStatus reads the lines Tgid, Pid, Uid and NSpid of /proc/PID/status.
// NSpid is missing on kernels without pid namespaces; then the process has the
// one id.
func parseStatus(b []byte) (status, bool) {
	const (
		tgid = 1 << iota
		pid
		uid
		nspid
	)
	var s status
	seen := 0
	for line := range strings.Lines(string(b)) {
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		bit := 0
		switch key {
		case "Tgid":
			bit = tgid
		case "Pid":
			bit = pid
		case "Uid":
			bit = uid
		case "NSpid":
			bit = nspid
		default:
			continue
		}
		f := strings.Fields(value)
		if seen&bit != 0 || len(f) == 0 {
			return status{}, false
		}
		seen |= bit
		switch bit {
		case tgid:
			s.tgid, ok = number(f[0])
		case pid:
			s.pid, ok = number(f[0])
		case uid:
			// The real id is the first of four. Ids have 32 bits.
			n, err := strconv.ParseUint(f[0], 10, 32)
			s.uid, ok = int(n), err == nil
		case nspid:
			for _, v := range f {
				var n int
				if n, ok = number(v); !ok {
					break
				}
				s.nspid = append(s.nspid, n)
			}
		}
		if !ok {
			return status{}, false
		}
	}
	if seen&(tgid|pid|uid) != tgid|pid|uid || s.pid == 0 {
		return status{}, false
	}
	if seen&nspid == 0 {
		s.nspid = []int{s.pid}
	}
	return s, s.nspid[0] == s.pid
}

// parseCgroup returns the innermost "app-*.scope" or "app-*.service" of
// /proc/PID/cgroup (cgroups(7)), "" when there is none. systemd's hierarchy is
// the unified one ("0::PATH") or, on older systems, the one called
// "name=systemd". Session scopes and the "vte-spawn-*" scopes of terminals say
// nothing of an application and are passed over.
func parseCgroup(b []byte) string {
	for line := range strings.Lines(string(b)) {
		_, rest, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		if !ok {
			continue
		}
		controllers, path, ok := strings.Cut(rest, ":")
		if !ok || controllers != "" && controllers != "name=systemd" {
			continue
		}
		if u := appUnit(path); u != "" {
			return u
		}
	}
	return ""
}

// appUnit returns the innermost application unit of a control group's path.
func appUnit(path string) string {
	for path != "" {
		i := strings.LastIndexByte(path, '/')
		name := path[i+1:]
		if strings.HasPrefix(name, "app-") && (strings.HasSuffix(name, ".scope") || strings.HasSuffix(name, ".service")) {
			return name
		}
		if i < 0 {
			break
		}
		path = path[:i]
	}
	return ""
}

// parseFlatpakInfo reads the id of the application and of the instance from
// /.flatpak-info, a key file in the form of the Desktop Entry Specification
// (flatpak-metadata(5)). Both are "" when the file is not one of an
// application. A value that cannot be an id is left out.
func parseFlatpakInfo(b []byte) (app, instance string) {
	group := ""
	for line := range strings.Lines(string(b)) {
		line = strings.Trim(line, " \t\r\n")
		if line == "" || line[0] == '#' {
			continue
		}
		if line[0] == '[' {
			group = ""
			if end := strings.IndexByte(line, ']'); end == len(line)-1 {
				group = line[1:end]
			}
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		key, value = strings.TrimRight(key, " \t"), strings.TrimLeft(value, " \t")
		switch {
		case group == "Application" && key == "name" && isID(value):
			app = value
		case group == "Instance" && key == "instance-id" && isID(value):
			instance = value
		}
	}
	if app == "" {
		return "", ""
	}
	return app, instance
}

// isID tells whether s can be the id of an application or an instance: at most
// 255 letters, digits, dots, dashes and underscores (D-Bus specification, "Bus
// names", without the colon).
func isID(s string) bool {
	if s == "" || len(s) > 255 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// parseLabel returns the snap's name from /proc/PID/attr/current, where
// AppArmor says "snap.NAME.APP (enforce)"; "" for any other label.
func parseLabel(b []byte) string {
	s, ok := strings.CutPrefix(string(b), "snap.")
	if !ok {
		return ""
	}
	name, _, ok := strings.Cut(s, ".")
	if !ok || !isID(name) {
		return ""
	}
	return name
}

// environment is what is read of /proc/PID/environ.
type environment struct {
	steam       int
	window      uint32
	multiplexer int
	session     string
	winePrefix  string
}

// parseEnviron reads the variables of an environment. Of two entries with one
// name the first counts, as for getenv(3). A value that is not what it should
// be counts as none.
func parseEnviron(b []byte) environment {
	const (
		steam = iota
		window
		tmux
		screen
		prefix
		home
		count
	)
	names := [count]string{"SteamAppId", "WINDOWID", "TMUX", "STY", "WINEPREFIX", "HOME"}
	var values [count]string
	var seen [count]bool
	for len(b) > 0 {
		entry := b
		if i := bytes.IndexByte(b, 0); i >= 0 {
			entry, b = b[:i], b[i+1:]
		} else {
			b = nil
		}
		for i, name := range names {
			if len(entry) > len(name) && entry[len(name)] == '=' && string(entry[:len(name)]) == name && !seen[i] {
				values[i], seen[i] = string(entry[len(name)+1:]), true
			}
		}
	}
	e := environment{window: windowID(values[window]), winePrefix: values[prefix]}
	if n, err := strconv.ParseUint(values[steam], 10, 32); err == nil {
		e.steam = int(n)
	}
	if e.multiplexer, e.session = tmuxServer(values[tmux]); e.multiplexer == 0 {
		e.multiplexer = screenServer(values[screen])
	}
	if e.winePrefix == "" && values[home] != "" {
		e.winePrefix = values[home] + "/.wine"
	}
	// Wine takes a prefix with and without a slash at its end for one.
	if trimmed := strings.TrimRight(e.winePrefix, "/"); trimmed != "" {
		e.winePrefix = trimmed
	}
	return e
}

// tmuxServer reads the server's pid and the session of "SOCKET,PID,SESSION"
// (tmux(1), ENVIRONMENT); the socket's path may hold commas. 0 and "" for
// anything else.
func tmuxServer(s string) (pid int, session string) {
	f := strings.Split(s, ",")
	if len(f) < 3 {
		return 0, ""
	}
	if pid, _ = number(f[len(f)-2]); pid == 0 {
		return 0, ""
	}
	return pid, f[len(f)-1]
}

// screenServer reads the server's pid of "PID.TTY.HOST" or "PID.NAME" (screen(1),
// ENVIRONMENT); 0 for anything else.
func screenServer(s string) int {
	pid, _, ok := strings.Cut(s, ".")
	if !ok {
		return 0
	}
	n, _ := number(pid)
	return n
}

// windowID reads an X resource id as terminals write it, in decimal or with
// 0x; 0 for anything else.
func windowID(s string) uint32 {
	base := 10
	if h, ok := strings.CutPrefix(s, "0x"); ok {
		s, base = h, 16
	}
	n, err := strconv.ParseUint(s, base, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}

// parseArgv0 returns the first argument of /proc/PID/cmdline.
func parseArgv0(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

// parseExe returns the path /proc/PID/exe points to, without the mark of a
// file that an update has replaced since.
func parseExe(s string) string { return strings.TrimSuffix(s, " (deleted)") }

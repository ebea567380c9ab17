package wayland

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// others is what the kernel knows of this user's processes and of the Wayland
// socket's clients. It is read beside the conversation with the compositor, which
// must not wait for it.
type others struct {
	processes []process
	connected map[uint32]bool // inodes of the clients' sockets; nil when that failed
}

// process is one of this user's. The name of its executable file is "" when that
// cannot be read.
type process struct {
	pid       int
	comm, exe string
}

// lookAround reads them; wait hands them out.
func (s *Session) lookAround() (wait func() others) {
	var o others
	var wg sync.WaitGroup
	wg.Go(func() { o.processes = readProcesses() })
	wg.Go(func() {
		if found, err := connectedTo(s.Socket); err == nil {
			o.connected = found
		}
	})
	return func() others {
		wg.Wait()
		return o
	}
}

// readProcesses reads with as few calls of the system as can be: a desktop has
// hundreds of processes, most of them others' or the kernel's.
func readProcesses() []process {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil
	}
	var found []process
	buffer := make([]byte, unix.PathMax)
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		var stat unix.Stat_t
		if unix.Fstatat(int(dir.Fd()), name, &stat, 0) != nil || int(stat.Uid) != os.Geteuid() {
			continue
		}
		p := process{pid: pid}
		if fd, err := unix.Openat(int(dir.Fd()), name+"/comm", unix.O_RDONLY|unix.O_CLOEXEC, 0); err == nil {
			if n, err := unix.Read(fd, buffer); err == nil {
				p.comm = program(string(buffer[:n]))
			}
			unix.Close(fd)
		}
		if n, err := unix.Readlinkat(int(dir.Fd()), name+"/exe", buffer); err == nil {
			p.exe = filepath.Base(strings.TrimSuffix(string(buffer[:n]), " (deleted)"))
		}
		found = append(found, p)
	}
	return found
}

// findClients fills in, for each name, the processes that run a program of the
// name and are connected to the Wayland socket. A process whose ancestor is among
// them is that one's helper, and left out.
func (o *others) findClients(programs map[string][]int) {
	delete(programs, "")
	if len(programs) == 0 || len(o.connected) == 0 {
		return
	}
	for _, p := range o.processes {
		for name, found := range programs {
			// Helpers are younger, mostly: of a browser's many only the first is
			// looked into.
			if p.runs(name) && !descends(p.pid, found) && holds(p.pid, o.connected) {
				programs[name] = append(found, p.pid)
			}
		}
	}
	for name, found := range programs {
		programs[name] = slices.DeleteFunc(slices.Clone(found), func(pid int) bool { return descends(pid, found) })
	}
}

// descends tells whether one of the others is an ancestor of a process.
func descends(pid int, others []int) bool {
	if len(others) == 0 {
		return false
	}
	for range 64 {
		if pid = parent(pid); pid <= 1 {
			return false
		}
		if slices.Contains(others, pid) {
			return true
		}
	}
	return false
}

// runs tells whether a process is of a program with the name, in any case.
func (p *process) runs(name string) bool {
	return strings.EqualFold(p.comm, name) || len(p.comm) == 15 && len(name) > 15 && strings.EqualFold(p.comm, name[:15]) ||
		strings.EqualFold(p.exe, name)
}

// holds tells whether one of the sockets is open in a process.
func holds(pid int, sockets map[uint32]bool) bool {
	dir := "/proc/" + strconv.Itoa(pid) + "/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		link, err := os.Readlink(dir + "/" + e.Name())
		text, ok := strings.CutPrefix(link, "socket:[")
		if err != nil || !ok {
			return false
		}
		inode, err := strconv.ParseUint(strings.TrimSuffix(text, "]"), 10, 32)
		return err == nil && sockets[uint32(inode)]
	})
}

// runXwayland tells whether any Xwayland runs: asking this session's would else
// start it. Those that wlroots starts are no children of the compositor.
func (o *others) runXwayland() bool {
	return slices.ContainsFunc(o.processes, func(p process) bool { return bringsX11(p.comm) })
}

// The question for unix sockets (sock_diag(7); linux/unix_diag.h): the family,
// the state (TCP_ESTABLISHED of netinet/tcp.h), and that names and peers are to be shown.
const (
	sockDiagByFamily = 20
	established      = 1
	showName         = 1
	showPeer         = 4
	attributeName    = 0
	attributePeer    = 2
)

// connectedTo returns the inodes of the sockets at the other ends of those that
// a server accepted at a path.
func connectedTo(path string) (map[uint32]bool, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	wait := unix.NsecToTimeval(int64(limit / 2 / time.Nanosecond))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); err != nil {
		return nil, err
	}
	request := make([]byte, 0, 40)
	request = binary.NativeEndian.AppendUint32(request, 40)
	request = binary.NativeEndian.AppendUint16(request, sockDiagByFamily)
	request = binary.NativeEndian.AppendUint16(request, unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	request = append(request, make([]byte, 8)...) // serial, port
	request = append(request, unix.AF_UNIX, 0, 0, 0)
	request = binary.NativeEndian.AppendUint32(request, 1<<established)
	request = binary.NativeEndian.AppendUint32(request, 0) // all inodes
	request = binary.NativeEndian.AppendUint32(request, showName|showPeer)
	request = append(request, make([]byte, 8)...) // no cookie
	if err := unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, err
	}
	peers := make(map[uint32]bool)
	buffer := make([]byte, 64<<10)
	for {
		n, _, err := unix.Recvfrom(fd, buffer, 0)
		if err != nil {
			return nil, err
		}
		done, err := parseDiag(buffer[:n], path, peers)
		if err != nil || done {
			return peers, err
		}
	}
}

// parseDiag reads messages of the kernel about sockets: netlink's head of 16
// bytes, unix_diag_msg of 16, attributes.
func parseDiag(b []byte, path string, peers map[uint32]bool) (done bool, err error) {
	for len(b) >= 16 {
		length := int(binary.NativeEndian.Uint32(b))
		if length < 16 || length > len(b) {
			return false, errWire
		}
		message := b[16:length]
		switch binary.NativeEndian.Uint16(b[4:]) {
		case unix.NLMSG_DONE:
			return true, nil
		case unix.NLMSG_ERROR:
			return false, errWire
		case sockDiagByFamily:
			if len(message) >= 16 {
				if name, peer := diagAttributes(message[16:]); name == path && peer != 0 {
					peers[peer] = true
				}
			}
		}
		b = b[min(len(b), (length+3)&^3):]
	}
	return false, nil
}

func diagAttributes(b []byte) (name string, peer uint32) {
	for len(b) >= 4 {
		length := int(binary.NativeEndian.Uint16(b))
		if length < 4 || length > len(b) {
			return "", 0
		}
		value := b[4:length]
		switch binary.NativeEndian.Uint16(b[2:]) {
		case attributeName:
			name = strings.TrimRight(string(value), "\x00")
		case attributePeer:
			if len(value) >= 4 {
				peer = binary.NativeEndian.Uint32(value)
			}
		}
		b = b[min(len(b), (length+3)&^3):]
	}
	return name, peer
}

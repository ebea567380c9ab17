package wayland

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// findClients fills in, for each name, the processes of this user that run a
// program of the name and are connected to the Wayland socket. A process whose
// ancestor is among them is that one's helper, and left out.
func (s *Session) findClients(programs map[string][]int) {
	delete(programs, "")
	entries, err := os.ReadDir("/proc")
	if err != nil || len(programs) == 0 {
		return
	}
	var connected map[uint32]bool
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		for name := range programs {
			if !runs(pid, name) {
				continue
			}
			if connected == nil {
				if connected, err = connectedTo(s.Socket); err != nil {
					return
				}
			}
			if holds(pid, connected) {
				programs[name] = append(programs[name], pid)
			}
		}
	}
	for name, found := range programs {
		programs[name] = slices.DeleteFunc(slices.Clone(found), func(pid int) bool { return descends(pid, found) })
	}
}

// descends tells whether one of the others is an ancestor of a process.
func descends(pid int, others []int) bool {
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
func runs(pid int, name string) bool {
	own := comm(pid)
	if strings.EqualFold(own, name) || len(own) == 15 && len(name) > 15 && strings.EqualFold(own, name[:15]) {
		return true
	}
	exe, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
	return err == nil && strings.EqualFold(filepath.Base(strings.TrimSuffix(exe, " (deleted)")), name)
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

// runsXwayland tells whether any Xwayland runs: asking this session's would else
// start it. Those that wlroots starts are no children of the compositor.
func runsXwayland() bool {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return false
	}
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		pid, err := strconv.Atoi(e.Name())
		return err == nil && bringsX11(comm(pid))
	})
}

// The question for unix sockets (sock_diag(7); linux/unix_diag.h): the family,
// the states, and that names and peers are to be shown.
const (
	sockDiagByFamily = 20
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
	request = binary.NativeEndian.AppendUint32(request, ^uint32(0)) // all states
	request = binary.NativeEndian.AppendUint32(request, 0)          // all inodes
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

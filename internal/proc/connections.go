package proc

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// socketID is the file that a unix socket is bound to, as the kernel tells it: the
// lower half of its inode, and its device in the kernel's own form.
type socketID struct{ inode, device uint32 }

// Connections returns how many connections the process holds to the server
// behind a unix socket. It asks the kernel who is at the other end of the
// server's sockets, and looks which of those the process has open. False means
// that it cannot be known: the process may not be looked at, or is in a network
// namespace of its own, of which the kernel tells us nothing.
func (r *Reader) Connections(pid int, socket string) (int, bool) {
	ours, theirs := r.link("self/ns/net"), r.link(strconv.Itoa(pid)+"/ns/net")
	files, err := fs.ReadDir(r.fsys, strconv.Itoa(pid)+"/fd")
	if err != nil || ours == "" || ours != theirs {
		return 0, false
	}
	peers, err := r.peers(socket)
	if err != nil {
		return 0, false
	}
	var held []uint32
	for _, f := range files[:min(len(files), maxOpen)] {
		n := socketInode(r.link(strconv.Itoa(pid) + "/fd/" + f.Name()))
		if n != 0 && slices.Contains(peers, n) && !slices.Contains(held, n) {
			held = append(held, n)
		}
	}
	return len(held), true
}

// socketInode is N of "socket:[N]", 0 for any other link.
func socketInode(link string) uint32 {
	s, ok := strings.CutPrefix(link, "socket:[")
	if !ok || !strings.HasSuffix(s, "]") {
		return 0
	}
	n, err := strconv.ParseUint(s[:len(s)-1], 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}

// peersOf returns the inodes of the sockets that are connected to a server's.
func peersOf(socket string) ([]uint32, error) {
	info, err := os.Stat(socket)
	if err != nil {
		return nil, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	// A device is 12 bits and 20 in the kernel (MKDEV), and spread over 64 for
	// programs (makedev(3)).
	major, minor := st.Dev>>8&0xfff, st.Dev&0xff|st.Dev>>12&0xfff00
	id := socketID{uint32(st.Ino), uint32(major<<20 | minor)}
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, netlinkSockDiag)
	if err != nil {
		return nil, err
	}
	defer syscall.Close(fd)
	if err := syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &syscall.Timeval{Usec: 100000}); err != nil {
		return nil, err
	}
	if err := syscall.Sendto(fd, diagRequest(), 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
		return nil, err
	}
	var peers []uint32
	buf := make([]byte, 1<<16)
	for {
		n, from, err := syscall.Recvfrom(fd, buf, 0)
		if err != nil {
			return nil, err
		}
		// Any process can send to our socket; the kernel is number 0.
		if k, ok := from.(*syscall.SockaddrNetlink); !ok || k.Pid != 0 {
			continue
		}
		found, done, err := parseDiag(buf[:n], id)
		if err != nil {
			return nil, err
		}
		if peers = append(peers, found...); done {
			return peers, nil
		}
	}
}

// Numbers of Linux' netlink.h, sock_diag.h and unix_diag.h.
const (
	netlinkSockDiag  = 4
	sockDiagByFamily = 20
	diagVFS          = 1 // UNIX_DIAG_VFS: inode and device of the file
	diagPeer         = 2 // UNIX_DIAG_PEER: inode of the socket at the other end
	established      = 1
	messageSize      = 16 // struct nlmsghdr; struct unix_diag_msg has as many
)

// diagRequest asks for all connected unix sockets of our network namespace
// (struct unix_diag_req).
func diagRequest() []byte {
	b := make([]byte, messageSize+24)
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	binary.NativeEndian.PutUint16(b[4:], sockDiagByFamily)
	binary.NativeEndian.PutUint16(b[6:], syscall.NLM_F_REQUEST|syscall.NLM_F_DUMP)
	b[16] = syscall.AF_UNIX
	binary.NativeEndian.PutUint32(b[20:], 1<<established)
	binary.NativeEndian.PutUint32(b[28:], 1<<(diagVFS)|1<<(diagPeer)) // UDIAG_SHOW_VFS, UDIAG_SHOW_PEER
	return b
}

var errDiag = errors.New("the kernel tells nothing of sockets")

// parseDiag reads an answer of the kernel, and returns the peers of the sockets
// that are bound to the file, and whether it was the last.
func parseDiag(b []byte, id socketID) (peers []uint32, done bool, err error) {
	for len(b) >= messageSize {
		size := int(binary.NativeEndian.Uint32(b))
		if size < messageSize || size > len(b) {
			return nil, false, errDiag
		}
		switch kind, flags := binary.NativeEndian.Uint16(b[4:]), binary.NativeEndian.Uint16(b[6:]); {
		case kind == syscall.NLMSG_DONE:
			return peers, true, nil
		case kind != sockDiagByFamily || flags&nlmDumpInterrupted != 0:
			return nil, false, errDiag
		}
		if peer := peerIn(b[messageSize:size], id); peer != 0 {
			peers = append(peers, peer)
		}
		b = b[min(len(b), (size+3)&^3):]
	}
	return peers, false, nil
}

// nlmDumpInterrupted is NLM_F_DUMP_INTR: sockets came or went meanwhile.
const nlmDumpInterrupted = 0x10

// peerIn reads one struct unix_diag_msg and its attributes; 0 when it is of
// another file.
func peerIn(b []byte, id socketID) (peer uint32) {
	if len(b) < messageSize {
		return 0
	}
	fits := false
	for b = b[messageSize:]; len(b) >= 4; {
		size := int(binary.NativeEndian.Uint16(b))
		if size < 4 || size > len(b) {
			return 0
		}
		switch kind := binary.NativeEndian.Uint16(b[2:]); {
		case kind == diagVFS && size >= 12:
			fits = socketID{binary.NativeEndian.Uint32(b[4:]), binary.NativeEndian.Uint32(b[8:])} == id
		case kind == diagPeer && size >= 8:
			peer = binary.NativeEndian.Uint32(b[4:])
		}
		b = b[min(len(b), (size+3)&^3):]
	}
	if !fits {
		return 0
	}
	return peer
}

package x11

import (
	"errors"
	"net"
	"os"
	"syscall"
)

var errForeign = errors.New("the server belongs to another user")

// known tells whether the server at the other end of a local socket is one of
// ours or of root's (unix(7), SO_PEERCRED). Anybody can listen where no X
// server does, and would be shown the cookie. Of a server over TCP nothing is
// known, as for every X client.
func known(socket net.Conn) error {
	unix, ok := socket.(*net.UnixConn)
	if !ok {
		return nil
	}
	raw, err := unix.SyscallConn()
	if err != nil {
		return err
	}
	var peer *syscall.Ucred
	var peerErr error
	err = raw.Control(func(fd uintptr) {
		peer, peerErr = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	if err = errors.Join(err, peerErr); err != nil {
		return err
	}
	if !trusted(peer.Uid) {
		return errForeign
	}
	return nil
}

func trusted(uid uint32) bool { return uid == 0 || int(uid) == os.Getuid() }

package wayland

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
)

// The IPC of sway (sway-ipc(7), i3's): "i3-ipc", the length, the type, both of
// four bytes in the host's order.
const (
	ipcMagic   = "i3-ipc"
	ipcHead    = len(ipcMagic) + 8
	ipcGetTree = 4
)

func askSway(ctx context.Context, s *Session) (*Answer, error) {
	conn, err := s.dialOwn(ctx, s.swaySockets())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	request := append([]byte(ipcMagic), make([]byte, 8)...)
	binary.NativeEndian.PutUint32(request[len(ipcMagic)+4:], ipcGetTree)
	if _, err := conn.Write(request); err != nil {
		return nil, err
	}
	reply, err := readIPC(bufio.NewReader(conn), ipcGetTree)
	if err != nil {
		return nil, err
	}
	return parseSway(reply)
}

// swaySockets are SWAYSOCK and, by sway's rule for the name (sway/ipc-server.c),
// sway-ipc.UID.PID.sock.
func (s *Session) swaySockets() []string {
	paths := []string{s.getenv("SWAYSOCK")}
	found, err := filepath.Glob(filepath.Join(s.getenv("XDG_RUNTIME_DIR"), "sway-ipc.*."+strconv.Itoa(s.PID)+".sock"))
	if err == nil {
		paths = append(paths, found[:min(len(found), maxInstances)]...)
	}
	return paths
}

// readIPC reads one reply of the type.
func readIPC(r io.Reader, want uint32) ([]byte, error) {
	head := make([]byte, ipcHead)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, cutOff(err)
	}
	if string(head[:len(ipcMagic)]) != ipcMagic {
		return nil, errors.New("its answer is none of sway's")
	}
	length := binary.NativeEndian.Uint32(head[len(ipcMagic):])
	if typ := binary.NativeEndian.Uint32(head[len(ipcMagic)+4:]); typ != want {
		return nil, fmt.Errorf("it answers with the type %d, not %d", typ, want)
	}
	return readBody(r, length)
}

// readBody reads so many bytes, as far as that is not absurd. Memory grows with
// what arrives, not with what is announced.
func readBody(r io.Reader, length uint32) ([]byte, error) {
	if length > maxAnswer {
		return nil, fmt.Errorf("it announces an answer of %d bytes", length)
	}
	b, err := io.ReadAll(io.LimitReader(r, int64(length)))
	if err == nil && len(b) < int(length) {
		err = io.ErrUnexpectedEOF
	}
	return b, cutOff(err)
}

// readEnd reads to the end of the stream.
func readEnd(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxAnswer+1))
	if err == nil && len(b) > maxAnswer {
		err = fmt.Errorf("its answer is longer than %d bytes", maxAnswer)
	}
	return b, err
}

// readLine reads up to the first line break.
func readLine(r io.Reader) ([]byte, error) {
	b, err := bufio.NewReader(io.LimitReader(r, maxAnswer)).ReadBytes('\n')
	return b, cutOff(err)
}

// cutOff gives the end in the middle of an answer a sentence.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it hung up in the middle of an answer")
	}
	return err
}

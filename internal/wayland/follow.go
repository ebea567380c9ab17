package wayland

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"time"
)

// ErrUnfollowed means that a compositor tells nobody when the focus changes, or
// in no way that is known here.
var ErrUnfollowed = errors.New("it does not tell when the focus changes")

// followers are the compositors that tell of changes of the focus: what is to be
// written to which socket, and how one event is read. An event is true when the
// focus may be another one.
var followers = map[string]struct {
	paths   func(*Session) []string
	request []byte
	event   func(*bufio.Reader) (bool, error)
}{
	"sway": {
		(*Session).swaySockets, swaySubscribe, swayEvent,
	},
	"Hyprland": {
		func(s *Session) []string {
			paths := s.hyprlandSockets()
			for i, p := range paths {
				paths[i] = filepath.Join(filepath.Dir(p), ".socket2.sock")
			}
			return paths
		},
		nil, hyprlandEvent,
	},
	"niri": {(*Session).niriSockets, []byte("\"EventStream\"\n"), niriEvent},
}

// Follow calls changed once when it follows, and then after each change of the
// focus, and of the title of the window that has it, until the context or the
// compositor ends. It calls it more often than needed. The error is never nil;
// ErrUnfollowed means that a further attempt is no use.
func (s *Session) Follow(ctx context.Context, changed func()) error {
	f, ok := followers[s.Program]
	if !ok {
		return ErrUnfollowed
	}
	dialCtx, cancel := context.WithTimeout(ctx, limit)
	conn, err := s.dialOwn(dialCtx, f.paths(s))
	cancel()
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return err
	}
	if len(f.request) > 0 {
		if _, err := conn.Write(f.request); err != nil {
			return err
		}
	}
	changed()
	in := bufio.NewReader(conn)
	for {
		is, err := f.event(in)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, net.ErrClosed):
			return io.EOF
		case err != nil:
			return err
		case is:
			changed()
		}
	}
}

// swaySubscribe asks for the events of windows and workspaces (sway-ipc(7),
// SUBSCRIBE).
var swaySubscribe = func() []byte {
	const payload, ipcSubscribe = `["window","workspace","shutdown"]`, 2
	b := binary.NativeEndian.AppendUint32([]byte(ipcMagic), uint32(len(payload)))
	return append(binary.NativeEndian.AppendUint32(b, ipcSubscribe), payload...)
}()

// swayEvent reads one message. Every one may be about the focus.
func swayEvent(in *bufio.Reader) (bool, error) {
	head := make([]byte, ipcHead)
	if _, err := io.ReadFull(in, head); err != nil {
		return false, err
	}
	if string(head[:len(ipcMagic)]) != ipcMagic {
		return false, errors.New("its event is none of sway's")
	}
	_, err := readBody(in, binary.NativeEndian.Uint32(head[len(ipcMagic):]))
	return true, err
}

// hyprlandEvent reads one line, "name>>data" (Hyprland wiki, IPC, socket2).
func hyprlandEvent(in *bufio.Reader) (bool, error) {
	line, err := shortLine(in)
	name, _, _ := strings.Cut(string(line), ">>")
	switch name {
	case "activewindow", "activewindowv2", "workspace", "closewindow", "windowtitle":
		return true, err
	}
	return false, err
}

// niriEvent reads one line of JSON, whose only key names the event (niri-ipc
// 25.11, Event).
func niriEvent(in *bufio.Reader) (bool, error) {
	line, err := shortLine(in)
	for _, name := range []string{`{"Window`, `{"Workspace`, `{"Overview`} {
		if bytes.HasPrefix(line, []byte(name)) {
			return true, err
		}
	}
	return false, err
}

// shortLine is the beginning of a line, of which the rest is dropped.
func shortLine(in *bufio.Reader) ([]byte, error) {
	line, err := in.ReadSlice('\n')
	begin := bytes.Clone(line)
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = in.ReadSlice('\n')
	}
	return begin, err
}

package wayland

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// ErrUnfollowed means that a compositor tells nobody when the focus changes, or
// in no way that is known here.
var ErrUnfollowed = errors.New("it does not tell when the focus changes")

// follower follows one compositor as Follow does.
type follower func(ctx context.Context, s *Session, changed func()) error

// followers are those that tell in a way of their own, by their programs' names.
var followers = map[string]follower{
	"sway": events{paths: (*Session).swaySockets, request: swaySubscribe, event: swayEvent}.follow,
	"Hyprland": events{
		paths: func(s *Session) []string {
			paths := s.hyprlandSockets()
			for i, p := range paths {
				paths[i] = filepath.Join(filepath.Dir(p), ".socket2.sock")
			}
			return paths
		},
		event: hyprlandEvent,
	}.follow,
	"niri":            events{paths: (*Session).niriSockets, request: []byte("\"EventStream\"\n"), event: niriEvent}.follow,
	"wayfire":         followWayfire,
	"kwin_wayland":    followKWin,
	"kwin_wayland_wr": followKWin,
	"gnome-shell":     followGNOME,
}

// Follow calls changed once when it follows, and then after each change of the
// focus, and mostly of the title of the window that has it, until the context or
// the compositor ends. It calls it more often than needed. The error is never
// nil; ErrUnfollowed means that a further attempt is no use before Await returns.
func (s *Session) Follow(ctx context.Context, changed func()) error {
	follow, ok := followers[s.Program]
	if !ok {
		follow = followToplevels
	}
	err := follow(ctx, s, changed)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, net.ErrClosed):
		return io.EOF
	}
	return err
}

// Await waits until a compositor that did not tell may do so, which mostly never
// happens: until the context ends. The error is nil when an attempt is of use.
func (s *Session) Await(ctx context.Context) error {
	if s.Program == "gnome-shell" {
		return awaitGNOME(ctx, s)
	}
	<-ctx.Done()
	return ctx.Err()
}

// events are a stream of a socket: what is to be written to it, and how one event
// is read. An event is true when the focus may be another one.
type events struct {
	paths   func(*Session) []string
	request []byte
	event   func(*bufio.Reader) (bool, error)
}

func (e events) follow(ctx context.Context, s *Session, changed func()) error {
	dialCtx, cancel := context.WithTimeout(ctx, limit)
	conn, err := s.dialOwn(dialCtx, e.paths(s))
	cancel()
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return err
	}
	if len(e.request) > 0 {
		if _, err := conn.Write(e.request); err != nil {
			return err
		}
	}
	changed()
	in := bufio.NewReader(conn)
	for {
		is, err := e.event(in)
		if err != nil {
			return err
		}
		if is {
			changed()
		}
	}
}

// followWayfire asks wayfire's plugin ipc-rules for its events, and where that is
// not loaded the compositor as others. Every event may be about the focus, as
// there are few of other kinds (wayfire 0.10, ipc-rules/ipc-events.hpp).
func followWayfire(ctx context.Context, s *Session, changed func()) error {
	const watch = `{"method":"window-rules/events/watch","data":{}}`
	e := events{
		paths:   (*Session).wayfireSockets,
		request: append(binary.LittleEndian.AppendUint32(nil, uint32(len(watch))), watch...),
		event:   wayfireEvent,
	}
	err := e.follow(ctx, s, changed)
	if errors.Is(err, errNoEvents) || errors.Is(err, os.ErrNotExist) {
		return followToplevels(ctx, s, changed)
	}
	return err
}

var errNoEvents = errors.New("the plugin ipc-rules is not loaded")

// wayfireEvent reads one message. The answer to the request is one too, with an
// error where nobody knows the method.
func wayfireEvent(in *bufio.Reader) (bool, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(in, head); err != nil {
		return false, err
	}
	body, err := readBody(in, binary.LittleEndian.Uint32(head))
	if err == nil && bytes.HasPrefix(body, []byte(`{"error"`)) {
		err = errNoEvents
	}
	return true, err
}

// followToplevels follows with the protocol of task bars, as askToplevels asks.
func followToplevels(ctx context.Context, s *Session, changed func()) error {
	conn, err := dial(ctx, s.Socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	// What the compositor is asked it has to answer in time; then it may be
	// silent.
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	t, r := newToplevels(), bufio.NewReader(conn)
	if err := t.converse(conn, r); err != nil {
		if mute := (*MuteError)(nil); errors.As(err, &mute) {
			return ErrUnfollowed
		}
		return err
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return err
	}
	changed()
	for {
		t.count = 0 // of messages: they come for as long as we listen
		if err := t.read(r); err != nil {
			return err
		}
		for _, id := range t.closed {
			// The object has to be given up, so that its number can be used again.
			if _, err := conn.Write(request(nil, id, handleDestroy)); err != nil {
				return err
			}
		}
		if t.closed = nil; t.news {
			t.news = false
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

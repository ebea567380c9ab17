package wayland

import (
	"context"
	"encoding/binary"
	"net"
	"os"
	"path/filepath"
)

// askOnce sends one request on a connection of its own and reads the answer.
func (s *Session) askOnce(ctx context.Context, paths []string, request []byte, read func(*net.UnixConn) ([]byte, error)) ([]byte, error) {
	conn, err := s.dialOwn(ctx, paths)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if _, err := conn.Write(request); err != nil {
		return nil, err
	}
	return read(conn)
}

// toEnd reads as readEnd.
func toEnd(c *net.UnixConn) ([]byte, error) { return readEnd(c) }

// toBreak reads as readLine.
func toBreak(c *net.UnixConn) ([]byte, error) { return readLine(c) }

// askHyprland speaks to Hyprland's first socket (Hyprland wiki, IPC): one request
// without a line break, one answer up to the end. "j/" asks for JSON.
func askHyprland(ctx context.Context, s *Session) (*Answer, error) {
	paths := s.hyprlandSockets()
	ask := func(what string) ([]byte, error) { return s.askOnce(ctx, paths, []byte("j/"+what), toEnd) }
	active, err := ask("activewindow")
	if err != nil {
		return nil, err
	}
	clients, err := ask("clients")
	if err != nil {
		return nil, err
	}
	// Older releases do not know this one, and say so in words.
	locked, _ := ask("locked")
	return parseHyprland(active, clients, locked)
}

// maxInstances is how many directories of Hyprland are looked into.
const maxInstances = 32

// hyprlandSockets are where Hyprland's socket may be: its directory is named by a
// signature.
func (s *Session) hyprlandSockets() []string {
	dir := filepath.Join(s.getenv("XDG_RUNTIME_DIR"), "hypr")
	var paths []string
	if sign := s.getenv("HYPRLAND_INSTANCE_SIGNATURE"); sign != "" {
		paths = append(paths, filepath.Join(dir, filepath.Base(sign), ".socket.sock"))
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return paths
	}
	for _, e := range entries[:min(len(entries), maxInstances)] {
		paths = append(paths, filepath.Join(dir, e.Name(), ".socket.sock"))
	}
	return paths
}

// askNiri speaks to niri's socket (niri-ipc 25.11): one line of JSON each way.
func askNiri(ctx context.Context, s *Session) (*Answer, error) {
	paths := s.niriSockets()
	ask := func(what string) ([]byte, error) { return s.askOnce(ctx, paths, []byte(`"`+what+"\"\n"), toBreak) }
	windows, err := ask("Windows")
	if err != nil {
		return nil, err
	}
	focused, err := ask("FocusedWindow")
	if err != nil {
		return nil, err
	}
	// Releases before 25.05 answer with an error.
	overview, _ := ask("OverviewState")
	return parseNiri(focused, windows, overview)
}

// niriSockets are NIRI_SOCKET and, by niri's rule for the name,
// niri.WAYLAND_DISPLAY.PID.sock.
func (s *Session) niriSockets() []string {
	paths := []string{s.getenv("NIRI_SOCKET")}
	if found, err := filepath.Glob(filepath.Join(s.getenv("XDG_RUNTIME_DIR"), "niri.*.sock")); err == nil {
		paths = append(paths, found[:min(len(found), maxInstances)]...)
	}
	return paths
}

// askWayfire speaks to the socket of wayfire's plugins ipc and ipc-rules (wayfire
// 0.9, ipc-helpers): the length in four bytes, little-endian, and JSON.
func askWayfire(ctx context.Context, s *Session) (*Answer, error) {
	paths := s.wayfireSockets()
	ask := func(method string) ([]byte, error) {
		text := `{"method":"` + method + `","data":{}}`
		request := append(binary.LittleEndian.AppendUint32(nil, uint32(len(text))), text...)
		return s.askOnce(ctx, paths, request, readCounted)
	}
	focused, err := ask("window-rules/get-focused-view")
	if err != nil {
		// The plugins are not loaded in every configuration; the protocol that
		// others have is.
		if a, err := askToplevels(ctx, s); err == nil {
			return a, nil
		}
		return nil, err
	}
	views, err := ask("window-rules/list-views")
	if err != nil {
		return nil, err
	}
	return parseWayfire(focused, views)
}

// wayfireSockets are WAYFIRE_SOCKET and, by the plugin's rule for the name,
// wayfire-WAYLAND_DISPLAY-.socket.
func (s *Session) wayfireSockets() []string {
	return []string{
		s.getenv("WAYFIRE_SOCKET"),
		filepath.Join(s.getenv("XDG_RUNTIME_DIR"), "wayfire-"+filepath.Base(s.Socket)+"-.socket"),
		"/tmp/wayfire-" + filepath.Base(s.Socket) + ".socket",
	}
}

func readCounted(c *net.UnixConn) ([]byte, error) {
	head, err := readBody(c, 4)
	if err != nil {
		return nil, err
	}
	return readBody(c, binary.LittleEndian.Uint32(head))
}

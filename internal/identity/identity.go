// Package identity says who an application is, so that it is known again after
// it was closed, after the sound server was started anew, and after a login.
// Rules, what is remembered, and undo ask it and nobody else.
//
// An identity never comes from a title, the name of a song, a process id or an
// index of the sound server; and never from a name that many applications bear,
// as "Chromium" in a program that is built on it, or "ALSA plug-in".
package identity

import (
	"path"
	"strconv"
	"strings"

	"github.com/patoggle/patoggle/internal/match"
	"github.com/patoggle/patoggle/internal/proc"
	"github.com/patoggle/patoggle/pulse"
)

// The properties we read, beside those of internal/match.
const (
	propName    = "application.name"
	propID      = "application.id"
	propBinary  = "application.process.binary"
	propFlatpak = "pipewire.access.portal.app_id"
	propRole    = "media.role"
)

// Identity is an application. The zero value is none: one that cannot be known
// again.
type Identity struct {
	// Key is what it is known by: "flatpak:org.mozilla.firefox",
	// "program:mpv". Two streams are of one application when it is equal.
	Key string
	// Names are what the user may call it in a rule, in any case: the name it
	// gives itself where no other application bears it, its program, its id.
	Names []string
	// Role is media.role, "" when the stream has none.
	Role string
}

// Known tells whether the application can be known again.
func (i Identity) Known() bool { return i.Key != "" }

// Process is what is asked of a process; *proc.Reader has both.
type Process interface {
	Read(pid int, want proc.Fields) (proc.Process, bool)
	Arguments(pid int) []string
}

// fields are what OfProcess needs.
const fields = proc.Stat | proc.Link | proc.Environ | proc.Sandbox | proc.Label

// Of returns who plays a stream. pid is its process as internal/match found it,
// 0 when it did not: then only what the application says of itself counts.
func Of(s *pulse.Stream, pid int, procs Process) Identity {
	id := Identity{Role: s.Properties[propRole]}
	name, binary := s.Property(propName), path.Base(s.Property(propBinary))
	if binary == "." || binary == "/" {
		binary = ""
	}
	if flatpak := s.Property(propFlatpak); flatpak != "" {
		id.Key = "flatpak:" + flatpak
		id.call(unless(name, binary), flatpak, last(flatpak), unlessRuntime(binary))
		return id
	}
	if of := OfProcess(pid, procs); of.Known() {
		id.Key = of.Key
		id.call(unless(name, of.program()))
		id.call(of.Names...)
		id.call(s.Property(propID), unlessRuntime(binary))
		return id
	}
	appID := s.Property(propID)
	switch {
	case unlessRuntime(binary) != "":
		id.Key = "program:" + fold(binary)
	case appID != "" && !match.Generic(appID):
		id.Key = "id:" + fold(appID)
	case unless(name, binary) != "":
		id.Key = "name:" + fold(name)
	default:
		return id
	}
	id.call(unless(name, binary), appID, unlessRuntime(binary))
	return id
}

// OfProcess returns the application a process belongs to; the zero Identity
// when it is not known or runs what many applications run.
func OfProcess(pid int, procs Process) Identity {
	var id Identity
	if pid <= 0 || procs == nil {
		return id
	}
	p, ok := procs.Read(pid, fields)
	if !ok {
		return id
	}
	program := path.Base(p.Exe)
	if p.Exe == "" {
		program = p.Comm
	}
	switch {
	case p.Flatpak != "":
		id.Key = "flatpak:" + p.Flatpak
		id.call(p.Flatpak, last(p.Flatpak))
	case p.Snap != "":
		id.Key = "snap:" + p.Snap
		id.call(p.Snap)
	case p.SteamAppID != 0:
		id.Key = "steam:" + strconv.Itoa(p.SteamAppID)
		id.call("steam_app_"+strconv.Itoa(p.SteamAppID), unlessRuntime(program))
	case isWine(program):
		// Wine puts the Windows path into the first argument.
		if exe := windowsProgram(procs.Arguments(pid)); exe != "" {
			id.Key = "wine:" + fold(exe)
			id.call(exe, strings.TrimSuffix(exe, ".exe"))
		}
	case isRuntime(program):
		if script := scriptOf(program, procs.Arguments(pid)); script != "" {
			id.Key = runtimeName(program) + ":" + script
			id.call(stem(script))
		}
	default:
		id.Key = "program:" + fold(program)
		id.call(program)
	}
	return id
}

// call adds names, none twice.
func (i *Identity) call(names ...string) {
next:
	for _, n := range names {
		if n == "" {
			continue
		}
		for _, have := range i.Names {
			if strings.EqualFold(have, n) {
				continue next
			}
		}
		i.Names = append(i.Names, n)
	}
}

// program is the program's name, where that is the key; "" else.
func (i Identity) program() string {
	program, ok := strings.CutPrefix(i.Key, "program:")
	if !ok {
		return ""
	}
	return program
}

// Label is the identity's name for a person: the first of its names, else what
// stands behind the colon.
func (i Identity) Label() string {
	if len(i.Names) > 0 {
		return i.Names[0]
	}
	_, name, _ := strings.Cut(i.Key, ":")
	return name
}

// unless returns the name an application gives itself, unless other
// applications bear it: "Chromium" is Chromium's in the program chromium, and
// anybody's in another.
func unless(name, program string) string {
	if tools[fold(name)] || !match.Generic(name) || program != "" && strings.EqualFold(browser(name), browser(program)) {
		return name
	}
	return ""
}

// Tells reports whether a name tells an application from others without its
// program: "Spotify" does, "Chromium" and "ALSA plug-in [mpv]" do not.
func Tells(name string) bool { return unless(name, "") != "" }

// tools play for others, and are applications all the same: whoever names one in
// a rule means it.
var tools = map[string]bool{
	"pw-cat": true, "pw-play": true, "pacat": true, "paplay": true, "aplay": true, "ffplay": true,
	"gst-launch-1.0": true, "gst-play-1.0": true, "sox": true, "play": true, "speech-dispatcher": true,
}

// browser is a browser's name without what distributions add to it.
func browser(name string) string {
	name = fold(name)
	for _, more := range []string{"-browser", "-stable", "google-"} {
		name = strings.ReplaceAll(name, more, "")
	}
	return strings.ReplaceAll(name, "google ", "")
}

// unlessRuntime returns the program, unless it runs other programs.
func unlessRuntime(program string) string {
	if isRuntime(program) || isWine(program) {
		return ""
	}
	return program
}

func fold(s string) string { return strings.ToLower(s) }

// last is the last part of a reversed domain name: "firefox" of
// "org.mozilla.firefox".
func last(id string) string { return id[strings.LastIndexByte(id, '.')+1:] }

// stem is a file's name without folder and ending.
func stem(file string) string {
	file = path.Base(file)
	return strings.TrimSuffix(file, path.Ext(file))
}

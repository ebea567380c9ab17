package match

import (
	"strings"

	"github.com/patoggle/patoggle/pulse"
)

// Application returns the name to show a user for a stream: what the
// application calls itself, else its program, else what the server calls the
// client, else the name of the stream. It is "" when all are.
//
// What a sound library adds to a name is left out: "ALSA plug-in [java]" is
// java, "VLC media player (LibVLC 3.0.24)" is VLC.
func Application(s *pulse.Stream) string {
	client := ""
	if s.Client != nil {
		client = s.Client.Name
	}
	// A native PipeWire client gives its program's name, and its stream the
	// application's: mpv inside SMPlayer is SMPlayer.
	own := s.Properties[propApplication]
	if generic(strings.ToLower(own)) {
		own = ""
	}
	for _, name := range []string{own, s.Property(propApplication), base(s.Property(propBinary)), client, s.Media} {
		if name = proper(name); name != "" {
			return name
		}
	}
	return ""
}

// proper takes off a name what a sound library has put around it.
func proper(name string) string {
	name = strings.TrimSpace(name)
	// alsa-plugins' pulse plug-in, and PipeWire's ALSA plug-in.
	for _, before := range []string{"ALSA plug-in [", "PipeWire ALSA ["} {
		if rest, ok := strings.CutPrefix(name, before); ok {
			if inner := strings.TrimSpace(strings.TrimSuffix(rest, "]")); inner != "" {
				return inner
			}
		}
	}
	// VLC's pulse output: the user agent and its library's version.
	if i := strings.Index(name, " (LibVLC "); i > 0 {
		name = name[:i]
	}
	switch name {
	case "VLC media player":
		return "VLC"
	case "KodiSink":
		return "Kodi"
	}
	return name
}

// called is what a stream of the focused window is called: the window's
// application where the stream names only what its program runs in, as an
// interpreter, or how it plays. What runs in a terminal is not the terminal.
func (w *world) called(s *pulse.Stream, v verdict) string {
	anonymous := *s
	anonymous.Media = ""
	name := Application(&anonymous)
	if v.rule == "" || v.inTerminal || name != "" && !nameless(strings.ToLower(name)) {
		return name
	}
	if of := w.focus.Name(); of != "" && !nameless(strings.ToLower(of)) {
		return of
	}
	return name
}

// nameless tells whether a name, in lower case, is that of an interpreter, a
// toolkit or a library, which says nothing of the application.
func nameless(n string) bool {
	switch n {
	case "java", "javaw", "mono", "dotnet", "node", "gjs", "perl", "ruby", "lua", "luajit", "php",
		"electron", "nw", "nwjs", "cef", "webrtc voiceengine",
		"audio-src", "audio stream", "audiostream", "playback", "playback stream",
		"libcanberra", "cubeb", "openal", "openal soft", "alsoft", "sdl", "sdl application", "simple directmedia layer", "gstreamer", "libvlc", "portaudio", "jack", "qt", "qtpulseaudio":
		return true
	}
	return strings.HasPrefix(n, "python") || strings.HasPrefix(n, "wine") && strings.HasSuffix(n, "-preloader")
}

// user is how a user of this machine is called in a sentence.
func (w *world) user(uid int) string {
	if w.in.User != nil {
		if name := w.in.User(uid); name != "" {
			return `the user "` + name + `"`
		}
	}
	return "the user " + itoa(uid)
}

// doubtful says why nobody knows which of several processes the focused window
// belongs to; "" when that is known.
func (w *world) doubtful() string {
	if w.focus == nil || !w.focus.Derived || len(w.window.PIDs) < 2 {
		return ""
	}
	names := make([]string, len(w.window.PIDs))
	for i, pid := range w.window.PIDs {
		names[i] = w.name(pid)
	}
	return "the desktop names only the window's application, " + w.focus.AppID + ", which could be " + join(names, " or ")
}

// byAppID takes a stream whose own application id is the window's, where the
// desktop knows the ids of all windows, and no process.
func (w *world) byAppID(a *asked) (Confidence, string) {
	id := w.focus.AppID
	switch {
	case id == "":
		return None, "the window has no application id"
	case len(w.window.PIDs) > 0:
		return None, "the window's process is known, and decides"
	case !w.in.Screen.Complete:
		return None, "the desktop does not tell of every window, so another one may have the application id " + id
	case a.foreign != "":
		return None, a.foreign
	case a.owner != 0:
		return None, "it belongs to a window whose process is known"
	case a.stream.Property(propID) != id && a.flatpak != id:
		return None, "its application id is not the window's, " + id
	}
	for i := range w.windows {
		if win := &w.windows[i]; win.ID != w.focus.ID && win.AppID == id {
			return None, "another window has the application id " + id + " as well, " + w.windowName(win.ID)
		}
	}
	return Medium, ""
}

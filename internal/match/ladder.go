package match

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/internal/proc"
	"github.com/patoggle/patoggle/pulse"
)

// asked is a subject on the ladder, with the way up from its process.
type asked struct {
	*subject
	climb
	// foreign says that the process belongs to another window, "" when not.
	foreign string
	// shown is where the terminal multiplexer that it runs in is shown.
	shown shown
}

// ladder asks one rule after the other; the first that hits decides. A rule
// answers with its confidence, or with None and why not.
func (w *world) ladder(s *subject) verdict {
	a := &asked{subject: s, climb: w.climb(s.pid, anyone)}
	w.settle(a)
	w.settleShown(a)
	var v verdict
	for _, step := range [...]struct {
		rule  Rule
		needs bool // the window's process
		ask   func(*asked) (Confidence, string)
	}{
		{RulePID, true, w.byPID},
		{RuleInstance, true, w.byInstance},
		{RuleDescendant, true, w.byDescendant},
		{RuleMultiplexer, true, w.byMultiplexer},
		{RuleSandbox, true, w.bySandbox},
		{RuleSteam, false, w.bySteam},
		{RuleWine, true, w.byWine},
		{RuleAppID, false, w.byAppID},
		{RuleUnit, true, w.byUnit},
		{RuleParent, true, w.byParent},
		{RuleName, false, w.byName},
	} {
		c, whyNot := None, w.window.Reason
		if !step.needs || len(w.window.PIDs) > 0 {
			c, whyNot = step.ask(a)
		}
		if c == None {
			if v.tried == nil {
				v.tried = make([]Tried, 0, 11) // rules
			}
			v.tried = append(v.tried, Tried{step.rule, whyNot})
			continue
		}
		if w.weak {
			c = min(c, Medium)
		}
		if v.doubt = whyNot; c > Low && step.rule != RulePID && step.rule != RuleMultiplexer {
			if v.doubt = w.unplaced(a); v.doubt != "" {
				c = Low
			}
		}
		if doubt := w.doubtful(); doubt != "" {
			c, v.doubt = Low, doubt
		}
		v.rule, v.confidence = step.rule, c
		v.inTerminal = w.inTerminal(w.app.PID, a.way)
		break
	}
	return v
}

// isWindows tells whether the process is one of the focused window's.
func (w *world) isWindows(pid int) bool { return slices.Contains(w.window.PIDs, pid) }

// settle says to which other window the subject belongs, when it does. The
// nearest window on the way up is the owner, but a sandbox and a Steam game are
// closer kin than the terminal or the client that started them.
func (w *world) settle(a *asked) {
	if a.owner == 0 {
		return
	}
	if a.owner == a.pid {
		if !w.isWindows(a.pid) {
			a.foreign = "its process " + w.name(a.pid) + " belongs to another window, " + w.windowsOf(a.pid)
		}
		return
	}
	w.settleInstance(a)
	if a.owner != 0 {
		w.settleWine(a)
	}
	if a.owner != 0 && a.foreign == "" && !w.isWindows(a.owner) {
		a.foreign = "its process " + w.name(a.pid) + " was started from another window, " + w.windowsOf(a.owner) + " of " + w.name(a.owner)
	}
}

func anyone(int) bool { return true }

// settleInstance looks past an owner outside the subject's Flatpak instance:
// for one inside, further up, and for any window of the instance. With a
// window of the instance in front nobody owns the subject, so that the rule of
// the instance decides.
func (w *world) settleInstance(a *asked) {
	p, ok := w.read(a.pid, proc.Sandbox)
	if !ok || p.FlatpakInstance == "" {
		return
	}
	inside := func(pid int) bool {
		o, ok := w.read(pid, proc.Sandbox)
		return ok && o.FlatpakInstance == p.FlatpakInstance
	}
	if inside(a.owner) {
		return
	}
	if c := w.climb(a.pid, inside); c.owner != 0 {
		a.climb = c
		return
	}
	for i := range w.windows { // the focused window is the first
		id := w.windows[i].ID
		if !slices.ContainsFunc(w.pidsOf(id), inside) {
			continue
		}
		a.owner = 0
		if i > 0 {
			a.foreign = "its process " + w.name(a.pid) + " is of the Flatpak instance of another window, " + w.windowName(id)
		}
		return
	}
}

// pidsOf returns the processes behind a window, sorted.
func (w *world) pidsOf(id desktop.WindowID) []int {
	var pids []int
	for pid, windows := range w.owners {
		if slices.Contains(windows, id) {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

// windowsOf names the first of the windows of a process.
func (w *world) windowsOf(pid int) string {
	return w.windowName(slices.MinFunc(w.owners[pid], desktop.WindowID.Compare))
}

// steamElsewhere says that the subject is of a Steam game that has a window,
// when the focused window is not that game's.
func (w *world) steamElsewhere(a *asked) string {
	for i := range w.windows {
		n := steamApp(&w.windows[i])
		if n == 0 || n == steamApp(w.focus) || a.pid == 0 {
			continue
		}
		if p, ok := w.read(a.pid, proc.Environ); ok && p.SteamAppID == n {
			return "its process " + w.name(a.pid) + " belongs to the Steam game in another window, " + w.windowName(w.windows[i].ID)
		}
	}
	return ""
}

// steamApp returns n of a window class "steam_app_n", 0 for any other.
func steamApp(win *desktop.Window) int {
	for _, class := range []string{win.Class, win.Instance} {
		if s, ok := strings.CutPrefix(class, "steam_app_"); ok {
			if n, err := strconv.ParseUint(s, 10, 32); err == nil {
				return int(n)
			}
		}
	}
	return 0
}

func (w *world) byPID(a *asked) (Confidence, string) {
	switch {
	case a.pid == 0:
		return None, a.unknown
	case w.isWindows(a.pid):
		return a.sureness(), ""
	case a.foreign != "":
		return None, a.foreign
	}
	return None, "its process is " + w.name(a.pid) + ", not " + w.name(w.window.PIDs[0]) + " of the window"
}

// appIs reads more of the window's first process.
func (w *world) appIs(want proc.Fields) proc.Process {
	if p, ok := w.read(w.app.PID, want); ok {
		return p
	}
	return proc.Process{}
}

func (w *world) byInstance(a *asked) (Confidence, string) {
	app := w.appIs(proc.Sandbox)
	if app.FlatpakInstance == "" {
		return None, "the window is not of a Flatpak application"
	}
	if a.pid == 0 {
		return None, a.unknown
	}
	if a.foreign != "" {
		return None, a.foreign
	}
	if a.owner != 0 {
		return None, "the window's own process started it, so the next rule decides"
	}
	p, _ := w.read(a.pid, proc.Sandbox)
	if p.FlatpakInstance == "" {
		return None, "its process " + w.name(a.pid) + " is not of a Flatpak application"
	}
	if p.FlatpakInstance != app.FlatpakInstance {
		return None, "its process " + w.name(a.pid) + " is of another Flatpak instance, " + p.FlatpakInstance + " of " + p.Flatpak
	}
	if why := w.steamElsewhere(a); why != "" {
		return None, why
	}
	return High, ""
}

func (w *world) byDescendant(a *asked) (Confidence, string) {
	switch {
	case a.pid == 0:
		return None, a.unknown
	case a.foreign != "":
		return None, a.foreign
	case a.owner == 0 && a.barrier != 0:
		return None, "what started its process " + w.name(a.pid) + " leads to " + w.name(a.barrier) + ", which starts programs of every kind"
	case a.owner == 0:
		return None, "nothing that started its process " + w.name(a.pid) + " owns a window"
	}
	p, _ := w.read(a.pid, proc.Cgroup|proc.Link)
	o, _ := w.read(a.owner, proc.Cgroup|proc.Link)
	if p.Unit != "" && p.Unit != o.Unit && (p.Exe == "" || p.Exe != o.Exe) {
		return None, "the window's process " + w.name(a.owner) + " started it as an application of its own, " + p.Unit
	}
	if id, _ := w.otherTerminal(a.owner, a.way); id != "" {
		return None, "it was started from another window of " + w.name(a.owner) + ", " + w.windowName(id)
	}
	if why := w.steamElsewhere(a); why != "" {
		return None, why
	}
	return High, ""
}

// sandbox is the application's id in its kind of sandbox.
type sandbox struct{ kind, id string }

func (w *world) sandboxOf(pid int) sandbox {
	p, ok := w.read(pid, proc.Sandbox|proc.Label)
	switch {
	case ok && p.Flatpak != "":
		return sandbox{"Flatpak", p.Flatpak}
	case ok && p.Snap != "":
		return sandbox{"Snap", p.Snap}
	}
	return sandbox{}
}

func (w *world) bySandbox(a *asked) (Confidence, string) {
	app := w.sandboxOf(w.app.PID)
	if app.id == "" {
		return None, "the window is not of a Flatpak or Snap application"
	}
	if a.foreign != "" {
		return None, a.foreign
	}
	if a.owner != 0 {
		return None, "the window's own process started it, and the rule for that refused it"
	}
	of := sandbox{"Flatpak", a.flatpak}
	if a.pid != 0 {
		of = w.sandboxOf(a.pid)
	}
	switch {
	case of.id == "" && a.pid == 0:
		return None, a.unknown
	case of.id == "":
		return None, "its process " + w.name(a.pid) + " is not of a Flatpak or Snap application"
	case of != app:
		return None, "it is of another application, " + of.id
	}
	mine := w.appIs(proc.Sandbox).FlatpakInstance
	if why := w.otherInstance(a); why != "" {
		return None, why
	}
	for i := range w.windows {
		for _, pid := range w.pidsOf(w.windows[i].ID) {
			if w.isWindows(pid) || w.sandboxOf(pid) != app {
				continue
			}
			if p, _ := w.read(pid, proc.Sandbox); mine != "" && p.FlatpakInstance == mine {
				continue
			}
			return None, "it could as well be of another window of " + app.id + ", " + w.windowName(w.windows[i].ID)
		}
	}
	if why := w.steamElsewhere(a); why != "" {
		return None, why
	}
	return Medium, ""
}

// otherInstance says that the sound server names another Flatpak instance than
// the window's for a stream whose process is not known.
func (w *world) otherInstance(a *asked) string {
	if mine := w.appIs(proc.Sandbox).FlatpakInstance; a.pid != 0 || a.instance == "" || a.instance == mine {
		return ""
	}
	return "it is of another Flatpak instance, " + a.instance + " of " + a.flatpak
}

func (w *world) bySteam(a *asked) (Confidence, string) {
	n := steamApp(w.focus)
	if n == 0 {
		return None, "the window is not of a Steam game"
	}
	if a.pid == 0 {
		return None, a.unknown
	}
	p, _ := w.read(a.pid, proc.Environ)
	if p.SteamAppID != n {
		return None, "its process " + w.name(a.pid) + " is not of the Steam game " + itoa(n)
	}
	if a.owner == a.pid {
		return None, a.foreign
	}
	// The way up leads to the Steam client and its windows; a window of the
	// game itself on that way owns the stream.
	if o, ok := w.inGame(a.pid, n); ok {
		return None, "its process " + w.name(a.pid) + " was started from another window of the game, " + w.windowsOf(o)
	}
	return Medium, ""
}

// inGame returns an ancestor that owns a window and is of the Steam game.
func (w *world) inGame(pid, n int) (int, bool) {
	for p := range w.ancestors(pid) {
		if !w.owns(p.PID) {
			continue
		}
		if q, ok := w.read(p.PID, proc.Environ); ok && q.SteamAppID == n {
			return p.PID, true
		}
	}
	return 0, false
}

func (w *world) byUnit(a *asked) (Confidence, string) {
	app := w.appIs(proc.Cgroup)
	if app.Unit == "" {
		return None, "the window's process is in no application unit of systemd"
	}
	if a.pid == 0 {
		return None, a.unknown
	}
	if a.foreign != "" {
		return None, a.foreign
	}
	if a.owner != 0 {
		return None, "the window's own process started it, and the rule for that refused it"
	}
	p, _ := w.read(a.pid, proc.Cgroup)
	if p.Unit != app.Unit {
		return None, "its process " + w.name(a.pid) + " is not in the window's unit " + app.Unit
	}
	if a.barrier != 0 {
		if b, _ := w.read(a.barrier, proc.Stat); carrier(b.Comm) {
			return None, "it runs under " + w.name(a.barrier) + ", which can be shown in any terminal"
		}
	}
	if !w.namedAfter(app.Unit) {
		return None, "the unit " + app.Unit + " is not named after the window's application, so it may hold others"
	}
	for i := range w.windows {
		for _, pid := range w.pidsOf(w.windows[i].ID) {
			if w.isWindows(pid) {
				continue
			}
			if o, _ := w.read(pid, proc.Cgroup); o.Unit == app.Unit {
				return None, "the unit " + app.Unit + " also holds another window, " + w.windowName(w.windows[i].ID)
			}
		}
	}
	p, _ = w.read(a.pid, proc.Sandbox)
	if w.sandboxOf(a.pid) != w.sandboxOf(w.app.PID) || p.FlatpakInstance != w.appIs(proc.Sandbox).FlatpakInstance {
		return None, "it and the window are not in the same sandbox"
	}
	if why := w.steamElsewhere(a); why != "" {
		return None, why
	}
	return Medium, ""
}

// namedAfter tells whether an application unit bears the name of the focused
// window's application. The form is app[-LAUNCHER]-ID[-RANDOM].scope or
// app[-LAUNCHER]-ID[@RANDOM].service (systemd, "Desktop Environment
// Integration"); a hotkey daemon or a file manager that was started as a unit
// keeps everything it starts in its own.
func (w *world) namedAfter(unit string) bool {
	have := plain(unescapeUnit(unit))
	names := []string{w.focus.Class, w.focus.Instance, w.focus.AppID, base(w.appIs(proc.Link).Exe), w.appIs(proc.Sandbox).Flatpak}
	return slices.ContainsFunc(names, func(s string) bool {
		s = plain(s)
		return len(s) >= 3 && strings.Contains(have, s)
	})
}

// unescapeUnit undoes systemd's escapes in the name of a unit: \x2d is "-".
func unescapeUnit(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if strings.HasPrefix(s[i:], `\x`) && i+4 <= len(s) {
			if n, err := strconv.ParseUint(s[i+2:i+4], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// plain keeps the letters and digits of a name, in lower case.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 127 {
			return r
		}
		return -1
	}, strings.ToLower(s))
}

func (w *world) byParent(a *asked) (Confidence, string) {
	switch {
	case a.pid == 0:
		return None, a.unknown
	case a.foreign != "":
		return None, a.foreign
	case a.owner != 0:
		return None, "the window's process started it, not the other way round"
	}
	s, _ := w.read(a.pid, proc.Stat)
	if w.isBarrier(s) {
		return None, w.name(a.pid) + " starts programs of every kind"
	}
	if !w.descends(w.app.PID, a.pid) {
		return None, "its process " + w.name(a.pid) + " did not start the window's"
	}
	s, _ = w.read(a.pid, proc.Cgroup|proc.Link)
	app := w.appIs(proc.Cgroup | proc.Link)
	if (s.Unit == "" || s.Unit != app.Unit) && !sameDirectory(s.Exe, app.Exe) {
		return None, "its process " + w.name(a.pid) + " started the window's, but nothing shows that they are one application"
	}
	if why := w.steamElsewhere(a); why != "" {
		return None, why
	}
	return Low, ""
}

// sameDirectory tells whether two programs lie in one directory that is not
// everybody's.
func sameDirectory(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	dir := path.Dir(a)
	switch dir {
	case "/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/usr/games", "/app/bin", "/":
		return false
	}
	return dir == path.Dir(b)
}

func (w *world) byName(a *asked) (Confidence, string) {
	if a.foreign != "" {
		return None, a.foreign
	}
	if a.owner != 0 {
		return None, "the window's own process started it, and the rule for that refused it"
	}
	if why := w.otherInstance(a); why != "" {
		return None, why
	}
	mine := w.windowNames(w.focus, w.app.PID)
	theirs := streamNames(a.stream)
	var common []string
	for _, n := range theirs {
		if slices.Contains(mine, n) && !slices.Contains(common, n) {
			common = append(common, n)
		}
	}
	if len(common) == 0 {
		return None, "it has no name in common with the window that only they could have"
	}
	why := ""
	for _, n := range common {
		if why = w.shared(a, n); why == "" {
			if why = w.steamElsewhere(a); why == "" {
				return Low, ""
			}
		}
	}
	return None, why
}

// shared says who else bears the name.
func (w *world) shared(a *asked, name string) string {
	for i := range w.windows[1:] {
		win := &w.windows[1+i]
		pids := w.pidsOf(win.ID)
		if slices.ContainsFunc(pids, w.isWindows) {
			continue
		}
		pid := 0
		if len(pids) > 0 {
			pid = pids[0]
		}
		if slices.Contains(w.windowNames(win, pid), name) {
			return "another window is called " + strconv.Quote(name) + " as well, " + w.windowName(win.ID)
		}
	}
	for i := range w.subjects {
		o := &w.subjects[i]
		if o.own || sameClient(o, a.subject) {
			continue
		}
		if slices.Contains(streamNames(o.stream), name) {
			return "another application that plays is called " + strconv.Quote(name) + " as well"
		}
	}
	return ""
}

// sameClient tells whether two streams are of one application for certain.
func sameClient(a, b *subject) bool {
	if a.pid != 0 && b.pid != 0 {
		return a.pid == b.pid
	}
	return a.stream.Client != nil && b.stream.Client != nil && a.stream.Client.Index == b.stream.Client.Index
}

// windowNames returns what a window and its process are called, generic names
// left out.
func (w *world) windowNames(win *desktop.Window, pid int) []string {
	names := []string{win.Class, win.Instance, win.AppID}
	if p, ok := w.read(pid, proc.Link|proc.Sandbox); ok {
		names = append(names, base(p.Exe), p.Flatpak)
	}
	return special(names)
}

// streamNames returns what a stream's application is called, generic names
// left out.
func streamNames(s *pulse.Stream) []string {
	names := []string{s.Property(propApplication), base(s.Property(propBinary)), s.Property(propID), s.Property(propAppID)}
	if s.Client != nil {
		names = append(names, s.Client.Name)
	}
	return special(names)
}

// special returns the names that could mean one application, in lower case.
func special(names []string) []string {
	var out []string
	for _, n := range names {
		if n = strings.ToLower(strings.TrimSpace(n)); n != "" && !generic(n) {
			out = append(out, n)
		}
	}
	return out
}

// generic tells whether a name, in lower case, is one that many applications
// bear: of a runtime, a toolkit or a tool that others play through.
func generic(n string) bool {
	switch n {
	case "chromium", "chromium-browser", "chrome", "google-chrome", "electron", "nw", "nwjs", "cef", "java", "javaw", "mono", "dotnet", "node", "gjs", "perl", "ruby", "lua", "luajit", "php",
		"x11", "gl", "sh", "bash", "dash", "zsh", "fish", "busybox", "env", "xterm",
		"wine", "wine64", "wineserver", "wine-preloader", "wine64-preloader", "explorer.exe",
		"pw-cat", "pw-play", "pw-record", "pw-loopback", "pacat", "paplay", "aplay", "ffplay", "gst-launch-1.0", "gst-play-1.0", "sox", "play",
		"audio-src", "audio stream", "audiostream", "playback", "playback stream", "audio", "sound", "output", "stream", "unknown", "default",
		"pipewire", "pulseaudio", "libcanberra", "cubeb", "openal", "openal soft", "alsoft", "sdl", "sdl application", "simple directmedia layer", "gstreamer", "libvlc", "portaudio", "jack", "webrtc voiceengine", "qt", "qtpulseaudio", "speech-dispatcher":
		return true
	}
	return strings.HasPrefix(n, "python") || strings.HasPrefix(n, "alsa plug-in [") || strings.HasPrefix(n, "pipewire alsa [") || strings.HasPrefix(n, "electron") && strings.Trim(n[len("electron"):], "0123456789.") == "" ||
		strings.HasPrefix(n, "wine") && strings.HasSuffix(n, "-preloader") || strings.HasPrefix(n, "steam_app_")
}

package lab

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"html"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/patoggle/patoggle/internal/lab/keeper"
)

// App describes a player. The zero values of all but Name are sensible.
type App struct {
	// Name is the title of its window and the media.name of its stream. Give
	// each player of a lab its own.
	Name string
	// Args are further arguments of mpv.
	Args []string
	// Env are changes to Lab.Env, as With takes them: a forged
	// "PULSE_PROP=application.process.id=…" for example.
	Env []string
	// Native makes mpv speak PipeWire's own protocol.
	Native bool
	// NoWindow makes it play without a window.
	NoWindow bool
	// Sandbox puts it in a sandbox.
	Sandbox *Sandbox
}

// Sandbox is a bubblewrap sandbox with a pid namespace of its own.
type Sandbox struct {
	// AppID and Instance, when not empty, are in a /.flatpak-info like that of
	// Flatpak 1.14. The root is then a fresh tmpfs with the system's folders
	// bound into it, read-only: the file is nowhere else.
	AppID    string
	Instance string
}

// Player is a program that plays a tone for ever.
type Player struct {
	*Process
	Title string
	// titled is true when its stream gets the title as its name, sooner or
	// later: mpv renames its stream once it has opened the file.
	titled  bool
	sound   *Sound
	display *Display
}

// Player starts mpv with a real window. It returns at once: WaitWindow and
// WaitStream say when it is there.
func (l *Lab) Player(name string, args ...string) *Player {
	if l.t != nil {
		l.t.Helper()
	}
	return l.Play(App{Name: name, Args: args})
}

// Play starts mpv as described.
func (l *Lab) Play(a App) *Player {
	if l.t != nil {
		l.t.Helper()
	}
	argv := l.Mpv(a)
	p := l.player(a.Name, Cmd{Name: argv[0], Args: argv[1:], Env: a.Env})
	p.titled = true
	return p
}

// Mpv is the command line of the mpv Play starts, to be run in a terminal.
func (l *Lab) Mpv(a App) []string {
	if l.t != nil {
		l.t.Helper()
	}
	l.need("mpv")
	argv := []string{
		"mpv", "--no-config", "--no-terminal", "--load-scripts=no", "--ytdl=no", "--osc=no",
		"--hwdec=no", "--loop-file=inf", "--stop-screensaver=no",
		"--title=" + strings.ReplaceAll(a.Name, "${", "$${"),
	}
	if a.Native {
		argv = append(argv, "--ao=pipewire")
	} else {
		argv = append(argv, "--ao=pulse")
	}
	if a.NoWindow {
		argv = append(argv, "--no-video")
	} else {
		argv = append(argv, "--force-window=yes", "--vo=x11", "--geometry=320x200")
	}
	argv = append(append(argv, a.Args...), l.ToneFile())
	if a.Sandbox != nil {
		argv = l.Sandboxed(*a.Sandbox, argv...)
	}
	return argv
}

// Sandboxed is a command line that runs another one in a sandbox.
func (l *Lab) Sandboxed(s Sandbox, argv ...string) []string {
	if l.t != nil {
		l.t.Helper()
	}
	l.need("bwrap")
	l.Alone()
	if s.AppID == "" {
		return append([]string{"bwrap", "--dev-bind", "/", "/", "--unshare-pid", "--proc", "/proc", "--"}, argv...)
	}
	info := fmt.Sprintf("[Application]\nname=%s\nruntime=runtime/org.freedesktop.Platform/x86_64/22.08\n\n[Instance]\ninstance-id=%s\n", s.AppID, s.Instance)
	file := l.Dir + "/" + l.unique("flatpak-info")
	if err := os.WriteFile(file, []byte(info), 0o644); err != nil {
		l.fail(err)
	}
	box := []string{"bwrap", "--unshare-pid", "--tmpfs", "/"}
	for _, dir := range []string{"/usr", "/etc", "/opt", "/var/lib", "/sys"} {
		box = append(box, "--ro-bind-try", dir, dir)
	}
	// Since the merge of /usr these are links; on older systems folders.
	for _, dir := range []string{"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"} {
		if target, err := os.Readlink(dir); err == nil {
			box = append(box, "--symlink", target, dir)
		} else {
			box = append(box, "--ro-bind-try", dir, dir)
		}
	}
	box = append(box,
		"--dev-bind", "/dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp",
		"--ro-bind-try", "/tmp/.X11-unix", "/tmp/.X11-unix",
		"--bind", l.Dir, l.Dir)
	if dir := unpacked(); dir != "" {
		box = append(box, "--ro-bind", dir, dir)
	}
	box = append(box,
		"--ro-bind", file, "/.flatpak-info", "--")
	return append(box, argv...)
}

// XTerm starts an xterm that runs a command; the shell when there is none.
func (l *Lab) XTerm(name string, command ...string) *Player {
	if l.t != nil {
		l.t.Helper()
	}
	l.need("xterm")
	args := []string{"-T", name, "-xrm", "XTerm*allowTitleOps: false", "-geometry", "40x8"}
	if len(command) > 0 {
		args = append(append(args, "-e"), command...)
	}
	return l.player(name, Cmd{Name: "xterm", Args: args})
}

// Chromium starts Chromium on a page with that title, which plays a tone. args
// are further arguments.
func (l *Lab) Chromium(title string, args ...string) *Player {
	if l.t != nil {
		l.t.Helper()
	}
	l.need("chromium")
	dir, page := l.page("chromium-data", title)
	return l.chromium(title, dir, page, args...)
}

// ChromiumCall starts Chromium on a page with that title, which plays a tone and
// records from the microphone, as a page for calls does.
func (l *Lab) ChromiumCall(title string) *Player {
	if l.t != nil {
		l.t.Helper()
	}
	l.need("chromium")
	dir, page := l.page("chromium-data", title)
	f, err := os.OpenFile(page, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		l.fail(err)
	}
	defer f.Close()
	const script = `<script>navigator.mediaDevices.getUserMedia({audio: true}).then(s => { window.kept = s })</script>`
	if _, err := f.WriteString(script); err != nil {
		l.fail(err)
	}
	// The permission is given without a question.
	return l.chromium(title, dir, page, "--use-fake-ui-for-media-stream")
}

func (l *Lab) chromium(title, dir, page string, args ...string) *Player {
	all := []string{
		"--no-sandbox", "--no-first-run", "--no-default-browser-check", "--disable-gpu",
		"--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--disable-default-apps", "--disable-extensions", "--disable-features=MediaRouter,Translate",
		// A page that another window covers does not begin to play otherwise.
		"--disable-backgrounding-occluded-windows",
		"--password-store=basic", "--autoplay-policy=no-user-gesture-required", "--user-data-dir=" + dir,
	}
	all = append(append(all, args...), "file://"+page)
	return l.player(title, Cmd{Name: "chromium", Args: all})
}

// Firefox starts Firefox on a page with that title, which plays a tone.
func (l *Lab) Firefox(title string) *Player {
	if l.t != nil {
		l.t.Helper()
	}
	program := "firefox-esr"
	if _, err := lookPath("firefox"); err == nil {
		program = "firefox" // as Debian names the newest
	}
	l.need(program)
	dir, page := l.page("firefox-profile", title)
	const settings = `user_pref("media.autoplay.default", 0);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("app.update.auto", false);
user_pref("security.sandbox.content.level", 0);
`
	if err := os.WriteFile(dir+"/user.js", []byte(settings), 0o600); err != nil {
		l.fail(err)
	}
	return l.player(title, Cmd{Name: program, Args: []string{"--no-remote", "--profile", dir, "file://" + page}})
}

// page makes a folder for a browser, with a page in it that plays a tone.
func (l *Lab) page(folder, title string) (dir, page string) {
	dir = l.Dir + "/" + l.unique(folder)
	if err := os.Mkdir(dir, 0o700); err != nil {
		l.fail(err)
	}
	page = dir + "/page.html"
	text := "<!doctype html><meta charset=utf-8><title>" + html.EscapeString(title) +
		"</title><audio autoplay loop src=\"file://" + l.ToneFile() + "\"></audio>"
	if err := os.WriteFile(page, []byte(text), 0o600); err != nil {
		l.fail(err)
	}
	return dir, page
}

func (l *Lab) player(title string, c Cmd) *Player {
	if l.t != nil {
		l.t.Helper()
	}
	p := &Player{Process: l.SpawnCmd(c), Title: title}
	if n := len(l.sounds); n > 0 {
		p.sound = l.sounds[n-1]
	}
	if n := len(l.displays); n > 0 {
		p.display = l.displays[n-1]
	}
	return p
}

// pids are the process and its descendants. They are asked for with each look at
// the windows or streams: see keeper.Below.
func (p *Player) pids() []int { return append(keeper.Below(p.PID), p.PID) }

// best returns the index of the candidate with the highest rank, -1 when all
// have rank 0.
func best[T any](all []T, rank func(T) int) int {
	found, highest := -1, 0
	for i, c := range all {
		if r := rank(c); r > highest {
			found, highest = i, r
		}
	}
	return found
}

// rank prefers what has title and pid, then the title, then the pid: a player
// in a sandbox knows only its pid inside, a browser names its stream itself.
func (p *Player) rank(titled bool, pid int, pids []int) int {
	rank := 0
	if titled {
		rank += 2
	}
	if slices.Contains(pids, pid) {
		rank++
	}
	return rank
}

// WaitWindow waits until the player's window is managed and returns its id.
func (p *Player) WaitWindow() uint32 {
	if p.lab.t != nil {
		p.lab.t.Helper()
	}
	if p.display == nil {
		p.lab.failf("there is no display for %q", p.Title)
	}
	var found uint32
	p.lab.Until("the window of "+strconv.Quote(p.Title), func() bool {
		p.ended()
		pids := sync.OnceValue(p.pids)
		all := p.display.Windows()
		i := best(all, func(w Window) int {
			return p.rank(w.Title == p.Title || strings.HasPrefix(w.Title, p.Title+" - "), w.PID, pids())
		})
		if i >= 0 {
			found = all[i].ID
		}
		return i >= 0
	})
	return found
}

// WaitStream waits until the player's stream is on a sink and returns its
// index. For an xterm it is a stream of what runs in it.
func (p *Player) WaitStream() int {
	if p.lab.t != nil {
		p.lab.t.Helper()
	}
	if p.sound == nil {
		p.lab.failf("there is no sound server for %q", p.Title)
	}
	found := 0
	p.lab.Until("the stream of "+strconv.Quote(p.Title), func() bool {
		p.ended()
		all, err := p.sound.streams()
		if err != nil {
			return false
		}
		all = slices.DeleteFunc(all, func(s Stream) bool { return s.On == "" })
		pids := sync.OnceValue(p.pids)
		i := best(all, func(s Stream) int {
			titled := s.Media == p.Title || strings.HasPrefix(s.Media, p.Title+" - ")
			if p.titled && !titled {
				return 0
			}
			return p.rank(titled, s.PID(), pids())
		})
		if i >= 0 {
			found = all[i].Index
		}
		return i >= 0
	})
	return found
}

// ended fails when the player is no more.
func (p *Player) ended() {
	if !p.Alive() {
		p.lab.failf("%q ended with code %d\n%s", p.Title, p.Wait(), p.Log())
	}
}

// On is the name of the sink the player's stream is on.
func (p *Player) On() string { return p.sound.On(p.WaitStream()) }

// Find waits until the process or one of its descendants has the given name
// (comm, at most 15 bytes) and returns its pid: the player inside a sandbox,
// the program in a terminal.
func (p *Process) Find(comm string) int {
	found := 0
	p.lab.Until(fmt.Sprintf("a process %q of %s", comm, p.Name), func() bool {
		for _, pid := range append([]int{p.PID}, keeper.Below(p.PID)...) {
			b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
			if err == nil && strings.TrimSuffix(string(b), "\n") == comm {
				found = pid
				return true
			}
		}
		return false
	})
	return found
}

// tone is what ToneFile holds, made once: it costs more than a sound server does.
var tone = sync.OnceValue(func() []byte { return wav(60, 440) })

// ToneFile is a WAV file with a minute of a quiet tone of 440 Hz: longer than any
// test needs a player that does not repeat it.
func (l *Lab) ToneFile() string {
	file := l.Dir + "/tone.wav"
	if _, err := os.Stat(file); err == nil {
		return file
	}
	if err := os.WriteFile(file, tone(), 0o644); err != nil {
		l.fail(err)
	}
	return file
}

// wav is a RIFF/WAVE file, 16 bit mono at 44.1 kHz.
func wav(seconds, hertz int) []byte {
	const rate = 44100
	n := seconds * rate
	b := []byte("RIFF")
	b = binary.LittleEndian.AppendUint32(b, uint32(36+2*n))
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	b = binary.LittleEndian.AppendUint16(b, 1) // PCM
	b = binary.LittleEndian.AppendUint16(b, 1) // one channel
	b = binary.LittleEndian.AppendUint32(b, rate)
	b = binary.LittleEndian.AppendUint32(b, 2*rate)
	b = binary.LittleEndian.AppendUint16(b, 2)  // bytes per frame
	b = binary.LittleEndian.AppendUint16(b, 16) // bits
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(2*n))
	// Every second is like the first.
	var second []byte
	for i := range rate {
		v := 3000 * math.Sin(2*math.Pi*float64(hertz*i)/rate)
		second = binary.LittleEndian.AppendUint16(second, uint16(int16(v)))
	}
	return append(b, bytes.Repeat(second, seconds)...)
}

// Browse starts another program that plays under the given title; its stream is
// known by the title or by its process.
func (l *Lab) Browse(title string, c Cmd) *Player {
	if l.t != nil {
		l.t.Helper()
	}
	return l.player(title, c)
}

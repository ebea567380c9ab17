package lab

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/patoggle/patoggle/internal/lab/puppet"
)

// Act describes a puppet: a process that opens windows and plays streams of
// silence with exactly the properties a test asks for. See package puppet for
// the fields of streams and windows.
type Act struct {
	// Program is the name of the executable, "puppet" when empty. Puppets
	// with the same name run the same file.
	Program string
	// Server is Sound.Server's socket or "tcp:host:port"; the lab's newest
	// sound server when empty and there are streams.
	Server  string
	Client  map[string]string
	Streams []puppet.Stream
	Windows []puppet.Window
	// Env are changes to Lab.Env, as With takes them.
	Env     []string
	Sandbox *Sandbox
}

// Puppet is a running Act.
type Puppet struct {
	*Process
	// Inner is its pid as it knows it itself: another one in a sandbox.
	Inner   int
	Streams []int    // indices, in the order of Act.Streams
	Windows []uint32 // ids, in the order of Act.Windows
}

// Puppet starts a puppet and returns when its streams and windows are there;
// streams on a sink, windows managed.
func (l *Lab) Puppet(a Act) *Puppet {
	if l.t != nil {
		l.t.Helper()
	}
	p, err := l.puppet(a)
	if err != nil {
		l.fail(err)
	}
	return p
}

// Tone is a puppet with one stream.
func (s *Sound) Tone(stream puppet.Stream) *Puppet {
	return s.lab.Puppet(Act{Server: s.Socket, Streams: []puppet.Stream{stream}})
}

func (l *Lab) puppet(a Act) (*Puppet, error) {
	program := a.Program
	if program == "" {
		program = "puppet"
	}
	file, err := l.copyHelper(program)
	if err != nil {
		return nil, err
	}
	script := puppet.Script{Server: a.Server, Client: a.Client, Streams: a.Streams, Windows: a.Windows}
	if n := len(l.sounds); script.Server == "" && len(a.Streams) > 0 {
		if n == 0 {
			return nil, fmt.Errorf("there is no sound server for the puppet")
		}
		script.Server = l.sounds[n-1].Socket
	}
	text, err := json.Marshal(script)
	if err != nil {
		return nil, err
	}
	argv := []string{file, "puppet"}
	if a.Sandbox != nil {
		argv = l.Sandboxed(*a.Sandbox, argv...)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	process, err := l.spawn(Cmd{Name: argv[0], Args: argv[1:], Env: a.Env, Stdin: string(text)}, false, w)
	w.Close()
	if err != nil {
		return nil, err
	}
	_ = r.SetReadDeadline(time.Now().Add(patience))
	b, err := io.ReadAll(r)
	var report puppet.Report
	if err == nil {
		err = json.Unmarshal(b, &report)
	}
	if err != nil {
		return nil, fmt.Errorf("the puppet reports nothing: %w\n%s", err, process.Log())
	}
	if report.Error != "" {
		return nil, fmt.Errorf("the puppet fails: %s", report.Error)
	}
	p := &Puppet{Process: process, Inner: report.PID, Windows: report.Windows}
	for _, index := range report.Streams {
		p.Streams = append(p.Streams, int(index))
	}
	return p, l.shown(p)
}

// shown waits until the newest display and sound server show all of a puppet.
func (l *Lab) shown(p *Puppet) error {
	if n := len(l.displays); n > 0 && len(p.Windows) > 0 {
		d := l.displays[n-1]
		if !Poll(patience, func() bool { return d.managed(p.Windows) }) {
			return fmt.Errorf("the puppet's windows are not managed")
		}
	}
	if len(p.Streams) == 0 || len(l.sounds) == 0 {
		return nil
	}
	if !Poll(patience, func() bool {
		for _, s := range l.sounds {
			if s.plays(p.Streams) {
				return true
			}
		}
		return false
	}) {
		return fmt.Errorf("the puppet's streams get no sink")
	}
	return nil
}

// plays tells whether all the streams are there and on some sink.
func (s *Sound) plays(streams []int) bool {
	all, err := s.streams()
	if err != nil {
		return false
	}
	on := map[int]bool{}
	for _, st := range all {
		on[st.Index] = st.On != ""
	}
	for _, index := range streams {
		if !on[index] {
			return false
		}
	}
	return true
}

// managed tells whether all the windows are in the list of managed ones.
func (d *Display) managed(windows []uint32) bool {
	if d.WM == nil {
		return true
	}
	list, err := d.x.numbers(d.x.root, "_NET_CLIENT_LIST")
	if err != nil {
		return false
	}
	known := map[uint32]bool{}
	for _, w := range list {
		known[w] = true
	}
	for _, w := range windows {
		if !known[w] {
			return false
		}
	}
	return true
}

// copyHelper puts the helper under another name into the lab, once per name.
func (l *Lab) copyHelper(name string) (string, error) {
	file := filepath.Join(l.Dir, "bin", name)
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	from, err := Build("internal/lab/helper")
	if err != nil {
		return "", err
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return "", err
	}
	return file, l.install(b, file)
}

// install writes an executable in a process of its own, so that no fork of
// this one can hold it open for writing.
func (l *Lab) install(b []byte, file string) error {
	source := file + ".source"
	if err := os.WriteFile(source, b, 0o600); err != nil {
		return err
	}
	defer os.Remove(source)
	r, err := l.exec(Cmd{Name: "install", Args: []string{"-m", "0755", source, file}})
	if err == nil && r.Code != 0 {
		err = fmt.Errorf("install %q: %s", file, r.Stderr)
	}
	return err
}

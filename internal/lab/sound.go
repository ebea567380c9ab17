package lab

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/patoggle/patoggle/internal/lab/native"
)

// observeTime is the deadline of one question an observer asks.
const observeTime = 10 * time.Second

// NoSink is a stream's sink on PipeWire while no session manager links it.
const NoSink = native.None

// SoundOptions says what a sound server is like. Sinks are names, or
// "name=Description"; without a description the server makes one up.
type SoundOptions struct {
	Sinks []string
	// Modules are loaded as well, arguments included; PulseAudio always has
	// module-stream-restore.
	Modules []string
	// Cookie makes PulseAudio want the cookie in Sound.CookieFile over TCP (on
	// its unix socket our own uid is enough). Env has PULSE_COOKIE then.
	Cookie bool
	// TCP makes the server listen on the loopback interface as well.
	TCP bool
	// Env are changes to Lab.Env for the server, as With takes them.
	Env []string
}

// Sink is one sink as another client sees it.
type Sink struct {
	Index       int
	Name        string
	Description string
	Props       map[string]string
}

// Stream is one sink input as another client sees it, with its client's
// properties.
type Stream struct {
	Index  int
	Sink   int    // NoSink on PipeWire when nothing links it
	On     string // the sink's name, "" for none
	Client int    // native.None for a stream of the server's own
	Media  string // media.name
	Corked bool
	Props  map[string]string
	// ClientProps are the properties of its client.
	ClientProps map[string]string
}

// PID is what the client claims (application.process.id), for a native
// PipeWire client the pid of its socket (pipewire.sec.pid); 0 without either.
func (s Stream) PID() int {
	for _, p := range []string{s.ClientProps["application.process.id"], s.Props["application.process.id"], s.ClientProps["pipewire.sec.pid"]} {
		if pid, err := strconv.Atoi(p); err == nil {
			return pid
		}
	}
	return 0
}

// Sound is a private sound server.
type Sound struct {
	// Socket is the path of its native socket, Server the same as
	// PULSE_SERVER wants it.
	Socket string
	Server string
	// TCP is "tcp:127.0.0.1:PORT" when SoundOptions.TCP was set.
	TCP string
	// CookieFile is set with SoundOptions.Cookie.
	CookieFile string
	// PipeWire is true when pipewire-pulse answers.
	PipeWire bool
	// Took is the time it took to get ready.
	Took time.Duration

	lab     *Lab
	options SoundOptions
	start   []func() error      // starts one daemon each, in order
	daemons map[string]*Process // by name
	order   []string
	made    []uint32 // modules of the sinks of the options, on PipeWire

	mu       sync.Mutex
	observer *native.Conn
}

// PulseAudio starts a private PulseAudio with null sinks.
func (l *Lab) PulseAudio(sinks ...string) *Sound {
	if l.t != nil {
		l.t.Helper()
	}
	return l.PulseAudioWith(SoundOptions{Sinks: sinks})
}

// PulseAudioWith is PulseAudio with options.
func (l *Lab) PulseAudioWith(o SoundOptions) *Sound {
	if l.t != nil {
		l.t.Helper()
	}
	l.need("pulseaudio")
	s := l.newSound(o)
	if o.Cookie {
		s.CookieFile = l.Dir + "/cookie"
		cookie := make([]byte, 256)
		for i := range cookie {
			cookie[i] = byte(i*7 + 1)
		}
		if err := os.WriteFile(s.CookieFile, cookie, 0o600); err != nil {
			l.fail(err)
		}
		l.Setenv("PULSE_COOKIE", s.CookieFile)
	}
	s.start = []func() error{func() error {
		args := []string{"-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disallow-exit=yes"}
		protocol := "module-native-protocol-unix socket=" + s.Socket
		if o.Cookie {
			// On a unix socket our own uid is let in whatever the cookie.
			protocol += " auth-cookie=" + s.CookieFile
		}
		args = append(args, "-L", protocol)
		if o.TCP {
			port, err := freePort()
			if err != nil {
				return err
			}
			s.TCP = "tcp:127.0.0.1:" + strconv.Itoa(port)
			tcp := fmt.Sprintf("module-native-protocol-tcp listen=127.0.0.1 port=%d", port)
			if o.Cookie {
				tcp += " auth-cookie=" + s.CookieFile
			} else {
				tcp += " auth-anonymous=1"
			}
			args = append(args, "-L", tcp)
		}
		args = append(args, "-L", "module-stream-restore")
		for _, m := range o.Modules {
			args = append(args, "-L", m)
		}
		for _, sink := range o.Sinks {
			args = append(args, "-L", "module-null-sink "+nullSink(sink, false))
		}
		return s.daemon("pulseaudio", args, nil)
	}}
	s.up()
	return s
}

// PipeWire starts a private D-Bus session bus, PipeWire, WirePlumber and
// pipewire-pulse with null sinks. WirePlumber leaves the devices of the
// machine alone. One lab holds one PipeWire.
func (l *Lab) PipeWire(sinks ...string) *Sound {
	if l.t != nil {
		l.t.Helper()
	}
	return l.PipeWireWith(SoundOptions{Sinks: sinks})
}

// PipeWireWith is PipeWire with options; Cookie has no meaning there.
func (l *Lab) PipeWireWith(o SoundOptions) *Sound {
	if l.t != nil {
		l.t.Helper()
	}
	l.need("pipewire", "wireplumber", "pipewire-pulse", "dbus-daemon")
	l.Bus()
	s := l.newSound(o)
	s.PipeWire = true
	if err := noDevices(l.Getenv("XDG_CONFIG_HOME") + "/wireplumber"); err != nil {
		l.fail(err)
	}
	s.start = []func() error{
		func() error { return s.daemon("pipewire", nil, accepts(l.Runtime+"/pipewire-0")) },
		func() error { return s.daemon("wireplumber", nil, nil) },
		func() error { return s.daemon("pipewire-pulse", nil, accepts(s.Socket)) },
	}
	s.up()
	return s
}

// newSound prepares the place of a server; a second one in the same lab gets
// another socket.
func (l *Lab) newSound(o SoundOptions) *Sound {
	dir := l.Runtime + "/" + l.unique("pulse")
	if err := os.Mkdir(dir, 0o700); err != nil {
		l.fail(err)
	}
	s := &Sound{Socket: dir + "/native", lab: l, options: o, daemons: map[string]*Process{}}
	s.Server = "unix:" + s.Socket
	l.Setenv("PULSE_SERVER", s.Server)
	l.Setenv("PULSE_RUNTIME_PATH", dir)
	l.sounds = append(l.sounds, s)
	return s
}

// nullSink gives the arguments of module-null-sink. The quotes are those of
// both servers' argument parsers.
func nullSink(sink string, pipewire bool) string {
	name, description, described := strings.Cut(sink, "=")
	args := "sink_name=" + name
	if pipewire {
		args = "media.class=Audio/Sink " + args
	}
	if described {
		args += ` sink_properties='device.description="` + description + `"'`
	}
	return args
}

// freePort asks the kernel for a port of the loopback interface.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// noDevices configures WirePlumber, 0.4 (Lua) and 0.5 alike, to look for no
// hardware: the sinks of the lab are all there is.
func noDevices(dir string) error {
	files := map[string]string{
		"main.lua.d/60-lab.lua": "alsa_monitor.enabled = false\n" +
			"v4l2_monitor.enabled = false\nlibcamera_monitor.enabled = false\n",
		"bluetooth.lua.d/60-lab.lua": "bluez_monitor.enabled = false\n",
		"wireplumber.conf.d/60-lab.conf": "wireplumber.profiles = { main = {\n" +
			"  hardware.audio = disabled\n  hardware.bluetooth = disabled\n  hardware.video-capture = disabled\n} }\n",
	}
	for name, text := range files {
		file := dir + "/" + name
		if err := os.MkdirAll(file[:strings.LastIndexByte(file, '/')], 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// accepts tells whether a unix socket takes connections.
func accepts(socket string) func() bool {
	return func() bool {
		c, err := net.Dial("unix", socket)
		if err != nil {
			return false
		}
		c.Close()
		return true
	}
}

// daemon starts one daemon and waits until it is ready or has ended.
func (s *Sound) daemon(name string, args []string, ready func() bool) error {
	p, err := s.lab.spawn(Cmd{Name: name, Args: args, Env: s.options.Env}, false)
	if err != nil {
		return err
	}
	if s.daemons[name] == nil {
		s.order = append(s.order, name)
	}
	s.daemons[name] = p
	if ready == nil {
		return nil
	}
	if !Poll(patience, func() bool { return !p.Alive() || ready() }) {
		return fmt.Errorf("%s is not ready after %v", name, patience)
	}
	if !p.Alive() {
		return fmt.Errorf("%s ended with code %d\n%s", name, p.Wait(), p.Log())
	}
	return nil
}

// up starts all daemons and waits until the server answers and, on PipeWire,
// until a stream really gets a sink.
func (s *Sound) up() {
	if s.lab.t != nil {
		s.lab.t.Helper()
	}
	began := time.Now()
	if err := s.tryUp(); err != nil {
		s.lab.fail(err)
	}
	s.Took = time.Since(began)
}

func (s *Sound) tryUp() error {
	s.made = nil
	for _, start := range s.start {
		if err := start(); err != nil {
			return err
		}
	}
	var conn *native.Conn
	var err error
	if !Poll(patience, func() bool {
		if conn, err = native.Dial(s.Socket, observeTime, nil); err != nil {
			return s.dead() != ""
		}
		return true
	}) || conn == nil {
		return fmt.Errorf("the sound server does not answer: %w%s", err, s.dead())
	}
	s.mu.Lock()
	s.observer = conn
	s.mu.Unlock()
	if !s.PipeWire {
		return nil
	}
	if err := s.manage(); err != nil {
		return err
	}
	for _, m := range s.options.Modules {
		name, args, _ := strings.Cut(m, " ")
		if _, err := conn.Load(observeTime, name, args); err != nil {
			return fmt.Errorf("load %q: %w", m, err)
		}
	}
	if s.options.TCP {
		port, err := freePort()
		if err != nil {
			return err
		}
		if _, err := conn.Load(observeTime, "module-native-protocol-tcp", fmt.Sprintf("listen=127.0.0.1 port=%d auth-anonymous=1", port)); err != nil {
			return fmt.Errorf("listen on tcp: %w", err)
		}
		s.TCP = "tcp:127.0.0.1:" + strconv.Itoa(port)
	}
	return nil
}

// linkTime is how long a session manager may take over a stream before it
// counts as stuck, at first: it is started anew then, linkTries times in all, and
// gets twice the time, since the machine may be slow.
const (
	linkTime  = 3 * time.Second
	linkTries = 5
)

// manage makes the sinks of the options under a running WirePlumber and
// returns when that links streams. WirePlumber 0.4.13 never gets ready with
// null sinks that were there before it (it says "1 pending linkable(s) not
// activated in 20sec. This should never happen."), so that they are made
// after it, as the sinks of real devices are. Seldom it gets stuck even so,
// and is started anew.
func (s *Sound) manage() error {
	var err error
	for try := range linkTries {
		if err = s.tryManage(linkTime << try); err == nil {
			return nil
		}
		s.daemons["wireplumber"].Kill()
		if e := s.unmanage(); e != nil {
			return errors.Join(err, e)
		}
		if e := s.daemon("wireplumber", nil, nil); e != nil {
			return errors.Join(err, e)
		}
	}
	return err
}

func (s *Sound) tryManage(within time.Duration) error {
	conn, err := s.conn()
	if err != nil {
		return err
	}
	for _, sink := range s.options.Sinks {
		module, err := conn.Load(observeTime, "module-null-sink", nullSink(sink, true))
		if err != nil {
			return fmt.Errorf("load a null sink: %w", err)
		}
		s.made = append(s.made, module)
	}
	if len(s.options.Sinks) == 0 {
		return nil
	}
	first, _, _ := strings.Cut(s.options.Sinks[0], "=")
	return s.probe(first, within)
}

// unmanage removes the sinks tryManage made. Without its session manager
// pipewire-pulse 0.3.65 may remove one and never say so: it is asked twice.
func (s *Sound) unmanage() error {
	for _, module := range s.made {
		var err error
		for range 2 {
			var conn *native.Conn
			if conn, err = s.conn(); err != nil {
				return err
			}
			if err = conn.Unload(observeTime, module); err == nil || errors.Is(err, native.NoEntity) {
				err = nil
				break
			}
			s.forget()
		}
		if err != nil {
			return fmt.Errorf("unload a null sink: %w", err)
		}
	}
	s.made = nil
	return nil
}

// probe waits until the first sink is the default one, plays one stream and
// waits for its sink, and for its end, for so long each. As long as
// the session manager knows no sink, the default one has no name of ours, and
// the server refuses the stream with an input/output error.
func (s *Sound) probe(first string, within time.Duration) error {
	conn, err := native.Dial(s.Socket, within, nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	// Left alone, WirePlumber may choose another sink than the first for a
	// moment, and link what plays then to that. It takes no orders before it
	// has chosen one at all ("not supported").
	asked := false
	if !Poll(within, func() bool {
		server, err := conn.Server(within)
		if err != nil {
			return false
		}
		if !asked {
			_, chosen := s.lookSink(server.DefaultSink)
			asked = chosen && conn.SetDefaultSink(within, first) == nil
		}
		return asked && server.DefaultSink == first
	}) {
		return fmt.Errorf("the session manager does not make %q the default sink", first)
	}
	const media = "patoggle lab probe"
	var index uint32
	if !Poll(within, func() bool {
		index, err = conn.Play(within, native.Playback{Media: media})
		return err == nil
	}) {
		return fmt.Errorf("play a probe: %w", err)
	}
	if !Poll(within, func() bool { return s.plays([]int{int(index)}) }) {
		return errors.New("the session manager gives no sink to a stream")
	}
	conn.Close()
	if !Poll(within, func() bool {
		all, err := s.streams()
		return err == nil && !slices.ContainsFunc(all, func(st Stream) bool { return st.Media == media })
	}) {
		return errors.New("the probe does not end")
	}
	return nil
}

// dead names the daemons that have ended, "" when all run.
func (s *Sound) dead() string {
	var gone []string
	for _, name := range s.order {
		if p := s.daemons[name]; !p.Alive() {
			gone = append(gone, fmt.Sprintf("; %s ended with code %d\n%s", name, p.Wait(), p.Log()))
		}
	}
	return strings.Join(gone, "")
}

// Daemon is one of "pulseaudio", "pipewire", "wireplumber", "pipewire-pulse".
func (s *Sound) Daemon(name string) *Process {
	p := s.daemons[name]
	if p == nil {
		s.lab.failf("this sound server has no daemon %q", name)
	}
	return p
}

// Stop freezes the server (all its daemons); Continue lets it go on.
func (s *Sound) Stop() {
	for _, name := range s.order {
		s.daemons[name].Stop()
	}
}

// Continue undoes Stop.
func (s *Sound) Continue() {
	for _, name := range s.order {
		s.daemons[name].Continue()
	}
}

// Kill kills the server, all its daemons. Its socket may remain.
func (s *Sound) Kill() {
	for i := len(s.order) - 1; i >= 0; i-- {
		s.daemons[s.order[i]].Kill()
	}
	s.forget()
}

// Restart kills the server and starts it again, with the sinks of the
// options, on the same socket.
func (s *Sound) Restart() {
	s.Kill()
	// PulseAudio refuses a socket that somebody may be listening on.
	_ = os.Remove(s.Socket)
	s.up()
}

// forget closes the observer's connection.
func (s *Sound) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.observer != nil {
		s.observer.Close()
		s.observer = nil
	}
}

// conn is the observer: a connection that never moves anything, made anew
// when the last one has ended.
func (s *Sound) conn() (*native.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.observer != nil {
		select {
		case <-s.observer.Done():
			s.observer.Close()
			s.observer = nil
		default:
			return s.observer, nil
		}
	}
	c, err := native.Dial(s.Socket, observeTime, nil)
	if err != nil {
		return nil, err
	}
	s.observer = c
	return c, nil
}

// Sinks lists the sinks, sorted by index.
func (s *Sound) Sinks() []Sink {
	sinks, err := s.sinks()
	if err != nil {
		s.lab.failf("list sinks: %w", err)
	}
	return sinks
}

func (s *Sound) sinks() ([]Sink, error) {
	c, err := s.conn()
	if err != nil {
		return nil, err
	}
	list, err := c.Sinks(observeTime)
	if err != nil {
		return nil, err
	}
	var all []Sink
	for _, k := range list {
		all = append(all, Sink{Index: int(k.Index), Name: k.Name, Description: k.Description, Props: k.Props})
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Index < all[j].Index })
	return all, nil
}

// Streams lists the streams, sorted by index.
func (s *Sound) Streams() []Stream {
	streams, err := s.streams()
	if err != nil {
		s.lab.failf("list streams: %w", err)
	}
	return streams
}

func (s *Sound) streams() ([]Stream, error) {
	c, err := s.conn()
	if err != nil {
		return nil, err
	}
	list, err := c.Streams(observeTime)
	if err != nil {
		return nil, err
	}
	clients, err := c.Clients(observeTime)
	if err != nil {
		return nil, err
	}
	sinks, err := c.Sinks(observeTime)
	if err != nil {
		return nil, err
	}
	var all []Stream
	for _, k := range list {
		st := Stream{Index: int(k.Index), Sink: int(k.Sink), Client: int(k.Client), Media: k.Props["media.name"], Corked: k.Corked, Props: k.Props}
		for _, sink := range sinks {
			if sink.Index == k.Sink {
				st.On = sink.Name
			}
		}
		for _, client := range clients {
			if client.Index == k.Client {
				st.ClientProps = client.Props
			}
		}
		all = append(all, st)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Index < all[j].Index })
	return all, nil
}

// Stream looks one stream up; ok is false when it is gone.
func (s *Sound) Stream(index int) (st Stream, ok bool) {
	for _, st := range s.Streams() {
		if st.Index == index {
			return st, true
		}
	}
	return Stream{}, false
}

// On is the name of the sink a stream is on, "" when it is gone or has none.
func (s *Sound) On(index int) string {
	st, _ := s.Stream(index)
	return st.On
}

// WaitOn waits until a stream is on the named sink.
func (s *Sound) WaitOn(index int, sink string) {
	if !Poll(patience, func() bool { return s.On(index) == sink }) {
		st, there := s.Stream(index)
		s.lab.failf("waited %v in vain for stream %d on sink %q: it is there: %v, on %q", patience, index, sink, there, st.On)
	}
}

// WaitStream waits until there is a stream that fits, on some sink.
func (s *Sound) WaitStream(what string, fits func(Stream) bool) Stream {
	var found Stream
	s.lab.Until("a stream of "+what, func() bool {
		streams, err := s.streams()
		if err != nil {
			return false
		}
		for _, st := range streams {
			if st.On != "" && fits(st) {
				found = st
				return true
			}
		}
		return false
	})
	return found
}

// Sink looks a sink up by name.
func (s *Sound) Sink(name string) (sink Sink, ok bool) {
	all := s.Sinks()
	if i := slices.IndexFunc(all, func(k Sink) bool { return k.Name == name }); i >= 0 {
		return all[i], true
	}
	return Sink{}, false
}

// lookSink is Sink for a server that may not answer yet.
func (s *Sound) lookSink(name string) (sink Sink, ok bool) {
	all, err := s.sinks()
	if err != nil {
		return Sink{}, false
	}
	if i := slices.IndexFunc(all, func(k Sink) bool { return k.Name == name }); i >= 0 {
		return all[i], true
	}
	return Sink{}, false
}

// Default is the name of the default sink.
func (s *Sound) Default() string {
	c, err := s.conn()
	if err == nil {
		var server native.Server
		if server, err = c.Server(observeTime); err == nil {
			return server.DefaultSink
		}
	}
	s.lab.failf("ask the server: %w", err)
	return ""
}

// Move moves a stream to the named sink and waits until it is there.
func (s *Sound) Move(index int, sink string) {
	k, ok := s.Sink(sink)
	if !ok {
		s.lab.failf("there is no sink %q", sink)
	}
	c, err := native.Dial(s.Socket, observeTime, nil)
	if err != nil {
		s.lab.fail(err)
	}
	defer c.Close()
	if err := c.Move(observeTime, uint32(index), uint32(k.Index)); err != nil {
		s.lab.failf("move stream %d to %q: %w", index, sink, err)
	}
	s.WaitOn(index, sink)
}

// Load loads a module, its name first, and returns its index.
func (s *Sound) Load(args ...string) int {
	c, err := s.conn()
	if err != nil {
		s.lab.fail(err)
	}
	index, err := c.Load(observeTime, args[0], args[1:]...)
	if err != nil {
		s.lab.failf("load %q: %w", args, err)
	}
	return int(index)
}

// Unload unloads a module.
func (s *Sound) Unload(module int) {
	c, err := s.conn()
	if err != nil {
		s.lab.fail(err)
	}
	if err := c.Unload(observeTime, uint32(module)); err != nil {
		s.lab.failf("unload module %d: %w", module, err)
	}
}

// AddSink adds a null sink, "name" or "name=Description", waits until it is
// listed, and returns the index of its module for Unload.
func (s *Sound) AddSink(sink string) int {
	module := s.Load("module-null-sink", nullSink(sink, s.PipeWire))
	name, _, _ := strings.Cut(sink, "=")
	s.lab.Until("sink "+name, func() bool {
		_, ok := s.Sink(name)
		return ok
	})
	return module
}

// Pactl runs Debian's pactl on this server, in the C locale, and returns what
// it printed, without the newline at the end. It fails when pactl does.
func (s *Sound) Pactl(args ...string) string {
	s.lab.need("pactl")
	r := s.lab.Run([]string{"LC_ALL=C", "PULSE_SERVER=" + s.Server}, "pactl", args...)
	if r.Code != 0 {
		s.lab.failf("pactl %q ended with code %d: %s", args, r.Code, r.Stderr)
	}
	return strings.TrimSuffix(r.Stdout, "\n")
}

// SetVolume sets a sink's volume, in percent, and returns when the server reports it.
func (s *Sound) SetVolume(sink string, percent int) {
	if s.lab.t != nil {
		s.lab.t.Helper()
	}
	s.lab.need("parec")
	// A sink that nothing has been connected to yet reports the volume it began
	// with on PipeWire 1.4, whatever was set, until something is.
	open := s.lab.Spawn("parec", "--raw", "--server="+s.Server, "--device="+sink+".monitor", os.DevNull)
	value := fmt.Sprintf("%d%%", percent)
	s.Pactl("set-sink-volume", sink, value)
	s.lab.Until("the volume of "+sink, func() bool { return strings.Contains(s.Pactl("get-sink-volume", sink), " "+value) })
	open.Terminate()
}

package main

import (
	"fmt"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/lab/puppet"
)

// size is how much there is on a desktop.
type size struct{ sinks, streams, clients int }

// small is an ordinary desktop, large one that nobody has.
var (
	small = size{sinks: 3, streams: 3, clients: 3}
	large = size{sinks: 30, streams: 200, clients: 50}
)

func (s size) String() string { return fmt.Sprintf("%d sinks, %d streams", s.sinks, s.streams) }

// desktop is a private desktop to measure on.
type desktop struct {
	*lab.Lab
	server  string // "pulseaudio" or "pipewire"
	size    size
	sound   *lab.Sound
	display *lab.Display
	// focused has one window, which has the focus, and one stream, whatever
	// the size: every contender moves one stream.
	focused *lab.Puppet
	// daemon is patoggled, nil until it is needed.
	daemon *lab.Process
}

func (d *desktop) String() string {
	name := "PulseAudio"
	if d.server == "pipewire" {
		name = "pipewire-pulse"
	}
	return name + ", " + d.size.String()
}

// furnish starts the servers and the applications. Each application is a
// process with a window and a connection to the sound server of its own.
func furnish(l *lab.Lab, server string, s size) *desktop {
	d := &desktop{Lab: l, server: server, size: s}
	var sinks []string
	for i := range s.sinks {
		sinks = append(sinks, fmt.Sprintf("sink%02d=Sink %d", i, i))
	}
	if server == "pipewire" {
		d.sound = l.PipeWire(sinks...)
	} else {
		d.sound = l.PulseAudio(sinks...)
	}
	d.display = l.Display()
	d.focused = d.application("focused", 1, "", true)
	left := s.streams - 1
	for i := 1; i < s.clients; i++ {
		n := left / (s.clients - i)
		left -= n
		// Spread over the sinks: one of PipeWire 0.3.65 mixes no more than
		// 128 streams.
		d.application(fmt.Sprintf("other%02d", i), n, fmt.Sprintf("sink%02d", i%s.sinks), i < small.clients)
	}
	d.display.Focus(d.focused.Windows[0])
	return d
}

// application starts one with a window and so many streams on a sink, "" for
// the default one. The first stream plays, when it is to; all others are
// paused, so that the servers have no more to mix on the large desktop than on
// the small one.
func (d *desktop) application(name string, streams int, sink string, plays bool) *lab.Puppet {
	act := lab.Act{
		Client:  map[string]string{"application.name": name},
		Windows: []puppet.Window{{Title: []byte(name), Instance: name, Class: name, PID: puppet.OwnPID}},
	}
	for i := range streams {
		act.Streams = append(act.Streams, puppet.Stream{Media: fmt.Appendf(nil, "%s %d", name, i), Sink: sink, Corked: i > 0 || !plays})
	}
	return d.Puppet(act)
}

// stream is the stream that every contender moves.
func (d *desktop) stream() int { return d.focused.Streams[0] }

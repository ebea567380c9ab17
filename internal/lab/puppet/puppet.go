// Package puppet is a program that does what a test tells it: it opens windows
// with the given properties and plays streams with the given ones, lies
// included. Run is its whole life; package lab starts it.
package puppet

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/patoggle/patoggle/internal/lab/native"
)

// limit is the deadline of one request.
const limit = 20 * time.Second

// Script is what the puppet does.
type Script struct {
	// Server is the sound server: a socket's path, or "tcp:host:port".
	Server string
	// Client are the properties of its client; an empty value leaves out what
	// would be said otherwise ("application.process.id").
	Client  map[string]string
	Streams []Stream
	Windows []Window
}

// Stream is one stream of silence.
type Stream struct {
	// Media is its name, any bytes but NUL.
	Media  []byte
	Props  map[string]string
	Sink   string
	NoMove bool
	Corked bool
}

// Window is one window. What is zero is not set.
type Window struct {
	Title    []byte
	Instance string
	Class    string
	// PID is _NET_WM_PID; OwnPID means the true one.
	PID     int
	Machine string
	// Type is such as "_NET_WM_WINDOW_TYPE_DOCK".
	Type         string
	TransientFor uint32
	// TransientForLast makes it transient for the window before it.
	TransientForLast bool
}

// OwnPID is the Window.PID of an honest window.
const OwnPID = -1

// Report says what there is once all of it is there.
type Report struct {
	PID     int
	Streams []uint32
	Windows []uint32
	Error   string `json:",omitempty"`
}

// Run reads a Script, opens everything, writes one Report and stays until the
// sound server or the X server goes, or it is killed.
func Run(in io.Reader, out io.WriteCloser) error {
	var s Script
	if err := json.NewDecoder(in).Decode(&s); err != nil {
		return err
	}
	report := Report{PID: os.Getpid()}
	ends := make(chan error, 2)
	err := open(s, &report, ends)
	if err != nil {
		report.Error = err.Error()
	}
	if e := json.NewEncoder(out).Encode(report); err == nil {
		err = e
	}
	out.Close()
	if err != nil {
		return err
	}
	return <-ends
}

func open(s Script, report *Report, ends chan<- error) error {
	if len(s.Windows) > 0 {
		ids, err := openWindows(s.Windows, ends)
		if err != nil {
			return fmt.Errorf("open windows: %w", err)
		}
		report.Windows = ids
	}
	if s.Server == "" {
		return nil
	}
	conn, err := native.Dial(s.Server, limit, s.Client)
	if err != nil {
		return fmt.Errorf("connect to the sound server: %w", err)
	}
	go func() {
		<-conn.Done()
		ends <- fmt.Errorf("the sound server has gone")
	}()
	for _, t := range s.Streams {
		index, err := conn.Play(limit, native.Playback{
			Media: string(t.Media), Props: t.Props, Sink: t.Sink, NoMove: t.NoMove, Corked: t.Corked,
		})
		if err != nil {
			return fmt.Errorf("play: %w", err)
		}
		report.Streams = append(report.Streams, index)
	}
	return nil
}

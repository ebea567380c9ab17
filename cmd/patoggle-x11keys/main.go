//go:build cgo

// Command patoggle-x11keys holds keys on an X display for patoggled, which
// starts it. Package x11keys says in which lines the two speak.
//
// It is the only importer of golang.design/x/hotkey. There are no tests beside
// it: a test binary that links that library needs a display to print its help.
// The built program is tested in internal/x11keys and internal/daemon.
package main

import (
	"bufio"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"

	_ "github.com/patoggle/patoggle/cmd/patoggle-x11keys/front"
	"github.com/patoggle/patoggle/internal/x11keys"
)

// gcPercent keeps the heap of a program that lives long and does little near
// what it really needs.
const gcPercent = 25

// The exit codes: the end of the input is what ends the program.
const (
	exitOK     = 0
	exitFailed = 1
)

func main() {
	debug.SetGCPercent(gcPercent)
	// patoggled ends when it is told to, and then we do.
	signal.Ignore(syscall.SIGINT, syscall.SIGHUP, syscall.SIGPIPE)
	ignoreErrors()
	out := &writer{w: os.Stdout}
	out.line(x11keys.Hello)
	os.Exit(serve(os.Stdin, out))
}

// serve obeys orders until they end.
func serve(in io.Reader, out *writer) int {
	held := map[x11keys.ID]func(){}
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 2*x11keys.MaxLine), 2*x11keys.MaxLine)
	for lines.Scan() {
		o, err := x11keys.ParseOrder(lines.Text())
		if err != nil || o.Grab == (held[o.ID] != nil) {
			return exitFailed // this is not our patoggled
		}
		if !o.Grab {
			held[o.ID]()
			delete(held, o.ID)
			out.report(x11keys.Report{ID: o.ID, Kind: x11keys.Released})
			continue
		}
		code, release, err := grab(o.Key, func(up bool) {
			kind := x11keys.Down
			if up {
				kind = x11keys.Up
			}
			out.report(x11keys.Report{ID: o.ID, Kind: kind, Time: x11keys.Now()})
		})
		switch err {
		case nil:
			held[o.ID] = release
			out.report(x11keys.Report{ID: o.ID, Kind: x11keys.Grabbed, Code: code})
		case x11keys.ErrTaken:
			out.report(x11keys.Report{ID: o.ID, Kind: x11keys.Taken})
		default:
			out.report(x11keys.Report{ID: o.ID, Kind: x11keys.Failed})
		}
	}
	// The X server takes back what is held still.
	return exitOK
}

// writer writes whole lines from several goroutines.
type writer struct {
	mu sync.Mutex
	w  io.Writer
}

func (w *writer) report(r x11keys.Report) { w.line(r.String()) }

// line writes a line. When nobody reads any more, the input ends too.
func (w *writer) line(s string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, _ = io.WriteString(w.w, s+"\n")
}

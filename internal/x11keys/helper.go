package x11keys

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

var (
	// ErrTaken is that another program holds the key.
	ErrTaken = errors.New("another program holds the keys")
	// ErrRefused is that the library cannot hold the key, and does not say
	// why.
	ErrRefused = errors.New("the X server does not give it")
	// ErrEnded is that the program has ended, or was ended, meanwhile.
	ErrEnded = errors.New(Name + " has ended")
)

// StartError is why the program could not be started. Its text is a sentence
// for the user.
type StartError struct {
	Message string
	Hint    string // a cure, "" where none is known
	// Lasting is true when nothing changes by itself.
	Lasting bool
}

func (e *StartError) Error() string { return e.Message }

const (
	// helloTime is how long the program may take to open the display.
	helloTime = 5 * time.Second
	// endTime is how long it may take to end when its input ends.
	endTime = 500 * time.Millisecond
	// lastWords is how long its output is read after it has ended.
	lastWords = 100 * time.Millisecond
)

// Options say what to start.
type Options struct {
	// Program is its absolute path; "" means beside the running program.
	Program string
	// Display is what it is told in DISPLAY.
	Display string
}

// Helper is a running patoggle-x11keys. Its methods may be used by several
// goroutines at once. It has ended before this process has, however that ends.
type Helper struct {
	process *os.Process
	in      *os.File
	ended   chan struct{} // closed when the process was waited for
	tasks   sync.WaitGroup

	mu      sync.Mutex
	last    ID
	events  map[ID]func(up bool, at time.Time)
	answers map[ID]chan Report
	closed  bool
}

// Beside is the path of the program beside the one that runs.
func Beside() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	return filepath.Join(filepath.Dir(self), Name), nil
}

// Start starts the program and waits until it has opened the display. Errors
// are *StartError, or the context's.
func Start(ctx context.Context, o Options) (*Helper, error) {
	program := o.Program
	if program == "" {
		var err error
		if program, err = Beside(); err != nil {
			return nil, &StartError{Message: "cannot tell where " + Name + " is: " + err.Error(), Lasting: true}
		}
	}
	h := &Helper{
		ended:   make(chan struct{}),
		events:  map[ID]func(bool, time.Time){},
		answers: map[ID]chan Report{},
	}
	var ends pipes
	if err := ends.open(); err != nil {
		return nil, &StartError{Message: "cannot start " + Name + ": " + err.Error()}
	}
	h.in = ends.in
	cmd := &exec.Cmd{
		Path:   program,
		Args:   []string{program},
		Env:    append(os.Environ(), "DISPLAY="+o.Display),
		Stdin:  ends.childIn,
		Stdout: ends.childOut,
		Stderr: ends.childErr,
		SysProcAttr: &syscall.SysProcAttr{
			// A terminal's Ctrl-C is for patoggled, which then ends us.
			Setpgid: true,
			// The end of standard input says the same, but not to a program
			// that waits for an X server.
			Pdeathsig: syscall.SIGKILL,
		},
	}
	started, waited := make(chan error), make(chan int, 1)
	h.tasks.Go(func() {
		// The signal comes when the thread ends that has started the
		// program, so that this one has to stay.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // what it means is read from the state
			waited <- cmd.ProcessState.ExitCode()
			// What it said last is read still, but not waited for when
			// somebody else holds these pipes too.
			_ = ends.out.SetReadDeadline(time.Now().Add(lastWords))
			_ = ends.err.SetReadDeadline(time.Now().Add(lastWords))
			close(h.ended)
		}
	})
	err := <-started
	ends.closeChild()
	if err != nil {
		h.tasks.Wait()
		ends.close()
		return nil, cannotStart(program, err)
	}
	h.process = cmd.Process
	h.tasks.Go(func() { drain(ends.err) })
	hello := make(chan error, 1)
	h.tasks.Go(func() { h.read(ends.out, hello) })
	if err := h.greet(ctx, o.Display, hello, waited); err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// greet waits for the program's first line.
func (h *Helper) greet(ctx context.Context, display string, hello <-chan error, waited <-chan int) error {
	patience := time.NewTimer(helloTime)
	defer patience.Stop()
	select {
	case err := <-hello:
		if err == nil {
			return nil
		}
		if !errors.Is(err, io.EOF) {
			return &StartError{
				Message: Name + " and patoggled are not of one version",
				Hint:    "install both anew, and restart patoggled",
				Lasting: true,
			}
		}
	case <-patience.C:
		return &StartError{Message: fmt.Sprintf("the X display %q does not answer %s", display, Name)}
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case code := <-waited:
		return endedAtOnce(display, code)
	case <-patience.C:
		return &StartError{Message: fmt.Sprintf("the X display %q does not answer %s", display, Name)}
	case <-ctx.Done():
		return ctx.Err()
	}
}

// cannotStart puts an error of execve(2) into words.
func cannotStart(program string, err error) error {
	e := &StartError{Message: fmt.Sprintf("cannot start %q: %v", program, errors.Unwrap(err)), Lasting: true}
	switch {
	case errors.Is(err, os.ErrNotExist):
		e.Message = fmt.Sprintf("%s is not beside patoggled: there is no %q", Name, program)
		e.Hint = "install it there, since it holds the keys on X11, and restart patoggled"
	case errors.Is(err, os.ErrPermission):
		e.Message = fmt.Sprintf("cannot start %q: it may not be executed", program)
	}
	return e
}

// noLibrary is the exit code of glibc's and of musl's dynamic loader when a
// library is missing.
const noLibrary = 127

// endedAtOnce puts into words that the program has ended before its first line.
func endedAtOnce(display string, code int) error {
	switch code {
	case noLibrary:
		return &StartError{
			Message: Name + " cannot run: a library that it needs is missing",
			Hint:    "install libX11 (libx11-6 in Debian, libX11 in Fedora, libx11 elsewhere), and restart patoggled",
			Lasting: true,
		}
	case CodeNoCgo:
		return &StartError{
			Message: Name + " was built without cgo, so it can hold no keys",
			Hint:    "build it with CGO_ENABLED=1, a C compiler and libx11-dev",
			Lasting: true,
		}
	}
	return &StartError{Message: fmt.Sprintf("%s cannot open the X display %q", Name, display)}
}

// CodeNoCgo is the exit code of a program that was built without cgo.
const CodeNoCgo = 3

// pipes are the three standard streams of the program, at both ends.
type pipes struct {
	in, out, err                *os.File // ours
	childIn, childOut, childErr *os.File
}

func (p *pipes) open() (err error) {
	if p.childIn, p.in, err = os.Pipe(); err == nil {
		if p.out, p.childOut, err = os.Pipe(); err == nil {
			p.err, p.childErr, err = os.Pipe()
		}
	}
	if err != nil {
		p.close()
		p.closeChild()
	}
	return err
}

func (p *pipes) close() {
	p.in.Close()
	p.out.Close()
	p.err.Close()
}

func (p *pipes) closeChild() {
	p.childIn.Close()
	p.childOut.Close()
	p.childErr.Close()
}

// drain reads what nobody is to see, so that it blocks nobody.
func drain(f *os.File) {
	defer f.Close()
	_, _ = io.Copy(io.Discard, f)
}

// read takes the program's lines until they end.
func (h *Helper) read(f *os.File, hello chan<- error) {
	defer f.Close()
	defer h.hangup()
	in := bufio.NewReaderSize(f, 1<<10)
	first, err := readLine(in)
	if err == nil && first != Hello {
		err = errLine
	}
	hello <- err
	for err == nil {
		var line string
		if line, err = readLine(in); err != nil {
			break
		}
		var r Report
		if r, err = ParseReport(line); err == nil {
			h.take(r)
		}
	}
	// Lines that are none: of such a program nothing is to be had.
	_ = h.process.Kill()
}

// readLine reads a line without its end. One that is too long is an error, and
// so is one without an end.
func readLine(in *bufio.Reader) (string, error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		if errors.Is(err, bufio.ErrBufferFull) || len(line) > 0 {
			return "", errLine
		}
		return "", io.EOF
	}
	return string(line[:len(line)-1]), nil
}

// take takes one report.
func (h *Helper) take(r Report) {
	h.mu.Lock()
	event, answer := h.events[r.ID], h.answers[r.ID]
	switch r.Kind {
	case Down, Up:
		answer = nil
	default:
		delete(h.answers, r.ID)
		if r.Kind != Grabbed {
			delete(h.events, r.ID)
		}
		event = nil
	}
	h.mu.Unlock()
	if answer != nil {
		answer <- r
	}
	if event != nil {
		event(r.Kind == Up, when(r.Time))
	}
}

// hangup tells everybody who waits that nothing comes any more.
func (h *Helper) hangup() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for id, answer := range h.answers {
		close(answer)
		delete(h.answers, id)
	}
	clear(h.events)
}

// ask sends an order and waits for its answer.
func (h *Helper) ask(o Order) (Report, error) {
	answer := make(chan Report, 1)
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return Report{}, ErrEnded
	}
	h.answers[o.ID] = answer
	h.mu.Unlock()
	// When it cannot be written the program has ended, which hangup says.
	_, _ = io.WriteString(h.in, o.String()+"\n")
	r, ok := <-answer
	if !ok {
		return r, ErrEnded
	}
	return r, nil
}

// Grab holds a key, and returns its keycode. Errors are ErrTaken, ErrRefused
// and ErrEnded. Event is called for each Keydown (false) and Keyup (true), from
// one goroutine, and must not block. Release gives the key back, and returns
// when event is not called any more.
func (h *Helper) Grab(k Key, event func(up bool, at time.Time)) (code byte, release func(), err error) {
	h.mu.Lock()
	h.last++
	id := h.last
	h.events[id] = event
	h.mu.Unlock()
	r, err := h.ask(Order{ID: id, Grab: true, Key: k})
	switch {
	case err != nil:
		return 0, nil, err
	case r.Kind == Taken:
		return 0, nil, ErrTaken
	case r.Kind != Grabbed:
		return 0, nil, ErrRefused
	}
	return r.Code, func() { _, _ = h.ask(Order{ID: id}) }, nil
}

// Done is closed when the program has ended.
func (h *Helper) Done() <-chan struct{} { return h.ended }

// Kill ends the program at once: what waits for it ends too.
func (h *Helper) Kill() { _ = h.process.Kill() }

// Close ends the program: by the end of its input, and if that does not do, by
// force.
func (h *Helper) Close() {
	h.in.Close()
	patience := time.NewTimer(endTime)
	defer patience.Stop()
	select {
	case <-h.ended:
	case <-patience.C:
		h.Kill()
	}
	h.tasks.Wait()
}

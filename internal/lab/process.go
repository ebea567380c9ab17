package lab

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/patoggle/patoggle/internal/lab/keeper"
)

// Process is something that runs inside the lab.
type Process struct {
	PID  int
	Name string // of the log as well: unique in the lab
	lab  *Lab
	p    *keeper.Process
}

// Cmd describes a program to run. The zero values of all but Name are
// sensible.
type Cmd struct {
	// Name is a program on the lab's search path or a path.
	Name string
	Args []string
	// Env are changes to Lab.Env as With takes them.
	Env []string
	// Dir is the working directory, the lab's home when empty.
	Dir string
	// Stdin is what the program reads; nothing at all when empty.
	Stdin string
	// Timeout is how long it may run, one minute when zero. Then it and its
	// descendants are killed and the lab fails.
	Timeout time.Duration
}

// Result says how a program ended. A program killed by a signal has the code
// 128 plus the signal's number.
type Result struct {
	Stdout string
	Stderr string
	Code   int
	// Took is the time from start to end, measured by the keeper.
	Took time.Duration
	// MaxRSS is the most memory it had in use, in bytes; it is never less
	// than the lab's keeper has.
	MaxRSS int64
}

// Run runs a program to its end. env are changes to Lab.Env as With takes
// them, nil for none: a complete environment may be given as well.
func (l *Lab) Run(env []string, name string, args ...string) Result {
	if l.t != nil {
		l.t.Helper()
	}
	return l.Exec(Cmd{Name: name, Args: args, Env: env})
}

// Exec runs a program to its end.
func (l *Lab) Exec(c Cmd) Result {
	if l.t != nil {
		l.t.Helper()
	}
	r, err := l.exec(c)
	if err != nil {
		l.fail(err)
	}
	return r
}

func (l *Lab) exec(c Cmd) (Result, error) {
	stdin, err := l.stdin(c.Stdin)
	if err != nil {
		return Result{}, err
	}
	defer stdin.Close()
	var out [2]strings.Builder
	var files [2]*os.File
	var readers sync.WaitGroup
	var pipes []*os.File
	defer func() {
		// A descendant may still hold a pipe: closing our end ends the copy.
		for _, r := range pipes {
			_ = r.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		}
		readers.Wait()
		for _, r := range pipes {
			r.Close()
		}
	}()
	for i := range out {
		r, w, err := os.Pipe()
		if err != nil {
			return Result{}, err
		}
		pipes, files[i] = append(pipes, r), w
		defer w.Close()
		readers.Add(1)
		go func() {
			defer readers.Done()
			_, _ = io.Copy(&out[i], r)
		}()
	}
	p, err := l.start(c, false, stdin, files[0], files[1])
	files[0].Close()
	files[1].Close()
	if err != nil {
		return Result{}, err
	}
	limit := c.Timeout
	if limit == 0 {
		limit = time.Minute
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.Done():
	case <-timer.C:
		_ = p.SignalTree(syscall.SIGKILL)
		<-p.Done()
		return Result{}, fmt.Errorf("%q did not end within %v", c.Name, limit)
	}
	for _, r := range pipes {
		_ = r.SetReadDeadline(time.Now().Add(time.Second))
	}
	readers.Wait()
	exit := p.Exit()
	return Result{Stdout: out[0].String(), Stderr: out[1].String(), Code: exit.Code, Took: exit.Took, MaxRSS: exit.MaxRSS}, nil
}

// stdin is an open file that holds the text and no longer has a name.
func (l *Lab) stdin(text string) (*os.File, error) {
	if text == "" {
		return os.Open(os.DevNull)
	}
	f, err := os.CreateTemp(l.Dir+"/tmp", "stdin-")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(f.Name())
	if _, err = f.WriteString(text); err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// start hands a program to the keeper.
func (l *Lab) start(c Cmd, gentle bool, files ...*os.File) (*keeper.Process, error) {
	file, err := lookPath(c.Name)
	if err != nil {
		return nil, err
	}
	dir := c.Dir
	if dir == "" {
		dir = l.Home
	}
	return l.keeper.Start(keeper.Spec{
		Path:   file,
		Args:   append([]string{c.Name}, c.Args...),
		Env:    l.With(c.Env...),
		Dir:    dir,
		Gentle: gentle,
	}, files...)
}

// Spawn starts a program that goes on running. What it prints goes to a log.
func (l *Lab) Spawn(name string, args ...string) *Process {
	if l.t != nil {
		l.t.Helper()
	}
	return l.SpawnCmd(Cmd{Name: name, Args: args})
}

// SpawnCmd is Spawn with everything a Cmd can say but a Timeout.
func (l *Lab) SpawnCmd(c Cmd) *Process {
	if l.t != nil {
		l.t.Helper()
	}
	p, err := l.spawn(c, false)
	if err != nil {
		l.fail(err)
	}
	return p
}

// spawn starts a program with its output in a log; extra are its descriptors
// 3 and up.
func (l *Lab) spawn(c Cmd, gentle bool, extra ...*os.File) (*Process, error) {
	stdin, err := l.stdin(c.Stdin)
	if err != nil {
		return nil, err
	}
	defer stdin.Close()
	name := l.unique(filepath.Base(c.Name))
	log, err := os.OpenFile(l.Dir+"/log/"+name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p, err := l.start(c, gentle, append([]*os.File{stdin, log, log}, extra...)...)
	if err != nil {
		return nil, err
	}
	l.say("started %s, pid %d", name, p.PID)
	return &Process{PID: p.PID, Name: name, lab: l, p: p}, nil
}

// unique numbers the second and later use of a name.
func (l *Lab) unique(name string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.names[name]++
	if n := l.names[name]; n > 1 {
		return fmt.Sprintf("%s-%d", name, n)
	}
	return name
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.p.Done() }

// Alive tells whether the process has not ended.
func (p *Process) Alive() bool {
	select {
	case <-p.p.Done():
		return false
	default:
		return true
	}
}

// Wait waits until the process has ended and returns its exit code, 128 plus
// the signal's number when a signal ended it.
func (p *Process) Wait() int {
	select {
	case <-p.p.Done():
	case <-time.After(patience):
		p.lab.failf("%q did not end within %v", p.Name, patience)
	}
	return p.p.Exit().Code
}

// Signal signals the process itself. It is no error that it has ended.
func (p *Process) Signal(sig syscall.Signal) { _ = p.p.Signal(sig) }

// Stop freezes the process and its descendants (SIGSTOP), and returns when they
// stand still: a thread that waits for a processor gets there late. Continue lets
// them go on.
func (p *Process) Stop() {
	_ = p.p.SignalTree(syscall.SIGSTOP)
	Poll(time.Second, func() bool {
		return !slices.ContainsFunc(append(p.Descendants(), p.PID), runs)
	})
}

func (p *Process) Continue() { _ = p.p.SignalTree(syscall.SIGCONT) }

// runs tells whether a thread of the process is neither stopped nor dead (proc(5),
// the third field of stat).
func runs(pid int) bool {
	all, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	return slices.ContainsFunc(all, func(file string) bool {
		b, err := os.ReadFile(file)
		_, state, found := strings.Cut(string(b), ") ")
		return err == nil && found && !strings.ContainsAny(state[:1], "TtZX")
	})
}

// Kill kills the process and its descendants and waits for its end.
func (p *Process) Kill() {
	_ = p.p.SignalTree(syscall.SIGKILL)
	p.Wait()
}

// Terminate asks the process to end (SIGTERM) and waits for it.
func (p *Process) Terminate() int {
	p.Signal(syscall.SIGTERM)
	return p.Wait()
}

// Descendants lists the living descendants of the process.
func (p *Process) Descendants() []int { return keeper.Descendants(p.PID) }

// Log is what the process has printed up to now.
func (p *Process) Log() string {
	b, err := os.ReadFile(p.lab.Dir + "/log/" + p.Name)
	if err != nil {
		return ""
	}
	return string(b)
}

// LogSince is what the process has printed behind its first n bytes.
func (p *Process) LogSince(n int64) string {
	f, err := os.Open(p.lab.Dir + "/log/" + p.Name)
	if err != nil {
		return ""
	}
	defer f.Close()
	b, _ := io.ReadAll(io.NewSectionReader(f, n, math.MaxInt64-n)) // up to now, as far as it goes
	return string(b)
}

// LogSize is how many bytes the process has printed up to now.
func (p *Process) LogSize() int64 {
	info, err := os.Stat(p.lab.Dir + "/log/" + p.Name)
	if err != nil {
		return 0
	}
	return info.Size()
}

// Logs are the last lines of what the processes printed that printed last.
func (l *Lab) Logs() string {
	const most = 10
	entries, err := os.ReadDir(l.Dir + "/log")
	if err != nil {
		return err.Error()
	}
	var logs []os.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Size() > 0 {
			logs = append(logs, info)
		}
	}
	slices.SortFunc(logs, func(a, b os.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	var all strings.Builder
	for _, log := range logs[max(0, len(logs)-most):] {
		b, err := os.ReadFile(l.Dir + "/log/" + log.Name())
		if err != nil {
			continue
		}
		lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
		lines = lines[max(0, len(lines)-12):]
		fmt.Fprintf(&all, "--- %s\n%.3000s\n", log.Name(), strings.Join(lines, "\n"))
	}
	return all.String()
}

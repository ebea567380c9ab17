package keeper

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// closeTime is how long the keeper may take to kill everything.
const closeTime = 20 * time.Second

// Keeper is the parent's end. Its methods may be called concurrently.
type Keeper struct {
	pid  int
	conn *net.UnixConn
	done chan struct{}  // closed when the reader has ended
	ends sync.WaitGroup // one for each process that was started

	mu      sync.Mutex
	next    int
	waiting map[int]chan answer   // requests without an answer
	running map[int]chan<- answer // processes without an exit
	closed  bool
	cmd     *exec.Cmd // nil once Close was called
}

// Process is one process the keeper started.
type Process struct {
	PID int
	k   *Keeper
	id  int
	// done is closed once exit is set.
	done chan struct{}
	exit Exit
}

// Start runs the keeper: program is started with args, the number of its
// socket's descriptor (3) and dir, and has to call Serve with these two. What
// the keeper complains about goes to stderr, which is a file so that nothing
// waits for it.
func Start(program string, args []string, dir string, stderr *os.File) (*Keeper, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "keeper"), os.NewFile(uintptr(fds[1]), "parent")
	defer ours.Close()
	defer theirs.Close()
	c, err := net.FileConn(ours)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, append(args, "3", dir)...)
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.Stderr = stderr
	cmd.Dir = "/"
	// A session of its own: Ctrl-C at the terminal is for the parent alone.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		c.Close()
		return nil, err
	}
	k := &Keeper{
		pid:     cmd.Process.Pid,
		cmd:     cmd,
		conn:    c.(*net.UnixConn),
		done:    make(chan struct{}),
		waiting: map[int]chan answer{},
		running: map[int]chan<- answer{},
	}
	go k.read()
	return k, nil
}

// PID is the pid of the keeper itself, the parent of all it starts.
func (k *Keeper) PID() int { return k.pid }

func (k *Keeper) read() {
	defer close(k.done)
	buf := make([]byte, maxPacket)
	for {
		n, err := k.conn.Read(buf)
		if err != nil {
			break
		}
		var a answer
		if json.Unmarshal(buf[:n], &a) != nil {
			continue
		}
		k.mu.Lock()
		if a.Exit != nil {
			if c := k.running[a.ID]; c != nil {
				delete(k.running, a.ID)
				c <- a
			}
		} else if c := k.waiting[a.ID]; c != nil {
			delete(k.waiting, a.ID)
			c <- a
		}
		k.mu.Unlock()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	for _, c := range k.waiting {
		c <- answer{Error: "the keeper is gone"}
	}
	for _, c := range k.running {
		c <- answer{Exit: &Exit{Code: 128 + int(unix.SIGKILL)}}
	}
	k.waiting, k.running = nil, nil
}

// ask sends one request and waits for its answer. exit, when not nil, gets
// the process's end.
func (k *Keeper) ask(req request, files []*os.File, exit chan<- answer) (answer, int, error) {
	c := make(chan answer, 1)
	k.mu.Lock()
	if k.closed {
		k.mu.Unlock()
		return answer{}, 0, errors.New("the keeper is closed")
	}
	k.next++
	req.ID = k.next
	k.waiting[req.ID] = c
	if exit != nil {
		k.running[req.ID] = exit
	}
	k.mu.Unlock()

	b, err := json.Marshal(req)
	if err == nil && len(b) > maxPacket {
		err = fmt.Errorf("a request of %d bytes is too long", len(b))
	}
	if err == nil {
		var oob []byte
		if len(files) > 0 {
			fds := make([]int, len(files))
			for i, f := range files {
				fds[i] = int(f.Fd())
			}
			oob = unix.UnixRights(fds...)
		}
		_, _, err = k.conn.WriteMsgUnix(b, oob, nil)
	}
	if err != nil {
		k.mu.Lock()
		delete(k.waiting, req.ID)
		delete(k.running, req.ID)
		k.mu.Unlock()
		return answer{}, 0, err
	}
	a := <-c
	if a.Error != "" {
		k.mu.Lock()
		delete(k.running, req.ID)
		k.mu.Unlock()
		return a, req.ID, errors.New(a.Error)
	}
	return a, req.ID, nil
}

// Start starts a process. files are its descriptors 0, 1, 2, … and remain the
// caller's to close.
func (k *Keeper) Start(spec Spec, files ...*os.File) (*Process, error) {
	if len(files) > maxFiles {
		return nil, fmt.Errorf("%d files are too many", len(files))
	}
	exit := make(chan answer, 1)
	a, id, err := k.ask(request{Op: opStart, Spec: &spec}, files, exit)
	if err != nil {
		return nil, err
	}
	p := &Process{PID: a.PID, k: k, id: id, done: make(chan struct{})}
	// Ends with the process, at the latest with the keeper; Close joins it.
	k.ends.Add(1)
	go func() {
		defer k.ends.Done()
		p.exit = *(<-exit).Exit
		close(p.done)
	}()
	return p, nil
}

// Remember has the keeper remove an X server's files at teardown.
func (k *Keeper) Remember(l XLock) error {
	_, _, err := k.ask(request{Op: opXLock, XLock: &l}, nil, nil)
	return err
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Exit says how the process ended; only after Done.
func (p *Process) Exit() Exit {
	<-p.done
	return p.exit
}

// Signal signals the process alone. It returns an error when it has ended.
func (p *Process) Signal(sig syscall.Signal) error {
	_, _, err := p.k.ask(request{Op: opSignal, Process: p.id, Signal: int(sig)}, nil, nil)
	return err
}

// SignalTree signals the process and all its descendants.
func (p *Process) SignalTree(sig syscall.Signal) error {
	_, _, err := p.k.ask(request{Op: opTree, Process: p.id, Signal: int(sig)}, nil, nil)
	return err
}

// Close ends every process, waits until the keeper has seen the last of them
// go and removed the directory, and returns. It may be called again.
func (k *Keeper) Close() error {
	k.mu.Lock()
	cmd := k.cmd
	k.cmd = nil
	k.mu.Unlock()
	if cmd == nil {
		return nil
	}
	// Half close: the keeper still tells how the processes ended.
	if err := k.conn.CloseWrite(); err != nil && !errors.Is(err, io.EOF) {
		k.conn.Close()
	}
	slow := time.AfterFunc(closeTime, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	if !slow.Stop() {
		err = errors.Join(errors.New("the keeper did not end in time"), err)
	}
	k.conn.Close()
	<-k.done
	k.ends.Wait()
	return err
}

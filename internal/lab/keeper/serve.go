package keeper

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// DirPrefix begins the name of every directory the keeper agrees to remove.
const DirPrefix = "patoggle-lab-"

// gentleTime is how long a process with Spec.Gentle may take to end.
const gentleTime = 2 * time.Second

// child is a process the keeper started and has not reaped.
type child struct {
	id     int
	gentle bool
	since  time.Time
}

// incoming is one packet from the parent.
type incoming struct {
	request
	files []int
}

// server is the state of Serve; only the goroutine of Serve touches it.
type server struct {
	conn     *net.UnixConn
	children map[int]child // by pid
	pids     map[int]int   // request ID to pid, of living children
	locks    []XLock
}

// Serve is the keeper: it runs until the socket (descriptor fd) ends or a
// signal asks it to stop, then kills all its descendants and removes dir. The
// calling goroutine keeps its thread, since the parent-death signal of the
// children is bound to the thread that started them (prctl(2),
// PR_SET_PDEATHSIG).
func Serve(fd int, dir string) error {
	runtime.LockOSThread()
	if !strings.HasPrefix(filepath.Base(dir), DirPrefix) || !filepath.IsAbs(dir) {
		return fmt.Errorf("refusing the directory %q", dir)
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become a subreaper: %w", err)
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGCHLD)
	signal.Ignore(unix.SIGPIPE)

	unix.CloseOnExec(fd)
	file := os.NewFile(uintptr(fd), "parent")
	c, err := net.FileConn(file)
	file.Close()
	if err != nil {
		return err
	}
	conn, ok := c.(*net.UnixConn)
	if !ok {
		return errors.New("the parent's socket is not a unix socket")
	}

	s := &server{conn: conn, children: map[int]child{}, pids: map[int]int{}}
	in := make(chan incoming)
	stop := make(chan struct{})
	go read(conn, in, stop)
	for run := true; run; {
		select {
		case req, ok := <-in:
			if !ok {
				run = false
				break
			}
			s.handle(req)
		case sig := <-signals:
			if sig != unix.SIGCHLD {
				run = false
				break
			}
			s.reap()
		}
	}
	close(stop)
	s.killAll()
	for _, l := range s.locks {
		l.remove()
	}
	err = os.RemoveAll(dir)
	conn.Close()
	return err
}

// read hands on packets until the socket ends.
func read(conn *net.UnixConn, in chan<- incoming, stop <-chan struct{}) {
	defer close(in)
	buf := make([]byte, maxPacket)
	oob := make([]byte, unix.CmsgSpace(maxFiles*4))
	for {
		n, oobn, _, _, err := conn.ReadMsgUnix(buf, oob)
		if err != nil {
			return
		}
		var m incoming
		m.files = received(oob[:oobn])
		if err := json.Unmarshal(buf[:n], &m.request); err != nil {
			fmt.Fprintln(os.Stderr, "keeper: bad request:", err)
			closeAll(m.files)
			continue
		}
		select {
		case in <- m:
		case <-stop:
			closeAll(m.files)
			return
		}
	}
}

// received lists the descriptors of a control message.
func received(oob []byte) []int {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	var files []int
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			continue
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			files = append(files, fd)
		}
	}
	return files
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}

func (s *server) reply(a answer) {
	b, err := json.Marshal(a)
	if err != nil {
		fmt.Fprintln(os.Stderr, "keeper:", err)
		return
	}
	// An error means that the parent is gone; the reader sees that too.
	_, _ = s.conn.Write(b)
}

func (s *server) handle(req incoming) {
	defer closeAll(req.files)
	a := answer{ID: req.ID}
	fail := func(err error) {
		if err != nil {
			a.Error = err.Error()
		}
	}
	switch req.Op {
	case opStart:
		pid, err := s.start(req)
		a.PID = pid
		fail(err)
	case opSignal:
		if pid, ok := s.pids[req.Process]; ok {
			fail(unix.Kill(pid, unix.Signal(req.Signal)))
		} else {
			fail(os.ErrProcessDone)
		}
	case opTree:
		if pid, ok := s.pids[req.Process]; ok {
			signalTree(pid, unix.Signal(req.Signal))
		} else {
			fail(os.ErrProcessDone)
		}
	case opXLock:
		s.locks = append(s.locks, *req.XLock)
	default:
		fail(fmt.Errorf("unknown operation %q", req.Op))
	}
	s.reply(a)
}

func (s *server) start(req incoming) (int, error) {
	files := make([]uintptr, len(req.files))
	for i, fd := range req.files {
		files[i] = uintptr(fd)
	}
	since := time.Now()
	pid, err := syscall.ForkExec(req.Spec.Path, req.Spec.Args, &syscall.ProcAttr{
		Dir:   req.Spec.Dir,
		Env:   req.Spec.Env,
		Files: files,
		Sys:   &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		return 0, fmt.Errorf("start %q: %w", req.Spec.Path, err)
	}
	s.children[pid] = child{id: req.ID, gentle: req.Spec.Gentle, since: since}
	s.pids[req.ID] = pid
	return pid, nil
}

// reap collects every process that ended, also those that were left to us,
// and tells the parent about the ones it asked for.
func (s *server) reap() {
	for {
		var status unix.WaitStatus
		var usage unix.Rusage
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG, &usage)
		if err == unix.EINTR {
			continue
		}
		if err != nil || pid == 0 {
			return
		}
		c, ok := s.children[pid]
		if !ok {
			continue
		}
		delete(s.children, pid)
		delete(s.pids, c.id)
		exit := &Exit{Code: status.ExitStatus(), Took: time.Since(c.since), MaxRSS: usage.Maxrss << 10}
		if status.Signaled() {
			exit.Code = 128 + int(status.Signal())
		}
		s.reply(answer{ID: c.id, PID: pid, Exit: exit})
	}
}

// killAll ends every descendant. The gentle ones come last, so that the
// programs using them do not see them go.
func (s *server) killAll() {
	spare := map[int]bool{}
	for pid, c := range s.children {
		spare[pid] = c.gentle
	}
	s.until(time.Now().Add(gentleTime), func() bool {
		return kill(descendants(os.Getpid()), spare, unix.SIGKILL) == 0
	})
	for pid, gentle := range spare {
		if gentle {
			_ = unix.Kill(pid, unix.SIGTERM)
			_ = unix.Kill(pid, unix.SIGCONT)
		}
	}
	s.until(time.Now().Add(gentleTime), func() bool { return len(descendants(os.Getpid())) == 0 })
	s.until(time.Now().Add(10*time.Second), func() bool {
		return kill(descendants(os.Getpid()), nil, unix.SIGKILL) == 0
	})
}

// until reaps and asks again until done says yes or the time is over.
func (s *server) until(deadline time.Time, done func() bool) {
	for pause := time.Millisecond; ; pause = min(2*pause, 20*time.Millisecond) {
		s.reap()
		if done() || time.Now().After(deadline) {
			return
		}
		time.Sleep(pause)
	}
}

// process is one line of the process table.
type process struct {
	pid, parent int
	started     string // field 22 of /proc/PID/stat
}

// table reads /proc. Processes that are dead but not reaped are left out.
func table() []process {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var all []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if p, ok := look(pid); ok {
			all = append(all, p)
		}
	}
	return all
}

// look reads one process. The name in parentheses may hold anything, so
// fields are counted from the last parenthesis (proc(5)).
func look(pid int) (process, bool) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return process{}, false
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(f) < 20 || f[0] == "Z" || f[0] == "X" {
		return process{}, false
	}
	parent, err := strconv.Atoi(f[1])
	if err != nil {
		return process{}, false
	}
	return process{pid: pid, parent: parent, started: f[19]}, true
}

// Descendants lists the living descendants of a process, itself not included.
func Descendants(pid int) []int {
	var pids []int
	for _, p := range descendants(pid) {
		pids = append(pids, p.pid)
	}
	return pids
}

// Below is Descendants for who asks again and again: it looks at those processes
// alone and not at all of the machine. Dead ones that nobody has waited for are
// among them, and it may miss one that was started, or whose parent ended, while
// it looks (proc(5), /proc/PID/task/TID/children).
func Below(pid int) []int {
	tasks, err := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task")
	if err != nil {
		return nil
	}
	var pids []int
	for _, task := range tasks {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/task/" + task.Name() + "/children")
		if err != nil && task.Name() == strconv.Itoa(pid) {
			return Descendants(pid) // a kernel without the file
		}
		for _, word := range strings.Fields(string(b)) {
			if child, err := strconv.Atoi(word); err == nil {
				pids = append(append(pids, child), Below(child)...)
			}
		}
	}
	return pids
}

func descendants(pid int) []process {
	all := table()
	of := map[int]bool{pid: true}
	var found []process
	for again := true; again; {
		again = false
		for _, p := range all {
			if of[p.parent] && !of[p.pid] {
				of[p.pid] = true
				found = append(found, p)
				again = true
			}
		}
	}
	return found
}

// kill signals the processes that are not spared and returns their number.
func kill(ps []process, spare map[int]bool, sig unix.Signal) int {
	n := 0
	for _, p := range ps {
		if spare[p.pid] {
			continue
		}
		n++
		send(p, sig)
	}
	return n
}

// send signals the process that was seen, and no other that has got its pid
// since: the start time is compared once the pid is held (pidfd_open(2)).
func send(p process, sig unix.Signal) {
	fd, err := unix.PidfdOpen(p.pid, 0)
	if err == unix.ENOSYS {
		_ = unix.Kill(p.pid, sig)
		return
	}
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if now, ok := look(p.pid); ok && now.started == p.started {
		_ = unix.PidfdSendSignal(fd, sig, nil, 0)
	}
}

// signalTree signals a process and all its descendants, parents first.
func signalTree(pid int, sig unix.Signal) {
	ps := descendants(pid)
	if p, ok := look(pid); ok {
		send(p, sig)
	}
	kill(ps, nil, sig)
}

// remove deletes what a killed X server left, unless another server has taken
// the display since: the lock file holds the owner's pid in decimal.
func (l XLock) remove() {
	b, err := os.ReadFile(l.Lock)
	if err != nil {
		return
	}
	if pid, err := strconv.Atoi(strings.TrimSpace(string(b))); err != nil || pid != l.PID {
		return
	}
	_ = os.Remove(l.Socket)
	_ = os.Remove(l.Lock)
}

package proc

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
)

// The most that is read of one file. A status has a line for each supplementary
// group, and an environment has at most two megabytes unless the system was
// told otherwise; what lies beyond is not worth a wait.
const (
	maxFile    = 1 << 16
	maxEnviron = 1 << 20
)

// Reader reads /proc and remembers what it read for its whole life, which
// should be as short as one key press: a pid means the same process for that
// long. It is not safe for concurrent use.
type Reader struct {
	fsys  fs.FS
	uid   int
	uts   string // our UTS namespace, once read
	known map[int]*entry
	inner map[int][]int // pids by the innermost id, once read
	all   []int         // every pid, once read
	buf   []byte
	peers func(socket string) ([]uint32, error) // see peersOf
}

// entry is what is known of one pid. have holds no bit for a pid that has no
// process.
type entry struct {
	p    Process
	have Fields
	gone bool
}

// New returns a reader of fsys, which is /proc: FS("/proc"), or
// os.DirFS("/proc"), which is slower. Links are read only when fsys is an
// fs.ReadLinkFS.
func New(fsys fs.FS) *Reader {
	return &Reader{fsys: fsys, uid: os.Getuid(), known: make(map[int]*entry), peers: peersOf}
}

// Process returns everything that is known of the process, and false when
// there is no process of that id: never, ended, the id of a mere thread, or
// out of range.
func (r *Reader) Process(pid int) (Process, bool) { return r.Read(pid, All) }

// Read is Process for the files that want names only.
func (r *Reader) Read(pid int, want Fields) (Process, bool) {
	if pid <= 0 || pid > maxPID {
		return Process{}, false
	}
	e := r.known[pid]
	if e == nil {
		e = &entry{p: Process{PID: pid, SameUTS: true, SamePID: true}}
		r.known[pid] = e
	}
	if need := (want | Stat) &^ e.have; need != 0 && !e.gone {
		r.fill(e, need)
	}
	if e.gone {
		return Process{}, false
	}
	return e.p, true
}

// fill reads the files that need names.
func (r *Reader) fill(e *entry, need Fields) {
	p, dir := &e.p, strconv.Itoa(e.p.PID)+"/"
	e.have |= need
	if need&Stat != 0 {
		s, ok := parseStat(r.file(dir+"stat", maxFile))
		if !ok || s.pid != p.PID {
			e.gone = true
			return
		}
		p.PPID, p.Start, p.Comm, p.TTY = s.ppid, s.start, s.comm, s.tty
		p.Zombie, p.Kernel = s.zombie(), s.flags&kernelThread != 0
	}
	if need&Status != 0 {
		s, ok := parseStatus(r.file(dir+"status", maxFile))
		if !ok || s.tgid != p.PID {
			e.gone = true
			return
		}
		p.UID, p.NSPid, p.SamePID = s.uid, s.nspid, len(s.nspid) == 1
	}
	if need&Cgroup != 0 {
		p.Unit = parseCgroup(r.file(dir+"cgroup", maxFile))
	}
	if need&Link != 0 {
		p.Exe = parseExe(r.link(dir + "exe"))
	}
	if need&Cmdline != 0 {
		p.Argv0 = parseArgv0(r.file(dir+"cmdline", maxFile))
	}
	if need&Environ != 0 {
		e := parseEnviron(r.file(dir+"environ", maxEnviron))
		p.SteamAppID, p.WindowID, p.Multiplexer, p.MultiplexerSession, p.WinePrefix = e.steam, e.window, e.multiplexer, e.session, e.winePrefix
	}
	if need&Sandbox != 0 {
		// The file is the sandbox's own and could be anything; opening a
		// named pipe would wait for a writer.
		if name := dir + "root/.flatpak-info"; r.regular(name) {
			p.Flatpak, p.FlatpakInstance = parseFlatpakInfo(r.file(name, maxFile))
		}
	}
	if need&Label != 0 {
		p.Snap = parseLabel(r.file(dir+"attr/current", maxFile))
	}
	if need&UTS != 0 {
		if r.uts == "" {
			r.uts = r.link("self/ns/uts")
		}
		theirs := r.link(dir + "ns/uts")
		p.SameUTS = r.uts == "" || theirs == "" || r.uts == theirs
	}
}

// Inner returns our processes (by real user id) that live in a pid namespace
// inside ours and are called pid there, sorted by their id here. The first call
// looks at every process: at the name of its pid namespace, and at its status
// when that is another than ours. A process that we may not look into, another
// user's or one that shut itself off, is not found.
func (r *Reader) Inner(pid int) []Process {
	if r.inner == nil {
		r.inner = make(map[int][]int)
		ours := r.link("self/ns/pid")
		for _, n := range r.pids() {
			if ours != "" {
				if ns := r.link(strconv.Itoa(n) + "/ns/pid"); ns == "" || ns == ours {
					continue
				}
			}
			p, ok := r.Read(n, Stat|Status)
			if !ok || p.UID != r.uid || p.SamePID || p.Zombie {
				continue
			}
			last := p.NSPid[len(p.NSPid)-1]
			r.inner[last] = append(r.inner[last], n)
		}
	}
	var found []Process
	for _, n := range r.inner[pid] {
		if p, ok := r.Process(n); ok {
			found = append(found, p)
		}
	}
	return found
}

// pids lists the processes, sorted.
func (r *Reader) pids() []int {
	entries, err := fs.ReadDir(r.fsys, ".")
	if err != nil && len(entries) == 0 {
		return nil
	}
	var pids []int
	for _, e := range entries {
		if n, ok := number(e.Name()); ok && n > 0 {
			pids = append(pids, n)
		}
	}
	slices.Sort(pids)
	return pids
}

// file returns the beginning of a file, at most limit bytes; nil when it
// cannot be read. The bytes are good until the next call.
func (r *Reader) file(name string, limit int) []byte {
	if r.buf == nil {
		r.buf = make([]byte, 4096)
	}
	for {
		n, err := r.read(name, r.buf)
		if err != nil {
			return nil
		}
		if n < len(r.buf) || n >= limit {
			return r.buf[:min(n, limit)]
		}
		r.buf = make([]byte, min(4*len(r.buf), max(limit, len(r.buf)+1)))
	}
}

// read reads the beginning of a file into buf, until it is full or the file
// ends.
func (r *Reader) read(name string, buf []byte) (int, error) {
	if q, ok := r.fsys.(interface {
		fill(name string, buf []byte) (int, error)
	}); ok {
		return q.fill(name, buf)
	}
	f, err := r.fsys.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n, err := io.ReadFull(f, buf)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return n, err
}

// regular tells whether the name is a regular file and no link.
func (r *Reader) regular(name string) bool {
	i, err := fs.Lstat(r.fsys, name)
	return err == nil && i.Mode().IsRegular()
}

// link returns where a link points, "" when it cannot be read.
func (r *Reader) link(name string) string {
	s, err := fs.ReadLink(r.fsys, name)
	if err != nil {
		return ""
	}
	return s
}

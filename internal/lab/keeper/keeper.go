// Package keeper starts processes on behalf of a parent and sees to it that
// none of them outlives the parent, however the parent ends.
//
// The keeper is a process of its own, in its own session, and a child
// subreaper (prctl(2), PR_SET_CHILD_SUBREAPER): whatever its children leave
// behind becomes its child, also when they changed their process group or
// session. The parent talks to it over a socket that only the parent holds.
// When that socket ends, because the parent closed it, panicked, was
// interrupted or killed, the keeper kills every descendant it has, removes
// the private directory it was given, and exits.
//
// Both ends of the socket are in this package: Serve is the keeper's, Start
// and Keeper the parent's.
package keeper

import "time"

// Spec says what to start. Path is absolute; Args has the program's name
// first, as in execve(2).
type Spec struct {
	Path string
	Args []string
	Env  []string
	Dir  string
	// Gentle asks for SIGTERM, and up to two seconds, before SIGKILL when
	// everything is torn down: for programs that remove files at exit.
	Gentle bool
}

// Exit says how a process ended.
type Exit struct {
	// Code is the exit code; 128 plus the signal's number when a signal
	// ended it, as shells count.
	Code int
	// Took is the time from just before fork to the notice of the end.
	Took time.Duration
	// MaxRSS is the most memory it had in use, in bytes (getrusage(2),
	// ru_maxrss). It is at least what the keeper itself had at the fork.
	MaxRSS int64
}

// XLock names the files of an X server that remain when it is killed. They are
// removed at teardown when the lock file still holds that server's pid.
type XLock struct {
	Lock   string
	Socket string
	PID    int
}

// The operations a parent can ask for.
const (
	opStart  = "start"
	opSignal = "signal"
	opTree   = "tree"
	opXLock  = "xlock"
)

// request goes from the parent to the keeper, one per packet. Files for a
// start (standard input, output, error, then descriptor 3 and up) travel with
// the packet (unix(7), SCM_RIGHTS).
type request struct {
	ID   int // the parent's number for this request, never 0
	Op   string
	Spec *Spec `json:",omitempty"`
	// Process is the ID of the start request whose process is meant.
	Process int    `json:",omitempty"`
	Signal  int    `json:",omitempty"`
	XLock   *XLock `json:",omitempty"`
}

// answer goes from the keeper to the parent: one per request, and one more
// with Exit set for each process that ended.
type answer struct {
	ID    int
	PID   int    `json:",omitempty"`
	Error string `json:",omitempty"`
	Exit  *Exit  `json:",omitempty"`
}

// maxPacket bounds one packet. Linux limits a packet to the socket's send
// buffer, about 208 KiB unless the machine was tuned.
const maxPacket = 256 << 10

// maxFiles bounds the descriptors of one start; SCM_MAX_FD is 253.
const maxFiles = 16

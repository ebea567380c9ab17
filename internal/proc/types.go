// Package proc is what /proc says of processes: ancestry, start times,
// namespaces, sandbox ids and app units. It reads through an fs.FS, lazily,
// and only what was asked for.
package proc

// Fields names the files of /proc/PID that a caller wants read. A key press
// waits for these reads, and each costs about ten microseconds.
type Fields uint16

const (
	// Stat fills PPID, Start, Comm, TTY, Zombie and Kernel. It is always read.
	Stat Fields = 1 << iota
	// Status fills UID, NSPid and SamePID, and refuses the id of a thread:
	// only a thread group has one of its own in the listing of /proc.
	Status
	// Cgroup fills Unit.
	Cgroup
	// Link fills Exe.
	Link
	// Cmdline fills Argv0.
	Cmdline
	// Environ fills SteamAppID, WindowID, Multiplexer, MultiplexerSession and
	// WinePrefix.
	Environ
	// Sandbox fills Flatpak and FlatpakInstance.
	Sandbox
	// Label fills Snap.
	Label
	// UTS fills SameUTS.
	UTS

	// All fills everything.
	All Fields = 1<<iota - 1
)

// Process is what one reading of /proc/PID says. Fields that need the same
// user (Exe, Flatpak, Snap and those of Environ) are zero when unreadable.
// Fields of files that were not asked for are zero, and SameUTS and SamePID
// true.
type Process struct {
	PID  int
	PPID int // 0 for pid 1 and for a process whose parent is outside our namespace
	// Start is the start time in clock ticks since boot (stat, field 22).
	Start uint64
	// Comm is the kernel's name for the process, at most 15 bytes.
	Comm string
	// TTY is the device number of the controlling terminal (stat, field 7); 0
	// when there is none.
	TTY int
	// Zombie is true for a process that has ended and was not waited for.
	Zombie bool
	// Kernel is true for a thread of the kernel (PF_KTHREAD).
	Kernel bool
	// Exe is the path of the running file without " (deleted)"; "".
	Exe string
	// Argv0 is the first argument of cmdline; "".
	Argv0 string
	// UID is the real user id (status, "Uid:").
	UID int
	// NSPid are the pid's names from our namespace to the innermost one
	// (status, "NSpid:"). One field: no inner namespace.
	NSPid []int
	// Unit is the innermost "app-*.scope" or "app-*.service" of the control
	// group; "" when there is none.
	Unit string
	// Flatpak is the application's id, FlatpakInstance the instance's
	// (root/.flatpak-info: [Application] name=, [Instance] instance-id=).
	Flatpak         string
	FlatpakInstance string
	// Snap is the snap's name from attr/current ("snap.NAME.APP (…)").
	Snap string
	// SteamAppID is SteamAppId of the environment; 0 when there is none.
	SteamAppID int
	// WindowID is WINDOWID of the environment (terminals set it); 0.
	WindowID uint32
	// Multiplexer is the pid of the tmux or screen server that the process was
	// started in, from TMUX or STY of the environment; 0. The server may have
	// ended since. MultiplexerSession is the session of tmux it was started in.
	Multiplexer        int
	MultiplexerSession string
	// WinePrefix is WINEPREFIX of the environment, else what Wine uses without
	// it, HOME/.wine; "" when neither is there. Every process has one, also
	// those that are none of Wine's.
	WinePrefix string
	// SameUTS is false only when the process is known to be in another UTS
	// namespace than we are.
	SameUTS bool
	// SamePID is false only when the process is known to be in another pid
	// namespace than we are.
	SamePID bool
}

package match

import (
	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/internal/proc"
)

// ReadAhead reads what Match will ask of the windows' processes in any case,
// for a caller that has the screen and still waits for the sound server. As long
// as idle says so it goes on with what Match will ask if those processes play
// something, as they mostly do. It does nothing for a Processes that does not
// remember what it read.
func ReadAhead(procs Processes, s *desktop.Screen, idle func() bool) {
	partial, ok := procs.(PartialProcesses)
	if !ok || s == nil {
		return
	}
	owners := make([]int, 0, len(s.Windows)+1)
	owners = append(owners, s.Focused.Owner)
	for i := range s.Windows {
		owners = append(owners, s.Windows[i].Owner)
	}
	for _, pid := range owners {
		partial.Read(pid, proc.Stat)
	}
	// With a second stream the rules compare these.
	want := proc.Status | proc.Sandbox | proc.Label | proc.Cgroup
	for _, pid := range owners {
		if !idle() {
			return
		}
		partial.Read(pid, want)
		want = proc.Status
	}
}

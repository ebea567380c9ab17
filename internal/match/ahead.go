package match

import (
	"github.com/patoggle/patoggle/internal/proc"
	"github.com/patoggle/patoggle/x11"
)

// ReadAhead reads what Match will ask of the windows' processes in any case,
// for a caller that has the screen and still waits for the sound server. It
// does nothing for a Processes that does not remember what it read.
func ReadAhead(procs Processes, s *x11.Screen) {
	partial, ok := procs.(PartialProcesses)
	if !ok || s == nil {
		return
	}
	partial.Read(s.Focused.Owner, proc.Stat)
	for i := range s.Windows {
		partial.Read(s.Windows[i].Owner, proc.Stat)
	}
}

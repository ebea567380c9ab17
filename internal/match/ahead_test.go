package match

import (
	"reflect"
	"testing"

	"github.com/patoggle/patoggle/internal/proc"
	"github.com/patoggle/patoggle/x11"
)

// noting is a Processes that notes what it is asked for.
type noting map[int]proc.Fields

func (a noting) Process(pid int) (proc.Process, bool) { return a.Read(pid, proc.All) }
func (a noting) Inner(int) []proc.Process             { return nil }
func (a noting) Read(pid int, want proc.Fields) (proc.Process, bool) {
	a[pid] |= want
	return proc.Process{PID: pid}, true
}

func TestReadAheadAsksForWhatMatchAsksOfWindowsInAnyCase(t *testing.T) {
	screen := &x11.Screen{
		Resource: true,
		Focused:  x11.Window{ID: 1, Owner: 100, PID: 100},
		Windows:  []x11.Window{{ID: 1, Owner: 100, PID: 100}, {ID: 2, Owner: 200, PID: 200}, {ID: 3, Owner: 300}},
	}
	ahead := noting{}
	ReadAhead(ahead, screen)
	if want := (noting{100: proc.Stat, 200: proc.Stat, 300: proc.Stat}); !reflect.DeepEqual(ahead, want) {
		t.Errorf("asked for %v, not %v", ahead, want)
	}
	later := noting{}
	w := newWorld(Input{Screen: screen, Procs: later, PID: 1})
	w.findWindow()
	for pid, fields := range ahead {
		if later[pid]&fields != fields {
			t.Errorf("Match never asks for %v of process %d", fields, pid)
		}
	}
	ReadAhead(ahead, nil)
}

package match

import (
	"reflect"
	"testing"

	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/internal/proc"
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
	screen := &desktop.Screen{
		Resource: true,
		Focused:  desktop.Window{ID: "0x1", Owner: 100, PID: 100},
		Windows:  []desktop.Window{{ID: "0x1", Owner: 100, PID: 100}, {ID: "0x2", Owner: 200, PID: 200}, {ID: "0x3", Owner: 300}},
	}
	ahead := noting{}
	ReadAhead(ahead, screen, func() bool { return false })
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
	ReadAhead(ahead, nil, nil)
}

func TestReadAheadGoesOnWhileThereIsTime(t *testing.T) {
	f := newFixture()
	f.chromium(8569, 8709, 0x1400004, 7)
	f.chromium(8000, 8100, 0x1400005, 8)
	f.focus(0x1400004)
	in := f.input()
	turns := 2
	ahead := noting{}
	ReadAhead(ahead, in.Screen, func() bool { turns--; return turns >= 0 })
	more := proc.Status | proc.Sandbox | proc.Label | proc.Cgroup
	if want := (noting{8569: proc.Stat | more, 8000: proc.Stat}); !reflect.DeepEqual(ahead, want) {
		t.Errorf("with time for two asked for %v, not %v", ahead, want)
	}
	ReadAhead(ahead, in.Screen, func() bool { return true })
	if want := (noting{8569: proc.Stat | more, 8000: proc.Stat | proc.Status}); !reflect.DeepEqual(ahead, want) {
		t.Errorf("with time for all asked for %v, not %v", ahead, want)
	}
}

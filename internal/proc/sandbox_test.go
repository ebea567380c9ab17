package proc_test

import (
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/proc"
)

// A real sandbox: the process that calls itself 2, or near it, is found by that
// name and by its Flatpak file.
func TestARealSandbox(t *testing.T) {
	lab.Need(t, "bwrap")
	l := lab.Start(t)
	for _, box := range []lab.Sandbox{{}, {AppID: "org.example.Sleeper", Instance: "3262137452"}} {
		argv := l.Sandboxed(box, "sleep", "60")
		outer := l.Spawn(argv[0], argv[1:]...)
		var found proc.Process
		for deadline := time.Now().Add(time.Minute); found.PID == 0; {
			r := proc.New(proc.FS("/proc"))
			for _, p := range r.Inner(2) {
				if p.Comm == "sleep" && below(r, p, outer.PID) {
					found = p
				}
			}
			if time.Now().After(deadline) {
				t.Fatalf("%+v: nothing is called 2 in the sandbox", box)
			}
		}
		if found.SamePID || len(found.NSPid) != 2 || found.NSPid[0] != found.PID || found.NSPid[1] != 2 || !found.SameUTS ||
			found.Flatpak != box.AppID || found.FlatpakInstance != box.Instance {
			t.Errorf("%+v: got %+v", box, found)
		}
	}
}

// below tells whether the process descends from another.
func below(r *proc.Reader, p proc.Process, of int) bool {
	for ok := true; ok && p.PID != 1; p, ok = r.Process(p.PPID) {
		if p.PPID == of {
			return true
		}
	}
	return false
}

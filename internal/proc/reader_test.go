package proc

import (
	"os"
	"testing"
)

func TestOurOwnProcessIsReadWhole(t *testing.T) {
	r := New(os.DirFS("/proc"))
	p, ok := r.Process(os.Getpid())
	if !ok {
		t.Fatal("not found")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if p.PID != os.Getpid() || p.PPID != os.Getppid() || p.Exe != exe || p.UID != os.Getuid() || p.Start == 0 ||
		!p.SamePID || !p.SameUTS || p.Zombie || p.Kernel || p.Argv0 != os.Args[0] {
		t.Errorf("got %+v, want pid %d, parent %d, exe %s, uid %d", p, os.Getpid(), os.Getppid(), exe, os.Getuid())
	}
}

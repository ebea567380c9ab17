package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// alonePatience is how long a lab waits for the sandboxes of other labs to
// end.
const alonePatience = 5 * time.Minute

// Alone waits until no other lab on this machine has sandboxes. Processes are
// seen across labs, and two sandboxes of one program cannot be told apart by
// what they say of themselves: a sandbox of another test would make this
// test's ambiguous. The lock is held until the lab is closed.
func (l *Lab) Alone() {
	if l.sandboxes != nil {
		return
	}
	name := filepath.Join(os.TempDir(), fmt.Sprintf("patoggle-lab-sandboxes-%d.lock", os.Getuid()))
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		l.fail(err)
	}
	if !Poll(alonePatience, func() bool { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil }) {
		f.Close()
		l.failf("waited %v in vain for the sandboxes of other labs to end", alonePatience)
	}
	l.sandboxes = f
}

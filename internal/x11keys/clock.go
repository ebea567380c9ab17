package x11keys

import (
	"time"

	"golang.org/x/sys/unix"
)

// Now is the time for a report.
func Now() int64 {
	var t unix.Timespec
	// It only fails for a clock that does not exist.
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t)
	return t.Nano() / 1000
}

// when is the time of a report on this process's own clock. One that lies in
// the future, which can only be wrong, is now.
func when(t int64) time.Time {
	ago := Now() - t
	return time.Now().Add(-time.Duration(max(ago, 0)) * time.Microsecond)
}

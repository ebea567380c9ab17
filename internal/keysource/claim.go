package keysource

import (
	"context"
	"fmt"
	"io"

	"github.com/patoggle/patoggle/internal/bus"
)

// HeldError says that another patoggled runs in this session.
type HeldError struct{ PID int } // 0 when not known

func (e *HeldError) Error() string { return fmt.Sprintf("process %d runs already", e.PID) }

// Claim makes us the one patoggled of the session bus, until the closer is
// closed. Errors are *HeldError, and *Unusable where there is no bus.
func Claim(ctx context.Context, getenv func(string) string) (io.Closer, error) {
	conn, err := bus.Open(ctx, getenv)
	if err != nil {
		return nil, errNoBus
	}
	ours, err := conn.Request(ctx, application)
	switch {
	case err != nil:
		conn.Close()
		return nil, errNoBus
	case !ours:
		pid, _ := conn.PID(ctx, application) // 0 when it has just gone
		conn.Close()
		return nil, &HeldError{PID: pid}
	}
	return conn, nil
}

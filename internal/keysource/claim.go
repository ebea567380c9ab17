package keysource

import (
	"context"
	"fmt"
	"io"

	"github.com/godbus/dbus/v5"
)

// HeldError says that another patoggled runs in this session.
type HeldError struct{ PID int } // 0 when not known

func (e *HeldError) Error() string { return fmt.Sprintf("process %d runs already", e.PID) }

// Claim makes us the one patoggled of the session bus, until the closer is
// closed. Errors are *HeldError, and *Unusable where there is no bus.
func Claim(ctx context.Context, getenv func(string) string) (io.Closer, error) {
	s := session{getenv: getenv, took: func(*dbus.Signal) {}, lost: func() {}}
	conn, err := s.get(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := conn.RequestName(application, dbus.NameFlagDoNotQueue)
	if err != nil {
		s.close()
		return nil, errNoBus
	}
	if answer != dbus.RequestNameReplyPrimaryOwner {
		var pid uint32
		_ = call(ctx, conn.BusObject(), "org.freedesktop.DBus.GetConnectionUnixProcessID", []any{&pid}, application)
		s.close()
		return nil, &HeldError{PID: int(pid)}
	}
	return &claim{s}, nil
}

type claim struct{ s session }

func (c *claim) Close() error {
	c.s.close()
	return nil
}

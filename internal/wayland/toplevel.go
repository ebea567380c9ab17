package wayland

import "context"

// askToplevels asks a compositor that has no way of its own.
func askToplevels(ctx context.Context, s *Session) (*Answer, error) {
	return nil, &MuteError{Compositor: s.Name, Why: "it tells no program which window has the focus"}
}

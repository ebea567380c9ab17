package desktop

import (
	"context"
	"sync"
)

// Held is a desktop that is looked at again and again: it keeps one connection,
// and opens another one when that has ended, as it does when a call's time is
// over. Its methods may be called from several goroutines.
type Held struct {
	// Open opens a connection.
	Open func(context.Context) (Conn, error)

	mu   sync.Mutex
	conn Conn // nil when there is none
}

// Get hands out the living connection, or opens one. Errors are those of Open.
func (h *Held) Get(ctx context.Context) (Conn, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conn != nil {
		select {
		case <-h.conn.Done():
			h.conn.Close()
			h.conn = nil
		default:
			return h.conn, nil
		}
	}
	c, err := h.Open(ctx)
	if err != nil {
		return nil, err
	}
	h.conn = c
	return c, nil
}

// Close ends the connection, if there is one.
func (h *Held) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conn != nil {
		h.conn.Close()
		h.conn = nil
	}
}

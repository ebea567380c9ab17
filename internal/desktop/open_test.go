package desktop

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
)

func TestACompositorThatHasEndedIsNamed(t *testing.T) {
	dir := t.TempDir()
	env := map[string]string{
		"XDG_RUNTIME_DIR": dir,
		"WAYLAND_DISPLAY": "wayland-1",
		"DISPLAY":         filepath.Join(dir, "nobody") + ":0", // as dead as the other
	}
	open := func() error {
		c, err := Open(context.Background(), Options{Getenv: func(k string) string { return env[k] }})
		if err == nil {
			c.Close()
		}
		return err
	}
	if err := open(); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want that the compositor has gone", err)
	}
	// Where the session names none, the X display is what cannot be opened.
	delete(env, "WAYLAND_DISPLAY")
	var failed *OpenError
	if err := open(); !errors.As(err, &failed) {
		t.Errorf("got %v, want that the X display cannot be opened", err)
	}
}

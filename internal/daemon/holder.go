package daemon

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/patoggle/patoggle/internal/keys"
	"github.com/patoggle/patoggle/internal/x11keys"
)

// holder has keys held by patoggle-x11keys, which it starts when the first one
// is wanted. One goroutine uses it; kill may be called by others.
type holder struct {
	start func(context.Context) (*x11keys.Helper, error)
	now   atomic.Pointer[x11keys.Helper] // nil while none runs
}

func newHolder(o x11keys.Options) *holder {
	return &holder{start: func(ctx context.Context) (*x11keys.Helper, error) { return x11keys.Start(ctx, o) }}
}

// grab is a Grab. Errors are ErrTaken, *x11keys.StartError, x11keys.ErrEnded,
// x11keys.ErrRefused and the context's.
func (h *holder) grab(ctx context.Context, c keys.Chord, locks uint16, noMod2 bool, event func(up bool, at time.Time)) (byte, func(), error) {
	helper := h.now.Load()
	if helper == nil {
		var err error
		if helper, err = h.start(ctx); err != nil {
			return 0, nil, err
		}
		h.now.Store(helper)
	}
	// What waits for an answer ends with the program.
	stop := context.AfterFunc(ctx, helper.Kill)
	defer stop()
	code, release, err := helper.Grab(x11keys.Key{Keysym: c.Keysym, Modifiers: c.Mods, Locks: locks, Mod2: !noMod2}, event)
	if errors.Is(err, x11keys.ErrTaken) {
		err = ErrTaken
	}
	return code, release, err
}

// ended is closed when what holds the keys has ended by itself; nil while
// nothing does.
func (h *holder) ended() <-chan struct{} {
	if helper := h.now.Load(); helper != nil {
		return helper.Done()
	}
	return nil
}

// end ends what holds the keys.
func (h *holder) end() {
	if helper := h.now.Swap(nil); helper != nil {
		helper.Close()
	}
}

// kill ends it at once, whatever it is doing.
func (h *holder) kill() {
	if helper := h.now.Load(); helper != nil {
		helper.Kill()
	}
}

package top

import (
	"context"
	"strings"
	"testing"

	"github.com/gdamore/tcell/v2"

	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/match"
	"github.com/patoggle/patoggle/internal/toggle"
	"github.com/patoggle/patoggle/pulse"
)

// finished counts how often a terminal was given back.
type finished struct {
	tcell.SimulationScreen
	n int
}

func (f *finished) Fini() {
	f.n++
	f.SimulationScreen.Fini()
}

func TestAPanicBesideTheLoopGivesTheTerminalBack(t *testing.T) {
	l := lab.Start(t)
	s := l.PulseAudio("a=Speakers")
	screen := &finished{SimulationScreen: tcell.NewSimulationScreen("UTF-8")}
	defer func() {
		if p, _ := recover().(string); !strings.Contains(p, "on purpose") || !strings.Contains(p, "goroutine") || screen.n != 1 {
			t.Errorf("it panics with %q, and gives the terminal back %d times", p, screen.n)
		}
	}()
	err := Run(t.Context(), Options{
		Pipeline: toggle.Pipeline{Procs: func() match.Processes { panic("on purpose") }},
		Dial: func(ctx context.Context) (*pulse.Conn, error) {
			return pulse.Dial(ctx, pulse.Options{Server: s.Server, Getenv: l.Getenv})
		},
		Desktop: func(context.Context) (desktop.Conn, error) { return nil, desktop.ErrNoDisplay },
		Screen:  screen,
	})
	t.Errorf("it ends with %v", err)
}

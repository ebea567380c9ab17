package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/internal/toggle"
)

// printMenu prints a line for each sink, for a menu program.
func (a *app) printMenu(v *toggle.View) error {
	lines := v.Book.Menu(v.Snapshot.Server.DefaultSink, v.Next())
	if len(lines) == 0 {
		return &toggle.Problem{Kind: toggle.Nothing, Message: "there is no sink at all"}
	}
	_, err := fmt.Fprintln(a.stdout, strings.Join(lines, "\n"))
	return err
}

// longestChoice is how much of standard input is read, in bytes.
const longestChoice = 64 << 10

// toggleChosen moves to the sink whose line a menu program writes to standard
// input. The window meant is the one that is in front now: when the choice is
// made, that is the menu, or nothing.
func (a *app) toggleChosen(r toggle.Request, withNote bool) error {
	if r.Target.AboutWindow() {
		a.front = a.lookInFront(r.Target.Window)
	}
	line, err := bufio.NewReader(io.LimitReader(a.stdin, longestChoice)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return &toggle.Problem{Kind: toggle.Failed, Message: "the choice cannot be read: " + cause(err), Err: err}
	}
	if strings.TrimSpace(line) == "" {
		return &toggle.Problem{Kind: toggle.Nothing, Message: "nothing was chosen"}
	}
	r.Sink, r.Chosen = line, true
	return a.toggle(r, withNote)
}

// inFront is a desktop as it was when it was asked.
type inFront struct {
	toggle.Display
	screen *desktop.Screen
}

func (f *inFront) Screen(context.Context, desktop.WindowID) (*desktop.Screen, error) {
	return f.screen, nil
}

func (f *inFront) Focus(context.Context, desktop.WindowID) (*desktop.Screen, error) {
	return f.screen, nil
}

// lookInFront looks at the focused window, or at the given one; nil when there
// is none, and then it is asked for again after the choice.
func (a *app) lookInFront(w desktop.WindowID) toggle.Display {
	ctx, cancel := a.context()
	defer cancel()
	d, err := a.openDesktop(ctx)
	if err != nil {
		return nil
	}
	screen, err := d.Focus(ctx, w)
	if err != nil {
		return nil
	}
	return &inFront{d, screen}
}

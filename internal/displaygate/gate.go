//go:build cgo

package displaygate

/*
#cgo LDFLAGS: -lX11
#include <X11/Xlib.h>

static int opens(void) {
	Display *d;

	XInitThreads();
	d = XOpenDisplay(NULL);
	if (d == NULL)
		return 0;
	XCloseDisplay(d);
	return 1;
}
*/
import "C"

import (
	"fmt"
	"os"
	"time"

	"github.com/patoggle/patoggle/internal/startup"
)

// patience is how long an X server may take to let us in.
const patience = 3 * time.Second

func init() {
	c, err := startup.Parse(os.Args[1:])
	switch {
	case err != nil:
		startup.Exit(startup.UsageProblem(err))
	case c.Help:
		fmt.Print(startup.Usage)
		os.Exit(startup.ExitOK)
	case c.Version:
		fmt.Println("patoggled " + startup.Version())
		os.Exit(startup.ExitOK)
	}
	if c.Display != "" {
		// Xlib reads the environment, and hotkey asks Xlib.
		if err := os.Setenv("DISPLAY", c.Display); err != nil {
			startup.Exit(startup.CannotOpen(c.Display))
		}
	}
	display := os.Getenv("DISPLAY")
	if display == "" {
		startup.Exit(startup.NoDisplay(os.Getenv("WAYLAND_DISPLAY")))
	}
	opened := make(chan bool, 1)
	go func() { opened <- C.opens() != 0 }()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case ok := <-opened:
		if !ok {
			startup.Exit(startup.CannotOpen(display))
		}
	case <-timer.C:
		startup.Exit(startup.NoAnswer(display))
	}
}

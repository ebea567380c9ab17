//go:build !cgo

package main

import (
	"fmt"
	"os"

	"github.com/patoggle/patoggle/internal/startup"
)

// Without cgo there is no libX11, and so no hotkey.
func main() {
	c, err := startup.Parse(os.Args[1:])
	switch {
	case err != nil:
		startup.Exit(startup.UsageProblem(err))
	case c.Help:
		fmt.Print(startup.Usage)
	case c.Version:
		fmt.Println("patoggled " + startup.Version())
	default:
		startup.Exit(&startup.Problem{
			Message: "this patoggled was built without cgo, so it has no hotkeys",
			Hint:    `build it with CGO_ENABLED=1, a C compiler and libx11-dev, or bind "patoggle" to a key of the window manager`,
			Code:    startup.ExitFailed,
		})
	}
}

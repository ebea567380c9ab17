// Package front runs before golang.design/x/hotkey, whose init opens the X
// display and panics when there is none. It answers whoever starts the program
// by hand.
//
// The language says when: of the packages whose imports are initialized, the
// one that sorts first by its import path is next. So what this package
// imports must be initialized no later than what hotkey imports, which are
// context, errors, fmt, runtime/cgo and sync.
package front

import (
	"fmt"
	"os"
)

// version is set by the linker: see packaging/compile.
var version = "0.0.0+unknown"

const usage = `patoggle-x11keys holds the keys of patoggled on X11, which starts it by itself

It reads orders from standard input, writes presses to standard output, and
ends when its input does. It takes no arguments. See patoggled(1).
`

func init() {
	switch {
	case len(os.Args) < 2 && os.Getenv("DISPLAY") != "":
		return
	case len(os.Args) < 2:
		say("error", "no X display: DISPLAY is not set")
		say("hint", `this program is started by patoggled: run that instead`)
		os.Exit(1)
	case os.Args[1] == "--help" || os.Args[1] == "-h":
		fmt.Print(usage)
	case os.Args[1] == "--version":
		fmt.Println("patoggle-x11keys " + version)
	default:
		say("error", fmt.Sprintf("patoggle-x11keys takes no arguments, and %q is one", os.Args[1]))
		say("hint", `this program is started by patoggled: "patoggled --help" shows what that takes`)
		os.Exit(2)
	}
	os.Exit(0)
}

// say speaks as patoggled does.
func say(kind, text string) { fmt.Fprintf(os.Stderr, "patoggle-x11keys: %s: %s\n", kind, text) }

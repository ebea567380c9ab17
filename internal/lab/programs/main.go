// Command programs builds what tests start, as they would do it themselves when
// they come to it: `make ready` runs it before them.
package main

import (
	"fmt"
	"os"

	"github.com/patoggle/patoggle/internal/lab"
)

func main() {
	for _, folder := range []string{"cmd/patoggle", "cmd/patoggle-top", "internal/lab/helper", "internal/lab/demo"} {
		if _, err := lab.Build(folder); err != nil {
			fail(err)
		}
	}
	for _, flags := range [][]string{nil, lab.RaceFlags} {
		if _, err := lab.Daemon(flags...); err != nil {
			fail(err)
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "programs: error:", err)
	os.Exit(1)
}

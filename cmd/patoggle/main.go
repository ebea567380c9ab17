// Command patoggle moves the focused application's sound to the next sink.
//
// The package knows arguments, streams and exit codes; the pipeline itself is
// internal/toggle.
package main

import (
	"os"
	"runtime"
	"runtime/debug"
)

// version is set by the linker: see the Makefile.
var version = "0.0.0+unknown"

// memoryLimit makes the collector work harder where a sound server sends more
// than any desktop has. An ordinary call stays far below.
const memoryLimit = 32 << 20

func main() {
	// Most of a call is waiting for two servers, which need the processors
	// more: measured, one is 2 to 5 percent faster than two.
	runtime.GOMAXPROCS(1)
	debug.SetMemoryLimit(memoryLimit)
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr, os.Getenv))
}

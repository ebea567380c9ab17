// Command patoggle moves the focused application's sound to the next sink.
//
// The package knows arguments, streams and exit codes; the pipeline itself is
// internal/toggle.
package main

import "os"

// version is set by the linker: see the Makefile.
var version = "0.0.0+unknown"

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr, os.Getenv))
}

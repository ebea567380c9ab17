// Command patoggled binds global hotkeys around what patoggle does. Keys on X11
// are held by patoggle-x11keys, which it starts.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/patoggle/patoggle/internal/daemon"
)

// version is set by the linker: see packaging/compile.
var version = "0.0.0+unknown"

// gcPercent keeps the heap of a program that lives long and does little near
// what it really needs.
const gcPercent = 25

// memoryLimit makes the collector work harder where a sound server sends more
// than any desktop has.
const memoryLimit = 32 << 20

func main() {
	debug.SetGCPercent(gcPercent)
	debug.SetMemoryLimit(memoryLimit)
	c, err := daemon.ParseCommand(os.Args[1:])
	switch {
	case err != nil:
		os.Exit(daemon.Explain(os.Stderr, daemon.UsageProblem(err)))
	case c.Help:
		fmt.Print(daemon.Usage)
		return
	case c.Version:
		fmt.Println("patoggled " + version)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	end := make(chan os.Signal, 1)
	signal.Notify(end, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-end
		signal.Stop(end) // the second one kills
		cancel()
	}()
	// A log that nobody reads any more is no reason to end.
	signal.Ignore(syscall.SIGPIPE)
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)

	options := daemon.Options{
		Config:  c.Config,
		Server:  c.Server,
		Display: c.Display,
		Verbose: c.Verbose,
		Getenv:  c.Getenv(os.Getenv),
		Stdout:  os.Stdout,
		Stderr:  os.Stderr,
		Reload:  reload,
		Systemd: daemon.SystemdNotify,
		Settled: debug.FreeOSMemory,
	}
	serve := daemon.Run
	if c.Check {
		serve = daemon.Check
	}
	os.Exit(daemon.Explain(os.Stderr, serve(ctx, options)))
}

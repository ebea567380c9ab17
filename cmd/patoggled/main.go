//go:build cgo

// Command patoggled binds global hotkeys around what patoggle does.
//
// It is the only importer of golang.design/x/hotkey. There are no tests beside
// it: a test binary that links that library needs a display to print its help.
// The built program is tested in internal/daemon.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/patoggle/patoggle/internal/daemon"
	// First of all: see there.
	_ "github.com/patoggle/patoggle/internal/displaygate"
	"github.com/patoggle/patoggle/internal/startup"
)

// gcPercent keeps the heap of a program that lives long and does little near
// what it really needs.
const gcPercent = 25

// memoryLimit makes the collector work harder where a sound server sends more
// than any desktop has.
const memoryLimit = 32 << 20

func main() {
	debug.SetGCPercent(gcPercent)
	debug.SetMemoryLimit(memoryLimit)
	c, err := startup.Parse(os.Args[1:])
	if err != nil {
		startup.Exit(startup.UsageProblem(err)) // said by displaygate already
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
		Config:      c.Config,
		Server:      c.Server,
		Verbose:     c.Verbose,
		Getenv:      os.Getenv,
		Stdout:      os.Stdout,
		Stderr:      os.Stderr,
		Grab:        grab,
		DisplayLost: watchDisplay(),
		Reload:      reload,
		Systemd:     daemon.SystemdNotify,
		Settled:     debug.FreeOSMemory,
	}
	serve := daemon.Run
	if c.Check {
		serve = daemon.Check
	}
	os.Exit(daemon.Explain(os.Stderr, serve(ctx, options)))
}

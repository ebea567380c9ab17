// Command helper is started by package lab as a process of its own.
//
//	helper keeper FD DIR   kills everything it started when FD ends
//	helper puppet          opens the windows and streams told on its input
//	                       and reports them on descriptor 3
package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/patoggle/patoggle/internal/lab/keeper"
	"github.com/patoggle/patoggle/internal/lab/puppet"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "helper:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("no command")
	}
	switch command, args := args[0], args[1:]; command {
	case "keeper":
		if len(args) != 2 {
			return errors.New("keeper wants a descriptor and a directory")
		}
		fd, err := strconv.Atoi(args[0])
		if err != nil {
			return err
		}
		return keeper.Serve(fd, args[1])
	case "puppet":
		return puppet.Run(os.Stdin, os.NewFile(3, "report"))
	default:
		return fmt.Errorf("unknown command %q", command)
	}
}

// Command limit is what patoggle is measured against: it connects to the
// socket it is given and exits. No Go program that asks a server anything can
// be faster.
package main

import (
	"net"
	"os"
)

func main() {
	c, err := net.Dial("unix", os.Args[1])
	if err != nil {
		os.Exit(1)
	}
	c.Close()
}

//go:build !cgo

package main

import (
	"os"

	_ "github.com/patoggle/patoggle/cmd/patoggle-x11keys/front"
	"github.com/patoggle/patoggle/internal/x11keys"
)

// Without cgo there is no libX11, and so no hotkey.
func main() { os.Exit(x11keys.CodeNoCgo) }

package lab

import (
	"os"
	"path/filepath"
	"sync"
)

// unpacked is where packaging/unpack puts what this machine has not got
// installed, "" where it has put nothing: bin has a script for each program,
// root is the packages as they come. It does not change while tests run.
var unpacked = sync.OnceValue(func() string {
	root, err := moduleRoot()
	if err != nil {
		return ""
	}
	dir := filepath.Join(root, "build", "unpacked")
	if _, err := os.Stat(dir + "/bin"); err != nil {
		return ""
	}
	return dir
})

// searchPath is one that holds nothing of the user's home. What is installed
// comes before what is unpacked.
func searchPath() string {
	const installed = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin:/usr/games"
	if dir := unpacked(); dir != "" {
		return installed + ":" + dir + "/bin"
	}
	return installed
}

// LookPath finds a program as the lab's processes do.
func LookPath(name string) (string, error) { return lookPath(name) }

// File is where a file of a package is, given by the path it has when the
// package is installed: that path, or another when the package is unpacked.
// Whether there is such a file, os.Stat tells.
func File(path string) string {
	if _, err := os.Stat(path); err == nil || unpacked() == "" {
		return path
	}
	if other := unpacked() + "/root" + path; exists(other) {
		return other
	}
	return path
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

package lab

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// modulePath is the module whose programs are built.
const modulePath = "github.com/patoggle/patoggle"

// builds remembers what this process has built. A program does not change
// while the tests run, so that this is a memo of the go command's answer and
// no state.
var builds sync.Map // of program and flags, to func() (string, error)

// Binary returns the path of the program cmd/NAME, built without cgo, once per
// test process.
func Binary(t testing.TB, name string) string {
	t.Helper()
	file, err := Build("cmd/" + name)
	if err != nil {
		t.Fatalf("lab: %v", err)
	}
	return file
}

// keysHelper is the one program that is cgo's in any case.
const keysHelper = "cmd/patoggle-x11keys"

// RaceFlags are the flags of a program under the race detector.
var RaceFlags = []string{"cgo", "-race"}

// Daemon builds patoggled, and beside it patoggle-x11keys, which it starts, and
// returns the path of the first. Flags are as for Build.
func Daemon(flags ...string) (string, error) {
	if _, err := Build(keysHelper); err != nil {
		return "", err
	}
	return Build("cmd/patoggled", flags...)
}

// Build builds a main package of this module, given by its folder, with
// CGO_ENABLED=0 unless flags say "cgo" first, and further flags of go build.
// The file is the same for every process of one checkout; the go command
// leaves it alone when it is up to date.
func Build(folder string, flags ...string) (string, error) {
	key := folder + "\x00" + strings.Join(flags, "\x00")
	once, _ := builds.LoadOrStore(key, sync.OnceValues(func() (string, error) {
		return build(folder, flags)
	}))
	return once.(func() (string, error))()
}

// builtVariable names a folder with programs that were built beforehand, for a
// lab on a system without Go.
const builtVariable = "PATOGGLE_LAB_BUILT"

func build(folder string, flags []string) (string, error) {
	if dir := os.Getenv(builtVariable); dir != "" {
		return filepath.Join(dir, path.Base(folder)), nil
	}
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	cgo := "0"
	if folder == keysHelper {
		cgo = "1"
	}
	name := path.Base(folder)
	if len(flags) > 0 {
		sum := sha256.Sum256([]byte(strings.Join(flags, "\x00")))
		name += fmt.Sprintf("-%x", sum[:4])
		if flags[0] == "cgo" {
			cgo, flags = "1", flags[1:]
		}
	}
	dir, err := buildDir(root)
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, name)

	// Test binaries of several packages run at the same time.
	lock, err := os.OpenFile(file+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	args := append([]string{"build", "-buildvcs=false", "-o", file}, flags...)
	cmd := exec.Command("go", append(args, modulePath+"/"+folder)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %q: %w\n%s", folder, err, bytes.TrimSpace(out))
	}
	return file, nil
}

// buildDir is build/lab of the checkout, else, where that cannot be written, a
// directory of ours in the temporary directory.
func buildDir(root string) (string, error) {
	dir := filepath.Join(root, "build", "lab")
	if err := os.MkdirAll(dir, 0o700); err == nil && syscall.Access(dir, 2) == nil {
		return dir, nil
	}
	sum := sha256.Sum256([]byte(root))
	dir = filepath.Join(os.TempDir(), fmt.Sprintf("patoggle-build-%d-%x", os.Getuid(), sum[:4]))
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || !info.IsDir() || int(st.Uid) != os.Getuid() || info.Mode().Perm() != 0o700 {
		return "", fmt.Errorf("the directory %q is not ours alone", dir)
	}
	return dir, nil
}

// moduleRoot looks for our go.mod from the working directory upwards, which
// is the folder of the package under test.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		b, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(b), "module "+modulePath+"\n") {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fmt.Errorf("no go.mod of %s above the working directory", modulePath)
		}
		dir = up
	}
}

// Package lab starts private sound servers, displays and players, for tests,
// the demo and the benchmark. Nothing of the user's own session is read or
// changed: home, runtime directory, sockets, buses and displays are the lab's.
//
// Every process is started by a keeper (package keeper) and is gone when the
// lab is closed, and also when the process that made the lab panics, is
// interrupted or killed.
//
// Readiness is reported, not slept for: what a method returns is in working
// order. What cannot be had in time is a failure with the end of the logs.
package lab

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab/keeper"
)

// patience is how long anything may take to get ready. It is generous, since
// tests run beside each other on small machines.
const patience = time.Minute

// Lab is one private world. Its methods fail the test (Start) or panic with a
// *Failure (New, see Try) when something does not work. They are for the
// goroutine of the test.
type Lab struct {
	// Dir holds everything; it is short, since socket paths are limited to
	// 107 bytes (unix(7)).
	Dir string
	// Home and Runtime are HOME and XDG_RUNTIME_DIR of everything inside.
	Home    string
	Runtime string

	t      testing.TB // nil for New
	log    io.Writer
	keeper *keeper.Keeper

	mu       sync.Mutex
	env      map[string]string
	names    map[string]int // how often each process name was used
	sounds   []*Sound
	displays []*Display
	bus      *Process

	sandboxes *os.File // the lock of alone, nil without sandboxes
}

// Failure is what the methods of a Lab made by New panic with.
type Failure struct{ Err error }

func (f *Failure) Error() string { return f.Err.Error() }
func (f *Failure) Unwrap() error { return f.Err }

// MissingError says which program is not installed.
type MissingError struct{ Program string }

func (e *MissingError) Error() string { return fmt.Sprintf("%q is not installed", e.Program) }

// Missing ends a test that needs something this machine does not have: it is
// skipped on a developer's desk and fails where CI is set, so that nothing is
// left out in silence.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("lab: %q is missing, and CI is set", what)
	}
	t.Skipf("lab: %q is missing", what)
}

// Need ends the test as Missing does unless all the programs are there.
func Need(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := lookPath(p); err != nil {
			Missing(t, p)
		}
	}
}

// Start makes a lab that is closed when the test ends.
func Start(t testing.TB) *Lab {
	t.Helper()
	l, err := open()
	if err != nil {
		t.Fatalf("lab: %v", err)
	}
	l.t = t
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("lab: the ends of the logs:\n%s", l.Logs())
		}
		if err := l.Close(); err != nil {
			t.Errorf("lab: close: %v", err)
		}
	})
	return l
}

// New makes a lab outside of tests. What it does is told to log in plain
// words, nil for silence. Call Close.
func New(log io.Writer) (*Lab, error) {
	l, err := open()
	if err != nil {
		return nil, err
	}
	l.log = log
	return l, nil
}

// Try calls f and returns what a lab method in it failed with. It is for labs
// made by New.
func (l *Lab) Try(f func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			failure, ok := r.(*Failure)
			if !ok {
				panic(r)
			}
			err = failure.Err
		}
	}()
	f()
	return nil
}

func open() (*Lab, error) {
	helper, err := Build("internal/lab/helper")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(shortTemp(), keeper.DirPrefix)
	if err != nil {
		return nil, err
	}
	l := &Lab{Dir: dir, Home: dir + "/home", Runtime: dir + "/run", names: map[string]int{}}
	for _, d := range []string{l.Home, l.Runtime, dir + "/log", dir + "/tmp", l.Home + "/.config", l.Home + "/.cache"} {
		if err := os.Mkdir(d, 0o700); err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
	}
	stderr, err := os.Create(dir + "/log/keeper")
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	defer stderr.Close()
	l.keeper, err = keeper.Start(helper, []string{"keeper"}, dir, stderr)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	l.env = map[string]string{
		"HOME":            l.Home,
		"PATH":            searchPath(),
		"LANG":            "C.UTF-8",
		"SHELL":           "/bin/sh",
		"TERM":            "xterm-256color",
		"TMPDIR":          dir + "/tmp",
		"USER":            user(),
		"XDG_CACHE_HOME":  l.Home + "/.cache",
		"XDG_CONFIG_HOME": l.Home + "/.config",
		"XDG_DATA_HOME":   l.Home + "/.local/share",
		"XDG_STATE_HOME":  l.Home + "/.local/state",
		"XDG_RUNTIME_DIR": l.Runtime,
		// Where no bus answers, and none is started behind our back.
		"DBUS_SESSION_BUS_ADDRESS": "unix:path=" + l.Runtime + "/bus",
		"DBUS_SYSTEM_BUS_ADDRESS":  "unix:path=" + l.Runtime + "/no-system-bus",
		"NO_AT_BRIDGE":             "1",
		// Where the sound servers of this lab listen unless told otherwise.
		"PULSE_SERVER":       "unix:" + l.Runtime + "/pulse/native",
		"PULSE_RUNTIME_PATH": l.Runtime + "/pulse",
	}
	return l, nil
}

// shortTemp is the temporary directory, or /tmp when that is too long to hold
// sockets.
func shortTemp() string {
	if dir := os.TempDir(); len(dir) <= 40 && filepath.IsAbs(dir) {
		return dir
	}
	return "/tmp"
}

func user() string {
	if os.Getuid() == 0 {
		return "root"
	}
	if u := os.Getenv("USER"); u != "" {
		return u
	}
	return "user"
}

// Close ends every process of the lab and removes its directory. It may be
// called again.
func (l *Lab) Close() error {
	for _, s := range l.sounds {
		s.forget()
	}
	for _, d := range l.displays {
		d.forget()
	}
	err := l.keeper.Close()
	if l.sandboxes != nil {
		l.sandboxes.Close() // after the last process in a sandbox
		l.sandboxes = nil
	}
	if _, e := os.Lstat(l.Dir); e == nil {
		// Only when the keeper itself was killed or has failed: its children
		// went with it (prctl(2), PR_SET_PDEATHSIG), theirs may be left.
		killStray(l.Home)
		err = errors.Join(errors.New("the keeper did not clean up"), err, os.RemoveAll(l.Dir))
	}
	return err
}

// End is Close for a lab in whose methods another goroutine may still be: it
// leaves the observers' connections alone, which end with their servers.
func (l *Lab) End() error { return l.keeper.Close() }

// Env is a complete environment for programs inside the lab, sorted: home,
// runtime directory, buses, sound server and display are the lab's.
func (l *Lab) Env() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	env := make([]string, 0, len(l.env))
	for k, v := range l.env {
		env = append(env, k+"="+v)
	}
	sort.Strings(env)
	return env
}

// Getenv looks up a variable of Env.
func (l *Lab) Getenv(key string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.env[key]
}

// Setenv changes Env for what is started from now on.
func (l *Lab) Setenv(key, value string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.env[key] = value
}

// With is Env with changes: "KEY=value" sets, "KEY" alone removes.
func (l *Lab) With(changes ...string) []string {
	env := l.Env()
	for _, c := range changes {
		key, _, set := strings.Cut(c, "=")
		kept := env[:0]
		for _, e := range env {
			if !strings.HasPrefix(e, key+"=") {
				kept = append(kept, e)
			}
		}
		env = kept
		if set {
			env = append(env, c)
		}
	}
	return env
}

// Fail ends the test, or panics with a *Failure for Try. It is for steps that
// are built on a lab's.
func (l *Lab) Fail(err error) {
	if l.t != nil {
		l.t.Helper()
	}
	l.fail(err)
}

// fail ends the test, or panics with a *Failure.
func (l *Lab) fail(err error) {
	if l.t != nil {
		l.t.Helper()
		var missing *MissingError
		if errors.As(err, &missing) {
			Missing(l.t, missing.Program)
		}
		l.t.Fatalf("lab: %v", err)
	}
	panic(&Failure{err})
}

func (l *Lab) failf(format string, args ...any) {
	if l.t != nil {
		l.t.Helper()
	}
	l.fail(fmt.Errorf(format, args...))
}

// say tells what is being done, in plain words.
func (l *Lab) say(format string, args ...any) {
	if l.log != nil {
		fmt.Fprintf(l.log, format+"\n", args...)
	}
}

// need fails unless all the programs are installed.
func (l *Lab) need(programs ...string) {
	for _, p := range programs {
		if _, err := lookPath(p); err != nil {
			l.fail(&MissingError{p})
		}
	}
}

// lookPath finds a program on the lab's own search path.
func lookPath(name string) (string, error) {
	if strings.Contains(name, "/") {
		return filepath.Abs(name)
	}
	for _, dir := range filepath.SplitList(searchPath()) {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	return "", &MissingError{name}
}

// Until asks again until done says yes, and fails when that takes too long.
// What is waited for is named in the failure.
func (l *Lab) Until(what string, done func() bool) {
	if l.t != nil {
		l.t.Helper()
	}
	if !Poll(patience, done) {
		l.failf("waited %v in vain for %s", patience, what)
	}
}

// Poll asks again, first often and then every 20 ms, until done says yes or
// the time is over. It tells whether done said yes. What is asked takes a third
// of the time at most: the rest is for what is waited for.
func Poll(limit time.Duration, done func() bool) bool {
	deadline := time.Now().Add(limit)
	for pause := 500 * time.Microsecond; ; pause = min(2*pause, 20*time.Millisecond) {
		began := time.Now()
		if done() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(max(pause, 2*time.Since(began)))
	}
}

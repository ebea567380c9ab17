// Package state is what patoggle remembers from one call to the next and from
// one login to the next: which application stays on which sink, and which moves
// were made. Both programs read and write the same files in
// $XDG_STATE_HOME/patoggle, which are for people to read as well:
//
//   - remembered.json, replaced as a whole: written to a new file, which then
//     takes the old one's place.
//   - moves.jsonl, one line for each move, added at the end, so that a key press
//     neither reads nor rewrites anything.
//   - levels.json, how loud applications played on sinks, with volume =
//     "remember" only; replaced as a whole.
//
// The folder has mode 0700 and the files 0600. Writers hold a lock. A file that
// is broken, or of another program or version, is put aside under another name,
// which is said once, by whoever finds it. No title and no name of a song is
// ever written.
package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// Version is that of the files. Another one is put aside.
const Version = 1

const (
	rememberedFile = "remembered.json"
	movesFile      = "moves.jsonl"
	lockFile       = "lock"
	routerFile     = "router.lock"

	// maxFile is the largest file that is read.
	maxFile = 4 << 20
	// compactAt is the size at which the moves are cut to the last keepMoves.
	compactAt = 128 << 10
	keepMoves = 200
	// lockWait bounds the wait for another writer, who takes a millisecond.
	lockWait = time.Second
)

// files are what is remembered in.
var files = []string{rememberedFile, movesFile, levelsFile}

// Store is the folder. Its methods may be called by several goroutines and
// processes.
type Store struct {
	dir string
	// said is told what was put aside; nil for nobody.
	said func(string)
}

// Path returns the folder: $XDG_STATE_HOME/patoggle, else
// ~/.local/state/patoggle (XDG Base Directory Specification 0.8). Relative
// paths are ignored; an error means that there is no place.
func Path(getenv func(string) string) (string, error) {
	dir := getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(dir) {
		home := getenv("HOME")
		if !filepath.IsAbs(home) {
			return "", errors.New("no place to remember anything: neither XDG_STATE_HOME nor HOME is an absolute path")
		}
		dir = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(dir, "patoggle"), nil
}

// Open returns the store of a folder, which need not be there. said is told, in
// one sentence each, what was found broken and put aside; it may be nil.
func Open(dir string, said func(string)) *Store { return &Store{dir: dir, said: said} }

// Dir is the folder.
func (s *Store) Dir() string { return s.dir }

// Remembered is an application that stays on a sink.
type Remembered struct {
	// Side is "playback" or "recording"; "" is playback.
	Side string `json:"side"`
	// Application is its identity's key, Name what a person calls it.
	Application string `json:"application"`
	Name        string `json:"name"`
	// GroupID and GroupName are what the server remembers its sink by, as in
	// Moved; both "" where that is a role.
	GroupID   string `json:"group_id,omitempty"`
	GroupName string `json:"group_name,omitempty"`
	// Sink is the name of the sink, or of the source, Label what a person calls it.
	Sink  string    `json:"sink"`
	Label string    `json:"label"`
	Since time.Time `json:"since"`
}

// remembered is the file.
type remembered struct {
	Version int          `json:"patoggle"`
	Rules   []Remembered `json:"remembered"`
}

// errHeld means that another writer did not let go of the lock within lockWait.
var errHeld = errors.New("another patoggle holds it")

var errForeign = errors.New("it is not a file of this version of patoggle")

func parseRemembered(b []byte) ([]Remembered, error) {
	var f remembered
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, err
	}
	if f.Version != Version {
		return nil, errForeign
	}
	f.Rules = slices.DeleteFunc(f.Rules, func(r Remembered) bool { return r.Application == "" || r.Sink == "" })
	return f.Rules, nil
}

// Remembered returns what is remembered, oldest first.
func (s *Store) Remembered() ([]Remembered, error) {
	b, err := s.read(rememberedFile)
	if err != nil || b == nil {
		return nil, err
	}
	rules, err := parseRemembered(b)
	if err != nil {
		s.aside(rememberedFile, err)
		return nil, nil
	}
	return rules, nil
}

// Change replaces what is remembered by what f makes of it. It is on the disk
// when Change returns.
func (s *Store) Change(f func([]Remembered) []Remembered) error {
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	rules, err := s.Remembered()
	if err != nil {
		return err
	}
	rules = f(rules)
	if rules == nil {
		rules = []Remembered{}
	}
	b, err := json.MarshalIndent(remembered{Version, rules}, "", "  ")
	if err != nil {
		return err
	}
	return s.replace(rememberedFile, append(b, '\n'), true)
}

// Stamp tells a changed file of what is remembered from an unchanged one.
type Stamp struct {
	at    time.Time
	size  int64
	inode uint64
}

// Stamp returns that of now.
func (s *Store) Stamp() Stamp {
	info, err := os.Stat(filepath.Join(s.dir, rememberedFile))
	if err != nil {
		return Stamp{}
	}
	st := Stamp{at: info.ModTime(), size: info.Size()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		st.inode = sys.Ino
	}
	return st
}

// read returns what is in a file, nil when there is none.
func (s *Store) read(name string) ([]byte, error) {
	f, err := os.OpenFile(filepath.Join(s.dir, name), os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
			return nil, nil
		case errors.Is(err, syscall.ELOOP):
			s.aside(name, errors.New("it is a link"))
			return nil, nil
		}
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		s.aside(name, errors.New("it is no file"))
		return nil, nil
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		s.aside(name, errors.New("it is too large"))
		return nil, nil
	}
	return b, err
}

// aside renames a file that cannot be used, so that nothing in it is lost.
func (s *Store) aside(name string, why error) {
	old := filepath.Join(s.dir, name)
	to := old + ".aside-" + time.Now().UTC().Format("20060102T150405")
	for n := 2; ; n++ {
		if _, err := os.Lstat(to); err != nil {
			break
		}
		to = fmt.Sprintf("%s.aside-%s-%d", old, time.Now().UTC().Format("20060102T150405"), n)
	}
	if err := os.Rename(old, to); err != nil {
		return // another one was quicker
	}
	if s.said != nil {
		s.said(fmt.Sprintf("%q cannot be read (%v): it was put aside as %q", old, why, to))
	}
}

// folder makes the folder.
func (s *Store) folder() error { return os.MkdirAll(s.dir, 0o700) }

// lock keeps other writers out until unlock is called.
func (s *Store) lock() (unlock func(), err error) {
	if err := s.folder(); err != nil {
		return nil, err
	}
	f, err := openLock(filepath.Join(s.dir, lockFile))
	if err != nil {
		return nil, err
	}
	for end := time.Now().Add(lockWait); ; time.Sleep(time.Millisecond) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return func() { f.Close() }, nil
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			f.Close()
			return nil, &fs.PathError{Op: "lock", Path: f.Name(), Err: err}
		case time.Now().After(end):
			f.Close()
			return nil, &fs.PathError{Op: "lock", Path: f.Name(), Err: errHeld}
		}
	}
}

func openLock(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
}

// Route makes the caller the one who routes: one daemon, also where several
// displays have one each. false means that another one does.
func (s *Store) Route() (release func(), ok bool) {
	if s.folder() != nil {
		return nil, false
	}
	f, err := openLock(filepath.Join(s.dir, routerFile))
	if err != nil {
		return nil, false
	}
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		f.Close()
		return nil, false
	}
	return func() { f.Close() }, true
}

// Routed tells whether a daemon routes.
func (s *Store) Routed() bool {
	f, err := os.OpenFile(filepath.Join(s.dir, routerFile), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}

// replace puts a new file in the place of an old one. With sync it survives the
// end of the machine too. The lock is held, so that one name is enough for what
// is being written: what a killed writer leaves, the next one takes away.
func (s *Store) replace(name string, b []byte, sync bool) error {
	temporary := filepath.Join(s.dir, "."+name+".new")
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil && sync {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(s.dir, name))
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// newID names an entry: the time, in letters and digits.
func newID(now time.Time) string { return strconv.FormatInt(now.UnixNano(), 36) }

var newline = []byte("\n")

// lines splits at newlines; rest is what stands behind the last one.
func lines(b []byte) (whole [][]byte, rest []byte) {
	for {
		line, after, found := bytes.Cut(b, newline)
		if !found {
			return whole, b
		}
		whole, b = append(whole, line), after
	}
}

package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Path returns where the configuration is looked for:
// $XDG_CONFIG_HOME/patoggle/config.toml, else ~/.config/patoggle/config.toml.
// As the XDG Base Directory Specification 0.8 demands, a relative
// XDG_CONFIG_HOME is ignored. HOME is $HOME, which has to be absolute too; an
// error means that there is no place to look.
func Path(getenv func(string) string) (string, error) {
	dir := getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(dir) {
		home := getenv("HOME")
		if !filepath.IsAbs(home) {
			return "", errors.New("no place for a configuration: neither XDG_CONFIG_HOME nor HOME is an absolute path")
		}
		dir = filepath.Join(home, ".config")
	}
	return filepath.Join(dir, "patoggle", "config.toml"), nil
}

// Warning is something about a configuration that works, but should not be.
type Warning struct {
	Message string
	Hint    string // the cure
}

// Load reads the configuration at a path. When nothing is there it returns
// the default one; it never writes. An error is always an Errors.
func Load(path string) (*Config, []Warning, error) {
	c, warnings, err := Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Default(), nil, nil
	}
	return c, warnings, err
}

// Read is Load for a file that the user named: one that does not exist is an
// error, which is fs.ErrNotExist.
//
// The file has to be a regular one of at most MaxSize bytes. One that others
// than its owner may change gives a warning.
func Read(path string) (*Config, []Warning, error) { return read(path, false) }

// LoadForPress is Load, and ReadForPress is Read, for a key press, which needs no
// rules and waits for each thousand of them: Config.Rules is empty, and mistakes
// in them are not told.
func LoadForPress(path string) (*Config, []Warning, error) {
	c, warnings, err := read(path, true)
	if errors.Is(err, fs.ErrNotExist) {
		return Default(), nil, nil
	}
	return c, warnings, err
}

// ReadForPress is Read as LoadForPress is Load.
func ReadForPress(path string) (*Config, []Warning, error) { return read(path, true) }

func read(path string, press bool) (*Config, []Warning, error) {
	f, info, err := open(path)
	if err != nil {
		var e *Error
		if !errors.As(err, &e) {
			e = &Error{Message: "cannot be read: " + cause(err), Err: err}
		}
		e.File = path
		return nil, nil, Errors{e}
	}
	defer f.Close() // only read from
	c, err := parseFor(path, f, press)
	return c, check(path, info, os.Geteuid()), err
}

// open opens a regular file, and only that: opening a pipe would wait, and
// opening a device may do something. The file is looked at before and after,
// since it may be replaced in between.
func open(path string) (*os.File, fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		if _, lerr := os.Lstat(path); lerr == nil && errors.Is(err, fs.ErrNotExist) {
			return nil, nil, &Error{Message: "a symbolic link to nothing"}
		}
		if errors.Is(err, syscall.ENOTDIR) {
			// Something above is a file, as with HOME=/dev/null.
			err = fmt.Errorf("%w: %w", fs.ErrNotExist, err)
		}
		return nil, nil, err
	}
	if err := regular(info); err != nil {
		return nil, nil, err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	if info, err = f.Stat(); err == nil {
		err = regular(info)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

func regular(info fs.FileInfo) error {
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		return &Error{Message: "a directory, not a file"}
	case mode&fs.ModeNamedPipe != 0:
		return &Error{Message: "a named pipe, not a regular file"}
	}
	return &Error{Message: "not a regular file"}
}

// check warns of a file or a directory that others may change: group or
// world, and an owner that is neither we (uid) nor root. In a sticky directory
// others cannot replace the file. The group may, when it is ours alone: where
// every user has one, as on Debian, files are made so (pam_umask(8), usergroups).
func check(path string, info fs.FileInfo, uid int) []Warning {
	var warnings []Warning
	look := func(path string, info fs.FileInfo, sticky bool) {
		others := info.Mode().Perm() & 0o022
		if st, ok := info.Sys().(*syscall.Stat_t); ok && others == 0o020 && aloneIn(int(st.Gid), uid, "/etc/passwd", "/etc/group") {
			others = 0
		}
		if others != 0 && !sticky {
			warnings = append(warnings, Warning{
				Message: fmt.Sprintf("%q can be changed by other users, its mode is %04o", path, info.Mode().Perm()),
				Hint:    fmt.Sprintf("chmod go-w %s", shellQuote(path)),
			})
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 && int(st.Uid) != uid {
			warnings = append(warnings, Warning{
				Message: fmt.Sprintf("%q belongs to another user, with the id %d", path, st.Uid),
				Hint:    "use a configuration of your own",
			})
		}
	}
	look(path, info, false)
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); err == nil {
		look(dir, info, info.Mode()&fs.ModeSticky != 0)
	}
	return warnings
}

// aloneIn tells whether a group is the one that has the name of a user, and
// nobody else: neither as a member nor as the group of a login. It asks the local
// files passwd(5) and group(5) only, and takes what it cannot read for a no. It is
// never said of root, whose group is the system's.
func aloneIn(gid, uid int, passwd, group string) bool {
	if uid == 0 {
		return false
	}
	user := ""
	for _, f := range entries(passwd, 7) {
		switch {
		case f[2] == strconv.Itoa(uid):
			user = f[0]
		case f[3] == strconv.Itoa(gid):
			return false
		}
	}
	alone := false
	for _, f := range entries(group, 4) {
		if f[2] != strconv.Itoa(gid) {
			continue
		}
		if user == "" || f[0] != user || f[3] != "" && f[3] != user {
			return false
		}
		alone = true
	}
	return alone
}

// entries are the lines of a file with that many fields between colons.
func entries(path string, fields int) (all [][]string) {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close() // only read from
	b, err := io.ReadAll(io.LimitReader(f, MaxSize))
	if err != nil || len(b) == MaxSize {
		return nil
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Split(strings.TrimSuffix(line, "\n"), ":"); len(f) == fields {
			all = append(all, f)
		}
	}
	return all
}

// shellQuote writes a path so that a shell reads it as one word.
func shellQuote(s string) string {
	quoted := "'"
	for _, r := range s {
		if r == '\'' {
			quoted += `'\''`
			continue
		}
		quoted += string(r)
	}
	return quoted + "'"
}

// cause returns the innermost words of an error of the file system, since
// the path is said already.
func cause(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

// ErrExists is what Init returns when something is at the path already.
var ErrExists = errors.New("exists already")

// Init writes the example configuration to the path, for its owner alone
// (mode 0600), and makes the directories above it (mode 0700, as the XDG Base
// Directory Specification says). It never replaces anything: when something
// is there, a symbolic link to nothing included, the error is ErrExists. The
// file appears whole or not at all.
func Init(path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%q %w", path, ErrExists)
	}
	f, err := os.CreateTemp(dir, ".config.toml.*") // with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(Example())
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	// A link, unlike a rename, fails when the name is taken.
	err = os.Link(f.Name(), path)
	switch {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%q %w", path, ErrExists)
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EOPNOTSUPP), errors.Is(err, syscall.ENOSYS):
		return create(path) // a file system without hard links
	}
	return err
}

// create writes the example without a temporary file.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%q %w", path, ErrExists)
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(Example())
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		os.Remove(path)
	}
	return err
}

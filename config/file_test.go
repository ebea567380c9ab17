package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func env(pairs ...string) func(string) string {
	m := make(map[string]string)
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(k string) string { return m[k] }
}

func TestPathFollowsTheXDGSpecification(t *testing.T) {
	const none = "no place for a configuration: neither XDG_CONFIG_HOME nor HOME is an absolute path"
	tests := []struct {
		name, want, err string
		env             func(string) string
	}{
		{"XDG_CONFIG_HOME", "/x/patoggle/config.toml", "", env("XDG_CONFIG_HOME", "/x", "HOME", "/h")},
		{"else below HOME", "/h/.config/patoggle/config.toml", "", env("HOME", "/h")},
		{"a relative XDG_CONFIG_HOME is ignored", "/h/.config/patoggle/config.toml", "", env("XDG_CONFIG_HOME", "x", "HOME", "/h")},
		{"neither", "", none, env()},
		{"a relative HOME is none", "", none, env("HOME", "h")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Path(tt.env)
			if got != tt.want || (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
				t.Errorf("got %q, %v; want %q, %s", got, err, tt.want, tt.err)
			}
		})
	}
}

// private returns a directory that only we may change.
func private(t *testing.T) string {
	dir := filepath.Join(t.TempDir(), "patoggle")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write0(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // past the umask
		t.Fatal(err)
	}
}

func TestAMissingFileIsTheDefaultAndNothingIsWritten(t *testing.T) {
	dir := private(t)
	file := filepath.Join(dir, "file")
	write0(t, file, "", 0o600)
	for _, path := range []string{
		filepath.Join(dir, "config.toml"),
		filepath.Join(dir, "no", "such", "config.toml"),
		filepath.Join(file, "patoggle", "config.toml"), // as with HOME=/dev/null
	} {
		c, warnings, err := Load(path)
		if err != nil || len(warnings) > 0 {
			t.Errorf("Load(%s): %v, %v", path, warnings, err)
		}
		if diff := cmp.Diff(Default(), c, compare); diff != "" {
			t.Error(diff)
		}
		_, _, err = Read(path)
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Read(%s): %v, want a file that does not exist", path, err)
		}
		var all Errors
		if !errors.As(err, &all) || all[0].File != path {
			t.Errorf("%v does not name the file", err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("in the directory: %v, %v", entries, err)
	}
}

func TestOnlyARegularFileIsRead(t *testing.T) {
	dir := private(t)
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink("nothing", link); err != nil {
		t.Fatal(err)
	}
	big := filepath.Join(dir, "big")
	write0(t, big, strings.Repeat("#\n", MaxSize), 0o600)
	loop := filepath.Join(dir, "loop")
	if err := os.Symlink("loop", loop); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ path, want string }{
		{dir, "a directory, not a file"},
		{fifo, "a named pipe, not a regular file"},
		{"/dev/null", "not a regular file"},
		{link, "a symbolic link to nothing"},
		{big, "larger than 1048576 bytes"},
		{loop, "cannot be read: too many levels of symbolic links"},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			done := make(chan error, 1)
			go func() {
				_, _, err := Load(tt.path)
				done <- err
			}()
			select {
			case err := <-done:
				if want := tt.path + ": " + tt.want; err == nil || err.Error() != want {
					t.Errorf("got %v, want %s", err, want)
				}
			case <-time.After(time.Minute):
				t.Fatal("it hangs")
			}
		})
	}
}

// A file that is replaced while it is opened is read whole or refused: a pipe in its
// place is never waited for, nor taken for an empty file.
func TestAFileThatIsReplacedMeanwhile(t *testing.T) {
	dir := private(t)
	path := filepath.Join(dir, "config.toml")
	file, fifo, next := filepath.Join(dir, "file"), filepath.Join(dir, "fifo"), filepath.Join(dir, "next")
	write0(t, file, "notify = true", 0o600)
	write0(t, path, "notify = true", 0o600)
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			for _, now := range []string{fifo, file} {
				select {
				case <-end:
					return
				default:
				}
				if err := errors.Join(os.Link(now, next), os.Rename(next, path)); err != nil {
					t.Error(err)
					return
				}
			}
		}
	}()
	for range 20_000 {
		c, _, err := Read(path)
		if err == nil && c.Notify != NotifyAlways {
			t.Errorf("it is read as %+v", c)
			break
		}
		if err != nil && err.Error() != path+": a named pipe, not a regular file" {
			t.Error(err)
			break
		}
	}
	close(end)
	<-ended
}

func TestALinkToAFileIsFollowed(t *testing.T) {
	dir := private(t)
	write0(t, filepath.Join(dir, "real"), "notify = true", 0o600)
	link := filepath.Join(dir, "config.toml")
	if err := os.Symlink("real", link); err != nil {
		t.Fatal(err)
	}
	c, warnings, err := Load(link)
	if err != nil || len(warnings) > 0 || c.Notify != NotifyAlways {
		t.Errorf("got %+v, %v, %v", c, warnings, err)
	}
}

func TestAFileThatOthersMayChangeIsReadWithAWarning(t *testing.T) {
	for _, tt := range []struct {
		file, dir os.FileMode
		want      int
		hint      string
	}{
		{0o600, 0o700, 0, ""},
		{0o644, 0o755, 0, ""},
		{0o664, 0o755, 1, "config.toml'"},
		{0o602, 0o755, 1, "config.toml'"},
		{0o644, 0o775, 1, "patoggle'"},
		{0o644, 0o777 | os.ModeSticky, 0, ""},
		{0o666, 0o777, 2, "config.toml'"},
	} {
		if (tt.file|tt.dir)&0o022 == 0o020 && aloneIn(os.Getegid(), os.Geteuid(), "/etc/passwd", "/etc/group") {
			tt.want = 0
		}
		dir := private(t)
		path := filepath.Join(dir, "config.toml")
		write0(t, path, "notify = true", tt.file)
		if err := os.Chmod(dir, tt.dir); err != nil {
			t.Fatal(err)
		}
		c, warnings, err := Load(path)
		if err != nil || c.Notify != NotifyAlways {
			t.Errorf("modes %o in %o: %v, %v", tt.file, tt.dir, c, err)
		}
		if len(warnings) != tt.want {
			t.Errorf("modes %o in %o: %d warnings %v, want %d", tt.file, tt.dir, len(warnings), warnings, tt.want)
		} else if tt.want > 0 && !(strings.HasPrefix(warnings[0].Hint, "chmod go-w '") && strings.HasSuffix(warnings[0].Hint, tt.hint)) {
			t.Errorf("the hint is %q", warnings[0].Hint)
		}
	}
}

func TestAFileOfAnotherUserIsReadWithAWarning(t *testing.T) {
	dir := private(t)
	path := filepath.Join(dir, "config.toml")
	write0(t, path, "", 0o600)
	uid := os.Geteuid()
	owner := uid
	if uid == 0 {
		// Only root can give a file away.
		owner = 12345
		if err := errors.Join(os.Chown(path, owner, -1), os.Chown(dir, owner, -1)); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("belongs to another user, with the id %d", owner)
	warnings := check(path, info, owner+1)
	if len(warnings) != 2 || !strings.HasSuffix(warnings[0].Message, want) {
		t.Errorf("seen by another user: %v, want %q of file and directory", warnings, want)
	}
	if warnings := check(path, info, owner); len(warnings) > 0 {
		t.Errorf("seen by its owner: %v", warnings)
	}
}

func TestInitWritesTheExampleOnce(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	path := filepath.Join(t.TempDir(), "new", "patoggle", "config.toml")
	if err := Init(path); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != Example() {
		t.Errorf("it wrote %q, %v", got, err)
	}
	for path, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700 | os.ModeDir} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s has the mode %v, want %v (%v)", path, info.Mode(), want, err)
		}
	}
	if _, warnings, err := Load(path); err != nil || len(warnings) > 0 {
		t.Errorf("reading it: %v, %v", warnings, err)
	}
	write0(t, path, "notify = true", 0o600)
	// Nothing at all is written then, not for a moment either.
	then := time.Unix(1e9, 0)
	if err := os.Chtimes(filepath.Dir(path), then, then); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.ModTime().Equal(then) {
			t.Errorf("the folder was written to: %v, %v", info.ModTime(), err)
		}
	}()
	if err := Init(path); !errors.Is(err, ErrExists) {
		t.Errorf("the second time: %v, want %v", err, ErrExists)
	}
	if got, _ := os.ReadFile(path); string(got) != "notify = true" {
		t.Errorf("it was replaced by %q", got)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestInitDoesNotWriteThroughALink(t *testing.T) {
	dir := private(t)
	path := filepath.Join(dir, "config.toml")
	if err := os.Symlink("elsewhere", path); err != nil {
		t.Fatal(err)
	}
	for name, write := range map[string]func(string) error{"with a link": Init, "without links": create} {
		if err := write(path); !errors.Is(err, ErrExists) {
			t.Errorf("%s: %v, want %v", name, err, ErrExists)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "elsewhere")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("it wrote to where the link points")
	}
}

func TestInitOfManyAtOnceWritesOneWholeFile(t *testing.T) {
	path := filepath.Join(private(t), "config.toml")
	results := make(chan error)
	for range 20 {
		go func() { results <- Init(path) }()
	}
	var written int
	for range 20 {
		switch err := <-results; {
		case err == nil:
			written++
		case !errors.Is(err, ErrExists):
			t.Error(err)
		}
	}
	if got, _ := os.ReadFile(path); written != 1 || string(got) != Example() {
		t.Errorf("%d wrote it; it holds %d bytes, want %d", written, len(got), len(Example()))
	}
}

// Debian gives every user a group, and files that the group may change.
func TestAGroupOfOnesOwnIsNobodyElse(t *testing.T) {
	const users = "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\n"
	const groups = "root:x:0:\nann:x:1000:\nbob:x:1001:\naudio:x:29:ann\n"
	for name, test := range map[string]struct {
		passwd, group string
		gid, uid      int
		alone         bool
	}{
		"one's own":                     {users, groups, 1000, 1000, true},
		"one's own, with oneself in it": {users, strings.Replace(groups, "ann:x:1000:", "ann:x:1000:ann", 1), 1000, 1000, true},
		"another user's":                {users, groups, 1001, 1000, false},
		"one for a device":              {users, groups, 29, 1000, false},
		"with another member":           {users, strings.Replace(groups, "ann:x:1000:", "ann:x:1000:bob", 1), 1000, 1000, false},
		"the login group of another":    {users + "eve:x:1002:1000::/:/bin/sh\n", groups, 1000, 1000, false},
		"of another name":               {users, strings.Replace(groups, "ann:", "staff:", 1), 1000, 1000, false},
		"listed twice, once shared":     {users, groups + "ann:x:1000:bob\n", 1000, 1000, false},
		"of a user from elsewhere":      {"root:x:0:0::/root:/bin/sh\n", groups, 1000, 1000, false},
		"of root":                       {users, groups, 0, 0, false},
		"without the files":             {"", "", 1000, 1000, false},
		"with broken files":             {"ann:x:1000\n:::\n" + users, "ann\n::\n" + groups, 1000, 1000, true},
		"too large to read":             {users, groups + strings.Repeat("x", MaxSize), 1000, 1000, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			passwd, group := filepath.Join(dir, "passwd"), filepath.Join(dir, "group")
			for file, text := range map[string]string{passwd: test.passwd, group: test.group} {
				if text == "" {
					continue
				}
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if got := aloneIn(test.gid, test.uid, passwd, group); got != test.alone {
				t.Errorf("alone in it: %v", got)
			}
		})
	}
}

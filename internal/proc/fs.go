package proc

import (
	"io/fs"
	"os"
	"path"
	"syscall"
)

// FS returns the files below a directory, like os.DirFS, for a Reader that has
// to be quick: a file is read with three system calls, where an os.File makes
// six. It never waits for the other end of a named pipe. Names are not checked
// for leading out of the directory; a Reader makes them itself.
func FS(dir string) fs.ReadLinkFS { return dirFS(dir) }

type dirFS string

func (d dirFS) path(name string) string { return string(d) + "/" + name }

func (d dirFS) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	return os.OpenFile(d.path(name), os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

func (d dirFS) ReadDir(name string) ([]fs.DirEntry, error) {
	return os.ReadDir(path.Clean(d.path(name)))
}

func (d dirFS) ReadLink(name string) (string, error) { return os.Readlink(d.path(name)) }

func (d dirFS) Lstat(name string) (fs.FileInfo, error) { return os.Lstat(d.path(name)) }

// fill reads the beginning of a file into buf.
func (d dirFS) fill(name string, buf []byte) (int, error) {
	var fd int
	err := again(func() (err error) {
		fd, err = syscall.Open(d.path(name), syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
		return err
	})
	if err != nil {
		return 0, err
	}
	defer syscall.Close(fd)
	// One read is enough, since each of a Reader's files is one record, which
	// the kernel gives as far as the buffer goes (fs/seq_file.c, seq_read_iter;
	// fs/proc/base.c for cmdline, environ and attr).
	var n int
	err = again(func() (err error) { n, err = syscall.Read(fd, buf); return err })
	return max(n, 0), err
}

// again repeats a system call that a signal interrupted.
func again(call func() error) error {
	for {
		if err := call(); err != syscall.EINTR {
			return err
		}
	}
}

package x11

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

func TestOnlyOurOwnAndRootsServersAreKnown(t *testing.T) {
	us := uint32(os.Getuid())
	for uid, want := range map[uint32]bool{us: true, 0: true, us + 1: false, 65534: us == 65534} {
		if got := trusted(uid); got != want {
			t.Errorf("user %d: %v", uid, got)
		}
	}
}

// The helper process is another user, who listens where this one looks.
func TestAServerOfAnotherUserIsNotSpokenTo(t *testing.T) {
	const key = "X11_TEST_LISTEN"
	if path := os.Getenv(key); path != "" {
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("listening\n")
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		n, _ := c.Read(make([]byte, 100))
		os.Stdout.WriteString("bytes: " + strings.Repeat("x", n) + "\n")
		return
	}
	if os.Getuid() != 0 {
		t.Log("only root can be another user")
		return
	}
	dir, err := os.MkdirTemp("/tmp", "x11-known-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	// The test's own program lies where only we can read.
	program := dir + "/listen"
	b, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		err = os.WriteFile(program, b, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-test.run=^TestAServerOfAnotherUserIsNotSpokenTo$")
	cmd.Dir, cmd.Env = dir, []string{key + "=" + dir + "/x:7"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line := make([]byte, len("listening\n"))
	if _, err := out.Read(line); err != nil || string(line) != "listening\n" {
		t.Fatalf("the helper says %q, %v", line, err)
	}
	_, err = Open(t.Context(), Options{Display: dir + "/x:7", Getenv: func(string) string { return "" }})
	if !errors.Is(err, errForeign) {
		t.Errorf("the error is %v", err)
	}
	rest := make([]byte, 200)
	n, _ := out.Read(rest)
	if got := string(rest[:n]); !strings.HasPrefix(got, "bytes: \n") {
		t.Errorf("the stranger hears %q", got)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

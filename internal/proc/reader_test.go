package proc

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"
)

// tree is a /proc in memory.
type tree fstest.MapFS

func (m tree) file(name, content string) {
	m[name] = &fstest.MapFile{Data: []byte(content), Mode: 0o444}
}

func (m tree) link(name, to string) {
	m[name] = &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink | 0o777}
}

// process adds a process of user 1000 with its names in the pid namespaces.
func (m tree) process(pid, parent int, comm string, inner ...int) {
	dir := fmt.Sprint(pid) + "/"
	names := fmt.Sprint(pid)
	for _, n := range inner {
		names += fmt.Sprintf("\t%d", n)
	}
	m.file(dir+"stat", fmt.Sprintf("%d (%s) S %d 0 0 34816 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %d 0\n", pid, comm, parent, 10*pid))
	m.file(dir+"status", fmt.Sprintf("Name:\t%s\nTgid:\t%d\nPid:\t%d\nPPid:\t%d\nUid:\t1000\t1000\t1000\t1000\nNSpid:\t%s\n", comm, pid, pid, parent, names))
	m.file(dir+"cgroup", "0::/app-"+comm+"-1.scope\n")
	m.file(dir+"cmdline", comm+"\x00--flag\x00")
	m.file(dir+"environ", "WINDOWID=5\x00SteamAppId=440\x00STY=7.pts-0.desk\x00HOME=/home/u\x00")
	m.file(dir+"attr/current", "snap."+comm+".x (enforce)\n")
	m.link(dir+"exe", "/usr/bin/"+comm+" (deleted)")
	m.link(dir+"ns/uts", "uts:[1]")
	m.link(dir+"ns/pid", fmt.Sprintf("pid:[%d]", 1+len(inner)))
}

func newTree() tree {
	m := tree{}
	m.link("self/ns/uts", "uts:[1]")
	m.link("self/ns/pid", "pid:[1]")
	m.process(1, 0, "systemd")
	m.process(40, 1, "mpv")
	return m
}

// reader returns a reader of the tree that reads as user 1000.
func (m tree) reader() *Reader {
	r := New(fstest.MapFS(m))
	r.uid = 1000
	return r
}

func TestEveryFileFillsItsFields(t *testing.T) {
	m := newTree()
	m.file("40/root/.flatpak-info", flatpakInfo)
	full := Process{PID: 40, PPID: 1, Start: 400, Comm: "mpv", Exe: "/usr/bin/mpv", Argv0: "mpv", UID: 1000, NSPid: []int{40},
		Unit: "app-mpv-1.scope", Flatpak: "org.example.Player", FlatpakInstance: "3262137452", Snap: "mpv", SteamAppID: 440, WindowID: 5, TTY: 34816, Multiplexer: 7, WinePrefix: "/home/u/.wine",
		SameUTS: true, SamePID: true}
	if got, ok := m.reader().Process(40); !ok || !reflect.DeepEqual(got, full) {
		t.Errorf("got %+v %v\nwant %+v", got, ok, full)
	}
	// One file at a time comes to the same.
	r := m.reader()
	var got Process
	for f := Stat; f < All; f <<= 1 {
		got, _ = r.Read(40, f)
	}
	if !reflect.DeepEqual(got, full) {
		t.Errorf("in parts: got %+v", got)
	}
	// And only what was asked for is read.
	if got, ok := m.reader().Read(40, Cgroup); !ok || !reflect.DeepEqual(got, Process{PID: 40, PPID: 1, Start: 400, Comm: "mpv", TTY: 34816, Unit: "app-mpv-1.scope", SameUTS: true, SamePID: true}) {
		t.Errorf("got %+v %v", got, ok)
	}
}

func TestPidsThatAreNoProcess(t *testing.T) {
	m := newTree()
	m.process(41, 40, "worker") // a thread: it has a folder, but is not listed
	m.file("41/status", "Tgid:\t40\nPid:\t41\nUid:\t1000\t0\t0\t0\nNSpid:\t41\n")
	m.process(42, 1, "other") // says another pid than its folder
	m["43/stat"], m["43/status"] = m["42/stat"], m["42/status"]
	m.process(44, 1, "halfgone")
	delete(m, "44/status")
	r := m.reader()
	for _, pid := range []int{0, -1, -40, 41, 43, 44, 45, maxPID, maxPID + 1, 1 << 40, -1 << 63} {
		if p, ok := r.Process(pid); ok {
			t.Errorf("%d: got %+v", pid, p)
		}
		if p, ok := r.Process(pid); ok || !reflect.DeepEqual(p, Process{}) {
			t.Errorf("%d, asked again: got %+v", pid, p)
		}
	}
}

func TestUnreadableFilesLeaveTheirFieldsZero(t *testing.T) {
	m := newTree()
	for _, name := range []string{"exe", "environ", "attr/current", "ns/uts", "cgroup", "cmdline"} {
		delete(m, "40/"+name)
	}
	got, ok := m.reader().Process(40)
	want := Process{PID: 40, PPID: 1, Start: 400, Comm: "mpv", TTY: 34816, UID: 1000, NSPid: []int{40}, SameUTS: true, SamePID: true}
	if !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v %v, want %+v", got, ok, want)
	}
}

func TestNamespaces(t *testing.T) {
	m := newTree()
	m.process(50, 40, "mpv", 2)
	m.link("50/ns/uts", "uts:[2]")
	p, _ := m.reader().Process(50)
	if p.SamePID || p.SameUTS || !reflect.DeepEqual(p.NSPid, []int{50, 2}) {
		t.Errorf("got %+v", p)
	}
	delete(m, "self/ns/uts")
	if p, _ := m.reader().Process(50); !p.SameUTS {
		t.Error("in another UTS namespace than one that is not known")
	}
}

func TestInnerFindsOurProcessesByTheirInnermostName(t *testing.T) {
	for _, links := range []bool{true, false} {
		m := newTree()
		m.process(100, 1, "mpv", 2)
		m.process(60, 1, "vlc", 2)
		m.process(70, 1, "mpv", 9, 2)
		m.process(80, 1, "mpv", 2, 9)
		m.process(2, 0, "kthreadd")
		m.process(90, 1, "mpv", 2)
		m.file("90/status", strings.Replace(string(m["90/status"].Data), "1000", "1001", 1))
		m.process(95, 1, "mpv", 2)
		m.file("95/stat", strings.Replace(string(m["95/stat"].Data), ") S", ") Z", 1))
		m.process(97, 1, "mpv", 2)
		delete(m, "97/status") // ended meanwhile
		m.file("version", "Linux")
		m.file("fs/2/stat", "x")
		if !links {
			for name := range m {
				if strings.HasSuffix(name, "ns/pid") {
					delete(m, name)
				}
			}
		}
		r := m.reader()
		var pids []int
		for _, p := range r.Inner(2) {
			pids = append(pids, p.PID)
			if p.Exe == "" || p.SamePID {
				t.Errorf("got %+v", p)
			}
		}
		if !reflect.DeepEqual(pids, []int{60, 70, 100}) {
			t.Errorf("links %v: got %v", links, pids)
		}
		if got := r.Inner(9); len(got) != 1 || got[0].PID != 80 {
			t.Errorf("links %v: got %+v", links, got)
		}
		if got := r.Inner(40); got != nil {
			t.Errorf("a process without an inner name was found: %+v", got)
		}
	}
}

// counting counts what is opened.
type counting struct {
	fstest.MapFS
	opened map[string]int
}

func (c counting) Open(name string) (fs.File, error) {
	c.opened[name]++
	return c.MapFS.Open(name)
}

func TestNothingIsReadTwice(t *testing.T) {
	m := newTree()
	c := counting{fstest.MapFS(m), map[string]int{}}
	r := New(c)
	for range 3 {
		r.Read(40, Stat)
		r.Read(40, Status)
		r.Read(77, Stat)
	}
	if want := map[string]int{"40/stat": 1, "40/status": 1, "77/stat": 1}; !reflect.DeepEqual(c.opened, want) {
		t.Errorf("opened %v", c.opened)
	}
}

func TestLongFilesAreCut(t *testing.T) {
	m := newTree()
	m.file("40/environ", strings.Repeat("A=1\x00", 10_000)+"WINDOWID=7\x00")
	m.file("40/cmdline", strings.Repeat("x", 10*maxFile))
	r := m.reader()
	p, _ := r.Process(40)
	if p.WindowID != 7 || len(p.Argv0) != maxFile {
		t.Errorf("got window %d, %d bytes", p.WindowID, len(p.Argv0))
	}
	m.file("40/environ", strings.Repeat("A=1\x00", maxEnviron/4)+"WINDOWID=7\x00")
	if p, _ := m.reader().Process(40); p.WindowID != 0 {
		t.Errorf("got %d from beyond the limit", p.WindowID)
	}
}

// The rest reads the real /proc, both ways.
func readers() map[string]*Reader {
	return map[string]*Reader{"os.DirFS": New(os.DirFS("/proc")), "FS": New(FS("/proc"))}
}

func TestOurOwnProcessIsReadWhole(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range readers() {
		p, ok := r.Process(os.Getpid())
		if !ok || p.PID != os.Getpid() || p.PPID != os.Getppid() || p.Exe != exe || p.UID != os.Getuid() || p.Start == 0 ||
			!p.SamePID || !p.SameUTS || p.Zombie || p.Kernel || p.Argv0 != os.Args[0] || !strings.HasPrefix(filepath.Base(exe), p.Comm) {
			t.Errorf("%s: got %+v, want pid %d, parent %d, exe %s, uid %d", name, p, os.Getpid(), os.Getppid(), exe, os.Getuid())
		}
	}
}

func TestAThreadIsNoProcess(t *testing.T) {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	threads := 0
	for _, e := range tasks {
		tid, _ := number(e.Name())
		if tid == os.Getpid() {
			continue
		}
		threads++
		for name, r := range readers() {
			if p, ok := r.Process(tid); ok {
				t.Errorf("%s: got %+v", name, p)
			}
		}
	}
	if threads == 0 {
		t.Error("the test has one thread only")
	}
}

func TestAChildIsReadWhileItLivesAndAfter(t *testing.T) {
	c := exec.Command("sleep", "60")
	c.Env = []string{"WINDOWID=4194316", "SteamAppId=440", "PATH=" + os.Getenv("PATH")}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	pid := c.Process.Pid
	// The arguments are there a moment after Start has returned.
	for deadline := time.Now().Add(time.Minute); ; {
		if p, _ := New(FS("/proc")).Read(pid, Cmdline|Environ); p.Argv0 != "" && p.WindowID != 0 || time.Now().After(deadline) {
			break
		}
	}
	for name, r := range readers() {
		p, ok := r.Process(pid)
		if !ok || p.Comm != "sleep" || p.PPID != os.Getpid() || p.WindowID != 4194316 || p.SteamAppID != 440 || p.Argv0 != "sleep" {
			t.Errorf("%s: got %+v %v", name, p, ok)
		}
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	// Ended, and not waited for.
	for deadline := time.Now().Add(time.Minute); ; {
		p, ok := New(FS("/proc")).Process(pid)
		if ok && p.Zombie {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("got %+v %v", p, ok)
		}
	}
	_ = c.Wait() // it was killed
	for name, r := range readers() {
		if p, ok := r.Process(pid); ok {
			t.Errorf("%s: got %+v", name, p)
		}
	}
}

func TestAPipeInPlaceOfAFileDoesNotHold(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"40", "40/root"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	stat := "40 (x) S 1 0 0 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 0\n"
	if err := os.WriteFile(filepath.Join(dir, "40/stat"), []byte(stat), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"40/root/.flatpak-info", "40/environ"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan Process)
	go func() {
		p, _ := New(FS(dir)).Read(40, Sandbox|Environ)
		done <- p
	}()
	select {
	case p := <-done:
		if p.Flatpak != "" || p.WindowID != 0 || p.Comm != "x" {
			t.Errorf("got %+v", p)
		}
	case <-time.After(time.Minute):
		t.Fatal("still waiting")
	}
}

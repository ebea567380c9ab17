//go:build more

package main

// Flatpak itself, with a runtime and applications made here of a few programs of
// this machine; nothing is downloaded. Installing it brings units and D-Bus
// services, so nothing installs it for the tests. Where it is:
//
//	go test -tags more ./cmd/patoggle -run Flatpak
//
// "make test-more" brings it, in a Debian of its own.

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/patoggle/patoggle/internal/lab"
)

// programInto copies a program of this machine into the files of a runtime, with the
// libraries that it needs.
func (d *desk) programInto(usr, name string) {
	d.t.Helper()
	file, err := lab.LookPath(name)
	if err != nil {
		lab.Missing(d.t, name)
	}
	d.copy(file, filepath.Join(usr, "bin", name))
	out, err := exec.Command("ldd", file).Output()
	if err != nil {
		d.t.Fatalf("ldd %s: %v", file, err)
	}
	// "libX11.so.6 => /lib/x86_64-linux-gnu/libX11.so.6 (0x…)", "/lib64/ld-… (0x…)"
	for _, m := range regexp.MustCompile(`(/\S+) \(0x`).FindAllStringSubmatch(string(out), -1) {
		d.copy(m[1], filepath.Join(usr, strings.TrimPrefix(m[1], "/usr")))
	}
}

func (d *desk) copy(from, to string) {
	d.t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o755)
	}
	if err == nil {
		err = os.WriteFile(to, b, 0o755)
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) write(file, text string) {
	d.t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
		d.t.Fatal(err)
	}
}

const (
	film = "org.example.Film"
	song = "org.example.Song"
)

// flatpaks installs two applications, for this lab's user alone.
func (d *desk) flatpaks() {
	d.t.Helper()
	lab.Need(d.t, "flatpak", "bwrap", "ldd")
	d.Alone()
	arch := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	flatpak := func(args ...string) {
		d.t.Helper()
		if r := d.Run(nil, "flatpak", args...); r.Code != 0 {
			d.t.Fatalf("flatpak %q: code %d\n%s%s", args, r.Code, r.Stdout, r.Stderr)
		}
	}
	dir := d.Dir + "/flatpak"
	platform := "org.example.Platform/" + arch + "/1"
	usr := dir + "/runtime/usr"
	for _, program := range []string{"sh", "pacat", "xev"} {
		d.programInto(usr, program)
	}
	d.write(usr+"/etc/ld.so.conf", "")
	d.write(dir+"/runtime/metadata", "[Runtime]\nname=org.example.Platform\nruntime="+platform+"\nsdk="+platform+"\n")
	for _, folder := range []string{"/runtime/files", "/runtime/var", "/" + film + "/export", "/" + film + "/var", "/" + song + "/export", "/" + song + "/var"} {
		if err := os.MkdirAll(dir+folder, 0o755); err != nil {
			d.t.Fatal(err)
		}
	}
	flatpak("build-export", "--runtime", "--disable-sandbox", dir+"/repo", dir+"/runtime", "1")
	for _, app := range []string{film, song} {
		// A process that plays, and another one that has the window.
		d.write(dir+"/"+app+"/files/bin/play", "#!/bin/sh\npacat --client-name=\"$1\" --stream-name=\"$1\" /dev/zero &\nexec xev -name \"$1\" >/dev/null\n")
		d.write(dir+"/"+app+"/metadata", "[Application]\nname="+app+"\nruntime="+platform+"\nsdk="+platform+"\ncommand=play\n\n[Context]\nshared=network;ipc;\nsockets=x11;pulseaudio;\n")
		flatpak("build-export", "--disable-sandbox", dir+"/repo", dir+"/"+app, "1")
	}
	flatpak("remote-add", "--user", "--no-gpg-verify", "local", dir+"/repo")
	for _, app := range []string{film, song} {
		flatpak("install", "--user", "--noninteractive", "-y", "local", app+"//1")
	}
}

// flatpak runs an application under a name, and returns its stream and window.
func (d *desk) flatpak(app, name string) (p *lab.Process, stream int, window uint32) {
	d.t.Helper()
	p = d.Spawn("flatpak", "run", "--user", app, name)
	s := d.sound.WaitStream(name, func(s lab.Stream) bool { return s.Media == name && s.On != "" })
	return p, s.Index, d.display.WaitWindow(name, func(w lab.Window) bool { return w.Title == name }).ID
}

func TestRealFlatpaks(t *testing.T) {
	onBoth(t, func(t *testing.T, d *desk) {
		d.flatpaks()
		_, s1, w1 := d.flatpak(film, "one")
		d.display.Focus(w1)
		d.moves("b", d.why(s1).Rule, []int{s1})
		if rule := d.why(s1).Rule; rule != "flatpak-instance" && rule != "descendant" {
			t.Errorf("alone it moves by %q: %s", rule, d.run("why", "-v").Stdout)
		}

		// Another application, of which the processes have the same numbers.
		p, s2, w2 := d.flatpak(song, "two")
		right := func(stream int, window uint32, sink string) {
			t.Helper()
			d.display.Focus(window)
			d.moves(sink, d.why(stream).Rule, []int{stream})
		}
		refused := func(windows ...uint32) {
			t.Helper()
			for _, w := range windows {
				d.display.Focus(w)
				d.stays(1, "ambiguous: ")
			}
		}
		if d.sound.PipeWire {
			right(s1, w1, "c")
			right(s2, w2, "b")
		} else {
			refused(w1, w2) // PulseAudio knows no sandbox
		}
		p.Kill()
		d.Until("the end of the second", func() bool { return len(d.sound.Streams()) == 1 })

		// A second instance of the first application.
		_, s3, w3 := d.flatpak(film, "three")
		if d.sound.PipeWire && d.namesInstances(s1) {
			right(s1, w1, "a")
			right(s3, w3, "b")
		} else {
			refused(w1, w3)
		}
	})
}

// namesInstances tells whether this PipeWire says which instance a stream is of:
// one of 1.5.81 or newer has to.
func (d *desk) namesInstances(stream int) bool {
	d.t.Helper()
	instance := ""
	for _, s := range d.sound.Streams() {
		if s.Index == stream {
			instance = s.ClientProps["pipewire.access.portal.instance_id"]
		}
	}
	_, version, _ := strings.Cut(d.Run(nil, "pipewire", "--version").Stdout, "libpipewire ")
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	x, _ := strconv.Atoi(major)
	y, _ := strconv.Atoi(minor)
	if has, must := instance != "", x > 1 || x == 1 && y >= 6; has != must && x > 0 {
		d.t.Errorf("PipeWire %q names instance %q", version, instance)
	}
	return instance != ""
}

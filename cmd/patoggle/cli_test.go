package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/patoggle/patoggle/internal/term"
)

func itoa(n int) string   { return strconv.Itoa(n) }
func hex(n uint32) string { return strconv.FormatUint(uint64(n), 16) }

// writeConfig puts a configuration where the program looks for it.
func (d *desk) writeConfig(text string) {
	d.t.Helper()
	dir := filepath.Join(d.Home, ".config", "patoggle")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.toml"), []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func TestArguments(t *testing.T) {
	nothing := func(string) string { return "" }
	for _, tt := range []struct {
		name string
		args []string
		code int
		out  string // a part of stdout
		err  string // a part of stderr
	}{
		{"help", []string{"--help"}, 0, "Exit code: 0 done", ""},
		{"short help", []string{"-h"}, 0, "Exit code: 0 done", ""},
		{"help of a command", []string{"list", "--help"}, 0, "patoggle list [sinks|streams|inputs]", ""},
		{"help as a command", []string{"help"}, 0, "Exit code: 0 done", ""},
		{"help for a command", []string{"help", "why"}, 0, "patoggle why [--window", ""},
		{"help for an unknown command", []string{"help", "lst"}, 2, "", `did you mean "patoggle list"?`},
		{"version", []string{"--version"}, 0, "patoggle 0.0.0", ""},
		{"an unknown command", []string{"lst"}, 2, "", `did you mean "patoggle list"?`},
		{"an unknown flag", []string{"--nxt"}, 2, "", `"--nxt" is no flag of "patoggle"`},
		{"two ways at once", []string{"--prev", "--to", "x"}, 2, "", "--prev and --to cannot go together"},
		{"two targets at once", []string{"--all", "--pid", "1"}, 2, "", "--pid and --all cannot go together"},
		{"a window that is none", []string{"--window", "mpv"}, 2, "", `--window wants a window id such as 0x800008 or 8388616, not "mpv"`},
		{"a window out of range", []string{"--window", "0x1"}, 2, "", "--window wants a window id"},
		{"no pid", []string{"--pid", "-1"}, 2, "", "--pid wants a process id, not -1"},
		{"a pid in words", []string{"--pid", "mpv"}, 2, "", `--pid wants a process id, not "mpv"`},
		{"no application", []string{"--app", ""}, 2, "", "--app wants the name of an application"},
		{"no time at all", []string{"--timeout", "0s"}, 2, "", "longer than 0"},
		{"a time without unit", []string{"--timeout", "2"}, 2, "", `--timeout wants a time with its unit, such as 500ms or 2s, not "2"`},
		{"list of something else", []string{"list", "sources"}, 2, "", `"patoggle list" wants "sinks", "streams" or "inputs", not "sources"`},
		{"config without a word", []string{"config"}, 2, "", `"patoggle config" wants "path", "check" or "init"`},
		{"config without a home", []string{"config", "path"}, 1, "", "neither XDG_CONFIG_HOME nor HOME"},
		{"completion for another shell", []string{"completion", "tcsh"}, 2, "", `"patoggle completion" wants "bash", "zsh" or "fish", not "tcsh"`},
		{"completion for bash", []string{"completion", "bash"}, 0, "patoggle", ""},
		{"completion for zsh", []string{"completion", "zsh"}, 0, "#compdef patoggle", ""},
		{"completion for fish", []string{"completion", "fish"}, 0, "complete -c patoggle", ""},
		{"a configuration that is not there", []string{"--config", "/nonexistent/x.toml"}, 2, "", "/nonexistent/x.toml"},
		{"an argument that drives terminals", []string{"\x1b[2J"}, 2, "", `\x1b[2J`},
		{"no sound server", []string{"--server", "unix:/nonexistent/native", "--all"}, 1, "", "cannot reach the sound server"},
		{"no display", []string{"--server", "unix:/nonexistent/native"}, 1, "", "cannot reach the sound server"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := run(tt.args, &stdout, &stderr, nothing)
			if code != tt.code || !bytes.Contains(stdout.Bytes(), []byte(tt.out)) || !bytes.Contains(stderr.Bytes(), []byte(tt.err)) {
				t.Errorf("exit code %d, want %d\nstdout: %s\nstderr: %s", code, tt.code, &stdout, &stderr)
			}
			if tt.code != 0 && stdout.Len() > 0 {
				t.Errorf("a failure writes to stdout: %s", &stdout)
			}
			if bytes.ContainsRune(stderr.Bytes(), 0x1b) {
				t.Errorf("an escape reaches the terminal: %q", &stderr)
			}
		})
	}
}

func TestConfigCommand(t *testing.T) {
	home := t.TempDir()
	getenv := func(k string) string { return map[string]string{"HOME": home}[k] }
	file := filepath.Join(home, ".config", "patoggle", "config.toml")
	call := func(want int, args ...string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if code := run(append([]string{"config"}, args...), &stdout, &stderr, getenv); code != want {
			t.Errorf("config %q: exit code %d, want %d: %s", args, code, want, &stderr)
		}
		return stdout.String() + stderr.String()
	}
	if got := call(0, "path"); got != file+"\n" {
		t.Errorf("path is %q", got)
	}
	if got := call(0, "check"); got != file+" does not exist: the defaults are in force\n" {
		t.Errorf("check says %q", got)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a file was written unasked")
	}
	call(0, "init")
	if got := call(0, "check"); got != file+" is good\n" {
		t.Errorf("check says %q", got)
	}
	if got := call(1, "init"); !bytes.Contains([]byte(got), []byte("it was left as it is")) {
		t.Errorf("a second init says %q", got)
	}
	if err := os.WriteFile(file, []byte("sinks = [\"a\"]\nskipp = []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := call(2, "check"); !bytes.Contains([]byte(got), []byte("patoggle: error: "+file+":2:1: ")) {
		t.Errorf("check of a bad file says %q", got)
	}
}

// width is how many cells a line takes on a terminal, colours not counted.
func width(line string) int {
	return term.Width(colours.ReplaceAllString(strings.TrimSuffix(line, "\n"), ""))
}

var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

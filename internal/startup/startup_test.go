package startup

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	tests := []struct {
		args string
		want Command
		err  string
	}{
		{"", Command{}, ""},
		{"-v", Command{Verbose: true}, ""},
		{"--check --config /a/b", Command{Check: true, Config: "/a/b"}, ""},
		{"--config=/a=b --server unix:/x --display=:1 --verbose", Command{Config: "/a=b", Server: "unix:/x", Display: ":1", Verbose: true}, ""},
		{"--config --check", Command{Config: "--check"}, ""},
		{"-h --nonsense", Command{Help: true}, ""},
		{"--version next", Command{Version: true}, ""},
		{"--nonsense", Command{}, `unknown flag "--nonsense"`},
		{"--nonsense=1", Command{}, `unknown flag "--nonsense"`},
		{"-x", Command{}, `unknown flag "-x"`},
		{"-vv", Command{}, `unknown flag "-vv"`},
		{"next", Command{}, `patoggled takes no arguments, and "next" is one`},
		{"--", Command{}, `patoggled takes no arguments, and "--" is one`},
		{"-", Command{}, `patoggled takes no arguments, and "-" is one`},
		{"--config", Command{}, "--config wants a value"},
		{"--config=", Command{}, "--config wants a value that is not empty"},
		{"--check=yes", Command{Check: false}, "--check takes no value"},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			got, err := Parse(strings.Fields(tt.args))
			if tt.err == "" && (err != nil || got != tt.want) || tt.err != "" && (err == nil || err.Error() != tt.err) {
				t.Errorf("got %+v, %v, want %+v, %q", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestEveryFlagIsInTheUsage(t *testing.T) {
	for _, flag := range []string{"--check", "--config", "--display", "--server", "-v, --verbose", "-h, --help", "--version"} {
		if !strings.Contains(Usage, " "+flag+" ") {
			t.Errorf("%s is not in the usage", flag)
		}
		args := []string{flag[strings.LastIndexByte(flag, ' ')+1:], "x"}
		if _, err := Parse(args); err != nil && strings.HasPrefix(err.Error(), "unknown") {
			t.Errorf("%s is in the usage, and unknown", flag)
		}
	}
	for line := range strings.Lines(Usage) {
		if len(line) > 81 {
			t.Errorf("%q is longer than a terminal is wide", line)
		}
	}
}

func TestDisplayName(t *testing.T) {
	good := []string{":0", ":91.5", "host:0", "localhost:10.0", "[::1]:0", "tcp/host:1", "/tmp/launch/org.xquartz:0", "unix:0", "unix:/tmp/x"}
	bad := []string{"", "0", ":", ":x", ":91/x", ":1.", ":.1", ":1.2.3", ":0 ", "\x1b:0", "host:/x"}
	for _, s := range good {
		if !displayName(s) {
			t.Errorf("%q is one", s)
		}
	}
	for _, s := range bad {
		if displayName(s) {
			t.Errorf("%q is none", s)
		}
	}
}

func TestProblemsAreInTheVoice(t *testing.T) {
	for _, p := range []*Problem{
		NoDisplay(""), NoDisplay("wayland-0"), CannotOpen(":1"), CannotOpen("x"), NoAnswer(":1"),
		UsageProblem(errors.New("unknown flag")),
	} {
		for _, s := range []string{p.Message, p.Hint} {
			if s == "" || strings.HasSuffix(s, ".") || strings.Contains(s, "\n") {
				t.Errorf("%q", s)
			}
		}
		if p.Code != ExitFailed && p.Code != ExitUsage {
			t.Errorf("%q has the code %d", p.Message, p.Code)
		}
	}
}

// The check before the hotkey library works only while nothing it imports is
// initialized later than what that library imports.
func TestNothingIsImportedThatComesTooLate(t *testing.T) {
	list := func(args ...string) []string {
		t.Helper()
		out, err := exec.Command("go", append([]string{"list", "-deps"}, args...)...).Output()
		if err != nil {
			t.Fatalf("go list %q: %v", args, err)
		}
		return strings.Fields(string(out))
	}
	early := list("context", "errors", "fmt", "runtime/cgo", "sync")
	for _, p := range list("../displaygate") {
		if !slices.Contains(early, p) && !strings.HasPrefix(p, "github.com/patoggle/patoggle/internal/") {
			t.Errorf("package displaygate needs %q, which may be initialized after the hotkey library", p)
		}
	}
}

func TestOnlyPatoggledImportsTheHotkeyLibrary(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}} {{.Imports}} {{.TestImports}} {{.XTestImports}}", "github.com/patoggle/patoggle/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	seen := false
	for line := range strings.Lines(string(out)) {
		path, imports, _ := strings.Cut(line, " ")
		for _, p := range []string{"golang.design/x/hotkey", "github.com/patoggle/patoggle/internal/displaygate"} {
			if !strings.Contains(imports, p) {
				continue
			}
			if path != "github.com/patoggle/patoggle/cmd/patoggled" {
				t.Errorf("%s imports %s", path, p)
			}
			seen = true
		}
	}
	if !seen {
		t.Error("nothing imports the hotkey library")
	}
}

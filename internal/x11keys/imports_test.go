package x11keys

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Package front runs before the hotkey library only while nothing it imports is
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
	for _, p := range list("../../cmd/patoggle-x11keys/front") {
		if !slices.Contains(early, p) && p != "github.com/patoggle/patoggle/cmd/patoggle-x11keys/front" {
			t.Errorf("package front needs %q, which may be initialized after the hotkey library", p)
		}
	}
}

func TestOnlyItsOwnProgramImportsTheHotkeyLibrary(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}} {{.Imports}} {{.TestImports}} {{.XTestImports}}", "github.com/patoggle/patoggle/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	seen := false
	for line := range strings.Lines(string(out)) {
		path, imports, _ := strings.Cut(line, " ")
		for _, p := range []string{"golang.design/x/hotkey", "github.com/patoggle/patoggle/cmd/patoggle-x11keys/front"} {
			if !strings.Contains(imports, p) {
				continue
			}
			if path != "github.com/patoggle/patoggle/cmd/patoggle-x11keys" {
				t.Errorf("%s imports %s", path, p)
			}
			seen = true
		}
	}
	if !seen {
		t.Error("nothing imports the hotkey library")
	}
}

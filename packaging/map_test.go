package packaging

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// leaves are the rooms that do not import each other, as the map says.
var leaves = []string{"x11", "pulse", "config", "internal/proc"}

// The map in the README names each room once, and no room that is not there.
func TestTheMapIsTrue(t *testing.T) {
	const module = "github.com/patoggle/patoggle/"
	list := exec.Command("go", "list", "-f", "{{.ImportPath}} {{join .Imports \",\"}}", "./...")
	list.Dir = ".."
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(read(t, "README.md"), "\n## The map\n")
	if len(rows) != 2 {
		t.Fatal("README.md has no map, or two")
	}
	var named []string
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]+`) \\|").FindAllStringSubmatch(rows[1], -1) {
		for _, name := range strings.Split(row[1], ", ") {
			named = append(named, strings.Trim(name, "`"))
		}
	}
	for i, name := range named {
		if _, err := os.Stat(checkout(t, name)); err != nil {
			t.Errorf("the map names %s: %v", name, err)
		}
		if slices.Contains(named[:i], name) {
			t.Errorf("the map names %s twice", name)
		}
	}
	rooms := 0
	for line := range strings.Lines(string(out)) {
		path, imports, _ := strings.Cut(strings.TrimSpace(line), " ")
		room := strings.TrimPrefix(path, module)
		rooms++
		// A folder inside a room belongs to it.
		if !slices.ContainsFunc(named, func(name string) bool { return room == name || strings.HasPrefix(room, name+"/") }) {
			t.Errorf("the map does not name %s", room)
		}
		if !slices.Contains(leaves, room) {
			continue
		}
		for _, other := range strings.Split(imports, ",") {
			if other, ours := strings.CutPrefix(other, module); ours && slices.Contains(leaves, other) {
				t.Errorf("%s is a leaf and imports %s", room, other)
			}
		}
	}
	if rooms < len(leaves) || len(named) < len(leaves) {
		t.Errorf("%d rooms, %d of them named", rooms, len(named))
	}
}

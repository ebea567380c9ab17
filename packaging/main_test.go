package packaging

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/x11keys"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

// read is a file of the checkout, named from its root.
func read(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// checkout is the absolute path of a file of the checkout.
func checkout(t testing.TB, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// programs builds the programs and returns a folder that holds them under
// their own names.
func programs(t testing.TB) string {
	t.Helper()
	lab.Need(t, "gcc")
	daemon, err := lab.Daemon()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, file := range map[string]string{"patoggle": lab.Binary(t, "patoggle"), "patoggle-top": lab.Binary(t, "patoggle-top"), "patoggled": daemon, x11keys.Name: filepath.Join(filepath.Dir(daemon), x11keys.Name)} {
		if err := os.Symlink(file, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// set is the sorted set of the words.
func set(words []string) []string {
	words = slices.Clone(words)
	slices.Sort(words)
	return slices.Compact(words)
}

// groups are the first groups of all matches, as a set.
func groups(pattern, text string) []string {
	var all []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return set(all)
}

// same fails unless both sets have the same words, and names the difference.
func same(t *testing.T, what string, page, program []string) {
	t.Helper()
	for _, w := range page {
		if !slices.Contains(program, w) {
			t.Errorf("%s: %q is in the page and not in the program", what, w)
		}
	}
	for _, w := range program {
		if !slices.Contains(page, w) {
			t.Errorf("%s: %q is in the program and not in the page", what, w)
		}
	}
	if len(page) == 0 {
		t.Errorf("%s: nothing found in the page", what)
	}
}

// lines are the lines of a text without the empty ones.
func lines(text string) []string {
	return slices.DeleteFunc(strings.Split(text, "\n"), func(s string) bool { return strings.TrimSpace(s) == "" })
}

func itoa(n int) string { return strconv.Itoa(n) }

// hex is a window id as patoggle writes it.
func hex(id uint32) string { return "0x" + strconv.FormatUint(uint64(id), 16) }

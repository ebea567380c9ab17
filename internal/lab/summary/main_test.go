package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestSummary(t *testing.T) {
	const ok = `{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}` + "\n"
	const pass = `{"Action":"run","Package":"p","Test":"A"}
{"Action":"output","Package":"p","Test":"A","Output":"=== RUN   A\n"}
{"Action":"output","Package":"p","Test":"A","Output":"chatter\n"}
{"Action":"pass","Package":"p","Test":"A"}
`
	for name, c := range map[string]struct {
		in, out string
		ok      bool
	}{
		"all passed":                 {pass + ok, "ok  \tp\t0.1s\n1 passed, 0 failed\n", true},
		"lines of make are kept":     {"go vet ./...\n" + pass, "go vet ./...\n1 passed, 0 failed\n", true},
		"nothing at all is no pass":  {"", "no test was run\n0 passed, 0 failed\n", false},
		"a package without tests":    {pass + `{"Action":"skip","Package":"q"}` + "\n", "1 passed, 0 failed\n", true},
		"a last line without an end": {pass + "make: *** [test] Error 1", "make: *** [test] Error 11 passed, 0 failed\n", true},
		"a failure shows its output": {pass + `{"Action":"output","Package":"p","Test":"B","Output":"wrong\n"}
{"Action":"fail","Package":"p","Test":"B"}
{"Action":"fail","Package":"p"}
`, "wrong\n1 passed, 1 failed\n", false},
		"a skip is a failure": {pass + `{"Action":"output","Package":"p","Test":"B","Output":"missing\n"}
{"Action":"skip","Package":"p","Test":"B"}
`, "missing\nskipped, which counts as failed: p B\n1 passed, 1 failed\n", false},
		"a test cut off is a failure": {pass + `{"Action":"output","Package":"p","Test":"B","Output":"so far\n"}
{"Action":"fail","Package":"p"}
`, "did not end: p B\nso far\n1 passed, 1 failed\n", false},
		"a package that does not build": {pass + `{"Action":"build-output","ImportPath":"q","Output":"syntax error\n"}
{"Action":"build-fail","ImportPath":"q"}
`, "syntax error\n1 passed, 0 failed\n", false},
		"a failure outside of tests": {pass + `{"Action":"fail","Package":"p"}` + "\n", "1 passed, 0 failed\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			ok, err := summarise(strings.NewReader(c.in), &out)
			if err != nil || ok != c.ok || out.String() != c.out {
				t.Errorf("got %v, %v, %q\nwant %v, %q", ok, err, out.String(), c.ok, c.out)
			}
		})
	}
}

// The go command itself is the authority on its output.
func TestSummaryOfTheRealGoCommand(t *testing.T) {
	for name, c := range map[string]struct {
		body, want string
		ok         bool
	}{
		"pass":  {`func TestA(t *testing.T) { t.Run("b", func(t *testing.T) {}) }`, "2 passed, 0 failed\n", true},
		"skip":  {`func TestA(t *testing.T) { t.Skip("no server") }; func TestB(t *testing.T) {}`, "1 passed, 1 failed\n", false},
		"panic": {`func TestA(t *testing.T) { panic("x") }`, "0 passed, 1 failed\n", false},
		"exit":  {`func TestA(t *testing.T) {}; func TestMain(m *testing.M) { m.Run(); os.Exit(1) }`, "1 passed, 0 failed\n", false},
		"build": {`func TestA(t *testing.T) { undefined() }`, "no test was run\n0 passed, 0 failed\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for file, text := range map[string]string{
				"go.mod":    "module example\n\ngo 1.25\n",
				"a_test.go": "package a\n\nimport (\n\"os\"\n\"testing\"\n)\n\nvar _ = os.Exit\n\n" + c.body + "\n",
			} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command("go", "test", "-json", "./...")
			cmd.Dir = dir
			json, _ := cmd.CombinedOutput()
			var out strings.Builder
			ok, err := summarise(strings.NewReader(string(json)), &out)
			if err != nil || ok != c.ok || !strings.HasSuffix(out.String(), c.want) {
				t.Errorf("got %v, %v, %q", ok, err, out.String())
			}
		})
	}
}

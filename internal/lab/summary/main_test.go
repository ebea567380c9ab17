package main

import (
	"bytes"
	"io"
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
			r, err := summarise(strings.NewReader(c.in), &out)
			if ok := r.ok(); err != nil || ok != c.ok || out.String() != c.out {
				t.Errorf("got %v, %v, %q\nwant %v, %q", r.ok(), err, out.String(), c.ok, c.out)
			}
		})
	}
}

// module makes a folder with one test file.
func module(t *testing.T, body string) string {
	t.Helper()
	dir := t.TempDir()
	for file, text := range map[string]string{
		"go.mod":    "module example\n\ngo 1.25\n",
		"a_test.go": "package a\n\nimport (\n\"os\"\n\"testing\"\n)\n\nvar _ = os.Exit\n\n" + body + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestAFailureIsRunOnceMoreAlone(t *testing.T) {
	const once = `func TestB(t *testing.T) { if os.Mkdir("been", 0o700) == nil { t.Fatal("the first time") } }
`
	const pass = `func TestA(t *testing.T) {}
`
	for name, c := range map[string]struct {
		body string
		kept bool // it is worth a second run
		want string
	}{
		"passes alone":    {pass + once, true, "2 passed, 0 failed\n"},
		"fails alone too": {pass + `func TestB(t *testing.T) { t.Fatal("always") }`, true, "1 passed, 1 failed\n"},
		"a part of it":    {pass + `func TestB(t *testing.T) { t.Run("x", func(t *testing.T) { t.Fatal("always") }) }`, true, "1 passed, 2 failed\n"},
		"all passed":      {pass, false, ""},
		"a skip":          {pass + once + `func TestC(t *testing.T) { t.Skip() }`, false, ""},
		"a panic":         {pass + `func TestB(t *testing.T) { panic("x") }; func TestC(t *testing.T) {}`, false, ""},
		"an exit":         {pass + once + `func TestC(t *testing.T) { os.Exit(3) }`, false, ""},
		"a race's words":  {pass + `func TestB(t *testing.T) { os.Stdout.WriteString("WARNING: DATA RACE\n"); t.Fail() }`, false, ""},
		"too many": {pass + `func TestB(t *testing.T) { t.Fail() }; func TestC(t *testing.T) { t.Fail() }; func TestD(t *testing.T) { t.Fail() }
func TestE(t *testing.T) { t.Fail() }; func TestF(t *testing.T) { t.Fail() }; func TestG(t *testing.T) { t.Fail() }`, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := module(t, c.body)
			cmd := exec.Command("go", "test", "-json", "./...")
			cmd.Dir = dir
			lines, _ := cmd.CombinedOutput()
			r, err := summarise(bytes.NewReader(lines), io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "failed")
			if err := os.WriteFile(file, []byte("an older run's"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := r.write(file); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(file); (err == nil) != c.kept {
				t.Fatalf("the file: %v", err)
			}
			if !c.kept {
				return
			}
			var out strings.Builder
			ok, err := retry(file, &out, func(t test) io.ReadCloser {
				cmd := exec.Command("go", "test", "-count=1", "-json", "-run", "^"+t.Name+"$", t.Pkg)
				cmd.Dir = dir
				lines, _ := cmd.CombinedOutput()
				return io.NopCloser(bytes.NewReader(lines))
			})
			if err != nil || ok != strings.HasSuffix(c.want, " 0 failed\n") || !strings.HasSuffix(out.String(), "\n"+c.want) ||
				!strings.Contains(out.String(), "once more, alone: example TestB\n") {
				t.Errorf("got %v, %v, %q", ok, err, out.String())
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
			dir := module(t, c.body)
			cmd := exec.Command("go", "test", "-json", "./...")
			cmd.Dir = dir
			json, _ := cmd.CombinedOutput()
			var out strings.Builder
			r, err := summarise(strings.NewReader(string(json)), &out)
			if ok := r.ok(); err != nil || ok != c.ok || !strings.HasSuffix(out.String(), c.want) {
				t.Errorf("got %v, %v, %q", ok, err, out.String())
			}
		})
	}
}

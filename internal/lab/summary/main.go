// Command summary turns the output of go test -json into what a person wants
// to read: the lines of go test, the output of the tests that failed or were
// skipped, and how many passed and failed. A skipped test is a failure here:
// where this runs, nothing may be left out. Lines that are not JSON, those of
// make for example, are handed on.
//
//	go test -json ./... | summary [-failed FILE]
//	summary -again FILE
//
// With -failed it writes down the tests that failed, when there are few and
// nothing else is wrong. With -again each of those is run once more, with
// nothing beside it: on a busy machine a real program may be slower than any
// patience, and what is wrong in itself fails alone too. The lines above say
// which those were.
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// few is how many tests are worth a second run; more failures have a cause.
const few = 5

func main() {
	failed := flag.String("failed", "", "write the tests that failed to this file, if a second run may help")
	again := flag.String("again", "", "run the tests of this file once more, one after the other")
	flag.Parse()
	var ok bool
	var err error
	if *again != "" {
		ok, err = retry(*again, os.Stdout, alone)
	} else {
		var r result
		r, err = summarise(os.Stdin, os.Stdout)
		ok = r.ok()
		if *failed != "" && err == nil {
			err = r.write(*failed)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "summary: error:", err)
	}
	if !ok || err != nil {
		os.Exit(1)
	}
}

// result is what a run came to.
type result struct {
	Passed int
	Failed []test // top-level tests that failed, in order, once each
	failed int    // all that failed, with the tests inside others
	broken bool   // something else than a test that failed is wrong
	cut    bool   // a panic, which other tests may not have survived, or a race
}

func (r result) ok() bool { return !r.broken && r.failed == 0 && r.Passed > 0 }

// write keeps the failed tests for retry. No file is left when a second run
// cannot help.
func (r result) write(file string) error {
	if r.ok() || r.broken || r.cut || len(r.Failed) == 0 || len(r.Failed) > few {
		err := os.Remove(file)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}

// retry runs the tests that write kept, each alone, and reports whether all
// passed.
func retry(file string, out io.Writer, run func(test) io.ReadCloser) (bool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return false, err
	}
	var first result
	if err := json.Unmarshal(text, &first); err != nil {
		return false, fmt.Errorf("%s: %w", file, err)
	}
	passed, failed := first.Passed, 0
	for _, t := range first.Failed {
		fmt.Fprintf(out, "once more, alone: %s %s\n", t.Pkg, t.Name)
		lines := run(t)
		r, err := summarise(lines, out)
		lines.Close()
		if err != nil {
			return false, err
		}
		passed += r.Passed
		failed += r.failed
		if !r.ok() {
			failed = max(failed, 1)
		}
	}
	fmt.Fprintf(out, "%d passed, %d failed\n", passed, failed)
	return failed == 0, nil
}

// alone is the output of go test -json for one test.
func alone(t test) io.ReadCloser {
	cmd := exec.Command("go", "test", "-race", "-count=1", "-json", "-run", "^"+regexp.QuoteMeta(t.Name)+"$", t.Pkg)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return io.NopCloser(strings.NewReader(err.Error() + "\n"))
	}
	return out
}

// event is one line of go test -json (go doc test2json).
type event struct {
	Action     string
	Package    string
	Test       string
	Output     string
	ImportPath string // of build output
}

// test names one test; Name is "" for the package itself.
type test struct{ Pkg, Name string }

// summarise tells what the tests came to: a run is ok when there were tests and
// none failed or was skipped.
func summarise(in io.Reader, out io.Writer) (result, error) {
	output := map[test][]string{}
	var passed, failed, skipped int
	var bad []test // skipped tests, to be named again at the end
	var again []test
	broken, cut := false, false

	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if line == "" && err == io.EOF {
			break
		}
		if err != nil && err != io.EOF {
			return result{}, err
		}
		var e event
		if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &e) != nil || e.Action == "" {
			fmt.Fprint(out, line)
			continue
		}
		t := test{e.Package, e.Test}
		switch e.Action {
		case "build-output":
			fmt.Fprint(out, e.Output)
		case "build-fail":
			broken = true
		case "output":
			for _, start := range []string{"panic: ", "fatal error: ", "WARNING: DATA RACE"} {
				cut = cut || strings.HasPrefix(e.Output, start)
			}
			if e.Test == "" {
				// The package's own lines: "ok …", "FAIL …", a panic.
				if e.Output != "PASS\n" {
					fmt.Fprint(out, e.Output)
				}
				break
			}
			output[t] = append(output[t], e.Output)
		case "pass":
			if e.Test != "" {
				passed++
			}
			delete(output, t)
		case "fail":
			if e.Test == "" {
				broken = broken || !slices.ContainsFunc(again, func(t test) bool { return t.Pkg == e.Package })
				break
			}
			failed++
			if !strings.Contains(e.Test, "/") {
				again = append(again, t)
			}
			show(out, output[t])
			delete(output, t)
		case "skip":
			if e.Test == "" {
				break // a package without tests
			}
			skipped++
			bad = append(bad, t)
			show(out, output[t])
			delete(output, t)
		}
	}
	// What never ended: the tests a panic or a time limit cut off.
	unended := slices.SortedFunc(maps.Keys(output), func(a, b test) int {
		return cmp.Or(strings.Compare(a.Pkg, b.Pkg), strings.Compare(a.Name, b.Name))
	})
	for _, t := range unended {
		fmt.Fprintf(out, "did not end: %s %s\n", t.Pkg, t.Name)
		show(out, output[t])
		failed++
		broken = true
	}
	for _, t := range bad {
		fmt.Fprintf(out, "skipped, which counts as failed: %s %s\n", t.Pkg, t.Name)
	}
	failed += skipped
	broken = broken || skipped > 0
	if passed+failed == 0 {
		fmt.Fprintln(out, "no test was run")
	}
	fmt.Fprintf(out, "%d passed, %d failed\n", passed, failed)
	return result{Passed: passed, Failed: again, failed: failed, broken: broken, cut: cut}, nil
}

// show prints what a test said, without the lines that only tell its course.
func show(out io.Writer, lines []string) {
	for _, line := range lines {
		if strings.HasPrefix(line, "=== ") {
			continue
		}
		fmt.Fprint(out, line)
	}
}

// Command summary turns the output of go test -json into what a person wants
// to read: the lines of go test, the output of the tests that failed or were
// skipped, and how many passed and failed. A skipped test is a failure here:
// where this runs, nothing may be left out. Lines that are not JSON, those of
// make for example, are handed on.
//
//	go test -json ./... | summary
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

func main() {
	ok, err := summarise(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "summary: error:", err)
	}
	if !ok || err != nil {
		os.Exit(1)
	}
}

// event is one line of go test -json (go doc test2json).
type event struct {
	Action     string
	Package    string
	Test       string
	Output     string
	ImportPath string // of build output
}

// test names one test; name is "" for the package itself.
type test struct{ pkg, name string }

// summarise reports whether there were tests and none failed or was skipped.
func summarise(in io.Reader, out io.Writer) (bool, error) {
	output := map[test][]string{}
	var passed, failed, skipped int
	var bad []test // skipped tests, to be named again at the end
	broken := false

	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if line == "" && err == io.EOF {
			break
		}
		if err != nil && err != io.EOF {
			return false, err
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
				broken = true
				break
			}
			failed++
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
	cut := slices.SortedFunc(maps.Keys(output), func(a, b test) int {
		return cmp.Or(strings.Compare(a.pkg, b.pkg), strings.Compare(a.name, b.name))
	})
	for _, t := range cut {
		fmt.Fprintf(out, "did not end: %s %s\n", t.pkg, t.name)
		show(out, output[t])
		failed++
	}
	for _, t := range bad {
		fmt.Fprintf(out, "skipped, which counts as failed: %s %s\n", t.pkg, t.name)
	}
	failed += skipped
	if passed+failed == 0 {
		fmt.Fprintln(out, "no test was run")
	}
	fmt.Fprintf(out, "%d passed, %d failed\n", passed, failed)
	return !broken && failed == 0 && passed > 0, nil
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

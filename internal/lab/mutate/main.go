// Command mutate asks how much a package's tests hold: it changes the package at
// random places, one at a time, and runs the tests on each change. A change that
// no test notices is a survivor, and is shown. Nothing in the checkout is
// touched: the go command gets the changed file as an overlay.
//
//	go run ./internal/lab/mutate [-n 24] [-seed N] ./pulse
//
// The exit code says nothing about survivors: some changes make no difference.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	n := flag.Int("n", 24, "`number` of changes")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "the changes are the same for the same `seed`")
	run := flag.String("run", "", "only the tests that fit, as go test -run")
	only := flag.String("only", "", "only changes in files whose name has this `part`")
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := mutate(flag.Arg(0), *only, *run, *n, *seed); err != nil {
		fmt.Fprintf(os.Stderr, "mutate: error: %v\n", err)
		os.Exit(1)
	}
}

// edit is one change: the bytes from..to of a file become text.
type edit struct {
	file     string
	line     int
	from, to int
	text     string
}

// swaps are the operators that take each other's place.
var swaps = map[token.Token][]string{
	token.EQL: {"!="}, token.NEQ: {"=="},
	token.LSS: {"<=", ">="}, token.LEQ: {"<", ">"}, token.GTR: {">=", "<="}, token.GEQ: {">", "<"},
	token.LAND: {"||"}, token.LOR: {"&&"},
	token.ADD: {"-"}, token.SUB: {"+"}, token.MUL: {"/"},
}

// edits lists every change there is to make in a file.
func edits(file string, src []byte) ([]edit, error) {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, file, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var all []edit
	at := func(p token.Pos) int { return set.Position(p).Offset }
	add := func(from, to token.Pos, text string) {
		all = append(all, edit{file, set.Position(from).Line, at(from), at(to), text})
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			for _, text := range swaps[n.Op] {
				add(n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), text)
			}
		case *ast.UnaryExpr:
			if n.Op == token.NOT {
				add(n.OpPos, n.OpPos+1, "")
			}
		case *ast.IfStmt:
			// The condition never asked, and never doubted.
			c := string(src[at(n.Cond.Pos()):at(n.Cond.End())])
			add(n.Cond.Pos(), n.Cond.End(), "false && ("+c+")")
			add(n.Cond.Pos(), n.Cond.End(), "true || ("+c+")")
		case *ast.ExprStmt:
			add(n.Pos(), n.End(), "")
		case *ast.AssignStmt:
			if n.Tok == token.ASSIGN {
				text := string(src[at(n.Pos()):at(n.End())])
				add(n.Pos(), n.End(), "if false { "+text+" }")
			}
		case *ast.BasicLit:
			if n.Kind == token.INT {
				add(n.End(), n.End(), "+1")
			}
		case *ast.Ident:
			switch n.Name {
			case "true":
				add(n.Pos(), n.End(), "false")
			case "false":
				add(n.Pos(), n.End(), "true")
			}
		case *ast.BranchStmt:
			if n.Tok == token.CONTINUE && n.Label == nil {
				add(n.Pos(), n.End(), "break")
			}
		}
		return true
	})
	return all, nil
}

func mutate(pkg, only, run string, n int, seed uint64) error {
	out, err := exec.Command("go", "list", "-json", pkg).Output()
	if err != nil {
		return fmt.Errorf("go list %s: %w", pkg, err)
	}
	var p struct {
		Dir     string
		GoFiles []string
	}
	if err := json.Unmarshal(out, &p); err != nil {
		return err
	}
	var all []edit
	for _, name := range p.GoFiles {
		if !strings.Contains(name, only) {
			continue
		}
		src, err := os.ReadFile(filepath.Join(p.Dir, name))
		if err != nil {
			return err
		}
		some, err := edits(filepath.Join(p.Dir, name), src)
		if err != nil {
			return err
		}
		all = append(all, some...)
	}
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if outcome, text := try(dir, pkg, run, nil); outcome != passed {
		return fmt.Errorf("the tests do not pass unchanged:\n%s", text)
	}
	fmt.Printf("%s: %d changes to choose from, seed %d\n", pkg, len(all), seed)
	random := rand.New(rand.NewPCG(seed, 0))
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	killed, tried := 0, 0
	for i := range all {
		if tried == n {
			break
		}
		e := &all[i]
		outcome, _ := try(dir, pkg, run, e)
		if outcome == uncompiled {
			continue // nobody could make that mistake
		}
		tried++
		if outcome == failed {
			killed++
			continue
		}
		fmt.Printf("survives: %s:%d: %s\n", filepath.Base(e.file), e.line, describe(e))
	}
	fmt.Printf("%s: %d of %d killed\n", pkg, killed, tried)
	return nil
}

// describe shows the line as it is changed.
func describe(e *edit) string {
	src, err := os.ReadFile(e.file)
	if err != nil {
		return err.Error()
	}
	begin := strings.LastIndexByte(string(src[:e.from]), '\n') + 1
	end := e.to
	if i := strings.IndexByte(string(src[e.to:]), '\n'); i >= 0 {
		end += i
	}
	return strings.TrimSpace(string(src[begin:e.from])) + "[" + string(src[e.from:e.to]) + " -> " + e.text + "]" + string(src[e.to:end])
}

type outcome int

const (
	passed outcome = iota
	failed
	uncompiled
)

// try runs the tests with the change; nil for none.
func try(dir, pkg, run string, e *edit) (outcome, string) {
	args := []string{"test", "-count=1", "-timeout=3m", "-failfast"}
	if run != "" {
		args = append(args, "-run", run)
	}
	if e != nil {
		src, err := os.ReadFile(e.file)
		if err != nil {
			return uncompiled, err.Error()
		}
		changed := filepath.Join(dir, "changed.go")
		text := string(src[:e.from]) + e.text + string(src[e.to:])
		overlay, err := json.Marshal(map[string]map[string]string{"Replace": {e.file: changed}})
		if err = errors.Join(err, os.WriteFile(changed, []byte(text), 0o600), os.WriteFile(dir+"/overlay.json", overlay, 0o600)); err != nil {
			return uncompiled, err.Error()
		}
		args = append(args, "-overlay", dir+"/overlay.json")
	}
	out, err := exec.Command("go", append(args, pkg)...).CombinedOutput()
	switch {
	case err == nil:
		return passed, ""
	case strings.Contains(string(out), "[build failed]"), strings.Contains(string(out), "[setup failed]"):
		return uncompiled, string(out)
	}
	return failed, string(out)
}

package state

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab/long"
)

// killedEnv makes the test binary a writer that is to be killed.
const killedEnv = "PATOGGLE_TEST_WRITER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(killedEnv); dir != "" {
		write(dir)
	}
	os.Exit(m.Run())
}

// write records moves for ever, and says of each that it is written.
func write(dir string) {
	s := Open(dir, func(text string) { fmt.Println("said", text) })
	for n := 0; ; n++ {
		e, err := s.Record(press(n))
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		fmt.Println("move", e.ID)
		err = s.Change(func(r []Remembered) []Remembered {
			if len(r) > 20 {
				r = r[1:]
			}
			return append(r, Remembered{Application: "program:" + e.ID, Sink: "a"})
		})
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		fmt.Println("rule", e.ID)
	}
}

// Killed many times at any moment, nothing that was said to be written is lost,
// and nothing is broken.
func TestAWriterMayBeKilledAtAnyMoment(t *testing.T) {
	dir := t.TempDir()
	s := Open(dir, func(text string) { t.Error(text) })
	for n := range long.Count(50, 200) {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), killedEnv+"="+dir)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		var move, rule string
		timer := time.AfterFunc(time.Duration(5+n%25)*time.Millisecond, func() { _ = c.Process.Kill() })
		for lines.Scan() {
			switch kind, id, _ := strings.Cut(lines.Text(), " "); kind {
			case "move":
				move = id
			case "rule":
				rule = id
			default:
				t.Fatal(lines.Text())
			}
		}
		timer.Stop()
		_ = c.Wait()
		entries, err := s.Moves()
		if err != nil {
			t.Fatal(err)
		}
		rules, err := s.Remembered()
		if err != nil {
			t.Fatal(err)
		}
		hasMove, hasRule := move == "", rule == ""
		for _, e := range entries {
			hasMove = hasMove || e.ID == move
		}
		for _, r := range rules {
			hasRule = hasRule || r.Application == "program:"+rule
		}
		if !hasMove || !hasRule {
			t.Fatalf("round %d: lost the move %s (%v) or what was remembered %s (%v)", n, move, hasMove, rule, hasRule)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range left {
		switch file.Name() {
		case "lock", "moves.jsonl", "remembered.json", ".moves.jsonl.new", ".remembered.json.new":
		default:
			t.Errorf("%s is left", file.Name())
		}
	}
}

// BenchmarkRecord is what a press pays for undo, after its answer.
func BenchmarkRecord(b *testing.B) {
	s := Open(b.TempDir(), nil)
	for n := range b.N {
		e := press(n)
		e.Moves[0].PID = strconv.Itoa(n)
		if _, err := s.Record(e); err != nil {
			b.Fatal(err)
		}
	}
}

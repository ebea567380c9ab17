package main

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// What people use instead, run as they would run it.
var (
	//go:embed toggle.sh
	shellScript []byte
	//go:embed lean.sh
	leanScript []byte
	//go:embed toggle.py
	pythonScript []byte
)

// The contenders by their names in the table.
const (
	patoggle  = "patoggle"
	withRules = "patoggle, with 1,000 rules"
	script    = "script: xprop, pactl, jq"
	lean      = "the same, lean, in dash"
	pulsectl  = "python3-pulsectl, by pid"
	pactl     = "pactl, one query"
	pamixer   = "pamixer, one query"
	limit     = "limit: connect and exit"
	nothing   = "/bin/true"
	viaSxhkd  = "sxhkd + patoggle"
	viaDaemon = "patoggled"
	bareMove  = "limit: a move, known beforehand"
	listsMove = "limit: the lists unread, a move"
)

// contender is one of the programs compared.
type contender struct {
	name string
	argv []string
}

// programs are the built ones.
type programs struct{ patoggle, patoggled, limit string }

// contenders are those that are run from start to exit.
func (d *desktop) contenders(p programs) ([]contender, error) {
	shell, dash, python := filepath.Join(d.Home, "toggle.sh"), filepath.Join(d.Home, "lean.sh"), filepath.Join(d.Home, "toggle.py")
	for file, text := range map[string][]byte{shell: shellScript, dash: leanScript, python: pythonScript} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			return nil, err
		}
	}
	rules := filepath.Join(d.Home, "rules.toml")
	if err := os.WriteFile(rules, []byte(thousandRules()), 0o600); err != nil {
		return nil, err
	}
	sink := d.sound.Sinks()[0].Name
	return []contender{
		{patoggle, []string{p.patoggle}},
		{withRules, []string{p.patoggle, "--config", rules}},
		{script, []string{"/bin/bash", shell}},
		{lean, []string{"/bin/sh", dash}},
		{pulsectl, []string{"/usr/bin/python3", python, strconv.Itoa(d.focused.PID)}},
		{pactl, []string{"/usr/bin/pactl", "get-default-sink"}},
		{pamixer, []string{"/usr/bin/pamixer", "--sink", sink, "--get-volume"}},
		{limit, []string{p.limit, d.sound.Socket}},
		{nothing, []string{"/bin/true"}},
	}, nil
}

// thousandRules is a configuration of as many rules, half of them with wildcards.
func thousandRules() string {
	var b strings.Builder
	for n := range 500 {
		fmt.Fprintf(&b, "[[rule]]\napp = \"Application %d\"\nsink = \"Headset\"\n", n)
		fmt.Fprintf(&b, "[[rule]]\napp = \"*thing-%d*\"\nsink = [\"Headset\", \"Speakers\"]\n", n)
	}
	return b.String()
}

// compare runs the contenders in turn, each round beginning with another one,
// and returns the time each took from start to exit. The pause after each run
// is for the servers to come to rest.
func compare(contenders []contender, env []string, warmUp, rounds int, pause time.Duration) ([]series, error) {
	all := make([]series, len(contenders))
	for i, c := range contenders {
		all[i].name = c.name
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	for round := -warmUp; round < rounds; round++ {
		runtime.GC() // now, so that it is not while a contender runs
		for i := range contenders {
			i := (i + round + warmUp) % len(contenders)
			took, err := run1(contenders[i].argv, env, null)
			if round >= 0 {
				if err := all[i].add(took, err, rounds); err != nil {
					return nil, err
				}
			}
			time.Sleep(pause)
		}
	}
	return all, nil
}

// run1 runs a program to its end and returns how long that took.
func run1(argv, env []string, null *os.File) (time.Duration, error) {
	began := time.Now()
	p, err := os.StartProcess(argv[0], argv, &os.ProcAttr{Dir: "/", Env: env, Files: []*os.File{null, null, null}})
	if err != nil {
		return 0, err
	}
	state, err := p.Wait()
	took := time.Since(began)
	if err != nil {
		return 0, err
	}
	if !state.Success() {
		return 0, fmt.Errorf("%q: %v", argv, state)
	}
	return took, nil
}

package daemon

import (
	"strings"
	"testing"
)

func TestTheCommandLineIsParsed(t *testing.T) {
	tests := []struct {
		args string
		want Command
		err  string
	}{
		{"", Command{}, ""},
		{"-v", Command{Verbose: true}, ""},
		{"--check --config /a/b", Command{Check: true, Config: "/a/b"}, ""},
		{"--config=/a=b --server unix:/x --display=:1 --verbose", Command{Config: "/a=b", Server: "unix:/x", Display: ":1", Verbose: true}, ""},
		{"--config --check", Command{Config: "--check"}, ""},
		{"-h --nonsense", Command{Help: true}, ""},
		{"--version next", Command{Version: true}, ""},
		{"--nonsense", Command{}, `unknown flag "--nonsense"`},
		{"--nonsense=1", Command{}, `unknown flag "--nonsense"`},
		{"-x", Command{}, `unknown flag "-x"`},
		{"-vv", Command{}, `unknown flag "-vv"`},
		{"next", Command{}, `patoggled takes no arguments, and "next" is one`},
		{"--", Command{}, `patoggled takes no arguments, and "--" is one`},
		{"-", Command{}, `patoggled takes no arguments, and "-" is one`},
		{"--config", Command{}, "--config wants a value"},
		{"--config=", Command{}, "--config wants a value that is not empty"},
		{"--check=yes", Command{Check: false}, "--check takes no value"},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			got, err := ParseCommand(strings.Fields(tt.args))
			if tt.err == "" && (err != nil || got != tt.want) || tt.err != "" && (err == nil || err.Error() != tt.err) {
				t.Errorf("got %+v, %v, want %+v, %q", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestEveryFlagIsInTheUsage(t *testing.T) {
	for _, flag := range []string{"--check", "--config", "--display", "--server", "-v, --verbose", "-h, --help", "--version"} {
		if !strings.Contains(Usage, " "+flag+" ") {
			t.Errorf("%s is not in the usage", flag)
		}
		args := []string{flag[strings.LastIndexByte(flag, ' ')+1:], "x"}
		if _, err := ParseCommand(args); err != nil && strings.HasPrefix(err.Error(), "unknown") {
			t.Errorf("%s is in the usage, and unknown", flag)
		}
	}
	for line := range strings.Lines(Usage) {
		if len(line) > 81 {
			t.Errorf("%q is longer than a terminal is wide", line)
		}
	}
}

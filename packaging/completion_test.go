package packaging

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
)

// shells are the ones with a completion script: how to start one that reads
// nothing but the script, and what to type so that Return shows the words of a
// command line, as the shell has taken them apart, instead of running it.
// Completion itself goes on asking the program.
var shells = []struct {
	name  string
	term  string // TERM
	args  []string
	setup string
	// listed is what has to be typed for a list of all that fits.
	listed string
}{
	{
		name: "bash", term: "dumb", args: []string{"--norc", "--noprofile", "-i"},
		setup: `PS1='ready> '; bind 'set bell-style none'; bind 'set completion-query-items 0'; bind 'set page-completions off'; bind 'set enable-bracketed-paste off'
. "$BASH_COMPLETION"
. "$SCRIPTS/bash"
`,
		listed: "\t\t",
	},
	{
		name: "zsh", term: "dumb", args: []string{"-f", "-i"},
		setup: `unsetopt beep prompt_sp; PROMPT='ready> '; fpath=("$SCRIPTS" $fpath)
autoload -U compinit; compinit -u -D
`,
		listed: "\t",
	},
	{
		name: "fish", term: "xterm", args: []string{"--no-config", "-i"},
		setup: `function fish_prompt; echo -n 'ready> '; end; function fish_greeting; end
source "$SCRIPTS/fish"
`,
		listed: "\t",
	},
}

// bashCompletion is the script that loads completions in bash.
func bashCompletion() string { return lab.File("/usr/share/bash-completion/bash_completion") }

// compatDir is where bash-completion keeps functions under the names they had
// before its version 2.12; without them the completions of most programs fail.
func compatDir() string {
	return filepath.Dir(lab.File("/etc/bash_completion.d/000_bash_completion_compat.bash"))
}

// wordsOf defines a function that stands for patoggle and prints its words.
var wordsOf = map[string]string{
	"bash": `patoggle() { if [ "$1" = __complete ]; then command patoggle "$@"; else printf '<%s>' "$@"; echo; fi; }` + "\n",
	"zsh":  `patoggle() { if [ "$1" = __complete ]; then command patoggle "$@"; else printf '<%s>' "$@"; echo; fi; }` + "\n",
	"fish": `function patoggle; if test "$argv[1]" = __complete; command patoggle $argv; else; printf '<%s>' $argv; echo; end; end` + "\n",
}

// prompt is a shell that waits for a line.
type prompt struct {
	*terminal
	listed string
	lines  int
}

// startPrompt starts the shell with a change to the environment, and types the
// setup.
func startPrompt(t *testing.T, d *desk, shell, env, setup string) *prompt {
	t.Helper()
	for _, s := range shells {
		if s.name != shell {
			continue
		}
		file, err := lab.LookPath(shell)
		if err != nil {
			lab.Missing(t, shell)
		}
		p := &prompt{terminal: interactive(t, d.With(env, "TERM="+s.term, "BASH_COMPLETION="+bashCompletion(), "BASH_COMPLETION_COMPAT_DIR="+compatDir()), d.Home, file, s.args...), listed: s.listed}
		lines := []string{setup + wordsOf[shell]}
		if shell == "fish" {
			// Version 4 takes no Enter that was typed before it was ready.
			lines = strings.SplitAfter(lines[0], "\n")
			d.Until("fish's prompt", func() bool {
				return strings.Contains(p.shown(), "> ") || strings.Contains(p.shown(), "# ")
			})
		}
		for _, line := range lines {
			p.keys(line)
			p.ready()
		}
		return p
	}
	t.Fatalf("no shell %q", shell)
	return nil
}

// ready waits until the shell has done all that was typed.
func (p *prompt) ready() {
	p.t.Helper()
	p.lines++
	at := p.mark()
	p.keys("echo at' 'prompt " + itoa(p.lines) + "\n")
	there := "at prompt " + itoa(p.lines) + "\r\n"
	for range tries {
		if lab.Poll(10*time.Second, func() bool { return strings.Contains(p.shown()[at:], there) }) {
			return
		}
		p.keys("\n") // see startPrompt
	}
	p.wait(at, there)
}

// tries is how often a line is typed: where the machine is too slow to answer in
// time, nothing is offered, and one presses Tab again.
const tries = 5

// list types a line, asks for what fits, waits until all that is wanted is
// shown, and gives the line up.
func (p *prompt) list(line string, want ...string) string {
	p.t.Helper()
	for try := 1; ; try++ {
		at := p.mark()
		p.keys(line + p.listed)
		all := lab.Poll(10*time.Second, func() bool {
			shown := p.shown()[at:]
			return !slices.ContainsFunc(want, func(w string) bool { return !strings.Contains(shown, w) })
		})
		shown := p.shown()[at:]
		p.keys("\x15")
		p.ready()
		if all {
			return shown
		}
		if try == tries {
			p.t.Fatalf("%q: want %q, came %q", line, want, shown)
		}
	}
}

// enter types the start of a line, completes it, and waits for its words.
func (p *prompt) enter(line, want string) {
	p.t.Helper()
	for try := 1; ; try++ {
		at := p.mark()
		p.keys(line + "\t\n")
		p.ready()
		shown := p.shown()[at:]
		if strings.Contains(shown, want+"\r\n") {
			return
		}
		if try == tries {
			p.t.Fatalf("%q: want %q, came %q", line, want, shown)
		}
	}
}

// completing is a desk with sinks of telling names, and the completion
// scripts as the program prints them.
func completing(t *testing.T) (*desk, string) {
	t.Helper()
	dir := programs(t)
	d := newDesk(t, dir)
	d.sound.AddSink("monitor=HDMI: 27 $inch [left]")
	if err := os.MkdirAll(filepath.Dir(d.config), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.config, []byte("[names]\nusb = \"My Headset\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	scripts := t.TempDir()
	for _, shell := range shells {
		r := d.Run(nil, filepath.Join(dir, "patoggle"), "completion", shell.name)
		if r.Code != 0 {
			t.Fatal(r.Stderr)
		}
		name := shell.name
		if name == "zsh" {
			name = "_patoggle" // found in $fpath by its name
		}
		if err := os.WriteFile(filepath.Join(scripts, name), []byte(r.Stdout), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return d, scripts
}

func TestTabInRealShells(t *testing.T) {
	lab.Need(t, "bash", "zsh", "fish")
	if _, err := os.Stat(bashCompletion()); err != nil {
		lab.Missing(t, "bash-completion")
	}
	d, scripts := completing(t)
	front := d.front.WaitStream()
	st, _ := d.sound.Stream(front)
	window := ""
	for _, w := range d.display.Windows() {
		if w.Title == "in front" {
			window = hex(w.ID)
		}
	}
	for _, shell := range shells {
		t.Run(shell.name, func(t *testing.T) {
			p := startPrompt(t, d, shell.name, "SCRIPTS="+scripts, shell.setup)
			list, enter := p.list, p.enter
			list("patoggle ", "list", "why", "config", "completion")
			list("patoggle config ", "path", "check", "init")
			list("patoggle --to ", "My Headset", "USB Headset", "speakers", "Built-in Audio", "monitor")
			list("patoggle --app ", "mpv")
			list("patoggle watch --format ", "text", "waybar", "polybar")
			list("patoggle top --", "--server", "--display", "--config")
			list("patoggle --stream ", itoa(front), st.Media)
			list("patoggle --window 0x", window, "in front")
			if shown := list("patoggle ", "list"); strings.Contains(shown, "no-help") {
				t.Errorf("offers what is hidden: %q", shown)
			}
			enter("patoggle --to spea", "<--to><speakers>")
			enter("patoggle --to My", "<--to><My Headset>")
			enter("patoggle lis", "<list>")
			enter("patoggle list si", "<list><sinks>")
			enter("patoggle --dry", "<--dry-run>")
		})
	}
}

func TestCompletionIsQuickAndQuietWhenNothingAnswers(t *testing.T) {
	d, _ := completing(t)
	program := lab.Binary(t, "patoggle")
	// hangs is what a server that hangs may cost (completeTimeout of the program).
	const hangs = 300 * time.Millisecond
	// How long this machine takes to start the program at all, as it is now.
	start := time.Hour
	for range 5 {
		start = min(start, d.Run(nil, program, "--version").Took)
	}
	// ask returns the best time of several, since other tests run meanwhile.
	ask := func(t *testing.T, env []string, flag string, limit time.Duration) (best time.Duration) {
		t.Helper()
		best = time.Hour
		for tries := 0; best > limit && tries < 20; tries++ {
			r := d.Run(env, program, "__complete", flag, "")
			if r.Stdout != ":4\n" || r.Code != 0 {
				t.Errorf("%s: code %d, %q", flag, r.Code, r.Stdout)
			}
			best = min(best, r.Took)
		}
		return best
	}
	flags := []string{"--to", "--app", "--stream", "--window", "--pid"}
	for _, c := range []struct {
		name   string
		env    []string
		before func()
		after  func()
		limit  time.Duration
	}{
		// Whoever waits for one that is not there takes longer than that.
		{"no sound server", []string{"PULSE_SERVER=unix:" + d.Dir + "/nothing"}, func() {}, func() {}, hangs*2/3 + 4*start},
		{"no home and nothing set", []string{"PULSE_SERVER", "PULSE_RUNTIME_PATH", "XDG_RUNTIME_DIR", "HOME", "XDG_CONFIG_HOME", "DISPLAY"}, func() {}, func() {}, hangs*2/3 + 4*start},
		{"a sound server that does not answer", nil, d.sound.Stop, d.sound.Continue, hangs*3/2 + 4*start},
		{"neither server answers", nil, func() { d.sound.Stop(); d.display.Stop() }, func() { d.display.Continue(); d.sound.Continue() }, hangs*3/2 + 4*start},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.before()
			defer c.after()
			for _, flag := range flags {
				if best := ask(t, c.env, flag, c.limit); best > c.limit {
					t.Errorf("%s: the quickest of 20 took %v, the program's start takes %v", flag, best, start)
				}
			}
		})
	}
	t.Run("a bad configuration", func(t *testing.T) {
		if err := os.WriteFile(d.config, []byte("sinks = 1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if r := d.Run(nil, program, "__complete", "--to", ""); !strings.Contains(r.Stdout, "speakers\t") || strings.Contains(r.Stderr, "error") {
			t.Errorf("code %d, %q, %q", r.Code, r.Stdout, r.Stderr)
		}
	})
}

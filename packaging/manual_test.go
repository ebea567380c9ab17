package packaging

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/daemon"
	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/match"
	"github.com/patoggle/patoggle/internal/toggle"
	"github.com/patoggle/patoggle/internal/watch"
	"github.com/patoggle/patoggle/pulse"
)

var pages = []string{"patoggle.1", "patoggled.1", "patoggle-config.5", "patoggle-top.1"}

// page is the source of a manual page with its dashes and quotes unescaped.
func page(t testing.TB, name string) string {
	t.Helper()
	return strings.NewReplacer(`\-`, "-", `\(dq`, `"`, `\(aq`, "'", `\&`, "").Replace(read(t, "packaging/man/"+name))
}

// section is what is between the heading and the next one of its kind (Sh or
// Ss).
func section(t testing.TB, source, kind, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut(source, "\n."+kind+" "+heading+"\n")
	if !ok {
		t.Fatalf("the page has no section %q", heading)
	}
	if end := regexp.MustCompile(`(?m)^\.(Sh|` + kind + `) `).FindStringIndex(rest); end != nil {
		rest = rest[:end[0]]
	}
	return rest
}

// tags are the marked words of the list tags (.It) in a section: of
// ".It Fl n , Fl -dry-run" with the mark Fl that is "n" and "-dry-run".
func tags(source, mark string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`(?m)^\.It (.*)$`).FindAllStringSubmatch(source, -1) {
		words := strings.Fields(m[1])
		on := false
		for _, w := range words {
			switch {
			case w == mark:
				on = true
			case len(w) == 2 && w[0] >= 'A' && w[0] <= 'Z':
				on = false
			case on && w != "," && w != "|":
				all = append(all, w)
			}
		}
	}
	return set(all)
}

func TestTheManualPagesHaveNoMistakesOfForm(t *testing.T) {
	lab.Need(t, "mandoc", "groff", "man")
	l := lab.Start(t)
	// mandoc looks pages that are referred to up beside the page.
	dir := checkout(t, "packaging/man")
	for _, name := range pages {
		file := filepath.Join(dir, name)
		r := l.Exec(lab.Cmd{Name: "mandoc", Args: []string{"-T", "lint", "-W", "style", file}, Dir: t.TempDir()})
		for _, line := range lines(r.Stdout) {
			if !strings.Contains(line, "referenced manual not found") {
				t.Errorf("mandoc: %s", line)
			}
		}
		if r := l.Run(nil, "groff", "-mandoc", "-ww", "-z", "-Tutf8", file); r.Code != 0 || r.Stderr != "" {
			t.Errorf("groff %s: code %d, %s", name, r.Code, r.Stderr)
		}
		if r := l.Run([]string{"MANWIDTH=80", "MANROFFSEQ="}, "man", "--warnings", "-l", file); r.Code != 0 || r.Stderr != "" || !strings.Contains(r.Stdout, "NAME") {
			t.Errorf("man -l %s: code %d, %s", name, r.Code, r.Stderr)
		}
	}
}

// flags asks the program itself: its completion offers every flag there is.
func flags(t *testing.T, l *lab.Lab, program string, command ...string) []string {
	t.Helper()
	var all []string
	for _, dash := range []string{"-", "--"} {
		r := l.Run(nil, program, append(append([]string{"__complete"}, command...), dash)...)
		for _, line := range lines(r.Stdout) {
			if name, _, _ := strings.Cut(line, "\t"); strings.HasPrefix(name, "-") {
				all = append(all, strings.TrimPrefix(name, "-"))
			}
		}
	}
	return set(all)
}

func TestEveryFlagAndCommandOfPatoggleIsInItsPageAndTheOtherWayRound(t *testing.T) {
	l := lab.Start(t)
	program := lab.Binary(t, "patoggle")
	source := page(t, "patoggle.1")
	options := tags(section(t, source, "Sh", "OPTIONS"), "Fl")

	offered := func(command ...string) []string {
		var all []string
		r := l.Run(nil, program, append(append([]string{"__complete"}, command...), "")...)
		for _, line := range lines(r.Stdout) {
			if word, _, _ := strings.Cut(line, "\t"); !strings.HasPrefix(word, ":") {
				all = append(all, word)
			}
		}
		return set(all)
	}
	commands := offered()
	all := flags(t, l, program)
	var words []string
	for _, command := range commands {
		all = append(all, flags(t, l, program, command)...)
		words = append(words, command)
		words = append(words, offered(command)...)
	}
	same(t, "flags", options, set(all))
	// "help" takes the names of the others, which are there already.
	same(t, "commands", tags(section(t, source, "Sh", "COMMANDS"), "Cm"), set(words))

	// What is named anywhere in the page, and what each usage names.
	others := []string{"no-startup-id", "dmenu"} // of i3, fuzzel and wofi
	for _, flag := range groups(`\B--([a-z][a-z-]+)`, source) {
		if !slices.Contains(options, "-"+flag) && !slices.Contains(others, flag) {
			t.Errorf("the page names --%s, which is no flag", flag)
		}
	}
	for _, flag := range groups(`Fl -([a-z-]+)`, source) {
		if !slices.Contains(options, "-"+flag) {
			t.Errorf("the page names --%s, which is no flag", flag)
		}
	}
	usage := l.Run(nil, program, "--help").Stdout
	same(t, "flags of --help", slices.DeleteFunc(slices.Clone(options), func(f string) bool { return len(f) == 1 || f == "-no-startup-id" }),
		slices.DeleteFunc(groups(`\B-(-[a-z][a-z-]+)`, usage), func(f string) bool { return f == "-no-startup-id" }))
}

func TestEveryFlagOfPatoggledIsInItsPageAndTheOtherWayRound(t *testing.T) {
	source := page(t, "patoggled.1")
	options := tags(section(t, source, "Sh", "OPTIONS"), "Fl")
	// Its flags are read by hand: every one has a case of its own, and the
	// usage is held against the same list.
	parsed := groups(`"-(-[a-z]+|[a-z])"`, read(t, "internal/daemon/command.go"))
	same(t, "flags", options, parsed)
	ours := regexp.MustCompile(`(?m)^.*systemctl.*$`).ReplaceAllString(daemon.Usage, "")
	same(t, "flags of --help", slices.DeleteFunc(slices.Clone(options), func(f string) bool { return len(f) == 1 }), groups(`\B-(-[a-z]+)`, ours))
	for _, flag := range options {
		arg := "-" + flag
		_, alone := daemon.ParseCommand([]string{arg})
		_, valued := daemon.ParseCommand([]string{arg, "x"})
		if alone != nil && valued != nil {
			t.Errorf("%s is not accepted: %v", arg, valued)
		}
	}
}

func TestEveryExitCodeIsInThePagesAndTheOtherWayRound(t *testing.T) {
	codes := func(all ...int) []string {
		var words []string
		for _, c := range all {
			words = append(words, strconv.Itoa(c))
		}
		return words
	}
	for name, want := range map[string][]string{
		"patoggle.1":  codes(0, int(toggle.Failed), int(toggle.Usage), int(toggle.Nothing)),
		"patoggled.1": codes(0, int(toggle.Failed), int(toggle.Usage)),
	} {
		same(t, name, groups(`(?m)^\.It ([0-9]+)$`, section(t, page(t, name), "Sh", "EXIT STATUS")), want)
	}
}

func TestEveryMatchingRuleIsInThePageAndTheOtherWayRound(t *testing.T) {
	matching := section(t, page(t, "patoggle.1"), "Sh", "MATCHING")
	rules := []match.Rule{
		match.RulePID, match.RuleInstance, match.RuleDescendant, match.RuleMultiplexer, match.RuleSandbox,
		match.RuleSteam, match.RuleWine, match.RuleAppID, match.RuleUnit, match.RuleParent, match.RuleName,
	}
	var words []string
	for _, r := range rules {
		words = append(words, string(r))
	}
	same(t, "rules", tags(matching, "Cm"), words)
	// The order is that of the ladder.
	at := -1
	for _, w := range words {
		i := strings.Index(matching, ".It Cm "+w+"\n")
		if i < at {
			t.Errorf("the rule %q is not at its place", w)
		}
		at = i
	}
}

// configKeys asks the package what it knows: an unknown key is answered with
// the known ones.
func configKeys(t *testing.T, document string) []string {
	t.Helper()
	_, err := config.Parse("c", strings.NewReader(document))
	if err == nil {
		t.Fatalf("%q is accepted", document)
	}
	_, known, ok := strings.Cut(err.Error(), " are ")
	if !ok {
		t.Fatalf("no known keys in %q", err)
	}
	known, _, _ = strings.Cut(known, ";")
	known, _, _ = strings.Cut(known, "\n")
	return groups(`"([a-z_]+)"`, known)
}

func TestEveryKeyOfTheConfigurationIsInItsPageAndTheOtherWayRound(t *testing.T) {
	source := section(t, page(t, "patoggle-config.5"), "Sh", "KEYS")
	top, hotkey, ok := strings.Cut(source, "In each\n.Ic [[hotkey]]")
	if !ok {
		t.Fatal("the page does not tell the keys of [[hotkey]] apart")
	}
	key := `(?m)^\.It Ic \[*([a-z_]+)`
	top, rule, ok := strings.Cut(top, "In each\n.Ic [[rule]]")
	if !ok {
		t.Fatal("the page does not tell the keys of [[rule]] apart")
	}
	same(t, "keys of [[rule]]", groups(key, rule), configKeys(t, "[[rule]]\napp = \"a\"\nsink = \"b\"\nno-such-key = 1\n"))
	same(t, "keys", groups(key, top), configKeys(t, "no-such-key = 1\n"))
	same(t, "keys of [[hotkey]]", groups(key, hotkey), configKeys(t, "[[hotkey]]\nkeys = \"F9\"\ndo = \"next\"\nno-such-key = 1\n"))

	// The words of "do" and "notify", and the default key.
	for _, word := range []string{config.Next.String(), config.Prev.String(), config.To.String(), config.Undo.String(), config.Follow.String(), config.Remember.String(), config.Forget.String()} {
		if !strings.Contains(hotkey, `"`+word+`"`) {
			t.Errorf("do = %q is not in the page", word)
		}
	}
	for _, n := range []config.Notify{config.NotifyDaemon, config.NotifyAlways, config.NotifyNever} {
		if !regexp.MustCompile(`(?m)^\.Li ` + n.String() + `$`).MatchString(top) {
			t.Errorf("notify = %s is not in the page", n)
		}
	}
	if !strings.Contains(top, "default is\n.Li "+config.Default().Notify.String()+" ") {
		t.Error("the default of notify is not in the page")
	}
	for _, name := range pages[1:3] {
		if !strings.Contains(page(t, name), config.DefaultChord) {
			t.Errorf("%s does not name the default key %s", name, config.DefaultChord)
		}
	}
	if want := strconv.Itoa(config.MaxText) + " bytes"; !strings.Contains(page(t, "patoggle-config.5"), want) {
		t.Errorf("the page does not say %q", want)
	}
}

// literals are the displays (.Bd) of a section.
func literals(source string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`(?s)\.Bd -literal[^\n]*\n(.*?)\.Ed\n`).FindAllStringSubmatch(source, -1) {
		all = append(all, m[1])
	}
	return all
}

func TestTheExamplesOfTheConfigurationAreGood(t *testing.T) {
	n := 0
	for _, name := range pages[1:3] {
		for _, text := range literals(page(t, name)) {
			n++
			c, err := config.Parse(name, strings.NewReader(text))
			if err != nil {
				t.Errorf("%v in\n%s", err, text)
				continue
			}
			if len(c.Sinks)+len(c.Hotkeys)+int(c.Volume) == 0 {
				t.Errorf("this sets nothing:\n%s", text)
			}
		}
	}
	if n < 3 {
		t.Errorf("only %d examples found", n)
	}
}

// desk is a lab with everything a press needs: two players, the first of them
// in front, on the first of two sinks.
type desk struct {
	*lab.Lab
	sound   *lab.Sound
	display *lab.Display
	front   *lab.Player
	config  string // the configuration file
}

func newDesk(t *testing.T, dir string) *desk {
	t.Helper()
	l := lab.Start(t)
	d := &desk{Lab: l, config: l.Home + "/.config/patoggle/config.toml"}
	l.Bus()
	d.sound = l.PulseAudio("speakers=Built-in Audio", "usb=USB Headset")
	d.display = l.Display()
	l.Setenv("PATH", dir+":"+l.Getenv("PATH"))
	l.Player("behind").WaitStream()
	d.front = l.Player("in front")
	d.front.WaitStream()
	d.display.Focus(d.front.WaitWindow())
	return d
}

// sh runs a line as a user's shell does.
func (d *desk) sh(line string) lab.Result {
	return d.Exec(lab.Cmd{Name: "sh", Args: []string{"-c", line}})
}

func TestTheExamplesOfPatoggleAndTheFormOfItsJSON(t *testing.T) {
	lab.Need(t, "jq", "i3", "sxhkd", "mandoc")
	dir := programs(t)
	d := newDesk(t, dir)

	t.Run("each example runs", func(t *testing.T) {
		examples := 0
		for _, name := range []string{"patoggle.1", "patoggled.1"} {
			// As a reader copies them: from the page as it is shown.
			shown := d.Run(nil, "mandoc", "-T", "ascii", "-O", "width=200", checkout(t, "packaging/man/"+name)).Stdout
			shown = regexp.MustCompile(`.\x08`).ReplaceAllString(shown, "")
			for _, line := range groups(`(?m)^ +\$ (.+)$`, shown) {
				if strings.Contains(line, "systemctl") || strings.Contains(line, "journalctl") {
					continue // see the tests of the unit
				}
				examples++
				line = strings.Replace(line, "sleep 5", "sleep 0", 1)
				if r := d.sh(line); r.Code != 0 {
					t.Errorf("%s: code %d\n%s%s", line, r.Code, r.Stdout, r.Stderr)
				}
			}
		}
		if examples < 8 {
			t.Errorf("only %d examples found", examples)
		}
	})

	t.Run("the window managers take the lines", func(t *testing.T) {
		blocks := literals(section(t, page(t, "patoggle.1"), "Sh", "EXAMPLES"))
		if len(blocks) != 3 {
			t.Fatalf("%d blocks, want those of i3, sxhkd and openbox", len(blocks))
		}
		file := filepath.Join(d.Home, "i3")
		if err := os.WriteFile(file, []byte("# i3 config file (v4)\nset $mod Mod4\nfont pango:monospace 8\n"+blocks[0]), 0o600); err != nil {
			t.Fatal(err)
		}
		if r := d.Run(nil, "i3", "-C", "-c", file); r.Code != 0 || strings.Contains(r.Stdout+r.Stderr, "ERROR") {
			t.Errorf("i3: code %d\n%s%s", r.Code, r.Stdout, r.Stderr)
		}
		for _, command := range set(append(append(
			groups(`(?m)exec --no-startup-id (patoggle.*)$`, blocks[0]),
			groups(`(?m)^\t(patoggle.*)$`, blocks[1])...),
			groups(`<command>(.*)</command>`, blocks[2])...)) {
			if r := d.sh(command); r.Code != 0 {
				t.Errorf("%s: code %d\n%s", command, r.Code, r.Stderr)
			}
		}

		file = filepath.Join(d.Home, "sxhkdrc")
		if err := os.WriteFile(file, []byte(blocks[1]), 0o600); err != nil {
			t.Fatal(err)
		}
		stream := d.front.WaitStream()
		before := d.sound.On(stream)
		keys := d.Spawn("sxhkd", "-c", file)
		d.Until("sxhkd to have the key", func() bool {
			d.display.Key("super+F9")
			return lab.Poll(500e6, func() bool { return d.sound.On(stream) != before })
		})
		if keys.Kill(); strings.Contains(keys.Log(), "nvalid") {
			t.Errorf("sxhkd: %s", keys.Log())
		}
	})

	t.Run("the form of the JSON", func(t *testing.T) {
		lab.Need(t, "parec")
		d.Spawn("parec", "/dev/null") // a list that is empty has no keys
		d.Until("the recording", func() bool { return strings.Contains(d.sh("patoggle list --json").Stdout, `"source":`) })
		source := section(t, page(t, "patoggle.1"), "Sh", "JSON")
		for command, args := range map[string][]string{
			"patoggle --json":      {"--json"},
			"patoggle list --json": {"list", "--json"},
			"patoggle why --json":  {"why", "--json"},
		} {
			r := d.Run(nil, filepath.Join(dir, "patoggle"), args...)
			var v any
			if err := json.Unmarshal([]byte(r.Stdout), &v); err != nil {
				t.Fatalf("%s: %v\n%s%s", command, err, r.Stdout, r.Stderr)
			}
			found := map[string]bool{}
			flatten("", v, found)
			all := slices.Collect(maps.Keys(found))
			if command == "patoggle why --json" {
				all = append(all, "window") // an object here
			}
			documented := tags(section(t, source, "Ss", command), "Va")
			documented = slices.DeleteFunc(documented, func(w string) bool { return w == "window" })
			all = slices.DeleteFunc(all, func(w string) bool { return w == "window" })
			same(t, command, documented, set(all))
		}
		// The words a value can be.
		for _, word := range []string{
			string(toggle.ResultMoved), string(toggle.ResultWouldMove), string(toggle.ResultNothing), string(toggle.ResultFailed),
			string(toggle.AlreadyThere),
			pulse.AvailableYes.String(), pulse.AvailableNo.String(), pulse.AvailableUnknown.String(),
		} {
			if !strings.Contains(source, ".Qq "+word+" ") && !strings.Contains(source, ".Qq "+word+"\n") {
				t.Errorf("the value %q is not in the page", word)
			}
		}
		for trust := match.Trust(0); ; trust++ {
			if trust > 0 && trust.String() == match.Trust(0).String() {
				break
			}
			if !strings.Contains(source, ".Qq "+trust.String()+" ") && !strings.Contains(source, ".Qq "+trust.String()+"\n") {
				t.Errorf("the pid_trust %q is not in the page", trust)
			}
		}
	})
}

func TestTheFormOfWatchIsInThePageAndTheOtherWayRound(t *testing.T) {
	b, err := json.Marshal(watch.State{Sinks: []watch.Sink{{}}, Moves: []watch.Move{{}}})
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	flatten("", v, found)
	source := section(t, page(t, "patoggle.1"), "Sh", "JSON")
	same(t, "patoggle watch --json", tags(section(t, source, "Ss", "patoggle watch --json"), "Va"), set(slices.Collect(maps.Keys(found))))
	for _, word := range []string{watch.Playing, watch.Paused, watch.Silent, watch.None, watch.Away} {
		if !strings.Contains(source, ".Qq "+word+" ") && !strings.Contains(source, ".Qq "+word+"\n") {
			t.Errorf("the state %q is not in the page", word)
		}
	}
}

// flatten collects the paths of all values: "sinks[].name".
func flatten(at string, v any, found map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			path := key
			if at != "" {
				path = at + "." + key
			}
			flatten(path, value, found)
		}
	case []any:
		objects := false
		for _, item := range v {
			if m, ok := item.(map[string]any); ok {
				objects = true
				flatten(at+"[]", m, found)
			}
		}
		if !objects && len(v) > 0 { // an empty list says nothing of what is in it
			found[at] = true
		}
	default:
		found[at] = true
	}
}

func TestThePageOfTheLiveViewHasItsFlagsAndNoOthers(t *testing.T) {
	l := lab.Start(t)
	r := l.Run(nil, lab.Binary(t, "patoggle-top"), "--help")
	want := []string{"-version"} // which the usage leaves to those who look for it
	for _, m := range regexp.MustCompile(`(?:^|\s)-(-[a-z]+|h\b)`).FindAllStringSubmatch(r.Stdout, -1) {
		want = append(want, m[1])
	}
	if got := tags(section(t, page(t, "patoggle-top.1"), "Sh", "OPTIONS"), "Fl"); !slices.Equal(got, set(want)) {
		t.Errorf("the page has the flags %q, the program %q", got, set(want))
	}
}

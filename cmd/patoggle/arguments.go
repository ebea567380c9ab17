package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/patoggle/patoggle/internal/toggle"
)

// wrong is a mistake in the arguments. Names of the user's are quoted with
// toggle.Quote in both.
func wrong(hint, format string, args ...any) error {
	return &toggle.Problem{Kind: toggle.Usage, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// usageHint is where the usage of a command is told.
func usageHint(cmd *cobra.Command) string {
	return fmt.Sprintf("%q shows the usage", cmd.CommandPath()+" --help")
}

// flagMistake puts an error of the command library about a flag into words.
func flagMistake(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var bare *pflag.ValueRequiredError
	var bad *pflag.InvalidValueError
	var syntax *pflag.InvalidSyntaxError
	switch {
	case errors.As(err, &unknown):
		name := unknown.GetSpecifiedName()
		if unknown.GetSpecifiedShortnames() != "" {
			return unknownShort(cmd, name)
		}
		return unknownFlag(cmd, name)
	case errors.As(err, &bare):
		f := bare.GetFlag()
		return wrong(usageHint(cmd), "--%s wants %s after it", f.Name, wanted(f.Name))
	case errors.As(err, &bad):
		f := bad.GetFlag()
		if f.NoOptDefVal != "" { // --prev=perhaps
			return wrong(usageHint(cmd), "--%s takes no value, this is %s", f.Name, toggle.Quote(bad.GetValue()))
		}
		return wrong(usageHint(cmd), "--%s wants %s, not %s", f.Name, wanted(f.Name), toggle.Quote(bad.GetValue()))
	case errors.As(err, &syntax):
		return wrong(usageHint(cmd), "%s is no flag", toggle.Quote(syntax.GetSpecifiedFlag()))
	}
	return wrong(usageHint(cmd), "the flags of %q cannot be understood", cmd.CommandPath())
}

// wants say what the value of a flag is.
var wants = map[string]string{
	"to":      "the name of a sink",
	"window":  "a window id such as 0x800008 or 8388616",
	"pid":     "a process id",
	"app":     "the name of an application",
	"stream":  `the number of a stream, which "patoggle list" shows`,
	"server":  "the address of a sound server",
	"display": "an X display such as :0",
	"config":  "the path of a file",
	"timeout": "a time with its unit, such as 500ms or 2s",
}

func wanted(flag string) string { return cmp.Or(wants[flag], "a value") }

// unknownFlag says of which commands a flag is one, or which was meant.
func unknownFlag(cmd *cobra.Command, name string) error {
	owners := ownersOf(cmd.Root(), func(f *pflag.FlagSet) bool { return f.Lookup(name) != nil })
	if len(owners) > 0 {
		return wrong(usageHint(cmd), "--%s is a flag of %s, not of %q", name, enumerate(owners), cmd.CommandPath())
	}
	hint := usageHint(cmd)
	if near := nearest(name, flagsOf(cmd)); near != "" {
		hint = fmt.Sprintf("did you mean --%s?", near)
	} else if flag := instead[strings.ToLower(name)]; flag != "" {
		hint = flag
	}
	return wrong(hint, "%s is no flag of %q", toggle.Quote("--"+name), cmd.CommandPath())
}

func unknownShort(cmd *cobra.Command, letter string) error {
	owners := ownersOf(cmd.Root(), func(f *pflag.FlagSet) bool { return len(letter) == 1 && f.ShorthandLookup(letter) != nil })
	if len(owners) > 0 {
		return wrong(usageHint(cmd), "-%s is a flag of %s, not of %q", letter, enumerate(owners), cmd.CommandPath())
	}
	return wrong(usageHint(cmd), "%s is no flag of %q", toggle.Quote("-"+letter), cmd.CommandPath())
}

// ownersOf are the commands with a flag of their own that fits.
func ownersOf(root *cobra.Command, has func(*pflag.FlagSet) bool) []string {
	var owners []string
	for _, c := range append([]*cobra.Command{root}, root.Commands()...) {
		if !c.Hidden && has(c.LocalNonPersistentFlags()) {
			owners = append(owners, fmt.Sprintf("%q", c.CommandPath()))
		}
	}
	return owners
}

// flagsOf are the names of all flags of a command.
func flagsOf(cmd *cobra.Command) []string {
	var names []string
	add := func(f *pflag.Flag) { names = append(names, f.Name) }
	cmd.Flags().VisitAll(add)
	cmd.InheritedFlags().VisitAll(add)
	return names
}

// together refuses the second of two flags that exclude each other.
func together(cmd *cobra.Command) error {
	for _, group := range [][]string{{"prev", "to"}, {"input", "pair"}, {"pair", "stream"}, {"window", "pid", "app", "stream", "all"}} {
		var given []string
		for _, name := range group {
			if f := cmd.Flags().Lookup(name); f != nil && f.Changed {
				given = append(given, "--"+name)
			}
		}
		if len(given) > 1 {
			return wrong("leave one of them out", "%s cannot go together", strings.Join(given, " and "))
		}
	}
	return nil
}

// instead is what to write for words and flags that other programs have.
var instead = map[string]string{
	"next":     `"patoggle" alone goes to the next sink`,
	"toggle":   `"patoggle" alone goes to the next sink`,
	"cycle":    `"patoggle" alone goes to the next sink`,
	"switch":   `"patoggle" alone goes to the next sink`,
	"move":     `"patoggle" alone goes to the next sink, "patoggle --to SINK" to one of your choice`,
	"to":       `"patoggle --to SINK" moves to a sink of your choice`,
	"set":      `"patoggle --to SINK" moves to a sink of your choice`,
	"sink":     `"patoggle --to SINK" moves to a sink of your choice`,
	"prev":     `"patoggle --prev" goes to the previous sink`,
	"previous": `"patoggle --prev" goes to the previous sink`,
	"back":     `"patoggle --prev" goes to the previous sink`,
	"undo":     `"patoggle --prev" goes to the previous sink`,
	"sinks":    `"patoggle list sinks" shows the sinks`,
	"streams":  `"patoggle list streams" shows the streams`,
	"ls":       `"patoggle list" shows sinks and streams`,
	"status":   `"patoggle list" shows sinks and streams`,
	"version":  `"patoggle --version" shows the version`,
	"daemon":   `the daemon is a program of its own, "patoggled"`,
}

// noArguments refuses arguments, and names what was meant.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	word := toggle.Quote(args[0])
	if cmd.HasParent() {
		return wrong(usageHint(cmd), "%q takes no argument, this is %s", cmd.CommandPath(), word)
	}
	message := word + " is no command of patoggle"
	if strings.TrimSpace(args[0]) == "" {
		return wrong(usageHint(cmd), "an empty argument is no command of patoggle")
	}
	hint := instead[strings.ToLower(args[0])]
	var names []string
	for _, c := range cmd.Commands() {
		if !c.Hidden {
			names = append(names, c.Name())
		}
	}
	switch near := nearest(args[0], names); {
	case hint != "":
	case near != "":
		hint = fmt.Sprintf("did you mean %q?", "patoggle "+near)
	default:
		// What people type who want a sink or an application.
		q := shellWord(args[0])
		hint = fmt.Sprintf("to play on a sink of that name: patoggle --to %s; to move an application of that name: patoggle --app %s", q, q)
	}
	return wrong(hint, "%s", message)
}

// shellWord is a word as a shell reads it, fit to be printed.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-+:@", r)
	}
	if s != "" && s[0] != '-' && !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	if quoted := toggle.Quote(s); quoted == `"`+s+`"` {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return "NAME" // it has what no terminal should see
}

// oneWord accepts exactly one of the words, once.
func oneWord(words ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 && slices.Contains(words, args[0]) {
			return nil
		}
		quoted := make([]string, len(words))
		for i, w := range words {
			quoted[i] = fmt.Sprintf("%q", w)
		}
		hint := usageHint(cmd)
		var what string
		switch len(args) {
		case 0:
		case 1:
			what = ", not " + toggle.Quote(args[0])
			if near := nearest(args[0], words); near != "" {
				hint = fmt.Sprintf("did you mean %q?", cmd.CommandPath()+" "+near)
			}
		default:
			what = fmt.Sprintf(", not %d words", len(args))
		}
		return wrong(hint, "%q wants %s%s", cmd.CommandPath(), alternatives(quoted), what)
	}
}

// alternatives joins words: "a, b or c".
func alternatives(words []string) string { return joined(words, " or ") }

// enumerate joins words: "a, b and c".
func enumerate(words []string) string { return joined(words, " and ") }

func joined(words []string, last string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + last + words[n-1]
	}
	return strings.Join(words, "")
}

// nearest is the word that a misspelt one is likely meant to be, "" when there
// is none: one that begins with it, or that two typing mistakes lead to.
func nearest(word string, words []string) string {
	word = strings.ToLower(word)
	best, least := "", 3
	for _, w := range words {
		switch d := distance(word, w); {
		case len(word) > 1 && strings.HasPrefix(w, word):
			return w
		case d < least && 2*d < len(w)+1:
			best, least = w, d
		}
	}
	return best
}

// distance is the number of letters to insert, delete, replace or swap with
// their neighbour to get from a to b (optimal string alignment).
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/internal/match"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/internal/toggle"
)

// completeTimeout bounds what a Tab key waits for; after it nothing is
// offered. A server that is not there is known at once: only one that hangs
// costs the whole of it.
const completeTimeout = 300 * time.Millisecond

func (a *app) completionCommand(root *cobra.Command) *cobra.Command {
	a.completeFlags(root)
	return &cobra.Command{
		Use:       "completion bash|zsh|fish",
		Short:     "print a completion script for a shell",
		ValidArgs: []string{"bash", "zsh", "fish"},
		Args:      oneWord("bash", "zsh", "fish"),
		RunE: func(_ *cobra.Command, args []string) error {
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.stdout, true)
			case "zsh":
				return root.GenZshCompletion(a.stdout)
			}
			return root.GenFishCompletion(a.stdout, true)
		},
	}
}

// completeFlags offers what is on the running system.
func (a *app) completeFlags(root *cobra.Command) {
	offer := func(withDisplay bool, f func(v *toggle.View) []string) cobra.CompletionFunc {
		return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			v := a.glance(withDisplay)
			if v == nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return f(v), cobra.ShellCompDirectiveNoFileComp
		}
	}
	flags := map[string]cobra.CompletionFunc{
		"to": func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
			v := a.glance(false)
			if v == nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return sinkChoices(v.Book, typed), cobra.ShellCompDirectiveNoFileComp
		},
		"app":    offer(false, appChoices),
		"stream": offer(false, streamChoices),
		"window": offer(true, windowChoices),
		"pid":    offer(false, pidChoices),
		"config": func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"toml"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	for name, f := range flags {
		if err := root.RegisterFlagCompletionFunc(name, f); err != nil {
			panic(err) // a flag of ours is misspelt here
		}
	}
}

// glance looks at the running system within completeTimeout, quietly; nil
// when it does not answer.
func (a *app) glance(withDisplay bool) *toggle.View {
	cfg, err := a.loadConfig(io.Discard)
	if err != nil {
		cfg = config.Default()
	}
	ctx, cancel := context.WithTimeout(context.Background(), completeTimeout)
	defer cancel()
	p := a.pipeline(cfg)
	var window *desktop.WindowID
	if withDisplay {
		window = new(desktop.WindowID)
	}
	v, err := p.Look(ctx, window)
	if err != nil {
		return nil
	}
	if err := p.Resolve(ctx, v, 0); err != nil {
		return nil
	}
	return v
}

// choice is one offer with its description, in the form the scripts expect:
// a tab between the two, one line each.
func choice(value, description string) string {
	return cobra.CompletionWithDesc(value, strings.TrimSpace(term.Escape(description)))
}

// sinkChoices offers what "--to" takes: nicknames first, else the names; and
// for the start of a word what goes on from there in one of a sink's names, as
// a part is enough. Shells drop what does not begin with what was typed.
func sinkChoices(b *toggle.Book, typed string) []string {
	var nick, other []string
	for i := range b.Outputs {
		o := &b.Outputs[i]
		offered := continued(b, o, typed)
		switch {
		case offered == "":
		case offered == o.Nickname:
			nick = append(nick, choice(offered, firstNonEmpty(o.Description, o.Name)))
		default:
			other = append(other, choice(offered, o.Label))
		}
	}
	return append(nick, other...)
}

// continued is the word that begins with what was typed and means this sink,
// "" when there is none.
func continued(b *toggle.Book, o *toggle.Output, typed string) string {
	fits := func(word string) bool {
		found, err := b.Find(word)
		return err == nil && found.Index == o.Index && term.Escape(word) == word
	}
	names := [...]string{o.Nickname, o.Name, o.Description, o.Label}
	for _, name := range names {
		if name != "" && strings.HasPrefix(name, typed) && fits(name) {
			return name
		}
	}
	if utf8.RuneCountInString(typed) < 2 {
		return "" // one letter is in everything
	}
	for _, name := range names {
		if word := typed + after(name, typed); word != typed && fits(word) {
			return word
		}
	}
	if fits(typed) {
		return typed
	}
	return ""
}

// after is what follows a part, in any case, in the name.
func after(name, part string) string {
	lower := strings.ToLower(name)
	at := strings.Index(lower, strings.ToLower(part))
	if at < 0 || len(lower) != len(name) { // a letter that is longer in lower case
		return ""
	}
	return name[at+len(part):]
}

func appChoices(v *toggle.View) []string {
	var out []string
	seen := map[string]bool{}
	for i := range v.Snapshot.Streams {
		s := &v.Snapshot.Streams[i]
		name := match.Application(s)
		if v.Match.Streams[i].Own || seen[name] || term.Escape(name) != name {
			continue
		}
		seen[name] = true
		out = append(out, choice(name, s.Media))
	}
	return out
}

func streamChoices(v *toggle.View) []string {
	var out []string
	for i := range v.Snapshot.Streams {
		if s := &v.Snapshot.Streams[i]; !v.Match.Streams[i].Own {
			out = append(out, choice(fmt.Sprint(s.Index), match.Application(s)+": "+s.Media))
		}
	}
	return out
}

func pidChoices(v *toggle.View) []string {
	var out []string
	seen := map[int]bool{}
	for i := range v.Snapshot.Streams {
		m := &v.Match.Streams[i]
		if m.PID == 0 || m.Own || seen[m.PID] {
			continue
		}
		seen[m.PID] = true
		out = append(out, choice(fmt.Sprint(m.PID), match.Application(&v.Snapshot.Streams[i])))
	}
	return out
}

func windowChoices(v *toggle.View) []string {
	if v.Screen == nil {
		return nil
	}
	var out []string
	for _, w := range v.Screen.Windows {
		out = append(out, choice(string(w.ID), firstNonEmpty(w.Title, w.Name())))
	}
	return out
}

func firstNonEmpty(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}

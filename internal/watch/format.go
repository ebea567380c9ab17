package watch

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/patoggle/patoggle/internal/term"
)

// The forms that are ready made.
const (
	Text    = "text"
	Waybar  = "waybar"
	Polybar = "polybar"
)

// fields are what a form of the user's own may hold.
var fields = map[string]func(*State) string{
	"{app}":     func(s *State) string { return s.Application },
	"{sink}":    func(s *State) string { return s.Label },
	"{state}":   func(s *State) string { return s.State },
	"{default}": func(s *State) string { return s.defaultLabel() },
}

// Format returns what writes a State in one line: a ready-made form by its name,
// else a text with fields in braces. The error names what is not known.
func Format(form string) (func(State) string, error) {
	switch form {
	case Text, "":
		return func(s State) string { return term.Escape(s.text()) }, nil
	case Waybar:
		return func(s State) string { return s.waybar() }, nil
	case Polybar:
		return func(s State) string { return polybar(term.Escape(s.text())) }, nil
	}
	if !strings.Contains(form, "{") {
		return nil, fmt.Errorf(`the format is "text", "waybar", "polybar", or a text with {app}, {sink}, {state} or {default} in it`)
	}
	var pairs []string
	rest := form
	for name := range fields {
		pairs = append(pairs, name, "")
		rest = strings.ReplaceAll(rest, name, "")
	}
	if i := strings.Index(rest, "{"); i >= 0 {
		return nil, fmt.Errorf("the format has a field that is none: the fields are {app}, {sink}, {state} and {default}")
	}
	return func(s State) string {
		values := make([]string, len(pairs))
		copy(values, pairs)
		for i := 0; i < len(values); i += 2 {
			values[i+1] = term.Escape(fields[values[i]](&s))
		}
		return strings.NewReplacer(values...).Replace(form)
	}, nil
}

func (s *State) defaultLabel() string {
	for _, sink := range s.Sinks {
		if sink.Default {
			return sink.Label
		}
	}
	return ""
}

// text is what a bar shows: "mpv: Headset", "mpv (paused): Headset"; the default
// sink alone where the application in front has no sound, "" without a server.
func (s *State) text() string {
	switch s.State {
	case Playing:
		return s.Application + ": " + s.Label
	case Paused:
		return s.Application + " (paused): " + s.Label
	}
	return s.defaultLabel()
}

// waybar is a line for a custom module of waybar with "return-type": "json"
// (waybar-custom(5)). Its text and tooltip are Pango's markup.
func (s *State) waybar() string {
	lines := make([]string, len(s.Sinks))
	for i, sink := range s.Sinks {
		lines[i] = sink.Label
		if sink.Default {
			lines[i] += " (default)"
		}
		if sink.Name == s.Sink {
			lines[i] = "> " + lines[i]
		}
		lines[i] = term.Escape(lines[i])
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(struct {
		Text    string `json:"text"`
		Alt     string `json:"alt"`
		Tooltip string `json:"tooltip"`
		Class   string `json:"class"`
	}{markup(term.Escape(s.text())), s.State, markup(strings.Join(lines, "\n")), s.State})
	if err != nil {
		panic("watch: " + err.Error()) // four strings
	}
	return strings.TrimSuffix(b.String(), "\n")
}

var pango = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func markup(s string) string { return pango.Replace(s) }

// polybar takes the power out of polybar's tags: "%{A1:command:}" would be a
// button that runs a command.
func polybar(s string) string { return strings.ReplaceAll(s, "%{", "% {") }

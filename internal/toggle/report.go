package toggle

import (
	"errors"
	"fmt"
	"strings"

	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/internal/match"
	"github.com/patoggle/patoggle/internal/state"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/pulse"
)

// Result is what became of a whole request.
type Result string

// The results of a request.
const (
	ResultMoved     Result = "moved"
	ResultWouldMove Result = "would move"
	ResultNothing   Result = "nothing"
	ResultFailed    Result = "failed"
)

// Outcome is what became of one stream.
type Outcome string

// The outcomes of a stream. A stream that ended in between has none: it is
// left out of the report.
const (
	Moved        Outcome = "moved"
	AlreadyThere Outcome = "already there"
	WouldMove    Outcome = "would move"
	MoveFailed   Outcome = "failed"
	// Stays: it is the half of a pair that cannot follow. Move.Error says why.
	Stays Outcome = "stays"
)

// The values of Move.Side.
const (
	Playback  = "playback"
	Recording = "recording"
)

// SideOf is the Side of the streams of a snapshot.
func SideOf(s *pulse.Snapshot) string {
	if s.Input {
		return Recording
	}
	return Playback
}

// Report is what a request did. Its JSON form is stable and documented in
// patoggle(1). Names in it are as the outside gave them, not escaped.
type Report struct {
	// Input is true when the request was about what records: then the sinks here
	// are sources.
	Input bool `json:"-"`
	// Pair is Request.Pair.
	Pair bool `json:"-"`
	// Window is nil when the request named no window.
	Window *Window `json:"window"`
	// Application is whom the request was about, "" when that is not known.
	Application string `json:"application"`
	Result      Result `json:"result"`
	// Reason is one sentence where Result is "nothing" or "failed", else "".
	Reason string `json:"reason"`
	// Switch says which port or profile was switched for it, or would be, and who
	// goes along; "" for none.
	Switch string `json:"switch"`
	// Moves are the streams, never nil.
	Moves []Move `json:"moves"`

	// To is the chosen sink, nil when it did not come to that.
	To *Output `json:"-"`
	// Source is where the recordings of a pair go, nil when none do.
	Source *Output `json:"-"`
	// Left is how loud applications were where they have left, to be written
	// down; Came names where they came to, of which nothing is known any more.
	Left, Came []state.Level `json:"-"`

	switched bool
}

// Move is one stream in a Report.
type Move struct {
	// Side is Playback or Recording; each numbers its streams apart.
	Side        string            `json:"side"`
	Stream      pulse.StreamIndex `json:"stream"`
	Application string            `json:"application"`
	Media       string            `json:"media"`
	// From and To are sink names; From is "" while the stream has no sink.
	From       string  `json:"from"`
	To         string  `json:"to"`
	Rule       string  `json:"rule"`
	Confidence string  `json:"confidence"`
	Result     Outcome `json:"result"`
	// Volume is what the stream's volume was and becomes, nil when the move
	// leaves it alone.
	Volume *state.Loud `json:"volume"`
	// Error is one sentence, "" unless Result is "failed" or "stays".
	Error string `json:"error"`

	// Hint is the cure for Error, "" where none is known.
	Hint string `json:"-"`
	// Name, Program and PID are what the application says of itself; "" when
	// it does not. No name of a song is among them.
	Name, Program, PID string `json:"-"`
	// Group is what the server remembers its sink by.
	Group pulse.Group `json:"-"`
}

// Window is the window a request was about.
type Window struct {
	ID    desktop.WindowID `json:"id"`
	Title string           `json:"title"`
	// Class is WM_CLASS of a window of X11, AppID the application id of one of
	// Wayland; "" when the window has none.
	Class string `json:"class"`
	AppID string `json:"app_id"`
	// Desktop is who was asked: "X11", "sway", "KWin".
	Desktop string `json:"desktop"`
	PIDs    []int  `json:"pids"`
	Remote  bool   `json:"remote"`
}

// NewWindow describes the focused window; nil when there is none.
func NewWindow(s *desktop.Screen, m match.Window) *Window {
	if s == nil || s.Focused.ID == "" {
		return nil
	}
	pids := m.PIDs
	if pids == nil {
		pids = []int{}
	}
	return &Window{
		ID:      s.Focused.ID,
		Title:   s.Focused.Title,
		Class:   s.Focused.Class,
		AppID:   s.Focused.AppID,
		Desktop: s.Desktop,
		PIDs:    pids,
		Remote:  m.Remote,
	}
}

// Lines say what became of each application, one line each: "mpv → Headphones
// (2 streams)". Names are escaped. Failures are not in it: they are errors.
func (r *Report) Lines() []string {
	return append(r.linesOf(Playback), r.linesOf(Recording)...)
}

// linesOf are those of one side.
func (r *Report) linesOf(side string) []string {
	type key struct {
		application, where string
		outcome            Outcome
	}
	var order []key
	count := map[key]int{}
	label := ""
	words, to := sideOf(side == Recording), r.To
	if side == Recording && r.Source != nil {
		to = r.Source
	}
	if to != nil {
		label = term.Escape(to.Label)
	}
	loud := map[key]string{} // where the volume changes
	for _, m := range r.Moves {
		if m.side() != side || to == nil && m.Result != Stays {
			continue
		}
		k := key{m.Application, m.Error, m.Result}
		if m.Volume != nil && loud[k] == "" {
			loud[k] = fmt.Sprintf("at %.0f%%", m.Volume.To.Percent)
		}
		if count[k]++; count[k] == 1 {
			order = append(order, k)
		}
	}
	of := ""
	if side == Recording && r.Pair {
		of = "recording"
	}
	var lines []string
	for _, k := range order {
		var line string
		switch app := term.Escape(k.application); k.outcome {
		case Moved:
			line = app + " → " + label
		case WouldMove:
			line = "would move " + app + " → " + label
		case AlreadyThere:
			line = app + " already " + words.uses + " " + label
		case Stays:
			lines = append(lines, k.where)
			continue
		default:
			continue
		}
		var more []string
		if of != "" {
			more = append(more, of)
		}
		if n := count[k]; n > 1 {
			more = append(more, fmt.Sprintf("%d streams", n))
		}
		if loud[k] != "" {
			more = append(more, loud[k])
		}
		if len(more) > 0 {
			line += " (" + strings.Join(more, ", ") + ")"
		}
		lines = append(lines, line)
	}
	return lines
}

// side is Side of a move that may say nothing of it.
func (m *Move) side() string {
	if m.Side == "" {
		return Playback
	}
	return m.Side
}

// main is the side that a notification is about first.
func (r *Report) main() string {
	for _, m := range r.Moves {
		if m.side() == Playback {
			return Playback
		}
	}
	if r.Input || len(r.Moves) > 0 {
		return Recording
	}
	return Playback
}

// Headline is the report in one line for a notification: "mpv → Headphones",
// or what went wrong. It is escaped. err is what Run returned beside r.
func (r *Report) Headline(err error) string {
	side := r.main()
	lines := r.linesOf(side)
	to, streams := r.To, 0
	if side == Recording && r.Source != nil {
		to = r.Source
	}
	for _, m := range r.Moves {
		if m.side() == side {
			streams++
		}
	}
	switch {
	case err != nil:
		return err.Error()
	case len(lines) == 1:
		return lines[0]
	case to != nil && r.Result == ResultMoved:
		return fmt.Sprintf("%d streams → %s", streams, term.Escape(to.Label))
	case r.Reason != "":
		return r.Reason
	case len(lines) > 0:
		return lines[0]
	}
	return "nothing to move"
}

// Details is the second part of a notification: what became of the other half of
// a pair, else what is playing, or the cure for what went wrong; "" when there is
// nothing to add. It is escaped.
func (r *Report) Details(err error) string {
	if p := (*Problem)(nil); errors.As(err, &p) {
		return p.Hint
	}
	if r.Switch != "" {
		return r.Switch
	}
	if r.main() == Playback {
		if lines := r.linesOf(Recording); len(lines) > 0 {
			return strings.Join(lines, "\n")
		}
	}
	if len(r.Moves) == 1 {
		return term.Escape(r.Moves[0].Media)
	}
	return ""
}

// fallbackIcon is of the icon naming specification's standard set.
const fallbackIcon = "audio-card"

// Icon names an icon for the chosen sink: its own (device.icon_name), else
// a sound card.
func (r *Report) Icon() string {
	if r.To != nil {
		if icon := r.To.Properties[propIcon]; icon != "" && !strings.ContainsAny(icon, "/\\") {
			return icon
		}
	}
	return fallbackIcon
}

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/internal/toggle"
	"github.com/patoggle/patoggle/pulse"
)

func (a *app) listCommand() *cobra.Command {
	var menu bool
	cmd := &cobra.Command{
		Use:       "list [sinks|streams|inputs]",
		Short:     "show the sinks and what plays on them",
		ValidArgs: []string{"sinks", "streams", "inputs"},
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return oneWord("sinks", "streams", "inputs")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if menu && (a.json || len(args) == 1 && args[0] == "streams") {
				return wrong(usageHint(cmd), "--menu goes with \"patoggle list sinks\" alone")
			}
			what := ""
			if len(args) == 1 {
				what = args[0]
			}
			if what == "inputs" {
				a.input, what = true, ""
			}
			if a.input && what != "" {
				return wrong(usageHint(cmd), "--input goes with \"patoggle list\" alone")
			}
			both := what == "" && !a.input && !menu
			v, in, err := a.lookAround(both)
			if err != nil {
				if a.json {
					empty := listing{Reason: reason(err), Sinks: []listingSink{}, Reachable: []listingReach{}, Streams: []listingStream{}}
					if both {
						return errors.Join(err, a.printJSON(&listingOfBoth{listing: empty, Sources: []listingSource{}, Recordings: []listingRecording{}}))
					}
					return errors.Join(err, a.printJSON(&empty))
				}
				return err
			}
			if a.verbose && v.ScreenErr != nil {
				say(a.stderr, "warning", "nothing is marked focused: "+toggle.DisplayError(v.ScreenErr, v.Screen, "").Message)
			}
			if menu {
				return a.printMenu(v)
			}
			l := newListing(v)
			addHolds := a.holder()
			addHolds(l, v)
			switch {
			case a.json && both:
				return a.printJSON(withRecordings(l, in, addHolds))
			case a.json:
				return a.printJSON(l)
			}
			if err := a.printListing(l, v, what); err != nil || in == nil {
				return err
			}
			r := newListing(in)
			addHolds(r, in)
			return a.printRecordings(r, in)
		},
	}
	cmd.Flags().BoolVar(&menu, "menu", false, "a line for each sink, for a menu program")
	cmd.Flags().BoolVar(&a.input, "input", false, inputUsage)
	return cmd
}

// device is what the side that was asked for calls a sink.
func (a *app) device() string {
	if a.input {
		return "source"
	}
	return "sink"
}

// one is the heading over what plays, or over what records.
func (a *app) one() string {
	if a.input {
		return "RECORDING"
	}
	return "STREAM"
}

// idle says that no stream of that side is there.
func (a *app) idle() string {
	if a.input {
		return "nothing is recording"
	}
	return "nothing is playing"
}

// lookAround looks at the sound server and at the focused window; with both at
// what records too, and recording is nil when that cannot be seen.
func (a *app) lookAround(both bool) (v, recording *toggle.View, err error) {
	cfg, err := a.lookConfig()
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := a.context()
	defer cancel()
	p := a.pipeline(cfg)
	if !both {
		v, err = a.look(ctx, p, "", 0)
		return v, nil, err
	}
	v, recording, err, recErr := p.Sides(ctx, new(desktop.WindowID))
	if err != nil {
		return nil, nil, err
	}
	if err := p.Resolve(ctx, v, 0); err != nil {
		return nil, nil, err
	}
	if recErr == nil {
		recErr = p.Resolve(ctx, recording, 0)
	}
	if recErr != nil {
		say(a.stderr, "warning", "what records is not shown: "+recErr.Error())
		return v, nil, nil
	}
	return v, recording, nil
}

// look asks both servers and says whose each stream is. The display is asked
// but not needed.
func (a *app) look(ctx context.Context, p *toggle.Pipeline, window desktop.WindowID, pid int) (*toggle.View, error) {
	v, err := p.Look(ctx, &window)
	if err != nil {
		return nil, err
	}
	return v, p.Resolve(ctx, v, pid)
}

// listing is "patoggle list --json". Its form is stable and documented in
// patoggle(1).
type listing struct {
	Server struct {
		Name     string `json:"name"`
		Version  string `json:"version"`
		PipeWire bool   `json:"pipewire"`
	} `json:"server"`
	// Reason is one sentence when it failed; then the rest is empty.
	Reason      string        `json:"reason"`
	DefaultSink string        `json:"default_sink"`
	Sinks       []listingSink `json:"sinks"`
	// Reachable are the outputs that the ring names and that are no sinks now.
	Reachable []listingReach  `json:"reachable"`
	Streams   []listingStream `json:"streams"`
}

type listingReach struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Nickname    string `json:"nickname"`
	Available   string `json:"available"`
	InCycle     bool   `json:"in_cycle"`
	Ring        int    `json:"ring"`
	// Port is the port to switch to; Profile is "" when its sink is there.
	Port    string `json:"port"`
	Profile string `json:"profile"`
}

type listingSink struct {
	Index       pulse.SinkIndex     `json:"index"`
	Name        string              `json:"name"`
	Description string              `json:"description"`
	Nickname    string              `json:"nickname"`
	Default     bool                `json:"default"`
	State       string              `json:"state"`
	Available   string              `json:"available"`
	Volume      int                 `json:"volume_percent"`
	Muted       bool                `json:"muted"`
	InCycle     bool                `json:"in_cycle"`
	Ring        int                 `json:"ring"`
	Streams     []pulse.StreamIndex `json:"streams"`
}

type listingStream struct {
	Index       pulse.StreamIndex `json:"index"`
	Application string            `json:"application"`
	Media       string            `json:"media"`
	PID         int               `json:"pid"`
	PIDTrust    string            `json:"pid_trust"`
	Sink        string            `json:"sink"`
	Corked      bool              `json:"corked"`
	Muted       bool              `json:"muted"`
	Volume      int               `json:"volume_percent"`
	Focused     bool              `json:"focused"`
	Rule        string            `json:"rule"`
	Confidence  string            `json:"confidence"`
	HeldBy      string            `json:"held_by"`
}

// listingOfBoth is "patoggle list --json" without a word: the listing, and the
// same of the side that records.
type listingOfBoth struct {
	listing
	DefaultSource string             `json:"default_source"`
	Sources       []listingSource    `json:"sources"`
	Recordings    []listingRecording `json:"recordings"`
}

// listingSource is a listingSink under the names of its side.
type listingSource struct {
	Index       pulse.SinkIndex     `json:"index"`
	Name        string              `json:"name"`
	Description string              `json:"description"`
	Nickname    string              `json:"nickname"`
	Default     bool                `json:"default"`
	State       string              `json:"state"`
	Available   string              `json:"available"`
	Volume      int                 `json:"volume_percent"`
	Muted       bool                `json:"muted"`
	InCycle     bool                `json:"in_cycle"`
	Ring        int                 `json:"ring"`
	Streams     []pulse.StreamIndex `json:"recordings"`
}

// listingRecording is a listingStream under the names of its side.
type listingRecording struct {
	Index       pulse.StreamIndex `json:"index"`
	Application string            `json:"application"`
	Media       string            `json:"media"`
	PID         int               `json:"pid"`
	PIDTrust    string            `json:"pid_trust"`
	Sink        string            `json:"source"`
	Corked      bool              `json:"corked"`
	Muted       bool              `json:"muted"`
	Volume      int               `json:"volume_percent"`
	Focused     bool              `json:"focused"`
	Rule        string            `json:"rule"`
	Confidence  string            `json:"confidence"`
	HeldBy      string            `json:"held_by"`
}

// withRecordings joins the listings of both sides; in is nil when the recording
// one cannot be seen.
func withRecordings(l *listing, in *toggle.View, addHolds func(*listing, *toggle.View)) *listingOfBoth {
	both := &listingOfBoth{listing: *l, Sources: []listingSource{}, Recordings: []listingRecording{}}
	if in == nil {
		return both
	}
	r := newListing(in)
	addHolds(r, in)
	both.DefaultSource = r.DefaultSink
	for _, s := range r.Sinks {
		both.Sources = append(both.Sources, listingSource(s))
	}
	for _, s := range r.Streams {
		both.Recordings = append(both.Recordings, listingRecording(s))
	}
	return both
}

// printRecordings shows a person what records, below what plays. A monitor from
// which nothing records is left out, and all of it where no source is left.
func (a *app) printRecordings(l *listing, v *toggle.View) error {
	shown := func(i int) bool {
		return !v.Book.Outputs[i].Monitor || v.Book.Outputs[i].InCycle || len(l.Sinks[i].Streams) > 0
	}
	order := slices.DeleteFunc(inRingOrder(l), func(i int) bool { return !shown(i) })
	if len(order) == 0 {
		return nil
	}
	recording := *a
	recording.input = true
	fmt.Fprintln(a.stdout)
	if err := recording.printSinksIn(order, l, v); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout)
	return recording.printStreams(l, v)
}

func newListing(v *toggle.View) *listing {
	l := &listing{
		DefaultSink: v.Snapshot.Server.DefaultSink,
		Sinks:       make([]listingSink, len(v.Book.Sinks())),
		Reachable:   []listingReach{},
		Streams:     make([]listingStream, len(v.Snapshot.Streams)),
	}
	l.Server.Name = v.Snapshot.Server.Name
	l.Server.Version = v.Snapshot.Server.Version
	l.Server.PipeWire = v.Snapshot.Server.PipeWire
	ring := v.Book.Ring()
	for _, o := range v.Book.Reachable() {
		l.Reachable = append(l.Reachable, listingReach{
			Name: o.Name, Description: o.Description, Nickname: o.Nickname, Available: o.Available.String(),
			InCycle: o.InCycle, Ring: slices.Index(ring, o.Index) + 1, Port: o.Reach.Port, Profile: o.Reach.Profile,
		})
	}
	for i, o := range v.Book.Sinks() {
		l.Sinks[i] = listingSink{
			Index:       o.Index,
			Name:        o.Name,
			Description: o.Description,
			Nickname:    o.Nickname,
			Default:     o.Name == l.DefaultSink,
			State:       o.State.String(),
			Available:   o.Available.String(),
			Volume:      o.Volume,
			Muted:       o.Muted,
			InCycle:     o.InCycle,
			Ring:        slices.Index(ring, o.Index) + 1,
			Streams:     []pulse.StreamIndex{},
		}
	}
	for i := range v.Snapshot.Streams {
		s := &v.Snapshot.Streams[i]
		m := &v.Match.Streams[i]
		row := listingStream{
			Index:       s.Index,
			Application: v.Application(i),
			Media:       s.Media,
			PID:         m.PID,
			PIDTrust:    m.Trust.String(),
			Corked:      s.Corked,
			Muted:       s.Muted,
			Volume:      s.Volume,
		}
		if m.Matched {
			row.Focused = m.Confidence.Acts(false)
			row.Rule = string(m.Rule)
			row.Confidence = m.Confidence.String()
		}
		at := slices.IndexFunc(v.Book.Sinks(), func(o toggle.Output) bool { return o.Index == s.Sink })
		if at >= 0 {
			row.Sink = l.Sinks[at].Name
			l.Sinks[at].Streams = append(l.Sinks[at].Streams, s.Index)
		}
		l.Streams[i] = row
	}
	return l
}

// printListing shows the listing to a person.
func (a *app) printListing(l *listing, v *toggle.View, what string) error {
	if what != "streams" {
		if err := a.printSinks(l, v); err != nil {
			return err
		}
	}
	if what == "" {
		fmt.Fprintln(a.stdout)
	}
	if what != "sinks" {
		return a.printStreams(l, v)
	}
	return nil
}

func (a *app) printSinks(l *listing, v *toggle.View) error {
	if len(l.Sinks) == 0 {
		fmt.Fprintln(a.stdout, "no "+a.device()+" at all")
		return nil
	}
	return a.printSinksIn(inRingOrder(l), l, v)
}

// printSinksIn shows the sinks at these positions.
func (a *app) printSinksIn(order []int, l *listing, v *toggle.View) error {
	t := a.table(
		term.Column{Title: "  " + strings.ToUpper(a.device())},
		term.Column{Title: "VOLUME", Right: true},
		term.Column{Title: "STATE"},
		term.Column{Title: "NOTE"},
		term.Column{Title: "NAME", Flexible: true},
	)
	next := v.Next()
	for _, i := range order {
		if i >= len(l.Sinks) {
			o := &v.Book.Outputs[i]
			t.Add(
				term.Cell{Text: "  " + o.Label},
				term.Cell{},
				term.Cell{Text: "reachable"},
				term.Cell{Text: notes(
					note{next != nil && next.Index == o.Index, "next"},
					note{o.Available == pulse.AvailableNo, "unplugged"},
					note{!o.InCycle && o.Available != pulse.AvailableNo, "not in the ring"},
					note{o.Reach.Profile == "", "by its port"},
					note{o.Reach.Profile != "", "by the profile " + o.Reach.Profile},
				)},
				term.Cell{Text: o.Name, Style: term.Dim},
			)
			continue
		}
		s := l.Sinks[i]
		mark, style := "  ", term.Style("")
		if s.Default {
			mark, style = "* ", term.Bold
		}
		unplugged := s.Available == pulse.AvailableNo.String()
		t.Add(
			term.Cell{Text: mark + v.Book.Outputs[i].Label, Style: style},
			term.Cell{Text: fmt.Sprintf("%d%%", s.Volume)},
			term.Cell{Text: s.State},
			term.Cell{Text: notes(
				note{s.Default, "default"},
				note{next != nil && next.Index == s.Index, "next"},
				note{s.Muted, "muted"},
				note{unplugged, "unplugged"},
				note{!s.InCycle && !unplugged, "not in the ring"},
			)},
			term.Cell{Text: s.Name, Style: term.Dim},
		)
	}
	return t.Write(a.stdout)
}

// inRingOrder are the positions of the sinks in the order in which a press goes
// from one to the next, and then of those it does not go to. What is to be reached
// comes in that order too, counted on behind the sinks.
func inRingOrder(l *listing) []int {
	all := slices.Clone(l.Sinks)
	for _, r := range l.Reachable {
		all = append(all, listingSink{Name: r.Name, Ring: r.Ring})
	}
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(x, y int) int {
		a, b := all[x], all[y]
		if (a.Ring == 0) != (b.Ring == 0) {
			return b.Ring - a.Ring // 0 last
		}
		return cmp.Or(a.Ring-b.Ring, strings.Compare(a.Name, b.Name))
	})
	return order
}

func (a *app) printStreams(l *listing, v *toggle.View) error {
	if len(l.Streams) == 0 {
		fmt.Fprintln(a.stdout, a.idle())
		return nil
	}
	t := a.table(
		term.Column{Title: "  " + a.one()},
		term.Column{Title: "APPLICATION"},
		term.Column{Title: strings.ToUpper(a.device())},
		term.Column{Title: "VOLUME", Right: true},
		term.Column{Title: "NOTE"},
		term.Column{Title: "MEDIA", Flexible: true},
	)
	for i, s := range l.Streams {
		mark, style := "  ", term.Style("")
		if s.Focused {
			mark, style = "> ", term.Bold
		}
		sink := "none"
		if o := v.Book.Output(v.Snapshot.Streams[i].Sink); o != nil {
			sink = o.Label
		}
		t.Add(
			term.Cell{Text: fmt.Sprintf("%s%d", mark, s.Index), Style: style},
			term.Cell{Text: s.Application, Style: style},
			term.Cell{Text: sink},
			term.Cell{Text: fmt.Sprintf("%d%%", s.Volume)},
			term.Cell{Text: notes(
				note{s.Focused, "focused"},
				note{v.Match.Streams[i].Own, "not an application"},
				note{s.Corked, "paused"},
				note{s.Muted, "muted"},
				note{s.HeldBy != "", held[s.HeldBy]},
			)},
			term.Cell{Text: s.Media, Style: term.Dim},
		)
	}
	return t.Write(a.stdout)
}

// table is one that fits standard output.
func (a *app) table(columns ...term.Column) *term.Table {
	t := &term.Table{Columns: columns, Heading: term.Dim}
	if f, ok := a.stdout.(*os.File); ok && term.IsTerminal(f) {
		t.Width = term.Columns(f, a.getenv)
		t.Colour = term.Colour(f, a.getenv)
	}
	return t
}

// note is a word that stands in a table where it is true.
type note struct {
	on   bool
	word string
}

func notes(all ...note) string {
	var words []string
	for _, n := range all {
		if n.on {
			words = append(words, n.word)
		}
	}
	return strings.Join(words, ", ")
}

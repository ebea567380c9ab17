package toggle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/pulse"
)

// Switcher is what ports and profiles need of a sound server; *pulse.Conn has it.
type Switcher interface {
	Cards(context.Context) ([]pulse.Card, error)
	SetPort(context.Context, pulse.SinkIndex, string) error
	SetProfile(context.Context, pulse.CardIndex, string) error
}

const (
	// ReachTime is how long it is waited for the sink of a new profile.
	ReachTime = 2 * time.Second
	// reachPause is between two looks for it.
	reachPause = 20 * time.Millisecond
	// restoreTime bounds putting things back.
	restoreTime = time.Second
)

// Reach is how an output is reached that is no sink as it stands: by the port of
// a sink, or by another profile of its card, under which it is a sink.
type Reach struct {
	// Sink is the sink whose port it is, NoSink with Profile.
	Sink pulse.SinkIndex
	// Card and Profile are what to switch for a sink that is not there; Profile is
	// "" for a port of a sink that is. Was is the profile now.
	Card         pulse.CardIndex
	Profile, Was string
	// Port is the name of the port, PortLabel what a person calls it, Device what
	// a person calls the sink or the card.
	Port, PortLabel, Device string
}

// isOn tells whether a sink is already what is to be reached.
func (r *Reach) isOn(s *pulse.Sink) bool {
	return r.Profile == "" && s.Index == r.Sink && s.Port == r.Port
}

// needsCards tells whether an entry of the ring may name what only the cards
// know: it has a colon, and fits no sink.
func needsCards(sinks []pulse.Sink, cfg *config.Config) bool {
	return slices.ContainsFunc(cfg.Sinks, func(p config.Pattern) bool {
		return len(p.Splits()) > 0 && !NewBook(sinks, &config.Config{Names: cfg.Names}).fits(p)
	})
}

// SwitchTime is what a press may take longer where the ring names what has to be
// switched.
func SwitchTime(cfg *config.Config) time.Duration {
	if slices.ContainsFunc(cfg.Sinks, func(p config.Pattern) bool { return len(p.Splits()) > 0 }) {
		return ReachTime
	}
	return 0
}

// AddCards asks for the cards, where the ring may name what only they know.
func AddCards(ctx context.Context, sound Sound, snap *pulse.Snapshot, cfg *config.Config) error {
	w, ok := sound.(Switcher)
	if !ok || snap.Input || !needsCards(snap.Sinks, cfg) {
		return nil
	}
	var err error
	snap.Cards, err = w.Cards(ctx)
	return err
}

// reachable adds the outputs that an entry of the ring names as DEVICE:PORT, and
// puts them into the ring.
//
// An entry that fits a sink as a whole is that sink, colons and all. Else it is
// taken apart at its last colon at which it fits something: DEVICE is a sink or a
// card, by any of their names or that of a sink the card has now, and PORT the
// name or the description of a port. Those of sinks that are there come first:
// only where there is none of them it is another profile of a card. Ports with
// nothing plugged in are left out, as sinks are.
func (b *Book) reachable(p config.Pattern, cards []pulse.Card, cfg *config.Config) {
	for _, part := range p.Splits() {
		device, port := part[0], part[1]
		found := b.ports(device, port, cfg)
		if len(found) == 0 {
			found = b.otherProfiles(device, port, cards, cfg)
		}
		if len(found) == 0 {
			continue
		}
		if b.reached == nil {
			b.reached = map[string]bool{}
		}
		b.reached[p.String()] = true
		for _, o := range found {
			b.enterReachable(o, cfg)
		}
		return
	}
}

// names tells whether a pattern is the port's name or description.
func names(p config.Pattern, port *pulse.Port) bool {
	return p.Match(port.Name) || port.Description != "" && p.Match(port.Description)
}

// ports are those of the sinks that are there.
func (b *Book) ports(device, port config.Pattern, cfg *config.Config) []Output {
	var found []Output
	for i := range b.Outputs {
		o := &b.Outputs[i]
		if o.Reach != nil || !o.matches([]config.Pattern{device}) {
			continue
		}
		for n := range o.Ports {
			if !names(port, &o.Ports[n]) {
				continue
			}
			s := o.Sink
			r := &Reach{Sink: s.Index, Card: s.Card, Port: o.Ports[n].Name, PortLabel: firstOf(o.Ports[n].Description, o.Ports[n].Name), Device: o.Label}
			s.Available = o.Ports[n].Available
			found = append(found, b.output(s, r, o.Name, cfg))
		}
	}
	return found
}

// otherProfiles are the ports of cards that no sink has now.
func (b *Book) otherProfiles(device, port config.Pattern, cards []pulse.Card, cfg *config.Config) []Output {
	var found []Output
	for i := range cards {
		c := &cards[i]
		label, fits := b.card(c, device, cfg)
		if !fits {
			continue
		}
		for n := range c.Ports {
			p := &c.Ports[n]
			if !names(port, &p.Port) || slices.Contains(p.Profiles, c.Profile) {
				continue
			}
			profile := better(c, p.Profiles)
			if profile == "" {
				continue
			}
			s := pulse.Sink{Card: c.Index, Available: p.Available, Properties: map[string]string{}}
			r := &Reach{Sink: pulse.NoSink, Card: c.Index, Profile: profile, Was: c.Profile, Port: p.Name, PortLabel: firstOf(p.Description, p.Name), Device: label}
			found = append(found, b.output(s, r, c.Name, cfg))
		}
	}
	return found
}

// card is what a person calls a card, and whether the pattern means it.
func (b *Book) card(c *pulse.Card, device config.Pattern, cfg *config.Config) (label string, fits bool) {
	nickname, description := cfg.Nickname(c.Name), c.Properties[propDescription]
	for _, name := range []string{c.Name, nickname, description, c.Properties[propCard]} {
		fits = fits || name != "" && device.Match(name)
	}
	for i := range b.Outputs {
		o := &b.Outputs[i]
		fits = fits || o.Reach == nil && o.Card == c.Index && o.matches([]config.Pattern{device})
	}
	return firstOf(nickname, description, c.Properties[propCard], c.Name), fits
}

// better is the best of a card's profiles that can be used: one that records as
// the active one does comes first, then the one with the highest priority; "" for
// none. ALSA cards name a profile "output:…+input:…" (module-alsa-card, and
// PipeWire's api.acp after it).
func better(c *pulse.Card, names []string) string {
	_, records, _ := strings.Cut(c.Profile, "input:")
	best, bestKeeps := -1, false
	for i := range c.Profiles {
		p := &c.Profiles[i]
		if p.Unavailable || p.Sinks == 0 || !slices.Contains(names, p.Name) {
			continue
		}
		_, in, _ := strings.Cut(p.Name, "input:")
		keeps := in == records
		if best < 0 || keeps && !bestKeeps || keeps == bestKeeps && p.Priority > c.Profiles[best].Priority {
			best, bestKeeps = i, keeps
		}
	}
	if best < 0 {
		return ""
	}
	return c.Profiles[best].Name
}

// output is what stands for an output that is to be reached. Its index is none
// of the server's.
func (b *Book) output(s pulse.Sink, r *Reach, of string, cfg *config.Config) Output {
	s.Name = of + ":" + r.Port
	s.Description = r.Device + ": " + r.PortLabel
	s.Port, s.PortDescription = r.Port, r.PortLabel
	o := Output{Sink: s, Nickname: cfg.Nickname(s.Name), Reach: r}
	if o.Nickname == cfg.Nickname(of) { // a glob that is about the device
		o.Nickname = ""
	}
	o.Label = firstOf(o.Nickname, s.Description)
	return o
}

// enterReachable puts an output into the book and the ring, once.
func (b *Book) enterReachable(o Output, cfg *config.Config) {
	if slices.ContainsFunc(b.Outputs, func(have Output) bool { return have.Reach != nil && have.Name == o.Name }) {
		return
	}
	o.Index = pulse.NoSink - 1
	for b.Output(o.Index) != nil {
		o.Index--
	}
	o.State = pulse.StateSuspended
	skipped := o.matches(cfg.Skip)
	if on := b.Output(o.Reach.Sink); on != nil {
		skipped = skipped || on.matches(cfg.Skip)
	}
	if o.InCycle = !skipped && o.Available != pulse.AvailableNo; o.InCycle {
		b.ring = append(b.ring, o.Index)
	}
	for i := range b.Outputs {
		if b.Outputs[i].Label == o.Label {
			o.Label += " [" + o.Name + "]"
			break
		}
	}
	b.Outputs = append(b.Outputs, o)
}

// Sinks are the outputs that are sinks of the server.
func (b *Book) Sinks() []Output {
	n := slices.IndexFunc(b.Outputs, func(o Output) bool { return o.Reach != nil })
	if n < 0 {
		return b.Outputs
	}
	return b.Outputs[:n] // what is to be reached comes last
}

// Reachable are the others.
func (b *Book) Reachable() []Output { return b.Outputs[len(b.Sinks()):] }

// place is where in the ring a sink stands, -1 for nowhere: where its active port
// does, else where the sink itself does.
func (b *Book) place(on pulse.SinkIndex) int {
	if s := b.Output(on); s != nil && s.Reach == nil {
		for i, index := range b.ring {
			if o := b.Output(index); o.Reach != nil && o.Reach.isOn(&s.Sink) {
				return i
			}
		}
	}
	return slices.Index(b.ring, on)
}

// Switch is what has to be switched for a press, and what it does to others.
type Switch struct {
	To *Output
	// Others are the streams of other applications that go along.
	Others []pulse.StreamIndex
	// names are what they are called, each once.
	names []string
}

// String says what is to be switched, and who goes along: "Built-in Audio to its
// port Headphones; Firefox goes along". Names are escaped.
func (s *Switch) String() string {
	r := s.To.Reach
	text := fmt.Sprintf("%s to its port %s", term.Escape(r.Device), term.Escape(r.PortLabel))
	if r.Profile != "" {
		text = fmt.Sprintf("%s from the profile %s to %s, for its port %s", term.Escape(r.Device), term.Escape(r.Was), term.Escape(r.Profile), term.Escape(r.PortLabel))
	}
	switch len(s.names) {
	case 0:
	case 1:
		text += "; " + term.Escape(s.names[0]) + " goes along"
	default:
		text += "; " + term.Escape(strings.Join(s.names, ", ")) + " go along"
	}
	return text
}

// Ahead is Switching for the next press of a target whose streams are these; nil
// for nothing to switch, or nowhere to go.
func (p *Pipeline) Ahead(ctx context.Context, v *View, streams []pulse.StreamIndex) (*Switch, error) {
	rep := &Report{}
	for _, i := range streams {
		rep.Moves = append(rep.Moves, Move{Stream: i})
	}
	if len(streams) == 0 || v.Snapshot.Input {
		return nil, nil
	}
	to, err := v.step(rep, Next)
	if err != nil {
		return nil, nil
	}
	return p.Switching(ctx, v, to, func(i pulse.StreamIndex) bool { return slices.Contains(streams, i) })
}

// Switching says what a press has to switch to get to an output, nil for nothing.
// The streams in moving are the press's own. A Problem says why it must not be:
// what plays or records on the card would be left silent.
func (p *Pipeline) Switching(ctx context.Context, v *View, to *Output, moving func(pulse.StreamIndex) bool) (*Switch, error) {
	r := to.Reach
	if r == nil {
		return nil, nil
	}
	if on := v.Snapshot.Sink(r.Sink); on != nil && r.isOn(on) {
		return nil, nil
	}
	if to.Available == pulse.AvailableNo {
		return nil, &Problem{Kind: Failed, Message: "nothing is plugged into " + term.Escape(to.Label)}
	}
	s := &Switch{To: to}
	for i := range v.Snapshot.Streams {
		st := &v.Snapshot.Streams[i]
		on := v.Snapshot.Sink(st.Sink)
		if on == nil || moving(st.Index) {
			continue
		}
		if r.Profile == "" && on.Index != r.Sink || r.Profile != "" && on.Card != r.Card {
			continue
		}
		name := p.name(st, &v.Match.Streams[i])
		if r.Profile != "" && v.Match.Streams[i].Own {
			return nil, &Problem{
				Kind:    Failed,
				Message: fmt.Sprintf("%s is not switched to the profile %s: %s (stream %d) plays on it, is no application, and would be left silent", term.Escape(r.Device), term.Escape(r.Profile), Quote(name), st.Index),
				Hint:    "switch the profile by hand, in a mixer, when that may end",
			}
		}
		s.Others = append(s.Others, st.Index)
		if !slices.Contains(s.names, name) {
			s.names = append(s.names, name)
		}
	}
	if r.Profile != "" {
		if err := p.recordsFrom(ctx, r); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// recordsFrom is a Problem when something records from the card, and its sources
// would go with the profile.
func (p *Pipeline) recordsFrom(ctx context.Context, r *Reach) error {
	_, was, _ := strings.Cut(r.Was, "input:")
	_, is, _ := strings.Cut(r.Profile, "input:")
	if p.Record == nil || was == is && was != "" {
		return nil
	}
	sound, err := p.Record(ctx)
	if err != nil {
		return SoundError(err)
	}
	snap, err := sound.Snapshot(ctx)
	if err != nil {
		return SoundError(err)
	}
	for i := range snap.Streams {
		s := &snap.Streams[i]
		if on := snap.Sink(s.Sink); on == nil || on.Card != r.Card || s.Meter {
			continue
		}
		who := firstOf(s.Property("application.name"), fmt.Sprintf("stream %d", s.Index))
		return &Problem{
			Kind:    Failed,
			Message: fmt.Sprintf("%s is not switched to the profile %s: %s records from it, and would lose its source", term.Escape(r.Device), term.Escape(r.Profile), Quote(who)),
			Hint:    "end the recording first, or switch the profile by hand, in a mixer",
		}
	}
	return nil
}

// switchTo makes an output reachable, and returns the view after that, with the
// output as the sink it is now. What else played on the card plays there then. When
// the sink does not come, everything is put back as it was.
func (p *Pipeline) switchTo(ctx context.Context, v *View, s *Switch) (*View, *Output, error) {
	r := s.To.Reach
	w, ok := v.sound.(Switcher)
	if !ok {
		return nil, nil, &Problem{Kind: Failed, Message: "this sound server has no ports or profiles to switch"}
	}
	v.warming.Wait()
	if r.Profile == "" {
		if err := w.SetPort(ctx, r.Sink, r.Port); err != nil {
			return nil, nil, switchProblem(err, r)
		}
		on := v.Snapshot.Sink(r.Sink)
		return v, s.as(on), nil
	}
	before := map[pulse.StreamIndex]string{} // where they were, by the name of the sink
	for i := range v.Snapshot.Streams {
		st := &v.Snapshot.Streams[i]
		if on := v.Snapshot.Sink(st.Sink); on != nil && on.Card == r.Card {
			before[st.Index] = on.Name
		}
	}
	if err := w.SetProfile(ctx, r.Card, r.Profile); err != nil {
		return nil, nil, switchProblem(err, r)
	}
	after, sink, err := p.await(ctx, v, r)
	if err == nil && sink.Port != r.Port {
		if err = w.SetPort(ctx, sink.Index, r.Port); err != nil {
			err = switchProblem(err, r)
		}
	}
	if err != nil {
		p.putBack(ctx, v, w, r, before)
		return nil, nil, err
	}
	to := s.as(sink)
	// The server has put them anywhere.
	var lost []pulse.StreamIndex
	for _, i := range s.Others {
		if st := after.Snapshot.Stream(i); st != nil && st.Sink != sink.Index {
			lost = append(lost, i)
		}
	}
	if len(lost) > 0 {
		loud := p.Loudness(after, to, lost)
		errs := loud.Around(ctx, lost, func(ctx context.Context, all []pulse.StreamIndex) []error {
			return after.sound.Move(ctx, sink.Index, all...)
		})
		for i, err := range errs {
			if err != nil && !errors.Is(err, pulse.ErrGone) {
				return after, to, &Problem{Kind: Failed, Message: fmt.Sprintf("stream %d, which played on %s too, did not follow: %s", lost[i], term.Escape(r.Device), term.Escape(err.Error())), Err: err}
			}
		}
	}
	return after, to, nil
}

// as is the output once it is a sink.
func (s *Switch) as(sink *pulse.Sink) *Output {
	o := *s.To
	o.Sink, o.Reach = *sink, nil
	return &o
}

// await waits for the sink of the port.
func (p *Pipeline) await(ctx context.Context, v *View, r *Reach) (*View, *pulse.Sink, error) {
	until := ReachTime
	if deadline, ok := ctx.Deadline(); ok { // some time is for putting things back
		until = min(until, time.Until(deadline)-putBack)
	}
	wait, cancel := context.WithTimeout(ctx, until)
	defer cancel()
	after := p.After
	if after == nil {
		after = time.After
	}
	for {
		// Not with wait: a request that is cut off ends the connection.
		snap, err := v.sound.Snapshot(ctx)
		if err != nil {
			return nil, nil, SoundError(err)
		}
		for i := range snap.Sinks {
			s := &snap.Sinks[i]
			if s.Card == r.Card && slices.ContainsFunc(s.Ports, func(p pulse.Port) bool { return p.Name == r.Port }) {
				next := &View{Screen: v.Screen, ScreenErr: v.ScreenErr, Snapshot: snap, Match: v.Match, config: v.config, sound: v.sound, display: v.display, procs: v.procs}
				next.Book = newBook(snap, v.config)
				return next, s, nil
			}
		}
		select {
		case <-wait.Done():
			return nil, nil, &Problem{
				Kind:    Failed,
				Message: fmt.Sprintf("%s took the profile %s, but no sink with the port %s came in time", term.Escape(r.Device), term.Escape(r.Profile), term.Escape(r.PortLabel)),
				Hint:    "the profile was set back to " + term.Escape(r.Was),
			}
		case <-after(reachPause):
		}
	}
}

// putBack sets the old profile again, and brings the streams back to the sinks
// they were on, as far as those come.
func (p *Pipeline) putBack(ctx context.Context, v *View, w Switcher, r *Reach, before map[pulse.StreamIndex]string) {
	again, cancel := context.WithTimeout(context.WithoutCancel(ctx), restoreTime)
	defer cancel()
	if w.SetProfile(again, r.Card, r.Was) != nil {
		return
	}
	for len(before) > 0 {
		snap, err := v.sound.Snapshot(again)
		if err != nil {
			return
		}
		for i, name := range before {
			st := snap.Stream(i)
			at := slices.IndexFunc(snap.Sinks, func(s pulse.Sink) bool { return s.Name == name })
			switch {
			case st == nil:
				delete(before, i)
			case at >= 0:
				if snap.Sinks[at].Index != st.Sink {
					v.sound.Move(again, snap.Sinks[at].Index, i)
				}
				delete(before, i)
			}
		}
		select {
		case <-again.Done():
			return
		case <-time.After(reachPause):
		}
	}
}

// switchProblem puts an error of a switch into words.
func switchProblem(err error, r *Reach) error {
	p := &Problem{Kind: Failed, Err: err}
	what := "the port " + term.Escape(r.PortLabel)
	if errors.Is(err, pulse.ErrNoProfile) || r.Profile != "" && !errors.Is(err, pulse.ErrNoPort) {
		what = "the profile " + term.Escape(r.Profile)
	}
	switch {
	case errors.Is(err, pulse.ErrNoPort), errors.Is(err, pulse.ErrNoProfile):
		p.Message = term.Escape(r.Device) + " has no longer " + what
	case errors.Is(err, pulse.ErrTimeout):
		p.Message = "the sound server did not answer while switching " + term.Escape(r.Device)
	case errors.Is(err, pulse.ErrClosed):
		p.Message = "the sound server went away while switching " + term.Escape(r.Device)
	case errors.Is(err, pulse.ErrDenied):
		p.Message = "the sound server does not let us switch " + term.Escape(r.Device)
	default:
		p.Message = "switching " + term.Escape(r.Device) + " to " + what + ": " + term.Escape(err.Error())
	}
	return p
}

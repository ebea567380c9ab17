package daemon

import (
	"context"
	"slices"
	"strings"

	"github.com/patoggle/patoggle/internal/identity"
	"github.com/patoggle/patoggle/internal/lasting"
	"github.com/patoggle/patoggle/internal/state"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/pulse"
)

// A stream is heard where the server starts it until we have moved it. On
// PulseAudio that is lost at the start: the player's first sound is one round
// trip behind the event that tells us of the stream, and a move is two. So the
// server is told before, as far as one can know the name it will remember.

const (
	// recallMost is how many applications of earlier sessions are recalled, the
	// last ones, and how many more are guessed from the names in rules.
	recallMost = 64
	// lessonMost is how many the server is told at a time.
	lessonMost = 32
)

// recall tells the server where the applications start that have not played in
// this session: what is remembered, what was moved in earlier ones, and what rules
// spell out. r.absent is made anew.
func (r *router) recall(ctx context.Context, c *pulse.Conn) {
	if r.input {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.absent
	r.absent = map[string]*application{}
	put := func(key string, names []string, g pulse.Group, guessed bool) {
		if key == "" || g == (pulse.Group{}) || r.known[key] != nil || r.absent[key] != nil {
			return
		}
		app := before[key]
		if app == nil || app.group != g { // else the server may just be told of it
			app = &application{group: g, guessed: guessed}
		}
		app.Identity = identity.Identity{Key: key, Names: names}
		r.absent[key] = app
	}
	kept, err := r.server.store.Remembered()
	if err == nil {
		for _, k := range kept {
			if k.Side != lasting.Recording {
				put(k.Application, []string{k.Name}, pulse.Group{ID: k.GroupID, Name: k.GroupName}, false)
			}
		}
	}
	entries, err := r.server.store.Moves()
	if err == nil {
		for _, e := range slices.Backward(entries) {
			for _, m := range e.Moves {
				if m.Side == "" && len(m.Names) > 0 && len(r.absent) < recallMost {
					put(m.Key, m.Names, pulse.Group{ID: m.ID, Name: m.Name}, false)
				}
			}
		}
	}
	guessed := 0
	for _, rule := range r.server.config.Load().Rules {
		name := rule.App.String()
		if guessed == recallMost || name == "" || !rule.App.Literal() || rule.Role.String() != "" || len(rule.Sinks) == 0 || !identity.Tells(name) {
			continue
		}
		guessed++
		groups := []pulse.Group{{Name: name}}
		if strings.Count(name, ".") > 1 && !strings.Contains(name, " ") { // org.videolan.VLC
			groups = append(groups, pulse.Group{ID: name})
		}
		for _, g := range groups {
			if !r.met(g) {
				put("guess:"+g.Key(), []string{name}, g, true)
			}
		}
	}
	r.teach(ctx, c, r.applications())
}

// met tells whether an application of that group is known.
func (r *router) met(g pulse.Group) bool {
	for _, app := range r.applications() {
		if !app.guessed && app.group.Key() == g.Key() {
			return true
		}
	}
	return false
}

// present takes an application that plays.
func (r *router) present(app *application) {
	delete(r.absent, app.Key)
	delete(r.absent, "guess:"+app.group.Key())
}

// applications are all that there is something to tell of.
func (r *router) applications() []*application {
	all := make([]*application, 0, len(r.known)+len(r.absent))
	for _, apps := range []map[string]*application{r.known, r.absent} {
		for _, app := range apps {
			all = append(all, app)
		}
	}
	return all
}

// lesson is where the server should start an application that is silent, "" when
// it does already, or nothing may be told: the server would start others there too.
func (r *router) lesson(app *application) string {
	if app.teaching || app.group == (pulse.Group{}) || r.wanted[app.Key] != "" {
		return ""
	}
	to := r.resolve(r.wish(app.Identity))
	if to == "" || to == app.on {
		return ""
	}
	for _, p := range r.plays {
		if p.key == app.Key || (pulse.Group{ID: p.who.ID, Name: p.who.Name}).Key() == app.group.Key() {
			return "" // it is not silent
		}
	}
	for _, other := range r.applications() {
		if other != app && !other.guessed && other.group.Key() == app.group.Key() && r.resolve(r.wish(other.Identity)) != to {
			return "" // the server cannot tell them apart, and this one belongs elsewhere
		}
	}
	return to
}

// teach lets the server start applications that are silent where their rules want
// them: they may be heard elsewhere until we have moved them.
func (r *router) teach(ctx context.Context, c *pulse.Conn, apps []*application) {
	if r.input {
		return // it takes a stream that records, which a desktop shows to its user
	}
	lessons := map[string][]*application{}
	for _, app := range apps {
		if to := r.lesson(app); to != "" {
			app.teaching = true
			lessons[to] = append(lessons[to], app)
		}
	}
	for name, apps := range lessons {
		to := r.sink(name)
		r.moving.Go(func() {
			for some := range slices.Chunk(apps, lessonMost) {
				r.tell(ctx, c, name, to, some)
			}
		})
	}
}

// tell is one lesson.
func (r *router) tell(ctx context.Context, c *pulse.Conn, name string, to pulse.SinkIndex, apps []*application) {
	limit, cancel := context.WithTimeout(ctx, pressTime)
	defer cancel()
	groups := make([]pulse.Group, len(apps))
	for i, app := range apps {
		groups[i] = app.group
	}
	errs := c.Teach(limit, to, groups...)
	r.mu.Lock()
	defer r.mu.Unlock()
	var told []state.Moved
	for i, app := range apps {
		app.teaching = false
		err := errs[i]
		if err == nil {
			app.on = name
			m := state.Moved{Stream: uint32(pulse.NoStream), Application: app.group.Name, Key: app.Key, Names: app.Names, ID: app.group.ID, Name: app.group.Name, To: name}
			if app.guessed {
				m.Key, m.Names = "", nil
			}
			told = append(told, m)
		}
		if r.server.verbose && ctx.Err() == nil {
			if err != nil {
				r.server.speak.info("%s is not told to start on %s: %s", term.Escape(app.Label()), term.Escape(name), term.Escape(err.Error()))
			} else {
				r.server.speak.info("%s will start on %s", term.Escape(app.Label()), term.Escape(name))
			}
		}
	}
	told = slices.DeleteFunc(told, r.toldBefore())
	if len(told) > 0 {
		r.write(state.Taught, told...)
	}
}

// toldBefore finds what is written down already.
func (r *router) toldBefore() func(state.Moved) bool {
	entries, err := r.server.store.Moves()
	if err != nil {
		return func(state.Moved) bool { return false }
	}
	placed := state.Placed(entries)
	return func(m state.Moved) bool {
		return slices.ContainsFunc(placed, func(p state.Moved) bool { return p.ID == m.ID && p.Name == m.Name && p.To == m.To })
	}
}

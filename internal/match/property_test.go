package match

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/patoggle/patoggle/internal/desktop"
	"github.com/patoggle/patoggle/internal/lab/long"
	"github.com/patoggle/patoggle/pulse"
)

// A failure prints the seed of its world. -world with that seed runs it alone;
// -first begins at another seed than 1, for other worlds.
var (
	only  = flag.Uint64("world", 0, "run the property tests on the world of this seed alone")
	first = flag.Uint64("first", 1, "seed of the first world of the property tests")
)

// rounds is how many worlds there are for each test.
var rounds = long.Count(500, 20_000)

// eachWorld runs a test on many random worlds.
func eachWorld(t *testing.T, check func(t *testing.T, r *rand.Rand, f *fixture)) {
	t.Helper()
	seed, n := *first, rounds
	if *only != 0 {
		seed, n = *only, 1
	}
	t.Logf("%d worlds from seed %d", n, seed)
	for i := range n {
		s := seed + uint64(i)
		r := rand.New(rand.NewPCG(s, 1))
		f := randomWorld(r)
		check(t, r, f)
		if t.Failed() {
			t.Fatalf("seed %d (go test -run %s -world %d)\n%s", s, t.Name(), s, f)
		}
	}
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// randomWorld makes a small world in which everything collides: few names, few
// ids, sandboxes in sandboxes, forged claims.
func randomWorld(r *rand.Rand) *fixture {
	f := newFixture()
	if r.IntN(2) == 0 {
		f.pipewire()
	}
	f.screen.Resource = r.IntN(5) > 0
	for pid := 2000; pid < 2000+4+r.IntN(16); pid++ {
		f.randomProcess(r, pid)
	}
	clear(open)
	for pid, p := range f.procs {
		if p.Comm == "tmux: server" && r.IntN(8) > 0 {
			open[pid] = pick(r, nil, []int{34816}, []int{34817}, []int{34816, 34817})
		}
	}
	clear(held)
	for pid, p := range f.procs {
		if p.FlatpakInstance != "" && r.IntN(8) > 0 {
			held[pid] = r.IntN(3)
		}
	}
	for i := range 2 + r.IntN(5) {
		f.randomWindow(r, xid(0x100+i))
	}
	for i := range 1 + r.IntN(6) {
		f.randomStream(r, pulse.StreamIndex(i+1))
	}
	return f
}

// pids returns the processes a world made, sorted.
func (f *fixture) pids() []int {
	var pids []int
	for pid := range f.procs {
		if pid >= 2000 {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

func (f *fixture) randomProcess(r *rand.Rand, pid int) {
	parent := userPID
	if have := f.pids(); len(have) > 0 && r.IntN(4) > 0 {
		parent = pick(r, have...)
	}
	up := f.procs[parent]
	f.run(pid, parent, "/usr/bin/"+pick(r, "mpv", "vlc", "xterm", "bash", "chromium", "tmux: server", "tmux: client", "wine64-preloader", "wine64-preloader"), func(p *procT) {
		p.WinePrefix, p.Multiplexer = up.WinePrefix, up.Multiplexer
		if p.WinePrefix == "" || r.IntN(6) == 0 {
			p.WinePrefix = pick(r, "/home/u/.wine", "/games/a")
		}
		if up.Comm == "tmux: server" {
			p.Multiplexer, p.MultiplexerSession = parent, pick(r, "0", "0", "0", "1")
		}
		// A child is mostly what its parent is.
		p.Unit, p.Flatpak, p.FlatpakInstance, p.Snap, p.SteamAppID, p.WindowID = up.Unit, up.Flatpak, up.FlatpakInstance, up.Snap, up.SteamAppID, up.WindowID
		if r.IntN(4) == 0 {
			p.Unit = pick(r, "", "app-mpv-1.scope", "app-vlc-2.scope")
		}
		if r.IntN(5) == 0 {
			p.Flatpak = pick(r, "", player, editor)
			p.FlatpakInstance = map[string]string{player: pick(r, "11", "12"), editor: "21"}[p.Flatpak]
		}
		if r.IntN(8) == 0 {
			p.Snap = pick(r, "", "mpv", "vlc")
		}
		if r.IntN(6) == 0 {
			p.SteamAppID = pick(r, 0, 440, 570)
		}
		if r.IntN(4) == 0 {
			p.WindowID = 0x100 + uint32(r.IntN(6))
		}
		if p.TTY = up.TTY; r.IntN(4) == 0 {
			p.TTY = pick(r, 0, 34816, 34817)
		}
		if r.IntN(3) == 0 {
			p.NSPid, p.SamePID = []int{pid, 2 + r.IntN(3)}, false
		}
		if r.IntN(20) == 0 {
			p.UID = 1001
		}
		if r.IntN(20) == 0 {
			p.Start = uint64(r.IntN(3000))
		}
		p.SameUTS = r.IntN(10) > 0
	})
}

func (f *fixture) randomWindow(r *rand.Rand, id xid) {
	have := f.pids()
	f.window(id, pick(r, have...), pick(r, "mpv", "VLC", "XTerm", "Chromium", "steam_app_440", "steam_app_570", "steam_app_0"), func(w *desktop.Window) {
		if r.IntN(3) == 0 {
			w.PID = pick(r, append([]int{0, 1, 2, 3, userPID, wmPID, ourPID}, have...)...)
		}
		if !f.screen.Resource || r.IntN(12) == 0 {
			w.Owner = 0
		}
		w.Machine = pick(r, "", "", "desk", "desk", "elsewhere")
		w.Type = pick(r, desktop.Normal, desktop.Normal, desktop.Normal, desktop.Dialog, desktop.Utility, desktop.Other, desktop.Dock, desktop.Desktop)
	})
}

func (f *fixture) randomStream(r *rand.Rand, index pulse.StreamIndex) {
	have := f.pids()
	of := f.procs[pick(r, have...)]
	claim, binary := of.NSPid[len(of.NSPid)-1], base(of.Exe)
	if r.IntN(6) == 0 { // forged
		claim = pick(r, have...)
	}
	if r.IntN(10) == 0 {
		claim = 2 + r.IntN(3)
	}
	var s *pulse.Stream
	switch {
	case f.sound.Server.PipeWire && r.IntN(2) == 0:
		s = f.native(index, of.PID, binary, claim)
	case f.sound.Server.PipeWire:
		s = f.pulseClient(index, claim, binary)
	default:
		s = f.plays(index, claim, binary)
	}
	if f.sound.Server.PipeWire && (of.Flatpak != "" || r.IntN(12) == 0) && r.IntN(4) > 0 {
		s.Client.Properties["pipewire.access.portal.app_id"] = cmp.Or(of.Flatpak, pick(r, player, editor))
		if r.IntN(3) > 0 {
			s.Client.Properties["pipewire.access.portal.instance_id"] = cmp.Or(of.FlatpakInstance, pick(r, "11", "12", "21"))
		}
		if r.IntN(6) == 0 { // forged
			s.Client.Properties["pipewire.access.portal.instance_id"] = pick(r, "11", "12", "21")
		}
	}
	s.Client.Properties["application.name"] = pick(r, "mpv", "VLC", "Chromium", "thing")
	s.Properties["media.role"] = pick(r, "music", "music", "video", "event")
	if r.IntN(15) == 0 {
		s.Client = nil
	}
}

// String prints a world for the report of a failure.
func (f *fixture) String() string {
	s := fmt.Sprintf("resource %v, PipeWire %v\n", f.screen.Resource, f.sound.Server.PipeWire)
	for _, pid := range f.pids() {
		s += fmt.Sprintf("%+v\n", f.procs[pid])
	}
	for _, w := range f.screen.Windows {
		s += fmt.Sprintf("%+v\n", w)
	}
	for _, st := range f.sound.Streams {
		s += fmt.Sprintf("stream %d %v", st.Index, st.Properties)
		if st.Client != nil {
			s += fmt.Sprintf(" client %d %v", st.Client.Index, st.Client.Properties)
		}
		s += "\n"
	}
	return s
}

// byIndex returns the result for a stream.
func (r Result) byIndex(i pulse.StreamIndex) Stream {
	for _, s := range r.Streams {
		if s.Index == i {
			return s
		}
	}
	return Stream{}
}

// A window or a stream that has nothing to do with the focused application
// never turns a stream that stays into one that moves.
func TestUnrelatedWindowsAndStreamsMoveNothing(t *testing.T) {
	acted := 0
	eachWorld(t, func(t *testing.T, r *rand.Rand, f *fixture) {
		focus := pick(r, f.screen.Windows...).XID
		before := f.focus(focus).match(t)
		windows, streams, clients := slices.Clone(f.screen.Windows), slices.Clone(f.sound.Streams), slices.Clone(f.sound.Clients)
		for range 6 {
			f.screen.Windows, f.sound.Streams, f.sound.Clients = slices.Clone(windows), slices.Clone(streams), slices.Clone(clients)
			for range 1 + r.IntN(2) {
				if r.IntN(2) == 0 {
					f.randomWindow(r, xid(0x200+r.IntN(1000)))
					w := f.screen.Windows[len(f.screen.Windows)-1]
					if slices.Contains(before.Window.PIDs, w.Owner) || slices.Contains(before.Window.PIDs, w.PID) {
						f.screen.Windows = f.screen.Windows[:len(f.screen.Windows)-1] // not unrelated
					}
				} else {
					f.randomStream(r, pulse.StreamIndex(100+r.IntN(1000)))
				}
			}
			after := f.focus(focus).match(t)
			for _, s := range before.Streams {
				a := after.byIndex(s.Index)
				if s.Confidence.Acts(false) {
					acted++
				}
				if !a.Confidence.Acts(false) || s.Confidence.Acts(false) {
					continue
				}
				// An event sound stays because something else of the
				// application plays; that may be taken from it.
				if st := f.sound.Stream(s.Index); st.Properties["media.role"] == "event" && len(s.Tried) > 0 && s.Tried[len(s.Tried)-1].WhyNot == quiet {
					continue
				}
				t.Errorf("with window 0x%x in front, stream %d was %+v\nand became %+v", focus, s.Index, s, a)
			}
		}
	})
	if *only == 0 && acted < rounds {
		t.Errorf("only %d streams matched: the worlds are too empty", acted)
	}
}

// The order in which the servers name windows and streams means nothing.
func TestOrderDoesNotMatter(t *testing.T) {
	eachWorld(t, func(t *testing.T, r *rand.Rand, f *fixture) {
		focus := pick(r, f.screen.Windows...).XID
		before := f.focus(focus).match(t)
		r.Shuffle(len(f.screen.Windows), func(i, j int) {
			f.screen.Windows[i], f.screen.Windows[j] = f.screen.Windows[j], f.screen.Windows[i]
		})
		r.Shuffle(len(f.sound.Streams), func(i, j int) {
			f.sound.Streams[i], f.sound.Streams[j] = f.sound.Streams[j], f.sound.Streams[i]
		})
		after := f.focus(focus).match(t)
		sorted := func(r Result) Result {
			slices.SortFunc(r.Streams, func(a, b Stream) int { return cmp.Compare(a.Index, b.Index) })
			return r
		}
		if !equal(sorted(before), sorted(after)) {
			t.Errorf("with window 0x%x in front\n%+v became\n%+v", focus, before, after)
		}
	})
}

// No stream belongs to two applications: whichever window has the focus, it
// moves with the windows of one only. (A splash screen or a menu owns streams
// only while it has the focus, so those are left out.)
func TestAStreamBelongsToOneApplication(t *testing.T) {
	twice := 0
	eachWorld(t, func(t *testing.T, r *rand.Rand, f *fixture) {
		results := make(map[xid]Result)
		owners := slices.DeleteFunc(slices.Clone(f.screen.Windows), func(w desktop.Window) bool { return w.Type == desktop.Other })
		for _, w := range owners {
			results[w.XID] = f.focus(w.XID).match(t)
		}
		same := func(a, b desktop.Window) bool {
			pa, pb := results[a.XID].Window.PIDs, results[b.XID].Window.PIDs
			if slices.ContainsFunc(pa, func(p int) bool { return slices.Contains(pb, p) }) {
				return true
			}
			if n := steamApp(&a); n != 0 && n == steamApp(&b) {
				return true
			}
			return len(pa) > 0 && len(pb) > 0 && f.procs[pa[0]].FlatpakInstance != "" && f.procs[pa[0]].FlatpakInstance == f.procs[pb[0]].FlatpakInstance
		}
		for _, st := range f.sound.Streams {
			for i, a := range owners {
				for _, b := range owners[i+1:] {
					ra, rb := results[a.XID].byIndex(st.Index), results[b.XID].byIndex(st.Index)
					if !ra.Confidence.Acts(false) || !rb.Confidence.Acts(false) {
						continue
					}
					twice++
					if !same(a, b) {
						t.Errorf("stream %d belongs to 0x%x by %s %s\nand to 0x%x by %s %s", st.Index, a.XID, ra.Rule, ra.Confidence, b.XID, rb.Rule, rb.Confidence)
					}
				}
			}
		}
	})
	if *only == 0 && twice == 0 {
		t.Error("no application had two windows: the worlds are too empty")
	}
}

// What the result says of a stream holds together.
func TestResultsHoldTogether(t *testing.T) {
	rules := make(map[Rule]int)
	eachWorld(t, func(t *testing.T, r *rand.Rand, f *fixture) {
		for _, w := range f.screen.Windows {
			res := f.focus(w.XID).match(t)
			if (len(res.Window.PIDs) == 0) != (res.Window.Reason != "") || res.Window.Remote && len(res.Window.PIDs) > 0 {
				t.Errorf("window %+v", res.Window)
			}
			if len(res.Streams) != len(f.sound.Streams) {
				t.Errorf("%d streams of %d", len(res.Streams), len(f.sound.Streams))
			}
			for i, s := range res.Streams {
				rules[s.Rule]++
				ok := s.Index == f.sound.Streams[i].Index &&
					s.Matched == (s.Rule != "") && s.Matched == (s.Confidence > None) &&
					(s.PID != 0) == (s.Trust >= Translated) &&
					(len(s.Candidates) > 1) == (s.Trust == Ambiguous) &&
					!(s.Ambiguous && (s.Matched || len(s.Candidates) == 0)) &&
					!(s.Own && s.Matched) && !(res.Window.Remote && s.Matched) &&
					(s.Matched || len(s.Tried) > 0)
				for _, tr := range s.Tried {
					ok = ok && tr.Rule != "" && tr.WhyNot != ""
				}
				if s.Matched && s.Rule == RulePID && s.PID != 0 && !slices.Contains(res.Window.PIDs, s.PID) {
					ok = false
				}
				if !ok {
					t.Errorf("got %+v", s)
				}
			}
		}
	})
	if *only != 0 {
		return
	}
	for _, rule := range []Rule{RulePID, RuleInstance, RuleDescendant, RuleMultiplexer, RuleSandbox, RuleSteam, RuleWine, RuleAppID, RuleUnit, RuleParent, RuleName} {
		t.Log(rule, rules[rule])
		if rules[rule] == 0 && rule != RuleParent && rule != RuleAppID {
			t.Errorf("rule %s never took a stream: the worlds are too empty", rule)
		}
	}
}

// Instances of one application that are all process 2 to themselves, and clients
// that say of themselves what is true or what PULSE_PROP made of it. A stream
// moves only with the instance that it is of, unless that one lies itself; and a
// further client, whatever it says, makes no stream move that stays.
func TestNoClientPassesForAnotherInstance(t *testing.T) {
	acted := 0
	for seed := *first; seed < *first+uint64(rounds)/4; seed++ {
		r := rand.New(rand.NewPCG(seed, 2))
		f := newFixture()
		f.pipewire()
		clear(held)
		instances := []string{"11", "12", "13"}[:2+r.IntN(2)]
		for i, instance := range instances {
			f.run(3000+i, userPID, "/usr/bin/mpv", inside(2), flatpak(player, instance))
			f.window(xid(1+i), 3000+i, "mpv")
			held[3000+i] = 0
		}
		truth, honest := map[pulse.StreamIndex]string{}, map[string]bool{"11": true, "12": true, "13": true}
		add := func(index pulse.StreamIndex) {
			of, says := pick(r, append([]string{""}, instances...)...), ""
			if says = of; r.IntN(4) == 0 {
				says = pick(r, append([]string{"", "99"}, instances...)...)
			}
			f.stamped(index, 2, says)
			if says == "" {
				delete(f.sound.Streams[len(f.sound.Streams)-1].Client.Properties, propInstance)
			}
			if truth[index] = of; of != "" {
				held[3000+slices.Index(instances, of)]++
				honest[of] = honest[of] && of == says
			}
		}
		for i := range 1 + r.IntN(4) {
			add(pulse.StreamIndex(1 + i))
		}
		if r.IntN(8) == 0 {
			delete(held, 3000+r.IntN(len(instances)))
		}
		before := make([]Result, len(instances))
		check := func() {
			for i, instance := range instances {
				before[i] = f.focus(xid(1 + i)).match(t)
				for _, s := range before[i].Streams {
					if !s.Confidence.Acts(false) {
						continue
					}
					if acted++; truth[s.Index] != instance && honest[instance] {
						t.Errorf("stream %d of instance %q moves with %s: %+v", s.Index, truth[s.Index], instance, s)
					}
				}
			}
		}
		check()
		earlier := slices.Clone(before)
		connections := maps.Clone(held)
		add(100)
		clear(held) // it is nobody's
		maps.Copy(held, connections)
		for i := range instances {
			after := f.focus(xid(1 + i)).match(t)
			for _, s := range earlier[i].Streams {
				if a := after.byIndex(s.Index); a.Confidence.Acts(false) && !s.Confidence.Acts(false) {
					t.Errorf("with instance %s in front, stream %d was %+v\nand became %+v", instances[i], s.Index, s, a)
				}
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d\nconnections %v\n%s", seed, held, f)
		}
	}
	if acted < rounds/16 {
		t.Errorf("only %d streams matched: the worlds are too empty", acted)
	}
}

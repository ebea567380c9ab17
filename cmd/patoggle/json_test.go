package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patoggle/patoggle/internal/lab"
)

// keysOf lists the keys of every object in a JSON text by their path, arrays
// as "[]"; a null is a path of its own, "path=null".
func keysOf(t *testing.T, text string) []string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("no JSON: %v in %q", err, text)
	}
	found := map[string]bool{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, e := range v {
				walk(strings.TrimPrefix(path+"."+k, "."), e)
			}
		case []any:
			found[path+"[]"] = true
			for _, e := range v {
				walk(path+"[]", e)
			}
		case nil:
			found[path+"=null"] = true
		default:
			found[path] = true
		}
	}
	walk("", v)
	return slices.Sorted(maps.Keys(found))
}

// The forms that patoggle(1) promises to scripts.
var (
	reportKeys = `window.id window.title window.class window.app_id window.desktop window.pids[] window.remote application result reason switch
		moves[] moves[].side moves[].stream moves[].application moves[].media moves[].from moves[].to moves[].rule moves[].confidence moves[].result moves[].volume=null moves[].error`
	listKeys = `server.name server.version server.pipewire default_sink reason
		sinks[] sinks[].index sinks[].name sinks[].description sinks[].nickname sinks[].default sinks[].state sinks[].available
		sinks[].volume_percent sinks[].muted sinks[].in_cycle sinks[].ring sinks[].streams[] reachable[]
		streams[] streams[].index streams[].application streams[].media streams[].pid streams[].pid_trust streams[].sink streams[].corked
		streams[].muted streams[].volume_percent streams[].focused streams[].held_by streams[].rule streams[].confidence
		default_source
		sources[] sources[].index sources[].name sources[].description sources[].nickname sources[].default sources[].state sources[].available
		sources[].volume_percent sources[].muted sources[].in_cycle sources[].ring sources[].recordings[]
		recordings[] recordings[].index recordings[].application recordings[].media recordings[].pid recordings[].pid_trust recordings[].source
		recordings[].corked recordings[].muted recordings[].volume_percent recordings[].focused recordings[].held_by recordings[].rule
		recordings[].confidence`
	whyKeys = `window.id window.title window.class window.app_id window.desktop window.pids[] window.remote reason switch
		streams[] streams[].index streams[].application streams[].pid streams[].matched streams[].rule streams[].confidence streams[].doubt
		streams[].tried[] streams[].tried[].rule streams[].tried[].why_not`
)

func TestTheJSONFormsAreThoseOfTheManual(t *testing.T) {
	t.Parallel()
	d := newDesk(t, pulseAudio)
	same := func(keys, text string) {
		t.Helper()
		want := strings.Fields(keys)
		// "pids[]" and "streams[]" hold plain values, which have no keys.
		got := keysOf(t, text)
		for _, list := range []string{"window.pids[]", "sinks[].streams[]", "sources[].recordings[]"} {
			if slices.Contains(want, list) {
				got = slices.DeleteFunc(got, func(k string) bool { return k == list })
				want = slices.DeleteFunc(want, func(k string) bool { return k == list })
			}
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if strings.Count(text, "\n") != 1 {
			t.Errorf("not one object on one line: %q", text)
		}
	}
	empty := d.expect(0, "", "list", "--json").Stdout
	if !strings.Contains(empty, `"streams":[]`) || strings.Contains(empty, "null") {
		t.Errorf("an empty list is %s", empty)
	}
	nothing := d.expect(3, "", "--json").Stdout
	if !strings.Contains(nothing, `"moves":[]`) || !strings.Contains(nothing, `"window":null`) {
		t.Errorf("no focus is %s", nothing)
	}
	lab.Need(t, "parec")
	d.Spawn("parec", "/dev/null")
	d.Until("the recording", func() bool { return strings.Contains(d.expect(0, "", "list", "--json").Stdout, `"source":`) })
	d.Player("other").WaitStream()
	d.front(d.Player("one"))
	same(listKeys, d.expect(0, "", "list", "--json").Stdout)
	same(whyKeys, d.expect(0, "", "why", "--json").Stdout)
	same(reportKeys, d.expect(0, "", "--json").Stdout)
	same(reportKeys, d.expect(0, "", "--json", "-n").Stdout)
}

func TestQuietAndVerbose(t *testing.T) {
	t.Parallel()
	d := newDesk(t, pulseAudio)
	d.front(d.Player("one"))
	if r := d.expect(0, "", "-q"); r.Stdout+r.Stderr != "" {
		t.Errorf("-q says %q", r.Stdout+r.Stderr)
	}
	if r := d.expect(0, "mpv → TV", "-v"); !strings.Contains(r.Stderr, `rule pid, certain`) {
		t.Errorf("-v says %q", r.Stderr)
	}
	d.expectIn([]string{"DISPLAY"}, 1, "no X display", "-q")
}

func TestTheListFitsATerminal(t *testing.T) {
	t.Parallel()
	lab.Need(t, "script")
	d := newDesk(t, pulseAudio)
	d.front(d.Player("音楽のとても長い題名 🎧 and a title that goes on and on and on and on and on and on"))
	// script(1) gives the program a terminal; stty sets its size.
	for _, tt := range []struct {
		env    string
		colour bool
	}{{"TERM=xterm-256color", true}, {"NO_COLOR=1", false}, {"TERM=dumb", false}} {
		r := d.Run([]string{tt.env}, "script", "-qec", "stty cols 70; exec "+d.program+" list", "/dev/null")
		if r.Code != 0 || !strings.Contains(r.Stdout, "…") {
			t.Fatalf("exit code %d: %q %q", r.Code, r.Stdout, r.Stderr)
		}
		if got := strings.Contains(r.Stdout, "\x1b["); got != tt.colour {
			t.Errorf("%s: colour is %v: %q", tt.env, got, r.Stdout)
		}
		for line := range strings.Lines(strings.ReplaceAll(r.Stdout, "\r", "")) {
			if w := width(line); w > 70 {
				t.Errorf("%s: a line of %d cells: %q", tt.env, w, line)
			}
		}
	}
}

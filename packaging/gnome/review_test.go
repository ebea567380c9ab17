package gnome

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What of GNOME's rules for extensions can be checked without a reviewer
// (gjs.guide, Extensions Review Guidelines, read for GNOME 51).

// modules are the JavaScript files of both forms, by name.
func modules(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for _, files := range []fs.FS{Modules, Legacy} {
		err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".js") {
				return err
			}
			b, err := fs.ReadFile(files, path)
			all[path] = string(b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(all) != 4 {
		t.Fatalf("there are %d modules", len(all))
	}
	return all
}

// bare is code without comments and without what is in quotes.
func bare(code string) string {
	code = regexp.MustCompile("(?s)`.*?`").ReplaceAllString(code, "``")
	code = regexp.MustCompile(`'[^'\n]*'`).ReplaceAllString(code, "''")
	code = regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAllString(code, "")
	return regexp.MustCompile(`//[^\n]*`).ReplaceAllString(code, "")
}

func TestTheMetadataAreThoseOfAnExtension(t *testing.T) {
	required := []string{"description", "name", "shell-version", "url", "uuid"}
	seen := make(map[string]string) // by release, the form it is in
	for _, form := range []struct {
		files fs.FS
		name  string
	}{{Modules, "metadata.json"}, {Legacy, "legacy/metadata.json"}} {
		b, err := fs.ReadFile(form.files, form.name)
		if err != nil {
			t.Fatal(err)
		}
		var all map[string]any
		if err := json.Unmarshal(b, &all); err != nil {
			t.Fatal(err)
		}
		var keys []string
		for k := range all {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		// "version" is the site's own; no "session-modes": it ends with the lock.
		if !slices.Equal(keys, required) {
			t.Errorf("%s has the keys %q, want %q", form.name, keys, required)
		}
		if uuid, _ := all["uuid"].(string); !regexp.MustCompile(`^[A-Za-z0-9._-]+@[A-Za-z0-9._-]+$`).MatchString(uuid) || strings.HasSuffix(uuid, "@gnome.org") {
			t.Errorf("%s: the uuid is %q", form.name, uuid)
		}
		if url, _ := all["url"].(string); !strings.HasPrefix(url, "https://") {
			t.Errorf("%s: the url is %q", form.name, url)
		}
		releases, _ := all["shell-version"].([]any)
		if len(releases) == 0 {
			t.Errorf("%s is for no release", form.name)
		}
		for _, r := range releases {
			release := fmt.Sprint(r)
			if !regexp.MustCompile(`^4[3-9]$|^5[0-9]$`).MatchString(release) {
				t.Errorf("%s is for a release %q", form.name, release)
			}
			if modern := release >= "45"; modern != (form.name == "metadata.json") || seen[release] != "" {
				t.Errorf("%s is for %s, and so is %q", form.name, release, seen[release])
			}
			seen[release] = form.name
		}
	}
}

// Nothing is made, connected or changed before enable() is called: at the top are
// imports, classes, functions and plain values.
func TestNothingHappensBeforeItIsEnabled(t *testing.T) {
	harmless := regexp.MustCompile("^(import |export default class |export class |class |function |const \\w+ = (''|``|\\d+);|const \\{[\\w, ]+\\} = imports|const \\w+ = imports\\.|const \\w+ = \\[[\\w., ]*$|\\}|$|\\s)")
	for name, code := range modules(t) {
		for line := range strings.Lines(bare(code)) {
			if line = strings.TrimRight(line, "\n"); !harmless.MatchString(line) {
				t.Errorf("%s does this when it is loaded: %s", name, line)
			}
		}
	}
}

// body is a method's.
func body(code, method string) string {
	m := regexp.MustCompile(`(?sm)^    ` + method + `\(\) \{\n(.*?)^    \}$`).FindStringSubmatch(code)
	if m == nil {
		return ""
	}
	return m[1]
}

// What enable() makes is undone in disable(), and no reference is kept.
func TestDisableUndoesEnable(t *testing.T) {
	for name, code := range modules(t) {
		code = bare(code)
		enable, disable := body(code, "enable"), body(code, "disable")
		if enable == "" || disable == "" {
			t.Errorf("%s has no enable() and disable()", name)
			continue
		}
		for _, field := range regexp.MustCompile(`(this\._\w+) = `).FindAllStringSubmatch(enable, -1) {
			if !strings.Contains(disable, field[1]+" = null;") {
				t.Errorf("%s: disable() leaves %s", name, field[1])
			}
		}
		// What is done anywhere, and what takes it back in disable(), itself or by
		// a method that it calls.
		for does, undoes := range map[string]string{
			".connect(": ".disconnect(", ".export(": ".unexport(", "bus_watch_name": "bus_unwatch_name",
			"grab_accelerator(": "ungrab_accelerator(", ".enable(": ".disable(",
		} {
			if does == "grab_accelerator(" {
				if strings.Contains(code, does) && !(strings.Contains(disable, "_release(") && strings.Contains(code, undoes)) {
					t.Errorf("%s: disable() does not %s", name, undoes)
				}
				continue
			}
			if n, m := strings.Count(code, does), strings.Count(disable, undoes); n > 0 && m == 0 {
				t.Errorf("%s has %s and disable() not %s", name, does, undoes)
			}
		}
	}
}

// Modules of GTK's, deprecated ones, processes, timers and whatever leaves the
// shell have no place in it.
func TestOnlyWhatIsAllowedIsUsed(t *testing.T) {
	refused := map[string]string{
		`\bimports\.(lang|mainloop|byteArray|signals)\b`:       "a deprecated module",
		`gi://(Gtk|Gdk|Adw|Clutter/)|imports\.gi\.(Gtk|Gdk)\b`: "a toolkit of other processes",
		`\beval\(|new Function\b|GLib\.spawn|Gio\.Subprocess`:  "other code than its own",
		`timeout_add|idle_add|setTimeout|setInterval`:          "a timer",
		`\bconsole\.|\blog\(|\blogError\(|\bprint\(`:           "lines in the log",
		`St\.Clipboard|Soup|\bfetch\(`:                         "the clipboard or the network",
		`run_dispose|\.prototype\.|InjectionManager`:           "the shell's own inside",
		`\bvar\b|[^=!]==[^=]|!=[^=]`:                           "what ESLint refuses in GNOME's rules",
	}
	for name, code := range modules(t) {
		text := bare(code)
		imports := strings.Join(regexp.MustCompile(`(?m)^import .*$`).FindAllString(code, -1), "\n")
		for pattern, what := range refused {
			if m := regexp.MustCompile(pattern).FindString(text + imports); m != "" {
				t.Errorf("%s uses %s: %q", name, what, m)
			}
		}
		if legacy := strings.HasPrefix(name, "legacy/"); legacy != strings.Contains(text, "imports.") {
			t.Errorf("%s is of the wrong form for its releases", name)
		}
		for i, line := range strings.Split(code, "\n") {
			if len(line) > 120 || strings.Contains(line, "\t") || strings.TrimRight(line, " ") != line {
				t.Errorf("%s:%d is not written as GNOME does: %q", name, i+1, line)
			}
		}
	}
}

// The checks see what they are for.
func TestTheChecksSee(t *testing.T) {
	code := "class A {\n    enable() {\n        this._x = 1;\n    }\n\n    disable() {\n    }\n}\n"
	if body(code, "enable") != "        this._x = 1;\n" || body(code, "disable") != "" {
		t.Errorf("the bodies are %q and %q", body(code, "enable"), body(code, "disable"))
	}
	if got := bare("a('x // y'); // b\n`c\nd` /* e */"); got != "a(''); \n`` " {
		t.Errorf("bare is %q", got)
	}
}

package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/patoggle/patoggle/internal/wayland"
)

func TestTextListsAreThoseOfGSettings(t *testing.T) {
	for text, want := range map[string][]string{
		"@as []": nil, "[]": nil, "['a@b']": {"a@b"}, `['a', "it's", 'c']`: {"a", "it's", "c"}, "['cut": nil,
	} {
		if got := textList(text); !slices.Equal(got, want) {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
	if got := writeTextList([]string{"a", "b"}); got != "['a', 'b']" || writeTextList(nil) != "@as []" {
		t.Errorf("written as %s and %s", got, writeTextList(nil))
	}
}

// shell is a GNOME whose settings are a map.
func shell(t *testing.T, release int, settings map[string]string) *gnomeShell {
	g := &gnomeShell{version: func(context.Context) string { return "" }, folder: filepath.Join(t.TempDir(), "extensions", "x"), getenv: func(string) string { return "" }}
	if release != 0 {
		g.before = &wayland.Extension{Release: release}
	}
	g.getenv = func(k string) string {
		return map[string]string{"XDG_DATA_DIRS": filepath.Join(filepath.Dir(filepath.Dir(g.folder)), "system")}[k]
	}
	g.settings = func(_ context.Context, args ...string) (string, error) {
		if args[0] == "set" {
			settings[args[1]] = args[2]
		}
		return settings[args[1]], nil
	}
	return g
}

func TestTheExtensionIsInstalledForTheReleaseThatRuns(t *testing.T) {
	for release, modern := range map[int]bool{0: true, 43: false, 44: false, 45: true, 51: true} {
		settings := map[string]string{
			"enabled-extensions": "['other@x']", "disabled-extensions": "['" + wayland.GNOMEExtension + "']",
		}
		g := shell(t, release, settings)
		for range 2 { // again does no harm
			if err := g.install(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(filepath.Join(g.folder, "extension.js"))
		if err != nil || strings.Contains(string(text), "export default") != modern {
			t.Errorf("release %d: %v, %.40q", release, err, text)
		}
		meta, _ := os.ReadFile(filepath.Join(g.folder, "metadata.json"))
		if !strings.Contains(string(meta), wayland.GNOMEExtension) || strings.Contains(string(meta), `"45"`) != modern {
			t.Errorf("release %d: the metadata are %s", release, meta)
		}
		if got := settings["enabled-extensions"]; got != "['other@x', '"+wayland.GNOMEExtension+"']" {
			t.Errorf("enabled are %s", got)
		}
		if got := settings["disabled-extensions"]; got != "@as []" {
			t.Errorf("disabled are %s", got)
		}
		if err := g.remove(t.Context()); err != nil || settings["enabled-extensions"] != "['other@x']" {
			t.Errorf("after the end: %v, %v", err, settings)
		}
		if _, err := os.Stat(g.folder); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("after the end: %v", err)
		}
	}
	if err := shell(t, 42, nil).install(t.Context()); err == nil || err.Error() != "GNOME 42 is too old: the extension is for 43 and later" {
		t.Errorf("on 42: %v", err)
	}
}

func TestWhereNoShellRunsItsProgramTellsTheRelease(t *testing.T) {
	for version, modern := range map[string]bool{"GNOME Shell 43.9\n": false, "GNOME Shell 51.alpha\n": true, "": true, "GNOME Shell\n": true} {
		// None that runs, and one that runs and does not say.
		for _, before := range []*wayland.Extension{nil, {}} {
			g := shell(t, 0, map[string]string{"enabled-extensions": "@as []", "disabled-extensions": "@as []"})
			g.before = before
			g.version = func(context.Context) string { return version }
			if err := g.install(t.Context()); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(filepath.Join(g.folder, "extension.js"))
			if err != nil || strings.Contains(string(text), "export default") != modern {
				t.Errorf("%q: %v, %.40q", version, err, text)
			}
		}
	}
	g := shell(t, 48, nil)
	g.version = func(context.Context) string { return "GNOME Shell 43.9" }
	if got := g.release(t.Context()); got != 48 {
		t.Errorf("the one that runs is %d", got)
	}
}

func TestAPackagesExtensionIsNotHidden(t *testing.T) {
	settings := map[string]string{"enabled-extensions": "@as []", "disabled-extensions": "@as []"}
	g := shell(t, 48, settings)
	if err := g.install(t.Context()); err != nil {
		t.Fatal(err)
	}
	system := filepath.Join(g.getenv("XDG_DATA_DIRS"), "gnome-shell", "extensions", wayland.GNOMEExtension)
	if err := os.MkdirAll(system, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(system, "metadata.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := g.install(t.Context()); err != nil || settings["enabled-extensions"] != "['"+wayland.GNOMEExtension+"']" {
		t.Errorf("%v, %v", err, settings)
	}
	if _, err := os.Stat(g.folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the older one is still there: %v", err)
	}
	// 43 does not understand the package's.
	g.before.Release = 43
	if err := g.install(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(g.folder, "extension.js")); err != nil {
		t.Error(err)
	}
}

func TestSettingsThatCannotBeChangedHaveASentence(t *testing.T) {
	g := shell(t, 48, nil)
	g.settings = func(context.Context, ...string) (string, error) { return "", errors.New("no gsettings") }
	if err := g.install(t.Context()); err == nil || err.Error() != "no gsettings" {
		t.Errorf("got %v", err)
	}
}

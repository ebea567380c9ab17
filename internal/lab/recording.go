package lab

import (
	"slices"
	"strings"
)

// AddSource adds a source of silence that is no monitor, "name" or
// "name=Description", waits until it is listed, and returns the index of its
// module for Unload. Each property is written "key=value", without spaces.
func (s *Sound) AddSource(source string, properties ...string) int {
	name, description, _ := strings.Cut(source, "=")
	if description == "" {
		description = name
	}
	var module int
	all := `="` + strings.Join(append([]string{"device.description='" + description + "'"}, properties...), " ") + `"`
	switch {
	case s.PipeWire:
		module = s.Load("module-null-sink", "media.class=Audio/Source/Virtual", "sink_name="+name, "sink_properties"+all)
	case len(properties) == 0:
		module = s.Load("module-null-source", "source_name="+name, `description="`+description+`"`)
	default: // module-null-source takes none
		module = s.Load("module-pipe-source", "source_name="+name, "file="+s.lab.Runtime+"/"+name+".pipe", "source_properties"+all)
	}
	s.lab.Until("source "+name, func() bool { return slices.Contains(s.Sources(), name) })
	return module
}

// Sources are the names of all sources, monitors too.
func (s *Sound) Sources() []string {
	var names []string
	for _, name := range s.sources() {
		names = append(names, name)
	}
	return names
}

// sources are the names by index.
func (s *Sound) sources() map[string]string {
	names := map[string]string{}
	for line := range strings.Lines(s.Pactl("list", "short", "sources")) {
		if f := strings.Fields(line); len(f) > 1 {
			names[f[0]] = f[1]
		}
	}
	return names
}

// RecordsFrom are the sources from which what an application records comes, one
// for each of its recordings.
func (s *Sound) RecordsFrom(application string) []string {
	names := s.sources()
	var from []string
	source := ""
	for line := range strings.Lines(s.Pactl("list", "source-outputs")) {
		line = strings.TrimSpace(line)
		if i, ok := strings.CutPrefix(line, "Source: "); ok {
			source = names[i]
		}
		if line == `application.name = "`+application+`"` {
			from = append(from, source)
		}
	}
	return from
}

// WaitRecords waits until everything that an application records comes from the
// source.
func (s *Sound) WaitRecords(application, source string) {
	s.lab.t.Helper()
	s.lab.Until(application+" recording from "+source, func() bool {
		from := s.RecordsFrom(application)
		return len(from) > 0 && !slices.ContainsFunc(from, func(f string) bool { return f != source })
	})
}

// AddSinkOf is AddSink with properties, each "key=value" without spaces.
func (s *Sound) AddSinkOf(name string, properties ...string) int {
	args := []string{"module-null-sink", "sink_name=" + name, `sink_properties="` + strings.Join(properties, " ") + `"`}
	if s.PipeWire {
		args = append(args, "media.class=Audio/Sink")
	}
	module := s.Load(args...)
	s.lab.Until("sink "+name, func() bool {
		_, ok := s.Sink(name)
		return ok
	})
	return module
}

// MoveRecording moves what an application records to a source, as a mixer does.
func (s *Sound) MoveRecording(application, source string) {
	s.lab.t.Helper()
	index, at := "", ""
	for line := range strings.Lines(s.Pactl("list", "source-outputs")) {
		line = strings.TrimSpace(line)
		if i, ok := strings.CutPrefix(line, "Source Output #"); ok {
			at = i
		}
		if line == `application.name = "`+application+`"` {
			index = at
		}
	}
	s.Pactl("move-source-output", index, source)
	s.WaitRecords(application, source)
}

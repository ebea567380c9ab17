package match

import "strings"

// Generic tells whether a name, in any case, is one that many applications
// bear: of a runtime, a toolkit or a tool that others play through.
func Generic(name string) bool {
	name = strings.ToLower(strings.TrimSpace(name))
	return name == "" || generic(name)
}

// Package displaygate runs before golang.design/x/hotkey, whose init opens the
// X display and panics when there is none, or waits for ever when nobody
// answers. It answers --help, --version and a wrong command line, and opens
// the display once, under a deadline, with the library that hotkey uses.
//
// The language says when: of the packages whose imports are initialized, the
// one that sorts first by its import path is next. So what this package
// imports must be initialized no later than what hotkey imports, which are
// context, errors, fmt, runtime/cgo and sync; importing strings here would be
// too much. A test of the built program holds it.
//
// It holds no test of its own: whatever links it is patoggled.
package displaygate

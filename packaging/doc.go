// Package packaging holds what is around the programs: manual pages, packages,
// installation, completions, and how the daemon starts with a session. There
// is no code in it, but the tests that hold these things against the programs.
package packaging

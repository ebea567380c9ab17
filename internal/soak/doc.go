// Package soak holds no code, only a test that lasts: streams, windows, sinks
// and the sound server itself come and go at random while presses arrive, and
// each press is held against what another client of the server sees. Beside it
// sinks come and go while rules, presses and a user with a mixer have streams
// moved: nothing moves against the user's last word. "make soak" gives them ten
// minutes, "make test" a few seconds.
package soak

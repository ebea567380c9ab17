// Package soak holds no code, only a test that lasts: streams, windows, sinks
// and the sound server itself come and go at random while presses arrive, and
// each press is held against what another client of the server sees. "make
// soak" gives it ten minutes, "make test" a few seconds.
package soak

package x11keys

import (
	"math"
	"strings"
	"testing"
)

func TestLinesAreReadAsTheyAreWritten(t *testing.T) {
	orders := map[string]Order{
		"grab 0 0 0 0 0": {Grab: true},
		"grab 7 65478 64 128 1": {ID: 7, Grab: true, Key: Key{
			Keysym: 0xffc6, Modifiers: 64, Locks: 128, Mod2: true,
		}},
		"grab 4294967295 4294967295 65535 65535 1": {ID: math.MaxUint32, Grab: true, Key: Key{
			Keysym: math.MaxUint32, Modifiers: 0xffff, Locks: 0xffff, Mod2: true,
		}},
		"release 7": {ID: 7},
	}
	for line, want := range orders {
		if got, err := ParseOrder(line); err != nil || got != want {
			t.Errorf("%q is %+v, %v, want %+v", line, got, err, want)
		}
		if got := want.String(); got != line || len(got) > MaxLine {
			t.Errorf("%+v is written %q, want %q", want, got, line)
		}
	}
	reports := map[string]Report{
		"grabbed 7 75":             {ID: 7, Kind: Grabbed, Code: 75},
		"taken 7":                  {ID: 7, Kind: Taken},
		"failed 1":                 {ID: 1, Kind: Failed},
		"released 0":               {Kind: Released},
		"down 7 123456789":         {ID: 7, Kind: Down, Time: 123456789},
		"up 7 9223372036854775807": {ID: 7, Kind: Up, Time: math.MaxInt64},
		"grabbed 4294967295 255":   {ID: math.MaxUint32, Kind: Grabbed, Code: 255},
		"down 4294967295 0":        {ID: math.MaxUint32, Kind: Down},
	}
	for line, want := range reports {
		if got, err := ParseReport(line); err != nil || got != want {
			t.Errorf("%q is %+v, %v, want %+v", line, got, err, want)
		}
		if got := want.String(); got != line || len(got) > MaxLine {
			t.Errorf("%+v is written %q, want %q", want, got, line)
		}
	}
}

func TestOtherLinesAreRefused(t *testing.T) {
	for _, line := range []string{
		"", " ", "grab", "grab 1 2 3 4", "grab 1 2 3 4 2", "grab 1 2 3 4 1 5", "grab 1 2 65536 4 1",
		"grab 4294967296 2 3 4 1", "grab -1 2 3 4 1", "grab 1  2 3 4 1", "grab 01 2 3 4 1", "grab 1 2 3 4 1 ",
		"release", "release x", "release 1 2", "release +1", "RELEASE 1", "release 1\n", "down 1 2",
		"release 1" + strings.Repeat(" ", MaxLine),
	} {
		if o, err := ParseOrder(line); err == nil {
			t.Errorf("%q is the order %+v", line, o)
		}
	}
	for _, line := range []string{
		"", "grabbed 1", "grabbed 1 256", "grabbed 1 -1", "taken", "taken 1 2", "down 1", "down 1 9223372036854775808",
		"up 1 2 3", "up 1 0x2", "released", Hello, "release 1", "taken\t1", "down 1 2\x00",
	} {
		if r, err := ParseReport(line); err == nil {
			t.Errorf("%q is the report %+v", line, r)
		}
	}
}

// FuzzLines holds that a line is refused, or is the one way to write what it
// says.
func FuzzLines(f *testing.F) {
	for _, line := range []string{"grab 7 65478 64 128 1", "release 7", "grabbed 7 75", "taken 7", "failed 1", "released 0", "down 7 12", "up 7 12", Hello, "grab 07 1 1 1 1"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if o, err := ParseOrder(line); err == nil && o.String() != line {
			t.Errorf("%q is read as %q", line, o)
		}
		if r, err := ParseReport(line); err == nil && r.String() != line {
			t.Errorf("%q is read as %q", line, r)
		}
	})
}

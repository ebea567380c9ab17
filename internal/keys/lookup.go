package keys

import (
	"strconv"
	"strings"
)

// entry is one line of the table.
type entry struct {
	name string
	sym  uint32
}

// lineAt reads the line of the table that holds the byte at: its entry, and
// where the line begins and the next one begins.
func lineAt(at int) (e entry, begin, end int) {
	begin = strings.LastIndexByte(table[:at], '\n') + 1
	end = at + strings.IndexByte(table[at:], '\n') + 1
	name, hex, _ := strings.Cut(table[begin:end-1], " ")
	sym, _ := strconv.ParseUint(hex, 16, 32)
	return entry{name, uint32(sym)}, begin, end
}

// lookup finds a name: as it is spelled, else in any case, and then the first
// of the table, which is the small letter.
func lookup(name string) (entry, bool) {
	lower := strings.ToLower(name)
	low, high := 0, len(table)
	for low < high {
		e, begin, end := lineAt(low + (high-low)/2)
		if strings.ToLower(e.name) < lower {
			low = end
		} else {
			high = begin
		}
	}
	var first entry
	for low < len(table) {
		e, _, end := lineAt(low)
		if strings.ToLower(e.name) != lower {
			break
		}
		if e.name == name {
			return e, true
		}
		if first.name == "" {
			first = e
		}
		low = end
	}
	return first, first.name != ""
}

// nameOf gives the name of a character's key. The keysym of a character is its
// Latin-1 number, or its Unicode number with a bit (keysymdef.h).
func nameOf(r rune) (string, bool) {
	sym := uint32(r)
	if sym > 0xff {
		sym |= 0x1000000
	}
	for at := 0; at < len(table); {
		e, _, end := lineAt(at)
		if e.sym == sym {
			return e.name, true
		}
		at = end
	}
	return "", false
}

// suggest gives the name that is nearest to one that was not found; "" when
// none is near. Names without "XF86" are tried with it.
func suggest(name string) string {
	lower := strings.ToLower(name)
	best, distance := "", min(3, (len(name)+2)/3+1)
	for at := 0; at < len(table); {
		e, _, end := lineAt(at)
		at = end
		candidate := strings.ToLower(e.name)
		if strings.TrimPrefix(candidate, "xf86") == lower {
			return e.name
		}
		if d := edits(lower, candidate, distance); d < distance {
			best, distance = e.name, d
		}
	}
	return best
}

// edits counts how many insertions, deletions, changes and swaps of neighbours
// make b of a; limit when it is that many or more.
func edits(a, b string, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit || len(b) > 64 {
		return limit
	}
	var rows [3][65]int
	older, old, row := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		old[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		least := row[0]
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(old[j]+cost, old[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], older[j-1]+1)
			}
			least = min(least, row[j+1])
		}
		if least >= limit {
			return limit
		}
		older, old, row = old, row, older
	}
	return min(old[len(b)], limit)
}

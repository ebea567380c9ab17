package term

import (
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// ellipsis stands for what was cut, one cell wide.
const ellipsis = "…"

// Width returns how many cells of a terminal a text takes. Letters take one,
// Chinese, Japanese, Korean and emoji two, combining marks none. Control
// characters take none: escape the text first.
func Width(s string) int {
	if plain(s) {
		return len(s)
	}
	cells, state := 0, -1
	for s != "" {
		var width int
		_, s, width, state = next(s, state)
		cells += width
	}
	return cells
}

// maxCluster is the longest grapheme cluster that is taken for one
// character, in bytes. Emoji of several people with their skins come to 35.
const maxCluster = 64

// next returns the first grapheme cluster and how many cells it takes. One
// that is longer than maxCluster was made to look narrow, such as a chain of
// a thousand joined emoji: no terminal draws it as one character, so its
// characters count.
func next(s string, state int) (cluster, rest string, width, newState int) {
	cluster, rest, width, newState = uniseg.FirstGraphemeClusterInString(s, state)
	if len(cluster) > maxCluster {
		width = max(width, 2*utf8.RuneCountInString(cluster))
	}
	return cluster, rest, width, newState
}

// Truncate returns s when it fits into the cells, else as much of it from
// the left as fits with "…" behind. It never cuts a grapheme cluster. With
// less than one cell the result is "".
func Truncate(s string, cells int) string {
	if cells < 1 {
		return ""
	}
	if len(s) <= cells && plain(s) {
		return s
	}
	kept, used := 0, 0 // bytes and cells of what fits beside the ellipsis
	total := 0
	rest, state := s, -1
	for rest != "" {
		var width int
		var cluster string
		cluster, rest, width, state = next(rest, state)
		if total == used && used+width <= cells-1 {
			kept += len(cluster)
			used += width
		}
		if total += width; total > cells {
			break
		}
	}
	if total <= cells {
		return s
	}
	cut := s[:kept] + ellipsis
	if Width(cut) > cells {
		return ellipsis // joined to what stands before it
	}
	return cut
}

// Pad returns s with spaces behind it, or before it when right is set, so
// that it takes at least the cells.
func Pad(s string, cells int, right bool) string {
	missing := cells - Width(s)
	if missing <= 0 {
		return s
	}
	if right {
		return strings.Repeat(" ", missing) + s
	}
	return s + strings.Repeat(" ", missing)
}

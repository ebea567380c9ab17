package notify

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/patoggle/patoggle/internal/term"
)

// Urgency is how much a notification wants to be seen (Desktop Notifications
// 1.2, Urgency Levels). The zero value is Normal.
type Urgency int

// The urgencies of the specification.
const (
	Normal Urgency = iota
	Low
	Critical
)

// level is the byte of the hint "urgency".
func (u Urgency) level() byte {
	switch u {
	case Low:
		return 0
	case Critical:
		return 2
	}
	return 1
}

// Note is one notification.
type Note struct {
	// Summary is one line of plain text.
	Summary string
	// Body is plain text; a line break is one.
	Body string
	// Icon is a name of the icon theme, like "audio-headphones". "" means
	// none, and so does anything that is not a name: a path would let a
	// stranger's property choose a file.
	Icon    string
	Urgency Urgency
	// Expire is how long it stays: 0 is for the server to choose, less than
	// 0 for ever.
	Expire time.Duration
	// Replace is a tag: a note takes the place of the last one with the same
	// tag. "" never replaces.
	Replace string
}

// The longest summary and line of a body in cells, and the most lines.
const (
	maxSummary = 120
	maxLine    = 240
	maxLines   = 12
)

// The names of the wire protocol (Desktop Notifications 1.2, chapter 9).
const (
	service = "org.freedesktop.Notifications"
	object  = "/org/freedesktop/Notifications"
)

// message is a Note in the words of the protocol, for a server with these
// capabilities.
type message struct {
	summary, body, icon string
	urgency             byte
	tag                 string
	expire              int32 // milliseconds, -1 for the server to choose, 0 for ever
}

// newMessage escapes and cuts the texts. A server that shows no body gets
// everything in the summary; one that reads markup gets entities, one that
// does not would show them.
func newMessage(n Note, capabilities []string) message {
	m := message{
		summary: cut(n.Summary, maxSummary),
		urgency: n.Urgency.level(),
		tag:     n.Replace,
		expire:  milliseconds(n.Expire),
	}
	if iconName(n.Icon) {
		m.icon = n.Icon
	}
	lines := strings.SplitN(n.Body, "\n", maxLines+1)
	if len(lines) > maxLines {
		lines[maxLines] = "…"
	}
	for i, line := range lines {
		lines[i] = cut(line, maxLine)
	}
	m.body = strings.Join(lines, "\n")
	switch {
	case m.body == "":
	case !slices.Contains(capabilities, "body"):
		m.summary, m.body = strings.TrimPrefix(m.summary+" – "+strings.Join(lines, " "), " – "), ""
	case slices.Contains(capabilities, "body-markup"):
		for i, line := range lines {
			lines[i] = term.EscapeMarkup(line)
		}
		m.body = strings.Join(lines, "\n")
	}
	return m
}

// cut escapes a text and shortens it to so many cells. What is far too long
// is not looked at to its end.
func cut(s string, cells int) string {
	const limit = 64 << 10
	if len(s) > limit {
		s = s[:limit] // an escape where a character is cut; it is not shown
	}
	return term.Truncate(term.Escape(s), cells)
}

func milliseconds(d time.Duration) int32 {
	switch {
	case d == 0:
		return -1
	case d < 0:
		return 0
	}
	return int32(min(max(d.Milliseconds(), 1), math.MaxInt32))
}

// iconName reports whether s is a name of an icon (Icon Naming
// Specification 0.8.90: lower-case letters, digits, dashes, underscores and
// dots), rather than a path or an address.
func iconName(s string) bool {
	if s == "" || len(s) > 128 || s[0] == '.' {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !letter && !strings.ContainsRune("-_.+", r)
	})
}

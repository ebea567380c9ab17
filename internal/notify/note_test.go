package notify

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patoggle/patoggle/internal/term"
)

func TestANoteIsWordedForItsServer(t *testing.T) {
	plain, markup := []string{"actions", "body"}, []string{"body", "body-markup", "body-hyperlinks"}
	tests := []struct {
		name         string
		note         Note
		capabilities []string
		want         message
	}{
		{"plain", Note{Summary: "mpv → Headphones", Body: "a song"}, plain,
			message{summary: "mpv → Headphones", body: "a song", urgency: 1, expire: -1}},
		{"markup is escaped for a server that reads it", Note{Summary: "<b>&", Body: "<b>a & b</b>\n&lt;"}, markup,
			message{summary: "<b>&", body: "&lt;b&gt;a &amp; b&lt;/b&gt;\n&amp;lt;", urgency: 1, expire: -1}},
		{"and not for one that does not", Note{Summary: "s", Body: "<b>a & b</b>"}, plain,
			message{summary: "s", body: "<b>a & b</b>", urgency: 1, expire: -1}},
		{"a server without a body", Note{Summary: "s", Body: "a\nb"}, []string{},
			message{summary: "s – a b", urgency: 1, expire: -1}},
		{"a body alone, on a server without one", Note{Body: "a"}, nil,
			message{summary: "a", urgency: 1, expire: -1}},
		{"control characters", Note{Summary: "a\nb\x1b\u202e", Body: "a\tb\x00\nc\xff"}, markup,
			message{summary: `a\nb\x1b\u202e`, body: `a\tb\x00` + "\n" + `c\xff`, urgency: 1, expire: -1}},
		{"all the rest", Note{Summary: "s", Icon: "audio-headphones", Urgency: Critical, Expire: 3 * time.Second, Replace: "move"}, plain,
			message{summary: "s", icon: "audio-headphones", urgency: 2, expire: 3000, tag: "move"}},
		{"low, and for ever", Note{Summary: "s", Urgency: Low, Expire: -1}, plain,
			message{summary: "s", urgency: 0, expire: 0}},
		{"longer than the wire can say", Note{Summary: "s", Expire: 10000 * time.Hour}, plain,
			message{summary: "s", urgency: 1, expire: math.MaxInt32}},
		{"shorter than the wire can say", Note{Summary: "s", Expire: time.Microsecond}, plain,
			message{summary: "s", urgency: 1, expire: 1}},
		{"an icon that is a path", Note{Summary: "s", Icon: "/etc/passwd"}, plain, message{summary: "s", urgency: 1, expire: -1}},
		{"an icon that is an address", Note{Summary: "s", Icon: "file:///etc/passwd"}, plain, message{summary: "s", urgency: 1, expire: -1}},
		{"an icon that climbs", Note{Summary: "s", Icon: ".."}, plain, message{summary: "s", urgency: 1, expire: -1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := newMessage(tt.note, tt.capabilities)
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(message{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestALongNoteIsCut(t *testing.T) {
	long := strings.Repeat("日", 60000)
	m := newMessage(Note{Summary: long, Body: strings.Repeat(long+"\n", 30)}, []string{"body"})
	if w := term.Width(m.summary); w > maxSummary || w < maxSummary-2 || !strings.HasSuffix(m.summary, "…") {
		t.Errorf("the summary takes %d cells", w)
	}
	lines := strings.Split(m.body, "\n")
	if len(lines) != maxLines+1 || lines[maxLines] != "…" {
		t.Errorf("the body has %d lines", len(lines))
	}
	for _, line := range lines {
		if term.Width(line) > maxLine {
			t.Errorf("a line takes %d cells", term.Width(line))
		}
	}
}

func FuzzNote(f *testing.F) {
	f.Add("mpv → Headphones", "<b>a & b</b>\n\x1b[31m", "audio-card", true)
	f.Add("\xff\x00", strings.Repeat("&", 500)+"\n\n\n", "../x", false)
	f.Fuzz(func(t *testing.T, summary, body, icon string, markup bool) {
		capabilities := []string{"body"}
		if markup {
			capabilities = append(capabilities, "body-markup")
		}
		m := newMessage(Note{Summary: summary, Body: body, Icon: icon}, capabilities)
		if m.summary != term.Escape(m.summary) {
			t.Errorf("the summary %q is not escaped", m.summary)
		}
		for _, line := range strings.Split(m.body, "\n") {
			if line != term.Escape(line) {
				t.Errorf("the line %q is not escaped", line)
			}
			if !markup {
				continue
			}
			rest := strings.NewReplacer("&amp;", "", "&lt;", "", "&gt;", "").Replace(line)
			if strings.ContainsAny(rest, "&<>") {
				t.Errorf("the line %q has markup in it", line)
			}
		}
		if strings.Contains(m.icon, "/") {
			t.Errorf("the icon is %q", m.icon)
		}
	})
}

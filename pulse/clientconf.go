package pulse

import (
	"strings"
)

// clientConf is what of a client.conf matters here (pulse-client.conf(5)).
// The zero value is that of an empty file.
type clientConf struct {
	// DefaultServer is a server list, "" when not set.
	DefaultServer string
	// CookieFile is a path as written, "" when not set.
	CookieFile string
}

// parseClientConf reads the text of one client.conf into c; a later setting
// wins, an empty one takes the earlier back. include is called for each
// ".include" line with the path as written.
//
// The form is that of libpulse's pa_config_parse: a comment starts at the
// first # or ; wherever it stands, sections are ignored, white space around
// key and value is dropped, quotes mean nothing. Like libpulse, reading stops
// at the first line that is neither; what was read so far stays. Unknown keys
// end libpulse's reading too; here they do not, for libraries newer than this
// text add some.
func parseClientConf(text string, c *clientConf, include func(path string)) {
	const blank = " \t\r\n"
	for line := range strings.Lines(text) {
		if i := strings.IndexAny(line, "#;\n\x00"); i >= 0 {
			line = line[:i]
		}
		line = strings.TrimLeft(line, blank)
		if line == "" || line[0] == '[' {
			continue
		}
		if path, ok := strings.CutPrefix(line, ".include "); ok {
			include(strings.Trim(path, blank))
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			if strings.Trim(line, blank) == "" {
				continue
			}
			return
		}
		value = strings.Trim(value, blank)
		switch strings.Trim(key, blank) {
		case "default-server":
			c.DefaultServer = value
		case "cookie-file":
			c.CookieFile = value
		}
	}
}

package pulse

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestClientConf(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       clientConf
		includes   []string
	}{
		{name: "an empty file"},
		{
			name: "the file PulseAudio installs",
			text: "# This file is part of PulseAudio.\n\n## Configuration file for PulseAudio clients.\n" +
				"; default-sink =\n; default-server = unix:/nowhere\n\n; cookie-file =\n",
		},
		{
			name: "both settings, with white space",
			text: "\tdefault-server =  unix:/a unix:/b \r\ncookie-file=/c\n",
			want: clientConf{DefaultServer: "unix:/a unix:/b", CookieFile: "/c"},
		},
		{
			name: "a comment behind a value",
			text: "default-server = unix:/a # the studio\ncookie-file = /c;d\n",
			want: clientConf{DefaultServer: "unix:/a", CookieFile: "/c"},
		},
		{
			name: "the last one wins, and an empty one takes it back",
			text: "default-server = a\ndefault-server = b\ncookie-file = c\ncookie-file =\n",
			want: clientConf{DefaultServer: "b"},
		},
		{
			name: "other keys and sections do not matter",
			text: "[General]\nautospawn = no\nsomething-new = 1\ndefault-server = a",
			want: clientConf{DefaultServer: "a"},
		},
		{
			name:     "nor does white space before them",
			text:     " \t[General]\n  .include other.conf\n \t\n  default-server = a\n",
			want:     clientConf{DefaultServer: "a"},
			includes: []string{"other.conf"},
		},
		{
			name: "reading stops at nonsense",
			text: "default-server = a\nnonsense\ndefault-server = b\n",
			want: clientConf{DefaultServer: "a"},
		},
		{
			name: "a value may hold an equals sign",
			text: "cookie-file = a=b\n",
			want: clientConf{CookieFile: "a=b"},
		},
		{
			name:     "other files are included where they stand",
			text:     "default-server = a\n.include other.conf \n.include /x # y\n",
			want:     clientConf{DefaultServer: "a"},
			includes: []string{"other.conf", "/x"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			var c clientConf
			var includes []string
			parseClientConf(test.text, &c, func(p string) { includes = append(includes, p) })
			if diff := cmp.Diff(test.want, c); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.includes, includes); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// FuzzClientConf holds that what was read can be written as a client.conf and
// read again, and that comments in front change nothing.
func FuzzClientConf(f *testing.F) {
	for _, s := range []string{
		"default-server = unix:/a\ncookie-file = /c\n", "; default-server =\n", "a=b", "nonsense\n",
		".include x\n[y]\ndefault-server=\x00z", "default-server = a # b\r\n\r\n", "cookie-file = \t a=b;c",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		parse := func(text string) (c clientConf, includes []string) {
			parseClientConf(text, &c, func(p string) { includes = append(includes, p) })
			return c, includes
		}
		c, includes := parse(s)
		for _, v := range []string{c.DefaultServer, c.CookieFile} {
			if strings.ContainsAny(v, "#;\n\x00") || strings.Trim(v, " \t\r\n") != v {
				t.Errorf("the value %q", v)
			}
		}
		again, _ := parse("default-server = " + c.DefaultServer + "\ncookie-file = " + c.CookieFile + "\n")
		if again != c {
			t.Errorf("%+v is read again as %+v", c, again)
		}
		commented, same := parse("# a comment\n\n;another\n" + s)
		if commented != c || !cmp.Equal(same, includes) {
			t.Errorf("with comments: %+v %q, without: %+v %q", commented, same, c, includes)
		}
	})
}

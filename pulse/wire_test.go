package pulse

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/jfreymuth/pulse/proto"
)

// requests are all commands that are sent.
var requests = []uint32{
	proto.OpAuth, proto.OpSetClientName, proto.OpMoveSinkInput, proto.OpSubscribe, proto.OpGetServerInfo,
	proto.OpGetSinkInputInfo, proto.OpGetSinkInfoList, proto.OpGetSinkInputInfoList, proto.OpGetClientInfoList,
	proto.OpGetClientInfo, proto.OpCreatePlaybackStream, proto.OpDeletePlaybackStream,
	proto.OpGetSourceInfoList, proto.OpGetSourceOutputInfoList, proto.OpMoveSourceOutput,
	proto.OpSetSinkInputVolume, proto.OpSetSinkPort, proto.OpSetCardProfile, proto.OpGetCardInfoList,
}

// replies are well-formed bodies for each command.
func replies() map[uint32][]enc {
	props := map[string]string{"application.name": "mpv", "application.process.id": "4711", "media.title": "Ünïcödé"}
	sink := testSink{index: 44, name: "a", description: "Speakers", props: props, ports: []string{"headphones", "speaker"}}
	stream := testStream{index: 65, client: 64, sink: 44, media: "a song", props: props}
	card := testCard{index: 3, name: "card", profiles: []string{"analog", "hdmi"}, active: "analog", props: props, ports: []string{"speaker", "hdmi"}}
	return map[uint32][]enc{
		proto.OpAuth:                    {enc{}.u32(35)},
		proto.OpSetClientName:           {enc{}.u32(12)},
		proto.OpMoveSinkInput:           {nil},
		proto.OpSubscribe:               {nil},
		proto.OpGetServerInfo:           {enc{}.server("pulseaudio", "16.1", "a")},
		proto.OpGetSinkInputInfo:        {enc{}.stream(stream)},
		proto.OpGetSinkInfoList:         {nil, enc{}.sink(sink), enc{}.sink(sink).sink(testSink{name: "b"})},
		proto.OpGetSinkInputInfoList:    {nil, enc{}.stream(stream), enc{}.stream(stream).stream(testStream{})},
		proto.OpGetClientInfo:           {enc{}.client(1, "mpv", props)},
		proto.OpMoveSourceOutput:        {nil},
		proto.OpDeletePlaybackStream:    {nil},
		proto.OpSetSinkInputVolume:      {nil},
		proto.OpSetSinkPort:             {nil},
		proto.OpSetCardProfile:          {nil},
		proto.OpGetCardInfoList:         {nil, enc{}.card(card), enc{}.card(card).card(testCard{name: "b"})},
		proto.OpGetSourceInfoList:       {nil, enc{}.sink(sink), enc{}.sink(sink).sink(testSink{name: "b"})},
		proto.OpGetSourceOutputInfoList: {nil, enc{}.recording(stream, "peaks"), enc{}.recording(stream, "").recording(testStream{}, "")},
		proto.OpCreatePlaybackStream:    {enc{}.u32(0).u32(65).u32(0).u32(4).u32(3).u32(2).u32(1).spec().stereo().u32(44).str("a").boolean(false).usec(20).format()},
		proto.OpGetClientInfoList:       {nil, enc{}.client(1, "mpv", props), enc{}.client(1, "", nil).client(2, "x", props)},
	}
}

func TestWellFormedRepliesPassUnchanged(t *testing.T) {
	for command, bodies := range replies() {
		for _, body := range bodies {
			b := bytes.Clone(body)
			n, ok := sanitize(command, b, nil)
			if !ok || !bytes.Equal(b[:n], body) {
				t.Errorf("command %d: ok %v, got %q, want %q", command, ok, b[:n], body)
			}
			if _, err := readReply(command, body); err != nil {
				t.Errorf("the strict reader does not read command %d: %v", command, err)
			}
		}
	}
}

func TestRepliesCutAtEveryByteAreRefused(t *testing.T) {
	for command, bodies := range replies() {
		for _, body := range bodies {
			refused := 0
			for n := range body {
				_, ok := sanitize(command, bytes.Clone(body[:n]), nil)
				_, err := readReply(command, body[:n])
				if ok != (err == nil) {
					t.Errorf("command %d cut at %d of %d: %v, the strict reader says %v", command, n, len(body), ok, err)
				}
				if !ok {
					refused++
				}
			}
			// A list may end after any of its entries, of which there are
			// at most two here.
			if refused < len(body)-2 {
				t.Errorf("command %d is taken at %d of %d lengths", command, len(body)-refused, len(body))
			}
			if _, ok := sanitize(command, append(bytes.Clone(body), 'L'), nil); ok {
				t.Errorf("command %d with a byte too many is taken", command)
			}
		}
	}
}

func TestRepliesToAnotherRequestAreRefused(t *testing.T) {
	for asked := range replies() {
		for command, bodies := range replies() {
			for _, body := range bodies {
				if _, ok := sanitize(asked, bytes.Clone(body), nil); ok {
					if _, err := readReply(asked, body); err != nil {
						t.Errorf("a reply to %d passes for one to %d", command, asked)
					}
				}
			}
		}
	}
	if _, ok := sanitize(proto.OpGetSampleInfoList, nil, nil); ok {
		t.Error("a reply to a request that is never sent passes")
	}
}

func TestLongStringsAreCut(t *testing.T) {
	for _, test := range []struct {
		name, in, want string
	}{
		{"1000 bytes stay", strings.Repeat("x", 1000), strings.Repeat("x", 1000)},
		{"1001 bytes", strings.Repeat("x", 1001), strings.Repeat("x", 1000)},
		{"1023 bytes", strings.Repeat("x", 1023), strings.Repeat("x", 1000)},
		{"1024 bytes", strings.Repeat("x", 1024), strings.Repeat("x", 1000)},
		{"60000 bytes", strings.Repeat("x", 60000), strings.Repeat("x", 1000)},
		{"two-byte characters", "x" + strings.Repeat("é", 600), "x" + strings.Repeat("é", 499)},
		{"three-byte characters", strings.Repeat("中", 400), strings.Repeat("中", 333)},
		{"four-byte characters", "xx" + strings.Repeat("😀", 300), "xx" + strings.Repeat("😀", 249)},
		{"no characters at all", strings.Repeat("\x80", 1200), strings.Repeat("\x80", 1000)},
	} {
		t.Run(test.name, func(t *testing.T) {
			long := map[string]string{"k" + test.in: "v", "value": test.in, "z": "last"}
			short := map[string]string{test.want: "v", "value": test.want, "z": "last"}
			for key := range short {
				if len(key) > 10 {
					delete(short, key)
					k := "k" + test.in
					short[k[:cut([]byte(k))]] = "v"
				}
			}
			b := []byte(enc{}.client(1, test.in, long).client(2, "after", nil))
			n, ok := sanitize(proto.OpGetClientInfoList, b, nil)
			want := []byte(enc{}.client(1, test.want, short).client(2, "after", nil))
			if !ok || !bytes.Equal(b[:n], want) {
				t.Errorf("ok %v, %d bytes, want %d; differ: %v", ok, n, len(want), cmp.Diff(want, b[:n]))
			}
		})
	}
}

func TestLongValuesThatAreNoStringsAreEmptied(t *testing.T) {
	for name, block := range map[string]string{
		"without a NUL":      strings.Repeat("x", 1002),
		"with one within":    strings.Repeat("x", 500) + "\x00" + strings.Repeat("x", 600),
		"with two":           strings.Repeat("x", 500) + "\x00" + strings.Repeat("x", 600) + "\x00",
		"nothing but NULs":   strings.Repeat("\x00", 2000),
		"the longest string": strings.Repeat("x", 1000) + "\x00",
	} {
		in := append(enc{}.u32(1).null().u32(2).null(), 'P').str("k").block(block).null()
		want := append(enc{}.u32(1).null().u32(2).null(), 'P').str("k").block("").null()
		if name == "the longest string" {
			want = in
		}
		b := bytes.Clone(in)
		n, ok := sanitize(proto.OpGetClientInfoList, b, nil)
		if !ok || !bytes.Equal(b[:n], want) {
			t.Errorf("%s: ok %v, got %q", name, ok, b[:n])
		}
	}
}

func TestEnoughTextIsEnough(t *testing.T) {
	value := strings.Repeat("v", 900)
	greedy := map[string]string{}
	for i := range 200 {
		greedy[fmt.Sprintf("key %03d", i)] = value
	}
	modest := enc{}.client(7, "modest", map[string]string{"a": "b"})
	// One that says too much loses its own words only.
	n, b := shortened(t, append(enc{}.client(1, "greedy", greedy), modest...))
	if n > maxEntryText+20_000+len(modest) || !bytes.HasSuffix(b, modest) {
		t.Errorf("%d bytes are left, ending in %q", n, b[max(0, n-len(modest)):])
	}
	// Many that do so together.
	var all enc
	for i := range 150 {
		all = all.client(uint32(i), "greedy", greedy)
	}
	if n, _ := shortened(t, all); n > maxReplyText+1<<20 {
		t.Errorf("%d bytes of %d are left", n, len(all))
	}
}

func shortened(t *testing.T, in enc) (int, []byte) {
	t.Helper()
	b := bytes.Clone(in)
	n, ok := sanitize(proto.OpGetClientInfoList, b, nil)
	if !ok {
		t.Fatal("refused")
	}
	if _, err := readReply(proto.OpGetClientInfoList, b[:n]); err != nil {
		t.Fatalf("what is left cannot be read: %v", err)
	}
	return n, b[:n]
}

func TestListsAreBounded(t *testing.T) {
	var many enc
	for range maxEntries {
		many = many.client(1, "", nil)
	}
	if _, ok := sanitize(proto.OpGetClientInfoList, bytes.Clone(many), nil); !ok {
		t.Error("a list of maxEntries is refused")
	}
	if _, ok := sanitize(proto.OpGetClientInfoList, many.client(1, "", nil), nil); ok {
		t.Error("a longer list is taken")
	}
	props := append(enc{}.u32(1).null().u32(2).null(), 'P')
	for range maxItems {
		props = props.str("k").block("")
	}
	if _, ok := sanitize(proto.OpGetClientInfoList, props.null(), nil); !ok {
		t.Error("maxItems properties are refused")
	}
	if _, ok := sanitize(proto.OpGetClientInfoList, props.str("k").block("").null(), nil); ok {
		t.Error("more properties are taken")
	}
	ports := enc{}.sink(testSink{name: "a", ports: make([]string, maxItems)})
	if _, ok := sanitize(proto.OpGetSinkInfoList, ports, nil); ok {
		t.Error("as many ports and a format are taken")
	}
	card := func(ports int) enc { return enc{}.card(testCard{name: "a", ports: make([]string, ports)}) }
	// Each port of this encoder is in one profile.
	if _, ok := sanitize(proto.OpGetCardInfoList, card(maxCardItems/2), nil); !ok {
		t.Error("a card with maxCardItems ports and profiles is refused")
	}
	if _, ok := sanitize(proto.OpGetCardInfoList, card(maxCardItems/2+1), nil); ok {
		t.Error("a card with more ports is taken")
	}
}

// FuzzWalk holds that exactly those replies pass which the strict reader
// reads, that they pass unchanged unless a string is too long, and that what
// passes can always be read and has no long strings.
func FuzzWalk(f *testing.F) {
	for command, bodies := range replies() {
		for _, body := range bodies {
			f.Add(command, []byte(body))
		}
	}
	long := strings.Repeat("中", 700)
	f.Add(uint32(proto.OpGetClientInfoList), []byte(enc{}.client(1, long, map[string]string{long: long})))
	for _, r := range recordings(f) {
		for _, x := range r.frames {
			if x.command == proto.OpReply {
				f.Add(r.requests[x.tag], x.body)
			}
		}
	}
	f.Fuzz(func(t *testing.T, command uint32, body []byte) {
		longest, err := readReply(command, body)
		b := bytes.Clone(body)
		n, ok := sanitize(command, b, nil)
		if ok != (err == nil) {
			t.Fatalf("passes: %v, the strict reader says %v", ok, err)
		}
		if !ok {
			return
		}
		out := b[:n]
		if longest <= maxString && !bytes.Equal(out, body) {
			t.Errorf("changed without need:\n% x\n% x", body, out)
		}
		left, err := readReply(command, out)
		if err != nil {
			t.Fatalf("what passed cannot be read: %v", err)
		}
		if left > maxString {
			t.Errorf("a string of %d bytes passed", left)
		}
		before, _ := tokens(body)
		after, _ := tokens(out)
		if len(before) != len(after) {
			t.Fatalf("%d values became %d", len(before), len(after))
		}
		for i, k := range after {
			if k.tag == 't' && (!bytes.HasPrefix(before[i].data, k.data) || utf8.Valid(before[i].data) && !utf8.Valid(k.data)) {
				t.Errorf("%q became %q", before[i].data, k.data)
			}
		}
		again := bytes.Clone(out)
		if m, ok := sanitize(command, again, nil); !ok || !bytes.Equal(again[:m], out) {
			t.Errorf("a second pass changes it again")
		}
		some := bytes.Clone(body)
		m, ok := sanitize(command, some, map[string]bool{"application.name": true})
		if _, err := readReply(command, some[:m]); !ok || err != nil || m > len(body) {
			t.Errorf("with fewer properties it passes: %v, %d bytes of %d, and cannot be read: %v", ok, m, len(body), err)
		}
	})
}

func TestOnlyWantedPropertiesAreLeft(t *testing.T) {
	all := map[string]string{"a": "1", "b": strings.Repeat("é", 900), "c": "3", "": "empty"}
	short := map[string]string{"b": strings.Repeat("é", 500), "c": "3"}
	wanted := map[string]bool{"b": true, "c": true, "d": true}
	for command, make := range map[uint32]func(map[string]string) enc{
		proto.OpGetClientInfoList: func(p map[string]string) enc { return enc{}.client(1, "x", p).client(2, "y", p) },
		proto.OpGetSinkInputInfoList: func(p map[string]string) enc {
			return enc{}.stream(testStream{index: 1, media: "x", props: p}).stream(testStream{index: 2, props: p})
		},
		proto.OpGetSinkInfoList: func(p map[string]string) enc {
			return enc{}.sink(testSink{index: 1, name: "x", props: p, ports: []string{"out"}})
		},
	} {
		b := []byte(make(all))
		n, ok := sanitize(command, b, wanted)
		if want := []byte(make(short)); !ok || !bytes.Equal(b[:n], want) {
			t.Errorf("command %d: ok %v, differ: %v", command, ok, cmp.Diff(want, b[:n]))
		}
	}
}

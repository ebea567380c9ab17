package pulse

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jfreymuth/pulse/proto"
)

// school is a fake that opens streams from 80 on, and says in asked what was asked
// of it: "open", "80 to 7", "80 to the default", "end". PipeWire is believed to
// have moved them where they were asked to go.
type school struct {
	*fake
	mu     sync.Mutex
	asked  []string
	opened [][]byte // what was asked for
	sinks  map[uint32]uint32
	// refuses are the answers to those that have this in their properties.
	refuses map[string]proto.Error
	open    int
	most    int // that were open at the same time
}

func newSchool(t *testing.T, pipewire bool) *school {
	f := &school{fake: newFake(t, pipewire), sinks: map[uint32]uint32{}, refuses: map[string]proto.Error{}}
	f.answer = func(_ int, r frame) []byte {
		f.mu.Lock()
		defer f.mu.Unlock()
		list, _ := tokens(r.body)
		switch r.command {
		case proto.OpCreatePlaybackStream:
			for part, code := range f.refuses {
				if bytes.Contains(r.body, []byte(part)) {
					return refuse(r, code)
				}
			}
			f.asked = append(f.asked, "open")
			f.opened = append(f.opened, bytes.Clone(r.body))
			f.open++
			f.most = max(f.most, f.open)
			index := 79 + uint32(len(f.opened))
			f.sinks[index] = 44
			return packet(proto.OpReply, r.tag, enc{}.playback(index+1000, index))
		case proto.OpMoveSinkInput:
			stream, to := uint32(list[0].num), uint32(list[1].num)
			where := fmt.Sprint(to)
			if bytes.Contains(r.body, []byte(defaultSink+"\x00")) {
				to, where = 44, "the default"
			}
			f.sinks[stream] = to
			f.asked = append(f.asked, fmt.Sprintf("%d to %s", stream, where))
			return packet(proto.OpReply, r.tag, nil)
		case proto.OpDeletePlaybackStream:
			f.asked = append(f.asked, fmt.Sprintf("end %d", list[0].num))
			f.open--
			return packet(proto.OpReply, r.tag, nil)
		case proto.OpGetSinkInputInfo:
			on, ok := f.sinks[uint32(list[0].num)]
			if !ok {
				return refuse(r, proto.ErrNoSuchEntity)
			}
			return packet(proto.OpReply, r.tag, enc{}.stream(testStream{index: uint32(list[0].num), sink: on}))
		case proto.OpGetSinkInputInfoList:
			var body enc
			for index, on := range f.sinks {
				body = body.stream(testStream{index: index, sink: on})
			}
			return packet(proto.OpReply, r.tag, body)
		}
		if code, ok := f.refuses[fmt.Sprint(r.command)]; ok {
			return refuse(r, code)
		}
		return usual(r, pipewire)
	}
	return f
}

// flags are the booleans of a request, in the order of protocol-native.c.
func flags(t *testing.T, body []byte) string {
	t.Helper()
	list, err := tokens(body)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, k := range list {
		if k.tag == '0' || k.tag == '1' {
			b.WriteByte(k.tag)
		}
	}
	return b.String()
}

// A group is taught by a stream that is moved and ended. PulseAudio forgets only of
// a stream that was elsewhere, so there it is led away before it follows; PipeWire
// forgets at once.
func TestWhatIsAskedToTeachAndToForget(t *testing.T) {
	one := Group{Name: "One"}
	for _, tt := range []struct {
		name     string
		pipewire bool
		do       func(*Conn) []error
		want     []string
	}{
		{"taught", false, func(c *Conn) []error { return c.Teach(within(t, ample), 7, one) }, []string{"open", "80 to 7", "end 1080"}},
		{"taught on PipeWire", true, func(c *Conn) []error { return c.Teach(within(t, ample), 7, one) }, []string{"open", "80 to 7", "end 1080"}},
		{"forgotten", false, func(c *Conn) []error { return c.Unteach(within(t, ample), one) }, []string{"open", "80 to 7", "80 to the default", "end 1080"}},
		{"forgotten on PipeWire", true, func(c *Conn) []error { return c.Unteach(within(t, ample), one) }, []string{"open", "80 to the default", "end 1080"}},
		{"nobody", false, func(c *Conn) []error { return c.Teach(within(t, ample), 7) }, nil},
	} {
		f := newSchool(t, tt.pipewire)
		if errs := tt.do(dialFake(t, f.fake)); slices.ContainsFunc(errs, func(err error) bool { return err != nil }) {
			t.Errorf("%s: %v", tt.name, errs)
		}
		if d := cmp.Diff(tt.want, f.asked); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
		for _, b := range f.opened {
			// In the program's name, and marked, so that nobody takes it for the program.
			for _, part := range []string{"application.name\x00", "One\x00", PropTeacher + "\x00"} {
				if !bytes.Contains(b, []byte(part)) {
					t.Errorf("%s: %q is not in % q", tt.name, part, b)
				}
			}
			// It never plays, may be moved, keeps no sink awake, and sets no volume.
			if got := flags(t, b); got != "10000000"+"00"+"00"+"010"+"0"+"0" {
				t.Errorf("%s: it is opened with the flags %s", tt.name, got)
			}
			if bytes.Contains(b, []byte("application.id\x00")) {
				t.Errorf("%s: it has an id that the program has not", tt.name)
			}
		}
	}
}

// What a stream says of itself counts before what its program says; with a role it
// shares what is remembered with others, and is of no group.
func TestTheGroupOfAStream(t *testing.T) {
	program := &Client{Properties: map[string]string{"application.name": "Program", "application.id": "org.example"}}
	for _, tt := range []struct {
		stream Stream
		want   Group
		key    string
	}{
		{Stream{Client: program}, Group{ID: "org.example", Name: "Program"}, "id:org.example"},
		{Stream{Client: program, Properties: map[string]string{"application.name": "Own"}}, Group{ID: "org.example", Name: "Own"}, "id:org.example"},
		{Stream{Client: program, Properties: map[string]string{"application.id": "own"}}, Group{ID: "own", Name: "Program"}, "id:own"},
		{Stream{Properties: map[string]string{"application.name": "Own"}}, Group{Name: "Own"}, "name:Own"},
		{Stream{Client: program, Properties: map[string]string{"media.role": "music"}}, Group{}, "name:"},
		{Stream{Client: &Client{Properties: map[string]string{"media.role": "music", "application.name": "Program"}}}, Group{}, "name:"},
		{Stream{}, Group{}, "name:"},
	} {
		if got := GroupOf(&tt.stream); got != tt.want || got.Key() != tt.key {
			t.Errorf("%+v: %+v, %q", tt.stream, got, got.Key())
		}
	}
}

// Of several that are taught each has its own error, and every stream that was
// opened is ended; not all of very many are open at the same time.
func TestEachGroupIsTaughtForItself(t *testing.T) {
	f := newSchool(t, false)
	f.refuses["Refused"] = proto.ErrAccessDenied
	var groups []Group
	for i := range 2*teachMost + 5 {
		groups = append(groups, Group{Name: fmt.Sprintf("Program %d", i)})
	}
	groups[1] = Group{}
	groups[3] = Group{Name: "Refused"}
	groups[teachMost+1] = Group{Name: "Refused", ID: "org.example"}
	groups[teachMost+2] = Group{Name: strings.Repeat("n", maxName+1)}
	groups[teachMost+3] = Group{Name: "n", ID: strings.Repeat("n", maxName+1)}
	groups[teachMost+4] = Group{Name: strings.Repeat("n", maxName), ID: strings.Repeat("n", maxName)}
	errs := dialFake(t, f.fake).Teach(within(t, ample), 7, groups...)
	if len(errs) != len(groups) {
		t.Fatalf("%d errors for %d groups", len(errs), len(groups))
	}
	taught := 0
	for i, err := range errs {
		switch i {
		case 1, teachMost + 2, teachMost + 3:
			if err == nil || !strings.Contains(err.Error(), "a name is 1 to") {
				t.Errorf("group %d: %v", i, err)
			}
		case 3, teachMost + 1:
			if !errors.Is(err, ErrDenied) {
				t.Errorf("group %d: %v", i, err)
			}
		default:
			taught++
			if err != nil {
				t.Errorf("group %d: %v", i, err)
			}
		}
	}
	if len(f.opened) != taught || f.open != 0 || f.most > teachMost {
		t.Errorf("%d were opened for %d, %d are left, %d were open at the same time", len(f.opened), taught, f.open, f.most)
	}
}

// Where the server does not say what its sinks are, nothing is forgotten, and that
// is told of each; the streams end all the same.
func TestWhatCannotBeForgottenIsTold(t *testing.T) {
	f := newSchool(t, false)
	f.refuses[fmt.Sprint(proto.OpGetSinkInfoList)] = proto.ErrAccessDenied
	c := dialFake(t, f.fake)
	if errs := c.Follow(within(t, ample), 80, 81); len(errs) != 2 || !errors.Is(errs[0], ErrDenied) || !errors.Is(errs[1], ErrDenied) {
		t.Errorf("followed: %v", errs)
	}
	errs := c.Unteach(within(t, ample), Group{Name: "One"}, Group{Name: "Two"})
	if len(errs) != 2 || !errors.Is(errs[0], ErrDenied) || !errors.Is(errs[1], ErrDenied) || f.open != 0 {
		t.Errorf("%v, %d are open", errs, f.open)
	}
}

// A meter says how loud the loudest sample since the last look was, of its own
// recording, until it is closed.
func TestAMeterHearsWhatComes(t *testing.T) {
	var ended []uint64
	var mu sync.Mutex
	f := newFake(t, false)
	f.answer = func(_ int, r frame) []byte {
		switch r.command {
		case proto.OpCreateRecordStream:
			if bytes.Contains(r.body, []byte("gone.monitor\x00")) {
				return refuse(r, proto.ErrNoSuchEntity)
			}
			// It may not be moved, only hears peaks, and keeps no sink awake.
			if got := flags(t, r.body); got != "00000010"+"11"+"0"+"10"+"00000" {
				t.Errorf("it is opened with the flags %s", got)
			}
			return packet(proto.OpReply, r.tag, enc{}.record(3, 90))
		case proto.OpDeleteRecordStream:
			list, _ := tokens(r.body)
			mu.Lock()
			defer mu.Unlock()
			if ended = append(ended, list[0].num); len(ended) > 1 {
				return refuse(r, proto.ErrNoSuchEntity)
			}
			return packet(proto.OpReply, r.tag, nil)
		}
		return usual(r, false)
	}
	c := dialFake(t, f)
	if m, err := c.MeterSink(within(t, ample), "gone"); m != nil || !errors.Is(err, ErrGone) {
		t.Errorf("of a sink that is not there: %v, %v", m, err)
	}
	if _, err := c.MeterSink(within(t, ample), strings.Repeat("n", maxName+1)); err == nil {
		t.Error("of a name that is too long")
	}
	m, err := c.MeterStream(within(t, ample), "a", 65)
	if err != nil {
		t.Fatal(err)
	}
	sends := func(channel uint32, samples ...float32) {
		t.Helper()
		b := make([]byte, headerSize)
		putHeader(b, 4*len(samples))
		b[4], b[5], b[6], b[7] = 0, 0, 0, byte(channel)
		for _, v := range samples {
			bits := math.Float32bits(v)
			b = append(b, byte(bits), byte(bits>>8), byte(bits>>16), byte(bits>>24))
		}
		if _, err := f.last().Write(b); err != nil {
			t.Fatal(err)
		}
		// What is answered after it comes after it.
		if _, err := c.Snapshot(within(t, ample)); err != nil {
			t.Fatal(err)
		}
	}
	nan, endless := float32(math.NaN()), float32(math.Inf(1))
	for _, tt := range []struct {
		samples []float32
		want    float64
	}{
		{[]float32{0.25, 0.5, 0.125}, 0.5}, {[]float32{0.25, -0.75}, 0.75}, {[]float32{0}, 0}, {[]float32{1.5}, 1.5},
		{[]float32{nan, 0.25, nan}, 0.25}, {[]float32{endless, -endless, 0.5}, 0.5}, {nil, 0},
	} {
		sends(3, tt.samples...)
		if got := m.Peak(); got != tt.want {
			t.Errorf("%v: %v, want %v", tt.samples, got, tt.want)
		}
		if again := m.Peak(); again != 0 {
			t.Errorf("%v: %v once more", tt.samples, again)
		}
	}
	sends(3, 0.5)
	sends(3, 0.25)
	sends(4, 1) // somebody else's
	if got := m.Peak(); got != 0.5 {
		t.Errorf("the loudest of two pieces is %v", got)
	}
	for range 2 { // the second time it has ended already
		if err := m.Close(within(t, ample)); err != nil {
			t.Error(err)
		}
	}
	sends(3, 0.5)
	if got := m.Peak(); got != 0 || !slices.Equal(ended, []uint64{3, 3}) {
		t.Errorf("a closed one hears %v, ended %v", got, ended)
	}
}

package pulse

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jfreymuth/pulse/proto"
)

func TestLevels(t *testing.T) {
	l := Levels{Volumes: []uint32{Norm, Norm / 2}, Positions: []byte{1, 2}}
	if l.Max() != Norm || (Levels{}).Max() != 0 {
		t.Error("the loudest channel is another")
	}
	if l.At(2) != Norm/2 || l.At(9) != Norm {
		t.Error("a position meets another channel")
	}
	if more := (Levels{Volumes: []uint32{Norm / 2}, Positions: []byte{1, 2}}); more.At(2) != Norm/2 {
		t.Error("a position without a volume does not meet the loudest channel")
	}
	if d := cmp.Diff([]uint32{Norm / 2, Norm / 4}, l.Scaled(Norm/2).Volumes); d != "" {
		t.Error("the balance is lost:", d)
	}
	if d := cmp.Diff([]uint32{7, 7}, (Levels{Volumes: []uint32{0, 0}}).Scaled(7).Volumes); d != "" {
		t.Error("from silence:", d)
	}
	if got := l.Scaled(0xFFFFFFFF).Max(); got != maxVolume {
		t.Errorf("louder than the largest volume: %#x", got)
	}
	if !l.Near(Levels{Volumes: []uint32{Norm - near, Norm/2 + near}}) || l.Near(Levels{Volumes: []uint32{Norm - near - 1, Norm / 2}}) || l.Near(Levels{}) {
		t.Error("near is another distance")
	}
}

func TestSetLevels(t *testing.T) {
	quiet := Levels{Volumes: []uint32{0x8000, 0x4000}}
	for _, test := range []struct {
		name     string
		pipewire bool
		set      func(frame) []byte
		// seen is the volume that the second connection sees, by how often it has
		// looked; nil is an error for it.
		seen func(n int) []uint32
		want error
	}{
		{"PulseAudio answers", false, nil, nil, nil},
		{"PulseAudio knows no such stream", false, func(r frame) []byte { return refuse(r, proto.ErrNoSuchEntity) }, nil, ErrGone},
		{"it is denied", false, func(r frame) []byte { return refuse(r, proto.ErrAccessDenied) }, nil, ErrDenied},
		{"the reply has too much", false, func(r frame) []byte { return packet(proto.OpReply, r.tag, enc{}.u32(1)) }, nil, ErrProtocol},
		{"it hangs up", false, func(frame) []byte { return hangUp() }, nil, ErrClosed},
		{"PipeWire is looked at until it is so", true, nil, func(n int) []uint32 {
			if n < 3 {
				return []uint32{Norm, Norm}
			}
			return []uint32{0x8001, 0x4001}
		}, nil},
		{"PipeWire never does it", true, nil, func(int) []uint32 { return []uint32{Norm, Norm} }, ErrUnconfirmed},
		{"PipeWire has no such stream any more", true, nil, func(int) []uint32 { return nil }, ErrGone},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFake(t, test.pipewire)
			var asked []byte
			var looks atomic.Int32
			f.answer = func(conn int, r frame) []byte {
				switch {
				case r.command == proto.OpSetSinkInputVolume:
					asked = slices.Clone(r.body)
					if test.set != nil {
						return test.set(r)
					}
					return packet(proto.OpReply, r.tag, nil)
				case r.command == proto.OpGetSinkInputInfo:
					v := test.seen(int(looks.Add(1)))
					if v == nil {
						return refuse(r, proto.ErrNoSuchEntity)
					}
					s := theStream
					s.volumes = v
					return packet(proto.OpReply, r.tag, enc{}.stream(s))
				}
				return usual(r, test.pipewire)
			}
			c := dialFake(t, f)
			limit := patience
			if errors.Is(test.want, ErrUnconfirmed) {
				limit = soon
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			if errs := c.SetLevels(ctx, StreamLevels{65, quiet}); !errors.Is(errs[0], test.want) {
				t.Errorf("got %v, want %v", errs[0], test.want)
			}
			c.Close()
			if want := []byte(enc{}.u32(65).volumes(0x8000, 0x4000)); !slices.Equal(asked, want) {
				t.Errorf("asked % x, want % x", asked, want)
			}
		})
	}
}

// On PipeWire the one that is refused is not waited for, and holds up no other.
func TestLevelsThatAreRefusedAreNotWaitedFor(t *testing.T) {
	f := newFake(t, true)
	f.answer = func(_ int, r frame) []byte {
		list, _ := tokens(r.body)
		switch {
		case r.command == proto.OpSetSinkInputVolume && list[0].num == 66:
			return refuse(r, proto.ErrAccessDenied)
		case r.command == proto.OpGetSinkInputInfo && list[0].num == 66:
			s := theStream
			s.volumes = []uint32{Norm, Norm} // as it was
			return packet(proto.OpReply, r.tag, enc{}.stream(s))
		case r.command == proto.OpGetSinkInputInfo:
			s := theStream
			s.volumes = []uint32{0x8000, 0x4000}
			return packet(proto.OpReply, r.tag, enc{}.stream(s))
		}
		return usual(r, true)
	}
	quiet := Levels{Volumes: []uint32{0x8000, 0x4000}}
	c := dialFake(t, f)
	errs := c.SetLevels(within(t, ample), StreamLevels{66, quiet}, StreamLevels{65, quiet})
	if !errors.Is(errs[0], ErrDenied) || errs[1] != nil || c.second.err() != nil {
		t.Errorf("%v, and the second connection: %v", errs, c.second.err())
	}
}

// What puts a volume right again has to work where a move has ended the
// connection.
func TestLevelsAreSetThroughAnotherConnection(t *testing.T) {
	f := newFake(t, false)
	var set atomic.Int32
	f.answer = func(conn int, r frame) []byte {
		switch r.command {
		case proto.OpMoveSinkInput:
			return hangUp()
		case proto.OpSetSinkInputVolume:
			set.Store(int32(conn))
			if list, _ := tokens(r.body); list[0].num == 66 {
				return refuse(r, proto.ErrNoSuchEntity)
			}
			return packet(proto.OpReply, r.tag, nil)
		}
		return usual(r, false)
	}
	c := dialFake(t, f)
	if errs := c.Move(t.Context(), 7, 65); !errors.Is(errs[0], ErrClosed) {
		t.Fatal(errs)
	}
	one := Levels{Volumes: []uint32{1}}
	if errs := c.SetLevels(t.Context(), StreamLevels{65, one}); errs[0] != nil || set.Load() != 1 {
		t.Errorf("%v on connection %d", errs, set.Load())
	}
	// What the server says there of each counts as ever.
	if errs := c.SetLevels(t.Context(), StreamLevels{65, one}, StreamLevels{66, one}); errs[0] != nil || !errors.Is(errs[1], ErrGone) {
		t.Errorf("of one that has ended: %v", errs)
	}
}

func TestCards(t *testing.T) {
	f := newFake(t, false)
	var asked []string
	f.answer = func(_ int, r frame) []byte {
		switch r.command {
		case proto.OpGetCardInfoList:
			card := testCard{index: 3, name: "card", profiles: []string{"analog", "hdmi"}, active: "analog", ports: []string{"speaker", "hdmi"}}
			return packet(proto.OpReply, r.tag, enc{}.card(testCard{index: 9}).card(card).card(card))
		case proto.OpSetSinkPort, proto.OpSetCardProfile:
			asked = append(asked, string(r.body))
			if strings.Contains(string(r.body), "none") {
				return refuse(r, proto.ErrNoSuchEntity)
			}
			return packet(proto.OpReply, r.tag, nil)
		}
		return usual(r, false)
	}
	c := dialFake(t, f)
	cards, err := c.Cards(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []Card{{
		Index: 3, Name: "card", Profile: "analog", Properties: map[string]string{},
		Profiles: []Profile{
			{Name: "analog", Description: "the profile analog", Sinks: 1, Priority: 100},
			{Name: "hdmi", Description: "the profile hdmi", Sinks: 1, Priority: 100},
		},
		Ports: []CardPort{
			{Port{"speaker", "the port speaker", AvailableYes}, []string{"analog"}},
			{Port{"hdmi", "the port hdmi", AvailableYes}, []string{"hdmi"}},
		},
	}, {Index: 9, Properties: map[string]string{}}}
	if d := cmp.Diff(want, cards); d != "" {
		t.Error(d)
	}
	for _, err := range []error{c.SetPort(t.Context(), 44, "speaker"), c.SetProfile(t.Context(), 3, "hdmi")} {
		if err != nil {
			t.Error(err)
		}
	}
	if err := c.SetPort(t.Context(), 44, "none"); !errors.Is(err, ErrNoPort) {
		t.Errorf("no such port: %v", err)
	}
	if err := c.SetProfile(t.Context(), 3, "none"); !errors.Is(err, ErrNoProfile) {
		t.Errorf("no such profile: %v", err)
	}
	// A longer request would end the library.
	long := strings.Repeat("x", 1000)
	if c.SetPort(t.Context(), 44, long) == nil || c.SetProfile(t.Context(), 3, long) == nil {
		t.Error("a name of 1000 bytes is sent")
	}
	c.Close()
	if d := cmp.Diff([]string{
		string(enc{}.u32(44).null().str("speaker")), string(enc{}.u32(3).null().str("hdmi")),
		string(enc{}.u32(44).null().str("none")), string(enc{}.u32(3).null().str("none")),
	}, asked); d != "" {
		t.Error(d)
	}
}

func TestASinkTellsItsPortsAndItsCard(t *testing.T) {
	f := newFake(t, false)
	c := dialFake(t, f)
	s, err := c.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	k := s.Sink(44)
	if d := cmp.Diff([]Port{{"speaker", "the port speaker", AvailableYes}}, k.Ports); d != "" {
		t.Error(d)
	}
	if k.Card != NoCard || k.Flat || k.Levels.Max() != 0x10000 || k.Levels.At(1) != 0x8000 {
		t.Errorf("%+v", k)
	}
	// PA_SINK_FLAT_VOLUME is the only flag that says so (pulse/def.h).
	for flags, flat := range map[uint32]bool{0x0040: true, 0x00ff: true, 0x003f: false, 0x0001: false, 0x0080: false} {
		f := newFake(t, false)
		f.answer = func(_ int, r frame) []byte {
			if r.command == proto.OpGetSinkInfoList {
				return packet(proto.OpReply, r.tag, enc{}.sink(testSink{index: 44, name: "a", flags: flags}))
			}
			return usual(r, false)
		}
		s, err := dialFake(t, f).Snapshot(t.Context())
		if err != nil || s.Sinks[0].Flat != flat {
			t.Errorf("flags %#x: %+v, %v", flags, s, err)
		}
	}
	if st := s.Stream(65); st.Fixed || st.Levels.Max() != Norm {
		t.Errorf("%+v", st)
	}
}

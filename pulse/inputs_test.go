package pulse

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/jfreymuth/pulse/proto"
)

// recorder is a fake with two sources, one of them a monitor, and two streams;
// moved tells whether a connection sees the move.
func recorder(t *testing.T, pipewire bool, move func(frame) []byte, on func(conn int) uint32) *fake {
	f := newFake(t, pipewire)
	f.answer = func(conn int, r frame) []byte {
		switch r.command {
		case proto.OpGetSourceInfoList:
			// The encoder gives every one a monitor's index.
			return packet(proto.OpReply, r.tag, enc{}.sink(testSink{index: 9, name: "a.monitor"}).sink(testSink{index: 5, name: "mic"}))
		case proto.OpGetSourceOutputInfoList:
			s := theStream
			s.sink = on(conn)
			meter := testStream{index: 70, client: 64, sink: 5, media: "Peak detect"}
			return packet(proto.OpReply, r.tag, enc{}.recording(meter, "peaks").recording(s, "copy"))
		case proto.OpGetClientInfo:
			return packet(proto.OpReply, r.tag, enc{}.client(64, "mpv", nil))
		case proto.OpMoveSourceOutput:
			return move(r)
		}
		return usual(r, pipewire)
	}
	return f
}

func TestTheRecordingSideHasTheShapeOfThePlayingOne(t *testing.T) {
	f := recorder(t, false, nil, func(int) uint32 { return 9 })
	c := dialFake(t, f)
	s, err := c.Inputs().Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !s.Input || len(s.Sinks) != 2 || s.Sinks[0].Name != "mic" || !s.Sinks[1].Monitor {
		t.Errorf("sources %+v", s.Sinks)
	}
	if len(s.Streams) != 2 || s.Streams[0].Meter || !s.Streams[1].Meter ||
		s.Streams[0].Client == nil || s.Streams[0].Client.Name != "mpv" || s.Streams[0].Volume != 50 || s.Streams[0].Sink != 9 {
		t.Errorf("streams %+v", s.Streams)
	}
}

func TestMovesOfRecordingsThatFail(t *testing.T) {
	for _, test := range []struct {
		name     string
		pipewire bool
		move     func(frame) []byte
		stream   StreamIndex
		on       func(int) uint32
		want     error
	}{
		{"it is there", true, nil, 65, func(int) uint32 { return 5 }, nil},
		{"only the mover believes it", true, nil, 65, func(conn int) uint32 { return uint32(9 - 4*min(1-min(conn, 1), 1)) }, ErrUnconfirmed},
		{"it may not move", false, func(r frame) []byte { return refuse(r, proto.ErrInvalidArgument) }, 65, func(int) uint32 { return 9 }, ErrRefused},
		{"it is gone", false, func(r frame) []byte { return refuse(r, proto.ErrNoSuchEntity) }, 66, func(int) uint32 { return 9 }, ErrGone},
		{"the source is gone", false, func(r frame) []byte { return refuse(r, proto.ErrNoSuchEntity) }, 65, func(int) uint32 { return 9 }, ErrSinkGone},
		{"the reply has too much", false, func(r frame) []byte { return packet(proto.OpReply, r.tag, enc{}.u32(1)) }, 65, func(int) uint32 { return 9 }, ErrProtocol},
	} {
		t.Run(test.name, func(t *testing.T) {
			move := test.move
			if move == nil {
				move = func(r frame) []byte { return packet(proto.OpReply, r.tag, nil) }
			}
			f := recorder(t, test.pipewire, move, test.on)
			c := dialFake(t, f)
			limit := patience
			if errors.Is(test.want, ErrUnconfirmed) {
				limit = soon
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			if errs := c.Inputs().Move(ctx, 5, test.stream); !errors.Is(errs[0], test.want) {
				t.Errorf("got %v, want %v", errs[0], test.want)
			}
		})
	}
}

func TestRecordingsFollowTheDefaultSourceByItsName(t *testing.T) {
	for standard, want := range map[string]error{"mic": nil, "gone": ErrSinkGone} {
		f := newFake(t, false)
		asked := make(chan frame, 1)
		f.answer = func(_ int, r frame) []byte {
			switch r.command {
			case proto.OpGetServerInfo:
				return packet(proto.OpReply, r.tag, enc{}.str("pulseaudio").str("16.1").str("user").str("host").spec().str("a").str(standard).u32(7).stereo())
			case proto.OpGetSourceInfoList:
				return packet(proto.OpReply, r.tag, enc{}.sink(testSink{index: 5, name: "mic"}))
			case proto.OpMoveSourceOutput:
				asked <- r
				return packet(proto.OpReply, r.tag, nil)
			}
			return usual(r, false)
		}
		c := dialFake(t, f)
		errs := c.Inputs().Follow(t.Context(), 65)
		if len(errs) != 1 || !errors.Is(errs[0], want) {
			t.Fatalf("%s: %v, want %v", standard, errs, want)
		}
		if want == nil {
			if r := <-asked; !bytes.Contains(r.body, []byte("@DEFAULT_SOURCE@\x00")) {
				t.Errorf("it asked for %q", r.body)
			}
		}
		if errs := c.Inputs().Follow(t.Context()); len(errs) != 0 {
			t.Errorf("nothing gave %v", errs)
		}
	}
}

func TestOneRecordingWithItsClient(t *testing.T) {
	f := recorder(t, false, nil, func(int) uint32 { return 5 })
	c := dialFake(t, f)
	if _, err := c.Inputs().Stream(t.Context(), 66); !errors.Is(err, ErrGone) {
		t.Errorf("one that is not there: %v", err)
	}
	s, err := c.Inputs().Stream(t.Context(), 65)
	if err != nil || s.Index != 65 || s.Sink != 5 || s.Media != "a song" || s.Client == nil || s.Client.Name != "mpv" {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestEveryFacilityHasAWord(t *testing.T) {
	for f, want := range map[Facility]string{
		FacilitySink: "sink", FacilitySource: "source", FacilityStream: "stream", FacilityRecording: "recording",
		FacilityClient: "client", FacilityServer: "server", FacilitySink | FacilitySource: "other", 0: "other",
	} {
		if got := f.String(); got != want {
			t.Errorf("%d is %q, want %q", f, got, want)
		}
	}
}

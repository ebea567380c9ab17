package pulse

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/jfreymuth/pulse/proto"
)

// PropTeacher marks the silent streams of Teach, so that no patoggle takes them
// for an application's.
const PropTeacher = "patoggle.teacher"

// Group is what both servers remember sinks by: for a stream without a
// media.role the application.id, and for one without that the application.name
// (module-stream-restore.c, and WirePlumber's restore-stream.lua and
// state-stream.lua). A stream that has a role shares what is remembered with
// every other program of the role: there is no Group for it.
type Group struct {
	ID, Name string
}

// GroupOf returns the group of a stream, the zero Group when there is none.
func GroupOf(s *Stream) Group {
	// What the stream says counts before what its client says (pa_proplist_update
	// with PA_UPDATE_MERGE in protocol-native.c).
	of := func(key string) string {
		if v := s.Properties[key]; v != "" || s.Client == nil {
			return v
		}
		return s.Client.Properties[key]
	}
	if of("media.role") != "" {
		return Group{}
	}
	return Group{ID: of("application.id"), Name: of("application.name")}
}

// Key is what two groups have in common that are the same to the servers.
func (g Group) Key() string {
	if g.ID != "" {
		return "id:" + g.ID
	}
	return "name:" + g.Name
}

// teachMost is how many groups are taught at the same time.
const teachMost = 32

// Teach lets the next stream of each group start on the sink: what a program's
// last stream was moved to, the servers remember. It opens a stream in the
// program's name that never plays, moves it and ends it, within 5 to 15 ms on
// PulseAudio and 50 to 120 ms on PipeWire. Volume and mute that are remembered
// stay. The result has one error for each group.
//
// Writing into what is remembered (the WRITE of module-stream-restore) is
// answered by pipewire-pulse and ignored.
func (c *Conn) Teach(ctx context.Context, to SinkIndex, groups ...Group) []error {
	return c.teach(ctx, groups, func(ctx context.Context, streams []StreamIndex) []error {
		return c.Move(ctx, to, streams...)
	})
}

// Unteach lets the next stream of each group follow the default sink, as one
// that was never moved.
func (c *Conn) Unteach(ctx context.Context, groups ...Group) []error {
	return c.teach(ctx, groups, c.unteach)
}

func (c *Conn) unteach(ctx context.Context, streams []StreamIndex) []error {
	is, to, err := c.defaultSink(ctx)
	if err == nil && !is {
		// PulseAudio forgets nothing of a stream that is there already.
		err = c.leave(ctx, to, streams)
	}
	if err != nil {
		errs := make([]error, len(streams))
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	return c.Follow(ctx, streams...)
}

// leave moves streams away from a sink, where there is another.
func (c *Conn) leave(ctx context.Context, sink SinkIndex, streams []StreamIndex) error {
	var sinks proto.GetSinkInfoListReply
	if err := c.main.all(ctx, call{request: &proto.GetSinkInfoList{}, reply: &sinks}); err != nil {
		return err
	}
	for _, k := range toSinks(sinks) {
		if k.Index != sink {
			_ = c.Move(ctx, k.Index, streams...) // Follow finds out what is wrong
			break
		}
	}
	return nil
}

// teach opens a stream for each group, lets f move them, and ends them.
func (c *Conn) teach(ctx context.Context, groups []Group, f func(context.Context, []StreamIndex) []error) []error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	errs := make([]error, len(groups))
	for begin := 0; begin < len(groups); begin += teachMost {
		end := min(begin+teachMost, len(groups))
		c.teachSome(ctx, groups[begin:end], errs[begin:end], f)
	}
	return errs
}

func (c *Conn) teachSome(ctx context.Context, groups []Group, errs []error, f func(context.Context, []StreamIndex) []error) {
	var calls []call
	var whose []int
	replies := make([]proto.CreatePlaybackStreamReply, len(groups))
	for i, g := range groups {
		if g == (Group{}) || len(g.ID) > maxName || len(g.Name) > maxName {
			errs[i] = fmt.Errorf("a name is 1 to %d bytes", maxName)
			continue
		}
		calls = append(calls, call{request: teacher(g), reply: &replies[i]})
		whose = append(whose, i)
	}
	if len(calls) == 0 {
		return
	}
	if err := c.main.do(ctx, calls...); err != nil {
		for _, i := range whose {
			errs[i] = err
		}
		return
	}
	var streams []StreamIndex
	var open []int
	var ends []call
	for n, i := range whose {
		if errs[i] = calls[n].err; errs[i] != nil {
			continue
		}
		open = append(open, i)
		streams = append(streams, StreamIndex(replies[i].SinkInputIndex))
		ends = append(ends, call{request: &proto.DeletePlaybackStream{StreamIndex: replies[i].StreamIndex}})
	}
	if len(open) == 0 {
		return
	}
	for n, err := range f(ctx, streams) {
		errs[open[n]] = err
	}
	_ = c.main.do(ctx, ends...) // those that could not be ended have ended
}

// synced numbers streams: PulseAudio moves none that share a number
// (pulsecore/sink-input.c, "Moving synchronized streams not supported").
var synced atomic.Uint32

// teacher asks for a stream of a group that never plays.
func teacher(g Group) *proto.CreatePlaybackStream {
	r := &proto.CreatePlaybackStream{
		SampleSpec:            proto.SampleSpec{Format: proto.FormatInt16LE, Channels: 2, Rate: 44100},
		ChannelMap:            proto.ChannelMap{proto.ChannelLeft, proto.ChannelRight},
		SinkIndex:             proto.Undefined,
		BufferMaxLength:       proto.Undefined,
		Corked:                true,
		BufferTargetLength:    proto.Undefined,
		BufferPrebufferLength: proto.Undefined,
		BufferMinimumRequest:  proto.Undefined,
		SyncID:                synced.Add(1),
		// Not set (VolumeSet): the server takes what it remembers.
		ChannelVolumes:         proto.ChannelVolumes{uint32(proto.VolumeNorm), uint32(proto.VolumeNorm)},
		DontInhibitAutoSuspend: true,
		Properties: proto.PropList{
			"media.name":     proto.PropListString("patoggle"),
			PropTeacher:      proto.PropListString("true"),
			"application.id": proto.PropListString(g.ID),
		},
	}
	if g.ID == "" {
		delete(r.Properties, "application.id")
	}
	if g.Name != "" {
		r.Properties["application.name"] = proto.PropListString(g.Name)
	}
	return r
}

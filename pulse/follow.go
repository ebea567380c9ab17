package pulse

import (
	"context"

	"github.com/jfreymuth/pulse/proto"
)

// defaultSink is the name that stands for the default sink in a request
// (pulse/def.h, "@DEFAULT_SINK@"). The server resolves it, so that no idea of
// ours of what the default is can be out of date.
const defaultSink = "@DEFAULT_SINK@"

// Follow makes the streams follow the default sink, as they did before somebody
// moved them. The result is that of Move. To both servers that is a move to the
// default sink by name.
//
// PulseAudio does nothing where the stream is on the default sink already
// (pa_sink_input_move_to): one that was pinned there stays pinned.
func (c *Conn) Follow(ctx context.Context, streams ...StreamIndex) []error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	errs := make([]error, len(streams))
	if len(streams) == 0 {
		return errs
	}
	is, to, err := c.defaultSink(ctx)
	if err != nil {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	request := func(s StreamIndex) proto.RequestArgs {
		return &proto.MoveSinkInput{SinkInputIndex: uint32(s), DeviceIndex: uint32(NoSink), DeviceName: defaultSink}
	}
	return c.move(ctx, is, to, request, look, errs, streams)
}

// defaultSink asks which sink is the default one, and whether PipeWire answers.
func (c *Conn) defaultSink(ctx context.Context) (pipewire bool, to SinkIndex, err error) {
	var server proto.GetServerInfoReply
	var sinks proto.GetSinkInfoListReply
	err = c.main.all(ctx,
		call{request: &proto.GetServerInfo{}, reply: &server},
		call{request: &proto.GetSinkInfoList{}, reply: &sinks},
	)
	if err != nil {
		return false, NoSink, err
	}
	s := toServer(&server)
	for _, k := range toSinks(sinks) {
		if k.Name == s.DefaultSink {
			return s.PipeWire, k.Index, nil
		}
	}
	return s.PipeWire, NoSink, ErrSinkGone
}

// Stream asks for one stream with its client. ErrGone means that there is none
// of that index (any more).
func (c *Conn) Stream(ctx context.Context, index StreamIndex) (*Stream, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	var input proto.GetSinkInputInfoReply
	if err := c.main.all(ctx, call{request: &proto.GetSinkInputInfo{SinkInputIndex: uint32(index)}, reply: &input}); err != nil {
		return nil, err
	}
	s := toStream(&input)
	if ClientIndex(input.ClientIndex) == NoClient {
		return &s, nil
	}
	var client proto.GetClientInfoReply
	calls := []call{{request: &proto.GetClientInfo{ClientIndex: input.ClientIndex}, reply: &client}}
	if err := c.main.do(ctx, calls...); err != nil {
		return nil, err
	}
	if calls[0].err == nil { // else it has just left
		s.Client = toClient(&client)
	}
	return &s, nil
}

// Self is the client index of the connection.
func (c *Conn) Self() ClientIndex { return c.main.self }

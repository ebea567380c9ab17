package pulse

import (
	"cmp"
	"context"
	"slices"

	"github.com/jfreymuth/pulse/proto"
)

// Inputs is the recording side of a connection, in the shape of the playing
// one: its sinks are sources, its streams source outputs. The two sides count
// their indices apart, so that what one of them gave must not be handed to the
// other.
type Inputs struct {
	conn *Conn
}

// Inputs returns the recording side of the connection. Closing is the
// connection's.
func (c *Conn) Inputs() *Inputs { return &Inputs{c} }

// Warm is that of Conn.
func (in *Inputs) Warm(ctx context.Context) { in.conn.Warm(ctx) }

// Snapshot asks for server, sources, source outputs and clients.
func (in *Inputs) Snapshot(ctx context.Context) (*Snapshot, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	var (
		server     proto.GetServerInfoReply
		sources    proto.GetSourceInfoListReply
		recordings proto.GetSourceOutputInfoListReply
		clients    proto.GetClientInfoListReply
	)
	asking := in.conn.ask()
	err := in.conn.main.all(ctx,
		call{request: &proto.GetServerInfo{}, reply: &server, then: func() { in.conn.answered(asking, &server) }},
		call{request: &proto.GetSourceInfoList{}, reply: &sources},
		call{request: &proto.GetSourceOutputInfoList{}, reply: &recordings},
		call{request: &proto.GetClientInfoList{}, reply: &clients},
	)
	if err != nil {
		in.conn.answered(asking, nil)
		return nil, err
	}
	byIndex := toClients(clients)
	s := &Snapshot{Input: true, Self: in.conn.main.self, Socket: in.conn.socket(), Clients: inOrder(byIndex), Server: toServer(&server), Sinks: toSources(sources)}
	s.Server.DefaultSink = text(server.DefaultSourceName)
	s.Streams = join(toRecordings(recordings), byIndex)
	return s, nil
}

// Move moves source outputs to a source, as Conn.Move does streams.
func (in *Inputs) Move(ctx context.Context, to SinkIndex, streams ...StreamIndex) []error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	errs := make([]error, len(streams))
	if len(streams) == 0 {
		return errs
	}
	is, err := in.conn.isPipeWire(ctx)
	if err == nil && to == NoSink {
		err = ErrSinkGone
	}
	if err != nil {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	request := func(s StreamIndex) proto.RequestArgs {
		return &proto.MoveSourceOutput{SourceOutputIndex: uint32(s), DeviceIndex: uint32(to)}
	}
	return in.conn.move(ctx, is, to, request, lookRecordings, errs, streams)
}

// defaultSource is the name that stands for the default source in a request
// (pulse/def.h, "@DEFAULT_SOURCE@").
const defaultSource = "@DEFAULT_SOURCE@"

// Follow makes source outputs follow the default source, as Conn.Follow does
// streams the default sink.
func (in *Inputs) Follow(ctx context.Context, streams ...StreamIndex) []error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	errs := make([]error, len(streams))
	if len(streams) == 0 {
		return errs
	}
	is, to, err := in.standard(ctx)
	if err != nil {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	request := func(s StreamIndex) proto.RequestArgs {
		return &proto.MoveSourceOutput{SourceOutputIndex: uint32(s), DeviceIndex: uint32(NoSink), DeviceName: defaultSource}
	}
	return in.conn.move(ctx, is, to, request, lookRecordings, errs, streams)
}

// standard asks which source is the default one, and whether PipeWire answers.
func (in *Inputs) standard(ctx context.Context) (pipewire bool, to SinkIndex, err error) {
	var server proto.GetServerInfoReply
	var sources proto.GetSourceInfoListReply
	err = in.conn.main.all(ctx,
		call{request: &proto.GetServerInfo{}, reply: &server},
		call{request: &proto.GetSourceInfoList{}, reply: &sources},
	)
	if err != nil {
		return false, NoSink, err
	}
	for _, s := range sources {
		if s.SourceName == server.DefaultSourceName {
			return toServer(&server).PipeWire, SinkIndex(s.SourceIndex), nil
		}
	}
	return false, NoSink, ErrSinkGone
}

// Stream asks for one source output with its client, as Conn.Stream does for a
// stream. It asks for all of them: there are few.
func (in *Inputs) Stream(ctx context.Context, index StreamIndex) (*Stream, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	var list proto.GetSourceOutputInfoListReply
	if err := in.conn.main.all(ctx, call{request: &proto.GetSourceOutputInfoList{}, reply: &list}); err != nil {
		return nil, err
	}
	for _, r := range toRecordings(list) {
		if r.Index != index {
			continue
		}
		s := r.Stream
		if r.client == NoClient {
			return &s, nil
		}
		var client proto.GetClientInfoReply
		calls := []call{{request: &proto.GetClientInfo{ClientIndex: uint32(r.client)}, reply: &client}}
		if err := in.conn.main.do(ctx, calls...); err != nil {
			return nil, err
		}
		if calls[0].err == nil { // else it has just left
			s.Client = toClient(&client)
		}
		return &s, nil
	}
	return nil, ErrGone
}

// Look returns from which sources the source outputs record, as Conn.Look does.
func (in *Inputs) Look(ctx context.Context, streams ...StreamIndex) (map[StreamIndex]SinkIndex, error) {
	return in.conn.lookApart(ctx, lookRecordings, streams)
}

// lookRecordings is a looker. It asks for all of them: there are few.
func lookRecordings(ctx context.Context, l *link, streams ...StreamIndex) (map[StreamIndex]SinkIndex, error) {
	seen := make(map[StreamIndex]SinkIndex, len(streams))
	if len(streams) == 0 {
		return seen, nil
	}
	var list proto.GetSourceOutputInfoListReply
	if err := l.all(ctx, call{request: &proto.GetSourceOutputInfoList{}, reply: &list}); err != nil {
		return nil, err
	}
	for _, r := range list {
		if s := StreamIndex(r.SourceOutpuIndex); slices.Contains(streams, s) {
			seen[s] = SinkIndex(r.SourceIndex)
		}
	}
	return seen, nil
}

func toSources(list proto.GetSourceInfoListReply) []Sink {
	sources := make([]Sink, len(list))
	for i, r := range list {
		s := Sink{
			Index:       SinkIndex(r.SourceIndex),
			Name:        text(r.SourceName),
			Description: text(r.Device),
			State:       State(r.State),
			Muted:       r.Mute,
			Volume:      percent(r.ChannelVolumes),
			Monitor:     r.MonitorSourceIndex != proto.Undefined,
			Card:        CardIndex(r.CardIndex),
			Properties:  properties(r.Properties),
		}
		for _, p := range r.Ports {
			if p.Name == r.ActivePortName && p.Name != "" {
				s.Port, s.PortDescription, s.Available = text(p.Name), text(p.Description), Availability(p.Available)
			}
		}
		sources[i] = s
	}
	slices.SortStableFunc(sources, func(a, b Sink) int { return cmp.Compare(a.Index, b.Index) })
	return slices.CompactFunc(sources, func(a, b Sink) bool { return a.Index == b.Index })
}

func toRecordings(list proto.GetSourceOutputInfoListReply) []unjoined {
	recordings := make([]unjoined, len(list))
	for i, r := range list {
		recordings[i] = unjoined{Stream{
			Index:  StreamIndex(r.SourceOutpuIndex),
			Sink:   SinkIndex(r.SourceIndex),
			Media:  text(r.MediaName),
			Corked: r.Corked,
			Muted:  r.Muted,
			// The resampler of PA_STREAM_PEAK_DETECT (pulsecore/resampler.c).
			Meter:      r.ResampleMethod == "peaks",
			Volume:     percent(r.ChannelVolumes),
			Driver:     text(r.Driver),
			Properties: properties(r.Properties),
		}, ClientIndex(r.ClientIndex)}
	}
	slices.SortStableFunc(recordings, func(a, b unjoined) int { return cmp.Compare(a.Index, b.Index) })
	return slices.CompactFunc(recordings, func(a, b unjoined) bool { return a.Index == b.Index })
}

package pulse

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/jfreymuth/pulse/proto"
)

// This file turns the library's replies into our types. Strings leave it as
// valid UTF-8, whatever the server sent.

func toServer(r *proto.GetServerInfoReply) Server {
	s := Server{
		Name:        text(r.PackageName),
		Version:     text(r.PackageVersion),
		DefaultSink: text(r.DefaultSinkName),
		Cookie:      r.Cookie,
	}
	// pipewire-pulse names itself "PulseAudio (on PipeWire 0.3.65)"
	// (module-protocol-pulse, do_get_server_info).
	s.PipeWire = strings.Contains(s.Name, "PipeWire")
	return s
}

func toSink(r *proto.GetSinkInfoReply) Sink {
	s := Sink{
		Index:       SinkIndex(r.SinkIndex),
		Name:        text(r.SinkName),
		Description: text(r.Device),
		State:       State(r.State),
		Muted:       r.Mute,
		Volume:      percent(r.ChannelVolumes),
		Levels:      Levels{r.ChannelVolumes, r.ChannelMap},
		Flat:        r.Flags&flatVolume != 0,
		Card:        CardIndex(r.CardIndex),
		Properties:  properties(r.Properties),
	}
	for _, p := range r.Ports {
		s.Ports = append(s.Ports, Port{text(p.Name), text(p.Description), Availability(p.Available)})
		if p.Name == r.ActivePortName && p.Name != "" {
			s.Port = text(p.Name)
			s.PortDescription = text(p.Description)
			s.Available = Availability(p.Available)
		}
	}
	return s
}

func toStream(r *proto.GetSinkInputInfoReply) Stream {
	return Stream{
		Index:      StreamIndex(r.SinkInputIndex),
		Sink:       SinkIndex(r.SinkIndex),
		Media:      text(r.MediaName),
		Corked:     r.Corked,
		Muted:      r.Muted,
		Volume:     percent(r.ChannelVolumes),
		Levels:     Levels{r.ChannelVolumes, r.ChannelMap},
		Fixed:      !r.VolumeReadable || !r.VolumeWritable,
		Driver:     text(r.Driver),
		Properties: properties(r.Properties),
	}
}

func toClient(r *proto.GetClientInfoReply) *Client {
	return &Client{
		Index:      ClientIndex(r.ClientIndex),
		Name:       text(r.Application),
		Driver:     text(r.Driver),
		Properties: properties(r.Properties),
	}
}

// The functions below take a list apart while they go, so that a very long
// one is not in memory twice. Of entries with one index, which no server should
// send, the first counts.

func toSinks(list proto.GetSinkInfoListReply) []Sink {
	sinks := make([]Sink, len(list))
	for i, r := range list {
		sinks[i] = toSink(r)
		list[i] = nil
	}
	slices.SortStableFunc(sinks, func(a, b Sink) int { return cmp.Compare(a.Index, b.Index) })
	return slices.CompactFunc(sinks, func(a, b Sink) bool { return a.Index == b.Index })
}

// unjoined is a stream with the index of its client.
type unjoined struct {
	Stream
	client ClientIndex
}

func toStreams(list proto.GetSinkInputInfoListReply) []unjoined {
	streams := make([]unjoined, len(list))
	for i, r := range list {
		streams[i] = unjoined{toStream(r), ClientIndex(r.ClientIndex)}
		list[i] = nil
	}
	slices.SortStableFunc(streams, func(a, b unjoined) int { return cmp.Compare(a.Index, b.Index) })
	return slices.CompactFunc(streams, func(a, b unjoined) bool { return a.Index == b.Index })
}

func toClients(list proto.GetClientInfoListReply) map[ClientIndex]*Client {
	clients := make(map[ClientIndex]*Client, len(list))
	for i, r := range list {
		clients[ClientIndex(r.ClientIndex)] = toClient(r)
		list[i] = nil
	}
	return clients
}

// inOrder returns the clients sorted by index.
func inOrder(clients map[ClientIndex]*Client) []*Client {
	return slices.SortedFunc(maps.Values(clients), func(a, b *Client) int { return cmp.Compare(a.Index, b.Index) })
}

// join gives each stream its client. NoClient is nobody's index.
func join(streams []unjoined, clients map[ClientIndex]*Client) []Stream {
	joined := make([]Stream, len(streams))
	for i, s := range streams {
		joined[i] = s.Stream
		if s.client != NoClient {
			joined[i].Client = clients[s.client]
		}
	}
	return joined
}

// text makes s valid UTF-8.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// properties returns those values that are strings: blocks that end with a
// NUL and hold no other (pa_proplist_gets). Never nil.
func properties(list proto.PropList) map[string]string {
	m := make(map[string]string, len(list))
	for k, v := range list {
		if len(v) > 0 && indexNUL(v) == len(v)-1 {
			m[text(k)] = text(string(v[:len(v)-1]))
		}
	}
	return m
}

// percent returns the loudest channel in percent of PA_VOLUME_NORM, rounded.
func percent(v proto.ChannelVolumes) int {
	if len(v) == 0 {
		return 0
	}
	const norm = uint64(proto.VolumeNorm)
	return int((uint64(slices.Max(v))*100 + norm/2) / norm)
}

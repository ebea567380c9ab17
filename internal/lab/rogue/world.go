package rogue

import (
	"encoding/binary"
	"slices"
)

// World is what a server tells of: as it is before anything is moved. It is
// not changed by the server that was given it.
type World struct {
	// Name is the package name: "pulseaudio", or one with "PipeWire" in it.
	Name    string
	Default string // "" is a null string
	Sinks   []Sink
	Clients []Client
	Streams []Stream
}

// Sink is one sink.
type Sink struct {
	Index             uint32
	Name, Description string
	Props             map[string]string
	// Quiet is what its volume lacks to 100 %, which is 0x10000.
	Quiet uint32
}

// Client is one client.
type Client struct {
	Index uint32
	Name  string
	Props map[string]string
}

// Stream is one sink input.
type Stream struct {
	Index, Sink, Client uint32
	Media               string
	Props               map[string]string
	Quiet               uint32 // as of a sink
}

// normal is PA_VOLUME_NORM.
const normal = 0x10000

func (w World) clone() World {
	w.Sinks, w.Clients, w.Streams = slices.Clone(w.Sinks), slices.Clone(w.Clients), slices.Clone(w.Streams)
	return w
}

// Tags is the sink as an entry of the sinks' list, at protocol version 32
// (pulsecore/protocol-native.c, sink_fill_tagstruct).
func (s Sink) Tags() Tags {
	return Tags(nil).U32(s.Index).Text(s.Name).Text(s.Description).Spec().Map(2).U32(None).Volumes(2, normal-s.Quiet).Bool(false).
		U32(s.Index + 1).Text(s.Name + ".monitor").Usec(0).Text("rogue.c").U32(0).Properties(s.Props).
		Usec(0).Volume(0x10000).U32(0).U32(0x10001).U32(None).U32(0).Null().U8(1).Format()
}

// Tags is the client as an entry of the clients' list (client_fill_tagstruct).
func (c Client) Tags() Tags {
	return Tags(nil).U32(c.Index).Text(c.Name).U32(None).Text("rogue.c").Properties(c.Props)
}

// Tags is the stream as an entry of the sink inputs' list
// (sink_input_fill_tagstruct).
func (s Stream) Tags() Tags {
	return Tags(nil).U32(s.Index).Text(s.Media).U32(None).U32(s.Client).U32(s.Sink).Spec().Map(2).Volumes(2, normal-s.Quiet).
		Usec(0).Usec(0).Text("copy").Text("rogue.c").Bool(false).Properties(s.Props).
		Bool(false).Bool(true).Bool(true).Format()
}

// tags is the server's information (command_get_server_info).
func (w World) tags() Tags {
	t := Tags(nil).Text(w.Name).Text("16.1").Text("user").Text("host").Spec()
	if w.Default == "" {
		t = t.Null()
	} else {
		t = t.Text(w.Default)
	}
	return t.Null().U32(0x70617467).Map(2)
}

// answer is what a server that behaves says to a request. It moves streams.
func (w *World) answer(r Request, self uint32) []byte {
	switch r.Command {
	case OpAuth:
		return Reply(r, Tags(nil).U32(32))
	case OpName:
		return Reply(r, Tags(nil).U32(self))
	case OpServerInfo:
		return Reply(r, w.tags())
	case OpSinkList:
		return Reply(r, list(w.Sinks))
	case OpClientList:
		return Reply(r, list(w.Clients))
	case OpStreamList:
		return Reply(r, list(w.Streams))
	case OpSubscribe:
		return Reply(r, nil)
	case OpStream:
		if s := w.stream(r.Number(0)); s != nil {
			return Reply(r, s.Tags())
		}
		return Failure(r, NoEntity)
	case OpVolume:
		s := w.stream(r.Number(0))
		if s == nil || len(r.Args) < 11 {
			return Failure(r, NoEntity)
		}
		s.Quiet = normal - binary.BigEndian.Uint32(r.Args[7:]) // behind the index, 'v' and the count
		return Reply(r, nil)
	case OpMove:
		s, to := w.stream(r.Number(0)), r.Number(1)
		if s == nil || !slices.ContainsFunc(w.Sinks, func(k Sink) bool { return k.Index == to }) {
			return Failure(r, NoEntity)
		}
		s.Sink = to
		return Reply(r, nil)
	}
	return Failure(r, 2) // PA_ERR_COMMAND
}

func (w *World) stream(index uint32) *Stream {
	for i := range w.Streams {
		if w.Streams[i].Index == index {
			return &w.Streams[i]
		}
	}
	return nil
}

func list[T interface{ Tags() Tags }](all []T) Tags {
	var t Tags
	for _, one := range all {
		t = append(t, one.Tags()...)
	}
	return t
}

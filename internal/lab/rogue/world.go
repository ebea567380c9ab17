package rogue

import (
	"bytes"
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
	Cards   []Card
	// Sources and Recordings are the side that records.
	Sources    []Source
	Recordings []Recording

	// lists are the bodies of the answers with lists, as long as nothing has
	// changed them: to write a long one takes the time that a client has.
	lists map[uint32]Tags
	at    map[uint32]int // where in Streams the first of an index is
}

// Card is one card. The sinks of its profiles are those of Profile.Sinks.
type Card struct {
	Index    uint32
	Name     string
	Props    map[string]string
	Profiles []Profile
	Active   string
	Ports    []CardPort
}

// Profile is one profile of a card, with the sinks that come with it.
type Profile struct {
	Name  string
	Sinks []Sink
}

// CardPort is a port of a card, and the profiles that have it.
type CardPort struct {
	Name, Description string
	Profiles          []string
}

// Port is a port of a sink.
type Port struct{ Name, Description string }

// Source is one source, no monitor of a sink.
type Source Sink

// Recording is one source output, Sink its source.
type Recording Stream

// Sink is one sink.
type Sink struct {
	Index             uint32
	Name, Description string
	Props             map[string]string
	// Quiet is what its volume lacks to 100 %, which is 0x10000.
	Quiet uint32
	// Card is one more than the index of its card, 0 for none.
	Card   uint32
	Ports  []Port
	Active string // the port, "" for none
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
	w.Sinks, w.Clients, w.Streams, w.Cards = slices.Clone(w.Sinks), slices.Clone(w.Clients), slices.Clone(w.Streams), slices.Clone(w.Cards)
	w.Sources, w.Recordings = slices.Clone(w.Sources), slices.Clone(w.Recordings)
	w.lists, w.at = nil, nil
	return w
}

// prepare writes the lists before anybody asks for them, and notes where the
// streams are.
func (w *World) prepare() {
	w.at = map[uint32]int{}
	for i, s := range slices.Backward(w.Streams) {
		w.at[s.Index] = i
	}
	for _, command := range []uint32{OpSinkList, OpClientList, OpStreamList, OpSourceList, OpRecordings, OpCardList} {
		w.list(command)
	}
}

// list is the body of the answer to a command that asks for a list.
func (w *World) list(command uint32) Tags {
	if t, ok := w.lists[command]; ok {
		return t
	}
	var t Tags
	switch command {
	case OpSinkList:
		t = list(w.Sinks)
	case OpClientList:
		t = list(w.Clients)
	case OpStreamList:
		t = list(w.Streams)
	case OpSourceList:
		t = list(w.Sources)
	case OpRecordings:
		t = list(w.Recordings)
	case OpCardList:
		t = list(w.Cards)
	}
	if w.lists == nil {
		w.lists = map[uint32]Tags{}
	}
	w.lists[command] = t
	return t
}

// Tags is the sink as an entry of the sinks' list, at protocol version 32
// (pulsecore/protocol-native.c, sink_fill_tagstruct).
func (s Sink) Tags() Tags {
	t := Tags(nil).U32(s.Index).Text(s.Name).Text(s.Description).Spec().Map(2).U32(None).Volumes(2, normal-s.Quiet).Bool(false).
		U32(s.Index + 1).Text(s.Name + ".monitor").Usec(0).Text("rogue.c").U32(0).Properties(s.Props).
		Usec(0).Volume(0x10000).U32(0).U32(0x10001).U32(s.Card - 1).U32(uint32(len(s.Ports)))
	for _, p := range s.Ports {
		t = t.Text(p.Name).Text(p.Description).U32(0).U32(0)
	}
	return t.name(s.Active).U8(1).Format()
}

// name is a string, null when it is empty.
func (t Tags) name(s string) Tags {
	if s == "" {
		return t.Null()
	}
	return t.Text(s)
}

// Tags is the card as an entry of the cards' list (card_fill_tagstruct).
func (c Card) Tags() Tags {
	t := Tags(nil).U32(c.Index).Text(c.Name).U32(None).Text("rogue.c").U32(uint32(len(c.Profiles)))
	for _, p := range c.Profiles {
		t = t.Text(p.Name).Text(p.Name).U32(uint32(len(p.Sinks))).U32(0).U32(1).U32(1)
	}
	t = t.name(c.Active).Properties(c.Props).U32(uint32(len(c.Ports)))
	for _, p := range c.Ports {
		t = t.Text(p.Name).Text(p.Description).U32(0).U32(0).U8(1).Properties(nil).U32(uint32(len(p.Profiles)))
		for _, of := range p.Profiles {
			t = t.Text(of)
		}
		t = append(t, 'r', 0, 0, 0, 0, 0, 0, 0, 0)
	}
	return t
}

// Tags is the source as an entry of the sources' list (source_fill_tagstruct).
func (s Source) Tags() Tags {
	return Tags(nil).U32(s.Index).Text(s.Name).Text(s.Description).Spec().Map(2).U32(None).Volumes(2, normal-s.Quiet).Bool(false).
		U32(None).Null().Usec(0).Text("rogue.c").U32(0).Properties(s.Props).
		Usec(0).Volume(0x10000).U32(0).U32(0x10001).U32(None).U32(0).Null().U8(1).Format()
}

// Tags is the recording as an entry of the source outputs' list
// (source_output_fill_tagstruct).
func (s Recording) Tags() Tags {
	return Tags(nil).U32(s.Index).Text(s.Media).U32(None).U32(s.Client).U32(s.Sink).Spec().Map(2).
		Usec(0).Usec(0).Text("copy").Text("rogue.c").Properties(s.Props).
		Bool(false).Volumes(2, normal-s.Quiet).Bool(false).Bool(true).Bool(true).Format()
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
	case OpSinkList, OpClientList, OpStreamList, OpSourceList, OpRecordings, OpCardList:
		return Reply(r, w.list(r.Command))
	case OpMoveRecord:
		to := r.Number(1)
		i := slices.IndexFunc(w.Recordings, func(s Recording) bool { return s.Index == r.Number(0) })
		if i < 0 || !slices.ContainsFunc(w.Sources, func(k Source) bool { return k.Index == to }) {
			return Failure(r, NoEntity)
		}
		w.Recordings[i].Sink = to
		delete(w.lists, OpRecordings)
		return Reply(r, nil)
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
		delete(w.lists, OpStreamList)
		return Reply(r, nil)
	case OpPort:
		port := r.text(6) // behind the index and a null string
		for i := range w.Sinks {
			s := &w.Sinks[i]
			if s.Index == r.Number(0) && slices.ContainsFunc(s.Ports, func(p Port) bool { return p.Name == port }) {
				s.Active = port
				delete(w.lists, OpSinkList)
				return Reply(r, nil)
			}
		}
		return Failure(r, NoEntity)
	case OpProfile:
		return w.profile(r)
	case OpMove:
		s, to := w.stream(r.Number(0)), r.Number(1)
		if s == nil || !slices.ContainsFunc(w.Sinks, func(k Sink) bool { return k.Index == to }) {
			return Failure(r, NoEntity)
		}
		s.Sink = to
		delete(w.lists, OpStreamList)
		return Reply(r, nil)
	}
	return Failure(r, 2) // PA_ERR_COMMAND
}

// profile changes the sinks. What played on them is put on the first sink.
func (w *World) profile(r Request) []byte {
	name := r.text(6)
	for i := range w.Cards {
		c := &w.Cards[i]
		at := slices.IndexFunc(c.Profiles, func(p Profile) bool { return p.Name == name })
		if c.Index != r.Number(0) || at < 0 {
			continue
		}
		c.Active = name
		w.lists = nil
		w.Sinks = slices.DeleteFunc(w.Sinks, func(s Sink) bool { return s.Card == c.Index+1 })
		for j := range w.Streams {
			s := &w.Streams[j]
			if !slices.ContainsFunc(w.Sinks, func(k Sink) bool { return k.Index == s.Sink }) && len(w.Sinks) > 0 {
				s.Sink = w.Sinks[0].Index
			}
		}
		w.Sinks = append(w.Sinks, c.Profiles[at].Sinks...)
		return Reply(r, nil)
	}
	return Failure(r, NoEntity)
}

// text is the string that begins at a byte of the arguments.
func (r Request) text(at int) string {
	if len(r.Args) <= at || r.Args[at] != 't' {
		return ""
	}
	s, _, _ := bytes.Cut(r.Args[at+1:], []byte{0})
	return string(s)
}

func (w *World) stream(index uint32) *Stream {
	if i, ok := w.at[index]; ok {
		return &w.Streams[i]
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

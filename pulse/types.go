// Package pulse is what the sound server says: it finds the server, passes
// its authentication, takes one snapshot of sinks, streams and clients, moves
// streams and reports changes. The server is PulseAudio or pipewire-pulse;
// both speak the PulseAudio native protocol.
//
// The wire library is github.com/jfreymuth/pulse/proto behind a guard of our
// own (guard.go). No type of that library leaves this package.
package pulse

// SinkIndex names a sink on the wire. Indices are sparse and large: they are
// names, never positions.
type SinkIndex uint32

// StreamIndex names a sink input ("stream" to the user) on the wire. It stays
// the same when the stream moves.
type StreamIndex uint32

// ClientIndex names a client of the server on the wire.
type ClientIndex uint32

// CardIndex names a card on the wire.
type CardIndex uint32

// The sentinel of the wire for "no such thing" (PA_INVALID_INDEX). On
// pipewire-pulse a stream has NoSink while no session manager links it.
const (
	NoSink   SinkIndex   = 0xFFFFFFFF
	NoStream StreamIndex = 0xFFFFFFFF
	NoClient ClientIndex = 0xFFFFFFFF
	NoCard   CardIndex   = 0xFFFFFFFF
)

// Availability says whether something is plugged into a port
// (pa_port_available_t). The zero value is "unknown", which counts as usable.
type Availability uint32

// The values of pa_port_available_t.
const (
	AvailableUnknown Availability = 0
	AvailableNo      Availability = 1
	AvailableYes     Availability = 2
)

// String returns "unknown", "no" or "yes"; any other value is "unknown".
func (a Availability) String() string {
	switch a {
	case AvailableNo:
		return "no"
	case AvailableYes:
		return "yes"
	}
	return "unknown"
}

// State is what a sink is doing (pa_sink_state_t).
type State uint32

// The values of pa_sink_state_t.
const (
	StateRunning   State = 0
	StateIdle      State = 1
	StateSuspended State = 2
)

// String returns "running", "idle", "suspended", or "unknown" for any other
// value.
func (s State) String() string {
	switch s {
	case StateRunning:
		return "running"
	case StateIdle:
		return "idle"
	case StateSuspended:
		return "suspended"
	}
	return "unknown"
}

// Server describes the sound server (GET_SERVER_INFO).
type Server struct {
	// Name as the server gives it: "pulseaudio", or
	// "PulseAudio (on PipeWire 1.4.2)".
	Name string
	// Version as the server gives it: "16.1", "15.0.0". For
	// pipewire-pulse this is the emulated PulseAudio version.
	Version string
	// DefaultSink is the name of the default sink, "" when there is none.
	DefaultSink string
	// PipeWire is true when pipewire-pulse answers.
	PipeWire bool
	// Cookie is a random number that the server takes at its start
	// (pa_server_info.cookie; with pipewire-pulse it is PipeWire's): another one
	// means another server, in which indices mean other things.
	Cookie uint32
}

// Sink is one output (GET_SINK_INFO_LIST).
type Sink struct {
	Index       SinkIndex
	Name        string
	Description string
	State       State
	Muted       bool
	// Volume is the loudest channel in percent of the normal volume
	// (PA_VOLUME_NORM, 0x10000), rounded. It may be over 100.
	Volume int
	// Levels are the volumes of the channels, as they are.
	Levels Levels
	// Flat is true on PulseAudio with flat volumes: then the volume of a stream
	// on this sink has the sink's in it.
	Flat bool
	// Card is the card the sink belongs to, NoCard for none; Ports are its ports
	// in the server's order.
	Card  CardIndex
	Ports []Port
	// Port and PortDescription are of the active port, "" when the sink
	// has no ports.
	Port            string
	PortDescription string
	// Monitor is true for a source that gives what a sink plays. A sink is none.
	Monitor bool
	// Available is that of the active port; unknown without ports.
	Available Availability
	// Properties are the sink's properties that are strings, and asked for in
	// Options.Properties.
	Properties map[string]string
}

// Port is a socket, or the like, of a sink.
type Port struct {
	Name, Description string
	// Available says whether something is plugged in.
	Available Availability
}

// Client is one connection to the server (GET_CLIENT_INFO_LIST).
type Client struct {
	Index      ClientIndex
	Name       string
	Driver     string
	Properties map[string]string // as in Sink
}

// Stream is one sink input (GET_SINK_INPUT_INFO_LIST).
type Stream struct {
	Index StreamIndex
	Sink  SinkIndex
	// Client is nil when the stream belongs to a module of the server
	// (loopback, combine, filter), or its client left between two replies.
	Client *Client
	// Media is the stream's own name ("media.name").
	Media  string
	Corked bool
	Muted  bool
	// Meter is true for a recording that only wants the peaks, for a level
	// meter (PulseAudio, PA_STREAM_PEAK_DETECT).
	Meter bool
	// Volume and Levels as in Sink.
	Volume int
	Levels Levels
	// Fixed is true when nobody can set the volume.
	Fixed  bool
	Driver string
	// Properties are the stream's own, as in Sink. Identity keys of the client
	// win over them: see Property.
	Properties map[string]string
}

// Property returns the value of an identity key ("application.process.id"
// and the like): the client's when the client has the key, else the stream's
// own, else "". A native PipeWire client carries its pid only on the client.
func (s *Stream) Property(key string) string {
	if s.Client != nil {
		if v, ok := s.Client.Properties[key]; ok {
			return v
		}
	}
	return s.Properties[key]
}

// Snapshot is the server at one moment. Sinks and Streams are sorted by index.
type Snapshot struct {
	Server  Server
	Sinks   []Sink
	Streams []Stream
	// Clients are all clients, sorted by index, with those that have no stream.
	Clients []*Client
	// Socket is the path of the server's socket, "" for a server on the network.
	Socket string
	// Cards are nil until somebody asks for them: see Conn.Cards.
	Cards []Card
	// Self is the client index of the connection that took the snapshot.
	Self ClientIndex
	// Input is true when Sinks are sources, Streams what records from them, and
	// Server.DefaultSink the default source: see Inputs.
	Input bool
}

// Sink returns the sink with the index, or nil.
func (s *Snapshot) Sink(i SinkIndex) *Sink {
	for n := range s.Sinks {
		if s.Sinks[n].Index == i {
			return &s.Sinks[n]
		}
	}
	return nil
}

// Stream returns the stream with the index, or nil.
func (s *Snapshot) Stream(i StreamIndex) *Stream {
	for n := range s.Streams {
		if s.Streams[n].Index == i {
			return &s.Streams[n]
		}
	}
	return nil
}

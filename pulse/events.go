package pulse

import (
	"context"

	"github.com/jfreymuth/pulse/proto"
)

// Facility is a kind of thing the server reports changes of, and in Subscribe
// a set of them (pa_subscription_mask_t). The zero value is the empty set.
type Facility uint32

// The facilities patoggle knows (PA_SUBSCRIPTION_MASK_*).
const (
	FacilitySink      Facility = 1 << 0
	FacilitySource    Facility = 1 << 1
	FacilityStream    Facility = 1 << 2 // sink inputs
	FacilityRecording Facility = 1 << 3 // source outputs
	FacilityClient    Facility = 1 << 5
	// FacilityServer reports a new default sink.
	FacilityServer Facility = 1 << 7
)

// String returns "sink", "source", "stream", "recording", "client" or "server";
// "other" for anything else, sets included.
func (f Facility) String() string {
	switch f {
	case FacilitySink:
		return "sink"
	case FacilitySource:
		return "source"
	case FacilityStream:
		return "stream"
	case FacilityRecording:
		return "recording"
	case FacilityClient:
		return "client"
	case FacilityServer:
		return "server"
	}
	return "other"
}

// Kind says what happened (pa_subscription_event_type_t). The zero value is
// New.
type Kind uint32

// The kinds of events.
const (
	New     Kind = 0x00
	Changed Kind = 0x10
	Removed Kind = 0x20
)

// String returns "new", "changed" or "removed"; "other" for anything else.
func (k Kind) String() string {
	switch k {
	case New:
		return "new"
	case Changed:
		return "changed"
	case Removed:
		return "removed"
	}
	return "other"
}

// Event is a change of the server.
type Event struct {
	Facility Facility
	Kind     Kind
	// Index is a SinkIndex, StreamIndex or ClientIndex, by Facility, of the side
	// that it names; without meaning for FacilityServer.
	Index uint32
}

func event(m *proto.SubscribeEvent) Event {
	return Event{
		Facility: 1 << (m.Event & proto.EventFacilityMask),
		Kind:     Kind(m.Event & proto.EventTypeMask),
		Index:    m.Index,
	}
}

// eventQueue is how many events wait for a slow receiver.
const eventQueue = 256

// publish hands an event to all receivers. It runs in the library's reading
// goroutine, the only sender, and never waits: when a receiver is slow its
// oldest event is dropped.
func (l *link) publish(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.events {
		for sent := false; !sent; {
			select {
			case c <- e:
				sent = true
			default:
				select {
				case <-c:
				default:
				}
			}
		}
	}
}

// subscribe asks for events. The server keeps one set for each connection:
// the last one asked for.
func (l *link) subscribe(ctx context.Context, mask Facility) (<-chan Event, error) {
	c := make(chan Event, eventQueue)
	l.mu.Lock()
	if l.cause != nil {
		defer l.mu.Unlock()
		return nil, l.cause
	}
	l.events = append(l.events, c)
	l.mu.Unlock()
	err := l.all(ctx, call{request: &proto.Subscribe{Mask: proto.SubscriptionMask(mask)}})
	if err != nil {
		return nil, err
	}
	return c, nil
}

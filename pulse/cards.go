package pulse

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/jfreymuth/pulse/proto"
)

// Card is a piece of hardware that has sinks, which ones depends on its profile
// (GET_CARD_INFO_LIST).
type Card struct {
	Index CardIndex
	Name  string
	// Profile is the active one, "" for none.
	Profile  string
	Profiles []Profile
	// Ports are all of the card, of every profile; those of sources are left out.
	Ports      []CardPort
	Properties map[string]string
}

// Profile is one way to use a card.
type Profile struct {
	Name, Description string
	// Sinks is how many it has.
	Sinks    int
	Priority uint32
	// Unavailable is true when the server knows that it cannot be used now.
	Unavailable bool
}

// CardPort is a port of a card with the names of the profiles that have it.
type CardPort struct {
	Port
	Profiles []string
}

// output is the direction of a port that plays (PA_DIRECTION_OUTPUT).
const output = 1

// Cards asks for the cards, by index.
func (c *Conn) Cards(ctx context.Context) ([]Card, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	var list proto.GetCardInfoListReply
	if err := c.main.all(ctx, call{request: &proto.GetCardInfoList{}, reply: &list}); err != nil {
		return nil, err
	}
	cards := make([]Card, len(list))
	for i, r := range list {
		cards[i] = toCard(r)
		list[i] = nil
	}
	slices.SortStableFunc(cards, func(a, b Card) int { return cmp.Compare(a.Index, b.Index) })
	return slices.CompactFunc(cards, func(a, b Card) bool { return a.Index == b.Index }), nil
}

func toCard(r *proto.GetCardInfoReply) Card {
	c := Card{Index: CardIndex(r.CardIndex), Name: text(r.CardName), Profile: text(r.ActiveProfileName), Properties: properties(r.Properties)}
	for _, p := range r.Profiles {
		c.Profiles = append(c.Profiles, Profile{
			Name: text(p.Name), Description: text(p.Description),
			Sinks: int(p.NumSinks), Priority: p.Priority, Unavailable: p.Available == 0,
		})
	}
	for _, p := range r.Ports {
		if p.Direction&output == 0 {
			continue
		}
		port := CardPort{Port: Port{text(p.Name), text(p.Description), Availability(p.Available)}}
		for _, f := range p.Profiles {
			port.Profiles = append(port.Profiles, text(f.Name))
		}
		c.Ports = append(c.Ports, port)
	}
	return c
}

// errLongName is for a name that would make a request too long for the library.
var errLongName = errors.New("the name is too long")

// SetPort makes a port of a sink the active one.
func (c *Conn) SetPort(ctx context.Context, sink SinkIndex, port string) error {
	return c.set(ctx, port, &proto.SetSinkPort{SinkIndex: uint32(sink), Port: port})
}

// SetProfile makes a profile of a card the active one. Its sinks go and others
// come, some time after the answer.
func (c *Conn) SetProfile(ctx context.Context, card CardIndex, profile string) error {
	return c.set(ctx, profile, &proto.SetCardProfile{CardIndex: uint32(card), ProfileName: profile})
}

func (c *Conn) set(ctx context.Context, name string, request proto.RequestArgs) error {
	if len(name) > maxName {
		return errLongName
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	return c.main.all(ctx, call{request: request})
}

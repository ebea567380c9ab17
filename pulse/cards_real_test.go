package pulse_test

import (
	"slices"
	"testing"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/pulse"
)

// PipeWire's factory for ALSA cards makes a device of a card that is not there.
// It has no ports and no sinks, and real profiles: "off" and "pro-audio".
// PulseAudio has nothing like it.
func TestAProfileOfARealCard(t *testing.T) {
	t.Parallel()
	lab.Need(t, "pw-cli")
	l := lab.Start(t)
	s := l.PipeWire("a=Speakers")
	// The device lasts as long as the connection that made it.
	l.Spawn("sh", "-c", "(echo 'create-device spa-device-factory { factory.name=api.alsa.acp.device device.name=nothing api.alsa.card=31 }'; exec sleep 600) | pw-cli")
	c := dial(t, s.Server)
	card := func() (found pulse.Card) {
		t.Helper()
		cards, err := c.Cards(within(t, limit))
		if err != nil {
			t.Fatal(err)
		}
		if i := slices.IndexFunc(cards, func(c pulse.Card) bool { return c.Name == "nothing" }); i >= 0 {
			found = cards[i]
		}
		return found
	}
	var first pulse.Card
	l.Until("the card", func() bool {
		first = card()
		return len(first.Profiles) > 0
	})
	names := func(c pulse.Card) (all []string) {
		for _, p := range c.Profiles {
			all = append(all, p.Name)
			if p.Sinks != 0 || p.Unavailable || p.Description == "" {
				t.Errorf("a profile is %+v", p)
			}
		}
		return all
	}
	if got := names(first); !slices.Equal(got, []string{"off", "pro-audio"}) || len(first.Ports) != 0 {
		t.Fatalf("the card is %+v", first)
	}
	for _, profile := range []string{"off", "pro-audio", "off"} {
		// The session manager sets one too, once it has heard of the card.
		l.Until("the profile "+profile, func() bool {
			if err := c.SetProfile(within(t, limit), first.Index, profile); err != nil {
				t.Fatalf("%s: %v", profile, err)
			}
			return card().Profile == profile
		})
	}
	if err := c.SetProfile(within(t, limit), first.Index, "surround"); err == nil {
		t.Error("a profile that is not there was set")
	}
	if now := card(); now.Profile != "off" {
		t.Errorf("after a refusal the profile is %q", now.Profile)
	}
}

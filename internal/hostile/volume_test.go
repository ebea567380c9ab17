package hostile

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/lab/rogue"
)

// full and half are the volumes of the stream before a move, and as it is lowered
// for one from a sink at half volume to one at full.
const full, half = 0x10000, 0x8000

// With volume = "remember" the volume is set before the move: what a server makes
// of that must not hang, and must not leave the stream louder elsewhere or quieter
// where it was.
func TestASoundServerMisbehavesAboutVolumes(t *testing.T) {
	l := lab.Start(t)
	program := lab.Binary(t, "patoggle")
	file := l.Dir + "/remember.toml"
	if err := os.WriteFile(file, []byte("volume = \"remember\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	values := rogue.Tags(nil).U32(1)
	for i, tale := range []struct {
		tale
		on, volume uint32
	}{
		{tale{name: "all is well", says: "Player → Headset (at 50%)"}, 2, half},
		{tale{name: "all is well on PipeWire", world: onPipeWire, says: "Player → Headset (at 50%)"}, 2, half},
		{tale{name: "a volume is never answered", Behaviour: at(rogue.OpVolume, silent), code: 1, says: "did not answer", slow: true}, 1, full},
		{tale{name: "a volume is denied", Behaviour: at(rogue.OpVolume, failure(rogue.AccessDenied)), code: 1, says: "could not be lowered"}, 1, full},
		{tale{name: "a volume is answered with values", Behaviour: instead(rogue.OpVolume, values), code: 1, says: "could not be lowered"}, 1, full},
		{tale{name: "an unknown error", Behaviour: at(rogue.OpVolume, failure(9999)), code: 1, says: "could not be lowered"}, 1, full},
		{tale{name: "the end during a volume", Behaviour: at(rogue.OpVolume, func(c *rogue.Conn, _ rogue.Request, _ []byte) { c.Close() }), code: 1, says: "went away"}, 1, full},
		{tale{name: "the stream has just gone", Behaviour: rogue.Behaviour{Answer: func(c *rogue.Conn, r rogue.Request, honest []byte) {
			if r.Command == rogue.OpVolume || r.Command == rogue.OpStream {
				honest = rogue.Failure(r, rogue.NoEntity)
			}
			c.Send(honest)
		}}, code: 3, says: "has just stopped playing"}, 1, half},
		{tale{name: "the move is refused", Behaviour: rogue.Behaviour{Still: true, Answer: at(rogue.OpMove, failure(3)).Answer}, code: 1, says: "refuses to be moved"}, 1, full},
		{tale{name: "the move is never answered", Behaviour: rogue.Behaviour{Still: true, Answer: func(c *rogue.Conn, r rogue.Request, honest []byte) {
			if r.Command != rogue.OpMove {
				c.Send(honest)
			}
		}}, code: 1, says: "did not answer while moving", slow: true}, 1, full},
		{tale{name: "the end during the move", Behaviour: rogue.Behaviour{Still: true, Answer: func(c *rogue.Conn, r rogue.Request, honest []byte) {
			if r.Command == rogue.OpMove {
				c.Close()
				return
			}
			c.Send(honest)
		}}, code: 1, says: "went away while moving"}, 1, full},
		{tale{name: "PipeWire makes no move", world: onPipeWire, Behaviour: rogue.Behaviour{Still: true}, code: 1, says: "the stream did not get there", slow: true}, 1, full},
		{tale{name: "PipeWire sets no volume", world: onPipeWire, Behaviour: at(rogue.OpStream, func(c *rogue.Conn, r rogue.Request, _ []byte) {
			c.Send(rogue.Reply(r, rogue.Stream{Index: 7, Sink: 1, Client: 40, Media: "x"}.Tags()))
		}), code: 1, says: "Player", slow: true}, 1, full},
	} {
		t.Run(tale.name, func(t *testing.T) {
			t.Parallel()
			timeout := knowing
			if tale.slow {
				timeout = waiting
			}
			w := usual(os.Getpid(), "hostile.test")
			w.Sinks[0].Quiet = full - half
			if tale.world != nil {
				tale.world(&w)
			}
			s := listen(t, fmt.Sprintf("unix:%s/volume-%d", l.Runtime, i), w)
			s.Behave(tale.Behaviour, w)
			// Moves are written down, in a place of its own.
			env := []string{"PULSE_SERVER=" + s.Address, "XDG_STATE_HOME=" + t.TempDir()}
			r := l.Run(env, program, "--stream", "7", "--config", file, "--timeout", timeout.String())
			t.Logf("exit code %d after %v: %.200s%.200s", r.Code, r.Took.Round(time.Millisecond), r.Stdout, r.Stderr)
			wellSpoken(t, "patoggle", r)
			if r.Code != tale.code || !strings.Contains(r.Stdout+r.Stderr, tale.says) {
				t.Errorf("exit code %d, want %d with %q\nstdout: %.500s\nstderr: %.500s", r.Code, tale.code, tale.says, r.Stdout, r.Stderr)
			}
			if !lab.InTime(r.Took, timeout) {
				t.Errorf("took %v", r.Took)
			}
			if on, v := s.On(7), s.Volume(7); on != tale.on || v != tale.volume && tale.name != "PipeWire sets no volume" {
				t.Errorf("it is on sink %d at %#x, want %d at %#x", on, v, tale.on, tale.volume)
			}
		})
	}
}

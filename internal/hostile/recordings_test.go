package hostile

import (
	"bytes"
	"strings"
	"time"

	"github.com/patoggle/patoggle/internal/lab/rogue"
)

// recordingTales are tales of the requests about what records. The usual world
// has two sources, and the recording 7 of Player from the first.
func recordingTales() []tale {
	const moved = "Player → Headset Mic"
	input, pair := []string{"--input"}, []string{"--app", "Player", "--pair"}
	half := func(c *rogue.Conn, r rogue.Request, honest []byte) {
		c.Send(honest[:len(honest)/2])
		c.Close()
	}
	many := func(n int) func(w *rogue.World) {
		return func(w *rogue.World) {
			for i := range n {
				name := "source" + itoa(i)
				w.Sources = append(w.Sources, rogue.Source{Index: uint32(100 + i), Name: name, Description: name})
			}
		}
	}
	all := []tale{
		{name: "an honest world", says: moved},
		{name: "no sources", world: func(w *rogue.World) { w.Sources = nil }, code: 3, says: "no source to record from"},
		{name: "9,998 sources more", world: many(9998), says: moved},
		{name: "9,999 sources more", world: many(9999), code: 1, says: babble},
		{name: "no recordings", world: func(w *rogue.World) { w.Recordings = nil }, code: 1, says: "there is no stream 7"},
		{name: "the recording twice", world: func(w *rogue.World) { w.Recordings = append(w.Recordings, w.Recordings[0]) }, says: moved},
		{name: "the sources twice", world: func(w *rogue.World) { w.Sources = append(w.Sources, w.Sources...) }, says: moved},
		{name: "from a source that is not there", world: func(w *rogue.World) { w.Recordings[0].Sink = 12345 }, says: "Player → Desk Mic"},
		{name: "control characters", world: func(w *rogue.World) { w.Sources[1].Description += "\x1b[2J\u202e\xff\n" }, says: moved + `\x1b`},
		{name: "a name of 8 MiB", world: func(w *rogue.World) { w.Recordings[0].Media = fill(8 << 20) }, says: moved},
		{name: "16 MiB of properties in both lists", world: func(w *rogue.World) {
			p := stuffed(16<<20 - 5000)
			w.Sources = append(w.Sources, rogue.Source{Index: 99, Name: "z", Props: p})
			w.Recordings = append(w.Recordings, rogue.Recording{Index: 99, Sink: 1, Client: 40, Props: p})
		}, patience: 8 * time.Second, says: moved},
		{name: "recordings in the shape of streams", Behaviour: instead(rogue.OpRecordings, rogue.Stream{Index: 7, Sink: 1, Client: 40}.Tags()), code: 1, says: babble},
		{name: "clients where sources should be", Behaviour: instead(rogue.OpSourceList, rogue.Client{Index: 1}.Tags()), code: 1, says: babble},
		{name: "half a source in a whole frame", Behaviour: instead(rogue.OpSourceList, rogue.Source{Name: "a"}.Tags()[:40]), code: 1, says: babble},
		{name: "a recording and more", Behaviour: instead(rogue.OpRecordings, append(bytes.Clone(rogue.Recording{Index: 7, Sink: 1, Client: 40}.Tags()), 'N')), code: 1, says: babble},
		{name: "the end in the middle of the sources", Behaviour: at(rogue.OpSourceList, half), code: 1, says: hungUp},
		{name: "the end in the middle of the recordings", Behaviour: at(rogue.OpRecordings, half), code: 1, says: hungUp},
		{name: "the sources are never told", Behaviour: at(rogue.OpSourceList, silent), code: 1, says: unanswered, slow: true},
		{name: "access to the recordings denied", Behaviour: at(rogue.OpRecordings, failure(rogue.AccessDenied)), code: 1, says: "denied access"},
		{name: "a server that knows no sources", Behaviour: at(rogue.OpSourceList, failure(2)), code: 1, says: "the sound server answers"},
		{name: "the move is never answered", Behaviour: at(rogue.OpMoveRecord, silent), code: 1, says: "did not answer while moving", slow: true},
		{name: "the move is refused", Behaviour: at(rogue.OpMoveRecord, failure(3)), code: 1, says: "refuses to be moved"},
		{name: "the move is denied", Behaviour: at(rogue.OpMoveRecord, failure(rogue.AccessDenied)), code: 1, says: "does not let us move"},
		{name: "the move is answered with values", Behaviour: instead(rogue.OpMoveRecord, rogue.Tags(nil).U32(1)), code: 1, says: babble},
		{name: "the source has just gone", Behaviour: at(rogue.OpMoveRecord, failure(rogue.NoEntity)), code: 1, says: "went away before"},
		{name: "PipeWire makes no move", world: onPipeWire, Behaviour: rogue.Behaviour{Still: true}, code: 1, says: "the stream did not get there", slow: true},
		{name: "PipeWire lets no second connection in", world: onPipeWire, Behaviour: rogue.Behaviour{Greet: func(c *rogue.Conn) bool { return c.Nth == 1 }}, code: 1, says: "Player"},
		{name: "PipeWire babbles on the second connection", world: onPipeWire, Behaviour: rogue.Behaviour{Answer: func(c *rogue.Conn, r rogue.Request, honest []byte) {
			if c.Nth > 1 && r.Command == rogue.OpRecordings {
				honest = rogue.Reply(r, rogue.Tags(nil).Text("x"))
			}
			c.Send(honest)
		}}, code: 1, says: "Player"},
	}
	for i := range all {
		all[i].name, all[i].args = "recordings: "+all[i].name, input
	}
	// Both sides at once, of one device.
	one := func(w *rogue.World) {
		w.Sinks[1].Props = map[string]string{"api.bluez5.address": "AA:BB"}
		w.Sources[1].Props = map[string]string{"api.bluez5.address": "AA:BB"}
	}
	both := []tale{
		{name: "an honest world", world: one, says: "Player → Headset\nPlayer → Headset Mic (recording)\n"},
		{name: "no source of the device", says: "Player → Headset\nPlayer keeps recording from Desk Mic: Headset has no microphone\n"},
		{name: "an address of 8 MiB", world: func(w *rogue.World) {
			w.Sinks[1].Props = map[string]string{"api.bluez5.address": fill(8 << 20)}
			w.Sources[1].Props = map[string]string{"api.bluez5.address": fill(8 << 20)}
		}, says: "Player → Headset\n"},
		{name: "control characters in the reason", world: func(w *rogue.World) { w.Sinks[1].Description += "\x1b[2J" }, says: `Headset\x1b[2J has no microphone`},
		{name: "the sources are never told", Behaviour: at(rogue.OpSourceList, silent), code: 1, says: unanswered, slow: true},
		{name: "only the recording may not move", world: one, Behaviour: at(rogue.OpMoveRecord, failure(3)), code: 1, says: "refuses to be moved"},
		{name: "only the playback may not move", world: one, Behaviour: at(rogue.OpMove, failure(3)), code: 1, says: "refuses to be moved"},
	}
	for i := range both {
		both[i].name, both[i].args = "both sides: "+both[i].name, append(pair, strings.Fields("--to b")...)
		both[i].whole = true
	}
	return append(all, both...)
}

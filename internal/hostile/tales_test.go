package hostile

import (
	"bytes"
	"strings"
	"time"

	"github.com/patoggle/patoggle/internal/lab/rogue"
)

// tale is one way in which a sound server misbehaves, and what is to come of
// it. The usual world has three sinks and the stream 7, of the application
// Player, on the first of them.
type tale struct {
	name  string
	world func(w *rogue.World) // changes the usual one; nil leaves it
	rogue.Behaviour
	tcp  bool
	args []string // beside --stream 7
	// whole says that args are all of them.
	whole bool
	// code and says are the exit code and a piece of the sentence: on
	// standard output when the code is 0, else on standard error.
	code int
	says string
	// daemon is a piece of what the daemon says of a press, "" when it is the
	// same as says; away is when the connection does not even begin.
	daemon string
	// slow allows that the sentence comes only when the time is over. With patience
	// it may take longer than a press has; 0 for as long as any.
	slow     bool
	patience time.Duration
}

const (
	unanswered = "the sound server does not answer"
	babble     = "the sound server does not speak the PulseAudio protocol properly"
	hungUp     = "the sound server closed the connection"
	away       = "the sound server is away"
	moved      = "Player → Headset"
)

// at spoils the answers to one command.
func at(command uint32, f func(c *rogue.Conn, r rogue.Request, honest []byte)) rogue.Behaviour {
	return rogue.Behaviour{Answer: func(c *rogue.Conn, r rogue.Request, honest []byte) {
		if r.Command == command {
			f(c, r, honest)
		} else {
			c.Send(honest)
		}
	}}
}

// instead gives another body in the answers to one command.
func instead(command uint32, body []byte) rogue.Behaviour {
	return at(command, func(c *rogue.Conn, r rogue.Request, _ []byte) { c.Send(rogue.Reply(r, body)) })
}

// before sends something in front of every answer.
func before(f func(r rogue.Request) []byte) rogue.Behaviour {
	return rogue.Behaviour{Answer: func(c *rogue.Conn, r rogue.Request, honest []byte) { c.Send(f(r), honest) }}
}

// greet does something with a new connection and reads nothing.
func greet(f func(c *rogue.Conn)) rogue.Behaviour {
	return rogue.Behaviour{Greet: func(c *rogue.Conn) bool {
		f(c)
		return false
	}}
}

func silent(*rogue.Conn, rogue.Request, []byte) {}

func failure(code uint32) func(*rogue.Conn, rogue.Request, []byte) {
	return func(c *rogue.Conn, r rogue.Request, _ []byte) { c.Send(rogue.Failure(r, code)) }
}

// backwards keeps the lists of a snapshot back until n of them are there, and
// sends them in the wrong order. Who the server is may be asked once or twice.
func backwards(n int) rogue.Behaviour {
	return rogue.Behaviour{Answer: func(c *rogue.Conn, r rogue.Request, honest []byte) {
		switch r.Command {
		case rogue.OpSinkList, rogue.OpClientList, rogue.OpStreamList:
		default:
			c.Send(honest)
			return
		}
		if c.Held = append(c.Held, honest); len(c.Held) < n {
			return
		}
		for i := len(c.Held) - 1; i >= 0; i-- {
			c.Send(c.Held[i])
		}
		c.Held = nil
	}}
}

// onPipeWire makes the world one of pipewire-pulse.
func onPipeWire(w *rogue.World) { w.Name = "PulseAudio (on PipeWire 1.4.2)" }

// late is how long after the question an answer comes that is too late.
const late = 2500 * time.Millisecond

func fill(n int) string { return strings.Repeat("x", n) }

// manySinks, manyStreams and manyClients are whole lists.
func manySinks(w *rogue.World, n int) {
	for i := len(w.Sinks); i < n; i++ {
		name := "sink" + itoa(i)
		w.Sinks = append(w.Sinks, rogue.Sink{Index: uint32(i), Name: name, Description: name, Props: map[string]string{"n": "1"}})
	}
}

func manyStreams(w *rogue.World, n int) {
	for i := range n {
		w.Streams = append(w.Streams, rogue.Stream{Index: uint32(10000 + i), Sink: w.Sinks[0].Index, Client: w.Clients[0].Index, Media: "tone"})
	}
}

func manyClients(w *rogue.World, n int) {
	for i := range n {
		w.Clients = append(w.Clients, rogue.Client{Index: uint32(10000 + i), Name: "c"})
	}
}

// sinksWith replaces one value of a sink's entry.
func sinkPorts(count uint32) []byte {
	s := rogue.Sink{Index: 1, Name: "a"}
	whole := s.Tags()
	// The count of ports stands before: null string, 'B' 1, a format.
	tail := rogue.Tags(nil).Null().U8(1).Format()
	head := whole[:len(whole)-len(tail)-5]
	return append(append(rogue.Tags(nil), head...).U32(count), tail...)
}

// properties is a client's entry with n empty properties.
func properties(n int) []byte {
	t := rogue.Tags(nil).U32(1).Text("c").U32(rogue.None).Text("d").Begin()
	for range n {
		t = t.Property("k", []byte{0})
	}
	return t.Null()
}

// distinct is a client's entry with n properties of different names.
func distinct(n int) []byte {
	t := rogue.Tags(nil).U32(1).Text("c").U32(rogue.None).Text("d").Begin()
	for i := range n {
		t = t.Property(itoa(i), []byte{0})
	}
	return t.Null()
}

// stuffed are properties with n bytes of text in all.
func stuffed(n int) map[string]string {
	const size = 990
	p := map[string]string{}
	for i := range n / (size + 30) {
		p["k"+itoa(i)] = fill(size)
	}
	return p
}

// tales is the table.
func tales() []tale {
	half := func(c *rogue.Conn, r rogue.Request, honest []byte) { c.Send(honest[:len(honest)/2]) }
	halfAndOut := func(c *rogue.Conn, r rogue.Request, honest []byte) {
		c.Send(honest[:len(honest)/2])
		c.Close()
	}
	out := func(c *rogue.Conn, r rogue.Request, honest []byte) { c.Close() }
	reset := func(c *rogue.Conn, r rogue.Request, honest []byte) { c.Reset() }
	// Long frames are made once: to make them takes the time that a press has.
	zeros, other, block := make([]byte, 16<<20-10), rogue.Frame(0, 0, make([]byte, 4<<20)), rogue.Frame(3, 0, make([]byte, 65536))
	events := bytes.Repeat(rogue.Packet(rogue.OpEvent, rogue.None, rogue.Tags(nil).U32(0x12).U32(7)), 1000)

	return []tale{
		// Before a word is said.
		{name: "closes at once", Behaviour: greet(func(*rogue.Conn) {}), code: 1, says: "closed by the server", daemon: away},
		{name: "RST at once", tcp: true, Behaviour: greet((*rogue.Conn).Reset), code: 1, says: "cannot reach the sound server", daemon: away},
		{name: "reads one byte and closes", Behaviour: greet(func(c *rogue.Conn) {
			_, _ = c.Read(make([]byte, 1))
			c.Reset()
		}), code: 1, says: "closed by the server", daemon: away},
		{name: "never says anything", Behaviour: rogue.Behaviour{Answer: silent}, code: 1, says: "does not answer in time", daemon: away, slow: true},
		{name: "never reads", Behaviour: greet(func(c *rogue.Conn) { c.Wait(late) }), code: 1, says: "does not answer in time", daemon: away, slow: true},
		{name: "speaks HTTP", Behaviour: greet(func(c *rogue.Conn) {
			c.Send([]byte("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"))
			c.Wait(late)
		}), code: 1, says: babble, daemon: away},
		{name: "zeros without end", Behaviour: greet(func(c *rogue.Conn) { c.Flood(make([]byte, 64<<10)) }), code: 1, says: "does not answer in time", daemon: away, slow: true},
		{name: "ones without end", Behaviour: greet(func(c *rogue.Conn) { c.Flood(bytes.Repeat([]byte{0xFF}, 64<<10)) }), code: 1, says: babble, daemon: away},
		{name: "events without end", Behaviour: greet(func(c *rogue.Conn) { c.Flood(events) }), code: 1, says: "does not answer in time", daemon: away, slow: true},

		// The introduction.
		{name: "denies access", Behaviour: at(rogue.OpAuth, failure(rogue.AccessDenied)), code: 1, says: "denies access", daemon: away},
		{name: "denies the name", Behaviour: at(rogue.OpName, failure(rogue.AccessDenied)), code: 1, says: "denies access", daemon: away},
		{name: "the error zero", Behaviour: at(rogue.OpAuth, failure(0)), code: 1, says: babble, daemon: away},
		{name: "an unknown error", Behaviour: at(rogue.OpAuth, failure(0xFFFFFFFF)), code: 1, says: "the sound server answers", daemon: away},
		{name: "an empty answer to AUTH", Behaviour: instead(rogue.OpAuth, nil), code: 1, says: babble, daemon: away},
		{name: "text in answer to AUTH", Behaviour: instead(rogue.OpAuth, rogue.Tags(nil).Text("32")), code: 1, says: babble, daemon: away},
		{name: "two numbers in answer to AUTH", Behaviour: instead(rogue.OpAuth, rogue.Tags(nil).U32(32).U32(32)), code: 1, says: babble, daemon: away},
		{name: "version 0", Behaviour: instead(rogue.OpAuth, rogue.Tags(nil).U32(0)), code: 1, says: "is older than", daemon: away},
		{name: "version 31", Behaviour: instead(rogue.OpAuth, rogue.Tags(nil).U32(31)), code: 1, says: "is older than", daemon: away},
		{name: "version 35 and all flags", Behaviour: instead(rogue.OpAuth, rogue.Tags(nil).U32(0xFFFF0023)), says: moved},
		{name: "AUTH is never answered, the name is", Behaviour: at(rogue.OpAuth, silent), code: 1, says: "does not answer in time", daemon: away, slow: true},
		{name: "the name is never answered", Behaviour: at(rogue.OpName, silent), code: 1, says: "does not answer in time", daemon: away, slow: true},

		// Frames.
		{name: "half a header and silence", Behaviour: at(rogue.OpSinkList, func(c *rogue.Conn, r rogue.Request, honest []byte) {
			c.Send(honest[:9])
			c.Wait(late)
		}), code: 1, says: unanswered, slow: true},
		{name: "half a frame and silence", Behaviour: at(rogue.OpSinkList, func(c *rogue.Conn, r rogue.Request, honest []byte) {
			half(c, r, honest)
			c.Wait(late)
		}), code: 1, says: unanswered, slow: true},
		{name: "half a frame and the end", Behaviour: at(rogue.OpSinkList, halfAndOut), code: 1, says: hungUp},
		{name: "half a frame and the next", Behaviour: at(rogue.OpSinkList, half), code: 1, says: "the sound server", slow: true},
		{name: "the end between two lists", Behaviour: at(rogue.OpStreamList, out), code: 1, says: hungUp},
		{name: "RST between two lists", tcp: true, Behaviour: at(rogue.OpStreamList, reset), code: 1, says: hungUp},
		{name: "4 GiB announced", Behaviour: at(rogue.OpSinkList, func(c *rogue.Conn, r rogue.Request, honest []byte) {
			c.Send(rogue.Header(0xFFFFFFFF, 0xFFFFFFFF, 0), honest)
		}), code: 1, says: babble},
		{name: "16 MiB and a byte announced", Behaviour: at(rogue.OpSinkList, func(c *rogue.Conn, r rogue.Request, honest []byte) {
			c.Send(rogue.Header(16<<20+1, 0xFFFFFFFF, 0), honest)
		}), code: 1, says: babble},
		{name: "16 MiB announced and silence", Behaviour: at(rogue.OpSinkList, func(c *rogue.Conn, r rogue.Request, honest []byte) {
			c.Send(rogue.Header(16<<20, 0xFFFFFFFF, 0), honest)
			c.Wait(late)
		}), code: 1, says: unanswered, slow: true},
		{name: "16 MiB of zeros in answer", Behaviour: at(rogue.OpSinkList, func(c *rogue.Conn, r rogue.Request, honest []byte) {
			c.Send(rogue.Reply(r, zeros))
		}), code: 1, says: babble},
		{name: "4 MiB of another channel before each answer", Behaviour: before(func(rogue.Request) []byte {
			return other
		}), says: moved},
		{name: "one byte per 100 ms", Behaviour: at(rogue.OpSinkList, func(c *rogue.Conn, r rogue.Request, honest []byte) {
			c.Drip(honest, 1, 100*time.Millisecond)
		}), code: 1, says: unanswered, slow: true},
		{name: "one byte per 100 ms from the first", Behaviour: rogue.Behaviour{Answer: func(c *rogue.Conn, r rogue.Request, honest []byte) {
			c.Drip(honest, 1, 100*time.Millisecond)
		}}, code: 1, says: "does not answer in time", daemon: away, slow: true},
		{name: "three bytes at a time", Behaviour: rogue.Behaviour{Answer: func(c *rogue.Conn, r rogue.Request, honest []byte) {
			c.Drip(honest, 3, 0)
		}}, says: moved},
		{name: "memory blocks in between", Behaviour: before(func(rogue.Request) []byte {
			return block
		}), says: moved},
		{name: "shared memory in between", Behaviour: before(func(rogue.Request) []byte {
			return append(rogue.Frame(0xFFFFFFFF, 0x80000000, make([]byte, 16)), rogue.Frame(0xFFFFFFFF, 0x40000000, nil)...)
		}), says: moved},
		{name: "frames too short for a command", Behaviour: before(func(r rogue.Request) []byte {
			return append(rogue.Frame(0xFFFFFFFF, 0, []byte("L\x00\x00\x00\x02")), rogue.Frame(0xFFFFFFFF, 0, nil)...)
		}), says: moved},

		// Commands and tags.
		{name: "unknown commands in between", Behaviour: before(func(r rogue.Request) []byte {
			return append(rogue.Packet(9999, r.Tag, nil), rogue.Packet(rogue.OpMove, r.Tag, rogue.Tags(nil).U32(7))...)
		}), says: moved},
		{name: "replies to unknown tags", Behaviour: before(func(r rogue.Request) []byte {
			return append(rogue.Packet(rogue.OpReply, r.Tag+100, nil), rogue.Packet(rogue.OpReply, rogue.None, []byte("tx\x00"))...)
		}), says: moved},
		{name: "every reply three times", Behaviour: rogue.Behaviour{Answer: func(c *rogue.Conn, r rogue.Request, honest []byte) {
			c.Send(honest, honest, honest)
		}}, says: moved},
		{name: "replies in the wrong order", Behaviour: backwards(3), says: moved},
		{name: "replies with each other's tags", Behaviour: rogue.Behaviour{Answer: func(c *rogue.Conn, r rogue.Request, honest []byte) {
			switch r.Command {
			case rogue.OpSinkList, rogue.OpStreamList:
				c.Held = append(c.Held, honest)
				if len(c.Held) < 2 {
					return
				}
				// Swap the tags, bytes 6 to 9 of the body.
				a, b := bytes.Clone(c.Held[0]), bytes.Clone(c.Held[1])
				copy(c.Held[0][26:30], b[26:30])
				copy(c.Held[1][26:30], a[26:30])
				c.Send(c.Held...)
				c.Held = nil
			default:
				c.Send(honest)
			}
		}}, code: 1, says: babble},
		{name: "replies after the timeout", Behaviour: at(rogue.OpSinkList, func(c *rogue.Conn, r rogue.Request, honest []byte) {
			c.Wait(late)
			c.Send(honest)
		}), code: 1, says: unanswered, slow: true},
		{name: "100,000 events before the answer", Behaviour: at(rogue.OpSinkList, func(c *rogue.Conn, r rogue.Request, honest []byte) {
			for range 100 {
				c.Send(events)
			}
			c.Send(honest)
		}), says: moved},

		// The server's information.
		{name: "no server information", Behaviour: instead(rogue.OpServerInfo, nil), code: 1, says: babble},
		{name: "server information cut short", Behaviour: instead(rogue.OpServerInfo, rogue.Tags(nil).Text("pulseaudio").Text("16.1")), code: 1, says: babble},
		{name: "server information of nulls", Behaviour: instead(rogue.OpServerInfo, rogue.Tags(nil).Null().Null().Null().Null().Spec().Null().Null().U32(0).Map(0)), says: moved},
		{name: "server information and more", Behaviour: at(rogue.OpServerInfo, func(c *rogue.Conn, r rogue.Request, honest []byte) {
			c.Send(rogue.Reply(r, append(bytes.Clone(honest[30:]), 'N')))
		}), code: 1, says: babble},

		// Lists.
		{name: "no sinks", world: func(w *rogue.World) { w.Sinks = nil }, code: 3, says: "no sink to play on"},
		{name: "5,000 sinks", world: func(w *rogue.World) { manySinks(w, 5000) }, says: moved},
		{name: "10,001 sinks", world: func(w *rogue.World) { manySinks(w, 10001) }, code: 1, says: babble},
		{name: "no streams", world: func(w *rogue.World) { w.Streams = nil }, code: 1, says: "there is no stream 7", daemon: "is not playing anything"},
		{name: "2,000 streams", world: func(w *rogue.World) { manyStreams(w, 2000) }, says: moved},
		{name: "no clients", world: func(w *rogue.World) { w.Clients = nil }, says: "→ Headset", daemon: "is not playing anything"},
		{name: "10,000 clients", world: func(w *rogue.World) { manyClients(w, 9999) }, says: moved},
		{name: "10,001 clients", world: func(w *rogue.World) { manyClients(w, 10000) }, code: 1, says: babble},
		{name: "the stream twice", world: func(w *rogue.World) { w.Streams = append(w.Streams, w.Streams[0]) }, says: moved},
		{name: "the sinks twice", world: func(w *rogue.World) { w.Sinks = append(w.Sinks, w.Sinks...) }, says: moved},
		{name: "the stream on a sink that is not there", world: func(w *rogue.World) { w.Streams[0].Sink = 12345 }, says: "Player → "},
		{name: "the stream of a client that is not there", world: func(w *rogue.World) { w.Streams[0].Client = 12345 }, says: "→ Headset", daemon: "is not playing anything"},
		{name: "the end in the middle of a list", Behaviour: at(rogue.OpClientList, halfAndOut), code: 1, says: hungUp},
		{name: "clients where sinks should be", Behaviour: instead(rogue.OpSinkList, rogue.Client{Index: 1}.Tags()), code: 1, says: babble},
		{name: "half a sink in a whole frame", Behaviour: instead(rogue.OpSinkList, rogue.Sink{Name: "a"}.Tags()[:40]), code: 1, says: babble},
		{name: "4 billion ports", Behaviour: instead(rogue.OpSinkList, sinkPorts(0xFFFFFFFF)), code: 1, says: babble},
		{name: "255 channels", Behaviour: instead(rogue.OpSinkList, rogue.Tags(nil).U32(1).Text("a").Text("a").Spec().Map(255)), code: 1, says: babble},
		{name: "255 formats announced", Behaviour: instead(rogue.OpSinkList, append(bytes.Clone(rogue.Sink{Index: 1, Name: "a"}.Tags()[:len(rogue.Sink{Index: 1, Name: "a"}.Tags())-7]), 'B', 255)), code: 1, says: babble},
		{name: "an error for a list", Behaviour: at(rogue.OpClientList, failure(rogue.NoEntity)), code: 1, says: "the sound server answers"},
		{name: "access to a list denied", Behaviour: at(rogue.OpStreamList, failure(rogue.AccessDenied)), code: 1, says: "denied access"},

		// Strings.
		{name: "names of 1,024 bytes", world: func(w *rogue.World) {
			w.Streams[0].Media, w.Sinks[2].Name, w.Sinks[2].Description = fill(1024), fill(1023), fill(1025)
		}, says: moved},
		{name: "a name of 8 MiB", world: func(w *rogue.World) { w.Streams[0].Media = fill(8 << 20) }, says: moved},
		{name: "a property of 8 MiB", world: func(w *rogue.World) {
			w.Streams[0].Props = map[string]string{fill(2000): fill(8 << 20)}
		}, says: moved},
		{name: "control characters everywhere", world: func(w *rogue.World) {
			const evil = "\x1b]0;owned\x07\x1b[2J\u202e\u009b31m\xff\r\n"
			w.Name, w.Default = evil, evil
			w.Streams[0].Media = evil
			w.Sinks[1].Description += evil
			w.Streams[0].Props = map[string]string{"media.role": evil, evil: evil}
		}, says: moved + `\x1b`},
		{name: "a string without an end", Behaviour: instead(rogue.OpSinkList, rogue.Tags(nil).U32(1).Text("a")[:7]), code: 1, says: babble},
		{name: "300,000 properties", Behaviour: instead(rogue.OpClientList, properties(300_000)), code: 1, says: babble},
		{name: "100,000 properties of different names", Behaviour: instead(rogue.OpClientList, distinct(100_000)), says: "→ Headset", daemon: "is not playing anything"},
		{name: "16 MiB of properties", world: func(w *rogue.World) {
			w.Clients = append(w.Clients, rogue.Client{Index: 99, Name: "c", Props: stuffed(16<<20 - 5000)})
		}, patience: 8 * time.Second, says: moved},
		{name: "16 MiB of properties in each of three lists", world: func(w *rogue.World) {
			p := stuffed(16<<20 - 5000)
			w.Sinks = append(w.Sinks, rogue.Sink{Index: 99, Name: "z", Props: p})
			w.Clients = append(w.Clients, rogue.Client{Index: 99, Name: "c", Props: p})
			w.Streams = append(w.Streams, rogue.Stream{Index: 99, Sink: 1, Client: 99, Props: p})
		}, patience: 8 * time.Second, says: moved},
		{name: "16 MiB of text in each of three lists", world: func(w *rogue.World) {
			w.Sinks = append(w.Sinks, rogue.Sink{Index: 99, Name: "z", Description: fill(16<<20 - 2000)})
			w.Clients = append(w.Clients, rogue.Client{Index: 99, Name: fill(16<<20 - 2000)})
			w.Streams = append(w.Streams, rogue.Stream{Index: 99, Sink: 1, Client: 99, Media: fill(16<<20 - 2000)})
		}, patience: 8 * time.Second, says: moved},
		{name: "a property with two lengths", Behaviour: instead(rogue.OpClientList, append(rogue.Tags(nil).U32(1).Text("c").U32(0).Text("d").Begin().Text("k").U32(5), 'x', 0, 0, 0, 4, 'a', 'b', 'c', 'd', 0, 'N')), code: 1, says: babble},

		// Moves.
		{name: "a move is never answered", Behaviour: at(rogue.OpMove, silent), code: 1, says: "the sound server did not answer while moving", slow: true},
		{name: "the end during a move", Behaviour: at(rogue.OpMove, out), code: 1, says: "the sound server went away while moving"},
		{name: "RST during a move", tcp: true, Behaviour: at(rogue.OpMove, reset), code: 1, says: "the sound server went away while moving"},
		{name: "a move is denied", Behaviour: at(rogue.OpMove, failure(rogue.AccessDenied)), code: 1, says: "does not let us move"},
		{name: "a move is refused", Behaviour: at(rogue.OpMove, failure(3)), code: 1, says: "refuses to be moved"},
		{name: "a move fails with an unknown error", Behaviour: at(rogue.OpMove, failure(9999)), code: 1, says: "the sound server answers"},
		{name: "a move is answered with values", Behaviour: instead(rogue.OpMove, rogue.Tags(nil).U32(1)), code: 1, says: babble},
		{name: "the sink has just gone", Behaviour: at(rogue.OpMove, failure(rogue.NoEntity)), code: 1, says: "the sink went away before"},
		{name: "the stream has just gone", Behaviour: rogue.Behaviour{Answer: func(c *rogue.Conn, r rogue.Request, honest []byte) {
			switch r.Command {
			case rogue.OpMove, rogue.OpStream:
				honest = rogue.Failure(r, rogue.NoEntity)
			}
			c.Send(honest)
		}}, code: 3, says: "has just stopped playing"},

		// pipewire-pulse, which is looked at through a second connection.
		{name: "PipeWire makes no move", world: onPipeWire, Behaviour: rogue.Behaviour{Still: true}, code: 1, says: "the stream did not get there", slow: true},
		{name: "PipeWire lets no second connection in", world: onPipeWire, Behaviour: rogue.Behaviour{Greet: func(c *rogue.Conn) bool { return c.Nth == 1 }}, code: 1, says: "Player"},
		{name: "PipeWire does not answer the second connection", world: onPipeWire, Behaviour: rogue.Behaviour{Answer: func(c *rogue.Conn, r rogue.Request, honest []byte) {
			if c.Nth == 1 {
				c.Send(honest)
			}
		}}, code: 1, says: "Player", slow: true},
		{name: "PipeWire babbles on the second connection", world: onPipeWire, Behaviour: at(rogue.OpStream, func(c *rogue.Conn, r rogue.Request, _ []byte) {
			c.Send(rogue.Reply(r, rogue.Tags(nil).Text("x")))
		}), code: 1, says: "Player"},
		{name: "PipeWire says the stream has gone", world: onPipeWire, Behaviour: at(rogue.OpStream, failure(rogue.NoEntity)), code: 3, says: "has just stopped playing"},
	}
}

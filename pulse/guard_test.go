package pulse

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/jfreymuth/pulse/proto"
)

// through passes received through a guard that sent the requests before, and
// returns what comes out and the cause of the end.
func through(t *testing.T, sent []byte, received io.Reader) (out []byte, cause error) {
	t.Helper()
	g := newGuard(received, func([]byte) error { return nil }, func(err error) {
		if cause != nil {
			t.Errorf("failed twice: %v, %v", cause, err)
		}
		cause = err
	})
	if n, err := g.Write(sent); n != len(sent) || err != nil {
		t.Fatalf("write: %d of %d, %v", n, len(sent), err)
	}
	out, err := io.ReadAll(g)
	if err != nil {
		t.Errorf("the library sees %v", err)
	}
	if n, err := g.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("after the end: %d, %v", n, err)
	}
	return out, cause
}

// asked is a request for each of the commands, with the tags 0, 1, 2, …
func asked(commands ...uint32) []byte {
	var b []byte
	for tag, c := range commands {
		b = append(b, packet(c, uint32(tag), nil)...)
	}
	return b
}

func TestRecordedConversationsPassUnchanged(t *testing.T) {
	for _, r := range recordings(t) {
		out, cause := through(t, r.sent, bytes.NewReader(r.received))
		if !bytes.Equal(out, r.received) {
			t.Errorf("%s: %d bytes became %d", r.name, len(r.received), len(out))
		}
		if !errors.Is(cause, ErrClosed) {
			t.Errorf("%s: ended with %v", r.name, cause)
		}
		slow, _ := through(t, r.sent, iotest.OneByteReader(bytes.NewReader(r.received)))
		if !bytes.Equal(slow, out) {
			t.Errorf("%s: byte by byte it becomes something else", r.name)
		}
	}
}

func TestTheGuardDropsWhatWasNotAskedFor(t *testing.T) {
	reply := packet(proto.OpReply, 0, enc{}.u32(35))
	header := func(length, channel uint32, flags byte) []byte {
		b := make([]byte, headerSize)
		putHeader(b, int(length))
		binary.BigEndian.PutUint32(b[4:], channel)
		b[headerSize-1] = flags
		return b
	}
	for name, junk := range map[string][]byte{
		"an unknown command":                 packet(101, 0, nil),
		"a request of the server":            packet(proto.OpRequest, proto.Undefined, enc{}.u32(0).u32(4096)),
		"a reply to an unknown tag":          packet(proto.OpReply, 7, enc{}.u32(1)),
		"an error for an unknown tag":        packet(proto.OpError, 7, enc{}.u32(1)),
		"an event of another shape":          packet(proto.OpSubscribeEvent, proto.Undefined, enc{}.u32(1)),
		"an event with too much":             packet(proto.OpSubscribeEvent, proto.Undefined, enc{}.u32(1).u32(2).u32(3)),
		"an empty frame":                     header(0, controlChannel, 0),
		"a frame shorter than a command":     append(header(9, controlChannel, 0), make([]byte, 9)...),
		"a frame that is no command":         append(header(12, controlChannel, 0), make([]byte, 12)...),
		"data of a stream":                   append(header(5000, 3, 0), make([]byte, 5000)...),
		"a frame with flags (shared memory)": append(header(20, controlChannel, 1), make([]byte, 20)...),
		"a timeout command":                  packet(proto.OpTimeout, 0, nil),
		"a tag of another type":              append(header(10, controlChannel, 0), 'L', 0, 0, 0, 2, 'B', 0, 0, 0, 0),
	} {
		t.Run(name, func(t *testing.T) {
			out, cause := through(t, asked(proto.OpAuth), bytes.NewReader(slices.Concat(junk, junk, reply, junk, reply, junk)))
			if !bytes.Equal(out, reply) {
				t.Errorf("passes % x", out)
			}
			if !errors.Is(cause, ErrClosed) {
				t.Errorf("ended with %v", cause)
			}
		})
	}
}

// Sound is handed on in whole samples, whatever the pieces it comes in, to whom it
// is for and to nobody else, and what comes after it is read as ever.
func TestSoundComesInWholeSamples(t *testing.T) {
	data := func(channel uint32, n int) []byte {
		b := make([]byte, headerSize+n)
		putHeader(b, n)
		binary.BigEndian.PutUint32(b[4:], channel)
		for i := range n {
			b[headerSize+i] = byte(i % 251)
		}
		return b
	}
	event := packet(proto.OpSubscribeEvent, proto.Undefined, enc{}.u32(0x10).u32(4))
	for _, n := range []int{0, 4, 256, 260, 1000, 4096, maxData, maxData + 4096, 3 * maxData} {
		frame := data(3, n)
		for name, in := range map[string]io.Reader{
			"at once":      bytes.NewReader(slices.Concat(data(4, n), frame, event)),
			"byte by byte": iotest.OneByteReader(bytes.NewReader(slices.Concat(data(4, n), frame, event))),
		} {
			var heard []byte
			g := newGuard(in, nil, func(error) {})
			g.listen(3, func(b []byte) {
				if len(b)%meterFragment != 0 {
					t.Errorf("%d bytes %s: a piece of %d", n, name, len(b))
				}
				heard = append(heard, b...)
			})
			out, _ := io.ReadAll(g)
			if !bytes.Equal(heard, frame[headerSize:headerSize+min(n, maxData)]) {
				t.Errorf("%d bytes %s: %d are heard", n, name, len(heard))
			}
			if !bytes.Equal(out, event) {
				t.Errorf("%d bytes %s: after it comes % x", n, name, out)
			}
		}
	}
	// Nobody listens any more.
	g := newGuard(bytes.NewReader(slices.Concat(data(3, 1000), event)), nil, func(error) {})
	g.listen(3, func([]byte) { t.Error("the deaf hear") })
	g.deaf(3)
	if out, _ := io.ReadAll(g); !bytes.Equal(out, event) {
		t.Errorf("after it comes % x", out)
	}
	// It ends within the sound.
	var cause error
	g = newGuard(bytes.NewReader(data(3, 1000)[:500]), nil, func(err error) { cause = err })
	g.listen(3, func([]byte) {})
	if _, err := io.ReadAll(g); err != nil || !errors.Is(cause, errHangup) {
		t.Errorf("%v, ended with %v", err, cause)
	}
}

func TestTheGuardTurnsWrongRepliesIntoErrors(t *testing.T) {
	broken := packet(proto.OpError, 0, enc{}.u32(uint32(malformed)))
	for name, reply := range map[string][]byte{
		"an empty reply":              packet(proto.OpReply, 0, nil),
		"a reply of another type":     packet(proto.OpReply, 0, enc{}.str("x")),
		"a reply with too much":       packet(proto.OpReply, 0, enc{}.u32(1).u32(2)),
		"an error without a code":     packet(proto.OpError, 0, nil),
		"an error with half a code":   packet(proto.OpError, 0, []byte("L\x00")),
		"an error of another type":    packet(proto.OpError, 0, []byte("V\x00\x00\x00\x01")),
		"an error that says all good": packet(proto.OpError, 0, enc{}.u32(0)),
	} {
		t.Run(name, func(t *testing.T) {
			out, _ := through(t, asked(proto.OpAuth), bytes.NewReader(reply))
			if !bytes.Equal(out, broken) {
				t.Errorf("passes % x", out)
			}
		})
	}
}

func TestTheGuardEndsWithTheTrueCause(t *testing.T) {
	event := packet(proto.OpSubscribeEvent, proto.Undefined, enc{}.u32(0x10).u32(4))
	huge := make([]byte, headerSize)
	putHeader(huge, maxFrame+1)
	most := make([]byte, headerSize)
	putHeader(most, 0xFFFFFFFF)
	lost := errors.New("lost")
	for name, test := range map[string]struct {
		in    io.Reader
		cause error
	}{
		"the end between frames":      {bytes.NewReader(event), errHangup},
		"the end within a header":     {bytes.NewReader(append(bytes.Clone(event), huge[:7]...)), errHangup},
		"the end within a frame":      {bytes.NewReader(append(bytes.Clone(event), event[:25]...)), errHangup},
		"a frame of more than 16 MiB": {bytes.NewReader(append(bytes.Clone(event), huge...)), ErrProtocol},
		"a frame of 4 GiB":            {bytes.NewReader(append(bytes.Clone(event), most...)), ErrProtocol},
		"an error of the socket":      {io.MultiReader(bytes.NewReader(event), iotest.ErrReader(lost)), lost},
	} {
		t.Run(name, func(t *testing.T) {
			out, cause := through(t, nil, test.in)
			if !bytes.Equal(out, event) {
				t.Errorf("the frame before it: % x", out)
			}
			if !errors.Is(cause, test.cause) {
				t.Errorf("ended with %v", cause)
			}
		})
	}
}

func TestAnAnnouncedFrameIsNotAllocated(t *testing.T) {
	head := make([]byte, headerSize)
	putHeader(head, maxFrame)
	n := testing.AllocsPerRun(1, func() {
		g := newGuard(bytes.NewReader(append(head, make([]byte, 100)...)), nil, func(error) {})
		_, _ = io.ReadAll(g)
		if cap(g.frame) > 1<<20 {
			t.Errorf("a buffer of %d bytes", cap(g.frame))
		}
	})
	t.Logf("%v allocations", n)
}

func TestTheGuardSendsWholeFrames(t *testing.T) {
	var sent [][]byte
	var failed error
	g := newGuard(strings.NewReader(""), func(b []byte) error {
		sent = append(sent, bytes.Clone(b))
		if len(sent) == 4 {
			return ErrTimeout
		}
		return nil
	}, func(err error) { failed = err })
	a, b, c := packet(proto.OpAuth, 0, enc{}.u32(32)), packet(proto.OpSubscribe, 1, nil), packet(proto.OpMoveSinkInput, 2, enc{}.u32(1).u32(2).null())
	write := func(b []byte) {
		t.Helper()
		if n, err := g.Write(b); n != len(b) || err != nil {
			t.Errorf("write: %d, %v", n, err)
		}
	}
	write(nil)
	for i := range a {
		write(a[i : i+1])
	}
	write(slices.Concat(b, c[:30]))
	write(c[30:])
	g.hold(2)
	write(a)
	if len(sent) != 3 {
		t.Errorf("%d pieces before the second held frame", len(sent))
	}
	write(b)
	for i, want := range [][]byte{a, b, c, slices.Concat(a, b)} {
		if i >= len(sent) || !bytes.Equal(sent[i], want) {
			t.Fatalf("piece %d: % x", i, sent)
		}
	}
	if len(sent) != 4 || !errors.Is(failed, ErrTimeout) {
		t.Errorf("%d pieces, failed with %v", len(sent), failed)
	}
}

// model says what must come out of the guard: whole frames, unless the
// strings of one were cut; then nil stands for it.
func model(sent, received []byte) (out [][]byte, all bool) {
	open := make(map[uint32]uint32)
	for len(sent) >= headerSize {
		size := headerSize + int(binary.BigEndian.Uint32(sent))
		if len(sent) < size {
			break
		}
		if command, tag, ok := parseCommand(sent[headerSize:size]); ok {
			open[tag] = command
		}
		sent = sent[size:]
	}
	all = true
	for len(received) >= headerSize {
		length := int(binary.BigEndian.Uint32(received))
		control := bytes.Equal(received[4:8], []byte{0xFF, 0xFF, 0xFF, 0xFF})
		plain := bytes.Equal(received[16:20], []byte{0, 0, 0, 0})
		if length > maxFrame || headerSize+length > len(received) {
			break
		}
		body := received[headerSize : headerSize+length]
		received = received[headerSize+length:]
		if !control || !plain || length < minBody || body[0] != 'L' || body[5] != 'L' {
			continue
		}
		command, tag := binary.BigEndian.Uint32(body[1:]), binary.BigEndian.Uint32(body[6:])
		rest := body[minBody:]
		if command == proto.OpSubscribeEvent {
			if list, err := tokens(rest); err == nil && len(list) == 2 && list[0].tag == 'L' && list[1].tag == 'L' {
				out = append(out, packet(command, tag, rest))
			}
			continue
		}
		request, ok := open[tag]
		if !ok || command != proto.OpReply && command != proto.OpError {
			continue
		}
		delete(open, tag)
		longest, err := readReply(request, rest)
		list, listErr := tokens(rest)
		switch {
		case command == proto.OpError && listErr == nil && len(list) == 1 && list[0].tag == 'L' && list[0].num != 0:
			out = append(out, packet(command, tag, rest))
		case command == proto.OpError || err != nil:
			out = append(out, packet(proto.OpError, tag, enc{}.u32(uint32(malformed))))
		case longest > maxString:
			out = append(out, nil)
			all = false
		default:
			out = append(out, packet(command, tag, rest))
		}
	}
	return out, all
}

// FuzzGuard holds the guard against the model, whatever the pieces in which
// the bytes arrive, and what comes out against the strict reader.
func FuzzGuard(f *testing.F) {
	for _, r := range recordings(f) {
		f.Add(r.sent, r.received, uint16(100))
		for n := 1; n < len(r.received); n *= 3 {
			f.Add(r.sent, r.received[:n], uint16(7))
		}
	}
	var commands []uint32
	var received []byte
	for command, bodies := range replies() {
		for _, body := range bodies {
			received = append(received, packet(proto.OpReply, uint32(len(commands)), body)...)
			commands = append(commands, command)
		}
	}
	long := strings.Repeat("中", 700)
	f.Add(asked(commands...), received, uint16(1))
	f.Add(asked(proto.OpGetClientInfoList), packet(proto.OpReply, 0, enc{}.client(1, long, nil)), uint16(1000))
	f.Add(asked(proto.OpAuth), packet(proto.OpError, 0, enc{}.u32(1)), uint16(3))
	f.Fuzz(func(t *testing.T, sent, received []byte, piece uint16) {
		sent = slices.Clip(sent)
		out, cause := through(t, sent, bytes.NewReader(received))
		if cause == nil {
			t.Error("ended without a cause")
		}
		pieces, _ := through(t, sent, &pieceReader{b: received, n: int(piece) + 1})
		if !bytes.Equal(out, pieces) {
			t.Fatal("in pieces it becomes something else")
		}
		frames, err := readFrames(out)
		if err != nil {
			t.Fatalf("what comes out cannot be read: %v", err)
		}
		want, all := model(sent, received)
		if len(frames) != len(want) {
			t.Fatalf("%d frames, want %d", len(frames), len(want))
		}
		if joined := slices.Concat(want...); all && !bytes.Equal(out, joined) {
			t.Fatalf("comes out\n% x\nwant\n% x", out, joined)
		}
		for i, x := range frames {
			if want[i] != nil {
				if !bytes.Equal(packet(x.command, x.tag, x.body), want[i]) {
					t.Fatalf("frame %d is\n% x\nwant\n% x", i, x.body, want[i])
				}
				continue
			}
			fits := false
			for _, command := range requests {
				longest, err := readReply(command, x.body)
				fits = fits || err == nil && longest <= maxString
			}
			if !fits || x.command != proto.OpReply {
				t.Fatalf("frame %d cannot be read", i)
			}
		}
	})
}

// pieceReader gives n bytes at a time.
type pieceReader struct {
	b []byte
	n int
}

func (r *pieceReader) Read(p []byte) (int, error) {
	if len(r.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), r.n)], r.b)
	r.b = r.b[n:]
	return n, nil
}

package pulse

import (
	"encoding/binary"
	"slices"

	"github.com/jfreymuth/pulse/proto"
)

// enc writes tagged values, for the fake server and the tests of the walker.
type enc []byte

func (e enc) u32(v uint32) enc { return binary.BigEndian.AppendUint32(append(e, 'L'), v) }
func (e enc) vol(v uint32) enc { return binary.BigEndian.AppendUint32(append(e, 'V'), v) }
func (e enc) usec(v uint64) enc {
	return binary.BigEndian.AppendUint64(append(e, 'U'), v)
}
func (e enc) str(s string) enc {
	return append(append(append(e, 't'), s...), 0)
}
func (e enc) null() enc { return append(e, 'N') }
func (e enc) boolean(v bool) enc {
	if v {
		return append(e, '1')
	}
	return append(e, '0')
}
func (e enc) spec() enc   { return append(e, 'a', 3, 2, 0, 0, 0xAC, 0x44) }
func (e enc) stereo() enc { return append(e, 'm', 2, 1, 2) }
func (e enc) volumes(v ...uint32) enc {
	e = append(e, 'v', byte(len(v)))
	for _, n := range v {
		e = binary.BigEndian.AppendUint32(e, n)
	}
	return e
}

// block writes a property value of any bytes.
func (e enc) block(b string) enc {
	e = e.u32(uint32(len(b)))
	e = binary.BigEndian.AppendUint32(append(e, 'x'), uint32(len(b)))
	return append(e, b...)
}

// props writes properties in the order of their keys; the values are strings.
func (e enc) props(p map[string]string) enc {
	e = append(e, 'P')
	keys := make([]string, 0, len(p))
	for k := range p {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		e = e.str(k).block(p[k] + "\x00")
	}
	return e.null()
}

func (e enc) format() enc { return append(e, 'f', 'B', 1).props(nil) }

func (e enc) server(name, version, sink string) enc {
	return e.str(name).str(version).str("user").str("host").spec().str(sink).null().u32(7).stereo()
}

type testSink struct {
	index       uint32
	name        string
	description string
	props       map[string]string
	ports       []string
	available   uint32
	flags       uint32
}

func (e enc) sink(s testSink) enc {
	e = e.u32(s.index).str(s.name).str(s.description).spec().stereo().u32(1).volumes(0x8000, 0x10000)
	e = e.boolean(false).u32(9).str("monitor").usec(0).str("driver").u32(s.flags)
	e = e.props(s.props).usec(0).vol(0x10000).u32(1).u32(65537).u32(proto.Undefined)
	e = e.u32(uint32(len(s.ports)))
	for _, p := range s.ports {
		e = e.str(p).str("the port " + p).u32(100).u32(s.available)
	}
	if len(s.ports) > 0 {
		e = e.str(s.ports[0])
	} else {
		e = e.null()
	}
	return append(e, 'B', 1).format()
}

type testStream struct {
	index, client, sink uint32
	media               string
	props               map[string]string
	volumes             []uint32 // nil for 100 %
}

func (e enc) stream(s testStream) enc {
	if s.volumes == nil {
		s.volumes = []uint32{0x10000, 0x10000}
	}
	e = e.u32(s.index).str(s.media).u32(proto.Undefined).u32(s.client).u32(s.sink)
	e = e.spec().stereo().volumes(s.volumes...).usec(0).usec(0).null().str("driver")
	return e.boolean(false).props(s.props).boolean(false).boolean(true).boolean(true).format()
}

func (e enc) recording(s testStream, resampler string) enc {
	e = e.u32(s.index).str(s.media).u32(proto.Undefined).u32(s.client).u32(s.sink)
	e = e.spec().stereo().usec(0).usec(0).str(resampler).str("driver").props(s.props)
	return e.boolean(false).volumes(0x8000, 0x8000).boolean(true).boolean(true).boolean(true).format()
}

func (e enc) client(index uint32, name string, props map[string]string) enc {
	return e.u32(index).str(name).u32(proto.Undefined).str("driver").props(props)
}

type testCard struct {
	index    uint32
	name     string
	profiles []string
	active   string
	props    map[string]string
	ports    []string // each is in the profile of the same place, else in ""
}

func (e enc) card(c testCard) enc {
	e = e.u32(c.index).str(c.name).u32(proto.Undefined).str("driver").u32(uint32(len(c.profiles)))
	for _, p := range c.profiles {
		e = e.str(p).str("the profile " + p).u32(1).u32(0).u32(100).u32(1)
	}
	if c.active == "" {
		e = e.null()
	} else {
		e = e.str(c.active)
	}
	e = e.props(c.props).u32(uint32(len(c.ports)))
	for i, p := range c.ports {
		of := ""
		if i < len(c.profiles) {
			of = c.profiles[i]
		}
		e = append(e.str(p).str("the port "+p).u32(100).u32(2), 'B', 1)
		e = e.props(nil).u32(1).str(of)
		e = append(e, 'r', 0, 0, 0, 0, 0, 0, 0, 0)
	}
	return e
}

// playback is the reply to a request for a stream: its index, and that of the
// sink input.
func (e enc) playback(index, input uint32) enc {
	e = e.u32(index).u32(input).u32(0).u32(1).u32(2).u32(3).u32(4).spec().stereo()
	return e.u32(44).str("a").boolean(false).usec(0).format()
}

// record is the reply to a request for a recording.
func (e enc) record(channel, output uint32) enc {
	return e.u32(channel).u32(output).u32(4).u32(4).spec().stereo().u32(9).str("a.monitor").boolean(false).usec(0).format()
}

// packet puts a body into a control frame.
func packet(command, tag uint32, body []byte) []byte {
	b := enc(make([]byte, headerSize)).u32(command).u32(tag)
	b = append(b, body...)
	putHeader(b, len(b)-headerSize)
	return b
}

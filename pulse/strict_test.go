package pulse

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/jfreymuth/pulse/proto"
)

// This file is a second reader of the wire, written apart from the first: it
// takes bytes apart into tokens and then looks for one sentence of the
// grammar. The fuzz tests hold the guard against it.

// token is one tagged value. 'P' and 'f' stand alone, what follows them are
// tokens of their own.
type token struct {
	tag  byte
	num  uint64
	data []byte
}

var errStrict = errors.New("not in the grammar")

// tokens takes b apart.
func tokens(b []byte) ([]token, error) {
	var all []token
	take := func(n int) ([]byte, error) {
		if len(b) < n {
			return nil, fmt.Errorf("%w: %d bytes missing", errStrict, n-len(b))
		}
		v := b[:n]
		b = b[n:]
		return v, nil
	}
	for len(b) > 0 {
		k := token{tag: b[0]}
		b = b[1:]
		var v []byte
		var err error
		switch k.tag {
		case 'N', '0', '1', 'P', 'f':
		case 'B':
			if v, err = take(1); err == nil {
				k.num = uint64(v[0])
			}
		case 'L', 'V':
			if v, err = take(4); err == nil {
				k.num = uint64(binary.BigEndian.Uint32(v))
			}
		case 'U', 'R', 'r', 'T':
			if v, err = take(8); err == nil {
				k.num = binary.BigEndian.Uint64(v)
			}
		case 'a':
			k.data, err = take(6)
		case 'm', 'v':
			if v, err = take(1); err == nil {
				size := map[byte]int{'m': 1, 'v': 4}[k.tag]
				k.data, err = take(int(v[0]) * size)
			}
		case 't':
			before, after, found := bytes.Cut(b, []byte{0})
			if !found {
				err = fmt.Errorf("%w: a string without an end", errStrict)
			}
			k.data, b = before, after
		case 'x':
			if v, err = take(4); err == nil {
				n := binary.BigEndian.Uint32(v)
				if uint64(n) > uint64(len(b)) {
					err = fmt.Errorf("%w: a block of %d bytes", errStrict, n)
				} else {
					k.data, err = take(int(n))
				}
			}
		default:
			err = fmt.Errorf("%w: type %q", errStrict, k.tag)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, k)
	}
	return all, nil
}

// grammar reads tokens; the first failure stays in err.
type grammar struct {
	list []token
	err  error
	// longest is the longest string or property value seen.
	longest int
	items   int
	most    int // items
}

func (g *grammar) want(tags ...byte) (last token) {
	for _, tag := range tags {
		if g.err != nil {
			return token{}
		}
		if len(g.list) == 0 || g.list[0].tag != tag {
			g.err = fmt.Errorf("%w: no %q", errStrict, tag)
			return token{}
		}
		last, g.list = g.list[0], g.list[1:]
		if tag == 't' {
			g.longest = max(g.longest, len(last.data))
		}
	}
	return last
}

func (g *grammar) is(tag byte) bool {
	return g.err == nil && len(g.list) > 0 && g.list[0].tag == tag
}

func (g *grammar) stringOrNull() {
	if g.is('N') {
		g.want('N')
	} else {
		g.want('t')
	}
}

func (g *grammar) boolean() {
	if g.is('0') {
		g.want('0')
	} else {
		g.want('1')
	}
}

func (g *grammar) props() {
	g.want('P')
	for g.err == nil && !g.is('N') {
		g.items++
		g.want('t')
		length := g.want('L').num
		value := g.want('x').data
		if g.err == nil && uint64(len(value)) != length {
			g.err = fmt.Errorf("%w: two lengths", errStrict)
		}
		// The closing NUL does not count.
		g.longest = max(g.longest, len(value)-1)
	}
	g.want('N')
}

func (g *grammar) format() {
	g.items++
	g.want('f', 'B')
	g.props()
}

func (g *grammar) server() {
	for range 4 {
		g.stringOrNull()
	}
	g.want('a')
	g.stringOrNull()
	g.stringOrNull()
	g.want('L', 'm')
}

func (g *grammar) sink() {
	g.want('L')
	g.stringOrNull()
	g.stringOrNull()
	g.want('a', 'm', 'L', 'v')
	g.boolean()
	g.want('L')
	g.stringOrNull()
	g.want('U')
	g.stringOrNull()
	g.want('L')
	g.props()
	g.want('U', 'V', 'L', 'L', 'L')
	for n := g.want('L').num; n > 0 && g.err == nil; n-- {
		g.items++
		g.stringOrNull()
		g.stringOrNull()
		g.want('L', 'L')
	}
	g.stringOrNull()
	for n := g.want('B').num; n > 0 && g.err == nil; n-- {
		g.format()
	}
}

func (g *grammar) stream() {
	g.want('L')
	g.stringOrNull()
	g.want('L', 'L', 'L', 'a', 'm', 'v', 'U', 'U')
	g.stringOrNull()
	g.stringOrNull()
	g.boolean()
	g.props()
	g.boolean()
	g.boolean()
	g.boolean()
	g.format()
}

func (g *grammar) recording() {
	g.want('L')
	g.stringOrNull()
	g.want('L', 'L', 'L', 'a', 'm', 'U', 'U')
	g.stringOrNull()
	g.stringOrNull()
	g.props()
	g.boolean()
	g.want('v')
	g.boolean()
	g.boolean()
	g.boolean()
	g.format()
}

func (g *grammar) client() {
	g.want('L')
	g.stringOrNull()
	g.want('L')
	g.stringOrNull()
	g.props()
}

func (g *grammar) card() {
	g.want('L')
	g.stringOrNull()
	g.want('L')
	g.stringOrNull()
	for n := g.want('L').num; n > 0 && g.err == nil; n-- {
		g.items++
		g.stringOrNull()
		g.stringOrNull()
		g.want('L', 'L', 'L', 'L')
	}
	g.stringOrNull()
	g.props()
	for n := g.want('L').num; n > 0 && g.err == nil; n-- {
		g.items++
		g.stringOrNull()
		g.stringOrNull()
		g.want('L', 'L', 'B')
		g.props()
		for m := g.want('L').num; m > 0 && g.err == nil; m-- {
			g.items++
			g.stringOrNull()
		}
		g.want('r')
	}
}

// readReply reads what follows command and tag in a reply to command. Strings
// may be of any length; the longest is returned.
func readReply(command uint32, b []byte) (longest int, err error) {
	list, err := tokens(b)
	if err != nil {
		return 0, err
	}
	g := &grammar{list: list, most: maxItems}
	all := func(entry func()) {
		for n := 0; g.err == nil && len(g.list) > 0; n++ {
			if n == maxEntries {
				g.err = fmt.Errorf("%w: too many entries", errStrict)
			}
			entry()
		}
	}
	switch command {
	case proto.OpAuth, proto.OpSetClientName:
		g.want('L')
	case proto.OpMoveSinkInput, proto.OpMoveSourceOutput, proto.OpSubscribe, proto.OpDeletePlaybackStream,
		proto.OpSetSinkInputVolume, proto.OpSetSinkPort, proto.OpSetCardProfile:
	case proto.OpGetCardInfoList:
		g.most = maxCardItems
		all(g.card)
	case proto.OpGetServerInfo:
		g.server()
	case proto.OpGetSinkInputInfo:
		g.stream()
	case proto.OpGetSinkInfoList, proto.OpGetSourceInfoList:
		all(g.sink)
	case proto.OpGetSourceOutputInfoList:
		all(g.recording)
	case proto.OpGetSinkInputInfoList:
		all(g.stream)
	case proto.OpGetClientInfoList:
		all(g.client)
	case proto.OpGetClientInfo:
		g.client()
	case proto.OpCreatePlaybackStream:
		g.want('L', 'L', 'L', 'L', 'L', 'L', 'L', 'a', 'm', 'L')
		g.stringOrNull()
		g.boolean()
		g.want('U')
		g.format()
	default:
		return 0, fmt.Errorf("%w: command %d", errStrict, command)
	}
	if g.err == nil && len(g.list) > 0 {
		g.err = fmt.Errorf("%w: %d values too many", errStrict, len(g.list))
	}
	if g.err == nil && g.items > g.most {
		g.err = fmt.Errorf("%w: too many items", errStrict)
	}
	return g.longest, g.err
}

// frame is one control frame.
type frame struct {
	command, tag uint32
	body         []byte // what follows the tag
}

// readFrames takes a stream of bare control frames apart; what is left over
// is an error.
func readFrames(b []byte) ([]frame, error) {
	var all []frame
	for len(b) > 0 {
		if len(b) < headerSize {
			return nil, fmt.Errorf("%w: %d bytes of a header", errStrict, len(b))
		}
		length := binary.BigEndian.Uint32(b)
		if !bytes.Equal(b[4:headerSize], append(bytes.Repeat([]byte{0xFF}, 4), make([]byte, 12)...)) {
			return nil, fmt.Errorf("%w: header % x", errStrict, b[:headerSize])
		}
		b = b[headerSize:]
		if uint64(length) > uint64(len(b)) || length < minBody {
			return nil, fmt.Errorf("%w: a frame of %d bytes, %d there", errStrict, length, len(b))
		}
		body := b[:length]
		b = b[length:]
		if body[0] != 'L' || body[5] != 'L' {
			return nil, fmt.Errorf("%w: no command", errStrict)
		}
		all = append(all, frame{
			command: binary.BigEndian.Uint32(body[1:]),
			tag:     binary.BigEndian.Uint32(body[6:]),
			body:    body[minBody:],
		})
	}
	return all, nil
}

package pulse

import (
	"fmt"
	"testing"

	"github.com/jfreymuth/pulse/proto"
)

// BenchmarkSnapshot asks a server in the same process, so that the figure
// holds its part, too.
func BenchmarkSnapshot(b *testing.B) {
	for _, size := range []struct{ sinks, streams, clients int }{{3, 3, 3}, {30, 200, 50}} {
		b.Run(fmt.Sprintf("%d sinks, %d streams", size.sinks, size.streams), func(b *testing.B) {
			f := newFake(b, false)
			lists := sizedLists(size.sinks, size.streams, size.clients)
			f.answer = func(_ int, r frame) []byte {
				if body, ok := lists[r.command]; ok {
					return packet(proto.OpReply, r.tag, body)
				}
				return usual(r, false)
			}
			c := dialFake(b, f)
			ctx := within(b, ample)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Snapshot(ctx); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// sizedLists are list replies with properties as pipewire-pulse sends them.
func sizedLists(sinks, streams, clients int) map[uint32]enc {
	props := make(map[string]string)
	for i := range 30 {
		props[fmt.Sprintf("some.property.%d", i)] = fmt.Sprintf("the value of property %d", i)
	}
	lists := map[uint32]enc{proto.OpGetSinkInfoList: nil, proto.OpGetSinkInputInfoList: nil, proto.OpGetClientInfoList: nil}
	for i := range sinks {
		lists[proto.OpGetSinkInfoList] = lists[proto.OpGetSinkInfoList].sink(testSink{
			index: uint32(i), name: fmt.Sprint("sink.", i), description: "A sink", props: props, ports: []string{"speaker", "headphones"},
		})
	}
	for i := range streams {
		lists[proto.OpGetSinkInputInfoList] = lists[proto.OpGetSinkInputInfoList].stream(testStream{
			index: uint32(i), client: uint32(i % clients), sink: uint32(i % sinks), media: "a song", props: props,
		})
	}
	for i := range clients {
		lists[proto.OpGetClientInfoList] = lists[proto.OpGetClientInfoList].client(uint32(i), "mpv", props)
	}
	return lists
}

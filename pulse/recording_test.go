package pulse

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jfreymuth/pulse/proto"
)

// recording is a conversation with a real server, from testdata. They are
// made by TestRealConversation with -record.
type recording struct {
	name           string
	sent, received []byte
	requests       map[uint32]uint32 // by tag: the command
	frames         []frame           // received
}

func recordings(t testing.TB) []recording {
	files, err := filepath.Glob("testdata/*.received")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	var all []recording
	for _, file := range files {
		r := recording{name: strings.TrimSuffix(filepath.Base(file), ".received"), requests: make(map[uint32]uint32)}
		if r.received, err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
		if r.sent, err = os.ReadFile(strings.TrimSuffix(file, "received") + "sent"); err != nil {
			t.Fatal(err)
		}
		sent, err := readFrames(r.sent)
		if err != nil {
			t.Fatalf("%s: %v", r.name, err)
		}
		for _, x := range sent {
			r.requests[x.tag] = x.command
		}
		if r.frames, err = readFrames(r.received); err != nil {
			t.Fatalf("%s: %v", r.name, err)
		}
		all = append(all, r)
	}
	return all
}

// needed are the commands of a connection that takes one snapshot.
var needed = []uint32{
	proto.OpAuth, proto.OpSetClientName, proto.OpGetServerInfo,
	proto.OpGetSinkInfoList, proto.OpGetSinkInputInfoList, proto.OpGetClientInfoList,
}

// answers returns the first reply to each of those commands.
func (r *recording) answers(t testing.TB) map[uint32][]byte {
	answers := make(map[uint32][]byte)
	for _, x := range r.frames {
		if command, ok := r.requests[x.tag]; ok && x.command == proto.OpReply && answers[command] == nil {
			answers[command] = x.body
		}
	}
	for _, command := range needed {
		if answers[command] == nil {
			t.Fatalf("%s: no reply to command %d", r.name, command)
		}
	}
	return answers
}

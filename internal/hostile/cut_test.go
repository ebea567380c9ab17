package hostile

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/lab/long"
	"github.com/patoggle/patoggle/internal/lab/rogue"
)

// recorded are the replies of a real server, from the recordings of package
// pulse: the first one to each command.
func recorded(t *testing.T, name string) map[uint32][]byte {
	t.Helper()
	frames := func(end string) [][]byte {
		b, err := os.ReadFile("../../pulse/testdata/" + name + end)
		if err != nil {
			t.Fatal(err)
		}
		var all [][]byte
		for len(b) > 0 {
			n := 20 + int(binary.BigEndian.Uint32(b))
			all, b = append(all, b[:n]), b[n:]
		}
		return all
	}
	commands := map[uint32]uint32{} // by tag
	for _, f := range frames(".sent") {
		commands[binary.BigEndian.Uint32(f[26:])] = binary.BigEndian.Uint32(f[21:])
	}
	replies := map[uint32][]byte{}
	for _, f := range frames(".received") {
		command, known := commands[binary.BigEndian.Uint32(f[26:])]
		if known && binary.BigEndian.Uint32(f[21:]) == rogue.OpReply && replies[command] == nil {
			replies[command] = f
		}
	}
	return replies
}

// replay answers as recorded, until limit bytes have gone out; then the
// connection ends. Limit 0 is no limit; sent counts.
func replay(replies map[uint32][]byte, limit int, sent *atomic.Int64) rogue.Behaviour {
	return rogue.Behaviour{Answer: func(c *rogue.Conn, r rogue.Request, _ []byte) {
		answer := replies[r.Command]
		if answer == nil {
			answer = rogue.Failure(r, rogue.NoEntity)
		}
		answer = append([]byte(nil), answer...)
		binary.BigEndian.PutUint32(answer[26:], r.Tag)
		before := int(sent.Load())
		if limit > 0 && before+len(answer) >= limit {
			sent.Store(int64(limit))
			c.Send(answer[:limit-before])
			c.Close()
			return
		}
		sent.Add(int64(len(answer)))
		c.Send(answer)
	}}
}

// A conversation with a real PulseAudio, cut off after every fifth byte, in each
// run from another one on, and after every byte in the long form; one with
// pipewire-pulse, which is longer, after every 61st.
func TestAConversationIsCutOff(t *testing.T) {
	const workers = 4
	l := lab.Start(t)
	program := lab.Binary(t, "patoggle")
	for _, test := range []struct {
		name  string
		step  int
		args  []string
		whole int // exit code of the whole conversation
	}{
		{"pulseaudio", long.Count(9, 1), []string{"--stream", "0", "--to", "c"}, 0},
		{"pipewire", long.Count(97, 61), []string{"list", "streams"}, 0},
	} {
		replies := recorded(t, test.name)
		var figures extremes
		// call lets so many bytes out, and returns how many it took.
		call := func(t *testing.T, s *rogue.Server, limit int) (lab.Result, int) {
			var sent atomic.Int64
			s.Behave(replay(replies, limit, &sent), rogue.World{})
			r := l.Run([]string{"PULSE_SERVER=" + s.Address, "DISPLAY"}, program, append([]string{"--timeout", knowing.String()}, test.args...)...)
			s.Hangup()
			figures.add(fmt.Sprint("after ", limit, " bytes"), r, knowing)
			wellSpoken(t, "patoggle", r)
			return r, int(sent.Load())
		}
		first := listen(t, "unix:"+l.Runtime+"/cut", rogue.World{})
		r, whole := call(t, first, 0)
		if r.Code != test.whole {
			t.Fatalf("%s, whole: exit code %d: %s", test.name, r.Code, r.Stderr)
		}
		first.Close()
		from := 1 + rand.IntN(test.step)
		t.Run(test.name, func(t *testing.T) {
			for worker := range workers {
				t.Run(fmt.Sprint("worker ", worker), func(t *testing.T) {
					t.Parallel()
					s := listen(t, fmt.Sprintf("unix:%s/cut-%d", l.Runtime, worker), rogue.World{})
					for n := from + worker*test.step; n < whole; n += workers * test.step {
						r, _ := call(t, s, n)
						told := strings.Contains(r.Stderr, "closed") || strings.Contains(r.Stderr, "went away while moving")
						if r.Code != 1 || !told {
							t.Errorf("after %d of %d bytes: exit code %d: %s%s", n, whole, r.Code, r.Stdout, r.Stderr)
						}
						if !lab.InTime(r.Took, pressTime) {
							t.Errorf("after %d bytes it takes %v to notice", n, r.Took)
						}
						if r.MaxRSS > most {
							t.Errorf("after %d bytes: %d bytes of memory", n, r.MaxRSS)
						}
					}
				})
			}
		})
		t.Logf("%s, %d bytes: %v", test.name, whole, &figures)
	}
}

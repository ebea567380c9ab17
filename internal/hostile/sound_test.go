package hostile

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/lab/rogue"
)

func TestMain(m *testing.M) {
	lab.Together(4) // they wait for timeouts
	os.Exit(lab.Main(m))
}

// The timeouts of patoggle: who waits for it waits for the short one, which is long
// enough to get that far. Where there is nothing to wait for it is so long that no
// machine is too slow, and whoever waits for it does not pass for quick.
const waiting, knowing = 1500 * time.Millisecond, time.Minute

// most is the memory that no call may exceed, in bytes.
const most = 64_000_000

// What the log shall not hold.
const (
	secretTitle  = "a title nobody shall log"
	secretStream = "a song nobody shall log"
)

func itoa(n int) string { return strconv.Itoa(n) }

// usual is a world of three sinks and one application, which is the process
// pid, a program of that name.
func usual(pid int, program string) rogue.World {
	return rogue.World{
		Name:    "pulseaudio",
		Default: "a",
		Sinks: []rogue.Sink{
			{Index: 1, Name: "a", Description: "Speakers"},
			{Index: 2, Name: "b", Description: "Headset"},
			{Index: 3, Name: "c", Description: "TV"},
		},
		Clients: []rogue.Client{{Index: 40, Name: "Player", Props: map[string]string{
			"application.name":           "Player",
			"application.process.id":     itoa(pid),
			"application.process.binary": program,
		}}},
		Streams: []rogue.Stream{{Index: 7, Sink: 1, Client: 40, Media: secretStream}},
		Sources: []rogue.Source{
			{Index: 1, Name: "m", Description: "Desk Mic"},
			{Index: 2, Name: "n", Description: "Headset Mic"},
		},
		Recordings: []rogue.Recording{{Index: 7, Sink: 1, Client: 40, Media: secretStream}},
	}
}

// listen starts a rogue server that ends with the test.
func listen(t *testing.T, address string, w rogue.World) *rogue.Server {
	t.Helper()
	s, err := rogue.Listen(address, w)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// wellSpoken holds what is true of all that the programs write: no control
// byte reaches the terminal, and every line is in the program's voice.
func wellSpoken(t *testing.T, program string, r lab.Result) {
	t.Helper()
	for _, out := range []string{r.Stdout, r.Stderr} {
		if i := strings.IndexFunc(out, func(c rune) bool { return unicode.IsControl(c) && c != '\n' || c == '\u202e' }); i >= 0 {
			t.Errorf("a raw control character at %d of %q", i, out)
		}
	}
	for line := range strings.Lines(r.Stderr) {
		if !strings.HasPrefix(line, program+": ") {
			t.Errorf("a line in another voice: %q", line)
		}
	}
}

// extremes keeps the largest figures of many runs.
type extremes struct {
	mu     sync.Mutex
	runs   int
	memory int64
	fat    string
	over   time.Duration
	late   string
}

func (e *extremes) add(name string, r lab.Result, limit time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.runs++
	if r.MaxRSS > e.memory {
		e.memory, e.fat = r.MaxRSS, name
	}
	if over := r.Took - limit; e.late == "" || over > e.over {
		e.over, e.late = over, name
	}
}

func (e *extremes) String() string {
	return fmt.Sprintf("%d runs; most memory %.1f MB (%s); latest %v after its timeout (%s)",
		e.runs, float64(e.memory)/1e6, e.fat, e.over.Round(time.Millisecond), e.late)
}

func TestASoundServerMisbehavesToThePatoggle(t *testing.T) {
	l := lab.Start(t)
	program := lab.Binary(t, "patoggle")
	all := append(tales(), recordingTales()...)
	if len(all) < 60 {
		t.Errorf("only %d tales", len(all))
	}
	var figures extremes
	t.Run("tales", func(t *testing.T) {
		for i, tale := range all {
			t.Run(tale.name, func(t *testing.T) {
				t.Parallel()
				timeout := knowing
				if tale.slow {
					timeout = waiting
				}
				w := usual(os.Getpid(), "hostile.test")
				if tale.world != nil {
					tale.world(&w)
				}
				address := fmt.Sprintf("unix:%s/tale-%d", l.Runtime, i)
				if tale.tcp {
					address = "tcp:"
				}
				s := listen(t, address, w)
				s.Behave(tale.Behaviour, w)
				args := append([]string{"--timeout", timeout.String()}, tale.args...)
				if !tale.whole {
					args = append(args, "--stream", "7")
				}
				r := l.Run([]string{"PULSE_SERVER=" + s.Address}, program, args...)
				figures.add(tale.name, r, timeout)
				t.Logf("exit code %d after %v, %.1f MB: %.200s%.200s", r.Code, r.Took.Round(time.Millisecond), float64(r.MaxRSS)/1e6, r.Stdout, r.Stderr)
				wellSpoken(t, "patoggle", r)
				out := r.Stderr
				if tale.code == 0 {
					out = r.Stdout
				}
				if r.Code != tale.code || !strings.Contains(out, tale.says) {
					t.Errorf("exit code %d, want %d with %q\nstdout: %.500s\nstderr: %.500s", r.Code, tale.code, tale.says, r.Stdout, r.Stderr)
				}
				if !lab.InTime(r.Took, timeout) {
					t.Errorf("took %v", r.Took)
				}
				if !tale.slow && r.Took > timeout {
					t.Errorf("took %v for what is known at once", r.Took)
				}
				if r.MaxRSS > most {
					t.Errorf("had %d bytes of memory", r.MaxRSS)
				}
				if len(r.Stdout)+len(r.Stderr) > 8192 {
					t.Errorf("wrote %d bytes", len(r.Stdout)+len(r.Stderr))
				}
			})
		}
	})
	t.Logf("patoggle: %v", &figures)
}

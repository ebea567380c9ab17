package pulse

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jfreymuth/pulse/proto"

	"github.com/patoggle/patoggle/internal/lab/long"
)

// soon is a deadline that is expected to pass; ample is one that is not.
const (
	soon  = 150 * time.Millisecond
	ample = 20 * time.Second
)

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// bare is an environment that names nothing.
func bare(string) string { return "" }

func dialFake(t testing.TB, f *fake) *Conn {
	t.Helper()
	f.start()
	c, err := Dial(within(t, ample), Options{Server: "unix:" + f.path, Getenv: bare})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// refused dials, expects an *UnreachableError within the deadline and returns
// it.
func refused(t *testing.T, server string, d time.Duration) *UnreachableError {
	t.Helper()
	began := time.Now()
	c, err := Dial(within(t, d), Options{Server: server, Getenv: bare})
	if err == nil {
		c.Close()
		t.Fatal("it connects")
	}
	if took := time.Since(began); took > d+20*time.Second {
		t.Errorf("took %v", took)
	}
	var e *UnreachableError
	if !errors.As(err, &e) || len(e.Attempts) == 0 {
		t.Fatalf("error %v", err)
	}
	return e
}

func TestSnapshotJoinsStreamsAndClients(t *testing.T) {
	fake := newFake(t, true)
	c := dialFake(t, fake)
	got, err := c.Snapshot(within(t, ample))
	if err != nil {
		t.Fatal(err)
	}
	stereo := []byte{1, 2}
	levels := Levels{[]uint32{0x8000, 0x10000}, stereo}
	mpv := &Client{Index: 64, Name: "mpv", Driver: "driver", Properties: map[string]string{"application.process.id": "4711"}}
	want := &Snapshot{
		Server: Server{Name: "PulseAudio (on PipeWire 1.4.2)", Version: "16.1", DefaultSink: "a", PipeWire: true, Cookie: 7},
		Sinks: []Sink{
			{Index: 7, Name: "b", Description: "Headphones", State: StateIdle, Volume: 100, Levels: levels, Card: NoCard, Properties: map[string]string{}},
			{
				Index: 44, Name: "a", Description: "Speakers", State: StateIdle, Volume: 100, Levels: levels, Card: NoCard, Properties: map[string]string{},
				Ports: []Port{{"speaker", "the port speaker", AvailableYes}}, Port: "speaker", PortDescription: "the port speaker", Available: AvailableYes,
			},
		},
		Streams: []Stream{{
			Index: 65, Sink: 44, Client: mpv, Media: "a song", Volume: 100, Levels: Levels{[]uint32{Norm, Norm}, stereo}, Driver: "driver",
			Properties: map[string]string{"media.role": "music"},
		}},
		Clients: []*Client{mpv, {Index: 90, Name: "patoggle", Driver: "driver", Properties: map[string]string{}}},
		Socket:  fake.path,
		Self:    90,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestStringsAreValidAndPropertiesAreStrings(t *testing.T) {
	got := properties(proto.PropList{
		"text":     proto.PropListEntry("value\x00"),
		"empty":    proto.PropListEntry("\x00"),
		"nothing":  nil,
		"open":     proto.PropListEntry("value"),
		"within":   proto.PropListEntry("a\x00b\x00"),
		"twice":    proto.PropListEntry("a\x00\x00"),
		"latin1":   proto.PropListEntry("caf\xe9\x00"),
		"k\xffey":  proto.PropListEntry("v\x00"),
		"terminal": proto.PropListEntry("\x1b[2J\x00"),
	})
	want := map[string]string{"text": "value", "empty": "", "latin1": "caf\uFFFD", "k\uFFFDey": "v", "terminal": "\x1b[2J"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestVolumesArePercents(t *testing.T) {
	for _, test := range []struct {
		channels proto.ChannelVolumes
		want     int
	}{
		{nil, 0},
		{proto.ChannelVolumes{0}, 0},
		{proto.ChannelVolumes{0x10000, 0x8000}, 100},
		{proto.ChannelVolumes{0x8000, 0x18000}, 150},
		{proto.ChannelVolumes{327}, 0},
		{proto.ChannelVolumes{328}, 1},
		{proto.ChannelVolumes{0xFFFFFFFF}, 6553600},
	} {
		if got := percent(test.channels); got != test.want {
			t.Errorf("%v is %d %%, want %d", test.channels, got, test.want)
		}
	}
}

func TestServersThatCannotBeReached(t *testing.T) {
	silent := newFake(t, false)
	silent.answer = func(int, frame) []byte { return nil }
	silent.start()
	half := newFake(t, false)
	half.answer = func(_ int, r frame) []byte {
		if r.command == proto.OpAuth {
			return usual(r, false)
		}
		return nil
	}
	half.start()
	closing := newFake(t, false)
	closing.accepted = func(int) bool { return false }
	closing.start()
	hanging := newFake(t, false)
	hanging.answer = func(int, frame) []byte { return hangUp() }
	hanging.start()
	old := newFake(t, false)
	old.answer = func(_ int, r frame) []byte {
		if r.command == proto.OpAuth {
			return packet(proto.OpReply, r.tag, enc{}.u32(31))
		}
		return usual(r, false)
	}
	old.start()
	junk := newFake(t, false)
	junk.answer = func(int, frame) []byte { return []byte("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n") }
	junk.start()
	deaf := newFake(t, false) // never accepts
	gone := newFake(t, false)
	gone.listener.SetUnlinkOnClose(false)
	gone.listener.Close()
	plain := filepath.Join(socketDir(t), "native")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := tcp.Addr().String()
	tcp.Close()

	for _, test := range []struct {
		name, server, text string
		is                 error
	}{
		{"no such socket", "unix:/nowhere/native", "there is no such socket", fs.ErrNotExist},
		{"nobody listens", "unix:" + gone.path, "nothing listens there", syscall.ECONNREFUSED},
		{"not a socket", "unix:" + plain, "it is not a socket", errNotSocket},
		{"nobody accepts", "unix:" + deaf.path, ErrTimeout.Error(), ErrTimeout},
		{"the queue is full", "unix:" + fullSocket(t), ErrTimeout.Error(), ErrTimeout},
		{"nobody answers", "unix:" + silent.path, ErrTimeout.Error(), ErrTimeout},
		{"the client's name is not answered (no session manager)", "unix:" + half.path, ErrTimeout.Error(), ErrTimeout},
		{"it closes at once", "unix:" + closing.path, errHangup.Error(), ErrClosed},
		{"it closes when asked", "unix:" + hanging.path, errHangup.Error(), ErrClosed},
		{"it is too old", "unix:" + old.path, errOld.Error(), errOld},
		{"it is another kind of server", "unix:" + junk.path, errTooBig.Error(), ErrProtocol},
		{"nobody listens on TCP", "tcp:" + port, "nothing listens there", syscall.ECONNREFUSED},
		{"a host that is none", "tcp:does-not-exist.invalid", "is not known", nil},
		{"another machine's server", "{other}unix:/nowhere/native", errOtherMachine.Error(), errOtherMachine},
		{"a relative path", "unix:native", errBadAddress.Error(), errBadAddress},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := soon
			if test.is == nil {
				d = ample
			}
			e := refused(t, test.server, d)
			a := e.Attempts[0]
			if test.is == nil && errors.Is(a.Err, ErrTimeout) {
				return // a resolver that does not answer
			}
			if test.is != nil && !errors.Is(e, test.is) || !strings.Contains(a.Err.Error(), test.text) || a.Address != test.server {
				t.Errorf("%+v", a)
			}
			if strings.ContainsAny(e.Error(), "\n\x1b") || !strings.Contains(e.Error(), test.text) {
				t.Errorf("the sentence is %q", e.Error())
			}
		})
	}
}

func TestDeadEntriesOfAListLeaveTimeForTheLiving(t *testing.T) {
	silent := newFake(t, false)
	silent.answer = func(int, frame) []byte { return nil }
	silent.start()
	good := newFake(t, false).start()
	list := "{other}unix:/x unix:/nowhere unix:" + silent.path + " {me unix:" + good.path
	c, err := Dial(within(t, 2*time.Second), Options{Server: list, Getenv: bare})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if address, source := c.Address(); address != "unix:"+good.path || source != "the given server" {
		t.Errorf("connected to %q, %q", address, source)
	}
}

func TestTheEnvironmentNamesTheServer(t *testing.T) {
	good := newFake(t, false).start()
	dir := filepath.Dir(good.path)
	for name, env := range map[string]map[string]string{
		"PULSE_SERVER":       {"PULSE_SERVER": "unix:" + good.path},
		"PULSE_RUNTIME_PATH": {"PULSE_RUNTIME_PATH": dir},
	} {
		c, err := Dial(within(t, ample), Options{Getenv: func(k string) string { return env[k] }})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if address, source := c.Address(); address != "unix:"+good.path || source != name {
			t.Errorf("%s: connected to %q, %q", name, address, source)
		}
		c.Close()
	}
}

func TestTheCookieIsReadWhenCredentialsAreNotEnough(t *testing.T) {
	cookie := bytes.Repeat([]byte("c"), cookieLength)
	file := filepath.Join(t.TempDir(), "cookie")
	env := func(k string) string { return map[string]string{"PULSE_COOKIE": file}[k] }
	for name, strict := range map[string]bool{"lenient": false, "strict": true} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(file, cookie, 0o644); err != nil {
				t.Fatal(err)
			}
			var mu sync.Mutex
			var seen [][]byte
			f := newFake(t, true)
			f.answer = func(_ int, r frame) []byte {
				if r.command == proto.OpAuth {
					got := bytes.Clone(r.body[len(r.body)-cookieLength:])
					mu.Lock()
					seen = append(seen, got)
					mu.Unlock()
					if strict && !bytes.Equal(got, cookie) {
						return refuse(r, proto.ErrAccessDenied)
					}
				}
				return usual(r, true)
			}
			f.start()
			c, err := Dial(within(t, ample), Options{Server: "unix:" + f.path, Getenv: env})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			want, warnings := [][]byte{make([]byte, cookieLength)}, 0
			if strict {
				want, warnings = append(want, cookie), 1 // others can read the file
			}
			if diff := cmp.Diff(want, seen); diff != "" {
				t.Error(diff)
			}
			if len(c.Warnings()) != warnings {
				t.Errorf("warnings %q", c.Warnings())
			}
			// What was accepted serves for the second connection as well, and at
			// once, though the file has gone.
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			c.Warm(within(t, ample))
			mu.Lock()
			defer mu.Unlock()
			if diff := cmp.Diff(append(want, want[len(want)-1]), seen); diff != "" {
				t.Error(diff)
			}
		})
	}
	f := newFake(t, false)
	f.answer = func(_ int, r frame) []byte { return refuse(r, proto.ErrAccessDenied) }
	f.start()
	e := refused(t, "unix:"+f.path, ample)
	if !errors.Is(e, ErrDenied) || !strings.Contains(e.Hint(), "cookie") {
		t.Errorf("%v; %s", e, e.Hint())
	}
}

func TestStrangersAreNotSpokenTo(t *testing.T) {
	us := uint32(os.Getuid())
	for _, test := range []struct {
		path string
		uid  uint32
		want bool
	}{
		{"/run/user/1000/pulse/native", us, true},
		{"/run/user/1000/pulse/native", 0, true},
		{"/run/user/1000/pulse/native", us + 1, false},
		{systemSocket, us + 1, true},
		{"/var/run/pulse/../pulse/native", us + 1, true},
		{"/tmp" + systemSocket, us + 1, false},
	} {
		if got := trusted(test.path, test.uid); got != test.want {
			t.Errorf("%q of %d: %v", test.path, test.uid, got)
		}
	}
	if us == 0 {
		f := newFake(t, false).start()
		if err := os.Chown(f.path, 12345, 12345); err != nil {
			t.Fatal(err)
		}
		if e := refused(t, "unix:"+f.path, ample); !errors.Is(e, errForeign) || !strings.Contains(e.Hint(), "sudo") {
			t.Errorf("%v; %s", e, e.Hint())
		}
	}
}

func TestNamesAreBounded(t *testing.T) {
	f := newFake(t, false).start()
	for n, fits := range map[int]bool{maxName: true, maxName + 1: false} {
		c, err := Dial(within(t, ample), Options{Server: "unix:" + f.path, Getenv: bare, Name: strings.Repeat("n", n)})
		if (err == nil) != fits {
			t.Errorf("%d bytes: %v", n, err)
		}
		if err == nil {
			c.Close()
		}
	}
}

func TestABrokenReplyIsAnErrorAndNoMore(t *testing.T) {
	var broken atomic.Bool
	broken.Store(true)
	f := newFake(t, false)
	f.answer = func(_ int, r frame) []byte {
		if r.command == proto.OpGetSinkInfoList && broken.Swap(false) {
			return packet(proto.OpReply, r.tag, enc{}.u32(1).str("half a sink"))
		}
		return usual(r, false)
	}
	c := dialFake(t, f)
	if _, err := c.Snapshot(within(t, ample)); !errors.Is(err, ErrProtocol) {
		t.Errorf("error %v", err)
	}
	if s, err := c.Snapshot(within(t, ample)); err != nil || len(s.Sinks) != 2 {
		t.Errorf("the next one: %v", err)
	}
	if err := c.Err(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestAnErrorOfTheServerHasItsText(t *testing.T) {
	f := newFake(t, false)
	f.answer = func(_ int, r frame) []byte {
		if r.command == proto.OpGetServerInfo {
			return refuse(r, proto.ErrInternalError)
		}
		return usual(r, false)
	}
	c := dialFake(t, f)
	_, err := c.Snapshot(within(t, ample))
	if err == nil || err.Error() != "the sound server answers: internal error" {
		t.Errorf("error %v", err)
	}
}

func TestATimeoutEndsTheConnection(t *testing.T) {
	late := make(chan struct{})
	f := newFake(t, false)
	f.answer = func(_ int, r frame) []byte {
		if r.command == proto.OpGetSinkInfoList {
			<-late
		}
		return usual(r, false)
	}
	c := dialFake(t, f)
	if _, err := c.Snapshot(within(t, soon)); !errors.Is(err, ErrTimeout) {
		t.Errorf("error %v", err)
	}
	close(late)
	<-c.Done()
	if !errors.Is(c.Err(), ErrTimeout) {
		t.Errorf("ended with %v", c.Err())
	}
	for _, err := range []error{
		second(c.Snapshot(within(t, ample))), second(c.Look(within(t, ample), 65)),
		c.Move(within(t, ample), 7, 65)[0], second(c.Subscribe(within(t, ample), FacilitySink)),
	} {
		if !errors.Is(err, ErrTimeout) {
			t.Errorf("afterwards: %v", err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestACancelledContextIsNoTimeout(t *testing.T) {
	asked := make(chan struct{}, 8)
	f := newFake(t, false)
	f.answer = func(_ int, r frame) []byte {
		if r.command == proto.OpGetSinkInfoList {
			asked <- struct{}{}
			return nil
		}
		return usual(r, false)
	}
	c := dialFake(t, f)
	ctx, cancel := context.WithCancel(within(t, ample))
	go func() {
		<-asked
		cancel()
	}()
	if _, err := c.Snapshot(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, ErrTimeout) {
		t.Errorf("error %v", err)
	}
	if _, err := Dial(ctx, Options{Server: "unix:" + f.path, Getenv: bare}); !errors.Is(err, context.Canceled) {
		t.Errorf("dial: %v", err)
	}
}

func TestCloseEndsWhatIsUnderWay(t *testing.T) {
	asked := make(chan struct{}, 8)
	f := newFake(t, true)
	f.answer = func(conn int, r frame) []byte {
		if conn == 1 || r.command == proto.OpGetSinkInfoList {
			asked <- struct{}{}
			return nil
		}
		return usual(r, true)
	}
	c := dialFake(t, f)
	errs := make(chan error, 2)
	ctx := within(t, ample)
	go func() { errs <- second(c.Snapshot(ctx)) }()
	go func() { errs <- second(c.Look(ctx, 65)) }()
	for range 2 {
		select {
		case <-asked:
		case <-ctx.Done():
			t.Fatal("the server is not asked")
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := <-errs; !errors.Is(err, ErrClosed) {
			t.Errorf("error %v", err)
		}
	}
	if err := c.Close(); err != nil {
		t.Errorf("a second time: %v", err)
	}
}

func TestAServerThatGoesAwayEndsTheConnection(t *testing.T) {
	f := newFake(t, false)
	f.answer = func(_ int, r frame) []byte {
		if r.command == proto.OpGetSinkInputInfoList {
			whole := usual(r, false)
			_, _ = f.last().Write(whole[:len(whole)/2])
			return hangUp()
		}
		return usual(r, false)
	}
	c := dialFake(t, f)
	events, err := c.Subscribe(within(t, ample), FacilitySink)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Snapshot(within(t, ample)); !errors.Is(err, ErrClosed) || err.Error() != errHangup.Error() {
		t.Errorf("error %v", err)
	}
	<-c.Done()
	if _, open := <-events; open {
		t.Error("an event")
	}
}

func TestManyAtOnce(t *testing.T) {
	c := dialFake(t, newFake(t, true))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 40 {
				if s, err := c.Snapshot(within(t, ample)); err != nil || len(s.Streams) != 1 {
					t.Errorf("snapshot: %v", err)
				}
				c.Warm(within(t, ample))
				if errs := c.Move(within(t, ample), 44, 65, 65); errs[0] != nil || errs[1] != nil {
					t.Errorf("move: %v", errs)
				}
				if m, err := c.Look(within(t, ample), 65); err != nil || m[65] != 44 {
					t.Errorf("look: %v, %v", m, err)
				}
			}
		})
	}
	group.Wait()
}

func TestSlowReceiversLoseTheOldestEvents(t *testing.T) {
	const flood = 3 * eventQueue
	f := newFake(t, false)
	f.answer = func(_ int, r frame) []byte {
		b := usual(r, false)
		if r.command == proto.OpSubscribe {
			for i := range uint32(flood) {
				b = append(b, packet(proto.OpSubscribeEvent, proto.Undefined, enc{}.u32(0x12).u32(i))...)
			}
		}
		return b
	}
	c := dialFake(t, f)
	events, err := c.Subscribe(within(t, ample), FacilityStream)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Snapshot(within(t, ample)); err != nil {
		t.Fatal(err)
	}
	c.Close()
	var got []Event
	for e := range events {
		got = append(got, e)
	}
	want := make([]Event, eventQueue)
	for i := range want {
		want[i] = Event{Facility: FacilityStream, Kind: Changed, Index: uint32(flood - eventQueue + i)}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMoveErrors(t *testing.T) {
	for _, test := range []struct {
		name     string
		pipewire bool
		answer   func(conn int, r frame) []byte
		to       SinkIndex
		d        time.Duration
		want     error
	}{
		{name: "it is there", to: 44},
		{name: "it is there, on PipeWire", pipewire: true, to: 44},
		{
			name: "PulseAudio's word is enough", to: 7,
			answer: func(conn int, r frame) []byte {
				if conn > 0 || r.command == proto.OpGetSinkInputInfo {
					return hangUp()
				}
				return usual(r, false)
			},
		},
		{name: "PipeWire's is not", pipewire: true, to: 7, d: soon, want: ErrUnconfirmed},
		{
			name: "the stream refuses", to: 7, want: ErrRefused,
			answer: func(_ int, r frame) []byte { return moveAnswer(r, proto.ErrInvalidArgument) },
		},
		{
			name: "a sandbox", pipewire: true, to: 7, want: ErrDenied,
			answer: func(_ int, r frame) []byte { return moveAnswer(r, proto.ErrAccessDenied) },
		},
		{
			name: "the stream is gone", to: 7, want: ErrGone,
			answer: func(_ int, r frame) []byte {
				if r.command == proto.OpGetSinkInputInfo {
					return refuse(r, proto.ErrNoSuchEntity)
				}
				return moveAnswer(r, proto.ErrNoSuchEntity)
			},
		},
		{
			name: "the sink is gone", to: 7, want: ErrSinkGone,
			answer: func(_ int, r frame) []byte { return moveAnswer(r, proto.ErrNoSuchEntity) },
		},
		{name: "no sink at all", to: NoSink, want: ErrSinkGone},
		{
			name: "the move is not answered", to: 7, d: soon, want: ErrTimeout,
			answer: func(_ int, r frame) []byte {
				if r.command == proto.OpMoveSinkInput {
					return nil
				}
				return usual(r, false)
			},
		},
		{
			name: "the stream goes while it is looked for", pipewire: true, to: 7, want: ErrGone,
			answer: func(conn int, r frame) []byte {
				if r.command == proto.OpGetSinkInputInfo {
					return refuse(r, proto.ErrNoSuchEntity)
				}
				return usual(r, true)
			},
		},
		{
			// PipeWire 1.6.9, right after a stream has begun.
			name: "the second connection does not see a stream that is there", pipewire: true, to: 7, d: soon, want: ErrUnconfirmed,
			answer: func(conn int, r frame) []byte {
				if conn == 1 && r.command == proto.OpGetSinkInputInfo {
					return refuse(r, proto.ErrNoSuchEntity)
				}
				return usual(r, true)
			},
		},
		{
			name: "the second connection is not let in", pipewire: true, to: 7, want: ErrUnconfirmed,
			answer: func(conn int, r frame) []byte {
				if conn > 0 {
					return refuse(r, proto.ErrAccessDenied)
				}
				return usual(r, true)
			},
		},
		{
			name: "the second connection is not answered (no session manager)", pipewire: true, to: 7, d: soon, want: ErrUnconfirmed,
			answer: func(conn int, r frame) []byte {
				if conn > 0 {
					return nil
				}
				return usual(r, true)
			},
		},
		{
			name: "the second connection breaks", pipewire: true, to: 7, want: ErrClosed,
			answer: func(conn int, r frame) []byte {
				if conn > 0 && r.command == proto.OpGetSinkInputInfo {
					return hangUp()
				}
				return usual(r, true)
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, test.pipewire)
			if test.answer != nil {
				f.answer = test.answer
			}
			c := dialFake(t, f)
			if test.d == 0 {
				test.d = ample
			}
			errs := c.Move(within(t, test.d), test.to, 65)
			if len(errs) != 1 || !errors.Is(errs[0], test.want) || test.want == nil && errs[0] != nil {
				t.Errorf("got %v, want %v", errs, test.want)
			}
		})
	}
}

// moveAnswer refuses moves with a code.
func moveAnswer(r frame, code proto.Error) []byte {
	if r.command == proto.OpMoveSinkInput {
		return refuse(r, code)
	}
	return usual(r, false)
}

func TestOneStreamsErrorIsNotTheOthers(t *testing.T) {
	codes := map[uint32]proto.Error{2: proto.ErrInvalidArgument, 3: proto.ErrAccessDenied, 4: proto.ErrInternalError}
	f := newFake(t, false)
	f.answer = func(_ int, r frame) []byte {
		if r.command == proto.OpMoveSinkInput {
			list, _ := tokens(r.body)
			if code, ok := codes[uint32(list[0].num)]; ok {
				return refuse(r, code)
			}
		}
		return usual(r, false)
	}
	c := dialFake(t, f)
	errs := c.Move(within(t, ample), 7, 1, 2, 3, 4, 5)
	for i, want := range []error{nil, ErrRefused, ErrDenied, &serverError{}, nil} {
		if e := new(serverError); i == 3 && errors.As(errs[i], &e) {
			continue
		}
		if !errors.Is(errs[i], want) || want == nil && errs[i] != nil {
			t.Errorf("stream %d: got %v, want %v", i+1, errs[i], want)
		}
	}
	if errs := c.Move(within(t, ample), 7); len(errs) != 0 {
		t.Errorf("no streams: %v", errs)
	}
}

func TestLookAsksForManyAtOnce(t *testing.T) {
	var lists atomic.Int32
	f := newFake(t, false)
	f.answer = func(_ int, r frame) []byte {
		if r.command == proto.OpGetSinkInputInfoList {
			lists.Add(1)
		}
		return usual(r, false)
	}
	c := dialFake(t, f)
	many := []StreamIndex{65, 1, 2, 3, 4, 5, 6, 7, 8}
	got, err := c.Look(within(t, ample), many...)
	if err != nil || len(got) != 1 || got[65] != 44 || lists.Load() != 1 {
		t.Errorf("%v, %v, %d lists", got, err, lists.Load())
	}
	if got, err := c.Look(within(t, ample)); err != nil || len(got) != 0 {
		t.Errorf("no streams: %v, %v", got, err)
	}
}

func TestWarmOpensTheSecondConnectionOnPipeWireOnly(t *testing.T) {
	for name, pipewire := range map[string]bool{"PulseAudio": false, "PipeWire": true} {
		t.Run(name, func(t *testing.T) {
			var conns atomic.Int32
			f := newFake(t, pipewire)
			f.accepted = func(int) bool { conns.Add(1); return true }
			c := dialFake(t, f)
			c.Warm(within(t, ample))
			c.Warm(within(t, ample))
			want := int32(1)
			if pipewire {
				want = 2
			}
			if got := conns.Load(); got != want {
				t.Errorf("%d connections, want %d", got, want)
			}
			if errs := c.Move(within(t, ample), 44, 65); errs[0] != nil {
				t.Errorf("move: %v", errs[0])
			}
			if got := conns.Load(); got != want {
				t.Errorf("%d connections after a move, want %d", got, want)
			}
		})
	}
}

// However many want it at the same time, there is one second connection.
func TestThereIsOneSecondConnection(t *testing.T) {
	third := make(chan struct{})
	f := newFake(t, true)
	f.accepted = func(n int) bool {
		if n == 2 {
			close(third)
		}
		return true
	}
	f.answer = func(conn int, r frame) []byte {
		if conn == 1 && r.command == proto.OpAuth {
			select { // whoever does not wait for this one opens another
			case <-third:
			case <-time.After(100 * time.Millisecond):
			}
		}
		return usual(r, true)
	}
	c := dialFake(t, f)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() { c.Warm(within(t, ample)) })
	}
	group.Wait()
	select {
	case <-third:
		t.Error("there are two")
	default:
	}
}

// Where the server does not say what it is, nothing is moved, and the next one to
// ask asks again.
func TestAServerThatDoesNotSayWhatItIs(t *testing.T) {
	var refusals, moves atomic.Int32
	refusals.Store(1)
	f := newFake(t, true)
	f.answer = func(_ int, r frame) []byte {
		switch {
		case r.command == proto.OpGetServerInfo && refusals.Add(-1) >= 0:
			return refuse(r, proto.ErrAccessDenied)
		case r.command == proto.OpMoveSinkInput:
			moves.Add(1)
		}
		return usual(r, true)
	}
	c := dialFake(t, f)
	if errs := c.Move(within(t, ample), 44, 65, 66); !errors.Is(errs[0], ErrDenied) || !errors.Is(errs[1], ErrDenied) || moves.Load() != 0 {
		t.Errorf("%v, %d moves", errs, moves.Load())
	}
	if errs := c.Move(within(t, ample), 44, 65); errs[0] != nil || moves.Load() != 1 {
		t.Errorf("then: %v, %d moves", errs, moves.Load())
	}
}

// No request waits for ever, and none less than it was given.
func TestEveryWaitHasAnEnd(t *testing.T) {
	ctx, cancel := bounded(context.Background())
	defer cancel()
	if end, ok := ctx.Deadline(); !ok || time.Until(end) > 10*time.Second {
		t.Errorf("without an end it ends in %v, %v", time.Until(end), ok)
	}
	given, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	ctx, cancel = bounded(given)
	defer cancel()
	want, _ := given.Deadline()
	if end, ok := ctx.Deadline(); !ok || !end.Equal(want) {
		t.Errorf("it ends %v, and was given %v", end, want)
	}
}

// Of properties only those that were asked for come, whatever a server says.
func TestOnlyThePropertiesAskedForCome(t *testing.T) {
	f := newFake(t, false)
	f.answer = func(_ int, r frame) []byte {
		if r.command == proto.OpGetClientInfoList {
			return packet(proto.OpReply, r.tag, enc{}.client(64, "mpv", map[string]string{"application.process.id": "4711", "application.language": "C"}))
		}
		return usual(r, false)
	}
	f.start()
	for name, tt := range map[string]struct{ ask, want []string }{
		"all":  {nil, []string{"application.language", "application.process.id"}},
		"one":  {[]string{"application.process.id"}, []string{"application.process.id"}},
		"none": {[]string{}, nil},
	} {
		c, err := Dial(within(t, ample), Options{Server: "unix:" + f.path, Getenv: bare, Properties: tt.ask})
		if err != nil {
			t.Fatal(err)
		}
		s, err := c.Snapshot(within(t, ample))
		c.Close()
		if err != nil || s.Streams[0].Client == nil {
			t.Fatalf("%s: %+v, %v", name, s, err)
		}
		if got := slices.Sorted(maps.Keys(s.Streams[0].Client.Properties)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestABrokenSecondConnectionIsReplaced(t *testing.T) {
	f := newFake(t, true)
	f.answer = func(conn int, r frame) []byte {
		if conn == 1 && r.command == proto.OpGetSinkInputInfo {
			return hangUp()
		}
		return usual(r, true)
	}
	c := dialFake(t, f)
	if _, err := c.Look(within(t, ample), 65); !errors.Is(err, ErrClosed) {
		t.Errorf("the first look: %v", err)
	}
	if m, err := c.Look(within(t, ample), 65); err != nil || m[65] != 44 {
		t.Errorf("the second: %v, %v", m, err)
	}
}

// TestConversationsCutAnywhere plays the answers of a real server up to many a
// byte, and then closes: nothing but an error may come of it, until the last
// byte of the snapshot was there.
func TestConversationsCutAnywhere(t *testing.T) {
	for _, r := range recordings(t) {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			answers := r.answers(t)
			total := 0
			for _, command := range needed {
				total += headerSize + minBody + len(answers[command])
			}
			var left atomic.Int64
			f := newFake(t, false)
			f.answer = func(_ int, q frame) []byte {
				b := packet(proto.OpReply, q.tag, answers[q.command])
				have := left.Add(-int64(len(b)))
				if have >= 0 {
					return b
				}
				cut := max(0, have+int64(len(b)))
				_, _ = f.last().Write(b[:cut])
				return hangUp()
			}
			f.start()
			step := 1 + total/long.Count(500, 2000)
			for _, n := range append(slices.Collect(every(total, step)), total) {
				left.Store(int64(n))
				err := func() error {
					c, err := Dial(within(t, ample), Options{Server: "unix:" + f.path, Getenv: bare})
					if err != nil {
						return err
					}
					defer c.Close()
					s, err := c.Snapshot(within(t, ample))
					if err == nil && (len(s.Sinks) != 3 || len(s.Streams) != 2) {
						t.Errorf("cut at %d of %d: %+v", n, total, s)
					}
					return err
				}()
				if (err == nil) != (n == total) || err != nil && !errors.Is(err, ErrClosed) {
					t.Fatalf("cut at %d of %d: %v", n, total, err)
				}
			}
		})
	}
}

func every(total, step int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for n := 0; n < total; n += step {
			if !yield(n) {
				return
			}
		}
	}
}

// TestTheLibrarySurvivesSpoiltReplies passes replies of a real server with a
// few bytes changed, left out or doubled through guard and library. Whatever
// comes of it, the errors are ours and nothing hangs; a panic in the library
// would end the test.
func TestTheLibrarySurvivesSpoiltReplies(t *testing.T) {
	for _, r := range recordings(t) {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			answers := r.answers(t)
			const seed = 7
			random := rand.New(rand.NewPCG(seed, 0))
			var mu sync.Mutex
			count, spoilt := make(map[int]int), make(map[int]bool) // by connection
			f := newFake(t, false)
			f.answer = func(conn int, q frame) []byte {
				mu.Lock()
				defer mu.Unlock()
				b := packet(proto.OpReply, q.tag, answers[q.command])
				if random.IntN(4) == 0 {
					b = spoil(random, b)
					spoilt[conn] = true
				}
				// The library may wait for the rest of a frame now, so
				// the connection ends with the last answer.
				count[conn]++
				if count[conn] < 2 || count[conn] < len(needed) && !(count[conn] == 2 && spoilt[conn]) {
					return b
				}
				_, _ = f.last().Write(b)
				return hangUp()
			}
			f.start()
			fine := 0
			for n := range long.Count(500, 1500) {
				err := func() error {
					c, err := Dial(within(t, ample), Options{Server: "unix:" + f.path, Getenv: bare})
					if err != nil {
						return err
					}
					defer c.Close()
					_, err = c.Snapshot(within(t, ample))
					return err
				}()
				var answer *serverError
				switch {
				case err == nil:
					fine++
				case errors.Is(err, ErrClosed), errors.Is(err, ErrProtocol), errors.Is(err, errOld), errors.As(err, &answer):
				default:
					t.Fatalf("seed %d, round %d: %v", seed, n, err)
				}
			}
			t.Logf("%d of 1500 passed", fine)
			if fine == 0 || fine == 1500 {
				t.Errorf("%d of 1500 passed: they are spoilt too much, or not at all", fine)
			}
		})
	}
}

// spoil changes b at one or two places.
func spoil(random *rand.Rand, b []byte) []byte {
	for range 1 + random.IntN(2) {
		at := random.IntN(len(b))
		switch random.IntN(5) {
		case 0:
			b[at] ^= 1 << random.IntN(8)
		case 1:
			b[at] = byte(random.IntN(256))
		case 2:
			b[at] = "LtNaPxvmVBUf01"[random.IntN(14)]
		case 3:
			b = slices.Delete(b, at, min(len(b)-1, at+random.IntN(8)))
		case 4:
			b = slices.Insert(b, at, b[at:min(len(b), at+random.IntN(40))]...)
		}
		if len(b) >= headerSize && random.IntN(2) == 0 {
			putHeader(b, len(b)-headerSize)
		}
		if len(b) == 0 {
			return b
		}
	}
	return b
}

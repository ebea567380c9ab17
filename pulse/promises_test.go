package pulse

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jfreymuth/pulse/proto"
)

// listenAs listens at the path as another user. Who listens is who called
// listen(2) (SO_PEERCRED, unix(7)); only this thread becomes another user, and it
// ends with the goroutine that never gives it back.
func listenAs(t *testing.T, path string, uid int) *net.UnixListener {
	t.Helper()
	type result struct {
		l   *net.UnixListener
		err error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread()
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); errno != 0 {
			done <- result{nil, errno}
			return
		}
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		done <- result{l, err}
	}()
	r := <-done
	if r.err != nil {
		t.Fatal(r.err)
	}
	t.Cleanup(func() { r.l.Close() })
	return r.l
}

// A socket may be ours by its file and somebody else's by its listener: then a
// stranger would read our cookie and see what we play.
func TestWhoListensIsAskedToo(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can be two users")
	}
	const stranger = 12345
	dir := socketDir(t)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "native")
	l := listenAs(t, path, stranger)
	if err := os.Chown(path, 0, 0); err != nil {
		t.Fatal(err)
	}
	heard := make(chan int, 1)
	go func() {
		conn, err := l.AcceptUnix()
		if err != nil {
			heard <- -1
			return
		}
		defer conn.Close()
		n, _ := conn.Read(make([]byte, 16)) // until it is closed
		heard <- n
	}()
	if e := refused(t, "unix:"+path, ample); !errors.Is(e, errForeign) {
		t.Errorf("refused for another reason: %v", e)
	}
	if n := <-heard; n > 0 {
		t.Errorf("the stranger was told %d bytes", n)
	}
}

// And the other way round: the file is a stranger's, the listener is ours. Such
// a socket is not even connected to.
func TestWhoseTheFileIsIsAskedFirst(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can be two users")
	}
	var connected atomic.Bool
	f := newFake(t, false)
	f.accepted = func(int) bool { connected.Store(true); return true }
	f.start()
	if err := os.Chown(f.path, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if _, _, err := connectUnix(within(t, ample), f.path); !errors.Is(err, errForeign) {
		t.Errorf("%v", err)
	}
	// What came before this one would have been accepted before it.
	if err := os.Chown(f.path, 0, 0); err != nil {
		t.Fatal(err)
	}
	if connected.Load() {
		t.Error("it was connected to")
	}
}

func TestAFileThatIsNoSocketIsSaidToBeNone(t *testing.T) {
	file := filepath.Join(socketDir(t), "native")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := connectUnix(within(t, ample), file); !errors.Is(err, errNotSocket) {
		t.Errorf("%v", err)
	}
	if _, _, err := connectUnix(within(t, ample), file+"x"); err == nil || err.Error() != "there is no such socket" {
		t.Errorf("%v", err)
	}
}

func TestOurOwnServerNeedsNoCookie(t *testing.T) {
	f := newFake(t, false).start()
	conn, credentials, err := connectUnix(within(t, ample), f.path)
	if err != nil || !credentials {
		t.Fatalf("credentials: %v, %v", credentials, err)
	}
	conn.Close()
}

// An acknowledged move that nobody saw is unconfirmed and nothing else: whoever
// is told of a timeout would believe that nothing was asked.
func TestAMoveThatIsNotSeenIsNoTimeout(t *testing.T) {
	for name, err := range map[string]error{"seen by nobody": nil, "out of time": ErrTimeout, "out of time, with words": fmt.Errorf("x: %w", ErrTimeout)} {
		got := unconfirmed(err)
		if !errors.Is(got, ErrUnconfirmed) || errors.Is(got, ErrTimeout) {
			t.Errorf("%s: %v", name, got)
		}
	}
	got := unconfirmed(ErrDenied)
	if !errors.Is(got, ErrUnconfirmed) || !errors.Is(got, ErrDenied) {
		t.Errorf("with a cause: %v", got)
	}

	f := newFake(t, true)
	f.answer = func(conn int, r frame) []byte {
		if conn > 0 {
			return nil
		}
		return usual(r, true)
	}
	c := dialFake(t, f)
	if errs := c.Move(within(t, soon), 7, 65, 66); !errors.Is(errs[0], ErrUnconfirmed) || errors.Is(errs[0], ErrTimeout) || !errors.Is(errs[1], ErrUnconfirmed) {
		t.Errorf("%v", errs)
	}
}

// A move that is not seen is looked for with pauses, and asked for again only a few
// times: a server that is busy is not kept from its work.
func TestAMoveIsWaitedForWithPauses(t *testing.T) {
	var looks, moves atomic.Int32
	f := newFake(t, true)
	f.answer = func(_ int, r frame) []byte {
		switch r.command {
		case proto.OpGetSinkInputInfo:
			looks.Add(1)
		case proto.OpMoveSinkInput:
			moves.Add(1)
		}
		return usual(r, true)
	}
	c := dialFake(t, f)
	const d = 400 * time.Millisecond
	if errs := c.Move(within(t, d), 7, 65); !errors.Is(errs[0], ErrUnconfirmed) {
		t.Errorf("%v", errs)
	}
	// The pauses add up to lastPause within ten looks.
	if n := looks.Load(); n < 2 || n > 10+int32(d/(10*time.Millisecond)) {
		t.Errorf("%d looks in %v", n, d)
	}
	if n := moves.Load(); n < 1 || n > 1+repeatMost {
		t.Errorf("%d moves", n)
	}
}

func TestAMoveBeforeTheEndOfTimeIsATimeoutOfItself(t *testing.T) {
	f := newFake(t, true)
	c := dialFake(t, f)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if errs := c.Move(ctx, 7, 65); !errors.Is(errs[0], context.Canceled) || errors.Is(errs[0], ErrUnconfirmed) {
		t.Errorf("%v", errs)
	}
}

// One entry's text is bounded exactly: what fits stays as it is, and what goes
// beyond is emptied, its neighbours not.
func TestTheBoundOfOneEntryIsItsOwn(t *testing.T) {
	value := strings.Repeat("v", 900)
	entry := func(properties int) enc {
		p := map[string]string{}
		for i := range properties {
			p[fmt.Sprintf("key %03d", i)] = value
		}
		return enc{}.client(1, "c", p)
	}
	one := len(entry(1)) - len(entry(0))
	fits := (maxEntryText - len(entry(0))) / one
	for _, c := range []struct {
		properties int
		whole      bool
	}{{1, true}, {fits, true}, {fits + 3, false}, {3 * fits, false}} {
		in := entry(c.properties)
		n, b := shortened(t, in)
		if whole := bytes.Equal(b, in); whole != c.whole {
			t.Errorf("%d properties, %d bytes: whole is %v", c.properties, len(in), whole)
		}
		if n > maxEntryText+c.properties*32+2000 {
			t.Errorf("%d properties: %d bytes are left", c.properties, n)
		}
	}
	// To the byte, and 64 KiB are the bound: what begins within the bound is whole, and what begins after it is
	// emptied.
	for _, over := range []int{0, 1} {
		in := entry(fits - 1)
		in = in[:len(in)-1] // without the end of the list
		room := 64<<10 + over - len(in) - len(enc{}.str("key"))
		for _, n := range []int{room / 2, room - room/2} {
			block := n - len(enc{}.str("fill").block(""))
			in = in.str("fill").block(strings.Repeat("f", block-1) + "\x00")
		}
		in = in.str("key")
		in = in.block("value\x00").null()
		if _, b := shortened(t, in); bytes.Contains(b, []byte("value")) != (over == 0) {
			t.Errorf("%d bytes beyond the bound: %q", over, b[len(b)-30:])
		}
	}
	// Two that fit side by side stay whole together, though not as one.
	both := append(entry(fits), entry(fits)...)
	if _, b := shortened(t, both); !bytes.Equal(b, both) {
		t.Errorf("one entry cost the other its words")
	}
}

func TestErrorsAreThoseOfTheRequest(t *testing.T) {
	move, list := &proto.MoveSinkInput{}, &proto.GetSinkInfoList{}
	for _, c := range []struct {
		request proto.RequestArgs
		code    proto.Error
		want    error
	}{
		{move, proto.ErrNoSuchEntity, ErrGone},
		{&proto.GetSinkInputInfo{}, proto.ErrNoSuchEntity, ErrGone},
		{move, proto.ErrInvalidArgument, ErrRefused},
		{move, proto.ErrAccessDenied, ErrDenied},
		{&proto.MoveSourceOutput{}, proto.ErrNoSuchEntity, ErrGone},
		{&proto.CreateRecordStream{}, proto.ErrNoSuchEntity, ErrGone},
		{&proto.CreateRecordStream{}, proto.ErrAccessDenied, ErrDenied},
		{&proto.DeleteRecordStream{}, proto.ErrNoSuchEntity, ErrGone},
		{&proto.SetSinkPort{}, proto.ErrNoSuchEntity, ErrNoPort},
		{&proto.SetSinkPort{}, proto.ErrAccessDenied, ErrDenied},
		{&proto.SetCardProfile{}, proto.ErrNoSuchEntity, ErrNoProfile},
		{&proto.SetCardProfile{}, proto.ErrTimeout, ErrTimeout},
		{&proto.SetSinkInputVolume{}, proto.ErrNoSuchEntity, ErrGone},
		{&proto.SetSinkInputVolume{}, proto.ErrAccessDenied, ErrDenied},
		{list, proto.ErrAccessDenied, ErrDenied},
		{list, proto.ErrNoAuthenticationKey, ErrDenied},
		{list, proto.ErrTimeout, ErrTimeout},
		{list, proto.ErrProtocolError, ErrProtocol},
		{list, malformed, ErrProtocol},
	} {
		if got := serverCode(c.request, c.code); !errors.Is(got, c.want) {
			t.Errorf("%T, %v: %v, want %v", c.request, c.code, got, c.want)
		}
	}
	for _, code := range []proto.Error{proto.ErrNoSuchEntity, proto.ErrInvalidArgument} {
		var words *serverError
		if got := serverCode(list, code); !errors.As(got, &words) || strings.Contains(got.Error(), "pulseaudio: ") {
			t.Errorf("a list, %v: %v", code, got)
		}
	}
}

// Why a server cannot be connected to is said in words that leave out what is said
// already: what was tried, and where.
func TestWhyAServerIsNotConnectedTo(t *testing.T) {
	op := func(err error) error { return &net.OpError{Op: "dial", Net: "unix", Err: err} }
	call := func(err error) error { return op(os.NewSyscallError("connect", err)) }
	for _, tt := range []struct {
		err  error
		want string
	}{
		{call(syscall.ENOENT), "there is no such socket"},
		{call(syscall.ECONNREFUSED), "nothing listens there"},
		{call(syscall.EACCES), "permission denied"},
		{call(syscall.ENOTDIR), "there is no such directory"},
		{op(&net.DNSError{Name: "stu\x1bdio"}), `the host "stu\x1bdio" is not known`},
		{call(syscall.ETIMEDOUT), ErrTimeout.Error()},
		{call(syscall.EHOSTUNREACH), syscall.EHOSTUNREACH.Error()},
		{op(errors.New("odd")), "odd"},
		{errors.New("odd"), "odd"},
	} {
		if got := dialError(t.Context(), tt.err); got.Error() != tt.want || !errors.Is(got, tt.err) {
			t.Errorf("%v: %q, want %q", tt.err, got, tt.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := dialError(ctx, call(syscall.ENOENT)); !errors.Is(got, context.Canceled) {
		t.Errorf("of one that was given up: %v", got)
	}
}

// Who can read the cookie can speak to the sound server as its user.
func TestACookieThatOthersCanReadIsWarnedOf(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cookie")
	if err := os.WriteFile(path, bytes.Repeat([]byte("c"), cookieLength), 0o600); err != nil {
		t.Fatal(err)
	}
	getenv := func(key string) string {
		if key == "PULSE_COOKIE" {
			return path
		}
		return ""
	}
	for mode, warned := range map[os.FileMode]bool{0o600: false, 0o400: false, 0o700: false, 0o640: true, 0o620: true, 0o604: true, 0o644: true, 0o601: true} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		f := newFinder(getenv)
		if got := f.cookie(); !bytes.HasPrefix(got, []byte("ccc")) {
			t.Errorf("%04o: the cookie is %q", mode, got)
		}
		if said := strings.Contains(strings.Join(f.warnings, "\n"), "can be read by other users"); said != warned {
			t.Errorf("%04o: warned %v of it: %q", mode, said, f.warnings)
		}
	}
}

func TestOneStreamComesWithItsClient(t *testing.T) {
	for name, test := range map[string]struct {
		stream, client proto.Error // what the server refuses with; 0: it answers
		is             error
		has            bool
	}{
		"both are there":         {0, 0, nil, true},
		"its client has left":    {0, proto.ErrNoSuchEntity, nil, false},
		"the stream has ended":   {proto.ErrNoSuchEntity, 0, ErrGone, false},
		"the server refuses all": {proto.ErrAccessDenied, 0, ErrDenied, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, true)
			f.answer = func(_ int, r frame) []byte {
				switch {
				case r.command == proto.OpGetSinkInputInfo && test.stream != 0:
					return refuse(r, test.stream)
				case r.command == proto.OpGetClientInfo && test.client != 0:
					return refuse(r, test.client)
				case r.command == proto.OpGetClientInfo:
					return packet(proto.OpReply, r.tag, enc{}.client(64, "mpv", map[string]string{"application.process.id": "4711"}))
				}
				return usual(r, true)
			}
			s, err := dialFake(t, f).Stream(within(t, ample), 65)
			if !errors.Is(err, test.is) || (err == nil) != (test.is == nil) {
				t.Fatalf("error %v, want %v", err, test.is)
			}
			if err == nil && (s.Index != 65 || s.Media != "a song" || (s.Client != nil) != test.has || test.has && s.Property("application.process.id") != "4711") {
				t.Errorf("got %+v", s)
			}
		})
	}
}

// A long text is cut between two characters; what is no text, at the bound.
func TestALongTextIsCutBetweenTwoCharacters(t *testing.T) {
	for _, test := range []struct {
		text string
		want int
	}{
		{strings.Repeat("a", maxString), maxString},
		{strings.Repeat("a", maxString+1), maxString},
		{strings.Repeat("a", maxString-1) + "é", maxString - 1},
		{strings.Repeat("a", maxString-2) + "é" + "b", maxString},
		{strings.Repeat("a", maxString-3) + "🎵", maxString - 3},
		{strings.Repeat("a", maxString-4) + "🎵" + "b", maxString},
		{strings.Repeat("a", maxString-3) + strings.Repeat("\x80", 9), maxString},
	} {
		if got := cut([]byte(test.text)); got != test.want {
			t.Errorf("of %d bytes that end in %q it keeps %d, want %d", len(test.text), test.text[maxString-5:], got, test.want)
		}
	}
}

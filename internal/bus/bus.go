// Package bus is the session bus: calls, signals, and objects of our own on it.
// Nothing is started to find it, nothing waits longer than its context says, and
// no message is longer than a megabyte.
//
// The library is github.com/godbus/dbus/v5, on a stream of ours: its search for
// the bus may run dbus-launch, and its connections have no limits. No other
// package links it; of its types only those of messages are seen outside.
package bus

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/godbus/dbus/v5"
)

var (
	// ErrNoBus: no session bus can be reached.
	ErrNoBus = errors.New("no session bus")
	// ErrLost: the connection has ended, by itself or by Close.
	ErrLost = errors.New("the session bus hung up")
	// ErrAbsent: nobody has the name that was called, or who had it left.
	ErrAbsent = errors.New("nobody has the name on the session bus")
	// ErrUnknown: who was called has no such object, interface or method.
	ErrUnknown = errors.New("there is no such method")
	// ErrShape: an answer is not of the types that belong to it.
	ErrShape = errors.New("an answer of the wrong shape")
)

// Error is an error that the other side answered with. errors.Is knows those
// that are ErrAbsent or ErrUnknown.
type Error struct {
	Name string // "org.freedesktop.DBus.Error.ServiceUnknown"
	Text string // whatever the other side wrote; Name when it wrote nothing
}

func (e *Error) Error() string { return fmt.Sprintf("%q", e.Text) }

// Is sorts the errors by their names (D-Bus specification 0.43, "Error names",
// and the reference implementation's dbus-protocol.h).
func (e *Error) Is(target error) bool {
	switch e.Name {
	case "org.freedesktop.DBus.Error.ServiceUnknown",
		"org.freedesktop.DBus.Error.NameHasNoOwner",
		"org.freedesktop.DBus.Error.NoReply": // it left while it was asked
		return target == ErrAbsent
	case "org.freedesktop.DBus.Error.UnknownObject",
		"org.freedesktop.DBus.Error.UnknownInterface",
		"org.freedesktop.DBus.Error.UnknownMethod":
		return target == ErrUnknown
	}
	return false
}

// Conn is one connection to the session bus. Its methods may be called at the
// same time.
type Conn struct {
	bus     *dbus.Conn
	stream  *stream
	name    string
	signals signals

	mu   sync.Mutex
	ours map[place]map[string]any // what is exported
}

// place is an interface of an object.
type place struct {
	path  dbus.ObjectPath
	iface string
}

// Question is a call that is sent with the greeting, before the bus has said
// anything, so that it costs no time of its own.
type Question struct {
	Object
	Method  string
	Args    []any
	Results []any
	// Err is what Call would have returned.
	Err error
}

// AskOwner is the question of Owner.
func AskOwner(name string, owner *string) *Question {
	return &Question{Object: theBus, Method: "GetNameOwner", Args: []any{name}, Results: []any{owner}}
}

// AskPID is the question of PID.
func AskPID(name string, pid *uint32) *Question {
	return &Question{Object: theBus, Method: "GetConnectionUnixProcessID", Args: []any{name}, Results: []any{pid}}
}

// Open connects to the first bus that can be reached, and is on it when it
// returns: DBUS_SESSION_BUS_ADDRESS, and only when that is not set
// $XDG_RUNTIME_DIR/bus. A nil getenv is os.Getenv. The questions are sent at the
// same time, in their order, and answered when it returns. Errors are ErrNoBus;
// the context's error is in it when that ended.
func Open(ctx context.Context, getenv func(string) string, questions ...*Question) (*Conn, error) {
	if getenv == nil {
		getenv = os.Getenv
	}
	addresses, err := findBus(getenv)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoBus, err)
	}
	var failed error
	for _, a := range addresses {
		c, err := open(ctx, a, questions)
		if err == nil {
			return c, nil
		}
		failed = errors.Join(failed, fmt.Errorf("%q: %w", string(a), err))
	}
	return nil, fmt.Errorf("%w: %w", ErrNoBus, failed)
}

// open says everything in one message of the socket. The bus reads what follows
// the handshake when that is over, in order (dbus-daemon 1.14, dbus-auth.c,
// "unused bytes"; sd-bus says BEGIN before it has heard OK, too).
func open(ctx context.Context, a address, questions []*Question) (*Conn, error) {
	s, err := dial(ctx, a)
	if err != nil {
		return nil, err
	}
	c := &Conn{stream: s, ours: make(map[place]map[string]any)}
	c.bus, err = dbus.NewConn(s, dbus.WithSignalHandler(&c.signals))
	if err != nil {
		s.Close()
		return nil, err
	}
	// This starts the reader, and asks the bus nothing: the stream has it behind it.
	if err := c.bus.Auth([]dbus.Auth{dbus.AuthExternal("")}); err != nil {
		c.Close()
		return nil, err
	}
	all := append([]*Question{{Object: theBus, Method: "Hello", Results: []any{&c.name}}}, questions...)
	answers := make([]*dbus.Call, len(all))
	for i, q := range all {
		answers[i], q.Err = c.send(ctx, q.method(q.Method), q.Args)
	}
	err = s.say()
	for i, q := range all {
		if q.Err == nil {
			q.Err = c.answered(ctx, answers[i], q.Results)
		}
	}
	refused := s.refusal()
	if err == nil {
		err = all[0].Err
	}
	switch {
	case refused != nil:
		c.Close()
		return nil, refused
	case err != nil:
		c.Close()
		return nil, fmt.Errorf("the bus does not answer: %w", err)
	}
	return c, nil
}

// Close ends the connection and waits until nothing is read from it any more.
// Channels of signals are closed. It may be called again.
func (c *Conn) Close() error {
	c.bus.Close()
	c.stream.join()
	c.signals.close()
	return nil
}

// Done is closed when the connection has ended by itself or by Close.
func (c *Conn) Done() <-chan struct{} { return c.bus.Context().Done() }

// Name is our unique name on the bus, ":1.42".
func (c *Conn) Name() string { return c.name }

// Object is what a method is called on.
type Object struct {
	// Destination is a name on the bus.
	Destination string
	Path        string
	Interface   string
	// Start lets the bus start who is to have the name.
	Start bool
}

// theBus is the bus itself (D-Bus specification 0.43, Message Bus Messages).
var theBus = Object{Destination: "org.freedesktop.DBus", Path: "/org/freedesktop/DBus", Interface: "org.freedesktop.DBus"}

// method is one of an object's.
type method struct {
	Object
	name string
}

func (o Object) method(name string) method { return method{o, name} }

// Call calls a method and stores what it returns into the results, pointers to
// values of its types; a structure is one of Go with exported fields. With no
// results the answer is not looked at. Errors are *Error, ErrLost, ErrShape and
// the context's.
func (c *Conn) Call(ctx context.Context, o Object, name string, args []any, results ...any) error {
	return c.call(ctx, o.method(name), args, results...)
}

// Begin is the first half of Call; wait is the other. Calls arrive in the order
// of their beginnings.
func (c *Conn) Begin(ctx context.Context, o Object, name string, args []any, results ...any) (wait func() error) {
	call, err := c.send(ctx, o.method(name), args)
	if err != nil {
		return func() error { return err }
	}
	return func() error { return c.answered(ctx, call, results) }
}

func (c *Conn) call(ctx context.Context, m method, args []any, results ...any) error {
	call, err := c.send(ctx, m, args)
	if err != nil {
		return err
	}
	return c.answered(ctx, call, results)
}

// send is the first half of a call.
func (c *Conn) send(ctx context.Context, m method, args []any) (call *dbus.Call, err error) {
	defer misshapen(&err)
	if !dbus.ObjectPath(m.Path).IsValid() {
		return nil, fmt.Errorf("%w: an object called %q", ErrShape, m.Path)
	}
	var flags dbus.Flags
	if !m.Start {
		flags = dbus.FlagNoAutoStart
	}
	return c.bus.Object(m.Destination, dbus.ObjectPath(m.Path)).GoWithContext(ctx, m.Interface+"."+m.name, flags, nil, args...), nil
}

// answered is the other half: it waits for the answer.
func (c *Conn) answered(ctx context.Context, call *dbus.Call, results []any) (err error) {
	defer misshapen(&err)
	<-call.Done
	if call.Err != nil {
		return c.failure(ctx, call.Err)
	}
	if len(results) == 0 {
		return nil
	}
	if err := dbus.Store(call.Body, results...); err != nil {
		return fmt.Errorf("%w: %q", ErrShape, err.Error())
	}
	return nil
}

// misshapen, deferred, makes an error of the library's panic on a value that it
// does not expect.
func misshapen(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%w: %q", ErrShape, fmt.Sprint(r))
	}
}

// Tell calls a method whose answer nobody waits for.
func (c *Conn) Tell(o Object, name string, args ...any) {
	defer func() { _ = recover() }() // as in misshapen
	c.bus.Object(o.Destination, dbus.ObjectPath(o.Path)).Call(o.Interface+"."+name, dbus.FlagNoReplyExpected|dbus.FlagNoAutoStart, args...)
}

// failure turns an error of the library into one of ours.
func (c *Conn) failure(ctx context.Context, err error) error {
	var answer dbus.Error
	switch {
	case errors.As(err, &answer):
		e := &Error{Name: answer.Name, Text: answer.Name}
		if len(answer.Body) > 0 {
			if s, ok := answer.Body[0].(string); ok && s != "" {
				e.Text = s
			}
		}
		return e
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", ErrLost, err)
}

// Owner returns the unique name of who has a name on the bus. The error is
// ErrAbsent when nobody has it.
func (c *Conn) Owner(ctx context.Context, name string) (string, error) {
	var owner string
	err := c.call(ctx, theBus.method("GetNameOwner"), []any{name}, &owner)
	return owner, err
}

// Start has the bus start who is to have a name.
func (c *Conn) Start(ctx context.Context, name string) error {
	return c.call(ctx, theBus.method("StartServiceByName"), []any{name, uint32(0)})
}

// PID returns the process that has a name on the bus, as the bus knows it from
// the socket.
func (c *Conn) PID(ctx context.Context, name string) (int, error) {
	var pid uint32
	err := c.call(ctx, theBus.method("GetConnectionUnixProcessID"), []any{name}, &pid)
	return int(pid), err
}

// Request takes a name on the bus for ourselves; false when another has it.
func (c *Conn) Request(ctx context.Context, name string) (bool, error) {
	var reply uint32
	err := c.call(ctx, theBus.method("RequestName"), []any{name, uint32(dbus.NameFlagDoNotQueue)}, &reply)
	return dbus.RequestNameReply(reply) == dbus.RequestNameReplyPrimaryOwner, err
}

// Export lets others call a method of ours with one text. Sender is the unique
// name of the caller; f may be called several times at once, also while Close
// is at work.
func (c *Conn) Export(path, iface, name string, f func(sender, text string)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := place{dbus.ObjectPath(path), iface}
	if c.ours[at] == nil {
		c.ours[at] = make(map[string]any)
	}
	c.ours[at][name] = func(sender dbus.Sender, text string) *dbus.Error {
		f(string(sender), text)
		return nil
	}
	c.stream.serve()
	return c.bus.ExportMethodTable(c.ours[at], at.path, iface)
}

// Path is an object's path where it is an argument.
type Path = dbus.ObjectPath

// Dict is a dictionary of named values, "a{sv}".
type Dict = map[string]dbus.Variant

// Variant wraps a value whose type is sent with it.
func Variant(v any) dbus.Variant { return dbus.MakeVariant(v) }

//go:build cgo

package main

/*
#cgo LDFLAGS: -lX11
#include <unistd.h>
#include <X11/Xlib.h>

extern void displayLost(void);

// What happens when a connection of hotkey's ends. Xlib would print and call
// exit(1); this thread must not come back to it.
static int lost(Display *d) {
	(void)d;
	displayLost();
	for (;;)
		pause();
	return 0;
}

// A protocol error is the answer to something that came too late, such as
// about a window that has gone. Xlib would print and call exit(1).
static int ignore(Display *d, XErrorEvent *e) {
	(void)d;
	(void)e;
	return 0;
}

static void handle_errors(void) {
	XSetIOErrorHandler(lost);
	XSetErrorHandler(ignore);
}

// hotkey asks for every key typed while the root window has the focus
// (upstream issue 48). What is grabbed arrives without that.
static void only_grabbed(Display *d) {
	XSelectInput(d, DefaultRootWindow(d), NoEventMask);
	XSync(d, False);
}

// While the key of a passive grab is down, the whole keyboard is grabbed, and
// keys typed meanwhile are lost. This ends it; the passive grab stays.
static void free_keyboard(Display *d) {
	XUngrabKeyboard(d, CurrentTime);
	XFlush(d);
}

static void give_back(Display *d, unsigned long keysym, unsigned int modifiers) {
	XUngrabKey(d, XKeysymToKeycode(d, keysym), modifiers, DefaultRootWindow(d));
	XSync(d, False);
}
*/
import "C"

import (
	"errors"
	"reflect"
	"strings"
	"sync"

	"golang.design/x/hotkey"

	"github.com/patoggle/patoggle/internal/daemon"
	"github.com/patoggle/patoggle/internal/keys"
)

// lost is closed when a connection of the hotkey library has ended. It is the
// one thing here that C has to find by itself.
var lost = struct {
	once sync.Once
	done chan struct{}
}{done: make(chan struct{})}

//export displayLost
func displayLost() { lost.once.Do(func() { close(lost.done) }) }

// watchDisplay keeps Xlib from ending the process, and returns what is closed
// when a connection has ended.
func watchDisplay() <-chan struct{} {
	C.handle_errors()
	return lost.done
}

// grab binds a chord: a daemon.Grab.
func grab(c keys.Chord, locks uint16, noMod2 bool, event func(up bool)) (func(), error) {
	var held []func()
	release := func() {
		for _, r := range held {
			r()
		}
	}
	// The library grabs with and without Lock and Mod2. Other locks take a
	// hotkey for each of their combinations.
	for extra := locks; ; extra = (extra - 1) & locks {
		r, err := grabOne(c, extra, noMod2, event)
		if err != nil {
			release()
			return nil, err
		}
		held = append(held, r)
		if extra == 0 {
			return release, nil
		}
	}
}

func grabOne(c keys.Chord, extra uint16, noMod2 bool, event func(up bool)) (func(), error) {
	mods := uint16(c.Mods) | extra
	hk := hotkey.New([]hotkey.Modifier{hotkey.Modifier(mods)}, hotkey.Key(c.Keysym))
	if err := hk.Register(); err != nil {
		if strings.Contains(err.Error(), "taken") {
			return nil, daemon.ErrTaken
		}
		return nil, err
	}
	// What the library does to a keyboard is cured on its own connection,
	// which it keeps to itself.
	display, err := displayOf(hk)
	if err != nil {
		return nil, errors.Join(err, hk.Unregister())
	}
	C.only_grabbed(display)
	if noMod2 {
		for _, m := range []hotkey.Modifier{hotkey.Mod2, hotkey.Mod2 | lockMask} {
			C.give_back(display, C.ulong(c.Keysym), C.uint(hotkey.Modifier(mods)|m))
		}
	}

	// Both channels are closed by Unregister.
	down, up := hk.Keydown(), hk.Keyup()
	var reader sync.WaitGroup
	var mu sync.Mutex
	open := true // display may be used: Unregister frees it
	reader.Go(func() {
		for down != nil || up != nil {
			select {
			case _, ok := <-down:
				if !ok {
					down = nil
					continue
				}
				mu.Lock()
				if open {
					C.free_keyboard(display)
				}
				mu.Unlock()
				event(false)
			case _, ok := <-up:
				if !ok {
					up = nil
					continue
				}
				event(true)
			}
		}
	})
	return func() {
		mu.Lock()
		open = false
		mu.Unlock()
		// It only fails when nothing is registered.
		_ = hk.Unregister()
		reader.Wait()
	}, nil
}

// lockMask is Lock, which the library has no name for (X11 protocol, KEYMASK).
const lockMask hotkey.Modifier = 1 << 1

var errChanged = errors.New("the hotkey library is not the one patoggled was written for")

// displayOf is the connection of a registered hotkey: the field display of
// v0.6.1's platformHotkey, which is set by Register and cleared by Unregister.
func displayOf(hk *hotkey.Hotkey) (*C.Display, error) {
	f := reflect.ValueOf(hk).Elem().FieldByName("display")
	if !f.IsValid() || f.Kind() != reflect.Pointer || f.IsNil() {
		return nil, errChanged
	}
	return (*C.Display)(f.UnsafePointer()), nil
}

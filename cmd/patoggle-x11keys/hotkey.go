//go:build cgo

package main

/*
#cgo LDFLAGS: -lX11
#include <X11/Xlib.h>

// A protocol error is the answer to something that came too late, such as
// about a window that has gone. Xlib would print and call exit(1).
static int ignore(Display *d, XErrorEvent *e) {
	(void)d;
	(void)e;
	return 0;
}

static void ignore_errors(void) {
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

// The key that the library has grabbed: it asked the same connection.
static unsigned int key_of(Display *d, unsigned long keysym) {
	return XKeysymToKeycode(d, keysym);
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

	"github.com/patoggle/patoggle/internal/x11keys"
)

// ignoreErrors keeps Xlib from ending the process because of a protocol error.
// That a connection has ended still does: there is nothing left to do then.
func ignoreErrors() { C.ignore_errors() }

// grab holds a key, and returns its keycode. Event is called from several
// goroutines.
func grab(k x11keys.Key, event func(up bool)) (code byte, release func(), err error) {
	var held []func()
	release = func() {
		for _, r := range held {
			r()
		}
	}
	// The library grabs with and without Lock and Mod2. Other locks take a
	// hotkey for each of their combinations.
	for extra := k.Locks; ; extra = (extra - 1) & k.Locks {
		c, r, err := grabOne(k, extra, event)
		if err != nil {
			release()
			return 0, nil, err
		}
		code = c
		held = append(held, r)
		if extra == 0 {
			return code, release, nil
		}
	}
}

func grabOne(k x11keys.Key, extra uint16, event func(up bool)) (byte, func(), error) {
	mods := uint16(k.Modifiers) | extra
	hk := hotkey.New([]hotkey.Modifier{hotkey.Modifier(mods)}, hotkey.Key(k.Keysym))
	// Both channels are closed by Unregister.
	down, up, err := inOrder(hk)
	if err != nil {
		return 0, nil, err
	}
	if err := hk.Register(); err != nil {
		if strings.Contains(err.Error(), "taken") {
			return 0, nil, x11keys.ErrTaken
		}
		return 0, nil, err
	}
	// What the library does to a keyboard is cured on its own connection,
	// which it keeps to itself.
	display, err := displayOf(hk)
	var reader sync.WaitGroup
	var mu sync.Mutex
	open := err == nil // display may be used: Unregister frees it
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
	release := func() {
		mu.Lock()
		open = false
		mu.Unlock()
		// It only fails when nothing is registered.
		_ = hk.Unregister()
		reader.Wait()
	}
	if err != nil {
		release()
		return 0, nil, err
	}
	C.only_grabbed(display)
	code := byte(C.key_of(display, C.ulong(k.Keysym)))
	if !k.Mod2 {
		for _, m := range []hotkey.Modifier{hotkey.Mod2, hotkey.Mod2 | lockMask} {
			C.give_back(display, C.ulong(k.Keysym), C.uint(hotkey.Modifier(mods)|m))
		}
	}
	return code, release, nil
}

// lockMask is Lock, which the library has no name for (X11 protocol, KEYMASK).
const lockMask hotkey.Modifier = 1 << 1

var errChanged = errors.New("the hotkey library is not the one this was written for")

// inOrder has a hotkey that is not registered yet tell its events on two channels
// of ours, as it reads them: the thread that reads them waits until they are taken.
// Behind each of its own two the library has a goroutine, and what comes out of
// these is in no order any more. That a Keyup came before a Keydown is what tells
// an auto-repeat from a press (see internal/daemon). The fields are keydownIn and
// keyupIn of v0.6.1's Hotkey.
func inOrder(hk *hotkey.Hotkey) (down, up <-chan hotkey.Event, err error) {
	var ours [2]<-chan hotkey.Event
	var theirs [2]*chan<- hotkey.Event
	for i, name := range []string{"keydownIn", "keyupIn"} {
		f := reflect.ValueOf(hk).Elem().FieldByName(name)
		if !f.IsValid() || f.Type() != reflect.TypeFor[chan<- hotkey.Event]() || f.IsNil() {
			return nil, nil, errChanged
		}
		theirs[i] = (*chan<- hotkey.Event)(f.Addr().UnsafePointer())
	}
	for i, their := range theirs {
		close(*their) // this ends its goroutine
		c := make(chan hotkey.Event)
		*their, ours[i] = c, c
	}
	return ours[0], ours[1], nil
}

// displayOf is the connection of a registered hotkey: the field display of
// v0.6.1's platformHotkey, which is set by Register and cleared by Unregister.
func displayOf(hk *hotkey.Hotkey) (*C.Display, error) {
	f := reflect.ValueOf(hk).Elem().FieldByName("display")
	if !f.IsValid() || f.Kind() != reflect.Pointer || f.IsNil() {
		return nil, errChanged
	}
	return (*C.Display)(f.UnsafePointer()), nil
}

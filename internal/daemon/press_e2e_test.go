package daemon

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/jezek/xgb/xproto"

	"github.com/patoggle/patoggle/internal/lab"
)

// bothServers runs a test on PulseAudio and on PipeWire, beside each other.
func bothServers(t *testing.T, f func(t *testing.T, server string)) {
	t.Helper()
	t.Parallel()
	onBoth(t, f)
}

// onBoth is bothServers for a test that is parallel already.
func onBoth(t *testing.T, f func(t *testing.T, server string)) {
	t.Helper()
	for _, server := range []string{pulseaudio, pipewire} {
		t.Run("on "+server, func(t *testing.T) {
			t.Parallel()
			f(t, server)
		})
	}
}

// after is the sink that follows in the ring, n steps on.
func after(sink string, n int) string {
	for i, s := range sinks {
		if s == sink {
			return sinks[(i+n)%len(sinks)]
		}
	}
	return ""
}

// moves counts the moves that a daemon with -v has told.
func (r *rig) moves() int { return r.said(" → ") }

// A press that comes while one is being served is dropped, and on a busy
// machine that would be one of the two hundred: so these run beside nothing but
// daemons at rest, before the parallel tests.
func TestWhileNothingElseRuns(t *testing.T) {
	for name, f := range map[string]func(*testing.T, string){
		"sixty presses are sixty moves":              sixtyPresses,
		"at rest it uses no time, and little memory": atRest,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, f)
		})
	}
}

func sixtyPresses(t *testing.T, server string) {
	const presses = 60
	r := newRig(t, server)
	r.play()
	r.start("-v")
	seed := uint64(time.Now().UnixNano())
	t.Logf("the seed is %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	at := "a"
	for i := 1; i <= presses; i++ {
		began := time.Now()
		r.keys.tap(time.Duration(25+random.IntN(50))*time.Millisecond, "Super", "F9")
		at = after(at, 1)
		time.Sleep(time.Duration(60+random.IntN(241)) * time.Millisecond)
		if r.moves() == i && r.sound.On(r.stream()) == at {
			continue
		}
		// As in TestAFastDoublePressGoesToTheSecondNextSink: the next one is not to
		// come while this one is served.
		if !lab.Poll(time.Minute, func() bool { return r.moves() == i && r.sound.On(r.stream()) == at }) {
			t.Fatalf("press %d: the stream is on %q, not on %q", i, r.sound.On(r.stream()), at)
		}
		time.Sleep(time.Since(began) / 2)
	}
	if n := r.moves(); n != presses {
		t.Errorf("%d presses made %d moves", presses, n)
	}
	r.end()
}

func TestAFastTapIsNotLost(t *testing.T) {
	t.Parallel()
	const taps = 20
	r := newRig(t, pulseaudio)
	r.play()
	r.start("-v")
	for _, ms := range []int{1, 5, 10, 20} {
		lost := 0
		for range taps {
			before := r.moves()
			r.keys.tap(time.Duration(ms)*time.Millisecond, "Super", "F9")
			// A press that comes while one is being served is dropped, which
			// is not what is asked here.
			if !lab.Poll(time.Minute, func() bool { return r.moves() > before }) {
				lost++
			}
			time.Sleep(60 * time.Millisecond)
		}
		t.Logf("keys down for %2d ms: %d of %d lost", ms, lost, taps)
		// None is lost on a machine that has time; one may be on one that has
		// none, rather than that a foreign one counts.
		if lost > 1 {
			t.Errorf("%d of %d taps of %d ms were lost", lost, taps, ms)
		}
	}
	r.end()
}

func TestAHeldKeyIsOnePress(t *testing.T) {
	t.Parallel()
	r := newRig(t, pulseaudio)
	r.play()
	r.start("-v")
	r.keys.listen(r.window())

	t.Run("for two seconds", func(t *testing.T) {
		r.keys.tap(2*time.Second, "Super", "F9")
		r.on("b")
		if n := r.keys.presses(r.window(), "F9"); n != 0 {
			t.Errorf("the focused window was sent %d presses of the hotkey", n)
		}
	})
	t.Run("while other keys are typed", func(t *testing.T) {
		r.fingerOff()
		r.keys.press("Super", "F9")
		// Before it repeats: a key that is typed in the very moment of a
		// repeat may be lost, see BenchmarkTypeWhileHeld.
		time.Sleep(300 * time.Millisecond)
		const text = "HELLOWORLD"
		for _, letter := range strings.Split(text, "") {
			r.keys.tap(10*time.Millisecond, letter)
			time.Sleep(30 * time.Millisecond)
		}
		time.Sleep(time.Second)
		r.keys.release("Super", "F9")
		r.on("c")
		for _, letter := range strings.Split(text, "") {
			want := strings.Count(text, letter)
			if n := r.keys.presses(r.window(), letter); n < want {
				t.Errorf("the focused window was sent %d presses of %s, not %d", n, letter, want)
			}
		}
	})
	t.Run("and the next press counts again", func(t *testing.T) {
		r.fingerOff()
		r.keys.tap(30*time.Millisecond, "Super", "F9")
		r.on("a")
	})
	if n := r.moves(); n != 3 {
		t.Errorf("three presses made %d moves", n)
	}
	r.end()
}

// An expected failure: from the press or a repeat of the hotkey until patoggled
// has given up the grab of the whole keyboard, a tenth of a millisecond later,
// other keys go to patoggled, where they count for nothing, and not to the
// focused window. The hotkey library grabs like that (XGrabKey with
// GrabModeAsync). Grabbing so that X keeps the keys back meanwhile
// (GrabModeSync) would be worse: then a patoggled that hangs takes the keyboard
// away. Here the moment is stretched by stopping patoggled;
// BenchmarkTypeWhileHeld counts how often it matters.
func TestExpectedFailureAKeyTypedInTheMomentOfAPressIsLost(t *testing.T) {
	t.Parallel()
	r := newRig(t, pulseaudio)
	r.play()
	r.start("-v")
	r.keys.listen(r.window())
	r.daemon.Stop()
	r.keys.press("Super", "F9")
	r.keys.tap(10*time.Millisecond, "E")
	if r.keys.keyboardFree() {
		t.Error("the keyboard is not grabbed: the expected failure is over, hold it")
	}
	r.daemon.Continue()
	r.Until("the keyboard to be free", r.keys.keyboardFree)
	r.keys.tap(10*time.Millisecond, "Q") // the hotkey is still held
	r.Until("the second letter", func() bool { return r.keys.presses(r.window(), "Q") == 1 })
	r.keys.release("Super", "F9")
	if r.keys.presses(r.window(), "E") != 0 {
		t.Error("the letter arrives: the expected failure is over, hold it")
	}
	// The press may be missed where the daemon has no time, but is not taken twice.
	r.fingerOff()
	before := r.moves()
	if before > 1 {
		t.Errorf("one press made %d moves", before)
	}
	r.keys.tap(30*time.Millisecond, "Super", "F9")
	r.Until("the next press", func() bool { return r.moves() == before+1 })
	r.end()
}

// keyboardFree tells whether nobody has grabbed the whole keyboard.
func (k *keyer) keyboardFree() bool {
	k.t.Helper()
	reply, err := xproto.GrabKeyboard(k.x, false, k.root, xproto.TimeCurrentTime, xproto.GrabModeAsync, xproto.GrabModeAsync).Reply()
	if err != nil {
		k.t.Fatal(err)
	}
	if reply.Status != xproto.GrabStatusSuccess {
		return false
	}
	if err := xproto.UngrabKeyboardChecked(k.x, xproto.TimeCurrentTime).Check(); err != nil {
		k.t.Fatal(err)
	}
	return true
}

func TestModifiersThatAreLetGoFirstPressNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, pulseaudio)
	r.play()
	r.configure(hotkeys("Super+F9") + "[[hotkey]]\nkeys = \"Super+Shift+F9\"\ndo = \"prev\"\n")
	r.start("-v")
	hold := func(modifiers ...string) {
		t.Helper()
		r.keys.press(modifiers...)
		r.keys.press("F9")
		time.Sleep(900 * time.Millisecond) // it repeats by now
		r.keys.release(modifiers[1])
		time.Sleep(200 * time.Millisecond)
		r.keys.release("F9")
		r.keys.release(modifiers[0])
		r.fingerOff()
	}
	hold("Super", "Shift") // the other hotkey
	r.on("c")
	if n := r.moves(); n != 1 {
		t.Errorf("one press of one hotkey made %d moves", n)
	}
	hold("Super", "Ctrl") // no hotkey at all
	if n := r.moves(); n != 1 {
		t.Errorf("no press of a hotkey made %d moves", n-1)
	}
	r.keys.tap(30*time.Millisecond, "Super", "F9")
	r.on("a")
	r.end()
}

func TestAModifierThatIsLetGoBeforeABusyDaemonHearsOfThePress(t *testing.T) {
	t.Parallel()
	r := newRig(t, pulseaudio)
	r.play()
	r.start("-v")
	for n := 1; n <= 6; n++ {
		r.daemon.Stop()
		r.keys.press("Super", "F9")
		r.keys.release("Super")
		r.daemon.Continue()
		time.Sleep(30 * time.Millisecond)
		r.keys.release("F9")
		r.on(after("a", n))
		if moves := r.moves(); moves != n {
			t.Fatalf("%d presses made %d moves", n, moves)
		}
	}
	r.end()
}

func TestAFastDoublePressGoesToTheSecondNextSink(t *testing.T) {
	bothServers(t, func(t *testing.T, server string) {
		r := newRig(t, server)
		r.play()
		r.start("-v")
		at := "a"
		for range 10 {
			// As fast as fingers are, and as the first is served: one that
			// comes before that is dropped. What follows what it says takes
			// less than what came before.
			before, began := r.moves(), time.Now()
			r.keys.tap(20*time.Millisecond, "Super", "F9")
			time.Sleep(60 * time.Millisecond)
			r.Until("the first press to be served", func() bool { return r.moves() > before })
			time.Sleep(time.Since(began) / 2)
			r.keys.tap(20*time.Millisecond, "Super", "F9")
			at = after(at, 2)
			r.on(at)
			// What the server claims to the mover is over, and so is our own
			// verification: it is still there.
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(1500 * time.Millisecond)
		if on := r.sound.On(r.stream()); on != at {
			t.Errorf("the stream is on %q in the end, not on %q", on, at)
		}
		if n := r.moves(); n != 20 {
			t.Errorf("20 presses made %d moves", n)
		}
		r.end()
	})
}

func TestLocksDoNotMatterAndOtherModifiersDo(t *testing.T) {
	t.Parallel()
	r := newRig(t, pulseaudio)
	r.play()
	r.start("-v")
	at := "a"
	for _, locks := range [][]string{{"Num_Lock"}, {"Caps_Lock"}, {"Num_Lock", "Caps_Lock"}} {
		t.Run("with "+strings.Join(locks, " and "), func(t *testing.T) {
			for _, l := range locks {
				r.keys.tap(10*time.Millisecond, l)
			}
			r.keys.tap(30*time.Millisecond, "Super", "F9")
			at = after(at, 1)
			r.on(at)
			for _, l := range locks {
				r.keys.tap(10*time.Millisecond, l)
			}
		})
	}
	for _, extra := range []string{"Shift", "Ctrl", "Alt"} {
		t.Run("with "+extra+" held as well", func(t *testing.T) {
			before := r.moves()
			// A finger that lets go and presses again takes longer than the
			// daemon to see the key up, and so does the test.
			r.fingerOff()
			r.keys.tap(50*time.Millisecond, extra, "Super", "F9")
			r.fingerOff()
			r.keys.tap(50*time.Millisecond, extra, "F9")
			r.fingerOff()
			// The next press is served after them, so they are done with.
			r.keys.tap(30*time.Millisecond, "Super", "F9")
			at = after(at, 1)
			r.on(at)
			if n := r.moves() - before; n != 1 {
				t.Errorf("%d moves, not 1", n)
			}
		})
	}
	r.end()
}

func TestOverTheRootWindowOnlyTheHotkeyFires(t *testing.T) {
	t.Parallel()
	r := newRig(t, pulseaudio, lab.NoWM)
	r.configure(hotkeys("Super+F9", "Super+F8", "Ctrl+Alt+Z"))
	r.start("-v")
	focus := map[string]xproto.Window{"the root window": r.keys.root, "the pointer's window": xproto.InputFocusPointerRoot}
	for name, window := range focus {
		t.Run("with the focus on "+name, func(t *testing.T) {
			err := xproto.SetInputFocusChecked(r.keys.x, xproto.InputFocusPointerRoot, window, xproto.TimeCurrentTime).Check()
			if err != nil {
				t.Fatal(err)
			}
			before := r.said("patoggled: error:")
			for _, letter := range strings.Split("THEQUICKBROWNFOXJUMPSOVERTHELAZYDOG", "") {
				r.keys.tap(2*time.Millisecond, letter)
			}
			r.keys.tap(10*time.Millisecond, "F9")
			r.keys.tap(10*time.Millisecond, "Super", "Z")
			// One that counts, after them: it fails, since there is nobody to
			// say which window has the focus, and says so.
			r.keys.tap(30*time.Millisecond, "Super", "F9")
			r.Until("an answer to the press", func() bool { return r.said("patoggled: error:") > before })
			if n := r.said("patoggled: error:") - before; n != 1 {
				t.Errorf("%d presses were served, not 1:\n%s", n, r.daemon.Log())
			}
		})
	}
	r.says("patoggled: error: no window manager says which window has the focus")
	r.end()
}

func TestKeysThatAreNotThereAreRefusedByName(t *testing.T) {
	t.Parallel()
	r := newRig(t, pulseaudio)
	r.play()
	// Xvfb's keyboard has the media keys of a PC: this one is taken away.
	if res := r.Run(nil, "xmodmap", "-e", "keysym XF86AudioNext = NoSymbol"); res.Code != 0 {
		t.Fatalf("xmodmap: %s", res.Stderr)
	}
	r.configure(hotkeys("F20", "XF86AudioNext", "Super+F9"))
	r.start("-v")
	for _, line := range []string{
		`patoggled: error: this keyboard has no key "F20", so "F20" does nothing`,
		`patoggled: error: this keyboard has no key "XF86AudioNext", so "XF86AudioNext" does nothing`,
		`patoggled: hint: "xev" shows the names of the keys this keyboard has`,
	} {
		r.says(line)
	}
	if !r.systemd.Has("STATUS=1 of 3 hotkeys in force") {
		t.Errorf("the service manager was told %q", r.systemd.All())
	}
	r.keys.listen(r.window())
	for c := 'A'; c <= 'Z'; c++ {
		r.keys.tap(2*time.Millisecond, string(c))
	}
	r.Until("the last letter", func() bool { return r.keys.presses(r.window(), "Z") > 0 })
	for c := 'A'; c <= 'Z'; c++ {
		if n := r.keys.presses(r.window(), string(c)); n != 1 {
			t.Errorf("the focused window was sent %d presses of %c", n, c)
		}
	}
	r.keys.tap(30*time.Millisecond, "Super", "F9")
	r.on("b")
	r.end()
}

// free tells whether anybody may grab the key with these modifiers.
func (k *keyer) free(modifiers uint16, code xproto.Keycode) bool {
	k.t.Helper()
	// To ask is to hold it for a moment, in which no other program may want it.
	xproto.GrabServer(k.x)
	defer func() { _ = xproto.UngrabServerChecked(k.x).Check() }() // the connection's end ends it too
	err := xproto.GrabKeyChecked(k.x, false, k.root, modifiers, code, xproto.GrabModeAsync, xproto.GrabModeAsync).Check()
	if _, taken := err.(xproto.AccessError); taken {
		return false
	}
	if err != nil {
		k.t.Fatal(err)
	}
	if err := xproto.UngrabKeyChecked(k.x, code, k.root, modifiers).Check(); err != nil {
		k.t.Fatal(err)
	}
	return true
}

func TestTheHotkeyFollowsTheLayout(t *testing.T) {
	t.Parallel()
	r := newRig(t, pulseaudio)
	r.play()
	r.configure(hotkeys("Ctrl+Alt+Z"))
	r.start("-v")
	const modifiers = xproto.ModMaskControl | xproto.ModMask1
	at, old := "a", r.keys.code("Z")
	places := map[xproto.Keycode]bool{old: true}
	for _, layout := range []string{"us", "de", "ru,us", "fr"} {
		t.Run("to "+layout, func(t *testing.T) {
			before := r.systemd.Count("STATUS=1 hotkey in force")
			if res := r.Run(nil, "setxkbmap", layout); res.Code != 0 {
				t.Fatalf("setxkbmap: %s", res.Stderr)
			}
			follow := func() { // setxkbmap may be told of in two events
				r.Until("patoggled to follow", func() bool { return r.systemd.Count("STATUS=1 hotkey in force") > before })
				before = r.systemd.Count("STATUS=1 hotkey in force")
			}
			follow()
			r.keys.learn()
			code := r.keys.code("Z")
			places[code] = true
			for r.keys.free(modifiers, code) || code != old && !r.keys.free(modifiers, old) {
				follow()
			}
			old = code
			// While it follows the other event, the key is nobody's.
			for told := -1; told != r.systemd.Count("STATUS=1 hotkey in force"); {
				told = r.systemd.Count("STATUS=1 hotkey in force")
				time.Sleep(fresh)
			}
			r.keys.tap(30*time.Millisecond, "Ctrl", "Alt", "Z")
			at = after(at, 1)
			r.on(at)
		})
	}
	if len(places) < 3 {
		t.Errorf("the key was in %d places only: %v", len(places), places)
	}
	t.Run("to one without the key", func(t *testing.T) {
		if res := r.Run(nil, "setxkbmap", "ru"); res.Code != 0 {
			t.Fatalf("setxkbmap: %s", res.Stderr)
		}
		r.says(`patoggled: error: this keyboard has no key "Z", so "Ctrl+Alt+Z" does nothing`)
		if !r.keys.free(modifiers, old) {
			t.Errorf("the key %d is still bound", old)
		}
		if !r.keys.free(xproto.ModMaskAny, xproto.GrabAny) {
			t.Error("something is still grabbed on the whole keyboard")
		}
	})
	t.Run("and back", func(t *testing.T) {
		before := r.systemd.Count("STATUS=1 hotkey in force")
		if res := r.Run(nil, "setxkbmap", "us"); res.Code != 0 {
			t.Fatalf("setxkbmap: %s", res.Stderr)
		}
		r.Until("patoggled to follow", func() bool { return r.systemd.Count("STATUS=1 hotkey in force") > before })
		r.keys.learn()
		time.Sleep(fresh)
		r.keys.tap(30*time.Millisecond, "Ctrl", "Alt", "Z")
		r.on(after(at, 1))
	})
	r.end()
}

func TestTheHotkeyFiresInEveryGroupOfTheLayout(t *testing.T) {
	t.Parallel()
	r := newRig(t, pulseaudio)
	r.play()
	if res := r.Run(nil, "setxkbmap", "-layout", "us,ru", "-option", "grp:caps_toggle"); res.Code != 0 {
		t.Fatalf("setxkbmap: %s", res.Stderr)
	}
	r.configure(hotkeys("Super+F9", "Ctrl+Alt+Z"))
	toggle := r.keys.code("Caps_Lock") // its place: it is ISO_Next_Group now
	r.keys.learn()
	r.start()
	at := "a"
	for group := range 3 {
		for _, chord := range [][]string{{"Super", "F9"}, {"Ctrl", "Alt", "Z"}} {
			r.keys.tap(30*time.Millisecond, chord...)
			at = after(at, 1)
			r.on(at)
		}
		pointer, err := xproto.QueryPointer(r.keys.x, r.keys.root).Reply()
		if err != nil {
			t.Fatal(err)
		}
		if now := int(pointer.Mask >> 13 & 3); now != group%2 { // XKB, 2.2.2
			t.Errorf("the group is %d, not %d", now, group%2)
		}
		r.keys.fake(xproto.KeyPress, toggle)
		r.keys.fake(xproto.KeyRelease, toggle)
	}
	r.end()
}

// What this keyboard has only with Shift or AltGr fires with them, and the key
// below it, which nobody asked for, does not.
func TestAKeyBehindAltGrFiresWithAltGrOnly(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		layout, chord, check string
		press, below         []string
	}{
		{"de", "Super+at", " with AltGr)", []string{"Super", "AltGr", "Q"}, []string{"Super", "Q"}},
		{"us,de", "Super+Greek_OMEGA", " with AltGr+Shift)", []string{"Super", "Shift", "AltGr", "Q"}, []string{"Super", "Q"}},
		{"fr", "Super+2", " with Shift)", []string{"Super", "Shift", "eacute"}, []string{"Super", "eacute"}},
		{"us", "Super+plus", " with Shift)", []string{"Super", "Shift", "equal"}, []string{"Super", "equal"}},
		{"us", "Super+Sys_Req", " with Alt)", []string{"Super", "Alt", "Print"}, []string{"Super", "Print"}},
	} {
		t.Run(tt.layout+" "+tt.chord, func(t *testing.T) {
			r := newRig(t, pulseaudio)
			r.play()
			if res := r.Run(nil, "setxkbmap", "-layout", tt.layout, "-option", "grp:caps_toggle"); res.Code != 0 {
				t.Fatalf("setxkbmap: %s", res.Stderr)
			}
			r.configure(hotkeys(tt.chord))
			r.keys.learn()
			if res := r.Run(nil, program(t), "--check"); res.Code != 0 || !strings.Contains(res.Stdout, tt.check) {
				t.Errorf("--check: code %d, %q, %q", res.Code, res.Stdout, res.Stderr)
			}
			r.start("-v")
			if strings.HasPrefix(tt.layout, "us,") { // the second one
				caps := r.keys.first
				for code := range 256 - int(r.keys.first) {
					if r.keys.syms[code*r.keys.per] == 0xfe08 { // ISO_Next_Group
						caps += xproto.Keycode(code)
						break
					}
				}
				r.keys.fake(xproto.KeyPress, caps)
				r.keys.fake(xproto.KeyRelease, caps)
			}
			r.keys.tap(30*time.Millisecond, tt.below...)
			r.keys.tap(30*time.Millisecond, tt.press...)
			r.on("b")
			r.keys.tap(30*time.Millisecond, tt.below...)
			r.fingerOff()
			r.keys.tap(30*time.Millisecond, tt.press...)
			r.on("c")
			r.end()
			if n := r.moves(); n != 2 {
				t.Errorf("%d moves of 2 presses:\n%s", n, r.daemon.Log())
			}
		})
	}
}

func TestALevelThatCannotBeToldIsRefusedByName(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	if res := r.Run(nil, "setxkbmap", "us,ru,de"); res.Code != 0 {
		t.Fatalf("setxkbmap: %s", res.Stderr)
	}
	r.configure(hotkeys("Super+Greek_OMEGA", "XF86Switch_VT_1", "Super+Cyrillic_shorti"))
	res := r.Run(nil, program(t), "--check")
	if res.Code != 2 || strings.Count(res.Stdout, "\n") != 1 || !strings.Contains(res.Stdout, "Super+Cyrillic_shorti") ||
		!strings.Contains(res.Stderr, "patoggled: error: this keyboard has \"Greek_OMEGA\" only behind another level of a key, so \"Super+Greek_OMEGA\" does nothing\n") ||
		!strings.Contains(res.Stderr, "\"XF86Switch_VT_1\" only behind") {
		t.Errorf("code %d, %q, %q", res.Code, res.Stdout, res.Stderr)
	}
}

func TestNumLockMayBeAnotherModifier(t *testing.T) {
	t.Parallel()
	r := newRig(t, pulseaudio)
	r.play()
	for _, e := range []string{"clear mod2", "clear mod3", "add mod3 = Num_Lock"} {
		if res := r.Run(nil, "xmodmap", "-e", e); res.Code != 0 {
			t.Fatalf("xmodmap %q: %s", e, res.Stderr)
		}
	}
	r.start("-v")
	f9 := r.keys.code("F9")
	for modifiers, want := range map[uint16]bool{
		xproto.ModMask4: false, xproto.ModMask4 | xproto.ModMask3: false, xproto.ModMask4 | xproto.ModMaskLock: false,
		xproto.ModMask4 | xproto.ModMask3 | xproto.ModMaskLock: false,
		xproto.ModMask4 | xproto.ModMask2:                      true,
		xproto.ModMask4 | xproto.ModMask2 | xproto.ModMaskLock: true,
	} {
		if got := r.keys.free(modifiers, f9); got != want {
			t.Errorf("with the modifiers %#x: free is %v", modifiers, got)
		}
	}
	r.keys.tap(10*time.Millisecond, "Num_Lock")
	r.keys.tap(30*time.Millisecond, "Super", "F9")
	r.on("b")
	r.keys.tap(10*time.Millisecond, "Num_Lock")
	r.keys.tap(30*time.Millisecond, "Super", "F9")
	r.on("c")
	r.end()
}

func TestAKeyOfAnotherProgramIsRefusedAndTheOthersWork(t *testing.T) {
	t.Parallel()
	r := newRig(t, pulseaudio)
	r.play()
	f8 := r.keys.code("F8")
	err := xproto.GrabKeyChecked(r.keys.x, false, r.keys.root, xproto.ModMask4, f8, xproto.GrabModeAsync, xproto.GrabModeAsync).Check()
	if err != nil {
		t.Fatal(err)
	}
	r.configure(hotkeys("Super+F8", "Super+F9"))
	r.start("-v")
	r.says(`patoggled: error: "Super+F8" is taken: another program holds it`)
	r.says("patoggled: hint: choose other keys, or free these in that program or in the window manager's settings")
	r.keys.tap(30*time.Millisecond, "Super", "F9")
	r.on("b")

	if err := xproto.UngrabKeyChecked(r.keys.x, f8, r.keys.root, xproto.ModMask4).Check(); err != nil {
		t.Fatal(err)
	}
	// Nobody tells it: it tries again by itself, and says so once.
	r.says(`patoggled: info: "Super+F8" is free now, and in force`)
	if n := r.said("is taken"); n != 1 {
		t.Errorf("it said %d times that the key is taken", n)
	}
	r.hangup()
	r.says("patoggled: info: the configuration was read again: 2 hotkeys in force")
	time.Sleep(fresh)
	r.keys.tap(30*time.Millisecond, "Super", "F8")
	r.on("c")
	r.end()
	for _, code := range []xproto.Keycode{f8, r.keys.code("F9")} {
		if !r.keys.free(xproto.ModMask4, code) {
			t.Errorf("the key %d is still bound after the end", code)
		}
	}
}

func TestTheActionsAreThoseOfTheConfiguration(t *testing.T) {
	t.Parallel()
	r := newRig(t, pulseaudio)
	r.play()
	r.configure(hotkeys("Super+F9") + `
[[hotkey]]
keys = "mod4+f8"
do = "prev"
[[hotkey]]
keys = "Control+Shift+s"
do = "to"
sink = "c"
[[hotkey]]
keys = "XF86AudioNext"
do = "to"
sink = "nowhere"
`)
	r.start()
	for _, step := range []struct {
		keys []string
		on   string
	}{
		{[]string{"Super", "F9"}, "b"},
		{[]string{"Super", "F8"}, "a"},
		{[]string{"Super", "F8"}, "c"},
		{[]string{"Super", "F9"}, "a"},
		{[]string{"Ctrl", "Shift", "S"}, "c"},
	} {
		r.keys.tap(30*time.Millisecond, step.keys...)
		r.on(step.on)
	}
	r.keys.tap(30*time.Millisecond, "XF86AudioNext")
	r.Until("the error", func() bool { return r.said(`patoggled: error: `) == 1 })
	if log := r.daemon.Log(); !strings.Contains(log, `"nowhere"`) {
		t.Errorf("the error does not name the sink:\n%s", log)
	}
	r.end()
}

func TestAPressWithNothingToDoSaysWhy(t *testing.T) {
	t.Parallel()
	r := newRig(t, pulseaudio)
	r.start()
	r.keys.tap(30*time.Millisecond, "Super", "F9")
	r.says("patoggled: error: no window has the focus")
	r.end()
}

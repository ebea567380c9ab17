package daemon

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/patoggle/patoggle/internal/lab"
	"github.com/patoggle/patoggle/internal/lab/puppet"
)

// volume is a stream's in percent, -1 when it is not there.
func (r *rig) volume(stream int) int {
	r.t.Helper()
	var l struct {
		Streams []struct {
			Index  int
			Volume int `json:"volume_percent"`
		}
	}
	res := r.Run(nil, lab.Binary(r.t, "patoggle"), lab.Unhurried("list", "streams", "--json")...)
	if err := json.Unmarshal([]byte(res.Stdout), &l); err != nil {
		r.t.Fatalf("%v: %s%s", err, res.Stdout, res.Stderr)
	}
	for _, s := range l.Streams {
		if s.Index == stream {
			return s.Volume
		}
	}
	return -1
}

// loud waits until a stream has about that volume.
func (r *rig) loud(stream, percent int) {
	r.t.Helper()
	r.Until(fmt.Sprintf("stream %d at %d %%", stream, percent), func() bool {
		v := r.volume(stream)
		return v >= percent-1 && v <= percent+1
	})
}

func TestAKeySetsTheVolumeAndAnotherTakesItBack(t *testing.T) {
	onBothServers(t, func(t *testing.T, r *rig) {
		lab.Need(t, "pactl")
		r.configure("volume = \"remember\"\n[[hotkey]]\nkeys = \"Super+F9\"\ndo = \"next\"\n[[hotkey]]\nkeys = \"Super+F10\"\ndo = \"undo\"\n[[hotkey]]\nkeys = \"Super+F11\"\ndo = \"prev\"\n")
		r.sound.SetVolume("a", 50)
		r.start("-v")
		r.play()
		press := func(key, sink string, percent int) {
			t.Helper()
			r.keys.tap(20*time.Millisecond, "Super", key)
			r.on(sink)
			r.loud(r.stream(), percent)
		}
		press("F9", "b", 50)
		press("F10", "a", 100)
		press("F9", "b", 50)
		press("F11", "a", 100)
	})
}

// What a player had on a sink when it was closed there is known when it comes
// back, by a rule and before it is heard.
func TestTheVolumeOfAClosedApplicationIsRemembered(t *testing.T) {
	onBothServers(t, func(t *testing.T, r *rig) {
		lab.Need(t, "pactl")
		r.configure("volume = \"remember\"\n[[rule]]\napp = \"paplay\"\nsink = \"b\"\n[[rule]]\napp = \"later\"\nsink = \"b\"\n")
		r.sound.Pactl("set-default-sink", "a")
		r.start("-v")
		p, stream := r.paplay()
		r.sound.WaitOn(stream, "b")
		r.sound.Pactl("set-sink-input-volume", strconv.Itoa(stream), "30%")
		r.loud(stream, 30)
		// patoggled has seen it when it moves what begins afterwards.
		later := r.Puppet(lab.Act{Program: "later", Client: map[string]string{"application.name": "Later"}, Streams: []puppet.Stream{{Media: []byte("tone"), Sink: "a"}}})
		r.sound.WaitOn(later.Streams[0], "b")
		r.aWhile() // it is to last
		p.Kill()
		r.Until("the end of paplay", func() bool { _, there := r.sound.Stream(stream); return !there })
		// By itself the next one would be at full volume, elsewhere.
		again, other := r.paplay("--volume=65536", "--device=a")
		r.sound.WaitOn(other, "b")
		r.loud(other, 30)
		time.Sleep(500 * time.Millisecond) // no user is faster than a player that begins
		r.sound.Pactl("set-sink-input-volume", strconv.Itoa(other), "80%")
		r.loud(other, 80)
		if res := r.Run(nil, lab.Binary(t, "patoggle"), lab.Unhurried("--stream", strconv.Itoa(other), "--to", "c")...); res.Code != 0 {
			t.Fatal(res.Stderr)
		}
		r.loud(other, 80)
		if res := r.Run(nil, lab.Binary(t, "patoggle"), lab.Unhurried("--stream", strconv.Itoa(other), "--to", "b")...); res.Code != 0 {
			t.Fatal(res.Stderr)
		}
		r.loud(other, 80)
		// It is closed elsewhere, less loud. The server was told that it starts on b,
		// and makes it as loud as it last was.
		if res := r.Run(nil, lab.Binary(t, "patoggle"), lab.Unhurried("--stream", strconv.Itoa(other), "--to", "c")...); res.Code != 0 {
			t.Fatal(res.Stderr)
		}
		r.sound.Pactl("set-sink-input-volume", strconv.Itoa(other), "40%")
		r.loud(other, 40)
		r.aWhile()
		again.Kill()
		r.Until("the end of paplay", func() bool { _, there := r.sound.Stream(other); return !there })
		at := func(percent int) (all []int) { // the streams of paplay on b that are that loud
			for _, s := range r.sound.Streams() {
				if v := r.volume(s.Index); s.Props["application.name"] == "paplay" && s.On == "b" && v >= percent-1 && v <= percent+1 {
					all = append(all, s.Index)
				}
			}
			return all
		}
		r.Spawn("paplay", "--raw", "/dev/zero")
		r.Until("paplay on b, at 80 %", func() bool { return len(at(80)) == 1 })
		r.aWhile() // as above
		// Beside another of its streams it is as loud as that is now.
		r.sound.Pactl("set-sink-input-volume", strconv.Itoa(at(80)[0]), "50%")
		r.Until("it to be at 50 %", func() bool { return len(at(50)) == 1 })
		r.Spawn("paplay", "--raw", "/dev/zero")
		r.Until("two on b, at 50 %", func() bool { return len(at(50)) == 2 })
		time.Sleep(500 * time.Millisecond)
		if n := len(at(50)); n != 2 {
			t.Errorf("%d are at 50 %%", n)
		}
	})
}

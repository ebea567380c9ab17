// Command demo shows patoggle at work on a private desktop: its own sound
// server, display, window manager and players. It fails when a stream is not
// where it should be.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/patoggle/patoggle/internal/lab"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run returns the exit code: 0 when all went as it should, 1 when not, 2 for
// wrong usage, 130 after Ctrl-C.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(stderr)
	server := flags.String("server", "pulseaudio", "`name` of the sound server: pulseaudio or pipewire")
	verbose := flags.Bool("v", false, "name every process that is started")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if *server != "pulseaudio" && *server != "pipewire" || flags.NArg() > 0 {
		fmt.Fprintln(stderr, "demo: error: the sound server is \"pulseaudio\" or \"pipewire\"")
		return 2
	}

	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	program, err := lab.Build("cmd/patoggle")
	if err != nil {
		fmt.Fprintf(stderr, "demo: error: %v\n", err)
		return 1
	}
	var log io.Writer
	if *verbose {
		log = stderr
	}
	l, err := lab.New(log)
	if err != nil {
		fmt.Fprintf(stderr, "demo: error: %v\n", err)
		return 1
	}
	done := make(chan error, 1)
	go func() {
		d := demo{Lab: l, out: stdout, program: program}
		done <- l.Try(func() { d.show(*server) })
	}()
	code := 0
	select {
	case err = <-done:
		if err != nil {
			fmt.Fprintf(stderr, "demo: error: %v\ndemo: the ends of the logs:\n%s", err, l.Logs())
			code = 1
		}
	case <-interrupted:
		fmt.Fprintln(stdout, "\nInterrupted.")
		code = 130
	}
	// The goroutine above may still be waiting for something that ends now;
	// it ends with this process.
	dir := l.Dir
	if err := l.End(); err != nil {
		fmt.Fprintf(stderr, "demo: error: %v\n", err)
		code = 1
	}
	if left := lab.Left(dir); len(left) > 0 {
		fmt.Fprintf(stderr, "demo: error: left running:\n%s\n", strings.Join(left, "\n"))
		code = 1
	} else {
		fmt.Fprintf(stdout, "Everything the demo started has ended, and %s is gone.\n", dir)
	}
	return code
}

// demo is one showing.
type demo struct {
	*lab.Lab
	out     io.Writer
	program string
	sound   *lab.Sound
}

// player is one of the two players with its window and stream.
type player struct {
	title  string
	window uint32
	stream int
}

func (d *demo) step(format string, args ...any) {
	fmt.Fprintf(d.out, "\n"+format+"\n", args...)
}

func (d *demo) indent(text string) {
	for line := range strings.Lines(text) {
		fmt.Fprint(d.out, "    "+line)
	}
}

func (d *demo) show(server string) {
	fmt.Fprintf(d.out, "This is patoggle on a desktop of its own, in %s. Your sound, windows and files are not touched.\n", d.Dir)

	sinks := []string{"speakers=Speakers", "headset=USB Headset", "tv=TV (HDMI)"}
	names := []string{"speakers", "headset", "tv"}
	if server == "pipewire" {
		d.sound = d.PipeWire(sinks...)
		d.step("PipeWire, WirePlumber and pipewire-pulse run, with three sinks: speakers, headset and tv.")
	} else {
		d.sound = d.PulseAudio(sinks...)
		d.step("PulseAudio runs, with three sinks: speakers, headset and tv.")
	}
	display := d.Display()
	fmt.Fprintf(d.out, "An X display %s with the window manager openbox runs; it shows on no screen.\n", display.Name)

	music, game := d.play("Music"), d.play("Game")
	for _, p := range []player{music, game} {
		d.sound.Move(p.stream, names[0])
		fmt.Fprintf(d.out, "mpv plays a tone in the window %q (0x%x), on the speakers.\n", p.title, p.window)
	}

	display.Focus(music.window)
	d.step("%q has the focus. What patoggle sees:", music.title)
	d.patoggle("list")

	// The ring is every sink, sorted by name.
	for _, want := range []string{"tv", "headset", "speakers"} {
		d.step("The key is pressed:")
		d.patoggle()
		d.check(map[int]string{music.stream: want, game.stream: names[0]}, music, game)
	}

	display.Focus(game.window)
	d.step("Now %q has the focus, and the key is pressed:", game.title)
	d.patoggle()
	d.check(map[int]string{music.stream: names[0], game.stream: "tv"}, music, game)

	d.step("Why just that one?")
	d.patoggle("why")
	fmt.Fprintln(d.out)
}

func (d *demo) play(title string) player {
	p := d.Player(title)
	return player{title: title, window: p.WaitWindow(), stream: p.WaitStream()}
}

// patoggle runs the program as a key binding would and shows what it prints.
func (d *demo) patoggle(args ...string) {
	command := strings.Join(append([]string{"patoggle"}, args...), " ")
	fmt.Fprintf(d.out, "    $ %s\n", command)
	r := d.Run(nil, d.program, args...)
	d.indent(r.Stdout + r.Stderr)
	if r.Code != 0 {
		d.Fail(fmt.Errorf("%q ended with code %d", command, r.Code))
	}
}

// check asks pactl, another client, where the streams are, shows it, and
// fails when they are not where they belong.
func (d *demo) check(want map[int]string, players ...player) {
	sinks := map[string]string{} // by index
	for line := range strings.Lines(d.sound.Pactl("list", "short", "sinks")) {
		if f := strings.Split(line, "\t"); len(f) > 1 {
			sinks[f[0]] = f[1]
		}
	}
	for _, p := range players {
		on := ""
		for line := range strings.Lines(d.sound.Pactl("list", "short", "sink-inputs")) {
			if f := strings.Split(line, "\t"); len(f) > 1 && f[0] == fmt.Sprint(p.stream) {
				on = sinks[f[1]]
			}
		}
		fmt.Fprintf(d.out, "    pactl says: stream %d, %q, is on sink %q\n", p.stream, p.title, on)
		if on != want[p.stream] {
			d.Fail(fmt.Errorf("%q should be on %q", p.title, want[p.stream]))
		}
	}
}

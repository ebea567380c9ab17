package main

import "github.com/spf13/cobra"

// help is the usage, kept by hand: it is the first thing a user sees.
func help(cmd *cobra.Command) string {
	if text, ok := helpTexts[cmd.Name()]; ok {
		return text
	}
	return helpTexts["patoggle"]
}

var helpTexts = map[string]string{
	"patoggle": `patoggle moves the sound of the application in front to the next sink.

Usage:
    patoggle                 the focused application's streams go to the next sink
    patoggle --prev          … to the previous one
    patoggle --to SINK       … to this one: name, nickname, description, or a
                             part of it that only one sink has, in any case;
                             "-": the line that a menu program writes
    patoggle --input         what it records comes from the next microphone
    patoggle --pair          both: its sound to the next device, and what it
                             records to that device's microphone
    patoggle list [sinks|streams|inputs] [--menu]
    patoggle watch [--format FORM]
                             a line whenever what a bar shows has changed
    patoggle why             which streams would move, and why the others not
    patoggle undo            take the last move back; again: the one before
    patoggle follow          the focused application follows the default sink again
    patoggle remember        its next streams start where it plays now
    patoggle forget          they no longer do
    patoggle rules           every rule, and the streams it fits
    patoggle reset [--yes]   everything follows the default sink, nothing is
                             remembered
    patoggle top             live: what plays where, and how loud; ? shows the keys
    patoggle config path|check|init
    patoggle bind [KEYS] [next|prev|to SINK] [--input|--pair] [--for DESKTOP]
                  [--check]
                             how to bind it to a key of this desktop
    patoggle gnome-extension install|remove|status
                             what lets GNOME say which window has the focus
    patoggle completion bash|zsh|fish

Whom to move, instead of the focused window's application:
    --window ID              the application of this window, by its id: Tab lists
                             them
    --pid N                  this process and its descendants
    --app NAME               application name, binary or id, in any case
    --stream INDEX           this stream
    --all                    everything that plays

How:
    --input                  about what records and the microphones, not what
                             plays
    --pair                   what it records follows to the microphone of the
                             device that it plays on
    -n, --dry-run            move nothing, say what would move
    --guess                  let matches of low confidence act
    --verify                 look again after a second, retry once
    --notify                 show a desktop notification
    --json                   one JSON object on standard output
    -q, --quiet              print nothing but errors
    -v, --verbose            say more on standard error
    --server ADDRESS         the sound server, as in PULSE_SERVER
    --display NAME           the X display, as in DISPLAY
    --config FILE            the configuration file
    --timeout DURATION       for everything together (default 2s; 4s where "sinks"
                             names a port)
    --help, --version

Exit code: 0 done, 1 failed, 2 wrong usage or configuration, 3 nothing to do.

Example, two keys in ~/.config/i3/config:
    bindsym $mod+F9       exec --no-startup-id patoggle --notify
    bindsym $mod+Shift+F9 exec --no-startup-id patoggle --notify --prev
`,
	"list": `patoggle list shows what plays and what records, and where.

Usage:
    patoggle list [sinks|streams|inputs] [--json]
    patoggle list sinks|inputs --menu

The sinks stand in the order in which a press goes from one to the next; those
it does not go to come last. "reachable" is a port or a profile that the press
switches to first. "*" marks the default sink, ">" the streams of the
focused application. It works without a display; then nothing is marked focused.
"inputs", or --input, shows the microphones and what records alone, and with
them every monitor, which gives what a sink plays.
--menu prints a line for each sink, for a menu program such as rofi or dmenu:
    patoggle list sinks --menu | rofi -dmenu -p sink | patoggle --to -

Example:
    patoggle list --json | jq -r '.sinks[] | select(.in_cycle) | .name'
`,
	"why": `patoggle why says which streams would move, and why the others not.

Usage:
    patoggle why [--window ID | --pid N | --app NAME | --stream INDEX | --all]
                 [--input|--pair] [--guess] [-v] [--json]

What decided stands below each stream; -v shows every rule that was tried, and
how well the process that plays is known: "trusted" (the sound server knows it
from the socket), "verified" (the stream says so, and that process is yours and
runs the program it names), "translated" (its number inside a sandbox).
--pair also says which microphone goes with each sink, and by what.

Example, five seconds to bring another window to the front:
    sleep 5; patoggle why
`,
	"watch": `patoggle watch prints a line whenever what a bar shows has changed.

Usage:
    patoggle watch [--format text|waybar|polybar|TEXT | --json]

The application in front and the sink it plays on, else the default sink. TEXT
may hold {app}, {sink}, {state} (playing, paused, silent, none, away) and
{default}. It rests while nothing changes, comes back with the sound server and
the desktop, and ends when nobody reads it any more.

Example, in ~/.config/waybar/config:
    "custom/sink": { "exec": "patoggle watch --format waybar", "return-type": "json" }
`,
	"undo": `patoggle undo takes the last move back.

Usage:
    patoggle undo [--input] [--json]

The streams go back to the sinks they came from, and with volume = "remember" to
the volume they had there. Once more takes back the move before; those of
patoggled's keys count too. Moves of streams that have ended are passed over.
--input takes back the last move of a recording.

Example:
    patoggle && patoggle undo
`,
	"follow": `patoggle follow lets an application follow the default sink again.

Usage:
    patoggle follow [--window ID | --pid N | --app NAME | --stream INDEX | --all]
                    [--input]

With --input what it records follows the default source.

Example:
    patoggle follow --app mpv
`,
	"remember": `patoggle remember lets an application's next streams start where it plays now.

Usage:
    patoggle remember [--window ID | --pid N | --app NAME | --stream INDEX | --all]
                      [--input]

patoggled brings them there, also after the next login. "patoggle forget" ends
it, "patoggle rules" shows what is remembered. --input is about the microphone.

Example:
    patoggle --app spotify --to headset && patoggle remember --app spotify
`,
	"forget": `patoggle forget ends what "patoggle remember" began.

Usage:
    patoggle forget [--window ID | --pid N | --app NAME | --stream INDEX | --all]
                    [--input]

What plays stays where it is. The sound server may remember the sink by itself;
"patoggle follow" ends that.

Example:
    patoggle forget --app spotify
`,
	"rules": `patoggle rules shows every rule, and which streams it fits.

Usage:
    patoggle rules [--input] [--json]

Those of the configuration come first and win over what is remembered. Below
those about what plays stand those about what records; --input shows only these.

Example:
    patoggle rules --json | jq -r '.rules[] | select(.idle != "") | .app + ": " + .idle'
`,
	"reset": `patoggle reset lets everything follow the default sink, and forgets.

Usage:
    patoggle reset [--yes] [--input]

It forgets what "patoggle remember" keeps and the moves that "patoggle undo"
knows. The configuration stays. --input is about what records alone.

Example:
    patoggle reset --yes
`,
	"top": `patoggle top is a live view of the sinks and what plays on them.

Usage:
    patoggle top [--server ADDRESS] [--display NAME] [--config FILE]

Up and down choose a stream, right and left move it round the sinks, a digit
moves it to that sink, u takes the last move back, ? shows all keys, q quits.
NO_COLOR keeps colours away.

Example:
    patoggle top
`,
	"config": `patoggle config is about the configuration file.

Usage:
    patoggle config path     where it is, whether it exists or not
    patoggle config check    read it and say what is wrong, with file and line
    patoggle config init     write one that explains every key

Without a file the defaults are in force, and none is written unasked.

Example:
    patoggle config init && patoggle config check
`,
	"bind": `patoggle bind says how to bind patoggle to a key of this desktop.

Usage:
    patoggle bind [KEYS] [next|prev|to SINK] [--input|--pair] [--for DESKTOP]
                  [--check]

It prints the lines to paste, and says into which file. KEYS are written as
"Ctrl+Alt+Z"; without them it is Super+F9.

    --input                  a key for what records and the microphones
    --pair                   a key for both at once
    --for DESKTOP            for this desktop, whichever runs
    --check                  say whether another program has the key, where
                             that can be known

Example:
    patoggle bind Super+F10 to headset
`,
	"gnome-extension": `patoggle gnome-extension is about patoggle's extension of GNOME Shell.

Usage:
    patoggle gnome-extension install   put it there and switch it on, for you
    patoggle gnome-extension remove    switch it off and take it away
    patoggle gnome-extension status    whether GNOME runs it, and why not

On Wayland GNOME tells no program which window has the focus; the extension
does. GNOME loads it at the next login. It is for GNOME 43 and later.

Example:
    patoggle gnome-extension install
`,
	"completion": `patoggle completion prints a completion script for a shell.

Usage:
    patoggle completion bash|zsh|fish

Example, for bash, until the shell ends:
    source <(patoggle completion bash)
`,
}

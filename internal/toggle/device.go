package toggle

import (
	"slices"
	"strconv"
	"strings"

	"github.com/patoggle/patoggle/config"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/pulse"
)

// The properties that say which device a sink or a source is of: PulseAudio's
// proplist.h, and PipeWire's keys.h, whose pipewire-pulse hands a node's on.
const (
	propDeviceID  = "device.id"          // PipeWire: the object of the card
	propBluetooth = "api.bluez5.address" // PipeWire; PulseAudio has it in device.string
	propAPI       = "device.api"         // PulseAudio: "bluez", "alsa"
	propBus       = "device.bus"         // "usb", "pci", "bluetooth"
	propBusPath   = "device.bus_path"    // udev's ID_PATH
	propSerial    = "device.serial"      // udev's ID_SERIAL: of no use where two are alike
	propClass     = "device.class"       // "monitor" of what gives what a sink plays
	propALSACard  = "alsa.card"          // the number of the card, of a hand-made sink too
)

// kinship is one way in which a sink and a source can be of one device. of is
// what both have to have, "" for nothing.
type kinship struct {
	by string
	of func(s *pulse.Sink) string
}

// kinships are those ways, the surest first.
var kinships = []kinship{
	{"card", func(s *pulse.Sink) string {
		if s.Card == pulse.NoCard {
			return ""
		}
		return strconv.Itoa(int(s.Card))
	}},
	{"device of PipeWire", func(s *pulse.Sink) string { return s.Properties[propDeviceID] }},
	{"Bluetooth address", func(s *pulse.Sink) string {
		p := s.Properties
		address := p[propBluetooth]
		if address == "" && (p[propAPI] == "bluez" || p[propBus] == "bluetooth") {
			address = p[propDevice]
		}
		return strings.ToLower(address)
	}},
	{"USB device", func(s *pulse.Sink) string { return usb(s.Properties[propBusPath]) }},
	{"ALSA card", func(s *pulse.Sink) string { return s.Properties[propALSACard] }},
	{"serial number", func(s *pulse.Sink) string {
		if s.Properties[propBusPath] != "" {
			return "" // it says where the device is, and two may have one serial
		}
		return s.Properties[propSerial]
	}},
}

// usb is the device in the path of one of its interfaces: udev's path_id writes
// "pci-0000:00:14.0-usb-0:2:1.0", where 1.0 are configuration and interface. ""
// for the path of anything else.
func usb(path string) string {
	if !strings.Contains(path, "usb-") {
		return ""
	}
	if at := strings.LastIndexByte(path, ':'); at > 0 {
		return path[:at]
	}
	return path
}

// Kin is the source of a sink's device.
type Kin struct {
	// Source is nil where the device has none that can be used.
	Source *Output
	// By is what both share, such as "card"; "" without a source.
	By string
	// Why says in words why there is none.
	Why string
}

// KinOf finds the source of the device that a sink is of, among the outputs of
// a book of sources. Of several it is the default one, else one in the ring,
// else the first by name. Those that the configuration skips and those with
// nothing plugged in are none. sink is called so.
func KinOf(sink *Output, sources *Book, standard string, cfg *config.Config) Kin {
	why := term.Escape(sink.Label) + " has no microphone"
	for _, k := range kinships {
		is := k.of(&sink.Sink)
		if is == "" {
			continue
		}
		var kin []*Output
		for i := range sources.Outputs {
			s := &sources.Outputs[i]
			if s.Monitor || s.Properties[propClass] == "monitor" || k.of(&s.Sink) != is {
				continue
			}
			switch {
			case s.Available == pulse.AvailableNo:
				why = "nothing is plugged in at " + term.Escape(s.Label)
			case cfg != nil && s.matches(cfg.Skip):
				why = term.Escape(s.Label) + " is skipped by the configuration"
			default:
				kin = append(kin, s)
			}
		}
		if len(kin) == 0 {
			continue
		}
		slices.SortStableFunc(kin, func(a, b *Output) int {
			switch {
			case (a.Name == standard) != (b.Name == standard):
				return last(b.Name == standard)
			case a.InCycle != b.InCycle:
				return last(b.InCycle)
			}
			return strings.Compare(a.Name, b.Name)
		})
		return Kin{Source: kin[0], By: k.by}
	}
	return Kin{Why: why}
}

// last is the order of two of which the second is preferred, or not.
func last(second bool) int {
	if second {
		return 1
	}
	return -1
}

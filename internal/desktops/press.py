#!/usr/bin/python3
"""Presses keys on a desktop as a keyboard would, so that its own bindings see them.

    press.py [-hold MS] KEY...      "leftmeta+f9"; names are those of
                                    linux/input-event-codes.h in lower case

GNOME is asked by org.gnome.Mutter.RemoteDesktop, KWin by its emulated input (EIS
through libei), a compositor of wlroots' by wtype, an X server by XTEST (xdotool).
Neither GNOME nor KWin shows a dialog for it. Needs python3-gi; libei1 for KWin.
"""
import ctypes, os, select, subprocess, sys, time

CODES = {  # linux/input-event-codes.h
    "esc": 1, "1": 2, "2": 3, "3": 4, "4": 5, "5": 6, "6": 7, "7": 8, "8": 9, "9": 10, "0": 11, "tab": 15, "enter": 28,
    "leftctrl": 29, "leftshift": 42, "rightshift": 54, "leftalt": 56, "space": 57, "f1": 59, "f2": 60, "f3": 61,
    "f4": 62, "f5": 63, "f6": 64, "f7": 65, "f8": 66, "f9": 67, "f10": 68, "f11": 87, "f12": 88, "rightctrl": 97,
    "rightalt": 100, "leftmeta": 125, "rightmeta": 126,
}
for row, first in (("qwertyuiop", 16), ("asdfghjkl", 30), ("zxcvbnm", 44)):
    CODES.update({letter: first + i for i, letter in enumerate(row)})
MODIFIERS = {"leftmeta": "logo", "leftctrl": "ctrl", "leftshift": "shift", "leftalt": "alt"}  # wtype's words
XNAMES = {"leftmeta": "super", "leftctrl": "ctrl", "leftshift": "shift", "leftalt": "alt", "esc": "Escape", "enter": "Return"}


def bus():
    from gi.repository import Gio
    return Gio.bus_get_sync(Gio.BusType.SESSION), Gio


def owned(name):
    from gi.repository import GLib
    b, Gio = bus()
    return b.call_sync("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "NameHasOwner",
                       GLib.Variant("(s)", (name,)), None, 0, 5000, None).unpack()[0]


class Mutter:
    def __init__(self):
        self.bus, self.gio = bus()
        self.path = self.call("/org/gnome/Mutter/RemoteDesktop", "org.gnome.Mutter.RemoteDesktop", "CreateSession", None)[0]
        self.call(self.path, "org.gnome.Mutter.RemoteDesktop.Session", "Start", None)
        # The first key makes the keyboard; the window in front does not see it.
        self.key(CODES["leftshift"], True)
        self.key(CODES["leftshift"], False)
        time.sleep(0.2)

    def call(self, path, interface, method, args):
        return self.bus.call_sync("org.gnome.Mutter.RemoteDesktop", path, interface, method, args, None, 0, 5000, None).unpack()

    def key(self, code, down):
        from gi.repository import GLib
        self.call(self.path, "org.gnome.Mutter.RemoteDesktop.Session", "NotifyKeyboardKeycode", GLib.Variant("(ub)", (code, down)))


class KWin:
    # libei.h: event types and the capability keyboard.
    CONNECT, SEAT_ADDED, DEVICE_ADDED, DEVICE_RESUMED, KEYBOARD = 1, 3, 5, 8, 4

    def __init__(self):
        from gi.repository import GLib
        self.bus, _ = bus()  # KWin hangs up when this connection ends
        reply, fds = self.bus.call_with_unix_fd_list_sync("org.kde.KWin", "/org/kde/KWin/EIS/RemoteDesktop",
            "org.kde.KWin.EIS.RemoteDesktop", "connectToEIS", GLib.Variant("(i)", (7,)), None, 0, 5000, None, None)
        fd = fds.get(reply.unpack()[0])
        self.ei = ei = ctypes.CDLL("libei.so.1")
        for name in "ei_new_sender", "ei_get_event", "ei_event_get_seat", "ei_event_get_device", "ei_device_ref":
            getattr(ei, name).restype = ctypes.c_void_p
        for name in ("ei_configure_name", "ei_setup_backend_fd", "ei_dispatch", "ei_get_fd", "ei_get_event", "ei_event_get_type",
                     "ei_event_get_seat", "ei_event_get_device", "ei_event_unref", "ei_device_ref", "ei_device_has_capability",
                     "ei_device_start_emulating", "ei_device_stop_emulating"):
            getattr(ei, name).argtypes = [ctypes.c_void_p]
        ei.ei_configure_name.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
        ei.ei_setup_backend_fd.argtypes = ei.ei_device_has_capability.argtypes = [ctypes.c_void_p, ctypes.c_int]
        ei.ei_device_start_emulating.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
        ei.ei_device_has_capability.restype = ctypes.c_bool
        ei.ei_device_keyboard_key.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_bool]
        ei.ei_device_frame.argtypes = [ctypes.c_void_p, ctypes.c_uint64]
        ei.ei_now.argtypes, ei.ei_now.restype = [ctypes.c_void_p], ctypes.c_uint64
        self.ctx, self.device = ei.ei_new_sender(None), None
        ei.ei_configure_name(self.ctx, b"press")
        if ei.ei_setup_backend_fd(self.ctx, fd) != 0:
            sys.exit("press: KWin's emulated input refuses us")
        end = time.time() + 10
        while self.device is None:
            if time.time() > end:
                sys.exit("press: KWin gives us no keyboard")
            self.turn(0.2)
        ei.ei_device_start_emulating(self.device, 1)

    def turn(self, wait):
        ei = self.ei
        select.select([ei.ei_get_fd(self.ctx)], [], [], wait)
        ei.ei_dispatch(self.ctx)
        while event := ei.ei_get_event(self.ctx):
            kind = ei.ei_event_get_type(event)
            if kind == self.SEAT_ADDED:
                bind = ei.ei_seat_bind_capabilities
                bind.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]
                bind(ei.ei_event_get_seat(event), self.KEYBOARD, None)
            elif kind == self.DEVICE_RESUMED:
                device = ei.ei_event_get_device(event)
                if ei.ei_device_has_capability(device, self.KEYBOARD):
                    self.device = ei.ei_device_ref(device)
            ei.ei_event_unref(event)

    def key(self, code, down):
        self.ei.ei_device_keyboard_key(self.device, code, down)
        self.ei.ei_device_frame(self.device, self.ei.ei_now(self.ctx))
        self.turn(0)


def main(args):
    hold = 30
    if args[:1] == ["-hold"]:
        hold, args = int(args[1]), args[2:]
    if not args:
        sys.exit(__doc__)
    if os.environ.get("WAYLAND_DISPLAY"):
        if owned("org.gnome.Mutter.RemoteDesktop"):
            keyboard = Mutter()
        elif owned("org.kde.KWin"):
            keyboard = KWin()
        else:
            keyboard = None
    else:
        keyboard = None
    for chord in args:
        keys = chord.lower().split("+")
        if keyboard is None and os.environ.get("WAYLAND_DISPLAY"):
            name = {"esc": "Escape", "enter": "Return"}.get(keys[-1], keys[-1].upper() if keys[-1][0] == "f" and len(keys[-1]) > 1 else keys[-1])
            command = ["wtype"]
            for m in keys[:-1]:
                command += ["-M", MODIFIERS[m]]
            command += ["-P", name, "-s", str(hold), "-p", name]
            for m in reversed(keys[:-1]):
                command += ["-m", MODIFIERS[m]]
            subprocess.run(command, check=True)
            continue
        if keyboard is None:
            names = [XNAMES.get(k, k.upper() if k[0] == "f" and len(k) > 1 else k) for k in keys]
            subprocess.run(["xdotool"] + sum([["keydown", n] for n in names], []) + ["sleep", str(hold / 1000)]
                           + sum([["keyup", n] for n in reversed(names)], []), check=True)
            continue
        for k in keys:
            keyboard.key(CODES[k], True)
        time.sleep(hold / 1000)
        for k in reversed(keys):
            keyboard.key(CODES[k], False)
        time.sleep(0.05)
    time.sleep(0.1)  # what was written last has to arrive before we hang up


main(sys.argv[1:])

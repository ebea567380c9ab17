#!/usr/bin/python3
"""What GNOME Shell asks the system bus for before it has a lock screen: a GDM, and
a session of logind's (js/misc/loginManager.js, canLock, GNOME 43 to 51).

    login.py ADDRESS
"""
import sys
from gi.repository import Gio, GLib

SESSION = "/org/freedesktop/login1/session/_31"
OBJECTS = {
    "/org/gnome/DisplayManager/Manager": """<interface name="org.gnome.DisplayManager.Manager">
        <property name="Version" type="s" access="read"/></interface>""",
    "/org/freedesktop/login1": """<interface name="org.freedesktop.login1.Manager">
        <method name="GetSession"><arg type="s" direction="in"/><arg type="o" direction="out"/></method>
        <method name="ListSessions"><arg type="a(susso)" direction="out"/></method></interface>""",
    SESSION: """<interface name="org.freedesktop.login1.Session">
        <property name="Active" type="b" access="read"/><property name="Id" type="s" access="read"/>
        <property name="State" type="s" access="read"/><property name="Class" type="s" access="read"/>
        <property name="Remote" type="b" access="read"/><property name="LockedHint" type="b" access="read"/>
        <method name="SetLockedHint"><arg type="b" direction="in"/></method>
        <signal name="Lock"/><signal name="Unlock"/></interface>""",
}
VALUES = {
    "Version": GLib.Variant("s", "46.0"), "Active": GLib.Variant("b", True), "Id": GLib.Variant("s", "1"),
    "State": GLib.Variant("s", "active"), "Class": GLib.Variant("s", "user"), "Remote": GLib.Variant("b", False),
    "LockedHint": GLib.Variant("b", False),
}


def call(bus, sender, path, interface, method, args, invocation):
    answers = {
        "GetSession": GLib.Variant("(o)", (SESSION,)),
        "ListSessions": GLib.Variant("(a(susso))", ([("1", 1000, "desk", "seat0", SESSION)],)),
        "SetLockedHint": None,
    }
    invocation.return_value(answers[method])


bus = Gio.DBusConnection.new_for_address_sync(
    sys.argv[1], Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)
for path, text in OBJECTS.items():
    interface = Gio.DBusNodeInfo.new_for_xml("<node>" + text + "</node>").interfaces[0]
    bus.register_object(path, interface, call, lambda bus, sender, path, interface, name: VALUES[name], None)
for name in "org.gnome.DisplayManager", "org.freedesktop.login1":
    Gio.bus_own_name_on_connection(bus, name, 0, lambda bus, name: print(name, flush=True), None)
GLib.MainLoop().run()

// The keys of patoggled, which GNOME Shell grabs for it: an object on the shell's
// own bus name. Numbered, since a running shell keeps the code it has loaded.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Meta from 'gi://Meta';
import Shell from 'gi://Shell';

import * as Main from 'resource:///org/gnome/shell/ui/main.js';

const PATH = '/io/github/patoggle/Keys';
const INTERFACE = 'io.github.patoggle.Keys1';

// Keys are written as GTK does: "<Super>F9". Grab is true when the key is the
// caller's, from now on or already; Free says what Grab would, and changes
// nothing that lasts. Enabled says that the object is there.
const XML = `
<node>
  <interface name="${INTERFACE}">
    <method name="Grab">
      <arg type="s" direction="in" name="key"/>
      <arg type="b" direction="out" name="held"/>
    </method>
    <method name="Release">
      <arg type="s" direction="in" name="key"/>
    </method>
    <method name="Free">
      <arg type="s" direction="in" name="key"/>
      <arg type="b" direction="out" name="free"/>
    </method>
    <signal name="Pressed">
      <arg type="s" name="key"/>
    </signal>
    <signal name="Enabled"/>
  </interface>
</node>`;

// More keys than anybody configures.
const MOST = 64;

export class Keys {
    enable() {
        this._held = new Map(); // by key: the shell's action, and its owner
        this._watched = new Map(); // by owner
        this._object = Gio.DBusExportedObject.wrapJSObject(XML, this);
        this._object.export(Gio.DBus.session, PATH);
        this._activated = global.display.connect('accelerator-activated', (_display, action) => {
            for (const [key, held] of this._held) {
                if (held.action === action)
                    this._tell(held.owner, 'Pressed', new GLib.Variant('(s)', [key]));
            }
        });
        this._tell(null, 'Enabled', null);
    }

    disable() {
        global.display.disconnect(this._activated);
        this._activated = null;
        for (const key of [...this._held.keys()])
            this._release(key);
        for (const id of this._watched.values())
            Gio.bus_unwatch_name(id);
        this._watched = null;
        this._held = null;
        this._object.unexport();
        this._object = null;
    }

    GrabAsync([key], invocation) {
        const owner = invocation.get_sender();
        this._answer(invocation, this._grab(key, owner));
    }

    FreeAsync([key], invocation) {
        // One that patoggled holds is the one that is asked about.
        let free = this._held.has(key);
        if (!free) {
            free = this._grab(key, invocation.get_sender());
            if (free)
                this._release(key);
        }
        this._answer(invocation, free);
    }

    ReleaseAsync([key], invocation) {
        if (this._held.get(key)?.owner === invocation.get_sender())
            this._release(key);
        invocation.return_value(null);
    }

    _answer(invocation, yes) {
        invocation.return_value(new GLib.Variant('(b)', [yes]));
    }

    _grab(key, owner) {
        const held = this._held.get(key);
        if (held)
            return held.owner === owner;
        if (this._held.size >= MOST)
            return false;
        const action = global.display.grab_accelerator(key, Meta.KeyBindingFlags.IGNORE_AUTOREPEAT);
        if (action === Meta.KeyBindingAction.NONE)
            return false;
        Main.wm.allowKeybinding(Meta.external_binding_name_for_action(action),
            Shell.ActionMode.NORMAL);
        this._held.set(key, {action, owner});
        this._watch(owner);
        return true;
    }

    _release(key) {
        const {action} = this._held.get(key);
        this._held.delete(key);
        global.display.ungrab_accelerator(action);
        Main.wm.allowKeybinding(Meta.external_binding_name_for_action(action), Shell.ActionMode.NONE);
    }

    // Whoever dies gives its keys back.
    _watch(owner) {
        if (this._watched.has(owner))
            return;
        this._watched.set(owner, Gio.bus_watch_name_on_connection(Gio.DBus.session, owner,
            Gio.BusNameWatcherFlags.NONE, null, () => {
                Gio.bus_unwatch_name(this._watched.get(owner));
                this._watched.delete(owner);
                for (const [key, held] of [...this._held]) {
                    if (held.owner === owner)
                        this._release(key);
                }
            }));
    }

    _tell(to, name, values) {
        Gio.DBus.session.emit_signal(to, PATH, INTERFACE, name, values);
    }
}

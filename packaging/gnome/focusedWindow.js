// Which window has the focus: an object on the shell's own bus name. Numbered,
// since a running shell keeps the code it has loaded.

import Gio from 'gi://Gio';
import Meta from 'gi://Meta';

import * as Main from 'resource:///org/gnome/shell/ui/main.js';

const PATH = '/io/github/patoggle/FocusedWindow';

// Get answers in JSON: the shell's mode (Shell.ActionMode), whether the screen
// is locked, the overview open or the keyboard with the shell itself, the
// focused window, and of every window its process. Titles are those of the
// focused window's process alone. Changed says that an answer may be another one
// now, and nothing else.
const XML = `
<node>
  <interface name="io.github.patoggle.FocusedWindow1">
    <method name="Get">
      <arg type="s" direction="out" name="answer"/>
    </method>
    <signal name="Changed"/>
  </interface>
</node>`;

const TYPES = [Meta.WindowType.NORMAL, Meta.WindowType.DIALOG, Meta.WindowType.MODAL_DIALOG,
    Meta.WindowType.UTILITY];

export class FocusedWindow {
    enable() {
        this._object = Gio.DBusExportedObject.wrapJSObject(XML, this);
        this._object.export(Gio.DBus.session, PATH);
        const changed = () => this._object.emit_signal('Changed', null);
        this._connected = [
            [global.display, 'notify::focus-window'],
            [global.stage, 'notify::key-focus'],
            [Main.overview, 'showing'],
            [Main.overview, 'hidden'],
            [Main.sessionMode, 'updated'],
        ].map(([object, signal]) => [object, object.connect(signal, changed)]);
        changed();
    }

    disable() {
        for (const [object, id] of this._connected)
            object.disconnect(id);
        this._connected = null;
        this._object.emit_signal('Changed', null);
        this._object.unexport();
        this._object = null;
    }

    Get() {
        const focused = global.display.focus_window;
        const pid = focused ? focused.get_pid() : 0;
        return JSON.stringify({
            mode: Main.actionMode,
            locked: Main.sessionMode.isLocked,
            overview: Main.overview.visible,
            shell: global.stage.key_focus !== null,
            focused: focused ? this._tell(focused, true) : null,
            windows: global.display.list_all_windows()
                .filter(window => TYPES.includes(window.get_window_type()))
                .map(window => this._tell(window, window.get_pid() === pid)),
        });
    }

    _tell(window, title) {
        return {
            id: String(window.get_id()),
            pid: window.get_pid(),
            title: title ? window.get_title() ?? '' : '',
            class: window.get_wm_class() ?? '',
            instance: window.get_wm_class_instance() ?? '',
            x11: window.get_client_type() === Meta.WindowClientType.X11,
        };
    }
}

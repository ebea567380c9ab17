// patoggle's extension of GNOME Shell, for 45 and later: no other program can be
// told which window has the focus.

import {Extension} from 'resource:///org/gnome/shell/extensions/extension.js';

import {FocusedWindow} from './focusedWindow.js';
import {Keys} from './keys.js';

export default class Patoggle extends Extension {
    enable() {
        this._focusedWindow = new FocusedWindow();
        this._focusedWindow.enable();
        this._keys = new Keys();
        this._keys.enable();
    }

    disable() {
        this._keys.disable();
        this._keys = null;
        this._focusedWindow.disable();
        this._focusedWindow = null;
    }
}

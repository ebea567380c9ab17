// Package gnome is patoggle's extension of GNOME Shell, as files.
package gnome

import "embed"

// Modules is the extension for GNOME 45 and later.
//
//go:embed metadata.json extension.js focusedWindow.js keys.js
var Modules embed.FS

// Legacy is the one for 43 and 44, in the folder "legacy".
//
//go:embed legacy
var Legacy embed.FS

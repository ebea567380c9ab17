package identity

import (
	"path"
	"strings"
)

// isWine knows Wine's own programs, which run others.
func isWine(program string) bool {
	p := fold(program)
	return p == "wine" || p == "wine64" || p == "wineserver" || strings.HasPrefix(p, "wine") && strings.HasSuffix(p, "-preloader")
}

// windowsProgram is the file's name of a program of Windows; "" when there is
// none. Wine's own desktop is nobody's.
func windowsProgram(args []string) string {
	for _, a := range args {
		a = a[strings.LastIndexAny(a, `\/`)+1:]
		if f := fold(a); strings.HasSuffix(f, ".exe") && f != "explorer.exe" && f != "start.exe" {
			return a
		}
	}
	return ""
}

// runtimes run programs of others, by the name of their own without version:
// "python3.11" is "python".
var runtimes = map[string]bool{
	"python": true, "pypy": true, "java": true, "javaw": true, "mono": true, "mono-sgen": true, "dotnet": true,
	"node": true, "nodejs": true, "gjs": true, "gjs-console": true, "perl": true, "ruby": true, "lua": true, "luajit": true,
	"php": true, "electron": true, "nw": true, "cef": true, "bwrap": true, "sh": true, "bash": true, "dash": true, "zsh": true,
	"fish": true, "busybox": true, "env": true, "qemu-x86_64": true, "box64": true, "box86": true, "fex": true,
}

// runtimeName is a runtime's name without version.
func runtimeName(program string) string {
	name := fold(program)
	if runtimes[name] {
		return name
	}
	return strings.TrimRight(name, "0123456789.-")
}

func isRuntime(program string) bool { return runtimes[runtimeName(program)] }

// valued are options of Java, Python and others whose value is the next
// argument.
var valued = map[string]bool{
	"-cp": true, "-classpath": true, "--class-path": true, "-p": true, "--module-path": true, "--add-modules": true,
	"-X": true, "-W": true, "-I": true, "-r": true, "--require": true,
}

// scriptOf is what a runtime was told to run: a script, a module, a class or an
// archive. "" means that the arguments do not say.
func scriptOf(program string, args []string) string {
	name := runtimeName(program)
	if len(args) > 0 {
		args = args[1:]
	}
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "" || a == "--":
		case name == "java" && a == "-jar", strings.HasPrefix(name, "py") && a == "-m", name == "java" && (a == "-m" || a == "--module"):
			if i+1 < len(args) {
				return place(args[i+1])
			}
		case a == "-c" || a == "-e" || a == "-":
			return "" // a program in an argument has no name
		case valued[a]:
			i++
		case strings.HasPrefix(a, "-"):
		default:
			return place(a)
		}
	}
	return ""
}

// place is a program's file for a key: whole when it says where it is, since
// many programs are called main.py.
func place(file string) string {
	if !path.IsAbs(file) {
		return file
	}
	return path.Clean(file)
}

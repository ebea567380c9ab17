/* Prints the keycode XKeysymToKeycode gives for each keysym on stdin (in
 * hexadecimal), one per line: "keysym keycode". */
#include <X11/Xlib.h>
#include <stdio.h>

int main(void) {
	Display *d = XOpenDisplay(NULL);
	if (!d)
		return 1;
	unsigned long sym;
	while (scanf("%lx", &sym) == 1)
		printf("%lx %d\n", sym, XKeysymToKeycode(d, sym));
	XCloseDisplay(d);
	return 0;
}

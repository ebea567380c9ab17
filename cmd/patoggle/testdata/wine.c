/* A Windows program: "wine.exe play" plays silence for ever, "wine.exe launch"
 * shows a window and starts the other. */
#include <windows.h>
#include <mmsystem.h>
#include <string.h>

static int play(void)
{
	static char silence[44100 * 2 * 2];
	WAVEFORMATEX f = { WAVE_FORMAT_PCM, 2, 44100, 44100 * 4, 4, 16, 0 };
	WAVEHDR h[2];
	HWAVEOUT out;
	int i;

	if (waveOutOpen(&out, WAVE_MAPPER, &f, 0, 0, CALLBACK_NULL) != MMSYSERR_NOERROR)
		return 1;
	memset(h, 0, sizeof h);
	for (i = 0; i < 2; i++) {
		h[i].lpData = silence;
		h[i].dwBufferLength = sizeof silence;
		waveOutPrepareHeader(out, &h[i], sizeof h[i]);
		waveOutWrite(out, &h[i], sizeof h[i]);
	}
	for (i = 0;; i = !i) {
		while (!(h[i].dwFlags & WHDR_DONE))
			Sleep(20);
		waveOutWrite(out, &h[i], sizeof h[i]);
	}
}

static int launch(void)
{
	char self[MAX_PATH], line[MAX_PATH + 16];
	STARTUPINFOA s = { sizeof s };
	PROCESS_INFORMATION p;
	MSG m;

	GetModuleFileNameA(NULL, self, sizeof self);
	wsprintfA(line, "\"%s\" play", self);
	if (!CreateProcessA(self, line, NULL, NULL, FALSE, 0, NULL, NULL, &s, &p))
		return 1;
	CreateWindowExA(0, "STATIC", "launcher", WS_OVERLAPPEDWINDOW | WS_VISIBLE, 20, 20, 300, 200, NULL, NULL, NULL, NULL);
	while (GetMessage(&m, NULL, 0, 0) > 0)
		DispatchMessage(&m);
	return 0;
}

int WINAPI WinMain(HINSTANCE a, HINSTANCE b, LPSTR args, int show)
{
	(void)a, (void)b, (void)show;
	return strstr(args, "launch") ? launch() : play();
}

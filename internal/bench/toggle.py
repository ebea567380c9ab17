# The streams of a process to the next sink, with python3-pulsectl. The pid is
# the argument: it does not look for the focused window.
import sys

import pulsectl

pid = sys.argv[1]
with pulsectl.Pulse("toggle") as pulse:
    streams = [s for s in pulse.sink_input_list() if s.proplist.get("application.process.id") == pid]
    sinks = sorted(s.index for s in pulse.sink_list())
    to = sinks[(sinks.index(streams[0].sink) + 1) % len(sinks)]
    for s in streams:
        pulse.sink_input_move(s.index, to)

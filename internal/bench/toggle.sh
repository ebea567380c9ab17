#!/bin/bash
# The focused window's streams to the next sink, as such scripts are mostly
# written: bash, and awk for what xprop prints.
set -eu

window=$(xprop -root _NET_ACTIVE_WINDOW | awk '{print $NF}')
pid=$(xprop -id "$window" _NET_WM_PID | awk '{print $NF}')

inputs=$(pactl -f json list sink-inputs)
streams=$(echo "$inputs" | jq --arg pid "$pid" '.[] | select(.properties["application.process.id"] == $pid) | .index')
current=$(echo "$inputs" | jq --arg pid "$pid" 'map(select(.properties["application.process.id"] == $pid))[0].sink')

sinks=($(pactl -f json list sinks | jq '.[].index'))
for i in "${!sinks[@]}"; do
	if [ "${sinks[$i]}" = "$current" ]; then
		next=${sinks[$(((i + 1) % ${#sinks[@]}))]}
	fi
done

for stream in $streams; do
	pactl move-sink-input "$stream" "$next"
done

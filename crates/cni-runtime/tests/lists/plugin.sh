#!/bin/sh
# Writes down how it was called and answers from the files beside it, named by type and verb.
verb="$0.$CNI_COMMAND"
printf '%s\t' "${0##*/}" "$CNI_COMMAND" "$CNI_CONTAINERID" "$CNI_NETNS" "$CNI_ARGS" "$CNI_IFNAME" \
    "$CNI_PATH" "$TRACEPARENT" >>"${0%/*}/calls"
printf '%s\n' "$(cat)" >>"${0%/*}/calls"
if [ -e "$verb.sleep" ]; then sleep "$(cat "$verb.sleep")"; fi
if [ -e "$verb.stderr" ]; then cat "$verb.stderr" >&2; fi
if [ -e "$verb.stdout" ]; then cat "$verb.stdout"; fi
if [ -e "$verb.exit" ]; then exit "$(cat "$verb.exit")"; fi

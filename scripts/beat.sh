#!/usr/bin/env bash
# beat.sh TEXT COMMAND...: run a command that may be silent for long, and show on stderr how long it has been running:
# each second on a terminal, elsewhere every half a minute. Sourced, it is the function `beat`, for functions too.
set -euo pipefail

beat() { # TEXT COMMAND...
  local text=$1 pulse code=0
  shift
  echo "$text" >&2
  # The pulse ends with this shell, also if the shell is killed.
  _pulse "$text" $$ >/dev/null &
  pulse=$!
  "$@" || code=$?
  kill "$pulse" 2>/dev/null || true
  wait "$pulse" 2>/dev/null || true
  [ ! -t 2 ] || printf '\r\033[K' >&2
  return "$code"
}

_pulse() { # TEXT PARENT
  local begun=$SECONDS every=30 never
  [ ! -t 2 ] || every=1
  # Wait without a process: a sleep that outlives the pulse would keep the caller's pipes open.
  exec {never}<> <(:)
  while ! read -r -t "$every" -u "$never" && kill -0 "$2" 2>/dev/null; do
    local passed=$((SECONDS - begun))
    if [ -t 2 ]; then
      printf '\r\033[K  %d:%02d\r' $((passed / 60)) $((passed % 60)) >&2
    else
      printf '%s: %d:%02d\n' "$1" $((passed / 60)) $((passed % 60)) >&2
    fi
  done
}

[ "${BASH_SOURCE[0]}" != "$0" ] || beat "$@"

#!/usr/bin/env bash
# make bench: measure on this machine, and write docs/benchmarks.md. Needs root, because droplets boot.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "$(id -u)" != 0 ]; then
  echo "error: the bench boots droplets, which needs root: sudo make bench" >&2
  exit 2
fi
demo/preflight.sh >/dev/null
case " $* " in
*" --cold only "*) make --no-print-directory venv ;; # it builds tools of its own, and launches nothing
*) demo/tools.sh ;;
esac
exec .venv/bin/python scripts/bench.py "$@"

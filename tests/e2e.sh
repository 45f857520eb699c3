#!/usr/bin/env bash
# T2: the demo brings up one shared cluster of nine droplets; the e2e tests run on it; nothing may stay behind.
set -euo pipefail
cd "$(dirname "$0")/.."

before=$(mktemp)
after=$(mktemp)
trap 'rm -f "$before" "$after"' EXIT
scripts/traces.sh >"$before"

KEEP=1 demo/run.sh
code=0
.venv/bin/python -m pytest -q -m e2e --timeout=900 -p no:xdist tests/e2e || code=$?
demo/down.sh
scripts/traces.sh >"$after"
if ! diff "$before" "$after"; then
  echo "error: the demo or its tests left something behind (< before, > after)" >&2
  exit 1
fi
exit "$code"

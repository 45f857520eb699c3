#!/usr/bin/env bash
# T2: the demo brings up one shared cluster of nine droplets; the e2e tests run on it; nothing may stay behind.
# tests/e2e.sh FILE... runs those alone. For make sweep: with BAKERY_FIGURES=1 the measured values are written to
# docs/reliability.md, and BAKERY_E2E_MARK chooses: e2e for what CI leaves out, sequences for the long sequences of commands.
# Every answer of the emulated API on the way is recorded, and held against the schemas by the last test of the cluster.
set -euo pipefail
cd "$(dirname "$0")/.."

if .venv/bin/bakery emulator status --name demo >/dev/null 2>&1; then
  echo "error: the demo is up, and this would take it down" >&2
  echo "help: make demo-down" >&2
  exit 2
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
demo/preflight.sh >/dev/null
scripts/leftovers.sh >"$work/before"

# The demo takes an emulator of its name that is up already.
# In make sweep a freed VPC address is given to the next droplet at once, as DigitalOcean may.
# shellcheck disable=SC2086 # no word without a mark
.venv/bin/bakery emulator up --name demo ${BAKERY_E2E_MARK:+--reuse-addresses}
# Take the demo down even if this script stops early: the next run would use a demo that is still up.
trap 'demo/down.sh >/dev/null 2>&1 || true; rm -rf "$work"' EXIT
export BAKERY_E2E_RECORDING=$work/answers.jsonl
.venv/bin/bakery emulator requests --name demo --record "$BAKERY_E2E_RECORDING"
KEEP=1 demo/run.sh
code=0
.venv/bin/python -m pytest -q -m "${BAKERY_E2E_MARK:-e2e and not e2e_sweep}" --timeout=900 -p no:xdist --durations=10 "${@:-tests/e2e}" || code=$?
demo/down.sh
# A guest's PID 1 that was killed ends when the last of its children has (Linux, kernel/pid_namespace.c,
# zap_pid_ns_processes): it is in the list of processes a moment longer than in its control group.
for _ in {1..50}; do
  scripts/leftovers.sh >"$work/after"
  if cmp -s "$work/before" "$work/after"; then break; fi
  sleep 0.2
done
if ! diff "$work/before" "$work/after"; then
  echo "error: the demo or its tests left something behind (< before, > after)" >&2
  exit 1
fi
exit "$code"

#!/usr/bin/env bash
# make demo: emulator, bake, 3 + 3 + 3 launch, jobs, and away with it all (KEEP=1 leaves it up).
set -euo pipefail
source "$(dirname "$0")/common.sh"

demo/preflight.sh

cleanup() {
  code=$?
  trap - EXIT INT TERM
  if [ -n "${KEEP:-}" ] && [ "$code" = 0 ]; then return; fi
  [ "$code" = 0 ] || keep_logs
  say "Taking everything down"
  demo/down.sh
  exit "$code"
}
# On failure each droplet's journal is kept, or the reason would go down with the droplets.
keep_logs() {
  logs=$(mktemp -d "${TMPDIR:-/tmp}/bakery-demo-logs.XXXXXX")
  "$BAKERY" status --local --no-color >"$logs/status.txt" 2>&1 || true
  "$BAKERY" emulator logs --name "$BAKERY_EMULATOR" --all "$logs" >/dev/null 2>&1 || true
  echo "the demo failed; logs are in $logs" >&2
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say "0. Programs: where the official releases cannot be reached, they are built"
demo/tools.sh

rm -f "$BAKERY_CLUSTER_FILE"
"$BAKERY" demo --folder "$WORK" --name "$BAKERY_EMULATOR" --no-advice

eval "$("$BAKERY" env --local)"
say "7. Work for it"
demo/jobs.sh

if [ -n "${KEEP:-}" ]; then
  cat <<TEXT

The cluster stays up. In another shell:
  cd $WORK && export BAKERY_EMULATOR=demo PATH="$ROOT/.venv/bin:\$PATH"
  eval "\$(bakery env --local)"; consul members; nomad job status
  bakery launch --local --role nomad-client --count 5
  bakery status --local
Take it down with: make demo-down
TEXT
fi

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

say "1. Programs: Packer, Consul, Nomad"
demo/tools.sh

say "2. A local DigitalOcean"
started=$SECONDS
show "$BAKERY" emulator up --name "$BAKERY_EMULATOR"

say "3. The cluster file"
mkdir -p "$WORK"
show "$BAKERY" init --cluster demo --force
# Jobs are reached from outside only at ports that the cluster file opens: here two on the clients.
sed -i 's|^  nomad-client: .*count: 3|&, ports: [8080/tcp, 8081/tcp from vpc]|' "$WORK/bakery.yaml"
grep '^  nomad-client:' "$WORK/bakery.yaml"
show "$BAKERY" plan --offline

say "4. One snapshot for every role, baked with Packer"
show "$BAKERY" build-image --local --yes

say "5. Nine droplets, one cluster, no SSH"
launched=$SECONDS
show "$BAKERY" launch --local --yes
echo "healthy $((SECONDS - launched)) s after the first request, $((SECONDS - started)) s after the start of the emulator"

say "6. Looking at it with the real tools"
# shellcheck disable=SC2016 # shown as it would be typed
printf '\n$ eval "$(bakery env)"\n'
eval "$("$BAKERY" env --local)"
show consul members
show nomad server members
show nomad node status

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

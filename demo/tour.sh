#!/usr/bin/env bash
# make tour: the commands of a day on droplets in memory. No root; nothing boots, so nothing becomes healthy.
set -euo pipefail
source "$(dirname "$0")/common.sh"
work=$(mktemp -d "${TMPDIR:-/tmp}/bakery-tour.XXXXXX")
export BAKERY_CLUSTER_FILE=$work/bakery.yaml
# The tour has its own emulator, with a folder that is deleted at its end and a port that is free now.
export BAKERY_EMULATOR=tour XDG_DATA_HOME=$work/data
unset BAKERY_STATE_DIR
PYTHON=$ROOT/.venv/bin/python
port=${TOUR_PORT:-$("$PYTHON" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')}

cleanup() {
  code=$?
  trap - EXIT
  "$BAKERY" emulator down >/dev/null 2>&1 || true
  rm -rf "$work"
  exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say "The tour: droplets in memory. They never boot: what you see is the plan, the API and the user-data."
show "$BAKERY" emulator up --machines memory --port "$port"
show "$BAKERY" init --cluster tour
show "$BAKERY" validate
show "$BAKERY" plan --offline
show "$BAKERY" render --role nomad-client --join 10.100.0.2 --output "$work/rendered"
say "The tour has no Packer: instead of bakery build-image it makes an empty snapshot."
show "$BAKERY" emulator stand-in
show "$BAKERY" images --local
show "$BAKERY" launch --local --yes --wait active
say "Droplets in memory run no agents, and status says so (exit code 7)."
show "$BAKERY" status --local || [ $? = 7 ]
show "$BAKERY" destroy --local --yes
say "That was the tour. With root, make demo does the same with droplets that boot."

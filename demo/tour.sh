#!/usr/bin/env bash
# make tour: the commands of a day on droplets in memory. No root; nothing boots, so nothing becomes healthy.
set -euo pipefail
source "$(dirname "$0")/common.sh"
export BAKERY_EMULATOR=tour
work=$(mktemp -d "${TMPDIR:-/tmp}/bakery-tour.XXXXXX")
export BAKERY_CLUSTER_FILE=$work/bakery.yaml

cleanup() {
  code=$?
  "$BAKERY" emulator down --name tour >/dev/null 2>&1 || true
  rm -rf "$work"
  exit "$code"
}
trap cleanup EXIT

say "The tour: droplets in memory. They never boot: what you see is the plan, the API and the user-data."
show "$BAKERY" emulator up --name tour --machines memory --port "${TOUR_PORT:-7181}"
show "$BAKERY" init --cluster tour
show "$BAKERY" validate
show "$BAKERY" plan --local
show "$BAKERY" render --role nomad-client --join 10.100.0.2 --output "$work/rendered"
echo "(the tour has no Packer: it registers a stand-in for the snapshot with the emulator)"
"$BAKERY" emulator stand-in --name tour --tag "$("$BAKERY" images --tag)"
show "$BAKERY" launch --local --yes --wait active
show "$BAKERY" status --local || true
show "$BAKERY" destroy --local --yes

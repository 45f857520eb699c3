#!/usr/bin/env bash
# make test: installs what the suites need, runs every suite that this machine can run, and says what it skipped.
# With CI=true nothing is skipped: what cannot run is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
source demo/packages.sh

skipped=()
skip() { # SUITE REASON
  if [ -n "${CI:-}" ]; then
    echo "error: CI may skip nothing, and $1 cannot run: $2" >&2
    exit 1
  fi
  skipped+=("$1: $2")
}
title() { printf '\n=== %s (%d s)\n' "$1" "$SECONDS"; }

root=
[ "$(id -u)" != 0 ] || root=yes
if command -v apt-get >/dev/null && [ -n "$root" ]; then
  title "packages"
  scripts/install.sh "${DEMO_PACKAGES[@]}" "${TEST_PACKAGES[@]}"
  # Installed where it can never run: on a machine that systemd booted it would set up that machine at the next boot.
  if [ "$(cat /proc/1/comm)" != systemd ]; then scripts/install.sh cloud-init; fi
  # Ubuntu has no package of Chromium.
  scripts/install.sh chromium-headless-shell fonts-dejavu-core || skip "pages in a browser" "Chromium cannot be installed"
fi

title "environment"
scripts/venv.sh .venv

# The programs are built beside the quick suites; on a used machine they are in the cache already.
tools_log=$(mktemp)
trap 'rm -f "$tools_log"' EXIT
{
  demo/tools.sh
  .venv/bin/python -m bakery.toolchain build traefik
  .venv/bin/python -m tests.helpers.go.programs consul-template fabio
} >"$tools_log" 2>&1 &
tools=$!

title "T0: lint and types"
make --no-print-directory lint types
title "T0: unit"
.venv/bin/python -m pytest -q -n 2 tests/unit

title "T0: the site of the documents"
make --no-print-directory site

title "programs"
if ! wait "$tools"; then
  cat "$tools_log" >&2
  exit 1
fi
cat "$tools_log"

title "T1: integration"
command -v cloud-init >/dev/null || skip "cloud-init schema" "cloud-init is not installed"
.venv/bin/python -m pytest -q -n 2 --dist loadfile -m integration tests/integration

if [ "$(uname -s)" != Linux ]; then
  skip "T2: e2e" "droplets boot on Linux only"
elif [ -z "$root" ]; then
  skip "T2: e2e" "booting droplets needs root: sudo make test"
else
  title "T2: e2e"
  tests/e2e.sh
fi

title "done"
for line in "${skipped[@]}"; do echo "skipped: $line"; done

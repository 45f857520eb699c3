#!/usr/bin/env bash
# Takes down what the demo made; safe to repeat.
set -euo pipefail
source "$(dirname "$0")/common.sh"
[ -x "$BAKERY" ] || exit 0
"$BAKERY" emulator down --name "$BAKERY_EMULATOR"
rm -rf "$WORK"

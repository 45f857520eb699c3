#!/usr/bin/env bash
# make tour: bakery tour, from the checkout.
set -euo pipefail
source "$(dirname "$0")/common.sh"
exec "$BAKERY" tour ${TOUR_PORT:+--port "$TOUR_PORT"}

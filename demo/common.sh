# Shared by the demo's scripts. They run from the top of the checkout.
# shellcheck shell=bash
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ROOT=$PWD
BAKERY=$ROOT/.venv/bin/bakery
WORK=${BAKERY_DEMO_DIR:-$ROOT/.demo}
export BAKERY_EMULATOR=demo
export BAKERY_CLUSTER_FILE=$WORK/bakery.yaml

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }
fail() {
  printf 'error: %s\n' "$1" >&2
  shift
  printf 'help: %s\n' "$@" >&2
  exit 2
}

# Show a command as a person would type it, then run it.
show() {
  printf '\n$ %s\n' "$*"
  "$@"
}

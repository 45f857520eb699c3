#!/usr/bin/env bash
# Install those of the Debian packages named as arguments that are missing. Needs root. Prints nothing if all exist.
set -euo pipefail

missing=()
for package in "$@"; do
  dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" != 0 ]; then
  echo "error: these packages are missing: ${missing[*]}" >&2
  echo "help: sudo apt-get install --no-install-recommends ${missing[*]}" >&2
  exit 2
fi
source "$(dirname "$0")/beat.sh"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Package lists on a fresh machine are empty or old; an old list has files that no longer exist.
install() {
  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${missing[@]}"; } >"$log" 2>&1
}
if ! beat "installing ${missing[*]}" install; then
  cat "$log" >&2
  echo "error: apt-get could not install ${missing[*]}" >&2
  exit 2
fi

#!/usr/bin/env bash
# Install the Debian packages named as arguments that are missing; needs root. Prints nothing when all are there.
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
echo "installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Lists on a fresh machine are empty or old; an old list names files that are gone.
if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  cat "$log" >&2
  echo "error: apt-get could not install ${missing[*]}" >&2
  exit 2
fi

#!/usr/bin/env bash
# Makes sure of packer, consul and nomad: PATH or cache, the official release, or a build from Go modules.
# --path prints the folders that hold consul and nomad, for PATH.
set -euo pipefail
source "$(dirname "$0")/common.sh"
source demo/packages.sh
source scripts/beat.sh
TOOLS=(packer packer-plugin-digitalocean consul nomad cni-plugins)

where() { .venv/bin/python -m bakery.toolchain path "$1" 2>/dev/null; }

if [ "${1:-}" = --path ]; then
  echo "$(dirname "$(where consul)"):$(dirname "$(where nomad)")"
  exit
fi

# Print the path of a tool; on failure, write the reason to the file that $problem names.
find_or_download() { .venv/bin/python -m bakery.toolchain path "$1" 2>"$problem"; }

missing=()
problem=$(mktemp)
trap 'rm -f "$problem"' EXIT
for tool in "${TOOLS[@]}"; do
  if path=$(beat "  looking for $tool; it is downloaded if this machine does not have it" find_or_download "$tool"); then
    printf '  %-28s %s\n' "$tool" "$path"
  else
    missing+=("$tool")
    reason=$(cat "$problem")
  fi
done
[ ${#missing[@]} -gt 0 ] || exit 0
if ! command -v go >/dev/null; then
  printf '%s\n' "$reason" >&2
  fail "${missing[*]} cannot be had: the official release is out of reach, and there is no Go to build from source" \
    "install Go 1.26 or newer, or put the programs on PATH"
fi
echo "  building ${missing[*]} from Go modules, about 15 minutes the first time"
scripts/install.sh "${BUILD_PACKAGES[@]}"
make --no-print-directory toolchain TOOLS="${missing[*]}"

#!/usr/bin/env bash
# Run shellcheck on every tracked shell script; scripts are found by their first line.
set -euo pipefail
git ls-files -z | while IFS= read -r -d '' file; do
  if [ -f "$file" ] && head -c 64 "$file" | head -n 1 | grep -qaE '^#!.*\b(ba)?sh\b'; then printf '%s\0' "$file"; fi
done | xargs -0 --no-run-if-empty shellcheck --external-sources --source-path=SCRIPTDIR

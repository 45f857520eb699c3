#!/usr/bin/env bash
# Make the Python environment for working on bakery: an editable install with the dev extra.
set -euo pipefail
venv=${1:?usage: venv.sh FOLDER}

python=$(command -v python3 || true)
if [ -z "$python" ] || ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  echo "error: Python 3.11 or newer is needed (found: ${python:-none})" >&2
  exit 2
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  echo "error: this Python cannot create environments; on Debian: apt-get install python3-venv" >&2
  exit 2
fi
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
source "$(dirname "$0")/beat.sh"
beat "installing Python packages into $venv, about 40 s" "$venv/bin/pip" install --quiet --upgrade pip hatchling editables
beat "installing bakery and what its tests need" "$venv/bin/pip" install --quiet --no-build-isolation --editable '.[dev]'
touch "$venv/.ready"

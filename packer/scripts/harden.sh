#!/usr/bin/env bash
# Remove from the image what an intruder could use and no node needs.
set -euo pipefail

# Only root logs in to a node, so sudo is not needed. It stays if another package depends on it.
if dpkg-query --show --showformat='${Status}' sudo 2>/dev/null | grep --quiet 'ok installed'; then
    SUDO_FORCE_REMOVE=yes dpkg --purge sudo >"$STAGE/dpkg.log" 2>&1 || tail --lines=3 "$STAGE/dpkg.log" >&2
fi

# Nomad links setuid and setgid programs into the root folders of exec tasks, where a bug in one of them could give a
# task root. Root itself runs them without these bits.
find / -xdev -type f -perm /6000 -exec chmod ug-s {} +

sh /usr/local/lib/bakery/task-root all

#!/usr/bin/env bash
# Debian's packages: the docker engine and what the nodes' own scripts use. Nothing is started.
set -euo pipefail

export DEBIAN_FRONTEND=noninteractive
packages=(
    apparmor        # docker refuses to start containers where the kernel has AppArmor and the parser is missing
    ca-certificates
    curl
    docker.io
    iptables        # docker and the CNI plugins call it
    nftables
    python3
    unzip
)

# Its chatter is worth reading only if it fails.
log="$STAGE/apt.log"
apt_get() {
    if ! apt-get --quiet=2 -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "$@" >"$log" 2>&1; then
        tail --lines=30 "$log" >&2
        echo "apt-get $1 failed" >&2
        exit 1
    fi
}

# invoke-rc.d asks this program; 101 means "do not start it" (/usr/share/doc/init-system-helpers).
policy=/usr/sbin/policy-rc.d
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 0755 "$policy"
trap 'rm -f "$policy"' EXIT

apt_get update
apt_get install --yes --no-install-recommends "${packages[@]}"

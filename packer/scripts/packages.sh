#!/usr/bin/env bash
# The base's own packages in their newest versions, the docker engine, and what the nodes' own scripts use. Nothing is
# started. Nodes install no updates themselves: what the image has is what they have.
set -euo pipefail

export DEBIAN_FRONTEND=noninteractive
# Ubuntu's needrestart would ask which services to restart; ucf keeps configuration that dpkg does not.
export NEEDRESTART_SUSPEND=1 UCF_FORCE_CONFFOLD=1
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
# A new kernel is a package of a new name, which "upgrade" alone holds back; "dist-upgrade" may also remove packages.
# Configuration that the base's maker changed stays as he wrote it (dpkg(1), --force-confdef and --force-confold).
apt_get upgrade --yes --with-new-pkgs -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold
apt_get install --yes --no-install-recommends "${packages[@]}"

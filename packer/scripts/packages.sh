#!/usr/bin/env bash
# Upgrade the base image's packages; install the docker engine and what bakery's scripts on nodes use. No service is
# started. Nodes install no updates themselves: they have the versions of the image.
set -euo pipefail

export DEBIAN_FRONTEND=noninteractive
# Ubuntu's needrestart would ask which services to restart; ucf keeps configuration that dpkg does not.
export NEEDRESTART_SUSPEND=1 UCF_FORCE_CONFFOLD=1
packages=(
    apparmor        # without its parser docker starts no container on a kernel with AppArmor
    ca-certificates
    curl
    dnsmasq-base    # the program alone, without a service of its own
    docker.io
    git             # Nomad runs it for artifacts whose source begins with git::
    iptables        # docker and the CNI plugins call it
    nftables
    python3
    unzip
)

# Its output is shown only if it fails.
log="$STAGE/apt.log"
apt_get() {
    if ! apt-get --quiet=2 -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "$@" >"$log" 2>&1; then
        tail --lines=30 "$log" >&2
        echo "apt-get $1 failed" >&2
        exit 1
    fi
}

# invoke-rc.d runs this program; exit code 101 means "do not start the service" (/usr/share/doc/init-system-helpers).
policy=/usr/sbin/policy-rc.d
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 0755 "$policy"
trap 'rm -f "$policy"' EXIT

apt_get update
# "upgrade" alone does not install a new kernel, whose package has a new name; "dist-upgrade" may remove packages.
# Configuration files that the base image changed are not replaced (dpkg(1), --force-confdef and --force-confold).
apt_get upgrade --yes --with-new-pkgs -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold
apt_get install --yes --no-install-recommends "${packages[@]}"

#!/usr/bin/env bash
# Check what must not be in the snapshot. A failure fails the bake.
set -euo pipefail

problems=0
problem() {
    echo "hygiene: $*" >&2
    problems=$((problems + 1))
}

expect_empty() {
    local found
    if [[ -d $1 ]]; then
        found=$(find "$1" -xdev -mindepth 1 -print -quit)
        [[ -z $found ]] || problem "$found is left"
    fi
}

expect_absent() {
    local path
    for path in "$@"; do
        [[ ! -e $path ]] || problem "$path is left"
    done
}

shopt -s nullglob
expect_absent /etc/ssh/ssh_host_*
expect_absent /root/.ssh/authorized_keys* /home/*/.ssh/authorized_keys* /root/.ssh/id_*
expect_absent /root/.bash_history /home/*/.bash_history
expect_absent /etc/cloud/cloud-init.disabled /var/lib/cloud/instance /var/lib/cloud/instances
expect_absent /etc/netplan/50-cloud-init.yaml /etc/network/interfaces.d/50-cloud-init* /etc/systemd/network/10-cloud-init-*.network
expect_absent /opt/digitalocean /etc/bakery/node.json
expect_absent "$STAGE"

[[ -f /etc/machine-id && ! -s /etc/machine-id ]] || problem "/etc/machine-id is not an empty file"
[[ -L /var/lib/dbus/machine-id || ! -s /var/lib/dbus/machine-id ]] || problem "/var/lib/dbus/machine-id is left"

for folder in /var/lib/cloud/seed /opt/consul /opt/nomad /var/lib/docker /var/lib/containerd /var/lib/apt/lists \
    /var/log/journal /etc/consul.d/tls /etc/nomad.d/tls /var/lib/traefik/routes; do
    expect_empty "$folder"
done
found=$(find / -xdev -type f -perm /6000 -print -quit)
[[ -z $found ]] || problem "$found runs with the rights of its owner or group"
found=$(find /etc/consul.d /etc/nomad.d /etc/traefik -type f -print -quit)
[[ -z $found ]] || problem "$found configures an agent"

while IFS=: read -r user password _; do
    if [[ $password != '!'* && $password != '*' ]]; then
        problem "$user has a password"
    fi
done </etc/shadow

size=$(du --summarize --one-file-system --block-size=1M /var/log | cut --fields=1)
((size < 50)) || problem "/var/log holds $size MB"

exit $((problems > 0))

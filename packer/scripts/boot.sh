#!/usr/bin/env bash
# Choose the units that start at boot: bakery's, and none that slows the boot down. Only Nomad clients start docker.
set -euo pipefail

systemctl daemon-reload

# Enable bakery's units that have an [Install] section. Each does nothing until its configuration exists.
for unit in "$STAGE"/systemd-units/*.*; do
    name=$(basename "$unit")
    if [[ $name != README.md ]] && grep --quiet '^\[Install\]' "$unit"; then
        systemctl --quiet enable "$name"
    fi
done

systemctl --quiet disable docker.service docker.socket containerd.service
# Debian enables this unit, whose example file begins by flushing every table, also docker's.
systemctl --quiet disable nftables.service

# Nodes are replaced by droplets of a newer snapshot, never upgraded in place.
systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer
for unit in man-db.timer e2scrub_all.timer e2scrub_reap.service dpkg-db-backup.timer; do
    if systemctl --quiet cat "$unit" >/dev/null 2>&1; then
        systemctl --quiet mask "$unit"
    fi
done
# It runs as root without any capability. A script check of an exec task runs as root too, and could open the node's files at
# /proc/PID/root of that process (ptrace(2), "Ptrace access mode checking").
systemctl --quiet mask systemd-localed.service

# The first boot creates only this host key, because an RSA key takes long.
cat >/etc/cloud/cloud.cfg.d/90-bakery-image.cfg <<'CLOUD'
ssh_deletekeys: true
ssh_genkeytypes: [ed25519]
CLOUD

# systemd-networkd would wait 13 s for a router advertisement. The folders are named after cloud-init's files.
if systemctl --quiet is-enabled systemd-networkd.service 2>/dev/null; then
    for interface in eth0 eth1; do
        folder="/etc/systemd/network/10-cloud-init-$interface.network.d"
        install -d -m 0755 "$folder"
        printf '[Network]\nIPv6AcceptRA=no\nLinkLocalAddressing=no\n' >"$folder/bakery.conf"
    done
fi

#!/usr/bin/env bash
# What starts by itself: our units, and nothing that eats boot time. Only Nomad clients start docker.
set -euo pipefail

systemctl daemon-reload

# A unit of ours that has an [Install] section is enabled; each is inert until its configuration exists.
for unit in "$STAGE"/systemd-units/*.*; do
    name=$(basename "$unit")
    if [[ $name != README.md ]] && grep --quiet '^\[Install\]' "$unit"; then
        systemctl --quiet enable "$name"
    fi
done

systemctl --quiet disable docker.service docker.socket containerd.service
# Debian enables this with an example that begins by flushing every table, docker's too.
systemctl --quiet disable nftables.service

# A node is replaced by one from a newer snapshot, never upgraded in place.
systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer
for unit in man-db.timer e2scrub_all.timer e2scrub_reap.service dpkg-db-backup.timer; do
    if systemctl --quiet cat "$unit" >/dev/null 2>&1; then
        systemctl --quiet mask "$unit"
    fi
done

# First boot makes this one host key and no slow RSA key.
cat >/etc/cloud/cloud.cfg.d/90-bakery-image.cfg <<'CLOUD'
ssh_deletekeys: true
ssh_genkeytypes: [ed25519]
CLOUD

# systemd-networkd waits 13 s for a router advertisement that never comes. The names are those of cloud-init's files.
if systemctl --quiet is-enabled systemd-networkd.service 2>/dev/null; then
    for interface in eth0 eth1; do
        folder="/etc/systemd/network/10-cloud-init-$interface.network.d"
        install -d -m 0755 "$folder"
        printf '[Network]\nIPv6AcceptRA=no\nLinkLocalAddressing=no\n' >"$folder/bakery.conf"
    done
fi

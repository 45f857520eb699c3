#!/usr/bin/env bash
# Delete from the disk what belongs to the build droplet and not to the snapshot.
set -euo pipefail

# A folder that is a mount point (docker's, in a container) is emptied, and stays.
empty() {
    if [[ -d $1 ]]; then
        find "$1" -xdev -mindepth 1 -delete
    fi
}

systemctl stop docker.service docker.socket containerd.service 2>/dev/null || true
empty /var/lib/docker
empty /var/lib/containerd
empty /opt/consul
empty /opt/nomad

apt-get --quiet=2 clean
empty /var/lib/apt/lists

cloud-init clean --logs
empty /var/lib/cloud/seed
# cloud-init's files for the build droplet's addresses and keys; each first boot writes new ones.
rm -f /etc/netplan/50-cloud-init.yaml /etc/network/interfaces.d/50-cloud-init* \
    /etc/systemd/network/10-cloud-init-*.network /etc/systemd/network/10-cloud-init-*.link \
    /etc/udev/rules.d/70-persistent-net.rules /etc/ssh/sshd_config.d/50-cloud-init.conf /etc/sudoers.d/90-cloud-init-users

rm -f /etc/ssh/ssh_host_*
find /root/.ssh /home -xdev -name 'authorized_keys*' -delete 2>/dev/null || true
rm -f /root/.ssh/known_hosts /root/.ssh/id_*
# DigitalOcean may have set a root password on the build droplet.
usermod --password '*' root

# Empty, not deleted: without the file systemd assumes a first boot and enables every unit of Debian's presets.
: >/etc/machine-id
rm -f /var/lib/dbus/machine-id /var/lib/systemd/random-seed /var/lib/systemd/credential.secret
rm -f /var/lib/dhcp/*.leases

rm -f /root/.bash_history /root/.lesshst /root/.viminfo /root/.wget-hsts /home/*/.bash_history
empty /var/tmp
find /tmp -xdev -mindepth 1 ! -name 'script_*.sh' -delete 2>/dev/null || true

# From here to the end of the build the journal is in memory.
journalctl --quiet --relinquish-var
empty /var/log/journal
find /var/log -xdev -type f \( -name '*.gz' -o -name '*.xz' -o -name '*.[0-9]' \) -delete
find /var/log -xdev -type f -exec truncate --size=0 {} +
sync

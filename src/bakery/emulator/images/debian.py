"""The content of the base images: Debian as at DigitalOcean, without what needs hardware."""

from dataclasses import dataclass

SLUG = "debian-12-x64"
"""The base image that ``bakery emulator up`` builds; others are built for the first droplet that needs them."""
CODENAMES = {SLUG: "bookworm", "debian-13-x64": "trixie"}

PACKAGES = (
    "ca-certificates", "cloud-init", "curl", "dbus", "gnupg", "iproute2", "iputils-ping", "kmod", "less",
    "netbase", "nftables", "openssh-server", "procps", "python3", "sudo", "systemd", "systemd-sysv",
    "systemd-timesyncd", "tzdata", "unzip", "vim-tiny",
)  # fmt: skip

MASKED = (
    # Terminals and firmware stores, which need hardware.
    "console-getty.service", "getty.target", "getty@tty1.service", "systemd-pstore.service",
    "cloud-init-hotplugd.socket",
    # Maintenance jobs, which could run during a test.
    "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "fstrim.timer", "e2scrub_all.timer",
)  # fmt: skip
ENABLED = {
    "systemd-networkd.service": ("multi-user.target", "network-online.target"),
    "systemd-networkd-wait-online.service": ("network-online.target",),
    "emulator-cgroups.service": ("sysinit.target",),
}
UNIT_FOLDERS = {"emulator-cgroups.service": "/etc/systemd/system"}


@dataclass(frozen=True, kw_only=True)
class BaseFile:
    """A file that is added to the base image after its packages."""

    path: str
    text: str
    mode: int = 0o644


_NETWORK = """\
# No router advertises here; without this systemd-networkd-wait-online waits 13 s for one.
[Network]
LinkLocalAddressing=no
IPv6AcceptRA=no
"""

_CGROUPS = """\
[Unit]
Description=Make the control groups of this emulated droplet writable
# systemd-nspawn mounts the version 1 controllers read-only; Nomad's client makes groups in them.
DefaultDependencies=no
Before=sysinit.target
ConditionVirtualization=systemd-nspawn

[Service]
Type=oneshot
ExecStart=/bin/sh -c 'for m in /sys/fs/cgroup /sys/fs/cgroup/*/; do mount -o remount,bind,rw $m; done; true'

[Install]
WantedBy=sysinit.target
"""

_CLOUD = """\
datasource_list: [ConfigDrive, None]
disable_root: false
locale: C.UTF-8
ssh_genkeytypes: [ed25519]
no_ssh_fingerprints: true
users: []
apt:
  preserve_sources_list: true
system_info:
  network:
    renderers: [networkd]
"""

# Debian's lists without modules that need a disk, a boot loader, a console, or a service that does not exist here.
# The file's name sorts early, so that an image's own lists replace it, as on DigitalOcean.
_MODULES = """\
cloud_init_modules:
  - seed_random
  - bootcmd
  - write_files
  - set_hostname
  - update_hostname
  - update_etc_hosts
  - ca_certs
  - users_groups
  - ssh
cloud_config_modules:
  - ssh_import_id
  - locale
  - set_passwords
  - apt_configure
  - ntp
  - timezone
  - disable_ec2_metadata
  - runcmd
cloud_final_modules:
  - package_update_upgrade_install
  - write_files_deferred
  - scripts_vendor
  - scripts_per_once
  - scripts_per_boot
  - scripts_per_instance
  - scripts_user
  - phone_home
  - final_message
  - power_state_change
"""

FILES = (
    BaseFile(path="/etc/hostname", text="debian\n"),
    BaseFile(path="/etc/resolv.conf", text="nameserver 67.207.67.2\nnameserver 67.207.67.3\n"),
    BaseFile(path="/etc/cloud/cloud.cfg.d/10-emulator-modules.cfg", text=_MODULES),
    BaseFile(path="/etc/cloud/cloud.cfg.d/99-emulator.cfg", text=_CLOUD),
    BaseFile(path="/etc/systemd/network/10-cloud-init-eth0.network.d/emulator.conf", text=_NETWORK),
    BaseFile(path="/etc/systemd/network/10-cloud-init-eth1.network.d/emulator.conf", text=_NETWORK),
    BaseFile(path="/etc/systemd/system/emulator-cgroups.service", text=_CGROUPS),
    # journald in a container writes to memory only unless this folder exists; droplets have their journal on disk.
    BaseFile(path="/var/log/journal/.keep", text=""),
)

"""A folder that systemd takes for the root of an image: its own units, ours, and cloud-init's ordering."""

import shutil
from pathlib import Path

from bakery.assets import PACKER, SYSTEMD_UNITS
from bakery.proc import run

# Ordering lines of cloud-init's units on Debian; of their work only the order matters here.
# 22.4: debian package 22.4.2-1+deb12u4. 25.1: https://github.com/canonical/cloud-init/tree/25.1/systemd
_EARLY = "DefaultDependencies=no\nConflicts=shutdown.target\nBefore=shutdown.target sysinit.target\n"
_NETWORK = (
    f"{_EARLY}Wants=cloud-init-local.service sshd.service\n"
    "After=cloud-init-local.service systemd-networkd-wait-online.service networking.service\n"
    "Before=network-online.target sshd.service systemd-user-sessions.service\n"
)
_LATER = {
    "cloud-config.service": (
        "After=network-online.target cloud-config.target\nWants=network-online.target cloud-config.target\n"
    ),
    "cloud-final.service": (
        "After=network-online.target cloud-config.service rc-local.service multi-user.target\n"
        "Wants=network-online.target cloud-config.service\nBefore=apt-daily.service\n"
    ),
}
_LOCAL = f"{_EARLY}Wants=network-pre.target\nAfter=systemd-remount-fs.service\nBefore=network-pre.target\n"
CLOUD_INIT = {
    "22.4": {
        "cloud-init-local.service": _LOCAL,
        "cloud-init.service": _NETWORK,
        "cloud-config.target": (
            "Wants=cloud-init-local.service cloud-init.service\n"
            "After=cloud-init-local.service cloud-init.service\n"
        ),
        **_LATER,
    },
    "25.1": {
        "cloud-init-main.service": (
            "DefaultDependencies=no\nConflicts=shutdown.target\nAfter=systemd-remount-fs.service\n"
            "Before=cloud-init-local.service shutdown.target\n"
        ),
        "cloud-init-local.service": f"{_LOCAL}After=cloud-init-main.service\n",
        "cloud-init-network.service": _NETWORK,
        "cloud-config.target": (
            "Wants=cloud-init-local.service cloud-init-network.service\n"
            "After=cloud-init-local.service cloud-init-network.service\n"
        ),
        **_LATER,
    },
}
PROGRAMS = (
    "usr/local/bin/consul", "usr/local/bin/nomad", "usr/local/bin/traefik", "usr/bin/python3", "usr/bin/timeout",
    "usr/sbin/nft", "usr/sbin/dnsmasq",
    "usr/bin/docker",
    "bin/sh", "bin/systemctl", "bin/chown", "bin/kill", "sbin/sshd",
)  # fmt: skip
STUB = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh\n"


class ImageRoot:
    """An image's root, with ``cloud_init`` of that version enabled, or none as on a sealed node."""

    def __init__(self, path: Path, *, cloud_init: str | None) -> None:
        self.path = path
        self.units = path / "etc/systemd/system"
        self.units.mkdir(parents=True)
        shutil.copytree("/lib/systemd/system", path / "lib/systemd/system", symlinks=True, ignore=_cloud_init)
        for program in PROGRAMS:
            (path / program).parent.mkdir(parents=True, exist_ok=True)
            (path / program).write_text("")
            (path / program).chmod(0o755)
        (path / "etc/passwd").write_text(
            "root:x:0:0::/:/bin/sh\nconsul:x:991:991::/:\nnomad:x:992:992::/:\ndnsmasq:x:993:992::/:\n"
        )
        (path / "etc/group").write_text("root:x:0:\nconsul:x:991:\nnomad:x:992:\n")
        self.write("ssh.service", f"[Unit]\nAfter=network.target\n{STUB}[Install]\nWantedBy=multi-user.target\n")
        self.enable("ssh.service")
        self._add_cloud_init(cloud_init)
        self._add_ours()

    def write(self, name: str, text: str) -> None:
        (self.units / name).parent.mkdir(parents=True, exist_ok=True)
        (self.units / name).write_text(text)

    def enable(self, name: str) -> None:
        run(["systemctl", "--root", self.path, "enable", name])

    def verify(self, *units: str) -> str:
        """What systemd has to say about starting ``units``; empty if nothing."""
        done = run(["systemd-analyze", "verify", "--man=no", "--root", self.path, *units], check=False)
        return done.stdout + done.stderr

    def _add_cloud_init(self, version: str | None) -> None:
        if version is None:
            return
        self.write("cloud-init.target", "[Unit]\nAfter=multi-user.target\n[Install]\nWantedBy=multi-user.target\n")
        self.enable("cloud-init.target")
        for name, ordering in CLOUD_INIT[version].items():
            service = STUB if name.endswith(".service") else ""
            self.write(name, f"[Unit]\n{ordering}{service}[Install]\nWantedBy=cloud-init.target\n")
            self.enable(name)

    def _add_ours(self) -> None:
        for file in sorted(SYSTEMD_UNITS.glob("*.*")):
            if file.suffix in {".service", ".timer"}:
                self.write(file.name, file.read_text())
                if "[Install]" in file.read_text():
                    self.enable(file.name)
        shutil.copytree(PACKER / "files/etc/systemd/system", self.units, dirs_exist_ok=True)


def _cloud_init(_folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name.startswith("cloud-")}

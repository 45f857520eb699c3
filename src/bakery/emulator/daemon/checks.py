"""Checks whether droplets can boot on this machine, before anything is created."""

import os
import shutil
import sys
from ipaddress import IPv4Network
from pathlib import Path
from urllib.parse import urlsplit

from bakery.console import Reporter
from bakery.emulator.account.settings import EmulatorSettings
from bakery.emulator.daemon.folder import EmulatorOptions, EmulatorRecord, list_running
from bakery.emulator.daemon.sockets import listen
from bakery.emulator.host import cgroups
from bakery.emulator.network.router import check_range
from bakery.errors import EmulatorError, MissingToolError
from bakery.hints import Command, Hint

TOOLS = {
    # program: (what for, Debian package)
    "systemd-nspawn": ("boots droplets", "systemd-container"),
    "mmdebstrap": ("builds the base image", "mmdebstrap"),
    "slirp4netns": ("connects droplets to the internet", "slirp4netns"),
    "ip": ("connects droplets to their router", "iproute2"),
    "nft": ("filters their traffic", "nftables"),
    "nsenter": ("starts droplets in their network namespace", "util-linux"),
    "journalctl": ("reads their journals", "systemd"),
}
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_PER_DROPLET = 7  # measured: systemd 252 with dbus, logind and networkd
ENOUGH_DROPLETS = 20
FREE_BYTES = 3 * 1024**3
SMALLEST_RANGE = 22
"""Prefix length: the router takes a /24 for itself (``NetworkPlan.egress``); the rest is for droplets."""
UNOWNED = tuple(
    IPv4Network(text)
    for text in ("198.18.0.0/15", "100.64.0.0/10", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8")
)
"""Set aside for benchmarks, carriers, private networks and loopback (special-purpose addresses, RFC 6890)."""
UNFIT = {"overlay", "tmpfs", "ramfs", "nfs", "nfs4", "cifs", "9p", "virtiofs", "fuse", "fuseblk"}

_MEMORY = Hint("to run without booting droplets: ", Command("emulator up", "--machines", "memory"))


def check_port(options: EmulatorOptions) -> None:
    """Raise EmulatorError if the port is taken; the details name an emulator of this user that has it."""
    try:
        listen("127.0.0.1", options.port).close()
    except EmulatorError as error:
        holders = (each.name for each in list_running() if urlsplit(each.endpoint).port == options.port)
        holder = next(holders, None)
        error.details = error.details if holder is None else f"the emulator {holder} answers there"
        raise


def check_machine(folder: Path, reporter: Reporter) -> None:
    """Check that systemd-nspawn can boot droplets whose disks are in ``folder``.

    Raises:
        EmulatorError: it cannot; the hint is what can be run instead.
        MissingToolError: programs are missing; the error names all of them and the command that installs them.
    """
    check_system("emulator up", _MEMORY)
    check_tools()
    _check_kernel()
    _check_disk(folder)
    _check_inotify(reporter)


def check_public_range(wanted: IPv4Network) -> None:
    """Check that droplets can have their public addresses in ``wanted``.

    Raises:
        EmulatorError: the range is too small, is not a private range, or overlaps a range that droplets use.
    """
    hint = Hint("for example: ", Command("emulator up", "--public-range", "198.18.0.0/15"))
    if wanted.prefixlen > SMALLEST_RANGE:
        message = f"the public range {wanted} is too small"
        raise EmulatorError(message=message, hint=Hint(f"give a /{SMALLEST_RANGE} or larger, ", hint))
    if not any(wanted.subnet_of(network) for network in UNOWNED):
        message = f"the public range {wanted} has addresses of machines on the internet"
        details = f"choose a part of {', '.join(str(network) for network in UNOWNED)}"
        raise EmulatorError(message=message, details=details, hint=hint)
    settings = EmulatorSettings(tokens=())
    for inside in (settings.anchor_network, settings.vpc_pool):
        if wanted.overlaps(IPv4Network(inside)):
            message = f"the public range {wanted} overlaps {inside}, the range of VPC or anchor addresses"
            raise EmulatorError(message=message, hint=hint)


def check_network(options: EmulatorOptions, *, besides: EmulatorRecord | None) -> None:
    """Raise EmulatorError if a part of the public range is used on this machine by others than ``besides``."""
    check_range(options.public_range, besides=None if besides is None else besides.network)


def check_system(verb: str, without: Hint) -> None:
    """Check that this is Linux, and that the user is root. ``without`` says what can be run otherwise.

    Raises:
        EmulatorError: it is not; the hint runs ``verb`` as root.
    """
    if sys.platform != "linux":
        message = "droplets boot on Linux only"
        raise EmulatorError(message=message, hint=Hint("use a Debian virtual machine, or ", without))
    if os.geteuid() != 0:
        message = "booting droplets needs root"
        raise EmulatorError(message=message, hint=Hint(f"sudo {Path(sys.argv[0]).resolve()} {verb}; or ", without))


def check_tools() -> None:
    """Raise MissingToolError that names every missing program and the command that installs them."""
    missing = [name for name in TOOLS if shutil.which(name) is None]
    if missing:
        message = f"not installed: {', '.join(missing)}"
        details = "\n".join(f"{name} {TOOLS[name][0]}" for name in missing)
        packages = " ".join(sorted({TOOLS[name][1] for name in missing}))
        raise MissingToolError(
            message=message, details=details, hint=f"apt-get install --no-install-recommends {packages}"
        )


def _check_kernel() -> None:
    if "\toverlay\n" not in Path("/proc/filesystems").read_text(encoding="ascii"):
        message = "the kernel has no overlay file system"
        raise EmulatorError(message=message, hint="modprobe overlay")
    mounts = cgroups.hierarchies()
    if not mounts or not all(os.access(hierarchy.mount, os.W_OK) for hierarchy in mounts):
        message = "control groups cannot be created on this machine"
        raise EmulatorError(
            message=message,
            details="a cgroup mount is missing or read-only",
            hint=Hint("use a virtual machine, or ", _MEMORY),
        )


def _check_disk(folder: Path) -> None:
    kind = filesystem(folder, Path("/proc/self/mountinfo").read_text(encoding="utf-8"))
    if kind in UNFIT or kind.startswith("fuse"):
        message = f"{folder} is on {kind}, which cannot hold a droplet's disk"
        raise EmulatorError(message=message, hint="set XDG_DATA_HOME to a folder on ext4, xfs or btrfs")
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(there).free
    if free < FREE_BYTES:
        message = f"{folder} has {free / 1024**3:.1f} GB free; a bake and nine droplets need 3 GB"
        raise EmulatorError(message=message, hint="delete files there, or set XDG_DATA_HOME to a folder with more")


def filesystem(folder: Path, mountinfo: str) -> str:
    """Return the type of the file system that holds ``folder``, from the text of /proc/self/mountinfo."""
    best, kind = Path("/"), ""
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        mount = Path(left.split()[4])
        if folder.is_relative_to(mount) and len(mount.parts) >= len(best.parts):
            best, kind = mount, right.split()[0]
    return kind


def droplet_room() -> int:
    """Return how many droplets can run at once: guests share root's inotify instances, and a boot needs some."""
    return int(INOTIFY.read_text(encoding="ascii")) // INOTIFY_PER_DROPLET


def _check_inotify(reporter: Reporter) -> None:
    if (room := droplet_room()) < ENOUGH_DROPLETS:
        reporter.warn(
            f"{room} droplets can run at once; to run more, first run: sysctl fs.inotify.max_user_instances=1024"
        )

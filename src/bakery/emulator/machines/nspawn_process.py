"""The systemd-nspawn process of one machine: its command, its signals, its exit code."""

import os
import select
import signal
import weakref
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bakery.emulator.host import cgroups
from bakery.emulator.host.process import Process, start_time
from bakery.emulator.machines.interface import BootFault
from bakery.emulator.machines.nspawn_disk import Disk
from bakery.emulator.machines.nspawn_seed import SEED
from bakery.files import write_atomically

POWER_OFF = signal.SIGRTMIN + 4
"""systemd(1): poweroff.target"""
REBOOT = signal.SIGRTMIN + 5
"""systemd(1): reboot.target"""
REBOOTED = 133
"""nspawn's exit code when the guest rebooted and --keep-unit is given (systemd, src/nspawn/nspawn.c)."""

# Joins the cgroups, then enters the namespaces; each step is an exec, so the pid stays the same.
_OUTER = """
groups=$1 net=$2 inner=$3; shift 3
for group in $groups; do echo $$ > "$group/cgroup.procs"; done
exec nsenter "--net=$net" unshare --mount sh -ec "$inner" sh "$@"
"""
# Nomad offers bridge mode only where it finds the kernel's module or its name in /lib/modules
# (client/fingerprint/bridge_linux.go). The kernel is this machine's, and the guest sees neither its modules nor
# /sys/module. A mount leaves nothing on the disk, so nothing in a snapshot; and nspawn resolves the guest's links
# inside its root.
_BRIDGE = """
release=$(uname -r)
bridge=
if [ ! -e "$root/lib/modules/$release/modules.builtin" ] && ip link add name bakery-probe type bridge; then
  ip link delete dev bakery-probe
  mkdir -p "$modules"
  echo kernel/net/bridge/bridge.ko > "$modules/modules.builtin"
  bridge=--bind-ro=$bindable:/lib/modules/$release
fi
"""
# All mounts end with this mount namespace. /sys is read-only because nspawn would otherwise wait for udev to
# announce eth0, and there may be no udev. A symbolic link of the guest must not redirect the copy of the seed.
_INNER = f"""
options=$1 root=$2 seed=$3 machine=$4 docker=$5 ended=$6 modules=$7 bindable=$8; shift 8
mount -t overlay bakery -o "$options" "$root"
mount -o remount,bind,ro /sys
target=$root/{SEED}
mkdir -p "${{target%/*}}"
test "$(cd "${{target%/*}}" && pwd -P)" = "${{target%/*}}"
rm -rf -- "$target"
cp -a "$seed" "$target"
{_BRIDGE}
code=0
systemd-nspawn --quiet --directory="$root" --boot --machine="$machine" --register=no --keep-unit \\
  --console=read-only --kill-signal=SIGRTMIN+4 --system-call-filter=@keyring --system-call-filter=bpf \\
  --bind="$docker:/var/lib/docker" ${{bridge:+"$bridge"}} "$@" || code=$?
echo "$code" > "$ended"
exit "$code"
"""


# Replaces /usr/bin/cloud-init: the network and write_files come first and work, the modules after them fail.
_BROKEN_CLOUD_INIT = """\
#!/bin/sh
case "$*" in *modules*) echo "cloud-init fails because a fault was added" >&2; exit 1 ;; esac
exec python3 -c 'import sys; from cloudinit.cmd.main import main; sys.exit(main())' "$@"
"""


STARTED, ENDED = "process", "exit-code"
"""Files in a droplet's folder for a resumed emulator: the shell around nspawn, and its exit code."""


class AdoptedProcess:
    """The process of a machine that another emulator has started."""

    def __init__(self, pid: int, folder: Path) -> None:
        """Take over the process. Raises ProcessLookupError if it has ended."""
        self.pid = pid
        self._folder = folder
        self._descriptor = os.pidfd_open(pid)
        weakref.finalize(self, os.close, self._descriptor)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)

    def wait(self) -> int:
        """Wait for its end and return the exit code that it wrote; -9 if it wrote none."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        poll.poll()
        return exit_code(self._folder)


def note_start(process: Process, folder: Path) -> None:
    """Save the process's pid and start time, so that another emulator can adopt it."""
    write_atomically(folder / STARTED, f"{process.pid} {start_time(process.pid) or 0}".encode())


def find_started(folder: Path) -> AdoptedProcess | None:
    """Return the saved process if it still runs, else None."""
    with suppress(OSError, ValueError):
        pid, started = (folder / STARTED).read_text(encoding="ascii").split()
        process = AdoptedProcess(int(pid), folder)
        # Checked after pidfd_open: from then on the pid cannot become another process's.
        if start_time(int(pid)) == int(started):
            return process
    return None


def exit_code(folder: Path) -> int:
    """Return the exit code of the droplet's last process; -9 if it wrote none."""
    with suppress(OSError, ValueError):
        return int((folder / ENDED).read_text(encoding="ascii"))
    return -9


@dataclass(frozen=True, kw_only=True)
class Boot:
    """Everything that the start of one machine needs."""

    machine: str
    """nspawn's name for the machine, unique on this computer."""
    namespace: str
    interfaces: Sequence[str]
    disk: Disk
    seed: Path
    boot_fault: BootFault | None = None


def boot_command(boot: Boot, groups: Sequence[Path]) -> list[str]:
    """Return the command that joins the cgroup folders ``groups`` and boots the machine."""
    return [
        "sh", "-ec", _OUTER, "sh",
        " ".join(str(group) for group in groups), f"/run/netns/{boot.namespace}", _INNER,
        boot.disk.mount_options(), str(boot.disk.root), str(boot.seed), boot.machine, _bindable(boot.disk.docker),
        str(boot.disk.folder / ENDED), str(boot.disk.modules), _bindable(boot.disk.modules),
        *(f"--network-interface={name}" for name in boot.interfaces),
        *_boot_fault_words(boot),
    ]  # fmt: skip


def _boot_fault_words(boot: Boot) -> list[str]:
    if boot.boot_fault == "boot":
        return ["systemd.unit=emergency.target"]  # systemd(1): no service starts; the console waits for a key
    if boot.boot_fault == "cloud-init":
        broken = boot.disk.folder / "broken-cloud-init"
        broken.write_text(_BROKEN_CLOUD_INIT, encoding="ascii")
        broken.chmod(0o755)
        return [f"--bind-ro={_bindable(broken)}:/usr/bin/cloud-init"]  # a mount leaves nothing on the disk
    return []


def signal_guest(cgroup: str, number: int) -> bool:
    """Send a signal to the guest's PID 1; return False if there is none."""
    pid = cgroups.guest_init(cgroup)
    if pid is None:
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, number)
        return True
    return False


def _bindable(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace(":", "\\:")  # systemd-nspawn(1), --bind=

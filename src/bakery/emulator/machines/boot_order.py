"""Gives CPU time to booting machines one after another: the smallest first, then in the order of their ids.

The droplets of a cloud do not share CPUs; these do. With equal shares, nine machines that boot at once are all
ready at the end. One after another, the first are ready early: what waits for them, such as an election, happens
while the others boot. A small machine usually has less to start. Machines that have booted keep their CPU time.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from bakery.emulator.host import cgroups

BOOT_SECONDS = 30.0
"""How long a machine counts as one that boots."""
USUAL = 1.0
_LEAST = 1 / 512
"""The least share of version 1 (cpu.shares is at least 2)."""


@dataclass(frozen=True, eq=False)
class _Boot:
    """One boot of a machine; another boot of the same machine is another object."""

    memory: int
    """Of the machine, in MB."""
    droplet_id: int
    """Grows with each droplet. Machines whose droplets are created at the same time are started in any order."""


class BootOrder:
    """The control groups of machines that boot."""

    def __init__(
        self,
        give: Callable[[str, float], None] = cgroups.give_cpu,
        timer: Callable[[float, Callable[[], None]], threading.Timer] = threading.Timer,
    ) -> None:
        """``give`` sets the share of a control group; :data:`USUAL` is the share of a machine that has booted.

        ``timer`` returns a timer that calls a function after some seconds.
        """
        self._give = give
        self._timer = timer
        self._booting: dict[str, _Boot] = {}
        """By control group."""
        self._lock = threading.Lock()

    def begin(self, cgroup: str, *, memory: int, droplet_id: int, seconds: float = BOOT_SECONDS) -> None:
        """Give the machine half of the share of the one before it, for ``seconds``.

        ``memory`` is in MB.
        """
        boot = _Boot(memory, droplet_id)
        with self._lock:
            self._booting[cgroup] = boot
            self._share()
        timer = self._timer(seconds, lambda: self._has_booted(cgroup, boot))
        timer.daemon = True
        timer.start()

    def end(self, cgroup: str) -> None:
        """Give the machine the usual share: it has booted, or it does not run."""
        with self._lock:
            self._end(cgroup)

    def _has_booted(self, cgroup: str, boot: _Boot) -> None:
        """End this boot, unless the machine has ended or boots again."""
        with self._lock:
            if self._booting.get(cgroup) is boot:
                self._end(cgroup)

    def _end(self, cgroup: str) -> None:
        self._booting.pop(cgroup, None)
        self._give(cgroup, USUAL)
        self._share()

    def _share(self) -> None:
        booting = self._booting
        order = sorted(booting, key=lambda cgroup: (booting[cgroup].memory, booting[cgroup].droplet_id))
        for rank, cgroup in enumerate(order, 1):
            self._give(cgroup, max(_LEAST, USUAL / 2**rank))

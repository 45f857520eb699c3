"""Health checks of the droplets behind a load balancer."""

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass

from bakery.emulator.network.model import Check

_GOOD = range(200, 400)
"""Statuses of a healthy droplet (https://docs.digitalocean.com/products/networking/load-balancers/)."""


@dataclass
class _State:
    healthy: bool = False
    streak: int = 0
    """Consecutive results that contradict ``healthy``."""

    def count(self, *, passed: bool, check: Check) -> None:
        if passed is self.healthy:
            self.streak = 0
            return
        self.streak += 1
        if self.streak >= (check.healthy_after if passed else check.unhealthy_after):
            self.healthy, self.streak = passed, 0


class Health:
    """Checks each target regularly. A new target is healthy after its first ``healthy_after`` successes."""

    def __init__(self, source: str) -> None:
        """Connect from the address ``source``."""
        self._source = source
        self._check: Check | None = None
        self._states: dict[str, _State] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def update(self, targets: tuple[str, ...], check: Check) -> None:
        """Check these targets from now on. Results stay unless the check itself changes."""
        gone = set(self._tasks) - set(targets) if check == self._check else set(self._tasks)
        for target in gone:
            self._tasks.pop(target).cancel()
            del self._states[target]
        self._check = check
        for target in targets:
            if target not in self._tasks:
                self._states[target] = _State()
                self._tasks[target] = asyncio.create_task(self._watch(target, check))

    def healthy(self) -> list[str]:
        """Return the healthy targets, in the order in which they were added."""
        return [target for target, state in self._states.items() if state.healthy]

    def close(self) -> None:
        """End all checks."""
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()

    async def _watch(self, target: str, check: Check) -> None:
        state = self._states[target]
        while True:
            state.count(passed=await _passes(target, check, self._source), check=check)
            await asyncio.sleep(check.interval_s)


async def _passes(target: str, check: Check, source: str) -> bool:
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(check.timeout_s):
            context = unverified_tls() if check.protocol == "https" else None
            reader, writer = await asyncio.open_connection(target, check.port, local_addr=(source, 0), ssl=context)
            if check.protocol == "tcp":
                return True
            request = f"GET {check.path} HTTP/1.0\r\nHost: {target}\r\nConnection: close\r\n\r\n"
            writer.write(request.encode())
            words = (await reader.readline()).split()
            return len(words) > 1 and words[1].isdigit() and int(words[1]) in _GOOD
    except (OSError, TimeoutError, ValueError):
        return False
    finally:
        if writer is not None:
            with suppress(OSError):
                writer.close()


def unverified_tls() -> ssl.SSLContext:
    """Return a TLS context that accepts every certificate, as DigitalOcean's load balancers do."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context

"""Impairments of droplets' networks: loss, rate limits and partitions by nftables, delays by tc-netem.

Only delays need tc-netem, because many kernels have no sch_netem.
"""

import threading
import time
from collections.abc import Callable, Mapping

from bakery.emulator.network.model import Impairment
from bakery.emulator.network.plan import router_interfaces
from bakery.emulator.network.rules import elements

TABLE = "inet impairments"
_SMALLEST_BURST = 15_000  # bytes, ten full packets: a smaller burst of a low rate would let no packet pass

# These chains run before the router's own, so that they also affect answers and established connections.
_HOOKS = """\
  chain forward {
    type filter hook forward priority filter - 10; policy accept;
    iifname @partitioned drop
    oifname @partitioned drop
    iifname vmap @impaired_from
    oifname vmap @impaired_to
  }
  chain input {
    type filter hook input priority filter - 10; policy accept;
    iifname @partitioned drop
    iifname vmap @impaired_from
  }
  chain output {
    type filter hook output priority filter - 10; policy accept;
    oifname @partitioned drop
    oifname vmap @impaired_to
  }
"""


class Impairments:
    """The impairment of each droplet, and the end of its partition."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._impaired: dict[int, Impairment] = {}
        self._partitioned_until: dict[int, float] = {}

    def set(self, droplet_id: int, impairment: Impairment) -> None:
        """Set a droplet's impairment; its partition begins now."""
        with self._lock:
            self._impaired[droplet_id] = impairment
            self._partitioned_until[droplet_id] = self._now() + impairment.partition_s

    def drop(self, droplet_id: int) -> bool:
        """Remove a droplet's impairment; return whether it had one."""
        with self._lock:
            self._partitioned_until.pop(droplet_id, None)
            return self._impaired.pop(droplet_id, None) is not None

    def delay_of(self, droplet_id: int) -> float:
        """Return the droplet's delay in seconds."""
        with self._lock:
            return self._impaired.get(droplet_id, Impairment()).delay_s

    def ruleset(self) -> str:
        """Return the input of ``nft -f`` that replaces all impairments by the current ones."""
        with self._lock:
            now = self._now()
            left = {
                droplet_id: until - now for droplet_id, until in self._partitioned_until.items() if until > now
            }
            return ruleset(self._impaired, left)


def ruleset(impaired: Mapping[int, Impairment], partitioned: Mapping[int, float]) -> str:
    """Return the table as text; ``partitioned`` has the seconds until the kernel ends each partition."""
    lossy = {droplet_id: each for droplet_id, each in impaired.items() if each.loss or each.rate}
    timeouts = [
        f'"{interface}" timeout {max(1, round(seconds * 1000))}ms'
        for droplet_id, seconds in partitioned.items()
        for interface in router_interfaces(droplet_id)
    ]
    lines = [f"table {TABLE}", f"delete table {TABLE}", f"table {TABLE} {{"]
    lines.append(f"  set partitioned {{ type ifname; flags timeout; {elements(timeouts)} }}")
    for way in ("from", "to"):
        verdicts = []
        for droplet_id, impairment in lossy.items():
            lines += [f"  chain droplet_{droplet_id}_{way} {{", *_rules(impairment), "  }"]
            verdicts += [f'"{each}" : jump droplet_{droplet_id}_{way}' for each in router_interfaces(droplet_id)]
        lines.append(f"  map impaired_{way} {{ type ifname : verdict; {elements(verdicts)} }}")
    return "\n".join(lines) + "\n" + _HOOKS + "}\n"


def delay_words(interface: str, seconds: float) -> list[str]:
    """Return the arguments of tc(8) that delay packets leaving by the interface; 0 removes the delay."""
    if not seconds:
        return ["qdisc", "delete", "dev", interface, "root"]
    return ["qdisc", "replace", "dev", interface, "root", "netem", "delay", f"{round(seconds * 1e6)}us"]


def _rules(impairment: Impairment) -> list[str]:
    rules = []
    if impairment.loss:
        rules.append(f"    numgen random mod 10000 < {round(impairment.loss * 10000)} drop")
    if impairment.rate:
        bytes_per_second = max(1, impairment.rate // 8)
        burst = max(_SMALLEST_BURST, bytes_per_second // 10)
        rules.append(f"    limit rate over {bytes_per_second} bytes/second burst {burst} bytes drop")
    return rules

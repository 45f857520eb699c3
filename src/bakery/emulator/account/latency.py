"""How long requests and actions take at the real API. Each time is drawn from a distribution with a seed."""

import math
import random
from dataclasses import asdict, dataclass
from typing import Any, Literal

from bakery.errors import EmulatorError

TimeName = Literal["create", "addresses", "delete", "action", "snapshot", "firewall", "balancer", "request"]

MOST_SECONDS = 3600.0
WIDEST_SPREAD = 2.0
"""One draw of ten is above the median times 13 then."""


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Median seconds of each time; 0 adds nothing. docs/emulator.md names the source of each figure."""

    create: float = 0.0
    """From the request to the status ``active``, when the machine begins to boot."""
    addresses: float = 0.0
    """From the status ``active`` until the API shows the droplet's addresses."""
    delete: float = 0.0
    """From the request until the machine is removed and its VPC has a member less."""
    action: float = 0.0
    """Every action but a create and a snapshot. It takes effect at its end."""
    snapshot: float = 0.0
    firewall: float = 0.0
    """How long a changed firewall is ``waiting``; drawn once for each emulator."""
    balancer: float = 0.0
    """How long a load balancer is ``new``."""
    request: float = 0.0
    """Until the API begins to work on a request."""
    spread: float = 0.25
    """Standard deviation of the logarithm: nine times of ten are below the median times ``exp(1.28 * spread)``."""
    seed: int = 1

    def draw(self, time: TimeName, of: object) -> float:
        """Return the seconds of ``time`` for ``of``, like a droplet's name: always the same, at most an hour."""
        median: float = getattr(self, time)
        if not median:
            return 0.0  # a draw takes 10 µs, and a list of droplets asks for each
        dice = random.Random(f"{self.seed} {time} {of}")  # noqa: S311 - no secret
        return min(median * math.exp(dice.gauss(0, self.spread)), MOST_SECONDS)

    def of_action(self, kind: str, of: object) -> float:
        """Return the seconds of an action of this type (``create``, ``power_off``, …)."""
        if kind == "create":
            return self.draw("create", of)
        return self.draw("snapshot" if kind == "snapshot" else "action", of)


NONE = Latency()
DIGITALOCEAN = Latency(create=33, delete=10, action=8, snapshot=90, firewall=3, balancer=60, request=0.25)
PROFILES = {"none": NONE, "digitalocean": DIGITALOCEAN}


def parse_latency(text: str) -> Latency:
    """Return the latency that ``text`` describes: a profile, then single values, separated by commas.

    ``digitalocean,create=20`` is the profile with another median.

    Raises:
        EmulatorError: a word is neither a profile nor NAME=NUMBER, it comes twice, or a number is out of range.
    """
    values: dict[str, Any] = asdict(NONE)
    given: set[str] = set()
    for number, word in enumerate(text.split(",")):
        name, is_value, value = word.strip().partition("=")
        if name in given:
            message = f"--latency: {name} is given twice"
            raise EmulatorError(message=message, hint="give each name once")
        given.add(name)
        if is_value:
            values[name] = _value(name, value, word)
        elif number == 0 and name in PROFILES:
            values = asdict(PROFILES[name])
        elif name in PROFILES:
            message = f"--latency: the profile {name} comes first"
            raise EmulatorError(message=message, hint=f"for example: --latency {name},create=20")
        else:
            message = f"--latency: {word!r} is not a profile ({', '.join(PROFILES)}) or NAME=NUMBER"
            raise EmulatorError(message=message, hint="for example: --latency digitalocean,create=20")
    return Latency(**values)


def _value(name: str, value: str, word: str) -> float:
    names = asdict(NONE)
    if name not in names:
        message = f"--latency: {word!r} names no time"
        raise EmulatorError(message=message, hint=f"the names are {', '.join(names)}")
    try:
        parsed = int(value) if name == "seed" else float(value)
    except ValueError:
        parsed = -1
    most = WIDEST_SPREAD if name == "spread" else MOST_SECONDS
    if not 0 <= parsed <= most:
        kind = "whole number" if name == "seed" else "number"
        message = f"--latency: {word!r} is not a {kind} from 0 to {most:.0f}"
        raise EmulatorError(message=message, hint="times are seconds; seed is a whole number")
    return parsed

"""To which versions of Consul and Nomad a running cluster can be changed. Pure.

- A change crosses at most two minor versions. Consul's pages call them major: "each upgrade should jump at most 2
  major versions", from 1.12 to 1.14 (https://developer.hashicorp.com/consul/docs/upgrade/instructions). Nomad is
  "backward compatible for at least 2 point release" (https://developer.hashicorp.com/nomad/docs/upgrade).
- Servers never get a lower version: "Nomad does not support downgrading" (same page); a Consul server may not read
  what a newer one has written.
- Servers first, so a client is never newer than a server (both pages).
- Nomad 1.11.0 to 1.11.3 do not renew the identities of clients if a server was older before: after 24 hours all
  clients are down (hashicorp/nomad CHANGELOG, 2.0.0, GH-27773; there is no 1.11 with the fix without a license).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from bakery.config.versions import NOMAD, Product, Version, parse_version
from bakery.errors import UsageError
from bakery.hints import Command, Hint

MAX_MINORS = 2
LAST_MAJOR = 2
_NO_IDENTITIES = ((1, 11, 0), (1, 11, 3))
"""First and last version of Nomad in which the identities of clients are not renewed after an upgrade."""


@dataclass(frozen=True, kw_only=True)
class Agent:
    """A running agent of one product."""

    name: str
    version: Version
    server: bool
    moves: bool
    """Whether the change replaces it by an agent of the new version."""


def check_hop(product: Product, target: str, agents: Iterable[Agent]) -> None:
    """Check that the agents that move can change to the version ``target``, and the others can stay as they are.

    Raises:
        UsageError: they cannot; with the reason, and what to do instead.
    """
    version, running = parse_version(target), tuple(agents)
    if version is None or not any(agent.moves for agent in running):
        return
    servers = tuple(agent for agent in running if agent.server)
    if any(server.moves for server in servers):
        _check_lowered(product, version, servers)
        _check_identities(product, version, servers)
        _check_distance(product, version, running)
    _check_clients(product, version, running)


def text_of(version: Version) -> str:
    """Return the version as ``1.22.5``."""
    return ".".join(map(str, version))


def _check_lowered(product: Product, target: Version, servers: tuple[Agent, ...]) -> None:
    newer = max(servers, key=lambda server: server.version)
    if newer.version <= target:
        return
    runs = f"{newer.name} runs {product.name} {text_of(newer.version)}"
    raise UsageError(
        message=f"{runs}: servers cannot be changed back to {text_of(target)}",
        details="an older server may not be able to read the data that a newer one has written",
        hint=f"keep image.{product.name.lower()} at {text_of(newer.version)} or later;"
        f" to run {text_of(target)}, launch a new cluster under another name",
    )


def _check_identities(product: Product, target: Version, servers: tuple[Agent, ...]) -> None:
    older = min(servers, key=lambda server: server.version)
    first, last = _NO_IDENTITIES
    if product is not NOMAD or older.version >= first or not first <= target <= last:
        return
    steps = ("2.0.x",) if _distance(product, older.version, (2, 0, 0)) <= MAX_MINORS else ("1.10.x", "2.0.x")
    message = f"Nomad cannot be changed from {text_of(older.version)} to {text_of(target)}"
    raise UsageError(
        message=message,
        details="a day later all clients would be down: 1.11.0 to 1.11.3 do not renew their identities after an"
        " upgrade (https://github.com/hashicorp/nomad/issues/27773)",
        hint=f"upgrade to Nomad {', then to '.join(steps)} instead",
    )


def _check_distance(product: Product, target: Version, agents: tuple[Agent, ...]) -> None:
    older = min(agents, key=lambda agent: agent.version)
    if target[0] > LAST_MAJOR:
        message = f"bakery does not know which version of {product.name} comes before {text_of(target)}"
        raise UsageError(message=message, hint="a newer bakery may know it")
    crossed = _distance(product, older.version, target)
    if crossed <= MAX_MINORS:
        return
    message = (
        f"{product.name} {text_of(older.version)} to {text_of(target)} crosses {crossed} minor versions;"
        f" a running cluster can cross {MAX_MINORS} at once"
    )
    between = _minor_after(product, older.version, MAX_MINORS)
    hint = Hint(f"upgrade to {product.name} {between}.x first, then to {text_of(target)}")
    of_servers = min(agent.version for agent in agents if agent.server)
    if older.version < of_servers:
        field = f"image.{product.name.lower()}"
        hint = Hint(f"set {field} to {text_of(of_servers)}, and replace the clients first: ", Command("roll"))
    raise UsageError(message=message, details=f"{older.name} runs {text_of(older.version)}", hint=hint)


def _check_clients(product: Product, target: Version, agents: tuple[Agent, ...]) -> None:
    """Check the clients that move against the servers as they will be."""
    if not any(agent.moves for agent in agents if not agent.server):
        return
    staying = [agent for agent in agents if agent.server and not agent.moves]
    older = min(staying, key=lambda server: server.version, default=None)
    newer = max(staying, key=lambda server: server.version, default=None)
    if older is not None and older.version < target:
        message = f"{product.name} {text_of(target)} cannot run on a client yet: {older.name} has an older one"
        raise UsageError(
            message=message,
            details=f"{older.name} is a server with {text_of(older.version)}",
            hint=Hint("servers are replaced before clients: ", Command("roll")),
        )
    if newer is not None and _distance(product, target, newer.version) > MAX_MINORS:
        message = (
            f"{product.name} {text_of(target)} is too old for a client: {newer.name} runs {text_of(newer.version)}"
        )
        raise UsageError(message=message, hint=f"a client may be {MAX_MINORS} minor versions behind the servers")


def _distance(product: Product, older: Version, newer: Version) -> int:
    """Return how many minor versions are crossed. 2.0 is the minor version after the last one of 1."""
    return _place(product, newer) - _place(product, older)


def _place(product: Product, version: Version) -> int:
    major, minor, _ = version
    return minor + (major - 1) * (product.last_minor_of_1 + 1)


def _minor_after(product: Product, version: Version, minors: int) -> str:
    place, of_1 = _place(product, version) + minors, product.last_minor_of_1 + 1
    return f"1.{place}" if place < of_1 else f"2.{place - of_1}"

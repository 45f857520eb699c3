"""The facts of a cluster as they would be without some of its droplets. Pure."""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TypeVar

from bakery.agents.model import Autopilot, Member, RaftPeer
from bakery.cloud.model import Droplet
from bakery.observe.gather import Answer, ConsulFacts, Facts, NomadFacts, ServerFacts

T = TypeVar("T")
Asked = TypeVar("Asked", bound=ServerFacts)


def without(facts: Facts, droplets: Collection[Droplet]) -> Facts:
    """Return the facts without what Consul, Nomad and the API say of ``droplets``.

    Autopilot then counts as healthy if it finds every other server healthy.
    """
    addresses = {droplet.private_ipv4 for droplet in droplets}
    names = {droplet.name for droplet in droplets}
    return Facts(
        droplets=tuple(droplet for droplet in facts.droplets if droplet not in droplets),
        consul=_consul(facts.consul, addresses, names),
        nomad=_nomad(facts.nomad, addresses),
    )


def _consul(consul: ConsulFacts, addresses: set[str | None], names: set[str]) -> ConsulFacts:
    return replace(
        _servers(consul, addresses),
        catalog=_known(consul.catalog, lambda rows: tuple(row for row in rows if row.address not in addresses)),
        passing=_known(consul.passing, lambda rows: tuple(name for name in rows if name not in names)),
    )


def _nomad(nomad: NomadFacts, addresses: set[str | None]) -> NomadFacts:
    nodes = _known(nomad.nodes, lambda rows: tuple(row for row in rows if row.address not in addresses))
    return replace(_servers(nomad, addresses), nodes=nodes)


def _servers(asked: Asked, addresses: set[str | None]) -> Asked:
    def members(rows: tuple[Member, ...]) -> tuple[Member, ...]:
        return tuple(row for row in rows if row.address not in addresses)

    def peers(rows: tuple[RaftPeer, ...]) -> tuple[RaftPeer, ...]:
        return tuple(row for row in rows if row.address not in addresses)

    def autopilot(seen: Autopilot) -> Autopilot:
        servers = tuple(server for server in seen.servers if server.address not in addresses)
        return replace(seen, servers=servers, healthy=all(server.healthy for server in servers))

    return replace(
        asked,
        members=_known(asked.members, members),
        peers=_known(asked.peers, peers),
        autopilot=_known(asked.autopilot, autopilot),
    )


def _known(answer: Answer[T], change: Callable[[T], T]) -> Answer[T]:
    return answer if answer.value is None else Answer(value=change(answer.value))

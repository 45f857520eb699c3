"""Find the servers that see a leader: for API calls, and for ``bakery env``."""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bakery.agents.interface import AclApi, AgentClients
from bakery.cloud.model import Droplet
from bakery.errors import AgentError
from bakery.observe.gather import api_address
from bakery.plan.model import ClusterPlan, Node
from bakery.wait import SystemClock

LOOK_SECONDS = 6.0
"""Deadline for the answers while no server has named a leader: one second more than a connection may take."""
GRACE_SECONDS = 0.5
"""Further wait for the other answers once a server has named a leader. A healthy server answers in 0.1 s."""


@dataclass(frozen=True, kw_only=True)
class ServerAddress:
    """A server and the address of its API."""

    name: str
    address: str
    """Public address; without one the VPC address."""
    sees_leader: bool
    answers: bool
    """Whether it answered, with or without a leader."""


@dataclass(frozen=True, kw_only=True)
class Servers:
    """The active servers of both products.

    Servers that see a leader come first, then servers that answer, then the silent ones; each in plan order.
    """

    consul: tuple[ServerAddress, ...]
    nomad: tuple[ServerAddress, ...]


def servers_with_leader(plan: ClusterPlan, droplets: Sequence[Droplet], clients: AgentClients) -> Servers:
    """Query every active server for the leader, in parallel. Reads only, raises no AgentError.

    Takes half a second more than the first answer that names a leader, and at most 6 seconds: a server that drops
    packets delays no command. A server that has not answered by then counts as silent.
    """
    with ThreadPoolExecutor(max_workers=2) as pool:
        consul = pool.submit(_asked, plan.consul_servers, droplets, clients.consul)
        nomad = pool.submit(_asked, plan.nomad_servers, droplets, clients.nomad)
        return Servers(consul=consul.result(), nomad=nomad.result())


def _asked(
    nodes: Sequence[Node], droplets: Sequence[Droplet], connect: Callable[[str], AclApi]
) -> tuple[ServerAddress, ...]:
    active = {d.name: api_address(d) for d in droplets if d.status == "active" and api_address(d)}
    names = [node.name for node in nodes if node.name in active]
    leaders = _leaders({name: connect(active[name]) for name in names})
    servers = [
        ServerAddress(
            name=name,
            address=active[name],
            sees_leader=bool(leaders.get(name)),
            answers=leaders.get(name) is not None,
        )
        for name in names
    ]
    return tuple(sorted(servers, key=lambda server: (not server.sees_leader, not server.answers)))


def _leaders(apis: dict[str, AclApi]) -> dict[str, str | None]:
    """Return the leader that each server named in time; an empty string if it sees none, None if it failed."""
    answers: queue.Queue[tuple[str, str | None]] = queue.Queue()
    for name, api in apis.items():
        # Daemon threads, because neither this call nor the end of the process may wait for a silent server.
        threading.Thread(
            target=lambda name, api: answers.put((name, _leader(api))), args=(name, api), daemon=True
        ).start()
    clock = SystemClock()
    found: dict[str, str | None] = {}
    end = clock.now() + LOOK_SECONDS
    while len(found) < len(apis) and (left := end - clock.now()) > 0:
        try:
            name, leader = answers.get(timeout=left)
        except queue.Empty:
            break
        found[name] = leader
        if leader:
            end = min(end, clock.now() + GRACE_SECONDS)
    return found


def _leader(api: AclApi) -> str | None:
    try:
        return api.leader()
    except AgentError:
        return None

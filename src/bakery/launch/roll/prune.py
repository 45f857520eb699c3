"""Removes nodes without a droplet from the gossip pools as each server lists them.

A server may list a node that another server has removed. Nomad's gossip finds a dead server after 30 to 45 s. A
server that joins before then learns of it as alive, although the others have pruned it (hashicorp/memberlist
state.go, mergeState): it would be a stranger to the next gate, then a failed member for a day.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from bakery.agents.interface import AclApi, NomadApi
from bakery.agents.model import Member
from bakery.cloud.model import Droplet
from bakery.errors import AgentError, DeadlineError
from bakery.launch.base.running import Running, servers_among
from bakery.launch.base.session import Session
from bakery.launch.teardown.departure import Identity
from bakery.launch.teardown.mend import is_name_of
from bakery.observe.gather import api_address
from bakery.plan.model import ClusterPlan
from bakery.wait import Pending

PRUNE_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class _Pools:
    """The servers to ask, and the members that they should list."""

    consul: tuple[AclApi, ...]
    nomad: tuple[NomadApi, ...]
    plan: ClusterPlan
    there: frozenset[tuple[str, str | None]]
    """Names and addresses of the droplets."""
    gone: Identity | None

    def without_droplet(self, members: Iterable[Member]) -> list[Member]:
        """Return the members that a launch of this cluster named, and that have no droplet."""
        strange = (member for member in members if (member.name, member.address) not in self.there)
        return [member for member in strange if is_name_of(self.plan, member.name)]


def prune_everywhere(
    session: Session, plan: ClusterPlan, gone: Identity | None, droplets: Iterable[Droplet]
) -> None:
    """Wait until no server of Consul and Nomad lists ``gone`` or a dead node. A failure causes a warning only.

    A server that lists one is asked to prune it; a server that does not answer is left out. ``droplets`` are those
    of the cluster.
    """
    running = session.running
    if running is None:
        return
    pools = _pools(running, plan, gone, tuple(droplets))

    def prune() -> bool | Pending:
        listed = {name for api in pools.consul for name in _prune_consul(api, pools)}
        listed |= {name for api in pools.nomad for name in _prune_nomad(api, pools)}
        return Pending(f"still listed: {', '.join(sorted(listed))}") if listed else True

    what = "every server to forget nodes without a droplet"
    try:
        session.retry(prune, what=what, seconds=PRUNE_SECONDS, every=1.0)
    except DeadlineError as error:
        session.reporter.warn(error.full_message)


def _pools(running: Running, plan: ClusterPlan, gone: Identity | None, droplets: tuple[Droplet, ...]) -> _Pools:
    clients = running.clients
    active = [each for each in droplets if each.status == "active" and api_address(each)]
    return _Pools(
        consul=tuple(clients.consul(api_address(d)) for d in servers_among(plan, plan.consul_servers, active)),
        nomad=tuple(clients.nomad(api_address(d)) for d in servers_among(plan, plan.nomad_servers, active)),
        plan=plan,
        there=frozenset((droplet.name, droplet.private_ipv4) for droplet in droplets),
        gone=gone,
    )


def _prune_consul(consul: AclApi, pools: _Pools) -> list[str]:
    """Ask the server to prune dead nodes. Return the names that it lists: ``gone`` also while alive."""
    try:
        found = pools.without_droplet(consul.members())
        dead = [member.name for member in found if member.status != "alive"]
        for name in dead:
            consul.force_leave(name)
    except AgentError:
        return []
    return dead + [m.name for m in found if m.status == "alive" and pools.gone and pools.gone.is_of(m)]


def _prune_nomad(nomad: NomadApi, pools: _Pools) -> list[str]:
    """Ask the server to prune nodes that do not vote, also those that gossip has not found dead yet.

    A server made by hand may have the name of a node: it is alive, and votes.
    """
    try:
        found = pools.without_droplet(nomad.members())
        voters = {peer.address for peer in nomad.raft_peers(stale=True) if peer.voter} if found else set()
        taken = {address for _, address in pools.there}
        dead = [m.name for m in found if m.status != "alive" or m.address in taken or m.address not in voters]
        for name in dead:
            nomad.force_leave(name)
    except AgentError:
        return []
    return dead

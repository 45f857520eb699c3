"""Find nodes that have not joined: active droplets whose agents never appeared in the cluster."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from bakery.agents.interface import AgentClients
from bakery.agents.model import Member, NomadNode
from bakery.cloud.model import Droplet
from bakery.errors import AgentError
from bakery.observe.gather import WITHOUT_KEYS, Facts, gather
from bakery.plan.model import ClusterPlan

ALIVE = {"alive", "ready"}
"""The status of a gossip member that is up, and of a Nomad client that is up."""
_PARALLEL = 8


def find_not_joined(plan: ClusterPlan, droplets: Sequence[Droplet], clients: AgentClients) -> frozenset[str]:
    """Return the names of planned nodes whose droplet is active, but which neither Consul nor Nomad lists.

    Without a Consul leader the members are unknown. Then the result has only the Consul servers that do not
    answer, and only if another one answers. Empty if nothing is known. Reads only, raises no AgentError.
    """
    active = [droplet for droplet in droplets if droplet.status == "active"]
    facts = gather(plan, droplets, clients, keys=WITHOUT_KEYS)
    if facts.consul.members.value is None:
        return _silent_consul_servers(plan, active, clients)
    planned = {node.name for node in plan.nodes}
    return frozenset(d.name for d in active if d.name in planned and not _is_listed(d, facts))


def _is_listed(droplet: Droplet, facts: Facts) -> bool:
    """Return whether a member or client with the droplet's name is the droplet.

    An entry that is not alive and has another address is an earlier droplet: Consul lists members that failed or
    left for 72 hours (reconnect_timeout).
    """
    members = (*(facts.consul.members.value or ()), *(facts.nomad.members.value or ()))
    namesakes: tuple[Member | NomadNode, ...] = (*members, *(facts.nomad.nodes.value or ()))
    return any(
        one.name == droplet.name and (one.status in ALIVE or one.address == droplet.private_ipv4)
        for one in namesakes
    )


def _silent_consul_servers(plan: ClusterPlan, active: Sequence[Droplet], clients: AgentClients) -> frozenset[str]:
    names = {node.name for node in plan.consul_servers}
    servers = [droplet for droplet in active if droplet.name in names and droplet.public_ipv4]

    def silent(droplet: Droplet) -> bool:
        try:
            clients.consul(droplet.public_ipv4 or "").leader()
        except AgentError as error:
            return error.status == 0
        return False

    with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
        answers = list(pool.map(silent, servers))
    if all(answers):
        return frozenset()
    return frozenset(droplet.name for droplet, is_silent in zip(servers, answers, strict=True) if is_silent)

"""Who never came: droplets that run, and of which the cluster has never heard."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from bakery.agents.interface import AgentClients
from bakery.agents.model import Member, NomadNode
from bakery.cloud.model import Droplet
from bakery.errors import AgentError
from bakery.observe.gather import WITHOUT_KEYS, Facts, gather
from bakery.plan.model import ClusterPlan

ALIVE = {"alive", "ready"}
"""A member's status, and a Nomad client's."""
_PARALLEL = 8


def find_not_joined(plan: ClusterPlan, droplets: Sequence[Droplet], clients: AgentClients) -> frozenset[str]:
    """Names of planned nodes whose droplet is active, and which neither Consul nor Nomad has ever heard of.

    While Consul has no leader nobody can be asked who is there: then only Consul servers are named that do not
    answer, and only if another one does. Empty if there is no way to tell. Reads only, raises no AgentError.
    """
    active = [droplet for droplet in droplets if droplet.status == "active"]
    facts = gather(plan, droplets, clients, keys=WITHOUT_KEYS)
    if facts.consul.members.value is None:
        return _silent_consul_servers(plan, active, clients)
    planned = {node.name for node in plan.nodes}
    return frozenset(d.name for d in active if d.name in planned and not _is_heard_of(d, facts))


def _is_heard_of(droplet: Droplet, facts: Facts) -> bool:
    """Whoever is shown under its name is it, unless that one is not alive and had another address.

    Consul shows members that failed or left for 72 hours (reconnect_timeout), also those of an earlier droplet.
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

"""What healthy means: the named conditions, in order, each a pure function of the plan and the facts."""

from collections.abc import Iterable, Sequence

from bakery.agents.model import Member, NomadNode
from bakery.observe.gather import Answer, Facts
from bakery.observe.model import Condition, State
from bakery.plan.model import ClusterPlan, Node

REQUIRED_DRIVERS = ("docker", "exec")
"""What every Nomad client must offer. Others count once Nomad detects them (java, qemu: not in the image)."""


def judge(plan: ClusterPlan, facts: Facts) -> tuple[Condition, ...]:
    """Every condition that applies to the plan, in the order in which a cluster forms."""
    conditions = [
        droplets_active(plan, facts),
        consul_leader(facts),
        consul_members(plan, facts),
        consul_peers(plan, facts),
        consul_acls(facts),
    ]
    if plan.nomad_servers:
        conditions += [nomad_leader(facts), nomad_servers(plan, facts), nomad_acls(facts)]
    conditions.append(consul_catalog(plan, facts))
    if plan.nomad_clients:
        conditions.append(nomad_clients(plan, facts))
    return tuple(conditions)


def droplets_active(plan: ClusterPlan, facts: Facts) -> Condition:
    """Every planned node has exactly one droplet, and it is active."""
    faults = [fault for node in plan.nodes if (fault := _droplet_fault(node.name, facts))]
    return _judged("droplets", faults, f"{len(plan.nodes)} of {len(plan.nodes)} droplets active")


def consul_leader(facts: Facts) -> Condition:
    return _leader("consul-leader", "Consul", facts.consul.leader)


def consul_members(plan: ClusterPlan, facts: Facts) -> Condition:
    """Every planned node is an alive member of Consul's LAN pool."""
    return _members("consul-members", "Consul members", plan.nodes, facts.consul.members)


def consul_peers(plan: ClusterPlan, facts: Facts) -> Condition:
    """Raft has as many peers as the cluster file has Consul servers."""
    peers = facts.consul.peers.value
    if peers is None:
        return _unknown("consul-peers", facts.consul.peers.error)
    if len(peers) == plan.consul_expect:
        return _judged("consul-peers", [], f"{len(peers)} of {plan.consul_expect} raft peers")
    hosts = {peer.rsplit(":", maxsplit=1)[0] for peer in peers}
    absent = [node.name for node in plan.consul_servers if _private_address(node, facts) not in hosts]
    culprits = f"; missing: {', '.join(absent)}" if absent else f": {', '.join(peers)}"
    return _judged("consul-peers", [f"{len(peers)} raft peers, {plan.consul_expect} expected{culprits}"], "")


def consul_acls(facts: Facts) -> Condition:
    return _acls("consul-acls", "Consul", facts.consul.token_works, facts.consul.denies_anonymous)


def nomad_leader(facts: Facts) -> Condition:
    return _leader("nomad-leader", "Nomad", facts.nomad.leader)


def nomad_servers(plan: ClusterPlan, facts: Facts) -> Condition:
    """Every planned Nomad server is an alive member of the servers' pool."""
    return _members("nomad-servers", "Nomad servers", plan.nomad_servers, facts.nomad.members)


def nomad_acls(facts: Facts) -> Condition:
    return _acls("nomad-acls", "Nomad", facts.nomad.token_works, facts.nomad.denies_anonymous)


def consul_catalog(plan: ClusterPlan, facts: Facts) -> Condition:
    """Every planned node is in Consul's catalog, and its serfHealth check passes."""
    catalog, passing = facts.consul.catalog, facts.consul.passing
    if catalog.value is None or passing.value is None:
        return _unknown("consul-catalog", catalog.error or passing.error)
    faults = [fault for node in plan.nodes if (fault := _catalog_fault(node.name, catalog.value, passing.value))]
    return _judged("consul-catalog", faults, f"{len(plan.nodes)} of {len(plan.nodes)} nodes pass serfHealth")


def nomad_clients(plan: ClusterPlan, facts: Facts) -> Condition:
    """Every planned client is ready, eligible, sees its local Consul, and its drivers are healthy."""
    nodes = facts.nomad.nodes
    if nodes.value is None:
        return _unknown("nomad-clients", nodes.error)
    known = nodes.value
    faults = [
        f"{node.name}: {fault}"
        for node in plan.nomad_clients
        if (fault := client_fault(find_client(node.name, known)))
    ]
    return _judged(
        "nomad-clients", faults, f"{len(plan.nomad_clients)} of {len(plan.nomad_clients)} clients ready"
    )


def find_client(name: str, nodes: Iterable[NomadNode]) -> NomadNode | None:
    """The client of that name, a ready one first: the old entry of a recreated droplet stays "down" a while."""
    named = [node for node in nodes if node.name == name]
    return min(named, key=lambda node: (node.status != "ready", node.id), default=None)


def client_fault(node: NomadNode | None) -> str | None:
    """What keeps a client from being healthy, or None."""
    if node is None:
        return "not registered in Nomad"
    if node.status != "ready":
        return f"status {node.status}"
    if not node.eligible:
        return "not eligible for work"
    if node.consul_version is None:
        return "does not see its local Consul"
    unhealthy = sorted(name for name, healthy in node.drivers.items() if not healthy)
    undetected = [name for name in REQUIRED_DRIVERS if name not in node.drivers]
    if undetected:
        return f"driver {', '.join(undetected)} not detected"
    if unhealthy:
        return f"driver {', '.join(unhealthy)} unhealthy"
    return None


def _droplet_fault(name: str, facts: Facts) -> str | None:
    named = [droplet for droplet in facts.droplets if droplet.name == name]
    if not named:
        return f"{name}: no droplet"
    if len(named) > 1:
        return f"{name}: {len(named)} droplets ({', '.join(str(droplet.id) for droplet in named)})"
    return None if named[0].status == "active" else f"{name}: droplet is {named[0].status}"


def _catalog_fault(name: str, catalog: Sequence[str], passing: Sequence[str]) -> str | None:
    if name not in catalog:
        return f"{name}: not in Consul's catalog"
    return None if name in passing else f"{name}: serfHealth does not pass"


def _leader(name: str, product: str, leader: Answer[str]) -> Condition:
    if leader.value is None:
        return Condition(name=name, state=State.MISSING, message=f"no {product} leader seen: {leader.error}")
    return _judged(
        name, [] if leader.value else [f"{product} has no leader"], f"{product}'s leader is {leader.value}"
    )


def _members(name: str, what: str, nodes: Sequence[Node], answer: Answer[tuple[Member, ...]]) -> Condition:
    if answer.value is None:
        return _unknown(name, answer.error)
    statuses = {member.name: member.status for member in answer.value}
    faults = [
        f"{node.name}: {statuses.get(node.name, 'not a member')}"
        for node in nodes
        if statuses.get(node.name) != "alive"
    ]
    return _judged(name, faults, f"{len(nodes)} of {len(nodes)} {what} alive")


def _acls(name: str, product: str, token_works: Answer[bool], denies_anonymous: Answer[bool]) -> Condition:
    if token_works.value is None or denies_anonymous.value is None:
        return _unknown(name, token_works.error or denies_anonymous.error)
    faults = []
    if not token_works.value:
        faults.append(f"{product} does not accept the cluster's management token")
    if not denies_anonymous.value:
        faults.append(f"{product} answers requests without a token")
    return _judged(name, faults, f"{product} accepts our token and denies anonymous requests")


def _private_address(node: Node, facts: Facts) -> str | None:
    droplet = facts.droplet(node.name)
    return droplet.private_ipv4 if droplet else None


def _judged(name: str, faults: Sequence[str], good: str) -> Condition:
    if faults:
        return Condition(name=name, state=State.MISSING, message="; ".join(faults))
    return Condition(name=name, state=State.OK, message=good)


def _unknown(name: str, error: str) -> Condition:
    return Condition(name=name, state=State.UNKNOWN, message=f"cannot be asked: {error}")

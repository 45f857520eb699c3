"""The conditions of a healthy cluster, in order. Each is a pure function of the plan and the facts."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from bakery.agents.model import CatalogNode, NomadNode
from bakery.hints import Command
from bakery.observe.gather import Facts
from bakery.observe.identity import workload_identity
from bakery.observe.ingress import routes, takes_requests
from bakery.observe.keyrings import keyrings
from bakery.observe.model import Condition
from bakery.observe.servers import acls_closed, all_members, all_voters, autopilot_agrees, has_leader
from bakery.observe.strangers import strangers
from bakery.observe.verdict import judged, plain, unknown
from bakery.plan.model import ClusterPlan, Node
from bakery.plan.slots import slot_of
from bakery.plan.successors import unfinished, without_successors

REQUIRED_DRIVERS = ("docker", "exec")
"""Drivers that every Nomad client must have. Others are checked if Nomad detects them (java, qemu: not in the
image)."""

INELIGIBLE = "not eligible for work"


def judge(plan: ClusterPlan, facts: Facts) -> tuple[Condition, ...]:
    """Return every condition that applies to the plan, in the order in which a cluster forms."""
    conditions = [droplets_active(plan, facts), *_consul(plan, facts)]
    if plan.nomad_servers:
        conditions += _nomad(plan, facts)
    conditions.append(consul_catalog(plan, facts))
    if plan.nomad_clients:
        conditions.append(nomad_clients(plan, facts))
    if plan.nomad_servers:
        conditions.append(workload_identity(facts))
    if plan.ingress_nodes:
        conditions += [takes_requests(plan, facts), routes(facts)]
    return (*conditions, strangers(plan, facts), keyrings(plan, facts), *replacements(plan, facts))


def replacements(plan: ClusterPlan, facts: Facts) -> tuple[Condition, ...]:
    """Return a condition that names the unfinished replacements, if there are any. Launch does not wait for it."""
    found = unfinished(facts.droplets, plan.cluster)
    if not found:
        return ()
    names = ", ".join(f"{each.name} (by {each.new.name})" for each in found)
    commands = "; ".join(str(Command("replace", each.name)) for each in found)
    condition = judged("replacements", [f"unfinished: {names}"], "", help_text=f"to finish them: {commands}")
    return (replace(condition, by_choice=True),)


def droplets_active(plan: ClusterPlan, facts: Facts) -> Condition:
    """Check that every planned node has exactly one droplet in its slot, and that it is active."""
    faults = [fault for node in plan.nodes if (fault := _droplet_fault(plan, node, facts))]
    return judged("droplets", faults, f"{len(plan.nodes)} of {len(plan.nodes)} droplets active")


def _consul(plan: ClusterPlan, facts: Facts) -> tuple[Condition, ...]:
    consul, coming = facts.consul, _successors(plan, facts)
    return (
        has_leader("consul-leader", "Consul", consul.leader),
        all_members("consul-members", "Consul members", plan.nodes, consul.members, facts),
        all_voters("consul-peers", "Consul", plan.consul_servers, plan.consul_expect, consul, facts, coming),
        autopilot_agrees("consul-autopilot", "Consul", consul.autopilot),
        acls_closed("consul-acls", "Consul", consul),
    )


def _nomad(plan: ClusterPlan, facts: Facts) -> tuple[Condition, ...]:
    nomad, coming = facts.nomad, _successors(plan, facts)
    return (
        has_leader("nomad-leader", "Nomad", nomad.leader),
        all_members("nomad-servers", "Nomad servers", plan.nomad_servers, nomad.members, facts),
        all_voters("nomad-peers", "Nomad", plan.nomad_servers, plan.nomad_expect, nomad, facts, coming),
        autopilot_agrees("nomad-autopilot", "Nomad", nomad.autopilot),
        acls_closed("nomad-acls", "Nomad", nomad),
    )


def _successors(plan: ClusterPlan, facts: Facts) -> frozenset[str | None]:
    """Return the addresses of the droplets that take the place of others."""
    return frozenset(each.new.private_ipv4 for each in unfinished(facts.droplets, plan.cluster))


def consul_catalog(plan: ClusterPlan, facts: Facts) -> Condition:
    """Check that every planned node is in Consul's catalog at its droplet's address and passes serfHealth."""
    catalog, passing = facts.consul.catalog, facts.consul.passing
    if catalog.value is None or passing.value is None:
        return unknown("consul-catalog", catalog.error or passing.error)
    known, well = catalog.value, passing.value
    faults = [
        f"{node.name}: {fault}"
        for node in plan.nodes
        if (fault := catalog_fault(node.name, facts.address(node.name), known, well))
    ]
    return judged("consul-catalog", faults, f"{len(plan.nodes)} of {len(plan.nodes)} nodes pass serfHealth")


def catalog_fault(
    name: str, address: str | None, catalog: Sequence[CatalogNode], passing: Sequence[str]
) -> str | None:
    """Return what is wrong with a node's entry in Consul's catalog; None if nothing is."""
    entry = next((node for node in catalog if node.name == name), None)
    if entry is None:
        return "not in Consul's catalog"
    if entry.address != address:
        return f"Consul's catalog has it at {plain(entry.address)}, {_where_its_droplet_is(address)}"
    return None if name in passing else "its serfHealth check does not pass"


def nomad_clients(plan: ClusterPlan, facts: Facts) -> Condition:
    """Check that every planned client is ready at its droplet's address, eligible, with Consul and drivers."""
    nodes = facts.nomad.nodes
    if nodes.value is None:
        return unknown("nomad-clients", nodes.error)
    known = nodes.value
    found = {node.name: client_fault(node.name, facts.address(node.name), known) for node in plan.nomad_clients}
    faults = {name: fault for name, fault in found.items() if fault}
    count = len(plan.nomad_clients)
    condition = judged(
        "nomad-clients",
        [f"{name}: {fault}" for name, fault in faults.items()],
        f"{count} of {count} clients ready",
    )
    if not faults or set(faults.values()) != {INELIGIBLE}:
        return condition
    ids = [node.id for name in faults if (node := find_client(name, facts.address(name), known))]
    commands = "; ".join(f"nomad node eligibility -enable {node_id}" for node_id in ids)
    return replace(condition, by_choice=True, help=f"to let it take work: {commands}")


def find_client(name: str, address: str | None, nodes: Iterable[NomadNode]) -> NomadNode | None:
    """Return the client with that name and address, preferably ready: an old entry stays "down" for a while."""
    mine = [node for node in nodes if (node.name, node.address) == (name, address)]
    return min(mine, key=lambda node: (node.status != "ready", node.id), default=None)


def client_fault(name: str, address: str | None, nodes: Sequence[NomadNode]) -> str | None:
    """Return why a client is not healthy; None if it is."""
    node = find_client(name, address, nodes)
    if node is None:
        other = next((one for one in nodes if (one.name, one.status) == (name, "ready")), None)
        return (
            f"ready at {plain(other.address)}, {_where_its_droplet_is(address)}"
            if other
            else "not registered in Nomad"
        )
    if node.status != "ready":
        return f"status {node.status}"
    if not node.eligible:
        return INELIGIBLE
    if node.consul_version is None:
        return "does not see its local Consul"
    return _driver_fault(node)


def _driver_fault(node: NomadNode) -> str | None:
    unhealthy = sorted(name for name, healthy in node.drivers.items() if not healthy)
    undetected = [name for name in REQUIRED_DRIVERS if name not in node.drivers]
    if undetected:
        return f"driver {', '.join(undetected)} not detected"
    if unhealthy:
        return f"driver {', '.join(unhealthy)} unhealthy"
    return None


def _where_its_droplet_is(address: str | None) -> str:
    return f"its droplet is at {address}" if address else "it has no droplet with an address"


def _droplet_fault(plan: ClusterPlan, node: Node, facts: Facts) -> str | None:
    holders = without_successors(facts.droplets, plan.cluster)
    there = [droplet for droplet in holders if slot_of(droplet, plan.cluster) == node.slot]
    if not there:
        return f"{node.name}: no droplet"
    if len(there) > 1:
        return f"{node.name}: {len(there)} droplets ({', '.join(str(droplet.id) for droplet in there)})"
    return None if there[0].status == "active" else f"{node.name}: droplet is {there[0].status}"

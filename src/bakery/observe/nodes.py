"""One line per node, planned or found, from the facts."""

from bakery.agents.model import Member
from bakery.cloud.model import Droplet
from bakery.observe.conditions import client_fault, find_client
from bakery.observe.gather import Answer, Facts
from bakery.observe.model import NodeReport
from bakery.plan.model import ClusterPlan, Node
from bakery.plan.tags import role_tag

NONE = "-"


def report_nodes(plan: ClusterPlan, facts: Facts) -> tuple[NodeReport, ...]:
    """The planned nodes in plan order, then the cluster's other droplets by name."""
    planned = {node.name for node in plan.nodes}
    extra = sorted((d for d in facts.droplets if d.name not in planned), key=lambda droplet: droplet.name)
    return (
        *(_planned(node, facts) for node in plan.nodes),
        *(_extra(droplet, plan.cluster, facts) for droplet in extra),
    )


def _planned(node: Node, facts: Facts) -> NodeReport:
    droplet = facts.droplet(node.name)
    consul = _status(node.name, facts.consul.members)
    nomad = _nomad_status(node, facts)
    checks = [droplet is not None and droplet.status == "active", consul == "alive", _passes(node.name, facts)]
    if node.kind.is_nomad_server:
        checks.append(nomad == "alive")
    if node.kind.is_nomad_client:
        checks.append(client_fault(find_client(node.name, facts.nomad.nodes.value or ())) is None)
    return _report(node.name, node.role, droplet, consul=consul, nomad=nomad, healthy=all(checks))


def _extra(droplet: Droplet, cluster: str, facts: Facts) -> NodeReport:
    """A droplet that the plan does not know: reported, never judged healthy."""
    prefix = role_tag(cluster, "")
    roles = [tag.removeprefix(prefix) for tag in droplet.tags if tag.startswith(prefix)]
    consul = _status(droplet.name, facts.consul.members)
    return _report(droplet.name, roles[0] if roles else NONE, droplet, consul=consul, nomad=NONE, healthy=False)


def _report(
    name: str, role: str, droplet: Droplet | None, *, consul: str, nomad: str, healthy: bool
) -> NodeReport:
    return NodeReport(
        name=name,
        role=role,
        droplet_id=droplet.id if droplet else None,
        droplet_status=droplet.status if droplet else "absent",
        public_ipv4=droplet.public_ipv4 if droplet else None,
        private_ipv4=droplet.private_ipv4 if droplet else None,
        consul=consul,
        nomad=nomad,
        healthy=healthy,
    )


def _status(name: str, members: Answer[tuple[Member, ...]]) -> str:
    return next((member.status for member in members.value or () if member.name == name), NONE)


def _nomad_status(node: Node, facts: Facts) -> str:
    if node.kind.is_nomad_client:
        client = find_client(node.name, facts.nomad.nodes.value or ())
        return client.status if client else NONE
    return _status(node.name, facts.nomad.members) if node.kind.is_nomad_server else NONE


def _passes(name: str, facts: Facts) -> bool:
    return name in (facts.consul.catalog.value or ()) and name in (facts.consul.passing.value or ())

"""Report the state of each node from the facts."""

from bakery.agents.model import Member, NomadNode, RaftPeer
from bakery.cloud.model import Droplet
from bakery.observe.conditions import catalog_fault, client_fault, find_client
from bakery.observe.gather import Answer, Facts, ServerFacts
from bakery.observe.ingress import ingress_fault
from bakery.observe.model import NodeReport
from bakery.observe.not_joined import ALIVE
from bakery.plan.model import ClusterPlan, Node
from bakery.plan.tags import generation_of, role_tag

NONE = "-"


def report_nodes(plan: ClusterPlan, facts: Facts) -> tuple[NodeReport, ...]:
    """Return the planned nodes in plan order, then the cluster's other droplets by name."""
    planned = {node.name for node in plan.nodes}
    extra = sorted((d for d in facts.droplets if d.name not in planned), key=lambda droplet: droplet.name)
    return (
        *(_planned(node, plan.cluster, facts) for node in plan.nodes),
        *(_extra(droplet, plan.cluster, facts) for droplet in extra),
    )


def _planned(node: Node, cluster: str, facts: Facts) -> NodeReport:
    droplet = facts.droplet(node.name)
    consul = _status(node.name, droplet, facts.consul.members)
    nomad = _nomad_status(node, droplet, facts)
    kind = node.kind
    consul_vote = _server_vote(droplet, facts.consul) if kind.is_consul_server else None
    nomad_vote = _server_vote(droplet, facts.nomad) if kind.is_nomad_server else None
    checks = [
        droplet is not None and droplet.status == "active",
        consul == "alive",
        _passes(node.name, droplet, facts),
        consul_vote is not False and nomad_vote is not False,
    ]
    if kind.is_nomad_server:
        checks.append(_status(node.name, droplet, facts.nomad.members) == "alive")
    if kind.is_nomad_client:
        checks.append(client_fault(node.name, _address(droplet), facts.nomad.nodes.value or ()) is None)
    if kind.is_ingress:
        checks.append(ingress_fault(node.name, facts.consul.ingress.value or ()) is None)
    return _report(
        node.name,
        node.role,
        droplet,
        cluster,
        consul=consul,
        nomad=nomad,
        votes=(consul_vote, nomad_vote),
        versions=_versions(droplet, facts),
        leads=_leads(droplet, facts),
        healthy=all(checks),
    )


def _extra(droplet: Droplet, cluster: str, facts: Facts) -> NodeReport:
    """Report a droplet beyond the plan. It is never healthy, and its agents may have other names."""
    prefix = role_tag(cluster, "")
    roles = [tag.removeprefix(prefix) for tag in droplet.tags if tag.startswith(prefix)]
    return _report(
        droplet.name,
        roles[0] if roles else NONE,
        droplet,
        cluster,
        consul=_first_status(droplet, facts.consul.members),
        nomad=_first_status(droplet, facts.nomad.members, facts.nomad.nodes),
        votes=(_vote(droplet, facts.consul), _vote(droplet, facts.nomad)),
        versions=_versions(droplet, facts),
        leads=_leads(droplet, facts),
        healthy=False,
    )


def _report(
    name: str,
    role: str,
    droplet: Droplet | None,
    cluster: str,
    *,
    consul: str,
    nomad: str,
    votes: tuple[bool | None, bool | None],
    versions: tuple[str | None, str | None],
    leads: tuple[bool | None, bool | None],
    healthy: bool,
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
        consul_voter=votes[0],
        nomad_voter=votes[1],
        generation=generation_of(droplet.tags, cluster) if droplet else None,
        healthy=healthy,
        consul_version=versions[0],
        nomad_version=versions[1],
        consul_leader=leads[0],
        nomad_leader=leads[1],
    )


def _leads(droplet: Droplet | None, facts: Facts) -> tuple[bool | None, bool | None]:
    """Return whether the droplet leads Consul's Raft, and Nomad's; None where it is not a peer."""
    peers = (_peer(droplet, facts.consul), _peer(droplet, facts.nomad))
    consul, nomad = (peer.leader if peer is not None else None for peer in peers)
    return consul, nomad


def _versions(droplet: Droplet | None, facts: Facts) -> tuple[str | None, str | None]:
    """Return the versions of Consul and Nomad that run on the droplet."""
    if droplet is None:
        return None, None
    return (
        _version(droplet, facts.consul.members),
        _version(droplet, facts.nomad.members, facts.nomad.nodes),
    )


def _version(droplet: Droplet, *answers: Answer[tuple[Member, ...]] | Answer[tuple[NomadNode, ...]]) -> str | None:
    entries = (one for answer in answers for one in answer.value or () if one.address == droplet.private_ipv4)
    return next((one.version for one in entries if one.status in ALIVE), None)


def _status(name: str, droplet: Droplet | None, members: Answer[tuple[Member, ...]]) -> str:
    mine = (name, _address(droplet))
    return next((one.status for one in members.value or () if (one.name, one.address) == mine), NONE)


def _first_status(droplet: Droplet, *answers: Answer[tuple[Member, ...]] | Answer[tuple[NomadNode, ...]]) -> str:
    """Return the status of the entry with the droplet's address, preferring one that is alive or ready."""
    found = [one.status for answer in answers for one in answer.value or () if one.address == droplet.private_ipv4]
    return min(found, key=lambda status: status not in ALIVE, default=NONE)


def _nomad_status(node: Node, droplet: Droplet | None, facts: Facts) -> str:
    """Return the status of the server or client; of a node that is both, the server's until it is alive."""
    server = _status(node.name, droplet, facts.nomad.members) if node.kind.is_nomad_server else NONE
    if not node.kind.is_nomad_client or server not in {"alive", NONE}:
        return server
    client = find_client(node.name, _address(droplet), facts.nomad.nodes.value or ())
    return client.status if client else server


def _vote(droplet: Droplet | None, asked: ServerFacts) -> bool | None:
    """Return whether the droplet's Raft peer votes; None if it is not a peer, or if the query failed."""
    peer = _peer(droplet, asked)
    return peer.voter if peer is not None else None


def _peer(droplet: Droplet | None, asked: ServerFacts) -> RaftPeer | None:
    return next((peer for peer in asked.peers.value or () if peer.address == _address(droplet)), None)


def _server_vote(droplet: Droplet | None, asked: ServerFacts) -> bool | None:
    """Return whether a planned server votes; False if it is not a peer."""
    return None if asked.peers.value is None else bool(_vote(droplet, asked))


def _passes(name: str, droplet: Droplet | None, facts: Facts) -> bool:
    catalog, passing = facts.consul.catalog.value or (), facts.consul.passing.value or ()
    return catalog_fault(name, _address(droplet), catalog, passing) is None


def _address(droplet: Droplet | None) -> str | None:
    return droplet.private_ipv4 if droplet else None

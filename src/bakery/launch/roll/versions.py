"""Checks the versions that new droplets bring against those that run, before the first change of a replacement."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial

from bakery.agents.model import Member, NomadNode
from bakery.cloud.model import Droplet, Image
from bakery.config.hops import Agent, check_hop
from bakery.config.model import Kind
from bakery.config.versions import CONSUL, NOMAD, parse_version
from bakery.errors import AgentError
from bakery.launch.base.agentless import check_agents_exist
from bakery.launch.base.model import LaunchRequest
from bakery.launch.base.patience import persist, reach_patiently
from bakery.launch.base.running import Reached
from bakery.launch.base.session import Session
from bakery.plan.model import ClusterPlan, Node
from bakery.plan.slots import slot_of
from bakery.plan.tags import is_content_tag, role_of_tag, versions_of

ALIVE = {"alive", "ready"}
VERSIONS = "Consul and Nomad to name the versions of their agents"


def versions_in(image: Image, launch: LaunchRequest) -> tuple[str, str] | None:
    """Return the versions of Consul and Nomad in the snapshot; None if they are not known.

    ``launch`` has the cluster file's versions and the newest snapshot of them: a snapshot of the same content has
    the same versions.
    """
    newest = launch.image
    same = {tag for tag in image.tags if is_content_tag(tag)}.intersection(newest.tags if newest else ())
    if same or (newest is not None and newest.id == image.id):
        return launch.plan.consul_version, launch.plan.nomad_version
    return versions_of(image.tags)


def versions_on(
    session: Session, plan: ClusterPlan, image: Image, droplets: Collection[Droplet]
) -> tuple[str, str] | None:
    """Return the versions that the agents of the cluster's droplets from the snapshot report; None if unknown.

    For snapshots of bakery 0.1, which have no tag with their versions.
    """
    reached = reach_patiently(session, plan, droplets)
    consul_api, nomad_api = reached.consul, reached.nomad
    if consul_api is None or nomad_api is None:
        return None
    places = {(droplet.name, droplet.private_ipv4) for droplet in droplets if droplet.image_id == image.id}
    of_nomad: tuple[Member | NomadNode, ...] = persist(
        session, lambda: (*nomad_api.members(), *nomad_api.nodes()), what=VERSIONS
    )
    of_consul = persist(session, consul_api.members, what=VERSIONS)
    consul = {row.version for row in of_consul if (row.name, row.address) in places}
    nomad = {row.version for row in of_nomad if (row.name, row.address) in places}
    found = tuple(version for each in (consul, nomad) if len(each) == 1 for version in each if version)
    return (found[0], found[1]) if len(found) == len((consul, nomad)) else None


def check_versions(
    session: Session,
    plan: ClusterPlan,
    versions: tuple[str, str] | None,
    nodes: Iterable[Node],
    droplets: Collection[Droplet],
) -> None:
    """Check that the droplets of ``nodes`` can be replaced by new ones with ``versions``. Change nothing.

    ``droplets`` are those of the cluster. What does not answer is not checked: the gates refuse a cluster
    without a leader.

    Raises:
        UsageError: the rules of :mod:`bakery.config.hops` forbid it, or droplets do not boot.
    """
    if versions is None:
        return
    reached = reach_patiently(session, plan, droplets)
    if reached == Reached():
        check_agents_exist(session.cloud, plan.region)
    fleet = _Fleet(plan, droplets, {node.slot for node in nodes})
    check_hop(CONSUL, versions[0], persist(session, partial(fleet.of_consul, reached), what=VERSIONS))
    check_hop(NOMAD, versions[1], persist(session, partial(fleet.of_nomad, reached), what=VERSIONS))


def check_joining(
    plan: ClusterPlan, nodes: Sequence[Node], droplets: Collection[Droplet], reached: Reached
) -> None:
    """Check that new droplets of ``nodes`` with the plan's versions can join the cluster of ``droplets``.

    A cluster that does not answer is not checked: a launch is how it comes back.

    Raises:
        UsageError: the rules of :mod:`bakery.config.hops` forbid it.
    """
    if not nodes or not droplets:
        return
    fleet = _Fleet(plan, droplets, ())
    try:
        consul, nomad = fleet.of_consul(reached), fleet.of_nomad(reached)
    except AgentError:
        return
    every = {node.name: node.kind.is_consul_server for node in nodes}
    of_nomad = {node.name: node.kind.is_nomad_server for node in nodes if node.kind.runs_nomad}
    check_hop(CONSUL, plan.consul_version, (*consul, *_joining(every, plan.consul_version)))
    check_hop(NOMAD, plan.nomad_version, (*nomad, *_joining(of_nomad, plan.nomad_version)))


def _joining(servers: Mapping[str, bool], text: str) -> Iterator[Agent]:
    """Yield the agents of new nodes: ``servers`` says by name which are servers."""
    version = parse_version(text)
    if version is not None:
        for name, server in servers.items():
            yield Agent(name=name, version=version, server=server, moves=True)


class _Fleet:
    """The agents of the cluster's droplets, by name and VPC address."""

    def __init__(self, plan: ClusterPlan, droplets: Collection[Droplet], slots: Collection[str]) -> None:
        kinds = {node.role: node.kind for node in plan.nodes}
        self._kinds: dict[tuple[str, str | None], Kind | None] = {}
        self._moving: set[str] = set()
        for droplet in droplets:
            role = role_of_tag(droplet.tags, plan.cluster)
            self._kinds[droplet.name, droplet.private_ipv4] = kinds.get(role or "")
            if slot_of(droplet, plan.cluster) in slots:
                self._moving.add(droplet.name)

    def of_consul(self, reached: Reached) -> tuple[Agent, ...]:
        """Return the Consul agents that are alive."""
        rows = reached.consul.members() if reached.consul is not None else ()
        return self._agents(rows, is_server=lambda kind: kind.is_consul_server)

    def of_nomad(self, reached: Reached) -> tuple[Agent, ...]:
        """Return the Nomad servers that are alive and the clients that are ready."""
        if reached.nomad is None:
            return ()
        servers, clients = reached.nomad.members(), reached.nomad.nodes()
        return (
            *self._agents(servers, is_server=lambda _: True),
            *self._agents(clients, is_server=lambda _: False),
        )

    def _agents(
        self, rows: Iterable[Member | NomadNode], *, is_server: Callable[[Kind], bool]
    ) -> tuple[Agent, ...]:
        found = []
        for row in rows:
            kind, version = self._kinds.get((row.name, row.address)), parse_version(row.version or "")
            if kind is not None and version is not None and row.status in ALIVE:
                moves = row.name in self._moving
                found.append(Agent(name=row.name, version=version, server=is_server(kind), moves=moves))
        return tuple(found)

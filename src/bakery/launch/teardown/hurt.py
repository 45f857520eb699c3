"""What the removal of Nomad clients does to their work: said before the user is asked."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from bakery.agents.interface import NomadApi
from bakery.agents.model import Allocation, NomadNode, TaskGroup
from bakery.cloud.model import Droplet
from bakery.errors import AgentError, UsageError
from bakery.launch.base.model import DrainPolicy
from bakery.launch.base.patience import persist, reach_patiently
from bakery.launch.base.session import Session
from bakery.launch.teardown.moving import name_of
from bakery.launch.teardown.room import without_room
from bakery.plan.model import ClusterPlan
from bakery.plan.tags import role_of_tag

ANSWER = "Nomad to name the work of its clients"
BATCH = ("batch", "sysbatch")


@dataclass(frozen=True, kw_only=True)
class Work:
    """The work of Nomad clients that are to be removed."""

    warnings: tuple[str, ...] = ()
    """What may be lost or interrupted, one line per job and fault, sorted."""
    batch: tuple[str, ...] = ()
    """Batch work that is killed if it does not end by itself (:func:`name_of`), sorted."""
    busy: tuple[str, ...] = ()
    """Names of the clients that have work to move, sorted."""


NO_WORK = Work()


def look_at_work(
    session: Session,
    plan: ClusterPlan,
    going: Iterable[Droplet],
    droplets: Iterable[Droplet],
    policy: DrainPolicy,
    *,
    replaced: bool = False,
) -> Work:
    """Return what becomes of the work of the droplets in ``going``, and of certificates. Change nothing.

    ``droplets`` are those of the cluster. With ``replaced`` each has a successor that takes its work, so whether
    other clients have room is not asked.

    Raises:
        UsageError: a client holds data in host volumes, and ``policy`` does not abandon them.
    """
    leaving = tuple(going)
    work = _work_of_nomad(session, plan, leaving, droplets, policy, replaced=replaced)
    return replace(work, warnings=tuple(sorted((*work.warnings, *certificates_anew(plan, leaving)))))


def certificates_anew(plan: ClusterPlan, going: Iterable[Droplet]) -> tuple[str, ...]:
    """Return a line for each ingress node whose certificates are lost with its disk, so that others are requested.

    Let's Encrypt's limits: https://letsencrypt.org/docs/rate-limits/#new-certificates-per-exact-set-of-identifiers
    """
    ingress, roles = plan.ingress, {node.role for node in plan.ingress_nodes}
    if not ingress.acme_email:
        return ()
    return tuple(
        f"{droplet.name}: its certificates for {', '.join(ingress.domains)} are lost, and its successor requests"
        " new ones; Let's Encrypt issues the same names five times a week"
        for droplet in going
        if role_of_tag(droplet.tags, plan.cluster) in roles
    )


def _work_of_nomad(
    session: Session,
    plan: ClusterPlan,
    going: Iterable[Droplet],
    droplets: Iterable[Droplet],
    policy: DrainPolicy,
    *,
    replaced: bool,
) -> Work:
    places = {(droplet.name, droplet.private_ipv4) for droplet in going}
    nomad = reach_patiently(session, plan, droplets).nomad if places else None
    if nomad is None:
        return NO_WORK
    try:
        nodes = persist(session, nomad.nodes, what=ANSWER)
        leaving = [
            persist(session, partial(_ask, nomad, node), what=ANSWER)
            for node in nodes
            if (node.name, node.address) in places
        ]
        ids = {client.node.id for client in leaving}
        others = [node for node in nodes if node.id not in ids]
        crowded = () if replaced else persist(session, partial(_crowded, nomad, leaving, others), what=ANSWER)
    except AgentError as error:
        return Work(warnings=(f"the work on the clients is not known: {error.full_message}",))
    _check_volumes(leaving, policy)
    if not replaced and not any(node.status == "ready" and node.eligible for node in others):
        policy = replace(policy, drains=False)  # as plan_drain does
    warnings = {*crowded, *(line for client in leaving for line in _warnings(client, policy))}
    busy = sorted(client.node.name for client in leaving if any(map(_moves, client.allocations)))
    batch = {name_of(each) for client in leaving for each in client.allocations if each.job_type in BATCH}
    return Work(warnings=tuple(sorted(warnings)), batch=tuple(sorted(batch)), busy=tuple(busy))


@dataclass(frozen=True, kw_only=True)
class _Client:
    node: NomadNode
    allocations: tuple[Allocation, ...]
    """Those that are to run."""
    volumes: tuple[str, ...]
    """Host volumes with data: the dynamic ones, and those that its work may write."""


def _ask(nomad: NomadApi, node: NomadNode) -> _Client:
    live = tuple(each for each in nomad.allocations(node.id) if each.is_live and each.desired == "run")
    written = {volume for each in live if each.group is not None for volume in each.group.host_volumes}
    volumes = tuple(sorted({*nomad.host_volumes(node.id), *written}))
    return _Client(node=node, allocations=live, volumes=volumes)


def _crowded(nomad: NomadApi, leaving: Iterable[_Client], others: Iterable[NomadNode]) -> tuple[str, ...]:
    services = [each for client in leaving for each in client.allocations if each.job_type == "service"]
    return without_room(services, others, nomad.free_resources()) if services else ()


def _moves(allocation: Allocation) -> bool:
    return allocation.job_type != "system"


def _check_volumes(clients: Iterable[_Client], policy: DrainPolicy) -> None:
    holding = [client for client in clients if client.volumes]
    if policy.abandons_volumes or not holding:
        return
    names = ", ".join(client.node.name for client in holding)
    lines = [f"{client.node.name}: {', '.join(client.volumes)}" for client in holding]
    message = f"host volumes with data would be deleted with {names}"
    hint = "copy their data elsewhere first; to delete it: --abandon-volumes"
    raise UsageError(message=message, details="\n".join(lines), hint=hint)


def _warnings(client: _Client, policy: DrainPolicy) -> Iterator[str]:
    if client.volumes:
        volumes = ", ".join(client.volumes)
        yield f"{client.node.name}: the data of host volume {volumes} is deleted with its droplet"
    yield from warnings_of(client.allocations, policy)


def warnings_of(allocations: Iterable[Allocation], policy: DrainPolicy) -> tuple[str, ...]:
    """Return what may be lost or interrupted when the work moves, one line per job and fault, sorted."""
    lines = _moved if policy.drains else _cut_off
    return tuple(sorted({line for each in allocations if _moves(each) for line in lines(each, policy)}))


def _cut_off(allocation: Allocation, policy: DrainPolicy) -> Iterator[str]:  # noqa: ARG001 - the same as _moved
    if allocation.job_type in BATCH:
        yield f"{name_of(allocation)}: batch work is killed"
    else:
        yield f"{name_of(allocation)}: it is cut off; once Nomad misses its client, it starts where there is room"


def _moved(allocation: Allocation, policy: DrainPolicy) -> Iterator[str]:
    name, group = name_of(allocation), allocation.group
    if allocation.job_type in BATCH:
        yield f"{name}: batch work is killed if it still runs after {policy.seconds} s, the drain deadline"
    if group is None:
        return
    if allocation.job_type == "service":
        yield from _service(name, group)
    if group.migrates_disk:
        yield f"{name}: its disk is copied to its next client, which must be healthy before the droplet is deleted"
    elif group.sticky_disk:
        yield f"{name}: its sticky disk is not migrated, and is deleted with its droplet"


def _service(name: str, group: TaskGroup) -> Iterator[str]:
    if group.count == 1:
        yield f"{name}: with count 1 it stops before its successor runs"
    elif group.max_parallel is not None and group.max_parallel >= group.count:
        yield f"{name}: migrate.max_parallel {group.max_parallel} moves all {group.count} allocations at once"
    if group.has_services and not group.shutdown_delay_seconds:
        yield f"{name}: without shutdown_delay, requests are lost while it is deregistered"

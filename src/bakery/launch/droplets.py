"""Droplets in waves: each asked for once, each next wave told the addresses of the ones before."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bakery.cloud.model import Droplet, DropletRequest
from bakery.errors import BakeryError, DeadlineError, LaunchError, RateLimitedError, UnreachableError
from bakery.launch.model import Changes, Order
from bakery.launch.session import AGAIN, Session, look_until
from bakery.launch.twins import settle_twins
from bakery.plan.model import ClusterPlan, Node, Wave
from bakery.plan.tags import ca_tag, cluster_tag, launch_tag
from bakery.render.model import Join
from bakery.wait import Pending, deadline_factor

CREATE_ROUNDS = 5
Members = Mapping[str, Droplet]
"""Droplets of the cluster by name."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What all droplets of one launch have in common."""

    order: Order
    launch_id: str
    vpc_id: str
    ssh_keys: tuple[int, ...]

    def request(self, node: Node, members: Members) -> DropletRequest:
        plan = self.order.plan
        marks = (launch_tag(plan.cluster, self.launch_id), ca_tag(plan.cluster, self.order.ca_fingerprint))
        return DropletRequest(
            name=node.name,
            region=plan.region,
            size=node.size,
            image=self.order.image.id,
            tags=tuple(dict.fromkeys((*node.tags, cluster_tag(plan.cluster), *marks))),
            vpc_id=self.vpc_id,
            ssh_keys=self.ssh_keys,
            user_data=self.order.user_data(node, join_for(plan, node, members)),
        )


def join_for(plan: ClusterPlan, node: Node, members: Members) -> Join:
    """Every known server's VPC address but the node's own; a server that joins itself would stop looking."""

    def addresses(servers: Iterable[Node]) -> tuple[str, ...]:
        droplets = (members.get(server.name) for server in servers if server.name != node.name)
        return tuple(droplet.private_ipv4 for droplet in droplets if droplet and droplet.private_ipv4)

    return Join(consul=addresses(plan.consul_servers), nomad=addresses(plan.nomad_servers))


def create_droplets(session: Session, recipe: Recipe, changes: Changes) -> dict[str, Droplet]:
    """Create the new nodes, wave by wave. Returns every planned member that is there, by name.

    Raises:
        LaunchError: droplets that the API would not clearly create.
        DeadlineError: a droplet got no VPC address in time; it is marked as failed.
        CloudError: the API refused.
    """
    members = {droplet.name: droplet for droplet in changes.kept}
    _remove(session, changes.replaced)
    for wave in Wave:
        nodes = [node for node in changes.new_nodes if node.wave is wave]
        if nodes:
            servers = _wait_for_servers(session, recipe.order.plan, members)
            members |= servers
            for server in servers.values():
                session.told.setdefault(server.id, set()).update(node.name for node in nodes)
            members |= _create_wave(session, [recipe.request(node, members) for node in nodes])
    return members


def _wait_for_servers(session: Session, plan: ClusterPlan, members: Members) -> Members:
    """The servers among the members, once each has the address that the next wave must be told."""
    names = {node.name for node in (*plan.consul_servers, *plan.nomad_servers)}
    servers = {name: droplet for name, droplet in members.items() if name in names and droplet.status != "off"}
    if all(_has_address(droplet) for droplet in servers.values()):
        return servers
    return _wait_for(session, servers, active=False)


def _remove(session: Session, dead: Iterable[Droplet]) -> None:
    for droplet in dead:
        session.cloud.delete_droplet(droplet.id)
        session.journal.removed(droplet.id)
        session.reporter.node(droplet.name, "removed, to be replaced")


def _create_wave(session: Session, requests: Sequence[DropletRequest]) -> dict[str, Droplet]:
    """Every droplet of the wave, each made once. After an unclear reply the list decides, never a second POST."""
    made: dict[str, Droplet] = {}
    missing = list(requests)
    problem: BakeryError | None = None
    for _ in range(CREATE_ROUNDS):
        outcomes = _ask(session, missing)
        made |= {d.name: d for d in outcomes if isinstance(d, Droplet)}
        problem = next((e for e in outcomes if isinstance(e, BakeryError)), None)
        missing = [request for request in missing if request.name not in made]
        made |= _settle(session, missing)
        missing = [request for request in missing if request.name not in made]
        if not missing:
            return made
    names = ", ".join(request.name for request in missing)
    brief = f"cannot create {names}"
    raise LaunchError(brief, problem.details or str(problem) if problem else None, AGAIN)


def _ask(session: Session, requests: Sequence[DropletRequest]) -> list[Droplet | BakeryError]:
    """One POST each, some at a time. A definite refusal stops those that have not been sent."""
    pool = ThreadPoolExecutor(max_workers=session.workers, thread_name_prefix="create")
    try:
        sent = [pool.submit(_ask_one, session, request) for request in requests]
        return [future.result() for future in sent]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _ask_one(session: Session, request: DropletRequest) -> Droplet | BakeryError:
    """The droplet, or the error after which nobody knows yet whether there is one."""
    session.journal.asking(request.name, session.wall())
    try:
        droplet = session.cloud.create_droplet(request)
    except UnreachableError as error:
        return error
    except RateLimitedError as error:
        session.journal.settled(request.name)
        return error
    except BakeryError:
        session.journal.settled(request.name)
        raise
    session.journal.created(request.name, droplet.id, session.wall())
    session.reporter.node(request.name, "requested")
    return droplet


def _settle(session: Session, missing: Iterable[DropletRequest]) -> dict[str, Droplet]:
    unclear = {r.name: s.at for r in missing if (s := session.journal.now.request(r.name)) is not None}
    return find_unclear(session, unclear)


def find_unclear(session: Session, unclear: Mapping[str, float]) -> dict[str, Droplet]:
    """Droplets asked for (name to epoch seconds) without a clear reply, as far as lists come to show them.

    The list is by the cluster's tag, which every droplet has from its creation, as it has the launch's.
    """
    if not unclear:
        return {}
    found: dict[str, Droplet] = {}

    def find() -> bool | None:
        for droplet in list_members(session):
            if droplet.name in unclear:
                found.setdefault(droplet.name, droplet)
        return True if len(found) == len(unclear) else None

    look_until(session, ", ".join(sorted(unclear)), find, since=max(unclear.values()))
    for name, droplet in found.items():
        session.journal.created(name, droplet.id, session.wall())
    for name in unclear.keys() - found.keys():
        session.journal.settled(name)
    return found


def list_members(session: Session) -> tuple[Droplet, ...]:
    """The cluster's droplets, oldest first, without those bakery has deleted."""
    gone = set(session.journal.now.gone)
    droplets = session.cloud.list_droplets(tag=cluster_tag(session.cluster))
    return tuple(sorted((d for d in droplets if d.id not in gone), key=lambda droplet: droplet.id))


def _has_address(droplet: Droplet) -> bool:
    return droplet.private_ipv4 is not None


def _is_active(droplet: Droplet) -> bool:
    return droplet.status == "active" and droplet.private_ipv4 is not None


def _wait_for(session: Session, droplets: Members, *, active: bool) -> dict[str, Droplet]:
    """List the cluster until each of ``droplets`` is active, or has its VPC address: one request per look.

    Raises:
        DeadlineError: names the droplets; the journal marks them as failed, so that the next run replaces them.
    """
    timings = session.timings
    seconds, every = (timings.active, timings.active_poll) if active else (timings.address, timings.poll)
    done, lacking = (_is_active, "not active") if active else (_has_address, "no VPC address")
    members = dict(droplets)
    late = dict(droplets)

    def check() -> dict[str, Droplet] | Pending:
        listed = list_members(session)
        members.update(settle_twins(session, members, listed))
        late.update({name: members[name] for name in late})
        ids = {droplet.id: name for name, droplet in members.items()}
        seen = {ids[d.id]: d for d in listed if d.id in ids}
        for name in [name for name in late if name in seen and done(seen[name])]:
            del late[name]
            session.reporter.node(name, "active" if active else "has its address")
        if late:
            states = (f"{name} is {seen[name].status if name in seen else 'not listed'}" for name in late)
            return Pending(", ".join(states))
        return seen

    try:
        return session.wait(check, what=", ".join(droplets), seconds=seconds, every=every)
    except DeadlineError as error:
        session.journal.failed({name: droplet.id for name, droplet in late.items()}, session.wall())
        names = ", ".join(late)
        brief = f"{names}: {lacking} after {seconds * deadline_factor():.0f} s"
        hint = f"run the same command again: it replaces only {names}"
        raise DeadlineError(brief, error.details, hint) from None


def wait_until_active(session: Session, members: Members, names: Iterable[str]) -> dict[str, Droplet]:
    """Wait for those of ``names`` on their way; one that somebody switched off is reported, not waited for.

    Returns all ``members``.
    """
    down = {name: members[name] for name in names if not _is_active(members[name])}
    for name, droplet in down.items():
        if droplet.status == "off":
            session.reporter.warn(f"{name} is switched off")
    coming = {name: droplet for name, droplet in down.items() if droplet.status != "off"}
    if not coming:
        return dict(members)
    return {**members, **_wait_for(session, coming, active=True)}

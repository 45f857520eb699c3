"""Droplets in waves: each asked for once, each next wave told the addresses of the ones before."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bakery.cloud.model import Droplet, DropletRequest
from bakery.errors import BakeryError, DeadlineError, LaunchError, RateLimitedError, UnreachableError
from bakery.launch.base.members import Members, find_unclear, list_members, members_of
from bakery.launch.base.model import Changes, Order
from bakery.launch.base.session import AGAIN, Session
from bakery.launch.converge.formed import Formed
from bakery.launch.converge.twins import settle_twins
from bakery.plan.model import ClusterPlan, Node, Wave
from bakery.plan.slots import slot_of
from bakery.plan.tags import ca_tag, cluster_tag, launch_tag
from bakery.render.model import Join
from bakery.wait import Pending, deadline_factor

CREATE_ROUNDS = 5


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What all droplets of one launch have in common."""

    order: Order
    launch_id: str
    vpc_id: str
    ssh_keys: tuple[int, ...]
    formed: Formed
    """What the cluster had before this launch."""

    def request(self, node: Node, members: Members) -> DropletRequest:
        plan = self.order.plan
        marks = (launch_tag(plan.cluster, self.launch_id), ca_tag(plan.cluster, self.order.ca_fingerprint))
        return DropletRequest(
            name=node.name,
            region=plan.region,
            size=node.size,
            image=self.order.image_id,
            tags=tuple(dict.fromkeys((*node.tags, cluster_tag(plan.cluster), *marks))),
            vpc_id=self.vpc_id,
            ssh_keys=self.ssh_keys,
            user_data=self.order.user_data(node, join_for(plan, node, members, self.formed)),
        )


def join_for(plan: ClusterPlan, node: Node, members: Members, formed: Formed) -> Join:
    """Every known server's VPC address but the node's own; a server that joins itself would stop looking."""

    def addresses(servers: Iterable[Node]) -> tuple[str, ...]:
        droplets = (members.get(server.slot) for server in servers if server.slot != node.slot)
        return tuple(droplet.private_ipv4 for droplet in droplets if droplet and droplet.private_ipv4)

    return Join(
        consul=addresses(plan.consul_servers),
        nomad=addresses(plan.nomad_servers),
        forms_consul=not formed.consul,
        forms_nomad=not formed.nomad,
    )


def create_droplets(session: Session, recipe: Recipe, changes: Changes) -> dict[str, Droplet]:
    """Create the new nodes, wave by wave. Returns every planned member that is there, by slot.

    Raises:
        LaunchError: droplets that the API would not clearly create.
        DeadlineError: a droplet got no VPC address in time; it is marked as failed.
        CloudError: the API refused.
    """
    members = members_of(session, changes.kept)
    _remove(session, changes.replaced)
    for wave in Wave:
        nodes = [node for node in changes.new_nodes if node.wave is wave]
        if nodes:
            servers = _wait_for_servers(session, recipe.order.plan, members)
            members |= servers
            for server in servers.values():
                session.told.setdefault(server.id, set()).update(node.slot for node in nodes)
            members |= _create_wave(session, {node.slot: recipe.request(node, members) for node in nodes})
    return members


def _wait_for_servers(session: Session, plan: ClusterPlan, members: Members) -> Members:
    """The servers among the members, once each has the address that the next wave must be told."""
    slots = {node.slot for node in (*plan.consul_servers, *plan.nomad_servers)}
    servers = {slot: droplet for slot, droplet in members.items() if slot in slots and droplet.status != "off"}
    if all(_has_address(droplet) for droplet in servers.values()):
        return servers
    return _wait_for(session, servers, active=False)


def _remove(session: Session, dead: Iterable[Droplet]) -> None:
    droplets = tuple(dead)
    session.journal.never_joined(slot_of(droplet, session.cluster) for droplet in droplets)
    for droplet in droplets:
        session.cloud.delete_droplet(droplet.id)
        session.journal.removed(droplet.id)
        session.reporter.node(droplet.name, "removed, to be replaced")


def _create_wave(session: Session, requests: Mapping[str, DropletRequest]) -> dict[str, Droplet]:
    """The wave by slot, each droplet made once. After an unclear reply the list decides, never a second POST."""
    made: dict[str, Droplet] = {}
    missing = dict(requests)
    problem: BakeryError | None = None
    for _ in range(CREATE_ROUNDS):
        outcomes = dict(zip(missing, _ask(session, missing), strict=True))
        made |= {slot: outcome for slot, outcome in outcomes.items() if isinstance(outcome, Droplet)}
        problem = next((o for o in outcomes.values() if isinstance(o, BakeryError)), None)
        made |= _settle(session, missing.keys() - made.keys())
        missing = {slot: request for slot, request in missing.items() if slot not in made}
        if not missing:
            return made
    names = ", ".join(request.name for request in missing.values())
    message = f"cannot create {names}"
    raise LaunchError(message=message, details=problem.details or str(problem) if problem else None, hint=AGAIN)


def _ask(session: Session, requests: Mapping[str, DropletRequest]) -> list[Droplet | BakeryError]:
    """One POST each, some at a time. A definite refusal stops those that have not been sent."""
    pool = ThreadPoolExecutor(max_workers=session.workers, thread_name_prefix="create")
    try:
        sent = [pool.submit(_ask_one, session, slot, request) for slot, request in requests.items()]
        return [future.result() for future in sent]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _ask_one(session: Session, slot: str, request: DropletRequest) -> Droplet | BakeryError:
    """The droplet, or the error after which it is not known yet whether there is one."""
    session.journal.asking(slot, session.wall())
    try:
        droplet = session.cloud.create_droplet(request)
    except UnreachableError as error:
        return error
    except RateLimitedError as error:
        session.journal.settled(slot)
        return error
    except BakeryError:
        session.journal.settled(slot)
        raise
    session.journal.created(slot, droplet.id, session.wall())
    session.reporter.node(request.name, "requested")
    return droplet


def _settle(session: Session, slots: Iterable[str]) -> dict[str, Droplet]:
    asked = (session.journal.now.request(slot) for slot in slots)
    return find_unclear(session, {request.what: request.at for request in asked if request is not None})


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
        late.update({slot: members[slot] for slot in late})
        ids = {droplet.id: slot for slot, droplet in members.items()}
        seen = {ids[d.id]: d for d in listed if d.id in ids}
        for slot in [slot for slot in late if slot in seen and done(seen[slot])]:
            session.reporter.node(late.pop(slot).name, "active" if active else "has its address")
        if late:
            listed_as = {slot: seen[slot].status if slot in seen else "not listed" for slot in late}
            return Pending(", ".join(f"{late[slot].name} is {status}" for slot, status in listed_as.items()))
        return seen

    names = ", ".join(droplet.name for droplet in droplets.values())
    try:
        return session.wait(check, what=names, seconds=seconds, every=every)
    except DeadlineError as error:
        session.journal.failed({slot: droplet.id for slot, droplet in late.items()}, session.wall())
        names = ", ".join(droplet.name for droplet in late.values())
        message = f"{names}: {lacking} after {seconds * deadline_factor():.0f} s"
        hint = f"run the same command again: it replaces only {names}"
        raise DeadlineError(message=message, details=error.details, hint=hint) from None


def wait_until_active(session: Session, members: Members, slots: Iterable[str]) -> dict[str, Droplet]:
    """Wait for those of ``slots`` on their way; one that somebody switched off is reported, not waited for.

    Returns all ``members``.
    """
    down = {slot: members[slot] for slot in slots if not _is_active(members[slot])}
    for droplet in down.values():
        if droplet.status == "off":
            session.reporter.warn(f"{droplet.name} is switched off")
    coming = {slot: droplet for slot, droplet in down.items() if droplet.status != "off"}
    if not coming:
        return dict(members)
    return {**members, **_wait_for(session, coming, active=True)}

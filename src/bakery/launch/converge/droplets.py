"""Creates droplets in waves, each droplet once. Each wave gets the addresses of the earlier waves' servers."""

import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from bakery.cloud.model import Droplet, DropletRequest
from bakery.errors import BakeryError, DeadlineError, LaunchError, RateLimitedError, UnreachableError
from bakery.launch.base.members import Members, find_unconfirmed, list_members, members_of
from bakery.launch.base.model import Changes, LaunchRequest
from bakery.launch.base.session import RERUN_HINT, Session
from bakery.launch.converge.duplicates import our_duplicates, resolve_duplicates
from bakery.launch.converge.formed import Formed
from bakery.plan.model import ClusterPlan, Node, Wave
from bakery.plan.slots import slot_of
from bakery.plan.tags import ca_tag, cluster_tag, config_tag, generation_tag, launch_tag
from bakery.render.digest import config_digest
from bakery.render.model import Join
from bakery.wait import Pending, deadline_factor

CREATE_ROUNDS = 5
SKIPPED_POLLS = 2
"""Polls of a wait for active droplets that read no list: their pauses are short, and no agent runs before."""


@dataclass(frozen=True, kw_only=True)
class DropletTemplate:
    """What the droplet requests of one launch have in common."""

    launch: LaunchRequest
    launch_id: str
    vpc_id: str
    ssh_keys: tuple[int, ...]
    formed: Formed
    """Whether Consul and Nomad had formed before this launch."""

    def request(self, node: Node, members: Members) -> DropletRequest:
        """Return the request for the node's droplet; ``members`` are the droplets that exist."""
        plan = self.launch.plan
        own = (
            launch_tag(plan.cluster, self.launch_id),
            ca_tag(plan.cluster, self.launch.ca_fingerprint),
            generation_tag(plan.cluster, self.launch.generation),
            config_tag(plan.cluster, config_digest(plan, node)),
        )
        return DropletRequest(
            name=node.name,
            region=plan.region,
            size=node.size,
            image=self.launch.image_id,
            tags=tuple(dict.fromkeys((*node.tags, cluster_tag(plan.cluster), *own))),
            vpc_id=self.vpc_id,
            ssh_keys=self.ssh_keys,
            user_data=self.launch.user_data(node, join_for(plan, node, members, self.formed)),
        )


def join_for(plan: ClusterPlan, node: Node, members: Members, formed: Formed) -> Join:
    """Return the VPC addresses of all known servers except the node itself: a self-join ends the retries."""

    def addresses(servers: Iterable[Node]) -> tuple[str, ...]:
        droplets = (members.get(server.slot) for server in servers if server.slot != node.slot)
        return tuple(droplet.private_ipv4 for droplet in droplets if droplet and droplet.private_ipv4)

    return Join(
        consul=addresses(plan.consul_servers),
        nomad=addresses(plan.nomad_servers),
        forms_consul=not formed.consul,
        forms_nomad=not formed.nomad,
    )


def create_droplets(session: Session, template: DropletTemplate, changes: Changes) -> dict[str, Droplet]:
    """Create the new nodes, wave by wave. Return every planned droplet that exists, by slot.

    Raises:
        LaunchError: the API gave no clear reply to the requests for some droplets.
        DeadlineError: a droplet got no VPC address in time; the journal records it as failed.
        CloudError: the API refused.
    """
    members = members_of(session, changes.unchanged)
    _remove(session, changes.replaced)
    for wave in Wave:
        nodes = [node for node in changes.new_nodes if node.wave is wave]
        if nodes:
            members |= _wait_for_servers(session, template.launch.plan, members)
            for server in _servers(template.launch.plan, members).values():
                session.addresses_given_to.setdefault(server.id, set()).update(node.slot for node in nodes)
            members |= _create_wave(session, {node.slot: template.request(node, members) for node in nodes})
    return members


def _wait_for_servers(session: Session, plan: ClusterPlan, members: Members) -> Members:
    """Wait until each server has its VPC address, which the next wave needs.

    Return what the API showed meanwhile, by slot.
    """
    servers = _servers(plan, members)
    if all(_has_address(droplet) for droplet in servers.values()):
        return servers
    return _wait_for(session, members, servers, active=False)


def _servers(plan: ClusterPlan, members: Members) -> Members:
    slots = {node.slot for node in (*plan.consul_servers, *plan.nomad_servers)}
    return {slot: droplet for slot, droplet in members.items() if slot in slots and droplet.status != "off"}


def _remove(session: Session, replaced: Iterable[Droplet]) -> None:
    droplets = tuple(replaced)
    session.journal.record_never_joined(slot_of(droplet, session.cluster) for droplet in droplets)
    for droplet in droplets:
        session.cloud.delete_droplet(droplet.id)
        session.journal.record_deleted(droplet.id)
        session.reporter.node(droplet.name, "removed, to be replaced")


def _create_wave(session: Session, requests: Mapping[str, DropletRequest]) -> dict[str, Droplet]:
    """Create the droplets of a wave, each once, and return them by slot.

    After an unclear reply the API's list decides whether the droplet exists, never a second POST.
    """
    made: dict[str, Droplet] = {}
    missing = dict(requests)
    problem: BakeryError | None = None
    for _ in range(CREATE_ROUNDS):
        outcomes = dict(zip(missing, _send(session, missing), strict=True))
        made |= {slot: outcome for slot, outcome in outcomes.items() if isinstance(outcome, Droplet)}
        problem = next((o for o in outcomes.values() if isinstance(o, BakeryError)), None)
        made |= _find_unconfirmed(session, missing.keys() - made.keys())
        missing = {slot: request for slot, request in missing.items() if slot not in made}
        if not missing:
            return made
    names = ", ".join(request.name for request in missing.values())
    message = f"cannot create {names}"
    raise LaunchError(
        message=message, details=problem.details or str(problem) if problem else None, hint=RERUN_HINT
    )


def _send(session: Session, requests: Mapping[str, DropletRequest]) -> list[Droplet | BakeryError]:
    """Send the requests in this order, ``session.workers`` at a time. If the API refuses one, send no more."""
    free = threading.Semaphore(session.workers)
    sent: list[Future[Droplet | BakeryError]] = []
    with ThreadPoolExecutor(max_workers=session.workers, thread_name_prefix="create") as pool:
        for slot, request in requests.items():
            free.acquire()
            if any(future.done() and future.exception() for future in sent):
                break
            session.journal.record_create(slot, session.wall())
            sent.append(pool.submit(_send_one, session, slot, request))
            sent[-1].add_done_callback(lambda _: free.release())
        # Here, inside the block: after a signal its end waits for the replies of the requests that were sent.
        return [future.result() for future in sent]


def _send_one(session: Session, slot: str, request: DropletRequest) -> Droplet | BakeryError:
    """Create a droplet. Return it, or the error after which the droplet may or may not exist."""
    try:
        droplet = session.cloud.create_droplet(request)
    except UnreachableError as error:
        return error
    except RateLimitedError as error:
        session.journal.resolve(slot)
        return error
    except BakeryError:
        session.journal.resolve(slot)
        raise
    session.journal.record_created(slot, droplet.id, session.wall())
    session.reporter.node(request.name, "requested")
    return droplet


def _find_unconfirmed(session: Session, slots: Iterable[str]) -> dict[str, Droplet]:
    asked = (session.journal.now.request(slot) for slot in slots)
    return find_unconfirmed(session, {request.what: request.at for request in asked if request is not None})


def _has_address(droplet: Droplet) -> bool:
    return droplet.private_ipv4 is not None


def _is_active(droplet: Droplet) -> bool:
    return droplet.status == "active" and droplet.private_ipv4 is not None


def _wait_for(session: Session, known: Members, droplets: Members, *, active: bool) -> dict[str, Droplet]:
    """List the cluster's droplets until each of ``droplets`` is active, or has its VPC address.

    Return those of ``known`` that the last list has. ``droplets`` are some of them. They are as the API has just
    shown them, so the first list is read after a pause.

    Raises:
        DeadlineError: some are not; the journal records them as failed, so that the next run replaces them.
    """
    timings = session.timings
    seconds = timings.active if active else timings.address
    done, lacking = (_is_active, "not active") if active else (_has_address, "no VPC address")
    members = dict(known)
    late: dict[str, Droplet] = dict(droplets)
    other = {slot: droplet for slot, droplet in known.items() if slot not in late and not _is_active(droplet)}
    skipped = SKIPPED_POLLS if active else 1

    def reached() -> tuple[Droplet, ...] | Pending:
        nonlocal skipped
        if skipped:
            skipped -= 1
            return Pending(f"{', '.join(droplet.name for droplet in late.values())}: {lacking}")
        listed = list_members(session)
        if our_duplicates(session, members, listed):
            return listed
        seen = _by_slot(members, listed)
        for slot in [slot for slot in late if slot in seen and done(seen[slot])]:
            session.reporter.node(late.pop(slot).name, "active" if _is_active(seen[slot]) else "has its address")
        for slot in [slot for slot in other if active and slot in seen and _is_active(seen[slot])]:
            session.reporter.node(other.pop(slot).name, "active")
        if late:
            listed_as = {slot: seen[slot].status if slot in seen else "not listed" for slot in late}
            return Pending(", ".join(f"{late[slot].name} is {status}" for slot, status in listed_as.items()))
        return listed

    def resolve(listed: tuple[Droplet, ...]) -> bool:
        if not our_duplicates(session, members, listed):
            return False
        members.update(resolve_duplicates(session, members, listed))
        late.update({slot: members[slot] for slot in late})
        return True

    names = ", ".join(droplet.name for droplet in droplets.values())
    try:
        listed = session.wait_and_resolve(reached, resolve, what=names, seconds=seconds, every=timings.wave_poll)
        return _by_slot(members, listed)
    except DeadlineError as error:
        session.journal.record_failed({slot: droplet.id for slot, droplet in late.items()}, session.wall())
        names = ", ".join(droplet.name for droplet in late.values())
        message = f"{names}: {lacking} after {seconds * deadline_factor():.0f} s"
        hint = f"run the same command again: it replaces only {names}"
        raise DeadlineError(message=message, details=error.details, hint=hint) from None


def _by_slot(members: Members, listed: Iterable[Droplet]) -> dict[str, Droplet]:
    """Return the members as the API lists them now."""
    slots = {droplet.id: slot for slot, droplet in members.items()}
    return {slots[droplet.id]: droplet for droplet in listed if droplet.id in slots}


def wait_until_active(session: Session, members: Members, slots: Iterable[str]) -> dict[str, Droplet]:
    """Wait until the droplets in ``slots`` are active. Warn of one that is switched off; do not wait for it.

    Return all ``members``.
    """
    down = {slot: members[slot] for slot in slots if not _is_active(members[slot])}
    for droplet in down.values():
        if droplet.status == "off":
            session.reporter.warn(f"{droplet.name} is switched off")
    coming = {slot: droplet for slot, droplet in down.items() if droplet.status != "off"}
    if not coming:
        return dict(members)
    with session.reporter.step("Active droplets"):
        return {**members, **_wait_for(session, members, coming, active=True)}

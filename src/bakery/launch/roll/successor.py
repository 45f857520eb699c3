"""Creates the successor of a node: one droplet in the same slot, with a name of its own, that joins the others."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bakery.cloud.model import Droplet, DropletRequest
from bakery.errors import DeadlineError
from bakery.hints import Command, Hint
from bakery.launch.base.members import list_members
from bakery.launch.base.model import LaunchRequest, Present
from bakery.launch.base.ownership import new_launch_id
from bakery.launch.base.session import Session, create_once, poll_listing
from bakery.launch.converge.droplets import DropletTemplate
from bakery.launch.converge.formed import Formed
from bakery.launch.converge.keys import throwaway_key
from bakery.launch.converge.preflight import ssh_key_ids
from bakery.launch.roll.model import Target
from bakery.plan.slots import later_name, slot_of
from bakery.plan.successors import without_successors
from bakery.plan.tags import launch_tag, launches_of, replaced_by, replaces_tag
from bakery.wait import Pending

FORMED = Formed(consul=True, nomad=True)


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where a successor is created, and from what."""

    launch: LaunchRequest
    """Its plan has the names that the droplets have."""
    present: Present
    vpc_id: str


def what_of(slot: str) -> str:
    """Return the journal's name of the request for the successor in the slot."""
    return f"successor {slot}"


def create_successor(session: Session, site: Site, target: Target, old: Droplet) -> Droplet:
    """Create the successor of ``old`` exactly once, also after a crash, and return it."""
    run_id, slot = new_launch_id(), target.node.slot
    session.journal.record_launches(launches_of(site.present.droplets, session.cluster) | {run_id})
    with throwaway_key(session, site.launch.throwaway_public_key, run_id) as key_id:
        keys = (key_id, *ssh_key_ids(site.launch.plan, site.present))
        template = DropletTemplate(
            launch=site.launch, launch_id=run_id, vpc_id=site.vpc_id, ssh_keys=keys, formed=FORMED
        )
        request = _request(template, target, old, site.present.droplets)
        new = create_once(
            session,
            what_of(slot),
            find=lambda: find_successor(session, old.id),
            create=lambda: session.cloud.create_droplet(request),
        )
        session.journal.record_created(what_of(slot), new.id, session.wall())
    session.reporter.node(new.name, "requested")
    return new


def find_requested(session: Session, target: Target) -> Target:
    """Return the target with the successor that an earlier run requested, if that run saw no clear reply."""
    request = session.journal.now.request(what_of(target.node.slot))
    if target.new is not None or target.old is None or request is None:
        return target
    found = poll_listing(session, request.what, lambda: find_successor(session, target.old_id), since=request.at)
    return replace(target, new=found)


def find_successor(session: Session, old_id: int) -> Droplet | None:
    """Return the droplet that the API lists as the successor of ``old_id``."""
    listed = list_members(session)
    return next((droplet for droplet in listed if replaced_by(droplet.tags, session.cluster) == old_id), None)


def _request(
    template: DropletTemplate, target: Target, old: Droplet, droplets: Iterable[Droplet]
) -> DropletRequest:
    """Return the request. The successor joins every server, its predecessor too, and has its launch tags.

    A launch tag is how a destroy without a journal knows the firewalls and the VPC.
    """
    cluster = template.launch.plan.cluster
    there = without_successors(droplets, cluster)
    name = later_name(target.node.slot, template.launch_id)
    # With a slot of its own the node does not count as the server in the predecessor's slot, which it joins.
    members = {slot_of(droplet, cluster): droplet for droplet in there}
    made = template.request(replace(target.node, slot=name, name=name), members)
    launches = (launch_tag(cluster, launch_id) for launch_id in sorted(launches_of([old], cluster)))
    return replace(made, tags=tuple(dict.fromkeys((*made.tags, *launches, replaces_tag(cluster, old.id)))))


def wait_until_active(session: Session, target: Target, new: Droplet) -> tuple[Droplet, ...]:
    """Wait until the successor is active and has its addresses. Return the cluster's droplets.

    ``new`` is what the API answered last: if it is ``new`` there, the first look comes after a pause.

    Raises:
        DeadlineError: it is not; the journal records it as failed.
    """
    known = new.status == "new"

    def check() -> tuple[Droplet, ...] | Pending:
        nonlocal known
        if known:
            known = False
            return Pending(f"{new.name} is new")
        droplets = list_members(session)
        listed = next((droplet for droplet in droplets if droplet.id == new.id), None)
        if listed is None:
            return Pending(f"{new.name} is not listed")
        if listed.status != "active" or listed.private_ipv4 is None:
            return Pending(f"{new.name} is {listed.status}")
        return droplets

    timings = session.timings
    try:
        found = session.wait(check, what=new.name, seconds=timings.active, every=timings.successor_poll)
    except DeadlineError as error:
        session.journal.record_failed({what_of(target.node.slot): new.id}, session.wall())
        raise never_came(target, new, error) from None
    session.reporter.node(new.name, "active")
    return found


def never_came(target: Target, new: Droplet, error: DeadlineError, further: Sequence[str] = ()) -> DeadlineError:
    """Return the error of a replacement whose successor is not fit in time; ``further`` are lines of details."""
    message = f"{new.name} is not fit to take the place of {target.name}, which is untouched"
    again = Command("replace", target.name)
    hint = Hint("to continue: ", again, "; to give up: ", Command("destroy", "--node", new.name))
    details = "\n".join([str(error.details or error.message), *further])
    return DeadlineError(message=message, details=details, hint=hint)


def is_useless(session: Session, launch: LaunchRequest, target: Target, droplets: Iterable[Droplet]) -> bool:
    """Whether an earlier run gave up the successor, and it has neither become active nor joined since.

    ``droplets`` are those of the cluster.
    """
    new, journal = target.new, session.journal.now
    if new is None or new.id in journal.leaving:
        return new is not None
    request = journal.request(what_of(target.node.slot))
    if request is None or request.droplet_id != new.id:
        return False
    return (request.failed and new.status == "new") or (
        request.not_joined and has_not_joined(launch, target, droplets)
    )


def has_not_joined(launch: LaunchRequest, target: Target, droplets: Iterable[Droplet]) -> bool:
    """Whether the successor runs and neither Consul nor Nomad lists it. Asks the cluster."""
    others = tuple(droplet for droplet in droplets if droplet.id != target.old_id)
    return target.new is not None and target.new.name in launch.find_not_joined(others)

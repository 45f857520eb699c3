"""Whether one more droplet is possible: asked before the first change of a replacement."""

from dataclasses import replace

from bakery.cloud.model import Droplet
from bakery.errors import UsageError
from bakery.hints import Command
from bakery.launch.base.members import complete_listing
from bakery.launch.base.model import LaunchRequest, Obstacle, Present
from bakery.launch.base.session import Session
from bakery.launch.converge.changes import compare
from bakery.launch.converge.preflight import DROPLET_LIMIT, check_trust, find_obstacles, survey
from bakery.launch.converge.prepare import check_user_data_renders
from bakery.launch.converge.unfinished import REPLACEMENT_UNFINISHED
from bakery.launch.converge.verdict import refusal
from bakery.launch.roll.model import Target


def look(session: Session, launch: LaunchRequest) -> Present:
    """Read the account.

    Raises:
        CredentialsError: another CA made the certificates of the cluster's droplets, or they have later secrets.
    """
    listed = survey(session.cloud, session.cluster)
    present = replace(listed, droplets=complete_listing(session, listed.droplets))
    check_trust(present.droplets, session.cluster, launch.ca_fingerprint, launch.generation)
    return present


def with_droplets(present: Present, droplets: tuple[Droplet, ...]) -> Present:
    """Return the account with these droplets of the cluster, and as many others as before."""
    more = len(droplets) - len(present.droplets)
    return replace(
        present,
        droplets=droplets,
        account_droplets=present.account_droplets + more,
        vpc_members=present.vpc_members + more,
    )


def one_more(session: Session, launch: LaunchRequest, present: Present, target: Target) -> str:
    """Check that the account can hold the successor, if there is none yet. Return the id of the VPC.

    Raises:
        UsageError: the droplet limit, a size, the snapshot, the region or a key stands in the way, or user-data
            cannot be rendered.
        CredentialsError: the credentials of a container registry are not there.
    """
    changes = compare(launch.plan, present, admin_cidrs=launch.admin_cidrs, image=launch.image)
    coming = (target.node,) if target.new is None else ()
    found = find_obstacles(
        launch.plan,
        present,
        replace(changes, new_nodes=coming, replaced=()),
        session.journal.now,
        image=launch.image,
        only_role=None,
    )
    obstacles = [_worded(each, present) for each in found if each.code != REPLACEMENT_UNFINISHED]
    if obstacles:
        raise refusal(obstacles)
    check_user_data_renders(launch, replace(changes, new_nodes=coming))
    if changes.vpc is None:
        message = f"cluster {session.cluster} has no VPC {launch.plan.vpc_name}"
        raise UsageError(message=message, hint=Command("launch"))
    return changes.vpc.id


def _worded(obstacle: Obstacle, present: Present) -> Obstacle:
    """Return the obstacle; one of the droplet limit in the words of a replacement."""
    if obstacle.code != DROPLET_LIMIT:
        return obstacle
    have, limit = present.account_droplets, present.account.droplet_limit
    message = f"a replacement needs one more droplet for a while: the account has {have}, and may have {limit}"
    hint = "remove other droplets, scale a role down, or ask DigitalOcean for a higher droplet limit"
    return replace(obstacle, message=message, hint=hint)

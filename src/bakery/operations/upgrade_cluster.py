"""Upgrade: the snapshot of the cluster file's versions, found or baked, then a roll to it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from bakery.bake.model import BakeRequest
from bakery.cloud.model import Image
from bakery.errors import UsageError
from bakery.hints import Command, Hint
from bakery.launch.base.model import DrainPolicy
from bakery.launch.base.session import Session, exclusive, resumable
from bakery.launch.converge.snapshot import unbaked_snapshot
from bakery.launch.roll.model import Replaced, RollRequest
from bakery.launch.roll.need import Because
from bakery.launch.roll.roll import RollPlan, check_roll, plan_roll
from bakery.launch.roll.versions import check_versions
from bakery.operations.bake_image import BakePlan, bake_image, plan_bake
from bakery.operations.cluster import running_cluster
from bakery.operations.context import Context, open_session
from bakery.operations.credentials import load_credentials
from bakery.operations.droplets import list_droplets
from bakery.operations.replace_node import replace_request
from bakery.operations.roll_cluster import roll_locked
from bakery.plan.build import build_plan


@dataclass(frozen=True, kw_only=True)
class UpgradeRequest:
    """How to upgrade the cluster to the versions of its cluster file."""

    bake: BakeRequest
    drain: DrainPolicy


@dataclass(frozen=True, kw_only=True)
class UpgradePlan:
    """What an upgrade will do."""

    bake: BakePlan
    roll: RollPlan


@dataclass(frozen=True, kw_only=True)
class Upgraded:
    """What an upgrade has done."""

    baked: Image | None
    """None if there was a snapshot with these versions."""
    replaced: tuple[Replaced, ...]


ApproveUpgrade = Callable[[UpgradePlan], None]
"""Called before the first change, if there is one; raises to stop."""


def plan_upgrade(context: Context, request: UpgradeRequest) -> UpgradePlan:
    """Find out what an upgrade to the versions of ``context.config`` will do. Change nothing.

    Raises:
        LockedError: another bakery works on this cluster.
        UsageError: the rules of versions forbid it, another roll is unfinished, or one more droplet is impossible.
        ChecksFailedError: the cluster is not healthy.
    """
    session = open_session(context, running_cluster(context))
    with exclusive(session):
        return _plan(context, session, request)


def _plan(context: Context, session: Session, request: UpgradeRequest) -> UpgradePlan:
    plan = build_plan(context.config)
    load_credentials(context)
    # First, so that a version that is not allowed is the error, and not what stands in the way of a bake.
    versions = (plan.consul_version, plan.nomad_version)
    check_versions(session, plan, versions, plan.nodes, list_droplets(context))
    bake = plan_bake(context.cloud, request.bake)
    _check_unfinished(session, request.bake)
    roll_request = _roll_request(
        context, request, unbaked_snapshot(request.bake.region, request.bake.content_tag) if bake.bakes else None
    )
    roll = plan_roll(session, roll_request)
    check_roll(session, roll_request, roll)
    return UpgradePlan(bake=bake, roll=roll)


def upgrade_cluster(context: Context, request: UpgradeRequest, approve: ApproveUpgrade) -> Upgraded:
    """Bake the snapshot of the versions if there is none, and replace every node that runs from another one.

    The lock file is held from before the question to the end: nothing else changes the cluster during the bake.

    The same command continues an interrupted upgrade; once every node is replaced, it changes nothing.

    Raises:
        MissingToolError, BakeError: the snapshot cannot be baked; no node is changed.
        Other errors: as for :func:`plan_upgrade` and :func:`bakery.operations.roll_cluster.roll_cluster`.
    """
    session, baked = open_session(context, running_cluster(context)), None
    with exclusive(session), resumable():
        plan = _plan(context, session, request)
        if plan.bake.bakes:
            baked = bake_image(context, plan.bake, lambda: approve(plan))
        elif plan.roll.needs:
            approve(plan)
        replaced = roll_locked(session, _roll_request(context, request, None), plan.roll.work)
    return Upgraded(baked=baked, replaced=replaced)


def _roll_request(context: Context, request: UpgradeRequest, image: Image | None) -> RollRequest:
    """Return the request for a roll to ``image``; to the newest snapshot of the versions if it is None."""
    one = replace_request(context, drain=request.drain)
    if image is not None:
        one = replace(one, launch=replace(one.launch, image=image))
    return RollRequest(replace=one, because=frozenset({Because.IMAGE}))


def _check_unfinished(session: Session, bake: BakeRequest) -> None:
    """Check that no roll to a snapshot of other content is unfinished: it would continue with its own.

    Raises:
        UsageError: one is.
    """
    roll = session.journal.now.roll
    if roll is None:
        return
    pinned = next((image for image in session.cloud.list_images() if image.id == roll.image_id), None)
    if pinned is not None and bake.content_tag not in pinned.tags:
        message = f"a roll to another snapshot, {pinned.name}, is unfinished"
        raise UsageError(
            message=message,
            hint=Hint(
                "finish it first: ",
                Command("roll"),
                ", or with another snapshot: ",
                Command("roll", "--image", "ID"),
            ),
        )

"""Replace: one node, new droplet first."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from bakery.cloud.model import Droplet
from bakery.credentials.authority import ca_fingerprint
from bakery.credentials.throwaway import throwaway_public_key
from bakery.launch.base.consul_lock import check_free, consul_finder
from bakery.launch.base.members import complete_listing, list_members
from bakery.launch.base.model import DrainPolicy, LaunchRequest
from bakery.launch.base.session import Session, exclusive, resumable
from bakery.launch.roll import replace as engine
from bakery.launch.roll.model import Replaced, ReplaceRequest
from bakery.launch.roll.pinned import find_pinned
from bakery.launch.roll.replace import Checked
from bakery.launch.roll.successor import find_requested
from bakery.launch.roll.target import find_target
from bakery.launch.roll.versions import check_versions, versions_in, versions_on
from bakery.launch.teardown.drain import end_dead_roll
from bakery.operations.check_agents import check_agents
from bakery.operations.cluster import not_joined_finder, running_cluster
from bakery.operations.context import Context, open_session
from bakery.operations.credentials import check_lasting, load_credentials
from bakery.operations.droplets import present_snapshot
from bakery.operations.form_cluster import write_acls
from bakery.operations.introductions import end_all, find_unused, may_be_taken
from bakery.operations.user_data import user_data_maker
from bakery.plan.build import build_plan
from bakery.plan.model import ClusterPlan

ACL_SECONDS = 300.0
ApproveReplacement = Callable[[Checked], bool]
"""Called before the first change; if it returns False, nothing is changed."""


def replace_request(context: Context, *, drain: DrainPolicy, lost: bool = False) -> ReplaceRequest:
    """Return the request for replacements with the newest snapshot of the cluster file's versions.

    Raises:
        ConfigError: Consul or Nomad refuses what the cluster file merges into its configuration.
        CredentialsError: the cluster's credentials are not here, or a CA ends within a day.
    """
    plan = build_plan(context.config)
    check_agents(context, plan)
    image, bundle = present_snapshot(context), load_credentials(context)
    check_lasting(context, bundle, datetime.now(UTC))

    def write_tokens(named: ClusterPlan, droplets: tuple[Droplet, ...]) -> None:
        write_acls(context, named, bundle, droplets, seconds=ACL_SECONDS)

    def explain(named: ClusterPlan, droplets: tuple[Droplet, ...]) -> tuple[str, ...]:
        return tuple(map(may_be_taken, find_unused(context, named, bundle, lambda: droplets)))

    launch = LaunchRequest(
        plan=plan,
        image=image,
        ca_fingerprint=ca_fingerprint(bundle),
        generation=bundle.generation,
        admin_cidrs=(),
        user_data=user_data_maker(plan, bundle, context.config.path.parent),
        throwaway_public_key=throwaway_public_key(),
        find_not_joined=not_joined_finder(context, plan),
    )
    return ReplaceRequest(
        launch=launch,
        write_tokens=write_tokens,
        end_introductions=lambda named, droplets: end_all(context, named, bundle, lambda: droplets),
        explain_unfit=explain,
        lost=lost,
        drain=drain,
    )


def replace_one(
    context: Context, request: ReplaceRequest, name: str, approve: ApproveReplacement
) -> Replaced | None:
    """Replace one node of the cluster (:func:`replace_node`)."""
    return replace_node(open_session(context, running_cluster(context)), request, name, approve)


def replace_node(
    session: Session, request: ReplaceRequest, name: str, approve: ApproveReplacement
) -> Replaced | None:
    """Replace the node called ``name``, or finish its replacement. Return None if ``approve`` returned False.

    ``name`` is a droplet's name or a slot. The old node leaves only once its successor is a healthy part of the
    cluster: a voter of Raft, a member, in the catalog, eligible for work.

    Raises:
        LockedError: another bakery works on this cluster.
        UsageError: no node has that name, or one more droplet is impossible; nothing is changed.
        ChecksFailedError: the rest of the cluster is not healthy; nothing is changed.
        DeadlineError: the successor is not fit in time; the old node is untouched; run the same command again.
        CloudError, LaunchError, AgentError: the replacement stopped half-way; run the same command again.
    """
    with exclusive(session), resumable():
        droplets = complete_listing(session, list_members(session))
        target = find_target(request.launch.plan, droplets, session.journal.now, name)
        plan = request.launch.plan
        check_free(session, consul_finder(session, plan, droplets)())
        request, versions = _with_pinned(session, request, droplets)
        check_versions(session, plan, versions, [target.node], droplets)
        checked = engine.check_replacement(session, request, find_requested(session, target))
        if not approve(checked):
            return None
        end_dead_roll(session, checked.site.launch.plan, checked.site.present.droplets)
        return engine.replace_node(session, request, checked)


def _with_pinned(
    session: Session, request: ReplaceRequest, droplets: tuple[Droplet, ...]
) -> tuple[ReplaceRequest, tuple[str, str] | None]:
    """Return the request with the snapshot of an unfinished roll, which would replace another one again.

    Return also the versions in the snapshot; None if they are not known.
    """
    launch = request.launch
    pinned = find_pinned(session, launch)
    if pinned is None:
        return request, (launch.plan.consul_version, launch.plan.nomad_version)
    versions = versions_in(pinned, launch) or versions_on(session, launch.plan, pinned, droplets)
    return replace(request, launch=replace(launch, image=pinned)), versions

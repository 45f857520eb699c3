"""Preview: what a launch would change, and why it would be refused. Sends requests, and changes nothing."""

from dataclasses import replace

from bakery.credentials.authority import ca_fingerprint
from bakery.credentials.model import Bundle
from bakery.credentials.store import find_bundle
from bakery.errors import CredentialsError, UsageError
from bakery.hints import Command, Hint, Text
from bakery.launch.base.model import Changes, Obstacle, PreviewRequest
from bakery.launch.base.patience import reach_now
from bakery.launch.base.session import Session
from bakery.launch.converge.prepare import preview
from bakery.launch.roll.differing import old_lines
from bakery.launch.roll.need import Because
from bakery.launch.roll.versions import check_joining
from bakery.operations.cluster import not_joined_finder, running_cluster
from bakery.operations.context import Context, open_session, start_reading
from bakery.operations.droplets import launch_snapshot, wanted_now
from bakery.operations.launch_options import LaunchOptions
from bakery.operations.obstacles import of_credentials, registry_obstacles
from bakery.operations.place import place_obstacles


def preview_launch(context: Context, options: LaunchOptions) -> Changes:
    """Return the changes of a launch with every obstacle, and how droplets differ that a roll would replace."""
    bundle, unreadable = _bundle(context)
    snapshot = start_reading(context, launch_snapshot)
    # If the credentials cannot be read, neither can the record of the cloud beside them.
    before = unreadable or place_obstacles(context, insists=options.other_cloud)
    request = PreviewRequest(
        plan=options.plan,
        image=snapshot.result(),
        ca_fingerprint=ca_fingerprint(bundle) if bundle is not None else None,
        generation=bundle.generation if bundle is not None else None,
        admin_cidrs=options.admin_cidrs,
        only_role=options.only_role,
        until_healthy=options.until_healthy,
        find_not_joined=not_joined_finder(context, options.plan),
        further_obstacles=registry_obstacles(context, options.plan),
    )
    session = open_session(context)
    changes = preview(session, request, before)
    return replace(
        changes,
        later=(*changes.later, *_for_roll(context, session, request, changes, bundle)),
        obstacles=(*changes.obstacles, *_version_obstacles(context, request, changes, bundle)),
    )


def _version_obstacles(
    context: Context, request: PreviewRequest, changes: Changes, bundle: Bundle | None
) -> tuple[Obstacle, ...]:
    """Return why the new nodes could not join the cluster with the versions of the file, if so."""
    if bundle is None or not changes.new_nodes:
        return ()
    session = open_session(context, running_cluster(context))
    there = (*changes.unchanged, *changes.extra)
    try:
        check_joining(request.plan, changes.new_nodes, there, reach_now(session, request.plan, there))
    except UsageError as error:
        hint = error.hint or ""
        return (Obstacle(code="version_not_allowed", message=error.message, details=error.details, hint=hint),)
    return ()


def _for_roll(
    context: Context, session: Session, request: PreviewRequest, changes: Changes, bundle: Bundle | None
) -> tuple[Text, ...]:
    """Describe what a roll would do beside what the comparison with the plan says."""
    unfinished = (Hint("a roll is unfinished: ", Command("roll")),) if session.journal.now.roll is not None else ()
    because = {Because.AGE} if bundle is None else {Because.AGE, Because.SECRETS}
    wanted = wanted_now(context, request.image, generation=bundle.generation if bundle is not None else 0)
    return (*unfinished, *old_lines(request.plan, changes.unchanged, wanted, because))


def _bundle(context: Context) -> tuple[Bundle | None, tuple[Obstacle, ...]]:
    """Return the credentials here, or None. Credentials that cannot be read are an obstacle."""
    try:
        return find_bundle(context.paths, reporter=context.reporter), ()
    except CredentialsError as error:
        hint = "bring back the credentials bundle from a backup"
        return None, (of_credentials("credentials_unreadable", error, hint),)

"""``bakery gc``: what dead launches and bakes left in the account."""

from datetime import UTC, datetime, timedelta

import click

from bakery.cli.options import common_options
from bakery.cli.session import builds_folder, session_of
from bakery.cli.values import WholeNumber
from bakery.cli.where import cloud_line
from bakery.hints import Command, Hint


@click.command()
@click.option("--delete", is_flag=True, help="Remove what is listed.")
@click.option(
    "--older-than",
    type=WholeNumber(0),
    default=120,
    show_default=True,
    metavar="MINUTES",
    help="Younger things may belong to a run that is alive.",
)
@common_options
@click.pass_context
def gc(context: click.Context, delete: bool, older_than: int) -> None:  # noqa: FBT001 - a click flag
    """List build droplets, keys, half-made snapshots and tags that no living run needs.

    Builds are runs of build-image on this machine that were killed; what they left is known exactly.
    """
    from bakery.bake.sweep import ended_builds, sweep
    from bakery.launch.teardown.gc import list_orphans, remove_orphans

    session = session_of(context)
    builds = ended_builds(session.cloud, builds_folder())
    orphans = list_orphans(session.cloud, now=datetime.now(UTC), old_enough=timedelta(minutes=older_than))
    listed = [
        *(("build", build) for build in builds),
        *(("droplet", d.name) for d in orphans.droplets),
        *(("SSH key", k.name) for k in orphans.ssh_keys),
        *(("snapshot", s.name) for s in orphans.snapshots),
        *(("tag", t) for t in orphans.tags),
    ]
    if session.settings.json:
        session.console.print_json([{"kind": kind, "name": name} for kind, name in listed])
    else:
        for kind, name in listed:
            session.console.print(f"{kind:<9} {name}")
    if not listed:
        session.console.note("no orphans")
        return
    if not delete:
        session.console.note(Hint(Command("gc", "--delete"), " removes them"))
        return
    session.note_before_question(cloud_line(session))
    session.confirm(f"remove these {len(listed)}?")
    if builds:
        sweep(session.cloud, builds_folder(), reporter=session.console)
        orphans = list_orphans(session.cloud, now=datetime.now(UTC), old_enough=timedelta(minutes=older_than))
    remove_orphans(session.cloud, orphans, reporter=session.console)

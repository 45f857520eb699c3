"""``bakery gc``: resources that killed launches and bakes left in the account."""

from datetime import UTC, datetime, timedelta

import click

from bakery.cli.options import common_options
from bakery.cli.session import builds_folder, session_of
from bakery.cli.values import WholeNumber
from bakery.cli.where import cloud_line
from bakery.hints import Command, Hint


@click.command()
@click.option("--delete", is_flag=True, help="Delete what is listed.")
@click.option(
    "--older-than",
    type=WholeNumber(0),
    default=120,
    show_default=True,
    metavar="MINUTES",
    help="Ignore anything younger, which a running build may still use.",
)
@common_options
@click.pass_context
def gc(context: click.Context, delete: bool, older_than: int) -> None:  # noqa: FBT001 - a click flag
    """List build droplets, SSH keys, unfinished snapshots and tags that killed runs left in the account.

    Builds of this machine are recognised by their records, everything else by its name or tag and its age.
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
        session.console.note("nothing to delete")
        return
    if not delete:
        session.console.note(Hint(Command("gc", "--delete"), " deletes them"))
        return
    session.note_before_question(cloud_line(session))
    session.confirm(f"delete these {len(listed)}?")
    if builds:
        sweep(session.cloud, builds_folder(), reporter=session.console)
        orphans = list_orphans(session.cloud, now=datetime.now(UTC), old_enough=timedelta(minutes=older_than))
    remove_orphans(session.cloud, orphans, reporter=session.console)

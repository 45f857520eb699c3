"""``bakery gc``: resources that killed launches and bakes left in the account."""

from datetime import timedelta

import click

from bakery.cli.answers import print_answer
from bakery.cli.invocation import builds_folder, invocation_of
from bakery.cli.options import common_options
from bakery.cli.read_only import read_only
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
    help="Ignore anything younger, which a running command may still use.",
)
@common_options
@read_only(unless="delete")
@click.pass_context
def gc(context: click.Context, delete: bool, older_than: int) -> None:  # noqa: FBT001 - a click flag
    """List build droplets, SSH keys, unfinished snapshots and tags that killed runs left in the account.

    It lists load balancers, certificates and reserved IPs of clusters without droplets, too.

    Builds of this machine are recognised by their records, everything else by its name or tag and its age.

    \b
    Examples:
      bakery gc
      bakery gc --delete --older-than 0
    """
    from bakery.operations.collect_garbage import find_orphans, remove_found

    invocation = invocation_of(context)
    old = timedelta(minutes=older_than)
    orphans = find_orphans(invocation.cloud, builds_folder(), older_than=old)
    listed = orphans.named
    if invocation.settings.json:
        print_answer(
            invocation.settings, "gc", {"orphans": [{"kind": kind, "name": name} for kind, name in listed]}
        )
    else:
        width = max((len(kind) for kind, _ in listed), default=0)
        for kind, name in listed:
            invocation.console.print(f"{kind:<{width}}  {name}")
    if not listed:
        invocation.console.note("nothing to delete")
        return
    if not delete:
        invocation.console.note(Hint(Command("gc", "--delete"), " deletes them"))
        return
    invocation.note_before_question(cloud_line(invocation))
    invocation.confirm(f"delete these {len(listed)}?")
    remove_found(invocation.cloud, builds_folder(), orphans, older_than=old, reporter=invocation.console)

"""``bakery emulator stand-in``: an empty snapshot, from which droplets in memory can be launched."""

import click

from bakery.cli.answers import print_answer
from bakery.cli.emulator_running import NAME, running
from bakery.cli.invocation import invocation_of
from bakery.cli.options import common_options


@click.command("stand-in", short_help="Create an empty snapshot in place of a baked one (memory only).")
@NAME
@common_options
@click.pass_context
def stand_in(context: click.Context, name: str) -> None:
    """Create an empty snapshot in place of a baked one, for an emulator with droplets in memory.

    It has the tag that this cluster file needs, so that bakery launch uses it. A second run creates nothing.

    \b
    Example:
      bakery emulator stand-in
    """
    from bakery.emulator.daemon.stand_in import make_stand_in
    from bakery.operations.droplets import snapshot_tag

    invocation = invocation_of(context)
    emulator, config = running(name), invocation.config
    made = make_stand_in(
        emulator,
        tag=snapshot_tag(config),
        region=config.region,
        base=config.image.base,
        reporter=invocation.console,
    )
    if invocation.settings.json:
        print_answer(
            invocation.settings, "emulator-stand-in", {"id": made.id, "name": made.name, "made": made.made}
        )
    else:
        invocation.console.note(
            f"created the empty snapshot {made.name} (id {made.id}) in {config.region}, in place of a baked one"
            if made.made
            else f"snapshot {made.name} (id {made.id}) exists already"
        )

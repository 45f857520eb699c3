"""``bakery replace``: replace one node, new droplet first."""

from typing import TYPE_CHECKING

import click

from bakery.cli import completions
from bakery.cli.answers import print_answer
from bakery.cli.invocation import invocation_of
from bakery.cli.options import common_options
from bakery.cli.recorder import recorded
from bakery.cli.replacing import drain_options, replaced_json, replacement_lines, show_warnings
from bakery.cli.where import cloud_json, cloud_line, other_cloud_option
from bakery.errors import ExitCode

if TYPE_CHECKING:
    from bakery.launch.base.model import DrainPolicy
    from bakery.launch.roll.replace import Checked


@click.command()
@click.argument("node", shell_complete=completions.nodes)
@click.option(
    "--lost", is_flag=True, help="The droplet is dead: do not move its work, do not ask its servers to leave."
)
@drain_options
@click.option("--dry-run", is_flag=True, help="Check that the node can be replaced now, and exit.")
@other_cloud_option
@common_options
@recorded
@click.pass_context
def replace(
    context: click.Context,
    node: str,
    lost: bool,  # noqa: FBT001 - a click flag
    drain: "DrainPolicy",
    dry_run: bool,  # noqa: FBT001 - a click flag
    other_cloud: bool,  # noqa: FBT001 - a click flag
) -> int:
    """Replace NODE by a new droplet of the same slot, which is healthy before the old one is removed.

    The rest of the cluster must be healthy; else nothing is changed (exit 7). If the new droplet does not become a
    healthy node, the old one is not touched (exit 6). The same command continues an interrupted replacement.

    \b
    Examples:
      bakery replace demo-nomad-client-2
      bakery replace demo-consul-server-1 --lost
    """
    from bakery.operations.place import check_place
    from bakery.operations.replace_node import replace_one, replace_request

    invocation = invocation_of(context)
    check_place(invocation, insists=other_cloud)
    request = replace_request(invocation, drain=drain, lost=lost)
    print_line = invocation.print_or_note if dry_run else invocation.note_before_question

    warnings: list[str] = []

    def approve(checked: "Checked") -> bool:
        print_line(cloud_line(invocation))
        for line in replacement_lines(checked, lost=lost, drain=drain):
            print_line(line)
        name = checked.target.name
        if checked.alive:
            warnings.append(
                f"{name} is alive: without --lost its work would move first, and its servers would leave"
            )
        warnings.extend(checked.work.warnings)
        show_warnings(tuple(warnings), print_line)
        if not dry_run:
            invocation.confirm(
                f"replace {name}, which is alive, as lost?" if checked.alive else f"replace {name}?"
            )
        return not dry_run

    done = replace_one(invocation, request, node, approve)
    if invocation.settings.json:
        replaced = [] if done is None else [replaced_json(done)]
        value = {"cloud": cloud_json(invocation), "replaced": replaced, "warnings": warnings}
        print_answer(invocation.settings, "replace", value)
    if done is not None:
        invocation.console.note(f"{done.old} is replaced by {done.new}")
    return ExitCode.DONE
